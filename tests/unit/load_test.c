// SPDX-License-Identifier: MIT
/* Configurations with mistakes: each is refused whole, at its line and column, with a hint. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/load.h"

#define ZONES "zones:\n  in: { networks: [10.1.0.0/16] }\n  out: { media_ports: 10000-20000 }\n"
#define SERVER "servers:\n  pbx: { addresses: [10.1.0.10], zone: in, speaks: [sip], part: proxy }\n"
#define RULE "rules:\n  - { name: all, from: in, to: out, allow: [sip] }\n"

static struct policy *load(const char *text, struct policy_errors *errors)
{
	struct settings settings;
	struct policy *p = NULL;
	int error = policy_load_text(text, strlen(text), &p, &settings, errors);

	assert_int_equal(error, p ? 0 : -22);
	assert_int_equal(errors->count == 0, p != NULL);
	return p;
}

static void good_file_becomes_a_policy(void **state)
{
	struct policy_errors errors;
	struct policy *p = load(ZONES SERVER RULE, &errors);
	struct address inside, outside;

	(void)state;
	assert_non_null(p);
	assert_true(address_parse(SLICE("10.1.2.3"), &inside));
	assert_true(address_parse(SLICE("203.0.113.1"), &outside));
	assert_int_equal(policy_zone_of(p, &inside), 1);
	/* the zone without networks is everything else */
	assert_int_equal(policy_zone_of(p, &outside), 2);
	assert_non_null(policy_match(p, 1, 2, 1));
	/* a rule says one direction */
	assert_null(policy_match(p, 2, 1, 1));
	/* a proxy that is silent serves its own zone */
	assert_true(policy_serves(p, &p->servers[0], &inside, 1));
	assert_false(policy_serves(p, &p->servers[0], &outside, 2));
	assert_int_equal(policy_service_at(p, 5060), 1);
	policy_free(p);
}

/* Numbers stand in the order of mgcp_anomalies.def. */
static void rules_of_anomaly_have_an_action_and_a_number(void **state)
{
	struct policy_errors errors;
	struct policy *p = load(ZONES SERVER RULE "protections: { mgcp: { anomalies: {"
				" takeover: tell, message_rate: 7, restart_loop: { action: deny,"
				" limit: 3 } } } }\n", &errors);
	const struct anomaly *a;

	(void)state;
	assert_non_null(p);
	a = p->protocols[2].anomalies;
	assert_int_equal(a[6].action, ANOMALY_TELL);
	assert_int_equal(a[7].action, ANOMALY_REFUSE);
	assert_int_equal(a[10].action, ANOMALY_REFUSE);
	assert_int_equal(a[10].limit, 7);
	assert_int_equal(a[11].limit, 200);
	assert_int_equal(a[19].action, ANOMALY_DENY);
	assert_int_equal(a[19].limit, 3);
	policy_free(p);
}

static void ports_of_the_file_replace_those_of_the_protocol(void **state)
{
	struct policy_errors errors;
	struct policy *p = load(ZONES SERVER RULE "ports: { mgcp: [2427, 3427] }\n", &errors);

	(void)state;
	assert_non_null(p);
	assert_int_equal(policy_service_at(p, 2427), 2);
	assert_int_equal(policy_service_at(p, 3427), 2);
	assert_int_equal(policy_service_at(p, 2727), 0);
	assert_int_equal(policy_service_at(p, 5060), 1);
	policy_free(p);
	/* without a word: RFC 3435 3.5 */
	p = load(ZONES SERVER RULE, &errors);
	assert_int_equal(policy_service_at(p, 2427), 2);
	assert_int_equal(policy_service_at(p, 2727), 2);
	policy_free(p);
}

static void service_is_read_over_the_transports_that_the_file_names(void **state)
{
	struct policy_errors errors;
	struct policy *p = load(ZONES SERVER RULE, &errors);

	(void)state;
	assert_true(policy_is_carried(p, 5060, CARRIED_UDP));
	assert_true(policy_is_carried(p, 5060, CARRIED_TCP));
	assert_true(policy_is_carried(p, 2427, CARRIED_UDP));
	assert_false(policy_is_carried(p, 2427, CARRIED_TCP));
	assert_false(policy_is_carried(p, 80, CARRIED_TCP));
	policy_free(p);
	p = load(ZONES SERVER RULE "ports: { sip: [5060/udp, 5080/tcp, 5090/udp, 5090/tcp, 5070] }\n",
		 &errors);
	assert_non_null(p);
	assert_false(policy_is_carried(p, 5060, CARRIED_TCP));
	assert_true(policy_is_carried(p, 5060, CARRIED_UDP));
	assert_false(policy_is_carried(p, 5080, CARRIED_UDP));
	assert_true(policy_is_carried(p, 5080, CARRIED_TCP));
	assert_true(policy_is_carried(p, 5090, CARRIED_UDP));
	assert_true(policy_is_carried(p, 5090, CARRIED_TCP));
	assert_true(policy_is_carried(p, 5070, CARRIED_TCP));
	policy_free(p);
}

