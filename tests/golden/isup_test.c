// SPDX-License-Identifier: MIT
/* SIP-T and SIP-I (RFC 3372): the SDP among the parts, and what the ISUP part says of the call. Octets
 * by ITU-T Q.763 tables 32 and 33; NUL bytes among them. */
#include "golden/world.h"

#include "proto/sip/isup.h"

#define S(text) slice_make(text, sizeof(text) - 1)
/* Fixed parameters, pointers 2 (the number behind the next pointer) and 7, then five octets:
 * odd, national, ISDN plan, 49175 -> 4 9 1 7 5 with filler. */
#define IAM "\x01\x00\x60\x00\x0a\x00\x02\x07\x05\x83\x10\x94\x71\x05"
/* Cause 17, user busy: pointer 2, no optional part, ITU-T coding, location user. */
#define REL "\x0c\x02\x00\x02\x80\x91"
#define ACM "\x06\x12\x04\x00"

static void a_called_number_is_read_of_an_iam(void **state)
{
	struct isup isup;

	(void)state;
	isup_read(S(IAM), false, &isup);
	assert_int_equal(isup.type, ISUP_IAM);
	assert_int_equal(isup.digit_count, 5);
	assert_memory_equal(isup.digits, "49175", 5);
	/* ITU-T Q.763 3.9 e: ST ends it, an even count has no filler. */
	isup_read(S("\x01\x00\x60\x00\x0a\x00\x02\x00\x04\x03\x10\x21\xf3"), false, &isup);
	assert_int_equal(isup.digit_count, 3);
	assert_memory_equal(isup.digits, "123", 3);
	/* Codes 11 and 12, which no telephone has. */
	isup_read(S("\x01\x00\x60\x00\x0a\x00\x02\x00\x03\x03\x10\xcb"), false, &isup);
	assert_memory_equal(isup.digits, "BC", 2);
}

/* ANSI T1.113: user service information stands before the number. */
static void an_ansi_iam_has_its_number_elsewhere(void **state)
{
	struct isup isup;

	(void)state;
	isup_read(S("\x01\x00\x60\x00\x0a\x03\x06\x00\x03\x80\x90\xa2\x04\x03\x10\x21\x43"), true,
		  &isup);
	assert_int_equal(isup.digit_count, 4);
	assert_memory_equal(isup.digits, "1234", 4);
}

static void a_cause_is_read_of_a_release(void **state)
{
	struct isup isup;

	(void)state;
	isup_read(S(REL), false, &isup);
	assert_int_equal(isup.type, ISUP_REL);
	assert_int_equal(isup.cause, 17);
	/* Octet 1 goes on in octet 1a. */
	isup_read(S("\x0c\x02\x00\x03\x00\x80\x90"), false, &isup);
	assert_int_equal(isup.cause, 16);
}

/* Each cut and each pointer anywhere: nothing is read outside, ASan watches. */
static void what_is_cut_or_points_outside_says_nothing(void **state)
{
	static const char iam[] = IAM;
	struct isup isup;

	(void)state;
	for (size_t n = 0; n < sizeof(iam) - 1; n++) {
		isup_read(exact(slice_make(iam, n)), false, &isup);
		assert_int_equal(isup.digit_count, 0);
	}
	for (int pointer = 0; pointer < 256; pointer++) {
		char bent[sizeof(iam)];

		memcpy(bent, iam, sizeof(iam));
		bent[6] = (char)pointer;
		isup_read(exact(slice_make(bent, sizeof(iam) - 1)), false, &isup);
		assert_true(isup.digit_count <= ISUP_DIGITS);
	}
	isup_read(S("\x0c\xff\x00\x02\x80\x91"), false, &isup);
	assert_int_equal(isup.cause, 0);
	isup_read(S("\x0c\x02\x00\x02\x00\x11"), false, &isup);
	assert_int_equal(isup.cause, 0);
}

