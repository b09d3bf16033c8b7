// SPDX-License-Identifier: MIT
/* Whole calls through the real journey. Expected values are those of RFC 3261 and RFC 3264, written
 * by hand. */
#include "golden/world.h"

static void offer_opens_the_offerers_receiving_side(void **state)
{
	(void)state;
	invite();
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.sent, 1);
	/* RFC 3264 5.1: ready to receive what it offered; RTCP one port up (RFC 3550 11) */
	assert_true(open_to(NULL, 0, PHONE, 16000) & PERMIT_EARLY);
	assert_true(open_to(NULL, 0, PHONE, 16001) & PERMIT_RTCP);
	assert_int_equal(w.open_count, 2);
}

static void answer_opens_exact_flows_and_ends_the_early_doors(void **state)
{
	(void)state;
	set_up_call();
	assert_true(open_to(PBX, 17000, PHONE, 16000) & PERMIT_RTP);
	assert_true(open_to(PHONE, 16000, PBX, 17000) & PERMIT_RTP);
	assert_true(open_to(PBX, 17001, PHONE, 16001) & PERMIT_RTCP);
	assert_true(open_to(PHONE, 16001, PBX, 17001) & PERMIT_RTCP);
	assert_true(open_to(PBX, 0, PHONE, 16000) & PERMIT_LOCK);
	assert_int_equal(open_to(NULL, 0, PHONE, 16000), 0);
	assert_int_equal(w.open_count, 8);
}

static void bye_closes_at_its_final_response(void **state)
{
	(void)state;
	set_up_call();
	pass(PHONE, 5060, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y1", "2 BYE", "b1", ""));
	assert_int_equal(w.open_count, 8);
	pass(PBX, 5060, PHONE, message("SIP/2.0 200 OK", "y1", "2 BYE", "b1", ""));
	assert_int_equal(w.open_count, 0);
	run_timers(33);
	/* But for how the server answers, for an hour. */
	for (int type = 1; type < ROW_COUNT; type++)
		assert_int_equal(tables_count(w.tables, (enum row_type)type),
				 type == ROW_health || type == ROW_timer);
}

static void challenged_bye_closes_nothing(void **state)
{
	(void)state;
	set_up_call();
	pass(PHONE, 5060, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y1", "2 BYE", "b1", ""));
	pass(PBX, 5060, PHONE,
	     message("SIP/2.0 407 Proxy Authentication Required", "y1", "2 BYE", "b1", ""));
	run_timers(60);
	assert_int_equal(w.open_count, 8);
}

static void unanswered_bye_ends_by_its_timer(void **state)
{
	(void)state;
	set_up_call();
	pass(PHONE, 5060, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y1", "2 BYE", "b1", ""));
	run_timers(33);
	assert_int_equal(w.open_count, 0);
}

static void bye_with_unknown_tag_is_refused(void **state)
{
	(void)state;
	set_up_call();
	pass(PHONE, 5060, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y1", "2 BYE", "zz", ""));
	assert_refused(REASON_sip_wrong_tag);
	pass(PHONE, 5060, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y2", "2 BYE", NULL, ""));
	assert_refused(REASON_sip_unknown_dialog);
	assert_int_equal(w.open_count, 8);
}

static void bye_from_a_stranger_with_the_right_tags_is_refused(void **state)
{
	(void)state;
	set_up_call();
	pass("10.77.1.66", 5060, PBX,
	     message("BYE sip:b@" PBX " SIP/2.0", "y1", "2 BYE", "b1", ""));
	assert_refused(REASON_sip_wrong_side);
}

static void failure_response_closes(void **state)
{
	(void)state;
	invite();
	answer("SIP/2.0 486 Busy Here", "b1", "");
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.open_count, 0);
}

static void cancel_closes_nothing_itself(void **state)
{
	(void)state;
	invite();
	pass(PHONE, 5060, PBX, message("CANCEL sip:b@" PBX " SIP/2.0", "i1", "1 CANCEL", NULL, ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.open_count, 2);
	answer("SIP/2.0 487 Request Terminated", "b1", "");
	assert_int_equal(w.open_count, 0);
}

static void retransmission_goes_on_and_changes_nothing(void **state)
{
	(void)state;
	invite();
	invite();
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.sent, 1);
	assert_int_equal(tables_count(w.tables, ROW_transaction), 1);
}

static void offer_in_200_is_answered_in_ack(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX,
	     message("INVITE sip:b@" PBX " SIP/2.0", "i1", "1 INVITE", NULL, ""));
	answer("SIP/2.0 200 OK", "b1", sdp_of(PBX, 17000, ""));
	assert_true(open_to(NULL, 0, PBX, 17000) & PERMIT_EARLY);
	pass(PHONE, 5060, PBX, message("ACK sip:b@" PBX " SIP/2.0", "a1", "1 ACK", "b1",
				       sdp_of(PHONE, 16000, "")));
	assert_true(open_to(PHONE, 16000, PBX, 17000) & PERMIT_RTP);
	assert_int_equal(open_to(NULL, 0, PBX, 17000), 0);
}

static void multiplexed_rtcp_has_no_door_of_its_own(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "i1", "1 INVITE", NULL,
				       sdp_of(PHONE, 16000, "a=rtcp-mux" CRLF)));
	answer("SIP/2.0 200 OK", "b1", sdp_of(PBX, 17000, "a=rtcp-mux" CRLF));
	assert_true(open_to(PBX, 17000, PHONE, 16000) & PERMIT_RTCP);
	assert_int_equal(open_to(PBX, 17001, PHONE, 16001), 0);
}

static void refused_reinvite_rolls_back(void **state)
{
	(void)state;
	set_up_call();
	pass(PHONE, 5060, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "r1", "2 INVITE", "b1",
				       sdp_of(PHONE, 18000, "")));
	assert_true(open_to(PBX, 0, PHONE, 18000) & PERMIT_EARLY);
	pass(PBX, 5060, PHONE,
	     message("SIP/2.0 488 Not Acceptable Here", "r1", "2 INVITE", "b1", ""));
	assert_int_equal(open_to(PBX, 0, PHONE, 18000), 0);
	assert_true(open_to(PBX, 17000, PHONE, 16000) & PERMIT_RTP);
}

