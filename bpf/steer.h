/* SPDX-License-Identifier: GPL-2.0 */
/* Step: signalling over TCP goes to the daemon's transparent sockets. A mark leads it to the host's
 * own stack, which finds the connection; one that begins is given to the listener.
 *
 *   a connection of ours      to its socket, whoever lives
 *   begins, nobody listens    dropped, or passes unread if policy says so
 *   begins                    to the listener
 *   a stray segment           to the listener, which has nothing by it and resets its sender, or
 *                             passes unread if policy says so; a bare reset passes on, so that the
 *                             other end learns of it, too
 *
 * Native XDP has no sockets, and both programs have no room for it: they pass TCP up that they do not
 * refuse, and gateway_steer asks the questions here. */
#ifndef RINGFENCE_BPF_STEER_H
#define RINGFENCE_BPF_STEER_H

#include "punt.h"
#include "stream.h"

static __always_inline enum verdict to_stack(struct packet *pkt)
{
	const struct control *word = control_get();

	if (!word)
		return refuse(pkt, REASON_daemon_down);
	context_skb(pkt)->mark = (context_skb(pkt)->mark & ~word->reinject_mask) |
				 (word->steer_mark & word->reinject_mask);
	return pass(pkt, COUNTER_streams_steered);
}

static __always_inline enum verdict to_listener(struct packet *pkt)
{
	__u32 which = pkt->key->family == FAMILY_IPV6;
	struct bpf_sock *sk = bpf_map_lookup_elem(&listeners, &which);
	long failed;

	if (!sk)
		return unread(pkt, REASON_daemon_down);
	failed = bpf_sk_assign(context_skb(pkt), sk, 0);
	bpf_sk_release(sk);
	if (pkt->door)
		note_door_stream(pkt->now_ns);
	return failed ? unread(pkt, REASON_daemon_down) : to_stack(pkt);
}

static __always_inline enum verdict take_stray(struct packet *pkt)
{
	const struct control *word = control_get();
	enum verdict v;

	if (pkt->tcp_flags & TCP_RST && !pkt->tcp_empty)
		return refuse(pkt, REASON_stream_stray);
	if ((word && word->pass_strays) || pkt->tcp_flags & TCP_RST)
		v = pass(pkt, COUNTER_signalling_unread);
	else
		v = to_listener(pkt);
	if (v == PASS) {
		pkt->reason = REASON_stream_stray;
		count(pkt->reason);
		tell_refusal(pkt);
	}
	return v;
}

static __always_inline enum verdict begin_stream(struct packet *pkt)
{
	/* The daemon knows a connection's zone by its address alone: it must be the right one. */
	struct network_key key = { .prefix_bits = 128, .address = pkt->key->source };
	const struct network_zone *network = bpf_map_lookup_elem(&networks, &key);

	if (!daemon_listens(pkt))
		return unread(pkt, REASON_daemon_down);
	if (!network || network->zone != pkt->zone)
		return refuse(pkt, REASON_stream_wrong_zone);
	return to_listener(pkt);
}

static __always_inline bool is_stream(const struct packet *pkt)
{
	return pkt->kind == KIND_SIGNALLING && pkt->key->protocol == IPPROTO_TCP;
}

/* For gateway_steer to decide. */
static __always_inline enum verdict leave_stream(struct packet *pkt)
{
	if (!is_stream(pkt))
		return NEXT;
	if (pkt->unread || destination_is_local(pkt))
		return refuse(pkt, REASON_transport_unread);
	return PASS;
}

static __always_inline enum verdict steer_stream(struct packet *pkt)
{
	enum verdict v = leave_stream(pkt);
	enum stream_socket socket;

	if (v != PASS)
		return v;
	socket = stream_socket(pkt);
	/* Who opens anew what has just ended (RFC 9293 3.6.1) begins. */
	if (socket == STREAM_OURS || (socket == STREAM_LEAVING && !stream_begins(pkt)))
		return to_stack(pkt);
	return stream_begins(pkt) ? begin_stream(pkt) : take_stray(pkt);
}

#endif
