/* SPDX-License-Identifier: GPL-2.0 */
/* The notebook that one packet carries from step to step, and the answers a step may give.
 * Nothing in it is shared: it lives on the stack of one program run. */
#ifndef RINGFENCE_BPF_PACKET_H
#define RINGFENCE_BPF_PACKET_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <ringfence/flow.h>
#include <ringfence/limits.h>
#include <ringfence/nat.h>
#include <ringfence/near.h>
#include <ringfence/punt.h>
#include <ringfence/reason.h>

enum verdict {
	NEXT = 0,       /* this step has no answer: ask the next one         */
	PASS,           /* to the host's own stack                           */
	DROP,           /* refused for packet.reason                         */
	FORWARD,        /* sent on by the program itself: packet.action      */
	PUNT,           /* the daemon has it, the original is held back      */
	TRANSLATE,      /* sent on by the function that follows (nat.h)      */
};

enum kind {
	KIND_UNKNOWN = 0,
	KIND_SIGNALLING,
	KIND_MEDIA,
};

/* `tc` is a constant in each program, so that the branches of the other context fold away; the
 * keys lie apart because only what no helper gets the address of stays in registers. */
struct packet {
	void *ctx;                      /* struct xdp_md, or struct __sk_buff where tc     */
	bool tc;
	bool steers;                    /* a constant too: gateway_steer, behind the others */
	struct flow_key *key;           /* of this packet                                  */
	struct flow_key *pinhole;       /* the key that matched in pinholes                */
	const struct permit *permit;    /* the flow or pinhole that was found              */
	__u32 slot;                     /* the permit's, known before the permit is read   */
	bool permitted;                 /* slot and pinhole are a permit's                 */
	__u64 now_ns;                   /* CLOCK_MONOTONIC as of the last tick; set once
					   the packet is ours                              */

	__u32 interface;                /* ifindex of arrival                              */
	__u32 frame_bytes;
	__u32 l3_offset;
	__u32 l3_bytes;                 /* by the IP header's own word                     */
	__u32 l4_offset;
	__u32 l4_bytes;
	__u32 payload_offset;           /* of UDP                                          */
	__u32 payload_bytes;
	__u16 vlan;                     /* outer 802.1Q identifier, 0 none                 */
	__u16 zone;
	__be16 ethertype;
	bool tagged;
	bool fragment;                  /* of any kind                                     */
	bool has_ports;                 /* whole, or a first fragment                      */
	bool for_reassembly;            /* a fragment that the daemon puts together        */
	__u8 ttl;
	__u8 tos;
	__u8 tcp_flags;                 /* TCP_SYN and its kin                             */
	bool tcp_empty;                 /* bears no data                                   */
	bool unread;                    /* signalling over a transport that is not read    */

	bool rtp;                       /* the three words below are set                   */
	__u16 rtp_sequence;
	__u32 rtp_timestamp;
	__u32 rtp_ssrc;

	enum kind kind;
	__u8 speaks;                    /* signalling: number of the protocol              */
	bool door;                      /* signalling: a flow or pinhole let it in         */
	bool trusted;
	enum reason defect;             /* refused for it if the packet proves to be ours  */
	enum reason reason;
	__u32 counter;                  /* enum counter of PASS, FORWARD and PUNT          */
	int action;                     /* FORWARD: what the program returns               */
};

static __always_inline enum verdict refuse(struct packet *pkt, enum reason reason)
{
	pkt->reason = reason;
	return DROP;
}

static __always_inline enum verdict pass(struct packet *pkt, enum counter counter)
{
	pkt->counter = counter;
	return PASS;
}

/* From here on the packet is judged: what was odd about it, and forgiven, counts. One clock for all
 * that lasts seconds, since windows are compared with it: the coarse one is up to a tick behind,
 * and costs a tenth of the exact one (bpf/rtp.h), which is much of what a packet costs. */
static __always_inline enum verdict packet_is_ours(struct packet *pkt, enum kind kind)
{
	pkt->kind = kind;
	pkt->now_ns = bpf_ktime_get_coarse_ns();
	return pkt->defect ? refuse(pkt, pkt->defect) : NEXT;
}

#endif
