// SPDX-License-Identifier: MIT
/* Offers and answers of many shapes, and what is open for them: RFC 3264, 3605, 5761, 8866. */
#include "golden/world.h"

/* A description without media lines; they follow in `more`. */
static const char *lines(const char *host, const char *more)
{
	static char texts[2][1024];
	static int next;
	char *text = texts[next ^= 1];

	snprintf(text, sizeof(texts[0]),
		 "v=0" CRLF "o=- 1 1 IN IP4 %s" CRLF "s=-" CRLF "c=IN IP4 %s" CRLF "t=0 0" CRLF
		 "%s", host, host, more);
	return text;
}

static void flows_of_one_audio_stream(const char *a, uint16_t a_port, const char *b,
				      uint16_t b_port)
{
	assert_true(open_to(b, b_port, a, a_port) & PERMIT_RTP);
	assert_true(open_to(a, a_port, b, b_port) & PERMIT_RTP);
	assert_true(open_to(b, b_port + 1, a, a_port + 1) & PERMIT_RTCP);
	assert_true(open_to(a, a_port + 1, b, b_port + 1) & PERMIT_RTCP);
}

static const char *message6(const char *start, const char *cseq, const char *to, const char *sdp)
{
	return say(&(struct say){
		.start = start, .via = "[" PHONE6 "]:5060", .branch = cseq + 2, .cseq = cseq,
		.from = "<sip:a@[" PHONE6 "]>;tag=a1", .to = to, .sdp = sdp,
		.more = "Contact: <sip:a@[" PHONE6 "]:5066>" CRLF });
}

