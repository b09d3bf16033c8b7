// SPDX-License-Identifier: MIT
/* ICE (RFC 8839), DTLS-SRTP and BUNDLE (RFC 9143): doors of candidates, from whom, how many, and that
 * they go first. */
#include "golden/world.h"

#define FINGERPRINT                                                                                \
	"a=fingerprint:SHA-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB" CRLF
#define ICE "a=ice-ufrag:8hhY" CRLF "a=ice-pwd:asd88fgpdd777uzjYhagZg" CRLF
#define HOST_CANDIDATE(n, component, address, port)                                                \
	"a=candidate:" n " " component " UDP 2130706431 " address " " port " typ host" CRLF
/* A second address of each host: the PBX may name its own zone's, a phone itself alone. */
#define PBX_OTHER "10.77.2.11"

static const char *offer(void)
{
	return sdp_of(PHONE, 16000, ICE HOST_CANDIDATE("1", "1", PHONE, "16000")
				    HOST_CANDIDATE("1", "2", PHONE, "16001")
				    HOST_CANDIDATE("2", "1", PHONE, "16100")
				    HOST_CANDIDATE("2", "2", PHONE, "16101"));
}

static const char *ice_answer(void)
{
	return sdp_of(PBX, 17000, ICE HOST_CANDIDATE("1", "1", PBX, "17000")
				  HOST_CANDIDATE("2", "1", PBX_OTHER, "17100")
				  HOST_CANDIDATE("2", "2", PBX_OTHER, "17101"));
}

static void an_offers_candidates_may_be_tried_before_the_answer(void **state)
{
	uint32_t flags;

	(void)state;
	invite_with(offer());
	flags = open_to(NULL, 0, PHONE, 16100);
	assert_true(flags & PERMIT_EARLY);
	assert_true(flags & PERMIT_STUN);
	assert_true(flags & PERMIT_RTP);
	assert_true(open_to(NULL, 0, PHONE, 16101) & PERMIT_RTCP);
	answer("SIP/2.0 486 Busy Here", "b1", "");
	assert_null(permit_to(NULL, 0, PHONE, 16100));
}

static void candidates_are_open_to_the_hosts_that_the_answer_named(void **state)
{
	(void)state;
	set_up_call_with(offer(), ice_answer());
	/* Towards the phone, from both hosts of the other side, and from nobody else. */
	assert_true(open_to(PBX, 0, PHONE, 16100) & PERMIT_STUN);
	assert_true(open_to(PBX_OTHER, 0, PHONE, 16100) & PERMIT_STUN);
	assert_true(open_to(PBX_OTHER, 0, PHONE, 16000) & PERMIT_LOCK);
	assert_true(open_to(PBX_OTHER, 0, PHONE, 16101) & PERMIT_RTCP);
	assert_null(permit_to(NULL, 0, PHONE, 16100));
	assert_null(permit_to(OTHER_PHONE, 0, PHONE, 16100));
	/* Towards the other side's second host. */
	assert_true(open_to(PHONE, 0, PBX_OTHER, 17100) & PERMIT_STUN);
	assert_true(open_to(PHONE, 0, PBX_OTHER, 17101) & PERMIT_RTCP);
	hang_up();
	assert_null(permit_to(PBX, 0, PHONE, 16100));
	assert_null(permit_to(PHONE, 0, PBX_OTHER, 17100));
}

static void a_phone_may_not_name_another_host_in_a_candidate(void **state)
{
	(void)state;
	invite_with(sdp_of(PHONE, 16000, ICE HOST_CANDIDATE("1", "1", OTHER_PHONE, "16100")
					 HOST_CANDIDATE("2", "1", "192.0.2.1", "16102")
					 HOST_CANDIDATE("3", "1", "127.0.0.1", "16104")
					 HOST_CANDIDATE("4", "1", PHONE, "22")));
	/* The call lives without them. */
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_null(permit_to(NULL, 0, OTHER_PHONE, 16100));
	assert_null(permit_to(NULL, 0, "192.0.2.1", 16102));
	assert_null(permit_to(NULL, 0, "127.0.0.1", 16104));
	assert_null(permit_to(NULL, 0, PHONE, 22));
	assert_true(open_to(NULL, 0, PHONE, 16000));
}

static void candidates_of_a_peer_without_ice_get_no_doors(void **state)
{
	(void)state;
	set_up_call_with(offer(), sdp_of(PBX, 17000, ""));
	assert_null(permit_to(PBX, 0, PHONE, 16100));
	assert_null(permit_to(NULL, 0, PHONE, 16100));
	assert_true(open_to(PBX, 17000, PHONE, 16000));
}

static void candidates_over_tcp_and_names_are_skipped(void **state)
{
	(void)state;
	invite_with(sdp_of(PHONE, 16000,
			   ICE "a=candidate:1 1 TCP 2105458943 " PHONE " 16100 typ host tcptype passive"
			   CRLF "a=candidate:2 1 UDP 2130706431 ab12.local 16102 typ host" CRLF));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_null(permit_to(NULL, 0, PHONE, 16100));
	assert_null(permit_to(NULL, 0, PHONE, 16102));
}

static void candidates_beyond_the_limit_have_no_door(void **state)
{
	char more[2048] = ICE;
	size_t at = strlen(more);
	int open = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		at += (size_t)snprintf(more + at, sizeof(more) - at,
				       "a=candidate:%d 1 UDP 1 " PHONE " %d typ host" CRLF, i,
				       16100 + 2 * i);
	invite_with(sdp_of(PHONE, 16000, more));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	for (int i = 0; i < 20; i++)
		open += permit_to(NULL, 0, PHONE, (uint16_t)(16100 + 2 * i)) != NULL;
	/* The m= line's two places count. */
	assert_int_equal(open, LIMIT_ICE_CANDIDATES - 2);
}

