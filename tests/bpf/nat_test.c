/* SPDX-License-Identifier: MIT */
/* Translated packets: what arrives, what leaves, and what is refused since nobody else could take it.
 * Sums are computed anew over what came out (RFC 768, RFC 8200 8.1), never by difference. */
#include "nat.h"

static struct result run_frame(bool tc, const uint8_t *frame, size_t bytes)
{
	static struct result result;

	counters_mark();
	assert_true(run_bytes(tc, frame, bytes, 0, &result));
	return result;
}

/* What XDP hands up is as it came, and leaves by the program behind. */
static struct result handed_up(const uint8_t *frame, size_t bytes)
{
	struct result result = run_frame(false, frame, bytes);

	assert_int_equal(result.outcome, PASSED);
	assert_int_equal(counter_since(COUNTER_media_handed_up), 1);
	assert_int_equal(counter_since(COUNTER_media_translated), 0);
	assert_int_equal(result.length, bytes);
	assert_memory_equal(result.bytes, frame, bytes);
	result = run_behind(frame, bytes);
	assert_int_equal(result.outcome, FORWARDED);
	assert_int_equal(counter_since(COUNTER_media_translated), 1);
	/* The kernel writes them as it sends, and sees to the neighbour, whatever XDP remembers. */
	assert_memory_equal(result.bytes, frame, 12);
	return result;
}

/* The first of a second leaves its MACs to the kernel, which asks the neighbour; in either way its
 * ports are the new ones already. The next one knows its way. */
static struct result forwarded(bool tc, const uint8_t *frame, size_t bytes)
{
	struct result result;

	if (!tc)
		handed_up(frame, bytes);
	else
		assert_int_equal(run_frame(true, frame, bytes).outcome, FORWARDED);
	assert_int_equal(counter_since(COUNTER_media_by_stack), 0);
	result = run_frame(tc, frame, bytes);
	assert_int_equal(result.outcome, FORWARDED);
	assert_int_equal(counter_since(COUNTER_media_translated), 1);
	assert_memory_equal(result.bytes, "\x02\x00\x00\x00\x02\x02", 6);
	assert_memory_equal(result.bytes + 6, bench.out_mac, 6);
	return result;
}

/* Exactly what a sender would have sent as `out`, with right sums. */
static void expect_leaves(bool tc, const struct spec *in, const struct spec *out)
{
	uint8_t frame[PACKET_ROOM], wanted[PACKET_ROOM];
	size_t bytes = build_summed(frame, in);
	struct result result = forwarded(tc, frame, bytes);

	assert_int_equal(result.length, build_summed(wanted, out));
	assert_memory_equal(result.bytes + 12, wanted + 12, result.length - 12);
	assert_int_equal(udp_sum(result.bytes, result.length, is_six(out)), 0);
}

static void expect_translated(bool tc, const struct spec *in, const struct spec *out)
{
	reset(NULL);
	put_flow(in, &translated);
	put_translation(in, out);
	expect_leaves(tc, in, out);
	assert_int_equal(counter_since(COUNTER_media_forwarded), 1);
	assert_int_equal(bench.activity[SLOT].packets, 2);
}

/* Both sides anchored: the receiver sees us, and so does the sender. */
static void relayed_packet_leaves_with_both_ends_changed(void **state)
{
	expect_translated(mode_of(state), &media4_in, &relayed4);
	expect_translated(mode_of(state), &media6_in, &relayed6);
}

static void destination_alone_may_change(void **state)
{
	struct spec out = relayed4, out6 = relayed6;

	out.from = media4_in.from;
	out.sport = media4_in.sport;
	expect_translated(mode_of(state), &media4_in, &out);
	out6.from = media6_in.from;
	out6.sport = media6_in.sport;
	expect_translated(mode_of(state), &media6_in, &out6);
}

static void source_alone_may_change(void **state)
{
	struct spec in = media4, out = media4;

	out.from = "10.77.2.1";
	out.sport = 30004;
	out.ttl = 63;
	expect_translated(mode_of(state), &in, &out);
}

/* The near tables lead to the same translation. */
static void flow_in_the_index_is_translated(void **state)
{
	put_flow(&media4_in, &translated);
	put_translation(&media4_in, &relayed4);
	expect_leaves(mode_of(state), &media4_in, &relayed4);
}

