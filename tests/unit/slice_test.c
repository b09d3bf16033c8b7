/* SPDX-License-Identifier: MIT */
/* Borrowed bytes: parts, comparison, numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"

static void part_is_clipped_to_its_slice(void **state)
{
	struct slice s = SLICE("abc");

	(void)state;
	assert_true(slice_equal(slice_part(s, 1, SIZE_MAX), SLICE("bc")));
	assert_int_equal(slice_part(s, 7, 2).length, 0);
	assert_true(slice_part(s, 7, 2).bytes == s.bytes + 3);
}

static void only_ascii_letters_lose_their_case(void **state)
{
	(void)state;
	assert_true(slice_equal_nocase(SLICE("CaLL-id"), SLICE("Call-ID")));
	assert_false(slice_equal_nocase(SLICE("a@"), SLICE("a`")));
	assert_false(slice_equal_nocase(SLICE("a["), SLICE("a{")));
	assert_false(slice_starts_nocase(SLICE("ab"), SLICE("abc")));
}

static void number_that_overflows_is_no_number(void **state)
{
	uint64_t n = 7;

	(void)state;
	assert_false(slice_number(SLICE("4294967328"), UINT32_MAX, &n));
	assert_false(slice_number(SLICE("18446744073709551616"), UINT64_MAX, &n));
	assert_false(slice_number(SLICE("99999999999999999999999999"), UINT64_MAX, &n));
	assert_false(slice_number(SLICE(""), 10, &n));
	assert_false(slice_number(SLICE("-1"), 10, &n));
	assert_false(slice_number(SLICE("1 "), 10, &n));
	assert_false(slice_number(SLICE("5"), 3, &n));
	assert_int_equal(n, 7);
	assert_true(slice_number(SLICE("18446744073709551615"), UINT64_MAX, &n));
	assert_true(n == UINT64_MAX);
	assert_true(slice_number(SLICE("0068"), 255, &n));
	assert_int_equal(n, 68);
}

static void trim_takes_folding_too(void **state)
{
	(void)state;
	assert_true(slice_equal(slice_trim(SLICE("\r\n\t a b \r\n")), SLICE("a b")));
	assert_int_equal(slice_trim(SLICE(" \t")).length, 0);
	assert_int_equal(slice_find(SLICE("abc"), 'x'), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(part_is_clipped_to_its_slice),
		cmocka_unit_test(only_ascii_letters_lose_their_case),
		cmocka_unit_test(number_that_overflows_is_no_number),
		cmocka_unit_test(trim_takes_folding_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
