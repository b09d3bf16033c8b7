// SPDX-License-Identifier: MIT
/* MGCP over a group that falls apart: what began or ended on either side has done so for all when it
 * is one again. Seeds decide which member is asked, and when what it said arrives. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "group.h"
#include "policy/load.h"

#define CRLF "\r\n"
#define SEEDS 20
#define ENDPOINTS 12
#define AGENT "10.77.1.10"
#define GATEWAY "10.77.2.10"

static const char config[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24] }\n"
	"  out: { networks: [10.77.2.0/24] }\n"
	"servers:\n"
	"  agent: { addresses: [" AGENT "], zone: in, speaks: [mgcp], part: call_agent,"
	" serves: any }\n"
	"rules:\n"
	"  - { name: both, from: [in, out], to: [in, out], allow: [mgcp] }\n"
	"limits: { mgcp_connections: 12 }\n";

static int passed;

static void sent(struct member *m, struct slice payload)
{
	(void)m, (void)payload;
	passed++;
}

static struct endpoint endpoint_of(const char *host, uint16_t port)
{
	struct endpoint e = { .port = htons(port) };

	address_parse(slice_make(host, strlen(host)), &e.address);
	return e;
}

static void hand_in(struct member *m, bool from_agent, const char *text)
{
	struct arrival a = {
		.flow = { .source = endpoint_of(AGENT, 2727),
			  .destination = endpoint_of(GATEWAY, 2427), .zones = { 1, 2 },
			  .transport = IPPROTO_UDP, .speaks = 2, .family = FAMILY_IPV4 },
		.payload = slice_make(text, strlen(text)), .record = slice_make(text, strlen(text)),
		.speaks = 2, .held = true, .time_ns = clock_of(m),
	};

	if (!from_agent) {
		a.flow.source = endpoint_of(GATEWAY, 2427);
		a.flow.destination = endpoint_of(AGENT, 2727);
		a.flow.zones[0] = 2;
		a.flow.zones[1] = 1;
	}
	cluster_clock(m->cluster, clock_of(m));
	journey_arrival(&m->journey, &a, clock_of(m));
	cluster_flush(m->cluster);
}

/* What one member is asked passes. */
static void say(struct member *m, bool from_agent, const char *text)
{
	passed = 0;
	hand_in(m, from_agent, text);
	for (int i = 0; i < 500 && !passed; i++)
		step(8);
	if (!passed)
		complain(text);
}

static void set_up(struct member *m, int n)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "CRCX %d aaln/%d@gw MGCP 1.0" CRLF "C: %d" CRLF "M: sendrecv" CRLF CRLF "v=0" CRLF
		 "c=IN IP4 10.77.1.50" CRLF "m=audio %d RTP/AVP 8" CRLF, 100 + n, n, n,
		 4000 + 4 * n);
	say(m, true, text);
	snprintf(text, sizeof(text),
		 "200 %d OK" CRLF "I: A%d" CRLF CRLF "v=0" CRLF "c=IN IP4 " GATEWAY CRLF
		 "m=audio %d RTP/AVP 8" CRLF, 100 + n, n, 16000 + 4 * n);
	say(m, false, text);
}

static void hang_up(struct member *m, int n)
{
	char text[256];

	snprintf(text, sizeof(text), "DLCX %d aaln/%d@gw MGCP 1.0" CRLF "C: %d" CRLF, 200 + n, n, n);
	say(m, true, text);
	snprintf(text, sizeof(text), "250 %d OK" CRLF, 200 + n);
	say(m, false, text);
}

static void begin(uint64_t seed)
{
	group_begin(seed, sent);
	for (int i = 0; i < 5000; i++)
		step(8);
	check_members();
}

static void run(uint64_t milliseconds)
{
	for (uint64_t i = 0; i < milliseconds; i++)
		step(8);
}

static void expect_connections(uint32_t count, const char *what)
{
	for (int i = 0; i < NODES; i++)
		if (tables_count(sim.members[i].tables, ROW_connection) != count ||
		    (!count && tables_count(sim.members[i].tables, ROW_call)))
			complain(what);
}

/* By its endpoint, and by what a restart of the gateway looks through. */
static void begun_apart(uint64_t seed)
{
	begin(seed);
	engine_part(&sim.engine, 0, false);
	run(500);
	for (int n = 0; n < ENDPOINTS; n++)
		set_up(&sim.members[n % NODES], n);
	settle();
	check_members();
	for (int n = 0; n < ENDPOINTS / 2; n++)
		hang_up(&sim.members[draw(NODES)], n);
	hand_in(&sim.members[draw(NODES)], false,
		"RSIP 900 *@gw MGCP 1.0" CRLF "RM: restart" CRLF);
	/* until the transactions are forgotten, which bear what they are about */
	for (int i = 0; i < 60; i++) {
		sim.now_ns += SECOND;
		run(100);
	}
	expect_connections(0, "a connection that began on one side did not end");
	check_members();
	group_end();
}

static void ended_apart(uint64_t seed)
{
	begin(seed);
	for (int n = 0; n < ENDPOINTS; n++)
		set_up(&sim.members[draw(NODES)], n);
	engine_part(&sim.engine, 0, false);
	run(500);
	for (int n = 0; n < ENDPOINTS; n++)
		hang_up(&sim.members[n % NODES], n);
	settle();
	for (int i = 0; i < 60; i++) {
		sim.now_ns += SECOND;
		run(100);
	}
	expect_connections(0, "a connection that ended on one side came back");
	check_members();
	group_end();
}

/* One more than the gateway may have, all asked for at once. */
static void crowded(uint64_t seed)
{
	char text[256];

	begin(seed);
	for (int n = 0; n < ENDPOINTS / 2; n++)
		set_up(&sim.members[draw(NODES)], n);
	passed = 0;
	for (int n = 0; n < ENDPOINTS; n++) {
		snprintf(text, sizeof(text), "CRCX %d aaln/%d@gw MGCP 1.0" CRLF "C: %d" CRLF
			 "M: recvonly" CRLF, 500 + n, 50 + n, n);
		hand_in(&sim.members[n % NODES], true, text);
	}
	run(500);
	if (passed != ENDPOINTS / 2)
		complain("another number of connections than the limit leaves");
	check_members();
	group_end();
}

static void fails_never(void (*what)(uint64_t seed))
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		what(seed);
		assert_false(told.failed);
	}
}

static void connections_that_began_on_either_side_of_a_partition_end_after_it(void **state)
{
	(void)state;
	fails_never(begun_apart);
}

static void connections_that_ended_on_either_side_of_a_partition_are_gone_after_it(void **state)
{
	(void)state;
	fails_never(ended_apart);
}

static void members_together_admit_no_more_connections_than_the_limit(void **state)
{
	(void)state;
	fails_never(crowded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_that_began_on_either_side_of_a_partition_end_after_it),
		cmocka_unit_test(
			connections_that_ended_on_either_side_of_a_partition_are_gone_after_it),
		cmocka_unit_test(members_together_admit_no_more_connections_than_the_limit),
	};
	struct policy_errors errors;
	struct settings settings;

	if (policy_load_text(config, sizeof(config) - 1, &sim.policy, &settings, &errors))
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
