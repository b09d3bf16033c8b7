// SPDX-License-Identifier: MIT
/* Messages that wait for their batch or behind another of their call, and datagrams with several. */
#include "inspect/travel.h"
#include "unit/journey.h"

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

/* More of them than wait for one call. */
static void messages_that_share_an_owner_are_under_way_together(void **state)
{
	const struct apply_group group = { hold_batch, NULL };
	char text[] = "message A";

	(void)state;
	apply_set_group(apply, &group);
	play.fills = ROW_call;
	play.shares = true;
	for (int i = 0; i <= LIMIT_CALL_QUEUE; i++) {
		text[8] = (char)('A' + i);
		pass(text);
	}
	assert_int_equal(waiting_count, LIMIT_CALL_QUEUE + 1);
	play.shares = false;
	pass("all of it");
	assert_int_equal(waiting_count, LIMIT_CALL_QUEUE + 1);
	for (int i = 0; i <= LIMIT_CALL_QUEUE; i++) {
		waiting[i](waiting_for[i], REASON_none);
		assert_string_not_equal(sent, "all of it");
	}
	journey_continue(&journey, 1);
	assert_int_equal(waiting_count, LIMIT_CALL_QUEUE + 2);
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

static void batch_that_the_group_lost_refuses_its_message(void **state)
{
	const struct apply_group group = { hold_batch, NULL };

	(void)state;
	apply_set_group(apply, &group);
	play.opens = true;
	pass("hello");
	waiting[0](waiting_for[0], REASON_group_lost);
	assert_refused(REASON_group_lost);
}

/* RFC 3261 17.1.1.2: the sender repeats after T1, 500 ms; the first one goes on for both. */
static void repeat_of_a_message_that_waits_collapses_into_it(void **state)
{
	const struct apply_group group = { hold_batch, NULL };

	(void)state;
	apply_set_group(apply, &group);
	play.fills = ROW_call;
	pass("hello");
	pass("hello");
	assert_int_equal(counts[COUNTER_messages_collapsed], 1);
	assert_int_equal(waiting_count, 1);
	waiting[0](waiting_for[0], REASON_none);
	assert_int_equal(sent_count, 1);
}

static void message_that_waited_too_long_is_stale(void **state)
{
	const struct apply_group group = { hold_batch, NULL };

	(void)state;
	apply_set_group(apply, &group);
	play.fills = ROW_call;
	pass("hello");
	journey_continue(&journey, 2000000000);
	waiting[0](waiting_for[0], REASON_none);
	assert_int_equal(sent_count, 0);
	assert_int_equal(counts[REASON_punt_stale], 1);
}

/* The arena does not wait with it. */
static void edits_of_a_message_that_waited_are_in_what_goes_on(void **state)
{
	const struct apply_group group = { hold_batch, NULL };

	(void)state;
	apply_set_group(apply, &group);
	play.fills = ROW_call;
	play.edits = true;
	pass("hello");
	apply_set_group(apply, NULL);
	play.wants = 5;
	pass("another");
	assert_string_equal(sent, "a-!-ther");
	waiting[0](waiting_for[0], REASON_none);
	assert_string_equal(sent, "h-!-lo");
}

static void timer_of_an_owner_with_a_message_under_way_is_asked_later(void **state)
{
	const struct apply_group group = { hold_batch, NULL };
	struct row_key key = { .owner = owner_of(0) };
	struct timer_row timer = { .protocol = FAKE };
	struct row_view view = { ROW_timer, &key, &timer };

	(void)state;
	apply_set_group(apply, &group);
	play.fills = ROW_call;
	pass("hello");
	assert_int_equal(journey_timeout(&journey, &view, 1), -EBUSY);
	assert_int_equal(play.timed_out, 0);
	waiting[0](waiting_for[0], REASON_none);
	assert_int_equal(journey_timeout(&journey, &view, 1), 0);
	assert_int_equal(play.timed_out, 1);
}

/* RFC 3261 17.1.1.2: nobody repeats what goes over TCP. */
static void message_of_a_stream_is_never_stale(void **state)
{
	const struct apply_group group = { hold_batch, NULL };
	struct arrival a = arrival("hello");

	(void)state;
	a.ticket = 7;
	apply_set_group(apply, &group);
	play.fills = ROW_call;
	journey_arrival(&journey, &a, 1);
	journey.now_ns = 5000000000ull;
	waiting[0](waiting_for[0], REASON_none);
	assert_string_equal(sent, "hello");
	assert_int_equal(counts[REASON_punt_stale], 0);
}

static void message_beyond_all_places_is_told(void **state)
{
	const struct apply_group group = { hold_batch, NULL };
	struct arrival a = arrival("hello");
	struct travel *idle = NULL;

	(void)state;
	apply_set_group(apply, &group);
	for (uint32_t i = 0; i < LIMIT_PENDING; i++)
		idle = travel_new(&journey, FAKE);
	assert_non_null(idle);
	assert_int_equal(journey_arrival(&journey, &a, 1), -ENOBUFS);
	assert_int_equal(counts[REASON_queue_full], 1);
	travel_free(idle);
	assert_int_equal(journey_arrival(&journey, &a, 1), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(message_goes_on_when_its_batch_came_back),
		TEST(one_call_has_a_bounded_queue_in_order_and_holds_back_no_other),
		TEST(messages_that_share_an_owner_are_under_way_together),
		TEST(messages_of_one_datagram_leave_together),
		TEST(each_message_of_a_datagram_has_its_own_tries),
		TEST(batch_that_the_group_lost_refuses_its_message),
		TEST(repeat_of_a_message_that_waits_collapses_into_it),
		TEST(message_that_waited_too_long_is_stale),
		TEST(message_of_a_stream_is_never_stale),
		TEST(message_beyond_all_places_is_told),
		TEST(edits_of_a_message_that_waited_are_in_what_goes_on),
		TEST(timer_of_an_owner_with_a_message_under_way_is_asked_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
