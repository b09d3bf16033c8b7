/* SPDX-License-Identifier: MIT */
/* One stream with both ends anchored, and sums that are computed anew over what came out. */
#ifndef RINGFENCE_TESTS_BPF_NAT_H
#define RINGFENCE_TESTS_BPF_NAT_H

#include "expect.h"

#define IP 14
#define SLOT 1

static const struct permit translated = {
	.slot = SLOT, .flags = PERMIT_RTP | PERMIT_TRANSLATED, .payload_types = { 1 },
	.zone_out = OUTSIDE,
};
/* To an address of ours on either side. */
static const struct spec media4_in = {
	.from = "10.77.1.2", .to = "10.77.1.1", .sport = 4000, .dport = 20002,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};
static const struct spec media6_in = {
	.from = "fd77:1::2", .to = "fd77:1::1", .sport = 4000, .dport = 20002,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};
static const struct spec relayed4 = {
	.from = "10.77.2.1", .to = "10.77.2.2", .sport = 30004, .dport = 12000, .ttl = 63,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};
static const struct spec relayed6 = {
	.from = "fd77:2::1", .to = "fd77:2::2", .sport = 30004, .dport = 12000, .ttl = 63,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};

static inline bool is_six(const struct spec *s)
{
	return strchr(s->from, ':');
}

/* Ones' complement sum of pseudo-header and datagram; 0 where its checksum is right. */
static inline uint16_t pseudo_sum(const uint8_t *frame, size_t bytes, bool six, uint8_t protocol)
{
	static uint8_t all[PACKET_ROOM];
	const uint8_t *ip = frame + IP, *udp = ip + (six ? 40 : 20);
	size_t length = bytes - (size_t)(udp - frame);
	uint8_t *at = all;

	memset(all, 0, sizeof(all));
	memcpy(at, ip + (six ? 8 : 12), six ? 32 : 8);
	at += six ? 32 : 8;
	put16(put16(at, protocol), (unsigned int)length);
	memcpy(at + 4, udp, length);
	return sum_of(all, (size_t)(at - all) + 4 + length + (length & 1));
}

static inline uint16_t udp_sum(const uint8_t *frame, size_t bytes, bool six)
{
	return pseudo_sum(frame, bytes, six, IPPROTO_UDP);
}

static inline size_t build_summed(uint8_t *frame, const struct spec *s)
{
	size_t bytes = build(frame, s);
	uint8_t *udp = frame + IP + (is_six(s) ? 40 : 20);
	uint16_t sum = udp_sum(frame, bytes, is_six(s));

	put16(udp + 6, sum ? sum : 0xffff);
	return bytes;
}

/* What the flow or pinhole of `in` leaves as: the fields that differ in `out`. */
static inline void put_translation(const struct spec *in, const struct spec *out)
{
	struct translation t = { .pad = 0 };

	if (strcmp(in->from, out->from) || in->sport != out->sport) {
		t.source = address_of(out->from);
		t.source_port = htons(out->sport);
	}
	if (strcmp(in->to, out->to) || in->dport != out->dport) {
		t.destination = address_of(out->to);
		t.destination_port = htons(out->dport);
	}
	bench.translations[SLOT] = t;
}

/* The program behind the others. */
static inline struct result run_behind(const uint8_t *frame, size_t bytes)
{
	static struct result result;
	struct __sk_buff skb = { .ifindex = bench.in };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)bytes,
		    .data_out = result.bytes, .data_size_out = PACKET_ROOM, .repeat = 1,
		    .ctx_in = &skb, .ctx_size_in = sizeof(skb));

	counters_mark();
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(bench.skel->progs.gateway_steer),
						&opts), 0);
	result.length = opts.data_size_out;
	result.outcome = outcome_of(true, (int)opts.retval);
	return result;
}

#endif
