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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_that_is_too_long_is_cut_and_says_so),
		cmocka_unit_test(numbers_and_bytes_become_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
