// SPDX-License-Identifier: MIT
/* The connections of the proxy: how they begin, whose turn it is, how they end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "io/log.h"
#include "io/proxy_own.h"
#include "io/steer.h"

#define SECOND_NS 1000000000ull
#define CONNECT_NS (10 * SECOND_NS)
#define HALF_NS (300 * SECOND_NS)    /* of one that ended on one side */
#define ACCEPTS 64                   /* in a round */
#define OTHER_FILES 256u             /* descriptors that are not ours */

/* generation | slot | side | number */
#define TICKET_SLOT 17
#define TICKET_SIDE 16

uint64_t proxy_ticket(const struct connection *c, int side, uint32_t number)
{
	return (uint64_t)c->generation << 32 | (uint64_t)c->slot << TICKET_SLOT |
	       (uint64_t)side << TICKET_SIDE | (number & 0xffff);
}

_Static_assert(LIMIT_STREAMS <= 1 << (32 - TICKET_SLOT), "a slot fits its place in a ticket");
_Static_assert(65536 % LIMIT_STREAM_WINDOW == 0, "a ticket's number tells the unit");

static struct connection *connection_of(const struct proxy *p, uint64_t ticket, int *ret_side)
{
	uint32_t slot = (uint32_t)ticket >> TICKET_SLOT;
	struct connection *c = slot < LIMIT_STREAMS ? p->connections[slot] : NULL;

	*ret_side = ticket >> TICKET_SIDE & 1;
	return c && c->generation == ticket >> 32 ? c : NULL;
}

void proxy_mark(struct proxy *p, struct connection *c)
{
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	c->next_dirty = p->dirty;
	p->dirty = c;
}

/* Its memory goes when nobody holds it any more. */
void proxy_end_connection(struct proxy *p, struct connection *c, bool reset)
{
	if (c->is_closed)
		return;
	c->is_closed = true;
	proxy_source_leave(p, c);
	p->connections[c->slot] = NULL;
	p->count--;
	p->elsewhere -= c->terms.by_door;
	kernel_streams_elsewhere(p->kernel, p->elsewhere);
	for (int side = 0; side < 2; side++) {
		if (c->legs[side].fd < 0)
			continue;
		if (reset)
			proxy_reset(c->legs[side].fd);
		else
			close(c->legs[side].fd);
	}
	p->hands.count(p->hands.self, COUNTER_streams_closed);
	c->next_dead = p->dead;
	p->dead = c;
}

static void reap(struct proxy *p)
{
	while (p->dead) {
		struct connection *c = p->dead;

		p->dead = c->next_dead;
		for (int side = 0; side < 2; side++)
			channel_free(&c->legs[side].channel);
		free(c);
	}
}

void proxy_refuse(struct proxy *p, struct connection *c, int from, enum reason reason)
{
	p->hands.refused(p->hands.self, &c->ends, from, reason);
	proxy_end_connection(p, c, true);
}

/* beginning */
static struct connection *connection_new(struct proxy *p, const struct proxy_ends *ends,
					 const struct proxy_terms *terms)
{
	struct connection *c = calloc(1, sizeof(*c));
	uint32_t slot = 0;

	while (c && slot < p->begun && p->connections[slot])
		slot++;
	if (!c || slot == LIMIT_STREAMS) {
		free(c);
		return NULL;
	}
	*c = (struct connection){ .slot = slot, .ends = *ends, .terms = *terms,
				  .generation = ++p->generation ?: ++p->generation,
				  .connecting = true, .began_ns = p->now_ns,
				  .active_ns = p->now_ns };
	for (int side = 0; side < 2; side++) {
		c->legs[side].fd = -1;
		c->legs[side].is_partial = true;
		c->legs[side].channel.memory = &p->memory;
		c->legs[side].channel.share = terms->trusted[side] ? LIMIT_STREAM_BYTES :
								     LIMIT_STREAM_BYTES / 2;
	}
	if (slot == p->begun)
		p->begun++;
	p->connections[slot] = c;
	p->count++;
	p->elsewhere += terms->by_door;
	kernel_streams_elsewhere(p->kernel, p->elsewhere);
	proxy_source_join(p, c);
	return c;
}

static bool add_leg(struct proxy *p, struct connection *c, int side, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.u64 = proxy_ticket(c, side, 0) };

	c->legs[side].fd = fd;
	c->legs[side].watched = events;
	return fd >= 0 && !epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e);
}