static void bounds_of_connections_are_read(void **state)
{
	struct policy_errors errors;
	struct policy *p = load(ZONES SERVER RULE
				"limits: { tcp_connections: 100, tcp_source_connections: 7 }\n"
				"timers: { tcp_message: 3s, tcp_idle: 5m }\n"
				"daemon: { tcp_strays: pass }\n", &errors);

	(void)state;
	assert_non_null(p);
	assert_int_equal(p->streams.most, 100);
	assert_int_equal(p->streams.of_source, 7);
	assert_int_equal(p->streams.message_ns, 3000000000ull);
	assert_int_equal(p->streams.idle_ns, 300000000000ull);
	assert_true(p->streams.pass_strays);
	policy_free(p);
}

static const struct mistake {
	const char *text;
	uint32_t line, column;
	const char *says;
} mistakes[] = {
	{ "", 1, 1, "empty" },
	{ "zones: [", 2, 1, "no YAML" },
	{ "zoned:\n  in: {}\n", 1, 1, "did you mean zones" },
	{ "zones:\n  in: { netwrks: [10.1.0.0/16] }\n", 2, 9, "did you mean networks" },
	{ "zones:\n  in: { networks: [10.1.0.1/16] }\n", 2, 20, "no network" },
	{ "zones:\n  in: { networks: [10.1.0.0/33] }\n", 2, 20, "no network" },
	{ "zones:\n  in: { media_ports: 900-2000 }\n", 2, 22, "no port range" },
	{ "zones:\n  in: { media_ports: 3000-2000 }\n", 2, 22, "no port range" },
	{ "zones:\n  in: { vlan: 5000 }\n", 2, 15, "no number" },
	{ "zones:\n  in: { mode: naitve }\n", 2, 15, "did you mean native" },
	{ "zones:\n  in: { services: [8080] }\n", 2, 20, "no service" },
	{ "zones:\n  in: { mode: tc, mode: tc }\n", 2, 19, "stands twice" },
	{ ZONES "ports: { sip: [5060/tls] }\n", 4, 16, "write 5060" },
	{ ZONES "ports: { sip: [70000] }\n", 4, 16, "no port" },
	{ ZONES "ports: { sip: [/tcp] }\n", 4, 16, "no port" },
	{ ZONES "ports: { mgcp: [2427/tcp] }\n", 4, 17, "not read over TCP" },
	{ ZONES "limits: { tcp_connections: 20000 }\n", 4, 28, "16384" },
	{ "zones:\n  in: {}\n  out: {}\n", 3, 8, "second zone without networks" },
	{ ZONES "servers:\n  pbx: { addresses: [pbx.example], zone: in, speaks: [sip] }\n", 5, 22,
	  "no address" },
	{ ZONES "servers:\n  pbx: { addresses: [10.1.0.1], zone: inn, speaks: [sip] }\n", 5, 39,
	  "did you mean in" },
	{ ZONES "servers:\n  pbx: { addresses: [10.1.0.1], zone: in }\n", 5, 8, "speaks nothing" },
	{ ZONES "servers:\n  t: { addresses: [10.1.0.1], zone: in, speaks: [sip], part: trunk }\n",
	  5, 6, "must say whom it serves" },
	{ ZONES "servers:\n  p: { addresses: [10.1.0.1], zone: in, speaks: [sipp] }\n", 5, 50,
	  "did you mean sip" },
	{ ZONES "servers:\n  p: { addresses: [10.1.0.1], zone: in, speaks: [sip], max_calls: 2 }\n",
	  5, 56, "unknown word" },
	{ ZONES "rules:\n  - { from: in, to: out }\n", 5, 5, "needs from, to and allow" },
	{ ZONES "rules:\n  - { from: in, to: oot, allow: [sip] }\n", 5, 21, "did you mean out" },
	{ ZONES "rules:\n  - { from: in, to: out, allow: [sip], deny: [faks] }\n", 5, 47,
	  "did you mean fax" },
	{ ZONES "rules:\n  - { from: in, to: out, allow: [sip], encryption: requires }\n", 5, 52,
	  "did you mean require" },
	{ ZONES "rules:\n  - { from: in, to: out, allow: [sip], registered: callees }\n", 5, 52,
	  "did you mean callee" },
	{ ZONES "rules:\n  - { from: in, to: out, allow: [sip], authenticated: [call] }\n", 5, 56,
	  "did you mean calls" },
	{ ZONES "protections: { default: enfroce }\n", 4, 25, "did you mean enforce" },
	{ ZONES "protections: { sip: { methods: { deny: [MESSAGES] } } }\n", 4, 41,
	  "did you mean MESSAGE" },
	{ ZONES "protections: { sip: { answers: never } }\n", 4, 32, "unknown word" },
	{ ZONES "protections: { mgcp: { commands: { deny: [CRXC] } } }\n", 4, 43,
	  "did you mean CRCX" },
	{ ZONES "protections: { mgcp: { fax: denied } }\n", 4, 29, "did you mean deny" },
	{ ZONES "protections: { mgcp: { methods: { deny: [CRCX] } } }\n", 4, 24, "unknown word" },
	{ ZONES "protections: { mgcp: { anomalies: { create_rate: 1x } } }\n", 4, 50, "no number" },
	{ ZONES "protections: { mgcp: { anomalies: { replay: 5 } } }\n", 4, 45, "counts nothing" },
	{ ZONES "protections: { mgcp: { anomalies: { foreign_zone: tell } } }\n", 4, 51,
	  "cannot be let by" },
	{ ZONES "protections: { mgcp: { anomalies: { replay: ignore } } }\n", 4, 45, "" },
	{ ZONES "protections: { mgcp: { anomalies: { replays: off } } }\n", 4, 37, "replay" },
	{ ZONES "limits: { mgcp_connections: 961 }\n", 4, 29, "" },
	{ ZONES "protections: { mgcp: { commands: { allow: [CRXC] } } }\n", 4, 44,
	  "did you mean CRCX" },
	{ ZONES "servers:\n  a: { addresses: [10.1.0.1], zone: in, speaks: [mgcp], names: [''] }\n",
	  5, 65, "1 to 63 letters" },
	{ ZONES "servers:\n  a: { addresses: [10.1.0.1], zone: in, speaks: [mgcp],"
	  " names: [a, b, c, d, e] }\n", 5, 77, "4 names at most" },
	{ ZONES "ports: { mgcq: 2427 }\n", 4, 10, "did you mean mgcp" },
	{ ZONES "ports: { mgcp: [0] }\n", 4, 17, "no port" },
	{ ZONES "ports: { sip: [1, 2, 3, 4, 5, 6, 7, 8, 9] }\n", 4, 40, "more than 8" },
	{ ZONES "timers: { linger: 32 }\n", 4, 19, "no duration" },
	{ ZONES "timers: { linger: 0s }\n", 4, 19, "no duration" },
	{ ZONES "daemon: { control: run.sock }\n", 4, 20, "absolute path" },
	{ ZONES "qos: { voice: ef }\n", 4, 6, "not served yet" },
	{ ZONES "nat: { n: { zone: in, seen_from: out } }\n", 4, 11, "neither hide, static nor none" },
	{ ZONES "nat: { n: { zone: in, seen_from: in, none: yes } }\n", 4, 11, "two zones" },
	{ ZONES "nat: { n: { zone: in, seen_from: out, hide: [x] } }\n", 4, 46, "no address to hide" },
	{ ZONES "nat: { n: { zone: in, seen_from: out, hide: 10.0.0.1, ports: 80-90 } }\n", 4, 62,
	  "no port range" },
	{ ZONES "nat: { n: { zone: in, seen_from: out, static: 10.0.0.1 } }\n", 4, 11,
	  "one network in hosts" },
	{ ZONES "nat: { n: { zone: in, seen_from: out, hosts: [10.0.0.0/24], static: 10.9.0.0/16 } }\n",
	  4, 11, "as wide as its own" },
	{ ZONES "nat: { n: { zone: in, seen_from: out, hide: 10.0.0.1, port: 5 } }\n", 4, 11,
	  "port is for static alone" },
	{ ZONES "nat: { n: { zone: in, seen_from: out, hide: 10.0.0.1, none: yes } }\n", 4, 61,
	  "none beside hide" },
	{ ZONES "cluster: { group: off ice }\n", 4, 19, "no name of a group" },
};

