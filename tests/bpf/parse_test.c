/* SPDX-License-Identifier: MIT */
/* Packets that lie or end early: refused by name, never forwarded; on XDP and on the TC twin. */
#include "harness.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

static const uint8_t rtp[172] = { 0x80 };
static const struct spec media4 = {
	.from = "10.77.1.2", .to = "10.77.2.2", .sport = 4000, .dport = 12000,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};
static const struct spec media6 = {
	.from = "fd77:1::2", .to = "fd77:2::2", .sport = 4000, .dport = 12000,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};
static const struct permit audio = {
	.slot = 1, .flags = PERMIT_RTP, .payload_types = { 1 }, .zone_out = OUTSIDE,
};

static bool mode_of(void **state)
{
	return ((const struct mode *)*state)->tc;
}

static void expect(bool tc, const struct spec *s, enum outcome outcome, uint32_t counter)
{
	bool elsewhere = outcome == PASSED && s->protocol == IPPROTO_TCP;

	assert_int_equal(run(tc, s).outcome, outcome);
	/* The program behind both counts what passes of TCP. */
	assert_int_equal(counter_since(counter), !elsewhere);
}

static void cut_packets_are_never_forwarded(void **state)
{
	const struct spec *specs[] = { &media4, &media6 };
	static struct result result;
	uint8_t frame[PACKET_ROOM];

	for (size_t i = 0; i < 2; i++) {
		size_t whole = build(frame, specs[i]);

		put_flow(specs[i], &audio);
		for (size_t bytes = 0; bytes < whole; bytes++) {
			bench.activity[1].stack_second = (uint32_t)(now_ns() >> 30);
			if (!run_bytes(mode_of(state), frame, bytes, 0, &result))
				continue;
			/* A frame of no more than Ethernet is the host's to judge. */
			assert_int_equal(result.outcome, bytes < 14 ? PASSED : DROPPED);
		}
	}
}

static void cut_header_is_named(void **state)
{
	static struct result result;
	uint8_t frame[PACKET_ROOM];

	build(frame, &media4);
	counters_mark();
	/* The kernel gives the twin no IPv4 packet of less than a header. */
	if (run_bytes(mode_of(state), frame, 14 + 19, 0, &result))
		assert_int_equal(counter_since(REASON_packet_truncated), 1);
	else
		assert_true(mode_of(state));
	counters_mark();
	assert_true(run_bytes(mode_of(state), frame, 14 + 20, 0, &result));
	assert_int_equal(counter_since(REASON_packet_bad_length), 1);
}

static void udp_without_its_header_is_truncated(void **state)
{
	struct spec s = media4;

	s.ip_length = -(int)sizeof(rtp) - 1;
	expect(mode_of(state), &s, DROPPED, REASON_packet_truncated);
}

static void lying_lengths_are_refused(void **state)
{
	struct spec s = media4;

	s.ip_length = 1;
	expect(mode_of(state), &s, DROPPED, REASON_packet_bad_length);
	s.ip_length = 0;
	s.udp_length = 1;
	expect(mode_of(state), &s, DROPPED, REASON_packet_bad_length);
	s.udp_length = -1;
	expect(mode_of(state), &s, DROPPED, REASON_packet_bad_length);
	s.dport = 53;                   /* none of ours: the host's to judge */
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
	s = media6;
	s.ip_length = 1;
	expect(mode_of(state), &s, DROPPED, REASON_packet_bad_length);
}

static void wrong_version_is_refused(void **state)
{
	struct spec s = media4;

	s.ethertype = 0x86dd;
	expect(mode_of(state), &s, DROPPED, REASON_packet_bad_header);
	s = media6;
	s.ethertype = 0x0800;
	expect(mode_of(state), &s, DROPPED, REASON_packet_bad_header);
}

static void routing_header_is_refused_where_ours(void **state)
{
	struct spec s = media6;

	s.options = 1;
	s.option_type = IPPROTO_ROUTING;
	expect(mode_of(state), &s, DROPPED, REASON_packet_bad_header);
	s.dport = 53;
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
}

static void ip_options_are_refused_where_ours(void **state)
{
	struct spec s = media4;

	s.options = 2;
	expect(mode_of(state), &s, DROPPED, REASON_packet_ip_options);
	put_flow(&s, &audio);
	expect(mode_of(state), &s, DROPPED, REASON_packet_ip_options);
	s.dport = 53;
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
}

