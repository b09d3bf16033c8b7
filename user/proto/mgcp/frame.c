// SPDX-License-Identifier: MIT
/* Several messages in one datagram: a line with a dot alone stands between them (RFC 3435 3.5.5). */
#include <errno.h>

#include "proto/mgcp/parse.h"

static bool is_empty(struct slice bytes)
{
	for (size_t i = 0; i < bytes.length; i++)
		if (bytes.bytes[i] != '\r' && bytes.bytes[i] != '\n')
			return false;
	return true;
}

static bool is_separator(struct slice line)
{
	if (line.length && line.bytes[line.length - 1] == '\r')
		line.length--;
	return line.length == 1 && line.bytes[0] == '.';
}

int mgcp_frame(struct slice bytes)
{
	size_t at = 0;

	if (is_empty(bytes))
		return 0;
	if (bytes.length > LIMIT_MESSAGE_BYTES)
		return -EBADMSG;
	while (at < bytes.length) {
		struct slice rest = slice_from(bytes, at);
		size_t length = slice_find(rest, '\n');

		at += length < rest.length ? length + 1 : length;
		if (is_separator(slice_part(rest, 0, length)))
			break;
	}
	return (int)at;
}

struct slice mgcp_close(struct slice messages)
{
	size_t begin = messages.length;

	if (begin && messages.bytes[begin - 1] == '\n')
		begin--;
	while (begin && messages.bytes[begin - 1] != '\n')
		begin--;
	if (is_separator(slice_part(messages, begin, slice_find(slice_from(messages, begin), '\n'))))
		messages.length = begin;
	return messages;
}
