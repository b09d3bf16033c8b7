// SPDX-License-Identifier: MIT
/* Where a SIP message names a host: by URI, by Via, in its description. Call-ID, Warning and what is
 * signed or only shown stay as they are. */
#include "proto/sdp/mention.h"

#include <arpa/inet.h>

#include "proto/sdp/sdp.h"
#include "proto/sip/judge.h"

static void add_host(struct mentions *ret, const struct sip_host *h, uint16_t port)
{
	if (h->is_address)
		mentions_add(ret, &(struct mention){ .host = h->text, .port = h->port_text,
						     .endpoint = { h->address, htons(port), 0 } });
}

/* Where others may send to: maddr before the host, at the host's port (RFC 3261 19.1.1). */
static void add_uri(struct mentions *ret, const struct sip_uri *u)
{
	struct mention m = { .host = u->maddr, .port = u->host.port_text, .is_fixed = true };

	if (u->scheme != SIP_SCHEME_SIP && u->scheme != SIP_SCHEME_SIPS)
		return;
	add_host(ret, &u->host, u->maddr.length ? 0 : sip_uri_port(u));
	m.endpoint.port = htons(sip_uri_port(u));
	if (u->maddr.length && address_parse(u->maddr, &m.endpoint.address))
		mentions_add(ret, &m);
}

/* Who somebody is: nothing is sent there. */
static void add_name(struct mentions *ret, const struct sip_uri *u)
{
	if (u->scheme == SIP_SCHEME_SIP || u->scheme == SIP_SCHEME_SIPS)
		add_host(ret, &u->host, 0);
}

static void add_parties(struct mentions *ret, const struct sip_parties *p)
{
	for (uint32_t i = 0; i < p->count; i++)
		add_uri(ret, &p->at[i].uri);
}

/* RFC 3261 18.2.1, RFC 3581 4: what the receiver saw of the sender. */
static void add_via(struct mentions *ret, const struct sip_via *v)
{
	uint16_t port = sip_via_port(v);
	struct mention seen = { .host = v->received, .is_fixed = true, .is_bare = true };

	add_host(ret, &v->sent_by, port);
	if (!v->received.length)
		return;
	seen.endpoint = (struct endpoint){ v->received_address, htons(v->rport ? v->rport : port),
					   0 };
	if (v->rport)
		sip_param(v->params, SLICE("rport"), &seen.port);
	mentions_add(ret, &seen);
}

/* Headers that the reader leaves raw. */
static void add_values(struct mentions *ret, const struct sip_message *m, enum sip_header_kind kind)
{
	const struct sip_header *h = sip_header_first(m, kind);
	struct sip_party party;
	struct slice value;

	for (; h; h = sip_header_next(m, h)) {
		struct slice rest = h->value;

		while (sip_next_value(&rest, &value))
			if (value.length && sip_parse_party(value, &party))
				add_uri(ret, &party.uri);
	}
}

static void add_description(const struct sip_message *m, const struct inspect_in *in,
			    struct mentions *ret)
{
	struct fault fault;
	const struct sdp *sdp;
	struct slice body;

	if (!sip_sdp_body(m, in->arena, &body, NULL) && !sdp_parse(body, in->arena, &sdp, &fault))
		sdp_mentions(sdp, ret);
}

void sip_mentions(const void *msg, const struct inspect_in *in, struct mentions *ret)
{
	const struct sip_message *m = msg;

	ret->body = m->body;
	ret->length = m->content_length_text;
	if (m->is_request)
		add_uri(ret, &m->request_uri);
	add_name(ret, &m->from.uri);
	add_name(ret, &m->to.uri);
	for (uint32_t i = 0; i < m->vias.count; i++)
		add_via(ret, &m->vias.at[i]);
	for (uint32_t i = 0; i < m->contacts.count; i++)
		if (!m->contacts.at[i].is_star)
			add_uri(ret, &m->contacts.at[i].party.uri);
	add_parties(ret, &m->routes);
	add_parties(ret, &m->record_routes);
	add_parties(ret, &m->paths);
	add_values(ret, m, SIP_HEADER_service_route);
	add_values(ret, m, SIP_HEADER_refer_to);
	add_values(ret, m, SIP_HEADER_referred_by);
	add_description(m, in, ret);
}
