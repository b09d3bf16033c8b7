// SPDX-License-Identifier: GPL-2.0
/* The benchmark's sender and its sink, both XDP. The sender writes RTP into the frame that it is run
 * on and sends that out of a veth; the sink counts what arrives and drops it. Neither is part of
 * what is measured: they cost the same for every set-up. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "blast.h"

char LICENSE[] SEC("license") = "GPL";

struct headers {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	__u8 rtp_first, rtp_second;
	__be16 rtp_sequence;
	__be32 rtp_timestamp;
	__be32 rtp_ssrc;
} __attribute__((packed));

_Static_assert(sizeof(struct headers) == BLAST_HEAD_BYTES, "the headers are the plan's");

struct blast_plan plan;
__u32 order[BLAST_FLOWS];       /* of the flows within a turn */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} arrived SEC(".maps");

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* All of the head is written anew: frames come back as the last run of them left them. */
static __always_inline void write_packet(struct headers *h, __u32 flow)
{
	__u8 phone = flow >> BLAST_PORT_BITS;
	__be16 port = bpf_htons(BLAST_FIRST_PORT + (flow & ((1 << BLAST_PORT_BITS) - 1)));
	__be16 sequence = bpf_htons(plan.turn);
	__be32 timestamp = bpf_htonl(plan.turn * BLAST_PAYLOAD_BYTES);
	__be32 ssrc = bpf_htonl(flow);

	__builtin_memcpy(h, plan.head, sizeof(*h));
	if (plan.phone_receives)
		((__u8 *)&h->ip.daddr)[3] += phone;
	else
		((__u8 *)&h->ip.saddr)[3] += phone;
	h->ip.check = fold(plan.ip_sum + bpf_htons(phone));
	h->udp.source = port;
	h->udp.dest = port;
	h->rtp_sequence = sequence;
	h->rtp_timestamp = timestamp;
	h->rtp_ssrc = ssrc;
	h->udp.check = fold(plan.udp_sum + bpf_htons(phone) + 2 * port + sequence +
			    (timestamp & 0xffff) + (timestamp >> 16) + (ssrc & 0xffff) +
			    (ssrc >> 16)) ?: 0xffff;
}

SEC("xdp")
int blast_send(struct xdp_md *ctx)
{
	struct headers *h = (void *)(long)ctx->data;

	if ((void *)(h + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	write_packet(h, order[plan.place & (BLAST_FLOWS - 1)]);
	if (++plan.place >= plan.flows) {
		plan.place = 0;
		plan.turn++;
	}
	return bpf_redirect(plan.interface, 0);
}

/* All but the benchmark's media goes to the host: neighbours must stay known. */
SEC("xdp")
int blast_sink(struct xdp_md *ctx)
{
	const struct headers *h = (void *)(long)ctx->data;
	__u32 zero = 0;
	__u64 *count;
	__u16 port;

	if ((void *)(h + 1) > (void *)(long)ctx->data_end ||
	    h->eth.h_proto != bpf_htons(ETH_P_IP) || h->ip.protocol != IPPROTO_UDP)
		return XDP_PASS;
	port = bpf_ntohs(h->udp.dest) - BLAST_FIRST_PORT;
	if (port >> BLAST_PORT_BITS)
		return XDP_PASS;
	count = bpf_map_lookup_elem(&arrived, &zero);
	if (count)
		++*count;
	return XDP_DROP;
}
