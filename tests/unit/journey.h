/* SPDX-License-Identifier: MIT */
/* The message's journey with a protocol that judges as the test says. The table of protocols here
 * takes the place of the program's. */
#ifndef RINGFENCE_TESTS_UNIT_JOURNEY_H
#define RINGFENCE_TESTS_UNIT_JOURNEY_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "exact.h"
#include "inspect/journey.h"
#include "state/apply.h"
#include "state/tables.h"

#define FAKE 1
#define SHRINK 256                   /* doors: 512, calls: 64 */
#define DOOR_PORT 0x1027             /* 10000, in network order */

/* What the protocol does with each message, and what it saw. */
static struct {
	enum judgement judgement;
	enum reason reason;
	int needs;                   /* rounds that ask for more rows    */
	int stale;                   /* judgements on an old version     */
	int stale_each;              /* the same, of each message        */
	bool opens, edits, strikes, floods;
	enum row_type fills;         /* puts a row that is new each time */
	uint8_t wants;               /* owner                            */
	bool shares;                 /* that owner with others           */
	int timer_needs;             /* rounds in which a timer asks     */
	ssize_t frames;              /* 0: the whole payload             */
	int judged, timed_out;
	struct slice last;           /* the message of the judgement before */
	uint32_t subjects;
} play;

static struct policy policy;
static struct tables *tables;
static struct apply *apply;
static struct journey journey;
static uint64_t counts[COUNTER_END];
static uint32_t open_count;
static char sent[256];
static int sent_count, send_says, reports;
static struct outcome told;
static bool told_monitored, told_message;
/* Batches that the group holds back. */
static apply_done_fn waiting[LIMIT_CALL_QUEUE + 2];
static void *waiting_for[LIMIT_CALL_QUEUE + 2];
static int waiting_count;
static uint32_t fresh;

static inline struct owner owner_of(uint8_t number)
{
	return (struct owner){ { number } };
}

static inline ssize_t frame(struct slice bytes, size_t *resume)
{
	(void)resume;
	if (slice_equal(bytes, SLICE("\r\n")))
		return 0;
	return play.frames ? play.frames : (ssize_t)bytes.length;
}

static inline int parse(struct slice raw, struct arena *arena, const void **ret_msg, struct fault *reterr)
{
	struct slice *copy = arena_take(arena, sizeof(*copy));

	assert_non_null(copy);
	*copy = raw;
	*ret_msg = copy;
	if (raw.bytes[0] != 'x')
		return 0;
	*reterr = (struct fault){ REASON_sip_malformed, 2 };
	return -EBADMSG;
}

static inline void wants(const void *msg, const struct inspect_in *in, struct wants *ret)
{
	(void)msg, (void)in;
	ret->owners[0] = owner_of(play.wants);
	ret->shared = play.shares;
	ret->count = 1;
}

static inline void put_door(const struct inspect_in *in, struct batch *b, bool optional)
{
	struct row_key key = { .owner = owner_of(9), .sub = optional };
	struct door_row door = {
		.key = { .destination = in->flow->source.address, .zone = 2,
			 .destination_port = DOOR_PORT },
		.named_by = in->flow->source, .kind = DOOR_MEDIA, .zone_out = 1,
		.expires_ns = in->now_ns + 1,
	};

	if (!optional) {
		batch_put(b, ROW_door, &key, &door);
		return;
	}
	door.key.destination.bytes[15] ^= 1;     /* somebody else's */
	batch_put_optional(b, ROW_door, &key, &door);
}

static inline void inspect(const void *msg, const struct inspect_in *in, struct outcome *ret)
{
	struct row_key absent = { .owner = owner_of(7) }, key = absent;
	uint8_t value[ROW_BYTES_MOST] = { 0 };

	assert_ptr_equal(((const struct slice *)msg)->bytes, in->raw.bytes);
	batch_init(&ret->batch, in->arena);
	play.judged++;
	play.subjects = in->subjects->count;
	if (play.needs-- > 0) {
		ret->judgement = JUDGEMENT_NEED;
		wants(msg, in, &ret->wants);
		ret->wants.owners[1] = owner_of(3);
		ret->wants.count = 2;
		return;
	}
	ret->judgement = play.judgement;
	ret->reason = play.reason;
	if (in->raw.bytes != play.last.bytes) {
		play.last = in->raw;
		play.stale += play.stale_each;
	}
	if (play.stale > 0 && play.stale--)
		batch_expect(&ret->batch, ROW_call, &absent, 5);
	if (play.opens)
		put_door(in, &ret->batch, false);
	if (play.strikes)
		put_door(in, &ret->batch, true);
	for (uint32_t i = 0; play.floods && i <= LIMIT_CHANGES; i++)
		batch_end(&ret->batch, ROW_call, &absent);
	if (play.fills) {
		key.sub = ++fresh;
		batch_put(&ret->batch, play.fills, &key, value);
	}
	if (play.edits)
		assert_int_equal(edits_add(&ret->edits, 1, 2, SLICE("-!-")), 0);
}

