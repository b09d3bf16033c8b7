// SPDX-License-Identifier: MIT
/* What a connection carries: read while somebody takes it, handed out message by message, sent on in
 * order. Who does not read is not read for: his peer's window closes. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/proxy_own.h"

#define READS 4                  /* of one connection in a round: others wait */

static void note_unfinished(struct proxy *p, struct leg *leg, bool had_message)
{
	if (!channel_rest(&leg->channel).length || !leg->is_partial)
		leg->unfinished_ns = 0;
	else if (had_message || !leg->unfinished_ns)
		leg->unfinished_ns = p->now_ns;
}

/* Bytes that are no message. True: policy only watches, they go on as they are. */
static bool take_bad(struct proxy *p, struct connection *c, int side)
{
	struct channel *s = &c->legs[side].channel;
	enum reason reason = channel_is_http(channel_rest(s)) ? REASON_stream_http :
							      REASON_stream_unframed;

	if (!p->hands.only_watched(p->hands.self, reason)) {
		proxy_refuse(p, c, side, reason);
		return false;
	}
	p->hands.refused(p->hands.self, &c->ends, side, reason);
	p->hands.count(p->hands.self, COUNTER_messages_monitored);
	s->raw = true;
	return true;
}

/* False: not now. */
static bool hand_out_one(struct proxy *p, struct connection *c, int side, struct slice bytes,
			 uint32_t number)
{
	const struct proxy_message m = {
		.ends = &c->ends, .terms = &c->terms, .from = side, .bytes = bytes,
		.ticket = proxy_ticket(c, side, number),
	};

	if ((c->terms.trusted[side] ||
	     proxy_source_may_speak(p, &c->ends.at[side].address)) &&
	    !p->hands.message(p->hands.self, &m))
		return true;
	channel_undo(&c->legs[side].channel, bytes.length);
	c->is_stalled = true;
	return false;
}

void proxy_hand_out(struct proxy *p, struct connection *c, int side)
{
	struct leg *leg = &c->legs[side];
	bool had_message = false;
	enum channel_step step;
	struct slice bytes;
	uint32_t number;

	proxy_mark(p, c);
	do {
		step = channel_next(&leg->channel, c->terms.frame, &bytes, &number);
		if (step == CHANNEL_MESSAGE && !hand_out_one(p, c, side, bytes, number))
			break;
		had_message |= step == CHANNEL_MESSAGE;
		if (step == CHANNEL_BAD && !c->is_closed && take_bad(p, c, side))
			step = CHANNEL_MESSAGE;
	} while (step == CHANNEL_MESSAGE && !c->is_closed);
	if (c->is_closed)
		return;
	if (step == CHANNEL_LOST)
		proxy_refuse(p, c, side, REASON_stream_memory);
	leg->is_partial = step == CHANNEL_MORE;
	note_unfinished(p, leg, had_message);
}

static bool may_read(const struct connection *c, int side)
{
	const struct leg *leg = &c->legs[side];

	return !c->is_closed && !c->connecting && !c->is_stalled && !leg->eof &&
	       !channel_is_full(&leg->channel);
}

/* What the kernel has of the other direction goes on before a reset does. */
static void break_off(struct proxy *p, struct connection *c)
{
	for (int side = 0; side < 2; side++) {
		struct slice out = channel_out(&c->legs[side].channel);

		if (out.length)
			(void)!send(c->legs[!side].fd, out.bytes, out.length,
				    MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	proxy_end_connection(p, c, true);
}

void proxy_read(struct proxy *p, struct connection *c, int side)
{
	struct leg *leg = &c->legs[side];
	ssize_t n = PROXY_CHUNK;

	for (int i = 0; i < READS && n == PROXY_CHUNK && may_read(c, side); i++) {
		n = recv(leg->fd, p->chunk, PROXY_CHUNK, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			break_off(p, c);
			return;
		}
		proxy_mark(p, c);
		c->active_ns = p->now_ns;
		leg->eof = !n;
		if (channel_take(&leg->channel, slice_make(p->chunk, (size_t)n)))
			proxy_refuse(p, c, side, REASON_stream_memory);
		else
			proxy_hand_out(p, c, side);
	}
}

/* False: the connection is broken. */
static bool send_out(struct proxy *p, struct connection *c, int side)
{
	struct channel *s = &c->legs[side].channel;
	struct slice out = channel_out(s);

	while (out.length) {
		ssize_t n = send(c->legs[!side].fd, out.bytes, out.length,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		c->active_ns = p->now_ns;
		channel_sent(s, (size_t)n);
		out = channel_out(s);
	}
	return true;
}

/* The end is told once all before it was. */
static void pass_end(struct proxy *p, struct connection *c, int side)
{
	struct leg *leg = &c->legs[side];

	if (!leg->eof || leg->shut || !channel_is_drained(&leg->channel))
		return;
	if (channel_rest(&leg->channel).length && !leg->is_partial)
		return;
	if (channel_rest(&leg->channel).length)
		p->hands.refused(p->hands.self, &c->ends, side, REASON_stream_cut);
	channel_free(&leg->channel);
	leg->unfinished_ns = 0;
	leg->shut = true;
	shutdown(c->legs[!side].fd, SHUT_WR);
}

static void watch(struct proxy *p, struct connection *c, int side)
{
	struct leg *leg = &c->legs[side];
	struct epoll_event e = { .events = may_read(c, side) ? EPOLLIN : 0,
				 .data.u64 = proxy_ticket(c, side, 0) };

	if (channel_out(&c->legs[!side].channel).length)
		e.events |= EPOLLOUT;
	if (e.events == leg->watched)
		return;
	leg->watched = e.events;
	epoll_ctl(p->epoll, EPOLL_CTL_MOD, leg->fd, &e);
}

/* Whole messages that were held back while too much waited. */
static bool has_more(const struct connection *c, int side)
{
	const struct leg *leg = &c->legs[side];

	return !leg->is_partial && !c->is_stalled && channel_rest(&leg->channel).length &&
	       !channel_is_full(&leg->channel);
}

void proxy_settle_up(struct proxy *p, struct connection *c)
{
	static const uint64_t one = 1;

	if (c->is_closed || c->connecting)
		return;
	for (int side = 0; side < 2; side++) {
		if (!send_out(p, c, side)) {
			proxy_end_connection(p, c, true);
			return;
		}
		pass_end(p, c, side);
	}
	if (c->legs[0].shut && c->legs[1].shut) {
		proxy_end_connection(p, c, false);
		return;
	}
	for (int side = 0; side < 2; side++) {
		watch(p, c, side);
		if (has_more(c, side) && write(p->wake, &one, sizeof(one)) < 0)
			c->is_stalled = true;      /* then the next tick looks */
	}
}
