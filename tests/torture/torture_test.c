/* SPDX-License-Identifier: MIT */
/* The torture messages of RFC 4475 and RFC 5118, one row a file, and what becomes of each here.
 * Where the RFC leaves a choice, what two readers may read differently is refused and what harms
 * nobody passes. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exact.h"
#include "proto/sdp/sdp.h"
#include "proto/sip/sip.h"

struct torture {
	const char *file;
	const char *section;
	enum reason reason; /* none: it is read */
	const char *why;
};

static const struct torture rfc4475[] = {
	{"wsinv", "3.1.1.1", REASON_none, "valid: folding and white space wherever it may stand"},
	{"intmeth", "3.1.1.2", REASON_sip_malformed,
	 "valid by the grammar, but a quoted NUL ends the header for every reader written in C"},
	{"esc01", "3.1.1.3", REASON_none, "valid: escapes in URIs"},
	{"escnull", "3.1.1.4", REASON_none, "valid: %00 is three harmless bytes until unescaped"},
	{"esc02", "3.1.1.5", REASON_none, "valid: a percent sign is no escape outside of URIs"},
	{"lwsdisp", "3.1.1.6", REASON_none, "valid: no white space between display name and <"},
	{"longreq", "3.1.1.7", REASON_none, "valid: long values, many Vias"},
	{"dblreq", "3.1.1.8", REASON_none, "bytes behind Content-Length are no part of it"},
	{"semiuri", "3.1.1.9", REASON_none, "valid: a semicolon in the user part"},
	{"transports", "3.1.1.10", REASON_none, "valid: transports of all kinds"},
	{"mpart01", "3.1.1.11", REASON_none, "valid: multipart with binary parts"},
	{"unreason", "3.1.1.12", REASON_none, "valid: UTF-8 in the reason phrase"},
	{"noreason", "3.1.1.13", REASON_none, "valid: empty reason phrase"},
	{"badinv01", "3.1.2.1", REASON_sip_bad_header, "empty parameters and values in Via"},
	{"clerr", "3.1.2.2", REASON_sip_bad_content_length, "the body is shorter than announced"},
	{"ncl", "3.1.2.3", REASON_sip_bad_content_length, "negative length"},
	{"scalar02", "3.1.2.4", REASON_sip_bad_cseq, "CSeq above 2^31 - 1, as the first of many"},
	{"scalarlg", "3.1.2.5", REASON_sip_bad_cseq, "CSeq above 2^31 - 1 in a response"},
	{"quotbal", "3.1.2.6", REASON_sip_bad_header, "the quote of To never ends"},
	{"ltgtruri", "3.1.2.7", REASON_sip_bad_start_line, "Request-URI in angle brackets"},
	{"lwsruri", "3.1.2.8", REASON_sip_bad_start_line, "white space inside the Request-URI"},
	{"lwsstart", "3.1.2.9", REASON_sip_bad_start_line, "two spaces in the request line"},
	{"trws", "3.1.2.10", REASON_sip_bad_start_line,
	 "spaces behind the version: it might be ignored, but it is another version to some"},
	{"escruri", "3.1.2.11", REASON_sip_bad_start_line, "a Request-URI bears no headers"},
	{"baddate", "3.1.2.12", REASON_none,
	 "only the end system reads Date: it harms nobody here"},
	{"regbadct", "3.1.2.13", REASON_sip_bad_header,
	 "'?' without brackets: whose header or parameter is it?"},
	{"badaspec", "3.1.2.14", REASON_sip_bad_header, "spaces inside the angle brackets"},
	{"baddn", "3.1.2.15", REASON_sip_malformed,
	 "this copy ends without the empty line; with it, see the test below"},
	{"badvers", "3.1.2.16", REASON_sip_bad_version, "SIP/7.0: to be answered 505"},
	{"mismatch01", "3.1.2.17", REASON_sip_bad_cseq, "OPTIONS, but CSeq says INVITE"},
	{"mismatch02", "3.1.2.18", REASON_sip_bad_cseq, "an unknown method, but CSeq says INVITE"},
	{"bigcode", "3.1.2.19", REASON_sip_bad_start_line, "a status of more than three digits"},
	{"badbranch", "3.2.1", REASON_none,
	 "a branch of the cookie alone: the transaction's matter"},
	{"insuf", "3.3.1", REASON_sip_missing_header, "no Call-ID, From, To"},
	{"unkscm", "3.3.2", REASON_none, "unknown scheme: answered 416 by its receiver"},
	{"novelsc", "3.3.3", REASON_none, "known scheme that is not SIP's"},
	{"unksm2", "3.3.4", REASON_none, "unknown schemes in To, From and Contact"},
	{"bext01", "3.3.5", REASON_none, "unknown Require: the server answers 420"},
	{"invut", "3.3.6", REASON_none, "unknown body: 415 by its receiver, no doors here"},
	{"regaut01", "3.3.7", REASON_none, "unknown Authorization scheme"},
	{"multi01", "3.3.8", REASON_sip_duplicate_header, "single headers that stand twice"},
	{"mcl01", "3.3.9", REASON_sip_duplicate_header, "two lengths: two ends"},
	{"bcast", "3.3.10", REASON_none, "broadcast in a lower Via: structure is good"},
	{"zeromf", "3.3.11", REASON_none, "Max-Forwards 0 is valid: 483 by a proxy"},
	{"cparam01", "3.3.12", REASON_none, "a parameter of Contact, unknown"},
	{"cparam02", "3.3.13", REASON_none, "a parameter of Contact's URI, unknown"},
	{"regescrt", "3.3.14", REASON_none, "an escaped Route in a bracketed Contact"},
	{"sdp01", "3.3.15", REASON_none, "an Accept that cannot be met: 406 by its receiver"},
	{"inv2543", "3.4.1", REASON_none, "RFC 2543: no tag, no branch, no Max-Forwards"},
};

