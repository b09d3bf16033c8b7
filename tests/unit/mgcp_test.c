// SPDX-License-Identifier: MIT
/* MGCP messages read: what RFC 3435 writes, what equipment writes, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/mgcp/mgcp.h"

#define CRLF "\r\n"

static uint8_t memory[LIMIT_ARENA_BYTES];
static struct arena arena;
static struct fault fault;

static struct slice text(const char *s)
{
	return slice_make(s, strlen(s));
}

static const struct mgcp_message *read(const char *s)
{
	const struct mgcp_message *m = NULL;

	arena = (struct arena){ memory, sizeof(memory), 0 };
	fault = (struct fault){ 0 };
	assert_int_equal(mgcp_parse(text(s), &arena, &m, &fault), 0);
	return m;
}

static void assert_bad(const char *s, enum reason reason, const char *at)
{
	const struct mgcp_message *m = NULL;

	arena = (struct arena){ memory, sizeof(memory), 0 };
	assert_int_not_equal(mgcp_parse(text(s), &arena, &m, &fault), 0);
	assert_null(m);
	assert_int_equal(fault.reason, reason);
	assert_int_equal(fault.at, strstr(s, at) - s);
}

static void assert_text(struct slice s, const char *expected)
{
	assert_int_equal(s.length, strlen(expected));
	assert_memory_equal(s.bytes, expected, s.length);
}

/* RFC 3435 F.4, shortened */
static void create_is_read(void **state)
{
	const struct mgcp_message *m = read(
		"CRCX 1204 aaln/1@rgw-2567.whatever.net MGCP 1.0" CRLF "C: A3C47F21456789F0" CRLF
		"L: p:10, a:PCMU" CRLF "M: recvonly" CRLF "N: ca@ca1.whatever.net:5678" CRLF
		"X: 0123456789AD" CRLF "R: L/hd" CRLF "S: L/rg" CRLF CRLF "v=0" CRLF
		"c=IN IP4 128.96.41.1" CRLF "m=audio 3456 RTP/AVP 0" CRLF);

	(void)state;
	assert_true(m->is_command);
	assert_int_equal(m->verb, MGCP_VERB_crcx);
	assert_int_equal(m->transaction, 1204);
	assert_text(m->endpoint.local, "aaln/1");
	assert_text(m->endpoint.domain, "rgw-2567.whatever.net");
	assert_false(m->endpoint.is_wild);
	assert_text(m->version, "1.0");
	assert_text(m->call, "A3C47F21456789F0");
	assert_int_equal(m->mode, MGCP_MODE_recvonly);
	assert_text(m->notified.host, "ca1.whatever.net");
	assert_int_equal(m->notified.port, 5678);
	assert_false(m->notified.is_address);
	assert_int_equal(m->parameter_count, 7);
	assert_int_equal(m->body_count, 1);
	assert_int_equal(m->bodies[0].length, 51);
}

static void every_verb_is_known_in_any_case(void **state)
{
	static const struct {
		const char *text;
		enum mgcp_verb verb;
		enum mgcp_sender sender;
	} verbs[] = {
		{ "epcf 1 a@b MGCP 1.0", MGCP_VERB_epcf, MGCP_FROM_AGENT },
		{ "Crcx 1 a@b MGCP 1.0", MGCP_VERB_crcx, MGCP_FROM_AGENT },
		{ "MDCX 1 a@b MGCP 1.0", MGCP_VERB_mdcx, MGCP_FROM_AGENT },
		{ "DLCX 1 a@b MGCP 1.0", MGCP_VERB_dlcx, MGCP_FROM_BOTH },
		{ "RQNT 1 a@b MGCP 1.0", MGCP_VERB_rqnt, MGCP_FROM_AGENT },
		{ "NTFY 1 a@b MGCP 1.0", MGCP_VERB_ntfy, MGCP_FROM_GATEWAY },
		{ "AUEP 1 a@b MGCP 1.0", MGCP_VERB_auep, MGCP_FROM_AGENT },
		{ "AUCX 1 a@b MGCP 1.0", MGCP_VERB_aucx, MGCP_FROM_AGENT },
		{ "RSIP 1 a@b MGCP 1.0", MGCP_VERB_rsip, MGCP_FROM_GATEWAY },
		{ "XTS1 1 a@b MGCP 1.0", MGCP_VERB_other, MGCP_FROM_BOTH },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		const struct mgcp_message *m = read(verbs[i].text);

		assert_int_equal(m->verb, verbs[i].verb);
		assert_int_equal(mgcp_verb_sender(m->verb), verbs[i].sender);
	}
	assert_string_equal(mgcp_verb_name(MGCP_VERB_rsip), "RSIP");
	assert_string_equal(mgcp_verb_name(MGCP_VERB_COUNT), "other");
}

