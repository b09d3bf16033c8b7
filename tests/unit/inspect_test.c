// SPDX-License-Identifier: MIT
/* The message's journey: its order, its bounds and what goes on. */
#include "unit/journey.h"

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
			assert_true(tables_set(tables, type, &key, &value) >= 0);
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

/* Whoever waits for it in its stream must know that nothing comes. */
static void message_of_a_stream_is_settled_whatever_becomes_of_it(void **state)
{
	struct arrival a = arrival("hello");

	(void)state;
	a.ticket = 7;
	play.judgement = JUDGEMENT_REFUSE;
	play.reason = REASON_sip_old_cseq;
	journey_arrival(&journey, &a, 1);
	assert_int_equal(sent_count, 1);
	assert_string_equal(sent, "");
	assert_int_equal(counts[COUNTER_messages_sent], 0);
	play.judgement = JUDGEMENT_ACCEPT;
	journey_arrival(&journey, &a, 1);
	assert_int_equal(sent_count, 2);
	assert_string_equal(sent, "hello");
	assert_int_equal(counts[COUNTER_messages_sent], 1);
}

/* It was cut out of its stream before: what a datagram would make of it is not asked. */
static void message_of_a_stream_is_one(void **state)
{
	struct arrival a = arrival("\r\n");

	(void)state;
	a.ticket = 7;
	journey_arrival(&journey, &a, 1);
	assert_int_equal(play.judged, 1);
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

static void timer_may_ask_for_more_rows_once(void **state)
{
	struct row_key key = { .owner = owner_of(4) };
	struct timer_row timer = { .protocol = FAKE };
	struct row_view view = { ROW_timer, &key, &timer };

	(void)state;
	put_rows(3, 2);
	put_rows(4, 1);
	play.timer_needs = LIMIT_WANT_ROUNDS;
	journey_timeout(&journey, &view, 1);
	assert_int_equal(play.timed_out, LIMIT_WANT_ROUNDS);
	assert_int_equal(tables_count(tables, ROW_call), 3);
	play.timed_out = 0;
	play.timer_needs = 1;
	journey_timeout(&journey, &view, 1);
	assert_int_equal(play.timed_out, 2);
	assert_int_equal(play.subjects, 3);
	assert_int_equal(tables_count(tables, ROW_call), 2);
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
		TEST(keepalive_goes_on_unjudged),
		TEST(consumed_message_is_accepted_and_not_sent),
		TEST(message_that_was_not_held_back_is_judged_and_not_sent_twice),
		TEST(message_that_the_host_does_not_take_back_is_counted),
		TEST(message_of_a_stream_is_settled_whatever_becomes_of_it),
		TEST(message_of_a_stream_is_one),
		TEST(protocol_that_nobody_knows_goes_nowhere),
		TEST(timer_is_judged_with_its_owners_rows),
		TEST(timer_may_ask_for_more_rows_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