static const struct torture rfc5118[] = {
	{"4.1-ipv6-good", "4.1", REASON_none, "valid: IPv6 reference in the Request-URI"},
	{"4.2-ipv6-bad", "4.2", REASON_sip_bad_start_line, "IPv6 without brackets"},
	{"4.3-port-ambiguous", "4.3", REASON_none, "valid: the last group is no port"},
	{"4.4-port-unambiguous", "4.4", REASON_none, "valid: port behind the bracket"},
	{"4.5-via-received-no-delim", "4.5", REASON_none, "received without brackets is sent"},
	{"4.5-via-received-with-delim", "4.5", REASON_none, "received with brackets is read too"},
	{"4.6-ipv6-in-sdp", "4.6", REASON_none, "valid: IP6 in SDP bears no brackets"},
	{"4.7-mult-ip-in-header", "4.7", REASON_none, "valid: both families among the Vias"},
	{"4.8-mult-ip-in-sdp", "4.8", REASON_none, "valid: both families in one SDP"},
	{"4.9-ipv4-mapped-ipv6", "4.9", REASON_none, "valid: IPv4-mapped IPv6"},
	{"4.10-ipv6-bug-abnf-3-colons", "4.10", REASON_sip_bad_start_line,
	 "three colons come from an error in a grammar; RFC 4291 has no such address"},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct message {
	uint8_t arena_bytes[LIMIT_ARENA_BYTES];
	uint8_t bytes[LIMIT_MESSAGE_BYTES];
	struct arena arena;
	struct slice raw;
	const struct sip_message *sip;
	struct fault fault;
};

static const char *corpus(void)
{
	const char *path = getenv("RINGFENCE_CORPUS");

	return path ? path : "../shared/corpus";
}

static bool has_corpus(const char *folder)
{
	char path[512];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", corpus(), folder);
	dir = opendir(path);
	if (dir)
		closedir(dir);
	return dir != NULL;
}

static void load(struct message *m, const char *folder, const char *file)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s.dat", corpus(), folder, file);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s: a row without a file", path);
	m->raw = slice_make(m->bytes, fread(m->bytes, 1, sizeof(m->bytes), f));
	fclose(f);
	m->arena = (struct arena){m->arena_bytes, sizeof(m->arena_bytes), 0};
	m->fault = (struct fault){0};
	m->sip = NULL;
}

static int parse(struct message *m)
{
	return sip_parse(exact(m->raw), &m->arena, &m->sip, &m->fault);
}

