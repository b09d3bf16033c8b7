// SPDX-License-Identifier: MIT
/* What strangers wrote reaches no terminal as they wrote it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/harmless.h"

static char shown[64];

static const char *show(struct slice s)
{
	size_t length = harmless_copy(shown, sizeof(shown), s);

	assert_int_equal(length, strlen(shown));
	return shown;
}

static void plain_text_stays(void **state)
{
	(void)state;
	assert_string_equal(show(SLICE("<sip:alice@example.org>;tag=1")),
			    "<sip:alice@example.org>;tag=1");
	assert_string_equal(show(SLICE("J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x93\x9e")),
			    "J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x93\x9e");
	assert_string_equal(show(SLICE("")), "");
}

static void controls_of_a_terminal_are_masked(void **state)
{
	(void)state;
	assert_string_equal(show(SLICE("a\x1b[2Jb\r\n\x7f")), "a?[2Jb???");
	/* U+009B is CSI in one character */
	assert_string_equal(show(SLICE("\xc2\x9b" "2J")), "??2J");
	/* U+202E turns the line around, U+2066 isolates */
	assert_string_equal(show(SLICE("\xe2\x80\xae.org")), "???.org");
	assert_string_equal(show(SLICE("\xe2\x81\xa6")), "???");
}

/* RFC 3629 3: the forms that have no meaning. */
static void broken_utf8_is_masked(void **state)
{
	(void)state;
	assert_string_equal(show(SLICE("\xff\xfe")), "??");
	assert_string_equal(show(SLICE("\xc0\xaf")), "??");
	assert_string_equal(show(SLICE("\xe0\x80\xaf")), "???");
	assert_string_equal(show(SLICE("\xed\xa0\x80")), "???");
	assert_string_equal(show(SLICE("\xf4\x90\x80\x80")), "????");
	assert_string_equal(show(SLICE("\xe2\x82")), "??");
}

static void text_is_cut_between_characters(void **state)
{
	char small[4];

	(void)state;
	assert_int_equal(harmless_copy(small, sizeof(small), SLICE("ab\xc3\xbc")), 2);
	assert_string_equal(small, "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_stays),
		cmocka_unit_test(controls_of_a_terminal_are_masked),
		cmocka_unit_test(broken_utf8_is_masked),
		cmocka_unit_test(text_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
