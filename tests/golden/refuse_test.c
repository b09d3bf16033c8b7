// SPDX-License-Identifier: MIT
/* What is refused in the course of calls, each with its own reason, and opens nothing. */
#include "golden/world.h"

static const char bye[] = "BYE sip:b@" PBX " SIP/2.0";
static const char options[] = "OPTIONS sip:b@" PBX " SIP/2.0";

static void receiver_in_no_zone_is_refused(void **state)
{
	(void)state;
	pass(PHONE, 5060, "192.0.2.1", message(options, "o1", "1 OPTIONS", NULL, ""));
	assert_refused(REASON_message_no_zone);
}

static void zones_without_a_rule_are_refused(void **state)
{
	(void)state;
	pass(GUEST, 5060, PBX, message(options, "o1", "1 OPTIONS", NULL, ""));
	assert_refused(REASON_message_no_rule);
	pass(GUEST, 5060, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "i1", "1 INVITE", NULL,
				       sdp_of(GUEST, 16000, "")));
	assert_refused(REASON_message_no_rule);
	assert_int_equal(w.open_count, 0);
}

/* RFC 3261 12.2.2: lower than the remote sequence number: out of order, to be rejected. */
static void old_sequence_number_is_refused(void **state)
{
	(void)state;
	set_up_call();
	pass(PHONE, 5060, PBX,
	     message("INFO sip:b@" PBX " SIP/2.0", "f1", "5 INFO", "b1", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	pass(PHONE, 5060, PBX, message(bye, "y1", "4 BYE", "b1", ""));
	assert_refused(REASON_sip_old_cseq);
	/* 12.2.1.1: the two sides count apart. */
	pass(PBX, 5060, PHONE, say(&(struct say){
		.start = "INFO sip:a@" PHONE " SIP/2.0", .via = PBX, .branch = "f2",
		.from = CALLEE ";tag=b1", .to = CALLER ";tag=a1", .cseq = "1 INFO" }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

/* RFC 3261 17.2.3: one branch is one transaction; another request under it is none. */
static void other_request_under_a_used_branch_is_refused(void **state)
{
	(void)state;
	invite();
	invite_with(sdp_of(PHONE, 18000, ""));
	assert_refused(REASON_sip_old_cseq);
	assert_int_equal(open_to(NULL, 0, PHONE, 18000), 0);
}

static void multipart_without_its_boundary_is_a_bad_body(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX,
	     "INVITE sip:b@" PBX " SIP/2.0" CRLF "Via: SIP/2.0/UDP " PHONE ";branch=z9hG4bKi2" CRLF
	     "From: " CALLER ";tag=a1" CRLF "To: " CALLEE CRLF "Call-ID: two@" PHONE CRLF
	     "CSeq: 1 INVITE" CRLF "Max-Forwards: 70" CRLF
	     "Content-Type: multipart/mixed;boundary=x" CRLF "Content-Length: 5" CRLF CRLF "abcde");
	assert_refused(REASON_sip_bad_body);
}

/* RFC 8866 5.7: a connection in each media section, or one for the session. */
static void media_line_without_a_connection_is_refused(void **state)
{
	(void)state;
	invite_with("v=0" CRLF "o=- 1 1 IN IP4 " PHONE CRLF "s=-" CRLF "t=0 0" CRLF
		    "m=audio 16000 RTP/AVP 8" CRLF);
	assert_refused(REASON_sdp_no_connection);
}

/* What a name means to us is not what it means to the peer. */
static void name_in_a_connection_is_refused(void **state)
{
	(void)state;
	invite_with("v=0" CRLF "o=- 1 1 IN IP4 " PHONE CRLF "s=-" CRLF "c=IN IP4 phone.example" CRLF
		    "t=0 0" CRLF "m=audio 16000 RTP/AVP 8" CRLF);
	assert_refused(REASON_sdp_bad_address);
}

static void body_that_is_no_sdp_is_refused(void **state)
{
	(void)state;
	invite_with("hello" CRLF);
	assert_refused(REASON_sdp_malformed);
	assert_int_equal(tables_count(w.tables, ROW_call), 0);
}

/* RFC 3261 12.2.2: both tags and the Call-ID name the dialog. */
static void request_inside_no_dialog_is_refused(void **state)
{
	static const char *const methods[] = { "BYE", "UPDATE", "PRACK", "INFO", "INVITE" };

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		char start[64], cseq[32], branch[16];

		snprintf(start, sizeof(start), "%s sip:b@" PBX " SIP/2.0", methods[i]);
		snprintf(cseq, sizeof(cseq), "2 %s", methods[i]);
		snprintf(branch, sizeof(branch), "n%zu", i);
		pass(PHONE, 5060, PBX, message(start, branch, cseq, "b1", ""));
		assert_refused(REASON_sip_unknown_dialog);
	}
}

static void response_from_a_third_host_is_refused(void **state)
{
	(void)state;
	invite();
	pass("10.77.2.66", 5060, PHONE,
	     message("SIP/2.0 200 OK", "i1", "1 INVITE", "b1", sdp_of("10.77.2.66", 17000, "")));
	assert_refused(REASON_sip_wrong_side);
	assert_int_equal(w.open_count, 2);
}

/* RFC 3261 9.1: CANCEL bears the branch of the request that it cancels. */
static void cancel_of_nothing_is_refused(void **state)
{
	(void)state;
	invite();
	pass(PHONE, 5060, PBX, message("CANCEL sip:b@" PBX " SIP/2.0", "i2", "1 CANCEL", NULL, ""));
	assert_refused(REASON_sip_unknown_transaction);
}

static void more_forks_than_the_limit_are_refused(void **state)
{
	char tag[16];

	(void)state;
	invite();
	for (int i = 0; i < LIMIT_DIALOGS_PER_CALL; i++) {
		snprintf(tag, sizeof(tag), "b%d", i);
		answer("SIP/2.0 180 Ringing", tag, "");
		assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	}
	answer("SIP/2.0 180 Ringing", "last", "");
	assert_refused(REASON_message_limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(receiver_in_no_zone_is_refused),
		TEST(zones_without_a_rule_are_refused),
		TEST(old_sequence_number_is_refused),
		TEST(other_request_under_a_used_branch_is_refused),
		TEST(multipart_without_its_boundary_is_a_bad_body),
		TEST(media_line_without_a_connection_is_refused),
		TEST(name_in_a_connection_is_refused),
		TEST(body_that_is_no_sdp_is_refused),
		TEST(request_inside_no_dialog_is_refused),
		TEST(response_from_a_third_host_is_refused),
		TEST(cancel_of_nothing_is_refused),
		TEST(more_forks_than_the_limit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
