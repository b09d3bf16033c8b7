/* SPDX-License-Identifier: MIT */
/* Session descriptions: what opens doors is read strictly, the rest is skipped (RFC 8866). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"
#include "exact.h"
#include "proto/sdp/sdp.h"

#define START "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\n"
#define CONNECTION "c=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define AUDIO "m=audio 49170 RTP/AVP 0 8 101\r\n"

static uint8_t arena_bytes[LIMIT_ARENA_BYTES];
static struct fault fault;

#define assert_slice(slice, text) assert_true(slice_equal(slice, SLICE(text)))

static int parse(struct slice body, const struct sdp **ret)
{
	struct arena arena = {arena_bytes, sizeof(arena_bytes), 0};

	fault = (struct fault){0};
	*ret = NULL;
	return sdp_parse(exact(body), &arena, ret, &fault);
}

static const struct sdp *good(struct slice body)
{
	const struct sdp *sdp;

	if (parse(body, &sdp))
		fail_msg("refused with reason %d at %u", fault.reason, fault.at);
	return sdp;
}

#define GOOD(text) good(SLICE(START text))

static void bad(struct slice body, enum reason reason)
{
	const struct sdp *sdp;

	assert_int_not_equal(parse(body, &sdp), 0);
	assert_null(sdp);
	assert_int_equal(fault.reason, reason);
	assert_true(fault.at <= body.length);
}

#define BAD(text, reason) bad(SLICE(START text), REASON_##reason)

static void plain_offer_is_read(void **state)
{
	const struct sdp *s = GOOD(CONNECTION AUDIO "a=rtpmap:0 PCMU/8000\r\n");
	const struct sdp_media *m = s->media;

	(void)state;
	assert_int_equal(s->media_count, 1);
	assert_slice(s->origin_version, "2");
	assert_slice(s->origin_address, "192.0.2.1");
	assert_int_equal(m->kind, SDP_KIND_AUDIO);
	assert_int_equal(m->port, 49170);
	assert_int_equal(m->port_count, 1);
	assert_int_equal(m->proto, SDP_PROTO_RTP_AVP);
	assert_int_equal(m->format_count, 3);
	assert_true(m->payload_types[0] == ((1ULL << 0) | (1ULL << 8)));
	assert_true(m->payload_types[1] == 1ULL << (101 - 64));
	assert_int_equal(m->clock_rate, 8000);
	assert_int_equal(m->direction, SDP_SENDRECV);
	assert_true(m->connection.is_present);
	assert_false(m->is_own_connection);
	assert_slice(m->connection.address_text, "192.0.2.1");
	assert_slice(m->port_text, "49170");
}

static void line_ends_may_be_lf_and_the_last_may_be_missing(void **state)
{
	const struct sdp *s = good(SLICE("v=0\no=- 1 2 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\n"
					 "m=audio 4000 RTP/AVP 0\na=sendonly"));

	(void)state;
	assert_int_equal(s->media[0].direction, SDP_SENDONLY);
}

static void lone_cr_or_nul_is_refused(void **state)
{
	(void)state;
	BAD(CONNECTION "m=audio 4000 RTP/AVP 0\rc=IN IP4 192.0.2.9\r\n", sdp_malformed);
	BAD("c=IN IP4 192.0.2.1\0\r\n", sdp_malformed);
}

static void what_does_not_begin_with_v_is_no_sdp(void **state)
{
	(void)state;
	bad(SLICE(""), REASON_sdp_malformed);
	bad(SLICE("v=1\r\n"), REASON_sdp_malformed);
	bad(SLICE("o=- 1 2 IN IP4 192.0.2.1\r\nv=0\r\n"), REASON_sdp_malformed);
	bad(SLICE("\r\nv=0\r\n"), REASON_sdp_malformed);
}

static void unknown_lines_are_skipped_and_others_refused(void **state)
{
	(void)state;
	(void)GOOD(
		"x=whatever\r\nb=AS:64\r\nk=clear:x\r\n\r\na=unknown:thing\r\n" CONNECTION AUDIO);
	BAD("nonsense\r\n", sdp_malformed);
	BAD("m =audio 1 RTP/AVP 0\r\n", sdp_malformed);
	BAD("v=0\r\n", sdp_malformed);
	BAD("o=- 1 2 IN IP4 192.0.2.1\r\n", sdp_malformed);
	bad(SLICE("v=0\r\no=- 1 2 IN IP4\r\n"), REASON_sdp_malformed);
}

static void connection_of_a_media_line_comes_first(void **state)
{
	const struct sdp *s = GOOD(CONNECTION AUDIO "c=IN IP6 2001:db8::7\r\n"
						    "m=video 5000 RTP/AVP 31\r\n");

	(void)state;
	assert_true(s->media[0].is_own_connection);
	assert_int_equal(s->media[0].connection.address.bytes[15], 7);
	assert_slice(s->media[1].connection.address_text, "192.0.2.1");
}

static void media_without_connection_is_left_to_the_judge(void **state)
{
	(void)state;
	assert_false(GOOD(AUDIO)->media[0].connection.is_present);
}

static void second_connection_of_a_section_is_refused(void **state)
{
	(void)state;
	BAD(CONNECTION "c=IN IP4 192.0.2.9\r\n" AUDIO, sdp_malformed);
	BAD(AUDIO "c=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.2\r\n", sdp_malformed);
}

static void broken_connections_are_refused(void **state)
{
	(void)state;
	BAD("c=IN IP4 192.0.2.256\r\n", sdp_bad_address);
	BAD("c=IN IP4 010.0.0.1\r\n", sdp_bad_address);
	BAD("c=IN IP4 2001:db8::1\r\n", sdp_bad_address);
	BAD("c=IN IP6 192.0.2.1\r\n", sdp_bad_address);
	BAD("c=IN IP6 [2001:db8::1]\r\n", sdp_bad_address);
	BAD("c=IN IP5 192.0.2.1\r\n", sdp_bad_address);
	BAD("c=ATM IP4 192.0.2.1\r\n", sdp_bad_address);
	BAD("c=IN IP4\r\n", sdp_bad_address);
	BAD("c=IN IP4 192.0.2.1 192.0.2.2\r\n", sdp_bad_address);
	BAD("c=IN IP4 192.0.2.1/300\r\n", sdp_bad_address);
	BAD("c=IN IP4 224.2.1.1/127/0\r\n", sdp_bad_address);
	BAD("c=IN IP4 224.2.1.1/127/3/4\r\n", sdp_bad_address);
	BAD("c=IN IP4 host name\r\n", sdp_bad_address);
}

static void multicast_suffix_is_read(void **state)
{
	const struct sdp *s = GOOD("c=IN IP4 224.2.1.1/127/3\r\n");

	(void)state;
	assert_int_equal(s->connection.ttl, 127);
	assert_int_equal(s->connection.count, 3);
	assert_slice(s->connection.address_text, "224.2.1.1");
	s = GOOD("c=IN IP6 ff15::101/3\r\n");
	assert_int_equal(s->connection.count, 3);
	assert_int_equal(s->connection.address.bytes[0], 0xff);
}

static void host_name_stays_a_name(void **state)
{
	const struct sdp *s = GOOD("c=IN IP4 media-1.example.com\r\n" AUDIO);
	static const struct address zero;

	(void)state;
	assert_true(s->media[0].connection.is_name);
	assert_memory_equal(&s->media[0].connection.address, &zero, sizeof(zero));
	assert_false(GOOD(CONNECTION)->connection.is_name);
}

static void ports_are_read_strictly(void **state)
{
	const struct sdp *s = GOOD("m=audio 4000/2 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n"
				   "m=audio 0 RTP/AVP\r\n");

	(void)state;
	assert_int_equal(s->media[0].port_count, 2);
	assert_slice(s->media[0].port_text, "4000");
	assert_int_equal(s->media[1].port, 0);
	assert_int_equal(s->media[2].format_count, 0);
	BAD("m=audio 65536 RTP/AVP 0\r\n", sdp_malformed);
	BAD("m=audio -1 RTP/AVP 0\r\n", sdp_malformed);
	BAD("m=audio 4000/0 RTP/AVP 0\r\n", sdp_malformed);
	BAD("m=audio 65534/2 RTP/AVP 0\r\n", sdp_malformed);
	BAD("m=audio x RTP/AVP 0\r\n", sdp_malformed);
	BAD("m=audio 4000\r\n", sdp_malformed);
	BAD("m=audio 4000 RTP/AVP\r\n", sdp_malformed);
	BAD("m=\r\n", sdp_malformed);
}

static void payload_types_are_read_strictly(void **state)
{
	(void)state;
	assert_true(GOOD("m=audio 4000 RTP/AVP 127\r\n")->media[0].payload_types[1] == 1ULL << 63);
	BAD("m=audio 4000 RTP/AVP 128\r\n", sdp_malformed);
	BAD("m=audio 4000 RTP/AVP x\r\n", sdp_malformed);
	BAD("m=audio 4000 RTP/AVP 0,8\r\n", sdp_malformed);
}

static void transports_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		enum sdp_proto proto;
	} rows[] = {
		{"m=audio 4000 RTP/AVPF 0", SDP_PROTO_RTP_AVPF},
		{"m=audio 4000 RTP/SAVP 0", SDP_PROTO_RTP_SAVP},
		{"m=audio 4000 RTP/SAVPF 0", SDP_PROTO_RTP_SAVPF},
		{"m=audio 4000 UDP/TLS/RTP/SAVP 0", SDP_PROTO_DTLS_SAVP},
		{"m=audio 4000 UDP/TLS/RTP/SAVPF 0", SDP_PROTO_DTLS_SAVPF},
		{"m=image 4000 udptl t38", SDP_PROTO_UDPTL},
		{"m=image 4000 UDPTL t38", SDP_PROTO_UDPTL},
		{"m=application 4000 UDP/BFCP *", SDP_PROTO_OTHER},
		{"m=application 4000 TCP/BFCP *", SDP_PROTO_TCP},
		{"m=message 4000 TCP/MSRP *", SDP_PROTO_TCP},
		{"m=application 9 UDP/DTLS/SCTP webrtc-datachannel", SDP_PROTO_DTLS_SCTP},
	};
	char body[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text t = text_make(body, sizeof(body));

		text_string(&t, START);
		text_string(&t, rows[i].text);
		assert_int_equal(good(slice_make(body, t.length))->media[0].proto, rows[i].proto);
	}
}

static void direction_of_the_session_is_inherited(void **state)
{
	const struct sdp *s = GOOD("a=inactive\r\n" AUDIO AUDIO "a=recvonly\r\n");

	(void)state;
	assert_int_equal(s->media[0].direction, SDP_INACTIVE);
	assert_false(s->media[0].has_direction);
	assert_int_equal(s->media[1].direction, SDP_RECVONLY);
	BAD(AUDIO "a=sendonly\r\na=recvonly\r\n", sdp_malformed);
	assert_int_equal(GOOD(AUDIO "a=sendonly\r\na=sendonly\r\n")->media[0].direction,
			 SDP_SENDONLY);
}

/* RFC 3605, RFC 5761 */
static void rtcp_is_read(void **state)
{
	const struct sdp_media *m =
		GOOD(AUDIO "a=rtcp:53020 IN IP4 192.0.2.7\r\na=rtcp-mux\r\n")->media;

	(void)state;
	assert_int_equal(m->rtcp.port, 53020);
	assert_true(m->rtcp.has_address && m->rtcp_mux && !m->rtcp_mux_only);
	assert_int_equal(m->rtcp.address.bytes[15], 7);
	m = GOOD(AUDIO "a=rtcp:53020\r\na=rtcp-mux-only\r\n")->media;
	assert_false(m->rtcp.has_address);
	assert_true(m->rtcp_mux && m->rtcp_mux_only);
	BAD(AUDIO "a=rtcp:65536\r\n", sdp_malformed);
	BAD(AUDIO "a=rtcp:1 IN IP4\r\n", sdp_bad_address);
	BAD(AUDIO "a=rtcp:4001\r\na=rtcp:4003\r\n", sdp_malformed);
}

