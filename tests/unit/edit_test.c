/* SPDX-License-Identifier: MIT */
/* Edits: sorted, disjoint, inside the message. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inspect/edit.h"

static void edits_apply_in_order_whatever_the_order_they_came_in(void **state)
{
	struct edits e = {0};
	uint8_t out[16];

	(void)state;
	assert_int_equal(edits_add(&e, 4, 1, SLICE("YZ")), 0);
	assert_int_equal(edits_add(&e, 0, 2, SLICE("X")), 0);
	assert_int_equal(edits_apply(&e, SLICE("abcdef"), out, sizeof(out)), 6);
	assert_memory_equal(out, "XcdYZf", 6);
}

static void overlapping_edit_is_refused(void **state)
{
	struct edits e = {0};

	(void)state;
	assert_int_equal(edits_add(&e, 2, 3, SLICE("")), 0);
	assert_int_equal(edits_add(&e, 4, 1, SLICE("")), -EINVAL);
	assert_int_equal(edits_add(&e, 1, 2, SLICE("")), -EINVAL);
	assert_int_equal(e.count, 1);
}

static void edit_outside_or_without_room_fails(void **state)
{
	struct edits e = {0};
	uint8_t out[4];

	(void)state;
	assert_int_equal(edits_add(&e, 3, 1, SLICE("")), 0);
	assert_int_equal(edits_apply(&e, SLICE("abc"), out, sizeof(out)), -EINVAL);
	e.count = 0;
	assert_int_equal(edits_apply(&e, SLICE("abcde"), out, sizeof(out)), -ENOSPC);
}

static void edits_that_touch_are_no_overlap(void **state)
{
	struct edits e = {0};
	uint8_t out[16];

	(void)state;
	assert_int_equal(edits_add(&e, 2, 2, SLICE("XX")), 0);
	assert_int_equal(edits_add(&e, 4, 2, SLICE("")), 0);
	assert_int_equal(edits_add(&e, 0, 2, SLICE("Y")), 0);
	assert_int_equal(edits_apply(&e, SLICE("abcdef"), out, sizeof(out)), 3);
	assert_memory_equal(out, "YXX", 3);
}

/* At one place two insertions stand in the order in which they came. */
static void insertions_go_before_the_byte_that_they_name(void **state)
{
	struct edits e = {0};
	uint8_t out[16];

	(void)state;
	assert_int_equal(edits_add(&e, 3, 0, SLICE("3")), 0);
	assert_int_equal(edits_add(&e, 0, 0, SLICE("0")), 0);
	assert_int_equal(edits_add(&e, 3, 0, SLICE("4")), 0);
	assert_int_equal(edits_apply(&e, SLICE("abc"), out, sizeof(out)), 6);
	assert_memory_equal(out, "0abc34", 6);
}

static void message_without_edits_is_as_it_was(void **state)
{
	struct edits e = {0};
	uint8_t out[3];

	(void)state;
	assert_int_equal(edits_apply(&e, SLICE("abc"), out, sizeof(out)), 3);
	assert_memory_equal(out, "abc", 3);
	assert_int_equal(edits_apply(&e, SLICE(""), out, sizeof(out)), 0);
	assert_int_equal(edits_apply(&e, SLICE("abcd"), out, sizeof(out)), -ENOSPC);
}

static void edit_too_many_is_refused_and_changes_none(void **state)
{
	struct edits e = {0};

	(void)state;
	for (uint32_t i = 0; i < LIMIT_EDITS; i++)
		assert_int_equal(edits_add(&e, 2 * i, 1, SLICE("x")), 0);
	assert_int_equal(edits_add(&e, 2 * LIMIT_EDITS, 1, SLICE("x")), -E2BIG);
	assert_int_equal(e.count, LIMIT_EDITS);
	assert_int_equal(e.items[LIMIT_EDITS - 1].at, 2 * (LIMIT_EDITS - 1));
}

static void edit_at_the_end_of_all_numbers_overlaps_nothing_by_a_wrap(void **state)
{
	struct edits e = {0};
	uint8_t out[16];

	(void)state;
	assert_int_equal(edits_add(&e, UINT32_MAX, UINT32_MAX, SLICE("x")), 0);
	assert_int_equal(edits_add(&e, 0, UINT32_MAX, SLICE("x")), 0);
	assert_int_equal(edits_add(&e, 1, 1, SLICE("x")), -EINVAL);
	assert_int_equal(edits_apply(&e, SLICE("abc"), out, sizeof(out)), -EINVAL);
}

static void edits_that_came_to_overlap_are_not_applied(void **state)
{
	struct edits e = { .items = { { 2, 2, { NULL, 0 } }, { 3, 1, { NULL, 0 } } }, .count = 2 };
	uint8_t out[16];

	(void)state;
	assert_int_equal(edits_apply(&e, SLICE("abcdef"), out, sizeof(out)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_apply_in_order_whatever_the_order_they_came_in),
		cmocka_unit_test(overlapping_edit_is_refused),
		cmocka_unit_test(edit_outside_or_without_room_fails),
		cmocka_unit_test(edits_that_touch_are_no_overlap),
		cmocka_unit_test(insertions_go_before_the_byte_that_they_name),
		cmocka_unit_test(message_without_edits_is_as_it_was),
		cmocka_unit_test(edit_too_many_is_refused_and_changes_none),
		cmocka_unit_test(edit_at_the_end_of_all_numbers_overlaps_nothing_by_a_wrap),
		cmocka_unit_test(edits_that_came_to_overlap_are_not_applied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
