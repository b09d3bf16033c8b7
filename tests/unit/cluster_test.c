// SPDX-License-Identifier: MIT
/* One member whose group is this file: what it says is looked at, what it hears is written here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cluster/cluster.h"
#include "state/tables.h"

#define SECOND 1000000000ull
#define SAID_MOST 65536

static const struct wire_member self = { 1, 10 }, other = { 2, 20 };
static const struct hash_key key = { { 1, 2 } };
static struct tables *tables;
static struct apply *apply;
static struct cluster *cluster;
static struct group_ops group;
static uint8_t said[SAID_MOST], arena_bytes[1 << 19];
static size_t said_bytes;
static struct arena arena;
static uint64_t now_ns;
static bool is_full, is_busy, has_left;
static enum reason last_reason;
static uint32_t landed;

static int open_key(void *s, const struct flow_key *k, const struct translation *t, struct permit *p)
{
	(void)s, (void)k, (void)t;
	p->slot = 0;
	return 0;
}

static int close_key(void *s, const struct flow_key *k, const struct permit *p)
{
	(void)s, (void)k, (void)p;
	return 0;
}

static int store(void *s, enum row_type type, const struct row_key *k,
		 const void *value, bool is_new)
{
	(void)s, (void)type, (void)k, (void)value, (void)is_new;
	return 0;
}

static void count(void *s, uint32_t counter, uint64_t n)
{
	(void)s, (void)counter, (void)n;
}

static int group_send(void *s, const void *bytes, size_t length)
{
	(void)s;
	if (is_busy)
		return -EAGAIN;
	assert_true(said_bytes + length <= SAID_MOST);
	memcpy(said + said_bytes, bytes, length);
	said_bytes += length;
	return 0;
}

static int group_join(void *s)
{
	(void)s;
	has_left = false;
	return 0;
}

static void group_leave(void *s)
{
	(void)s;
	has_left = true;
}

static void set_full(void *s, bool full)
{
	(void)s;
	is_full = full;
}

static void set_key(void *s, const struct hash_key *k)
{
	(void)s, (void)k;
}

static void take_zones(void *s, const struct zone_name *zones)
{
	(void)s, (void)zones;
}

static uint64_t media_seen(void *s, const struct owner *owner)
{
	(void)s, (void)owner;
	return 0;
}

static void alarm_text(void *s, const char *text)
{
	(void)s;
	/* What, why and remedy: style of every message to people. */
	assert_non_null(strchr(text, '('));
}

static void on_landed(void *context, enum reason reason)
{
	(void)context;
	last_reason = reason;
	landed++;
}

static int set_up(void **state)
{
	static const struct projector_ops ops = { .open = open_key, .close = close_key,
						  .store = store, .count = count };
	const struct cluster_hands hands = { set_full, set_key, take_zones, media_seen, count, alarm_text,
					     NULL };
	const struct cluster_settings settings = { .self = self, .version = "test", .key = key };

	(void)state;
	now_ns = 1000 * SECOND;
	said_bytes = landed = 0;
	is_full = true;
	is_busy = has_left = false;
	arena = (struct arena){ arena_bytes, sizeof(arena_bytes), 0 };
	tables = tables_new(&key, 1024);
	apply = apply_new(tables, &ops);
	cluster = cluster_new(tables, apply, &settings, &hands);
	group = (struct group_ops){ group_send, group_join, group_leave, NULL };
	return cluster ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	cluster_free(cluster);
	apply_free(apply);
	tables_free(tables);
	return 0;
}

/* What was said comes back, as the engine delivers own messages. */
static void echo(void)
{
	uint8_t copy[SAID_MOST];
	size_t length;

	do {
		cluster_flush(cluster);
		length = said_bytes;
		memcpy(copy, said, length);
		said_bytes = 0;
		cluster_deliver(cluster, self, slice_make(copy, length), now_ns);
	} while (length);
}

static void join_alone(void)
{
	cluster_start(cluster, &group, now_ns);
	cluster_view(cluster, &self, 1, now_ns);
	echo();
}

