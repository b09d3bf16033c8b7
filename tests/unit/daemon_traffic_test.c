// SPDX-License-Identifier: MIT
/* What comes by the rings: datagrams that are too old, ports that the fast path learned. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon.h"

#define SECOND 1000000000ull
#define HEADERS 28                   /* IPv4 and UDP */

static const char config[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24] }\n"
	"  out: { networks: [10.77.2.0/24] }\n"
	"rules:\n"
	"  - { name: both, from: [in, out], to: [in, out], allow: [sip] }\n";

static struct daemon d;
static uint64_t counts[COUNTER_END];
static struct flow_key open_keys[4];
static uint32_t open_count;

static int kernel_open_key(void *self, const struct flow_key *key,
			   const struct translation *translation, struct permit *permit)
{
	(void)self, (void)translation, (void)permit;
	assert_true(open_count < 4);
	open_keys[open_count++] = *key;
	return 0;
}

static int kernel_close_key(void *self, const struct flow_key *key, const struct permit *permit)
{
	(void)self, (void)key, (void)permit;
	open_count--;
	return 0;
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
	counts[counter] += n;
}

static int set_up(void **state)
{
	struct policy_errors errors;

	(void)state;
	memset(&d, 0, sizeof(d));
	d.is_full = true;
	memset(counts, 0, sizeof(counts));
	open_count = 0;
	if (policy_load_text(config, sizeof(config) - 1, &d.policy, &d.settings, &errors))
		return -1;
	d.projector = (struct projector_ops){ .open = kernel_open_key, .close = kernel_close_key,
					      .store = store, .count = count };
	d.tables = tables_new(&d.journey.key, 1024);
	d.apply = d.tables ? apply_new(d.tables, &d.projector) : NULL;
	d.journey.policy = d.policy;
	d.journey.tables = d.tables;
	d.journey.apply = d.apply;
	daemon_hands(&d, &d.journey.hands);
	d.reasm = reasm_new();
	return d.apply && d.reasm ? journey_init(&d.journey) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	journey_close(&d.journey);
	reasm_free(d.reasm);
	apply_free(d.apply);
	tables_free(d.tables);
	policy_free(d.policy);
	return 0;
}

static struct address address(const char *text)
{
	struct address a;

	assert_true(address_parse(slice_make(text, strlen(text)), &a));
	return a;
}

/* A datagram that is no SIP, as the fast path tells it. */
static void punt_of_age(uint64_t age_ns)
{
	static const char text[] = "no SIP\r\n\r\n";
	struct punt *p = calloc(1, sizeof(*p) + HEADERS + sizeof(text) - 1);

	assert_non_null(p);
	p->time_ns = loop_now_ns() - age_ns;
	p->zone = 1;
	p->key = (struct flow_key){ .source = address("10.77.1.11"),
				    .destination = address("10.77.2.10"), .family = FAMILY_IPV4,
				    .source_port = htons(5060), .destination_port = htons(5060) };
	p->flags = PUNT_HELD;
	p->l3_bytes = HEADERS + sizeof(text) - 1;
	p->payload_offset = HEADERS;
	p->speaks = 1;
	memcpy(p->data + HEADERS, text, sizeof(text) - 1);
	daemon_take_datagram(&d, p, (uint32_t)sizeof(*p) + p->l3_bytes);
	free(p);
}

static void datagram_is_judged_by_what_stands_above_udp(void **state)
{
	(void)state;
	punt_of_age(0);
	assert_int_equal(counts[COUNTER_messages_read], 1);
	assert_int_equal(counts[REASON_sip_bad_start_line], 1);
	assert_int_equal(counts[REASON_punt_stale], 0);
}

/* The sender has repeated it by then: T1 is 500 ms (RFC 3261 17.1.1.2). */
static void datagram_read_too_late_is_counted_and_not_judged(void **state)
{
	(void)state;
	punt_of_age(2 * SECOND);
	assert_int_equal(counts[REASON_punt_stale], 1);
	assert_int_equal(counts[COUNTER_messages_read], 0);
}