static void moved_port_drains_and_closes(void **state)
{
	(void)state;
	set_up_call();
	pass(PHONE, 5060, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "r1", "2 INVITE", "b1",
				       sdp_of(PHONE, 18000, "")));
	pass(PBX, 5060, PHONE, message("SIP/2.0 200 OK", "r1", "2 INVITE", "b1",
				       sdp_of(PBX, 17000, "")));
	assert_true(open_to(PBX, 17000, PHONE, 18000) & PERMIT_RTP);
	assert_true(open_to(PBX, 17000, PHONE, 16000) & PERMIT_RTP);
	run_timers(6);
	assert_int_equal(open_to(PBX, 17000, PHONE, 16000), 0);
	assert_true(open_to(PBX, 17000, PHONE, 18000) & PERMIT_RTP);
}

static void moved_host_drains_as_a_moved_port_does(void **state)
{
	(void)state;
	set_up_call();
	pass(PBX, 5060, PHONE, "INVITE sip:a@" PHONE " SIP/2.0" CRLF
	     "Via: SIP/2.0/UDP " PBX ";branch=z9hG4bKr2" CRLF "From: <sip:b@" PBX ">;tag=b1" CRLF
	     "To: <sip:a@" PHONE ">;tag=a1" CRLF "Call-ID: one@" PHONE CRLF "CSeq: 7 INVITE" CRLF
	     "Content-Type: application/sdp" CRLF CRLF "v=0" CRLF "o=- 1 2 IN IP4 " PBX CRLF "s=-" CRLF
	     "c=IN IP4 10.77.2.20" CRLF "t=0 0" CRLF "m=audio 17000 RTP/AVP 8" CRLF);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	pass(PHONE, 5060, PBX, "SIP/2.0 200 OK" CRLF "Via: SIP/2.0/UDP " PBX ";branch=z9hG4bKr2" CRLF
	     "From: <sip:b@" PBX ">;tag=b1" CRLF "To: <sip:a@" PHONE ">;tag=a1" CRLF
	     "Call-ID: one@" PHONE CRLF "CSeq: 7 INVITE" CRLF "Content-Type: application/sdp" CRLF CRLF
	     "v=0" CRLF "o=- 1 2 IN IP4 " PHONE CRLF "s=-" CRLF "c=IN IP4 " PHONE CRLF "t=0 0" CRLF
	     "m=audio 16000 RTP/AVP 8" CRLF);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_true(open_to(PHONE, 16000, "10.77.2.20", 17000) & PERMIT_RTP);
	assert_true(open_to(PHONE, 16000, PBX, 17000) & PERMIT_RTP);
	run_timers(6);
	assert_int_equal(open_to(PHONE, 16000, PBX, 17000), 0);
}