static void old_version_and_profile_are_read(void **state)
{
	(void)state;
	assert_text(read("RSIP 1 *@vg224 MGCP 0.1\nRM: restart\n")->version, "0.1");
	assert_text(read("AUEP 1 aaln/1@mta MGCP 1.0 NCS 1.0\n")->version, "1.0");
	assert_text(read("AUEP\t1  a@b\tMGCP  1.0 TGCP 1.0\r\n")->version, "1.0");
}

static void response_is_read(void **state)
{
	const struct mgcp_message *m = read("250 1210 OK, done" CRLF "P: PS=1245, OS=62345" CRLF);

	(void)state;
	assert_false(m->is_command);
	assert_int_equal(m->code, 250);
	assert_int_equal(m->transaction, 1210);
	assert_text(m->comment, "OK, done");
	m = read("000 000001203\n");
	assert_int_equal(m->code, 0);
	assert_int_equal(m->transaction, 1203);
	/* of a package (RFC 3435 3.3) */
	assert_text(read("801 7 /BP no" CRLF)->comment, "/BP no");
	assert_int_equal(read("200 262662134 \n")->transaction, 262662134);
}

static void specific_endpoint_and_connection_of_an_answer_are_read(void **state)
{
	const struct mgcp_message *m = read("200 33621 OK" CRLF "z: rtpbridge/1@mgw" CRLF
					    "i: F42F2FA6" CRLF CRLF "v=0" CRLF);

	(void)state;
	assert_true(m->has_specific);
	assert_text(m->specific.local, "rtpbridge/1");
	assert_text(m->connection, "F42F2FA6");
	assert_int_equal(m->body_count, 1);
}

/* RFC 3435 3.4: an audit may answer with the near and the far description. */
static void two_descriptions_of_an_answer_are_told_apart(void **state)
{
	const struct mgcp_message *m =
		read("200 1 OK" CRLF "C: 1" CRLF CRLF "v=0" CRLF "m=audio 1 RTP/AVP 0" CRLF CRLF
		     "v=0" CRLF "m=audio 2 RTP/AVP 0" CRLF "." CRLF);

	(void)state;
	assert_int_equal(m->body_count, 2);
	assert_text(m->bodies[0], "v=0" CRLF "m=audio 1 RTP/AVP 0" CRLF);
	assert_text(m->bodies[1], "v=0" CRLF "m=audio 2 RTP/AVP 0" CRLF);
	assert_bad("200 1 OK" CRLF CRLF "v=0" CRLF CRLF "v=0" CRLF CRLF "v=1" CRLF,
		   REASON_message_limit, "v=1");
}

static void audit_lists_are_no_single_values(void **state)
{
	const struct mgcp_message *m = read("200 81\nI: 1,2\nX: 2\nL: p:10\nL: p:20\nZ: a@b\nZ: c@b\n"
					    "M: sendonly, recvonly\nA: a:PCMU\nA: a:G.729\n");

	(void)state;
	assert_true(m->several_connections);
	assert_int_equal(m->mode, MGCP_MODE_none);
	assert_int_equal(m->counts[MGCP_PARAMETER_specific], 2);
	assert_text(m->specific.text, "a@b");
	assert_text(read("200 81 \nI:\nX: 2\n")->connection, "");
}

