// SPDX-License-Identifier: MIT
/* TIMER rows on the wheel: when they are due, what puts them off, what takes them away. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "state/alarms.h"

#define SECOND 1000000000ull
#define START (1000 * SECOND)
#define IDLE (300 * SECOND)
#define GRAIN (SECOND / 10)          /* what a timer may be late */
#define MOST 100

static const struct hash_key hash_key = { { 1, 2 } };
static struct tables *tables;
static struct alarms *alarms;
static struct row_key due[16];
static uint64_t due_ns[16];
static uint32_t due_count;
static struct flow_key seen_key;
static uint64_t seen_at;
static int elsewhere_says;           /* -EAGAIN: not known yet */
static uint64_t elsewhere_at;
static bool keeps;                   /* the judgement of a due timer does not end its row */

static uint64_t seen_ns(void *self, const struct flow_key *key)
{
	(void)self;
	return memcmp(key, &seen_key, sizeof(*key)) ? 0 : seen_at;
}

static void set_timer(struct row_key key, enum timer_kind kind, uint64_t at_ns)
{
	struct timer_row row = { .head = { .version = 1 }, .due_ns = at_ns, .kind = kind };

	assert_true(tables_set(tables, ROW_timer, &key, &row) >= 0);
	alarms_changed(alarms, &key, &row);
}

static void end_timer(struct row_key key)
{
	tables_set(tables, ROW_timer, &key, NULL);
	alarms_changed(alarms, &key, NULL);
}

static void is_due(void *self, const struct row_view *timer, uint64_t now_ns)
{
	(void)self;
	assert_true(due_count < 16);
	due[due_count] = *timer->key;
	due_ns[due_count++] = now_ns;
	if (!keeps)
		end_timer(*timer->key);
}

static int seen_elsewhere(void *self, const struct owner *owner, uint64_t now_ns, uint64_t *ret)
{
	(void)self, (void)owner, (void)now_ns;
	*ret = elsewhere_at;
	return elsewhere_says;
}

static const struct alarms_ops ops = { .seen_ns = seen_ns, .due = is_due,
				       .seen_elsewhere = seen_elsewhere };

static int set_up(void **state)
{
	(void)state;
	due_count = 0;
	seen_at = elsewhere_at = 0;
	elsewhere_says = 0;
	keeps = false;
	memset(&seen_key, 0, sizeof(seen_key));
	tables = tables_new(&hash_key, 1024);
	alarms = tables ? alarms_new(tables, &hash_key, &ops, START) : NULL;
	return alarms ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	alarms_free(alarms);
	tables_free(tables);
	return 0;
}

static struct row_key key_of(uint8_t owner)
{
	return (struct row_key){ .owner = { { owner } }, .part = 1 };
}

/* How many were due until then. */
static uint32_t run(uint64_t now_ns)
{
	uint32_t before = due_count;

	alarms_run(alarms, now_ns, IDLE, MOST);
	return due_count - before;
}

static void timer_is_due_at_its_time_and_once(void **state)
{
	(void)state;
	set_timer(key_of(1), TIMER_CALL_EARLY, START + 10 * SECOND);
	assert_int_equal(run(START + 10 * SECOND - 1), 0);
	assert_int_equal(run(START + 10 * SECOND + GRAIN), 1);
	assert_int_equal(due[0].owner.bytes[0], 1);
	assert_int_equal(run(START + 1000 * SECOND), 0);
}

/* A capture jumps over pauses: what was due then is judged with the time it was due. */
static void late_run_tells_the_time_at_which_it_was_due(void **state)
{
	(void)state;
	set_timer(key_of(1), TIMER_CALL_EARLY, START + 10 * SECOND);
	assert_int_equal(run(START + 500 * SECOND), 1);
	assert_true(due_ns[0] >= START + 10 * SECOND);
	assert_true(due_ns[0] <= START + 10 * SECOND + GRAIN);
}

static void timer_that_moved_is_due_at_its_new_time(void **state)
{
	(void)state;
	set_timer(key_of(1), TIMER_CALL_EARLY, START + 10 * SECOND);
	set_timer(key_of(1), TIMER_CALL_EARLY, START + 20 * SECOND);
	assert_int_equal(run(START + 15 * SECOND), 0);
	assert_int_equal(run(START + 21 * SECOND), 1);
}

static void timer_that_ended_is_never_due(void **state)
{
	(void)state;
	set_timer(key_of(1), TIMER_CALL_EARLY, START + 10 * SECOND);
	end_timer(key_of(1));
	end_timer(key_of(2));
	assert_int_equal(run(START + 20 * SECOND), 0);
}

static void one_run_judges_no_more_than_it_may_and_the_next_goes_on(void **state)
{
	(void)state;
	for (uint8_t i = 1; i <= 5; i++)
		set_timer(key_of(i), TIMER_CALL_EARLY, START + SECOND);
	alarms_run(alarms, START + 2 * SECOND, IDLE, 3);
	assert_int_equal(due_count, 3);
	alarms_run(alarms, START + 2 * SECOND, IDLE, 3);
	assert_int_equal(due_count, 5);
}

