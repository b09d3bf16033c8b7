/* SPDX-License-Identifier: MIT */
/* One direction of a signalling connection: bytes in, messages framed, released in the order in which
 * they came, though they may be judged in another. Knows no socket, no clock and no protocol. */
#ifndef RINGFENCE_CHANNEL_H
#define RINGFENCE_CHANNEL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/slice.h"
#include <ringfence/limits.h>

/* What all streams together hold. */
struct channel_memory {
	uint64_t used;
};

/* A message that was handed out. */
struct channel_unit {
	uint8_t *bytes;              /* settled behind one that is not: what goes on       */
	uint32_t length;
	bool settled;
};

struct channel_buffer {
	uint8_t *bytes;
	size_t at, used, room;       /* what is left lies between the first two            */
};

struct channel {
	struct channel_memory *memory;
	uint64_t share;              /* of the memory; above it nothing more is taken      */
	struct channel_buffer in, out;
	size_t resume;               /* of the framing                                     */
	struct channel_unit units[LIMIT_STREAM_WINDOW];
	uint32_t first, next;        /* numbers of the oldest unit and of the next one     */
	bool raw;                    /* bytes go on as they come                           */
	uint64_t messages, bytes;    /* handed out; taken in                               */
};

/* Length of the first message, 0: all of it is keep-alive bytes, -EAGAIN, -EBADMSG. */
typedef ssize_t (*channel_frame_fn)(struct slice bytes, size_t *resume);

enum channel_step {
	CHANNEL_MORE = 0,             /* the next message is not whole                      */
	CHANNEL_MESSAGE,
	CHANNEL_FULL,                 /* too much waits for judgement or for the receiver   */
	CHANNEL_BAD,                  /* no message begins here                             */
	CHANNEL_LOST,                 /* bytes were lost for want of memory                 */
};

void channel_free(struct channel *s);
/* -ENOBUFS: there is no memory for them, and none of it was taken. */
int channel_take(struct channel *s, struct slice bytes);
/* The next whole message, valid until the next call, and its number. Keep-alive bytes go on by
 * themselves. */
enum channel_step channel_next(struct channel *s, channel_frame_fn frame, struct slice *ret,
			     uint32_t *ret_number);
/* The message that was handed out last was not taken: it is handed out again. */
void channel_undo(struct channel *s, size_t length);
/* A message was judged: `bytes` is what it has become, none where it is dropped. -ENOBUFS: it is
 * lost for want of memory. -ENOENT: nobody waits for that number. */
int channel_settle(struct channel *s, uint32_t number, struct slice bytes);
/* A whole message of our own, among those that this direction's receiver gets. -ENOBUFS: too much
 * waits for him. -EPIPE: it might stand within another one. */
int channel_insert(struct channel *s, struct slice message);
/* What may be sent. */
struct slice channel_out(const struct channel *s);
void channel_sent(struct channel *s, size_t bytes);
/* What no message has been made of. */
struct slice channel_rest(const struct channel *s);
bool channel_is_full(const struct channel *s);
/* Nothing waits, neither for judgement nor to be sent. */
bool channel_is_drained(const struct channel *s);

/* RFC 9112 2.3, RFC 9113 3.4: does HTTP begin here? */
bool channel_is_http(struct slice bytes);

#endif
