// SPDX-License-Identifier: MIT
/* Flows, pinholes, slots and counters in real maps of the kernel: opened at once, closed in two
 * steps, and what happens where one is full. */
#include "maps.h"

static void exact_key_is_a_flow_and_any_other_a_pinhole(void **state)
{
	struct permit flow, pinhole, at;
	struct flow_key any = key_of(9004, false);
	struct permit open = { .slot = SLOT_NONE, .flags = PERMIT_EARLY };

	(void)state;
	need_maps();
	assert_int_equal(open_one(9000, true, PERMIT_RTP, &flow), 0);
	assert_int_equal(open_one(9002, false, PERMIT_RTCP, &pinhole), 0);
	memset(&any.source, 0, sizeof(any.source));
	assert_int_equal(ops.open(ops.self, &any, &none, &open), 0);
	assert_false(found(9000, true, &at));
	ops.commit(ops.self);
	assert_true(found(9000, true, &at));
	assert_int_equal(at.flags, PERMIT_RTP);
	assert_int_equal(at.slot, flow.slot);
	assert_true(found(9002, false, &at));
	assert_int_equal(at.slot, pinhole.slot);
	assert_int_equal(bpf_map_lookup_elem(fds.pinholes, &any, &at), 0);
	assert_true(flow.slot != pinhole.slot && flow.slot != open.slot &&
		    pinhole.slot != open.slot);
}

static void more_than_one_call_into_the_kernel_holds_is_written_all_the_same(void **state)
{
	struct permit permit, at;

	(void)state;
	need_maps();
	for (uint16_t i = 0; i < ROOM; i++)
		assert_int_equal(open_one(9000 + i, true, PERMIT_RTP, &permit), 0);
	ops.commit(ops.self);
	for (uint16_t i = 0; i < ROOM; i++)
		assert_true(found(9000 + i, true, &at));
}

static void slot_is_clean_when_it_is_handed_out(void **state)
{
	struct permit permit;

	(void)state;
	need_maps();
	for (uint32_t i = 0; i < LIMIT_SLOTS; i++)
		activity[i].packets = 7;
	assert_int_equal(open_one(9000, true, PERMIT_RTP, &permit), 0);
	assert_int_equal(activity[permit.slot].packets, 0);
}

/* What the fast path has written there is not lost. */
static void rewritten_entry_keeps_its_slot(void **state)
{
	struct permit permit, at;
	struct flow_key key = key_of(9000, true);
	uint32_t slot;

	(void)state;
	need_maps();
	open_one(9000, true, PERMIT_RTP, &permit);
	ops.commit(ops.self);
	slot = permit.slot;
	activity[slot].packets = 7;
	permit.flags = PERMIT_RTP | PERMIT_RTCP;
	assert_int_equal(ops.open(ops.self, &key, &none, &permit), 0);
	ops.commit(ops.self);
	assert_true(found(9000, true, &at));
	assert_int_equal(at.flags, PERMIT_RTP | PERMIT_RTCP);
	assert_int_equal(at.slot, slot);
	assert_int_equal(activity[slot].packets, 7);
}

/* A program that runs may hold the entry still: marked first, gone a while later. */
static void closing_takes_two_steps_and_the_first_waits_for_the_message(void **state)
{
	struct permit permit, at;
	uint64_t marked_ns;

	(void)state;
	need_maps();
	open_one(9000, true, PERMIT_RTP, &permit);
	ops.commit(ops.self);
	close_one(9000, true, &permit);
	maps_sweep(maps, UINT64_MAX);
	assert_true(found(9000, true, &at));
	assert_int_equal(at.flags, PERMIT_RTP);
	marked_ns = loop_now_ns();
	maps_close(maps);
	assert_true(found(9000, true, &at));
	assert_int_equal(at.flags, PERMIT_RTP | PERMIT_CLOSED);
	assert_int_equal(at.slot, permit.slot);
	maps_sweep(maps, marked_ns + 99000000);
	assert_true(found(9000, true, &at));
	maps_sweep(maps, loop_now_ns() + LATER);
	assert_false(found(9000, true, &at));
}

static void slot_goes_back_only_when_its_entry_is_gone(void **state)
{
	struct permit first, second, third;

	(void)state;
	need_maps();
	open_one(9000, true, PERMIT_RTP, &first);
	ops.commit(ops.self);
	close_one(9000, true, &first);
	maps_close(maps);
	open_one(9001, true, PERMIT_RTP, &second);
	assert_int_not_equal(second.slot, first.slot);
	maps_sweep(maps, loop_now_ns() + LATER);
	open_one(9002, true, PERMIT_RTP, &third);
	assert_int_equal(third.slot, first.slot);
}