static enum reason refusal_of(struct proxy *p, const struct proxy_ends *ends,
			      const struct proxy_terms *terms)
{
	if (terms->reason)
		return terms->reason;
	if (p->count >= p->most)
		return REASON_stream_full;
	if (terms->trusted[PROXY_CALLER] ||
	    !proxy_source_is_full(p, &ends->at[PROXY_CALLER].address))
		return REASON_none;
	if (!p->hands.only_watched(p->hands.self, REASON_stream_source_full))
		return REASON_stream_source_full;
	p->hands.refused(p->hands.self, ends, PROXY_CALLER, REASON_stream_source_full);
	return REASON_none;
}

/* The caller was accepted before the callee was asked: what that one answers, the caller is told. */
void proxy_begin(struct proxy *p, int fd, const struct proxy_ends *ends, proxy_connect_fn call)
{
	struct proxy_terms terms = { .reason = REASON_none };
	struct proxy_ends onward = *ends;
	struct connection *c;
	enum reason reason;

	p->hands.meet(p->hands.self, ends, &terms);
	if (!address_is_zero(&terms.seen_as.address))
		onward.at[PROXY_CALLER] = terms.seen_as;
	reason = refusal_of(p, ends, &terms);
	c = reason ? NULL : connection_new(p, ends, &terms);
	if (!c) {
		p->hands.refused(p->hands.self, ends, PROXY_CALLER,
				 reason ?: REASON_stream_full);
		proxy_reset(fd);
		return;
	}
	p->hands.count(p->hands.self, COUNTER_streams_accepted);
	if (!add_leg(p, c, PROXY_CALLER, fd, 0) ||
	    !add_leg(p, c, PROXY_CALLEE, call(&onward), EPOLLOUT))
		proxy_refuse(p, c, PROXY_CALLER, REASON_stream_unreachable);
}

/* Without a descriptor no caller could even be turned away, and would wake us for ever. */
static void turn_away(struct proxy *p, int listener)
{
	struct proxy_ends ends;
	int fd;

	close(p->spare);
	fd = proxy_accept(p, listener, &ends);
	if (fd >= 0)
		p->hands.refused(p->hands.self, &ends, PROXY_CALLER, REASON_stream_full);
	proxy_reset(fd);
	p->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_some(struct proxy *p, int listener)
{
	for (int i = 0; i < ACCEPTS; i++) {
		struct proxy_ends ends;
		int fd = proxy_accept(p, listener, &ends);

		if (fd >= 0)
			proxy_begin(p, fd, &ends, proxy_connect);
		else if (fd == -EMFILE || fd == -ENFILE)
			turn_away(p, listener);
		else if (fd == -EAGAIN)
			return;
	}
}

/* whose turn it is */
static void finish_connect(struct proxy *p, struct connection *c)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(c->legs[PROXY_CALLEE].fd, SOL_SOCKET, SO_ERROR, &error, &length) || error) {
		proxy_refuse(p, c, PROXY_CALLER, REASON_stream_unreachable);
		return;
	}
	c->connecting = false;
	proxy_mark(p, c);
}

