/* SPDX-License-Identifier: GPL-2.0 */
/* Part of the known flow's step: is it what the call negotiated (ringfence/media.h), and what an RTP
 * receiver would report of it (RFC 3550 A.1, A.3, A.8). */
#ifndef RINGFENCE_BPF_RTP_H
#define RINGFENCE_BPF_RTP_H

#include <ringfence/media.h>

#include "report.h"

#define RTP_CLOCK_HZ 8000
#define RTP_SCALE 4398
#define RTP_MAX_DROPOUT 3000            /* RFC 3550 A.1 */
#define RTP_SEQUENCES (1u << 16)
#define JITTER_PACKETS 8

static __always_inline bool load_head(const struct packet *pkt, struct media_head *head)
{
	const struct {
		__u8 first, second;
		__be16 third;
		__be32 word;
	} *wire = packet_at(pkt, pkt->payload_offset, MEDIA_HEAD_BYTES);

	if (!wire || pkt->payload_bytes < MEDIA_HEAD_BYTES)
		return false;
	head->first = wire->first;
	head->second = wire->second;
	head->third = bpf_ntohs(wire->third);
	head->word = bpf_ntohl(wire->word);
	return true;
}

/* What the receiver's report needs, while the head is at hand. */
static __always_inline bool note_rtp(struct packet *pkt, const struct media_head *head)
{
	const __be32 *ssrc = packet_at(pkt, pkt->payload_offset + MEDIA_HEAD_BYTES, sizeof(*ssrc));

	if (!ssrc)
		return false;
	pkt->rtp = true;
	pkt->rtp_sequence = head->third;
	pkt->rtp_timestamp = head->word;
	pkt->rtp_ssrc = bpf_ntohl(*ssrc);
	return true;
}

static __always_inline enum verdict check_shape(struct packet *pkt, const struct permit *permit)
{
	struct media_head head;
	enum reason reason;

	if (permit->flags & PERMIT_ANY)
		return NEXT;
	if (!load_head(pkt, &head))
		return refuse(pkt, REASON_media_not_rtp);
	reason = media_shape(permit, &head, pkt->payload_bytes);
	if (reason)
		return refuse(pkt, reason);
	if (media_is_rtp(&head) && !note_rtp(pkt, &head))
		return refuse(pkt, REASON_media_not_rtp);
	return NEXT;
}

/* RFC 3550 A.1, without its probation: the call was negotiated, its first packet counts. */
static __always_inline void count_sequence(const struct packet *pkt, struct activity *act)
{
	__u16 ahead = pkt->rtp_sequence - act->sequence;

	if (ahead == 0 || ahead >= RTP_SEQUENCES - RTP_MAX_DROPOUT)
		return;
	if (ahead < RTP_MAX_DROPOUT) {
		if (pkt->rtp_sequence < act->sequence)
			act->cycles++;
		act->expected += ahead;
	} else {
		act->expected++;        /* the sender began anew */
	}
	act->sequence = pkt->rtp_sequence;
}

/* Arrival in timestamp units, modulo 2^32 as the timestamps are. In steps of 1,024 ns, times
 * 1024 / 10^9 in 32 binary places: 4398.05, no division (a jitter is between two packets, where 11
 * millionths are nothing), and what overflows 64 bits lies above the 32 that are kept. */
static __always_inline __u32 rtp_arrival(const struct permit *permit)
{
	__u64 clock_hz = permit->clock_hz ? permit->clock_hz : RTP_CLOCK_HZ;

	return ((bpf_ktime_get_ns() >> 10) * clock_hz * RTP_SCALE) >> 32;
}

/* RFC 3550 A.8, over one pair of successive packets in eight: the mean deviation of their spacing is
 * that of all, and the exact clock, without which there is none, is the dearest thing here. */
static __always_inline void count_jitter(const struct packet *pkt, const struct permit *permit,
					 struct activity *act)
{
	__u16 place = pkt->rtp_sequence % JITTER_PACKETS;
	__u16 before = pkt->rtp_sequence - 1;
	__u32 transit;
	__s32 apart;

	if (place > 1)
		return;
	transit = rtp_arrival(permit) - pkt->rtp_timestamp;
	if (place == 1 && act->transit_known && act->transit_sequence == before) {
		apart = transit - act->transit;
		if (apart < 0)
			apart = -apart;
		act->jitter += apart - ((act->jitter + 8) >> 4);
	}
	act->transit = transit;
	act->transit_sequence = pkt->rtp_sequence;
	act->transit_known = 1;
}

static __always_inline void count_rtp(const struct packet *pkt, const struct permit *permit,
				      struct activity *act)
{
	act->received++;
	if (act->received == 1 || act->ssrc != pkt->rtp_ssrc) {
		act->ssrc = pkt->rtp_ssrc;
		act->sequence = pkt->rtp_sequence;
		act->cycles = 0;
		act->expected = 1;
		act->received = 1;
		act->jitter = 0;
		act->transit_known = 0;
	} else {
		count_sequence(pkt, act);
	}
	count_jitter(pkt, permit, act);
}

#endif
