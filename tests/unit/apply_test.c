// SPDX-License-Identifier: MIT
/* Batches: whole or not at all; doors as claims; the kernel is a projection that can be mended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "state/apply.h"
#include "state/tables.h"

#define OPEN_MOST 8
#define SHRINK 1024                  /* doors: 128, calls: 16 */

static struct tables *tables;
static struct apply *apply;
static struct flow_key open_keys[OPEN_MOST];
static struct permit permits[OPEN_MOST];
static struct translation translations[OPEN_MOST];
static uint32_t open_count, errors_counted;
static int kernel_says;
static uint8_t memory[LIMIT_ARENA_BYTES];
static struct arena arena;

static int kernel_open_key(void *self, const struct flow_key *key,
			   const struct translation *translation, struct permit *permit)
{
	uint32_t i = 0;

	(void)self;
	if (kernel_says)
		return kernel_says;
	while (i < open_count && memcmp(&open_keys[i], key, sizeof(*key)))
		i++;
	assert_true(i < OPEN_MOST);
	open_keys[i] = *key;
	permits[i] = *permit;
	translations[i] = *translation;
	open_count += i == open_count;
	return 0;
}

static int kernel_close_key(void *self, const struct flow_key *key, const struct permit *permit)
{
	(void)self, (void)permit;
	for (uint32_t i = 0; i < open_count; i++) {
		if (memcmp(&open_keys[i], key, sizeof(*key)))
			continue;
		open_count--;
		open_keys[i] = open_keys[open_count];
		permits[i] = permits[open_count];
		translations[i] = translations[open_count];
		return 0;
	}
	return -2;
}

static int store(void *self, enum row_type type, const struct row_key *key,
		 const void *value, bool is_new)
{
	(void)self, (void)type, (void)key, (void)value, (void)is_new;
	return 0;
}

static void count(void *self, uint32_t counter, uint64_t n)
{
	(void)self;
	if (counter == COUNTER_kernel_errors)
		errors_counted += (uint32_t)n;
}

static int set_up(void **state)
{
	static const struct hash_key key = { { 1, 2 } };
	static const struct projector_ops ops = { .open = kernel_open_key,
						  .close = kernel_close_key,
						  .store = store, .count = count };

	(void)state;
	open_count = errors_counted = 0;
	kernel_says = 0;
	arena = (struct arena){ memory, sizeof(memory), 0 };
	tables = tables_new(&key, SHRINK);
	apply = tables ? apply_new(tables, &ops) : NULL;
	return apply ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	apply_free(apply);
	tables_free(tables);
	return 0;
}

static void done(void *context, enum reason reason)
{
	*(enum reason *)context = reason;
}

static enum reason submit(const struct batch *b)
{
	enum reason reason = REASON_COUNT;

	apply_submit(apply, b, done, &reason);
	return reason;
}

static struct row_key key_of(uint8_t owner, uint32_t part)
{
	return (struct row_key){ .owner = { { owner } }, .sub = 1, .part = part };
}

static struct door_row door(uint16_t port, uint32_t flags, uint64_t types, uint64_t expires_ns)
{
	struct door_row d = { .key = { .destination_port = port, .zone = 1 }, .flags = flags,
			      .payload_types = { types }, .expires_ns = expires_ns,
			      .kind = DOOR_MEDIA };

	d.key.destination.bytes[15] = 1;
	return d;
}

static enum reason put_door(uint8_t owner, struct door_row d)
{
	struct row_key key = key_of(owner, 0);
	struct batch b;

	arena.used = 0;
	batch_init(&b, &arena);
	batch_put(&b, ROW_door, &key, &d);
	return submit(&b);
}

static enum reason end_door(uint8_t owner)
{
	struct row_key key = key_of(owner, 0);
	struct batch b;

	arena.used = 0;
	batch_init(&b, &arena);
	batch_end(&b, ROW_door, &key);
	return submit(&b);
}

static void two_calls_that_ask_for_one_door_share_it_until_the_last_one_ends(void **state)
{
	(void)state;
	assert_int_equal(put_door(1, door(9000, PERMIT_RTP, 1 << 0, 100)), REASON_none);
	assert_int_equal(put_door(2, door(9000, PERMIT_RTP, 1 << 8, 300)), REASON_none);
	assert_int_equal(open_count, 1);
	assert_int_equal(permits[0].payload_types[0], 1 << 0 | 1 << 8);
	assert_int_equal(permits[0].expires_ns, 300);
	end_door(2);
	assert_int_equal(open_count, 1);
	/* what the other asked for went with it */
	assert_int_equal(permits[0].payload_types[0], 1 << 0);
	assert_int_equal(permits[0].expires_ns, 100);
	end_door(1);
	assert_int_equal(open_count, 0);
}

