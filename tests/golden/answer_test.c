// SPDX-License-Identifier: MIT
/* What the sender of a refused request is told, by RFC 3261 8.2.6, 17.1, 18.2 and 21, and RFC 3581;
 * and who is told nothing. */
#include "golden/world.h"

#define ANSWER_NAT "10.77.2.99"

static const char answer_config[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24, \"fd77:1::/64\"] }\n"
	"  out: { networks: [10.77.2.0/24, \"fd77:2::/64\"] }\n"
	"  guests: { networks: [10.77.3.0/24] }\n"
	"servers:\n"
	"  pbx: { addresses: [10.77.2.10, \"fd77:2::10\"], zone: out, speaks: [sip], part: proxy }\n"
	"rules:\n"
	"  - { name: both, from: [in, out], to: [in, out], allow: [sip], deny: [video] }\n"
	"protections: { sip: { methods: { deny: [MESSAGE] } ANSWERS } }\n"
	"MORE";

static int open_with(const char *answers, const char *more)
{
	char text[2048];
	const char *first = strstr(answer_config, "ANSWERS"), *second = strstr(answer_config, "MORE");

	snprintf(text, sizeof(text), "%.*s%s%.*s%s", (int)(first - answer_config), answer_config,
		 answers, (int)(second - first - 7), first + 7, more);
	return world_open(text);
}

static int set_up_answers(void **state)
{
	(void)state;
	return open_with("", "");
}

static int set_up_silent(void **state)
{
	(void)state;
	return open_with(", answers: no", "");
}

static int set_up_monitor(void **state)
{
	(void)state;
	return open_with(", mode: monitor", "");
}

static int set_up_nat(void **state)
{
	(void)state;
	return open_with("", "nat:\n  phones: { zone: in, seen_from: out, hide: " ANSWER_NAT
			 ", ports: 20000-20099 }\n");
}

#define ANSWER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_answers, tear_down)

/* A MESSAGE, which policy denies. */
static void denied_from(const char *from, uint16_t port, const char *via)
{
	pass(from, port, PBX, say(&(struct say){
		.start = "MESSAGE sip:b@" PBX " SIP/2.0", .via = via, .branch = "m1",
		.cseq = "7 MESSAGE", .more = "User-Agent: a phone of some make" CRLF
		"Contact: <sip:a@" PHONE ":5060;transport=udp>" CRLF }));
}

static void denied(void)
{
	denied_from(PHONE, 5060, NULL);
}

static const char *line_of(const char *name)
{
	static char line[512];
	const char *at = strstr(w.answer_text, name);

	assert_non_null(at);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\r"), at);
	return line;
}

static void assert_endpoint(struct endpoint e, const char *host, uint16_t port)
{
	const struct endpoint wanted = endpoint(host, port);

	assert_memory_equal(&e, &wanted, sizeof(e));
}

static void assert_told(uint16_t status, enum reason reason)
{
	assert_refused(reason);
	assert_int_equal(w.answer, status);
}

static void assert_told_nothing(void)
{
	assert_int_equal(w.judgement, JUDGEMENT_REFUSE);
	assert_int_equal(w.answer, 0);
	assert_string_equal(w.answer_text, "");
}

static const char *tag_of_answer(void)
{
	static char tag[64];
	const char *to = strstr(line_of("To: "), ";tag=");

	assert_non_null(to);
	snprintf(tag, sizeof(tag), "%s", to + 5);
	return tag;
}

/* RFC 3261 8.2.6.2: From, Call-ID, CSeq and Via are the request's, in its order; To gets a tag. */
static void denied_method_is_forbidden_in_the_words_of_its_request(void **state)
{
	char tag[64], wanted[1024];

	(void)state;
	denied();
	assert_told(403, REASON_sip_method_denied);
	snprintf(tag, sizeof(tag), "%s", tag_of_answer());
	assert_true(strlen(tag) >= 8);      /* 19.3: 32 bits at least */
	snprintf(wanted, sizeof(wanted),
		 "SIP/2.0 403 Forbidden" CRLF "Via: SIP/2.0/UDP " PHONE ":5060;branch=z9hG4bKm1" CRLF
		 "From: " CALLER ";tag=a1" CRLF "To: " CALLEE ";tag=%s" CRLF "Call-ID: one@" PHONE CRLF
		 "CSeq: 7 MESSAGE" CRLF "Content-Length: 0" CRLF CRLF, tag);
	assert_string_equal(w.answer_text, wanted);
	assert_endpoint(w.answer_from, PBX, 5060);
	assert_endpoint(w.answer_to, PHONE, 5060);
	assert_int_equal(w.counts[COUNTER_requests_answered], 1);
}

/* RFC 3261 8.2.7: a stateless server gives a repeat the same tag. */
static void repeat_is_told_the_same_and_another_request_another_tag(void **state)
{
	char first[sizeof(w.answer_text)];

	(void)state;
	denied();
	strcpy(first, w.answer_text);
	w.now_ns += SECOND / 2;
	denied();
	assert_string_equal(w.answer_text, first);
	pass(PHONE, 5060, PBX, message("MESSAGE sip:b@" PBX " SIP/2.0", "m2", "8 MESSAGE", NULL, ""));
	assert_int_equal(w.answer, 403);
	assert_null(strstr(first, tag_of_answer()));
	pass(PHONE, 5060, PBX, say(&(struct say){
		.start = "MESSAGE sip:b@" PBX " SIP/2.0", .branch = "m1", .cseq = "7 MESSAGE",
		.call_id = "two@" PHONE, .more = "User-Agent: a phone" CRLF }));
	assert_int_equal(w.answer, 403);
	assert_null(strstr(first, tag_of_answer()));
}

/* RFC 3261 8.2.6.2: a To that has a tag stays as it is. */
static void request_inside_a_dialog_keeps_its_tag(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y1", "4 BYE", "b1", ""));
	assert_told(481, REASON_sip_unknown_dialog);
	assert_string_equal(line_of("To: "), "To: " CALLEE ";tag=b1");
	assert_non_null(strstr(w.answer_text, "SIP/2.0 481 "));
}

/* RFC 3261 9.2 */
static void cancel_of_nothing_is_told_so(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, message("CANCEL sip:b@" PBX " SIP/2.0", "c1", "1 CANCEL", NULL, ""));
	assert_told(481, REASON_sip_unknown_transaction);
}

