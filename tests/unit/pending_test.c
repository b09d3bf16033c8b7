// SPDX-License-Identifier: MIT
/* Lanes: who waits for whom, in which order, and how many. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "inspect/pending.h"

#define MOST 40

static const struct hash_key key = { { 1, 2 } };
static struct pending *p;
static struct pending_item items[MOST + 1];

static int set_up(void **state)
{
	(void)state;
	memset(items, 0, sizeof(items));
	p = pending_new(MOST, &key);
	return p ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pending_free(p);
	return 0;
}

static struct owner owner_of(uint8_t number)
{
	return (struct owner){ { number } };
}

/* One that belongs to `a`, and to `b` where that is not 0. */
static int enter(int item, uint8_t a, uint8_t b)
{
	items[item].owners[0] = owner_of(a);
	items[item].owners[1] = owner_of(b);
	items[item].owner_count = b ? 2 : 1;
	return pending_enter(p, &items[item]);
}

static int next_ready(void)
{
	struct pending_item *item = pending_ready(p);

	return item ? (int)(item - items) : -1;
}

static bool is_busy(uint8_t number)
{
	const struct pending_item item = { .owners = { owner_of(number) }, .owner_count = 1 };

	return pending_is_busy(p, &item);
}

/* One that shares `a` with its like and, where that is not 0, has `b` for itself. */
static int enter_shared(int item, uint8_t a, uint8_t b)
{
	items[item].shared = 1;
	return enter(item, a, b);
}

static void who_is_alone_goes_on_and_who_comes_second_waits(void **state)
{
	(void)state;
	assert_false(is_busy(1));
	assert_int_equal(enter(0, 1, 0), 1);
	assert_true(is_busy(1));
	assert_int_equal(enter(1, 1, 0), 0);
	assert_int_equal(enter(2, 2, 0), 1);
	assert_int_equal(next_ready(), -1);
	pending_leave(p, &items[0]);
	assert_int_equal(next_ready(), 1);
	assert_int_equal(next_ready(), -1);
	pending_leave(p, &items[1]);
	assert_false(is_busy(1));
	assert_true(is_busy(2));
	assert_int_equal(pending_count(p), 1);
}

static void those_who_wait_go_on_in_the_order_in_which_they_came(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		enter(i, 1, 0);
	for (int i = 0; i < 4; i++) {
		pending_leave(p, &items[i]);
		assert_int_equal(next_ready(), i + 1);
	}
}

/* First in one of two lanes is not first. */
static void who_belongs_to_two_waits_for_both(void **state)
{
	(void)state;
	enter(0, 1, 0);
	enter(1, 2, 0);
	assert_int_equal(enter(2, 1, 2), 0);
	assert_int_equal(enter(3, 2, 0), 0);
	pending_leave(p, &items[0]);
	assert_int_equal(next_ready(), -1);
	pending_leave(p, &items[1]);
	assert_int_equal(next_ready(), 2);
	assert_int_equal(next_ready(), -1);
	pending_leave(p, &items[2]);
	assert_int_equal(next_ready(), 3);
}

static void who_follows_in_both_lanes_becomes_ready_once(void **state)
{
	(void)state;
	enter(0, 1, 2);
	assert_int_equal(enter(1, 2, 1), 0);
	pending_leave(p, &items[0]);
	assert_int_equal(next_ready(), 1);
	assert_int_equal(next_ready(), -1);
}

static void one_owner_named_twice_is_no_wait_for_oneself(void **state)
{
	(void)state;
	assert_int_equal(enter(0, 1, 1), 1);
	assert_int_equal(enter(1, 1, 1), 0);
	pending_leave(p, &items[0]);
	assert_int_equal(next_ready(), 1);
	pending_leave(p, &items[1]);
	assert_false(is_busy(1));
	assert_int_equal(pending_count(p), 0);
}

static void lane_that_is_full_takes_no_more_and_leaves_no_place_behind(void **state)
{
	(void)state;
	for (int i = 0; i < LIMIT_CALL_QUEUE; i++)
		assert_true(enter(i, 1, 0) >= 0);
	assert_int_equal(enter(20, 2, 1), -ENOBUFS);
	assert_false(items[20].entered);
	assert_false(is_busy(2));
	assert_int_equal(pending_count(p), LIMIT_CALL_QUEUE);
	pending_leave(p, &items[20]);
	assert_int_equal(pending_count(p), LIMIT_CALL_QUEUE);
	pending_leave(p, &items[0]);
	assert_int_equal(enter(20, 2, 1), 0);
}

static void all_lanes_together_hold_no_more_than_they_may(void **state)
{
	(void)state;
	for (int i = 0; i < MOST; i++)
		assert_int_equal(enter(i, (uint8_t)(i + 1), 0), 1);
	assert_int_equal(enter(MOST, 200, 0), -ENOBUFS);
	pending_leave(p, &items[7]);
	assert_int_equal(enter(MOST, 200, 0), 1);
}

static bool same_owner_count(const struct pending_item *a, const struct pending_item *b)
{
	return a->owner_count == b->owner_count;
}

