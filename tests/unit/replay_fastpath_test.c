// SPDX-License-Identifier: MIT
/* What the offline fast path lets through. Shapes are those of RFC 3550 5.1 and 6.1, RFC 8489 5,
 * RFC 6347 4.1 and the ranges of RFC 7983 7, written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/address.h"
#include "cli/replay_fastpath.h"

#define SECOND 1000000000ull

static const uint8_t rtp[] = { 0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 0xd5, 0xd5 };
static const uint8_t rtcp[] = { 0x80, 201, 0, 1, 1, 2, 3, 4 };
static const uint8_t stun[] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
				11, 12 };
static const uint8_t dtls[] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1 };
static const uint8_t udptl[] = { 0, 0, 1 };

static enum reason shape(uint32_t flags, const uint8_t *bytes, size_t length)
{
	const struct permit permit = { .flags = flags, .payload_types = { 1 << 8 } };

	return fastpath_shape(&permit, slice_make(bytes, length), (uint32_t)length);
}

#define SHAPE(flags, bytes) shape(flags, bytes, sizeof(bytes))

static void each_kind_passes_by_its_own_flag_alone(void **state)
{
	(void)state;
	assert_int_equal(SHAPE(PERMIT_RTP, rtp), REASON_none);
	assert_int_equal(SHAPE(PERMIT_RTCP, rtcp), REASON_none);
	assert_int_equal(SHAPE(PERMIT_STUN, stun), REASON_none);
	assert_int_equal(SHAPE(PERMIT_DTLS, dtls), REASON_none);
	assert_int_equal(SHAPE(PERMIT_ANY, udptl), REASON_none);
	assert_int_equal(SHAPE(PERMIT_RTCP | PERMIT_STUN | PERMIT_DTLS, rtp), REASON_media_not_rtp);
	assert_int_equal(SHAPE(PERMIT_RTP | PERMIT_STUN | PERMIT_DTLS, rtcp), REASON_media_not_rtp);
	assert_int_equal(SHAPE(PERMIT_RTP | PERMIT_RTCP | PERMIT_DTLS, stun), REASON_media_not_rtp);
	assert_int_equal(SHAPE(PERMIT_RTP | PERMIT_RTCP | PERMIT_STUN, dtls), REASON_media_not_rtp);
	assert_int_equal(SHAPE(PERMIT_RTP | PERMIT_RTCP | PERMIT_STUN, udptl), REASON_media_not_rtp);
}

static void a_payload_type_that_was_not_negotiated_is_refused(void **state)
{
	uint8_t other[sizeof(rtp)];

	(void)state;
	memcpy(other, rtp, sizeof(rtp));
	other[1] = 0x80 | 8;            /* the marker is no part of the type */
	assert_int_equal(SHAPE(PERMIT_RTP, other), REASON_none);
	other[1] = 0;
	assert_int_equal(SHAPE(PERMIT_RTP, other), REASON_media_payload_type);
}

static void rtp_that_is_shorter_than_its_header_says_is_refused(void **state)
{
	static const uint8_t csrc[] = { 0x81, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 5, 6, 7 };
	static const uint8_t extended[] = { 0x90, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 0xbe, 0xde, 0 };

	(void)state;
	assert_int_equal(shape(PERMIT_RTP, rtp, 11), REASON_media_not_rtp);
	assert_int_equal(shape(PERMIT_RTP, rtp, 12), REASON_none);
	assert_int_equal(SHAPE(PERMIT_RTP, csrc), REASON_media_not_rtp);
	assert_int_equal(SHAPE(PERMIT_RTP, extended), REASON_media_not_rtp);
	assert_int_equal(shape(PERMIT_RTP, NULL, 0), REASON_media_not_rtp);
}

static void rtcp_longer_than_its_datagram_is_refused(void **state)
{
	uint8_t longer[sizeof(rtcp)];

	(void)state;
	memcpy(longer, rtcp, sizeof(rtcp));
	longer[3] = 2;
	assert_int_equal(SHAPE(PERMIT_RTCP, longer), REASON_media_not_rtp);
}

