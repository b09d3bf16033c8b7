// SPDX-License-Identifier: MIT
/* Where an MGCP message names a host: its descriptions, who is to be notified, the domains of
 * endpoints. Domains that are names say nothing here: who resolves them finds where they lie. */
#include "proto/sdp/mention.h"

#include <arpa/inet.h>

#include "proto/mgcp/judge.h"
#include "proto/sdp/sdp.h"

/* RFC 3435 3.2.1.3: a domain is a name or an address in brackets. Nothing is sent there. */
static void add_name(struct mentions *ret, const struct mgcp_name *name)
{
	struct mention m = { .host = name->domain };
	struct slice inner = name->domain;

	if (inner.length && inner.bytes[0] == '[') {
		inner = slice_part(inner, 1, inner.length - 2);
		m.is_bracketed = true;
	}
	if (address_parse(inner, &m.endpoint.address))
		mentions_add(ret, &m);
}

/* RFC 3435 3.2.1.4: without a port the agent's usual one is meant. */
static void add_entity(struct mentions *ret, const struct mgcp_entity *e)
{
	if (e->is_address)
		mentions_add(ret, &(struct mention){
			.host = e->domain, .port = e->port_text,
			.endpoint = { e->address, htons(e->port ? e->port : MGCP_AGENT_PORT), 0 },
			.is_bracketed = e->host.length < e->domain.length });
}

/* An answer to AUEP lists endpoints, each in a line of its own. */
static void add_parameter(struct mentions *ret, const struct mgcp_parameter *p)
{
	struct mgcp_name name;

	if ((p->kind == MGCP_PARAMETER_specific || p->kind == MGCP_PARAMETER_specific2) &&
	    mgcp_parse_name(p->value, &name))
		add_name(ret, &name);
}

void mgcp_mentions(const void *msg, const struct inspect_in *in, struct mentions *ret)
{
	const struct mgcp_message *m = msg;

	if (m->is_command)
		add_name(ret, &m->endpoint);
	for (uint32_t i = 0; i < m->parameter_count; i++)
		add_parameter(ret, &m->parameters[i]);
	if (m->has_notified)
		add_entity(ret, &m->notified);
	for (uint32_t i = 0; i < m->body_count; i++) {
		const struct sdp *sdp;
		struct fault fault;

		if (!sdp_parse(m->bodies[i], in->arena, &sdp, &fault))
			sdp_mentions(sdp, ret);
	}
}
