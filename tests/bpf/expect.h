/* SPDX-License-Identifier: MIT */
/* What the tests of whole packets share: one ordinary stream, and how a packet must end. */
#ifndef RINGFENCE_TESTS_BPF_EXPECT_H
#define RINGFENCE_TESTS_BPF_EXPECT_H

#include "harness.h"

static const uint8_t rtp[172] = { 0x80, 0x00, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef };

static const struct spec media4 = {
	.from = "10.77.1.2", .to = "10.77.2.2", .sport = 4000, .dport = 12000,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};
static const struct permit audio = {
	.slot = 1, .flags = PERMIT_RTP | PERMIT_RTCP, .payload_types = { 1 }, .zone_out = OUTSIDE,
};

static inline bool mode_of(void **state)
{
	return ((const struct mode *)*state)->tc;
}

static inline void expect(bool tc, const struct spec *s, enum outcome outcome, uint32_t counter)
{
	struct result result = run(tc, s);

	assert_int_equal(result.outcome, outcome);
	assert_int_equal(counter_since(counter), 1);
	if (outcome != PASSED)
		return;
	/* What passes is untouched. */
	uint8_t frame[PACKET_ROOM];

	assert_int_equal(result.length, build(frame, s));
	assert_memory_equal(result.bytes, frame, result.length);
}

/* The slot's packet for the stack in this coarse second is behind us. The program's clock may be a
 * tick behind ours: not near the second's edges. */
static inline void forget_stack(unsigned int slot)
{
	const uint64_t edge_ns = 50000000, within_ns = now_ns() & ((1u << 30) - 1);

	if (within_ns < edge_ns || within_ns > (1u << 30) - edge_ns)
		usleep(2 * edge_ns / 1000);
	bench.activity[slot].stack_second = (uint32_t)(now_ns() >> 30);
}

static inline void expect_forwarded(bool tc, const struct spec *s, uint32_t counter)
{
	size_t ip = 14;
	struct result result;
	uint8_t frame[PACKET_ROOM];
	size_t bytes = build(frame, s);

	for (int i = 0; i < 2; i++) {
		forget_stack(1);
		result = run(tc, s);
		if (result.outcome == FORWARDED)
			break;
	}
	assert_int_equal(result.outcome, FORWARDED);
	assert_int_equal(counter_since(counter), 1);
	assert_int_equal(result.length, bytes);
	assert_memory_equal(result.bytes, "\x02\x00\x00\x00\x02\x02", 6);
	assert_memory_equal(result.bytes + 6, bench.out_mac, 6);
	if (strchr(s->from, ':')) {
		assert_int_equal(result.bytes[ip + 7], 63);
		frame[ip + 7] = 63;
	} else {
		assert_int_equal(result.bytes[ip + 8], 63);
		assert_int_equal(sum_of(result.bytes + ip, 20), 0);
		memcpy(frame + ip + 8, result.bytes + ip + 8, 4);
	}
	assert_memory_equal(result.bytes + 12, frame + 12, bytes - 12);
}

#endif