static void security_and_ice_are_seen(void **state)
{
	const struct sdp *s = GOOD(
		"a=ice-lite\r\na=group:BUNDLE a b\r\na=fingerprint:sha-1 "
		"AA\r\na=setup:actpass\r\n" AUDIO
		"a=mid:a\r\na=crypto:1 X inline:Y\r\na=crypto:2 X inline:Z\r\na=ice-ufrag:uf\r\n"
		"a=candidate:1 1 UDP 2130706431 10.0.0.1 8998 typ host\r\n"
		"a=candidate:2 2 udp 1694498815 x.local 8999 typ host\r\n"
		"a=candidate:broken\r\na=setup:active\r\n" AUDIO);

	(void)state;
	assert_true(s->is_ice_lite);
	assert_slice(s->bundle, "a b");
	assert_slice(s->media[0].mid, "a");
	assert_int_equal(s->media[0].crypto_count, 2);
	assert_true(s->media[0].has_ice);
	assert_slice(s->media[0].ice_ufrag, "uf");
	assert_int_equal(s->media[0].candidate_count, 2);
	assert_int_equal(s->media[0].candidates[0].port, 8998);
	assert_true(s->media[0].candidates[0].is_udp && s->media[0].candidates[0].is_address);
	assert_int_equal(s->media[0].candidates[1].component, 2);
	assert_false(s->media[0].candidates[1].is_address);
	assert_int_equal(s->media[0].setup, SDP_SETUP_ACTIVE);
	assert_int_equal(s->media[1].setup, SDP_SETUP_ACTPASS);
	assert_true(s->media[1].has_fingerprint);
	assert_false(s->media[1].has_ice);
}

