// SPDX-License-Identifier: MIT
/* Fragments put together: any order, whole or refused with a reason, in bounded room. Packets are
 * built here by the figures of RFC 791 3.1 and RFC 8200 3, 4.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "reasm/reasm.h"

#define SECOND 1000000000ull
#define PIECE 512
#define UDP_BYTES 1300

static uint8_t udp[UDP_BYTES];

struct spec {
	uint32_t source;             /* last byte of the address                          */
	uint32_t number;             /* identification                                    */
	uint32_t from, bytes;
	bool more;
	bool six;
};

static struct slice build(uint8_t *out, const struct spec *s)
{
	size_t head = s->six ? 48 : 20;

	memset(out, 0, head);
	if (s->six) {
		out[0] = 0x60;
		out[4] = (uint8_t)((8 + s->bytes) >> 8);
		out[5] = (uint8_t)(8 + s->bytes);
		out[6] = 44;                     /* fragment header */
		out[8] = out[24] = 0xfd;
		out[9 + 14] = (uint8_t)s->source;
		out[8 + 6] = (uint8_t)(s->source >> 8);
		out[40] = 17;
		out[42] = (uint8_t)(s->from >> 8);
		out[43] = (uint8_t)((s->from & 0xf8) | s->more);
		out[47] = (uint8_t)s->number;
	} else {
		out[0] = 0x45;
		out[2] = (uint8_t)((20 + s->bytes) >> 8);
		out[3] = (uint8_t)(20 + s->bytes);
		out[4] = (uint8_t)(s->number >> 8);
		out[5] = (uint8_t)s->number;
		out[6] = (uint8_t)(s->from / 8 >> 8 | (s->more ? 0x20 : 0));
		out[7] = (uint8_t)(s->from / 8);
		out[9] = 17;
		out[12] = 10;
		out[14] = (uint8_t)(s->source >> 8);
		out[15] = (uint8_t)s->source;
		out[16] = 10;
	}
	memcpy(out + head, udp + s->from, s->from + s->bytes <= UDP_BYTES ? s->bytes : 0);
	return slice_make(out, head + s->bytes);
}

static enum reason take(struct reasm *r, const struct spec *s, uint64_t now, struct datagram *whole,
			bool *is_whole)
{
	static uint8_t bytes[70000];
	struct fragment f;
	enum reason reason = fragment_read(build(bytes, s), &f);

	*is_whole = false;
	return reason ?: reasm_take(r, &f, false, now, whole, is_whole);
}

static const struct spec pieces[] = {
	{ 1, 7, 0, PIECE, true, false },
	{ 1, 7, PIECE, PIECE, true, false },
	{ 1, 7, 2 * PIECE, UDP_BYTES - 2 * PIECE, false, false },
};

static int begin(void **state)
{
	for (size_t i = 0; i < sizeof(udp); i++)
		udp[i] = (uint8_t)(i * 31 + i / 256);
	memcpy(udp, "\x13\xc4\x13\xc4", 4);     /* 5060 to 5060 */
	udp[4] = UDP_BYTES >> 8;
	udp[5] = UDP_BYTES & 255;
	*state = reasm_new();
	return *state ? 0 : -1;
}

static int end(void **state)
{
	reasm_free(*state);
	return 0;
}