/* A message whose body holds NUL bytes. */
static void send_bytes(const char *from, const char *to, const char *head, struct slice content)
{
	static uint8_t bytes[8192];
	size_t n = (size_t)snprintf((char *)bytes, sizeof(bytes), "%sContent-Length: %zu" CRLF CRLF,
				    head, content.length);
	struct arrival a = {
		.flow = { .source = endpoint(from, 5060), .destination = endpoint(to, 5060),
			  .transport = IPPROTO_UDP, .speaks = 1, .family = FAMILY_IPV4 },
		.speaks = 1, .held = true,
	};

	memcpy(bytes + n, content.bytes, content.length);
	a.payload = a.record = exact(slice_make(bytes, n + content.length));
	a.flow.zones[0] = policy_zone_of(w.policy, &a.flow.source.address);
	a.flow.zones[1] = policy_zone_of(w.policy, &a.flow.destination.address);
	w.sent = 0;
	journey_arrival(&w.journey, &a, w.now_ns);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static const char *head_of(const char *start, const char *branch, const char *cseq, const char *tag,
			   const char *type)
{
	static char head[2048];

	snprintf(head, sizeof(head),
		 "%s" CRLF "Via: SIP/2.0/UDP " PHONE ":5060;branch=z9hG4bK%s" CRLF "From: " CALLER
		 ";tag=a1" CRLF "To: " CALLEE "%s%s" CRLF "Call-ID: isup@" PHONE CRLF "CSeq: %s" CRLF
		 "Max-Forwards: 70" CRLF "Content-Type: %s" CRLF,
		 start, branch, *tag ? ";tag=" : "", tag, cseq, type);
	return head;
}

#define MIXED "multipart/mixed;boundary=x"
#define ISUP_TYPE "application/ISUP; version=itu-t92+; base=itu-t92+"
#define SDP(host, port)                                                                            \
	"--x" CRLF "Content-Type: application/sdp" CRLF CRLF "v=0" CRLF "o=- 1 1 IN IP4 " host     \
	CRLF "s=-" CRLF "c=IN IP4 " host CRLF "t=0 0" CRLF "m=audio " port " RTP/AVP 8" CRLF CRLF
#define ISUP_HEAD                                                                                  \
	"--x" CRLF "Content-Type: " ISUP_TYPE CRLF                                                 \
	"Content-Disposition: signal; handling=optional" CRLF CRLF
#define ISUP(bytes) ISUP_HEAD bytes CRLF

static const struct call_row *only_call(void)
{
	struct row_view row;
	uint32_t cursor = 0;

	assert_true(tables_next(w.tables, ROW_call, &cursor, &row));
	return row.value;
}

static bool called_is(const char *digits)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(w.tables, ROW_text, &cursor, &row)) {
		const struct text_row *text = row.value;

		if (row.key->part == TEXT_ISUP_CALLED)
			return text->length == strlen(digits) &&
			       !memcmp(text->bytes, digits, text->length);
	}
	return false;
}

static void the_isup_part_may_stand_before_or_behind_the_sdp(void **state)
{
	(void)state;
	send_bytes(PHONE, PBX, head_of("INVITE sip:b@" PBX " SIP/2.0", "i1", "1 INVITE", "", MIXED),
		   S(ISUP(IAM) SDP(PHONE, "16000") "--x--" CRLF));
	assert_true(called_is("49175"));
	assert_true(open_to(NULL, 0, PHONE, 16000));
}