static void restart_method_is_read(void **state)
{
	(void)state;
	assert_int_equal(read("RSIP 1 *@b MGCP 1.0\nRM: Graceful\nRD: 300\n")->delay, 300);
	assert_int_equal(read("RSIP 1 *@b MGCP 1.0\nRM: restart\n")->restart, MGCP_RESTART_restart);
	assert_int_equal(read("RSIP 1 *@b MGCP 1.0\nrm:forced\n")->restart, MGCP_RESTART_forced);
	assert_int_equal(read("RSIP 1 *@b MGCP 1.0\nRM: cancel-graceful\n")->restart,
			 MGCP_RESTART_cancel);
	assert_int_equal(read("RSIP 1 *@b MGCP 1.0\nRM: X-later\n")->restart, MGCP_RESTART_other);
	assert_bad("RSIP 1 *@b MGCP 1.0\nRD: soon\n", REASON_mgcp_bad_parameter, "RD");
}

static void extension_parameters_are_kept(void **state)
{
	const struct mgcp_message *m =
		read("CRCX 1 a@b MGCP 1.0" CRLF "X-Osmux: *" CRLF "X+Test: 1" CRLF "BP/Q: loop" CRLF);

	(void)state;
	assert_int_equal(m->parameter_count, 3);
	assert_int_equal(m->parameters[0].kind, MGCP_PARAMETER_other);
	assert_text(m->parameters[2].value, "loop");
}

static void confirmations_are_checked(void **state)
{
	(void)state;
	read("AUEP 1 a@b MGCP 1.0\nK: 6234-6255, 6257 , 19030-19044\n");
	read("200 1 OK\nK:\n");
	assert_bad("AUEP 1 a@b MGCP 1.0\nK: 9-3\n", REASON_mgcp_bad_parameter, "K");
	assert_bad("AUEP 1 a@b MGCP 1.0\nK: x\n", REASON_mgcp_bad_parameter, "K");
	assert_bad("AUEP 1 a@b MGCP 1.0\nK: 1234567890\n", REASON_mgcp_bad_parameter, "K");
}

static void what_is_no_message_is_refused(void **state)
{
	(void)state;
	assert_bad("", REASON_mgcp_bad_start_line, "");
	assert_bad("CRCXX 1 a@b MGCP 1.0\n", REASON_mgcp_bad_start_line, "CRCXX");
	assert_bad("CRC 1 a@b MGCP 1.0\n", REASON_mgcp_bad_start_line, "CRC");
	assert_bad("1RCX 1 a@b MGCP 1.0\n", REASON_mgcp_bad_start_line, "1RCX");
	assert_bad("CRCX x a@b MGCP 1.0\n", REASON_mgcp_bad_start_line, "CRCX");
	assert_bad("CRCX 1234567890 a@b MGCP 1.0\n", REASON_mgcp_bad_start_line, "CRCX");
	assert_bad("CRCX 1 a MGCP 1.0\n", REASON_mgcp_bad_endpoint, "a MGCP");
	assert_bad("CRCX 1 a@b\n", REASON_mgcp_bad_start_line, "CRCX");
	assert_bad("CRCX 1 a@b MGCP 2.0\n", REASON_mgcp_bad_version, "2.0");
	assert_bad("CRCX 1 a@b SIP/2.0\n", REASON_mgcp_bad_start_line, "CRCX");
	assert_bad("20 1 OK\n", REASON_mgcp_bad_start_line, "20");
	assert_bad("2000 1 OK\n", REASON_mgcp_bad_start_line, "2000");
	assert_bad("200 OK\n", REASON_mgcp_bad_start_line, "200");
	assert_bad("AUEP 1 a@b MGCP 1.0\nno colon\n", REASON_mgcp_malformed, "no colon");
	assert_bad("AUEP 1 a@b MGCP 1.0\n: x\n", REASON_mgcp_malformed, ": x");
	assert_bad("AUEP 1 a@b MGCP 1.0\nX: 1\rS: x\n", REASON_mgcp_malformed, "X: 1");
	assert_bad("RQNT 1 a@b MGCP 0.1\rR: l/hd(n)\rX: 1\r", REASON_mgcp_malformed, "RQNT");
	assert_bad("CRCX 1 a@b MGCP 1.0\nC: 1\nc: 2\n", REASON_mgcp_duplicate_parameter, "c: 2");
	assert_bad("CRCX 1 a@b MGCP 1.0\nI: 1,2\n", REASON_mgcp_bad_parameter, "I: 1,2");
	assert_bad("CRCX 1 a@b MGCP 1.0\nC: 012345678901234567890123456789012\n",
		   REASON_mgcp_bad_parameter, "C:");
	assert_bad("CRCX 1 a@b MGCP 1.0\nC: 1 2\n", REASON_mgcp_bad_parameter, "C:");
	assert_bad("CRCX 1 a@b MGCP 1.0\nM: sendrecv, inactive\n", REASON_mgcp_bad_parameter, "M:");
	assert_bad("RQNT 1 a@b MGCP 1.0\nN: ca@host:0\n", REASON_mgcp_bad_parameter, "N:");
	assert_bad("200 1 OK\nZ: nowhere\n", REASON_mgcp_bad_endpoint, "Z:");
}