/* RFC 3261 12.2.2: lower than the remote sequence number: 500. */
static void request_out_of_order_is_a_server_error(void **state)
{
	(void)state;
	set_up_call();
	pass(PHONE, 5060, PBX, message("INFO sip:b@" PBX " SIP/2.0", "f1", "5 INFO", "b1", ""));
	pass(PHONE, 5060, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y1", "4 BYE", "b1", ""));
	assert_told(500, REASON_sip_old_cseq);
}

/* RFC 3261 17.1.1.2: the branch is a live transaction's, whose own answer is yet to come. */
static void other_request_under_a_live_branch_is_told_nothing(void **state)
{
	(void)state;
	invite();
	invite_with(sdp_of(PHONE, 18000, ""));
	assert_refused(REASON_sip_old_cseq);
	assert_told_nothing();
	invite_with("hello" CRLF);
	assert_refused(REASON_sdp_malformed);
	assert_told_nothing();
}

/* RFC 3261 21.4.26, 20.43: not acceptable here, and a Warning says why. */
static void denied_stream_is_not_acceptable_here(void **state)
{
	(void)state;
	invite_with(sdp_of(PHONE, 16000, "m=video 16002 RTP/AVP 96" CRLF));
	assert_told(488, REASON_sip_stream_denied);
	assert_non_null(strstr(w.answer_text, "SIP/2.0 488 Not Acceptable Here" CRLF));
	assert_string_equal(line_of("Warning: "),
			    "Warning: 399 ringfence \"the rule denies this kind of stream (fax, video, "
			    "MSRP, BFCP, data)\"");
	assert_int_equal(w.open_count, 0);
}

/* RFC 3261 21.5.4, 20.33: overloaded for a while. */
static void full_table_asks_to_come_again(void **state)
{
	char branch[16], call_id[32];
	uint32_t calls = 0;

	(void)state;
	do {
		snprintf(branch, sizeof(branch), "i%u", calls);
		snprintf(call_id, sizeof(call_id), "call%u@" PHONE, calls);
		pass(PHONE, 5060, PBX, say(&(struct say){
			.start = "INVITE sip:b@" PBX " SIP/2.0", .branch = branch,
			.call_id = call_id, .cseq = "1 INVITE", .sdp = sdp_of(PHONE, 16000, "") }));
	} while (w.judgement == JUDGEMENT_ACCEPT && ++calls < LIMIT_CALLS);
	assert_told(503, REASON_table_full);
	assert_string_equal(line_of("Retry-After: "), "Retry-After: 5");
}

/* RFC 3261 18.2.1 */
static void via_of_another_host_than_the_sender_gets_received(void **state)
{
	(void)state;
	denied_from(PHONE, 5060, "phone.example:5060");
	assert_string_equal(line_of("Via: "), "Via: SIP/2.0/UDP phone.example:5060;branch=z9hG4bKm1"
			    ";received=" PHONE);
	denied_from(OTHER_PHONE, 5060, PHONE ":5060");
	assert_string_equal(line_of("Via: "), "Via: SIP/2.0/UDP " PHONE ":5060;branch=z9hG4bKm1"
			    ";received=" OTHER_PHONE);
	assert_endpoint(w.answer_to, OTHER_PHONE, 5060);
}

/* RFC 3581 4: rport is filled in, received stands beside it, and the answer goes to the port that the
 * request came from. */
static void rport_is_filled_in_and_followed(void **state)
{
	(void)state;
	denied_from(PHONE, 35060, PHONE ":5060;rport");
	assert_string_equal(line_of("Via: "), "Via: SIP/2.0/UDP " PHONE ":5060;rport=35060"
			    ";branch=z9hG4bKm1;received=" PHONE);
	assert_endpoint(w.answer_to, PHONE, 35060);
}

/* RFC 3261 18.2.2: without rport to the port of sent-by, 5060 where it has none. */
static void answer_goes_to_the_port_that_via_says(void **state)
{
	(void)state;
	denied_from(PHONE, 35060, PHONE ":5072");
	assert_endpoint(w.answer_to, PHONE, 5072);
	denied_from(PHONE, 35060, PHONE);
	assert_endpoint(w.answer_to, PHONE, 5060);
	denied_from(PHONE, 35060, PHONE ":53");
	assert_told_nothing();
	denied_from(PHONE, 35060, PHONE ":5060;maddr=224.2.0.1");
	assert_told_nothing();
}

/* RFC 3261 18.2.1, 16.11: the Vias below the first are those that proxies will look for. */
static void all_vias_are_copied_in_order(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, say(&(struct say){
		.start = "MESSAGE sip:b@" PBX " SIP/2.0", .via = PHONE ";rport",
		.branch = "m1, SIP/2.0/UDP " OTHER_PHONE ";branch=z9hG4bKx", .cseq = "7 MESSAGE",
		.more = "v: SIP/2.0/TCP far.example;branch=z9hG4bKy" CRLF
			"Contact: <sip:a@" PHONE ">" CRLF "Subject: what is left out" CRLF }));
	assert_int_equal(w.answer, 403);
	assert_non_null(strstr(w.answer_text, "Via: SIP/2.0/UDP " PHONE ";rport=5060"));
	assert_non_null(strstr(w.answer_text, ";received=" PHONE ", SIP/2.0/UDP " OTHER_PHONE
			       ";branch=z9hG4bKx" CRLF "v: SIP/2.0/TCP far.example;branch=z9hG4bKy"
			       CRLF "From: "));
}

