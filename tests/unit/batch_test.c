// SPDX-License-Identifier: MIT
/* Batches as they are filled: what they copy, and what does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "inspect/batch.h"

static uint8_t memory[LIMIT_ARENA_BYTES];
static struct arena arena;
static struct batch b;

static int set_up(void **state)
{
	(void)state;
	/* What an earlier message left must not be read as decisions. */
	memset(memory, 0xff, sizeof(memory));
	arena = (struct arena){ memory, sizeof(memory), 0 };
	batch_init(&b, &arena);
	return 0;
}

static const struct row_key key = { .owner = { { 1 } }, .sub = 2, .part = 3 };

static void new_batch_is_empty_and_good(void **state)
{
	(void)state;
	assert_int_equal(b.change_count, 0);
	assert_int_equal(b.precondition_count, 0);
	assert_false(b.overflow);
}

static void each_verb_says_all_of_itself_and_nothing_of_its_predecessor(void **state)
{
	struct timer_row timer = { .due_ns = 7 };
	const struct owner owner = { { 9 } };

	(void)state;
	batch_put(&b, ROW_timer, &key, &timer);
	batch_put_optional(&b, ROW_timer, &key, &timer);
	batch_end(&b, ROW_door, &key);
	batch_end_set(&b, ROW_NONE, &owner, SUB_ANY);
	batch_claim(&b, ROW_call, 5);
	batch_tell(&b, TELL_CALL_ENDED, &owner);
	assert_int_equal(b.change_count, 6);
	assert_int_equal(b.changes[0].verb, VERB_PUT);
	assert_int_equal(b.changes[0].type, ROW_timer);
	assert_false(b.changes[0].optional);
	assert_memory_equal(&b.changes[0].key, &key, sizeof(key));
	assert_true(b.changes[1].optional);
	assert_int_equal(b.changes[2].verb, VERB_END);
	assert_null(b.changes[2].value);
	assert_false(b.changes[2].optional);
	assert_int_equal(b.changes[3].verb, VERB_END_SET);
	assert_true(b.changes[3].key.sub == SUB_ANY);
	assert_memory_equal(&b.changes[3].key.owner, &owner, sizeof(owner));
	assert_int_equal(b.changes[3].key.part, 0);
	assert_int_equal(b.changes[4].verb, VERB_CLAIM);
	assert_int_equal(b.changes[4].number, 5);
	assert_int_equal(b.changes[5].verb, VERB_TELL);
	assert_int_equal(b.changes[5].number, TELL_CALL_ENDED);
	assert_false(b.overflow);
}

static void value_is_copied_when_it_is_put(void **state)
{
	struct timer_row timer = { .due_ns = 7 };

	(void)state;
	batch_put(&b, ROW_timer, &key, &timer);
	timer.due_ns = 8;
	assert_int_equal(((const struct timer_row *)b.changes[0].value)->due_ns, 7);
}

static void precondition_names_row_and_version(void **state)
{
	(void)state;
	batch_expect(&b, ROW_call, &key, 4);
	assert_int_equal(b.precondition_count, 1);
	assert_int_equal(b.preconditions[0].type, ROW_call);
	assert_int_equal(b.preconditions[0].version, 4);
	assert_memory_equal(&b.preconditions[0].key, &key, sizeof(key));
}

/* Half a decision is none: what did not fit marks all of it, whatever still fits behind. */
static void change_too_many_marks_the_whole_batch(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < LIMIT_CHANGES; i++)
		batch_end(&b, ROW_timer, &key);
	assert_false(b.overflow);
	batch_end(&b, ROW_timer, &key);
	assert_true(b.overflow);
	assert_int_equal(b.change_count, LIMIT_CHANGES);
	batch_expect(&b, ROW_call, &key, 1);
	assert_true(b.overflow);
	assert_int_equal(b.precondition_count, 0);
}

static void precondition_too_many_marks_the_whole_batch(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < LIMIT_PRECONDITIONS; i++)
		batch_expect(&b, ROW_call, &key, i);
	assert_false(b.overflow);
	batch_expect(&b, ROW_call, &key, 1);
	assert_true(b.overflow);
	assert_int_equal(b.precondition_count, LIMIT_PRECONDITIONS);
}

static void value_for_which_no_memory_is_left_marks_the_whole_batch(void **state)
{
	struct text_row text = { .length = 1 };

	(void)state;
	while (arena_take(&arena, 64))
		;
	batch_put(&b, ROW_text, &key, &text);
	assert_true(b.overflow);
	assert_int_equal(b.change_count, 0);
}

static void arena_without_room_for_a_batch_gives_one_that_takes_nothing(void **state)
{
	struct timer_row timer = { .due_ns = 7 };

	(void)state;
	for (size_t size = 0; size < 8192; size += 512) {
		arena = (struct arena){ memory, size, 0 };
		batch_init(&b, &arena);
		assert_true(b.overflow);
		batch_put(&b, ROW_timer, &key, &timer);
		batch_end(&b, ROW_timer, &key);
		batch_expect(&b, ROW_call, &key, 1);
		assert_int_equal(b.change_count, 0);
		assert_int_equal(b.precondition_count, 0);
	}
}

static void row_of_no_known_type_is_put_by_nobody(void **state)
{
	struct text_row text = { .length = 1 };

	(void)state;
	batch_put(&b, ROW_NONE, &key, &text);
	assert_true(b.overflow);
	batch_init(&b, &arena);
	batch_put(&b, ROW_COUNT, &key, &text);
	assert_true(b.overflow);
}

static void version_of_a_row_that_is_absent_is_zero(void **state)
{
	struct timer_row timer = { .head = { .version = 3 } };
	struct row_view view = { ROW_timer, &key, &timer };

	(void)state;
	assert_int_equal(row_version(&view), 3);
	assert_int_equal(row_version(NULL), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(new_batch_is_empty_and_good),
		TEST(each_verb_says_all_of_itself_and_nothing_of_its_predecessor),
		TEST(value_is_copied_when_it_is_put),
		TEST(precondition_names_row_and_version),
		TEST(change_too_many_marks_the_whole_batch),
		TEST(precondition_too_many_marks_the_whole_batch),
		TEST(value_for_which_no_memory_is_left_marks_the_whole_batch),
		TEST(arena_without_room_for_a_batch_gives_one_that_takes_nothing),
		TEST(row_of_no_known_type_is_put_by_nobody),
		TEST(version_of_a_row_that_is_absent_is_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
