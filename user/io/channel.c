// SPDX-License-Identifier: MIT
/* The two buffers of a stream, and the window of messages between them. A stream at rest holds no
 * memory. */
#include "io/channel.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_LEAST 2048u
#define HTTP_LINE_BYTES 8192u    /* no start line is longer */

static void account(struct channel *s, int64_t bytes)
{
	s->memory->used = (uint64_t)((int64_t)s->memory->used + bytes);
}

static void buffer_free(struct channel *s, struct channel_buffer *b)
{
	account(s, -(int64_t)b->room);
	free(b->bytes);
	*b = (struct channel_buffer){ .bytes = NULL };
}

/* What is left moves to the front, and only then does the buffer grow. */
static int make_room(struct channel *s, struct channel_buffer *b, size_t bytes)
{
	size_t left = b->used - b->at, room = b->room ?: ROOM_LEAST;
	uint8_t *larger;

	while (room < left + bytes)
		room *= 2;
	if (room != b->room && s->memory->used + (room - b->room) > s->share)
		return -ENOBUFS;
	if (left)
		memmove(b->bytes, b->bytes + b->at, left);
	b->at = 0;
	b->used = left;
	if (room == b->room)
		return 0;
	larger = realloc(b->bytes, room);
	if (!larger)
		return -ENOBUFS;
	account(s, (int64_t)(room - b->room));
	b->bytes = larger;
	b->room = room;
	return 0;
}

static int buffer_add(struct channel *s, struct channel_buffer *b, struct slice bytes)
{
	if (b->used + bytes.length > b->room && make_room(s, b, bytes.length))
		return -ENOBUFS;
	memcpy(b->bytes + b->used, bytes.bytes, bytes.length);
	b->used += bytes.length;
	return 0;
}

static void buffer_skip(struct channel *s, struct channel_buffer *b, size_t bytes)
{
	b->at += bytes;
	if (b->at == b->used)
		buffer_free(s, b);
}

static struct slice buffer_left(const struct channel_buffer *b)
{
	return slice_make(b->bytes ? b->bytes + b->at : NULL, b->used - b->at);
}

static struct channel_unit *unit_of(struct channel *s, uint32_t number)
{
	return &s->units[number % LIMIT_STREAM_WINDOW];
}

static void unit_free(struct channel *s, struct channel_unit *u)
{
	if (u->bytes)
		account(s, -(int64_t)u->length);
	free(u->bytes);
	*u = (struct channel_unit){ .bytes = NULL };
}

void channel_free(struct channel *s)
{
	for (; s->first != s->next; s->first++)
		unit_free(s, unit_of(s, s->first));
	buffer_free(s, &s->in);
	buffer_free(s, &s->out);
}

int channel_take(struct channel *s, struct slice bytes)
{
	int error = bytes.length ? buffer_add(s, &s->in, bytes) : 0;

	if (!error)
		s->bytes += bytes.length;
	return error;
}

bool channel_is_full(const struct channel *s)
{
	return s->next - s->first == LIMIT_STREAM_WINDOW ||
	       s->out.used - s->out.at >= LIMIT_STREAM_QUEUE;
}

bool channel_is_drained(const struct channel *s)
{
	return s->first == s->next && s->out.at == s->out.used;
}

/* Bytes that nobody judges take their place behind what is judged. */
static enum channel_step pass_by(struct channel *s, struct slice bytes)
{
	uint32_t number = s->next++;

	if (channel_settle(s, number, bytes))
		return CHANNEL_LOST;
	buffer_skip(s, &s->in, bytes.length);
	s->resume = 0;
	return CHANNEL_MORE;
}

enum channel_step channel_next(struct channel *s, channel_frame_fn frame, struct slice *ret,
			     uint32_t *ret_number)
{
	struct slice rest = buffer_left(&s->in);
	ssize_t length;

	if (!rest.length) {
		buffer_free(s, &s->in);
		return CHANNEL_MORE;
	}
	if (channel_is_full(s))
		return CHANNEL_FULL;
	if (s->raw)
		return pass_by(s, rest);
	length = frame(rest, &s->resume);
	if (length == -EAGAIN)
		return CHANNEL_MORE;
	if (length < 0 || (size_t)length > rest.length)
		return CHANNEL_BAD;
	if (!length)
		return pass_by(s, rest);
	*ret = slice_part(rest, 0, (size_t)length);
	*ret_number = s->next++;
	s->in.at += (size_t)length;
	s->resume = 0;
	s->messages++;
	return CHANNEL_MESSAGE;
}

void channel_undo(struct channel *s, size_t length)
{
	s->in.at -= length;
	s->next--;
	s->messages--;
}

/* All that is settled from the oldest on. */
static int release(struct channel *s)
{
	int error = 0;

	while (s->first != s->next && unit_of(s, s->first)->settled) {
		struct channel_unit *u = unit_of(s, s->first);

		if (u->length && buffer_add(s, &s->out, slice_make(u->bytes, u->length)))
			error = -ENOBUFS;
		unit_free(s, u);
		s->first++;
	}
	return error;
}

int channel_settle(struct channel *s, uint32_t number, struct slice bytes)
{
	struct channel_unit *u = unit_of(s, number);
	int error = 0;

	if (number - s->first >= s->next - s->first || u->settled)
		return -ENOENT;
	u->settled = true;
	if (number == s->first) {
		if (bytes.length)
			error = buffer_add(s, &s->out, bytes);
		return release(s) ?: error;
	}
	u->bytes = bytes.length ? malloc(bytes.length) : NULL;
	if (!u->bytes)
		return bytes.length ? -ENOBUFS : 0;
	memcpy(u->bytes, bytes.bytes, bytes.length);
	u->length = (uint32_t)bytes.length;
	account(s, u->length);
	return 0;
}

int channel_insert(struct channel *s, struct slice message)
{
	if (s->raw)
		return -EPIPE;
	if (s->out.used - s->out.at >= LIMIT_STREAM_QUEUE)
		return -ENOBUFS;
	return buffer_add(s, &s->out, message);
}

struct slice channel_out(const struct channel *s)
{
	return buffer_left(&s->out);
}

void channel_sent(struct channel *s, size_t bytes)
{
	buffer_skip(s, &s->out, bytes);
}

struct slice channel_rest(const struct channel *s)
{
	return buffer_left(&s->in);
}

bool channel_is_http(struct slice bytes)
{
	struct slice line = slice_part(bytes, 0, HTTP_LINE_BYTES);
	size_t at;

	line = slice_trim(slice_part(line, 0, slice_find(line, '\n')));
	at = line.length;
	while (at && line.bytes[at - 1] != ' ')
		at--;
	return slice_starts_nocase(line, SLICE("HTTP/")) ||
	       slice_starts_nocase(slice_from(line, at), SLICE("HTTP/"));
}
