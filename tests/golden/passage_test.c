// SPDX-License-Identifier: MIT
/* Calls that are more than one: a B2BUA with another Call-ID on either side and media direct, one call
 * that crosses twice, PRACK with offers (RFC 3262 5), Join (RFC 3911), and methods beside calls
 * (RFC 3428, 3903, 6086). */
#include "golden/world.h"

static const char between[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24] }\n"
	"  out: { networks: [10.77.2.0/24] }\n"
	"servers:\n"
	"  pbx: { addresses: [10.77.2.10], zone: out, speaks: [sip], part: proxy, serves: [in, out] }\n"
	"rules:\n"
	"  - { from: [in, out], to: [in, out], allow: [sip] }\n";

#define FAR "10.77.2.33"

static int set_up_between(void **state)
{
	(void)state;
	return world_open(between);
}

/* A message of one leg: its own Call-ID, tags and branches. */
struct leg {
	const char *id, *from, *to;  /* From and To of its requests, without the far tag */
	const char *near, *far;      /* hosts that sign for them                         */
};

static const struct leg first = { "leg1", "<sip:a@x>;tag=a1", "<sip:b@x>", PHONE, PBX };
static const struct leg second = { "leg2", "<sip:a@y>;tag=p1", "<sip:b@y>", PBX, OTHER_PHONE };

