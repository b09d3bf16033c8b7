// SPDX-License-Identifier: MIT
/* A row among those handed to a judgement: by type and whole key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inspect/inspect.h"

static const struct row_key one = { .owner = { { 1 } }, .sub = 2, .part = 3 };
static const struct row_key two = { .owner = { { 1 } }, .sub = 2, .part = 4 };
static const struct call_row call;
static const struct timer_row timer;
static const struct row_view rows[] = {
	{ ROW_call, &one, &call },
	{ ROW_timer, &one, &timer },
	{ ROW_timer, &two, &timer },
};
static const struct subjects subjects = { rows, 3 };

static void row_is_found_by_its_type_and_its_whole_key(void **state)
{
	struct row_key key = one;

	(void)state;
	assert_ptr_equal(subjects_find(&subjects, ROW_call, &key), &rows[0]);
	assert_ptr_equal(subjects_find(&subjects, ROW_timer, &key), &rows[1]);
	key.part = 4;
	assert_ptr_equal(subjects_find(&subjects, ROW_timer, &key), &rows[2]);
	assert_null(subjects_find(&subjects, ROW_call, &key));
	key = one;
	key.sub = 9;
	assert_null(subjects_find(&subjects, ROW_timer, &key));
	key = one;
	key.owner.bytes[15] = 1;
	assert_null(subjects_find(&subjects, ROW_timer, &key));
}

static void among_no_rows_nothing_is_found(void **state)
{
	const struct subjects none = { NULL, 0 }, first = { rows, 1 };

	(void)state;
	assert_null(subjects_find(&none, ROW_call, &one));
	assert_null(subjects_find(&first, ROW_timer, &one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_is_found_by_its_type_and_its_whole_key),
		cmocka_unit_test(among_no_rows_nothing_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
