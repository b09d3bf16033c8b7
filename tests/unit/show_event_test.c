// SPDX-License-Identifier: MIT
/* What is told of a refused message: who, whom, why, and at which byte, without its secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/show.h"
#include "proto/sip/sip_protocol.h"

#define MESSAGE                                                                                  \
	"INVITE sip:bob@example.org SIP/2.0\r\n"                                                 \
	"Via: SIP/2.0/UDP 10.1.0.1\r\n"                                                          \
	"Subject: a\r\n"                                                                         \
	" folded\r\n"                                                                            \
	"CSeq: 1 FOO\r\n"                                                                        \
	"\r\n"                                                                                   \
	"v=0\r\n"                                                                                \
	"c=IN IP4 300.1.1.1\r\n"                                                                 \
	"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET\r\n"

static const struct hash_key key = { { 1, 2 } };
static struct policy policy = { .zone_count = 2, .rule_count = 1 };
static struct view view = { .running = true, .policy = &policy,
			    .zones = { [1] = { "phones" }, [2] = { "carrier" } } };
static json_t *told;

static int set_up(void **state)
{
	struct tables *tables = tables_new(&key, 1024);

	(void)state;
	strcpy(policy.rules[0].name, "out");
	policy.rules[0].from = 1u << 1;
	policy.rules[0].to = 1u << 2;
	policy.rules[0].allow = 1u << 1;
	view.tables = tables;
	return tables ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tables_free((struct tables *)view.tables);
	json_decref(told);
	told = NULL;
	return 0;
}

static const char *word(const char *name)
{
	return json_string_value(json_object_get(told, name));
}

/* The message is refused where `part` stands in it. */
static void refuse_at(const char *message, const char *part)
{
	struct arrival a = { .flow = { .zones = { 1, 2 } }, .speaks = 1 };
	struct outcome o = { .judgement = JUDGEMENT_REFUSE, .reason = REASON_sip_bad_header };
	struct verdict_report r = { .arrival = &a, .outcome = &o, .ops = &sip_protocol,
				    .raw = slice_make(message, strlen(message)) };

	assert_true(address_parse(SLICE("10.1.0.1"), &a.flow.source.address));
	assert_true(address_parse(SLICE("203.0.113.1"), &a.flow.destination.address));
	a.flow.source.port = __builtin_bswap16(5061);
	a.flow.destination.port = __builtin_bswap16(5060);
	o.at = (uint32_t)(strstr(message, part) - message);
	json_decref(told);
	told = show_report(&view, &r);
	assert_non_null(told);
	assert_int_equal(json_integer_value(json_object_get(told, "at")), o.at);
}

static void stands_in(const char *part, int line, const char *field)
{
	refuse_at(MESSAGE, part);
	assert_int_equal(json_integer_value(json_object_get(told, "line")), line);
	assert_string_equal(word("field"), field);
}

static void who_whom_and_why_are_told(void **state)
{
	(void)state;
	refuse_at(MESSAGE, "CSeq");
	assert_string_equal(word("judgement"), "refuse");
	assert_string_equal(word("reason"), "sip_bad_header");
	assert_string_equal(word("meaning"), "a header that matters here is malformed");
	assert_string_equal(word("from"), "10.1.0.1:5061");
	assert_string_equal(word("from_zone"), "phones");
	assert_string_equal(word("to"), "203.0.113.1:5060");
	assert_string_equal(word("to_zone"), "carrier");
	assert_string_equal(word("rule"), "out");
	/* It could not be read: its first line says what it would have been. */
	assert_string_equal(word("summary"), "INVITE sip:bob@example.org SIP/2.0");
}

static void the_byte_is_found_in_its_line(void **state)
{
	(void)state;
	stands_in("sip:bob", 1, "start line");
	stands_in("FOO", 5, "CSeq");
	stands_in("CSeq", 5, "CSeq");
	/* RFC 3261 7.3.1: it goes on the header above */
	stands_in("folded", 4, "Subject");
	stands_in("300.1", 8, "c");
}

static void a_field_is_named_without_its_value(void **state)
{
	char *text;

	(void)state;
	stands_in("SECRET", 9, "a=crypto");
	text = json_dumps(told, 0);
	assert_null(strstr(text, "SECRET"));
	free(text);
}

static void strangers_bytes_are_harmless(void **state)
{
	(void)state;
	refuse_at("\x1b[2J\xff junk", "junk");
	assert_string_equal(word("summary"), "?[2J? junk");
	refuse_at("x", "x");
	assert_string_equal(word("field"), "start line");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_whom_and_why_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_byte_is_found_in_its_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_field_is_named_without_its_value, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(strangers_bytes_are_harmless, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
