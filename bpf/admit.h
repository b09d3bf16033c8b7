/* SPDX-License-Identifier: GPL-2.0 */
/* Step: is this source welcome, at this rate? A denied source sends neither signalling nor media
 * into a pinhole; rates bound messages alone, media has its permit's. A running flow is not asked:
 * who denies a source ends its calls. */
#ifndef RINGFENCE_BPF_ADMIT_H
#define RINGFENCE_BPF_ADMIT_H

#include "report.h"
#include "stream.h"

/* Where policy only watches, the packet goes on, and is still judged by the steps that follow. */
static __always_inline enum verdict object_to_source(struct packet *pkt, enum reason reason)
{
	switch (reason_enforcement(PROTECTION_SOURCES)) {
	case ENFORCE_MONITOR:
		count(COUNTER_messages_monitored);
		return NEXT;
	case ENFORCE_OFF:
		return NEXT;
	default:
		return refuse(pkt, reason);
	}
}

static __always_inline const struct source *source_find(const struct packet *pkt)
{
	struct source_key key = {
		.prefix_bits = 32 + 128,
		.zone = pkt->zone,
		.address = pkt->key->source,
	};
	const struct source *source = bpf_map_lookup_elem(&sources, &key);

	if (source && source->until_ns && pkt->now_ns >= source->until_ns)
		return NULL;
	return source;
}

/* True while the source keeps to `rate` messages a second. */
static __always_inline bool source_in_rate(const struct packet *pkt, __u32 rate)
{
	struct bucket_key key = { .address = pkt->key->source, .zone = pkt->zone };
	struct bucket fresh = { .window_ns = pkt->now_ns, .messages = 1 };
	struct bucket *bucket;

	/* A host has a /64 to choose addresses from (RFC 4291 2.5.4). */
	if (pkt->key->family == FAMILY_IPV6)
		__builtin_memset(&key.address.bytes[8], 0, 8);
	bucket = bpf_map_lookup_elem(&source_buckets, &key);
	if (!bucket) {
		bpf_map_update_elem(&source_buckets, &key, &fresh, BPF_ANY);
		return true;
	}
	if (pkt->now_ns - bucket->window_ns >= SECOND_NS) {
		bucket->window_ns = pkt->now_ns;
		bucket->messages = 0;
	}
	return __sync_fetch_and_add(&bucket->messages, 1) < rate;
}

static __always_inline enum verdict admit_source(struct packet *pkt)
{
	const struct source *source = source_find(pkt);
	const struct control *word = control_get();
	__u32 rate = word ? word->unknown_rate : 0;

	if (source) {
		if (source->standing == SOURCE_DENIED)
			return object_to_source(pkt, REASON_source_denied);
		pkt->trusted = source->standing == SOURCE_TRUSTED;
		rate = source->messages_per_second;
	}
	/* Of a connection its beginning counts, once: in gateway_steer. What it says is counted where
	 * it is read. */
	if (pkt->key->protocol == IPPROTO_TCP && (!pkt->steers || !stream_begins(pkt)))
		rate = 0;
	if (pkt->kind == KIND_SIGNALLING && rate && !source_in_rate(pkt, rate))
		return object_to_source(pkt, REASON_source_rate);
	return NEXT;
}

#endif