/* By the hundred, what ends is taken out of the sum late; never may it stay once few are left, and
 * never may what is asked for be missing. */
static void door_that_many_calls_share_holds_what_they_ask_for_and_forgets_what_ended(void **state)
{
	const uint8_t many = 60;
	uint64_t asked = 0;

	(void)state;
	for (uint8_t i = 0; i < many; i++) {
		assert_int_equal(put_door(i + 1, door(9000, PERMIT_RTP, 1ull << i, 100)), REASON_none);
		asked |= 1ull << i;
		assert_true(permits[0].payload_types[0] == asked);
	}
	for (uint8_t i = 0; i < many; i++) {
		assert_int_equal(open_count, 1);
		assert_true((permits[0].payload_types[0] & asked) == asked);
		if (many - i <= 32)
			assert_true(permits[0].payload_types[0] == asked);
		end_door(i + 1);
		asked &= ~(1ull << i);
	}
	assert_int_equal(open_count, 0);
}

/* 1 to 60 end or change again and again: the sum is made anew when half of it is old. */
static void what_a_shared_door_no_longer_asks_for_is_forgotten_in_time(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < 60; i++)
		put_door(i + 1, door(9000, PERMIT_RTP, 1ull << 7, 100));
	put_door(61, door(9000, PERMIT_RTP, 1ull << 8, 100));
	end_door(61);
	for (uint8_t i = 0; i < 60; i++)
		put_door(i % 8 + 1, door(9000, PERMIT_RTP, 1ull << 7, 101u + i));
	assert_true(permits[0].payload_types[0] == 1ull << 7);
}

static void door_is_early_only_while_every_claim_is(void **state)
{
	(void)state;
	put_door(1, door(9000, PERMIT_RTP | PERMIT_EARLY, 1, 100));
	put_door(2, door(9000, PERMIT_RTP | PERMIT_EARLY, 1, 100));
	assert_true(permits[0].flags & PERMIT_EARLY);
	put_door(2, door(9000, PERMIT_RTP, 1, 100));
	assert_false(permits[0].flags & PERMIT_EARLY);
}

static void door_that_moves_closes_the_old_key(void **state)
{
	(void)state;
	put_door(1, door(9000, PERMIT_RTP, 1, 100));
	put_door(1, door(9002, PERMIT_RTP, 1, 100));
	assert_int_equal(open_count, 1);
	assert_int_equal(open_keys[0].destination_port, 9002);
}

static void batch_on_an_old_version_is_void_whole(void **state)
{
	struct row_key key = key_of(1, 0), other = key_of(2, 0);
	struct door_row d = door(9000, PERMIT_RTP, 1, 100);
	struct batch b;

	(void)state;
	put_door(1, d);
	put_door(1, d);
	batch_init(&b, &arena);
	batch_expect(&b, ROW_door, &key, 1);
	batch_put(&b, ROW_door, &other, &d);
	assert_int_equal(submit(&b), REASON_batch_void);
	assert_null(tables_find(tables, ROW_door, &other));
	batch_init(&b, &arena);
	batch_expect(&b, ROW_door, &key, 2);
	batch_put(&b, ROW_door, &other, &d);
	assert_int_equal(submit(&b), REASON_none);
	assert_non_null(tables_find(tables, ROW_door, &other));
}

static void batch_that_does_not_fit_changes_nothing(void **state)
{
	uint32_t room = tables_capacity(tables, ROW_call);
	struct call_row call = { .state = CALL_TRYING };
	struct door_row d = door(9000, PERMIT_RTP, 1, 100);
	struct row_key key = key_of(99, 0);
	struct batch b;

	(void)state;
	batch_init(&b, &arena);
	batch_put(&b, ROW_door, &key, &d);
	for (uint32_t i = 0; i <= room; i++) {
		struct row_key another = key_of((uint8_t)(i + 1), 0);

		batch_put(&b, ROW_call, &another, &call);
	}
	assert_int_equal(submit(&b), REASON_table_full);
	assert_int_equal(tables_count(tables, ROW_call), 0);
	assert_int_equal(tables_count(tables, ROW_door), 0);
	assert_int_equal(open_count, 0);
}

static enum reason end_and_put_call(bool ends_first, bool ends_twice)
{
	struct call_row call = { .state = CALL_TRYING };
	struct row_key old = key_of(1, 0), next = key_of(200, 0), other = key_of(201, 0);
	struct batch b;

	batch_init(&b, &arena);
	if (ends_first)
		batch_end(&b, ROW_call, &old);
	if (ends_twice)
		batch_end(&b, ROW_call, &old);
	batch_put(&b, ROW_call, &next, &call);
	if (ends_twice)
		batch_put(&b, ROW_call, &other, &call);
	if (!ends_first)
		batch_end(&b, ROW_call, &old);
	return submit(&b);
}

