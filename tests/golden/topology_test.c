// SPDX-License-Identifier: MIT
/* Where the servers of a call stand, and whether they answer (RFC 3261 17.1.2.2, 21.5). */
#include "golden/world.h"

#define TRUNK "10.77.2.20"
#define SPARE "10.77.2.21"
#define CORE "10.77.3.10"

static const char topology[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24] }\n"
	"  out: { networks: [10.77.2.0/24] }\n"
	"  dmz: { networks: [10.77.3.0/24] }\n"
	"servers:\n"
	"  pbx: { addresses: [10.77.2.10], zone: out, speaks: [sip], part: proxy }\n"
	"  trunk: { addresses: [10.77.2.20, 10.77.2.21], zone: out, speaks: [sip], part: trunk,\n"
	"           serves: [out] }\n"
	"  core: { addresses: [10.77.3.10], zone: dmz, speaks: [sip], part: proxy,\n"
	"          serves: [in, out] }\n"
	"rules:\n"
	"  - { from: [in, out], to: [in, out], allow: [sip] }\n"
	"  - { from: dmz, to: in, allow: [sip] }\n"
	"  - { from: in, to: dmz, allow: [sip] }\n"
	"  - { from: [dmz, out], to: [dmz, out], allow: [sip] }\n";

static int set_up_topology(void **state)
{
	(void)state;
	return world_open(topology);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_topology, tear_down)

