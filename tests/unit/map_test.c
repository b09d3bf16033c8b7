/* SPDX-License-Identifier: MIT */
/* Keyed table, against a plain array as model. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/map.h"

#define KEYS 512

static const struct hash_key key = {{1, 2}};

/* A small generator: the same numbers in every run. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void full_table_takes_no_more(void **state)
{
	struct map *m = map_new(4, 8, 3, &key);
	uint32_t k;

	(void)state;
	assert_non_null(m);
	for (k = 0; k < 3; k++)
		assert_non_null(map_take(m, &k));
	assert_null(map_take(m, &k));
	k = 1;
	assert_non_null(map_take(m, &k));
	assert_int_equal(map_remove(m, &k), 0);
	assert_int_equal(map_remove(m, &k), -ENOENT);
	k = 9;
	assert_non_null(map_take(m, &k));
	assert_int_equal(map_count(m), 3);
	assert_int_equal(map_capacity(m), 3);
	map_free(m);
}

/* Small tables, whose next entries are all of them, and one that is larger than what is warmed. */
static void warming_changes_nothing_of_what_a_table_holds(void **state)
{
	const uint32_t sizes[] = { 1, 3, 20000 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct map *m = map_new(4, 256, sizes[i], &key);

		assert_non_null(m);
		map_warm(m);
		for (uint32_t k = 0; k < sizes[i]; k++) {
			uint32_t *value = map_take(m, &k);

			assert_non_null(value);
			*value = ~k;
			if (k % 100 == 0)
				map_warm(m);
		}
		map_warm(m);
		assert_int_equal(map_count(m), sizes[i]);
		for (uint32_t k = 0; k < sizes[i]; k++)
			assert_int_equal(*(uint32_t *)map_find(m, &k), ~k);
		map_free(m);
	}
}

static void taken_again_a_value_is_zero(void **state)
{
	struct map *m = map_new(4, 8, 1, &key);
	uint32_t k = 5;
	uint64_t *value = map_take(m, &k);

	(void)state;
	*value = 42;
	assert_ptr_equal(map_find(m, &k), value);
	assert_int_equal(map_remove(m, &k), 0);
	assert_null(map_find(m, &k));
	value = map_take(m, &k);
	assert_int_equal(*value, 0);
	map_free(m);
}

static void table_agrees_with_an_array(void **state)
{
	struct map *m = map_new(4, 4, KEYS, &key);
	uint32_t *values[KEYS] = {NULL};
	uint32_t seed = 1, count = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint32_t k = next_random(&seed) % KEYS;

		assert_ptr_equal(map_find(m, &k), values[k]);
		if (values[k]) {
			assert_int_equal(*values[k], k);
			assert_int_equal(map_remove(m, &k), 0);
			values[k] = NULL;
			count--;
		} else {
			values[k] = map_take(m, &k);
			*values[k] = k;
			count++;
		}
		assert_int_equal(map_count(m), count);
	}
	map_free(m);
}

static void walk_sees_each_entry_once_though_they_are_removed(void **state)
{
	struct map *m = map_new(4, 4, KEYS, &key);
	uint32_t cursor = 0, seen = 0;
	const void *at;
	void *value;

	(void)state;
	for (uint32_t k = 0; k < KEYS; k++)
		map_take(m, &k);
	while (map_next(m, &cursor, &at, &value)) {
		uint32_t k;

		memcpy(&k, at, sizeof(k));
		assert_int_equal(map_remove(m, &k), 0);
		seen++;
	}
	assert_int_equal(seen, KEYS);
	assert_int_equal(map_count(m), 0);
	map_free(m);
}

static void table_of_impossible_size_is_not_made(void **state)
{
	(void)state;
	assert_null(map_new(4, 4, 0, &key));
	assert_null(map_new(0, 4, 1, &key));
	assert_null(map_new(4, 1u << 20, 1, &key));
	assert_null(map_new(1u << 20, 4, 1, &key));
	assert_null(map_new(4, 4, UINT32_MAX, &key));
	map_free(NULL);
}

static void value_knows_its_key(void **state)
{
	struct map *m = map_new(4, 0, 2, &key);
	uint32_t one = 1, two = 2;
	const void *a, *b;

	(void)state;
	a = map_take(m, &one);
	b = map_take(m, &two);
	assert_memory_equal(map_key(m, a), &one, sizeof(one));
	assert_memory_equal(map_key(m, b), &two, sizeof(two));
	map_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_table_takes_no_more),
		cmocka_unit_test(warming_changes_nothing_of_what_a_table_holds),
		cmocka_unit_test(taken_again_a_value_is_zero),
		cmocka_unit_test(table_agrees_with_an_array),
		cmocka_unit_test(walk_sees_each_entry_once_though_they_are_removed),
		cmocka_unit_test(table_of_impossible_size_is_not_made),
		cmocka_unit_test(value_knows_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
