// SPDX-License-Identifier: MIT
/* Values of a configuration: each word of a choice, numbers, durations, and what YAML can do to
 * whoever expects one value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/load.h"

#define SECOND 1000000000ull
#define ZONES "zones:\n  a: { networks: [10.1.0.0/16] }\n  b: { }\n"

static struct policy_errors errors;
static struct settings settings;

static struct policy *load(const char *text)
{
	struct policy *p = NULL;

	if (policy_load_text(text, strlen(text), &p, &settings, &errors))
		assert_null(p);
	return p;
}

static struct policy *good(const char *text)
{
	struct policy *p = load(text);

	if (!p)
		fail_msg("%s%u:%u: %s", text, errors.items[0].line, errors.items[0].column,
			 errors.items[0].text);
	return p;
}

static uint64_t linger(const char *value)
{
	char text[256];
	struct policy *p;
	uint64_t ns;

	snprintf(text, sizeof(text), ZONES "timers: { linger: %s }\n", value);
	p = load(text);
	ns = p ? p->timers.linger_ns : 0;
	policy_free(p);
	return ns;
}

static void durations_have_a_unit(void **state)
{
	static const char *const bad[] = { "0s", "1", "s", "1d", "-1s", "1.5s", "1 s", "1S",
					   "1000001s", "99999999999999999999s", "\"\"", "[1s]" };

	(void)state;
	assert_true(linger("500ms") == SECOND / 2);
	assert_true(linger("1s") == SECOND);
	assert_true(linger("5m") == 300 * SECOND);
	assert_true(linger("2h") == 7200 * SECOND);
	/* The largest of all: no overflow of the nanoseconds. */
	assert_true(linger("1000000h") == 3600000000ull * SECOND);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (linger(bad[i]))
			fail_msg("%s was taken for a duration", bad[i]);
}

static void each_timer_has_its_own_word(void **state)
{
	struct policy *p = good(ZONES "timers: { early_media: 1s, call_idle: 2s, call_longest: 3s, "
				"linger: 4s, drain: 5s, binding_longest: 6s }\n");

	(void)state;
	assert_true(p->timers.early_media_ns == 1 * SECOND);
	assert_true(p->timers.call_idle_ns == 2 * SECOND);
	assert_true(p->timers.call_longest_ns == 3 * SECOND);
	assert_true(p->timers.linger_ns == 4 * SECOND);
	assert_true(p->timers.drain_ns == 5 * SECOND);
	assert_true(p->timers.binding_longest_ns == 6 * SECOND);
	policy_free(p);
}

static void rules_may_ask_for_registered_parties_and_for_credentials(void **state)
{
	struct policy *p = good(ZONES "rules:\n"
		"  - { from: a, to: b, allow: [sip] }\n"
		"  - { from: a, to: b, allow: [sip], registered: caller, authenticated: calls }\n"
		"  - { from: a, to: b, allow: [sip], registered: [callee, caller],\n"
		"      authenticated: [registrations] }\n"
		"limits: { contacts_per_user: 3, registrations_per_host: 400 }\n");

	(void)state;
	assert_int_equal(p->rules[0].registered | p->rules[0].authenticated, 0);
	assert_int_equal(p->rules[1].registered, 1);
	assert_int_equal(p->rules[1].authenticated, 1 << DEMAND_CALLS);
	assert_int_equal(p->rules[2].registered, 3);
	assert_int_equal(p->rules[2].authenticated, 1 << DEMAND_REGISTRATIONS);
	assert_int_equal(p->contacts_per_user, 3);
	assert_int_equal(p->registrations_per_host, 400);
	policy_free(p);
}

/* RFC 3261: T1 is 500 ms, 64 T1 = 32 s; timer C about 3 min. */
static void silent_file_has_these_defaults(void **state)
{
	struct policy *p = good(ZONES);

	(void)state;
	assert_true(p->timers.early_media_ns == 180 * SECOND);
	assert_true(p->timers.call_idle_ns == 600 * SECOND);
	assert_true(p->timers.call_longest_ns == 4 * 3600 * SECOND);
	assert_true(p->timers.linger_ns == 32 * SECOND);
	assert_true(p->timers.drain_ns == 5 * SECOND);
	assert_true(p->timers.binding_longest_ns == 7200 * SECOND);
	assert_int_equal(p->unknown_rate, 200);
	assert_int_equal(p->media_rate, 2000);
	assert_int_equal(p->contacts_per_user, 10);
	assert_int_equal(p->registrations_per_host, 200);
	assert_false(p->pass_when_down);
	assert_true(p->busy_poll_ns == 50000);
	for (int i = 0; i < PROTECTION_COUNT; i++)
		assert_int_equal(p->enforcement[i], ENFORCE_ON);
	assert_string_equal(settings.control_path, "/run/ringfence/control.sock");
	assert_string_equal(settings.pin_path, "/sys/fs/bpf/ringfence");
	policy_free(p);
}

