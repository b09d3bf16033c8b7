/* SPDX-License-Identifier: MIT */
/* Any bytes over a connection, in any pieces, judged in any order. What must hold: what leaves is what
 * came, in order, whatever the pieces; all memory is given back; the bounds are kept. */
#include <assert.h>

#include "io/channel.h"
#include "proto/sip/sip_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ssize_t frame(struct slice bytes, size_t *resume)
{
	return sip_protocol.frame(bytes, resume);
}

struct run {
	struct channel_memory memory;
	struct channel channel;
	uint8_t out[1 << 16];
	size_t sent;
	struct slice waiting[LIMIT_STREAM_WINDOW];
	uint8_t kept[LIMIT_STREAM_WINDOW][1 << 14];
	uint32_t numbers[LIMIT_STREAM_WINDOW], count;
};

static void send_all(struct run *r)
{
	struct slice out = channel_out(&r->channel);

	assert(r->sent + out.length <= sizeof(r->out));
	if (out.length)
		memcpy(r->out + r->sent, out.bytes, out.length);
	r->sent += out.length;
	channel_sent(&r->channel, out.length);
}

/* Judges what waits, the last or the first of it first. */
static void settle(struct run *r, bool backwards)
{
	for (uint32_t i = 0; i < r->count; i++) {
		uint32_t at = backwards ? r->count - 1 - i : i;

		assert(!channel_settle(&r->channel, r->numbers[at], r->waiting[at]));
	}
	r->count = 0;
	send_all(r);
}

static enum channel_step hand_out(struct run *r, uint8_t seed)
{
	enum channel_step step;
	struct slice m;

	while ((step = channel_next(&r->channel, frame, &m, &r->numbers[r->count])) ==
	       CHANNEL_MESSAGE) {
		memcpy(r->kept[r->count], m.bytes, m.length);
		r->waiting[r->count] = slice_make(r->kept[r->count], m.length);
		if (++r->count > seed % LIMIT_STREAM_WINDOW)
			settle(r, seed & 1);
	}
	if (step == CHANNEL_FULL)
		settle(r, seed & 1);
	return step;
}

static void feed(struct run *r, const uint8_t *data, size_t size, size_t piece, uint8_t seed)
{
	enum channel_step step = CHANNEL_MORE;

	memset(&r->channel, 0, sizeof(r->channel));
	r->channel.memory = &r->memory;
	r->channel.share = 1 << 20;
	r->sent = r->count = 0;
	for (size_t at = 0; at < size && step != CHANNEL_BAD; at += piece) {
		assert(!channel_take(&r->channel, slice_part(slice_make(data, size), at, piece)));
		do
			step = hand_out(r, seed);
		while (step == CHANNEL_FULL);
	}
	settle(r, seed & 2);
	assert(r->sent + channel_rest(&r->channel).length <= size);
	assert(!r->sent || !memcmp(r->out, data, r->sent));
	channel_free(&r->channel);
	assert(!r->memory.used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run one, other;
	uint8_t seed = size ? data[0] : 0;

	if (size < 2 || size > 8192)
		return 0;
	feed(&one, data + 1, size - 1, size, 0);
	feed(&other, data + 1, size - 1, seed % 32 + 1u, seed);
	/* In pieces it may be given up no later than at once, never be taken for more. */
	assert(!memcmp(one.out, other.out, one.sent < other.sent ? one.sent : other.sent));
	return 0;
}
