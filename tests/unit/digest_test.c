// SPDX-License-Identifier: MIT
/* Digest challenges and credentials read (RFC 3261 25.1, RFC 7616 3, RFC 8760 2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "exact.h"
#include "proto/sip/digest.h"

static struct slice string(const char *s)
{
	return exact(slice_make(s, strlen(s)));
}

/* The example of RFC 7616 3.9.1. */
static void credentials_of_the_rfc_are_read(void **state)
{
	struct sip_digest d;

	(void)state;
	assert_true(sip_parse_digest(string("Digest username=\"Mufasa\",\r\n realm=\"http-auth@example.org\""
		",\r\n uri=\"/dir/index.html\", algorithm=SHA-256,"
		" nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001,"
		" cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth,"
		" response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\","
		" opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""), &d));
	assert_true(slice_equal(d.realm, SLICE("http-auth@example.org")));
	assert_true(slice_equal(d.nonce, SLICE("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v")));
	assert_int_equal(d.algorithm, DIGEST_SHA256);
	assert_int_equal(d.nonce_count, 1);
}

static void commas_in_quotes_part_nothing(void **state)
{
	struct sip_digest d;

	(void)state;
	assert_true(sip_parse_digest(string("digest REALM=\"a, nonce=b\",NONCE=\"c\""), &d));
	assert_true(slice_equal(d.realm, SLICE("a, nonce=b")));
	assert_true(slice_equal(d.nonce, SLICE("c")));
	assert_int_equal(d.algorithm, DIGEST_MD5);
}

/* RFC 8760 2.1 */
static void each_algorithm_is_known_by_its_token(void **state)
{
	static const struct {
		const char *text;
		enum digest_algorithm algorithm;
	} expected[] = {
		{ "Digest realm=\"r\", nonce=\"n\", algorithm=md5", DIGEST_MD5 },
		{ "Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess", DIGEST_MD5 },
		{ "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256", DIGEST_SHA256 },
		{ "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256-sess", DIGEST_SHA256 },
		{ "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256", DIGEST_SHA512_256 },
		{ "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256-sess", DIGEST_SHA512_256 },
		{ "Digest realm=\"r\", nonce=\"n\", algorithm=AKAv1-MD5", DIGEST_OTHER },
	};
	struct sip_digest d;

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		assert_true(sip_parse_digest(string(expected[i].text), &d));
		assert_int_equal(d.algorithm, expected[i].algorithm);
	}
}

static void what_is_no_digest_or_has_two_readings_is_none(void **state)
{
	static const char *const bad[] = {
		"",
		"Digest",
		"Digest ",
		"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
		"Digest realm=\"r\"",
		"Digest nonce=\"n\"",
		"Digest realm=\"r\", nonce=\"\"",
		"Digest realm=\"r\", nonce=\"n\", nonce=\"m\"",
		"Digest realm=\"r\", realm=\"s\", nonce=\"n\"",
		"Digest realm=\"r\", nonce=\"n",
		"Digest realm=\"r\" x, nonce=\"n\"",
		"Digest realm=\"r\",, nonce=\"n\"",
		"Digest realm=\"r\", nonce=\"n\", nc=1",
		"Digest realm=\"r\", nonce=\"n\", nc=0000000g",
		"Digest realm=\"r\", nonce=\"n\", nc=00000001, nc=00000002",
		"Digest realm=\"r\", =\"n\"",
	};
	struct sip_digest d;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (sip_parse_digest(string(bad[i]), &d))
			fail_msg("%s was taken", bad[i]);
}

/* RFC 7616 3.5 */
static void next_nonce_is_found_among_the_rest(void **state)
{
	struct slice nonce = { NULL, 0 };

	(void)state;
	assert_true(sip_parse_next_nonce(string("qop=auth, nextnonce=\"47364c23432\""), &nonce));
	assert_true(slice_equal(nonce, SLICE("47364c23432")));
	assert_false(sip_parse_next_nonce(string("qop=auth, cnonce=\"1\""), &nonce));
	assert_false(sip_parse_next_nonce(string(""), &nonce));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(credentials_of_the_rfc_are_read),
		cmocka_unit_test(commas_in_quotes_part_nothing),
		cmocka_unit_test(each_algorithm_is_known_by_its_token),
		cmocka_unit_test(what_is_no_digest_or_has_two_readings_is_none),
		cmocka_unit_test(next_nonce_is_found_among_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
