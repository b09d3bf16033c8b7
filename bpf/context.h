/* SPDX-License-Identifier: GPL-2.0 */
/* The two contexts, xdp_md and __sk_buff, behind one small interface. `tc` is a constant in each
 * program, so each keeps one branch of every function.
 *
 * A tag that a device or the stack took out of the frame is seen in TC (skb->vlan_tci) and not in
 * XDP: the loader switches stripping off or refuses native mode. */
#ifndef RINGFENCE_BPF_CONTEXT_H
#define RINGFENCE_BPF_CONTEXT_H

#include <linux/pkt_cls.h>

#include "maps.h"

#define SECOND_NS 1000000000ull

/* Ethernet, two tags, and LIMIT_HEADER_BYTES end below it; the verifier must see a bound. */
#define PACKET_OFFSET_MASK 0x1ffu

_Static_assert(ETH_HLEN + 4 * LIMIT_VLAN_TAGS + LIMIT_HEADER_BYTES + 60 < PACKET_OFFSET_MASK,
	       "headers must lie within the bound that the verifier is shown");

static __always_inline struct xdp_md *context_xdp(const struct packet *pkt)
{
	return pkt->ctx;
}

static __always_inline struct __sk_buff *context_skb(const struct packet *pkt)
{
	return pkt->ctx;
}

/* Brings the headers into reach, fills in what the context knows. */
static __always_inline void context_open(struct packet *pkt)
{
	__u32 linear;

	if (!pkt->tc) {
		pkt->interface = context_xdp(pkt)->ingress_ifindex;
		pkt->frame_bytes = context_xdp(pkt)->data_end - context_xdp(pkt)->data;
		return;
	}
	pkt->interface = context_skb(pkt)->ifindex;
	pkt->frame_bytes = context_skb(pkt)->len;
	linear = context_skb(pkt)->data_end - context_skb(pkt)->data;
	if (linear < pkt->frame_bytes && linear < PACKET_OFFSET_MASK)
		bpf_skb_pull_data(context_skb(pkt), pkt->frame_bytes < PACKET_OFFSET_MASK ?
				  pkt->frame_bytes : PACKET_OFFSET_MASK);
}

/* `bytes` bytes of the frame at `offset`, or NULL where it ends before. Read anew from the
 * context each time: helpers may have moved the packet. */
static __always_inline void *packet_at(const struct packet *pkt, __u32 offset, __u32 bytes)
{
	void *data, *end;

	if (pkt->tc) {
		data = (void *)(long)context_skb(pkt)->data;
		end = (void *)(long)context_skb(pkt)->data_end;
	} else {
		data = (void *)(long)context_xdp(pkt)->data;
		end = (void *)(long)context_xdp(pkt)->data_end;
	}
	/* The compiler may know the bound and drop the mask; the verifier would not. */
	asm volatile("" : "+r"(offset));
	data += offset & PACKET_OFFSET_MASK;
	return data + bytes > end ? NULL : data;
}

static __always_inline long context_load(const struct packet *pkt, __u32 offset, void *to,
					 __u32 bytes)
{
	return pkt->tc ? bpf_skb_load_bytes(pkt->ctx, offset, to, bytes) :
			 bpf_xdp_load_bytes(pkt->ctx, offset, to, bytes);
}

/* A tag out of the frame, the outer one if there are more. */
static __always_inline bool context_has_tag(const struct packet *pkt)
{
	return pkt->tc && context_skb(pkt)->vlan_present;
}

static __always_inline __u16 context_tag(const struct packet *pkt)
{
	return context_skb(pkt)->vlan_tci & 0x0fff;
}

/* One buffer that bears several packets (GRO, or a sender's own segmentation). */
static __always_inline bool context_is_bundle(const struct packet *pkt)
{
	return pkt->tc && context_skb(pkt)->gso_size;
}

/* To be called before the frame is changed: false leaves it to the stack. */
static __always_inline bool context_redirect(struct packet *pkt, __u32 interface)
{
	if (pkt->tc) {
		pkt->action = bpf_redirect(interface, 0);
		return pkt->action == TC_ACT_REDIRECT;
	}
	pkt->action = bpf_redirect_map(&tx_ports, interface, XDP_PASS);
	return pkt->action == XDP_REDIRECT;
}

static __always_inline int context_action(const struct packet *pkt, enum verdict verdict)
{
	switch (verdict) {
	case NEXT:
	case PASS:
		return pkt->tc ? TC_ACT_UNSPEC : XDP_PASS;
	case FORWARD:
		return pkt->action;
	case DROP:
	case PUNT:
	case TRANSLATE:
		break;
	}
	return pkt->tc ? TC_ACT_SHOT : XDP_DROP;
}

static __always_inline struct control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

#endif