static void each_mistake_is_told_at_its_place_with_a_hint(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		const struct mistake *m = &mistakes[i];
		struct policy_errors errors;
		bool found = false;

		assert_null(load(m->text, &errors));
		for (uint32_t n = 0; n < errors.count && n < POLICY_ERRORS; n++)
			found |= errors.items[n].line == m->line &&
				 errors.items[n].column == m->column &&
				 strstr(errors.items[n].text, m->says);
		if (!found)
			fail_msg("%s: first told %u:%u: %s", m->text, errors.items[0].line,
				 errors.items[0].column, errors.items[0].text);
	}
}

static void all_mistakes_are_told_at_once(void **state)
{
	struct policy_errors errors;

	(void)state;
	assert_null(load("zones:\n  in: { vlan: x, mode: y }\nrulez: []\n", &errors));
	assert_int_equal(errors.count, 3);
}

static void sections_may_stand_in_any_order(void **state)
{
	struct policy_errors errors;
	struct policy *p = load(RULE SERVER "limits: { media_rate: 7 }\n" ZONES, &errors);

	(void)state;
	assert_non_null(p);
	assert_int_equal(p->servers[0].zone, 1);
	assert_int_equal(p->rules[0].to, 1 << 2);
	policy_free(p);
}

/* They are told in the order of the file, whatever was read first. */
static void mistakes_are_told_from_top_to_bottom(void **state)
{
	struct policy_errors errors;

	(void)state;
	assert_null(load("rulez: []\nservers: { a: { zone: b } }\n" ZONES "  x: { vlan: y, mode: z }\n",
			 &errors));
	assert_true(errors.count > 3);
	for (uint32_t i = 1; i < errors.count; i++)
		assert_true(errors.items[i - 1].line < errors.items[i].line ||
			    (errors.items[i - 1].line == errors.items[i].line &&
			     errors.items[i - 1].column <= errors.items[i].column));
}

