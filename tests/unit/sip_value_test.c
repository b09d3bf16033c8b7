/* SPDX-License-Identifier: MIT */
/* Values of SIP headers: URIs, parties, Vias, lists, parameters, Replaces; bodies and frames. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exact.h"
#include "proto/sip/sip.h"

#define HEAD                                                                                       \
	"INVITE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n"                       \
	"From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: c\r\n"             \
	"CSeq: 1 INVITE\r\n"

static uint8_t arena_bytes[LIMIT_ARENA_BYTES];
static struct arena arena;

#define assert_slice(slice, text) assert_true(slice_equal(slice, SLICE(text)))

static struct slice string(const char *s)
{
	return exact(slice_make(s, strlen(s)));
}

static const struct sip_message *message(struct slice raw)
{
	const struct sip_message *m = NULL;
	struct fault fault = {0};

	arena = (struct arena){arena_bytes, sizeof(arena_bytes), 0};
	if (sip_parse(exact(raw), &arena, &m, &fault))
		fail_msg("refused with reason %d at %u", fault.reason, fault.at);
	return m;
}

/* RFC 3261 19.1 */

static void uris_with_two_readings_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"sip",
		"sip:",
		":a@b",
		"sip:@b",
		"sip:a@",
		"sip:a@b@c",
		"sip:a b@c",
		"sip:a@b c",
		"sip:<a@b>",
		"sip:\"a\"@b",
		"sip:a\\b@c",
		"sip:a%4@c",
		"sip:a%zz@c",
		"sip:a@b:",
		"sip:a@b:0",
		"sip:a@b:65536",
		"sip:a@b:5060x",
		"sip:a@b:+5",
		"sip:a@1.2.3",
		"sip:a@127.1",
		"sip:a@0x7f000001",
		"sip:a@010.0.0.1",
		"sip:a@1.2.3.4.5",
		"sip:a@[::1",
		"sip:a@[1.2.3.4]",
		"sip:a@::1",
		"sip:a@[::1]x",
		"sip:a@[2001:db8:::192.0.2.1]",
		"sip:a@b;",
		"sip:a@b;;lr",
		"sip:a@b;=x",
		"sip:a@b;lr;LR",
		"sip:a@b;maddr=1.2.3.4;maddr=1.2.3.5",
		"sip:a@b;m%61ddr=x;maddr=y",
		"1ip:a@b",
		"s ip:a@b",
		"sip:a@b;transport=udp;transport=tcp",
		"sip:a@b%41",
	};
	struct sip_uri uri;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (sip_parse_uri(string(bad[i]), &uri))
			fail_msg("%s was taken for a URI", bad[i]);
	}
}

static void good_uris_are_read(void **state)
{
	struct sip_uri u;

	(void)state;
	assert_true(sip_parse_uri(SLICE("SIP:192.0.2.1"), &u));
	assert_int_equal(u.user.length, 0);
	assert_true(u.host.is_address);
	assert_int_equal(u.host.port, 0);
	assert_true(sip_parse_uri(SLICE("sip:*31#100@host-1.example.com.:5070"), &u));
	assert_slice(u.user, "*31#100");
	assert_false(u.host.is_address);
	assert_true(sip_parse_uri(SLICE("sip:a;b?c/d=e:p@h?X=y&Z=w"), &u));
	assert_slice(u.user, "a;b?c/d=e");
	assert_slice(u.headers, "X=y&Z=w");
	assert_true(sip_parse_uri(SLICE("tel:+49-89-1234;phone-context=x"), &u));
	assert_int_equal(u.scheme, SIP_SCHEME_TEL);
	assert_slice(u.user, "+49-89-1234");
	assert_true(sip_parse_uri(SLICE("sip:a@b;transport=tcp;transport=TCP"), &u));
	assert_int_equal(u.transport, SIP_TRANSPORT_TCP);
	assert_true(sip_parse_uri(SLICE("urn:service:sos"), &u));
	assert_int_equal(u.scheme, SIP_SCHEME_OTHER);
}

