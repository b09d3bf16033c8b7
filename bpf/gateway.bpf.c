// SPDX-License-Identifier: GPL-2.0
/* A packet's journey. Each program is the same list of questions, asked until one has an answer;
 * each question is a header of its own. */
#include "admit.h"
#include "classify.h"
#include "context.h"
#include "finish.h"
#include "flow.h"
#include "fragment.h"
#include "icmp.h"
#include "maps.h"
#include "packet.h"
#include "parse.h"
#include "pinhole.h"
#include "punt.h"
#include "steer.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline enum verdict travel(struct packet *pkt)
{
	enum verdict v = parse_packet(pkt);

	v = v ?: check_fragment(pkt);
	v = v ?: pass_known_flow(pkt);
	v = v ?: classify(pkt);
	v = v ?: admit_source(pkt);
	v = v ?: leave_stream(pkt);
	v = v ?: punt_signalling(pkt);
	v = v ?: match_pinhole(pkt);
	return v;
}

/* What is translated is sent on by a function that follows, for they have one stack. */
__noinline int judge_xdp(struct xdp_md *ctx)
{
	struct flow_key key = {}, pinhole = {};
	struct packet pkt = { .ctx = ctx, .key = &key, .pinhole = &pinhole };

	return finish(&pkt, travel(&pkt));
}

__noinline int judge_tc(struct __sk_buff *ctx)
{
	struct flow_key key = {}, pinhole = {};
	struct packet pkt = { .ctx = ctx, .tc = true, .key = &key, .pinhole = &pinhole };

	return finish(&pkt, travel(&pkt));
}

SEC("xdp")
int gateway_ingress(struct xdp_md *ctx)
{
	int action = judge_xdp(ctx);

	return action == ACTION_CROSS ? cross_xdp(ctx) : action;
}

static __always_inline bool is_judged(const struct __sk_buff *ctx)
{
	const struct control *word = control_get();

	return word && word->reinject_mask &&
	       (ctx->mark & word->reinject_mask) == word->reinject_mark;
}

/* The twin where native XDP is not to be had. Judged messages come in again here, put back by
 * reinject_egress; they bear its mark, which no packet from outside can. */
SEC("tc")
int gateway_tc(struct __sk_buff *ctx)
{
	int action;

	if (is_judged(ctx))
		return TC_ACT_UNSPEC;
	action = judge_tc(ctx);
	return action == ACTION_CROSS ? cross_tc(ctx) : action;
}

static __always_inline enum verdict travel_behind(struct packet *pkt)
{
	enum verdict v = check_fragment(pkt);

	v = v ?: classify(pkt);
	v = v ?: admit_source(pkt);
	v = v ?: steer_stream(pkt);
	return v;
}

/* UDP was judged before, and is looked at for what is translated alone. */
__noinline int judge_behind(struct __sk_buff *ctx)
{
	struct flow_key key = {}, pinhole = {};
	struct packet pkt = { .ctx = ctx, .tc = true, .steers = true, .key = &key,
			      .pinhole = &pinhole };

	if (parse_packet(&pkt))
		return is_icmp(&pkt) && begin_crossing(&pkt) == ACTION_CROSS ? ACTION_QUOTES :
									       TC_ACT_UNSPEC;
	if (key.protocol == IPPROTO_UDP)
		return take_handed_up(&pkt) ? finish(&pkt, TRANSLATE) : TC_ACT_UNSPEC;
	return finish(&pkt, travel_behind(&pkt));
}

/* Behind the one or the other, which passed all of TCP that it did not drop. Native XDP hands up, too,
 * what is translated and needs the kernel's help. */
SEC("tc")
int gateway_steer(struct __sk_buff *ctx)
{
	int action;

	if (is_judged(ctx))
		return TC_ACT_UNSPEC;
	action = judge_behind(ctx);
	if (action == ACTION_QUOTES)
		return return_error_tc(ctx);
	return action == ACTION_CROSS ? cross_tc(ctx) : action;
}

/* On the egress of our own veth, into which the daemon writes judged messages: the sender's SO_MARK
 * is the ifindex of the interface that the original came in by, and there it comes in again, so
 * that the host's firewall sees the right one. A VLAN tag is in the frame, as the sender wrote. */
SEC("tc")
int reinject_egress(struct __sk_buff *ctx)
{
	const struct control *word = control_get();
	__u32 interface = ctx->mark;

	if (!word || !interface)
		return TC_ACT_SHOT;
	ctx->mark = word->reinject_mark & word->reinject_mask;
	return bpf_redirect(interface, BPF_F_INGRESS);
}