static void foreign_host_in_sdp_is_refused_by_the_guard(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "i1", "1 INVITE", NULL,
				       sdp_of("10.77.1.99", 16000, "")));
	assert_refused(REASON_guard_foreign_host);
	pass(PHONE, 5060, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "i2", "2 INVITE", NULL,
				       sdp_of(PHONE, 161, "")));
	assert_refused(REASON_guard_forbidden_port);
	assert_int_equal(w.open_count, 0);
	assert_int_equal(tables_count(w.tables, ROW_call), 0);
}

static void zero_address_and_port_zero_open_nothing_and_pass(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "i1", "1 INVITE", NULL,
				       sdp_of("0.0.0.0", 16000, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.open_count, 0);
}

static void denied_method_is_refused(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, message("MESSAGE sip:b@" PBX " SIP/2.0", "m1", "1 MESSAGE", NULL, ""));
	assert_refused(REASON_sip_method_denied);
}

static void response_that_nobody_asked_for_is_refused(void **state)
{
	(void)state;
	answer("SIP/2.0 200 OK", "b1", sdp_of(PBX, 17000, ""));
	assert_refused(REASON_sip_unknown_transaction);
}

static void answer_with_other_lines_is_refused(void **state)
{
	(void)state;
	invite();
	answer("SIP/2.0 200 OK", "b1",
	       sdp_of(PBX, 17000, "m=video 17002 RTP/AVP 99" CRLF));
	assert_refused(REASON_sdp_answer_mismatch);
}

static void ephemeral_source_port_gets_a_door_for_the_answer(void **state)
{
	(void)state;
	pass(PHONE, 40000, PBX, message("OPTIONS sip:b@" PBX " SIP/2.0", "o1", "1 OPTIONS", NULL, ""));
	assert_true(open_to(PBX, 5060, PHONE, 40000) & PERMIT_SIGNALLING);
	run_timers(38);
	assert_int_equal(w.open_count, 0);
}

/* RFC 3261 17.1.2.2: who gives up answers 408 as timer F (64 T1) fires, so it is on its way then;
 * T4 (5 s) is how long a message may stay in the network (17.1.1.1, table 4). */
static void answer_at_the_end_of_timer_f_still_passes(void **state)
{
	(void)state;
	pass(PHONE, 40000, PBX, message("OPTIONS sip:b@" PBX " SIP/2.0", "o1", "1 OPTIONS", NULL, ""));
	run_timers(33);
	pass(PBX, 5060, PHONE, message("SIP/2.0 408 Request Timeout", "o1", "1 OPTIONS", "b1", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void unanswered_invite_ends_by_its_timer(void **state)
{
	(void)state;
	invite();
	run_timers(181);
	assert_int_equal(w.open_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(offer_opens_the_offerers_receiving_side),
		TEST(answer_opens_exact_flows_and_ends_the_early_doors),
		TEST(bye_closes_at_its_final_response),
		TEST(challenged_bye_closes_nothing),
		TEST(unanswered_bye_ends_by_its_timer),
		TEST(bye_with_unknown_tag_is_refused),
		TEST(bye_from_a_stranger_with_the_right_tags_is_refused),
		TEST(failure_response_closes),
		TEST(cancel_closes_nothing_itself),
		TEST(retransmission_goes_on_and_changes_nothing),
		TEST(offer_in_200_is_answered_in_ack),
		TEST(multiplexed_rtcp_has_no_door_of_its_own),
		TEST(refused_reinvite_rolls_back),
		TEST(moved_port_drains_and_closes),
		TEST(moved_host_drains_as_a_moved_port_does),
		TEST(foreign_host_in_sdp_is_refused_by_the_guard),
		TEST(zero_address_and_port_zero_open_nothing_and_pass),
		TEST(denied_method_is_refused),
		TEST(response_that_nobody_asked_for_is_refused),
		TEST(answer_with_other_lines_is_refused),
		TEST(ephemeral_source_port_gets_a_door_for_the_answer),
		TEST(answer_at_the_end_of_timer_f_still_passes),
		TEST(unanswered_invite_ends_by_its_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