static void escaped_parameter_name_is_the_parameter(void **state)
{
	struct sip_uri u;

	(void)state;
	assert_true(sip_parse_uri(SLICE("sip:a@b;M%61DDR=192.0.2.7"), &u));
	assert_slice(u.maddr, "192.0.2.7");
}

static void header_of_a_uri_is_found_and_unescaped(void **state)
{
	struct sip_party p;
	struct sip_replaces r;
	struct slice text;

	(void)state;
	arena = (struct arena){arena_bytes, sizeof(arena_bytes), 0};
	assert_true(sip_parse_party(
		SLICE("<sip:b@c?X=1&Replaces=id%40h%3Bto-tag%3D1%3Bfrom-tag%3D2>"), &p));
	assert_true(sip_uri_header(&p.uri, SLICE("replaces"), &text));
	assert_slice(text, "id%40h%3Bto-tag%3D1%3Bfrom-tag%3D2");
	assert_true(sip_unescape(text, &arena, &text));
	assert_true(sip_parse_replaces(text, &r));
	assert_slice(r.call_id, "id@h");
	assert_slice(r.to_tag, "1");
	assert_slice(r.from_tag, "2");
	assert_false(r.early_only);
	assert_false(sip_uri_header(&p.uri, SLICE("Y"), &text));
	assert_true(sip_parse_uri(SLICE("sip:b@c?=v&replaces=r"), &p.uri));
	assert_true(sip_uri_header(&p.uri, SLICE("Replaces"), &text));
	assert_slice(text, "r");
}

static void broken_escapes_are_not_undone(void **state)
{
	struct slice text;

	(void)state;
	arena = (struct arena){arena_bytes, sizeof(arena_bytes), 0};
	assert_false(sip_unescape(SLICE("a%"), &arena, &text));
	assert_false(sip_unescape(SLICE("a%4"), &arena, &text));
	assert_false(sip_unescape(SLICE("a%4g"), &arena, &text));
	assert_false(sip_unescape(SLICE("a%00"), &arena, &text));
	arena.used = arena.size;
	assert_false(sip_unescape(SLICE("abc"), &arena, &text));
}

/* RFC 3891 6.1 */
static void replaces_without_both_tags_is_refused(void **state)
{
	struct sip_replaces r;

	(void)state;
	assert_true(sip_parse_replaces(SLICE("id; to-tag=a ;from-tag=b;early-only"), &r));
	assert_true(r.early_only);
	assert_slice(r.call_id, "id");
	assert_false(sip_parse_replaces(SLICE("id;to-tag=a"), &r));
	assert_false(sip_parse_replaces(SLICE("id;from-tag=a"), &r));
	assert_false(sip_parse_replaces(SLICE(";to-tag=a;from-tag=b"), &r));
	assert_false(sip_parse_replaces(SLICE("id;to-tag=a;to-tag=c;from-tag=b"), &r));
	assert_false(sip_parse_replaces(SLICE(""), &r));
}

/* RFC 3261 20.10 */

static void parties_of_all_forms_are_read(void **state)
{
	struct sip_party p;

	(void)state;
	assert_true(sip_parse_party(SLICE("\"A, \\\"<sip:x@y>\\\"\" <sip:a@b;lr>;tag=1"), &p));
	assert_slice(p.display, "\"A, \\\"<sip:x@y>\\\"\"");
	assert_slice(p.uri.user, "a");
	assert_true(p.uri.is_loose && p.is_bracketed);
	assert_slice(p.tag, "1");
	assert_true(sip_parse_party(SLICE("Alice B.<sip:a@b>"), &p));
	assert_slice(p.display, "Alice B.");
	assert_true(sip_parse_party(SLICE("sip:a@b;lr;tag=2"), &p));
	assert_int_equal(p.uri.params.length, 0);
	assert_slice(p.params, ";lr;tag=2");
	assert_slice(p.tag, "2");
	assert_true(sip_parse_party(SLICE("<sip:a@b> ; tag = 3"), &p));
	assert_slice(p.tag, "3");
}

