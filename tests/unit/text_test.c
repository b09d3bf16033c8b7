/* SPDX-License-Identifier: MIT */
/* Texts in buffers of fixed size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"

static void text_that_is_too_long_is_cut_and_says_so(void **state)
{
	char buffer[6];
	struct text t = text_make(buffer, sizeof(buffer));

	(void)state;
	text_string(&t, "abc");
	assert_false(t.cut);
	text_number(&t, 1234);
	assert_true(t.cut);
	assert_string_equal(buffer, "abc12");
}

static void numbers_and_bytes_become_text(void **state)
{
	char buffer[64];
	struct text t = text_make(buffer, sizeof(buffer));

	(void)state;
	text_number(&t, UINT64_MAX);
	text_char(&t, ' ');
	text_number(&t, 0);
	text_char(&t, ' ');
	text_hex(&t, SLICE("\x0f\xa0"));
	assert_string_equal(buffer, "18446744073709551615 0 0fa0");
}

static void text_stays_cut_and_ends_with_its_nul(void **state)
{
	char buffer[4] = { 'x', 'x', 'x', 'x' };
	struct text t = text_make(buffer, sizeof(buffer));

	(void)state;
	text_add(&t, SLICE("abcdef"));
	assert_true(t.cut);
	assert_int_equal(t.length, 3);
	text_char(&t, 'z');
	text_hex(&t, SLICE("\x01"));
	text_add(&t, slice_make(NULL, 0));
	assert_string_equal(buffer, "abc");
	assert_true(t.cut);
}

static void buffer_of_one_byte_holds_the_empty_text(void **state)
{
	char buffer[1] = { 'x' };
	struct text t = text_make(buffer, sizeof(buffer));

	(void)state;
	text_string(&t, "");
	assert_false(t.cut);
	text_string(&t, "a");
	assert_true(t.cut);
	assert_string_equal(buffer, "");
}

/* RFC 3986 3.2.2: an IPv6 address stands in brackets before a port. */
static void endpoint_is_written_with_its_port(void **state)
{
	const struct address four = { { [10] = 0xff, 0xff, 192, 0, 2, 1 } };
	const struct address six = { { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
	const uint8_t wire[2] = { 0x13, 0xc4 };
	char buffer[64];
	struct text t = text_make(buffer, sizeof(buffer));
	uint16_t port;

	(void)state;
	memcpy(&port, wire, sizeof(port));
	text_endpoint(&t, &four, port);
	text_char(&t, ' ');
	text_endpoint(&t, &six, port);
	assert_string_equal(buffer, "192.0.2.1:5060 [2001:db8::1]:5060");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_that_is_too_long_is_cut_and_says_so),
		cmocka_unit_test(numbers_and_bytes_become_text),
		cmocka_unit_test(text_stays_cut_and_ends_with_its_nul),
		cmocka_unit_test(buffer_of_one_byte_holds_the_empty_text),
		cmocka_unit_test(endpoint_is_written_with_its_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