static void submit_timer(uint64_t sub)
{
	const struct row_key row = { .sub = sub };
	const struct timer_row timer = { .due_ns = now_ns + 5 * SECOND };
	struct batch b;

	arena_reset(&arena);
	batch_init(&b, &arena);
	batch_expect(&b, ROW_timer, &row, 0);
	batch_put(&b, ROW_timer, &row, &timer);
	apply_submit(apply, &b, on_landed, NULL);
}

static const struct timer_row *timer(uint64_t sub)
{
	const struct row_key row = { .sub = sub };

	return tables_find(tables, ROW_timer, &row);
}

static struct cluster_status status(void)
{
	struct cluster_status s;

	cluster_status(cluster, &s, now_ns);
	return s;
}

static void member_without_a_group_executes_at_once(void **state)
{
	(void)state;
	submit_timer(1);
	assert_int_equal(landed, 1);
	assert_int_equal(last_reason, REASON_none);
	assert_non_null(timer(1));
}

static void member_that_begins_asks_the_group_before_it_judges(void **state)
{
	(void)state;
	cluster_start(cluster, &group, now_ns);
	assert_false(is_full);
	submit_timer(1);
	assert_int_equal(last_reason, REASON_group_lost);
	cluster_view(cluster, &self, 1, now_ns);
	assert_false(is_full);
	echo();
	assert_true(is_full);
}

static void batch_holds_when_it_comes_back_and_not_before(void **state)
{
	(void)state;
	join_alone();
	submit_timer(1);
	cluster_flush(cluster);
	assert_int_equal(landed, 0);
	assert_null(timer(1));
	echo();
	assert_int_equal(landed, 1);
	assert_int_equal(last_reason, REASON_none);
	assert_int_equal(timer(1)->head.author, self.node);
}

static void second_of_two_that_exclude_each_other_is_void(void **state)
{
	(void)state;
	join_alone();
	submit_timer(1);
	submit_timer(1);
	echo();
	assert_int_equal(landed, 2);
	assert_int_equal(last_reason, REASON_batch_void);
	assert_int_equal(timer(1)->head.version, 1);
}

static void what_the_engine_does_not_take_is_offered_again(void **state)
{
	(void)state;
	join_alone();
	is_busy = true;
	submit_timer(1);
	cluster_flush(cluster);
	cluster_tick(cluster, now_ns + SECOND);
	assert_int_equal(said_bytes, 0);
	is_busy = false;
	cluster_tick(cluster, now_ns + SECOND);
	echo();
	assert_non_null(timer(1));
}

static void member_whose_batches_do_not_come_back_leaves_and_joins_again(void **state)
{
	(void)state;
	join_alone();
	submit_timer(1);
	cluster_tick(cluster, now_ns + 1 * SECOND);
	assert_false(has_left);
	cluster_tick(cluster, now_ns + 3 * SECOND);
	assert_true(has_left);
	assert_false(is_full);
	assert_int_equal(last_reason, REASON_group_lost);
	assert_int_equal(status().stalls, 1);
	cluster_tick(cluster, now_ns + 5 * SECOND);
	assert_false(has_left);
}

static void member_that_loses_the_engine_goes_on_alone_with_what_it_has(void **state)
{
	(void)state;
	join_alone();
	submit_timer(1);
	echo();
	submit_timer(2);
	cluster_start(cluster, NULL, now_ns);
	assert_true(is_full);
	/* What was under way is to be judged again. */
	assert_int_equal(last_reason, REASON_batch_void);
	submit_timer(2);
	assert_int_equal(last_reason, REASON_none);
	assert_non_null(timer(1));
	assert_non_null(timer(2));
}

static void times_are_put_on_the_clock_of_delivery(void **state)
{
	(void)state;
	join_alone();
	submit_timer(1);
	cluster_flush(cluster);
	now_ns += 100 * SECOND;
	echo();
	assert_true(timer(1)->due_ns == now_ns + 5 * SECOND);
}

