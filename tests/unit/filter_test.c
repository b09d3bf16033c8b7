// SPDX-License-Identifier: MIT
/* Filters of the tables: what they take, and which words are refused with which hint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "cli/filter.h"

static struct view view = { .zones = { [1] = { "phones" }, [2] = { "carrier" } } };
static char error[200];

static struct filter ask(const char *address, const char *zone)
{
	json_t *request = json_pack("{s:s*, s:s*}", "address", address, "zone", zone);
	struct filter f;

	assert_true(filter_read(&view, request, &f, error));
	json_decref(request);
	return f;
}

static void is_refused(const char *address, const char *zone, const char *says)
{
	json_t *request = json_pack("{s:s*, s:s*}", "address", address, "zone", zone);
	struct filter f;

	error[0] = '\0';
	assert_false(filter_read(&view, request, &f, error));
	json_decref(request);
	if (!strstr(error, says))
		fail_msg("%s", error);
}

static struct address host(const char *text)
{
	struct address a;

	assert_true(address_parse(slice_make(text, strlen(text)), &a));
	return a;
}

static void an_empty_request_takes_all(void **state)
{
	struct filter f = ask(NULL, NULL);
	struct address a = host("192.0.2.1");

	(void)state;
	assert_true(filter_takes_address(&f, &a));
	assert_true(filter_takes_zones(&f, 1, 2));
	assert_true(filter_takes_zones(&f, 0, 0));
}

static void hosts_and_networks_are_told_apart(void **state)
{
	struct filter one = ask("10.1.0.10", NULL), many = ask("10.1.0.0/16", NULL);
	struct address a = host("10.1.0.10"), b = host("10.1.0.11"), c = host("10.2.0.10");

	(void)state;
	assert_true(filter_takes_address(&one, &a));
	assert_false(filter_takes_address(&one, &b));
	assert_true(filter_takes_address(&many, &b));
	assert_false(filter_takes_address(&many, &c));
}

static void a_network_is_taken_by_its_hosts_and_by_wider_ones(void **state)
{
	struct network blocked;
	struct filter inside = ask("10.1.2.3", NULL), around = ask("10.0.0.0/8", NULL),
		      beside = ask("10.2.0.0/16", NULL);

	(void)state;
	assert_true(network_parse(SLICE("10.1.0.0/16"), &blocked));
	assert_true(filter_takes_network(&inside, &blocked));
	assert_true(filter_takes_network(&around, &blocked));
	assert_false(filter_takes_network(&beside, &blocked));
}

static void a_zone_is_either_side(void **state)
{
	struct filter f = ask(NULL, "carrier");

	(void)state;
	assert_true(filter_takes_zones(&f, 1, 2));
	assert_true(filter_takes_zones(&f, 2, 1));
	assert_false(filter_takes_zones(&f, 1, 1));
}

static void words_that_mean_nothing_are_refused(void **state)
{
	(void)state;
	is_refused("10.1.0.300", NULL, "no address");
	is_refused("10.1.0.1/16", NULL, "no address");
	is_refused("", NULL, "no address");
	is_refused(NULL, "carier", "did you mean carrier?");
	is_refused(NULL, "elsewhere", "ringfence status");
	is_refused(NULL, "", "there is none");
}

static void a_call_is_named_in_full_or_by_how_it_begins(void **state)
{
	static const struct hash_key key = { { 1, 2 } };
	struct tables *tables = tables_new(&key, 1024);
	struct row_key row = { .owner = { { 7 } }, .part = TEXT_CALL_ID };
	struct text_row text = { .length = 5, .bytes = "abc@d" };
	struct owner other = { { 8 } };
	struct filter f = { .call = "abc@d" };

	(void)state;
	assert_true(tables_set(tables, ROW_text, &row, &text) >= 0);
	view.tables = tables;
	assert_true(filter_takes_call(&view, &f, &row.owner));
	assert_false(filter_takes_call(&view, &f, &other));
	f.call = "abc";
	assert_false(filter_takes_call(&view, &f, &row.owner));
	f.by_prefix = true;
	assert_true(filter_takes_call(&view, &f, &row.owner));
	f.call = "abc@de";
	assert_false(filter_takes_call(&view, &f, &row.owner));
	tables_free(tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_request_takes_all),
		cmocka_unit_test(hosts_and_networks_are_told_apart),
		cmocka_unit_test(a_network_is_taken_by_its_hosts_and_by_wider_ones),
		cmocka_unit_test(a_zone_is_either_side),
		cmocka_unit_test(words_that_mean_nothing_are_refused),
		cmocka_unit_test(a_call_is_named_in_full_or_by_how_it_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