static void three_pieces_in_any_order(struct reasm *r, bool six)
{
	static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					  { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	uint32_t head = six ? 40 : 20;
	struct datagram whole;
	bool is_whole;

	for (int o = 0; o < 6; o++) {
		for (int i = 0; i < 3; i++) {
			struct spec s = pieces[orders[o][i]];

			s.six = six;
			assert_int_equal(take(r, &s, SECOND, &whole, &is_whole), REASON_none);
			assert_int_equal(is_whole, i == 2);
		}
		assert_int_equal(whole.l3_bytes, head + UDP_BYTES);
		assert_int_equal(whole.payload_at, head + 8);
		assert_memory_equal(whole.packet + head, udp, UDP_BYTES);
		assert_memory_equal(whole.ports, udp, 4);
		assert_int_equal(whole.largest, head + PIECE + (six ? 8 : 0));
	}
	/* RFC 791 3.1: no fragment any more; RFC 8200 4.5: the header is gone, UDP follows. */
	if (six)
		assert_int_equal(whole.packet[6], 17);
	else
		assert_int_equal(whole.packet[6] | whole.packet[7], 0);
	assert_int_equal(whole.packet[six ? 4 : 2] << 8 | whole.packet[six ? 5 : 3],
			 (six ? 0 : 20) + UDP_BYTES);
	assert_int_equal(reasm_waiting(r), 0);
}

static void pieces_of_ipv4_make_the_datagram_in_any_order(void **state)
{
	three_pieces_in_any_order(*state, false);
}

static void pieces_of_ipv6_make_the_datagram_in_any_order(void **state)
{
	three_pieces_in_any_order(*state, true);
}

static void a_repeated_piece_changes_nothing(void **state)
{
	struct datagram whole;
	bool is_whole;

	assert_int_equal(take(*state, &pieces[0], SECOND, &whole, &is_whole), REASON_none);
	assert_int_equal(take(*state, &pieces[0], SECOND, &whole, &is_whole), REASON_none);
	assert_int_equal(take(*state, &pieces[2], SECOND, &whole, &is_whole), REASON_none);
	assert_int_equal(take(*state, &pieces[1], SECOND, &whole, &is_whole), REASON_none);
	assert_true(is_whole);
}

/* RFC 5722 4: all of it is refused, what comes later too. */
static void an_overlap_refuses_the_whole_datagram(void **state)
{
	struct spec over = { 1, 7, PIECE - 8, PIECE, true, false };
	struct datagram whole;
	bool is_whole;

	assert_int_equal(take(*state, &pieces[0], SECOND, &whole, &is_whole), REASON_none);
	assert_int_equal(take(*state, &over, SECOND, &whole, &is_whole), REASON_fragment_overlap);
	assert_int_equal(take(*state, &pieces[1], SECOND, &whole, &is_whole), REASON_fragment_overlap);
	assert_int_equal(take(*state, &pieces[2], SECOND, &whole, &is_whole), REASON_fragment_overlap);
	assert_false(is_whole);
}

static void the_same_place_with_other_bytes_is_an_overlap(void **state)
{
	struct datagram whole;
	bool is_whole;

	assert_int_equal(take(*state, &pieces[0], SECOND, &whole, &is_whole), REASON_none);
	udp[100] ^= 1;
	assert_int_equal(take(*state, &pieces[0], SECOND, &whole, &is_whole), REASON_fragment_overlap);
}

static void only_the_last_piece_may_be_small(void **state)
{
	struct spec tiny = { 1, 7, 0, LIMIT_FRAGMENT_TINY - 8, true, false };
	struct spec no_header = { 2, 7, 0, 4, false, false }, odd = { 3, 7, 0, 301, true, false };
	struct datagram whole;
	bool is_whole;

	assert_int_equal(take(*state, &tiny, SECOND, &whole, &is_whole), REASON_fragment_tiny);
	assert_int_equal(take(*state, &odd, SECOND, &whole, &is_whole), REASON_packet_bad_length);
	assert_int_equal(take(*state, &no_header, SECOND, &whole, &is_whole),
			 REASON_packet_bad_header);
	assert_int_equal(reasm_waiting(*state), 0);
}

static void nothing_is_longer_than_a_packet(void **state)
{
	struct spec far = { 1, 7, 65528, PIECE, false, false };
	struct datagram whole;
	bool is_whole;

	assert_int_equal(take(*state, &far, SECOND, &whole, &is_whole), REASON_packet_bad_length);
}

static void two_ends_contradict_each_other(void **state)
{
	struct spec other = { 1, 7, PIECE, 100, false, false };
	struct datagram whole;
	bool is_whole;

	assert_int_equal(take(*state, &pieces[2], SECOND, &whole, &is_whole), REASON_none);
	assert_int_equal(take(*state, &other, SECOND, &whole, &is_whole), REASON_packet_bad_length);
}

static void a_udp_length_that_lies_is_refused(void **state)
{
	struct datagram whole;
	bool is_whole;

	udp[5]--;
	for (int i = 0; i < 2; i++)
		assert_int_equal(take(*state, &pieces[i], SECOND, &whole, &is_whole), REASON_none);
	assert_int_equal(take(*state, &pieces[2], SECOND, &whole, &is_whole),
			 REASON_packet_bad_length);
	assert_false(is_whole);
}

static void what_stays_unfinished_is_given_up_in_time(void **state)
{
	struct spec six = pieces[0];
	struct datagram whole;
	bool is_whole;

	six.six = true;
	assert_int_equal(take(*state, &pieces[0], SECOND, &whole, &is_whole), REASON_none);
	assert_int_equal(take(*state, &six, SECOND, &whole, &is_whole), REASON_none);
	assert_int_equal(reasm_expire(*state, 16 * SECOND - 1), 0);
	assert_int_equal(reasm_expire(*state, 16 * SECOND), 1);     /* RFC 791 3.2: 15 s */
	assert_int_equal(reasm_expire(*state, 61 * SECOND), 1);     /* RFC 8200 4.5: 60 s */
	assert_int_equal(reasm_waiting(*state), 0);
}

static void a_source_loses_its_own_oldest(void **state)
{
	struct spec s = pieces[0], other = pieces[0];
	struct datagram whole;
	bool is_whole;

	other.source = 2;
	assert_int_equal(take(*state, &other, SECOND, &whole, &is_whole), REASON_none);
	for (s.number = 1; s.number <= LIMIT_FRAGMENT_SOURCE + 5; s.number++)
		assert_int_equal(take(*state, &s, SECOND + s.number, &whole, &is_whole), REASON_none);
	assert_int_equal(reasm_waiting(*state), LIMIT_FRAGMENT_SOURCE + 1);
	assert_int_equal(reasm_evicted(*state), 5);
	assert_int_equal(reasm_evicted(*state), 0);
}

/* A /64 is one source (RFC 4291 2.5.4). */
static void a_host_with_many_addresses_is_one_source(void **state)
{
	struct spec s = pieces[0];
	struct datagram whole;
	bool is_whole;

	s.six = true;
	for (s.source = 1; s.source <= 2 * LIMIT_FRAGMENT_SOURCE; s.source++)
		assert_int_equal(take(*state, &s, SECOND + s.source, &whole, &is_whole), REASON_none);
	assert_int_equal(reasm_waiting(*state), LIMIT_FRAGMENT_SOURCE);
}

static void strangers_leave_room_for_servers(void **state)
{
	struct spec s = pieces[0];
	struct datagram whole;
	bool is_whole;

	for (s.source = 1; s.source <= 2 * LIMIT_FRAGMENT_DATAGRAMS; s.source++)
		assert_int_equal(take(*state, &s, SECOND + s.source, &whole, &is_whole), REASON_none);
	assert_int_equal(reasm_waiting(*state), LIMIT_FRAGMENT_DATAGRAMS * 3 / 4);
}

static void more_pieces_than_are_kept_are_a_flood(void **state)
{
	struct spec s = { 1, 7, 0, LIMIT_FRAGMENT_TINY, true, false };
	struct datagram whole;
	enum reason reason;
	bool is_whole;

	for (int i = 0; i < LIMIT_FRAGMENT_PIECES; i++, s.from += s.bytes)
		assert_int_equal(take(*state, &s, SECOND, &whole, &is_whole), REASON_none);
	reason = take(*state, &s, SECOND, &whole, &is_whole);
	assert_int_equal(reason, REASON_fragment_flood);
}

static void zones_do_not_share_numbers(void **state)
{
	static uint8_t bytes[2000];
	struct datagram whole;
	struct fragment f;
	bool is_whole;

	for (uint16_t i = 0; i < 3; i++) {
		assert_int_equal(fragment_read(build(bytes, &pieces[i]), &f), REASON_none);
		f.key.zone = i;
		assert_int_equal(reasm_take(*state, &f, true, SECOND, &whole, &is_whole), REASON_none);
		assert_false(is_whole);
	}
	assert_int_equal(reasm_waiting(*state), 3);
}

static void what_is_no_fragment_is_not_read(void **state)
{
	static uint8_t bytes[2000];
	struct spec s = { 1, 7, 0, 300, false, false };
	struct fragment f;

	(void)state;
	assert_int_equal(fragment_read(build(bytes, &s), &f), REASON_packet_bad_header);
	s.six = true;
	assert_int_equal(fragment_read(build(bytes, &s), &f), REASON_packet_bad_header);
	assert_int_equal(fragment_read(slice_make(bytes, 43), &f), REASON_packet_bad_header);
	assert_int_equal(fragment_read(slice_make(bytes, 0), &f), REASON_packet_bad_header);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(pieces_of_ipv4_make_the_datagram_in_any_order),
		EACH(pieces_of_ipv6_make_the_datagram_in_any_order),
		EACH(a_repeated_piece_changes_nothing),
		EACH(an_overlap_refuses_the_whole_datagram),
		EACH(the_same_place_with_other_bytes_is_an_overlap),
		EACH(only_the_last_piece_may_be_small),
		EACH(nothing_is_longer_than_a_packet),
		EACH(two_ends_contradict_each_other),
		EACH(a_udp_length_that_lies_is_refused),
		EACH(what_stays_unfinished_is_given_up_in_time),
		EACH(a_source_loses_its_own_oldest),
		EACH(a_host_with_many_addresses_is_one_source),
		EACH(strangers_leave_room_for_servers),
		EACH(more_pieces_than_are_kept_are_a_flood),
		EACH(zones_do_not_share_numbers),
		EACH(what_is_no_fragment_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
