// SPDX-License-Identifier: MIT
/* Captured frames, written by hand from the layouts of IEEE 802.3 and 802.1Q, RFC 791, 768, 8200,
 * and of LINKTYPE_LINUX_SLL and _SLL2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <string.h>

#include "base/address.h"
#include "cli/replay_frame.h"

#define ETHERNET 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
#define IPV4_UDP(length)                                                                           \
	0x45, 0, 0, length, 0, 1, 0, 0, 64, 17, 0, 0, 10, 77, 1, 11, 10, 77, 2, 10
#define UDP(length) 0x13, 0xc4, 0x13, 0xc5, 0, length, 0, 0
#define PAYLOAD 'a', 'b', 'c', 'd'

static struct frame f;

static bool read_bytes(int link, const void *bytes, size_t length, uint32_t wire)
{
	memset(&f, 0xff, sizeof(f));
	return frame_read(link, slice_make(bytes, length), wire, &f);
}

#define READ(link, ...)                                                                            \
	({                                                                                         \
		static const uint8_t bytes_[] = { __VA_ARGS__ };                                   \
		read_bytes(link, bytes_, sizeof(bytes_), sizeof(bytes_));                          \
	})

static void assert_is_the_datagram(void)
{
	struct address from, to;

	assert_true(address_parse(SLICE("10.77.1.11"), &from));
	assert_true(address_parse(SLICE("10.77.2.10"), &to));
	assert_int_equal(f.reason, REASON_none);
	assert_int_equal(f.defect, REASON_none);
	assert_true(address_equal(&f.key.source, &from));
	assert_true(address_equal(&f.key.destination, &to));
	assert_int_equal(ntohs(f.key.source_port), 5060);
	assert_int_equal(ntohs(f.key.destination_port), 5061);
	assert_int_equal(f.key.protocol, IPPROTO_UDP);
	assert_int_equal(f.l3_bytes, 32);
	assert_true(slice_equal(f.payload, SLICE("abcd")));
	assert_int_equal(f.payload_bytes, 4);
	assert_false(f.cut);
}

static void udp_over_ethernet_is_read(void **state)
{
	(void)state;
	assert_true(READ(DLT_EN10MB, ETHERNET, 8, 0, IPV4_UDP(32), UDP(12), PAYLOAD));
	assert_is_the_datagram();
	assert_int_equal(f.vlan, 0);
}

static void padding_behind_the_packet_is_no_part_of_it(void **state)
{
	(void)state;
	assert_true(READ(DLT_EN10MB, ETHERNET, 8, 0, IPV4_UDP(32), UDP(12), PAYLOAD, 0, 0, 0));
	assert_is_the_datagram();
}

static void the_outer_of_two_tags_is_kept(void **state)
{
	(void)state;
	assert_true(READ(DLT_EN10MB, ETHERNET, 0x88, 0xa8, 0xe0, 20, 0x81, 0, 0, 7, 8, 0,
			 IPV4_UDP(32), UDP(12), PAYLOAD));
	assert_is_the_datagram();
	assert_int_equal(f.vlan, 20);
}

static void a_third_tag_is_refused(void **state)
{
	(void)state;
	assert_true(READ(DLT_EN10MB, ETHERNET, 0x81, 0, 0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3, 8, 0,
			 IPV4_UDP(32), UDP(12), PAYLOAD));
	assert_int_equal(f.reason, REASON_packet_too_many_vlans);
}

static void linux_cooked_captures_are_read(void **state)
{
	(void)state;
	assert_true(READ(DLT_LINUX_SLL, 0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0,
			 IPV4_UDP(32), UDP(12), PAYLOAD));
	assert_is_the_datagram();
	assert_true(READ(DLT_LINUX_SLL2, 8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0,
			 IPV4_UDP(32), UDP(12), PAYLOAD));
	assert_is_the_datagram();
	assert_false(frame_link_is_known(DLT_IEEE802_11));
}

static void what_is_no_udp_or_tcp_is_none_of_ours(void **state)
{
	(void)state;
	assert_false(READ(DLT_EN10MB, ETHERNET, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1));
	assert_false(READ(DLT_EN10MB, ETHERNET, 8, 0, 0x45, 0, 0, 24, 0, 1, 0, 0, 64, 1, 0, 0, 10,
			  77, 1, 11, 10, 77, 2, 10, 8, 0, 0, 0));
	assert_false(READ(DLT_EN10MB, 1, 2, 3));
}

static void a_first_fragment_bears_ports_and_a_defect(void **state)
{
	(void)state;
	assert_true(READ(DLT_EN10MB, ETHERNET, 8, 0, 0x45, 0, 0, 32, 0, 1, 0x20, 0, 64, 17, 0, 0, 10,
			 77, 1, 11, 10, 77, 2, 10, UDP(200), PAYLOAD));
	assert_true(f.fragment && f.has_ports);
	assert_int_equal(f.defect, REASON_packet_fragment);
	assert_int_equal(ntohs(f.key.destination_port), 5061);
}

static void a_later_fragment_bears_none(void **state)
{
	(void)state;
	assert_true(READ(DLT_EN10MB, ETHERNET, 8, 0, 0x45, 0, 0, 32, 0, 1, 0, 1, 64, 17, 0, 0, 10,
			 77, 1, 11, 10, 77, 2, 10, UDP(12), PAYLOAD));
	assert_true(f.fragment && !f.has_ports);
	assert_int_equal(f.key.destination_port, 0);
}

static void a_length_that_lies_is_a_reason_or_a_defect(void **state)
{
	(void)state;
	assert_true(READ(DLT_EN10MB, ETHERNET, 8, 0, IPV4_UDP(33), UDP(12), PAYLOAD));
	assert_int_equal(f.reason, REASON_packet_bad_length);
	assert_true(READ(DLT_EN10MB, ETHERNET, 8, 0, IPV4_UDP(32), UDP(13), PAYLOAD));
	assert_int_equal(f.reason, REASON_none);
	assert_int_equal(f.defect, REASON_packet_bad_length);
	assert_true(READ(DLT_EN10MB, ETHERNET, 8, 0, IPV4_UDP(26), 1, 2, 3, 4, 0, 6));
	assert_int_equal(f.reason, REASON_packet_truncated);
}

static void a_frame_that_the_capture_cut_says_so(void **state)
{
	static const uint8_t bytes[] = { ETHERNET, 8, 0, IPV4_UDP(32), UDP(12), 'a', 'b' };

	(void)state;
	assert_true(read_bytes(DLT_EN10MB, bytes, sizeof(bytes), sizeof(bytes) + 2));
	assert_int_equal(f.reason, REASON_none);
	assert_true(f.cut);
	assert_int_equal(f.payload_bytes, 4);
	assert_int_equal(f.payload.length, 2);
}

#define IPV6(length, next)                                                                         \
	0x60, 0, 0, 0, 0, length, next, 64, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xfd, \
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2

static void ipv6_extensions_are_walked(void **state)
{
	struct address to;

	(void)state;
	assert_true(address_parse(SLICE("fd00::2"), &to));
	assert_true(READ(DLT_EN10MB, ETHERNET, 0x86, 0xdd, IPV6(28, 0), 60, 0, 1, 4, 0, 0, 0, 0, 17,
			 0, 1, 4, 0, 0, 0, 0, UDP(12), PAYLOAD));
	assert_int_equal(f.reason, REASON_none);
	assert_true(address_equal(&f.key.destination, &to));
	assert_int_equal(ntohs(f.key.source_port), 5060);
	assert_true(slice_equal(f.payload, SLICE("abcd")));
}

static void an_ipv6_fragment_is_told_by_its_header(void **state)
{
	(void)state;
	assert_true(READ(DLT_EN10MB, ETHERNET, 0x86, 0xdd, IPV6(20, 44), 17, 0, 0, 1, 0, 0, 0, 9,
			 UDP(200), PAYLOAD));
	assert_true(f.fragment && f.has_ports);
	assert_int_equal(f.defect, REASON_packet_fragment);
	assert_true(READ(DLT_EN10MB, ETHERNET, 0x86, 0xdd, IPV6(20, 44), 17, 0, 0, 8, 0, 0, 0, 9,
			 UDP(200), PAYLOAD));
	assert_true(f.fragment && !f.has_ports);
}

static void a_mapped_address_on_the_wire_is_refused(void **state)
{
	(void)state;
	assert_true(READ(DLT_EN10MB, ETHERNET, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 12, 17, 64, 0, 0, 0, 0,
			 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 77, 1, 11, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0,
			 0, 0, 0, 0, 0, 0, 2, UDP(12), PAYLOAD));
	assert_int_equal(f.reason, REASON_packet_mapped_address);
}

/* Each prefix of a good frame, in a buffer of just that size: nothing is read behind its end. */
static void no_prefix_of_a_frame_is_read_beyond(void **state)
{
	static const uint8_t whole[] = { ETHERNET, 0x86, 0xdd, IPV6(28, 0), 60, 0, 1, 4, 0, 0, 0, 0,
					 17, 0, 1, 4, 0, 0, 0, 0, UDP(12), PAYLOAD };

	(void)state;
	for (size_t n = 0; n <= sizeof(whole); n++) {
		uint8_t *copy = test_malloc(n + 1);

		memcpy(copy, whole, n);
		if (read_bytes(DLT_EN10MB, copy, n, sizeof(whole)) && !f.reason)
			assert_true(f.payload.length <= n);
		read_bytes(DLT_EN10MB, copy, n, (uint32_t)n);
		test_free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(udp_over_ethernet_is_read),
		cmocka_unit_test(padding_behind_the_packet_is_no_part_of_it),
		cmocka_unit_test(the_outer_of_two_tags_is_kept),
		cmocka_unit_test(a_third_tag_is_refused),
		cmocka_unit_test(linux_cooked_captures_are_read),
		cmocka_unit_test(what_is_no_udp_or_tcp_is_none_of_ours),
		cmocka_unit_test(a_first_fragment_bears_ports_and_a_defect),
		cmocka_unit_test(a_later_fragment_bears_none),
		cmocka_unit_test(a_length_that_lies_is_a_reason_or_a_defect),
		cmocka_unit_test(a_frame_that_the_capture_cut_says_so),
		cmocka_unit_test(ipv6_extensions_are_walked),
		cmocka_unit_test(an_ipv6_fragment_is_told_by_its_header),
		cmocka_unit_test(a_mapped_address_on_the_wire_is_refused),
		cmocka_unit_test(no_prefix_of_a_frame_is_read_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
