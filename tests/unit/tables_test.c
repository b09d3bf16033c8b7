// SPDX-License-Identifier: MIT
/* Rows in memory: capacities, all rows of an owner, what a host named itself; and against a plain
 * array as model. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/tables.h"

#define SHRINK 512                   /* calls: 32, doors: 256 */
#define OWNERS 7
#define SUBS 5

static const struct hash_key hash_key = { { 1, 2 } };
static struct tables *tables;

static int set_up(void **state)
{
	(void)state;
	tables = tables_new(&hash_key, SHRINK);
	return tables ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tables_free(tables);
	return 0;
}

static struct row_key key_of(uint8_t owner, uint64_t sub)
{
	return (struct row_key){ .owner = { { owner } }, .sub = sub };
}

static int set_timer(uint8_t owner, uint64_t sub, uint64_t due_ns)
{
	const struct row_key key = key_of(owner, sub);
	const struct timer_row row = { .due_ns = due_ns };

	return tables_set(tables, ROW_timer, &key, due_ns ? &row : NULL) < 0;
}

static uint64_t due_of(uint8_t owner, uint64_t sub)
{
	const struct row_key key = key_of(owner, sub);
	const struct timer_row *row = tables_find(tables, ROW_timer, &key);

	return row ? row->due_ns : 0;
}

/* Keys are hashed once and remembered by a few of their bits: these all meet in one place. */
static void keys_that_are_remembered_in_one_place_stay_apart(void **state)
{
	(void)state;
	assert_int_equal(set_timer(0, 0, 7), 0);
	for (uint64_t sub = 64; sub < 64 * 6; sub += 64)
		assert_int_equal(set_timer(0, sub, sub), 0);
	for (uint64_t sub = 0; sub < 64 * 6; sub += 64) {
		/* another owner, so that nothing is remembered of this one */
		assert_int_equal(due_of(64, 0), 0);
		assert_int_equal(due_of(0, sub), sub ? sub : 7);
	}
}

static void type_that_is_none_has_no_table(void **state)
{
	const struct row_key key = key_of(1, 1);
	const struct timer_row row = { .due_ns = 1 };
	struct row_view view;
	uint32_t cursor = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		enum row_type type = i ? ROW_COUNT : ROW_NONE;

		assert_int_equal(tables_set(tables, type, &key, &row), -EINVAL);
		assert_null(tables_find(tables, type, &key));
		assert_false(tables_next(tables, type, &cursor, &view));
		assert_int_equal(tables_count(tables, type), 0);
		assert_int_equal(tables_capacity(tables, type), 0);
	}
}

static void table_holds_as_many_rows_as_it_may_and_takes_one_for_one_that_went(void **state)
{
	const struct call_row call = { .state = CALL_TRYING };
	uint32_t room = tables_capacity(tables, ROW_call);
	struct row_key key = key_of(1, 0);

	(void)state;
	assert_int_equal(room, LIMIT_CALLS / SHRINK);
	for (key.sub = 0; key.sub < room; key.sub++)
		assert_true(tables_set(tables, ROW_call, &key, &call) >= 0);
	assert_int_equal(tables_set(tables, ROW_call, &key, &call), -ENOSPC);
	assert_null(tables_find(tables, ROW_call, &key));
	assert_int_equal(tables_count(tables, ROW_call), room);
	/* Rewriting one that is there needs no room, and another type has its own. */
	key.sub = 0;
	assert_true(tables_set(tables, ROW_call, &key, &call) >= 0);
	assert_int_equal(set_timer(1, 1, 1), 0);
	assert_true(tables_set(tables, ROW_call, &key, NULL) >= 0);
	key.sub = room;
	assert_true(tables_set(tables, ROW_call, &key, &call) >= 0);
}

static void row_that_was_never_there_ends_without_a_word(void **state)
{
	(void)state;
	assert_int_equal(set_timer(1, 1, 0), 0);
	assert_int_equal(tables_count(tables, ROW_timer), 0);
}

static void owner_has_all_its_rows_of_all_types_and_no_others(void **state)
{
	const struct call_row call = { .state = CALL_TRYING };
	const struct row_key key = key_of(1, 0);
	const struct owner nobody = { { 99 } };
	struct row_view rows[8];

	(void)state;
	tables_set(tables, ROW_call, &key, &call);
	set_timer(1, 5, 50);
	set_timer(1, 6, 60);
	set_timer(2, 5, 70);
	assert_int_equal(tables_of_owner(tables, &key.owner, rows, 8), 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rows[i].key->owner.bytes[0], 1);
		assert_ptr_equal(rows[i].value,
				 tables_find(tables, rows[i].type, rows[i].key));
	}
	/* More than there is room for is counted and not written. */
	memset(rows, 0, sizeof(rows));
	assert_int_equal(tables_of_owner(tables, &key.owner, rows, 1), 3);
	assert_non_null(rows[0].value);
	assert_null(rows[1].value);
	assert_int_equal(tables_of_owner(tables, &nobody, rows, 8), 0);
	tables_set(tables, ROW_call, &key, NULL);
	set_timer(1, 5, 0);
	set_timer(1, 6, 0);
	assert_int_equal(tables_of_owner(tables, &key.owner, rows, 8), 0);
}

