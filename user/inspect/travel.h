/* SPDX-License-Identifier: MIT */
/* One datagram on its way through inspect.c: where it stands, what was decided, what of it goes on.
 * While it runs its bytes are the ring's; where it must wait they are copied. */
#ifndef RINGFENCE_TRAVEL_H
#define RINGFENCE_TRAVEL_H

#include "inspect/journey.h"
#include "inspect/pending.h"

enum travel_step {
	STEP_FRAME = 0,
	STEP_READ,
	STEP_TURN,
	STEP_JUDGE,
	STEP_APPLY,
	STEP_SETTLE,
	STEP_COUNT,
};

/* What a step says of the way. */
enum stride {
	STRIDE_ON = 0,               /* to the next step                             */
	STRIDE_OVER,                 /* refused: nothing more to ask                 */
	STRIDE_AGAIN,                /* its batch is void: read and judge anew       */
	STRIDE_WAITS,                /* somebody else brings it on                   */
	STRIDE_ARRIVED,              /* nothing is left of it                        */
};

struct travel {
	struct pending_item item;    /* first: a lane gives back its address         */
	struct travel *next_idle;
	struct journey *j;
	const struct arrival *a;     /* NULL: a timer                                */
	struct arrival kept;         /* with `bytes`, once it had to wait            */
	uint8_t *bytes;
	const struct protocol_ops *ops;
	const void *message;         /* in the arena, until it waits                 */
	struct slice raw;            /* the message as it came; in.raw is what is judged */
	struct flow_info flow;       /* between whom, as it is judged                */
	struct flow_info leaves;     /* and as it goes on                            */
	struct mentions *mentions;   /* of what is judged; NULL: nothing is translated */
	size_t at;                   /* where the next one begins                    */
	struct wants wants;
	struct inspect_in in;
	struct slice whole;          /* what goes on, as long as it is one piece     */
	uint8_t *pieces;             /* else: gathered here                          */
	size_t pieces_bytes;
	uint8_t *edited;             /* edits applied, for a message that waits      */
	size_t edited_bytes;
	uint32_t tries;
	enum travel_step step;
	enum reason applied;
	bool is_submitting;          /* the batch may come back at once              */
	bool is_under_way;           /* the batch                                    */
	bool looked_again;
	bool is_left_out;            /* the message before, of its datagram          */
	bool is_inward;              /* in.raw is other bytes than raw               */
	struct outcome out;          /* last: travel_new clears what is looked at of it */
};

struct travel *travel_new(struct journey *j, uint8_t speaks);
void travel_free(struct travel *t);
/* Ready to judge a timer: a fresh arena, the inputs of a judgement. */
void travel_begin(struct travel *t);
/* The same for its message, read as it would be without translation. 0, or *reterr says why not. */
int travel_read(struct travel *t, struct fault *reterr);
/* Its bytes become its own. False: out of memory. */
bool travel_keep(struct travel *t);
/* Does a message with the same bytes, from the same sender, wait already? */
bool travel_has_twin(const struct travel *t);
/* ON: the batch held. AGAIN: it was void. OVER: it was refused, the outcome says why. WAITS: one of
 * these is handed to travel_resume when it came back. */
enum stride travel_submit(struct travel *t, const struct batch *batch);
void travel_resume(struct travel *t, enum stride stride); /* inspect.c */

/* What goes on of the datagram. */
void travel_pass(struct travel *t, struct slice bytes);
void travel_pass_edited(struct travel *t);
struct slice travel_payload(const struct travel *t);

#endif
