// SPDX-License-Identifier: MIT
/* Where a description names a host (RFC 8866 5.2, 5.7; RFC 3605; RFC 8839 5.1). */
#include "proto/sdp/sdp.h"

#include <arpa/inet.h>

#include "inspect/inspect.h"
#include "proto/sdp/mention.h"

static void add_connection(struct mentions *ret, const struct sdp_connection *c)
{
	if (c->is_present)
		mentions_add(ret, &(struct mention){ .host = c->address_text,
						     .type = c->address_type,
						     .endpoint = { .address = c->address },
						     .is_bare = true });
}

static void add_rtcp(struct mentions *ret, const struct sdp_media *m)
{
	const struct sdp_rtcp *r = &m->rtcp;

	if (!r->is_present || !r->port)
		return;
	mentions_add(ret, &(struct mention){
		.host = r->has_address ? r->address_text : slice_make(NULL, 0),
		.port = r->port_text,
		.endpoint = { r->has_address ? r->address : m->connection.address,
			      htons(r->port), 0 },
		.is_bare = true });
}

static void add_candidates(struct mentions *ret, const struct sdp_media *m)
{
	uint32_t kept = m->candidate_count < SDP_CANDIDATES ? m->candidate_count : SDP_CANDIDATES;

	for (uint32_t i = 0; i < kept; i++) {
		const struct sdp_candidate *c = &m->candidates[i];

		if (c->is_address && c->is_udp && c->port)
			mentions_add(ret, &(struct mention){
				.host = c->address_text, .port = c->port_text,
				.endpoint = { c->address, htons(c->port), 0 }, .is_bare = true });
	}
}

void sdp_mentions(const struct sdp *sdp, struct mentions *ret)
{
	struct mention origin = { .host = sdp->origin_address, .is_bare = true };

	if (address_parse(sdp->origin_address, &origin.endpoint.address))
		mentions_add(ret, &origin);
	add_connection(ret, &sdp->connection);
	for (uint32_t i = 0; i < sdp->media_count; i++) {
		const struct sdp_media *m = &sdp->media[i];

		if (m->is_own_connection)
			add_connection(ret, &m->connection);
		if (!m->port || !m->connection.is_present)
			continue;
		mentions_add(ret, &(struct mention){
			.host = m->connection.address_text, .port = m->port_text,
			.type = m->connection.address_type,
			.endpoint = { m->connection.address, htons(m->port), 0 },
			.is_bare = true });
		add_rtcp(ret, m);
		add_candidates(ret, m);
	}
}
