/* SPDX-License-Identifier: MIT */
/* A member of a group: its batches go out and come back in the group's order, and every member
 * executes them as they are delivered. Membership and order are the engine's (cpg.c; a simulated
 * one in tests); who has all rows, who is filled, and which part goes on after a partition is
 * settled here, from messages in that order alone. */
#ifndef RINGFENCE_CLUSTER_H
#define RINGFENCE_CLUSTER_H

#include "base/hash.h"
#include "cluster/wire.h"
#include "state/apply.h"

struct cluster;

/* The engine: closed group, agreed order, own messages are delivered too. */
struct group_ops {
	/* 0; -EAGAIN: not now, it is offered again; else the group is lost. */
	int (*send)(void *self, const void *bytes, size_t length);
	/* The engine tells cluster_view when it has done so. */
	int (*join)(void *self);
	void (*leave)(void *self);
	void *self;
};

struct cluster_hands {
	/* From here on the member judges (all rows are there), or does not. */
	void (*full)(void *self, bool is_full);
	/* The group's key: owners are named with it. */
	void (*key)(void *self, const struct hash_key *key);
	/* The group's numbers of zones, which rows bear. */
	void (*zones)(void *self, const struct zone_name *zones);
	/* When this member last saw a packet of the call's media; 0 never. */
	uint64_t (*media_seen)(void *self, const struct owner *owner);
	void (*count)(void *self, uint32_t counter, uint64_t n);
	/* A sentence for the log, with what, why and remedy. */
	void (*alarm)(void *self, const char *text);
	void *self;
};

struct cluster_settings {
	struct wire_member self;
	const char *version;         /* of the program */
	uint64_t policy;             /* hash of zones and rules */
	struct zone_name zones[LIMIT_ZONES + 1]; /* names by number */
	uint32_t slice_rows;         /* rows that a joiner gets at once, at most 128; 0: so many */
	struct hash_key key;
};

enum member_state {
	MEMBER_UNKNOWN = 0,          /* in the view, has not said hello */
	MEMBER_JOINING,              /* its rows are being filled       */
	MEMBER_FULL,
	MEMBER_FOREIGN,              /* speaks another version          */
};

/* NULL: out of memory. Nothing is sent before cluster_start. */
struct cluster *cluster_new(struct tables *tables, struct apply *apply,
			    const struct cluster_settings *settings,
			    const struct cluster_hands *hands);
void cluster_free(struct cluster *c);
/* Batches go to this group from now on, or NULL: the group is lost, the member goes on alone with
 * what it has. */
void cluster_start(struct cluster *c, const struct group_ops *group, uint64_t now_ns);
/* The clock of what is submitted next. */
void cluster_clock(struct cluster *c, uint64_t now_ns);
void cluster_policy(struct cluster *c, uint64_t policy, const struct zone_name *zones);

/* Who we are to the others: known once the engine is connected. */
void cluster_rename(struct cluster *c, struct wire_member self);

/* From the engine, in its order. */
void cluster_deliver(struct cluster *c, struct wire_member from, struct slice bytes,
		     uint64_t now_ns);
void cluster_view(struct cluster *c, const struct wire_member *members, uint32_t count,
		  uint64_t now_ns);
/* Hands the engine what waits; after each round of messages. */
void cluster_flush(struct cluster *c);
/* About every 100 ms: a member that lags leaves by itself and joins again. */
void cluster_tick(struct cluster *c, uint64_t now_ns);

/* May this member end a row of that author by its clock? */
bool cluster_may_expire(const struct cluster *c, uint32_t author);
/* Nobody here has seen the call's media: asks the others, and answers -EAGAIN until they had a
 * second for it; then 0, and when somebody saw it last by our clock (0: nobody did). */
int cluster_media_seen(struct cluster *c, const struct owner *owner, uint64_t now_ns,
		       uint64_t *ret);

/* For people. */
struct cluster_member {
	struct wire_member id;
	enum member_state state;
	bool is_self, is_donor, same_policy;
	uint32_t rows;
	char version[16];
};
struct cluster_status {
	bool has_group, is_full;
	uint32_t member_count;
	struct cluster_member members[LIMIT_MEMBERS];
	uint32_t in_flight;          /* batches of ours that have not come back      */
	uint64_t lag_ns;             /* of the oldest of them                        */
	uint64_t round_ns;           /* submitted to delivered, smoothed             */
	uint32_t filled_rows;        /* while joining                                */
	uint64_t batches;            /* executed since it was filled                 */
	uint64_t stalls, foreign;    /* times it left by itself; records refused     */
};
void cluster_status(const struct cluster *c, struct cluster_status *ret, uint64_t now_ns);

#endif