/* Else nothing could end in a full table, since an end leaves a timer for its own record. */
static void batch_that_ends_a_row_before_it_puts_one_fits_into_a_full_table(void **state)
{
	uint32_t room = tables_capacity(tables, ROW_call);
	struct call_row call = { .state = CALL_TRYING };
	struct batch b;

	(void)state;
	batch_init(&b, &arena);
	for (uint32_t i = 0; i < room; i++) {
		struct row_key key = key_of((uint8_t)(i + 1), 0);

		batch_put(&b, ROW_call, &key, &call);
	}
	assert_int_equal(submit(&b), REASON_none);
	assert_int_equal(end_and_put_call(false, false), REASON_table_full);
	assert_int_equal(end_and_put_call(true, true), REASON_table_full);
	assert_int_equal(tables_count(tables, ROW_call), room);
	assert_int_equal(end_and_put_call(true, false), REASON_none);
	assert_int_equal(tables_count(tables, ROW_call), room);
}

/* The row that is ended and put again took its room with it. */
static void row_that_is_ended_and_put_again_frees_nothing(void **state)
{
	struct row_key old = key_of(1, 0), next = key_of(200, 0);
	uint32_t room = tables_capacity(tables, ROW_call);
	struct call_row call = { .state = CALL_TRYING };
	struct batch b;

	(void)state;
	batch_init(&b, &arena);
	for (uint32_t i = 0; i < room; i++) {
		struct row_key key = key_of((uint8_t)(i + 1), 0);

		batch_put(&b, ROW_call, &key, &call);
	}
	submit(&b);
	batch_init(&b, &arena);
	batch_end(&b, ROW_call, &old);
	batch_put(&b, ROW_call, &old, &call);
	batch_put(&b, ROW_call, &next, &call);
	assert_int_equal(submit(&b), REASON_table_full);
}

static void end_set_takes_one_owner_or_one_part_of_it(void **state)
{
	struct row_key mine = key_of(1, 0), apart = key_of(1, 1), other = key_of(2, 0);
	struct door_row d = door(9000, PERMIT_RTP, 1, 100);
	struct batch b;

	(void)state;
	apart.sub = 2;
	batch_init(&b, &arena);
	batch_put(&b, ROW_door, &mine, &d);
	batch_put(&b, ROW_door, &apart, &d);
	batch_put(&b, ROW_door, &other, &d);
	batch_end_set(&b, ROW_NONE, &mine.owner, 2);
	submit(&b);
	assert_non_null(tables_find(tables, ROW_door, &mine));
	assert_null(tables_find(tables, ROW_door, &apart));
	batch_init(&b, &arena);
	batch_end_set(&b, ROW_NONE, &mine.owner, SUB_ANY);
	submit(&b);
	assert_null(tables_find(tables, ROW_door, &mine));
	assert_non_null(tables_find(tables, ROW_door, &other));
}

static void lock_opens_its_flow_and_goes_with_its_door(void **state)
{
	struct row_key key = key_of(1, 0);
	struct lock_row lock = { .key = { .source_port = 7, .destination_port = 9000, .zone = 1 } };
	struct batch b;

	(void)state;
	put_door(1, door(9000, PERMIT_RTP | PERMIT_LOCK, 1, 100));
	batch_init(&b, &arena);
	batch_put(&b, ROW_lock, &key, &lock);
	submit(&b);
	assert_int_equal(open_count, 2);
	end_door(1);
	assert_int_equal(open_count, 0);
	assert_int_equal(tables_count(tables, ROW_lock), 0);
}

/* What was learned of the old place says nothing of the new one, and holds nothing open there. */
static void lock_goes_when_its_door_moves(void **state)
{
	struct row_key key = key_of(1, 0);
	struct lock_row lock = { .key = { .source_port = 7, .destination_port = 9000, .zone = 1 } };
	struct door_row d = door(9000, PERMIT_RTP | PERMIT_LOCK, 1, 100);
	struct batch b;

	(void)state;
	put_door(1, d);
	batch_init(&b, &arena);
	batch_put(&b, ROW_lock, &key, &lock);
	submit(&b);
	d.expires_ns = 200;
	put_door(1, d);
	assert_int_equal(open_count, 2);
	d.key.destination_port = 9002;
	put_door(1, d);
	assert_int_equal(tables_count(tables, ROW_lock), 0);
	assert_int_equal(open_count, 1);
	assert_int_equal(open_keys[0].destination_port, 9002);
}