static void mapped_address_is_refused(void **state)
{
	struct spec s = media6;

	s.from = "::ffff:10.77.1.2";
	expect(mode_of(state), &s, DROPPED, REASON_packet_mapped_address);
	s = media6;
	s.to = "::ffff:10.77.2.2";
	expect(mode_of(state), &s, DROPPED, REASON_packet_mapped_address);
}

static void extension_headers_are_walked_up_to_the_limit(void **state)
{
	struct spec s = media6;

	s.options = LIMIT_IPV6_EXTENSIONS;
	expect(mode_of(state), &s, DROPPED, REASON_media_no_pinhole);
	s.options++;
	expect(mode_of(state), &s, DROPPED, REASON_packet_too_many_headers);
}

static void two_tags_are_read_and_three_refused(void **state)
{
	struct spec s = media4;

	s.vlan = 7;
	for (s.tags = 0; s.tags <= 2; s.tags++)
		expect(mode_of(state), &s, DROPPED, REASON_media_no_pinhole);
	expect(mode_of(state), &s, DROPPED, REASON_packet_too_many_vlans);
}

/* Only the first piece bears ports, and the daemon must see the others too. */
static void fragments_towards_a_zone_go_to_the_daemon(void **state)
{
	static const uint16_t words[] = { 0x2000, 0x2064, 0x0064 };
	struct spec s = media4;

	for (int i = 0; i < 3; i++) {
		s.fragment = words[i];
		expect(mode_of(state), &s, DROPPED, COUNTER_signalling_punted);
	}
	s.to = "10.77.1.9";             /* the zone it comes from */
	expect(mode_of(state), &s, DROPPED, COUNTER_signalling_punted);
	s = media6;
	s.fragment = 0x0001;
	expect(mode_of(state), &s, DROPPED, COUNTER_signalling_punted);
	s.fragment = 100 << 3;
	expect(mode_of(state), &s, DROPPED, COUNTER_signalling_punted);
	s.protocol = IPPROTO_TCP;
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
}

static void fragments_to_nowhere_pass_but_for_signalling(void **state)
{
	struct spec s = media4;

	s.to = "192.0.2.1";
	s.fragment = 100;
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
	s.fragment = 0x2000;
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
	s.dport = 5060;
	expect(mode_of(state), &s, DROPPED, REASON_packet_fragment);
}

static void first_fragment_is_refused_where_ours_without_daemon(void **state)
{
	struct spec s = media4;

	kernel_heartbeat(&bench.kernel, 1);
	s.fragment = 0x2000;            /* more fragments */
	expect(mode_of(state), &s, DROPPED, REASON_packet_fragment);
	s.dport = 5060;
	expect(mode_of(state), &s, DROPPED, REASON_packet_fragment);
	s.dport = 53;
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
	s = media6;
	s.fragment = 0x0001;
	expect(mode_of(state), &s, DROPPED, REASON_packet_fragment);
}

static void later_fragment_may_not_cross_zones_without_daemon(void **state)
{
	struct spec s = media4;

	kernel_heartbeat(&bench.kernel, 1);
	s.fragment = 100;
	expect(mode_of(state), &s, DROPPED, REASON_packet_fragment);
	s.to = "10.77.1.9";
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
	s.to = "10.77.2.1";
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
	s = media6;
	s.fragment = 100 << 3;
	expect(mode_of(state), &s, DROPPED, REASON_packet_fragment);
	s.protocol = IPPROTO_TCP;
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
}

/* Sends a frame out of the far end of the large pair. */
static void send_large(const uint8_t *frame, size_t bytes)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6,
				  .sll_ifindex = (int)if_nametoindex("big_far") };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, frame, bytes, 0, (const struct sockaddr *)&to, sizeof(to)),
			 bytes);
	close(fd);
}

/* A test run takes no frame above a page, so this one comes by a clsact filter on a device. */
static void large_datagrams_are_punted_up_to_the_record(void **state)
{
	static uint8_t payload[LIMIT_PUNT_BYTES];
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)bench.big, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1,
		    .prog_fd = bpf_program__fd(bench.skel->progs.gateway_tc));
	uint8_t frame[PACKET_ROOM];
	struct spec s = media4;

	(void)state;
	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	s.dport = 5060;
	s.payload = payload;
	s.payload_bytes = LIMIT_PUNT_BYTES - 28;
	counters_mark();
	send_large(frame, build(frame, &s));
	s.payload_bytes++;
	send_large(frame, build(frame, &s));
	for (int i = 0; i < 100 && !counter_since(REASON_punt_too_big); i++)
		usleep(10000);
	assert_int_equal(counter_since(COUNTER_signalling_punted), 1);
	assert_int_equal(counter_since(REASON_punt_too_big), 1);
	assert_int_equal(drain(bench.skel->maps.punt_other)->length,
			 sizeof(struct punt) + LIMIT_PUNT_BYTES);
}

