// SPDX-License-Identifier: MIT
/* Rows in real maps of the kernel, and the journal on the way to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "inspect/batch.h"
#include "io/rows.h"

#define ROOM (LIMIT_JOURNAL + 64)
#define SMALL 4                      /* capacity of the lock rows' map */

static struct kernel_maps fds;
static struct rows *rows;

static struct row_key key_of(uint64_t sub)
{
	return (struct row_key){ .owner = { { 7 } }, .sub = sub };
}

static int set_up(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, shared, .map_flags = BPF_F_MMAPABLE);

	(void)state;
	memset(&fds, 0xff, sizeof(fds));
	fds.journal = bpf_map_create(BPF_MAP_TYPE_ARRAY, "journal", sizeof(uint32_t),
				     sizeof(struct journal_entry), LIMIT_JOURNAL, &shared);
	for (int type = 1; type < ROW_COUNT; type++)
		fds.rows[type] = bpf_map_create(BPF_MAP_TYPE_HASH, row_name((enum row_type)type),
						sizeof(struct row_key),
						row_bytes((enum row_type)type),
						type == ROW_lock ? SMALL : ROOM, NULL);
	if (fds.journal < 0)
		return 0;
	rows = rows_new(&fds);
	return rows ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	rows_free(rows);
	rows = NULL;
	for (int *fd = (int *)&fds; fd < (int *)(&fds + 1); fd++)
		if (*fd >= 0)
			close(*fd);
	return 0;
}

static void need_maps(void)
{
	if (fds.journal < 0) {
		print_message("SKIP: no BPF maps can be made here (run as root)\n");
		skip();
	}
}

static uint32_t store_timer(uint64_t sub, uint64_t due_ns)
{
	const struct row_key key = key_of(sub);
	const struct timer_row row = { .due_ns = due_ns };

	return rows_store(rows, ROW_timer, &key, &row, false);
}

/* 0 where the map has no such row. */
static uint64_t due_in_map(uint64_t sub)
{
	const struct row_key key = key_of(sub);
	struct timer_row row;

	return bpf_map_lookup_elem(fds.rows[ROW_timer], &key, &row) ? 0 : row.due_ns;
}

static void rows_are_in_their_maps_once_they_are_settled(void **state)
{
	const struct row_key key = key_of(1);
	struct text_row text = { .length = 3, .bytes = "abc" }, found;

	(void)state;
	need_maps();
	store_timer(1, 11);
	store_timer(2, 22);
	rows_store(rows, ROW_text, &key, &text, false);
	assert_int_equal(rows_settle(rows), 0);
	assert_int_equal(due_in_map(1), 11);
	assert_int_equal(due_in_map(2), 22);
	assert_int_equal(bpf_map_lookup_elem(fds.rows[ROW_text], &key, &found), 0);
	assert_memory_equal(&found, &text, sizeof(text));
}

static void the_last_change_of_a_row_counts(void **state)
{
	const struct row_key one = key_of(1), two = key_of(2), three = key_of(3);

	(void)state;
	need_maps();
	store_timer(3, 33);
	rows_settle(rows);
	store_timer(1, 11);
	store_timer(1, 12);
	store_timer(2, 22);
	rows_store(rows, ROW_timer, &two, NULL, false);
	rows_store(rows, ROW_timer, &one, NULL, false);
	store_timer(1, 13);
	rows_store(rows, ROW_timer, &three, NULL, false);
	assert_int_equal(rows_settle(rows), 0);
	assert_int_equal(due_in_map(1), 13);
	assert_int_equal(due_in_map(2), 0);
	assert_int_equal(due_in_map(3), 0);
}

static void a_row_that_came_and_went_between_two_settlings_touches_no_map(void **state)
{
	const struct row_key one = key_of(1);
	const struct timer_row row = { .due_ns = 11 }, witness = { .due_ns = 99 };

	(void)state;
	need_maps();
	assert_int_equal(bpf_map_update_elem(fds.rows[ROW_timer], &one, &witness, BPF_ANY), 0);
	rows_store(rows, ROW_timer, &one, &row, true);
	rows_store(rows, ROW_timer, &one, &row, false);
	rows_store(rows, ROW_timer, &one, NULL, false);
	assert_int_equal(rows_settle(rows), 0);
	assert_int_equal(due_in_map(1), 99);
}

static void a_row_that_ended_came_and_went_again_is_gone(void **state)
{
	const struct row_key one = key_of(1);
	const struct timer_row row = { .due_ns = 11 };

	(void)state;
	need_maps();
	rows_store(rows, ROW_timer, &one, &row, true);
	rows_settle(rows);
	rows_store(rows, ROW_timer, &one, NULL, false);
	rows_store(rows, ROW_timer, &one, &row, true);
	rows_store(rows, ROW_timer, &one, NULL, false);
	assert_int_equal(rows_settle(rows), 0);
	assert_int_equal(due_in_map(1), 0);
}

static void what_a_killed_daemon_left_in_the_journal_is_written_by_the_next(void **state)
{
	const struct row_key one = key_of(1);
	struct rows *next;

	(void)state;
	need_maps();
	store_timer(1, 11);
	rows_settle(rows);
	store_timer(2, 22);
	rows_store(rows, ROW_timer, &one, NULL, false);
	assert_int_equal(due_in_map(2), 0);
	next = rows_new(&fds);
	assert_non_null(next);
	assert_int_equal(due_in_map(1), 0);
	assert_int_equal(due_in_map(2), 22);
	rows_free(next);
}

