// SPDX-License-Identifier: MIT
/* The message's journey with a protocol that judges as the test says: its order, its bounds and
 * what goes on. The table of protocols here takes the place of the program's. */
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

static struct owner owner_of(uint8_t number)
{
	return (struct owner){ { number } };
}

static ssize_t frame(struct slice bytes, size_t *resume)
{
	(void)resume;
	if (slice_equal(bytes, SLICE("\r\n")))
		return 0;
	return play.frames ? play.frames : (ssize_t)bytes.length;
}

static int parse(struct slice raw, struct arena *arena, const void **ret_msg, struct fault *reterr)
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

static void wants(const void *msg, const struct inspect_in *in, struct wants *ret)
{
	(void)msg, (void)in;
	ret->owners[0] = owner_of(play.wants);
	ret->count = 1;
}

static void put_door(const struct inspect_in *in, struct batch *b, bool optional)
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

static void inspect(const void *msg, const struct inspect_in *in, struct outcome *ret)
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

static void timeout(const struct row_view *timer, const struct inspect_in *in, struct outcome *ret)
{
	play.timed_out++;
	play.subjects = in->subjects->count;
	ret->judgement = JUDGEMENT_ACCEPT;
	batch_init(&ret->batch, in->arena);
	batch_end_set(&ret->batch, ROW_NONE, &timer->key->owner, SUB_ANY);
}

static struct protocol_ops fake = { .name = "fake", .frame = frame, .parse = parse,
					  .wants = wants, .inspect = inspect, .timeout = timeout };
const struct protocol_ops *const protocols[] = { NULL, &fake };
const uint32_t protocol_count = 2;

static int kernel_open_key(void *self, const struct flow_key *key, struct permit *permit)
{
	(void)self, (void)key, (void)permit;
	assert_int_equal(sent_count, 0);
	open_count++;
	return 0;
}

static int kernel_close_key(void *self, const struct flow_key *key, const struct permit *permit)
{
	(void)self, (void)key, (void)permit;
	open_count--;
	return 0;
}

static int store(void *self, enum row_type type, const struct row_key *key, const void *value)
{
	(void)self, (void)type, (void)key, (void)value;
	return 0;
}

static void count(void *self, uint32_t counter, uint64_t n)
{
	(void)self;
	assert_true(counter < COUNTER_END);
	counts[counter] += n;
}

static int send_on(void *self, const struct arrival *a, struct slice payload)
{
	(void)self, (void)a;
	if (send_says)
		return send_says;
	sent_count++;
	snprintf(sent, sizeof(sent), "%.*s", (int)payload.length, (const char *)payload.bytes);
	return 0;
}

static void report(void *self, const struct verdict_report *r)
{
	(void)self;
	reports++;
	told = *r->outcome;
	told_monitored = r->monitored;
	told_message = r->message != NULL;
}

static void hold_batch(void *self, const struct batch *batch, apply_done_fn done, void *context)
{
	(void)self, (void)batch;
	assert_true(waiting_count < LIMIT_CALL_QUEUE + 2);
	waiting[waiting_count] = done;
	waiting_for[waiting_count++] = context;
}

static int set_up(void **state)
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

static int tear_down(void **state)
{
	(void)state;
	journey_close(&journey);
	apply_free(apply);
	tables_free(tables);
	return 0;
}

static struct arrival arrival(const char *text)
{
	struct arrival a = { .payload = exact(slice_make(text, strlen(text))), .speaks = FAKE,
			     .held = true, .flow = { .zones = { 1, 2 } } };

	a.record = a.payload;
	assert_true(address_parse(SLICE("192.0.2.1"), &a.flow.source.address));
	return a;
}

static void pass(const char *text)
{
	struct arrival a = arrival(text);

	journey_arrival(&journey, &a, 1);
}

static void assert_refused(enum reason reason)
{
	assert_int_equal(told.judgement, JUDGEMENT_REFUSE);
	assert_int_equal(told.reason, reason);
	assert_int_equal(counts[reason], 1);
	assert_int_equal(counts[COUNTER_messages_refused], 1);
	assert_int_equal(counts[COUNTER_messages_accepted], 0);
	assert_int_equal(sent_count, 0);
	assert_int_equal(open_count, 0);
}