/* A piece of an IPv4 datagram to port 5060 whose text is "no SIP" and spaces (RFC 791 3.1). */
static void punt_piece(size_t from, size_t bytes, size_t whole)
{
	struct punt *p = calloc(1, sizeof(*p) + 20 + bytes);
	uint8_t head[20] = { 0x45, [5] = 9, [9] = 17, [12] = 10, 77, 1, 11, 10, 77, 2, 10 };
	uint8_t udp[8] = { 0x13, 0xc4, 0x13, 0xc4, (uint8_t)(whole >> 8), (uint8_t)whole };

	assert_non_null(p);
	head[2] = (uint8_t)((20 + bytes) >> 8);
	head[3] = (uint8_t)(20 + bytes);
	head[6] = (uint8_t)(from / 8 >> 8 | (from + bytes < whole ? 0x20 : 0));
	head[7] = (uint8_t)(from / 8);
	p->time_ns = loop_now_ns();
	p->zone = 1;
	p->key = (struct flow_key){ .source = address("10.77.1.11"), .zone = 1,
				    .destination = address("10.77.2.10"), .family = FAMILY_IPV4 };
	p->flags = PUNT_HELD | PUNT_FRAGMENT;
	p->l3_bytes = (uint16_t)(20 + bytes);
	memcpy(p->data, head, sizeof(head));
	memset(p->data + 20, ' ', bytes);
	if (!from)
		memcpy(p->data + 20, udp, sizeof(udp));
	daemon_take_datagram(&d, p, (uint32_t)sizeof(*p) + p->l3_bytes);
	free(p);
}

static void pieces_are_judged_once_they_are_whole(void **state)
{
	(void)state;
	punt_piece(512, 188, 700);
	assert_int_equal(counts[COUNTER_messages_read], 0);
	punt_piece(0, 512, 700);
	assert_int_equal(counts[COUNTER_messages_read], 1);
	assert_int_equal(counts[COUNTER_messages_refused], 1);
}

static void pieces_that_stay_alone_are_counted_as_out_of_time(void **state)
{
	(void)state;
	punt_piece(0, 512, 700);
	daemon_fragments_expire(&d, loop_now_ns());
	assert_int_equal(counts[REASON_fragment_timeout], 0);
	daemon_fragments_expire(&d, loop_now_ns() + 15 * SECOND);
	assert_int_equal(counts[REASON_fragment_timeout], 1);
	punt_piece(512, 188, 700);
	assert_int_equal(counts[COUNTER_messages_read], 0);
}

static struct door_row put_door(struct row_key key)
{
	struct door_row door = {
		.key = { .source = address("10.77.2.10"), .destination = address("10.77.1.11"),
			 .destination_port = htons(16000), .zone = 2 },
		.flags = PERMIT_RTP | PERMIT_LOCK, .kind = DOOR_MEDIA,
		.expires_ns = UINT64_MAX,
	};
	static uint8_t memory[LIMIT_ARENA_BYTES];
	struct arena arena = { memory, sizeof(memory), 0 };
	struct batch b;

	batch_init(&b, &arena);
	batch_put(&b, ROW_door, &key, &door);
	apply_submit(d.apply, &b, NULL, NULL);
	assert_int_equal(open_count, 1);
	return door;
}

static void port_that_the_fast_path_learned_gets_its_row_and_its_flow_once(void **state)
{
	struct row_key key = { .sub = 1 };
	struct door_row door = put_door(key);
	struct event e = { .kind = EVENT_LOCKED, .time_ns = 5, .key = door.key,
			   .pinhole = door.key };
	const struct lock_row *lock;

	(void)state;
	e.key.source_port = htons(17000);
	daemon_take_event(&d, &e);
	lock = tables_find(d.tables, ROW_lock, &key);
	assert_non_null(lock);
	assert_memory_equal(&lock->key, &e.key, sizeof(e.key));
	assert_int_equal(lock->seen_ns, 5);
	assert_int_equal(open_count, 2);
	assert_memory_equal(&open_keys[1], &e.key, sizeof(e.key));
	/* The first one holds: whoever comes second may be anybody. */
	e.key.source_port = htons(17002);
	daemon_take_event(&d, &e);
	lock = tables_find(d.tables, ROW_lock, &key);
	assert_int_equal(lock->key.source_port, htons(17000));
	assert_int_equal(open_count, 2);
}

static void event_of_a_pinhole_that_is_gone_opens_nothing(void **state)
{
	struct event e = { .kind = EVENT_LOCKED, .key = { .zone = 2 } };

	(void)state;
	daemon_take_event(&d, &e);
	assert_int_equal(open_count, 0);
	assert_int_equal(tables_count(d.tables, ROW_lock), 0);
}

static void dropped_packet_teaches_no_port(void **state)
{
	struct row_key key = { .sub = 1 };
	struct door_row door = put_door(key);
	struct event e = { .kind = EVENT_DROPPED, .key = door.key, .pinhole = door.key };

	(void)state;
	daemon_take_event(&d, &e);
	assert_int_equal(open_count, 1);
	assert_int_equal(tables_count(d.tables, ROW_lock), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(datagram_is_judged_by_what_stands_above_udp),
		TEST(datagram_read_too_late_is_counted_and_not_judged),
		TEST(pieces_are_judged_once_they_are_whole),
		TEST(pieces_that_stay_alone_are_counted_as_out_of_time),
		TEST(port_that_the_fast_path_learned_gets_its_row_and_its_flow_once),
		TEST(event_of_a_pinhole_that_is_gone_opens_nothing),
		TEST(dropped_packet_teaches_no_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
