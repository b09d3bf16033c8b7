/* SPDX-License-Identifier: MIT */
/* Packets in, packets out: each test runs on XDP and on its TC twin, with flows in their table or
 * where they are looked for first, and must end alike. */
#include "expect.h"

static const uint8_t rtcp[28] = { 0x80, 200, 0, 6, 0xde, 0xad, 0xbe, 0xef };
static const uint8_t stun[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
static const uint8_t dtls[20] = { 22, 0xfe, 0xfd };
static const char options[] = "OPTIONS sip:a@10.77.2.2 SIP/2.0\r\n\r\n";

static const struct spec media6 = {
	.from = "fd77:1::2", .to = "fd77:2::2", .sport = 4000, .dport = 12000,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};
static const struct spec sip4 = {
	.from = "10.77.1.2", .to = "10.77.2.2", .sport = 5070, .dport = 5060,
	.payload = options, .payload_bytes = sizeof(options) - 1,
};
static void known_flow_is_forwarded(void **state)
{
	put_flow(&media4, &audio);
	expect_forwarded(mode_of(state), &media4, COUNTER_media_forwarded);
	assert_int_equal(bench.activity[1].ssrc, 0xdeadbeef);
	assert_true(bench.activity[1].packets >= 1);
	assert_int_equal(bench.activity[1].bytes, bench.activity[1].packets * (28 + sizeof(rtp)));
	assert_int_equal(bench.activity[1].hop.interface, bench.out);
	assert_int_equal(bench.activity[1].hop.mtu, 1500);
}

static void known_flow_is_forwarded_in_ipv6(void **state)
{
	put_flow(&media6, &audio);
	expect_forwarded(mode_of(state), &media6, COUNTER_media_forwarded);
}

static void one_packet_a_second_goes_by_the_stack(void **state)
{
	put_flow(&media4, &audio);
	expect(mode_of(state), &media4, PASSED, COUNTER_media_by_stack);
}

static void known_flow_needs_no_other_table(void **state)
{
	struct spec s = media4;

	s.dport = 5060;                 /* would be signalling, were it not a flow */
	put_flow(&s, &audio);
	put_source(s.from, SOURCE_DENIED, 0);
	expect_forwarded(mode_of(state), &s, COUNTER_media_forwarded);
}

static void tagged_flow_goes_by_the_stack(void **state)
{
	struct spec s = media4;

	s.tags = 1;
	s.vlan = 7;
	put_flow(&s, &audio);
	forget_stack(1);
	expect(mode_of(state), &s, PASSED, COUNTER_media_by_stack);
}

/* RFC 1812 4.2.2.9, RFC 8200 3: who would bring it to zero discards it and says so (ICMP time
 * exceeded), which the host does. */
static void last_ttl_is_answered_by_the_stack(void **state)
{
	const struct spec *families[] = { &media4, &media6 };

	for (int i = 0; i < 2; i++)
		for (uint8_t ttl = 1; ttl <= 2; ttl++) {
			struct spec s = *families[i];

			s.ttl = ttl;
			put_flow(&s, &audio);
			run(mode_of(state), &s);
			forget_stack(1);
			if (ttl == 1)
				expect(mode_of(state), &s, PASSED, COUNTER_media_by_stack);
			else
				assert_int_equal(run(mode_of(state), &s).outcome, FORWARDED);
		}
}

static void packet_above_the_mtu_goes_by_the_stack(void **state)
{
	static uint8_t big[1600] = { 0x80 };
	struct spec s = media4;

	s.payload = big;
	s.payload_bytes = sizeof(big);
	put_flow(&s, &audio);
	forget_stack(1);
	expect(mode_of(state), &s, PASSED, COUNTER_media_by_stack);
}

static void unknown_neighbour_goes_by_the_stack(void **state)
{
	struct spec s = media4;

	s.to = "10.77.2.77";
	put_flow(&s, &audio);
	forget_stack(1);
	expect(mode_of(state), &s, PASSED, COUNTER_media_by_stack);
}

static void media_into_a_blackhole_is_dropped(void **state)
{
	struct spec s = media4;

	s.to = "10.77.9.9";
	put_flow(&s, &audio);
	expect(mode_of(state), &s, DROPPED, REASON_media_no_route);
}

static void moved_routes_are_looked_up_anew(void **state)
{
	put_flow(&media4, &audio);
	expect_forwarded(mode_of(state), &media4, COUNTER_media_forwarded);
	kernel_routes_changed(&bench.kernel);
	forget_stack(1);
	run(mode_of(state), &media4);
	assert_int_equal(counter_since(COUNTER_route_refreshed), 1);
}

static void expired_flow_is_refused(void **state)
{
	struct permit old = audio;

	old.expires_ns = 1;
	put_flow(&media4, &old);
	expect(mode_of(state), &media4, DROPPED, REASON_media_expired);
	old.expires_ns = 0;
	old.flags |= PERMIT_CLOSED;
	put_flow(&media4, &old);
	expect(mode_of(state), &media4, DROPPED, REASON_media_expired);
}

static void foreign_payload_type_is_refused(void **state)
{
	uint8_t other[sizeof(rtp)];
	struct spec s = media4;

	memcpy(other, rtp, sizeof(rtp));
	other[1] = 0x80 | 8;
	s.payload = other;
	put_flow(&media4, &audio);
	expect(mode_of(state), &s, DROPPED, REASON_media_payload_type);
	assert_int_equal(bench.activity[1].dropped, 1);
	assert_int_equal(bench.activity[1].packets, 0);
}

static void shapes_pass_only_where_permitted(void **state)
{
	static const struct { const void *bytes; size_t length; uint32_t flag; } shapes[] = {
		{ rtp, sizeof(rtp), PERMIT_RTP },
		{ rtcp, sizeof(rtcp), PERMIT_RTCP },
		{ stun, sizeof(stun), PERMIT_STUN },
		{ dtls, sizeof(dtls), PERMIT_DTLS },
	};
	struct permit permit = audio;
	struct spec s = media4;

	for (size_t i = 0; i < 4; i++) {
		s.payload = shapes[i].bytes;
		s.payload_bytes = shapes[i].length;
		permit.flags = shapes[i].flag;
		put_flow(&s, &permit);
		expect_forwarded(mode_of(state), &s, COUNTER_media_forwarded);
		permit.flags = PERMIT_ANY;
		put_flow(&s, &permit);
		expect_forwarded(mode_of(state), &s, COUNTER_media_forwarded);
		permit.flags = 0xf & ~shapes[i].flag;
		put_flow(&s, &permit);
		expect(mode_of(state), &s, DROPPED, REASON_media_not_rtp);
	}
}

static void short_media_is_not_rtp(void **state)
{
	struct spec s = media4;

	put_flow(&s, &audio);
	for (s.payload_bytes = 0; s.payload_bytes < 12; s.payload_bytes++)
		expect(mode_of(state), &s, DROPPED, REASON_media_not_rtp);
}

static void flow_above_its_rate_is_refused(void **state)
{
	struct permit slow = audio;

	slow.packets_per_second = 3;
	put_flow(&media4, &slow);
	for (int i = 0; i < 3; i++)
		assert_int_not_equal(run(mode_of(state), &media4).outcome, DROPPED);
	expect(mode_of(state), &media4, DROPPED, REASON_media_rate);
}

/* RFC 3550 A.1: the sequence wraps, one number is lost. */
static void sequence_numbers_are_counted_over_the_wrap(void **state)
{
	static const uint16_t sent[] = { 65534, 65535, 0, 2 };
	uint8_t packet[sizeof(rtp)];
	struct spec s = media4;

	memcpy(packet, rtp, sizeof(rtp));
	s.payload = packet;
	put_flow(&s, &audio);
	for (size_t i = 0; i < 4; i++) {
		put16(packet + 2, sent[i]);
		run(mode_of(state), &s);
	}
	assert_int_equal(bench.activity[1].received, 4);
	assert_int_equal(bench.activity[1].expected, 5);
	assert_int_equal(bench.activity[1].cycles, 1);
	assert_int_equal(bench.activity[1].sequence, 2);
}

/* Two packets of one timestamp 20 ms apart: 160 units of 8 kHz and more (RFC 3550 6.4.1). */
static void send_pair(bool tc, struct spec *s, uint8_t *packet, uint16_t sequence)
{
	for (uint16_t n = 0; n < 2; n++) {
		put16(packet + 2, sequence + n);
		run(tc, s);
		if (n == 0)
			usleep(20000);
	}
}

static void jitter_is_measured_over_one_pair_in_eight(void **state)
{
	uint8_t packet[sizeof(rtp)];
	struct spec s = media4;
	uint32_t jitter;

	memcpy(packet, rtp, sizeof(rtp));
	s.payload = packet;
	put_flow(&s, &audio);
	for (uint16_t sequence = 2; sequence < 8; sequence += 2) {
		send_pair(mode_of(state), &s, packet, sequence);
		assert_int_equal(bench.activity[1].jitter, 0);
	}
	send_pair(mode_of(state), &s, packet, 8);
	jitter = bench.activity[1].jitter;
	assert_true(jitter >= 159);
	/* The first of the next pair is lost. */
	put16(packet + 2, 17);
	run(mode_of(state), &s);
	assert_int_equal(bench.activity[1].jitter, jitter);
	/* Early is as far off as late: 2^20 units ahead of its time. */
	put16(packet + 2, 24);
	run(mode_of(state), &s);
	put16(packet + 2, 25);
	packet[5] = 0x10;
	run(mode_of(state), &s);
	assert_in_range(bench.activity[1].jitter, 1 << 19, (1 << 20) + jitter);
}

static void media_that_nobody_promised_is_dropped(void **state)
{
	const struct event *event;

	expect(mode_of(state), &media4, DROPPED, REASON_media_no_pinhole);
	expect(mode_of(state), &media6, DROPPED, REASON_media_no_pinhole);
	event = (const void *)drain(bench.skel->maps.events)->bytes;
	assert_int_equal(event->kind, EVENT_DROPPED);
	assert_int_equal(event->reason, REASON_media_no_pinhole);
	assert_int_equal(event->key.destination_port, htons(12000));
}

static void drops_are_told_a_bounded_number_of_times(void **state)
{
	int told = 0;

	for (int i = 0; i < 200; i++)
		run(mode_of(state), &media4);
	told = drain(bench.skel->maps.events)->count;
	/* Two seconds on each CPU at most, should the clock turn meanwhile. */
	assert_true(told <= 2 * LIMIT_DROP_EVENTS * bench.cpus);
}

static void monitor_and_off_let_media_pass(void **state)
{
	configure(POLICY "protections: { media: monitor }\n");
	expect(mode_of(state), &media4, PASSED, COUNTER_media_monitored);
	assert_int_equal(counter_since(REASON_media_no_pinhole), 1);
	configure(POLICY "protections: { media: off }\n");
	expect(mode_of(state), &media4, PASSED, COUNTER_packets_passed);
	assert_int_equal(counter_since(REASON_media_no_pinhole), 0);
}

static void pinholes_admit_by_what_they_leave_open(void **state)
{
	for (enum open open = OPEN_NOTHING; open <= OPEN_HOST; open++) {
		reset(NULL);
		put_pinhole(&media4, open, &audio);
		expect_forwarded(mode_of(state), &media4, COUNTER_media_pinhole);
	}
	reset(NULL);
	put_pinhole(&media4, OPEN_PORT, &audio);
	struct spec s = media4;

	s.from = "10.77.1.3";
	expect(mode_of(state), &s, DROPPED, REASON_media_no_pinhole);
}

static void first_packet_locks_the_port(void **state)
{
	struct permit lock = audio;
	struct spec other = media4;
	const struct event *event;

	other.sport = 4002;
	lock.flags |= PERMIT_LOCK;
	put_pinhole(&media4, OPEN_PORT, &lock);
	run(mode_of(state), &media4);
	assert_int_equal(counter_since(COUNTER_sources_locked), 1);
	assert_int_equal(bench.activity[1].lock, htons(4000) | 1u << 16);
	event = (const void *)drain(bench.skel->maps.events)->bytes;
	assert_int_equal(event->kind, EVENT_LOCKED);
	assert_int_equal(event->key.source_port, htons(4000));
	assert_int_equal(event->pinhole.source_port, 0);
	assert_int_equal(event->slot, 1);
	expect(mode_of(state), &other, DROPPED, REASON_media_wrong_source);
	expect_forwarded(mode_of(state), &media4, COUNTER_media_pinhole);
}

static void garbage_does_not_lock(void **state)
{
	struct permit lock = audio;
	struct spec s = media4;

	s.payload = stun;
	s.payload_bytes = sizeof(stun);
	lock.flags |= PERMIT_LOCK;
	put_pinhole(&s, OPEN_PORT, &lock);
	expect(mode_of(state), &s, DROPPED, REASON_media_not_rtp);
	assert_int_equal(bench.activity[1].lock, 0);
}

static void early_media_is_bound_and_not_locked(void **state)
{
	struct permit early = audio;
	struct spec s = media4;

	early.flags |= PERMIT_LOCK | PERMIT_EARLY;
	early.packets_per_second = 2;
	put_pinhole(&s, OPEN_HOST, &early);
	assert_int_not_equal(run(mode_of(state), &s).outcome, DROPPED);
	s.sport = 4002;
	assert_int_not_equal(run(mode_of(state), &s).outcome, DROPPED);
	assert_int_equal(bench.activity[1].lock, 0);
	expect(mode_of(state), &s, DROPPED, REASON_media_rate);
}

static void signalling_is_held_and_handed_to_the_daemon(void **state)
{
	const struct heard *heard;
	const struct punt *punt;
	uint8_t frame[PACKET_ROOM];
	size_t bytes = build(frame, &sip4) - 14;

	expect(mode_of(state), &sip4, DROPPED, COUNTER_signalling_punted);
	heard = drain(bench.skel->maps.punt_other);
	punt = (const void *)heard->bytes;
	assert_int_equal(heard->count, 1);
	assert_int_equal(heard->length, sizeof(*punt) + bytes);
	assert_memory_equal(punt->data, frame + 14, bytes);
	assert_int_equal(punt->interface, bench.in);
	assert_int_equal(punt->zone, INSIDE);
	assert_int_equal(punt->flags, PUNT_HELD);
	assert_int_equal(punt->l3_bytes, bytes);
	assert_int_equal(punt->payload_offset, 28);
	assert_int_equal(punt->speaks, SIP_NUMBER);
	assert_int_equal(punt->key.source_port, htons(5070));
	assert_memory_equal(punt->source_mac, frame + 6, 6);
}

static void trusted_signalling_has_its_own_ring(void **state)
{
	struct spec s = sip4;

	s.from = SERVER;
	configure(ZONES "limits: { unknown_rate: 1 }\n");
	for (int i = 0; i < 3; i++)
		expect(mode_of(state), &s, DROPPED, COUNTER_signalling_punted);
	assert_int_equal(drain(bench.skel->maps.punt_trusted)->count, 3);
	assert_int_equal(drain(bench.skel->maps.punt_other)->count, 0);
}

static void signalling_door_punts(void **state)
{
	struct permit door = { .slot = 1, .flags = PERMIT_SIGNALLING, .speaks = 9 };
	struct spec s = sip4;
	const struct punt *punt;

	s.dport = 40000;
	put_pinhole(&s, OPEN_HOST, &door);
	expect(mode_of(state), &s, DROPPED, COUNTER_signalling_punted);
	punt = (const void *)drain(bench.skel->maps.punt_other)->bytes;
	assert_int_equal(punt->flags, PUNT_HELD | PUNT_DOOR);
	assert_int_equal(punt->speaks, 9);
	put_flow(&s, &door);
	expect(mode_of(state), &s, DROPPED, COUNTER_signalling_punted);
}

static void denied_source_is_dropped(void **state)
{
	put_source(sip4.from, SOURCE_DENIED, 0);
	expect(mode_of(state), &sip4, DROPPED, REASON_source_denied);
	configure(POLICY "protections: { sources: monitor }\n");
	expect(mode_of(state), &sip4, DROPPED, COUNTER_signalling_punted);
	assert_int_equal(counter_since(COUNTER_messages_monitored), 1);
}

static void refused_signalling_is_told_beside_a_flood_of_media(void **state)
{
	const struct event *event;

	for (int i = 0; i < 200; i++)
		run(mode_of(state), &media4);
	drain(bench.skel->maps.events);
	put_source(sip4.from, SOURCE_DENIED, 0);
	expect(mode_of(state), &sip4, DROPPED, REASON_source_denied);
	event = (const void *)drain(bench.skel->maps.events)->bytes;
	assert_int_equal(event->kind, EVENT_REFUSED);
	assert_int_equal(event->reason, REASON_source_denied);
	assert_int_equal(event->key.zone, INSIDE);
}

static void source_above_its_rate_is_dropped(void **state)
{
	configure(ZONES "limits: { unknown_rate: 2 }\n");
	run(mode_of(state), &sip4);
	run(mode_of(state), &sip4);
	expect(mode_of(state), &sip4, DROPPED, REASON_source_rate);
}

static void without_a_daemon_signalling_is_held_or_passes(void **state)
{
	kernel_heartbeat(&bench.kernel, 1);
	configure(POLICY);
	expect(mode_of(state), &sip4, DROPPED, REASON_daemon_down);
	configure(POLICY "daemon: { when_down: pass }\n");
	expect(mode_of(state), &sip4, PASSED, COUNTER_signalling_unread);
}

/* What a former policy knew, and the next one does not, is none of ours any more. */
static void next_policy_takes_out_what_it_does_not_know(void **state)
{
	struct spec server = sip4;

	server.from = SERVER;
	expect(mode_of(state), &media4, DROPPED, REASON_media_no_pinhole);
	expect(mode_of(state), &server, DROPPED, COUNTER_signalling_punted);
	assert_int_equal(drain(bench.skel->maps.punt_trusted)->count, 1);
	configure("zones:\n  inside: { networks: [10.77.1.0/24] }\n"
		  "  outside: { networks: [10.99.0.0/16], media_ports: 10000-20000 }\n");
	expect(mode_of(state), &media4, PASSED, COUNTER_packets_passed);
	run(mode_of(state), &server);
	assert_int_equal(drain(bench.skel->maps.punt_trusted)->count, 0);
	configure("zones:\n  inside: { networks: [10.77.1.0/24] }\n"
		  "  outside: { media_ports: 12001-20000 }\n");
	expect(mode_of(state), &media4, PASSED, COUNTER_packets_passed);
	configure("zones:\n  inside: { networks: [10.77.1.0/24] }\n"
		  "  outside: { media_ports: 12000-20000 }\n");
	expect(mode_of(state), &media4, DROPPED, REASON_media_no_pinhole);
}

static void full_ring_is_a_reason(void **state)
{
	static uint8_t big[3000];
	struct spec s = sip4;
	struct result result;
	int rounds = 0;

	s.payload = big;
	s.payload_bytes = sizeof(big);
	do
		result = run(mode_of(state), &s);
	while (counter_since(COUNTER_signalling_punted) && ++rounds < 4096);
	assert_int_equal(result.outcome, DROPPED);
	assert_int_equal(counter_since(REASON_punt_ring_full), 1);
	assert_true(drain(bench.skel->maps.punt_other)->count > 1000);
}

static void what_is_not_ours_passes(void **state)
{
	struct spec s = media4;

	s.dport = 53;                                           /* below the media range */
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
	s = media4;
	s.sport = 53;                                           /* an answer of a named service */
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
	s = media4;
	s.to = "10.77.2.1";                                     /* the host itself */
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
	s.to = "10.77.1.9";                                     /* the same zone */
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
	s.to = "192.0.2.1";                                     /* no zone */
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
	s = media4;
	s.protocol = IPPROTO_ICMP;
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
	s = media4;
	s.ethertype = 0x88cc;                                   /* LLDP */
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
	s = media4;
	s.tags = 1;
	s.vlan = 8;                                             /* in no zone */
	expect(mode_of(state), &s, PASSED, COUNTER_packets_passed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_WAY(known_flow_is_forwarded),
		EACH_WAY(known_flow_is_forwarded_in_ipv6),
		EACH_WAY(one_packet_a_second_goes_by_the_stack),
		EACH_WAY(known_flow_needs_no_other_table),
		EACH_WAY(tagged_flow_goes_by_the_stack),
		EACH_WAY(last_ttl_is_answered_by_the_stack),
		EACH_WAY(packet_above_the_mtu_goes_by_the_stack),
		EACH_WAY(unknown_neighbour_goes_by_the_stack),
		EACH_WAY(media_into_a_blackhole_is_dropped),
		EACH_WAY(moved_routes_are_looked_up_anew),
		EACH_WAY(expired_flow_is_refused),
		EACH_WAY(foreign_payload_type_is_refused),
		EACH_WAY(shapes_pass_only_where_permitted),
		EACH_WAY(short_media_is_not_rtp),
		EACH_WAY(flow_above_its_rate_is_refused),
		EACH_WAY(sequence_numbers_are_counted_over_the_wrap),
		EACH_WAY(jitter_is_measured_over_one_pair_in_eight),
		EACH_WAY(media_that_nobody_promised_is_dropped),
		EACH_WAY(drops_are_told_a_bounded_number_of_times),
		EACH_WAY(monitor_and_off_let_media_pass),
		EACH_WAY(pinholes_admit_by_what_they_leave_open),
		EACH_WAY(first_packet_locks_the_port),
		EACH_WAY(garbage_does_not_lock),
		EACH_WAY(early_media_is_bound_and_not_locked),
		EACH_WAY(signalling_is_held_and_handed_to_the_daemon),
		EACH_WAY(trusted_signalling_has_its_own_ring),
		EACH_WAY(signalling_door_punts),
		EACH_WAY(denied_source_is_dropped),
		EACH_WAY(refused_signalling_is_told_beside_a_flood_of_media),
		EACH_WAY(source_above_its_rate_is_dropped),
		EACH_WAY(without_a_daemon_signalling_is_held_or_passes),
		EACH_WAY(next_policy_takes_out_what_it_does_not_know),
		EACH_WAY(full_ring_is_a_reason),
		EACH_WAY(what_is_not_ours_passes),
	};

	return cmocka_run_group_tests(tests, bench_open, bench_close);
}
