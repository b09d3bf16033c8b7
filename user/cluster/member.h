/* SPDX-License-Identifier: MIT */
/* What the files of the cluster share. cluster.c: batches out and in; view.c: who is here and which
 * part goes on; fill.c: a joiner's rows; media.c: who has seen a call's media. */
#ifndef RINGFENCE_MEMBER_H
#define RINGFENCE_MEMBER_H

#include "cluster/cluster.h"
#include "state/tables.h"

#define LAG_NS (2000ull * 1000 * 1000)
#define ENDED_MOST 4096
#define ASKED_MOST 1024

struct peer {
	struct wire_member id;
	enum member_state state;
	uint64_t nonce;              /* its number of this view; 0: not said   */
	bool heard;                  /* its hello for this view is here        */
	struct wire_hello hello;
	uint64_t part;
};

/* Bytes that grow up to a bound. */
struct heap {
	uint8_t *bytes;
	size_t used, size, most;
};

struct flight {
	uint64_t number, sent_ns;
	apply_done_fn done;
	void *context;
};

struct donor {
	bool is_announced;           /* START is said, END is not yet back     */
	bool is_active;              /* the walk is on                         */
	uint64_t number;             /* of this filling: heads of START, SLICE and END bear it */
	uint64_t since;              /* rows changed by later batches are not sent as they are now */
	int type;
	uint32_t cursor;
	struct batch slice;          /* in the donor's arena                   */
	struct wire_start start;
};

struct asked {
	struct owner owner;
	uint64_t asked_ns, seen_ns;
};

struct cluster {
	struct tables *tables;
	struct apply *apply;
	struct cluster_hands hands;
	struct cluster_settings settings;
	struct group_ops group;      /* send NULL: alone                       */
	enum member_state state;     /* own                                    */
	uint64_t now_ns;
	uint64_t part;               /* which part of the group this is        */
	uint64_t part_since_ns;
	uint64_t views;              /* changes of the group that we saw       */
	uint64_t view;               /* hash of all numbers; 0: some are missing */
	bool is_settled;             /* all hellos of this view were here      */
	struct peer peers[LIMIT_MEMBERS];
	uint32_t peer_count;

	uint64_t number;             /* of our batches                         */
	struct flight *flights;      /* a ring of LIMIT_IN_FLIGHT              */
	uint32_t flight_first, flight_count;
	struct heap out;
	size_t out_from;

	struct wire_member donor_id; /* who fills us; node 0: nobody           */
	uint64_t filling;            /* and the number of it                   */
	struct heap slices;          /* rows as of START: installed at once, with the last of them */
	struct heap waiting;         /* records that came after START          */
	struct donor donor;
	uint32_t filled_rows;

	uint64_t split_number;       /* batches executed when the last member was lost */
	bool is_split;               /* since then nobody came back            */
	struct owner *ended;         /* calls that ended since, a ring         */
	uint32_t ended_count;
	struct heap apart;           /* batches to propose again once filled   */
	uint64_t apart_ns;           /* the clock they were written by         */

	struct asked *asked;
	uint32_t asked_next;

	struct arena arena;          /* of one record                          */
	struct arena donor_arena;
	uint8_t *record;             /* WIRE_BATCH_MOST                        */
	uint64_t progress_ns;        /* of being filled: last view, START or slice */
	uint64_t left_ns;            /* when it left by itself; 0: it did not  */
	uint64_t round_ns, stalls, foreign;
};

bool heap_add(struct heap *h, const void *bytes, size_t length);
void heap_free(struct heap *h);

/* cluster.c */
bool cluster_is_self(const struct cluster *c, struct wire_member m);
/* Queues one record; false where there is no room. */
bool cluster_say(struct cluster *c, enum wire_kind kind, const void *body, size_t length);
bool cluster_say_batch(struct cluster *c, enum wire_kind kind, uint64_t number,
		       const struct batch *b);
void cluster_execute(struct cluster *c, const struct wire_head *head, struct slice body);
/* Every batch of ours that is under way is lost. */
void cluster_lose_flights(struct cluster *c, enum reason reason);
void cluster_leave(struct cluster *c, const char *why);
void cluster_set_state(struct cluster *c, enum member_state state);

/* view.c */
struct peer *cluster_peer(struct cluster *c, struct wire_member m);
void view_nonce(struct cluster *c, struct wire_member from, struct slice body);
void view_hello(struct cluster *c, struct wire_member from, uint64_t part,
		const struct wire_hello *hello);
/* All hellos are here, or their members speak another version: draws the conclusion. */
void view_settle(struct cluster *c);
struct peer *view_donor(struct cluster *c);

/* fill.c */
void fill_begin(struct cluster *c);
void fill_abandon(struct cluster *c);
void fill_start(struct cluster *c, const struct wire_head *head, const struct wire_start *start);
void fill_slice(struct cluster *c, const struct wire_head *head, struct slice body);
void fill_end(struct cluster *c, const struct wire_head *head, const struct wire_start *start);
bool fill_waits(const struct cluster *c);
void fill_keep(struct cluster *c, const struct wire_head *head, struct slice body);

/* apart.c */
void apart_note(struct cluster *c, const struct batch *b);
void apart_collect(struct cluster *c);
void apart_propose(struct cluster *c);

/* media.c */
void media_ask(struct cluster *c, struct slice body);
void media_answer(struct cluster *c, struct slice body);

#endif