static void reopened(bool was_marked)
{
	struct permit first, again, at;

	open_one(9000, true, PERMIT_RTP, &first);
	ops.commit(ops.self);
	activity[first.slot].packets = 7;
	close_one(9000, true, &first);
	if (was_marked)
		maps_close(maps);
	assert_int_equal(open_one(9000, true, PERMIT_RTCP, &again), 0);
	ops.commit(ops.self);
	assert_int_equal(again.slot, first.slot);
	assert_int_equal(activity[first.slot].packets, 7);
	maps_close(maps);
	maps_sweep(maps, loop_now_ns() + LATER);
	assert_true(found(9000, true, &at));
	assert_int_equal(at.flags, PERMIT_RTCP);
}

static void key_that_is_opened_again_while_it_closes_stays_with_its_slot(void **state)
{
	(void)state;
	need_maps();
	reopened(true);
}

static void key_that_is_opened_again_before_it_was_marked_stays_too(void **state)
{
	(void)state;
	need_maps();
	reopened(false);
}

static void key_that_is_opened_again_and_closed_again_goes_once(void **state)
{
	struct permit first, again, at, next[2];

	(void)state;
	need_maps();
	open_one(9000, true, PERMIT_RTP, &first);
	ops.commit(ops.self);
	close_one(9000, true, &first);
	maps_close(maps);
	open_one(9000, true, PERMIT_RTP, &again);
	close_one(9000, true, &again);
	maps_close(maps);
	maps_sweep(maps, loop_now_ns() + LATER);
	assert_false(found(9000, true, &at));
	/* Its slot is nobody's twice. */
	open_one(9001, true, PERMIT_RTP, &next[0]);
	open_one(9002, true, PERMIT_RTP, &next[1]);
	assert_int_not_equal(next[0].slot, next[1].slot);
}

static void full_map_refuses_what_does_not_fit_and_tells_how_much(void **state)
{
	struct permit permit, at;
	uint32_t there = 0;

	(void)state;
	need_maps();
	for (uint16_t i = 0; i < ROOM + 5; i++)
		assert_int_equal(open_one(9000 + i, false, PERMIT_RTP, &permit), 0);
	open_one(9000, true, PERMIT_RTP, &permit);
	ops.commit(ops.self);
	for (uint16_t i = 0; i < ROOM + 5; i++)
		there += found(9000 + i, false, &at);
	assert_int_equal(there, ROOM);
	assert_true(found(9000, true, &at));
	maps_sweep(maps, loop_now_ns());
	assert_int_equal(counted(COUNTER_kernel_errors), 5);
}

static void without_a_free_slot_nothing_more_is_opened(void **state)
{
	struct flow_key key = key_of(0, true);
	struct permit permit;
	uint32_t opened = 0;

	(void)state;
	need_maps();
	/* The few keys are written again and again: slots are what runs out. */
	for (; opened < LIMIT_SLOTS + 1; opened++) {
		key.destination_port = (uint16_t)(opened % ROOM);
		permit = (struct permit){ .slot = SLOT_NONE };
		if (ops.open(ops.self, &key, &none, &permit))
			break;
		assert_true(permit.slot < LIMIT_SLOTS);
	}
	assert_int_equal(opened, LIMIT_SLOTS);
	assert_int_equal(ops.open(ops.self, &key, &none, &permit), -ENOSPC);
}

static void walk_sees_what_is_there_and_a_successor_takes_no_slot_of_it(void **state)
{
	struct permit flow, pinhole, permit;
	struct translation translation;
	struct kernel_walk walk;
	struct flow_key key;
	uint32_t seen = 0;

	(void)state;
	need_maps();
	open_one(9000, true, PERMIT_RTP, &flow);
	open_one(9002, false, PERMIT_RTP, &pinhole);
	ops.commit(ops.self);
	activity[flow.slot].packets = 7;
	/* The one before was killed: nothing of it is freed or ended. */
	killed = maps;
	maps = maps_new(&fds, &hash_key);
	assert_non_null(maps);
	maps_projector(maps, &ops);
	maps_walk(maps, &walk);
	while (walk.next(walk.self, &key, &permit, &translation)) {
		assert_true(permit.slot == flow.slot || permit.slot == pinhole.slot);
		seen++;
	}
	assert_int_equal(seen, 2);
	for (uint16_t i = 0; i < 10; i++) {
		open_one(9100 + i, true, PERMIT_RTP, &permit);
		assert_true(permit.slot != flow.slot && permit.slot != pinhole.slot);
	}
	assert_int_equal(activity[flow.slot].packets, 7);
}

