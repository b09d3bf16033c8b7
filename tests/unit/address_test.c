/* SPDX-License-Identifier: MIT */
/* Addresses: read strictly, written as RFC 5952 says (its examples and ours), networks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/address.h"
#include "base/text.h"

static struct slice string(const char *s)
{
	return slice_make(s, strlen(s));
}

static void same_text_comes_back(const char *in, const char *out)
{
	char buffer[64];
	struct text t = text_make(buffer, sizeof(buffer));
	struct address a;

	if (!address_parse(string(in), &a))
		fail_msg("%s was refused", in);
	text_address(&t, &a);
	assert_string_equal(buffer, out);
}

/* RFC 5952 4, 5 */
static void text_is_that_of_rfc5952(void **state)
{
	(void)state;
	same_text_comes_back("2001:0db8::0001", "2001:db8::1");
	same_text_comes_back("2001:db8:0:0:0:0:2:1", "2001:db8::2:1");
	same_text_comes_back("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
	same_text_comes_back("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
	same_text_comes_back("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
	same_text_comes_back("2001:DB8::AAAA", "2001:db8::aaaa");
	same_text_comes_back("::", "::");
	same_text_comes_back("::1", "::1");
	same_text_comes_back("1::", "1::");
	same_text_comes_back("[fd77:2::9]", "fd77:2::9");
	same_text_comes_back("::ffff:192.0.2.1", "192.0.2.1");
	same_text_comes_back("64:ff9b::192.0.2.33", "64:ff9b::c000:221");
	same_text_comes_back("0.0.0.0", "0.0.0.0");
	same_text_comes_back("255.255.255.255", "255.255.255.255");
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"1",
		"1.2.3",
		"1.2.3.4.5",
		"01.2.3.4",
		"1.2.3.256",
		"1.2.3.4 ",
		" 1.2.3.4",
		"0x1.2.3.4",
		"1..2.3",
		"1.2.3.",
		".1.2.3.4",
		"[1.2.3.4]",
		"1.2.3.-4",
		"1.2.3.4/8",
		":",
		":::",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7:8::",
		"::1::",
		"1::2::3",
		"12345::",
		"g::",
		"2001:db8:::192.0.2.1",
		"::1.2.3",
		"1.2.3.4::",
		"::1.2.3.4:5",
		"fe80::1%eth0",
		"[::1",
		"::1]",
		"[]",
		"[::1]:5060",
		"1:",
		":1",
		"1:2:3:4:5:6:7:",
		"1:2:3:4:5:6:7:1.2.3.4",
		"::1:2:3:4:5:6:7:8",
	};
	struct address a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (address_parse(string(bad[i]), &a))
			fail_msg("%s was taken for an address", bad[i]);
	}
}

static struct address address(const char *s)
{
	struct address a;

	assert_true(address_parse(string(s), &a));
	return a;
}

static void kinds_of_addresses_are_known(void **state)
{
	struct address a;

	(void)state;
	a = address("10.0.0.1");
	assert_true(address_is_ipv4(&a));
	assert_int_equal(address_family(&a), FAMILY_IPV4);
	assert_false(address_is_multicast(&a) || address_is_loopback(&a) || address_is_zero(&a));
	a = address("fd00::1");
	assert_int_equal(address_family(&a), FAMILY_IPV6);
	a = address("127.255.0.1");
	assert_true(address_is_loopback(&a));
	a = address("::1");
	assert_true(address_is_loopback(&a));
	a = address("0.0.0.0");
	assert_true(address_is_zero(&a));
	a = address("::");
	assert_true(address_is_zero(&a));
	a = address("239.1.2.3");
	assert_true(address_is_multicast(&a));
	a = address("255.255.255.255");
	assert_true(address_is_multicast(&a));
	a = address("ff02::1");
	assert_true(address_is_multicast(&a));
}

static bool contains(const char *network, const char *host)
{
	struct address a = address(host);
	struct network n;

	assert_true(network_parse(string(network), &n));
	return network_contains(&n, &a);
}

static void network_holds_its_hosts_alone(void **state)
{
	(void)state;
	assert_true(contains("10.0.0.0/8", "10.255.0.1"));
	assert_false(contains("10.0.0.0/8", "11.0.0.1"));
	assert_true(contains("192.0.2.128/25", "192.0.2.129"));
	assert_false(contains("192.0.2.128/25", "192.0.2.127"));
	assert_true(contains("0.0.0.0/0", "192.0.2.1"));
	assert_false(contains("0.0.0.0/0", "2001:db8::1"));
	assert_true(contains("fd00::/8", "fdff::1"));
	assert_true(contains("192.0.2.1", "192.0.2.1"));
	assert_true(contains("::/0", "192.0.2.1"));
}

static void network_with_host_bits_is_refused(void **state)
{
	struct network n;

	(void)state;
	assert_false(network_parse(SLICE("10.0.0.1/8"), &n));
	assert_false(network_parse(SLICE("10.0.0.0/33"), &n));
	assert_false(network_parse(SLICE("10.0.0.0/"), &n));
	assert_false(network_parse(SLICE("fd00::/129"), &n));
	assert_true(network_parse(SLICE("10.0.0.0/8"), &n));
	assert_int_equal(n.prefix_bits, 104);
}

static void endpoint_of_ipv6_has_brackets(void **state)
{
	char buffer[64];
	struct text t = text_make(buffer, sizeof(buffer));
	struct address a = address("fd00::1"), b = address("10.1.2.3");
	uint8_t wire[2] = {0x13, 0xc4};
	uint16_t port;

	(void)state;
	memcpy(&port, wire, 2);
	text_endpoint(&t, &a, port);
	text_char(&t, ' ');
	text_endpoint(&t, &b, port);
	assert_string_equal(buffer, "[fd00::1]:5060 10.1.2.3:5060");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_that_of_rfc5952),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(kinds_of_addresses_are_known),
		cmocka_unit_test(network_holds_its_hosts_alone),
		cmocka_unit_test(network_with_host_bits_is_refused),
		cmocka_unit_test(endpoint_of_ipv6_has_brackets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
