/* SPDX-License-Identifier: MIT */
/* Where a message ends in a stream (RFC 3261 7.5, 18.3, 20.14). */
#include <errno.h>
#include <sys/types.h>

#include "proto/sip/parse.h"

/* What a caller keeps between two calls: how far the head was read, whether its start line was, or
 * how long the whole message is. */
#define KNOWN ((size_t)1 << (sizeof(size_t) * 8 - 1))
#define BEGUN (KNOWN >> 1)

bool sip_is_keepalive(struct slice bytes)
{
	for (size_t i = 0; i < bytes.length; i++) {
		if (bytes.bytes[i] != (i % 2 ? '\n' : '\r'))
			return false;
	}
	return bytes.length && bytes.length % 2 == 0;
}

/* RFC 3261 7.5: CRLF before the start line is skipped. */
static size_t start_of(struct slice bytes)
{
	size_t i = 0;

	while (bytes.length - i >= 2 && bytes.bytes[i] == '\r' && bytes.bytes[i + 1] == '\n')
		i += 2;
	return i;
}

/* The one Content-Length of a head; two of them would be two ends. */
static int find_content_length(struct slice head, size_t from, uint64_t *ret_length)
{
	bool is_found = false;
	size_t end;

	while (sip_scan_line(head, from, &end) == 0 && end > from) {
		struct slice name, value;

		if (sip_split_header(slice_part(head, from, end - from), &name, &value) &&
		    sip_header_lookup(name) == SIP_HEADER_content_length) {
			if (is_found || !slice_number(value, LIMIT_MESSAGE_BYTES, ret_length))
				return -EBADMSG;
			is_found = true;
		}
		from = end + 2;
	}
	return is_found ? 0 : -EBADMSG;
}

/* RFC 3261 7.1, 7.2: what no message begins with is no SIP, whatever follows: HTTP that bears SIP in
 * its body is not to be taken for it. Which version it is, the parser says. */
static bool is_start_line(struct slice line)
{
	size_t at;

	line = slice_trim(line);
	at = line.length;
	while (at && line.bytes[at - 1] != ' ')
		at--;
	return slice_starts_nocase(line, SLICE("SIP/")) ||
	       slice_starts_nocase(slice_from(line, at), SLICE("SIP/"));
}

static bool ends_line(struct slice bytes, size_t at)
{
	return at >= 2 && bytes.bytes[at - 2] == '\r' && bytes.bytes[at - 1] == '\n';
}

/* The head's length. Every byte is looked at once, however many calls it comes in. */
static ssize_t scan_head(struct slice bytes, size_t *resume)
{
	bool is_begun = *resume & BEGUN;
	size_t at = *resume & ~BEGUN, start = 0;

	if (!at || at > bytes.length) {
		at = start = start_of(bytes);
		is_begun = false;
		/* TLS, say, which may not bear a CRLF for long */
		if (at < bytes.length && bytes.bytes[at] != '\r' &&
		    !sip_run(slice_part(bytes, at, 1), SIP_BYTE_TOKEN))
			return -EBADMSG;
	}
	for (;; at += 2) {
		size_t end = at;
		int r = sip_scan_crlf(bytes, at, &end);

		at = end;
		if (r == -EAGAIN && bytes.length <= LIMIT_MESSAGE_BYTES) {
			/* Nothing but CRLF so far: it may prove to be a keep-alive. */
			*resume = at > start ? at | (is_begun ? BEGUN : 0) : 0;
			return -EAGAIN;
		}
		if (r)
			return -EBADMSG;
		if (is_begun && ends_line(bytes, at))
			return (ssize_t)at + 2;
		if (!is_begun) {
			start = start_of(bytes);
			if (!is_start_line(slice_part(bytes, start, at - start)))
				return -EBADMSG;
		}
		is_begun = true;
	}
}

int sip_frame(struct slice bytes, size_t *resume)
{
	size_t whole = *resume & ~KNOWN;
	uint64_t body;
	ssize_t head;

	if (!(*resume & KNOWN)) {
		head = scan_head(bytes, resume);
		if (head < 0)
			return (int)head;
		if (find_content_length(slice_part(bytes, 0, (size_t)head), start_of(bytes), &body))
			return -EBADMSG;
		whole = (size_t)head + body;
		if (whole > LIMIT_MESSAGE_BYTES)
			return -EBADMSG;
		*resume = whole | KNOWN;
	}
	return bytes.length >= whole ? (int)whole : -EAGAIN;
}
