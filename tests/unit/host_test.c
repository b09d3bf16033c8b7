// SPDX-License-Identifier: MIT
/* What of the host would spoil translation. Lines of /proc are as Linux writes them on a little-endian
 * machine: proc(5), and those of real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <string.h>

#include <cmocka.h>

#include "io/host.h"
#include "policy/load.h"

static const char config[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24] }\n"
	"  out: { networks: [10.77.2.0/24] }\n"
	"nat:\n"
	"  one: { zone: in, seen_from: out, hosts: [10.77.1.50], static: 10.77.2.50 }\n"
	"  many: { zone: in, seen_from: out, hosts: [10.77.1.64/30], static: 10.77.2.64/30 }\n"
	"  rest: { zone: in, seen_from: out, hide: [10.77.2.1, 10.77.2.2], ports: 20000-20099 }\n";

static struct policy *policy;
static struct host_warnings w;

static int set_up(void **state)
{
	struct policy_errors errors;
	struct settings settings;

	(void)state;
	w.count = 0;
	return policy_load_text(config, strlen(config), &policy, &settings, &errors);
}

static int tear_down(void **state)
{
	(void)state;
	policy_free(policy);
	return 0;
}

static struct address address(const char *text)
{
	struct address a;

	assert_true(address_parse(slice_make(text, strlen(text)), &a));
	return a;
}

static void each_outside_address_that_is_missing_is_told_with_its_remedy(void **state)
{
	const struct address own[] = { address("10.77.2.1"), address("10.77.2.64"),
				       address("10.77.2.65"), address("10.77.2.67") };

	(void)state;
	host_check_addresses(policy, own, 4, &w);
	assert_int_equal(w.count, 3);
	assert_non_null(strstr(w.text[0], "nat: one: 10.77.2.50 is no address of this host"));
	assert_non_null(strstr(w.text[0], "(ip address add 10.77.2.50/32 dev DEVICE)"));
	assert_non_null(strstr(w.text[1], "nat: many: 1 of the 4 addresses"));
	assert_non_null(strstr(w.text[1], "10.77.2.66"));
	assert_non_null(strstr(w.text[2], "10.77.2.2 is no address"));
}

static void a_host_that_has_all_of_them_is_not_warned(void **state)
{
	const struct address own[] = { address("10.77.2.1"), address("10.77.2.2"),
				       address("10.77.2.50"), address("10.77.2.64"),
				       address("10.77.2.65"), address("10.77.2.66"),
				       address("10.77.2.67") };

	(void)state;
	host_check_addresses(policy, own, 7, &w);
	assert_int_equal(w.count, 0);
}

static bool read_socket(const char *line, struct endpoint *ret, uint32_t *state)
{
	return host_socket_read(slice_make(line, strlen(line)), ret, state);
}

static void sockets_are_read_as_the_kernel_lists_them(void **state)
{
	struct address host = address("127.0.0.1"), six = address("::1");
	struct endpoint e;
	uint32_t s;

	(void)state;
	assert_true(read_socket("  139: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 "
				"00000000     0        0 20345 1 0000000000000000 100 0 0 10 0\n", &e, &s));
	assert_true(address_equal(&e.address, &host));
	assert_int_equal(ntohs(e.port), 631);
	assert_int_equal(s, 10);
	assert_true(read_socket("    0: 00000000000000000000000001000000:0277 "
				"00000000000000000000000000000000:0000 07 00000000:00000000\n", &e, &s));
	assert_true(address_equal(&e.address, &six));
	assert_int_equal(s, 7);
	assert_false(read_socket("  sl  local_address rem_address   st tx_queue rx_queue\n", &e, &s));
	assert_false(read_socket("  0: 0100007F:02", &e, &s));
	assert_false(read_socket("", &e, &s));
}

static uint32_t warned_of(const char *host, uint16_t port)
{
	const struct endpoint e = { address(host), htons(port), 0 };

	w.count = 0;
	host_check_socket(policy, &e, "udp", &w);
	return w.count;
}

static void a_socket_in_the_range_is_told_where_the_same_packets_reach_it(void **state)
{
	(void)state;
	assert_int_equal(warned_of("10.77.2.2", 20000), 1);
	assert_non_null(strstr(w.text[0], "nat: rest: a socket of this host has udp/20000"));
	assert_int_equal(warned_of("0.0.0.0", 20099), 1);
	assert_int_equal(warned_of("::", 20050), 1);
	assert_int_equal(warned_of("10.77.2.2", 20100), 0);
	assert_int_equal(warned_of("10.77.2.2", 19999), 0);
	assert_int_equal(warned_of("10.77.1.1", 20050), 0);
	assert_int_equal(warned_of("127.0.0.1", 20050), 0);
}

static uint32_t warned_with(const char *modules)
{
	w.count = 0;
	host_check_helper(slice_make(modules, strlen(modules)), &w);
	return w.count;
}

static void the_kernels_sip_helper_is_told_with_the_way_to_be_rid_of_it(void **state)
{
	(void)state;
	assert_int_equal(warned_with("nf_conntrack 188416 2 nf_nat,nf_conntrack_sip, Live 0x0\n"
				     "veth 45056 0 - Live 0x0\n"), 0);
	assert_int_equal(warned_with("veth 45056 0 - Live 0x0\n"
				     "nf_conntrack_sip 53248 0 - Live 0x0\n"), 1);
	assert_non_null(strstr(w.text[0], "modprobe -r nf_conntrack_sip"));
	assert_int_equal(warned_with("nf_nat_sip 20480 0 - Live 0x0\n"
				     "nf_conntrack_sip 53248 1 nf_nat_sip, Live 0x0\n"), 1);
	assert_non_null(strstr(w.text[0], "modprobe -r nf_nat_sip nf_conntrack_sip"));
	assert_int_equal(warned_with(""), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_outside_address_that_is_missing_is_told_with_its_remedy),
		TEST(a_host_that_has_all_of_them_is_not_warned),
		TEST(sockets_are_read_as_the_kernel_lists_them),
		TEST(a_socket_in_the_range_is_told_where_the_same_packets_reach_it),
		TEST(the_kernels_sip_helper_is_told_with_the_way_to_be_rid_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