static void record_of_another_layout_or_sender_is_not_heard(void **state)
{
	struct wire_head head = { .kind = WIRE_BATCH, .from = other };
	uint8_t bytes[256];
	int64_t length;
	struct batch b;

	(void)state;
	join_alone();
	arena_reset(&arena);
	batch_init(&b, &arena);
	length = wire_write_batch(&head, &b, now_ns, bytes, sizeof(bytes));
	assert_true(length > 0);
	cluster_deliver(cluster, self, slice_make(bytes, (size_t)length), now_ns);
	assert_int_equal(status().foreign, 1);
	bytes[offsetof(struct wire_head, layout)] ^= 1;
	cluster_deliver(cluster, other, slice_make(bytes, (size_t)length), now_ns);
	assert_int_equal(status().foreign, 2);
	for (int64_t cut = 0; cut < length; cut++)
		cluster_deliver(cluster, other, slice_make(bytes, (size_t)cut), now_ns);
	assert_int_equal(status().foreign, 2 + length - 1);
}

static void batch_survives_the_wire(void **state)
{
	const struct row_key row = { .owner = { { 1 } }, .sub = 2, .part = 3 };
	const struct call_row call = { .started_ns = 7 * SECOND, .state = CALL_CONFIRMED };
	struct wire_head head = { .kind = WIRE_BATCH, .from = self, .number = 9 }, read;
	struct batch b, back;
	struct slice body;
	uint8_t bytes[2048];
	const struct call_row *got;
	int64_t length;

	(void)state;
	batch_init(&b, &arena);
	batch_expect(&b, ROW_call, &row, 4);
	batch_put(&b, ROW_call, &row, &call);
	batch_end(&b, ROW_door, &row);
	batch_end_set(&b, ROW_NONE, &row.owner, SUB_ANY);
	batch_claim(&b, ROW_call, 2);
	batch_tell(&b, TELL_CALL_ENDED, &row.owner);
	batch_claim_of(&b, ROW_connection, &row.owner, 2, 960);
	length = wire_write_batch(&head, &b, 10 * SECOND, bytes, sizeof(bytes));
	assert_true(length > 0);
	assert_int_equal(wire_read(slice_make(bytes, (size_t)length), &read, &body), 0);
	assert_int_equal(read.number, 9);
	assert_int_equal(wire_read_batch(body, 110 * SECOND, &arena, &back), 0);
	assert_int_equal(back.change_count, 6);
	assert_int_equal(back.preconditions[0].version, 4);
	got = back.changes[0].value;
	assert_true(got->started_ns == 107 * SECOND);
	assert_true(got->answered_ns == 0);
	assert_int_equal(got->state, CALL_CONFIRMED);
	assert_int_equal(back.changes[2].verb, VERB_END_SET);
	assert_true(back.changes[2].key.sub == SUB_ANY);
	assert_int_equal(back.changes[4].number, TELL_CALL_ENDED);
	assert_int_equal(back.changes[5].number, 2);
	assert_int_equal(back.changes[5].key.sub, 960);
	/* Cut anywhere, and with a type that is none. */
	for (size_t cut = 0; cut < body.length; cut++)
		assert_int_equal(wire_read_batch(slice_part(body, 0, cut), 0, &arena, &back),
				 -EBADMSG);
	bytes[sizeof(head) + 8 + sizeof(struct precondition) + 2] = ROW_COUNT;
	assert_int_equal(wire_read_batch(body, 0, &arena, &back), -EBADMSG);
	assert_int_equal(wire_write_batch(&head, &b, 0, bytes, 64), -ENOSPC);
}

static void put_rate(uint64_t sub, bool beside_others)
{
	const struct row_key row = { .sub = sub };
	const struct rate_row rate = { .counts = { 5 } };
	const struct timer_row timer_value = { .due_ns = now_ns + 5 * SECOND };
	struct batch b;

	arena_reset(&arena);
	batch_init(&b, &arena);
	batch_put(&b, ROW_rate, &row, &rate);
	if (beside_others)
		batch_put(&b, ROW_timer, &row, &timer_value);
	apply_submit(apply, &b, on_landed, NULL);
}

/* row.def says which they are: counts of a second would be old when they came. */
static void rows_of_a_members_own_are_there_at_once_and_never_travel(void **state)
{
	const struct row_key row = { .sub = 1 };
	struct slice body;
	struct wire_head head;
	struct batch b;

	(void)state;
	join_alone();
	put_rate(2, false);
	assert_int_equal(landed, 1);
	assert_int_equal(last_reason, REASON_none);
	cluster_flush(cluster);
	assert_int_equal(said_bytes, 0);
	put_rate(1, true);
	assert_non_null(tables_find(tables, ROW_rate, &row));
	assert_null(timer(1));
	cluster_flush(cluster);
	assert_int_equal(wire_read(slice_make(said, said_bytes), &head, &body), 0);
	assert_int_equal(wire_read_batch(body, now_ns, &arena, &b), 0);
	assert_int_equal(b.change_count, 1);
	assert_int_equal(b.changes[0].type, ROW_timer);
	echo();
	assert_non_null(timer(1));
}

