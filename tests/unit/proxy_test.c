// SPDX-License-Identifier: MIT
/* Connections over pairs of sockets: who is refused and why, what waits, how they end. The clock is
 * the test's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/address.h"
#include "inspect/inspect.h"
#include "io/kernel_own.h"
#include "io/proxy_own.h"
#include "proto/sip/sip_protocol.h"

#define HEAD "OPTIONS sip:a@10.77.2.2 SIP/2.0\r\n"
#define SHORT HEAD "Content-Length: 0\r\n\r\n"
#define SECOND 1000000000ull

static struct {
	struct kernel kernel;
	struct proxy *p;
	struct policy policy;
	int peers[16][2];            /* the far ends, by connection: caller, callee */
	int count;
	bool holds, busy, watches, trusts, no_callee;
	enum reason meets;
	uint64_t tickets[64];        /* of messages that are held                   */
	uint32_t held;
	enum reason refused;         /* the last                                    */
	int refusals, from;
	uint64_t counts[COUNTER_END];
} t;

static ssize_t frame(struct slice bytes, size_t *resume)
{
	return sip_protocol.frame(bytes, resume);
}

static void meet(void *self, const struct proxy_ends *ends, struct proxy_terms *ret)
{
	(void)self, (void)ends;
	*ret = (struct proxy_terms){ .frame = frame, .speaks = 1, .reason = t.meets,
				     .trusted = { t.trusts, t.trusts } };
}

static int message(void *self, const struct proxy_message *m)
{
	(void)self;
	if (t.busy)
		return -ENOBUFS;
	if (t.holds)
		t.tickets[t.held++] = m->ticket;
	else
		proxy_settle(t.p, m->ticket, m->bytes);
	return 0;
}

static void refused(void *self, const struct proxy_ends *ends, int from, enum reason reason)
{
	(void)self, (void)ends;
	t.refused = reason;
	t.from = from;
	t.refusals++;
}

static bool only_watched(void *self, enum reason reason)
{
	(void)self, (void)reason;
	return t.watches;
}

static void count(void *self, uint32_t counter)
{
	(void)self;
	t.counts[counter]++;
}

static void done(void *self)
{
	(void)self;
	proxy_flush(t.p);
}

static int setup(void **state)
{
	const struct proxy_hands hands = { meet, message, refused, only_watched, count, done,
					   NULL };

	(void)state;
	memset(&t, 0, sizeof(t));
	memset(&t.kernel, 0xff, sizeof(t.kernel));
	t.policy.streams = (struct stream_limits){ .most = 8, .of_source = 4,
						   .message_ns = 10 * SECOND,
						   .idle_ns = 60 * SECOND };
	t.p = proxy_new(&t.kernel, &hands);
	assert_non_null(t.p);
	proxy_take_policy(t.p, &t.policy);
	t.p->now_ns = loop_now_ns();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	proxy_close(t.p);
	assert_int_equal(t.counts[COUNTER_streams_accepted], t.counts[COUNTER_streams_closed]);
	for (int i = 0; i < t.count; i++)
		for (int side = 0; side < 2; side++)
			close(t.peers[i][side]);
	return 0;
}

static int pair(int *ret_far)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	*ret_far = fds[1];
	return fds[0];
}

static int call(const struct proxy_ends *ends)
{
	(void)ends;
	return t.no_callee ? -ECONNREFUSED : pair(&t.peers[t.count - 1][PROXY_CALLEE]);
}

/* Its number. */
static int begin_from(uint8_t host)
{
	struct proxy_ends ends = { .family = FAMILY_IPV4 };
	const uint8_t caller[4] = { 10, 77, 1, host }, callee[4] = { 10, 77, 2, 2 };
	int fd;

	ends.at[0] = (struct endpoint){ address_from_ipv4(caller), 0x1027, 0 };
	ends.at[1] = (struct endpoint){ address_from_ipv4(callee), 0xc413, 0 };
	t.peers[t.count][PROXY_CALLEE] = -1;
	fd = pair(&t.peers[t.count++][PROXY_CALLER]);
	proxy_begin(t.p, fd, &ends, call);
	proxy_round(t.p);
	return t.count - 1;
}