static void a_session_refresh_keeps_the_doors_of_candidates(void **state)
{
	(void)state;
	set_up_call_with(offer(), ice_answer());
	reinvite(2, offer(), "SIP/2.0 200 OK", ice_answer());
	assert_true(open_to(PBX_OTHER, 0, PHONE, 16100));
	/* A refused one changes nothing. */
	reinvite(3, sdp_of(PHONE, 18000, ICE HOST_CANDIDATE("1", "1", PHONE, "18100")),
		 "SIP/2.0 488 Not Acceptable Here", "");
	assert_true(open_to(PBX_OTHER, 0, PHONE, 16100));
	assert_null(permit_to(PBX, 0, PHONE, 18100));
	hang_up();
	assert_null(permit_to(PBX_OTHER, 0, PHONE, 16100));
}

/* RFC 8839 4.4.1.1.1: new credentials, new candidates. */
static void a_restart_replaces_the_candidates(void **state)
{
	(void)state;
	set_up_call_with(offer(), ice_answer());
	reinvite(2, sdp_of(PHONE, 16000, ICE HOST_CANDIDATE("9", "1", PHONE, "18100")),
		 "SIP/2.0 200 OK", ice_answer());
	assert_true(open_to(PBX_OTHER, 0, PHONE, 18100));
	assert_null(permit_to(PBX_OTHER, 0, PHONE, 16100));
}

/* RFC 5761 5.1.3: both say so. */
static void with_rtcp_mux_no_candidate_of_component_two_is_open(void **state)
{
	(void)state;
	set_up_call_with(sdp_of(PHONE, 16000, ICE "a=rtcp-mux" CRLF
				HOST_CANDIDATE("2", "1", PHONE, "16100")
				HOST_CANDIDATE("2", "2", PHONE, "16101")),
			 sdp_of(PBX, 17000, ICE "a=rtcp-mux" CRLF
				HOST_CANDIDATE("2", "1", PBX, "17100")));
	assert_true(open_to(PBX, 0, PHONE, 16100) & PERMIT_RTCP);
	assert_null(permit_to(PBX, 0, PHONE, 16101));
	assert_null(permit_to(PBX, 17001, PHONE, 16001));
}

/* RFC 7983 7: the port carries STUN, DTLS and SRTP. */
static void a_port_of_dtls_srtp_lets_dtls_in(void **state)
{
	(void)state;
	set_up_call_with(sdp_of(PHONE, 16000, FINGERPRINT ICE
				HOST_CANDIDATE("2", "1", PHONE, "16100")),
			 sdp_of(PBX, 17000, FINGERPRINT ICE HOST_CANDIDATE("2", "1", PBX, "17100")));
	assert_int_equal(open_to(PBX, 17000, PHONE, 16000) & (PERMIT_STUN | PERMIT_DTLS | PERMIT_RTP),
			 PERMIT_STUN | PERMIT_DTLS | PERMIT_RTP);
	assert_true(open_to(PBX, 0, PHONE, 16100) & PERMIT_DTLS);
}

#define BUNDLE(host, port, second)                                                                 \
	"v=0" CRLF "o=- 1 1 IN IP4 " host CRLF "s=-" CRLF "c=IN IP4 " host CRLF "t=0 0" CRLF       \
	"a=group:BUNDLE a v" CRLF "m=audio " port " RTP/AVP 8" CRLF "a=mid:a" CRLF "a=rtcp-mux"    \
	CRLF "m=video " second " RTP/AVP 34" CRLF "a=mid:v" CRLF "a=rtcp-mux" CRLF

static void lines_of_a_bundle_share_a_port_and_its_payload_types(void **state)
{
	const struct permit *permit;

	(void)state;
	set_up_call_with(BUNDLE(PHONE, "16000", "16000"), BUNDLE(PBX, "17000", "17000"));
	permit = permit_to(PBX, 17000, PHONE, 16000);
	assert_non_null(permit);
	assert_true(permit->payload_types[0] == (1ull << 8 | 1ull << 34));
	hang_up();
	run_timers(60);
	/* RFC 9143 7.2.1: a=bundle-only stands with port 0. */
	set_up_call_with(BUNDLE(PHONE, "16000", "0"), BUNDLE(PBX, "17000", "0"));
	permit = permit_to(PBX, 17000, PHONE, 16000);
	assert_true(permit->payload_types[0] == (1ull << 8 | 1ull << 34));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_offers_candidates_may_be_tried_before_the_answer),
		TEST(candidates_are_open_to_the_hosts_that_the_answer_named),
		TEST(a_phone_may_not_name_another_host_in_a_candidate),
		TEST(candidates_of_a_peer_without_ice_get_no_doors),
		TEST(candidates_over_tcp_and_names_are_skipped),
		TEST(candidates_beyond_the_limit_have_no_door),
		TEST(a_session_refresh_keeps_the_doors_of_candidates),
		TEST(a_restart_replaces_the_candidates),
		TEST(with_rtcp_mux_no_candidate_of_component_two_is_open),
		TEST(a_port_of_dtls_srtp_lets_dtls_in),
		TEST(lines_of_a_bundle_share_a_port_and_its_payload_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
