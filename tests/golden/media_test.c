// SPDX-License-Identifier: MIT
/* Kinds of media, and what a rule lets in: fax by re-INVITE, many lines, port counts, MSRP and BFCP,
 * encryption that is required or must not be lost. */
#include "golden/world.h"

#define CONFIG(words)                                                                              \
	"zones:\n"                                                                                 \
	"  in: { networks: [10.77.1.0/24] }\n"                                                     \
	"  out: { networks: [10.77.2.0/24] }\n"                                                    \
	"servers:\n"                                                                               \
	"  pbx: { addresses: [10.77.2.10], zone: out, speaks: [sip], part: proxy }\n"              \
	"rules:\n"                                                                                 \
	"  - { name: both, from: [in, out], to: [in, out], allow: [sip]" words " }\n"

static int set_up_no_fax(void **state)
{
	(void)state;
	return world_open(CONFIG(", deny: [fax, msrp, bfcp, video]"));
}

static int set_up_keep(void **state)
{
	(void)state;
	return world_open(CONFIG(", encryption: keep"));
}

static int set_up_require(void **state)
{
	(void)state;
	return world_open(CONFIG(", encryption: require"));
}

#define TEST_IN(name, up) cmocka_unit_test_setup_teardown(name, up, tear_down)

static const char *lines_of(const char *host, const char *lines)
{
	static char texts[2][2048];
	static int next;
	char *text = texts[next ^= 1];

	snprintf(text, sizeof(texts[0]),
		 "v=0" CRLF "o=- 1 1 IN IP4 %s" CRLF "s=-" CRLF "c=IN IP4 %s" CRLF "t=0 0" CRLF "%s",
		 host, host, lines);
	return text;
}

#define FAX(port) "m=image " port " udptl t38" CRLF "a=T38FaxVersion:0" CRLF
#define AUDIO(port) "m=audio " port " RTP/AVP 8" CRLF
#define SAVP(port) "m=audio " port " RTP/SAVP 8" CRLF
#define CRYPTO                                                                                     \
	"a=crypto:1 AES_CM_128_HMAC_SHA1_80 "                                                      \
	"inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4" CRLF
#define DTLS(port)                                                                                 \
	"m=audio " port " UDP/TLS/RTP/SAVP 8" CRLF                                                 \
	"a=fingerprint:SHA-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB" CRLF
#define ZRTP(port)                                                                                 \
	AUDIO(port) "a=zrtp-hash:1.10 fe30efd02423cb054e50efd0248742ac"                            \
		    "7a52c8f91bc2df881ae642c371ba46df" CRLF

static void refuse_reinvite(const char *offer, enum reason reason)
{
	pass(PHONE, 5060, PBX,
	     message("INVITE sip:b@" PBX " SIP/2.0", "r2", "2 INVITE", "b1", offer));
	assert_refused(reason);
}

/* ITU-T T.38 D.2.2.4: the line changes its kind; UDPTL has no version that could be checked. */
static void a_reinvite_to_fax_opens_doors_of_any_shape(void **state)
{
	const struct permit *permit;

	(void)state;
	set_up_call();
	reinvite(2, lines_of(PHONE, FAX("16010")), "SIP/2.0 200 OK", lines_of(PBX, FAX("17010")));
	permit = permit_to(PBX, 17010, PHONE, 16010);
	assert_non_null(permit);
	assert_true(permit->flags & PERMIT_ANY);
	assert_false(permit->flags & (PERMIT_RTP | PERMIT_RTCP));
	assert_int_equal(open_to(PBX, 17011, PHONE, 16011), 0);
	hang_up();
}

static void a_refused_fax_leaves_the_audio(void **state)
{
	(void)state;
	set_up_call();
	reinvite(2, lines_of(PHONE, FAX("16010")), "SIP/2.0 488 Not Acceptable Here", "");
	assert_true(open_to(PBX, 17000, PHONE, 16000));
	assert_null(permit_to(PBX, 17010, PHONE, 16010));
}

static void a_denied_fax_is_refused_and_the_audio_goes_on(void **state)
{
	(void)state;
	set_up_call();
	refuse_reinvite(lines_of(PHONE, FAX("16010")), REASON_sip_stream_denied);
	assert_true(open_to(PBX, 17000, PHONE, 16000));
}

