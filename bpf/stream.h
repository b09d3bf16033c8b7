/* SPDX-License-Identifier: GPL-2.0 */
/* What tells a segment of a signalling connection: how it begins, and the kernel's own table of
 * sockets. Nothing is kept here: the kernel follows TCP better than we could. */
#ifndef RINGFENCE_BPF_STREAM_H
#define RINGFENCE_BPF_STREAM_H

#include "parse.h"

enum stream_socket {
	STREAM_NONE = 0,        /* no socket, or only one that listens                     */
	STREAM_OURS,            /* the connection's own                                    */
	STREAM_LEAVING,         /* in TIME_WAIT                                            */
};

/* Local to the programs, per CPU: their stack has no room for it (bpf/nat.h). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpf_sock_tuple);
} stream_tuples SEC(".maps");

static __always_inline bool stream_begins(const struct packet *pkt)
{
	return (pkt->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static __always_inline void stream_tuple(const struct packet *pkt, struct bpf_sock_tuple *ret)
{
	const struct flow_key *key = pkt->key;

	if (key->family == FAMILY_IPV4) {
		__builtin_memcpy(&ret->ipv4.saddr, key->source.bytes + 12, 4);
		__builtin_memcpy(&ret->ipv4.daddr, key->destination.bytes + 12, 4);
		ret->ipv4.sport = key->source_port;
		ret->ipv4.dport = key->destination_port;
		return;
	}
	__builtin_memcpy(ret->ipv6.saddr, &key->source, 16);
	__builtin_memcpy(ret->ipv6.daddr, &key->destination, 16);
	ret->ipv6.sport = key->source_port;
	ret->ipv6.dport = key->destination_port;
}

static __always_inline enum stream_socket stream_socket(const struct packet *pkt)
{
	__u32 zero = 0, state;
	struct bpf_sock_tuple *tuple = bpf_map_lookup_elem(&stream_tuples, &zero);
	struct bpf_sock *sk;

	if (!tuple)
		return STREAM_NONE;
	stream_tuple(pkt, tuple);
	sk = pkt->key->family == FAMILY_IPV4 ?
	     bpf_skc_lookup_tcp(context_skb(pkt), tuple, sizeof(tuple->ipv4),
				BPF_F_CURRENT_NETNS, 0) :
	     bpf_skc_lookup_tcp(context_skb(pkt), tuple, sizeof(tuple->ipv6),
				BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return STREAM_NONE;
	state = sk->state;
	bpf_sk_release(sk);
	if (state == BPF_TCP_LISTEN)
		return STREAM_NONE;
	return state == BPF_TCP_TIME_WAIT ? STREAM_LEAVING : STREAM_OURS;
}

/* Does it come from a port that is a service to those in its own zone? Alone that says nothing: who
 * sends chooses it. */
static __always_inline bool source_is_service(const struct packet *pkt)
{
	struct service_key key = {
		.zone = pkt->zone,
		.port = pkt->key->source_port,
		.protocol = IPPROTO_TCP,
	};

	return bpf_map_lookup_elem(&services, &key);
}

/* The kernel answers a caller for that long (net.ipv4.tcp_synack_retries). */
#define STREAM_BEGINNING_NS (64 * SECOND_NS)

static __always_inline void note_door_stream(__u64 now_ns)
{
	__u32 zero = 0;
	__u64 *began_ns = bpf_map_lookup_elem(&door_streams, &zero);

	if (began_ns)
		*began_ns = now_ns;
}

static __always_inline bool door_stream_begins(void)
{
	__u32 zero = 0;
	const __u64 *began_ns = bpf_map_lookup_elem(&door_streams, &zero);

	return began_ns && *began_ns &&
	       bpf_ktime_get_coarse_ns() - *began_ns < STREAM_BEGINNING_NS;
}

/* A segment of one of ours at another port, mostly of its far end. The look-up among sockets costs a stranger's bulk
 * transfer something: it is asked only where there is a reason. */
static __always_inline bool stream_answers(const struct packet *pkt)
{
	const struct control *word = control_get();

	if (!pkt->steers || !word || (!word->streams_elsewhere && !source_is_service(pkt) &&
				  !door_stream_begins()))
		return false;
	return stream_socket(pkt) != STREAM_NONE;
}

#endif