static void stun_without_its_cookie_is_refused(void **state)
{
	uint8_t other[sizeof(stun)];

	(void)state;
	memcpy(other, stun, sizeof(stun));
	other[7] = 0;
	assert_int_equal(SHAPE(PERMIT_STUN, other), REASON_media_not_rtp);
	assert_int_equal(shape(PERMIT_STUN, stun, sizeof(stun) - 1), REASON_media_not_rtp);
}

static struct fastpath *path;
static const struct permit permit = { .flags = PERMIT_RTP, .payload_types = { 1 << 8 } };

static int set_up(void **state)
{
	(void)state;
	path = fastpath_new();
	return path ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	fastpath_free(path);
	return 0;
}

static struct flow_key key_of(const char *from, uint16_t port)
{
	struct flow_key key = { .source_port = htons(port), .destination_port = htons(16000),
				.zone = 2, .protocol = IPPROTO_UDP, .family = FAMILY_IPV4 };

	assert_true(address_parse(SLICE("10.77.1.11"), &key.destination));
	if (from)
		assert_true(address_parse(slice_make(from, strlen(from)), &key.source));
	return key;
}

static struct frame frame_of(const char *from, uint16_t port)
{
	return (struct frame){ .key = key_of(from, port), .payload = slice_make(rtp, sizeof(rtp)),
			       .payload_bytes = sizeof(rtp), .l3_bytes = 28 + sizeof(rtp) };
}

static void the_most_that_is_known_of_the_sender_matches_first(void **state)
{
	struct flow_key any = key_of(NULL, 0), host = key_of("10.77.2.21", 0);
	struct flow_key exact = key_of("10.77.2.21", 17000), found;

	(void)state;
	assert_false(fastpath_find(path, &exact, &found));
	assert_true(fastpath_open(path, &any, &permit));
	assert_true(fastpath_find(path, &exact, &found));
	assert_memory_equal(&found, &any, sizeof(any));
	assert_true(fastpath_open(path, &host, &permit));
	assert_true(fastpath_find(path, &exact, &found));
	assert_memory_equal(&found, &host, sizeof(host));
	assert_true(fastpath_open(path, &exact, &permit));
	assert_true(fastpath_find(path, &exact, &found));
	assert_memory_equal(&found, &exact, sizeof(exact));
}

static void another_zone_has_other_doors(void **state)
{
	struct flow_key any = key_of(NULL, 0), packet = key_of("10.77.2.21", 17000), found;

	(void)state;
	assert_true(fastpath_open(path, &any, &permit));
	packet.zone = 3;
	assert_false(fastpath_find(path, &packet, &found));
}

static void what_is_closed_is_gone(void **state)
{
	struct flow_key any = key_of(NULL, 0), packet = key_of("10.77.2.21", 17000), found;

	(void)state;
	assert_true(fastpath_open(path, &any, &permit));
	assert_false(fastpath_open(path, &any, &permit));
	assert_true(fastpath_close(path, &any));
	assert_false(fastpath_close(path, &any));
	assert_false(fastpath_find(path, &packet, &found));
}

static void the_first_packet_fixes_the_port_and_no_other_passes(void **state)
{
	struct permit locks = permit;
	struct flow_key host = key_of("10.77.2.21", 0);
	struct frame first = frame_of("10.77.2.21", 21500), second = frame_of("10.77.2.21", 21502);
	bool locked;

	(void)state;
	locks.flags |= PERMIT_LOCK;
	fastpath_open(path, &host, &locks);
	assert_int_equal(fastpath_media(path, &host, &first, SECOND, &locked), REASON_none);
	assert_true(locked);
	assert_int_equal(fastpath_media(path, &host, &first, SECOND, &locked), REASON_none);
	assert_false(locked);
	assert_int_equal(fastpath_media(path, &host, &second, SECOND, &locked),
			 REASON_media_wrong_source);
	/* A permit that is written anew forgets nothing. */
	fastpath_open(path, &host, &locks);
	assert_int_equal(fastpath_media(path, &host, &second, SECOND, &locked),
			 REASON_media_wrong_source);
	assert_int_equal(fastpath_activity(path, &host)->packets, 2);
}

