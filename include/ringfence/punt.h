/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Records of the rings from the fast path to the daemon. */
#ifndef RINGFENCE_PUNT_H
#define RINGFENCE_PUNT_H

#include "flow.h"
#include "limits.h"

enum punt_flag {
	PUNT_HELD = 1 << 0,         /* the original was held back: the daemon sends it on */
	PUNT_DOOR = 1 << 1,         /* a signalling door let it in, else a service's port */
	PUNT_FRAGMENT = 1 << 2,     /* data is an IP fragment, of whatever: no ports, no protocol known */
};

/* One datagram. `data` is the packet from its IP header on; the record ends with it. */
struct punt {
	__u64 time_ns;              /* CLOCK_MONOTONIC                                    */
	__u32 interface;            /* ifindex of arrival                                 */
	__u16 vlan;                 /* 802.1Q identifier, 0 none                          */
	__u16 zone;
	struct flow_key key;
	__u32 flags;                /* enum punt_flag                                     */
	__u16 l3_bytes;             /* length of the packet in data                       */
	__u16 payload_offset;       /* of the UDP payload in data; 0 in a fragment        */
	__u8 speaks;                /* number of the protocol                             */
	__u8 source_mac[6];
	__u8 destination_mac[6];
	__u8 pad;
	__u16 fragment_bytes;       /* put together: L3 bytes of its largest piece; 0 it came whole */
	__u8 data[];
};

enum event_kind {
	EVENT_LOCKED = 1,           /* a pinhole's first packet: open its flow            */
	EVENT_DROPPED,              /* a media packet was refused (at most 10 a second and CPU) */
	EVENT_REFUSED,              /* a signalling packet was, before the daemon saw it (another ten) */
};

struct event {
	__u64 time_ns;
	struct flow_key key;        /* of the packet                                      */
	struct flow_key pinhole;    /* LOCKED: the pinhole that admitted it               */
	__u32 kind;                 /* enum event_kind                                    */
	__u32 reason;               /* enum reason                                        */
	__u32 slot;
	__u32 pad;
};

/* Keys and values of the small tables that the daemon fills. */
struct attachment_key {
	__u32 interface;
	__u16 vlan;
	__u16 pad;
};

struct attachment {
	__u16 zone;
	__u8 by_hand;               /* 1: the operator's, no word of the configuration    */
	__u8 pad[5];
};

/* By zone number. A name that left the configuration stays until its number is needed. */
struct zone_name {
	char name[LIMIT_NAME_BYTES]; /* ends with a NUL; "" none                          */
};

/* Zone of an interface's untagged frames, at the lower bits of its index. */
struct interface_zone {
	__u32 interface;            /* 0: nobody is here                                  */
	__u16 zone;
	__u16 pad;
};

struct zone_ports {                 /* indexed by zone; host order                        */
	__u16 media_low;            /* 0: no media                                        */
	__u16 media_high;
	__u16 services[8];          /* low source ports whose answers pass in that range  */
	__u32 flags;
};

struct service_key {
	__u16 zone;
	__be16 port;                /* destination                                        */
	__u8 protocol;              /* IPPROTO_UDP, IPPROTO_TCP                           */
	__u8 pad[3];
};

struct service {
	__u8 speaks;                /* number of the protocol                             */
	__u8 unread;                /* 1: not over this transport: held back              */
	__u8 pad[6];
};

struct source_key {                 /* longest prefix match                               */
	__u32 prefix_bits;          /* of zone and address: 16 bits zone, 16 zero, 128    */
	__u16 zone;
	__u16 pad;
	struct address address;
};

struct network_key {                /* longest prefix match                               */
	__u32 prefix_bits;          /* of the 128; an IPv4 prefix counts from 96          */
	struct address address;
};

struct network_zone {                  /* whose zone a destination lies in                   */
	__u16 zone;
	__u16 pad[3];
};

enum source_standing {
	SOURCE_UNKNOWN = 0,
	SOURCE_TRUSTED,
	SOURCE_DENIED,
};

/* Whose entry it is: each origin takes away its own alone. */
enum source_origin {
	SOURCE_BY_OTHERS = 0,       /* written with bpftool, say                          */
	SOURCE_BY_CONFIGURATION,
	SOURCE_BY_OPERATOR,         /* a SOURCE row without a reason                      */
	SOURCE_BY_JUDGEMENT,        /* a SOURCE row with one                              */
};

struct source {
	__u16 standing;             /* enum source_standing                               */
	__u16 origin;               /* enum source_origin                                 */
	__u32 messages_per_second;  /* 0 unlimited                                        */
	__u64 until_ns;             /* 0 for good                                         */
};

/* Messages of a source in its running second. */
struct bucket_key {
	struct address address;     /* IPv6: the /64                                      */
	__u32 zone;
};

struct bucket {
	__u64 window_ns;
	__u32 messages;
	__u32 pad;
};

/* What the daemon may change while programs run. */
struct control {
	__u64 heartbeat_ns;         /* CLOCK_MONOTONIC, written by the daemon             */
	__u64 heartbeat_limit_ns;   /* older: the daemon is down                          */
	__u32 route_generation;     /* raised when routes or neighbours change            */
	__u32 pass_when_down;       /* policy: signalling passes unread without a daemon  */
	__u32 unknown_rate;         /* messages a second of a source without an entry     */
	__u32 reinject_mark;        /* value of the masked mark that says "judged"        */
	__u32 reinject_mask;
	__u32 steer_mark;           /* of the same mask: goes to the daemon's socket      */
	__u32 streams_elsewhere;    /* connections to ports that are no service: 0 none   */
	__u32 pass_strays;          /* policy: TCP that no socket of ours knows passes unread */
	__u8 enforcement[PROTECTION_COUNT]; /* enum enforcement                           */
};

#endif