static void nul_is_no_text(void **state)
{
	static const char bytes[] = "AUEP 1 a@b MGCP 1.0\nX: \0\n";
	const struct mgcp_message *m;

	(void)state;
	arena = (struct arena){ memory, sizeof(memory), 0 };
	assert_int_equal(mgcp_parse(slice_make(bytes, sizeof(bytes) - 1), &arena, &m, &fault),
			 -EBADMSG);
	assert_int_equal(fault.reason, REASON_mgcp_malformed);
}

static void too_many_lines_are_a_limit(void **state)
{
	static char many[8192];
	size_t length = 0;
	const struct mgcp_message *m;

	(void)state;
	length += (size_t)sprintf(many, "AUEP 1 a@b MGCP 1.0\n");
	for (int i = 0; i <= LIMIT_MGCP_PARAMETERS; i++)
		length += (size_t)sprintf(many + length, "A: x\n");
	arena = (struct arena){ memory, sizeof(memory), 0 };
	assert_int_equal(mgcp_parse(slice_make(many, length), &arena, &m, &fault), -E2BIG);
	assert_int_equal(fault.reason, REASON_message_limit);
	arena = (struct arena){ memory, 64, 0 };
	assert_int_equal(mgcp_parse(slice_make(many, 20), &arena, &m, &fault), -ENOMEM);
}

/* RFC 3435 3.5.5 */
static void lone_dot_parts_messages(void **state)
{
	static const char two[] = "200 2005 OK" CRLF "." CRLF "DLCX 1244 a@b MGCP 1.0" CRLF "C: 1" CRLF;

	(void)state;
	assert_int_equal(mgcp_frame(text(two)), 16);
	assert_int_equal(mgcp_frame(text(two + 16)), sizeof(two) - 1 - 16);
	assert_int_equal(mgcp_frame(text("200 1 OK\n.\n200 2 OK\n")), 11);
	assert_int_equal(mgcp_frame(text("200 1 OK\n.")), 10);
	/* a dot among others is text */
	assert_int_equal(mgcp_frame(text("200 1 OK\n..\nX: .\n. \n")), 20);
	assert_int_equal(mgcp_frame(text(CRLF CRLF)), 0);
	assert_int_equal(mgcp_frame(text("")), 0);
	assert_int_equal(read("200 2005 OK" CRLF "." CRLF)->parameter_count, 0);
}

static bool name(const char *s, struct mgcp_name *ret)
{
	return mgcp_parse_name(text(s), ret);
}

static void endpoint_names_are_checked(void **state)
{
	struct mgcp_name n;

	(void)state;
	assert_true(name("*@gw", &n) && n.is_wild);
	assert_true(name("$@[10.1.2.3]", &n) && n.is_wild);
	assert_true(name("S1/DS1-0/[1-24]@gw", &n) && n.is_wild);
	assert_true(name("aaln/1@[fd00::1]", &n) && !n.is_wild);
	assert_true(name("hu-4/#3@#4711", &n));
	assert_false(name("aaln/1", &n));
	assert_false(name("@gw", &n));
	assert_false(name("aaln/1@", &n));
	assert_false(name("aaln//1@gw", &n));
	assert_false(name("aaln/@gw", &n));
	assert_false(name("aa*/1@gw", &n));
	assert_false(name("aa$@gw", &n));
	assert_false(name("a@b@c", &n));
	assert_false(name("a@[10.1.2]", &n));
	assert_false(name("a@[", &n));
	assert_false(name("a@gw;x", &n));
}

