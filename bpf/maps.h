/* SPDX-License-Identifier: GPL-2.0 */
/* Every map of the fast path, with who writes it and who reads it. "Daemon" is user space,
 * "programs" are those of gateway.bpf.c. Pinning is the loader's business. */
#ifndef RINGFENCE_BPF_MAPS_H
#define RINGFENCE_BPF_MAPS_H

#include "packet.h"
#include "rows.h"

/* Exact flows. Writer: daemon (open, close). Reader: programs, once a packet. Preallocated: an
 * entry must not be freed under a program that still holds it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_FLOWS);
	__type(key, struct flow_key);
	__type(value, struct permit);
} flows SEC(".maps");

/* The same flows once more, as ringfence/near.h tells. Writer: daemon, which takes a flow out of the
 * index before it changes it, and writes a slot where no running program looks. Reader: programs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << LIMIT_NEAR_BITS);
	__type(key, __u32);
	__type(value, struct near_set);
} near_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct near_shape);
} near_shape SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_SLOTS);
	__type(key, __u32);
	__type(value, struct near_flow);
} near_flows SEC(".maps");

/* Promised media and doors, zeros for what is open. Writer: daemon. Reader: programs, on a miss. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_PINHOLES);
	__type(key, struct flow_key);
	__type(value, struct permit);
} pinholes SEC(".maps");

/* What flows and pinholes did, by permit.slot. Writer: programs (the daemon zeroes a slot before
 * it opens an entry that names it). Reader: daemon, through mmap. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_SLOTS);
	__type(key, __u32);
	__type(value, struct activity);
} activity SEC(".maps");

/* How what is PERMIT_TRANSLATED leaves, by permit.slot. Writer: daemon, before it opens an entry that
 * names the slot. Reader: programs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_SLOTS);
	__type(key, __u32);
	__type(value, struct translation);
} translations SEC(".maps");

/* Which interface and VLAN is which zone; what is not here passes. Writer: daemon. Reader:
 * programs, once a packet. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_ATTACHMENTS);
	__type(key, struct attachment_key);
	__type(value, struct attachment);
} attachments SEC(".maps");

/* The same for untagged frames, in an array; interfaces whose numbers share their lower bits share
 * a place, and who is not in it is asked of attachments. Writer: daemon. Reader: programs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LIMIT_INTERFACE_ZONES);
	__type(key, __u32);
	__type(value, struct interface_zone);
} interfaces SEC(".maps");

/* Media range of each zone, by its number. Writer: daemon. Reader: programs, on a miss. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LIMIT_ZONES + 1);
	__type(key, __u32);
	__type(value, struct zone_ports);
} zones SEC(".maps");

/* What the zones are called, by number. Writer: daemon. Reader: daemon and commands, so that a zone
 * keeps its number and what is pinned can be shown without a daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LIMIT_ZONES + 1);
	__type(key, __u32);
	__type(value, struct zone_name);
} zone_names SEC(".maps");

/* Zone of a destination. Writer: daemon. Reader: programs, on a miss. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_NETWORKS);
	__type(key, struct network_key);
	__type(value, struct network_zone);
} networks SEC(".maps");

/* Destination ports that are signalling. Writer: daemon. Reader: programs, on a miss. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_SERVICES);
	__type(key, struct service_key);
	__type(value, struct service);
} services SEC(".maps");

/* Addresses of this host. Writer: daemon. Reader: programs, on a miss. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_LOCAL_ADDRESSES);
	__type(key, struct address);
	__type(value, __u8);
} local_addresses SEC(".maps");

/* Who is trusted or denied. Writer: daemon. Reader: programs, on a miss that is ours. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_SOURCES);
	__type(key, struct source_key);
	__type(value, struct source);
} sources SEC(".maps");

/* Messages of each source in its running second. Writer: programs; what is forgotten by LRU only
 * begins a new second early. Reader: commands. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIMIT_SOURCE_BUCKETS);
	__type(key, struct bucket_key);
	__type(value, struct bucket);
} source_buckets SEC(".maps");

/* Reasons first, plain counters behind them (reason.h). Writer: programs. Reader: daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTER_END);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* What may change while programs run, heartbeat included. Writer: daemon, through mmap. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct control);
} control SEC(".maps");

/* Interfaces that take redirected frames, by ifindex. Writer: daemon, after it has checked that
 * the device delivers them. Reader: gateway_ingress; what is not here goes by the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, LIMIT_INTERFACES);
	__type(key, __u32);
	__type(value, __u32);
} tx_ports SEC(".maps");

/* Signalling of trusted sources, of others, and events, a ring each: a flood of one starves none
 * of the others. Writer: programs. Reader: daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, LIMIT_RING_BYTES);
} punt_trusted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, LIMIT_RING_BYTES);
} punt_other SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, LIMIT_RING_BYTES);
} events SEC(".maps");

/* The daemon's transparent listeners, IPv4 and IPv6; who dies is taken out by the kernel. Writer:
 * daemon. Reader: the TC programs, for connections that begin. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} listeners SEC(".maps");

/* When a connection last began at a door: until the daemon has taken it, nothing but its socket tells
 * what its segments are. Local to the TC programs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} door_streams SEC(".maps");

/* Where a record is put together before it is copied into its ring. Local to the programs: per
 * CPU, and neither XDP nor TC is interrupted by the other on one CPU. */
struct punt_scratch {
	__u8 bytes[sizeof(struct punt) + LIMIT_PUNT_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct punt_scratch);
} punt_scratches SEC(".maps");

/* Refusals that were told in the running second: of signalling (1) and of all else (0), so that a
 * flood of media hides no message. Local to the programs. */
struct event_budget {
	__u64 window_ns;
	__u32 told;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct event_budget);
} event_budgets SEC(".maps");

#endif