static void each_word_of_protections_sets_its_class(void **state)
{
	struct policy *p = good(ZONES "protections: { default: monitor, media: off }\n");

	(void)state;
	assert_int_equal(p->enforcement[PROTECTION_MEDIA], ENFORCE_OFF);
	assert_int_equal(p->enforcement[PROTECTION_SOURCES], ENFORCE_MONITOR);
	assert_int_equal(p->enforcement[PROTECTION_SIP], ENFORCE_MONITOR);
	assert_int_equal(p->enforcement[PROTECTION_ALWAYS], ENFORCE_ON);
	policy_free(p);
	p = good(ZONES "protections: { sources: off, sip: monitor }\n");
	assert_int_equal(p->enforcement[PROTECTION_MEDIA], ENFORCE_ON);
	assert_int_equal(p->enforcement[PROTECTION_SOURCES], ENFORCE_OFF);
	assert_int_equal(p->enforcement[PROTECTION_SIP], ENFORCE_MONITOR);
	policy_free(p);
	p = good(ZONES "protections: { sip: { mode: off } }\n");
	assert_int_equal(p->enforcement[PROTECTION_SIP], ENFORCE_OFF);
	policy_free(p);
}

/* `default` is what the others differ from, wherever it stands. */
static void default_overrules_nothing_that_is_said(void **state)
{
	struct policy *p = good(ZONES "protections: { media: off, default: monitor }\n");

	(void)state;
	assert_int_equal(p->enforcement[PROTECTION_MEDIA], ENFORCE_OFF);
	assert_int_equal(p->enforcement[PROTECTION_SIP], ENFORCE_MONITOR);
	policy_free(p);
}

static void each_part_of_a_server_and_each_mode_has_its_word(void **state)
{
	static const struct {
		const char *word;
		enum part part;
	} parts[] = {
		{ "endpoint", PART_ENDPOINT },	   { "proxy", PART_PROXY },
		{ "trunk", PART_TRUNK },	   { "gatekeeper", PART_GATEKEEPER },
		{ "call_agent", PART_CALL_AGENT }, { "gateway", PART_GATEWAY },
	};
	static const struct {
		const char *word;
		enum attach_mode mode;
	} modes[] = { { "auto", ATTACH_AUTO }, { "native", ATTACH_NATIVE }, { "tc", ATTACH_TC } };
	char text[512];
	struct policy *p;

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		snprintf(text, sizeof(text), ZONES "servers:\n  s: { addresses: [10.1.0.1], zone: a, "
			 "speaks: [sip], part: %s, serves: any }\n", parts[i].word);
		p = good(text);
		assert_int_equal(p->servers[0].part, parts[i].part);
		assert_true(p->servers[0].serves_any);
		policy_free(p);
	}
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		snprintf(text, sizeof(text), "zones:\n  a: { mode: %s }\n", modes[i].word);
		p = good(text);
		assert_int_equal(p->zones[1].mode, modes[i].mode);
		policy_free(p);
	}
}

static void daemon_words_are_read(void **state)
{
	struct policy *p = good(ZONES "daemon: { when_down: pass, control: /tmp/c, pins: /tmp/p }\n");

	(void)state;
	assert_true(p->pass_when_down);
	assert_string_equal(settings.control_path, "/tmp/c");
	assert_string_equal(settings.pin_path, "/tmp/p");
	policy_free(p);
	p = good(ZONES "daemon: { when_down: hold, busy_poll: 200us }\n");
	assert_false(p->pass_when_down);
	assert_true(p->busy_poll_ns == 200000);
	policy_free(p);
	p = good(ZONES "daemon: { busy_poll: off }\n");
	assert_true(p->busy_poll_ns == 0);
	policy_free(p);
}

