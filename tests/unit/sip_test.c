/* SPDX-License-Identifier: MIT */
/* SIP messages: what is read, what is refused and where, by the sections of RFC 3261. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"
#include "exact.h"
#include "proto/sip/sip.h"

#define REQUEST "OPTIONS sip:bob@example.com SIP/2.0\r\n"
#define VIA "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
#define FROM "From: <sip:alice@example.com>;tag=a1\r\n"
#define TO "To: <sip:bob@example.com>\r\n"
#define CALL "Call-ID: c1@example.com\r\n"
#define CSEQ "CSeq: 1 OPTIONS\r\n"
#define MANDATORY VIA FROM TO CALL CSEQ

static uint8_t arena_bytes[LIMIT_ARENA_BYTES];
static struct arena arena;
static struct fault fault;

#define assert_slice(slice, text) assert_true(slice_equal(slice, SLICE(text)))

static int parse(struct slice raw, const struct sip_message **ret)
{
	arena = (struct arena){arena_bytes, sizeof(arena_bytes), 0};
	fault = (struct fault){0};
	*ret = NULL;
	return sip_parse(exact(raw), &arena, ret, &fault);
}

static const struct sip_message *good(struct slice raw)
{
	const struct sip_message *m;
	int r = parse(raw, &m);

	if (r)
		fail_msg("refused with reason %d at %u", fault.reason, fault.at);
	return m;
}

#define GOOD(text) good(SLICE(text))
/* A valid OPTIONS with one header line more. */
#define WITH(line) good(SLICE(REQUEST MANDATORY line "\r\n\r\n"))

static void bad(struct slice raw, enum reason reason, const char *at)
{
	const struct sip_message *m;

	assert_int_not_equal(parse(raw, &m), 0);
	assert_null(m);
	assert_int_equal(fault.reason, reason);
	assert_true(fault.at <= raw.length);
	if (at &&
	    (raw.length - fault.at < strlen(at) || memcmp(raw.bytes + fault.at, at, strlen(at))))
		fail_msg("the fault points to byte %u, not to \"%s\"", fault.at, at);
}

