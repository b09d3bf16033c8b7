/* SPDX-License-Identifier: MIT */
/* One message: start line, list of headers, body (RFC 3261 7). What the values mean is parse.c's.
 */
#include <errno.h>

#include "proto/sip/parse.h"

#define SP ' '

static const uint8_t header_flags[SIP_HEADER_COUNT] = {
#define SIP_HEADER(name, text, compact, flags) [SIP_HEADER_##name] = (flags),
#include "proto/sip/sip_headers.def"
#undef SIP_HEADER
};

int sip_refuse(const struct sip_reading *r, enum reason reason, struct slice where)
{
	r->reterr->reason = reason;
	r->reterr->at = slice_offset(r->message->raw, where);
	return reason == REASON_message_limit || reason == REASON_message_too_big ? -E2BIG
										  : -EBADMSG;
}

/* RFC 3261 25.1: SIP-Version, case ignored. */
static int check_version(const struct sip_reading *r, struct slice version)
{
	if (slice_equal_nocase(version, SLICE("SIP/2.0")))
		return 0;
	if (!slice_starts_nocase(version, SLICE("SIP/")))
		return sip_refuse(r, REASON_sip_bad_start_line, version);
	for (size_t i = 4; i < version.length; i++) {
		if (version.bytes[i] != '.' && (version.bytes[i] < '0' || version.bytes[i] > '9'))
			return sip_refuse(r, REASON_sip_bad_start_line, version);
	}
	return sip_refuse(r, REASON_sip_bad_version, version);
}

/* RFC 3261 25.1: Status-Line. The space before an empty reason phrase is often forgotten, and
 * nothing hangs on it. */
static int read_status_line(const struct sip_reading *r, struct slice line)
{
	struct sip_message *m = r->message;
	size_t space = slice_find(line, SP);
	struct slice rest = slice_from(line, space + 1);
	struct slice code = slice_part(rest, 0, slice_find(rest, SP));
	uint64_t status;
	int err;

	m->version = slice_part(line, 0, space);
	err = check_version(r, m->version);
	if (err)
		return err;
	if (code.length != 3 || !slice_number(code, 699, &status) || status < 100)
		return sip_refuse(r, REASON_sip_bad_start_line, code);
	m->status = (uint16_t)status;
	m->reason_phrase = slice_from(rest, code.length + 1);
	return 0;
}

/* RFC 3261 7.1: Method SP Request-URI SP SIP-Version, one space each and none behind. A Request-URI
 * bears no headers (19.1.1). */
static int read_request_line(const struct sip_reading *r, struct slice line)
{
	struct sip_message *m = r->message;
	size_t space = slice_find(line, SP);
	struct slice rest = slice_from(line, space + 1);
	struct slice uri;
	int err;

	m->is_request = true;
	m->method_text = slice_part(line, 0, space);
	if (!sip_is_token(m->method_text))
		return sip_refuse(r, REASON_sip_bad_start_line, line);
	m->method = sip_method_lookup(m->method_text);
	uri = slice_part(rest, 0, slice_find(rest, SP));
	m->version = slice_from(rest, uri.length + 1);
	err = check_version(r, m->version);
	if (err)
		return err;
	if (!sip_parse_request_uri(uri, &m->request_uri) || m->request_uri.headers.length)
		return sip_refuse(r, REASON_sip_bad_start_line, uri);
	return 0;
}

static int read_start_line(const struct sip_reading *r)
{
	struct slice line = r->message->start_line;

	/* A folded start line is none. */
	if (slice_find(line, '\r') < line.length)
		return sip_refuse(r, REASON_sip_bad_start_line, line);
	if (slice_starts_nocase(line, SLICE("SIP/")))
		return read_status_line(r, line);
	return read_request_line(r, line);
}

/* Headers gathered where they are cheap, before their number is known. */
struct header_list {
	uint32_t count;
	struct sip_header at[LIMIT_SIP_HEADERS];
};