static void serve(struct proxy *p, const struct epoll_event *e)
{
	int side;
	struct connection *c = connection_of(p, e->data.u64, &side);

	if (!c)
		return;
	if (c->connecting && side == PROXY_CALLEE)
		finish_connect(p, c);
	else if (e->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		proxy_read(p, c, side);
	/* Who is not read for now, and is gone, is gone. */
	if (!c->is_closed && e->events & (EPOLLERR | EPOLLHUP) && !(e->events & EPOLLIN))
		proxy_end_connection(p, c, true);
	else if (!c->is_closed)
		proxy_mark(p, c);
}

/* Messages that were held back while too much waited, and now may go. */
static void hand_out_held(struct proxy *p)
{
	uint64_t number;

	if (read(p->wake, &number, sizeof(number)) < 0)
		return;
	for (uint32_t slot = 0; slot < p->begun; slot++)
		for (int side = 0; side < 2; side++) {
			struct connection *c = p->connections[slot];

			if (c && !c->legs[side].is_partial && !c->is_stalled)
				proxy_hand_out(p, c, side);
		}
}

/* Below the slots' generations, which begin at 1. */
enum { EVENT_LISTENER = 0, EVENT_LISTENER_IPV6, EVENT_WAKE };

void proxy_round(void *self)
{
	struct epoll_event events[LIMIT_STREAM_EVENTS];
	struct proxy *p = self;
	int count = epoll_wait(p->epoll, events, LIMIT_STREAM_EVENTS, 0);

	p->now_ns = loop_now_ns();
	for (int i = 0; i < count; i++) {
		if (events[i].data.u64 == EVENT_WAKE)
			hand_out_held(p);
		else if (events[i].data.u64 <= EVENT_LISTENER_IPV6)
			accept_some(p, (int)events[i].data.u64);
		else
			serve(p, &events[i]);
	}
	p->hands.done(p->hands.self);
}

void proxy_settle(struct proxy *p, uint64_t ticket, struct slice bytes)
{
	int side;
	struct connection *c = connection_of(p, ticket, &side);
	struct channel *s;
	uint32_t number;

	if (!c)
		return;
	s = &c->legs[side].channel;
	number = s->first + (uint16_t)((uint16_t)ticket - (uint16_t)s->first);
	if (channel_settle(s, number, bytes) == -ENOBUFS)
		proxy_refuse(p, c, side, REASON_stream_memory);
	else
		proxy_mark(p, c);
}

int proxy_answer(struct proxy *p, uint64_t ticket, struct slice message)
{
	int side, error;
	struct connection *c = connection_of(p, ticket, &side);

	if (!c || c->legs[!side].shut)
		return -ENOTCONN;
	error = channel_insert(&c->legs[!side].channel, message);
	if (!error)
		proxy_mark(p, c);
	return error;
}

void proxy_flush(struct proxy *p)
{
	while (p && p->dirty) {
		struct connection *c = p->dirty;

		p->dirty = c->next_dirty;
		c->is_dirty = false;
		proxy_settle_up(p, c);
	}
	if (p)
		reap(p);
}

/* time */
static bool is_slow(const struct proxy *p, const struct leg *leg)
{
	return leg->unfinished_ns && p->now_ns - leg->unfinished_ns > p->message_ns;
}

static void look_after(struct proxy *p, struct connection *c)
{
	uint64_t idle_ns = p->now_ns - c->active_ns;

	if (c->is_stalled) {
		c->is_stalled = false;
		for (int side = 0; side < 2; side++)
			if (!c->is_closed && !c->legs[side].is_partial)
				proxy_hand_out(p, c, side);
		if (!c->is_closed)
			proxy_mark(p, c);
	}
	if (c->is_closed)
		return;
	if (c->connecting && p->now_ns - c->began_ns > CONNECT_NS)
		proxy_refuse(p, c, PROXY_CALLER, REASON_stream_unreachable);
	else if (is_slow(p, &c->legs[0]) || is_slow(p, &c->legs[1]))
		proxy_refuse(p, c, is_slow(p, &c->legs[0]) ? 0 : 1, REASON_stream_slow);
	else if (idle_ns > p->idle_ns ||
		 ((c->legs[0].eof || c->legs[1].eof) && idle_ns > HALF_NS))
		proxy_refuse(p, c, PROXY_CALLER, REASON_stream_idle);
}

void proxy_tick(struct proxy *p, uint64_t now_ns)
{
	p->now_ns = now_ns;
	for (uint32_t slot = 0; slot < p->begun; slot++)
		if (p->connections[slot])
			look_after(p, p->connections[slot]);
	while (p->begun && !p->connections[p->begun - 1])
		p->begun--;
}

uint32_t proxy_end(struct proxy *p, const struct network *n)
{
	uint32_t ended = 0;

	for (uint32_t slot = 0; slot < p->begun; slot++) {
		struct connection *c = p->connections[slot];

		if (!c || (!network_contains(n, &c->ends.at[0].address) &&
			   !network_contains(n, &c->ends.at[1].address)))
			continue;
		proxy_end_connection(p, c, true);
		ended++;
	}
	reap(p);
	return ended;
}

/* its life */

/* Two descriptors a connection; what the host does not give is said. */
static uint32_t raise_files(uint32_t connections)
{
	struct rlimit files = { 0, 0 };
	const rlim_t wanted = 2 * (rlim_t)connections + OTHER_FILES;

	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < wanted) {
		files.rlim_cur = wanted;
		if (files.rlim_max < wanted)
			files.rlim_max = wanted;
		if (setrlimit(RLIMIT_NOFILE, &files)) {
			getrlimit(RLIMIT_NOFILE, &files);
			files.rlim_cur = files.rlim_max;
			setrlimit(RLIMIT_NOFILE, &files);
		}
	}
	if (files.rlim_cur >= wanted)
		return connections;
	connections = files.rlim_cur > OTHER_FILES + 2 ?
			      (uint32_t)(files.rlim_cur - OTHER_FILES) / 2 : 1;
	log_warning("run: at most %u connections over TCP: the host gives %lu descriptors "
		    "(systemd: LimitNOFILE=%lu)", connections, (unsigned long)files.rlim_cur,
		    (unsigned long)wanted);
	return connections;
}

