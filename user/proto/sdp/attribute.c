/* SPDX-License-Identifier: MIT */
/* Attributes that tell where media goes and what it looks like (RFC 8866 6). One row an attribute;
 * all others are skipped. */
#include <errno.h>

#include "base/address.h"
#include "proto/sdp/parse.h"

struct attribute_row {
	const char *name;
	uint32_t length;
	int (*read)(const struct sdp_reading *r, struct slice value, int argument);
	int argument;
};

/* RFC 8866 6.7. Two directions in one section are none; the same one twice is harmless. */
static int read_direction(const struct sdp_reading *r, struct slice value, int argument)
{
	bool *has = r->current ? &r->current->has_direction : &r->sdp->has_direction;
	enum sdp_direction *direction = r->current ? &r->current->direction : &r->sdp->direction;

	if (*has && *direction != (enum sdp_direction)argument)
		return sdp_refuse(r, REASON_sdp_malformed, value);
	*has = true;
	*direction = (enum sdp_direction)argument;
	return 0;
}

/* RFC 3605 2.1: port [nettype addrtype address] */
static int read_rtcp(const struct sdp_reading *r, struct slice value, int argument)
{
	struct sdp_rtcp rtcp = {.is_present = true};
	struct slice rest = value, network, type;
	uint64_t port;

	(void)argument;
	if (!r->current)
		return 0;
	rtcp.port_text = sdp_next_word(&rest);
	if (r->current->rtcp.is_present || !slice_number(rtcp.port_text, 65535, &port))
		return sdp_refuse(r, REASON_sdp_malformed, value);
	rtcp.port = (uint16_t)port;
	network = sdp_next_word(&rest);
	if (network.length) {
		type = sdp_next_word(&rest);
		rtcp.address_text = sdp_next_word(&rest);
		rtcp.has_address = true;
		if (!slice_equal(network, SLICE("IN")) || sdp_next_word(&rest).length ||
		    !sdp_parse_host(type, rtcp.address_text, &rtcp.address, &rtcp.is_name))
			return sdp_refuse(r, REASON_sdp_bad_address, value);
	}
	r->current->rtcp = rtcp;
	return 0;
}

static int read_mux(const struct sdp_reading *r, struct slice value, int argument)
{
	(void)value;
	if (!r->current)
		return 0;
	r->current->rtcp_mux = true;
	r->current->rtcp_mux_only |= argument;
	return 0;
}

/* RFC 8866 6.6: payload type, encoding name "/" clock rate. Read for the first format alone. */
static int read_rtpmap(const struct sdp_reading *r, struct slice value, int argument)
{
	struct slice rest = value;
	struct slice type = sdp_next_word(&rest);
	struct slice encoding = sdp_next_word(&rest);
	struct slice rate = slice_from(encoding, slice_find(encoding, '/') + 1);
	uint64_t number;

	(void)argument;
	if (!r->current || r->current->format_count == 0 || !slice_number(type, 127, &number) ||
	    number != r->current->clock_payload_type)
		return 0;
	if (slice_number(slice_part(rate, 0, slice_find(rate, '/')), UINT32_MAX, &number))
		r->current->clock_rate = (uint32_t)number;
	return 0;
}

static int read_crypto(const struct sdp_reading *r, struct slice value, int argument)
{
	(void)value, (void)argument;
	if (r->current)
		r->current->crypto_count++;
	return 0;
}

static int read_fingerprint(const struct sdp_reading *r, struct slice value, int argument)
{
	(void)value, (void)argument;
	if (r->current)
		r->current->has_fingerprint = true;
	else
		r->sdp->has_fingerprint = true;
	return 0;
}

static int read_zrtp(const struct sdp_reading *r, struct slice value, int argument)
{
	(void)value, (void)argument;
	if (r->current)
		r->current->has_zrtp = true;
	else
		r->sdp->has_zrtp = true;
	return 0;
}

static int read_ufrag(const struct sdp_reading *r, struct slice value, int argument)
{
	(void)argument;
	if (!r->current) {
		r->sdp->ice_ufrag = value;
		return 0;
	}
	r->current->ice_ufrag = value;
	r->current->has_ice = true;
	return 0;
}

static int read_ice_lite(const struct sdp_reading *r, struct slice value, int argument)
{
	(void)value, (void)argument;
	r->sdp->is_ice_lite = true;
	return 0;
}