static void say(int c, int side, const char *text)
{
	assert_int_equal(write(t.peers[c][side], text, strlen(text)), strlen(text));
	proxy_round(t.p);
}

static void expect_heard(int c, int side, const char *text)
{
	static char got[65536];
	ssize_t n = recv(t.peers[c][side], got, sizeof(got), MSG_DONTWAIT);

	assert_int_equal(n < 0 ? 0 : n, strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

static bool is_over(int c, int side)
{
	char byte;

	return recv(t.peers[c][side], &byte, 1, MSG_DONTWAIT) == 0 ||
	       (errno != EAGAIN && errno != EWOULDBLOCK);
}

static void expect_refused(int c, int from, enum reason reason)
{
	assert_int_equal(t.refused, reason);
	assert_int_equal(t.from, from);
	assert_true(is_over(c, PROXY_CALLER));
	assert_true(is_over(c, PROXY_CALLEE));
}

static void tick(uint64_t after_ns)
{
	proxy_tick(t.p, t.p->now_ns + after_ns);
	proxy_flush(t.p);
}

static void message_goes_on_both_ways(void **state)
{
	int c = begin_from(1);

	(void)state;
	say(c, PROXY_CALLER, SHORT SHORT);
	expect_heard(c, PROXY_CALLEE, SHORT SHORT);
	say(c, PROXY_CALLEE, SHORT);
	expect_heard(c, PROXY_CALLER, SHORT);
	assert_int_equal(proxy_memory(t.p), 0);
}

static void messages_leave_in_the_order_in_which_they_came(void **state)
{
	int c = begin_from(1);

	(void)state;
	t.holds = true;
	say(c, PROXY_CALLER, SHORT SHORT SHORT);
	assert_int_equal(t.held, 3);
	proxy_settle(t.p, t.tickets[2], SLICE("c"));
	proxy_settle(t.p, t.tickets[1], SLICE(""));
	proxy_flush(t.p);
	expect_heard(c, PROXY_CALLEE, "");
	proxy_settle(t.p, t.tickets[0], SLICE("a"));
	proxy_flush(t.p);
	expect_heard(c, PROXY_CALLEE, "ac");
}

static void window_of_messages_is_bounded_and_goes_on(void **state)
{
	int c = begin_from(1);

	(void)state;
	t.holds = true;
	for (int i = 0; i < LIMIT_STREAM_WINDOW + 4; i++)
		say(c, PROXY_CALLER, SHORT);
	assert_int_equal(t.held, LIMIT_STREAM_WINDOW);
	for (uint32_t i = 0; i < LIMIT_STREAM_WINDOW; i++)
		proxy_settle(t.p, t.tickets[i], SLICE("x"));
	proxy_flush(t.p);
	for (int i = 0; i < 4; i++)
		proxy_round(t.p);
	assert_int_equal(t.held, LIMIT_STREAM_WINDOW + 4);
}

static void verdict_of_a_connection_that_is_gone_finds_nobody(void **state)
{
	int c = begin_from(1);

	(void)state;
	t.holds = true;
	say(c, PROXY_CALLER, SHORT);
	say(c, PROXY_CALLEE, "GET / HTTP/1.1\r\n");
	expect_refused(c, PROXY_CALLEE, REASON_stream_http);
	c = begin_from(2);
	say(c, PROXY_CALLER, SHORT);
	assert_int_equal(t.held, 2);
	proxy_settle(t.p, t.tickets[0], SLICE("late"));
	proxy_flush(t.p);
	expect_heard(c, PROXY_CALLEE, "");
	proxy_settle(t.p, t.tickets[1], SLICE("own"));
	proxy_flush(t.p);
	expect_heard(c, PROXY_CALLEE, "own");
}

static void what_cannot_be_judged_now_is_judged_later(void **state)
{
	int c = begin_from(1);

	(void)state;
	t.busy = true;
	say(c, PROXY_CALLER, SHORT);
	expect_heard(c, PROXY_CALLEE, "");
	t.busy = false;
	tick(SECOND / 10);
	expect_heard(c, PROXY_CALLEE, SHORT);
}

static void stranger_above_his_rate_waits(void **state)
{
	int c;

	(void)state;
	t.policy.unknown_rate = 2;
	proxy_take_policy(t.p, &t.policy);
	c = begin_from(1);
	say(c, PROXY_CALLER, SHORT SHORT SHORT);
	expect_heard(c, PROXY_CALLEE, SHORT SHORT);
	tick(SECOND);
	expect_heard(c, PROXY_CALLEE, SHORT);
	t.trusts = true;
	c = begin_from(2);
	say(c, PROXY_CALLER, SHORT SHORT SHORT);
	expect_heard(c, PROXY_CALLEE, SHORT SHORT SHORT);
}

static void what_is_no_sip_resets_both(void **state)
{
	int c = begin_from(1);

	(void)state;
	say(c, PROXY_CALLER, "\x16\x03\x01");
	expect_refused(c, PROXY_CALLER, REASON_stream_unframed);
	c = begin_from(1);
	say(c, PROXY_CALLER, "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n" SHORT);
	expect_refused(c, PROXY_CALLER, REASON_stream_http);
	assert_int_equal(proxy_count(t.p), 0);
}

static void policy_may_only_watch(void **state)
{
	int c = begin_from(1);

	(void)state;
	t.watches = true;
	say(c, PROXY_CALLER, "GET / HTTP/1.1\r\n");
	assert_int_equal(t.refused, REASON_stream_http);
	expect_heard(c, PROXY_CALLEE, "GET / HTTP/1.1\r\n");
	say(c, PROXY_CALLER, "Host: a\r\n");
	expect_heard(c, PROXY_CALLEE, "Host: a\r\n");
	assert_int_equal(t.refusals, 1);
}

/* From its first byte, however often another one comes. */
static void message_has_to_come_whole_in_time(void **state)
{
	int c = begin_from(1);

	(void)state;
	say(c, PROXY_CALLER, "OPT");
	tick(9 * SECOND);
	assert_int_equal(t.refusals, 0);
	/* As if it had begun so long ago; the next byte buys no time. */
	t.p->connections[0]->legs[PROXY_CALLER].unfinished_ns -= 9 * SECOND;
	say(c, PROXY_CALLER, "I");
	tick(2 * SECOND);
	expect_refused(c, PROXY_CALLER, REASON_stream_slow);
}

static void silent_connection_ends(void **state)
{
	int c = begin_from(1);

	(void)state;
	tick(59 * SECOND);
	assert_int_equal(t.refusals, 0);
	tick(62 * SECOND);
	expect_refused(c, PROXY_CALLER, REASON_stream_idle);
}

static void source_has_so_many_connections(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		begin_from(1);
	assert_int_equal(proxy_count(t.p), 4);
	expect_refused(begin_from(1), PROXY_CALLER, REASON_stream_source_full);
	begin_from(2);
	assert_int_equal(proxy_count(t.p), 5);
	t.trusts = true;
	begin_from(1);
	assert_int_equal(proxy_count(t.p), 6);
	begin_from(1);
	begin_from(1);
	expect_refused(begin_from(3), PROXY_CALLER, REASON_stream_full);
	assert_int_equal(proxy_count(t.p), 8);
}

static void callee_that_is_not_there_is_told(void **state)
{
	(void)state;
	t.no_callee = true;
	expect_refused(begin_from(1), PROXY_CALLER, REASON_stream_unreachable);
	t.no_callee = false;
	t.meets = REASON_message_no_rule;
	expect_refused(begin_from(1), PROXY_CALLER, REASON_message_no_rule);
}

static void end_is_passed_on_behind_what_came_before(void **state)
{
	int c = begin_from(1);

	(void)state;
	t.holds = true;
	say(c, PROXY_CALLER, SHORT);
	shutdown(t.peers[c][PROXY_CALLER], SHUT_WR);
	proxy_round(t.p);
	assert_false(is_over(c, PROXY_CALLEE));
	proxy_settle(t.p, t.tickets[0], SLICE("last"));
	proxy_flush(t.p);
	expect_heard(c, PROXY_CALLEE, "last");
	assert_true(is_over(c, PROXY_CALLEE));
	t.holds = false;
	say(c, PROXY_CALLEE, SHORT);
	expect_heard(c, PROXY_CALLER, SHORT);
	shutdown(t.peers[c][PROXY_CALLEE], SHUT_WR);
	proxy_round(t.p);
	assert_int_equal(proxy_count(t.p), 0);
}

static void end_within_a_message_is_told(void **state)
{
	int c = begin_from(1);

	(void)state;
	say(c, PROXY_CALLER, SHORT "OPT");
	shutdown(t.peers[c][PROXY_CALLER], SHUT_WR);
	proxy_round(t.p);
	assert_int_equal(t.refused, REASON_stream_cut);
	expect_heard(c, PROXY_CALLEE, SHORT);
	assert_true(is_over(c, PROXY_CALLEE));
	assert_int_equal(proxy_memory(t.p), 0);
}

static void memory_of_all_is_bounded(void **state)
{
	int c = begin_from(1);

	(void)state;
	t.p->memory.used = LIMIT_STREAM_BYTES / 2 - 1024;
	say(c, PROXY_CALLER, "OPT");
	expect_refused(c, PROXY_CALLER, REASON_stream_memory);
	t.trusts = true;
	c = begin_from(1);
	say(c, PROXY_CALLER, SHORT);
	expect_heard(c, PROXY_CALLEE, SHORT);
	t.p->memory.used = 0;
}

static void blocked_network_loses_its_connections(void **state)
{
	struct network n = { .prefix_bits = 128 };
	const uint8_t host[4] = { 10, 77, 1, 1 };

	(void)state;
	n.address = address_from_ipv4(host);
	begin_from(1);
	begin_from(2);
	begin_from(1);
	assert_int_equal(proxy_end(t.p, &n), 2);
	assert_int_equal(proxy_count(t.p), 1);
}

/* Of a message that is refused its sender is told, on his own connection. */
static void answer_goes_back_to_who_asked(void **state)
{
	int c = begin_from(1);

	(void)state;
	t.holds = true;
	say(c, PROXY_CALLER, SHORT);
	assert_int_equal(proxy_answer(t.p, t.tickets[0], SLICE("answer")), 0);
	proxy_settle(t.p, t.tickets[0], SLICE(""));
	say(c, PROXY_CALLEE, SHORT);
	assert_int_equal(proxy_answer(t.p, t.tickets[1], SLICE("other")), 0);
	proxy_flush(t.p);
	expect_heard(c, PROXY_CALLER, "answer");
	expect_heard(c, PROXY_CALLEE, "other");
	assert_int_equal(proxy_answer(t.p, t.tickets[0] ^ 1ull << 40, SLICE("answer")), -ENOTCONN);
}

static void who_was_told_the_end_is_told_nothing_more(void **state)
{
	int c = begin_from(1);

	(void)state;
	t.holds = true;
	shutdown(t.peers[c][PROXY_CALLEE], SHUT_WR);
	proxy_round(t.p);
	say(c, PROXY_CALLER, SHORT);
	assert_int_equal(proxy_answer(t.p, t.tickets[0], SLICE("answer")), -ENOTCONN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(message_goes_on_both_ways),
		TEST(messages_leave_in_the_order_in_which_they_came),
		TEST(window_of_messages_is_bounded_and_goes_on),
		TEST(verdict_of_a_connection_that_is_gone_finds_nobody),
		TEST(what_cannot_be_judged_now_is_judged_later),
		TEST(stranger_above_his_rate_waits),
		TEST(what_is_no_sip_resets_both),
		TEST(policy_may_only_watch),
		TEST(message_has_to_come_whole_in_time),
		TEST(silent_connection_ends),
		TEST(source_has_so_many_connections),
		TEST(callee_that_is_not_there_is_told),
		TEST(end_is_passed_on_behind_what_came_before),
		TEST(end_within_a_message_is_told),
		TEST(memory_of_all_is_bounded),
		TEST(blocked_network_loses_its_connections),
		TEST(answer_goes_back_to_who_asked),
		TEST(who_was_told_the_end_is_told_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