static void pinhole_is_translated(void **state)
{
	for (enum open open = OPEN_NOTHING; open <= OPEN_HOST; open++) {
		reset(NULL);
		put_pinhole(&media4, open, &translated);
		put_translation(&media4, &relayed4);
		expect_leaves(mode_of(state), &media4, &relayed4);
		assert_int_equal(counter_since(COUNTER_media_pinhole), 1);
	}
}

/* Mapped addresses may be no interface's: whoever routes them to us has told the daemon, which puts
 * them among the host's own. */
static void pinhole_of_a_pool_address_is_found_once_it_is_among_the_hosts(void **state)
{
	const struct address pool = address_of("192.0.2.7");
	struct spec in = media4_in;

	in.to = "192.0.2.7";
	put_pinhole(&in, OPEN_PORT, &translated);
	put_translation(&in, &relayed4);
	expect(mode_of(state), &in, PASSED, COUNTER_packets_passed);
	assert_int_equal(kernel_local_address(&bench.kernel, &pool, true), 0);
	expect_leaves(mode_of(state), &in, &relayed4);
	assert_int_equal(kernel_local_address(&bench.kernel, &pool, false), 0);
}

static void locked_pinhole_tells_of_the_packet_as_it_arrived(void **state)
{
	const struct address own = address_of(media4_in.to);
	struct permit lock = translated;
	const struct event *event;
	struct flow_key key = key_of(&media4_in);

	lock.flags |= PERMIT_LOCK;
	assert_int_equal(kernel_local_address(&bench.kernel, &own, true), 0);
	put_pinhole(&media4_in, OPEN_PORT, &lock);
	put_translation(&media4_in, &relayed4);
	expect_leaves(mode_of(state), &media4_in, &relayed4);
	event = (const void *)drain(bench.skel->maps.events)->bytes;
	assert_int_equal(event->kind, EVENT_LOCKED);
	assert_memory_equal(&event->key, &key, sizeof(key));
	assert_int_equal(kernel_local_address(&bench.kernel, &own, false), 0);
}

/* RFC 768: zero means that the sender made none. */
static void absent_udp_sum_stays_absent_in_ipv4(void **state)
{
	uint8_t frame[PACKET_ROOM], wanted[PACKET_ROOM];
	struct result result;

	put_flow(&media4_in, &translated);
	put_translation(&media4_in, &relayed4);
	result = forwarded(mode_of(state), frame, build(frame, &media4_in));
	build(wanted, &relayed4);
	assert_memory_equal(result.bytes + 12, wanted + 12, result.length - 12);
}

static void absent_udp_sum_is_refused_in_ipv6(void **state)
{
	put_flow(&media6_in, &translated);
	put_translation(&media6_in, &relayed6);
	bench.activity[SLOT].hop = (struct next_hop){ .interface = bench.out, .mtu = 1500,
						       .until_ns = UINT64_MAX };
	expect(mode_of(state), &media6_in, DROPPED, REASON_translated_checksum);
}

/* RFC 768: a sum that comes out as zero is sent as all ones. The payload's last word is chosen so
 * that it does. */
static void udp_sum_of_zero_is_sent_as_all_ones(void **state)
{
	uint8_t payload[sizeof(rtp)], frame[PACKET_ROOM];
	struct spec in = media4_in, out = relayed4;
	struct result result;
	size_t bytes;

	memcpy(payload, rtp, sizeof(rtp));
	in.payload = out.payload = payload;
	bytes = build(frame, &out);
	put16(payload + sizeof(rtp) - 2, udp_sum(frame, bytes, false));
	put_flow(&in, &translated);
	put_translation(&in, &out);
	bytes = build_summed(frame, &in);
	result = forwarded(mode_of(state), frame, bytes);
	assert_int_equal(result.bytes[IP + 26], 0xff);
	assert_int_equal(result.bytes[IP + 27], 0xff);
	assert_int_equal(udp_sum(result.bytes, result.length, false), 0);
}