static void denied_kinds_are_told_by_profile_and_kind(void **state)
{
	static const char *const lines[] = {
		"m=message 7394 TCP/MSRP *" CRLF, "m=message 7394 TCP/TLS/MSRP *" CRLF,
		"m=application 50000 TCP/BFCP *" CRLF, "m=application 50000 UDP/BFCP *" CRLF,
		"m=video 16020 RTP/AVP 34" CRLF,
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char both[256];

		snprintf(both, sizeof(both), AUDIO("16000") "%s", lines[i]);
		invite_with(lines_of(PHONE, both));
		assert_refused(REASON_sip_stream_denied);
	}
	/* RFC 3264 6: a line that is refused by port 0 is no stream. */
	invite_with(lines_of(PHONE, AUDIO("16000") "m=video 0 RTP/AVP 34" CRLF));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void msrp_beside_audio_takes_no_door(void **state)
{
	(void)state;
	set_up_call_with(lines_of(PHONE, AUDIO("16000") "m=message 7394 TCP/MSRP *" CRLF),
			 lines_of(PBX, AUDIO("17000") "m=message 7395 TCP/MSRP *" CRLF));
	assert_true(open_to(PBX, 17000, PHONE, 16000));
	assert_null(permit_to(PBX, 7395, PHONE, 7394));
}

/* RFC 8866 5.14: pairs of ports, RTP and RTCP of each. */
static void a_port_count_opens_each_pair(void **state)
{
	(void)state;
	set_up_call_with(lines_of(PHONE, "m=audio 4000/2 RTP/AVP 8" CRLF),
			 lines_of(PBX, "m=audio 5000/2 RTP/AVP 8" CRLF));
	for (uint16_t i = 0; i < 4; i++)
		assert_true(open_to(PBX, 5000 + i, PHONE, 4000 + i));
	assert_null(permit_to(PBX, 5004, PHONE, 4004));
	hang_up();
}

static void as_many_lines_as_the_limit_have_doors(void **state)
{
	char offer[2048] = "", answered[2048] = "";
	size_t at = 0, answer_at = 0;

	(void)state;
	for (int i = 0; i < LIMIT_SDP_MEDIA; i++) {
		at += (size_t)snprintf(offer + at, sizeof(offer) - at, "m=%s %d RTP/AVP 8" CRLF,
				       i % 2 ? "video" : "audio", 16000 + 2 * i);
		answer_at += (size_t)snprintf(answered + answer_at, sizeof(answered) - answer_at,
					      "m=%s %d RTP/AVP 8" CRLF, i % 2 ? "video" : "audio",
					      17000 + 2 * i);
	}
	set_up_call_with(lines_of(PHONE, offer), lines_of(PBX, answered));
	for (uint16_t i = 0; i < 2 * LIMIT_SDP_MEDIA; i++)
		assert_true(open_to(PBX, 17000 + i, PHONE, 16000 + i));
	hang_up();
}

static void more_lines_than_the_limit_are_refused(void **state)
{
	char offer[2048] = "";
	size_t at = 0;

	(void)state;
	for (int i = 0; i <= LIMIT_SDP_MEDIA; i++)
		at += (size_t)snprintf(offer + at, sizeof(offer) - at, "m=audio %d RTP/AVP 8" CRLF,
				       16000 + 2 * i);
	invite_with(lines_of(PHONE, offer));
	assert_refused(REASON_sdp_limit);
}

static uint8_t encryption_of_line(enum side side)
{
	struct row_view row;
	uint32_t cursor = 0;
	uint8_t found = 0xff;

	while (tables_next(w.tables, ROW_media, &cursor, &row))
		if (row.key->sub)
			found = ((const struct media_row *)row.value)->current[side].encryption;
	return found;
}

static void each_way_to_agree_on_keys_is_known(void **state)
{
	static const struct {
		const char *offer, *answered;
		enum encryption what;
	} ways[] = {
		{ AUDIO("16000"), AUDIO("17000"), ENCRYPTION_NONE },
		/* RFC 4568 9.1: a=crypto is for a secure profile. */
		{ AUDIO("16000") CRYPTO, AUDIO("17000"), ENCRYPTION_NONE },
		{ SAVP("16000") CRYPTO, SAVP("17000") CRYPTO, ENCRYPTION_SDES },
		{ DTLS("16000"), DTLS("17000"), ENCRYPTION_DTLS },
		{ ZRTP("16000"), ZRTP("17000"), ENCRYPTION_ZRTP },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		set_up_call_with(lines_of(PHONE, ways[i].offer), lines_of(PBX, ways[i].answered));
		assert_int_equal(encryption_of_line(SIDE_CALLER), ways[i].what);
		assert_int_equal(encryption_of_line(SIDE_CALLEE), ways[i].what);
		hang_up();
		run_timers(60);
		assert_int_equal(tables_count(w.tables, ROW_media), 0);
	}
}

/* The key of CRYPTO in no row, as written or decoded. */
static void keys_are_in_no_row(void **state)
{
	static const char key[] = "WVNfX19zZW1jdGwg", decoded[] = "YS___semctl";

	(void)state;
	set_up_call_with(lines_of(PHONE, SAVP("16000") CRYPTO), lines_of(PBX, SAVP("17000") CRYPTO));
	for (enum row_type type = ROW_NONE + 1; type < ROW_COUNT; type++) {
		struct row_view row;
		uint32_t cursor = 0;

		while (tables_next(w.tables, type, &cursor, &row)) {
			assert_null(memmem(row.value, row_bytes(type), key, strlen(key)));
			assert_null(memmem(row.value, row_bytes(type), decoded, strlen(decoded)));
		}
	}
}

static void a_rule_may_require_encryption(void **state)
{
	(void)state;
	invite_with(lines_of(PHONE, AUDIO("16000")));
	assert_refused(REASON_sip_not_encrypted);
	invite_with(lines_of(PHONE, AUDIO("16000") CRYPTO));
	assert_refused(REASON_sip_not_encrypted);
	/* One plain line among secure ones is one too many. */
	invite_with(lines_of(PHONE, SAVP("16000") CRYPTO "m=video 16002 RTP/AVP 34" CRLF));
	assert_refused(REASON_sip_not_encrypted);
	invite_with(lines_of(PHONE, SAVP("16000")));
	assert_refused(REASON_sip_not_encrypted);
	set_up_call_with(lines_of(PHONE, DTLS("16000")), lines_of(PBX, DTLS("17000")));
}

static void an_answer_in_the_clear_to_a_secure_offer_is_refused(void **state)
{
	(void)state;
	invite_with(lines_of(PHONE, SAVP("16000") CRYPTO));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	answer("SIP/2.0 200 OK", "b1", lines_of(PBX, AUDIO("17000")));
	assert_refused(REASON_sip_encryption_lost);
	assert_int_equal(open_to(PBX, 17000, PHONE, 16000), 0);
}

static void a_reoffer_may_not_lose_what_was_encrypted(void **state)
{
	(void)state;
	set_up_call_with(lines_of(PHONE, SAVP("16000") CRYPTO), lines_of(PBX, SAVP("17000") CRYPTO));
	refuse_reinvite(lines_of(PHONE, AUDIO("16000")), REASON_sip_encryption_lost);
	assert_true(open_to(PBX, 17000, PHONE, 16000));
	/* Another way to agree on keys is no loss, and an end is none. */
	reinvite(3, lines_of(PHONE, DTLS("16000")), "SIP/2.0 200 OK", lines_of(PBX, DTLS("17000")));
	reinvite(4, lines_of(PHONE, AUDIO("0")), "SIP/2.0 200 OK", lines_of(PBX, AUDIO("0")));
}

static void plain_calls_stay_allowed_where_only_a_loss_is_refused(void **state)
{
	(void)state;
	set_up_call();
	/* RFC 6189 4.2: ZRTP is offered, and may be declined. */
	reinvite(2, lines_of(PHONE, ZRTP("16000")), "SIP/2.0 200 OK", lines_of(PBX, AUDIO("17000")));
}

static void a_request_uri_without_host_is_refused_outside_a_dialog(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, message("INVITE sip:b@:5060 SIP/2.0", "i1", "1 INVITE", NULL,
				       sdp_of(PHONE, 16000, "")));
	assert_refused(REASON_sip_bad_start_line);
	pass(PHONE, 5060, PBX, message("OPTIONS sip:b@:5060 SIP/2.0", "o1", "1 OPTIONS", NULL, ""));
	assert_refused(REASON_sip_bad_start_line);
	pass(PHONE, 5060, PBX, message("OPTIONS sip:b@: SIP/2.0", "o2", "1 OPTIONS", NULL, ""));
	assert_refused(REASON_sip_bad_start_line);
}