static void clock_rate_is_that_of_the_first_format(void **state)
{
	const struct sdp *s = GOOD("m=audio 4000 RTP/AVP 96 0\r\na=rtpmap:0 PCMU/8000\r\n"
				   "a=rtpmap:96 opus/48000/2\r\nm=video 5000 RTP/AVP 31\r\n");

	(void)state;
	assert_int_equal(s->media[0].clock_payload_type, 96);
	assert_int_equal(s->media[0].clock_rate, 48000);
	assert_int_equal(s->media[1].clock_rate, 90000);
}

static void counts_are_bounded(void **state)
{
	static char body[32768];
	struct text t = text_make(body, sizeof(body));
	const struct sdp *sdp;

	(void)state;
	text_string(&t, START);
	for (int i = 0; i < LIMIT_SDP_MEDIA; i++)
		text_string(&t, AUDIO);
	assert_int_equal(good(slice_make(body, t.length))->media_count, LIMIT_SDP_MEDIA);
	text_string(&t, AUDIO);
	assert_int_equal(parse(slice_make(body, t.length), &sdp), -E2BIG);
	assert_int_equal(fault.reason, REASON_sdp_limit);

	t = text_make(body, sizeof(body));
	text_string(&t, START "m=audio 4000 RTP/AVP");
	for (int i = 0; i <= LIMIT_SDP_FORMATS; i++)
		text_string(&t, " 0");
	assert_int_equal(parse(slice_make(body, t.length), &sdp), -E2BIG);

	t = text_make(body, sizeof(body));
	text_string(&t, START);
	for (int i = 0; i <= LIMIT_SDP_LINES; i++)
		text_string(&t, "a=x\n");
	assert_int_equal(parse(slice_make(body, t.length), &sdp), -E2BIG);
}

