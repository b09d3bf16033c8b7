// SPDX-License-Identifier: GPL-2.0
/* A packet's journey. Each program is the same list of questions, asked until one has an answer;
 * each question is a header of its own. */
#include "admit.h"
#include "classify.h"
#include "context.h"
#include "finish.h"
#include "flow.h"
#include "fragment.h"
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

SEC("xdp")
int gateway_ingress(struct xdp_md *ctx)
{
	struct flow_key key = {}, pinhole = {};
	struct packet pkt = { .ctx = ctx, .key = &key, .pinhole = &pinhole };
	enum verdict v = travel(&pkt);

	return finish(&pkt, v);
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
	struct flow_key key = {}, pinhole = {};
	struct packet pkt = { .ctx = ctx, .tc = true, .key = &key, .pinhole = &pinhole };
	enum verdict v;

	if (is_judged(ctx))
		return TC_ACT_UNSPEC;
	v = travel(&pkt);

	return finish(&pkt, v);
}

/* Behind the one or the other, which passed all of TCP that it did not drop. */
SEC("tc")
int gateway_steer(struct __sk_buff *ctx)
{
	struct flow_key key = {}, pinhole = {};
	struct packet pkt = { .ctx = ctx, .tc = true, .steers = true, .key = &key,
			      .pinhole = &pinhole };
	enum verdict v;

	if (is_judged(ctx))
		return TC_ACT_UNSPEC;
	v = parse_packet(&pkt);
	if (v || key.protocol != IPPROTO_TCP)
		return TC_ACT_UNSPEC;
	v = check_fragment(&pkt);
	v = v ?: classify(&pkt);
	v = v ?: admit_source(&pkt);
	v = v ?: steer_stream(&pkt);

	return finish(&pkt, v);
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
