/* SPDX-License-Identifier: MIT */
/* Doors that are translated: how they arrive, how they leave, and what the kernel is asked for where
 * several claim one key. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "state/apply.h"
#include "state/door.h"
#include "state/tables.h"
#include <ringfence/reason.h>

#define SHRINK 1024

static struct tables *tables;
static struct apply *apply;
static uint8_t memory[LIMIT_ARENA_BYTES];
static struct arena arena;
static struct {
	struct flow_key key;
	struct permit permit;
	struct translation translation;
} held[8];
static uint32_t held_count, written, contested, walked;
static struct address resolved;

static uint32_t place_of(const struct flow_key *key)
{
	uint32_t i = 0;

	while (i < held_count && memcmp(&held[i].key, key, sizeof(*key)))
		i++;
	return i;
}

static int kernel_open_key(void *self, const struct flow_key *key,
			   const struct translation *translation, struct permit *permit)
{
	uint32_t i = place_of(key);

	(void)self;
	assert_in_range(i, 0, 7);
	held[i].key = *key;
	held[i].permit = *permit;
	held[i].translation = *translation;
	held_count += i == held_count;
	written++;
	return 0;
}

static int kernel_close_key(void *self, const struct flow_key *key, const struct permit *permit)
{
	uint32_t i = place_of(key);

	(void)self, (void)permit;
	assert_true(i < held_count);
	held[i] = held[--held_count];
	return 0;
}

static bool kernel_next(void *self, struct flow_key *ret_key, struct permit *ret_permit,
			struct translation *ret_translation)
{
	(void)self;
	if (walked == held_count)
		return false;
	*ret_key = held[walked].key;
	*ret_permit = held[walked].permit;
	*ret_translation = held[walked++].translation;
	return true;
}

static int store(void *self, enum row_type type, const struct row_key *key, const void *value,
		 bool is_new)
{
	(void)self, (void)type, (void)key, (void)value, (void)is_new;
	return 0;
}

static void count(void *self, uint32_t counter, uint64_t n)
{
	(void)self;
	if (counter == COUNTER_translations_contested)
		contested += (uint32_t)n;
}

static void resolve(void *follower, const struct address *a)
{
	(void)follower;
	if (a->bytes[15] >= 50)
		resolved = *a;
}

static const struct projector_ops ops = { .open = kernel_open_key, .close = kernel_close_key,
					  .store = store, .count = count, .resolve = resolve };

static int set_up(void **state)
{
	static const struct hash_key key = { { 1, 2 } };

	(void)state;
	held_count = written = contested = walked = 0;
	memset(held, 0, sizeof(held));
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

static struct address ipv4(uint8_t last)
{
	return (struct address){ .bytes = { [10] = 0xff, 0xff, 10, 77, 0, last } };
}

static struct endpoint at(uint8_t last, uint16_t port)
{
	return (struct endpoint){ ipv4(last), htons(port), 0 };
}

/* Phone 50 is sent to by 40; both know us alone: as 1 and as 2. */
static struct door_row relayed(void)
{
	struct door_row d = { .flags = PERMIT_RTP, .kind = DOOR_MEDIA };

	d.key = (struct flow_key){ .source = ipv4(40), .destination = ipv4(50),
				   .source_port = htons(4000), .destination_port = htons(5000),
				   .zone = 1, .protocol = 17, .family = FAMILY_IPV4 };
	d.arrives_at = at(1, 20002);
	d.leaves_from = at(2, 30004);
	return d;
}

/* The same from whatever port of the phone. */
static struct door_row hosted(uint16_t seen_port)
{
	struct door_row d = relayed();

	d.key.source_port = 0;
	d.leaves_from = at(2, seen_port);
	return d;
}

static struct row_key key_of(uint8_t owner)
{
	return (struct row_key){ .owner = { { owner } }, .sub = 1 };
}

static void put(uint8_t owner, const struct door_row *d)
{
	struct row_key key = key_of(owner);
	struct batch b;

	arena = (struct arena){ memory, sizeof(memory), 0 };
	batch_init(&b, &arena);
	batch_put(&b, ROW_door, &key, d);
	apply_submit(apply, &b, NULL, NULL);
}

static void put_lock(uint8_t owner, const struct flow_key *flow)
{
	struct lock_row row = { .key = *flow };
	struct row_key key = key_of(owner);
	struct batch b;

	arena = (struct arena){ memory, sizeof(memory), 0 };
	batch_init(&b, &arena);
	batch_put(&b, ROW_lock, &key, &row);
	apply_submit(apply, &b, NULL, NULL);
}

