// SPDX-License-Identifier: MIT
/* Any order of messages: requests and responses drawn at random, from both sides, with time between
 * them. Whatever they say, no judgement may break its contract, the same bytes twice mean the same, and
 * when all is silent nothing may be left (the ground's tear-down asks). */
#include "golden/world.h"
#include "golden/random.h"

static const char users[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24] }\n"
	"  out: { networks: [10.77.2.0/24] }\n"
	"servers:\n"
	"  pbx: { addresses: [10.77.2.10], zone: out, speaks: [sip], part: proxy, serves: [in, out] }\n"
	"rules:\n"
	"  - { from: in, to: out, allow: [sip] }\n"
	"  - { from: out, to: in, allow: [sip], registered: callee }\n"
	"limits: { contacts_per_user: 12 }\n";

static int set_up_users(void **state)
{
	(void)state;
	return world_open(users);
}

static const char *description(void)
{
	static const char *const hosts[] = { PHONE, OTHER_PHONE, PBX, "0.0.0.0", "192.0.2.9" };
	static const char *const more[] = { "", "a=sendonly" CRLF, "m=video 18000 RTP/AVP 99" CRLF,
					    "a=rtcp-mux" CRLF };

	return draw(2) ? "" : sdp_of(PICK(hosts), (uint16_t)(16000 + 2 * draw(6)), PICK(more));
}

/* Header lines that name places, and those that say how long and who. */
static const char *lines(void)
{
	static char text[2048];
	static const char *const instances[] = {
		"", "", ";+sip.instance=\"<urn:uuid:1>\"", ";+sip.instance=\"<urn:uuid:1>\";reg-id=1",
		";+sip.instance=\"<urn:uuid:2>\";reg-id=2;temp-gruu=\"sip:t1@x;gr\"",
		";temp-gruu=\"sip:t2@x;gr\"", ";temp-gruu=\"sip:t3@x;gr\"",
	};
	static const char *const hosts[] = { PHONE, PHONE, OTHER_PHONE, PBX, "x.example" };
	static const char *const rest[] = {
		"", "", "", "", "Expires: 0" CRLF, "Expires: 60" CRLF, "Expires: 4000000000" CRLF,
		"Path: <sip:" PHONE ":5083;lr>" CRLF, "Service-Route: <sip:" PBX ":5091;lr>" CRLF,
		"Record-Route: <sip:" PBX ":5090;lr>, <sip:" PHONE ":5080;lr>" CRLF,
		"WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"" CRLF,
		"Authorization: Digest realm=\"r\", nonce=\"1\", nc=00000001" CRLF,
		"Authorization: Digest realm=\"r\", nonce=\"1\"" CRLF,
		"Authentication-Info: nextnonce=\"1\"" CRLF,
	};
	size_t n = 0;

	text[0] = '\0';
	if (draw(16) == 0)
		n += (size_t)snprintf(text, sizeof(text), "Contact: *" CRLF);
	for (uint32_t i = draw(4); i > 0; i--)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "Contact: <sip:a@%s:%u>%s%s" CRLF, PICK(hosts), 5070 + draw(5),
				      PICK(instances), draw(4) ? "" : ";expires=0");
	snprintf(text + n, sizeof(text) - n, "%s", PICK(rest));
	return text;
}

/* Two users, each in one or two calls and dialogs; few branches, so that most answers answer. */
static const char *drawn_message(bool by_pbx)
{
	static const char *const methods[] = { "INVITE", "INVITE", "REGISTER", "REGISTER", "ACK", "BYE",
					       "CANCEL", "UPDATE", "PRACK", "INFO", "SUBSCRIBE",
					       "NOTIFY", "REFER", "OPTIONS" };
	static const char *const statuses[] = { "100", "180", "183", "200", "200", "200", "202", "302",
						"401", "407", "404", "481", "491", "503" };
	static const char *const tos[] = { "<sip:a@x>", "<sip:b@x>;tag=t1", "<sip:b@x>;tag=t2" };
	static const char *const callers[] = { "<sip:a@x>;tag=f1", "<sip:b@x>;tag=t1" };
	static char start[96], branch[24], cseq[32], call_id[16];
	const char *method = PICK(methods);
	uint32_t number = 1 + draw(6);
	struct say s = { .start = start, .branch = branch, .cseq = cseq, .call_id = call_id };

	if (draw(2))
		snprintf(start, sizeof(start), "%s sip:a@%s:%u SIP/2.0", method,
			 draw(2) ? PHONE : PBX, 5070 + draw(5));
	else
		snprintf(start, sizeof(start), "SIP/2.0 %s X", PICK(statuses));
	snprintf(branch, sizeof(branch), "%u%.3s", number, method);
	snprintf(cseq, sizeof(cseq), "%u %s", number, method);
	snprintf(call_id, sizeof(call_id), "c%u", draw(2));
	s.via = by_pbx ? PBX ":5075" : PHONE;
	s.from = PICK(callers);
	s.to = PICK(tos);
	s.more = lines();
	s.sdp = description();
	return say(&s);
}

static void assert_contract(void)
{
	assert_int_not_equal(w.reason, REASON_guard_bad_outcome);
	assert_int_not_equal(w.reason, REASON_guard_limit);
	assert_int_not_equal(w.reason, REASON_wants_unmet);
	assert_int_not_equal(w.reason, REASON_batch_void);
	assert_int_not_equal(w.reason, REASON_message_limit);
	assert_int_not_equal(w.reason, REASON_table_full);
	assert_int_not_equal(w.reason, REASON_sip_malformed);
	/* By contact, by GRUU, by host. */
	assert_true(tables_count(w.tables, ROW_contact) <= 3 * tables_count(w.tables, ROW_binding));
}

/* A repeat is judged as it was, and opens nothing. */
static void say_twice(bool by_pbx)
{
	static char text[8192];
	const char *from = by_pbx ? PBX : draw(3) ? PHONE : OTHER_PHONE;
	uint32_t open, rows = 0;
	enum judgement judgement;

	snprintf(text, sizeof(text), "%s", drawn_message(by_pbx));
	pass(from, 5060, by_pbx ? PHONE : PBX, text);
	assert_contract();
	open = w.open_count;
	judgement = w.judgement;
	for (int type = 1; type < ROW_COUNT; type++)
		rows += tables_count(w.tables, (enum row_type)type);
	pass(from, 5060, by_pbx ? PHONE : PBX, text);
	assert_contract();
	if (judgement != JUDGEMENT_ACCEPT)
		return;
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.open_count, open);
	for (int type = 1; type < ROW_COUNT; type++)
		rows -= tables_count(w.tables, (enum row_type)type);
	assert_int_equal(rows, 0);
}

static void whatever_is_said_no_contract_breaks_and_nothing_is_left(void **state)
{
	uint32_t opened = 0, bound = 0;

	(void)state;
	for (seed = 1; seed < MESSAGES;) {
		uint32_t kept = seed;

		seed *= 2654435761u;
		for (int i = 0; i < 60; i++) {
			say_twice(draw(2));
			opened += w.open_count > 0;
			bound += tables_count(w.tables, ROW_binding) > 0;
			if (draw(16) == 0)
				run_timers(draw(40));
		}
		seed = kept + 60;
	}
	/* it was worth looking */
	assert_true(opened > MESSAGES / 10);
	assert_true(bound > MESSAGES / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			whatever_is_said_no_contract_breaks_and_nothing_is_left, set_up_users,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