static void call(const char *from, const char *to)
{
	pass(from, 5060, to, say(&(struct say){ .start = "INVITE sip:b@x SIP/2.0", .via = from,
						.branch = from, .cseq = "1 INVITE" }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

/* Of the call from this host. */
static enum topology topology_from(const char *host)
{
	struct endpoint e = endpoint(host, 5060);
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(w.tables, ROW_call, &cursor, &row)) {
		const struct call_row *c = row.value;

		if (address_equal(&c->parties[SIDE_CALLER].address, &e.address))
			return (enum topology)c->topology;
	}
	return TOPOLOGY_NONE;
}

static void call_between_two_phones_is_endpoint_to_endpoint(void **state)
{
	(void)state;
	call(PHONE, "10.77.2.99");
	assert_int_equal(topology_from(PHONE), TOPOLOGY_ENDPOINTS);
}

static void call_by_a_server_of_the_other_side_has_its_proxy_outside(void **state)
{
	(void)state;
	w.policy->rule_count = 1;
	call(PHONE, PBX);
	assert_int_equal(topology_from(PHONE), TOPOLOGY_OUTSIDE);
}

/* Its zone has calls with the inside and with the outside. */
static void call_by_a_server_between_two_zones_has_its_proxy_in_a_dmz(void **state)
{
	(void)state;
	call(PHONE, CORE);
	assert_int_equal(topology_from(PHONE), TOPOLOGY_DMZ);
}

static void call_between_servers_is_proxy_to_proxy(void **state)
{
	(void)state;
	call(CORE, PBX);
	assert_int_equal(topology_from(CORE), TOPOLOGY_SERVERS);
}

/* The same Call-ID and From tag go out to the proxy and come back: both passages are told. */
static void call_that_turns_back_at_the_proxy_is_one_of_two_phones(void **state)
{
	(void)state;
	w.policy->rule_count = 1;
	call(PHONE, PBX);
	call(PBX, OTHER_PHONE);
	assert_int_equal(topology_from(PHONE), TOPOLOGY_HAIRPIN);
	assert_int_equal(topology_from(PBX), TOPOLOGY_HAIRPIN);
}

static const struct health_row *health_of(const char *host)
{
	struct endpoint e = endpoint(host, 0);
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(w.tables, ROW_health, &cursor, &row)) {
		const struct health_row *h = row.value;

		if (address_equal(&h->host, &e.address))
			return h;
	}
	return NULL;
}

static void ask(const char *host, int number)
{
	char branch[16], cseq[32];

	snprintf(branch, sizeof(branch), "o%d", number);
	snprintf(cseq, sizeof(cseq), "%d OPTIONS", number);
	pass(PHONE, 5060, host, say(&(struct say){ .start = "OPTIONS sip:x@y SIP/2.0",
						   .branch = branch, .cseq = cseq }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void reply(const char *host, const char *status, int number)
{
	char branch[16], cseq[32];

	snprintf(branch, sizeof(branch), "o%d", number);
	snprintf(cseq, sizeof(cseq), "%d OPTIONS", number);
	pass(host, 5060, PHONE, say(&(struct say){ .start = status, .branch = branch,
						   .to = CALLEE ";tag=b1", .cseq = cseq }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void server_that_answers_is_known_to_and_how_fast(void **state)
{
	(void)state;
	ask(TRUNK, 1);
	w.now_ns += SECOND / 4;
	reply(TRUNK, "SIP/2.0 200 OK", 1);
	assert_non_null(health_of(TRUNK));
	assert_int_equal(health_of(TRUNK)->answer_us, 250000);
	assert_int_equal(health_of(TRUNK)->refused, 0);
	assert_null(health_of(SPARE));
}

/* RFC 3261 21.5: the server itself failed. */
static void answers_that_tell_of_failure_are_counted(void **state)
{
	(void)state;
	ask(TRUNK, 1);
	reply(TRUNK, "SIP/2.0 503 Service Unavailable", 1);
	ask(TRUNK, 2);
	reply(TRUNK, "SIP/2.0 500 Server Internal Error", 2);
	ask(TRUNK, 3);
	reply(TRUNK, "SIP/2.0 404 Not Found", 3);
	assert_int_equal(health_of(TRUNK)->refused, 2);
}

static void server_that_lets_a_request_run_out_is_lost_until_it_answers(void **state)
{
	(void)state;
	ask(TRUNK, 1);
	run_timers(38);
	assert_int_equal(w.told[TELL_HOST_LOST], 1);
	assert_int_equal(health_of(TRUNK)->unanswered, 1);
	assert_true(health_of(TRUNK)->silent_ns);
	ask(TRUNK, 2);
	reply(TRUNK, "SIP/2.0 200 OK", 2);
	assert_int_equal(w.told[TELL_HOST_BACK], 1);
	assert_int_equal(health_of(TRUNK)->silent_ns, 0);
}

/* RFC 3261 13.2.2: an INVITE waits as long as a phone may ring. */
static void invite_that_nobody_answered_loses_its_server(void **state)
{
	(void)state;
	call(PHONE, TRUNK);
	run_timers(181);
	assert_int_equal(w.told[TELL_HOST_LOST], 1);
	assert_int_equal(health_of(TRUNK)->unanswered, 1);
}

/* It rang: the callee did not answer, the server did. */
static void invite_that_rang_out_loses_no_server(void **state)
{
	(void)state;
	call(PHONE, TRUNK);
	pass(TRUNK, 5060, PHONE, say(&(struct say){ .start = "SIP/2.0 180 Ringing",
		.branch = PHONE, .to = CALLEE ";tag=b1", .cseq = "1 INVITE" }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	run_timers(181);
	assert_int_equal(w.told[TELL_HOST_LOST], 0);
}

static void host_that_is_no_server_has_no_health(void **state)
{
	(void)state;
	ask("10.77.2.99", 1);
	run_timers(38);
	ask("10.77.2.99", 2);
	reply("10.77.2.99", "SIP/2.0 200 OK", 2);
	assert_int_equal(tables_count(w.tables, ROW_health), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(call_between_two_phones_is_endpoint_to_endpoint),
		TEST(call_by_a_server_of_the_other_side_has_its_proxy_outside),
		TEST(call_by_a_server_between_two_zones_has_its_proxy_in_a_dmz),
		TEST(call_between_servers_is_proxy_to_proxy),
		TEST(call_that_turns_back_at_the_proxy_is_one_of_two_phones),
		TEST(server_that_answers_is_known_to_and_how_fast),
		TEST(answers_that_tell_of_failure_are_counted),
		TEST(server_that_lets_a_request_run_out_is_lost_until_it_answers),
		TEST(invite_that_nobody_answered_loses_its_server),
		TEST(invite_that_rang_out_loses_no_server),
		TEST(host_that_is_no_server_has_no_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
