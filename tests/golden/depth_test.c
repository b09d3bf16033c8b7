// SPDX-License-Identifier: MIT
/* Transcripts from the RFCs: many forks, offers inside offers, glare, hold, session timers, transfer
 * and its kin, methods in and out of dialogs. */
#include "golden/world.h"

static const char *callee_says(const char *start, const char *branch, const char *cseq,
			       const char *more, const char *sdp)
{
	return say(&(struct say){ .start = start, .via = PBX, .branch = branch, .cseq = cseq,
				  .from = CALLEE ";tag=b1", .to = CALLER ";tag=a1", .more = more,
				  .sdp = sdp });
}

static void accepted(const char *from, const char *to, const char *text)
{
	pass(from, 5060, to, text);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.sent, 1);
}

/* The caller's request in the dialog, and its answer. */
static void caller_request(const char *method, int number, const char *offer, const char *status,
			   const char *answered)
{
	char start[64], branch[16], cseq[32];

	snprintf(start, sizeof(start), "%s sip:b@" PBX " SIP/2.0", method);
	snprintf(branch, sizeof(branch), "q%d", number);
	snprintf(cseq, sizeof(cseq), "%d %s", number, method);
	accepted(PHONE, PBX, message(start, branch, cseq, "b1", offer));
	if (status)
		accepted(PBX, PHONE, message(status, branch, cseq, "b1", answered));
}

static void callee_request(const char *method, int number, const char *offer, const char *status,
			   const char *answered)
{
	char start[64], branch[16], cseq[32];

	snprintf(start, sizeof(start), "%s sip:a@" PHONE " SIP/2.0", method);
	snprintf(branch, sizeof(branch), "p%d", number);
	snprintf(cseq, sizeof(cseq), "%d %s", number, method);
	accepted(PBX, PHONE, callee_says(start, branch, cseq, "", offer));
	if (status)
		accepted(PHONE, PBX, callee_says(status, branch, cseq, "", answered));
}

static bool streams(uint16_t phone_port, uint16_t pbx_port)
{
	return open_to(PBX, pbx_port, PHONE, phone_port) & PERMIT_RTP &&
	       open_to(PHONE, phone_port, PBX, pbx_port) & PERMIT_RTP;
}

static uint32_t dialogs(void)
{
	return tables_count(w.tables, ROW_dialog);
}

/* --- 1: forks (RFC 3261 12.1, 13.2.2.4) --- */

static void ring_32(void)
{
	char tag[8];

	invite();
	for (uint16_t i = 0; i < LIMIT_DIALOGS_PER_CALL; i++) {
		snprintf(tag, sizeof(tag), "b%d", i);
		answer("SIP/2.0 183 Session Progress", tag, sdp_of(PBX, 17000 + 2 * i, ""));
		assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	}
}

static void each_of_32_forks_has_its_doors(void **state)
{
	(void)state;
	ring_32();
	for (uint16_t i = 0; i < LIMIT_DIALOGS_PER_CALL; i++)
		assert_true(streams(16000, 17000 + 2 * i));
	answer("SIP/2.0 183 Session Progress", "one more", sdp_of(PBX, 19000, ""));
	assert_int_equal(w.judgement, JUDGEMENT_REFUSE);
}