static void parties_with_two_readings_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\"open <sip:a@b>",
		"\"a\" sip:a@b",
		"<sip:a@b",
		"< sip:a@b >",
		"<sip:a@b>x",
		"sip:evil@x <sip:good@y>",
		"A, B <sip:a@b>",
		"<sip:a@b>;tag=1;tag=2",
		"<sip:a@b>;tag=",
		"<sip:a@b>;tag",
		"<sip:a@b>;;tag=1",
		"<sip:a@b>;",
		"<>",
		"sip:a@b?x=y",
		"<sip:a@b><sip:c@d>",
		"\"\\\"",
		"<sip:a@b>;x=\"open",
	};
	struct sip_party p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (sip_parse_party(string(bad[i]), &p))
			fail_msg("%s was taken for a party", bad[i]);
	}
}

static void several_values_in_one_header_are_told_apart(void **state)
{
	const struct sip_message *m = message(
		SLICE(HEAD "Contact: \"A, B\" <sip:a,b@h;x=1>;q=0.5, <sip:c@d>;expires=60\r\n"
			   "m: sip:e@f\r\nRoute: <sip:p1;lr>,<sip:p2;lr>\r\nRoute: <sip:p3>\r\n"
			   "Record-Route: <sip:r;lr>\r\nPath: <sip:q>\r\n\r\n"));

	(void)state;
	assert_int_equal(m->contacts.count, 3);
	assert_slice(m->contacts.at[0].party.uri.user, "a,b");
	assert_int_equal(m->contacts.at[0].q, 500);
	assert_false(m->contacts.at[0].has_expires);
	assert_int_equal(m->contacts.at[1].expires, 60);
	assert_int_equal(m->contacts.at[1].q, 1000);
	assert_slice(m->contacts.at[2].party.uri.host.text, "f");
	assert_int_equal(m->routes.count, 3);
	assert_slice(m->routes.at[1].uri.host.text, "p2");
	assert_int_equal(m->record_routes.count, 1);
	assert_int_equal(m->paths.count, 1);
}

static void star_contact_is_known(void **state)
{
	(void)state;
	assert_true(
		message(SLICE(HEAD "Contact: *\r\nExpires: 0\r\n\r\n"))->contacts.at[0].is_star);
}

static void refused(struct slice raw)
{
	const struct sip_message *m = NULL;
	struct fault fault = {0};

	arena = (struct arena){arena_bytes, sizeof(arena_bytes), 0};
	assert_int_equal(sip_parse(raw, &arena, &m, &fault), -EBADMSG);
	assert_int_equal(fault.reason, REASON_sip_bad_header);
}

static void empty_values_in_a_list_are_refused(void **state)
{
	(void)state;
	refused(SLICE(HEAD "Contact: <sip:a@b>,\r\n\r\n"));
	refused(SLICE(HEAD "Contact: ,<sip:a@b>\r\n\r\n"));
	refused(SLICE(HEAD "Contact: <sip:a@b>,,<sip:c@d>\r\n\r\n"));
	refused(SLICE(HEAD "Contact: <sip:a@b, <sip:c@d>\r\n\r\n"));
}

/* RFC 3261 20.34 */
static void route_without_brackets_is_refused(void **state)
{
	(void)state;
	refused(SLICE(HEAD "Route: sip:p;lr\r\n\r\n"));
	refused(SLICE(HEAD "Record-Route: sip:p;lr\r\n\r\n"));
}

/* RFC 3261 20.42, RFC 3581 */