static void garbage_and_early_media_lock_nothing(void **state)
{
	struct permit locks = permit;
	struct flow_key host = key_of("10.77.2.21", 0);
	struct frame garbage = frame_of("10.77.2.21", 9999), good = frame_of("10.77.2.21", 21500);
	bool locked;

	(void)state;
	locks.flags |= PERMIT_LOCK;
	fastpath_open(path, &host, &locks);
	garbage.payload = slice_make(udptl, sizeof(udptl));
	garbage.payload_bytes = sizeof(udptl);
	assert_int_equal(fastpath_media(path, &host, &garbage, SECOND, &locked),
			 REASON_media_not_rtp);
	assert_false(locked);
	locks.flags |= PERMIT_EARLY;
	fastpath_open(path, &host, &locks);
	assert_int_equal(fastpath_media(path, &host, &good, SECOND, &locked), REASON_none);
	assert_false(locked);
}

static void time_and_rate_end_a_permit(void **state)
{
	struct permit bound = permit;
	struct flow_key host = key_of("10.77.2.21", 0);
	struct frame f = frame_of("10.77.2.21", 17000);
	bool locked;

	(void)state;
	bound.packets_per_second = 2;
	bound.expires_ns = 10 * SECOND;
	fastpath_open(path, &host, &bound);
	assert_int_equal(fastpath_media(path, &host, &f, 5 * SECOND, &locked), REASON_none);
	assert_int_equal(fastpath_media(path, &host, &f, 5 * SECOND, &locked), REASON_none);
	assert_int_equal(fastpath_media(path, &host, &f, 5 * SECOND, &locked), REASON_media_rate);
	assert_int_equal(fastpath_media(path, &host, &f, 6 * SECOND, &locked), REASON_none);
	assert_int_equal(fastpath_media(path, &host, &f, 10 * SECOND, &locked),
			 REASON_media_expired);
}

static void a_source_has_its_messages_a_second(void **state)
{
	struct flow_key one = key_of("10.77.2.22", 5060), other = key_of("10.77.2.23", 5060);

	(void)state;
	assert_true(fastpath_in_rate(path, &one, 2, SECOND));
	assert_true(fastpath_in_rate(path, &one, 2, SECOND));
	assert_false(fastpath_in_rate(path, &one, 2, SECOND));
	assert_true(fastpath_in_rate(path, &other, 2, SECOND));
	assert_true(fastpath_in_rate(path, &one, 0, SECOND));
	assert_true(fastpath_in_rate(path, &one, 2, 2 * SECOND));
}

/* RFC 4291 2.5.4: the lower half is the host's own to choose. */
static void addresses_of_one_network_share_a_rate(void **state)
{
	struct flow_key one = key_of(NULL, 5060), other = key_of(NULL, 5060);

	(void)state;
	one.family = other.family = FAMILY_IPV6;
	assert_true(address_parse(SLICE("fd00:1::1"), &one.source));
	assert_true(address_parse(SLICE("fd00:1::2"), &other.source));
	assert_true(fastpath_in_rate(path, &one, 1, SECOND));
	assert_false(fastpath_in_rate(path, &other, 1, SECOND));
}

#define WITH_PATH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_passes_by_its_own_flag_alone),
		cmocka_unit_test(a_payload_type_that_was_not_negotiated_is_refused),
		cmocka_unit_test(rtp_that_is_shorter_than_its_header_says_is_refused),
		cmocka_unit_test(rtcp_longer_than_its_datagram_is_refused),
		cmocka_unit_test(stun_without_its_cookie_is_refused),
		WITH_PATH(the_most_that_is_known_of_the_sender_matches_first),
		WITH_PATH(another_zone_has_other_doors),
		WITH_PATH(what_is_closed_is_gone),
		WITH_PATH(the_first_packet_fixes_the_port_and_no_other_passes),
		WITH_PATH(garbage_and_early_media_lock_nothing),
		WITH_PATH(time_and_rate_end_a_permit),
		WITH_PATH(a_source_has_its_messages_a_second),
		WITH_PATH(addresses_of_one_network_share_a_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