static void leg_says(const struct leg *leg, bool by_near, const char *start, const char *cseq,
		     const char *tag, const char *sdp)
{
	char to[64], branch[32];

	snprintf(to, sizeof(to), "%s%s%s", leg->to, tag ? ";tag=" : "", tag ?: "");
	snprintf(branch, sizeof(branch), "%s%.1s%s", leg->id, cseq, strchr(cseq, ' ') + 1);
	pass(by_near ? leg->near : leg->far, 5060, by_near ? leg->far : leg->near,
	     say(&(struct say){ .start = start, .via = leg->near, .branch = branch,
				.from = leg->from, .to = to, .call_id = leg->id, .cseq = cseq,
				.sdp = sdp }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void leg_answers(const struct leg *leg, const char *sdp)
{
	leg_says(leg, false, "SIP/2.0 200 OK", "1 INVITE", "t1", sdp);
	leg_says(leg, true, "ACK sip:b@x SIP/2.0", "1 ACK", "t1", "");
}

static void leg_ends(const struct leg *leg)
{
	leg_says(leg, true, "BYE sip:b@x SIP/2.0", "2 BYE", "t1", "");
	leg_says(leg, false, "SIP/2.0 200 OK", "2 BYE", "t1", "");
}

/* The second leg comes back in with the caller's own description: its media is in one zone, and the
 * two legs end apart. */
static void b2bua_with_two_call_ids_is_two_calls_and_both_end_apart(void **state)
{
	(void)state;
	leg_says(&first, true, "INVITE sip:b@x SIP/2.0", "1 INVITE", NULL, sdp_of(PHONE, 16000, ""));
	leg_says(&second, true, "INVITE sip:b@y SIP/2.0", "1 INVITE", NULL, sdp_of(PHONE, 16000, ""));
	leg_answers(&second, sdp_of(OTHER_PHONE, 16100, ""));
	leg_answers(&first, sdp_of(OTHER_PHONE, 16100, ""));
	assert_int_equal(tables_count(w.tables, ROW_call), 2);
	leg_ends(&first);
	run_timers(33);
	assert_int_equal(tables_count(w.tables, ROW_call), 1);
	leg_ends(&second);
	run_timers(33);
	assert_int_equal(w.open_count, 0);
	assert_int_equal(tables_count(w.tables, ROW_call), 0);
}

/* Behind the B2BUA the far end is outside: the leg that crosses opens the way for both. */
static void b2bua_may_name_media_that_does_not_pass_it(void **state)
{
	(void)state;
	leg_says(&first, true, "INVITE sip:b@x SIP/2.0", "1 INVITE", NULL, sdp_of(PHONE, 16000, ""));
	leg_answers(&first, sdp_of(FAR, 17000, ""));
	assert_true(open_to(PHONE, 16000, FAR, 17000) & PERMIT_RTP);
	assert_true(open_to(FAR, 17000, PHONE, 16000) & PERMIT_RTP);
	assert_int_equal(open_to(PHONE, 16000, PBX, 17000), 0);
	leg_ends(&first);
	assert_int_equal(open_to(PHONE, 16000, FAR, 17000), 0);
}

static void turned(const char *from, const char *to, const char *start, const char *cseq,
		   const char *tag, const char *sdp)
{
	char to_header[64], branch[48];

	snprintf(to_header, sizeof(to_header), CALLEE "%s%s", tag ? ";tag=" : "", tag ?: "");
	snprintf(branch, sizeof(branch), "%s%s%.1s%s", start[0] == 'S' ? to : from,
		 start[0] == 'S' ? from : to, cseq, strchr(cseq, ' ') + 1);
	pass(from, 5060, to, say(&(struct say){ .start = start, .via = from, .branch = branch,
						.to = to_header, .cseq = cseq, .sdp = sdp }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

/* Same Call-ID, tags and CSeq, out to the proxy and back in: each passage has a record of its own, and
 * a BYE that passes both ends both. */
static void call_that_crosses_twice_has_two_records_and_one_end(void **state)
{
	(void)state;
	turned(PHONE, PBX, "INVITE sip:b@x SIP/2.0", "1 INVITE", NULL, sdp_of(PHONE, 16000, ""));
	turned(PBX, OTHER_PHONE, "INVITE sip:b@y SIP/2.0", "1 INVITE", NULL, sdp_of(PHONE, 16000, ""));
	assert_int_equal(tables_count(w.tables, ROW_call), 2);
	turned(OTHER_PHONE, PBX, "SIP/2.0 200 OK", "1 INVITE", "b1", sdp_of(OTHER_PHONE, 16100, ""));
	turned(PBX, PHONE, "SIP/2.0 200 OK", "1 INVITE", "b1", sdp_of(OTHER_PHONE, 16100, ""));
	turned(PHONE, PBX, "ACK sip:b@x SIP/2.0", "1 ACK", "b1", "");
	turned(PBX, OTHER_PHONE, "ACK sip:b@y SIP/2.0", "1 ACK", "b1", "");
	turned(PHONE, PBX, "BYE sip:b@x SIP/2.0", "2 BYE", "b1", "");
	turned(PBX, OTHER_PHONE, "BYE sip:b@y SIP/2.0", "2 BYE", "b1", "");
	turned(OTHER_PHONE, PBX, "SIP/2.0 200 OK", "2 BYE", "b1", "");
	turned(PBX, PHONE, "SIP/2.0 200 OK", "2 BYE", "b1", "");
	run_timers(33);
	assert_int_equal(tables_count(w.tables, ROW_call), 0);
	assert_int_equal(w.open_count, 0);
}

static const char *prack(const char *start, const char *sdp)
{
	return say(&(struct say){ .start = start, .branch = "k1", .cseq = "2 PRACK",
				  .to = CALLEE ";tag=b1", .more = "RAck: 1 1 INVITE" CRLF, .sdp = sdp });
}

static void ring_reliably(const char *sdp)
{
	pass(PBX, 5060, PHONE, say(&(struct say){ .start = "SIP/2.0 183 Session Progress",
		.branch = "i1", .cseq = "1 INVITE", .to = CALLEE ";tag=b1",
		.more = "Require: 100rel" CRLF "RSeq: 1" CRLF, .sdp = sdp }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

/* RFC 3262 5: the INVITE without an offer has it in the reliable answer, and PRACK answers. */
static void offer_of_a_reliable_answer_is_answered_in_prack(void **state)
{
	(void)state;
	invite_with("");
	ring_reliably(sdp_of(PBX, 17000, ""));
	pass(PHONE, 5060, PBX, prack("PRACK sip:b@" PBX " SIP/2.0", sdp_of(PHONE, 16000, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_true(open_to(PBX, 17000, PHONE, 16000) & PERMIT_RTP);
	assert_true(open_to(PHONE, 16000, PBX, 17000) & PERMIT_RTP);
}

/* RFC 3262 5: once the first is answered, PRACK may offer anew, and its 2xx answers. */
static void offer_in_prack_is_answered_in_its_2xx(void **state)
{
	(void)state;
	invite();
	ring_reliably(sdp_of(PBX, 17000, ""));
	pass(PHONE, 5060, PBX, prack("PRACK sip:b@" PBX " SIP/2.0", sdp_of(PHONE, 16050, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	pass(PBX, 5060, PHONE, prack("SIP/2.0 200 OK", sdp_of(PBX, 17050, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_true(open_to(PBX, 17050, PHONE, 16050) & PERMIT_RTP);
	assert_true(open_to(PHONE, 16050, PBX, 17050) & PERMIT_RTP);
}

/* RFC 3262 5, 3261 14.1: an offer that is refused was never made. */
static void offer_in_a_refused_prack_leaves_what_was_agreed(void **state)
{
	(void)state;
	invite();
	ring_reliably(sdp_of(PBX, 17000, ""));
	pass(PHONE, 5060, PBX, prack("PRACK sip:b@" PBX " SIP/2.0", sdp_of(PHONE, 16050, "")));
	pass(PBX, 5060, PHONE, prack("SIP/2.0 488 Not Acceptable Here", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(open_to(NULL, 0, PHONE, 16050) | open_to(PBX, 0, PHONE, 16050), 0);
	assert_true(open_to(PBX, 17000, PHONE, 16000) & PERMIT_RTP);
}

/* RFC 3911 4: the INVITE that joins is a call of its own; the other one goes on without it. */
static void call_that_joins_another_outlives_it(void **state)
{
	(void)state;
	set_up_call();
	pass(PBX, 5060, PHONE, say(&(struct say){ .start = "INVITE sip:a@" PHONE " SIP/2.0", .via = PBX,
		.branch = "j1", .from = "<sip:c@" PBX ">;tag=c1", .to = CALLER, .call_id = "joins",
		.cseq = "1 INVITE", .more = "Join: one@" PHONE ";to-tag=b1;from-tag=a1" CRLF,
		.sdp = sdp_of(PBX, 17200, "") }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	pass(PHONE, 5060, PBX, say(&(struct say){ .start = "SIP/2.0 200 OK", .via = PBX, .branch = "j1",
		.from = "<sip:c@" PBX ">;tag=c1", .to = CALLER ";tag=j9", .call_id = "joins",
		.cseq = "1 INVITE", .sdp = sdp_of(PHONE, 16200, "") }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_true(open_to(PBX, 17200, PHONE, 16200) & PERMIT_RTP);
	hang_up();
	assert_int_equal(open_to(PBX, 17000, PHONE, 16000), 0);
	assert_true(open_to(PBX, 17200, PHONE, 16200) & PERMIT_RTP);
}

static void alone(const char *method, const char *to_tag, const char *status)
{
	char start[64], cseq[32], to[64];
	struct say s = { .start = start, .branch = method, .cseq = cseq, .to = to,
			 .more = "Event: presence" CRLF };

	snprintf(cseq, sizeof(cseq), "5 %s", method);
	snprintf(start, sizeof(start), "%s sip:b@" PBX " SIP/2.0", method);
	snprintf(to, sizeof(to), CALLEE "%s%s", to_tag ? ";tag=" : "", to_tag ?: "");
	s.call_id = to_tag ? NULL : method;
	pass(PHONE, 5060, PBX, say(&s));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	s.start = status;
	snprintf(to, sizeof(to), CALLEE ";tag=%s", to_tag ?: "n1");
	pass(PBX, 5060, PHONE, say(&s));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void messages_beside_calls_and_inside_open_no_media(void **state)
{
	static const char *const methods[] = { "MESSAGE", "PUBLISH", "OPTIONS" };

	(void)state;
	for (unsigned int i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		alone(methods[i], NULL, "SIP/2.0 200 OK");
	for (uint32_t i = 0; i < w.open_count; i++)
		assert_true(w.permits[i].flags & PERMIT_SIGNALLING);
	set_up_call();
	alone("MESSAGE", "b1", "SIP/2.0 202 Accepted");
	alone("INFO", "b1", "SIP/2.0 200 OK");
	assert_true(open_to(PBX, 17000, PHONE, 16000) & PERMIT_RTP);
	hang_up();
	run_timers(60);
	assert_int_equal(w.open_count, 0);
}

/* RFC 6086 4.2.2: INFO belongs to a call. */
static void info_of_a_call_that_nobody_made_is_refused(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, say(&(struct say){ .start = "INFO sip:b@" PBX " SIP/2.0", .branch = "n1",
		.cseq = "5 INFO", .to = CALLEE ";tag=b1" }));
	assert_refused(REASON_sip_unknown_dialog);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_between, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(b2bua_with_two_call_ids_is_two_calls_and_both_end_apart),
		TEST(b2bua_may_name_media_that_does_not_pass_it),
		TEST(call_that_crosses_twice_has_two_records_and_one_end),
		TEST(offer_of_a_reliable_answer_is_answered_in_prack),
		TEST(offer_in_prack_is_answered_in_its_2xx),
		TEST(offer_in_a_refused_prack_leaves_what_was_agreed),
		TEST(call_that_joins_another_outlives_it),
		TEST(messages_beside_calls_and_inside_open_no_media),
		TEST(info_of_a_call_that_nobody_made_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