static void like_of_an_item_is_looked_for_in_its_own_lanes(void **state)
{
	(void)state;
	enter(0, 1, 0);
	enter(1, 2, 3);
	items[2].owners[0] = owner_of(1);
	items[2].owners[1] = owner_of(9);
	items[2].owner_count = 2;
	assert_false(pending_holds(p, &items[2], same_owner_count));
	items[2].owners[1] = owner_of(3);
	assert_true(pending_holds(p, &items[2], same_owner_count));
}

static void those_who_share_a_lane_go_on_together(void **state)
{
	struct pending_item reader = { .owners = { owner_of(1) }, .owner_count = 1, .shared = 1 };

	(void)state;
	for (int i = 0; i < MOST; i++)
		assert_int_equal(enter_shared(i, 1, (uint8_t)(i + 2)), 1);
	assert_false(pending_is_busy(p, &reader));
	assert_true(is_busy(1));
	pending_leave(p, &items[3]);
	pending_leave(p, &items[0]);
	pending_leave(p, &items[MOST - 1]);
	assert_int_equal(next_ready(), -1);
	for (int i = 0; i < MOST; i++)
		pending_leave(p, &items[i]);
	assert_false(is_busy(1));
	assert_int_equal(pending_count(p), 0);
}

static void who_changes_what_others_read_waits_for_all_of_them(void **state)
{
	(void)state;
	enter_shared(0, 1, 0);
	enter_shared(1, 1, 0);
	assert_int_equal(enter(2, 1, 0), 0);
	pending_leave(p, &items[1]);
	assert_int_equal(next_ready(), -1);
	pending_leave(p, &items[0]);
	assert_int_equal(next_ready(), 2);
	assert_int_equal(next_ready(), -1);
}

static void those_behind_a_change_wait_for_it_and_then_go_together(void **state)
{
	struct pending_item reader = { .owners = { owner_of(1) }, .owner_count = 1, .shared = 1 };

	(void)state;
	enter_shared(0, 1, 0);
	assert_int_equal(enter(1, 1, 0), 0);
	assert_true(pending_is_busy(p, &reader));
	assert_int_equal(enter_shared(2, 1, 0), 0);
	assert_int_equal(enter_shared(3, 1, 0), 0);
	assert_int_equal(enter(4, 1, 0), 0);
	assert_int_equal(enter_shared(5, 1, 0), 0);
	pending_leave(p, &items[0]);
	assert_int_equal(next_ready(), 1);
	assert_int_equal(next_ready(), -1);
	pending_leave(p, &items[1]);
	assert_int_equal(next_ready(), 2);
	assert_int_equal(next_ready(), 3);
	assert_int_equal(next_ready(), -1);
	pending_leave(p, &items[2]);
	assert_int_equal(next_ready(), -1);
	pending_leave(p, &items[3]);
	assert_int_equal(next_ready(), 4);
	pending_leave(p, &items[4]);
	assert_int_equal(next_ready(), 5);
	assert_int_equal(next_ready(), -1);
}

/* Two commands of one endpoint go one behind the other, though their gateway's lane is free. */
static void who_shares_one_lane_still_waits_in_the_other(void **state)
{
	(void)state;
	enter_shared(0, 1, 7);
	assert_int_equal(enter_shared(1, 1, 7), 0);
	assert_int_equal(enter_shared(2, 1, 8), 1);
	pending_leave(p, &items[2]);
	assert_int_equal(next_ready(), -1);
	pending_leave(p, &items[0]);
	assert_int_equal(next_ready(), 1);
	pending_leave(p, &items[1]);
	assert_int_equal(pending_count(p), 0);
}

static void owner_named_twice_is_shared_where_both_share_it(void **state)
{
	(void)state;
	items[0].shared = 3;
	assert_int_equal(enter(0, 1, 1), 1);
	items[1].shared = 1;
	assert_int_equal(enter(1, 1, 1), 0);
	items[2].shared = 3;
	assert_int_equal(enter(2, 1, 1), 0);
	pending_leave(p, &items[0]);
	assert_int_equal(next_ready(), 1);
	assert_int_equal(next_ready(), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(who_is_alone_goes_on_and_who_comes_second_waits),
		TEST(those_who_wait_go_on_in_the_order_in_which_they_came),
		TEST(who_belongs_to_two_waits_for_both),
		TEST(who_follows_in_both_lanes_becomes_ready_once),
		TEST(one_owner_named_twice_is_no_wait_for_oneself),
		TEST(lane_that_is_full_takes_no_more_and_leaves_no_place_behind),
		TEST(all_lanes_together_hold_no_more_than_they_may),
		TEST(like_of_an_item_is_looked_for_in_its_own_lanes),
		TEST(those_who_share_a_lane_go_on_together),
		TEST(who_changes_what_others_read_waits_for_all_of_them),
		TEST(those_behind_a_change_wait_for_it_and_then_go_together),
		TEST(who_shares_one_lane_still_waits_in_the_other),
		TEST(owner_named_twice_is_shared_where_both_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