static int add_header(const struct sip_reading *r, struct header_list *list, struct slice line)
{
	struct sip_message *m = r->message;
	struct sip_header *h = &list->at[list->count];
	struct slice text = slice_part(line, 0, line.length - 2);

	if (list->count == LIMIT_SIP_HEADERS)
		return sip_refuse(r, REASON_message_limit, line);
	if (!sip_split_header(text, &h->name, &h->value))
		return sip_refuse(r, REASON_sip_malformed, line);
	h->line = line;
	h->kind = sip_header_lookup(h->name);
	list->count++;
	if (h->kind == SIP_HEADER_other)
		return 0;
	if (m->first[h->kind] == 0)
		m->first[h->kind] = (uint16_t)list->count;
	else if (header_flags[h->kind] & SIP_SINGLE)
		return sip_refuse(r, REASON_sip_duplicate_header, h->name);
	return 0;
}

/* The line at *at, and *at moved behind its end. */
static int take_line(const struct sip_reading *r, size_t *at, struct slice *ret_line)
{
	struct slice raw = r->message->raw;
	size_t end = raw.length;

	if (sip_scan_line(raw, *at, &end))
		return sip_refuse(r, REASON_sip_malformed, slice_from(raw, end));
	*ret_line = slice_part(raw, *at, end + 2 - *at);
	*at = end + 2;
	return 0;
}

static int read_head(const struct sip_reading *r, struct header_list *list)
{
	struct sip_message *m = r->message;
	size_t from = 0, at;
	struct slice line;
	int err;

	/* RFC 3261 7.5: CRLF before the start line is skipped. */
	while (m->raw.length - from >= 2 && m->raw.bytes[from] == '\r' &&
	       m->raw.bytes[from + 1] == '\n')
		from += 2;
	at = from;
	err = take_line(r, &at, &line);
	if (err)
		return err;
	m->start_line = slice_part(line, 0, line.length - 2);
	err = read_start_line(r);
	if (err)
		return err;
	for (;;) {
		err = take_line(r, &at, &line);
		if (err)
			return err;
		if (line.length == 2)
			break;
		err = add_header(r, list, line);
		if (err)
			return err;
	}
	m->head = slice_part(m->raw, from, at - from);
	m->body = slice_from(m->raw, at);
	return 0;
}

static int keep_headers(const struct sip_reading *r, const struct header_list *list)
{
	size_t size = list->count * sizeof(list->at[0]);
	struct sip_header *headers = arena_take_raw(r->arena, size);

	if (!headers) {
		(void)sip_refuse(r, REASON_message_limit, r->message->start_line);
		return -ENOMEM;
	}
	memcpy(headers, list->at, size);
	r->message->headers = headers;
	r->message->header_count = list->count;
	return 0;
}

static int check_mandatory(const struct sip_reading *r)
{
	for (int kind = 1; kind < SIP_HEADER_COUNT; kind++) {
		if ((header_flags[kind] & SIP_MANDATORY) && r->message->first[kind] == 0)
			return sip_refuse(r, REASON_sip_missing_header, r->message->start_line);
	}
	return 0;
}

/* RFC 3261 18.3: a body may end before the datagram does, never behind it. */
static int cut_body(const struct sip_reading *r)
{
	struct sip_message *m = r->message;

	if (!m->has_content_length)
		return 0;
	if (m->content_length > m->body.length)
		return sip_refuse(r, REASON_sip_bad_content_length, m->content_length_text);
	m->body.length = m->content_length;
	return 0;
}

int sip_parse(struct slice raw, struct arena *arena, const struct sip_message **ret_message,
	      struct fault *reterr)
{
	struct sip_message *message = arena_take(arena, sizeof(*message));
	const struct sip_reading r = {message, arena, reterr};
	struct header_list list;
	int err;

	if (!message) {
		*reterr = (struct fault){.reason = REASON_message_limit};
		return -ENOMEM;
	}
	message->raw = raw;
	if (raw.length > LIMIT_MESSAGE_BYTES)
		return sip_refuse(&r, REASON_message_too_big, raw);
	list.count = 0;
	err = read_head(&r, &list);
	err = err ? err : keep_headers(&r, &list);
	err = err ? err : check_mandatory(&r);
	err = err ? err : sip_read_values(&r);
	err = err ? err : cut_body(&r);
	if (err)
		return err;
	*ret_message = message;
	return 0;
}