static void end(uint8_t owner)
{
	struct row_key key = key_of(owner);
	struct batch b;

	arena = (struct arena){ memory, sizeof(memory), 0 };
	batch_init(&b, &arena);
	batch_end(&b, ROW_door, &key);
	apply_submit(apply, &b, NULL, NULL);
}

static void expect_destination(uint16_t port)
{
	assert_int_equal(held_count, 1);
	assert_int_equal(held[0].translation.destination_port, htons(port));
}

static void expect_source(uint16_t port)
{
	assert_int_equal(held_count, 1);
	assert_int_equal(held[0].translation.source_port, htons(port));
}

static void door_arrives_at_its_own_address_where_it_is_given_one(void **state)
{
	struct door_row d = relayed();
	struct flow_key wire = door_flow(&d), plain = d.key;

	(void)state;
	assert_memory_equal(&wire.source, &d.key.source, sizeof(wire.source));
	assert_int_equal(wire.source_port, htons(4000));
	assert_memory_equal(&wire.destination, &d.arrives_at.address, sizeof(wire.destination));
	assert_int_equal(wire.destination_port, htons(20002));
	assert_int_equal(wire.zone, 1);
	d.arrives_at.port = 0;
	wire = door_flow(&d);
	assert_memory_equal(&wire, &plain, sizeof(wire));
}

/* Where the families differ the packet is of the sender's. */
static void door_between_families_arrives_in_the_senders(void **state)
{
	struct door_row d = relayed();

	(void)state;
	d.key.destination = (struct address){ .bytes = { 0xfd, [15] = 1 } };
	d.key.family = FAMILY_IPV6;
	assert_int_equal(door_flow(&d).family, FAMILY_IPV4);
	d.arrives_at.address = d.key.destination;
	assert_int_equal(door_flow(&d).family, FAMILY_IPV6);
}

static void only_the_ends_that_are_given_change(void **state)
{
	struct door_row d = relayed();
	struct translation t = door_translation(&d);

	(void)state;
	assert_memory_equal(&t.source, &d.leaves_from.address, sizeof(t.source));
	assert_int_equal(t.source_port, htons(30004));
	assert_memory_equal(&t.destination, &d.key.destination, sizeof(t.destination));
	assert_int_equal(t.destination_port, htons(5000));
	d.leaves_from.port = 0;
	t = door_translation(&d);
	assert_int_equal(t.source_port, 0);
	assert_int_equal(t.destination_port, htons(5000));
	d.arrives_at.port = 0;
	t = door_translation(&d);
	assert_true(translation_is_none(&t));
}

static void translated_door_opens_the_key_that_is_on_the_wire(void **state)
{
	struct door_row d = relayed();
	struct flow_key wire = door_flow(&d);

	(void)state;
	put(1, &d);
	assert_int_equal(held_count, 1);
	assert_memory_equal(&held[0].key, &wire, sizeof(wire));
	assert_int_equal(held[0].permit.flags, PERMIT_RTP | PERMIT_TRANSLATED);
	expect_destination(5000);
	/* The receiver's next hop, and not our own address, is what will be needed. */
	assert_memory_equal(&resolved, &d.key.destination, sizeof(resolved));
	end(1);
	assert_int_equal(held_count, 0);
}

static void door_without_addresses_of_ours_is_not_translated(void **state)
{
	struct door_row d = relayed();

	(void)state;
	d.arrives_at.port = d.leaves_from.port = 0;
	d.flags |= PERMIT_TRANSLATED;            /* no row may say so by itself */
	put(1, &d);
	assert_int_equal(held[0].permit.flags, PERMIT_RTP);
}

/* The daemon reads it, and writes the addresses itself. */
static void signalling_door_arrives_at_us_and_is_not_translated(void **state)
{
	struct door_row d = relayed();
	struct flow_key wire = door_flow(&d);

	(void)state;
	d.flags = PERMIT_SIGNALLING;
	d.kind = DOOR_SIGNALLING;
	put(1, &d);
	assert_memory_equal(&held[0].key, &wire, sizeof(wire));
	assert_int_equal(held[0].permit.flags, PERMIT_SIGNALLING);
}

static void lock_of_a_translated_door_leaves_as_its_door_does(void **state)
{
	struct door_row d = relayed();
	struct flow_key seen;

	(void)state;
	seen = door_flow(&d);
	d.key.source_port = 0;
	put(1, &d);
	put_lock(1, &seen);
	assert_int_equal(held_count, 2);
	assert_memory_equal(&held[1].key, &seen, sizeof(seen));
	assert_memory_equal(&held[1].translation, &held[0].translation,
			    sizeof(held[1].translation));
	assert_true(held[1].permit.flags & PERMIT_TRANSLATED);
}