static struct door_row door_to(uint8_t host, uint8_t named_by, uint16_t port)
{
	struct door_row d = { .key = { .destination_port = port }, .zone_out = 1 };

	d.key.destination.bytes[15] = host;
	d.named_by.address.bytes[15] = named_by;
	return d;
}

static bool is_named(uint8_t host, uint16_t port, uint16_t zone)
{
	struct endpoint e = { .port = port };

	e.address.bytes[15] = host;
	return tables_named(tables, &e, zone);
}

/* The guard asks: may a third one open a door there? Only where the host said so itself. */
static void receiver_is_named_while_one_of_its_own_doors_lives(void **state)
{
	const struct row_key one = key_of(1, 0), two = key_of(2, 0), three = key_of(3, 0);
	struct door_row own = door_to(9, 9, 4000), foreign = door_to(9, 8, 4000);

	(void)state;
	tables_set(tables, ROW_door, &three, &foreign);
	assert_false(is_named(9, 4000, 1));
	tables_set(tables, ROW_door, &one, &own);
	tables_set(tables, ROW_door, &two, &own);
	tables_set(tables, ROW_door, &two, &own);
	assert_true(is_named(9, 4000, 1));
	assert_false(is_named(9, 4001, 1));
	assert_false(is_named(9, 4000, 2));
	assert_false(is_named(8, 4000, 1));
	tables_set(tables, ROW_door, &one, NULL);
	assert_true(is_named(9, 4000, 1));
	tables_set(tables, ROW_door, &two, NULL);
	assert_false(is_named(9, 4000, 1));
}

static void receiver_that_moved_is_named_at_its_new_place_alone(void **state)
{
	const struct row_key one = key_of(1, 0);
	struct door_row own = door_to(9, 9, 4000);

	(void)state;
	tables_set(tables, ROW_door, &one, &own);
	own.key.destination_port = 4002;
	tables_set(tables, ROW_door, &one, &own);
	assert_false(is_named(9, 4000, 1));
	assert_true(is_named(9, 4002, 1));
	own.named_by.address.bytes[15] = 7;
	tables_set(tables, ROW_door, &one, &own);
	assert_false(is_named(9, 4002, 1));
}

static uint64_t sum_by_walk(uint32_t *ret_count)
{
	struct row_view view;
	uint32_t cursor = 0;
	uint64_t sum = 0;

	*ret_count = 0;
	while (tables_next(tables, ROW_timer, &cursor, &view)) {
		sum += ((const struct timer_row *)view.value)->due_ns;
		(*ret_count)++;
	}
	return sum;
}

static void tables_agree_with_an_array(void **state)
{
	uint64_t model[OWNERS][SUBS] = { { 0 } }, sum = 0;
	struct row_view rows[SUBS];
	uint32_t seed = 1, count = 0, walked;

	(void)state;
	for (int step = 0; step < 20000; step++) {
		uint8_t o;
		uint64_t s, due;
		uint32_t mine = 0;

		seed = seed * 1664525u + 1013904223u;
		o = (uint8_t)((seed >> 8) % OWNERS);
		s = (seed >> 16) % SUBS;
		due = seed >> 31 ? 0 : 1 + (seed >> 20) % 100;
		assert_int_equal(set_timer(o, s, due), 0);
		count += (due != 0) - (model[o][s] != 0);
		sum += due - model[o][s];
		model[o][s] = due;
		assert_int_equal(tables_count(tables, ROW_timer), count);
		assert_int_equal(due_of(o, s), due);
		for (int i = 0; i < SUBS; i++)
			mine += model[o][i] != 0;
		assert_int_equal(tables_of_owner(tables, &(struct owner){ { o } }, rows, SUBS),
				 mine);
		for (uint32_t i = 0; i < mine; i++)
			assert_int_equal(((const struct timer_row *)rows[i].value)->due_ns,
					 model[o][rows[i].key->sub]);
		if (step % 100)
			continue;
		assert_int_equal(sum_by_walk(&walked), sum);
		assert_int_equal(walked, count);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(type_that_is_none_has_no_table),
		TEST(keys_that_are_remembered_in_one_place_stay_apart),
		TEST(table_holds_as_many_rows_as_it_may_and_takes_one_for_one_that_went),
		TEST(row_that_was_never_there_ends_without_a_word),
		TEST(owner_has_all_its_rows_of_all_types_and_no_others),
		TEST(receiver_is_named_while_one_of_its_own_doors_lives),
		TEST(receiver_that_moved_is_named_at_its_new_place_alone),
		TEST(tables_agree_with_an_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
