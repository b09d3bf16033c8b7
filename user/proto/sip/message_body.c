/* SPDX-License-Identifier: MIT */
/* Finds the session description of a message, through multipart bodies (RFC 2046 5.1, RFC 5621).
 * Two descriptions in one message are refused: the peer may obey the other one. */
#include <errno.h>

#include "proto/sip/parse.h"

#define DEPTH 3

struct body {
	struct slice type, subtype, params;
	struct slice bytes;
	bool is_encoded;       /* for us unreadable, for the peer maybe not          */
	bool is_early_session; /* RFC 3959: describes no media of this dialog        */
};

/* A multipart being walked: what is left of it behind the last delimiter. */
struct multipart {
	struct slice rest;
	struct slice boundary;
};

static void note_type(struct body *b, struct slice value)
{
	struct slice rest;

	b->type = slice_part(value, 0, sip_run(value, SIP_BYTE_TOKEN));
	rest = sip_skip_lws(slice_from(value, b->type.length));
	rest = rest.length && rest.bytes[0] == '/' ? sip_skip_lws(slice_from(rest, 1)) : rest;
	b->subtype = slice_part(rest, 0, sip_run(rest, SIP_BYTE_TOKEN));
	b->params = sip_skip_lws(slice_from(rest, b->subtype.length));
}

static bool is_disposition(struct slice value, struct slice name)
{
	return slice_equal_nocase(slice_part(value, 0, sip_run(value, SIP_BYTE_TOKEN)), name);
}

/* RFC 2045 6.1: these leave the bytes as they are. */
static bool is_plain_encoding(struct slice value)
{
	return slice_equal_nocase(value, SLICE("binary")) ||
	       slice_equal_nocase(value, SLICE("8bit")) || slice_equal_nocase(value, SLICE("7bit"));
}

static void note_header(struct body *b, struct slice name, struct slice value)
{
	enum sip_header_kind kind = sip_header_lookup(name);

	if (kind == SIP_HEADER_content_type)
		note_type(b, value);
	else if (kind == SIP_HEADER_content_encoding)
		b->is_encoded |= !slice_equal_nocase(value, SLICE("identity"));
	else if (kind == SIP_HEADER_content_disposition)
		b->is_early_session = is_disposition(value, SLICE("early-session"));
	else if (slice_equal_nocase(name, SLICE("Content-Transfer-Encoding")))
		b->is_encoded |= !is_plain_encoding(value);
}

/* Headers of a part, and behind the empty line its content. */
static int read_part(struct slice part, struct body *ret_body)
{
	struct body b = {.is_encoded = false};
	size_t at = 0, end;

	for (int i = 0; i < LIMIT_SIP_HEADERS; i++) {
		struct slice name, value;

		if (sip_scan_line(part, at, &end))
			return -EBADMSG;
		if (end == at) {
			b.bytes = slice_from(part, end + 2);
			*ret_body = b;
			return 0;
		}
		if (!sip_split_header(slice_part(part, at, end - at), &name, &value))
			return -EBADMSG;
		note_header(&b, name, value);
		at = end + 2;
	}
	return -EBADMSG;
}

/* Offset of the next "--boundary" at the start of a line, or s.length. */
static size_t find_delimiter(struct slice s, struct slice boundary)
{
	size_t at = 0;

	while (at < s.length) {
		struct slice line = slice_from(s, at);

		if (line.length >= 2 + boundary.length && line.bytes[0] == '-' &&
		    line.bytes[1] == '-' &&
		    slice_equal(slice_part(line, 2, boundary.length), boundary))
			return at;
		at += slice_find(line, '\n') + 1;
	}
	return s.length;
}

/* Takes the next part: 1 and its bytes, 0 at the closing delimiter, -EBADMSG. `rest` begins with a
 * delimiter. */