/* One packet a second keeps the neighbour alive by itself: not in the stack, but in front of it. */
static void translated_packet_never_goes_by_the_stack(void **state)
{
	uint8_t frame[PACKET_ROOM], wanted[PACKET_ROOM];
	size_t bytes = build_summed(frame, &media4_in);
	struct result result;

	put_flow(&media4_in, &translated);
	put_translation(&media4_in, &relayed4);
	build_summed(wanted, &relayed4);
	for (int i = 0; i < 3; i++) {
		bench.activity[SLOT].stack_second = 0;
		bench.activity[SLOT].hop.until_ns = 0;
		result = mode_of(state) ? run_frame(true, frame, bytes) : handed_up(frame, bytes);
		assert_int_equal(result.outcome, FORWARDED);
		assert_int_equal(counter_since(COUNTER_media_by_stack), 0);
		assert_memory_equal(result.bytes + 12, wanted + 12, result.length - 12);
	}
	assert_int_equal(bench.activity[SLOT].packets, 3);
}

/* Nothing but what is translated, and so was checked in front of it. */
static void program_behind_xdp_leaves_other_media_alone(void **state)
{
	uint8_t frame[PACKET_ROOM];
	size_t bytes = build_summed(frame, &media4);

	(void)state;
	assert_int_equal(run_behind(frame, bytes).outcome, PASSED);
	put_flow(&media4, &audio);
	assert_int_equal(run_behind(frame, bytes).outcome, PASSED);
	assert_int_equal(counter_since(REASON_media_no_pinhole), 0);
	assert_int_equal(bench.activity[SLOT].packets, 0);
}

/* The stack would not find whom it is for. */
static void watched_refusal_of_translated_media_leaves_translated(void **state)
{
	struct permit other = translated;
	struct result result;
	uint8_t frame[PACKET_ROOM];
	size_t bytes = build_summed(frame, &media4_in);

	other.payload_types[0] = 2;
	put_flow(&media4_in, &other);
	put_translation(&media4_in, &relayed4);
	for (int off = 0; off < 2; off++) {
		configure(off ? POLICY "protections: { media: off }\n" :
				POLICY "protections: { media: monitor }\n");
		bench.activity[SLOT].hop.until_ns = 0;
		run_frame(mode_of(state), frame, bytes);
		assert_int_equal(counter_since(REASON_media_payload_type), !off);
		result = run_frame(mode_of(state), frame, bytes);
		assert_int_equal(result.outcome, FORWARDED);
		assert_int_equal(counter_since(COUNTER_media_monitored), !off);
		assert_int_equal(counter_since(COUNTER_media_translated), 1);
	}
}

static void translated_ttl_ends_here(void **state)
{
	struct spec s = media4_in;

	s.ttl = 1;
	put_flow(&s, &translated);
	put_translation(&s, &relayed4);
	expect(mode_of(state), &s, DROPPED, REASON_translated_ttl);
	s.ttl = 2;
	run(mode_of(state), &s);
	assert_int_equal(run(mode_of(state), &s).outcome, FORWARDED);
}

/* At the look-up, and with the MTU that the flow remembers. */
static void translated_packet_above_the_mtu_is_refused(void **state)
{
	static uint8_t big[1600] = { 0x80 };
	struct spec s = media4_in;

	put_flow(&s, &translated);
	put_translation(&s, &relayed4);
	s.payload = big;
	s.payload_bytes = sizeof(big);
	expect(mode_of(state), &s, DROPPED, REASON_packet_too_big);
	run(mode_of(state), &media4_in);
	assert_int_equal(bench.activity[SLOT].hop.mtu, 1500);
	expect(mode_of(state), &s, DROPPED, REASON_packet_too_big);
}

/* The kernel asks, and holds the packet meanwhile. */
static void neighbour_of_a_translated_packet_is_asked_for(void **state)
{
	uint8_t frame[PACKET_ROOM];
	size_t bytes = build_summed(frame, &media4_in);
	struct spec out = relayed4;

	out.to = "10.77.2.77";
	put_flow(&media4_in, &translated);
	put_translation(&media4_in, &out);
	if (mode_of(state))
		assert_int_equal(run_frame(true, frame, bytes).outcome, FORWARDED);
	else
		handed_up(frame, bytes);
	assert_int_equal(bench.activity[SLOT].hop.interface, 0);
}

