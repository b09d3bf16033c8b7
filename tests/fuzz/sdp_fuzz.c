/* SPDX-License-Identifier: MIT */
/* Any bytes as a session description. What must hold: the same bytes twice give the same result,
 * all slices lie inside the bytes, counts are within the limits, the arena is never exceeded. */
#include <assert.h>

#include "proto/sdp/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t arena_bytes[2][LIMIT_ARENA_BYTES];

static void check_slice(struct slice body, struct slice s)
{
	if (s.length == 0)
		return;
	assert(s.bytes >= body.bytes && s.bytes + s.length <= body.bytes + body.length);
}

static void check_connection(struct slice body, const struct sdp_connection *c)
{
	check_slice(body, c->line);
	check_slice(body, c->address_text);
	assert(!c->is_present || c->count >= 1);
}

static void check_media(struct slice body, const struct sdp_media *m)
{
	uint32_t kept = m->candidate_count < SDP_CANDIDATES ? m->candidate_count : SDP_CANDIDATES;

	check_slice(body, m->line);
	check_slice(body, m->port_text);
	check_slice(body, m->formats);
	check_slice(body, m->section);
	check_slice(body, m->ice_ufrag);
	check_slice(body, m->rtcp.port_text);
	check_slice(body, m->rtcp.address_text);
	check_connection(body, &m->connection);
	assert(m->format_count <= LIMIT_SDP_FORMATS);
	assert(m->port_count >= 1);
	for (uint32_t i = 0; i < kept; i++) {
		check_slice(body, m->candidates[i].address_text);
		assert(m->candidates[i].component > 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_make(data, size);
	const struct sdp *sdp[2] = {NULL, NULL};
	struct fault faults[2] = {{0}, {0}};
	int results[2];

	for (int i = 0; i < 2; i++) {
		struct arena arena = {arena_bytes[i], LIMIT_ARENA_BYTES, 0};

		results[i] = sdp_parse(body, &arena, &sdp[i], &faults[i]);
		assert(arena.used <= arena.size);
		assert((results[i] == 0) == (sdp[i] != NULL));
		if (results[i]) {
			assert(faults[i].reason != REASON_none && faults[i].at <= size);
			continue;
		}
		assert(sdp[i]->media_count <= LIMIT_SDP_MEDIA);
		check_connection(body, &sdp[i]->connection);
		check_slice(body, sdp[i]->origin);
		for (uint32_t m = 0; m < sdp[i]->media_count; m++)
			check_media(body, &sdp[i]->media[m]);
	}
	assert(results[0] == results[1] && faults[0].reason == faults[1].reason &&
	       faults[0].at == faults[1].at);
	return 0;
}