static void via_is_read(void **state)
{
	struct sip_via v;

	(void)state;
	assert_true(sip_parse_via(SLICE("SIP / 2.0 / tcp  [2001:db8::1] : 5070 ;rport=5080"
					";branch=z9hG4bKx;received=192.0.2.3;x"),
				  &v));
	assert_int_equal(v.transport, SIP_TRANSPORT_TCP);
	assert_true(v.sent_by.is_address);
	assert_int_equal(v.sent_by.port, 5070);
	assert_slice(v.branch, "z9hG4bKx");
	assert_slice(v.received, "192.0.2.3");
	assert_int_equal(v.received_address.bytes[15], 3);
	assert_true(v.has_rport);
	assert_int_equal(v.rport, 5080);
	assert_true(sip_parse_via(SLICE("SIP/2.0/UDP host;rport"), &v));
	assert_true(v.has_rport);
	assert_int_equal(v.rport, 0);
	assert_int_equal(v.branch.length, 0);
}

static void malformed_vias_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"SIP/2.0",
		"SIP/2.0/UDP",
		"SIP/2.0/UDP ",
		"SIP/2.0/UDPhost",
		"SIP/1.0/UDP h",
		"HTTP/2.0/UDP h",
		"SIP/2.0/UDP h;branch",
		"SIP/2.0/UDP h;branch=",
		"SIP/2.0/UDP h;branch=1;branch=2",
		"SIP/2.0/UDP h;rport=65536",
		"SIP/2.0/UDP h;rport=x",
		"SIP/2.0/UDP h:99999",
		"SIP/2.0/UDP h;;",
		"SIP/2.0/UDP ;x",
		"SIP/2.0/UDP h i",
		"SIP/2.0/UDP 2001:db8::1",
		"SIP/2.0/UDP h;rport;rport",
		"SIP/2.0/UDP h;received=1.2.3.4;received=1.2.3.5",
	};
	struct sip_via v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (sip_parse_via(string(bad[i]), &v))
			fail_msg("%s was taken for a Via", bad[i]);
	}
}

static void parameters_are_found_without_case_and_quotes(void **state)
{
	struct slice v;

	(void)state;
	assert_true(sip_param(SLICE(";a=1;Boundary=\"x;y\";c"), SLICE("boundary"), &v));
	assert_slice(v, "x;y");
	assert_true(sip_param(SLICE(";a=1;c"), SLICE("C"), &v));
	assert_int_equal(v.length, 0);
	assert_false(sip_param(SLICE(";a=1"), SLICE("b"), &v));
	assert_false(sip_param(SLICE("a=1"), SLICE("a"), &v));
}

/* Frames: RFC 3261 18.3 */

static int frame(struct slice s)
{
	size_t resume = 0;

	return sip_frame(exact(s), &resume);
}

static void stream_is_framed_byte_by_byte_as_at_once(void **state)
{
	struct slice raw = SLICE("\r\n" HEAD "X: y\r\n z\r\nContent-Length: 4\r\n\r\nabcdINVITE");
	size_t resume = 0, whole = raw.length - 6;

	(void)state;
	assert_int_equal(frame(raw), whole);
	for (size_t i = 0; i < whole; i++)
		assert_int_equal(sip_frame(exact(slice_part(raw, 0, i)), &resume), -EAGAIN);
	assert_int_equal(sip_frame(slice_part(raw, 0, whole), &resume), whole);
}

static void stream_without_one_clear_length_is_no_sip(void **state)
{
	(void)state;
	assert_int_equal(frame(SLICE(HEAD "\r\n")), -EBADMSG);
	assert_int_equal(frame(SLICE(HEAD "l: 0\r\nContent-Length: 0\r\n\r\n")), -EBADMSG);
	assert_int_equal(
		frame(SLICE(HEAD "l: 4294967328\r\n\r\n0123456789012345678901234567890123")),
		-EBADMSG);
	assert_int_equal(frame(SLICE(HEAD "l: 65535\r\n\r\n")), -EBADMSG);
	assert_int_equal(frame(SLICE(HEAD "l: -1\r\n\r\n")), -EBADMSG);
	assert_int_equal(frame(SLICE("a\nb")), -EBADMSG);
	assert_int_equal(frame(SLICE("a\0")), -EBADMSG);
}