/* Rows of one owner, of whatever type has room. */
static void put_rows(uint8_t owner, uint32_t how_many)
{
	struct row_key key = { .owner = owner_of(owner) };
	union {
		struct row_head head;
		uint8_t bytes[ROW_BYTES_MOST];
	} value = { .head = { .version = 1 } };

	for (enum row_type type = ROW_NONE + 1; how_many; type++) {
		assert_true(type < ROW_COUNT);
		for (key.sub = 0; how_many && key.sub < tables_capacity(tables, type) / 2;
		     key.sub++, how_many--)
			assert_int_equal(tables_set(tables, type, &key, &value), 0);
	}
}

/* kernel_open_key asserts that nothing was sent before. */
static void doors_are_open_before_the_message_goes_on(void **state)
{
	(void)state;
	play.opens = true;
	pass("hello");
	assert_int_equal(open_count, 1);
	assert_string_equal(sent, "hello");
	assert_int_equal(counts[COUNTER_messages_read], 1);
	assert_int_equal(counts[COUNTER_messages_accepted], 1);
	assert_int_equal(counts[COUNTER_messages_sent], 1);
	assert_int_equal(counts[COUNTER_batches_held], 1);
	assert_int_equal(reports, 1);
}

static void refused_message_opens_nothing_and_is_not_sent(void **state)
{
	(void)state;
	play.opens = true;
	play.judgement = JUDGEMENT_REFUSE;
	play.reason = REASON_sip_wrong_tag;
	pass("hello");
	assert_refused(REASON_sip_wrong_tag);
}

static void monitored_reason_is_counted_and_the_message_goes_on_but_opens_nothing(void **state)
{
	(void)state;
	play.opens = true;
	play.judgement = JUDGEMENT_REFUSE;
	play.reason = REASON_sip_wrong_tag;
	policy.enforcement[PROTECTION_SIP] = ENFORCE_MONITOR;
	pass("hello");
	assert_true(told_monitored);
	assert_string_equal(sent, "hello");
	assert_int_equal(open_count, 0);
	assert_int_equal(counts[REASON_sip_wrong_tag], 1);
	assert_int_equal(counts[COUNTER_messages_monitored], 1);
	assert_int_equal(counts[COUNTER_messages_refused], 0);
}

static void reason_without_a_choice_is_never_only_monitored(void **state)
{
	(void)state;
	play.judgement = JUDGEMENT_REFUSE;
	play.reason = REASON_message_no_rule;
	memset(policy.enforcement, ENFORCE_MONITOR, sizeof(policy.enforcement));
	pass("hello");
	assert_refused(REASON_message_no_rule);
}

static void what_cannot_be_read_is_refused_where_the_fault_lies(void **state)
{
	(void)state;
	pass("xyz");
	assert_refused(REASON_sip_malformed);
	assert_int_equal(told.at, 2);
	assert_false(told_message);
	assert_int_equal(play.judged, 0);
}

