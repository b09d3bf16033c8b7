// SPDX-License-Identifier: MIT
/* One direction of a connection: bytes in any pieces, messages in order, memory bounded. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "inspect/inspect.h"
#include "io/channel.h"
#include "proto/sip/sip_protocol.h"

#define HEAD "OPTIONS sip:a@10.77.2.2 SIP/2.0\r\nVia: SIP/2.0/TCP 10.77.1.2;branch=z9hG4bK1\r\n"
#define SHORT HEAD "Content-Length: 0\r\n\r\n"
#define LONG HEAD "l: 5\r\n\r\nhello"

static struct {
	struct channel_memory memory;
	struct channel c;
} f;

static ssize_t frame(struct slice bytes, size_t *resume)
{
	return sip_protocol.frame(bytes, resume);
}

static int fresh(void **state)
{
	(void)state;
	channel_free(&f.c);
	assert_int_equal(f.memory.used, 0);
	f.c = (struct channel){ .memory = &f.memory, .share = 1 << 20 };
	return 0;
}

/* What it took is given back: nothing leaks in bytes counted. */
static int empty(void **state)
{
	(void)state;
	channel_free(&f.c);
	f.c = (struct channel){ .memory = &f.memory };
	assert_int_equal(f.memory.used, 0);
	return 0;
}

static void take(struct slice bytes)
{
	assert_int_equal(channel_take(&f.c, bytes), 0);
}

static enum channel_step next(struct slice *ret, uint32_t *ret_number)
{
	return channel_next(&f.c, frame, ret, ret_number);
}

static void expect_message(const char *text, uint32_t number)
{
	uint32_t got = 0;
	struct slice m;

	assert_int_equal(next(&m, &got), CHANNEL_MESSAGE);
	assert_int_equal(m.length, strlen(text));
	assert_memory_equal(m.bytes, text, m.length);
	assert_int_equal(got, number);
}

static void expect_step(enum channel_step step)
{
	uint32_t number;
	struct slice m;

	assert_int_equal(next(&m, &number), step);
}

static void settle(uint32_t number, const char *text)
{
	assert_int_equal(channel_settle(&f.c, number, slice_make(text, strlen(text))), 0);
}

static void expect_out(const char *text)
{
	struct slice out = channel_out(&f.c);

	assert_int_equal(out.length, strlen(text));
	assert_memory_equal(out.length ? (const char *)out.bytes : "", text, out.length);
}

static void message_comes_byte_by_byte(void **state)
{
	const struct slice all = SLICE(LONG);

	(void)state;
	for (size_t i = 0; i < all.length; i++) {
		expect_step(CHANNEL_MORE);
		take(slice_part(all, i, 1));
	}
	expect_message(LONG, 0);
	expect_step(CHANNEL_MORE);
	assert_int_equal(f.c.messages, 1);
	assert_int_equal(f.c.bytes, all.length);
}

static void many_messages_come_at_once(void **state)
{
	(void)state;
	take(SLICE(SHORT LONG SHORT "OPT"));
	expect_message(SHORT, 0);
	expect_message(LONG, 1);
	expect_message(SHORT, 2);
	expect_step(CHANNEL_MORE);
	assert_int_equal(channel_rest(&f.c).length, 3);
	take(slice_from(SLICE(SHORT), 3));
	expect_message(SHORT, 3);
}

static void what_was_judged_out_of_order_leaves_in_order(void **state)
{
	(void)state;
	take(SLICE(SHORT SHORT SHORT));
	for (uint32_t i = 0; i < 3; i++)
		expect_message(SHORT, i);
	settle(2, "third");
	settle(1, "second");
	expect_out("");
	settle(0, "first");
	expect_out("firstsecondthird");
	channel_sent(&f.c, 5);
	expect_out("secondthird");
	channel_sent(&f.c, 11);
	assert_true(channel_is_drained(&f.c));
}