static void call_over_ipv6_opens_ipv6(void **state)
{
	(void)state;
	pass(PHONE6, 5060, PBX6, message6("INVITE sip:b@[" PBX6 "] SIP/2.0", "1 INVITE",
					  "<sip:b@[" PBX6 "]>", sdp_of(PHONE6, 16000, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_true(open_to(NULL, 0, PHONE6, 16000) & PERMIT_EARLY);
	/* RFC 3261 12.1.1: requests of the callee will go to the Contact. */
	assert_true(open_to(NULL, 0, PHONE6, 5066) & PERMIT_SIGNALLING);
	pass(PBX6, 5060, PHONE6, message6("SIP/2.0 200 OK", "1 INVITE", "<sip:b@[" PBX6 "]>;tag=b1",
					  sdp_of(PBX6, 17000, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	flows_of_one_audio_stream(PHONE6, 16000, PBX6, 17000);
	for (uint32_t i = 0; i < w.open_count; i++)
		assert_int_equal(w.open[i].family, FAMILY_IPV6);
	pass(PHONE6, 5060, PBX6, message6("BYE sip:b@[" PBX6 "] SIP/2.0", "2 BYE",
					  "<sip:b@[" PBX6 "]>;tag=b1", ""));
	pass(PBX6, 5060, PHONE6, message6("SIP/2.0 200 OK", "2 BYE", "<sip:b@[" PBX6 "]>;tag=b1",
					  ""));
	assert_int_equal(open_to(PBX6, 17000, PHONE6, 16000), 0);
}

/* A server may name hosts of either family: signalling of IPv4, media of IPv6 on one of the lines. */
static void families_of_signalling_and_media_may_differ(void **state)
{
	(void)state;
	pass(PBX, 5060, PHONE, say(&(struct say){
		.start = "INVITE sip:a@" PHONE " SIP/2.0", .via = PBX, .branch = "i9",
		.from = CALLEE ";tag=b1", .to = CALLER, .cseq = "1 INVITE",
		.sdp = lines(PBX, "m=audio 17000 RTP/AVP 8" CRLF
				  "m=audio 17002 RTP/AVP 8" CRLF "c=IN IP6 fd77:2::20" CRLF) }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_true(open_to(NULL, 0, PBX, 17000) & PERMIT_RTP);
	assert_int_equal(open_to(NULL, 0, PBX, 17002), 0);
	assert_true(open_to(NULL, 0, "fd77:2::20", 17002) & PERMIT_RTP);
}

/* RFC 8866 5.7: a connection of the media section counts before that of the session. */
static void several_lines_open_each_its_own(void **state)
{
	(void)state;
	set_up_call_with(lines(PHONE, "m=audio 16000 RTP/AVP 0 8" CRLF
				      "m=video 16002 RTP/AVP 99" CRLF
				      "a=rtpmap:99 H264/90000" CRLF
				      "m=image 16004 udptl t38" CRLF
				      "m=message 16006 TCP/MSRP *" CRLF),
			 lines(PBX, "m=audio 17000 RTP/AVP 0" CRLF
				    "m=video 17002 RTP/AVP 99" CRLF "c=IN IP4 10.77.2.20" CRLF
				    "a=rtpmap:99 H264/90000" CRLF
				    "m=image 17004 udptl t38" CRLF
				    "m=message 17006 TCP/MSRP *" CRLF));
	flows_of_one_audio_stream(PHONE, 16000, PBX, 17000);
	flows_of_one_audio_stream(PHONE, 16002, "10.77.2.20", 17002);
	assert_int_equal(permit_to(PBX, 17000, PHONE, 16000)->payload_types[0], 1 << 0 | 1 << 8);
	assert_int_equal(permit_to(PHONE, 16000, PBX, 17000)->payload_types[0], 1 << 0);
	assert_true(permit_to("10.77.2.20", 17002, PHONE, 16002)->payload_types[1] ==
		    1ull << (99 - 64));
	assert_int_equal(permit_to("10.77.2.20", 17002, PHONE, 16002)->clock_hz, 90000);
	/* UDPTL has one port and no shape of RTP (ITU-T T.38 D); MSRP is TCP. */
	assert_true(open_to(PBX, 17004, PHONE, 16004) & PERMIT_ANY);
	assert_int_equal(open_to(PBX, 17005, PHONE, 16005), 0);
	assert_int_equal(open_to(PBX, 17006, PHONE, 16006), 0);
	hang_up();
	assert_int_equal(w.open_count, 0);
}

/* RFC 3264 6: a refused line has port 0 in the answer. */
static void line_that_the_answer_refuses_is_closed(void **state)
{
	(void)state;
	invite_with(lines(PHONE, "m=audio 16000 RTP/AVP 8" CRLF "m=video 16002 RTP/AVP 99" CRLF));
	assert_true(open_to(NULL, 0, PHONE, 16002) & PERMIT_EARLY);
	answer("SIP/2.0 200 OK", "b1",
	       lines(PBX, "m=audio 17000 RTP/AVP 8" CRLF "m=video 0 RTP/AVP 99" CRLF));
	flows_of_one_audio_stream(PHONE, 16000, PBX, 17000);
	assert_int_equal(open_to(NULL, 0, PHONE, 16002), 0);
	assert_int_equal(w.open_count, 8);
}

/* RFC 3264 8.2: an offer removes a stream by port 0; 8.1: its line may be used again. */
static void removed_stream_drains_and_its_line_may_be_used_again(void **state)
{
	(void)state;
	set_up_call_with(lines(PHONE, "m=audio 16000 RTP/AVP 8" CRLF "m=video 16002 RTP/AVP 99" CRLF),
			 lines(PBX, "m=audio 17000 RTP/AVP 8" CRLF "m=video 17002 RTP/AVP 99" CRLF));
	reinvite(2, lines(PHONE, "m=audio 16000 RTP/AVP 8" CRLF "m=video 0 RTP/AVP 99" CRLF),
		 "SIP/2.0 200 OK",
		 lines(PBX, "m=audio 17000 RTP/AVP 8" CRLF "m=video 0 RTP/AVP 99" CRLF));
	run_timers(6);
	flows_of_one_audio_stream(PHONE, 16000, PBX, 17000);
	assert_int_equal(open_to(PBX, 17002, PHONE, 16002), 0);
	assert_int_equal(open_to(PHONE, 16002, PBX, 17002), 0);
	reinvite(3, lines(PHONE, "m=audio 16000 RTP/AVP 8" CRLF "m=image 16008 udptl t38" CRLF),
		 "SIP/2.0 200 OK",
		 lines(PBX, "m=audio 17000 RTP/AVP 8" CRLF "m=image 17008 udptl t38" CRLF));
	assert_true(open_to(PBX, 17008, PHONE, 16008) & PERMIT_ANY);
}

/* RFC 3264 8.1: a new stream is a line behind those that are there. */
static void added_line_opens_beside_the_running_one(void **state)
{
	(void)state;
	set_up_call();
	reinvite(2, lines(PHONE, "m=audio 16000 RTP/AVP 8" CRLF "m=video 16002 RTP/AVP 99" CRLF),
		 "SIP/2.0 200 OK",
		 lines(PBX, "m=audio 17000 RTP/AVP 8" CRLF "m=video 17002 RTP/AVP 99" CRLF));
	flows_of_one_audio_stream(PHONE, 16000, PBX, 17000);
	flows_of_one_audio_stream(PHONE, 16002, PBX, 17002);
}

/* RFC 3264 8: an offer never has fewer lines than the one before. Whoever sends one loses the line
 * that he left out, and no more. */
static void line_that_a_later_offer_leaves_out_is_closed(void **state)
{
	(void)state;
	set_up_call_with(lines(PHONE, "m=audio 16000 RTP/AVP 8" CRLF "m=video 16002 RTP/AVP 99" CRLF),
			 lines(PBX, "m=audio 17000 RTP/AVP 8" CRLF "m=video 17002 RTP/AVP 99" CRLF));
	reinvite(2, sdp_of(PHONE, 16000, ""), "SIP/2.0 200 OK", sdp_of(PBX, 17000, ""));
	run_timers(6);
	flows_of_one_audio_stream(PHONE, 16000, PBX, 17000);
	assert_int_equal(open_to(PBX, 17002, PHONE, 16002), 0);
}

/* RFC 3264 8: the peer of an agreed stream may send before it answers, a stranger may not. */
static void offer_in_a_dialog_lets_nobody_in_but_the_peer(void **state)
{
	(void)state;
	set_up_call();
	pass(PHONE, 5060, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "r2", "2 INVITE", "b1",
				       sdp_of(PHONE, 16000, "")));
	assert_int_equal(open_to(NULL, 0, PHONE, 16000), 0);
	assert_true(open_to(PBX, 17000, PHONE, 16000) & PERMIT_RTP);
	pass(PHONE, 5060, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "r3", "3 INVITE", "b1",
				       sdp_of(PHONE, 18000, "")));
	assert_int_equal(open_to(NULL, 0, PHONE, 18000), 0);
	assert_true(open_to(PBX, 0, PHONE, 18000) & PERMIT_EARLY);
}

/* RFC 3264 8.4: hold says sendonly or inactive, ports stay; RTCP goes on both ways (5.1). */
static void held_and_resumed_call_keeps_its_flows(void **state)
{
	static const char *const hold[][2] = {
		{ "a=sendonly" CRLF, "a=recvonly" CRLF },
		{ "a=inactive" CRLF, "a=inactive" CRLF },
		{ "a=sendrecv" CRLF, "a=sendrecv" CRLF },
	};
	uint64_t opened;

	(void)state;
	set_up_call();
	opened = w.counts[COUNTER_doors_opened];
	for (int i = 0; i < 3; i++) {
		reinvite(2 + i, sdp_of(PHONE, 16000, hold[i][0]), "SIP/2.0 200 OK",
			 sdp_of(PBX, 17000, hold[i][1]));
		run_timers(6);
		flows_of_one_audio_stream(PHONE, 16000, PBX, 17000);
		assert_int_equal(w.open_count, 8);
	}
	/* The offers name nobody and nothing new. */
	assert_int_equal(w.counts[COUNTER_doors_opened], opened);
}

/* RFC 3264 8.4, RFC 2543 B.5: the old hold, whose zero address says that nothing is received. */
static void call_held_by_a_zero_address_is_resumed(void **state)
{
	(void)state;
	set_up_call();
	reinvite(2, sdp_of("0.0.0.0", 16000, ""), "SIP/2.0 200 OK",
		 sdp_of(PBX, 17000, "a=sendonly" CRLF));
	run_timers(2);
	reinvite(3, sdp_of(PHONE, 16000, ""), "SIP/2.0 200 OK", sdp_of(PBX, 17000, ""));
	flows_of_one_audio_stream(PHONE, 16000, PBX, 17000);
	/* What drained of the hold takes nothing along that was opened again. */
	run_timers(6);
	flows_of_one_audio_stream(PHONE, 16000, PBX, 17000);
	assert_int_equal(w.open_count, 8);
}

static void zero_address_closes_what_was_open(void **state)
{
	(void)state;
	set_up_call();
	reinvite(2, sdp_of("0.0.0.0", 16000, ""), "SIP/2.0 200 OK", sdp_of(PBX, 17000, ""));
	run_timers(6);
	assert_int_equal(w.open_count, 0);
}

/* RFC 3605 2.1: the RTCP port of the one who says it. */
static void rtcp_attribute_moves_the_rtcp_door(void **state)
{
	(void)state;
	set_up_call_with(sdp_of(PHONE, 16000, "a=rtcp:16020" CRLF),
			 sdp_of(PBX, 17000, "a=rtcp:17050 IN IP4 10.77.2.20" CRLF));
	assert_true(open_to(PBX, 17000, PHONE, 16000) & PERMIT_RTP);
	assert_true(open_to("10.77.2.20", 17050, PHONE, 16020) & PERMIT_RTCP);
	assert_true(open_to(PHONE, 16020, "10.77.2.20", 17050) & PERMIT_RTCP);
	assert_int_equal(open_to(PBX, 17001, PHONE, 16001), 0);
	assert_int_equal(open_to(PHONE, 16001, PBX, 17001), 0);
}

/* Nobody opens a door to a third host. RTCP is what the call can do without. */
static void rtcp_attribute_towards_a_third_host_is_struck_and_the_call_passes(void **state)
{
	(void)state;
	set_up_call_with(sdp_of(PHONE, 16000, "a=rtcp:16020 IN IP4 " OTHER_PHONE CRLF),
			 sdp_of(PBX, 17000, ""));
	assert_true(open_to(PBX, 17000, PHONE, 16000) & PERMIT_RTP);
	assert_true(open_to(PHONE, 16000, PBX, 17000) & PERMIT_RTP);
	assert_int_equal(open_to(PBX, 17001, OTHER_PHONE, 16020), 0);
	assert_int_equal(open_to(PBX, 0, OTHER_PHONE, 16020), 0);
	assert_true(w.counts[COUNTER_changes_struck] > 0);
}

/* RFC 5761 5.1.1: without it in the answer RTCP keeps its own port, which stands in a=rtcp. */
static void offered_multiplexing_that_is_not_answered_keeps_two_ports(void **state)
{
	(void)state;
	invite_with(sdp_of(PHONE, 16000, "a=rtcp:16021" CRLF "a=rtcp-mux" CRLF));
	/* Until the answer says which, both may come. */
	assert_true(open_to(NULL, 0, PHONE, 16000) & PERMIT_RTCP);
	assert_true(open_to(NULL, 0, PHONE, 16021) & PERMIT_RTCP);
	answer("SIP/2.0 200 OK", "b1", sdp_of(PBX, 17000, ""));
	assert_false(open_to(PBX, 17000, PHONE, 16000) & PERMIT_RTCP);
	assert_true(open_to(PBX, 17001, PHONE, 16021) & PERMIT_RTCP);
	assert_true(open_to(PHONE, 16021, PBX, 17001) & PERMIT_RTCP);
}

/* RFC 5761 5.1.1: with it in both RTCP comes to the RTP port, whatever a=rtcp says. */
static void agreed_multiplexing_overrules_the_rtcp_attribute(void **state)
{
	(void)state;
	set_up_call_with(sdp_of(PHONE, 16000, "a=rtcp:16021" CRLF "a=rtcp-mux" CRLF),
			 sdp_of(PBX, 17000, "a=rtcp-mux" CRLF));
	assert_true(open_to(PBX, 17000, PHONE, 16000) & PERMIT_RTCP);
	assert_true(open_to(PHONE, 16000, PBX, 17000) & PERMIT_RTCP);
	assert_int_equal(open_to(PBX, 17001, PHONE, 16021), 0);
	assert_int_equal(w.open_count, 4);
}

/* RFC 8843 7.2.1: lines of one bundle share a transport; so does their door. */
static void bundled_lines_share_one_door(void **state)
{
	(void)state;
	set_up_call_with(lines(PHONE, "a=group:BUNDLE a v" CRLF
				      "m=audio 16000 RTP/AVP 8" CRLF "a=mid:a" CRLF "a=rtcp-mux" CRLF
				      "m=video 16000 RTP/AVP 99" CRLF "a=mid:v" CRLF "a=rtcp-mux" CRLF),
			 lines(PBX, "a=group:BUNDLE a v" CRLF
				    "m=audio 17000 RTP/AVP 8" CRLF "a=mid:a" CRLF "a=rtcp-mux" CRLF
				    "m=video 17000 RTP/AVP 99" CRLF "a=mid:v" CRLF "a=rtcp-mux" CRLF));
	assert_int_equal(w.open_count, 4);
	assert_int_equal(permit_to(PBX, 17000, PHONE, 16000)->payload_types[0], 1 << 8);
	assert_true(permit_to(PBX, 17000, PHONE, 16000)->payload_types[1] == 1ull << (99 - 64));
}

/* RFC 8866 5.14: m=audio 16000/2: two pairs of ports. */
static void line_with_several_ports_opens_each_pair(void **state)
{
	(void)state;
	set_up_call_with(lines(PHONE, "m=audio 16000/2 RTP/AVP 8" CRLF),
			 lines(PBX, "m=audio 17000/2 RTP/AVP 8" CRLF));
	flows_of_one_audio_stream(PHONE, 16000, PBX, 17000);
	flows_of_one_audio_stream(PHONE, 16002, PBX, 17002);
	assert_int_equal(w.open_count, 16);
}

/* RFC 3550 11: RTCP goes one port up; 65535 has none above it. */
static void last_port_has_no_rtcp_above_it(void **state)
{
	(void)state;
	invite_with(sdp_of(PHONE, 65535, ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.open_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(call_over_ipv6_opens_ipv6),
		TEST(families_of_signalling_and_media_may_differ),
		TEST(offer_in_a_dialog_lets_nobody_in_but_the_peer),
		TEST(several_lines_open_each_its_own),
		TEST(line_that_the_answer_refuses_is_closed),
		TEST(removed_stream_drains_and_its_line_may_be_used_again),
		TEST(added_line_opens_beside_the_running_one),
		TEST(line_that_a_later_offer_leaves_out_is_closed),
		TEST(held_and_resumed_call_keeps_its_flows),
		TEST(call_held_by_a_zero_address_is_resumed),
		TEST(zero_address_closes_what_was_open),
		TEST(rtcp_attribute_moves_the_rtcp_door),
		TEST(rtcp_attribute_towards_a_third_host_is_struck_and_the_call_passes),
		TEST(offered_multiplexing_that_is_not_answered_keeps_two_ports),
		TEST(agreed_multiplexing_overrules_the_rtcp_attribute),
		TEST(bundled_lines_share_one_door),
		TEST(line_with_several_ports_opens_each_pair),
		TEST(last_port_has_no_rtcp_above_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