/* RFC 5118 4.5: an IPv6 address in received bears no brackets. */
static void ipv6_sender_is_told_too(void **state)
{
	(void)state;
	pass(PHONE6, 35060, PBX6, say(&(struct say){
		.start = "MESSAGE sip:b@[" PBX6 "] SIP/2.0", .via = "[" PHONE6 "]:5060;rport",
		.branch = "m1", .cseq = "7 MESSAGE",
		.more = "User-Agent: a phone of some make with a long name" CRLF }));
	assert_int_equal(w.answer, 403);
	assert_non_null(strstr(w.answer_text, ";rport=35060;branch=z9hG4bKm1;received=" PHONE6 CRLF));
	assert_endpoint(w.answer_to, PHONE6, 35060);
}

/* RFC 3261 17.1.1.3: the ACK to a failure has the INVITE's branch, and the To of the answer. */
static void ack_to_the_answer_is_taken_and_goes_no_further(void **state)
{
	char tag[64];

	(void)state;
	invite_with(sdp_of(PHONE, 16000, "m=video 16002 RTP/AVP 96" CRLF));
	snprintf(tag, sizeof(tag), "%s", tag_of_answer());
	pass(PHONE, 5060, PBX, message("ACK sip:b@" PBX " SIP/2.0", "i1", "1 ACK", tag, ""));
	assert_int_equal(w.judgement, JUDGEMENT_CONSUME);
	assert_int_equal(w.sent, 0);
	assert_int_equal(w.counts[COUNTER_messages_refused], 1);
	/* Of another transaction it is none of ours. */
	pass(PHONE, 5060, PBX, message("ACK sip:b@" PBX " SIP/2.0", "i2", "1 ACK", tag, ""));
	assert_refused(REASON_sip_unknown_dialog);
	assert_told_nothing();
}

