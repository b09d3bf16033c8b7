/* SPDX-License-Identifier: GPL-2.0 */
/* Part of the known flow's step: is it what the call negotiated (RTP, RTCP, STUN, DTLS by their
 * first bytes, RFC 7983), and what an RTP receiver would report of it (RFC 3550 A.1, A.3, A.8). */
#ifndef RINGFENCE_BPF_RTP_H
#define RINGFENCE_BPF_RTP_H

#include "report.h"

#define RTP_VERSION 2
#define RTP_HEADER_BYTES 12
#define RTP_CLOCK_HZ 8000
#define RTP_SCALE 4398
#define RTP_MAX_DROPOUT 3000            /* RFC 3550 A.1 */
#define RTP_SEQUENCES (1u << 16)
#define RTCP_HEADER_BYTES 8
#define RTCP_FIRST 192                  /* RFC 5761 4 */
#define RTCP_LAST 223
#define STUN_HEADER_BYTES 20
#define STUN_COOKIE 0x2112a442          /* RFC 8489 5 */
#define DTLS_HEADER_BYTES 13            /* RFC 6347 4.1 */
#define DTLS_FIRST 20
#define DTLS_LAST 63

/* First words of the payload, as every protocol here has at least eight bytes of them. */
struct media_head {
	__u8 first;             /* RTP, RTCP: version 2 bits, padding, extension, count 4 bits   */
	__u8 second;            /* RTP: marker, payload type 7 bits; RTCP: packet type           */
	__be16 third;           /* RTP: sequence; RTCP: words - 1; STUN: length                  */
	__be32 word;            /* RTP: timestamp; RTCP: sender; STUN: cookie                    */
};

static __always_inline enum verdict check_rtp(struct packet *pkt, const struct permit *permit,
					      const struct media_head *head)
{
	__u32 need = RTP_HEADER_BYTES + (head->first & 0x0f) * 4;
	__u32 type = head->second & 0x7f;
	const __be32 *ssrc;

	if (head->first & 0x10)
		need += 4;
	ssrc = packet_at(pkt, pkt->payload_offset + sizeof(*head), sizeof(*ssrc));
	if (!(permit->flags & PERMIT_RTP) || pkt->payload_bytes < need || !ssrc)
		return refuse(pkt, REASON_media_not_rtp);
	if (!(permit->payload_types[type >> 6] >> (type & 63) & 1))
		return refuse(pkt, REASON_media_payload_type);
	pkt->rtp = true;
	pkt->rtp_sequence = bpf_ntohs(head->third);
	pkt->rtp_timestamp = bpf_ntohl(head->word);
	pkt->rtp_ssrc = bpf_ntohl(*ssrc);
	return NEXT;
}

static __always_inline bool is_rtcp(const struct media_head *head)
{
	return head->second >= RTCP_FIRST && head->second <= RTCP_LAST;
}

static __always_inline bool is_stun(const struct packet *pkt, const struct media_head *head)
{
	return head->first < 4 && head->word == bpf_htonl(STUN_COOKIE) &&
	       bpf_ntohs(head->third) + STUN_HEADER_BYTES == pkt->payload_bytes;
}

static __always_inline enum verdict check_shape(struct packet *pkt, const struct permit *permit)
{
	const struct media_head *head;
	__u32 wanted = 0;

	if (permit->flags & PERMIT_ANY)
		return NEXT;
	head = packet_at(pkt, pkt->payload_offset, sizeof(*head));
	if (!head || pkt->payload_bytes < sizeof(*head))
		return refuse(pkt, REASON_media_not_rtp);

	if (head->first >> 6 == RTP_VERSION) {
		if (!is_rtcp(head))
			return check_rtp(pkt, permit, head);
		if ((bpf_ntohs(head->third) + 1) * 4 <= pkt->payload_bytes)
			wanted = PERMIT_RTCP;
	} else if (is_stun(pkt, head)) {
		wanted = PERMIT_STUN;
	} else if (head->first >= DTLS_FIRST && head->first <= DTLS_LAST &&
		   pkt->payload_bytes >= DTLS_HEADER_BYTES) {
		wanted = PERMIT_DTLS;
	}
	return permit->flags & wanted ? NEXT : refuse(pkt, REASON_media_not_rtp);
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
static __always_inline __u32 rtp_arrival(const struct packet *pkt, const struct permit *permit)
{
	__u64 clock_hz = permit->clock_hz ? permit->clock_hz : RTP_CLOCK_HZ;

	return ((pkt->now_ns >> 10) * clock_hz * RTP_SCALE) >> 32;
}

static __always_inline void count_rtp(const struct packet *pkt, const struct permit *permit,
				      struct activity *act)
{
	__u32 transit = rtp_arrival(pkt, permit) - pkt->rtp_timestamp;

	act->received++;
	if (act->received == 1 || act->ssrc != pkt->rtp_ssrc) {
		act->ssrc = pkt->rtp_ssrc;
		act->sequence = pkt->rtp_sequence;
		act->cycles = 0;
		act->expected = 1;
		act->received = 1;
		act->jitter = 0;
	} else {
		__s32 apart = transit - act->transit;

		count_sequence(pkt, act);
		if (apart < 0)
			apart = -apart;
		act->jitter += apart - ((act->jitter + 8) >> 4);        /* A.8 */
	}
	act->transit = transit;
}

#endif
