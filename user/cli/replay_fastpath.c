// SPDX-License-Identifier: MIT
/* Flows, pinholes and their activity in memory, for captures. What bpf/ decides of media is decided
 * here in the same order: out of time, shape, rate, lock. */
#include "cli/replay_fastpath.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/reader.h"

#define SECOND_NS 1000000000ull
#define LOCKED (1ull << 16)
#define RTP_VERSION 2
#define RTP_HEADER_BYTES 12
#define RTCP_FIRST 192               /* RFC 5761 4 */
#define RTCP_LAST 223
#define MEDIA_HEAD_BYTES 8
#define STUN_HEADER_BYTES 20
#define STUN_COOKIE 0x2112a442       /* RFC 8489 5 */
#define DTLS_HEADER_BYTES 13         /* RFC 6347 4.1 */
#define DTLS_FIRST 20                /* RFC 7983 7 */
#define DTLS_LAST 63

struct opening {
	struct permit permit;
	struct activity activity;
};

struct source_name {
	struct address address;
	uint32_t zone;
	uint32_t pad;
};

struct bucket {
	uint64_t window_ns;
	uint64_t messages;
};

struct fastpath {
	struct map *openings;        /* flow_key -> struct opening */
	struct map *buckets;         /* source_name -> struct bucket */
};

struct fastpath *fastpath_new(void)
{
	/* One capture, one run: whoever crafts it to collide slows down himself. */
	static const struct hash_key key = { { 0x7265706c61792067, 0x6174652074616273 } };
	struct fastpath *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->openings = map_new(sizeof(struct flow_key), sizeof(struct opening), LIMIT_SLOTS, &key);
	p->buckets = map_new(sizeof(struct source_name), sizeof(struct bucket),
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

static enum reason check_rtp(const struct permit *permit, struct reader r, uint32_t bytes)
{
	uint8_t first = reader_u8(&r), type = reader_u8(&r) & 0x7f;
	uint32_t need = RTP_HEADER_BYTES + (first & 0x0f) * 4u + (first & 0x10 ? 4 : 0);

	reader_skip(&r, RTP_HEADER_BYTES - 2);
	if (!(permit->flags & PERMIT_RTP) || bytes < need || r.failed)
		return REASON_media_not_rtp;
	if (!(permit->payload_types[type >> 6] >> (type & 63) & 1))
		return REASON_media_payload_type;
	return REASON_none;
}

enum reason fastpath_shape(const struct permit *permit, struct slice payload,
			   uint32_t payload_bytes)
{
	struct reader r = reader_make(payload);
	uint8_t first = reader_u8(&r), second = reader_u8(&r);
	uint16_t third = reader_u16(&r);
	uint32_t word = reader_u32(&r), wanted = 0;

	if (permit->flags & PERMIT_ANY)
		return REASON_none;
	if (r.failed || payload_bytes < MEDIA_HEAD_BYTES)
		return REASON_media_not_rtp;
	if (first >> 6 == RTP_VERSION) {
		if (second < RTCP_FIRST || second > RTCP_LAST)
			return check_rtp(permit, reader_make(payload), payload_bytes);
		if ((third + 1u) * 4 <= payload_bytes)
			wanted = PERMIT_RTCP;
	} else if (first < 4 && word == STUN_COOKIE &&
		   third + STUN_HEADER_BYTES == (int64_t)payload_bytes) {
		wanted = PERMIT_STUN;
	} else if (first >= DTLS_FIRST && first <= DTLS_LAST &&
		   payload_bytes >= DTLS_HEADER_BYTES) {
		wanted = PERMIT_DTLS;
	}
	return permit->flags & wanted ? REASON_none : REASON_media_not_rtp;
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
	struct source_name name = { .address = packet->source, .zone = packet->zone };
	struct bucket *b;

	if (!rate)
		return true;
	/* A host has a /64 to choose addresses from (RFC 4291 2.5.4). */
	if (packet->family == FAMILY_IPV6)
		memset(&name.address.bytes[8], 0, 8);
	b = map_take(p->buckets, &name);
	if (!b)
		return true;
	if (!b->messages || now_ns - b->window_ns >= SECOND_NS)
		*b = (struct bucket){ .window_ns = now_ns };
	return b->messages++ < rate;
}