/* RFC 3261 17.1.1.3, 8.1.3: to an ACK and to a response there is no response. */
static void ack_and_responses_are_told_nothing(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, message("ACK sip:b@" PBX " SIP/2.0", "a1", "1 ACK", "b1", ""));
	assert_refused(REASON_sip_unknown_dialog);
	assert_told_nothing();
	pass(PBX, 5060, PHONE, say(&(struct say){
		.start = "SIP/2.0 200 OK", .branch = "i1", .to = CALLEE ";tag=b1", .cseq = "1 INVITE",
		.more = "User-Agent: a PBX that has room for any answer to what it says" CRLF }));
	assert_refused(REASON_sip_unknown_transaction);
	assert_told_nothing();
}

static void what_is_malformed_is_told_nothing(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, "OPTIONS sip:b@" PBX " SIP/2.0" CRLF "Via: SIP/2.0/UDP " PHONE CRLF CRLF);
	assert_told_nothing();
	pass(PHONE, 5060, PBX, say(&(struct say){
		.start = "OPTIONS sip:b@" PBX " SIP/2.0", .branch = "o1", .cseq = "1 OPTIONS",
		.more = "Call-ID: two@" PHONE CRLF }));
	assert_refused(REASON_sip_duplicate_header);
	assert_told_nothing();
}