static void second_round_sees_the_rows_that_the_first_one_asked_for(void **state)
{
	(void)state;
	put_rows(3, 2);
	play.needs = 1;
	pass("hello");
	assert_int_equal(told.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(play.judged, 2);
	assert_int_equal(play.subjects, 2);
}

static void who_asks_for_more_rows_again_and_again_is_refused(void **state)
{
	(void)state;
	play.needs = LIMIT_WANT_ROUNDS;
	pass("hello");
	assert_int_equal(play.judged, LIMIT_WANT_ROUNDS);
	assert_refused(REASON_wants_unmet);
}

static void more_rows_than_a_judgement_may_see_are_a_limit(void **state)
{
	(void)state;
	play.wants = 4;
	put_rows(4, LIMIT_SUBJECTS);
	pass("hello");
	assert_int_equal(told.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(play.subjects, LIMIT_SUBJECTS);
	sent_count = 0;
	counts[COUNTER_messages_accepted] = 0;
	put_rows(4, LIMIT_SUBJECTS + 1);
	pass("hello");
	assert_refused(REASON_message_limit);
}

static void void_batch_is_judged_again(void **state)
{
	(void)state;
	play.opens = true;
	play.stale = LIMIT_REJUDGE - 1;
	pass("hello");
	assert_int_equal(play.judged, LIMIT_REJUDGE);
	assert_int_equal(told.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(counts[COUNTER_batches_void], LIMIT_REJUDGE - 1);
	assert_int_equal(open_count, 1);
}

static void batch_that_is_void_each_time_is_refused(void **state)
{
	(void)state;
	play.opens = true;
	play.stale = 100;
	pass("hello");
	assert_int_equal(play.judged, LIMIT_REJUDGE);
	assert_refused(REASON_batch_void);
}

static void full_table_is_refused_at_once(void **state)
{
	(void)state;
	play.fills = ROW_call;
	for (uint32_t i = 0; i < tables_capacity(tables, ROW_call); i++)
		pass("hello");
	assert_int_equal(told.judgement, JUDGEMENT_ACCEPT);
	sent_count = 0;
	counts[COUNTER_messages_accepted] = 0;
	play.judged = 0;
	pass("hello");
	assert_int_equal(play.judged, 1);
	assert_refused(REASON_table_full);
}

static void guard_has_the_last_word(void **state)
{
	(void)state;
	play.floods = true;
	pass("hello");
	assert_refused(REASON_guard_limit);
}

static void what_the_guard_strikes_is_counted(void **state)
{
	(void)state;
	play.opens = true;
	play.strikes = true;
	pass("hello");
	assert_int_equal(told.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(counts[COUNTER_changes_struck], 1);
	assert_int_equal(open_count, 1);
}

static void edits_are_in_what_goes_on(void **state)
{
	(void)state;
	play.edits = true;
	pass("hello");
	assert_string_equal(sent, "h-!-lo");
}

static void what_stands_behind_the_framed_message_does_not_go_on(void **state)
{
	(void)state;
	play.frames = 5;
	pass("helloINVITE");
	assert_string_equal(sent, "hello");
}

static void messages_of_one_datagram_leave_together(void **state)
{
	(void)state;
	fake.several = true;
	play.frames = 3;
	play.edits = true;
	pass("oneTWO");
	assert_string_equal(sent, "o-!-T-!-");
	assert_int_equal(counts[COUNTER_messages_read], 2);
	assert_int_equal(counts[COUNTER_messages_sent], 1);
}

static void each_message_of_a_datagram_has_its_own_tries(void **state)
{
	(void)state;
	fake.several = true;
	play.frames = 3;
	play.opens = true;
	play.stale_each = LIMIT_REJUDGE - 1;
	pass("oneTWO");
	assert_int_equal(counts[COUNTER_messages_accepted], 2);
	assert_int_equal(counts[REASON_batch_void], 0);
}

static void message_goes_on_when_its_batch_came_back(void **state)
{
	const struct apply_group group = { hold_batch, NULL };

	(void)state;
	apply_set_group(apply, &group);
	play.fills = ROW_call;
	pass("hello");
	assert_int_equal(sent_count, 0);
	assert_int_equal(waiting_count, 1);
	waiting[0](waiting_for[0], REASON_none);
	assert_string_equal(sent, "hello");
}

/* One is under way and LIMIT_CALL_QUEUE - 1 wait behind it. */
static void one_call_has_a_bounded_queue_in_order_and_holds_back_no_other(void **state)
{
	const struct apply_group group = { hold_batch, NULL };
	char text[] = "call A";

	(void)state;
	apply_set_group(apply, &group);
	play.fills = ROW_call;
	for (int i = 0; i < LIMIT_CALL_QUEUE; i++) {
		text[5] = (char)('A' + i);
		pass(text);
	}
	assert_int_equal(reports, 0);
	assert_int_equal(waiting_count, 1);
	pass("one too many");
	assert_refused(REASON_queue_full);
	play.wants = 5;
	pass("another call");
	assert_int_equal(waiting_count, 2);
	play.wants = 0;
	waiting[0](waiting_for[0], REASON_none);
	assert_string_equal(sent, "call A");
	journey_continue(&journey, 1);
	assert_int_equal(waiting_count, 3);
	waiting[2](waiting_for[2], REASON_none);
	assert_string_equal(sent, "call B");
}

/* RFC 5626 3.5.1: CRLF alone holds the way open and says nothing. */
static void keepalive_goes_on_unjudged(void **state)
{
	(void)state;
	pass("\r\n");
	assert_string_equal(sent, "\r\n");
	assert_int_equal(play.judged, 0);
	assert_int_equal(counts[COUNTER_messages_read], 0);
	assert_int_equal(reports, 0);
}

static void consumed_message_is_accepted_and_not_sent(void **state)
{
	(void)state;
	play.judgement = JUDGEMENT_CONSUME;
	pass("hello");
	assert_int_equal(sent_count, 0);
	assert_int_equal(counts[COUNTER_messages_accepted], 1);
}

static void message_that_was_not_held_back_is_judged_and_not_sent_twice(void **state)
{
	struct arrival a = arrival("hello");

	(void)state;
	a.held = false;
	journey_arrival(&journey, &a, 1);
	assert_int_equal(play.judged, 1);
	assert_int_equal(sent_count, 0);
}

static void message_that_the_host_does_not_take_back_is_counted(void **state)
{
	(void)state;
	send_says = -EAGAIN;
	pass("hello");
	assert_int_equal(counts[COUNTER_messages_send_failed], 1);
	assert_int_equal(counts[COUNTER_messages_sent], 0);
}

static void protocol_that_nobody_knows_goes_nowhere(void **state)
{
	struct arrival a = arrival("hello");

	(void)state;
	a.speaks = 2;
	journey_arrival(&journey, &a, 1);
	a.speaks = 0;
	journey_arrival(&journey, &a, 1);
	assert_int_equal(sent_count, 0);
	assert_int_equal(reports, 0);
}

static void timer_is_judged_with_its_owners_rows(void **state)
{
	struct row_key key = { .owner = owner_of(3) };
	struct timer_row timer = { .protocol = FAKE };
	struct row_view view = { ROW_timer, &key, &timer };

	(void)state;
	put_rows(3, 2);
	put_rows(4, 1);
	assert_int_equal(tables_count(tables, ROW_call), 3);
	journey_timeout(&journey, &view, 1);
	assert_int_equal(play.timed_out, 1);
	assert_int_equal(play.subjects, 2);
	assert_int_equal(tables_count(tables, ROW_call), 1);
	assert_int_equal(sent_count, 0);
	assert_int_equal(reports, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(doors_are_open_before_the_message_goes_on),
		TEST(refused_message_opens_nothing_and_is_not_sent),
		TEST(monitored_reason_is_counted_and_the_message_goes_on_but_opens_nothing),
		TEST(reason_without_a_choice_is_never_only_monitored),
		TEST(what_cannot_be_read_is_refused_where_the_fault_lies),
		TEST(second_round_sees_the_rows_that_the_first_one_asked_for),
		TEST(who_asks_for_more_rows_again_and_again_is_refused),
		TEST(more_rows_than_a_judgement_may_see_are_a_limit),
		TEST(void_batch_is_judged_again),
		TEST(batch_that_is_void_each_time_is_refused),
		TEST(full_table_is_refused_at_once),
		TEST(guard_has_the_last_word),
		TEST(what_the_guard_strikes_is_counted),
		TEST(edits_are_in_what_goes_on),
		TEST(what_stands_behind_the_framed_message_does_not_go_on),
		TEST(messages_of_one_datagram_leave_together),
		TEST(each_message_of_a_datagram_has_its_own_tries),
		TEST(message_goes_on_when_its_batch_came_back),
		TEST(one_call_has_a_bounded_queue_in_order_and_holds_back_no_other),
		TEST(keepalive_goes_on_unjudged),
		TEST(consumed_message_is_accepted_and_not_sent),
		TEST(message_that_was_not_held_back_is_judged_and_not_sent_twice),
		TEST(message_that_the_host_does_not_take_back_is_counted),
		TEST(protocol_that_nobody_knows_goes_nowhere),
		TEST(timer_is_judged_with_its_owners_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