static void a_request_uri_without_host_is_taken_in_a_dialog(void **state)
{
	(void)state;
	set_up_call();
	pass(PHONE, 5060, PBX, message("INVITE sip:b@:5060 SIP/2.0", "r2", "2 INVITE", "b1",
				       lines_of(PHONE, FAX("16010"))));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	pass(PHONE, 5060, PBX, message("INVITE sip:b@:99999 SIP/2.0", "r3", "3 INVITE", "b1", ""));
	assert_refused(REASON_sip_bad_start_line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reinvite_to_fax_opens_doors_of_any_shape),
		TEST(a_refused_fax_leaves_the_audio),
		TEST_IN(a_denied_fax_is_refused_and_the_audio_goes_on, set_up_no_fax),
		TEST_IN(denied_kinds_are_told_by_profile_and_kind, set_up_no_fax),
		TEST(msrp_beside_audio_takes_no_door),
		TEST(a_port_count_opens_each_pair),
		TEST(as_many_lines_as_the_limit_have_doors),
		TEST(more_lines_than_the_limit_are_refused),
		TEST(each_way_to_agree_on_keys_is_known),
		TEST(keys_are_in_no_row),
		TEST_IN(a_rule_may_require_encryption, set_up_require),
		TEST_IN(an_answer_in_the_clear_to_a_secure_offer_is_refused, set_up_keep),
		TEST_IN(a_reoffer_may_not_lose_what_was_encrypted, set_up_keep),
		TEST_IN(plain_calls_stay_allowed_where_only_a_loss_is_refused, set_up_keep),
		TEST(a_request_uri_without_host_is_refused_outside_a_dialog),
		TEST(a_request_uri_without_host_is_taken_in_a_dialog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