static int take_part(struct multipart *m, struct slice *ret_part)
{
	struct slice s = slice_from(m->rest, 2 + m->boundary.length);
	size_t line = slice_find(s, '\n');
	struct slice mark = slice_trim(slice_part(s, 0, line));
	size_t end;

	if (slice_equal(mark, SLICE("--")))
		return 0;
	/* A longer boundary that begins like ours, or no end at all. */
	if (mark.length || line == s.length)
		return -EBADMSG;
	s = slice_from(s, line + 1);
	end = find_delimiter(s, m->boundary);
	if (end == s.length)
		return -EBADMSG;
	m->rest = slice_from(s, end);
	/* The line end before a delimiter belongs to the delimiter. */
	if (end < 2 || s.bytes[end - 2] != '\r')
		return -EBADMSG;
	*ret_part = slice_part(s, 0, end - 2);
	return 1;
}

static int open_multipart(const struct body *b, struct multipart *ret)
{
	struct multipart m;

	if (!sip_param(b->params, SLICE("boundary"), &m.boundary) || m.boundary.length == 0 ||
	    m.boundary.length > 70)
		return -EBADMSG;
	m.rest = slice_from(b->bytes, find_delimiter(b->bytes, m.boundary));
	if (m.rest.length == 0)
		return -EBADMSG;
	*ret = m;
	return 0;
}

/* The search: a stack of multiparts in place of recursion. */
struct search {
	struct multipart stack[DEPTH];
	int depth;
	struct slice found;
	bool is_found;
	struct sip_isup_part isup;
};

/* RFC 3204 3.1: `base` names the standard that `version` varies; the first part counts. */
static void note_isup(struct search *s, const struct body *b)
{
	struct slice base;

	if (s->isup.bytes.length || b->is_encoded)
		return;
	s->isup.bytes = b->bytes;
	s->isup.is_ansi = (sip_param(b->params, SLICE("base"), &base) ||
			   sip_param(b->params, SLICE("version"), &base)) &&
			  slice_starts_nocase(base, SLICE("ansi"));
}

static int look_at(struct search *s, const struct body *b)
{
	bool is_sdp = slice_equal_nocase(b->type, SLICE("application")) &&
		      slice_equal_nocase(b->subtype, SLICE("sdp"));
	bool is_multipart = slice_equal_nocase(b->type, SLICE("multipart"));

	if (slice_equal_nocase(b->type, SLICE("application")) &&
	    slice_equal_nocase(b->subtype, SLICE("isup")))
		note_isup(s, b);
	if (!is_sdp && !is_multipart)
		return 0;
	if (b->is_encoded)
		return -EBADMSG;
	if (is_multipart) {
		if (s->depth == DEPTH)
			return -EBADMSG;
		return open_multipart(b, &s->stack[s->depth++]);
	}
	if (b->is_early_session)
		return 0;
	if (s->is_found)
		return -EBADMSG;
	s->is_found = true;
	s->found = b->bytes;
	return 0;
}

static void note_message_headers(const struct sip_message *m, struct body *b)
{
	for (uint32_t i = 0; i < m->header_count; i++)
		note_header(b, m->headers[i].name, m->headers[i].value);
}

int sip_sdp_body(const struct sip_message *m, struct arena *arena, struct slice *ret_body,
		 struct sip_isup_part *ret_isup)
{
	struct body b = {.bytes = m->body};
	struct search *s;
	int r;

	if (m->body.length == 0 || m->content_type.length == 0)
		return -ENOENT;
	s = arena_take(arena, sizeof(*s));
	if (!s)
		return -ENOMEM;
	note_message_headers(m, &b);
	r = look_at(s, &b);
	/* Each step takes a part or leaves a multipart, and both shrink. */
	while (r == 0 && s->depth > 0) {
		struct slice part;

		r = take_part(&s->stack[s->depth - 1], &part);
		if (r == 0) {
			s->depth--;
			continue;
		}
		r = r < 0 ? r : read_part(part, &b);
		r = r < 0 ? r : look_at(s, &b);
	}
	if (r < 0)
		return r;
	if (ret_isup)
		*ret_isup = s->isup;
	if (!s->is_found)
		return -ENOENT;
	*ret_body = s->found;
	return 0;
}
