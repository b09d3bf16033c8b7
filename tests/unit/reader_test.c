/* SPDX-License-Identifier: MIT */
/* Cursor with a sticky error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/reader.h"

static void reader_fails_once_and_for_good(void **state)
{
	struct reader r = reader_make(SLICE("\x01\x02\x03"
					    "abc"));

	(void)state;
	assert_int_equal(reader_u8(&r), 1);
	assert_int_equal(reader_u16(&r), 0x0203);
	assert_int_equal(reader_peek(&r), 'a');
	assert_false(reader_accept(&r, 'b'));
	reader_expect(&r, 'a');
	assert_false(r.failed);
	assert_int_equal(reader_u32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(reader_peek(&r), -1);
	assert_int_equal(reader_take(&r, 1).length, 0);
	assert_int_equal(reader_rest(&r).length, 0);
}

static void reader_takes_what_stands_before_a_byte(void **state)
{
	struct reader r = reader_make(SLICE("one,two"));

	(void)state;
	assert_true(slice_equal(reader_until(&r, ','), SLICE("one")));
	assert_true(slice_equal(reader_take(&r, 3), SLICE("two")));
	assert_true(reader_is_end(&r));
	assert_false(r.failed);
	(void)reader_until(&r, ',');
	assert_true(r.failed);
}

static void integers_are_in_network_order_and_whole_or_none(void **state)
{
	struct reader r = reader_make(SLICE("\x01\x02\x03\x04\x05\x06\x07"));

	(void)state;
	assert_int_equal(reader_u32(&r), 0x01020304);
	assert_int_equal(reader_u16(&r), 0x0506);
	assert_int_equal(reader_left(&r), 1);
	assert_int_equal(reader_u16(&r), 0);
	assert_true(r.failed);
	/* What was there is not given after the failure. */
	assert_int_equal(reader_u8(&r), 0);
}

static void length_beyond_all_bytes_is_a_failure_and_no_wrap(void **state)
{
	struct reader r = reader_make(SLICE("abc"));

	(void)state;
	reader_skip(&r, 1);
	assert_int_equal(reader_take(&r, SIZE_MAX).length, 0);
	assert_true(r.failed);
}

static void rest_of_nothing_is_nothing_and_no_failure(void **state)
{
	struct reader r = reader_make(slice_make(NULL, 0));

	(void)state;
	assert_true(reader_is_end(&r));
	assert_int_equal(reader_rest(&r).length, 0);
	assert_int_equal(reader_peek(&r), -1);
	assert_false(r.failed);
	assert_false(reader_accept(&r, 'a'));
	assert_false(r.failed);
	reader_expect(&r, 'a');
	assert_true(r.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_fails_once_and_for_good),
		cmocka_unit_test(reader_takes_what_stands_before_a_byte),
		cmocka_unit_test(integers_are_in_network_order_and_whole_or_none),
		cmocka_unit_test(length_beyond_all_bytes_is_a_failure_and_no_wrap),
		cmocka_unit_test(rest_of_nothing_is_nothing_and_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
