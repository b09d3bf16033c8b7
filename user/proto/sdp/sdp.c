/* SPDX-License-Identifier: MIT */
/* Session descriptions, line by line (RFC 8866 5, 9). Lenient about line ends and unknown lines,
 * strict about what opens doors: a second c= in one section would be a second address. */
#include "proto/sdp/sdp.h"

#include <errno.h>
#include <string.h>

#include "base/address.h"
#include "proto/sdp/parse.h"

int sdp_refuse(const struct sdp_reading *r, enum reason reason, struct slice where)
{
	r->reterr->reason = reason;
	r->reterr->at = slice_offset(r->sdp->body, where);
	return reason == REASON_sdp_limit ? -E2BIG : -EBADMSG;
}

struct slice sdp_next_word(struct slice *rest)
{
	struct slice s = *rest, word;

	while (s.length && s.bytes[0] == ' ')
		s = slice_from(s, 1);
	word = slice_part(s, 0, slice_find(s, ' '));
	*rest = slice_from(s, word.length);
	return word;
}

/* RFC 8866 9: FQDN. Numbers and dots alone are a broken address, not a name. */
static bool is_name(struct slice s)
{
	bool has_letter = false;

	for (size_t i = 0; i < s.length; i++) {
		uint8_t c = s.bytes[i] | 0x20;
		bool is_letter = c >= 'a' && c <= 'z';
		bool is_other = (s.bytes[i] >= '0' && s.bytes[i] <= '9') || s.bytes[i] == '-' ||
				s.bytes[i] == '.' || s.bytes[i] == '_';

		if (!is_letter && !is_other)
			return false;
		has_letter |= is_letter;
	}
	return has_letter;
}

bool sdp_parse_host(struct slice type, struct slice text, struct address *ret_address,
		    bool *ret_is_name)
{
	bool is_ipv4_type = slice_equal(type, SLICE("IP4"));
	struct address address;

	if (!is_ipv4_type && !slice_equal(type, SLICE("IP6")))
		return false;
	if (text.length == 0 || text.bytes[0] == '[')
		return false;
	if (address_parse(text, &address)) {
		bool is_dotted = slice_find(text, ':') == text.length;

		/* IP6 ::ffff:192.0.2.1 is an IPv4 address in IPv6 dress (RFC 5118 4.9). */
		if (is_dotted != is_ipv4_type)
			return false;
		*ret_address = address;
		*ret_is_name = false;
		return true;
	}
	if (!is_name(text))
		return false;
	*ret_is_name = true;
	return true;
}

/* RFC 8866 5.7: IP4 takes "/ttl" and "/count" behind it, IP6 "/count" alone. */
static bool read_suffix(struct slice suffix, struct sdp_connection *c)
{
	uint64_t ttl = 0, count = 1;

	if (slice_equal(c->address_type, SLICE("IP4")) && suffix.length) {
		struct slice text = slice_from(suffix, 1);

		text = slice_part(text, 0, slice_find(text, '/'));
		if (!slice_number(text, 255, &ttl))
			return false;
		suffix = slice_from(suffix, 1 + text.length);
	}
	if (suffix.length &&
	    (!slice_number(slice_from(suffix, 1), UINT16_MAX, &count) || count == 0))
		return false;
	c->ttl = (uint8_t)ttl;
	c->count = (uint32_t)count;
	return true;
}

static int read_connection(const struct sdp_reading *r, struct slice line, struct slice value)
{
	struct sdp_connection *target = r->current ? &r->current->connection : &r->sdp->connection;
	struct sdp_connection c = {.is_present = true, .line = line};
	struct slice rest = value;
	struct slice network = sdp_next_word(&rest);
	struct slice host;
	size_t slash;

	if (target->is_present)
		return sdp_refuse(r, REASON_sdp_malformed, line);
	c.address_type = sdp_next_word(&rest);
	host = sdp_next_word(&rest);
	slash = slice_find(host, '/');
	c.address_text = slice_part(host, 0, slash);
	if (!slice_equal(network, SLICE("IN")) || sdp_next_word(&rest).length ||
	    !read_suffix(slice_from(host, slash), &c) ||
	    !sdp_parse_host(c.address_type, c.address_text, &c.address, &c.is_name))
		return sdp_refuse(r, REASON_sdp_bad_address, value);
	*target = c;
	if (r->current)
		r->current->is_own_connection = true;
	return 0;
}

/* RFC 8866 5.2: username, session, version, network, type, address. */
static int read_origin(struct sdp_reading *r, struct slice line, struct slice value)
{
	struct slice rest = value, words[6];

	if (r->has_origin || r->current)
		return sdp_refuse(r, REASON_sdp_malformed, line);
	for (int i = 0; i < 6; i++)
		words[i] = sdp_next_word(&rest);
	if (words[5].length == 0 || sdp_next_word(&rest).length)
		return sdp_refuse(r, REASON_sdp_malformed, line);
	r->has_origin = true;
	r->sdp->origin = value;
	r->sdp->origin_version = words[2];
	r->sdp->origin_address = words[5];
	return 0;
}

static int begin_media(struct sdp_reading *r, struct slice line, struct slice value)
{
	struct sdp *sdp = r->sdp;

	if (sdp->media_count == LIMIT_SDP_MEDIA)
		return sdp_refuse(r, REASON_sdp_limit, line);
	r->current = &r->media[sdp->media_count++];
	*r->current = (struct sdp_media){.line = line};
	return sdp_read_media(r, value, r->current);
}