static void dropped_message_holds_nobody_back(void **state)
{
	(void)state;
	take(SLICE(SHORT SHORT SHORT));
	for (uint32_t i = 0; i < 3; i++)
		expect_message(SHORT, i);
	settle(1, "");
	settle(2, "last");
	settle(0, "");
	expect_out("last");
}

static void message_is_settled_once(void **state)
{
	(void)state;
	take(SLICE(SHORT SHORT));
	expect_message(SHORT, 0);
	expect_message(SHORT, 1);
	settle(1, "b");
	assert_int_equal(channel_settle(&f.c, 1, SLICE("b")), -ENOENT);
	assert_int_equal(channel_settle(&f.c, 2, SLICE("c")), -ENOENT);
	settle(0, "a");
	assert_int_equal(channel_settle(&f.c, 0, SLICE("a")), -ENOENT);
	expect_out("ab");
}

static void window_of_messages_is_bounded(void **state)
{
	(void)state;
	for (int i = 0; i <= LIMIT_STREAM_WINDOW; i++)
		take(SLICE(SHORT));
	for (uint32_t i = 0; i < LIMIT_STREAM_WINDOW; i++)
		expect_message(SHORT, i);
	assert_true(channel_is_full(&f.c));
	expect_step(CHANNEL_FULL);
	settle(0, "a");
	expect_message(SHORT, LIMIT_STREAM_WINDOW);
}

static void slow_receiver_stops_the_reading(void **state)
{
	static char much[LIMIT_STREAM_QUEUE + 1];

	(void)state;
	memset(much, 'a', LIMIT_STREAM_QUEUE);
	take(SLICE(SHORT SHORT));
	expect_message(SHORT, 0);
	settle(0, much);
	expect_step(CHANNEL_FULL);
	channel_sent(&f.c, 1);
	expect_message(SHORT, 1);
}

/* RFC 5626 3.5.1: they go on by themselves, and behind what came before them. */
static void keepalive_keeps_its_place(void **state)
{
	(void)state;
	take(SLICE("\r\n\r\n"));
	expect_step(CHANNEL_MORE);
	expect_out("\r\n\r\n");
	take(SLICE(SHORT "\r\n"));
	expect_message(SHORT, 1);
	expect_step(CHANNEL_MORE);
	expect_out("\r\n\r\n");
	settle(1, "x");
	expect_out("\r\n\r\nx\r\n");
	assert_int_equal(f.c.messages, 1);
}

static void keepalive_in_two_pieces_is_one(void **state)
{
	(void)state;
	take(SLICE("\r"));
	expect_step(CHANNEL_MORE);
	take(SLICE("\n"));
	expect_step(CHANNEL_MORE);
	expect_out("\r\n");
}

/* The body is a whole SIP message: it must never be one of its own. */
static void http_is_never_framed(void **state)
{
	static const char *const all[] = {
		"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n" SHORT,
		"POST / HTTP/1.1\r\nHost: a\r\n\r\n" SHORT,
		"GET / HTTP/1.0\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" SHORT,
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		fresh(state);
		take(slice_make(all[i], strlen(all[i])));
		expect_step(CHANNEL_BAD);
		assert_true(channel_is_http(channel_rest(&f.c)));
	}
	assert_false(channel_is_http(SLICE(SHORT)));
	assert_false(channel_is_http(SLICE("\x16\x03\x01")));
	assert_false(channel_is_http(SLICE("")));
}

static void what_is_no_sip_is_given_up_at_once(void **state)
{
	static const char *const all[] = { "\x16\x03\x01\x02", "SSH-2.0-x\r\n", "a b\r\n",
					   HEAD "\r\n", HEAD "Content-Length: bad\r\n\r\n" };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		fresh(state);
		take(slice_make(all[i], strlen(all[i])));
		expect_step(CHANNEL_BAD);
	}
}