static void restored_rows_are_timers_again(void **state)
{
	struct row_key key = key_of(1), past = key_of(2);
	struct timer_row row = { .head = { .version = 1 }, .due_ns = START + SECOND,
				 .kind = TIMER_CALL_LONGEST };

	(void)state;
	tables_set(tables, ROW_timer, &key, &row);
	row.due_ns = 1;
	tables_set(tables, ROW_timer, &past, &row);
	assert_int_equal(run(START + 5 * SECOND), 0);
	alarms_restore(alarms);
	assert_int_equal(run(START + 5 * SECOND), 2);
}

static struct door_row put_door(struct row_key key, enum door_kind kind)
{
	struct door_row door = { .head = { .version = 1 }, .kind = kind,
				 .key = { .destination_port = 7, .zone = 1 } };

	assert_true(tables_set(tables, ROW_door, &key, &door) >= 0);
	return door;
}

static void call_that_carries_media_is_not_idle(void **state)
{
	(void)state;
	seen_key = put_door(key_of(1), DOOR_MEDIA).key;
	seen_at = START + 200 * SECOND;
	set_timer(key_of(1), TIMER_CALL_IDLE, START + IDLE);
	assert_int_equal(run(START + IDLE + GRAIN), 0);
	assert_int_equal(run(START + 499 * SECOND), 0);
	assert_int_equal(run(START + 501 * SECOND), 1);
}

static void media_on_a_learned_port_counts(void **state)
{
	struct row_key key = key_of(1);
	struct lock_row lock = { .head = { .version = 1 }, .key = { .source_port = 9, .zone = 1 } };

	(void)state;
	put_door(key, DOOR_MEDIA);
	assert_true(tables_set(tables, ROW_lock, &key, &lock) >= 0);
	seen_key = lock.key;
	seen_at = START + 200 * SECOND;
	set_timer(key, TIMER_CALL_IDLE, START + IDLE);
	assert_int_equal(run(START + IDLE + GRAIN), 0);
}

static void media_that_another_member_saw_keeps_the_call_alive(void **state)
{
	(void)state;
	set_timer(key_of(1), TIMER_CALL_IDLE, START + IDLE);
	elsewhere_at = START + 200 * SECOND;
	assert_int_equal(run(START + IDLE + GRAIN), 0);
	assert_int_equal(run(START + 499 * SECOND), 0);
	assert_int_equal(run(START + 501 * SECOND), 1);
}

static void call_that_others_were_asked_about_is_not_ended_before_they_answered(void **state)
{
	(void)state;
	set_timer(key_of(1), TIMER_CALL_IDLE, START + IDLE);
	elsewhere_says = -EAGAIN;
	assert_int_equal(run(START + IDLE + GRAIN), 0);
	assert_int_equal(run(START + IDLE + 5 * SECOND), 0);
	elsewhere_says = 0;
	assert_int_equal(run(START + IDLE + 10 * SECOND), 1);
}

static void other_calls_media_and_signalling_keep_no_call_alive(void **state)
{
	(void)state;
	seen_at = START + 200 * SECOND;
	seen_key = put_door(key_of(2), DOOR_MEDIA).key;
	set_timer(key_of(1), TIMER_CALL_IDLE, START + IDLE);
	assert_int_equal(run(START + IDLE + GRAIN), 1);
	put_door(key_of(2), DOOR_SIGNALLING);
	set_timer(key_of(2), TIMER_CALL_IDLE, START + IDLE);
	assert_int_equal(run(START + IDLE + 2 * GRAIN), 1);
}

static void longest_time_ends_a_call_that_still_carries_media(void **state)
{
	(void)state;
	seen_key = put_door(key_of(1), DOOR_MEDIA).key;
	seen_at = START + 9 * SECOND;
	set_timer(key_of(1), TIMER_CALL_LONGEST, START + 10 * SECOND);
	assert_int_equal(run(START + 11 * SECOND), 1);
}

/* A full table may refuse what the judgement wants: a call must not be forgotten for that. */
static void timer_whose_row_stays_is_due_again(void **state)
{
	(void)state;
	keeps = true;
	set_timer(key_of(1), TIMER_CALL_IDLE, START + SECOND);
	assert_int_equal(run(START + 2 * SECOND), 1);
	assert_int_equal(run(START + 2 * SECOND), 0);
	keeps = false;
	assert_int_equal(run(START + 60 * SECOND), 1);
	assert_int_equal(run(START + 120 * SECOND), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(timer_is_due_at_its_time_and_once),
		TEST(late_run_tells_the_time_at_which_it_was_due),
		TEST(timer_that_moved_is_due_at_its_new_time),
		TEST(timer_that_ended_is_never_due),
		TEST(one_run_judges_no_more_than_it_may_and_the_next_goes_on),
		TEST(restored_rows_are_timers_again),
		TEST(call_that_carries_media_is_not_idle),
		TEST(media_on_a_learned_port_counts),
		TEST(media_that_another_member_saw_keeps_the_call_alive),
		TEST(call_that_others_were_asked_about_is_not_ended_before_they_answered),
		TEST(other_calls_media_and_signalling_keep_no_call_alive),
		TEST(longest_time_ends_a_call_that_still_carries_media),
		TEST(timer_whose_row_stays_is_due_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
