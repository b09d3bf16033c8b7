/* SPDX-License-Identifier: MIT */
/* A message's journey (inspect.c): frame, parse, wants, judgement, guard, batch, send. The one place
 * where pure judgement meets what acts. The daemon, replay and tests each bring their own hands. */
#ifndef RINGFENCE_JOURNEY_H
#define RINGFENCE_JOURNEY_H

#include "inspect/inspect.h"

struct tables;
struct apply;
struct pending;
struct travel;

/* A datagram or stream unit as it came in. */
struct arrival {
	struct flow_info flow;
	struct slice payload;        /* above UDP                                       */
	struct slice packet;         /* from the IP header on; empty in a stream        */
	uint64_t time_ns;            /* when the fast path saw it                       */
	uint32_t interface;          /* ifindex                                         */
	uint16_t vlan;
	uint8_t speaks;              /* protocol number                                 */
	bool held;                   /* the original waits for us to send it on         */
	uint64_t ticket;             /* of a stream: payload is one message, and the hands are
					always told what became of it; 0: a datagram    */
	struct slice record;         /* the hands' own bytes, which hold payload and packet: what
					is copied where the message must wait */
};

/* What was decided of one message; valid during the call. */
struct verdict_report {
	const struct arrival *arrival;
	const struct outcome *outcome;
	const struct protocol_ops *ops;
	const void *message;         /* NULL where it could not be parsed               */
	struct slice raw;            /* as it was judged: inside addresses alone       */
	bool monitored;              /* would have been refused, was sent on            */
};

struct hands {
	/* The message goes on, `payload` is what it has become, between whom `leaves` says: other
	 * than the arrival's where it is translated. Of a stream also where nothing of it goes on.
	 * 0 or negative errno. */
	int (*send)(void *self, const struct arrival *a, const struct flow_info *leaves,
		    struct slice payload);
	/* Told of every judgement after its batch held (or it was refused). */
	void (*report)(void *self, const struct verdict_report *r);
	void (*count)(void *self, uint32_t counter, uint64_t n); /* enum reason or enum counter */
	void *self;
	/* Sends what answers a refused message, at once: over TCP on the arrival's connection. 0 or
	 * negative errno. NULL: nothing is answered. */
	int (*originate)(void *self, const struct arrival *a, const struct sends *s);
};

struct journey {
	const struct policy *policy; /* frozen; replaced at reload */
	struct tables *tables;
	struct apply *apply;
	struct hash_key key;
	struct surroundings around;
	struct hands hands;
	struct arena arena;          /* LIMIT_ARENA_BYTES; daemon's life */
	uint8_t *edited;             /* LIMIT_MESSAGE_BYTES              */
	uint64_t now_ns;             /* the caller's clock, at its last call */
	uint64_t drawn;              /* random numbers so far */
	uint64_t answers_since_ns;   /* the second in which so many answers left */
	uint32_t answers;
	struct travel *travels, *idle; /* LIMIT_PENDING of them, and those given back */
	uint32_t travels_begun;
	struct pending *pending;
};

/* 0, or -ENOMEM. tables, apply, policy, key and hands are set by the caller before. */
int journey_init(struct journey *j);
void journey_close(struct journey *j);
/* Judges everything that the arrival holds and sends on what passed, now or when the batches of it
 * came back. Nothing of the arrival is needed afterwards. -ENOBUFS: there is no room for one more, it
 * is counted and lost. */
int journey_arrival(struct journey *j, const struct arrival *a, uint64_t now_ns);
/* A TIMER row is due: a judgement with a clock in place of a message. -EBUSY: something of its owner
 * is under way; ask again later. */
int journey_timeout(struct journey *j, const struct row_view *timer, uint64_t now_ns);
/* Batches came back (apply): brings on what waited behind them. */
void journey_continue(struct journey *j, uint64_t now_ns);

#endif