static void raw_bytes_go_on_as_they_come(void **state)
{
	(void)state;
	take(SLICE("GET / HTTP/1.1\r\n"));
	expect_step(CHANNEL_BAD);
	f.c.raw = true;
	expect_step(CHANNEL_MORE);
	expect_out("GET / HTTP/1.1\r\n");
}

static void message_that_was_not_taken_comes_again(void **state)
{
	uint32_t number;
	struct slice m;

	(void)state;
	take(SLICE(SHORT LONG));
	assert_int_equal(next(&m, &number), CHANNEL_MESSAGE);
	channel_undo(&f.c, m.length);
	expect_message(SHORT, 0);
	expect_message(LONG, 1);
}

static void memory_of_all_is_bounded(void **state)
{
	static uint8_t bytes[4096];

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	f.c.share = 8192;
	take(SLICE("OPTIONS sip:"));
	take(slice_make(bytes, sizeof(bytes)));
	assert_int_equal(f.memory.used, 8192);
	assert_int_equal(channel_take(&f.c, slice_make(bytes, sizeof(bytes))), -ENOBUFS);
	assert_int_equal(channel_rest(&f.c).length, 12 + sizeof(bytes));
}

static void channel_at_rest_holds_no_memory(void **state)
{
	(void)state;
	take(SLICE(LONG));
	expect_message(LONG, 0);
	settle(0, LONG);
	expect_step(CHANNEL_MORE);
	channel_sent(&f.c, sizeof(LONG) - 1);
	assert_int_equal(f.memory.used, 0);
}

static void numbers_go_on_over_their_wrap(void **state)
{
	(void)state;
	f.c.first = f.c.next = UINT32_MAX;
	take(SLICE(SHORT SHORT));
	expect_message(SHORT, UINT32_MAX);
	expect_message(SHORT, 0);
	settle(0, "b");
	settle(UINT32_MAX, "a");
	expect_out("ab");
}

static void inserted_message_stands_between_others(void **state)
{
	struct slice got;
	uint32_t first, second;

	(void)state;
	take(SLICE(SHORT LONG));
	assert_int_equal(channel_next(&f.c, frame, &got, &first), CHANNEL_MESSAGE);
	assert_int_equal(channel_next(&f.c, frame, &got, &second), CHANNEL_MESSAGE);
	settle(first, "a");
	assert_int_equal(channel_insert(&f.c, SLICE("ours")), 0);
	settle(second, "b");
	expect_out("aoursb");
	/* Where bytes go on unread nobody knows where one ends. */
	f.c.raw = true;
	assert_int_equal(channel_insert(&f.c, SLICE("ours")), -EPIPE);
}

static void receiver_that_does_not_read_gets_none_inserted(void **state)
{
	static uint8_t much[LIMIT_STREAM_QUEUE];

	(void)state;
	assert_int_equal(channel_insert(&f.c, slice_make(much, sizeof(much))), 0);
	assert_int_equal(channel_insert(&f.c, SLICE("ours")), -ENOBUFS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, empty)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(message_comes_byte_by_byte),
		TEST(many_messages_come_at_once),
		TEST(what_was_judged_out_of_order_leaves_in_order),
		TEST(dropped_message_holds_nobody_back),
		TEST(message_is_settled_once),
		TEST(window_of_messages_is_bounded),
		TEST(slow_receiver_stops_the_reading),
		TEST(keepalive_keeps_its_place),
		TEST(keepalive_in_two_pieces_is_one),
		TEST(http_is_never_framed),
		TEST(what_is_no_sip_is_given_up_at_once),
		TEST(raw_bytes_go_on_as_they_come),
		TEST(message_that_was_not_taken_comes_again),
		TEST(memory_of_all_is_bounded),
		TEST(channel_at_rest_holds_no_memory),
		TEST(numbers_go_on_over_their_wrap),
		TEST(inserted_message_stands_between_others),
		TEST(receiver_that_does_not_read_gets_none_inserted),
	};

	f.c.memory = &f.memory;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