/* Nor are they taken from who sends them all the same. */
static void rows_of_anothers_own_are_not_heard(void **state)
{
	const struct row_key row = { .sub = 1 };
	const struct timer_row value = { .due_ns = SECOND };
	struct wire_head head = { .kind = WIRE_BATCH, .from = self, .number = 9 };
	struct slice body;
	uint8_t bytes[512];
	struct batch b;
	int64_t length;

	(void)state;
	batch_init(&b, &arena);
	batch_put(&b, ROW_timer, &row, &value);
	length = wire_write_batch(&head, &b, 0, bytes, sizeof(bytes));
	assert_int_equal(wire_read(slice_make(bytes, (size_t)length), &head, &body), 0);
	assert_int_equal(wire_read_batch(body, 0, &arena, &b), 0);
	/* counts, then verb and type of the change */
	bytes[sizeof(head) + 8 + 2] = ROW_rate;
	assert_int_equal(wire_read_batch(body, 0, &arena, &b), -EBADMSG);
}

static void rows_of_a_member_that_left_are_ended_by_the_lowest_that_stayed(void **state)
{
	(void)state;
	join_alone();
	assert_true(cluster_may_expire(cluster, self.node));
	assert_true(cluster_may_expire(cluster, other.node));
	cluster_view(cluster, (const struct wire_member[]){ self, other }, 2, now_ns);
	/* The other has not said whether it is full. */
	assert_true(cluster_may_expire(cluster, other.node));
}

static void media_of_a_neighbour_is_asked_for_and_waited_for(void **state)
{
	const struct owner call = { { 5 } };
	const struct wire_seen seen = { call, 2 * SECOND };
	struct wire_head head = { .kind = WIRE_SEEN, .from = other };
	uint8_t bytes[256];
	uint64_t at = 1;
	int64_t length;

	(void)state;
	join_alone();
	assert_int_equal(cluster_media_seen(cluster, &call, now_ns, &at), -EAGAIN);
	assert_int_equal(cluster_media_seen(cluster, &call, now_ns + SECOND / 2, &at), -EAGAIN);
	length = wire_write(&head, slice_make(&seen, sizeof(seen)), bytes, sizeof(bytes));
	cluster_deliver(cluster, other, slice_make(bytes, (size_t)length), now_ns + SECOND / 2);
	assert_int_equal(cluster_media_seen(cluster, &call, now_ns + SECOND, &at), 0);
	assert_true(at == now_ns + SECOND / 2 - 2 * SECOND);
	/* Nobody answers the next question. */
	assert_int_equal(cluster_media_seen(cluster, &call, now_ns + 2 * SECOND, &at), -EAGAIN);
	assert_int_equal(cluster_media_seen(cluster, &call, now_ns + 4 * SECOND, &at), 0);
	assert_true(at == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(member_without_a_group_executes_at_once),
		TEST(member_that_begins_asks_the_group_before_it_judges),
		TEST(batch_holds_when_it_comes_back_and_not_before),
		TEST(second_of_two_that_exclude_each_other_is_void),
		TEST(what_the_engine_does_not_take_is_offered_again),
		TEST(member_whose_batches_do_not_come_back_leaves_and_joins_again),
		TEST(member_that_loses_the_engine_goes_on_alone_with_what_it_has),
		TEST(times_are_put_on_the_clock_of_delivery),
		TEST(record_of_another_layout_or_sender_is_not_heard),
		TEST(batch_survives_the_wire),
		TEST(rows_of_a_members_own_are_there_at_once_and_never_travel),
		TEST(rows_of_anothers_own_are_not_heard),
		TEST(rows_of_a_member_that_left_are_ended_by_the_lowest_that_stayed),
		TEST(media_of_a_neighbour_is_asked_for_and_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