static void the_first_2xx_closes_the_losers_media_and_keeps_their_state(void **state)
{
	(void)state;
	ring_32();
	answer("SIP/2.0 200 OK", "b7", sdp_of(PBX, 17014, ""));
	for (uint16_t i = 0; i < LIMIT_DIALOGS_PER_CALL; i++)
		assert_int_equal(streams(16000, 17000 + 2 * i), i == 7);
	assert_null(permit_to(NULL, 0, PHONE, 16000));
	/* 13.2.2.4: a further 2xx within 64 T1 is acknowledged, and its dialog ended by BYE. */
	answer("SIP/2.0 200 OK", "b9", sdp_of(PBX, 17018, ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	ack("b7", "");
	ack("b9", "");
	accepted(PHONE, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y9", "2 BYE", "b9", ""));
	accepted(PBX, PHONE, message("SIP/2.0 200 OK", "y9", "2 BYE", "b9", ""));
	assert_true(streams(16000, 17014));
	assert_int_equal(call_state(), CALL_CONFIRMED);
}

static void the_losers_state_is_gone_after_64_t1(void **state)
{
	(void)state;
	ring_32();
	answer("SIP/2.0 200 OK", "b7", sdp_of(PBX, 17014, ""));
	ack("b7", "");
	run_timers(31);
	assert_int_equal(dialogs(), LIMIT_DIALOGS_PER_CALL);
	run_timers(3);
	assert_int_equal(dialogs(), 1);
	assert_true(streams(16000, 17014));
	accepted(PHONE, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y7", "2 BYE", "b7", ""));
	accepted(PBX, PHONE, message("SIP/2.0 200 OK", "y7", "2 BYE", "b7", ""));
	run_timers(60);
	assert_int_equal(tables_count(w.tables, ROW_media), 0);
	/* That of the server's health. */
	assert_int_equal(tables_count(w.tables, ROW_timer), 1);
	assert_int_equal(w.open_count, 0);
}

/* 12.2.1.1, RFC 3261 13.3.1.4: unreliable answers may differ, the last one counts. */
static void unreliable_answers_differ_and_the_last_wins(void **state)
{
	(void)state;
	invite();
	answer("SIP/2.0 183 Session Progress", "b1", sdp_of(PBX, 17000, ""));
	answer("SIP/2.0 183 Session Progress", "b2", sdp_of(PBX, 17100, ""));
	answer("SIP/2.0 200 OK", "b1", sdp_of(PBX, 17200, ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	ack("b1", "");
	assert_true(streams(16000, 17200));
	assert_false(streams(16000, 17100));
}

/* --- 2: offers (RFC 3264, 3262, 3311, 6141) --- */

/* RFC 6141 3.2: what UPDATE agreed inside a re-INVITE stays when that one fails. */
static void what_an_update_agreed_inside_a_failed_reinvite_stays(void **state)
{
	(void)state;
	set_up_call();
	accepted(PHONE, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "q2", "2 INVITE", "b1",
				     sdp_of(PHONE, 16100, "")));
	accepted(PBX, PHONE, say(&(struct say){ .start = "SIP/2.0 183 Session Progress", .branch = "q2",
						.cseq = "2 INVITE", .to = CALLEE ";tag=b1",
						.more = "Require: 100rel" CRLF "RSeq: 1" CRLF,
						.sdp = sdp_of(PBX, 17100, "") }));
	caller_request("PRACK", 3, "", "SIP/2.0 200 OK", "");
	caller_request("UPDATE", 4, sdp_of(PHONE, 16200, ""), "SIP/2.0 200 OK",
		       sdp_of(PBX, 17200, ""));
	assert_true(streams(16200, 17200));
	accepted(PBX, PHONE, message("SIP/2.0 500 Server Error", "q2", "2 INVITE", "b1", ""));
	assert_true(streams(16200, 17200));
	assert_int_equal(call_state(), CALL_CONFIRMED);
}

/* RFC 3261 14.1, 12.2.1.2: nobody is there any more. */
static void a_reinvite_answered_481_or_408_ends_the_dialog(void **state)
{
	(void)state;
	set_up_call();
	caller_request("INVITE", 2, sdp_of(PHONE, 16100, ""),
		       "SIP/2.0 481 Call/Transaction Does Not Exist", "");
	assert_int_equal(call_state(), CALL_COMPLETED);
	assert_false(streams(16000, 17000));
	/* The BYE that follows is answered somehow, and passes. */
	accepted(PHONE, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y1", "3 BYE", "b1", ""));
	run_timers(60);
	set_up_call();
	caller_request("UPDATE", 2, sdp_of(PHONE, 16100, ""), "SIP/2.0 408 Request Timeout", "");
	assert_int_equal(call_state(), CALL_COMPLETED);
	assert_false(streams(16000, 17000));
}

/* 481 to another usage of the dialog ends that usage alone (RFC 5057 5.1). */
static void a_notify_answered_481_ends_no_call(void **state)
{
	(void)state;
	set_up_call();
	callee_request("NOTIFY", 1, "", "SIP/2.0 481 Subscription does not exist", "");
	assert_true(streams(16000, 17000));
	caller_request("INFO", 2, "", "SIP/2.0 481 Call/Transaction Does Not Exist", "");
	assert_int_equal(call_state(), CALL_CONFIRMED);
}

static void glare(void)
{
	set_up_call();
	accepted(PHONE, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "q2", "2 INVITE", "b1",
				     sdp_of(PHONE, 16100, "")));
	accepted(PBX, PHONE, callee_says("INVITE sip:a@" PHONE " SIP/2.0", "p1", "1 INVITE", "",
					 sdp_of(PBX, 17100, "")));
}

/* RFC 3261 14.1: both are refused, and what was agreed goes on. */
static void glare_refused_twice_leaves_what_was(void **state)
{
	(void)state;
	glare();
	accepted(PBX, PHONE, message("SIP/2.0 491 Request Pending", "q2", "2 INVITE", "b1", ""));
	accepted(PHONE, PBX, callee_says("SIP/2.0 491 Request Pending", "p1", "1 INVITE", "", ""));
	assert_true(streams(16000, 17000));
	assert_null(permit_to(NULL, 0, PHONE, 16100));
	assert_null(permit_to(PBX, 0, PHONE, 16100));
	assert_null(permit_to(PHONE, 0, PBX, 17100));
	/* One of them tries again. */
	caller_request("INVITE", 3, sdp_of(PHONE, 16100, ""), "SIP/2.0 200 OK",
		       sdp_of(PBX, 17300, ""));
	assert_true(streams(16100, 17300));
}

static void in_a_glare_the_offer_that_is_taken_holds(void **state)
{
	(void)state;
	glare();
	accepted(PHONE, PBX, callee_says("SIP/2.0 491 Request Pending", "p1", "1 INVITE", "", ""));
	accepted(PBX, PHONE, message("SIP/2.0 200 OK", "q2", "2 INVITE", "b1",
				     sdp_of(PBX, 17200, "")));
	assert_true(streams(16100, 17200));
	assert_null(permit_to(PHONE, 0, PBX, 17100));
	hang_up();
	assert_null(permit_to(PBX, 17200, PHONE, 16100));
}

static void in_a_glare_the_first_may_be_refused_and_the_second_taken(void **state)
{
	(void)state;
	glare();
	accepted(PBX, PHONE, message("SIP/2.0 491 Request Pending", "q2", "2 INVITE", "b1", ""));
	accepted(PHONE, PBX, callee_says("SIP/2.0 200 OK", "p1", "1 INVITE", "",
					 sdp_of(PHONE, 16300, "")));
	assert_true(streams(16300, 17100));
	assert_null(permit_to(PBX, 0, PHONE, 16100));
}

/* RFC 3264 8.4: hold by direction, both ways; RTCP goes on. */
static void hold_by_direction_keeps_the_doors_and_resume_may_move(void **state)
{
	(void)state;
	set_up_call();
	caller_request("INVITE", 2, sdp_of(PHONE, 16000, "a=sendonly" CRLF), "SIP/2.0 200 OK",
		       sdp_of(PBX, 17000, "a=recvonly" CRLF));
	assert_true(streams(16000, 17000));
	assert_true(open_to(PBX, 17001, PHONE, 16001) & PERMIT_RTCP);
	callee_request("INVITE", 1, sdp_of(PBX, 17000, "a=inactive" CRLF), "SIP/2.0 200 OK",
		       sdp_of(PHONE, 16000, "a=inactive" CRLF));
	assert_true(open_to(PBX, 17001, PHONE, 16001) & PERMIT_RTCP);
	caller_request("INVITE", 3, sdp_of(PHONE, 16400, ""), "SIP/2.0 200 OK",
		       sdp_of(PBX, 17000, ""));
	assert_true(streams(16400, 17000));
	/* The old port drains some seconds (field: the peer goes on sending there). */
	assert_true(open_to(PBX, 17000, PHONE, 16000));
	run_timers(8);
	assert_null(permit_to(PBX, 17000, PHONE, 16000));
}

/* RFC 4028 7.4, 9: the refresh is an UPDATE without SDP, or a re-INVITE that repeats itself. */
static void session_refreshes_close_nothing_and_keep_the_call(void **state)
{
	(void)state;
	set_up_call();
	for (int i = 2; i < 8; i++) {
		run_timers(500);
		caller_request("UPDATE", i, "", "SIP/2.0 200 OK", "");
		assert_true(streams(16000, 17000));
	}
	run_timers(500);
	caller_request("INVITE", 8, sdp_of(PHONE, 16000, ""), "SIP/2.0 200 OK",
		       sdp_of(PBX, 17000, ""));
	assert_true(streams(16000, 17000));
	assert_int_equal(call_state(), CALL_CONFIRMED);
	run_timers(700);
	assert_int_equal(w.open_count, 0);
}

/* RFC 4028 6: 422 names a longer interval, and the call is tried again under the same Call-ID. */
static void an_interval_too_small_is_tried_again_in_the_record(void **state)
{
	(void)state;
	accepted(PHONE, PBX, say(&(struct say){ .start = "INVITE sip:b@" PBX " SIP/2.0", .branch = "i1",
						.cseq = "1 INVITE",
						.more = "Session-Expires: 60" CRLF "Supported: timer" CRLF,
						.sdp = sdp_of(PHONE, 16000, "") }));
	answer("SIP/2.0 422 Session Interval Too Small", "x", "");
	assert_int_equal(w.open_count, 0);
	accepted(PHONE, PBX, say(&(struct say){ .start = "INVITE sip:b@" PBX " SIP/2.0", .branch = "i2",
						.cseq = "2 INVITE",
						.more = "Session-Expires: 1800" CRLF "Min-SE: 1800" CRLF,
						.sdp = sdp_of(PHONE, 16000, "") }));
	accepted(PBX, PHONE, message("SIP/2.0 200 OK", "i2", "2 INVITE", "b1",
				     sdp_of(PBX, 17000, "")));
	assert_true(streams(16000, 17000));
	assert_int_equal(tables_count(w.tables, ROW_call), 1);
}

/* --- 3: transfer and its kin --- */

static const char *third(const char *start, const char *branch, const char *cseq, const char *to_tag,
			 const char *more, const char *sdp)
{
	static char to[64];
	struct say s = { .start = start, .branch = branch, .cseq = cseq, .from = CALLER ";tag=t1",
			 .call_id = "two@" PHONE, .more = more, .sdp = sdp, .to = to };

	snprintf(to, sizeof(to), "<sip:c@" PBX ">%s%s", to_tag ? ";tag=" : "", to_tag ?: "");
	return say(&s);
}

/* RFC 3515 2.4.4, RFC 5589 6: REFER, 202, NOTIFY of the progress, BYE; the new call overlaps. */
static void a_blind_transfer_overlaps_and_its_notifies_pass(void **state)
{
	(void)state;
	set_up_call();
	accepted(PBX, PHONE, callee_says("REFER sip:a@" PHONE " SIP/2.0", "p1", "1 REFER",
					 "Refer-To: <sip:c@" PBX ">" CRLF, ""));
	accepted(PHONE, PBX, callee_says("SIP/2.0 202 Accepted", "p1", "1 REFER", "", ""));
	caller_request("NOTIFY", 2, "", "SIP/2.0 200 OK", "");
	accepted(PHONE, PBX, third("INVITE sip:c@" PBX " SIP/2.0", "j1", "1 INVITE", NULL, "",
				   sdp_of(PHONE, 16002, "")));
	accepted(PBX, PHONE, third("SIP/2.0 200 OK", "j1", "1 INVITE", "c1", "",
				   sdp_of(PBX, 17002, "")));
	assert_true(streams(16000, 17000));
	assert_true(streams(16002, 17002));
	callee_request("BYE", 2, "", "SIP/2.0 200 OK", "");
	assert_false(streams(16000, 17000));
	assert_true(streams(16002, 17002));
	/* The last NOTIFY comes behind the BYE (RFC 3515 2.4.4). */
	caller_request("NOTIFY", 3, "", "SIP/2.0 200 OK", "");
}

/* RFC 3891 3, 7: an INVITE that replaces a call takes its media over; the old call ends by BYE. */
static void replaces_names_another_call_and_both_end_apart(void **state)
{
	(void)state;
	set_up_call();
	accepted(PHONE, PBX, third("INVITE sip:c@" PBX " SIP/2.0", "j1", "1 INVITE", NULL,
				   "Replaces: one@" PHONE ";to-tag=b1;from-tag=a1" CRLF
				   "Require: replaces" CRLF, sdp_of(PHONE, 16000, "")));
	accepted(PBX, PHONE, third("SIP/2.0 200 OK", "j1", "1 INVITE", "c1", "",
				   sdp_of(PBX, 17000, "")));
	hang_up();
	/* The same streams, claimed twice: they live as long as one of both calls. */
	assert_true(streams(16000, 17000));
	accepted(PHONE, PBX, third("BYE sip:c@" PBX " SIP/2.0", "j2", "2 BYE", "c1", "", ""));
	accepted(PBX, PHONE, third("SIP/2.0 200 OK", "j2", "2 BYE", "c1", "", ""));
	assert_false(streams(16000, 17000));
}

/* RFC 3911 4: Join leaves the call that it joins. */
static void join_leaves_the_call_that_it_names(void **state)
{
	(void)state;
	set_up_call();
	accepted(PHONE, PBX, third("INVITE sip:c@" PBX " SIP/2.0", "j1", "1 INVITE", NULL,
				   "Join: one@" PHONE ";to-tag=b1;from-tag=a1" CRLF,
				   sdp_of(PHONE, 16002, "")));
	accepted(PBX, PHONE, third("SIP/2.0 488 Not Acceptable Here", "j1", "1 INVITE", "c1", "", ""));
	assert_true(streams(16000, 17000));
	assert_null(permit_to(NULL, 0, PHONE, 16002));
}

/* RFC 3261 8.1.3.4: 302, and a new INVITE to a host that no message named before. */
static void a_redirect_goes_on_towards_the_new_host(void **state)
{
	(void)state;
	invite();
	accepted(PBX, PHONE, say(&(struct say){ .start = "SIP/2.0 302 Moved Temporarily", .branch = "i1",
						.cseq = "1 INVITE", .to = CALLEE ";tag=r1",
						.more = "Contact: <sip:b@10.77.2.33>" CRLF }));
	assert_null(permit_to(NULL, 0, PHONE, 16000));
	accepted(PHONE, PBX, message("ACK sip:b@" PBX " SIP/2.0", "i1", "1 ACK", "r1", ""));
	accepted(PHONE, "10.77.2.33", message("INVITE sip:b@10.77.2.33 SIP/2.0", "i2", "2 INVITE", NULL,
					      sdp_of(PHONE, 16000, "")));
	accepted("10.77.2.33", PHONE, message("SIP/2.0 200 OK", "i2", "2 INVITE", "b2",
					      sdp_of("10.77.2.33", 18000, "")));
	assert_true(open_to("10.77.2.33", 18000, PHONE, 16000) & PERMIT_RTP);
	accepted(PHONE, "10.77.2.33", message("BYE sip:b@10.77.2.33 SIP/2.0", "y1", "3 BYE", "b2", ""));
	accepted("10.77.2.33", PHONE, message("SIP/2.0 200 OK", "y1", "3 BYE", "b2", ""));
	assert_null(permit_to("10.77.2.33", 18000, PHONE, 16000));
}

/* --- 6: other methods (RFC 6665, 3903, 6086), GRUU (RFC 5627), CSeq (RFC 3261 12.2.1.1) --- */

static const char *alone(const char *method, const char *branch, const char *start, bool answered)
{
	static char cseq[32], line[96], call_id[64];
	struct say s = { .start = line, .branch = branch, .cseq = cseq, .call_id = call_id,
			 .to = answered ? "<sip:x@" PBX ">;tag=n1" : "<sip:x@" PBX ">" };

	snprintf(cseq, sizeof(cseq), "1 %s", method);
	snprintf(line, sizeof(line), "%s", start);
	snprintf(call_id, sizeof(call_id), "%s@" PHONE, branch);
	return say(&s);
}

static void methods_outside_dialogs_pass_and_open_no_media(void **state)
{
	static const char *const methods[] = { "OPTIONS", "SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO",
					       "REFER" };

	(void)state;
	for (unsigned int i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		char start[64], branch[16];

		snprintf(start, sizeof(start), "%s sip:x@" PBX " SIP/2.0", methods[i]);
		snprintf(branch, sizeof(branch), "m%u", i);
		accepted(PHONE, PBX, alone(methods[i], branch, start, false));
		accepted(PBX, PHONE, alone(methods[i], branch, "SIP/2.0 200 OK", true));
	}
	assert_int_equal(tables_count(w.tables, ROW_call), 0);
	run_timers(60);
	assert_int_equal(tables_count(w.tables, ROW_transaction), 0);
	assert_int_equal(w.open_count, 0);
}

static void methods_inside_a_dialog_pass_both_ways(void **state)
{
	static const char *const methods[] = { "OPTIONS", "SUBSCRIBE", "NOTIFY", "INFO", "REFER" };

	(void)state;
	set_up_call();
	for (int i = 0; i < 5; i++) {
		caller_request(methods[i], 2 + i, "", "SIP/2.0 200 OK", "");
		callee_request(methods[i], 1 + i, "", "SIP/2.0 200 OK", "");
	}
	assert_true(streams(16000, 17000));
	hang_up();
	run_timers(60);
	assert_int_equal(w.open_count, 0);
}

/* Each side counts for itself: the callee's first number may be below the caller's. */
static void sequence_numbers_are_each_sides_own(void **state)
{
	(void)state;
	set_up_call();
	caller_request("INFO", 500, "", "SIP/2.0 200 OK", "");
	callee_request("INFO", 3, "", "SIP/2.0 200 OK", "");
	callee_request("INFO", 4, "", "SIP/2.0 200 OK", "");
	pass(PBX, 5060, PHONE, callee_says("INFO sip:a@" PHONE " SIP/2.0", "p9", "2 INFO", "", ""));
	assert_refused(REASON_sip_old_cseq);
	pass(PHONE, 5060, PBX, message("INFO sip:b@" PBX " SIP/2.0", "q9", "499 INFO", "b1", ""));
	assert_refused(REASON_sip_old_cseq);
}

/* RFC 5627: a Contact that is a name with ;gr bears no address, and the dialog needs none. */
static void a_gruu_contact_makes_a_dialog_without_an_address(void **state)
{
	static const char contact[] = "Contact: <sip:a@example.org;gr=urn:uuid:f81d4fae>" CRLF;

	(void)state;
	accepted(PHONE, PBX, say(&(struct say){ .start = "INVITE sip:b@" PBX " SIP/2.0", .branch = "i1",
						.cseq = "1 INVITE", .more = contact,
						.sdp = sdp_of(PHONE, 16000, "") }));
	accepted(PBX, PHONE, say(&(struct say){ .start = "SIP/2.0 200 OK", .branch = "i1",
						.cseq = "1 INVITE", .to = CALLEE ";tag=b1",
						.more = "Contact: <sip:b@example.org;gr>" CRLF,
						.sdp = sdp_of(PBX, 17000, "") }));
	accepted(PHONE, PBX, message("ACK sip:b@example.org;gr SIP/2.0", "a1", "1 ACK", "b1", ""));
	assert_true(streams(16000, 17000));
	callee_request("BYE", 1, "", "SIP/2.0 200 OK", "");
	assert_int_equal(call_state(), CALL_COMPLETED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_of_32_forks_has_its_doors),
		TEST(the_first_2xx_closes_the_losers_media_and_keeps_their_state),
		TEST(the_losers_state_is_gone_after_64_t1),
		TEST(unreliable_answers_differ_and_the_last_wins),
		TEST(what_an_update_agreed_inside_a_failed_reinvite_stays),
		TEST(a_reinvite_answered_481_or_408_ends_the_dialog),
		TEST(a_notify_answered_481_ends_no_call),
		TEST(glare_refused_twice_leaves_what_was),
		TEST(in_a_glare_the_offer_that_is_taken_holds),
		TEST(in_a_glare_the_first_may_be_refused_and_the_second_taken),
		TEST(hold_by_direction_keeps_the_doors_and_resume_may_move),
		TEST(session_refreshes_close_nothing_and_keep_the_call),
		TEST(an_interval_too_small_is_tried_again_in_the_record),
		TEST(a_blind_transfer_overlaps_and_its_notifies_pass),
		TEST(replaces_names_another_call_and_both_end_apart),
		TEST(join_leaves_the_call_that_it_names),
		TEST(a_redirect_goes_on_towards_the_new_host),
		TEST(methods_outside_dialogs_pass_and_open_no_media),
		TEST(methods_inside_a_dialog_pass_both_ways),
		TEST(sequence_numbers_are_each_sides_own),
		TEST(a_gruu_contact_makes_a_dialog_without_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