static void endless_head_is_given_up(void **state)
{
	static uint8_t raw[LIMIT_MESSAGE_BYTES + 1];

	(void)state;
	memset(raw, 'a', sizeof(raw));
	assert_int_equal(frame(slice_make(raw, LIMIT_MESSAGE_BYTES)), -EAGAIN);
	assert_int_equal(frame(slice_make(raw, LIMIT_MESSAGE_BYTES + 1)), -EBADMSG);
}

static void resume_behind_the_bytes_is_harmless(void **state)
{
	size_t resume = 1000;

	(void)state;
	assert_int_equal(sip_frame(SLICE("INVITE"), &resume), -EAGAIN);
}

static void crlf_alone_is_a_keepalive(void **state)
{
	(void)state;
	assert_true(sip_is_keepalive(SLICE("\r\n\r\n")));
	assert_true(sip_is_keepalive(SLICE("\r\n")));
	assert_false(sip_is_keepalive(SLICE("\r")));
	assert_false(sip_is_keepalive(SLICE("")));
	assert_false(sip_is_keepalive(SLICE("\r\nx\n")));
}

/* Bodies: RFC 2046 5.1 */

static int body(struct slice raw, struct slice *ret)
{
	return sip_sdp_body(message(raw), &arena, ret, NULL);
}

#define MIXED HEAD "Content-Type: multipart/mixed; boundary=\"b 1\"\r\n"
#define SDP_PART "--b 1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n"

static void sdp_is_found_as_body(void **state)
{
	struct slice s;

	(void)state;
	assert_int_equal(body(SLICE(HEAD "c: Application/SDP;x=y\r\n\r\nv=0"), &s), 0);
	assert_slice(s, "v=0");
	assert_int_equal(body(SLICE(HEAD "c: application/sdp\r\n\r\n"), &s), -ENOENT);
	assert_int_equal(body(SLICE(HEAD "c: text/plain\r\n\r\nv=0"), &s), -ENOENT);
	assert_int_equal(body(SLICE(HEAD "\r\nv=0"), &s), -ENOENT);
}

static void sdp_is_found_beside_binary_parts(void **state)
{
	struct slice s;

	(void)state;
	assert_int_equal(
		body(SLICE(MIXED "\r\npreamble\r\n--b 1\r\nContent-Type: application/isup\r\n"
				 "\r\n\x01\0\0--b 1\n\x10\r\n" SDP_PART "--b 1--\r\n"),
		     &s),
		0);
	assert_slice(s, "v=0\r\n");
}

static void sdp_is_found_three_deep_and_no_deeper(void **state)
{
	struct slice s;

	(void)state;
	assert_int_equal(
		body(SLICE(HEAD "c: multipart/mixed;boundary=1\r\n\r\n"
				"--1\r\nContent-Type: multipart/related;boundary=2\r\n\r\n"
				"--2\r\nContent-Type: multipart/alternative;boundary=3\r\n\r\n"
				"--3\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--3--\r\n"
				"--2--\r\n--1--\r\n"),
		     &s),
		0);
	assert_slice(s, "v=0");
	assert_int_equal(
		body(SLICE(HEAD "c: multipart/mixed;boundary=1\r\n\r\n"
				"--1\r\nContent-Type: multipart/mixed;boundary=2\r\n\r\n"
				"--2\r\nContent-Type: multipart/mixed;boundary=3\r\n\r\n"
				"--3\r\nContent-Type: multipart/mixed;boundary=4\r\n\r\n"
				"--4\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--4--\r\n"
				"--3--\r\n--2--\r\n--1--\r\n"),
		     &s),
		-EBADMSG);
}

