/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Is it what the call negotiated? RTP, RTCP, STUN and DTLS by their first bytes (RFC 7983 7). One
 * judgement for the fast path and for the replay of captures. */
#ifndef RINGFENCE_MEDIA_H
#define RINGFENCE_MEDIA_H

#include "flow.h"
#include "reason.h"

#define MEDIA_HEAD_BYTES 8              /* every protocol here has at least so many           */
#define RTP_VERSION 2
#define RTP_HEADER_BYTES 12
#define RTCP_FIRST 192                  /* RFC 5761 4 */
#define RTCP_LAST 223
#define STUN_HEADER_BYTES 20
#define STUN_COOKIE 0x2112a442          /* RFC 8489 5 */
#define DTLS_HEADER_BYTES 13            /* RFC 6347 4.1 */
#define DTLS_FIRST 20
#define DTLS_LAST 63

/* First bytes of the payload, in host order. */
struct media_head {
	__u8 first;             /* RTP, RTCP: version 2 bits, padding, extension, count 4 bits   */
	__u8 second;            /* RTP: marker, payload type 7 bits; RTCP: packet type           */
	__u16 third;            /* RTP: sequence; RTCP: words - 1; STUN: length                  */
	__u32 word;             /* RTP: timestamp; RTCP: sender; STUN: cookie                    */
};

#define media_inline static inline __attribute__((always_inline))

media_inline int media_is_rtcp(const struct media_head *head)
{
	return head->second >= RTCP_FIRST && head->second <= RTCP_LAST;
}

media_inline int media_is_rtp(const struct media_head *head)
{
	return head->first >> 6 == RTP_VERSION && !media_is_rtcp(head);
}

media_inline enum reason media_rtp_shape(const struct permit *permit,
					 const struct media_head *head, __u32 bytes)
{
	__u32 need = RTP_HEADER_BYTES + (head->first & 0x0f) * 4 + (head->first & 0x10 ? 4 : 0);
	__u32 type = head->second & 0x7f;

	if (!(permit->flags & PERMIT_RTP) || bytes < need)
		return REASON_media_not_rtp;
	if (!(permit->payload_types[type >> 6] >> (type & 63) & 1))
		return REASON_media_payload_type;
	return REASON_none;
}

/* `bytes`: of the payload; at least MEDIA_HEAD_BYTES. PERMIT_ANY is the caller's to ask first. */
media_inline enum reason media_shape(const struct permit *permit, const struct media_head *head,
				     __u32 bytes)
{
	__u32 wanted = 0;

	if (media_is_rtp(head))
		return media_rtp_shape(permit, head, bytes);
	if (head->first >> 6 == RTP_VERSION) {
		if ((head->third + 1u) * 4 <= bytes)
			wanted = PERMIT_RTCP;
	} else if (head->first < 4 && head->word == STUN_COOKIE &&
		   head->third + (__u32)STUN_HEADER_BYTES == bytes) {
		wanted = PERMIT_STUN;
	} else if (head->first >= DTLS_FIRST && head->first <= DTLS_LAST &&
		   bytes >= DTLS_HEADER_BYTES) {
		wanted = PERMIT_DTLS;
	}
	return permit->flags & wanted ? REASON_none : REASON_media_not_rtp;
}

#endif
