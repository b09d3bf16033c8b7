/* SPDX-License-Identifier: MIT */
/* The transparent proxy of signalling over TCP, on the kernel's own TCP: callers are accepted as if by
 * the host they called, and that one is called from the caller's own address and port. Bytes become
 * messages (io/channel.c), the hands judge them, and what they let pass goes on in order. */
#ifndef RINGFENCE_PROXY_H
#define RINGFENCE_PROXY_H

#include "io/kernel.h"
#include "io/loop.h"
#include "io/channel.h"
#include "policy/policy.h"
#include <ringfence/reason.h>

struct proxy;

/* Sides of a connection. */
enum { PROXY_CALLER = 0, PROXY_CALLEE };

struct proxy_ends {
	struct endpoint at[2];
	uint8_t family;              /* enum family */
};

/* How a connection is served. */
struct proxy_terms {
	enum reason reason;          /* none: it is                                    */
	channel_frame_fn frame;
	uint8_t speaks;
	bool by_door;                /* not by the port of a service                   */
	bool trusted[2];             /* a server: neither counted nor slowed           */
	struct endpoint seen_as;     /* the caller, by the callee; zero: as he is. Port 0: any */
};

struct proxy_message {
	const struct proxy_ends *ends;
	const struct proxy_terms *terms;
	int from;                    /* side                                           */
	struct slice bytes;
	uint64_t ticket;             /* for proxy_settle; never 0                      */
};

struct proxy_hands {
	void (*meet)(void *self, const struct proxy_ends *ends, struct proxy_terms *ret);
	/* Judges it now or later, and settles it then. -ENOBUFS: not now, it comes again. */
	int (*message)(void *self, const struct proxy_message *m);
	/* Something was refused; `from` is the side that it came from. */
	void (*refused)(void *self, const struct proxy_ends *ends, int from, enum reason reason);
	/* Does policy only watch what is refused for this reason? */
	bool (*only_watched)(void *self, enum reason reason);
	void (*count)(void *self, uint32_t counter);
	/* A round of messages was handed out: what follows from them is to be done, proxy_flush
	 * among it. */
	void (*done)(void *self);
	void *self;
};

/* Of one connection, for display. */
struct proxy_view {
	struct proxy_ends ends;
	struct proxy_terms terms;
	uint64_t began_ns, active_ns;
	uint64_t messages[2], bytes[2], waiting[2]; /* by the side they came from; waiting: bytes */
	bool connecting, closing;
};

/* The listeners, and the rule and routes that lead marked segments to them. */
int proxy_open(struct loop *l, struct kernel *k, const struct proxy_hands *hands,
	       struct proxy **ret, struct kernel_error *reterr);
/* Connections are reset. */
void proxy_close(struct proxy *p);
/* Bounds and times of a new policy hold from now on. */
void proxy_take_policy(struct proxy *p, const struct policy *policy);
/* `bytes` is what the message has become, none where it is dropped. */
void proxy_settle(struct proxy *p, uint64_t ticket, struct slice bytes);
/* A message of our own to whom the ticket's message came from. -ENOTCONN: the connection is gone, or
 * he was told that nothing more comes; else as channel_insert. */
int proxy_answer(struct proxy *p, uint64_t ticket, struct slice message);
/* Sends what was settled. */
void proxy_flush(struct proxy *p);
/* To be called some ten times a second. */
void proxy_tick(struct proxy *p, uint64_t now_ns);
/* Resets the connections that the network has a part in. Returns how many. */
uint32_t proxy_end(struct proxy *p, const struct network *n);
/* Walks the connections; start with *cursor 0. */
bool proxy_next(const struct proxy *p, uint32_t *cursor, struct proxy_view *ret);
uint32_t proxy_count(const struct proxy *p);
uint64_t proxy_memory(const struct proxy *p);

#endif
