/* SPDX-License-Identifier: MIT */
/* Translations in real maps of the kernel: no program may see one that is half written, or one that
 * goes with another permit. */
#include "maps.h"

/* Leaves for this port. */
static int open_translated(uint16_t port, struct permit *permit)
{
	const struct translation t = { .destination = { { [15] = 3 } },
				       .destination_port = htons(port) };
	struct flow_key key = key_of(9000, true);

	permit->flags = PERMIT_RTP | PERMIT_TRANSLATED;
	return ops.open(ops.self, &key, &t, permit);
}

static void translation_is_written_before_its_permit(void **state)
{
	struct permit permit = { .slot = SLOT_NONE }, at;

	(void)state;
	need_maps();
	assert_int_equal(open_translated(5000, &permit), 0);
	assert_int_equal(translations[permit.slot].destination_port, htons(5000));
	assert_false(found(9000, true, &at));
	ops.commit(ops.self);
	assert_true(found(9000, true, &at));
	assert_int_equal(at.flags, PERMIT_RTP | PERMIT_TRANSLATED);
}

/* A program that found the old permit reads what went with it, whole, until it has ended. */
static void changed_translation_gets_another_slot_and_the_old_one_rests(void **state)
{
	struct permit old = { .slot = SLOT_NONE }, now, at, next;

	(void)state;
	need_maps();
	open_translated(5000, &old);
	ops.commit(ops.self);
	activity[old.slot].packets = 7;
	activity[old.slot].lock = 1;
	activity[old.slot].hop.interface = 2;
	now = old;
	assert_int_equal(open_translated(5002, &now), 0);
	ops.commit(ops.self);
	assert_int_not_equal(now.slot, old.slot);
	assert_int_equal(translations[old.slot].destination_port, htons(5000));
	assert_int_equal(translations[now.slot].destination_port, htons(5002));
	assert_true(found(9000, true, &at));
	assert_int_equal(at.slot, now.slot);
	/* Figures go on; where to, and from whom, is learned anew. */
	assert_int_equal(activity[now.slot].packets, 7);
	assert_int_equal(activity[now.slot].lock, 0);
	assert_int_equal(activity[now.slot].hop.interface, 0);
	maps_close(maps);
	assert_true(found(9000, true, &at));
	assert_int_equal(at.flags, PERMIT_RTP | PERMIT_TRANSLATED);
	open_one(9001, true, PERMIT_RTP, &next);
	assert_int_not_equal(next.slot, old.slot);
	maps_sweep(maps, loop_now_ns() + LATER);
	assert_true(found(9000, true, &at));
	open_one(9002, true, PERMIT_RTP, &next);
	assert_int_equal(next.slot, old.slot);
	assert_int_equal(translations[next.slot].destination_port, 0);
}

static void key_that_is_opened_again_with_another_translation_leaves_its_slot(void **state)
{
	struct permit old = { .slot = SLOT_NONE }, now = { .slot = SLOT_NONE }, at;

	(void)state;
	need_maps();
	open_translated(5000, &old);
	ops.commit(ops.self);
	close_one(9000, true, &old);
	maps_close(maps);
	assert_int_equal(open_translated(5002, &now), 0);
	ops.commit(ops.self);
	assert_int_not_equal(now.slot, old.slot);
	assert_int_equal(translations[old.slot].destination_port, htons(5000));
	maps_close(maps);
	maps_sweep(maps, loop_now_ns() + LATER);
	assert_true(found(9000, true, &at));
	assert_int_equal(at.slot, now.slot);
	assert_int_equal(at.flags, PERMIT_RTP | PERMIT_TRANSLATED);
}

static void successor_finds_the_translations(void **state)
{
	struct permit permit = { .slot = SLOT_NONE }, plain;
	struct translation t;
	struct kernel_walk walk;
	struct flow_key key;

	(void)state;
	need_maps();
	open_translated(5000, &permit);
	ops.commit(ops.self);
	killed = maps;
	maps = maps_new(&fds, &hash_key);
	maps_projector(maps, &ops);
	maps_walk(maps, &walk);
	assert_true(walk.next(walk.self, &key, &permit, &t));
	assert_int_equal(t.destination_port, htons(5000));
	assert_false(walk.next(walk.self, &key, &permit, &t));
	open_one(9002, true, PERMIT_RTP, &plain);
	ops.commit(ops.self);
	translations[plain.slot].destination_port = 7;   /* an earlier one's, of no account */
	maps_walk(maps, &walk);
	while (walk.next(walk.self, &key, &permit, &t))
		assert_int_equal(t.destination_port,
				 permit.slot == plain.slot ? 0 : htons(5000));
}

/* Without a slot the stream must not go on to where it went. */
static void changed_translation_without_a_free_slot_closes(void **state)
{
	struct flow_key key = key_of(1, true);
	struct permit old = { .slot = SLOT_NONE }, permit, at;

	(void)state;
	need_maps();
	open_translated(5000, &old);
	for (permit.slot = 0; permit.slot != SLOT_NONE;) {
		permit = (struct permit){ .slot = SLOT_NONE };
		if (ops.open(ops.self, &key, &none, &permit))
			break;
	}
	assert_int_equal(open_translated(5002, &old), -ENOSPC);
	ops.commit(ops.self);
	assert_true(found(9000, true, &at));
	assert_true(at.flags & PERMIT_CLOSED);
	assert_int_equal(translations[at.slot].destination_port, htons(5000));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(translation_is_written_before_its_permit),
		TEST(changed_translation_gets_another_slot_and_the_old_one_rests),
		TEST(key_that_is_opened_again_with_another_translation_leaves_its_slot),
		TEST(successor_finds_the_translations),
		TEST(changed_translation_without_a_free_slot_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