static int read_line(struct sdp_reading *r, struct slice line)
{
	struct slice value = slice_from(line, 2);

	if (line.length < 2 || line.bytes[1] != '=')
		return sdp_refuse(r, REASON_sdp_malformed, line);
	switch (line.bytes[0]) {
	case 'v':
		/* Only in front, where sdp_parse has seen it: a second one is a second description.
		 */
		return sdp_refuse(r, REASON_sdp_malformed, line);
	case 'o':
		return read_origin(r, line, value);
	case 's':
		if (!r->current)
			r->sdp->session_name = value;
		return 0;
	case 'c':
		return read_connection(r, line, value);
	case 'm':
		return begin_media(r, line, value);
	case 'a':
		return sdp_read_attribute(r, value);
	default:
		return 0;
	}
}

/* The line at *at without its end (LF or CRLF), and *at moved behind it. A NUL or a lone CR ends
 * the line for some readers. */
static int take_line(const struct sdp_reading *r, size_t *at, struct slice *ret_line)
{
	struct slice rest = slice_from(r->sdp->body, *at);
	size_t length = slice_find(rest, '\n');
	struct slice line = slice_part(rest, 0, length);

	if (line.length && line.bytes[line.length - 1] == '\r')
		line.length--;
	if (slice_find(line, '\r') < line.length || slice_find(line, 0) < line.length)
		return sdp_refuse(r, REASON_sdp_malformed, line);
	*at += length < rest.length ? length + 1 : length;
	*ret_line = line;
	return 0;
}

static int read_lines(struct sdp_reading *r)
{
	size_t at = 0;
	struct slice line;
	int err = take_line(r, &at, &line);

	if (err)
		return err;
	if (!slice_equal(line, SLICE("v=0")))
		return sdp_refuse(r, REASON_sdp_malformed, line);
	for (int count = 1; at < r->sdp->body.length; count++) {
		err = take_line(r, &at, &line);
		if (err)
			return err;
		if (count == LIMIT_SDP_LINES)
			return sdp_refuse(r, REASON_sdp_limit, line);
		if (line.length == 0)
			continue;
		err = read_line(r, line);
		if (err)
			return err;
	}
	return 0;
}

static bool is_bundled(const struct sdp *sdp, const struct sdp_media *m)
{
	struct slice rest = sdp->bundle, mid = sdp_next_word(&rest);

	for (; mid.length; mid = sdp_next_word(&rest))
		if (slice_equal(mid, m->mid))
			return m->mid.length;
	return false;
}

/* RFC 9143 1: the lines of a bundle go over one port, which may be that of any of them; a line whose
 * own port is 0 (a=bundle-only, 7.2.1) has none but that. */
static void share_bundle(struct sdp_reading *r)
{
	uint64_t types[2] = { 0, 0 };

	for (uint32_t i = 0; i < r->sdp->media_count; i++) {
		if (!is_bundled(r->sdp, &r->media[i]))
			continue;
		types[0] |= r->media[i].payload_types[0];
		types[1] |= r->media[i].payload_types[1];
	}
	for (uint32_t i = 0; i < r->sdp->media_count; i++)
		if (is_bundled(r->sdp, &r->media[i]))
			memcpy(r->media[i].payload_types, types, sizeof(types));
}

/* RFC 8866 5.7, 6.7: what a media line does not say, the session says. */
static void inherit(struct sdp_reading *r)
{
	struct sdp *sdp = r->sdp;

	for (uint32_t i = 0; i < sdp->media_count; i++) {
		struct sdp_media *m = &r->media[i];
		const uint8_t *end = i + 1 < sdp->media_count ? r->media[i + 1].line.bytes
							      : sdp->body.bytes + sdp->body.length;

		m->section = slice_make(m->line.bytes, (size_t)(end - m->line.bytes));
		if (!m->is_own_connection)
			m->connection = sdp->connection;
		if (!m->has_direction)
			m->direction = sdp->direction;
		m->has_fingerprint |= sdp->has_fingerprint;
		m->has_zrtp |= sdp->has_zrtp;
		if (!m->has_ice && sdp->ice_ufrag.length) {
			m->has_ice = true;
			m->ice_ufrag = sdp->ice_ufrag;
		}
		if (m->setup == SDP_SETUP_NONE)
			m->setup = sdp->setup;
	}
}

int sdp_parse(struct slice body, struct arena *arena, const struct sdp **ret_sdp,
	      struct fault *reterr)
{
	struct sdp *sdp = arena_take(arena, sizeof(*sdp));
	struct sdp_media *media = arena_take_raw(arena, LIMIT_SDP_MEDIA * sizeof(*media));
	struct sdp_reading r = {.sdp = sdp, .media = media, .arena = arena, .reterr = reterr};
	int err;

	if (!sdp || !media) {
		*reterr = (struct fault){.reason = REASON_sdp_limit};
		return -ENOMEM;
	}
	sdp->body = body;
	sdp->media = media;
	err = read_lines(&r);
	if (err)
		return err;
	inherit(&r);
	if (sdp->bundle.length)
		share_bundle(&r);
	*ret_sdp = sdp;
	return 0;
}
