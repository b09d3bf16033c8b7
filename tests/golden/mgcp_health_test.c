// SPDX-License-Identifier: MIT
/* Who answers, and who does not: gateways their agents, agents their gateways. Times are those of
 * RFC 3435: a command runs out after T-HIST and T4's like (35 s). */
#include "golden/mgcp_world.h"

static int set_up(void **state)
{
	(void)state;
	return world_open(MGCP_CONFIG);
}

/* Of a host; NULL: nothing is known. */
static const struct health_row *health_of(const char *host)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(w.tables, ROW_health, &cursor, &row)) {
		const struct health_row *h = row.value;
		struct endpoint e = endpoint(host, 0);

		if (address_equal(&h->host, &e.address))
			return h;
	}
	return NULL;
}

static void audit(const char *id)
{
	char text[128];

	snprintf(text, sizeof(text), "AUEP %s " EP " MGCP 1.0" CRLF, id);
	command(text);
	assert_accepted();
}

static void who_answers_is_known_with_its_time(void **state)
{
	(void)state;
	audit("100");
	assert_null(health_of(GW));
	w.now_ns += 40 * SECOND / 1000;
	answer("200 100 OK" CRLF);
	assert_non_null(health_of(GW));
	assert_int_equal(health_of(GW)->answer_us, 40000);
	assert_int_equal(health_of(GW)->unanswered, 0);
	assert_null(health_of(AGENT));
	tell(COMMAND("NTFY", "500", EP) "X: 1" CRLF "O: L/hd" CRLF);
	w.now_ns += 10 * SECOND / 1000;
	command("200 500 OK" CRLF);
	assert_int_equal(health_of(AGENT)->answer_us, 10000);
}

/* RFC 6298 2.3: seven eighths of what was, one of what is new. */
static void answer_time_is_smoothed_and_noted_once_a_second(void **state)
{
	uint64_t noted;

	(void)state;
	audit("100");
	w.now_ns += 80 * SECOND / 1000;
	answer("200 100 OK" CRLF);
	noted = health_of(GW)->answered_ns;
	audit("101");
	w.now_ns += 500 * SECOND / 1000;
	answer("200 101 OK" CRLF);
	assert_int_equal(health_of(GW)->answered_ns, noted);
	w.now_ns += SECOND;
	audit("102");
	w.now_ns += 160 * SECOND / 1000;
	answer("200 102 OK" CRLF);
	assert_int_equal(health_of(GW)->answer_us, 90000);
}

static void command_that_runs_out_makes_its_gateway_lost(void **state)
{
	uint64_t sent_ns;

	(void)state;
	audit("100");
	answer("200 100 OK" CRLF);
	w.now_ns += 2 * SECOND;
	sent_ns = w.now_ns;
	audit("101");
	run_timers(34);
	assert_int_equal(health_of(GW)->unanswered, 0);
	run_timers(2);
	assert_int_equal(health_of(GW)->unanswered, 1);
	assert_int_equal(health_of(GW)->silent_ns, sent_ns);
	assert_int_equal(w.told[TELL_HOST_LOST], 1);
	/* one alarm, however many run out */
	audit("102");
	run_timers(36);
	assert_int_equal(health_of(GW)->unanswered, 2);
	assert_int_equal(health_of(GW)->silent_ns, sent_ns);
	assert_int_equal(w.told[TELL_HOST_LOST], 1);
}

static void any_answer_brings_it_back(void **state)
{
	(void)state;
	audit("100");
	run_timers(36);
	assert_int_equal(w.told[TELL_HOST_LOST], 1);
	audit("101");
	answer("400 101 no" CRLF);
	assert_int_equal(health_of(GW)->silent_ns, 0);
	assert_int_equal(health_of(GW)->unanswered, 1);
	assert_int_equal(w.told[TELL_HOST_BACK], 1);
}

static void command_lost_on_the_way_is_counted_and_nobody_is_lost(void **state)
{
	(void)state;
	audit("100");
	w.now_ns += 2 * SECOND;
	audit("101");
	answer("200 101 OK" CRLF);
	run_timers(36);
	assert_int_equal(health_of(GW)->unanswered, 1);
	assert_int_equal(health_of(GW)->silent_ns, 0);
	assert_int_equal(w.told[TELL_HOST_LOST], 0);
}

static void agent_that_does_not_answer_is_lost_too(void **state)
{
	(void)state;
	audit("100");
	answer("200 100 OK" CRLF);
	tell(COMMAND("NTFY", "500", EP) "X: 1" CRLF "O: L/hd" CRLF);
	run_timers(36);
	assert_true(health_of(AGENT)->silent_ns);
	assert_int_equal(health_of(GW)->silent_ns, 0);
}

/* Nobody asked: it says nothing of who sends it. */
static void answer_that_nobody_asked_for_is_none(void **state)
{
	(void)state;
	answer("200 999 OK" CRLF);
	assert_refused(REASON_mgcp_unknown_transaction);
	assert_null(health_of(GW));
}

static void what_is_known_of_a_host_is_forgotten_after_an_hour(void **state)
{
	(void)state;
	audit("100");
	answer("200 100 OK" CRLF);
	run_timers(HOUR - 60);
	audit("101");
	answer("200 101 OK" CRLF);
	run_timers(HOUR - 60);
	assert_non_null(health_of(GW));
	run_timers(120);
	assert_null(health_of(GW));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(who_answers_is_known_with_its_time),
		TEST(answer_time_is_smoothed_and_noted_once_a_second),
		TEST(command_that_runs_out_makes_its_gateway_lost),
		TEST(any_answer_brings_it_back),
		TEST(command_lost_on_the_way_is_counted_and_nobody_is_lost),
		TEST(agent_that_does_not_answer_is_lost_too),
		TEST(answer_that_nobody_asked_for_is_none),
		TEST(what_is_known_of_a_host_is_forgotten_after_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
