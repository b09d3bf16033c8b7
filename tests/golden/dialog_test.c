// SPDX-License-Identifier: MIT
/* Dialogs: forks, early answers, offers in later requests, calls side by side. RFC 3261, 3262, 3311. */
#include "golden/world.h"

static void one_stream(uint16_t phone_port, const char *host, uint16_t port)
{
	assert_true(open_to(host, port, PHONE, phone_port) & PERMIT_RTP);
	assert_true(open_to(PHONE, phone_port, host, port) & PERMIT_RTP);
}

/* A request of the callee in the dialog. */
static const char *from_callee(const char *start, const char *branch, const char *cseq,
			       const char *sdp)
{
	return say(&(struct say){ .start = start, .via = PBX, .branch = branch, .cseq = cseq,
				  .from = CALLEE ";tag=b1", .to = CALLER ";tag=a1", .sdp = sdp });
}

static void cancel(void)
{
	pass(PHONE, 5060, PBX, message("CANCEL sip:b@" PBX " SIP/2.0", "i1", "1 CANCEL", NULL, ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	pass(PBX, 5060, PHONE, message("SIP/2.0 200 OK", "i1", "1 CANCEL", "b1", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

/* RFC 3261 13.2.1, 9.1, 15.1.2 */
static void early_answer_opens_flows_and_the_cancelled_call_closes_them(void **state)
{
	(void)state;
	invite();
	answer("SIP/2.0 183 Session Progress", "b1", sdp_of(PBX, 17000, ""));
	one_stream(16000, PBX, 17000);
	/* Another branch of the call may still answer, and send before it does. */
	assert_true(open_to(NULL, 0, PHONE, 16000) & PERMIT_EARLY);
	cancel();
	one_stream(16000, PBX, 17000);
	answer("SIP/2.0 487 Request Terminated", "b1", "");
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.open_count, 0);
	/* 17.1.1.3: the ACK of a failure bears the branch of the INVITE. */
	pass(PHONE, 5060, PBX, message("ACK sip:b@" PBX " SIP/2.0", "i1", "1 ACK", "b1", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

/* RFC 3261 9.1: the 2xx may have been on its way; then the call stands. */
static void call_answered_before_the_cancel_arrived_stands(void **state)
{
	(void)state;
	invite();
	cancel();
	answer("SIP/2.0 200 OK", "b1", sdp_of(PBX, 17000, ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	ack("b1", "");
	one_stream(16000, PBX, 17000);
	hang_up();
	assert_int_equal(w.open_count, 0);
}

/* RFC 3261 13.2.1: the same answer may stand in the 2xx again. */
static void answer_repeated_in_the_200_changes_nothing(void **state)
{
	uint64_t opened;

	(void)state;
	invite();
	answer("SIP/2.0 183 Session Progress", "b1", sdp_of(PBX, 17000, ""));
	opened = w.counts[COUNTER_doors_opened];
	answer("SIP/2.0 200 OK", "b1", sdp_of(PBX, 17000, ""));
	one_stream(16000, PBX, 17000);
	assert_int_equal(w.counts[COUNTER_doors_opened], opened);
	assert_int_equal(w.counts[COUNTER_doors_closed], 2);
}

/* Forbidden there, and what gateways to the telephone network do: the last answer counts. */
static void other_answer_in_the_200_moves_the_stream(void **state)
{
	(void)state;
	invite();
	answer("SIP/2.0 183 Session Progress", "b1", sdp_of(PBX, 17000, ""));
	answer("SIP/2.0 200 OK", "b1", sdp_of(PBX, 18000, ""));
	one_stream(16000, PBX, 18000);
	run_timers(6);
	assert_int_equal(open_to(PBX, 17000, PHONE, 16000), 0);
}

/* RFC 3262 5: an offer in a reliable provisional response is answered in its PRACK. */
static void offer_in_a_183_is_answered_in_the_prack(void **state)
{
	(void)state;
	invite_with("");
	answer("SIP/2.0 183 Session Progress", "b1", sdp_of(PBX, 17000, ""));
	assert_true(open_to(NULL, 0, PBX, 17000) & PERMIT_EARLY);
	pass(PHONE, 5060, PBX, message("PRACK sip:b@" PBX " SIP/2.0", "p1", "2 PRACK", "b1",
				       sdp_of(PHONE, 16000, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	one_stream(16000, PBX, 17000);
	pass(PBX, 5060, PHONE, message("SIP/2.0 200 OK", "p1", "2 PRACK", "b1", ""));
	answer("SIP/2.0 200 OK", "b1", "");
	ack("b1", "");
	one_stream(16000, PBX, 17000);
	assert_int_equal(w.open_count, 8);
}

/* RFC 3262 5: after that the PRACK may bear a new offer, and its 2xx the answer. */
static void offer_in_a_prack_is_answered_in_its_200(void **state)
{
	(void)state;
	invite();
	answer("SIP/2.0 183 Session Progress", "b1", sdp_of(PBX, 17000, ""));
	pass(PHONE, 5060, PBX, message("PRACK sip:b@" PBX " SIP/2.0", "p1", "2 PRACK", "b1",
				       sdp_of(PHONE, 16100, "")));
	pass(PBX, 5060, PHONE, message("SIP/2.0 200 OK", "p1", "2 PRACK", "b1",
				       sdp_of(PBX, 17100, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	one_stream(16100, PBX, 17100);
}

/* RFC 3311 5.1: an offer that does not wait for a human. */
static void update_moves_the_stream_in_an_early_dialog(void **state)
{
	(void)state;
	invite();
	answer("SIP/2.0 183 Session Progress", "b1", sdp_of(PBX, 17000, ""));
	pass(PHONE, 5060, PBX, message("UPDATE sip:b@" PBX " SIP/2.0", "u1", "2 UPDATE", "b1",
				       sdp_of(PHONE, 16100, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	pass(PBX, 5060, PHONE, message("SIP/2.0 200 OK", "u1", "2 UPDATE", "b1",
				       sdp_of(PBX, 17000, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	one_stream(16100, PBX, 17000);
	answer("SIP/2.0 200 OK", "b1", "");
	ack("b1", "");
	one_stream(16100, PBX, 17000);
}

/* RFC 3311 5.2: 491 where both offered at once; nothing changes. */
static void refused_update_rolls_back(void **state)
{
	(void)state;
	set_up_call();
	pass(PBX, 5060, PHONE, from_callee("UPDATE sip:a@" PHONE " SIP/2.0", "u2", "1 UPDATE",
					   sdp_of(PBX, 18000, "")));
	assert_true(open_to(PHONE, 0, PBX, 18000) & PERMIT_EARLY);
	pass(PHONE, 5060, PBX, from_callee("SIP/2.0 491 Request Pending", "u2", "1 UPDATE", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(open_to(PHONE, 0, PBX, 18000), 0);
	one_stream(16000, PBX, 17000);
}

/* RFC 3261 14.1: a re-INVITE without a final response leaves the session as it was. */
static void reinvite_that_nobody_answers_leaves_no_door(void **state)
{
	(void)state;
	set_up_call();
	pass(PHONE, 5060, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "r1", "2 INVITE", "b1",
				       sdp_of(PHONE, 18000, "")));
	assert_true(open_to(PBX, 0, PHONE, 18000) & PERMIT_EARLY);
	run_timers(300);
	assert_int_equal(open_to(PBX, 0, PHONE, 18000), 0);
	one_stream(16000, PBX, 17000);
	assert_int_equal(w.open_count, 8);
}

static void offer_of_the_callee_moves_his_stream(void **state)
{
	(void)state;
	set_up_call();
	pass(PBX, 5060, PHONE, from_callee("INVITE sip:a@" PHONE " SIP/2.0", "r2", "1 INVITE",
					   sdp_of(PBX, 18000, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	pass(PHONE, 5060, PBX, from_callee("SIP/2.0 200 OK", "r2", "1 INVITE",
					   sdp_of(PHONE, 16000, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	one_stream(16000, PBX, 18000);
	run_timers(6);
	assert_int_equal(open_to(PBX, 17000, PHONE, 16000), 0);
}

/* RFC 3261 14.1: the re-INVITE may leave the offer to the other side. */
static void reinvite_without_an_offer_gets_one_in_its_200(void **state)
{
	(void)state;
	set_up_call();
	reinvite(2, "", "SIP/2.0 200 OK", sdp_of(PBX, 18000, ""));
	assert_true(open_to(PHONE, 0, PBX, 18000) & PERMIT_EARLY);
	pass(PHONE, 5060, PBX, message("ACK sip:b@" PBX " SIP/2.0", "a2", "2 ACK", "b1",
				       sdp_of(PHONE, 16000, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	one_stream(16000, PBX, 18000);
	assert_false(open_to(PHONE, 0, PBX, 18000) & PERMIT_EARLY);
}

/* RFC 3261 12.1, 13.2.2.4: each far tag is a dialog with an answer of its own. */
static void fork_keeps_the_media_of_the_branch_that_answers(void **state)
{
	(void)state;
	invite();
	answer("SIP/2.0 183 Session Progress", "b1", sdp_of(PBX, 17000, ""));
	answer("SIP/2.0 183 Session Progress", "b2", sdp_of("10.77.2.20", 17200, ""));
	one_stream(16000, PBX, 17000);
	one_stream(16000, "10.77.2.20", 17200);
	answer("SIP/2.0 200 OK", "b2", sdp_of("10.77.2.20", 17200, ""));
	ack("b2", "");
	one_stream(16000, "10.77.2.20", 17200);
	assert_int_equal(open_to(PBX, 17000, PHONE, 16000), 0);
	pass(PHONE, 5060, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y1", "2 BYE", "b2", ""));
	pass(PBX, 5060, PHONE, message("SIP/2.0 200 OK", "y1", "2 BYE", "b2", ""));
	assert_int_equal(w.open_count, 0);
}

/* RFC 3261 13.2.2.4: who wants one of two answered calls sends a BYE in the other. */
static void bye_in_one_answered_branch_leaves_the_other(void **state)
{
	(void)state;
	invite();
	answer("SIP/2.0 200 OK", "b1", sdp_of(PBX, 17000, ""));
	ack("b1", "");
	answer("SIP/2.0 200 OK", "b2", sdp_of("10.77.2.20", 17200, ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	ack("b2", "");
	one_stream(16000, PBX, 17000);
	pass(PHONE, 5060, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y2", "2 BYE", "b2", ""));
	pass(PBX, 5060, PHONE, message("SIP/2.0 200 OK", "y2", "2 BYE", "b2", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	one_stream(16000, PBX, 17000);
	assert_int_equal(open_to("10.77.2.20", 17200, PHONE, 16000), 0);
	hang_up();
	assert_int_equal(w.open_count, 0);
}

/* RFC 3261 12.2.2, 15: a dialog that ended takes no offer any more. */
static void offer_after_the_bye_opens_nothing(void **state)
{
	(void)state;
	set_up_call();
	hang_up();
	pass(PHONE, 5060, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "r1", "10 INVITE", "b1",
				       sdp_of(PHONE, 18000, "")));
	assert_refused(REASON_sip_unknown_dialog);
	pass(PBX, 5060, PHONE, from_callee("UPDATE sip:a@" PHONE " SIP/2.0", "u9", "9 UPDATE",
					   sdp_of(PBX, 18000, "")));
	assert_refused(REASON_sip_unknown_dialog);
	assert_int_equal(w.open_count, 0);
}

/* RFC 3515 2.4.4: the dialog of a REFER outlives its call for the NOTIFY of what became of it. */
static void notify_after_the_bye_passes(void **state)
{
	(void)state;
	set_up_call();
	hang_up();
	pass(PBX, 5060, PHONE, from_callee("NOTIFY sip:a@" PHONE " SIP/2.0", "n9", "9 NOTIFY", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	pass(PHONE, 5060, PBX, from_callee("SIP/2.0 200 OK", "n9", "9 NOTIFY", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.open_count, 0);
}

/* A BYE that comes after the other side's was answered changes nothing and brings nothing back. */
static void challenged_late_bye_does_not_revive_the_call(void **state)
{
	(void)state;
	set_up_call();
	hang_up();
	pass(PBX, 5060, PHONE, from_callee("BYE sip:a@" PHONE " SIP/2.0", "y2", "1 BYE", ""));
	assert_int_equal(call_state(), CALL_COMPLETED);
	pass(PHONE, 5060, PBX, from_callee("SIP/2.0 401 Unauthorized", "y2", "1 BYE", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(call_state(), CALL_COMPLETED);
	run_timers(40);
	assert_int_equal(tables_count(w.tables, ROW_call), 0);
}

/* Both sides may hang up at once: each BYE has its answer. */
static void crossing_byes_are_both_answered(void **state)
{
	(void)state;
	set_up_call();
	pass(PHONE, 5060, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y1", "2 BYE", "b1", ""));
	pass(PBX, 5060, PHONE, from_callee("BYE sip:a@" PHONE " SIP/2.0", "y2", "1 BYE", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	pass(PBX, 5060, PHONE, message("SIP/2.0 200 OK", "y1", "2 BYE", "b1", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.open_count, 0);
	pass(PHONE, 5060, PBX, from_callee("SIP/2.0 200 OK", "y2", "1 BYE", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.open_count, 0);
	assert_int_equal(w.told[TELL_CALL_ENDED], 1);
}

/* RFC 3261 15.1.1: 481 and 408 end the dialog as well as a 200 does. */
static void bye_answered_481_ends_the_call(void **state)
{
	(void)state;
	set_up_call();
	pass(PBX, 5060, PHONE, from_callee("BYE sip:a@" PHONE " SIP/2.0", "y2", "1 BYE", ""));
	pass(PHONE, 5060, PBX,
	     from_callee("SIP/2.0 481 Call/Transaction Does Not Exist", "y2", "1 BYE", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.open_count, 0);
}

/* RFC 3261 22.2: the same Call-ID and tag, a higher CSeq, and credentials. */
static void challenged_invite_goes_on_in_its_record(void **state)
{
	(void)state;
	invite();
	answer("SIP/2.0 407 Proxy Authentication Required", "b0", "");
	assert_int_equal(w.open_count, 0);
	pass(PHONE, 5060, PBX, message("ACK sip:b@" PBX " SIP/2.0", "i1", "1 ACK", "b0", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	pass(PHONE, 5060, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "i2", "2 INVITE", NULL,
				       sdp_of(PHONE, 16000, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	pass(PBX, 5060, PHONE, message("SIP/2.0 200 OK", "i2", "2 INVITE", "b1",
				       sdp_of(PBX, 17000, "")));
	pass(PHONE, 5060, PBX, message("ACK sip:b@" PBX " SIP/2.0", "a2", "2 ACK", "b1", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	one_stream(16000, PBX, 17000);
	/* The record of the first try goes after 64 T1, the call does not. */
	run_timers(60);
	one_stream(16000, PBX, 17000);
	assert_int_equal(tables_count(w.tables, ROW_call), 1);
}

/* RFC 3261 13.3.1.4: a 2xx is repeated until its ACK comes. */
static void repeated_200_and_its_ack_pass_and_change_nothing(void **state)
{
	uint64_t held;

	(void)state;
	set_up_call();
	held = w.counts[COUNTER_batches_held];
	answer("SIP/2.0 200 OK", "b1", sdp_of(PBX, 17000, ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.sent, 1);
	ack("b1", "");
	assert_int_equal(w.sent, 1);
	assert_int_equal(w.counts[COUNTER_batches_held], held);
}

static void second_call(const char *start, const char *branch, const char *cseq, bool has_tag,
			const char *sdp)
{
	bool request = start[0] != 'S';

	pass(request ? PHONE : PBX, 5060, request ? PBX : PHONE, say(&(struct say){
		.start = start, .branch = branch, .cseq = cseq, .call_id = "two@" PHONE,
		.from = CALLER ";tag=a2", .to = has_tag ? CALLEE ";tag=b9" : CALLEE, .sdp = sdp }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void door_that_two_calls_ask_for_closes_with_the_last(void **state)
{
	(void)state;
	set_up_call();
	second_call("INVITE sip:b@" PBX " SIP/2.0", "j1", "1 INVITE", false,
		    sdp_of(PHONE, 16000, ""));
	second_call("SIP/2.0 200 OK", "j1", "1 INVITE", true, sdp_of(PBX, 17000, ""));
	assert_int_equal(w.open_count, 8);
	hang_up();
	one_stream(16000, PBX, 17000);
	assert_int_equal(w.open_count, 8);
	second_call("BYE sip:b@" PBX " SIP/2.0", "z1", "2 BYE", true, "");
	second_call("SIP/2.0 200 OK", "z1", "2 BYE", true, "");
	assert_int_equal(w.open_count, 0);
}

/* A proxy in another zone: the call passes the gateway out and in again, with one Call-ID. What the
 * phones send each other stays inside their zone. */
static void call_between_two_phones_of_one_zone_passes_twice_without_doors(void **state)
{
	struct say out = { .start = "INVITE sip:c@" OTHER_PHONE " SIP/2.0", .via = PBX,
			   .branch = "k1", .cseq = "1 INVITE", .to = "<sip:b@" PBX ">",
			   .sdp = sdp_of(PHONE, 16000, "") };

	(void)state;
	invite();
	pass(PBX, 5060, OTHER_PHONE, say(&out));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(tables_count(w.tables, ROW_call), 2);
	out.start = "SIP/2.0 200 OK";
	out.to = "<sip:b@" PBX ">;tag=b1";
	out.sdp = sdp_of(OTHER_PHONE, 19000, "");
	pass(OTHER_PHONE, 5060, PBX, say(&out));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	answer("SIP/2.0 200 OK", "b1", sdp_of(OTHER_PHONE, 19000, ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.open_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(early_answer_opens_flows_and_the_cancelled_call_closes_them),
		TEST(call_answered_before_the_cancel_arrived_stands),
		TEST(answer_repeated_in_the_200_changes_nothing),
		TEST(other_answer_in_the_200_moves_the_stream),
		TEST(offer_in_a_183_is_answered_in_the_prack),
		TEST(offer_in_a_prack_is_answered_in_its_200),
		TEST(update_moves_the_stream_in_an_early_dialog),
		TEST(refused_update_rolls_back),
		TEST(reinvite_that_nobody_answers_leaves_no_door),
		TEST(offer_of_the_callee_moves_his_stream),
		TEST(reinvite_without_an_offer_gets_one_in_its_200),
		TEST(fork_keeps_the_media_of_the_branch_that_answers),
		TEST(bye_in_one_answered_branch_leaves_the_other),
		TEST(offer_after_the_bye_opens_nothing),
		TEST(notify_after_the_bye_passes),
		TEST(challenged_late_bye_does_not_revive_the_call),
		TEST(crossing_byes_are_both_answered),
		TEST(bye_answered_481_ends_the_call),
		TEST(challenged_invite_goes_on_in_its_record),
		TEST(repeated_200_and_its_ack_pass_and_change_nothing),
		TEST(door_that_two_calls_ask_for_closes_with_the_last),
		TEST(call_between_two_phones_of_one_zone_passes_twice_without_doors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