#define BAD(text, reason, at) bad(SLICE(text), REASON_##reason, at)
#define BAD_WITH(line, reason, at)                                                                 \
	bad(SLICE(REQUEST MANDATORY line "\r\n\r\n"), REASON_##reason, at)

/* start line */

static void request_line_is_read(void **state)
{
	const struct sip_message *m =
		GOOD("INVITE sips:bob:secret@[2001:db8::1]:5061;transport=tcp"
		     ";maddr=192.0.2.9;lr;gr=urn:x SIP/2.0\r\n" VIA FROM TO CALL
		     "CSeq: 2147483647 INVITE\r\n\r\n");
	const struct sip_uri *u = &m->request_uri;

	(void)state;
	assert_true(m->is_request);
	assert_int_equal(m->method, SIP_METHOD_invite);
	assert_int_equal(u->scheme, SIP_SCHEME_SIPS);
	assert_slice(u->user, "bob");
	assert_slice(u->host.text, "[2001:db8::1]");
	assert_true(u->host.is_address);
	assert_int_equal(u->host.port, 5061);
	assert_slice(u->host.port_text, "5061");
	assert_int_equal(u->transport, SIP_TRANSPORT_TCP);
	assert_slice(u->maddr, "192.0.2.9");
	assert_slice(u->gr, "urn:x");
	assert_true(u->is_loose && u->has_gr);
	assert_int_equal(m->cseq, 2147483647);
	assert_int_equal(slice_offset(m->raw, u->user), 12);
}

static void status_line_is_read(void **state)
{
	const struct sip_message *m = GOOD("SIP/2.0 180 Ringing now\r\n" MANDATORY "\r\n");

	(void)state;
	assert_false(m->is_request);
	assert_int_equal(m->status, 180);
	assert_slice(m->reason_phrase, "Ringing now");
	assert_int_equal(m->method, SIP_METHOD_options);
	assert_slice(m->method_text, "OPTIONS");
}

static void status_line_may_end_behind_its_code(void **state)
{
	(void)state;
	assert_int_equal(GOOD("SIP/2.0 200\r\n" MANDATORY "\r\n")->status, 200);
}

static void status_outside_of_three_digits_is_refused(void **state)
{
	(void)state;
	BAD("SIP/2.0 099 x\r\n" MANDATORY "\r\n", sip_bad_start_line, "099");
	BAD("SIP/2.0 700 x\r\n" MANDATORY "\r\n", sip_bad_start_line, "700");
	BAD("SIP/2.0 4294967496 x\r\n" MANDATORY "\r\n", sip_bad_start_line, "4294967496");
	BAD("SIP/2.0 20 x\r\n" MANDATORY "\r\n", sip_bad_start_line, "20 x");
	BAD("SIP/2.0  200 x\r\n" MANDATORY "\r\n", sip_bad_start_line, " 200");
}

static void other_version_is_refused_as_such(void **state)
{
	(void)state;
	BAD("OPTIONS sip:b@c SIP/3.0\r\n" MANDATORY "\r\n", sip_bad_version, "SIP/3.0");
	BAD("SIP/2.1 200 OK\r\n" MANDATORY "\r\n", sip_bad_version, "SIP/2.1");
	BAD("GET / HTTP/1.1\r\nHost: x\r\n\r\n", sip_bad_start_line, "HTTP/1.1");
}

/* RFC 3261 7.1: SIP-Version is compared without case, methods with it. */
static void version_has_no_case_and_method_has(void **state)
{
	const struct sip_message *m =
		GOOD("options sip:b@c sip/2.0\r\n" VIA FROM TO CALL "CSeq: 1 options\r\n\r\n");

	(void)state;
	assert_int_equal(m->method, SIP_METHOD_other);
	assert_slice(m->method_text, "options");
}

static void start_line_with_stray_white_space_is_refused(void **state)
{
	(void)state;
	BAD("OPTIONS  sip:b@c SIP/2.0\r\n" MANDATORY "\r\n", sip_bad_start_line, NULL);
	BAD("OPTIONS sip:b@c  SIP/2.0\r\n" MANDATORY "\r\n", sip_bad_start_line, NULL);
	BAD("OPTIONS sip:b@c SIP/2.0 \r\n" MANDATORY "\r\n", sip_bad_start_line, NULL);
	BAD(" OPTIONS sip:b@c SIP/2.0\r\n" MANDATORY "\r\n", sip_bad_start_line, NULL);
	BAD("OPTIONS\tsip:b@c SIP/2.0\r\n" MANDATORY "\r\n", sip_bad_start_line, NULL);
	BAD("OPTIONS sip:b@c\r\n SIP/2.0\r\n" MANDATORY "\r\n", sip_bad_start_line, NULL);
}

static void crlf_before_the_start_line_is_skipped(void **state)
{
	const struct sip_message *m = GOOD("\r\n\r\n" REQUEST MANDATORY "\r\n");

	(void)state;
	assert_int_equal(slice_offset(m->raw, m->start_line), 4);
	assert_int_equal(slice_offset(m->raw, m->head), 4);
}

static void every_method_is_known_by_its_name(void **state)
{
	(void)state;
	for (int i = 1; i < SIP_METHOD_COUNT; i++) {
		const char *name = sip_method_name((enum sip_method)i);

		assert_int_equal(sip_method_lookup(slice_make(name, strlen(name))), i);
	}
	assert_string_equal(sip_method_name(SIP_METHOD_other), "other");
	assert_string_equal(sip_method_name(SIP_METHOD_publish), "PUBLISH");
	assert_int_equal(sip_method_lookup(SLICE("INVITES")), SIP_METHOD_other);
}

static void every_header_is_known_by_its_name(void **state)
{
	(void)state;
	for (int i = 1; i < SIP_HEADER_COUNT; i++) {
		const char *name = sip_header_name((enum sip_header_kind)i);

		assert_int_equal(sip_header_lookup(slice_make(name, strlen(name))), i);
	}
	assert_int_equal(sip_header_lookup(SLICE("cALL-iD")), SIP_HEADER_call_id);
	assert_int_equal(sip_header_lookup(SLICE("L")), SIP_HEADER_content_length);
	assert_int_equal(sip_header_lookup(SLICE("q")), SIP_HEADER_other);
	assert_int_equal(sip_header_lookup(SLICE("")), SIP_HEADER_other);
	assert_int_equal(sip_header_lookup(SLICE("Voo")), SIP_HEADER_other);
}

/* lines and names */

static void compact_names_are_read(void **state)
{
	const struct sip_message *m =
		GOOD(REQUEST "v: SIP/2.0/UDP 192.0.2.1\r\nf: <sip:a@b>;tag=x\r\nt: <sip:c@d>\r\n"
			     "i: id\r\nCSeq: 1 OPTIONS\r\nm: <sip:a@192.0.2.1>\r\nk: timer\r\n"
			     "c: text/plain\r\nl: 2\r\n\r\nhi");

	(void)state;
	assert_slice(m->call_id, "id");
	assert_slice(m->from.tag, "x");
	assert_int_equal(m->contacts.count, 1);
	assert_slice(m->content_subtype, "plain");
	assert_slice(m->body, "hi");
	assert_true(sip_has_option(m, SIP_HEADER_supported, SLICE("TIMER")));
}

static void folded_values_are_read_in_place(void **state)
{
	const struct sip_message *m = WITH("Subject: one\r\n two\r\n\tthree\r\nX: y");
	const struct sip_header *h = sip_header_first(m, SIP_HEADER_subject);

	(void)state;
	assert_slice(h->value, "one\r\n two\r\n\tthree");
	assert_slice(h->line, "Subject: one\r\n two\r\n\tthree\r\n");
	assert_slice(sip_header_named(m, SLICE("x"))->value, "y");
}

static void nul_in_the_head_is_refused(void **state)
{
	(void)state;
	BAD_WITH("X: a\0b", sip_malformed, NULL);
	BAD_WITH("X\0: a", sip_malformed, NULL);
	BAD("OPTIONS sip:b@c\0 SIP/2.0\r\n" MANDATORY "\r\n", sip_malformed, NULL);
}

static void lone_cr_or_lf_in_the_head_is_refused(void **state)
{
	(void)state;
	BAD_WITH("X: a\rY: b", sip_malformed, "\rY: b");
	BAD_WITH("X: a\nY: b", sip_malformed, "\nY: b");
	BAD("OPTIONS sip:b@c SIP/2.0\nVia: x\n\n", sip_malformed, "\nVia");
}

static void message_without_its_empty_line_is_refused(void **state)
{
	(void)state;
	BAD(REQUEST MANDATORY, sip_malformed, NULL);
	BAD(REQUEST, sip_malformed, NULL);
	BAD("", sip_malformed, NULL);
	BAD("\r\n\r\n", sip_malformed, NULL);
}

static void line_without_colon_is_refused(void **state)
{
	(void)state;
	BAD_WITH("NoColonHere", sip_malformed, "NoColonHere");
	BAD_WITH(": no name", sip_malformed, ": no name");
	BAD_WITH("two words: x", sip_malformed, "two words");
}

static void too_many_headers_are_over_the_limit(void **state)
{
	static char raw[LIMIT_MESSAGE_BYTES];
	struct text t = text_make(raw, sizeof(raw));
	const struct sip_message *m;

	(void)state;
	text_string(&t, REQUEST MANDATORY);
	for (int i = 5; i < LIMIT_SIP_HEADERS; i++)
		text_string(&t, "Y: y\r\n");
	text_string(&t, "\r\n");
	assert_int_equal(good(slice_make(raw, t.length))->header_count, LIMIT_SIP_HEADERS);
	t.length -= 2;
	text_string(&t, "Y: y\r\n\r\n");
	assert_int_equal(parse(slice_make(raw, t.length), &m), -E2BIG);
	assert_int_equal(fault.reason, REASON_message_limit);
}

static void too_many_values_are_over_the_limit(void **state)
{
	char raw[4096];
	struct text t = text_make(raw, sizeof(raw));
	const struct sip_message *m;

	(void)state;
	text_string(&t, REQUEST MANDATORY "Contact: <sip:a@b>");
	for (int i = 0; i < LIMIT_SIP_HEADER_VALUES; i++)
		text_string(&t, ",<sip:a@b>");
	text_string(&t, "\r\n\r\n");
	assert_false(t.cut);
	assert_int_equal(parse(slice_make(raw, t.length), &m), -E2BIG);
}

/* A datagram of IPv4 carries no more (RFC 768: 16 bits of length). */
static void message_above_the_limit_is_not_read(void **state)
{
	char *raw = malloc(LIMIT_MESSAGE_BYTES + 1);
	const struct sip_message *m;
	size_t head = sizeof(REQUEST MANDATORY "\r\n") - 1;

	(void)state;
	assert_non_null(raw);
	memset(raw, 'b', LIMIT_MESSAGE_BYTES + 1);
	memcpy(raw, REQUEST MANDATORY "\r\n", head);
	assert_int_equal(good(slice_make(raw, LIMIT_MESSAGE_BYTES))->body.length,
			 LIMIT_MESSAGE_BYTES - head);
	assert_int_equal(parse(slice_make(raw, LIMIT_MESSAGE_BYTES + 1), &m), -E2BIG);
	assert_int_equal(fault.reason, REASON_message_too_big);
	free(raw);
}

static void exhausted_arena_is_no_crash(void **state)
{
	struct slice raw = SLICE(REQUEST MANDATORY "Contact: <sip:a@b>, <sip:c@d>\r\n\r\n");

	(void)state;
	for (size_t size = 0; size < 8192; size += 64) {
		struct arena small = {arena_bytes, size, 0};
		const struct sip_message *m = NULL;
		int r = sip_parse(raw, &small, &m, &fault);

		assert_true((r == 0) == (m != NULL));
		assert_true(r == 0 || (r == -ENOMEM && fault.reason == REASON_message_limit));
	}
}

/* mandatory and single headers */

static void each_mandatory_header_is_missed(void **state)
{
	(void)state;
	BAD(REQUEST FROM TO CALL CSEQ "\r\n", sip_missing_header, NULL);
	BAD(REQUEST VIA TO CALL CSEQ "\r\n", sip_missing_header, NULL);
	BAD(REQUEST VIA FROM CALL CSEQ "\r\n", sip_missing_header, NULL);
	BAD(REQUEST VIA FROM TO CSEQ "\r\n", sip_missing_header, NULL);
	BAD(REQUEST VIA FROM TO CALL "\r\n", sip_missing_header, NULL);
	BAD(REQUEST "Via:\r\n" FROM TO CALL CSEQ "\r\n", sip_missing_header, NULL);
}

static void header_that_stands_twice_is_refused(void **state)
{
	(void)state;
	BAD_WITH("Call-ID: other", sip_duplicate_header, "Call-ID: other");
	BAD_WITH("i: other", sip_duplicate_header, "i: other");
	BAD_WITH("f: <sip:a@b>", sip_duplicate_header, "f: ");
	BAD_WITH("To: <sip:a@b>", sip_duplicate_header, "To: <sip:a@b>");
	BAD_WITH("CSeq: 1 OPTIONS", sip_duplicate_header, NULL);
	BAD_WITH("Content-Length: 0\r\nl: 0", sip_duplicate_header, "l: 0");
	BAD_WITH("Content-Type: a/b\r\nc: application/sdp", sip_duplicate_header, "c: ");
}

static void subject_may_stand_twice(void **state)
{
	(void)state;
	(void)WITH("Subject: one\r\ns: two");
}

/* Call-ID, CSeq, Max-Forwards */

static void call_id_with_white_space_is_refused(void **state)
{
	(void)state;
	BAD(REQUEST VIA FROM TO "Call-ID: a b\r\n" CSEQ "\r\n", sip_bad_header, "a b");
	BAD(REQUEST VIA FROM TO "Call-ID:\r\n" CSEQ "\r\n", sip_bad_header, "Call-ID");
}

/* RFC 3261 8.1.1.5 */
static void cseq_out_of_range_is_refused(void **state)
{
	(void)state;
	BAD(REQUEST VIA FROM TO CALL "CSeq: 2147483648 OPTIONS\r\n\r\n", sip_bad_cseq, NULL);
	BAD(REQUEST VIA FROM TO CALL "CSeq: 4294967297 OPTIONS\r\n\r\n", sip_bad_cseq, NULL);
	BAD(REQUEST VIA FROM TO CALL "CSeq: -1 OPTIONS\r\n\r\n", sip_bad_cseq, NULL);
	BAD(REQUEST VIA FROM TO CALL "CSeq: 1OPTIONS\r\n\r\n", sip_bad_cseq, NULL);
	BAD(REQUEST VIA FROM TO CALL "CSeq: 1\r\n\r\n", sip_bad_cseq, NULL);
	BAD(REQUEST VIA FROM TO CALL "CSeq: 1 OPTIONS x\r\n\r\n", sip_bad_cseq, NULL);
	BAD(REQUEST VIA FROM TO CALL "CSeq:\r\n\r\n", sip_bad_cseq, "CSeq:");
}

static void cseq_of_another_method_is_refused(void **state)
{
	(void)state;
	BAD(REQUEST VIA FROM TO CALL "CSeq: 1 INVITE\r\n\r\n", sip_bad_cseq, "INVITE");
	BAD(REQUEST VIA FROM TO CALL "CSeq: 1 options\r\n\r\n", sip_bad_cseq, "options");
}

static void max_forwards_above_255_is_refused(void **state)
{
	(void)state;
	assert_int_equal(WITH("Max-Forwards: 255")->max_forwards, 255);
	assert_false(WITH("X: y")->has_max_forwards);
	BAD_WITH("Max-Forwards: 256", sip_bad_header, "Max-Forwards: 256");
	BAD_WITH("Max-Forwards: -1", sip_bad_header, NULL);
	BAD_WITH("Max-Forwards:", sip_bad_header, NULL);
}

/* Content-Length */

static void content_length_that_overflows_is_refused(void **state)
{
	(void)state;
	BAD_WITH("Content-Length: 4294967328", sip_bad_content_length, "Content-Length");
	BAD_WITH("Content-Length: 18446744073709551616", sip_bad_content_length, NULL);
	BAD_WITH("Content-Length: -1", sip_bad_content_length, NULL);
	BAD_WITH("Content-Length: 1x", sip_bad_content_length, NULL);
	BAD_WITH("Content-Length: 0, 5", sip_bad_content_length, NULL);
	BAD_WITH("Content-Length:", sip_bad_content_length, NULL);
}

/* RFC 3261 18.3 */
static void body_ends_where_content_length_says(void **state)
{
	const struct sip_message *m = GOOD(REQUEST MANDATORY "Content-Length: 3\r\n\r\nabcdef");

	(void)state;
	assert_slice(m->body, "abc");
	assert_slice(m->content_length_text, "3");
	BAD(REQUEST MANDATORY "Content-Length: 4\r\n\r\nabc", sip_bad_content_length, "4");
	m = GOOD(REQUEST MANDATORY "\r\nabc");
	assert_false(m->has_content_length);
	assert_slice(m->body, "abc");
}

static void body_may_hold_nul(void **state)
{
	const struct sip_message *m = GOOD(REQUEST MANDATORY "Content-Length: 5\r\n\r\na\0\r\0b");

	(void)state;
	assert_int_equal(m->body.length, 5);
}

static void malformed_content_type_is_refused(void **state)
{
	(void)state;
	assert_slice(WITH("Content-Type: application / SDP ; x=y")->content_subtype, "SDP");
	BAD_WITH("Content-Type: application", sip_bad_header, NULL);
	BAD_WITH("Content-Type: application/", sip_bad_header, NULL);
	BAD_WITH("Content-Type: application/sdp, text/plain", sip_bad_header, NULL);
	BAD_WITH("Content-Type:", sip_bad_header, NULL);
}

/* Expires: RFC 3261 20.19 gives malformed values a meaning */
static void large_expires_is_saturated(void **state)
{
	(void)state;
	assert_int_equal(WITH("Expires: 3600")->expires, 3600);
	assert_true(WITH("Expires: 99999999999999999999")->expires == UINT32_MAX);
	assert_false(WITH("Expires: Thu, 01 Dec 1994 16:00:00 GMT")->has_expires);
	assert_int_equal(WITH("Session-Expires: 1800;refresher=uac")->session_expires, 1800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_line_is_read),
		cmocka_unit_test(status_line_is_read),
		cmocka_unit_test(status_line_may_end_behind_its_code),
		cmocka_unit_test(status_outside_of_three_digits_is_refused),
		cmocka_unit_test(other_version_is_refused_as_such),
		cmocka_unit_test(version_has_no_case_and_method_has),
		cmocka_unit_test(start_line_with_stray_white_space_is_refused),
		cmocka_unit_test(crlf_before_the_start_line_is_skipped),
		cmocka_unit_test(every_method_is_known_by_its_name),
		cmocka_unit_test(every_header_is_known_by_its_name),
		cmocka_unit_test(compact_names_are_read),
		cmocka_unit_test(folded_values_are_read_in_place),
		cmocka_unit_test(nul_in_the_head_is_refused),
		cmocka_unit_test(lone_cr_or_lf_in_the_head_is_refused),
		cmocka_unit_test(message_without_its_empty_line_is_refused),
		cmocka_unit_test(line_without_colon_is_refused),
		cmocka_unit_test(too_many_headers_are_over_the_limit),
		cmocka_unit_test(too_many_values_are_over_the_limit),
		cmocka_unit_test(message_above_the_limit_is_not_read),
		cmocka_unit_test(exhausted_arena_is_no_crash),
		cmocka_unit_test(each_mandatory_header_is_missed),
		cmocka_unit_test(header_that_stands_twice_is_refused),
		cmocka_unit_test(subject_may_stand_twice),
		cmocka_unit_test(call_id_with_white_space_is_refused),
		cmocka_unit_test(cseq_out_of_range_is_refused),
		cmocka_unit_test(cseq_of_another_method_is_refused),
		cmocka_unit_test(max_forwards_above_255_is_refused),
		cmocka_unit_test(content_length_that_overflows_is_refused),
		cmocka_unit_test(body_ends_where_content_length_says),
		cmocka_unit_test(body_may_hold_nul),
		cmocka_unit_test(malformed_content_type_is_refused),
		cmocka_unit_test(large_expires_is_saturated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