/* A sender's own segmentation: one buffer bears several packets, only the first was looked at. */
static void bundled_media_is_refused(void **state)
{
	uint8_t frame[PACKET_ROOM];
	struct __sk_buff skb = { .ifindex = bench.in, .gso_segs = 2, .gso_size = 100 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .ctx_in = &skb,
		    .ctx_size_in = sizeof(skb), .repeat = 1);

	(void)state;
	put_flow(&media4, &audio);
	counters_mark();
	opts.data_size_in = (uint32_t)build(frame, &media4);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(bench.skel->progs.gateway_tc),
						&opts), 0);
	assert_int_equal(opts.retval, TC_ACT_SHOT);
	assert_int_equal(counter_since(REASON_packet_too_big), 1);
}

/* XDP never sees what is put back: the mark is the twin's alone. */
static void judged_message_passes_by_its_mark(void **state)
{
	const uint32_t mark = bench.control->reinject_mark, mask = bench.control->reinject_mask;
	static struct result result;
	uint8_t frame[PACKET_ROOM];
	struct spec s = media4;

	(void)state;
	s.dport = 5060;
	assert_true(mark && mask && !(mark & ~mask));
	assert_true(run_bytes(true, frame, build(frame, &s), mark | (~mask & 0x23), &result));
	assert_int_equal(result.outcome, PASSED);
	assert_true(run_bytes(true, frame, build(frame, &s), mark ^ (mask & -mask), &result));
	assert_int_equal(result.outcome, DROPPED);
	assert_true(run_bytes(true, frame, build(frame, &s), 0, &result));
	assert_int_equal(result.outcome, DROPPED);
}

static void put_back_message_gets_the_mark_and_its_interface(void **state)
{
	uint8_t frame[PACKET_ROOM], out[PACKET_ROOM];
	struct __sk_buff skb = { .mark = bench.out }, after = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &skb, .ctx_size_in = sizeof(skb),
		    .ctx_out = &after, .ctx_size_out = sizeof(after), .repeat = 1);
	int program = bpf_program__fd(bench.skel->progs.reinject_egress);

	(void)state;
	opts.data_size_in = (uint32_t)build(frame, &media4);
	assert_int_equal(bpf_prog_test_run_opts(program, &opts), 0);
	assert_int_equal(opts.retval, TC_ACT_REDIRECT);
	assert_int_equal(after.mark, bench.control->reinject_mark);
	skb.mark = 0;
	opts.data_size_out = sizeof(out);
	opts.ctx_size_out = sizeof(after);
	assert_int_equal(bpf_prog_test_run_opts(program, &opts), 0);
	assert_int_equal(opts.retval, TC_ACT_SHOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_WAY(cut_packets_are_never_forwarded),
		EACH_WAY(cut_header_is_named),
		EACH_WAY(udp_without_its_header_is_truncated),
		EACH_WAY(lying_lengths_are_refused),
		EACH_WAY(wrong_version_is_refused),
		EACH_WAY(routing_header_is_refused_where_ours),
		EACH_WAY(ip_options_are_refused_where_ours),
		EACH_WAY(mapped_address_is_refused),
		EACH_WAY(extension_headers_are_walked_up_to_the_limit),
		EACH_WAY(two_tags_are_read_and_three_refused),
		EACH_WAY(fragments_towards_a_zone_go_to_the_daemon),
		EACH_WAY(fragments_to_nowhere_pass_but_for_signalling),
		EACH_WAY(first_fragment_is_refused_where_ours_without_daemon),
		EACH_WAY(later_fragment_may_not_cross_zones_without_daemon),
		cmocka_unit_test_setup(large_datagrams_are_punted_up_to_the_record, reset),
		cmocka_unit_test_setup(judged_message_passes_by_its_mark, reset),
		cmocka_unit_test_setup(bundled_media_is_refused, reset),
		cmocka_unit_test_setup(put_back_message_gets_the_mark_and_its_interface, reset),
	};

	return cmocka_run_group_tests(tests, bench_open, bench_close);
}
