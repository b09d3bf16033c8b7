// SPDX-License-Identifier: MIT
/* Sets of ports, in the form of net.ipv4.ip_local_reserved_ports (Documentation/networking/ip-sysctl). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/ports.h"

static struct port_set set_of(const char *text)
{
	struct port_set s;

	assert_true(ports_read(slice_make(text, strlen(text)), &s));
	return s;
}

static void assert_text(const struct port_set *s, const char *expected)
{
	char text[256];

	assert_int_equal(ports_write(s, text, sizeof(text)), 0);
	assert_string_equal(text, expected);
}

static void the_kernels_form_is_read_and_written(void **state)
{
	const char *const texts[] = { "", "0", "8080,20000-20099", "1,3-5,7", "65535", "0-65535" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct port_set s = set_of(texts[i]);

		assert_text(&s, texts[i]);
	}
}

static void its_line_end_is_no_part_of_it(void **state)
{
	struct port_set s = set_of("8080,9000-9001\n");

	(void)state;
	assert_true(ports_has(&s, 8080));
	assert_true(ports_has(&s, 9001));
	assert_false(ports_has(&s, 9002));
	s = set_of("\n");
	assert_text(&s, "");
}

static void ranges_that_touch_become_one(void **state)
{
	struct port_set s = set_of("10-12,13,14-20");

	(void)state;
	assert_text(&s, "10-20");
}

static void what_is_no_set_is_not_read(void **state)
{
	const char *const texts[] = { "65536", "5-4", "1,,2", "a", "1-", "-1", "1 2" };
	struct port_set s;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(ports_read(slice_make(texts[i], strlen(texts[i])), &s));
}

static void ours_goes_and_others_stay(void **state)
{
	struct port_set all = set_of("8080,20000-20099"), ours = set_of("20000-20099");

	(void)state;
	ports_without(&all, &ours);
	assert_text(&all, "8080");
	ports_join(&all, &ours);
	assert_text(&all, "8080,20000-20099");
}

static void hidden_hosts_alone_draw_ports(void **state)
{
	static struct policy p;
	struct port_set s;

	(void)state;
	p.nat_count = 3;
	p.nat[0] = (struct nat_rule){ .kind = NAT_HIDE, .port_low = 20000, .port_high = 20001 };
	p.nat[1] = (struct nat_rule){ .kind = NAT_STATIC, .port_low = 30000, .port_high = 30001 };
	p.nat[2] = (struct nat_rule){ .kind = NAT_HIDE, .port_low = 40000, .port_high = 40000 };
	ports_of(&p, &s);
	assert_text(&s, "20000-20001,40000");
}

static void what_is_left_of_a_range_is_counted(void **state)
{
	struct port_set s = set_of("20000-59999");

	(void)state;
	/* the kernel's own default range */
	assert_int_equal(ports_left(&s, 32768, 60999), 1000);
	assert_int_equal(ports_left(&s, 20000, 20000), 0);
	assert_int_equal(ports_left(&s, 0, 65535), 65536 - 40000);
}

static void a_text_too_small_is_told(void **state)
{
	struct port_set s = set_of("1,3,5,7");
	char text[4];

	(void)state;
	assert_int_equal(ports_write(&s, text, sizeof(text)), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernels_form_is_read_and_written),
		cmocka_unit_test(its_line_end_is_no_part_of_it),
		cmocka_unit_test(ranges_that_touch_become_one),
		cmocka_unit_test(what_is_no_set_is_not_read),
		cmocka_unit_test(ours_goes_and_others_stay),
		cmocka_unit_test(hidden_hosts_alone_draw_ports),
		cmocka_unit_test(what_is_left_of_a_range_is_counted),
		cmocka_unit_test(a_text_too_small_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
