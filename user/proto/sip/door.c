// SPDX-License-Identifier: MIT
/* Doors for SIP itself: where an answer goes, and where a Contact wants to be found. */
#include "proto/sip/judge.h"

#include <arpa/inet.h>
#include <netinet/in.h>

struct doors judge_doors(const struct judge *j)
{
	return (struct doors){ .in = j->in, .batch = j->batch, .owner = j->owner,
			       .zones = { j->zones[0], j->zones[1] }, .protocol = SIP_PROTOCOL,
			       .drains = j->next_call.state == CALL_CONFIRMED };
}

bool door_signalling(const struct judge *j, const struct row_key *key, const struct flow_key *flow,
		     uint64_t expires_ns)
{
	struct doors d = judge_doors(j);

	return doors_signalling(&d, key, flow, expires_ns);
}

/* RFC 3261 18.2.2, RFC 3581: the answer goes back whence the request came, or to the port that its
 * Via names. Over TCP it comes by the connection, and only where that is gone to the port. */
void door_response(struct judge *j, uint64_t expires_ns)
{
	const struct flow_info *f = j->in->flow;
	const struct sip_via *via = &j->m->vias.at[0];
	uint16_t port = via->sent_by.port ? via->sent_by.port : 5060;
	struct row_key key = sip_key(&j->owner, j->transaction_key.sub, PART_RESPONSE);
	struct flow_key flow = { .source = f->destination.address,
				 .destination = f->source.address,
				 .source_port = f->destination.port,
				 .destination_port = f->source.port,
				 .zone = f->zones[1],
				 .protocol = f->transport,
				 .family = f->family };

	if (f->transport == IPPROTO_UDP)
		door_signalling(j, &key, &flow, expires_ns);
	if (htons(port) == f->source.port)
		return;
	key.part = PART_RESPONSE_VIA;
	flow.source_port = 0;
	flow.destination_port = htons(port);
	door_signalling(j, &key, &flow, expires_ns);
}

void door_response_extend(struct judge *j, uint64_t expires_ns)
{
	struct row_key key = sip_key(&j->owner, j->transaction_key.sub, PART_RESPONSE);

	for (; key.part <= PART_RESPONSE_VIA; key.part++) {
		const struct door_row *old = judge_row(j, ROW_door, &key);
		struct door_row d;

		if (!old)
			continue;
		d = *old;
		d.expires_ns = expires_ns;
		batch_put_optional(j->batch, ROW_door, &key, &d);
	}
}

struct endpoint uri_endpoint(const struct sip_uri *uri)
{
	const struct sip_host *host = &uri->host;
	struct endpoint e = { .port = 0 };

	/* RFC 3261 19.1.1: maddr is where it is sent. */
	if (uri->maddr.length) {
		if (!address_parse(uri->maddr, &e.address))
			return e;
	} else if (host->is_address) {
		e.address = host->address;
	} else {
		return e;
	}
	e.port = htons(host->port ? host->port : 5060);
	return e;
}

struct endpoint contact_endpoint(const struct sip_contact *c)
{
	return c->is_star ? (struct endpoint){ .port = 0 } : uri_endpoint(&c->party.uri);
}

/* RFC 3263 4.1: what the URI says; else peers go on as they began. 0: by a transport that is not
 * looked into, for which there is no door. */
static uint8_t uri_protocol(const struct sip_uri *uri, uint8_t message)
{
	if (uri->scheme != SIP_SCHEME_SIP)
		return 0;
	if (uri->transport == SIP_TRANSPORT_UDP)
		return IPPROTO_UDP;
	if (uri->transport == SIP_TRANSPORT_TCP)
		return IPPROTO_TCP;
	return uri->transport == SIP_TRANSPORT_OTHER ? message : 0;
}

bool door_uri(const struct judge *j, const struct row_key *key, const struct sip_uri *uri,
	      uint64_t expires_ns)
{
	const struct endpoint e = uri_endpoint(uri);
	const struct flow_key flow = { .destination = e.address,
				       .destination_port = e.port,
				       .zone = j->in->flow->zones[1],
				       .protocol = uri_protocol(uri, j->in->flow->transport),
				       .family = address_family(&e.address) };

	if (!e.port || !flow.protocol || address_is_zero(&e.address))
		return false;
	return door_signalling(j, key, &flow, expires_ns);
}

/* Requests inside the dialog go to the Contact, from whatever port of the other side. */
bool door_contact(struct judge *j, const struct owner *owner, uint64_t sub, uint64_t expires_ns)
{
	const struct row_key key = sip_key(owner, sub, PART_CONTACT + j->sender);

	if (!j->m->contacts.count || j->m->contacts.at[0].is_star)
		return false;
	return door_uri(j, &key, &j->m->contacts.at[0].party.uri, expires_ns);
}