static void tags_of_no_dialog_are_told_nothing(void **state)
{
	(void)state;
	set_up_call();
	pass(PHONE, 5060, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y1", "4 BYE", "guess", ""));
	assert_refused(REASON_sip_wrong_tag);
	assert_told_nothing();
	pass(OTHER_PHONE, 5060, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y2", "4 BYE", "b1", ""));
	assert_refused(REASON_sip_wrong_side);
	assert_told_nothing();
	hang_up();
}

/* From guests no rule lets SIP through. */
static void zone_without_a_rule_is_told_nothing(void **state)
{
	(void)state;
	denied_from(GUEST, 5060, GUEST);
	assert_told_nothing();
}

static void receiver_in_no_zone_is_forbidden(void **state)
{
	(void)state;
	pass(PHONE, 5060, "192.0.2.1", say(&(struct say){
		.start = "OPTIONS sip:b@192.0.2.1 SIP/2.0", .branch = "o1", .cseq = "1 OPTIONS",
		.more = "User-Agent: a phone" CRLF }));
	assert_told(403, REASON_message_no_zone);
	assert_endpoint(w.answer_from, "192.0.2.1", 5060);
}

/* Of an address that lies elsewhere than where it came in nobody knows whose it is. */
static void forged_sender_is_told_nothing(void **state)
{
	(void)state;
	w.from_zone = 1;
	denied_from(GUEST, 5060, GUEST);
	assert_told_nothing();
	denied_from("10.77.2.66", 5060, "10.77.2.66");
	assert_told_nothing();
}

/* Nobody is sent more than was sent in his name: the Warning gives way, then the answer. */
static void no_answer_is_longer_than_its_request(void **state)
{
	char text[8192];
	int warned = 0;

	(void)state;
	for (int pad = 0; pad < 220; pad++) {
		char more[300] = "";

		if (pad > 3)
			snprintf(more, sizeof(more), "X: %0*d" CRLF, pad, 0);
		snprintf(text, sizeof(text), "%s", say(&(struct say){
			.start = "INVITE sip:b@" PBX " SIP/2.0", .branch = "i1", .cseq = "1 INVITE",
			.more = more, .sdp = "v" }));
		pass(PHONE, 5060, PBX, text);
		assert_told(488, REASON_sdp_malformed);
		assert_true(strlen(w.answer_text) <= strlen(text));
		warned += strstr(w.answer_text, "Warning: ") != NULL;
	}
	assert_in_range(warned, 1, 219);
	pass(PHONE, 5060, PBX, "MESSAGE sip:b SIP/2.0" CRLF "v:SIP/2.0/UDP p;rport" CRLF "f:sip:a" CRLF
	     "t:sip:b" CRLF "i:1" CRLF "CSeq:1 MESSAGE" CRLF CRLF);
	assert_refused(REASON_sip_method_denied);
	assert_told_nothing();
}

static void so_many_answers_leave_in_a_second(void **state)
{
	(void)state;
	for (int i = 0; i < LIMIT_ANSWERS + 3; i++)
		denied();
	assert_int_equal(w.counts[COUNTER_requests_answered], LIMIT_ANSWERS);
	assert_int_equal(w.counts[COUNTER_answers_withheld], 3);
	assert_int_equal(w.answer, 0);
	w.now_ns += SECOND;
	denied();
	assert_int_equal(w.answer, 403);
}

static void policy_may_want_no_answers(void **state)
{
	(void)state;
	denied();
	assert_refused(REASON_sip_method_denied);
	assert_told_nothing();
}

static void what_is_only_watched_is_not_answered(void **state)
{
	(void)state;
	denied();
	assert_int_equal(w.sent, 1);
	assert_int_equal(w.answer, 0);
}

/* The caller knows his own address alone, and hears in it. */
static void hidden_phone_is_told_in_its_own_addresses(void **state)
{
	(void)state;
	denied();
	assert_told(403, REASON_sip_method_denied);
	assert_null(strstr(w.answer_text, ANSWER_NAT));
	assert_endpoint(w.answer_to, PHONE, 5060);
}

/* And who asks for a hidden one hears of the address that he asked for. */
static void caller_of_a_hidden_phone_is_told_of_the_outside_address(void **state)
{
	char text[1024], seen[64];
	const struct endpoint inside = endpoint(PHONE, 5060);
	struct text t = text_make(seen, sizeof(seen));
	struct endpoint outside;

	(void)state;
	set_up_call();
	assert_true(w.journey.around.nat.outside(w.journey.around.nat.state, &inside, 2, &outside));
	text_endpoint(&t, &outside.address, outside.port);
	snprintf(text, sizeof(text), "MESSAGE sip:a@%s SIP/2.0" CRLF "Via: SIP/2.0/UDP " PBX
		 ";branch=z9hG4bKz" CRLF "From: " CALLEE ";tag=z" CRLF "To: <sip:a@%s>" CRLF
		 "Call-ID: back" CRLF "CSeq: 1 MESSAGE" CRLF "Max-Forwards: 70" CRLF
		 "User-Agent: a PBX" CRLF CRLF, seen, seen);
	arrive(1, endpoint(PBX, 5060), outside, text);
	assert_told(403, REASON_sip_method_denied);
	assert_memory_equal(&w.answer_from, &outside, sizeof(outside));
	assert_non_null(strstr(line_of("To: "), seen));
	assert_null(strstr(w.answer_text, PHONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ANSWER_TEST(denied_method_is_forbidden_in_the_words_of_its_request),
		ANSWER_TEST(repeat_is_told_the_same_and_another_request_another_tag),
		ANSWER_TEST(request_inside_a_dialog_keeps_its_tag),
		ANSWER_TEST(cancel_of_nothing_is_told_so),
		ANSWER_TEST(request_out_of_order_is_a_server_error),
		ANSWER_TEST(other_request_under_a_live_branch_is_told_nothing),
		ANSWER_TEST(denied_stream_is_not_acceptable_here),
		ANSWER_TEST(full_table_asks_to_come_again),
		ANSWER_TEST(via_of_another_host_than_the_sender_gets_received),
		ANSWER_TEST(rport_is_filled_in_and_followed),
		ANSWER_TEST(answer_goes_to_the_port_that_via_says),
		ANSWER_TEST(all_vias_are_copied_in_order),
		ANSWER_TEST(ipv6_sender_is_told_too),
		ANSWER_TEST(ack_to_the_answer_is_taken_and_goes_no_further),
		ANSWER_TEST(ack_and_responses_are_told_nothing),
		ANSWER_TEST(what_is_malformed_is_told_nothing),
		ANSWER_TEST(tags_of_no_dialog_are_told_nothing),
		ANSWER_TEST(zone_without_a_rule_is_told_nothing),
		ANSWER_TEST(receiver_in_no_zone_is_forbidden),
		ANSWER_TEST(forged_sender_is_told_nothing),
		ANSWER_TEST(no_answer_is_longer_than_its_request),
		ANSWER_TEST(so_many_answers_leave_in_a_second),
		cmocka_unit_test_setup_teardown(policy_may_want_no_answers, set_up_silent, tear_down),
		cmocka_unit_test_setup_teardown(what_is_only_watched_is_not_answered, set_up_monitor,
						tear_down),
		cmocka_unit_test_setup_teardown(hidden_phone_is_told_in_its_own_addresses, set_up_nat,
						tear_down),
		cmocka_unit_test_setup_teardown(
			caller_of_a_hidden_phone_is_told_of_the_outside_address, set_up_nat, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
