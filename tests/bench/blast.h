/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What blast and its programs share: one packet's headers, and which flow comes next. */
#ifndef RINGFENCE_BENCH_BLAST_H
#define RINGFENCE_BENCH_BLAST_H

#include <linux/types.h>

#define BLAST_FIRST_PORT 20000
#define BLAST_PORT_BITS 14              /* ports of one phone address: 20000 to 36383           */
#define BLAST_FLOWS (1 << 17)           /* most of one run                                      */
#define BLAST_HEAD_BYTES 54             /* Ethernet, IPv4, UDP, RTP without CSRC                */
#define BLAST_PAYLOAD_BYTES 160         /* RFC 3551: 20 ms of PCMA                              */

/* Flow n is port n of its phone, the same at both ends. */
struct blast_plan {
	__u8 head[BLAST_HEAD_BYTES];    /* as of flow 0, turn 0                                 */
	__u16 pad;
	__u32 interface;                /* ifindex that the frames leave by                     */
	__u32 phone_receives;           /* or else it sends                                     */
	__u32 ip_sum;                   /* plain sums over what head holds, not yet folded      */
	__u32 udp_sum;
	__u32 flows;
	__u32 place;                    /* of the next flow within the turn                     */
	__u32 turn;                     /* each flow sends once a turn                          */
};

#endif