/* sun_path holds 108 bytes, its NUL among them (unix(7)). */
static void path_that_a_socket_cannot_have_is_refused(void **state)
{
	char path[109] = "/", text[512];

	(void)state;
	memset(path + 1, 'p', 107);
	snprintf(text, sizeof(text), ZONES "daemon: { control: %s }\n", path);
	assert_null(load(text));
	path[107] = '\0';
	snprintf(text, sizeof(text), ZONES "daemon: { control: %s }\n", path);
	policy_free(good(text));
	assert_string_equal(settings.control_path, path);
}

static void any_zone_is_every_zone(void **state)
{
	struct policy *p = good(ZONES "rules:\n  - { from: any, to: [a, b], allow: sip }\n");

	(void)state;
	for (uint16_t zone = 1; zone <= 2; zone++)
		assert_non_null(policy_match(p, zone, 2, 1));
	assert_null(policy_match(p, ZONE_NONE, 1, 1));
	policy_free(p);
}

/* A list where one value is expected, a value where a mapping is, and the other way round. */
static void value_of_another_shape_is_an_error_and_no_crash(void **state)
{
	static const char *const texts[] = {
		"- a\n", "a\n", "[[[[]]]]\n", "zones: 5\n", "zones: [a]\n", "zones: { a: 5 }\n",
		"zones: { a: [] }\n", "zones: { [a]: {} }\n", "zones: { {a: b}: {} }\n",
		"zones: { a: { networks: { x: y } } }\n", "zones: { a: { networks: [[10.0.0.0/8]] } }\n",
		"zones: { a: { vlan: [1] } }\n", "zones: { a: { mode: { x: y } } }\n",
		ZONES "servers: []\n", ZONES "servers: { s: 1 }\n", ZONES "rules: { x: y }\n",
		ZONES "rules: [[]]\n", ZONES "rules: 5\n", ZONES "timers: 5\n",
		ZONES "protections: { sip: [] }\n", ZONES "protections: { sip: { methods: 5 } }\n",
		ZONES "daemon: { control: [] }\n", "~: ~\n", "? [a]\n", "zones: { a: ~ }\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (load(texts[i]))
			fail_msg("taken: %s", texts[i]);
}

/* An anchor may stand inside of what it names. */
static void anchor_that_bites_its_tail_ends(void **state)
{
	static const char *const texts[] = {
		"&a { zones: *a }\n", "zones: &a { x: *a }\n", "zones: { x: &a { networks: *a } }\n",
		"zones: { x: { networks: &a [*a] } }\n", ZONES "rules: &a [*a]\n",
		ZONES "protections: &a { sip: *a }\n",
		ZONES "protections: { sip: &a { methods: *a } }\n",
		ZONES "protections: { sip: { methods: &a { deny: *a } } }\n",
		ZONES "servers: &a { s: *a }\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_null(load(texts[i]));
}

static void word_of_any_length_gets_an_answer(void **state)
{
	char text[8192];

	(void)state;
	for (size_t length = 1; length < 4096; length += length < 64 ? 1 : 997) {
		snprintf(text, sizeof(text), "%0*d: 1\n", (int)length, 0);
		assert_null(load(text));
		assert_int_equal(errors.count, 1);
		assert_true(strlen(errors.items[0].text) < sizeof(errors.items[0].text));
	}
}

static void bytes_that_are_no_text_are_no_yaml(void **state)
{
	static const char *const texts[] = { "\xff\xfe", "\x01", "a: \x80\n", "\"\\x00\": 1\n", "\t- a",
					     "a: b: c", "{", "%YAML 9.9\n---\na: b\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_null(load(texts[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_a_unit),
		cmocka_unit_test(each_timer_has_its_own_word),
		cmocka_unit_test(rules_may_ask_for_registered_parties_and_for_credentials),
		cmocka_unit_test(silent_file_has_these_defaults),
		cmocka_unit_test(each_word_of_protections_sets_its_class),
		cmocka_unit_test(default_overrules_nothing_that_is_said),
		cmocka_unit_test(each_part_of_a_server_and_each_mode_has_its_word),
		cmocka_unit_test(daemon_words_are_read),
		cmocka_unit_test(path_that_a_socket_cannot_have_is_refused),
		cmocka_unit_test(any_zone_is_every_zone),
		cmocka_unit_test(value_of_another_shape_is_an_error_and_no_crash),
		cmocka_unit_test(anchor_that_bites_its_tail_ends),
		cmocka_unit_test(word_of_any_length_gets_an_answer),
		cmocka_unit_test(bytes_that_are_no_text_are_no_yaml),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