static void candidates_beyond_the_kept_ones_are_counted(void **state)
{
	static char body[8192];
	struct text t = text_make(body, sizeof(body));

	(void)state;
	text_string(&t, START AUDIO);
	for (int i = 0; i < SDP_CANDIDATES + 3; i++)
		text_string(&t, "a=candidate:1 1 UDP 1 10.0.0.1 8998 typ host\r\n");
	assert_int_equal(good(slice_make(body, t.length))->media[0].candidate_count,
			 SDP_CANDIDATES + 3);
}

static void section_of_a_media_line_ends_at_the_next(void **state)
{
	const struct sdp *s = GOOD("m=audio 1 RTP/AVP 0\r\na=x\r\nm=audio 2 RTP/AVP 0\r\n");

	(void)state;
	assert_slice(s->media[0].section, "m=audio 1 RTP/AVP 0\r\na=x\r\n");
	assert_slice(s->media[1].section, "m=audio 2 RTP/AVP 0\r\n");
}

static void fault_points_to_its_byte(void **state)
{
	(void)state;
	BAD("c=IN IP4 1.2.3\r\n", sdp_bad_address);
	assert_int_equal(fault.at, sizeof(START) - 1 + 2);
}

static void exhausted_arena_is_no_crash(void **state)
{
	struct slice body = SLICE(START AUDIO "a=candidate:1 1 UDP 1 10.0.0.1 8998 typ host\r\n");

	(void)state;
	for (size_t size = 0; size < 20000; size += 500) {
		struct arena small = {arena_bytes, size, 0};
		const struct sdp *sdp = NULL;
		int r = sdp_parse(body, &small, &sdp, &fault);

		assert_true(r == 0 || (r == -ENOMEM && fault.reason == REASON_sdp_limit));
		assert_true((r == 0) == (sdp != NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_offer_is_read),
		cmocka_unit_test(line_ends_may_be_lf_and_the_last_may_be_missing),
		cmocka_unit_test(lone_cr_or_nul_is_refused),
		cmocka_unit_test(what_does_not_begin_with_v_is_no_sdp),
		cmocka_unit_test(unknown_lines_are_skipped_and_others_refused),
		cmocka_unit_test(connection_of_a_media_line_comes_first),
		cmocka_unit_test(media_without_connection_is_left_to_the_judge),
		cmocka_unit_test(second_connection_of_a_section_is_refused),
		cmocka_unit_test(broken_connections_are_refused),
		cmocka_unit_test(multicast_suffix_is_read),
		cmocka_unit_test(host_name_stays_a_name),
		cmocka_unit_test(ports_are_read_strictly),
		cmocka_unit_test(payload_types_are_read_strictly),
		cmocka_unit_test(transports_are_told_apart),
		cmocka_unit_test(direction_of_the_session_is_inherited),
		cmocka_unit_test(rtcp_is_read),
		cmocka_unit_test(security_and_ice_are_seen),
		cmocka_unit_test(clock_rate_is_that_of_the_first_format),
		cmocka_unit_test(counts_are_bounded),
		cmocka_unit_test(candidates_beyond_the_kept_ones_are_counted),
		cmocka_unit_test(section_of_a_media_line_ends_at_the_next),
		cmocka_unit_test(fault_points_to_its_byte),
		cmocka_unit_test(exhausted_arena_is_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