static bool held_nothing(void *self, struct flow_key *ret_key, struct permit *ret_permit,
			 struct translation *ret_translation)
{
	(void)self, (void)ret_key, (void)ret_permit, (void)ret_translation;
	return false;
}

static void full_kernel_map_undoes_no_row_and_is_mended_later(void **state)
{
	struct row_key key = key_of(1, 0);
	const struct kernel_walk held = { held_nothing, NULL };

	(void)state;
	kernel_says = -28;
	assert_int_equal(put_door(1, door(9000, PERMIT_RTP, 1, 100)), REASON_none);
	assert_int_equal(errors_counted, 1);
	assert_non_null(tables_find(tables, ROW_door, &key));
	assert_int_equal(open_count, 0);
	kernel_says = 0;
	assert_int_equal(apply_reconcile(apply, &held), 1);
	assert_int_equal(open_count, 1);
}

static bool held_stranger(void *self, struct flow_key *ret_key, struct permit *ret_permit,
			  struct translation *ret_translation)
{
	uint32_t *left = self;

	if (!*left)
		return false;
	*left -= 1;
	*ret_key = open_keys[0];
	*ret_permit = permits[0];
	*ret_translation = translations[0];
	return true;
}

static void entry_that_no_row_wants_is_closed_by_reconcile(void **state)
{
	uint32_t one = 1;
	const struct kernel_walk held = { held_stranger, &one };

	(void)state;
	open_count = 1;
	open_keys[0] = door(9100, 0, 0, 0).key;
	assert_int_equal(apply_reconcile(apply, &held), 1);
	assert_int_equal(open_count, 0);
}

static void receiver_is_named_while_its_own_door_lives(void **state)
{
	struct door_row d = door(9000, PERMIT_RTP, 1, 100);
	struct endpoint e = { .address = d.key.destination, .port = 9000 };

	(void)state;
	d.zone_out = 2;
	d.named_by.address.bytes[15] = 9;        /* another host named it */
	put_door(1, d);
	assert_false(tables_named(tables, &e, 2));
	d.named_by.address = d.key.destination;
	put_door(1, d);
	assert_true(tables_named(tables, &e, 2));
	assert_false(tables_named(tables, &e, 1));
	end_door(1);
	assert_false(tables_named(tables, &e, 2));
}

static enum reason put_sub_claiming(uint64_t row_sub, uint32_t part, uint32_t most)
{
	const struct timer_row timer = { .due_ns = 1 };
	struct row_key key = key_of(1, part);
	struct batch b;

	key.sub = row_sub;
	arena.used = 0;
	batch_init(&b, &arena);
	batch_claim_of(&b, ROW_timer, &key.owner, 1, most);
	batch_put(&b, ROW_timer, &key, &timer);
	return submit(&b);
}

static void owner_gets_no_more_rows_than_are_claimed_of_it(void **state)
{
	(void)state;
	assert_int_equal(put_sub_claiming(1, 0, 2), REASON_none);
	assert_int_equal(put_sub_claiming(2, 0, 2), REASON_none);
	assert_int_equal(put_sub_claiming(3, 0, 2), REASON_batch_void);
	assert_int_equal(tables_count(tables, ROW_timer), 2);
	/* what is not of part 0 is another kind */
	assert_int_equal(put_sub_claiming(3, 1, 3), REASON_none);
	assert_int_equal(put_sub_claiming(4, 0, 3), REASON_none);
	assert_int_equal(put_door(1, door(9000, PERMIT_RTP, 1, 100)), REASON_none);
	assert_int_equal(put_sub_claiming(5, 0, 3), REASON_batch_void);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(two_calls_that_ask_for_one_door_share_it_until_the_last_one_ends),
		TEST(door_that_many_calls_share_holds_what_they_ask_for_and_forgets_what_ended),
		TEST(what_a_shared_door_no_longer_asks_for_is_forgotten_in_time),
		TEST(door_is_early_only_while_every_claim_is),
		TEST(door_that_moves_closes_the_old_key),
		TEST(batch_on_an_old_version_is_void_whole),
		TEST(batch_that_does_not_fit_changes_nothing),
		TEST(batch_that_ends_a_row_before_it_puts_one_fits_into_a_full_table),
		TEST(row_that_is_ended_and_put_again_frees_nothing),
		TEST(end_set_takes_one_owner_or_one_part_of_it),
		TEST(lock_opens_its_flow_and_goes_with_its_door),
		TEST(lock_goes_when_its_door_moves),
		TEST(full_kernel_map_undoes_no_row_and_is_mended_later),
		TEST(entry_that_no_row_wants_is_closed_by_reconcile),
		TEST(receiver_is_named_while_its_own_door_lives),
		TEST(owner_gets_no_more_rows_than_are_claimed_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
