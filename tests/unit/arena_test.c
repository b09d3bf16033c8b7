/* SPDX-License-Identifier: MIT */
/* Memory of one message: zeroed, aligned, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void arena_gives_zeroed_aligned_memory_until_its_end(void **state)
{
	uint8_t bytes[65];
	struct arena a = {bytes + 1, 64, 0};
	uint8_t *one;

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	one = arena_take(&a, 3);
	assert_non_null(one);
	assert_int_equal((uintptr_t)one % 16, 0);
	assert_int_equal(one[0] | one[1] | one[2], 0);
	assert_null(arena_take(&a, 64));
	assert_null(arena_take(&a, SIZE_MAX));
	assert_non_null(arena_take(&a, 8));
	assert_true(a.used <= a.size);
	arena_reset(&a);
	assert_int_equal(a.used, 0);
}

static void last_byte_can_be_taken_and_none_behind_it(void **state)
{
	_Alignas(16) uint8_t bytes[64];
	struct arena a = {bytes, sizeof(bytes), 0};

	(void)state;
	assert_non_null(arena_take(&a, sizeof(bytes)));
	assert_null(arena_take(&a, 1));
	arena_reset(&a);
	assert_null(arena_take(&a, sizeof(bytes) + 1));
	assert_non_null(arena_take(&a, sizeof(bytes)));
}

static void arena_without_memory_gives_none(void **state)
{
	struct arena a = {NULL, 0, 0};

	(void)state;
	assert_null(arena_take(&a, 1));
	assert_null(arena_take_raw(&a, SIZE_MAX));
}

/* For arrays that are written before they are counted: the same bounds, nothing cleared. */
static void raw_memory_is_bounded_and_not_cleared(void **state)
{
	_Alignas(16) uint8_t bytes[64];
	struct arena a = {bytes, sizeof(bytes), 0};
	uint8_t *one;

	(void)state;
	memset(bytes, 7, sizeof(bytes));
	one = arena_take_raw(&a, 16);
	assert_ptr_equal(one, bytes);
	assert_int_equal(one[15], 7);
	assert_int_equal(((uint8_t *)arena_take(&a, 16))[15], 0);
	assert_null(arena_take_raw(&a, 33));
	assert_non_null(arena_take_raw(&a, 32));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_gives_zeroed_aligned_memory_until_its_end),
		cmocka_unit_test(last_byte_can_be_taken_and_none_behind_it),
		cmocka_unit_test(arena_without_memory_gives_none),
		cmocka_unit_test(raw_memory_is_bounded_and_not_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