static void two_descriptions_are_refused(void **state)
{
	struct slice s;

	(void)state;
	assert_int_equal(body(SLICE(MIXED "\r\n" SDP_PART SDP_PART "--b 1--"), &s), -EBADMSG);
}

/* RFC 3959 */
static void early_session_is_no_description_of_the_dialog(void **state)
{
	struct slice s;

	(void)state;
	assert_int_equal(
		body(SLICE(MIXED "\r\n" SDP_PART "--b 1\r\nContent-Type: application/sdp\r\n"
				 "Content-Disposition: early-session\r\n\r\nv=1\r\n--b 1--"),
		     &s),
		0);
	assert_slice(s, "v=0\r\n");
}

static void broken_multipart_is_refused(void **state)
{
	struct slice s;

	(void)state;
	assert_int_equal(body(SLICE(MIXED "\r\n" SDP_PART), &s), -EBADMSG);
	assert_int_equal(body(SLICE(MIXED "\r\nnothing"), &s), -EBADMSG);
	assert_int_equal(body(SLICE(MIXED "\r\n--b 1"), &s), -EBADMSG);
	assert_int_equal(body(SLICE(MIXED "\r\n--b 12\r\n\r\n--b 1--"), &s), -EBADMSG);
	assert_int_equal(body(SLICE(HEAD "c: multipart/mixed\r\n\r\n--b 1--"), &s), -EBADMSG);
	assert_int_equal(body(SLICE(MIXED "\r\n--b 1\r\nContent-Type: x/y\r\n--b 1--"), &s),
			 -EBADMSG);
}

static void encoded_sdp_is_refused(void **state)
{
	struct slice s;

	(void)state;
	assert_int_equal(body(SLICE(HEAD "c: application/sdp\r\ne: gzip\r\n\r\nx"), &s), -EBADMSG);
	assert_int_equal(body(SLICE(HEAD "c: application/sdp\r\ne: identity\r\n\r\nx"), &s), 0);
	assert_int_equal(
		body(SLICE(MIXED "\r\n--b 1\r\nContent-Type: application/sdp\r\n"
				 "Content-Transfer-Encoding: base64\r\n\r\ndj0w\r\n--b 1--"),
		     &s),
		-EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uris_with_two_readings_are_refused),
		cmocka_unit_test(good_uris_are_read),
		cmocka_unit_test(escaped_parameter_name_is_the_parameter),
		cmocka_unit_test(header_of_a_uri_is_found_and_unescaped),
		cmocka_unit_test(broken_escapes_are_not_undone),
		cmocka_unit_test(replaces_without_both_tags_is_refused),
		cmocka_unit_test(parties_of_all_forms_are_read),
		cmocka_unit_test(parties_with_two_readings_are_refused),
		cmocka_unit_test(several_values_in_one_header_are_told_apart),
		cmocka_unit_test(star_contact_is_known),
		cmocka_unit_test(empty_values_in_a_list_are_refused),
		cmocka_unit_test(route_without_brackets_is_refused),
		cmocka_unit_test(via_is_read),
		cmocka_unit_test(malformed_vias_are_refused),
		cmocka_unit_test(parameters_are_found_without_case_and_quotes),
		cmocka_unit_test(stream_is_framed_byte_by_byte_as_at_once),
		cmocka_unit_test(stream_without_one_clear_length_is_no_sip),
		cmocka_unit_test(endless_head_is_given_up),
		cmocka_unit_test(resume_behind_the_bytes_is_harmless),
		cmocka_unit_test(crlf_alone_is_a_keepalive),
		cmocka_unit_test(sdp_is_found_as_body),
		cmocka_unit_test(sdp_is_found_beside_binary_parts),
		cmocka_unit_test(sdp_is_found_three_deep_and_no_deeper),
		cmocka_unit_test(two_descriptions_are_refused),
		cmocka_unit_test(early_session_is_no_description_of_the_dialog),
		cmocka_unit_test(broken_multipart_is_refused),
		cmocka_unit_test(encoded_sdp_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