/* RFC 8839 5.1: foundation component transport priority address port ... */
static bool parse_candidate(struct slice value, struct sdp_candidate *ret)
{
	struct sdp_candidate c = {.component = 0};
	struct slice rest = value, words[6];
	uint64_t component, port;

	for (int i = 0; i < 6; i++)
		words[i] = sdp_next_word(&rest);
	if (!slice_number(words[1], 255, &component) || component == 0 ||
	    !slice_number(words[5], 65535, &port))
		return false;
	c.component = (uint8_t)component;
	c.is_udp = slice_equal_nocase(words[2], SLICE("UDP"));
	c.address_text = words[4];
	c.port_text = words[5];
	c.port = (uint16_t)port;
	c.is_address = words[4].bytes[0] != '[' && address_parse(words[4], &c.address);
	*ret = c;
	return true;
}

/* A candidate is an offer beside the m= line: one that is malformed is skipped, and the call lives
 * without it. */
static int read_candidate(const struct sdp_reading *r, struct slice value, int argument)
{
	struct sdp_media *m = r->current;
	struct sdp_candidate c;

	(void)argument;
	if (!m || !parse_candidate(value, &c))
		return 0;
	if (!m->candidates)
		m->candidates = arena_take(r->arena, SDP_CANDIDATES * sizeof(c));
	if (!m->candidates) {
		(void)sdp_refuse(r, REASON_sdp_limit, value);
		return -ENOMEM;
	}
	if (m->candidate_count < SDP_CANDIDATES)
		((struct sdp_candidate *)m->candidates)[m->candidate_count] = c;
	m->candidate_count++;
	return 0;
}

/* RFC 4145 4 */
static int read_setup(const struct sdp_reading *r, struct slice value, int argument)
{
	static const struct slice names[] = {
		[SDP_SETUP_ACTIVE] = {(const uint8_t *)"active", 6},
		[SDP_SETUP_PASSIVE] = {(const uint8_t *)"passive", 7},
		[SDP_SETUP_ACTPASS] = {(const uint8_t *)"actpass", 7},
		[SDP_SETUP_HOLDCONN] = {(const uint8_t *)"holdconn", 8},
	};
	enum sdp_setup *setup = r->current ? &r->current->setup : &r->sdp->setup;

	(void)argument;
	for (int i = SDP_SETUP_ACTIVE; i <= SDP_SETUP_HOLDCONN; i++) {
		if (slice_equal(value, names[i]))
			*setup = (enum sdp_setup)i;
	}
	return 0;
}

static int read_mid(const struct sdp_reading *r, struct slice value, int argument)
{
	(void)argument;
	if (r->current)
		r->current->mid = value;
	return 0;
}

static int read_group(const struct sdp_reading *r, struct slice value, int argument)
{
	struct slice rest = value;

	(void)argument;
	if (!r->current && r->sdp->bundle.length == 0 &&
	    slice_equal(sdp_next_word(&rest), SLICE("BUNDLE")))
		r->sdp->bundle = slice_trim(rest);
	return 0;
}

#define ROW(name, read, argument)                                                                  \
	{                                                                                          \
		name, sizeof(name) - 1, read, argument                                             \
	}

static const struct attribute_row rows[] = {
	ROW("rtpmap", read_rtpmap, 0),
	ROW("candidate", read_candidate, 0),
	ROW("sendrecv", read_direction, SDP_SENDRECV),
	ROW("sendonly", read_direction, SDP_SENDONLY),
	ROW("recvonly", read_direction, SDP_RECVONLY),
	ROW("inactive", read_direction, SDP_INACTIVE),
	ROW("rtcp", read_rtcp, 0),
	ROW("rtcp-mux", read_mux, false),
	ROW("rtcp-mux-only", read_mux, true),
	ROW("crypto", read_crypto, 0),
	ROW("fingerprint", read_fingerprint, 0),
	ROW("zrtp-hash", read_zrtp, 0),
	ROW("ice-ufrag", read_ufrag, 0),
	ROW("ice-lite", read_ice_lite, 0),
	ROW("setup", read_setup, 0),
	ROW("mid", read_mid, 0),
	ROW("group", read_group, 0),
};

int sdp_read_attribute(const struct sdp_reading *r, struct slice value)
{
	size_t colon = slice_find(value, ':');
	struct slice name = slice_trim(slice_part(value, 0, colon));
	struct slice rest = slice_trim(slice_from(value, colon + 1));

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (slice_equal(name, slice_make(rows[i].name, rows[i].length)))
			return rows[i].read(r, rest, rows[i].argument);
	}
	return 0;
}