static void judge_rows(const char *folder, const struct torture *rows, size_t count)
{
	static struct message m;
	int wrong = 0;

	if (!has_corpus(folder))
		skip();
	for (size_t i = 0; i < count; i++) {
		load(&m, folder, rows[i].file);
		(void)parse(&m);
		if (m.fault.reason == rows[i].reason && (m.sip != NULL) == !rows[i].reason)
			continue;
		print_error("%s (%s): reason %d at %u, should be %d: %s\n", rows[i].file,
			    rows[i].section, m.fault.reason, m.fault.at, rows[i].reason,
			    rows[i].why);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void judge_files(const char *folder, const struct torture *rows, size_t count)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", corpus(), folder);
	dir = opendir(path);
	if (!dir)
		skip();
	while ((entry = readdir(dir))) {
		size_t length = strlen(entry->d_name), i;

		if (length < 4 || strcmp(entry->d_name + length - 4, ".dat"))
			continue;
		for (i = 0; i < count; i++) {
			if (strlen(rows[i].file) == length - 4 &&
			    memcmp(rows[i].file, entry->d_name, length - 4) == 0)
				break;
		}
		if (i == count)
			fail_msg("%s: a file without a row", entry->d_name);
	}
	closedir(dir);
}

static void each_message_of_rfc4475_is_judged_as_its_row_says(void **state)
{
	(void)state;
	judge_rows("sip-torture", rfc4475, COUNT(rfc4475));
}

static void each_message_of_rfc5118_is_judged_as_its_row_says(void **state)
{
	(void)state;
	judge_rows("sip-torture-ipv6", rfc5118, COUNT(rfc5118));
}

static void each_file_has_a_row(void **state)
{
	(void)state;
	judge_files("sip-torture", rfc4475, COUNT(rfc4475));
	judge_files("sip-torture-ipv6", rfc5118, COUNT(rfc5118));
}

static void open_message(struct message *m, const char *folder, const char *file)
{
	if (!has_corpus(folder))
		skip();
	load(m, folder, file);
	assert_int_equal(parse(m), 0);
}

#define assert_slice(slice, text) assert_true(slice_equal(slice, SLICE(text)))

/* RFC 4475 3.1.1.1 */
static void wsinv_is_read_through_its_white_space(void **state)
{
	static struct message m;
	const struct sip_message *s;

	(void)state;
	open_message(&m, "sip-torture", "wsinv");
	s = m.sip;
	assert_slice(s->to.tag, "1918181833n");
	assert_slice(s->from.tag, "98asjd8");
	assert_slice(s->from.display, "\"J Rosenberg \\\\\\\"\"");
	assert_int_equal(s->max_forwards, 68);
	assert_int_equal(s->cseq, 9);
	assert_int_equal(s->cseq_method, SIP_METHOD_invite);
	assert_int_equal(s->content_length, 150);
	assert_int_equal(s->vias.count, 3);
	assert_slice(s->vias.at[0].sent_by.text, "192.0.2.2");
	assert_slice(s->vias.at[0].branch, "390skdjuw");
	assert_int_equal(s->vias.at[1].transport, SIP_TRANSPORT_TCP);
	assert_slice(s->vias.at[1].branch, "z9hG4bK9ikj8");
	assert_slice(s->vias.at[2].branch, "z9hG4bK30239");
	assert_int_equal(s->routes.count, 1);
	assert_true(s->routes.at[0].uri.is_loose);
	assert_int_equal(s->contacts.count, 1);
	assert_int_equal(s->contacts.at[0].q, 330);
}

/* RFC 4475 3.1.1.2, its quoted NUL put right */
static void intmeth_without_its_nul_is_read(void **state)
{
	static struct message m;

	(void)state;
	if (!has_corpus("sip-torture"))
		skip();
	load(&m, "sip-torture", "intmeth");
	for (size_t i = 0; i < m.raw.length; i++) {
		if (m.bytes[i] == 0)
			m.bytes[i] = 'N';
	}
	assert_int_equal(parse(&m), 0);
	assert_int_equal(m.sip->method, SIP_METHOD_other);
	assert_slice(m.sip->request_uri.host.text, "example.com");
	assert_slice(m.sip->request_uri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
	assert_slice(m.sip->from.tag, "_token~1'+`*%!-.");
}

/* RFC 4475 3.1.2.15: "From: Bell, Alexander <sip:...>", its missing empty line added. A comma
 * without quotes may begin another value. */
static void comma_in_a_display_name_without_quotes_is_refused(void **state)
{
	static struct message m;

	(void)state;
	if (!has_corpus("sip-torture"))
		skip();
	load(&m, "sip-torture", "baddn");
	memcpy(m.bytes + m.raw.length, "\r\n", 2);
	m.raw.length += 2;
	assert_int_equal(parse(&m), -EBADMSG);
	assert_int_equal(m.fault.reason, REASON_sip_bad_header);
}

/* RFC 4475 3.1.1.3 */
static void escaped_lr_is_lr(void **state)
{
	static struct message m;

	(void)state;
	open_message(&m, "sip-torture", "esc01");
	assert_slice(m.sip->request_uri.user, "sips%3Auser%40example.com");
	assert_slice(m.sip->request_uri.host.text, "example.net");
	assert_true(m.sip->contacts.at[0].party.uri.is_loose);
}

/* RFC 4475 3.1.1.5: "C%6Fntact" is no Contact */
static void percent_in_a_header_name_is_no_escape(void **state)
{
	static struct message m;

	(void)state;
	open_message(&m, "sip-torture", "esc02");
	assert_int_equal(m.sip->method, SIP_METHOD_other);
	assert_int_equal(m.sip->contacts.count, 2);
}

/* RFC 4475 3.1.1.8 */
static void second_request_of_dblreq_is_no_body(void **state)
{
	static struct message m;

	(void)state;
	open_message(&m, "sip-torture", "dblreq");
	assert_int_equal(m.sip->method, SIP_METHOD_register);
	assert_int_equal(m.sip->body.length, 0);
}

/* RFC 4475 3.3.12, 3.3.13 */
static void unknown_parameter_belongs_to_header_without_brackets(void **state)
{
	static struct message m;

	(void)state;
	open_message(&m, "sip-torture", "cparam01");
	assert_slice(m.sip->contacts.at[0].party.params, ";unknownparam");
	assert_int_equal(m.sip->contacts.at[0].party.uri.params.length, 0);
	open_message(&m, "sip-torture", "cparam02");
	assert_int_equal(m.sip->contacts.at[0].party.params.length, 0);
	assert_slice(m.sip->contacts.at[0].party.uri.params, ";unknownparam");
}

/* RFC 4475 3.1.1.11: its parts are text and S/MIME, none is SDP */
static void mpart01_holds_no_sdp(void **state)
{
	static struct message m;
	struct slice body;

	(void)state;
	open_message(&m, "sip-torture", "mpart01");
	assert_int_equal(sip_sdp_body(m.sip, &m.arena, &body, NULL), -ENOENT);
}

static const struct sdp *open_sdp(struct message *m)
{
	const struct sdp *sdp = NULL;
	struct slice body;

	assert_int_equal(sip_sdp_body(m->sip, &m->arena, &body, NULL), 0);
	assert_int_equal(sdp_parse(body, &m->arena, &sdp, &m->fault), 0);
	return sdp;
}

/* RFC 5118 4.6, 4.8, 4.9 */
static void addresses_of_both_families_are_read_in_sdp(void **state)
{
	static struct message m;
	static const uint8_t mapped[4] = {192, 0, 2, 2};
	const struct sdp *sdp;

	(void)state;
	open_message(&m, "sip-torture-ipv6", "4.6-ipv6-in-sdp");
	sdp = open_sdp(&m);
	assert_int_equal(sdp->media_count, 2);
	assert_int_equal(sdp->media[1].connection.address.bytes[15], 0x20);
	open_message(&m, "sip-torture-ipv6", "4.8-mult-ip-in-sdp");
	sdp = open_sdp(&m);
	assert_slice(sdp->media[0].connection.address_text, "192.0.2.1");
	assert_slice(sdp->media[1].connection.address_text, "2001:db8::1");
	open_message(&m, "sip-torture-ipv6", "4.9-ipv4-mapped-ipv6");
	sdp = open_sdp(&m);
	assert_memory_equal(sdp->connection.address.bytes + 12, mapped, 4);
}

/* RFC 5118 4.3, 4.4, 4.5 */
static void ports_and_received_of_ipv6_are_told_apart(void **state)
{
	static struct message m;

	(void)state;
	open_message(&m, "sip-torture-ipv6", "4.3-port-ambiguous");
	assert_int_equal(m.sip->request_uri.host.port, 0);
	open_message(&m, "sip-torture-ipv6", "4.4-port-unambiguous");
	assert_int_equal(m.sip->request_uri.host.port, 5070);
	open_message(&m, "sip-torture-ipv6", "4.5-via-received-no-delim");
	assert_int_equal(m.sip->vias.at[0].received_address.bytes[15], 0x55);
	open_message(&m, "sip-torture-ipv6", "4.5-via-received-with-delim");
	assert_int_equal(m.sip->vias.at[0].received_address.bytes[15], 0x55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_of_rfc4475_is_judged_as_its_row_says),
		cmocka_unit_test(each_message_of_rfc5118_is_judged_as_its_row_says),
		cmocka_unit_test(each_file_has_a_row),
		cmocka_unit_test(wsinv_is_read_through_its_white_space),
		cmocka_unit_test(intmeth_without_its_nul_is_read),
		cmocka_unit_test(comma_in_a_display_name_without_quotes_is_refused),
		cmocka_unit_test(escaped_lr_is_lr),
		cmocka_unit_test(percent_in_a_header_name_is_no_escape),
		cmocka_unit_test(second_request_of_dblreq_is_no_body),
		cmocka_unit_test(unknown_parameter_belongs_to_header_without_brackets),
		cmocka_unit_test(mpart01_holds_no_sdp),
		cmocka_unit_test(addresses_of_both_families_are_read_in_sdp),
		cmocka_unit_test(ports_and_received_of_ipv6_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