static void an_entry_that_is_not_whole_is_not_written(void **state)
{
	const uint32_t index = 1;
	struct journal_entry e = { .held = 0, .type = ROW_timer, .bytes = sizeof(struct timer_row),
				   .key = key_of(1) };

	(void)state;
	need_maps();
	assert_int_equal(bpf_map_update_elem(fds.journal, &index, &e, BPF_ANY), 0);
	rows_free(rows_new(&fds));
	assert_int_not_equal(bpf_map_lookup_elem(fds.rows[ROW_timer], &e.key, &e.value), 0);
	e.held = 1;
	e.bytes = 3;
	assert_int_equal(bpf_map_update_elem(fds.journal, &index, &e, BPF_ANY), 0);
	rows_free(rows_new(&fds));
	assert_int_not_equal(bpf_map_lookup_elem(fds.rows[ROW_timer], &e.key, &e.value), 0);
}

static void a_full_journal_settles_itself(void **state)
{
	(void)state;
	need_maps();
	for (uint64_t i = 1; i <= LIMIT_JOURNAL + 1; i++)
		assert_int_equal(store_timer(i, i), 0);
	assert_int_equal(due_in_map(1), 1);
	assert_int_equal(due_in_map(LIMIT_JOURNAL), LIMIT_JOURNAL);
	assert_int_equal(due_in_map(LIMIT_JOURNAL + 1), 0);
}

static void a_full_map_refuses_only_what_does_not_fit(void **state)
{
	const struct lock_row row = { .seen_ns = 1 };
	struct lock_row found;
	uint32_t there = 0;

	(void)state;
	need_maps();
	for (uint64_t i = 1; i <= SMALL + 3; i++) {
		const struct row_key key = key_of(i);

		rows_store(rows, ROW_lock, &key, &row, false);
	}
	store_timer(1, 11);
	assert_int_equal(rows_settle(rows), 3);
	for (uint64_t i = 1; i <= SMALL + 3; i++) {
		const struct row_key key = key_of(i);

		there += !bpf_map_lookup_elem(fds.rows[ROW_lock], &key, &found);
	}
	assert_int_equal(there, SMALL);
	assert_int_equal(due_in_map(1), 11);
}

static int take_first(void *self, enum row_type type, const struct row_key *key, const void *value)
{
	(void)value;
	(*(uint32_t *)self)++;
	return type == ROW_timer && key->sub == 1 ? 0 : -1;
}

static void rows_that_nobody_takes_are_counted(void **state)
{
	uint32_t offered = 0, unreadable = 0;

	(void)state;
	need_maps();
	store_timer(1, 11);
	store_timer(2, 22);
	rows_settle(rows);
	assert_int_equal(rows_restore(rows, take_first, &offered, &unreadable), 1);
	assert_int_equal(offered, 2);
	assert_int_equal(unreadable, 1);
}

/* What a reader makes of the timers: due times by sub, 0 for none. */
static int take_due(void *self, enum row_type type, const struct row_key *key, const void *value)
{
	uint64_t *due = self;

	assert_int_equal(type, ROW_timer);
	assert_in_range(key->sub, 1, 3);
	due[key->sub] = value ? ((const struct timer_row *)value)->due_ns : 0;
	return 0;
}

static void a_reader_sees_the_journal_and_leaves_it(void **state)
{
	const struct row_key one = key_of(1);
	uint64_t due[4] = { 0 };
	uint32_t unreadable;

	(void)state;
	need_maps();
	store_timer(1, 11);
	store_timer(3, 33);
	rows_settle(rows);
	store_timer(2, 22);
	store_timer(3, 34);
	rows_store(rows, ROW_timer, &one, NULL, false);
	assert_int_equal(rows_read(&fds, take_due, due, &unreadable), 0);
	assert_int_equal(unreadable, 0);
	assert_int_equal(due[1], 0);
	assert_int_equal(due[2], 22);
	assert_int_equal(due[3], 34);
	/* Nothing was written: that is the daemon's, who does it now. */
	assert_int_equal(due_in_map(1), 11);
	assert_int_equal(due_in_map(2), 0);
	rows_settle(rows);
	assert_int_equal(due_in_map(1), 0);
	assert_int_equal(due_in_map(2), 22);
}

/* The daemon settles while the maps are read, behind the row that ends. */
static int settle_at_once(void *self, enum row_type type, const struct row_key *key,
			  const void *value)
{
	rows_settle(rows);
	return take_due(self, type, key, value);
}

static void a_reader_is_told_that_it_missed_a_change(void **state)
{
	const struct row_key one = key_of(1);
	uint64_t due[4] = { 0 };
	uint32_t unreadable;

	(void)state;
	need_maps();
	store_timer(1, 11);
	rows_settle(rows);
	rows_store(rows, ROW_timer, &one, NULL, false);
	assert_int_equal(rows_read(&fds, settle_at_once, due, &unreadable), -EAGAIN);
	due[1] = 0;
	assert_int_equal(rows_read(&fds, take_due, due, &unreadable), 0);
	assert_int_equal(due[1], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(rows_are_in_their_maps_once_they_are_settled),
		TEST(the_last_change_of_a_row_counts),
		TEST(a_row_that_came_and_went_between_two_settlings_touches_no_map),
		TEST(a_row_that_ended_came_and_went_again_is_gone),
		TEST(what_a_killed_daemon_left_in_the_journal_is_written_by_the_next),
		TEST(an_entry_that_is_not_whole_is_not_written),
		TEST(a_full_journal_settles_itself),
		TEST(a_full_map_refuses_only_what_does_not_fit),
		TEST(rows_that_nobody_takes_are_counted),
		TEST(a_reader_sees_the_journal_and_leaves_it),
		TEST(a_reader_is_told_that_it_missed_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
