// SPDX-License-Identifier: MIT
/* What is shown of who is registered, of which servers answer, and of where a call's servers stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "cli/show.h"
#include "io/kernel_own.h"

#define NOW (5000ull * 1000000000)
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct hash_key hash_key = { { 1, 2 } };
static struct kernel kernel;
static struct policy policy;
static struct tables *tables;
static struct view view;

static struct endpoint at(uint8_t host, uint16_t port)
{
	return (struct endpoint){ .address = { { [10] = 0xff, 0xff, 10, 0, 0, host } },
				  .port = htons(port) };
}

static int set_up(void **state)
{
	(void)state;
	memset(&kernel, 0xff, sizeof(kernel));     /* every descriptor -1 */
	memset(&policy, 0, sizeof(policy));
	policy.server_count = 1;
	policy.servers[0] = (struct server){ .name = "trunk", .speaks = 2, .part = PART_TRUNK,
					     .addresses = { at(1, 0).address, at(2, 0).address },
					     .address_count = 2 };
	tables = tables_new(&hash_key, 1024);
	view = (struct view){ .tables = tables, .kernel = &kernel, .running = true, .mode = "single",
			      .policy = &policy, .now_ns = NOW };
	return tables ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tables_free(tables);
	return 0;
}

static void put(enum row_type type, uint8_t n, const void *value)
{
	const struct row_key key = { .owner = { { n } } };

	assert_true(tables_set(tables, type, &key, value) >= 0);
}

/* The rows of a table. */
static json_t *ask(const char *name)
{
	json_t *request = json_pack("{s:s}", "command", name), *answer = show_answer(&view, request);
	json_t *list = json_incref(json_object_get(answer, name));

	json_decref(request);
	json_decref(answer);
	assert_non_null(list);
	return list;
}

static const char *word(const json_t *list, size_t n, const char *name)
{
	return json_string_value(json_object_get(json_array_get(list, n), name)) ?: "(none)";
}

static void each_topology_has_its_words(void **state)
{
	static const char *const words[] = {
		[TOPOLOGY_NONE] = "",
		[TOPOLOGY_ENDPOINTS] = "endpoint to endpoint",
		[TOPOLOGY_OUTSIDE] = "proxy outside",
		[TOPOLOGY_DMZ] = "proxy in a DMZ",
		[TOPOLOGY_SERVERS] = "proxy to proxy",
		[TOPOLOGY_HAIRPIN] = "two phones by an outside proxy",
		[TOPOLOGY_HAIRPIN + 1] = "?",
	};

	(void)state;
	for (uint8_t i = 0; i < COUNT(words); i++) {
		const struct call_row call = { .protocol = 1, .topology = i, .authenticated = i & 1 };
		json_t *list;

		put(ROW_call, 1, &call);
		list = ask("calls");
		assert_string_equal(word(list, 0, "topology"), words[i]);
		assert_int_equal(json_is_true(json_object_get(json_array_get(list, 0),
							      "authenticated")), i & 1);
		json_decref(list);
	}
}

static void each_algorithm_has_its_word(void **state)
{
	static const char *const words[] = {
		[DIGEST_NONE] = "",	  [DIGEST_OTHER] = "other",
		[DIGEST_MD5] = "md5",	  [DIGEST_SHA256] = "sha-256",
		[DIGEST_SHA512_256] = "sha-512-256", [DIGEST_SHA512_256 + 1] = "?",
	};

	(void)state;
	for (uint8_t i = 0; i < COUNT(words); i++) {
		const struct binding_row row = { .flags = BINDING_BOUND | BINDING_AUTHENTICATED,
						 .algorithm = i };
		json_t *list;

		put(ROW_binding, 1, &row);
		list = ask("bindings");
		assert_string_equal(word(list, 0, "algorithm"), words[i]);
		json_decref(list);
	}
}

/* What is only asked for is no binding; a stranger's bytes are made harmless. */
static void bindings_tell_who_is_where_and_for_how_long(void **state)
{
	struct binding_row row = { .contact = at(7, 5071), .source = at(7, 35060),
				   .registrar = at(1, 5060), .expires_ns = NOW + 60000000000ull,
				   .reg_id = 2, .flags = BINDING_FLOW };
	json_t *list;

	(void)state;
	row.text_bytes = 7;
	memcpy(row.text, "sip:\x1b@x", 7);
	row.instance_bytes = 5;
	memcpy(row.instance, "urn:x", 5);
	put(ROW_binding, 1, &row);
	list = ask("bindings");
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	row.flags |= BINDING_BOUND;
	put(ROW_binding, 1, &row);
	list = ask("bindings");
	assert_string_equal(word(list, 0, "contact"), "10.0.0.7:5071");
	assert_string_equal(word(list, 0, "source"), "10.0.0.7:35060");
	assert_string_equal(word(list, 0, "registrar"), "10.0.0.1:5060");
	assert_string_equal(word(list, 0, "instance"), "urn:x");
	assert_string_equal(word(list, 0, "auth"), "no");
	assert_null(strchr(word(list, 0, "aor"), '\x1b'));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "reg_id")), 2);
	assert_int_equal(json_number_value(json_object_get(json_array_get(list, 0), "expires_s")), 60);
	json_decref(list);
}

/* MGCP's rows are of other hosts' other answers. */
static void servers_tell_which_of_their_addresses_answers(void **state)
{
	struct health_row row = { .host = at(1, 0).address, .answered_ns = NOW - 1000000000,
				  .answer_us = 2500, .refused = 3, .protocol = 1 };
	struct health_row mgcp = { .host = at(2, 0).address, .silent_ns = NOW, .protocol = 2 };
	json_t *list;

	(void)state;
	put(ROW_health, 1, &row);
	put(ROW_health, 2, &mgcp);
	list = ask("servers");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(word(list, 0, "state"), "answers");
	assert_string_equal(word(list, 0, "part"), "trunk");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "refused")), 3);
	assert_true(json_real_value(json_object_get(json_array_get(list, 0), "answer_ms")) == 2.5);
	assert_string_equal(word(list, 1, "state"), "not asked");
	json_decref(list);
	row.silent_ns = NOW - 40000000000ull;
	row.unanswered = 1;
	put(ROW_health, 1, &row);
	list = ask("servers");
	assert_string_equal(word(list, 0, "state"), "lost");
	json_decref(list);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_topology_has_its_words),
		TEST(each_algorithm_has_its_word),
		TEST(bindings_tell_who_is_where_and_for_how_long),
		TEST(servers_tell_which_of_their_addresses_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