static inline void timeout(const struct row_view *timer, const struct inspect_in *in, struct outcome *ret)
{
	play.timed_out++;
	play.subjects = in->subjects->count;
	if (play.timer_needs-- > 0) {
		ret->judgement = JUDGEMENT_NEED;
		ret->wants = (struct wants){ .owners = { timer->key->owner, owner_of(3) },
					     .count = 2 };
		return;
	}
	ret->judgement = JUDGEMENT_ACCEPT;
	batch_init(&ret->batch, in->arena);
	batch_end_set(&ret->batch, ROW_NONE, &timer->key->owner, SUB_ANY);
}

static struct protocol_ops fake = { .name = "fake", .frame = frame, .parse = parse,
					  .wants = wants, .inspect = inspect, .timeout = timeout };
const struct protocol_ops *const protocols[] = { NULL, &fake };
const uint32_t protocol_count = 2;

static inline int kernel_open_key(void *self, const struct flow_key *key,
			   const struct translation *translation, struct permit *permit)
{
	(void)self, (void)key, (void)translation, (void)permit;
	assert_int_equal(sent_count, 0);
	open_count++;
	return 0;
}

static inline int kernel_close_key(void *self, const struct flow_key *key, const struct permit *permit)
{
	(void)self, (void)key, (void)permit;
	open_count--;
	return 0;
}

static inline int store(void *self, enum row_type type, const struct row_key *key,
			const void *value, bool is_new)
{
	(void)self, (void)type, (void)key, (void)value, (void)is_new;
	return 0;
}

static inline void count(void *self, uint32_t counter, uint64_t n)
{
	(void)self;
	assert_true(counter < COUNTER_END);
	counts[counter] += n;
}

static inline int send_on(void *self, const struct arrival *a, const struct flow_info *leaves,
			  struct slice payload)
{
	(void)self, (void)a, (void)leaves;
	if (send_says)
		return send_says;
	sent_count++;
	snprintf(sent, sizeof(sent), "%.*s", (int)payload.length, (const char *)payload.bytes);
	return 0;
}

static inline void report(void *self, const struct verdict_report *r)
{
	(void)self;
	reports++;
	told = *r->outcome;
	told_monitored = r->monitored;
	told_message = r->message != NULL;
}

static inline void hold_batch(void *self, const struct batch *batch, apply_done_fn done, void *context)
{
	(void)self, (void)batch;
	assert_true(waiting_count < LIMIT_CALL_QUEUE + 2);
	waiting[waiting_count] = done;
	waiting_for[waiting_count++] = context;
}

static inline int set_up(void **state)
{
	static const struct hash_key key = { { 1, 2 } };
	static const struct projector_ops ops = { .open = kernel_open_key,
						  .close = kernel_close_key,
						  .store = store, .count = count };

	(void)state;
	memset(&play, 0, sizeof(play));
	play.judgement = JUDGEMENT_ACCEPT;
	memset(counts, 0, sizeof(counts));
	policy = (struct policy){ .zone_count = 1, .timers = { .call_longest_ns = 1000 } };
	sent[0] = '\0';
	open_count = fresh = 0;
	waiting_count = 0;
	fake.several = false;
	sent_count = send_says = reports = 0;
	tables = tables_new(&key, SHRINK);
	apply = tables ? apply_new(tables, &ops) : NULL;
	journey = (struct journey){ .policy = &policy, .tables = tables, .apply = apply,
				    .hands = { send_on, report, count, NULL } };
	return apply ? journey_init(&journey) : -1;
}

static inline int tear_down(void **state)
{
	(void)state;
	journey_close(&journey);
	apply_free(apply);
	tables_free(tables);
	return 0;
}

static inline struct arrival arrival(const char *text)
{
	struct arrival a = { .payload = exact(slice_make(text, strlen(text))), .speaks = FAKE,
			     .held = true, .flow = { .zones = { 1, 2 } } };

	a.record = a.payload;
	assert_true(address_parse(SLICE("192.0.2.1"), &a.flow.source.address));
	return a;
}

static inline void pass(const char *text)
{
	struct arrival a = arrival(text);

	journey_arrival(&journey, &a, 1);
}

static inline void assert_refused(enum reason reason)
{
	assert_int_equal(told.judgement, JUDGEMENT_REFUSE);
	assert_int_equal(told.reason, reason);
	assert_int_equal(counts[reason], 1);
	assert_int_equal(counts[COUNTER_messages_refused], 1);
	assert_int_equal(counts[COUNTER_messages_accepted], 0);
	assert_int_equal(sent_count, 0);
	assert_int_equal(open_count, 0);
}

#endif