static void lock_goes_when_either_of_our_addresses_changes(void **state)
{
	struct row_key key = key_of(1);
	struct flow_key seen;

	(void)state;
	for (int which = 0; which < 3; which++) {
		struct door_row d = relayed();

		d.key.source_port = 0;
		put(1, &d);
		seen = door_flow(&d);
		seen.source_port = htons(7);
		put_lock(1, &seen);
		if (which == 1)
			d.arrives_at.port = htons(20004);
		if (which == 2)
			d.leaves_from.port = htons(30006);
		put(1, &d);
		assert_int_equal(tables_find(tables, ROW_lock, &key) != NULL, which == 0);
		end(1);
	}
}

static void door_whose_receiver_moved_is_rewritten_in_place(void **state)
{
	struct door_row d = relayed();

	(void)state;
	put(1, &d);
	put(1, &d);
	assert_int_equal(written, 1);
	d.key.destination_port = htons(5002);
	put(1, &d);
	assert_int_equal(written, 2);
	expect_destination(5002);
}

static void door_that_arrives_where_another_one_does_is_refused(void **state)
{
	struct door_row old = relayed(), young = relayed();

	(void)state;
	young.key.destination_port = htons(6000);
	put(1, &old);
	put(2, &young);
	assert_int_equal(tables_count(tables, ROW_door), 1);
	expect_destination(5000);
}

/* Nobody turns a running stream to himself by asking for the same address. */
static void oldest_claim_says_how_packets_leave(void **state)
{
	struct door_row old = hosted(30004), young = hosted(30006);

	(void)state;
	put(1, &old);
	put(2, &young);
	expect_source(30004);
	assert_int_equal(contested, 1);
	put(2, &young);
	put(1, &old);
	expect_source(30004);
	end(1);
	expect_source(30006);
	end(2);
	assert_int_equal(held_count, 0);
}

static void answered_claim_goes_before_an_older_one_that_is_only_offered(void **state)
{
	struct door_row old = hosted(30004), young = hosted(30006);

	(void)state;
	old.flags |= PERMIT_EARLY;
	put(1, &old);
	put(2, &young);
	expect_source(30006);
	old.flags &= ~(uint32_t)PERMIT_EARLY;    /* answered too: the stream stays where it is */
	put(1, &old);
	expect_source(30006);
	end(2);
	expect_source(30004);
}

static void claims_that_agree_are_no_contest(void **state)
{
	struct door_row d = relayed();

	(void)state;
	put(1, &d);
	put(2, &d);
	end(1);
	expect_destination(5000);
	assert_int_equal(contested, 0);
	assert_int_equal(written, 1);
}

/* Applies the rows anew, as a daemon does that was killed. */
static uint32_t restart(void)
{
	const struct kernel_walk walk = { kernel_next, NULL };

	apply_free(apply);
	apply = apply_new(tables, &ops);
	walked = 0;
	return apply_reconcile(apply, &walk);
}

static void restart_leaves_translations_as_they_are(void **state)
{
	struct door_row old = relayed(), young = relayed();

	(void)state;
	young.key.destination_port = htons(6000);
	for (uint8_t first = 1; first <= 2; first++) {
		put(first, &old);
		put(3 - first, &young);
		assert_int_equal(restart(), 0);
		expect_destination(5000);
		end(1);
		end(2);
	}
}

static void restart_mends_a_translation_that_no_door_asks_for(void **state)
{
	struct door_row d = relayed();

	(void)state;
	put(1, &d);
	held[0].translation.destination_port = htons(7);
	assert_int_equal(restart(), 1);
	expect_destination(5000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(door_arrives_at_its_own_address_where_it_is_given_one),
		TEST(door_between_families_arrives_in_the_senders),
		TEST(only_the_ends_that_are_given_change),
		TEST(translated_door_opens_the_key_that_is_on_the_wire),
		TEST(door_without_addresses_of_ours_is_not_translated),
		TEST(signalling_door_arrives_at_us_and_is_not_translated),
		TEST(lock_of_a_translated_door_leaves_as_its_door_does),
		TEST(lock_goes_when_either_of_our_addresses_changes),
		TEST(door_whose_receiver_moved_is_rewritten_in_place),
		TEST(door_that_arrives_where_another_one_does_is_refused),
		TEST(oldest_claim_says_how_packets_leave),
		TEST(answered_claim_goes_before_an_older_one_that_is_only_offered),
		TEST(claims_that_agree_are_no_contest),
		TEST(restart_leaves_translations_as_they_are),
		TEST(restart_mends_a_translation_that_no_door_asks_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
