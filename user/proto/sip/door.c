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

static bool put_signalling(const struct judge *j, const struct row_key *key,
			   const struct flow_key *flow, uint64_t expires_ns)
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
		put_signalling(j, &key, &flow, expires_ns);
	if (htons(port) == f->source.port)
		return;
	key.part = PART_RESPONSE_VIA;
	flow.source_port = 0;
	flow.destination_port = htons(port);
	put_signalling(j, &key, &flow, expires_ns);
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

struct endpoint contact_endpoint(const struct sip_contact *c)
{
	const struct sip_host *host = &c->party.uri.host;
	struct endpoint e = { 0 };

	if (c->is_star || !host->is_address)
		return e;
	e.address = host->address;
	e.port = htons(host->port ? host->port : 5060);
	return e;
}

/* Requests inside the dialog go to the Contact, from whatever port of the other side. */
bool door_contact(struct judge *j, const struct owner *owner, uint64_t sub, uint64_t expires_ns)
{
	struct row_key key = sip_key(owner, sub, PART_CONTACT + j->sender);
	struct endpoint e;

	if (!j->m->contacts.count)
		return false;
	e = contact_endpoint(&j->m->contacts.at[0]);
	if (!e.port || address_is_zero(&e.address))
		return false;
	return put_signalling(j, &key,
			      &(struct flow_key){ .destination = e.address,
					   .destination_port = e.port,
					   .zone = j->in->flow->zones[1],
					   .protocol = j->in->flow->transport,
					   .family = address_family(&e.address) },
			      expires_ns);
}