static bool matches(const char *pattern, const char *local)
{
	return mgcp_name_matches(text(pattern), text(local));
}

static void wildcards_stand_for_names(void **state)
{
	(void)state;
	assert_true(matches("*", "aaln/1"));
	assert_true(matches("aaln/*", "AALN/1"));
	assert_true(matches("ds/*/3", "ds/e1-4/3"));
	assert_true(matches("ds/*", "ds/e1-4/3"));
	assert_true(matches("aaln/1", "aaln/1"));
	assert_false(matches("aaln/*", "aaln"));
	assert_false(matches("aaln/1", "aaln/11"));
	assert_false(matches("aaln/1", "aaln/1/2"));
	assert_false(matches("ds/*/3", "ds/e1-4/4"));
	assert_true(matches("e1-[2-4,7]/x", "e1-3/x"));
	assert_true(matches("[2-4,7]", "7"));
	assert_false(matches("[2-4,7]", "5"));
	assert_false(matches("[2-4,7]", "x"));
	assert_false(matches("[2-4", "3"));
	assert_false(matches("]2[", "2"));
	assert_false(matches("[x]", "1"));
	assert_false(matches("[1]", "1a"));
}

static void notified_entities_are_read(void **state)
{
	struct mgcp_entity e;

	(void)state;
	assert_true(mgcp_parse_entity(text("ca@10.77.1.11:2727"), &e));
	assert_true(e.is_address);
	assert_int_equal(e.port, 2727);
	assert_true(mgcp_parse_entity(text("[fd77:1::11]:5000"), &e));
	assert_true(e.is_address);
	assert_int_equal(e.port, 5000);
	assert_true(mgcp_parse_entity(text("ca1.example.net"), &e));
	assert_false(e.is_address);
	assert_int_equal(e.port, 0);
	assert_false(mgcp_parse_entity(text("ca@"), &e));
	assert_false(mgcp_parse_entity(text("ca@host:65536"), &e));
	assert_false(mgcp_parse_entity(text("ca@[fd77::1"), &e));
	assert_false(mgcp_parse_entity(text("ca@host 2727"), &e));
}

static void modes_have_their_ways(void **state)
{
	(void)state;
	assert_int_equal(mgcp_mode_ways(MGCP_MODE_sendonly), MGCP_SENDS);
	assert_int_equal(mgcp_mode_ways(MGCP_MODE_recvonly), MGCP_RECEIVES);
	assert_int_equal(mgcp_mode_ways(MGCP_MODE_sendrecv), MGCP_SENDS | MGCP_RECEIVES);
	assert_int_equal(mgcp_mode_ways(MGCP_MODE_inactive), 0);
	assert_int_equal(mgcp_mode_ways(MGCP_MODE_other), MGCP_SENDS | MGCP_RECEIVES);
	assert_int_equal(mgcp_mode_ways(MGCP_MODE_none), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_is_read),
		cmocka_unit_test(every_verb_is_known_in_any_case),
		cmocka_unit_test(old_version_and_profile_are_read),
		cmocka_unit_test(response_is_read),
		cmocka_unit_test(specific_endpoint_and_connection_of_an_answer_are_read),
		cmocka_unit_test(two_descriptions_of_an_answer_are_told_apart),
		cmocka_unit_test(audit_lists_are_no_single_values),
		cmocka_unit_test(restart_method_is_read),
		cmocka_unit_test(extension_parameters_are_kept),
		cmocka_unit_test(confirmations_are_checked),
		cmocka_unit_test(what_is_no_message_is_refused),
		cmocka_unit_test(nul_is_no_text),
		cmocka_unit_test(too_many_lines_are_a_limit),
		cmocka_unit_test(lone_dot_parts_messages),
		cmocka_unit_test(endpoint_names_are_checked),
		cmocka_unit_test(wildcards_stand_for_names),
		cmocka_unit_test(notified_entities_are_read),
		cmocka_unit_test(modes_have_their_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