void proxy_take_policy(struct proxy *p, const struct policy *policy)
{
	p->most = raise_files(policy->streams.most);
	p->of_source = policy->streams.of_source;
	p->message_ns = policy->streams.message_ns;
	p->idle_ns = policy->streams.idle_ns;
	p->rate = policy->unknown_rate;
	p->slows = policy_enforcement(policy, PROTECTION_SOURCES) == ENFORCE_ON;
}

static bool watch_own(struct proxy *p, int fd, uint64_t which)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = which };

	return fd < 0 || !epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e);
}

static bool open_events(struct proxy *p)
{
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return p->epoll >= 0 && p->wake >= 0 && p->spare >= 0;
}

struct proxy *proxy_new(struct kernel *k, const struct proxy_hands *hands)
{
	static const struct hash_key key = { { 0x70726f7879207461, 0x626c65206f662073 } };
	struct proxy *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	*p = (struct proxy){ .kernel = k, .hands = *hands, .epoll = -1, .wake = -1, .spare = -1,
			     .listeners = { -1, -1 }, .now_ns = loop_now_ns() };
	p->sources = map_new(sizeof(struct address), sizeof(struct proxy_source),
			     2 * LIMIT_STREAMS, &key);
	if (p->sources && open_events(p) && watch_own(p, p->wake, EVENT_WAKE))
		return p;
	proxy_close(p);
	return NULL;
}

int proxy_open(struct loop *l, struct kernel *k, const struct proxy_hands *hands,
	       struct proxy **ret, struct kernel_error *reterr)
{
	struct proxy *p = proxy_new(k, hands);
	int error = p ? 0 : -ENOMEM;

	if (error)
		snprintf(reterr->text, sizeof(reterr->text), "proxy: %s (free some memory)",
			 strerror(-error));
	error = error ?: steer_open(reterr);
	error = error ?: proxy_listen(p, reterr);
	if (!error && watch_own(p, p->listeners[0], EVENT_LISTENER) &&
	    watch_own(p, p->listeners[1], EVENT_LISTENER_IPV6))
		p->source = loop_fd(l, p->epoll, proxy_round, p);
	if (!error && p->source) {
		kernel_streams_elsewhere(k, 0);
		*ret = p;
		return 0;
	}
	proxy_close(p);
	return error ?: -ENOMEM;
}

void proxy_close(struct proxy *p)
{
	if (!p)
		return;
	for (uint32_t slot = 0; slot < p->begun; slot++)
		if (p->connections[slot])
			proxy_end_connection(p, p->connections[slot], true);
	reap(p);
	loop_drop(p->source);
	const int files[] = { p->epoll, p->wake, p->spare, p->listeners[0], p->listeners[1] };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (files[i] >= 0)
			close(files[i]);
	map_free(p->sources);
	free(p);
}

bool proxy_next(const struct proxy *p, uint32_t *cursor, struct proxy_view *ret)
{
	const struct connection *c = NULL;

	while (!c && *cursor < p->begun)
		c = p->connections[(*cursor)++];
	if (!c)
		return false;
	*ret = (struct proxy_view){ .ends = c->ends, .terms = c->terms, .began_ns = c->began_ns,
				    .active_ns = c->active_ns, .connecting = c->connecting,
				    .closing = c->legs[0].eof || c->legs[1].eof };
	for (int side = 0; side < 2; side++) {
		const struct channel *s = &c->legs[side].channel;

		ret->messages[side] = s->messages;
		ret->bytes[side] = s->bytes;
		ret->waiting[side] = channel_out(s).length + channel_rest(s).length;
	}
	return true;
}

uint32_t proxy_count(const struct proxy *p)
{
	return p->count;
}

uint64_t proxy_memory(const struct proxy *p)
{
	return p->memory.used;
}
