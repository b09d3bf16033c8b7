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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_gives_zeroed_aligned_memory_until_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