static void translated_packet_without_route_is_refused(void **state)
{
	struct spec out = relayed4;

	out.to = "10.77.9.9";
	put_flow(&media4_in, &translated);
	put_translation(&media4_in, &out);
	expect(mode_of(state), &media4_in, DROPPED, REASON_media_no_route);
	/* And towards this host itself: it was for somebody else. */
	out.to = "10.77.2.1";
	put_translation(&media4_in, &out);
	expect(mode_of(state), &media4_in, DROPPED, REASON_media_no_route);
}

static void egress_that_takes_no_frames_is_left_to_tc(void **state)
{
	uint8_t frame[PACKET_ROOM];
	size_t bytes = build_summed(frame, &media4_in);
	struct spec out = relayed4;

	out.to = "10.77.3.2";
	shell("ip route replace 10.77.3.0/24 dev big && "
	      "ip neigh replace 10.77.3.2 lladdr 02:00:00:00:03:02 dev big nud permanent");
	put_flow(&media4_in, &translated);
	put_translation(&media4_in, &out);
	for (int i = 0; i < 2; i++)
		if (mode_of(state))
			assert_int_equal(run_frame(true, frame, bytes).outcome, FORWARDED);
		else
			handed_up(frame, bytes);
}

/* It takes one tag off, and no second one. */
static void tag_of_a_translated_packet_is_taken_off_in_tc(void **state)
{
	uint8_t frame[PACKET_ROOM], wanted[PACKET_ROOM];
	struct spec s = media4_in;
	struct result result;
	size_t bytes;

	s.tags = 1;
	s.vlan = 7;
	put_flow(&s, &translated);
	put_translation(&s, &relayed4);
	bytes = build(frame, &s);
	result = mode_of(state) ? run_frame(true, frame, bytes) : handed_up(frame, bytes);
	assert_int_equal(result.outcome, FORWARDED);
	assert_int_equal(result.length, build(wanted, &relayed4));
	assert_memory_equal(result.bytes + 12, wanted + 12, result.length - 12);
	s.tags = 2;
	bytes = build(frame, &s);
	if (!mode_of(state))
		run_behind(frame, bytes);
	else
		run_frame(true, frame, bytes);
	assert_int_equal(counter_since(REASON_translated_tagged), 1);
}

static void what_is_refused_is_not_translated(void **state)
{
	struct permit old = translated;

	old.expires_ns = 1;
	put_flow(&media4_in, &old);
	put_translation(&media4_in, &relayed4);
	expect(mode_of(state), &media4_in, DROPPED, REASON_media_expired);
	old.expires_ns = 0;
	old.payload_types[0] = 2;
	put_flow(&media4_in, &old);
	expect(mode_of(state), &media4_in, DROPPED, REASON_media_payload_type);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_WAY(relayed_packet_leaves_with_both_ends_changed),
		EACH_WAY(destination_alone_may_change),
		EACH_WAY(source_alone_may_change),
		EACH_WAY(flow_in_the_index_is_translated),
		EACH_WAY(pinhole_is_translated),
		EACH_WAY(pinhole_of_a_pool_address_is_found_once_it_is_among_the_hosts),
		EACH_WAY(locked_pinhole_tells_of_the_packet_as_it_arrived),
		EACH_WAY(absent_udp_sum_stays_absent_in_ipv4),
		EACH_WAY(absent_udp_sum_is_refused_in_ipv6),
		EACH_WAY(udp_sum_of_zero_is_sent_as_all_ones),
		EACH_WAY(translated_packet_never_goes_by_the_stack),
		EACH_WAY(translated_ttl_ends_here),
		EACH_WAY(translated_packet_above_the_mtu_is_refused),
		EACH_WAY(neighbour_of_a_translated_packet_is_asked_for),
		EACH_WAY(program_behind_xdp_leaves_other_media_alone),
		EACH_WAY(watched_refusal_of_translated_media_leaves_translated),
		EACH_WAY(translated_packet_without_route_is_refused),
		EACH_WAY(egress_that_takes_no_frames_is_left_to_tc),
		EACH_WAY(tag_of_a_translated_packet_is_taken_off_in_tc),
		EACH_WAY(what_is_refused_is_not_translated),
	};

	return cmocka_run_group_tests(tests, bench_open, bench_close);
}
