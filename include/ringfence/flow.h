/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Flows and pinholes: one key, one permit, and the activity that the fast path writes.
 *
 *   flows     exact key                      -> permit -> slot -> activity
 *   pinholes  key with zeros for what is open -> permit -> slot -> activity
 *
 * One writer a field: user space writes permits and never activity; the fast path writes activity
 * and never permits. */
#ifndef RINGFENCE_FLOW_H
#define RINGFENCE_FLOW_H

#include "types.h"

struct flow_key {
	struct address source;      /* zero in a pinhole: any host                       */
	struct address destination;
	__be16 source_port;         /* zero in a pinhole: any port                       */
	__be16 destination_port;
	__u16 zone;                 /* the zone that the packet comes from               */
	__u8 protocol;              /* IPPROTO_UDP, IPPROTO_TCP                          */
	__u8 family;                /* enum family                                       */
};

enum permit_flag {
	PERMIT_RTP = 1 << 0,        /* RTP with a payload type of the set                */
	PERMIT_RTCP = 1 << 1,       /* RTCP; with PERMIT_RTP: multiplexed (RFC 5761)     */
	PERMIT_STUN = 1 << 2,       /* STUN with its magic cookie (RFC 8489)             */
	PERMIT_DTLS = 1 << 3,       /* first byte 20..63 (RFC 7983)                      */
	PERMIT_ANY = 1 << 4,        /* no shape asked for: UDPTL and other media         */
	PERMIT_SIGNALLING = 1 << 5, /* goes to the daemon; `speaks` says what it is      */
	PERMIT_LOCK = 1 << 6,       /* the first packet fixes the source port            */
	PERMIT_EARLY = 1 << 7,      /* before the answer: any source, few, rate-bound    */
	PERMIT_CLOSED = 1 << 8,     /* step one of closing: passes nothing. A row: only named */
	PERMIT_TRANSLATED = 1 << 9, /* leaves as translations[slot] says                 */
};

#define SLOT_NONE 0xffffffffu

/* Written by user space alone. */
struct permit {
	__u32 slot;                 /* index into activity                               */
	__u32 flags;                /* enum permit_flag                                  */
	__u64 payload_types[2];     /* bit n: RTP payload type n                         */
	__u64 expires_ns;           /* CLOCK_MONOTONIC; backstop, 0 never                */
	__u32 packets_per_second;   /* 0 unlimited                                       */
	__u32 clock_hz;             /* RTP timestamp unit, for jitter; 0 is 8000         */
	__u16 zone_out;             /* zone of the receiver                              */
	__u8 speaks;                /* signalling: number of the protocol                */
	__u8 pad[5];
};

/* Next hop, kept by the fast path (architecture: "The next hop"). */
struct next_hop {
	__u32 interface;            /* 0 unknown                                         */
	__u32 generation;           /* of the routes at the look-up                      */
	__u64 until_ns;             /* CLOCK_MONOTONIC; looked up again after it         */
	__u8 source_mac[6];
	__u8 destination_mac[6];
	__u16 mtu;
	__u16 pad;
};

/* Written by the fast path alone. Two cache lines. */
struct activity {
	__u64 packets;
	__u64 bytes;                /* layer 3                                           */
	__u64 seen_ns;              /* last packet, CLOCK_MONOTONIC                      */
	__u64 dropped;
	struct next_hop hop;
	/* RTP (RFC 3550 6.4.1, A.3, A.8) */
	__u32 ssrc;
	__u32 jitter;               /* 1/16 of the timestamp unit; over pairs (bpf/rtp.h) */
	__u32 transit;              /* of the packet transit_sequence                    */
	__u32 expected;             /* packets by sequence number since the first        */
	__u16 sequence;             /* highest seen                                      */
	__u16 cycles;
	__u32 received;             /* RTP packets                                       */
	__u64 lock;                 /* pinhole: source port (network order) | 1 << 16; 0 open */
	__u64 window_ns;            /* policing: start of the running second             */
	__u32 window_packets;
	__u32 stack_second;         /* last time a packet went by the stack, ns >> 30    */
	__u32 told_second;          /* last EVENT_LOCKED, ns >> 30                       */
	__u16 transit_sequence;
	__u16 transit_known;
	__u32 pad[2];
};

#endif
