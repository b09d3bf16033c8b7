/* SPDX-License-Identifier: MIT */
/* Where a message ends in a stream (RFC 3261 7.5, 18.3, 20.14). */
#include <errno.h>

#include "proto/sip/parse.h"

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

int sip_frame(struct slice bytes, size_t *resume)
{
	size_t start = start_of(bytes);
	size_t at = *resume > start && *resume <= bytes.length ? *resume : start;
	size_t end, head;
	uint64_t body;
	int r;

	for (;;) {
		r = sip_scan_line(bytes, at, &end);
		if (r == -EAGAIN && bytes.length <= LIMIT_MESSAGE_BYTES) {
			*resume = at;
			return -EAGAIN;
		}
		if (r)
			return -EBADMSG;
		if (end == at)
			break;
		at = end + 2;
	}
	*resume = at;
	head = end + 2;
	if (find_content_length(slice_part(bytes, 0, head), start, &body))
		return -EBADMSG;
	if (head + body > LIMIT_MESSAGE_BYTES)
		return -EBADMSG;
	return bytes.length - head >= body ? (int)(head + body) : -EAGAIN;
}
