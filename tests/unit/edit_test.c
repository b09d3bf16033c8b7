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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_apply_in_order_whatever_the_order_they_came_in),
		cmocka_unit_test(overlapping_edit_is_refused),
		cmocka_unit_test(edit_outside_or_without_room_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