static void more_mistakes_than_are_kept_are_counted(void **state)
{
	struct policy_errors errors;
	char text[4096] = "";

	(void)state;
	for (int i = 0; i < POLICY_ERRORS + 9; i++)
		snprintf(text + strlen(text), 32, "word%d: 1\n", i);
	assert_null(load(text, &errors));
	assert_int_equal(errors.count, POLICY_ERRORS + 9);
	assert_int_equal(errors.items[POLICY_ERRORS - 1].line, POLICY_ERRORS);
}

static int load_file(const char *path, struct policy_errors *errors)
{
	struct policy *p = NULL, *before = p;
	struct settings settings = { .http_port = 4711 };
	int error = policy_load(path, &p, &settings, errors);

	if (error) {
		assert_ptr_equal(p, before);
		assert_int_equal(settings.http_port, 4711);
	}
	policy_free(p);
	return error;
}

static void write_file(const char *path, const char *text, size_t times)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	while (times--)
		assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static void file_that_cannot_be_read_says_why(void **state)
{
	struct policy_errors errors = { .count = 0 };
	char path[] = "/tmp/ringfence-load-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_file(path, ZONES SERVER RULE, 1);
	assert_int_equal(load_file(path, &errors), 0);
	write_file(path, ZONES "nonsense: 1\n", 1);
	assert_int_equal(load_file(path, &errors), -EINVAL);
	assert_int_equal(errors.count, 1);
	/* 1 MiB at most */
	write_file(path, "# a comment of a file that is too large by far\n", 30000);
	assert_int_equal(load_file(path, &errors), -EFBIG);
	unlink(path);
	assert_int_equal(load_file(path, &errors), -ENOENT);
	assert_int_equal(load_file("/tmp", &errors), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_file_becomes_a_policy),
		cmocka_unit_test(rules_of_anomaly_have_an_action_and_a_number),
		cmocka_unit_test(ports_of_the_file_replace_those_of_the_protocol),
		cmocka_unit_test(service_is_read_over_the_transports_that_the_file_names),
		cmocka_unit_test(bounds_of_connections_are_read),
		cmocka_unit_test(each_mistake_is_told_at_its_place_with_a_hint),
		cmocka_unit_test(all_mistakes_are_told_at_once),
		cmocka_unit_test(sections_may_stand_in_any_order),
		cmocka_unit_test(mistakes_are_told_from_top_to_bottom),
		cmocka_unit_test(more_mistakes_than_are_kept_are_counted),
		cmocka_unit_test(file_that_cannot_be_read_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
