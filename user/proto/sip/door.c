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
	uint16_t port = sip_via_port(via);
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
	e.port = htons(sip_uri_port(uri));
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

/* A target that is to move may be refused to (RFC 3261 12.2.1.2): where it was stays open, too. */
static void keep_before(const struct judge *j, const struct row_key *key, const struct sip_uri *uri)
{
	const struct row_key before = sip_key(&key->owner, key->sub, PART_CONTACT_BEFORE + j->sender);
	const struct door_row *old = judge_row(j, ROW_door, key);
	const struct endpoint e = uri_endpoint(uri);

	if (old && (old->key.destination_port != e.port ||
		    !address_equal(&old->key.destination, &e.address)))
		batch_put_optional(j->batch, ROW_door, &before, old);
}

/* Names are those of servers, who speak for themselves: nothing is resolved. */
static bool names_sender(const struct judge *j, const struct sip_uri *uri)
{
	const struct address *from = &j->in->flow->source.address;
	const struct server *s = policy_server_named(j->in->policy, uri->host.text, SIP_PROTOCOL);

	return s && s == policy_server_at(j->in->policy, from, SIP_PROTOCOL);
}

/* RFC 3261 12.1.1, 12.1.2: the nearest hop of the sender's side is among them. */
static bool door_routes(const struct judge *j, uint64_t sub, uint64_t expires_ns)
{
	const struct sip_parties *routes = &j->m->record_routes;
	struct row_key key = sip_key(&j->owner, sub, PART_ROUTE + 8u * j->sender);
	const uint32_t end = key.part + ROUTES;
	bool opened = false;

	for (uint32_t i = 0; i < routes->count && key.part < end; i++) {
		struct sip_uri uri = routes->at[i].uri;

		if (names_sender(j, &uri)) {
			uri.host.address = j->in->flow->source.address;
			uri.host.is_address = true;
		}
		if (!uri.host.is_address ||
		    policy_zone_of(j->in->policy, &uri.host.address) != j->in->flow->zones[0] ||
		    !door_uri(j, &key, &uri, expires_ns))
			continue;
		key.part++;
		opened = true;
	}
	return opened;
}

bool door_targets(struct judge *j, uint64_t sub, uint64_t expires_ns)
{
	const struct row_key key = sip_key(&j->owner, sub, PART_CONTACT + j->sender);
	bool opened = door_routes(j, sub, expires_ns);
	const struct sip_uri *uri;

	if (!j->m->contacts.count || j->m->contacts.at[0].is_star)
		return opened;
	uri = &j->m->contacts.at[0].party.uri;
	keep_before(j, &key, uri);
	return door_uri(j, &key, uri, expires_ns) || opened;
}

/* RFC 3261 8.1.3.4: the caller goes on to them itself. */
void door_redirects(struct judge *j, uint64_t expires_ns)
{
	for (uint32_t i = 0; i < j->m->contacts.count && i < ROUTES; i++) {
		const struct row_key key = sip_key(&j->owner, 0, PART_REDIRECT + i);

		if (!j->m->contacts.at[i].is_star)
			door_uri(j, &key, &j->m->contacts.at[i].party.uri, expires_ns);
	}
}