static void activity_is_that_of_the_keys_own_slot(void **state)
{
	struct flow_key key = key_of(9000, true), other = key_of(9001, true);
	struct permit permit, broken = { .slot = LIMIT_SLOTS };
	struct activity act;

	(void)state;
	need_maps();
	open_one(9000, true, PERMIT_RTP, &permit);
	ops.commit(ops.self);
	activity[permit.slot].packets = 7;
	assert_true(maps_activity(maps, &key, &act));
	assert_int_equal(act.packets, 7);
	assert_false(maps_activity(maps, &other, &act));
	assert_int_equal(bpf_map_update_elem(fds.flows, &other, &broken, BPF_ANY), 0);
	assert_false(maps_activity(maps, &other, &act));
}

/* One writer a field: user space adds to its own counters, and programs to theirs. */
static void counts_are_added_to_the_map_once_a_sweep(void **state)
{
	const uint32_t counter = COUNTER_doors_opened;

	(void)state;
	need_maps();
	ops.count(ops.self, counter, 2);
	ops.count(ops.self, counter, 3);
	ops.count(ops.self, COUNTER_END, 1);
	assert_int_equal(counted(counter), 0);
	maps_sweep(maps, loop_now_ns());
	assert_int_equal(counted(counter), 5);
	maps_sweep(maps, loop_now_ns());
	assert_int_equal(counted(counter), 5);
	ops.count(ops.self, counter, 1);
	maps_sweep(maps, loop_now_ns());
	assert_int_equal(counted(counter), 6);
}

static int refuse_all(void *self, enum row_type type, const struct row_key *key, const void *value)
{
	(void)self, (void)type, (void)key, (void)value;
	return -ENOSPC;
}

static int take_all(void *self, enum row_type type, const struct row_key *key, const void *value)
{
	const struct timer_row *row = value;

	(void)key;
	assert_int_equal(type, ROW_timer);
	*(uint64_t *)self += row->due_ns;
	return 0;
}

static void stored_rows_are_read_back_and_those_that_nobody_takes_are_counted(void **state)
{
	struct row_key key = { .sub = 1 };
	struct timer_row row = { .due_ns = 11 };
	uint64_t sum = 0;

	(void)state;
	need_maps();
	assert_int_equal(ops.store(ops.self, ROW_timer, &key, &row, true), 0);
	key.sub = 2;
	assert_int_equal(ops.store(ops.self, ROW_timer, &key, &row, true), 0);
	maps_sweep(maps, loop_now_ns());
	assert_int_equal(maps_restore(maps, take_all, &sum), 2);
	assert_int_equal(sum, 22);
	assert_int_equal(maps_restore(maps, refuse_all, NULL), 0);
	maps_sweep(maps, loop_now_ns());
	assert_int_equal(counted(COUNTER_rows_unreadable), 2);
}

static void who_ends_closes_what_was_to_close_and_leaves_the_rest(void **state)
{
	struct permit going, staying, at;

	(void)state;
	need_maps();
	open_one(9000, true, PERMIT_RTP, &going);
	open_one(9001, true, PERMIT_RTP, &staying);
	ops.commit(ops.self);
	close_one(9000, true, &going);
	maps_free(maps);
	maps = NULL;
	assert_false(found(9000, true, &at));
	assert_true(found(9001, true, &at));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(exact_key_is_a_flow_and_any_other_a_pinhole),
		TEST(more_than_one_call_into_the_kernel_holds_is_written_all_the_same),
		TEST(slot_is_clean_when_it_is_handed_out),
		TEST(rewritten_entry_keeps_its_slot),
		TEST(closing_takes_two_steps_and_the_first_waits_for_the_message),
		TEST(slot_goes_back_only_when_its_entry_is_gone),
		TEST(key_that_is_opened_again_while_it_closes_stays_with_its_slot),
		TEST(key_that_is_opened_again_before_it_was_marked_stays_too),
		TEST(key_that_is_opened_again_and_closed_again_goes_once),
		TEST(full_map_refuses_what_does_not_fit_and_tells_how_much),
		TEST(without_a_free_slot_nothing_more_is_opened),
		TEST(walk_sees_what_is_there_and_a_successor_takes_no_slot_of_it),
		TEST(activity_is_that_of_the_keys_own_slot),
		TEST(counts_are_added_to_the_map_once_a_sweep),
		TEST(stored_rows_are_read_back_and_those_that_nobody_takes_are_counted),
		TEST(who_ends_closes_what_was_to_close_and_leaves_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
