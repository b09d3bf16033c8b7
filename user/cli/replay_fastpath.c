// SPDX-License-Identifier: MIT
/* Flows, pinholes and their activity in memory, for captures. What bpf/ decides of media is decided
 * here in the same order: out of time, shape, rate, lock. */
#include "cli/replay_fastpath.h"

#include <stdlib.h>

#include "base/address.h"
#include "base/map.h"
#include "base/reader.h"
#include <ringfence/media.h>

#define SECOND_NS 1000000000ull
#define LOCKED (1ull << 16)

struct opening {
	struct permit permit;
	struct activity activity;
};

struct fastpath {
	struct map *openings;        /* flow_key -> struct opening */
	struct map *buckets;         /* bucket_key -> struct bucket */
};

struct fastpath *fastpath_new(void)
{
	/* One capture, one run: whoever crafts it to collide slows down himself. */
	static const struct hash_key key = { { 0x7265706c61792067, 0x6174652074616273 } };
	struct fastpath *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->openings = map_new(sizeof(struct flow_key), sizeof(struct opening), LIMIT_SLOTS, &key);
	p->buckets = map_new(sizeof(struct bucket_key), sizeof(struct bucket),
			     LIMIT_SOURCE_BUCKETS, &key);
	if (p->openings && p->buckets)
		return p;
	fastpath_free(p);
	return NULL;
}

void fastpath_free(struct fastpath *p)
{
	if (!p)
		return;
	map_free(p->openings);
	map_free(p->buckets);
	free(p);
}

bool fastpath_open(struct fastpath *p, const struct flow_key *key, const struct permit *permit)
{
	bool fresh = !map_find(p->openings, key);
	struct opening *o = map_take(p->openings, key);

	if (!o)
		return false;
	o->permit = *permit;
	return fresh;
}

bool fastpath_close(struct fastpath *p, const struct flow_key *key)
{
	return !map_remove(p->openings, key);
}

const struct permit *fastpath_permit(const struct fastpath *p, const struct flow_key *key)
{
	const struct opening *o = map_find(p->openings, key);

	return o ? &o->permit : NULL;
}

const struct activity *fastpath_activity(const struct fastpath *p, const struct flow_key *key)
{
	const struct opening *o = map_find(p->openings, key);

	return o ? &o->activity : NULL;
}

bool fastpath_find(const struct fastpath *p, const struct flow_key *packet,
		   struct flow_key *ret_key)
{
	struct flow_key key = *packet;

	if (!map_find(p->openings, &key)) {
		key.source_port = 0;
		if (!map_find(p->openings, &key)) {
			memset(&key.source, 0, sizeof(key.source));
			if (!map_find(p->openings, &key))
				return false;
		}
	}
	*ret_key = key;
	return true;
}

enum reason fastpath_shape(const struct permit *permit, struct slice payload,
			   uint32_t payload_bytes)
{
	struct reader r = reader_make(payload);
	struct media_head head;

	head.first = reader_u8(&r);
	head.second = reader_u8(&r);
	head.third = reader_u16(&r);
	head.word = reader_u32(&r);
	if (permit->flags & PERMIT_ANY)
		return REASON_none;
	if (r.failed || payload_bytes < MEDIA_HEAD_BYTES)
		return REASON_media_not_rtp;
	/* A capture may hold less of a packet than went by. */
	if (media_is_rtp(&head) && payload.length < RTP_HEADER_BYTES)
		return REASON_media_not_rtp;
	return media_shape(permit, &head, payload_bytes);
}

static bool in_budget(struct opening *o, uint64_t now_ns)
{
	struct activity *act = &o->activity;

	if (!o->permit.packets_per_second)
		return true;
	if (now_ns - act->window_ns >= SECOND_NS) {
		act->window_ns = now_ns;
		act->window_packets = 0;
	}
	if (act->window_packets >= o->permit.packets_per_second)
		return false;
	act->window_packets++;
	return true;
}

/* Only the port is learned: a pinhole that locks names its host. */
static bool lock(struct opening *o, const struct frame *f, bool *ret_locked)
{
	uint64_t wanted = f->key.source_port | LOCKED;

	*ret_locked = false;
	if (!(o->permit.flags & PERMIT_LOCK) || o->permit.flags & PERMIT_EARLY)
		return true;
	if (o->activity.lock)
		return o->activity.lock == wanted;
	o->activity.lock = wanted;
	*ret_locked = true;
	return true;
}

enum reason fastpath_media(struct fastpath *p, const struct flow_key *key, const struct frame *f,
			   uint64_t now_ns, bool *ret_locked)
{
	struct opening *o = map_find(p->openings, key);
	enum reason reason;

	*ret_locked = false;
	if (!o)
		return REASON_media_no_pinhole;
	if (o->permit.expires_ns && now_ns >= o->permit.expires_ns)
		return REASON_media_expired;
	reason = fastpath_shape(&o->permit, f->payload, f->payload_bytes);
	if (!reason && !in_budget(o, now_ns))
		reason = REASON_media_rate;
	if (!reason && !lock(o, f, ret_locked))
		reason = REASON_media_wrong_source;
	if (reason) {
		o->activity.dropped++;
		return reason;
	}
	o->activity.packets++;
	o->activity.bytes += f->l3_bytes;
	o->activity.seen_ns = now_ns;
	return REASON_none;
}

bool fastpath_in_rate(struct fastpath *p, const struct flow_key *packet, uint32_t rate,
		      uint64_t now_ns)
{
	struct bucket_key name = { .address = address_source(&packet->source),
				   .zone = packet->zone };
	struct bucket *b;

	if (!rate)
		return true;
	b = map_take(p->buckets, &name);
	if (!b)
		return true;
	if (!b->messages || now_ns - b->window_ns >= SECOND_NS)
		*b = (struct bucket){ .window_ns = now_ns };
	return b->messages++ < rate;
}