static void a_trunk_call_is_known_by_its_isup(void **state)
{
	(void)state;
	send_bytes(PHONE, PBX, head_of("INVITE sip:b@" PBX " SIP/2.0", "i1", "1 INVITE", "", MIXED),
		   S(SDP(PHONE, "16000") ISUP(IAM) "--x--" CRLF));
	assert_int_equal(only_call()->isup, ISUP_IAM);
	send_bytes(PBX, PHONE, head_of("SIP/2.0 183 Progress", "i1", "1 INVITE", "b1", MIXED),
		   S(ISUP(ACM) SDP(PBX, "17000") "--x--" CRLF));
	assert_int_equal(only_call()->isup, 0x06);
	assert_true(open_to(PBX, 17000, PHONE, 16000));
	/* A repeat says nothing new. */
	send_bytes(PHONE, PBX, head_of("INVITE sip:b@" PBX " SIP/2.0", "i1", "1 INVITE", "", MIXED),
		   S(SDP(PHONE, "16000") ISUP(IAM) "--x--" CRLF));
	assert_int_equal(only_call()->isup, 0x06);
	send_bytes(PBX, PHONE, head_of("SIP/2.0 200 OK", "i1", "1 INVITE", "b1", ISUP_TYPE),
		   S("\x09\x00"));
	/* RFC 3372 5: the BYE bears the REL alone. */
	send_bytes(PHONE, PBX, head_of("BYE sip:b@" PBX " SIP/2.0", "y1", "2 BYE", "b1", ISUP_TYPE),
		   S(REL));
	assert_int_equal(only_call()->isup, ISUP_REL);
	assert_int_equal(only_call()->isup_cause, 17);
	send_bytes(PBX, PHONE, head_of("SIP/2.0 200 OK", "y1", "2 BYE", "b1", ISUP_TYPE),
		   S("\x10\x00\x00\x00"));
	assert_int_equal(only_call()->isup, 0x10);
	assert_int_equal(only_call()->isup_cause, 17);
	assert_int_equal(call_state(), CALL_COMPLETED);
}

static void a_busy_number_is_known_by_the_cause_of_its_refusal(void **state)
{
	(void)state;
	send_bytes(PHONE, PBX, head_of("INVITE sip:b@" PBX " SIP/2.0", "i1", "1 INVITE", "", MIXED),
		   S(SDP(PHONE, "16000") ISUP(IAM) "--x--" CRLF));
	send_bytes(PBX, PHONE, head_of("SIP/2.0 486 Busy Here", "i1", "1 INVITE", "b1", ISUP_TYPE),
		   S(REL));
	assert_int_equal(only_call()->isup_cause, 17);
	assert_int_equal(only_call()->end_status, 486);
}

static void an_isup_that_cannot_be_read_is_no_reason_to_refuse(void **state)
{
	(void)state;
	send_bytes(PHONE, PBX, head_of("INVITE sip:b@" PBX " SIP/2.0", "i1", "1 INVITE", "", MIXED),
		   S(SDP(PHONE, "16000") ISUP("\x01\xff\xff") "--x--" CRLF));
	assert_int_equal(only_call()->isup, ISUP_IAM);
	assert_false(called_is("49175"));
}

static void a_nested_multipart_is_walked(void **state)
{
	(void)state;
	send_bytes(PHONE, PBX, head_of("INVITE sip:b@" PBX " SIP/2.0", "i1", "1 INVITE", "",
				       "multipart/mixed;boundary=o"),
		   S("--o" CRLF "Content-Type: application/QSIG; version=iso" CRLF CRLF "\x08\x00\x00"
		     CRLF "--o" CRLF "Content-Type: " MIXED CRLF CRLF ISUP(IAM) SDP(PHONE, "16000")
		     "--x--" CRLF "--o--" CRLF));
	assert_true(called_is("49175"));
	assert_true(open_to(NULL, 0, PHONE, 16000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_called_number_is_read_of_an_iam),
		cmocka_unit_test(an_ansi_iam_has_its_number_elsewhere),
		cmocka_unit_test(a_cause_is_read_of_a_release),
		cmocka_unit_test(what_is_cut_or_points_outside_says_nothing),
		TEST(the_isup_part_may_stand_before_or_behind_the_sdp),
		TEST(a_trunk_call_is_known_by_its_isup),
		TEST(a_busy_number_is_known_by_the_cause_of_its_refusal),
		TEST(an_isup_that_cannot_be_read_is_no_reason_to_refuse),
		TEST(a_nested_multipart_is_walked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
