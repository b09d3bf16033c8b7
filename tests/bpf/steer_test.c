/* SPDX-License-Identifier: MIT */
/* TCP: what goes to the daemon's sockets, what is held, what passes. A test run has no ingress, where
 * alone a listener may be given a segment (the network test sees that); sockets are real. */
#include "expect.h"

#include <netinet/tcp.h>

#define SYN 0x02
#define RST 0x04
#define ACK 0x10

static const struct spec begin4 = {
	.from = "10.77.1.2", .to = "10.77.2.2", .sport = 5070, .dport = 5060,
	.protocol = IPPROTO_TCP, .tcp_flags = SYN,
};
static const struct spec data4 = {
	.from = "10.77.1.2", .to = "10.77.2.2", .sport = 5070, .dport = 5060,
	.protocol = IPPROTO_TCP, .tcp_flags = ACK, .payload = "OPTIONS", .payload_bytes = 7,
};
static const struct spec data6 = {
	.from = "fd77:1::2", .to = "fd77:2::2", .sport = 5070, .dport = 5060,
	.protocol = IPPROTO_TCP, .tcp_flags = ACK,
};

/* Runs it; the mark that it bears afterwards. */
static enum outcome steer(void **state, const struct spec *s, uint32_t *ret_mark)
{
	uint8_t frame[PACKET_ROOM], out[PACKET_ROOM];
	struct __sk_buff in = { .ifindex = bench.in, .mark = 7 }, after = { .mark = 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = (uint32_t)build(frame, s), .data_out = out,
		    .data_size_out = PACKET_ROOM, .repeat = 1, .ctx_in = &in,
		    .ctx_size_in = sizeof(in), .ctx_out = &after, .ctx_size_out = sizeof(after));

	(void)state;
	counters_mark();
	assert_int_equal(bpf_prog_test_run_opts(
				 bpf_program__fd(bench.skel->progs.gateway_steer),
				 &opts), 0);
	if (ret_mark)
		*ret_mark = after.mark;
	return outcome_of(true, (int)opts.retval);
}

static void expect_steered(void **state, const struct spec *s)
{
	uint32_t mark;

	assert_int_equal(steer(state, s, &mark), PASSED);
	assert_int_equal(counter_since(COUNTER_streams_steered), 1);
	assert_int_equal(mark, KERNEL_STEER_MARK | 7);
}

static void expect_end(void **state, const struct spec *s, enum outcome outcome, uint32_t counter)
{
	assert_int_equal(steer(state, s, NULL), outcome);
	assert_int_equal(counter_since(counter), 1);
	assert_int_equal(counter_since(COUNTER_streams_steered), 0);
}

/* A connection from one to the other, as if it had been made: TCP_REPAIR. */
static int socket_between(const char *own, uint16_t own_port, const char *peer, uint16_t port)
{
	const bool six = strchr(own, ':');
	const int one = 1;
	struct sockaddr_in6 at6[2] = { { .sin6_family = AF_INET6, .sin6_port = htons(own_port) },
				       { .sin6_family = AF_INET6, .sin6_port = htons(port) } };
	struct sockaddr_in at4[2] = { { .sin_family = AF_INET, .sin_port = htons(own_port) },
				      { .sin_family = AF_INET, .sin_port = htons(port) } };
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM, 0);

	assert_int_equal(setsockopt(fd, six ? SOL_IPV6 : SOL_IP, six ? 75 : IP_TRANSPARENT, &one,
				    sizeof(one)), 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(setsockopt(fd, SOL_TCP, TCP_REPAIR, &one, sizeof(one)), 0);
	inet_pton(AF_INET6, own, &at6[0].sin6_addr);
	inet_pton(AF_INET6, peer, &at6[1].sin6_addr);
	inet_pton(AF_INET, own, &at4[0].sin_addr);
	inet_pton(AF_INET, peer, &at4[1].sin_addr);
	assert_int_equal(bind(fd, six ? (void *)&at6[0] : (void *)&at4[0],
			      six ? sizeof(at6[0]) : sizeof(at4[0])), 0);
	assert_int_equal(connect(fd, six ? (void *)&at6[1] : (void *)&at4[1],
				 six ? sizeof(at6[1]) : sizeof(at4[1])), 0);
	return fd;
}

static void native_xdp_leaves_tcp_to_the_program_behind_it(void **state)
{
	struct spec s = begin4;
	struct result r = run(false, &s);

	(void)state;
	assert_int_equal(r.outcome, PASSED);
	for (uint32_t i = 1; i < COUNTER_END; i++)
		assert_int_equal(counter_since(i), 0);
	s.dport = 443;
	assert_int_equal(run(false, &s).outcome, PASSED);
	assert_int_equal(counter_since(COUNTER_packets_passed), 0);
	put_source(s.from, SOURCE_DENIED, 0);
	s.dport = 5060;
	expect(false, &s, DROPPED, REASON_source_denied);
}

static void what_is_no_signalling_passes(void **state)
{
	struct spec s = data4;

	s.dport = 443;
	expect_end(state, &s, PASSED, COUNTER_packets_passed);
	s.sport = 5060;                                         /* a stranger may choose that */
	expect_end(state, &s, PASSED, COUNTER_packets_passed);
	s.tcp_flags = SYN;
	expect_end(state, &s, PASSED, COUNTER_packets_passed);
}

static void connection_without_a_listener_is_held(void **state)
{
	expect_end(state, &begin4, DROPPED, REASON_daemon_down);
	expect_end(state, &data4, DROPPED, REASON_daemon_down);
	bench.control->pass_when_down = 1;
	expect_end(state, &begin4, PASSED, COUNTER_signalling_unread);
	expect_end(state, &data4, PASSED, COUNTER_signalling_unread);
}

static void without_a_daemon_none_begins(void **state)
{
	bench.control->heartbeat_ns = now_ns() - 61ull * 1000000000;
	expect_end(state, &begin4, DROPPED, REASON_daemon_down);
}

static void stray_segment_passes_where_policy_says_and_is_told(void **state)
{
	const struct event *told;

	configure(POLICY "daemon: { tcp_strays: pass }\n");
	expect_end(state, &data4, PASSED, REASON_stream_stray);
	assert_int_equal(counter_since(COUNTER_signalling_unread), 1);
	told = (const void *)drain(bench.skel->maps.events)->bytes;
	assert_int_equal(told->kind, EVENT_REFUSED);
	assert_int_equal(told->reason, REASON_stream_stray);
	assert_int_equal(ntohs(told->key.destination_port), 5060);
}

/* The other end shall learn of it; RFC 9293 3.5.3 reads no data of a reset, some do. */
static void bare_reset_passes(void **state)
{
	struct spec s = data4;

	s.tcp_flags = RST | ACK;
	expect_end(state, &s, DROPPED, REASON_stream_stray);
	s.payload_bytes = 0;
	expect_end(state, &s, PASSED, COUNTER_signalling_unread);
}

static void connection_from_an_address_of_another_zone_is_refused(void **state)
{
	struct spec s = begin4;

	s.from = "10.77.2.9";
	expect_end(state, &s, DROPPED, REASON_stream_wrong_zone);
	s.from = "192.0.2.1";
	expect_end(state, &s, DROPPED, REASON_stream_wrong_zone);
}

static void service_is_read_over_its_transports_alone(void **state)
{
	struct spec udp = begin4;

	configure(POLICY "ports: { sip: [5060/udp] }\n");
	bench.control->pass_when_down = 1;
	expect_end(state, &begin4, DROPPED, REASON_transport_unread);
	configure(POLICY "ports: { sip: [5060/tcp] }\n");
	udp.protocol = IPPROTO_UDP;
	udp.payload = "OPTIONS";
	udp.payload_bytes = 7;
	expect(true, &udp, DROPPED, REASON_transport_unread);
	expect_end(state, &begin4, DROPPED, REASON_daemon_down);
}

static void mgcp_has_no_tcp(void **state)
{
	struct spec s = begin4;

	s.dport = 2427;
	expect_end(state, &s, DROPPED, REASON_transport_unread);
}

static void service_of_the_host_itself_is_not_read_over_tcp(void **state)
{
	struct spec s = begin4;

	s.to = "10.77.2.1";
	expect_end(state, &s, DROPPED, REASON_transport_unread);
}

static void segment_of_a_connection_goes_to_its_socket(void **state)
{
	int four = socket_between("10.77.2.2", 5060, "10.77.1.2", 5070);
	int six = socket_between("fd77:2::2", 5060, "fd77:1::2", 5070);

	expect_steered(state, &data4);
	expect_steered(state, &data6);
	/* Whoever lives: what is under way ends in order. */
	bench.control->heartbeat_ns = now_ns() - 61ull * 1000000000;
	expect_steered(state, &data4);
	put_source(data4.from, SOURCE_DENIED, 0);
	expect_end(state, &data4, DROPPED, REASON_source_denied);
	close(four);
	close(six);
}

/* From the far end, whose port is a service to those of the sender's own zone. */
static void answer_goes_to_its_socket(void **state)
{
	int fd = socket_between("10.77.2.2", 40000, "10.77.1.2", 5060);
	struct spec s = data4;

	s.sport = 5060;
	s.dport = 40000;
	expect_steered(state, &s);
	close(fd);
}

static void answer_from_another_port_is_asked_for_where_there_are_such(void **state)
{
	int fd = socket_between("10.77.2.2", 40000, "10.77.1.2", 5099);
	struct spec s = data4;

	s.sport = 5099;
	s.dport = 40000;
	expect_end(state, &s, PASSED, COUNTER_packets_passed);
	kernel_streams_elsewhere(&bench.kernel, 1);
	expect_steered(state, &s);
	kernel_streams_elsewhere(&bench.kernel, 0);
	close(fd);
}

static void connection_may_begin_at_a_door(void **state)
{
	const struct permit door = { .slot = 2, .flags = PERMIT_SIGNALLING, .speaks = SIP_NUMBER,
				     .zone_out = OUTSIDE };
	struct permit old = door;
	struct spec s = begin4;

	s.dport = 5099;
	put_pinhole(&s, OPEN_HOST, &door);
	expect_end(state, &s, DROPPED, REASON_daemon_down);
	s.tcp_flags = ACK;
	expect_end(state, &s, PASSED, COUNTER_packets_passed);
	old.expires_ns = 1;
	s.tcp_flags = SYN;
	put_pinhole(&s, OPEN_HOST, &old);
	expect_end(state, &s, DROPPED, REASON_media_expired);
}

static void beginning_counts_and_segments_do_not(void **state)
{
	configure(ZONES "limits: { unknown_rate: 2 }\n");
	expect_end(state, &begin4, DROPPED, REASON_daemon_down);
	for (int i = 0; i < 5; i++)
		expect_end(state, &data4, DROPPED, REASON_daemon_down);
	expect_end(state, &begin4, DROPPED, REASON_daemon_down);
	expect_end(state, &begin4, DROPPED, REASON_source_rate);
}

static void segment_in_pieces_is_refused(void **state)
{
	struct spec s = data4;

	s.fragment = 0x2000;
	expect_end(state, &s, DROPPED, REASON_packet_fragment);
	s.fragment = 0;
	s.payload_bytes = 0;
	s.ip_length = -8;                                       /* RFC 1858 3: no flags */
	expect_end(state, &s, DROPPED, REASON_packet_truncated);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(native_xdp_leaves_tcp_to_the_program_behind_it, reset),
		cmocka_unit_test_setup(what_is_no_signalling_passes, reset),
		cmocka_unit_test_setup(connection_without_a_listener_is_held, reset),
		cmocka_unit_test_setup(without_a_daemon_none_begins, reset),
		cmocka_unit_test_setup(stray_segment_passes_where_policy_says_and_is_told, reset),
		cmocka_unit_test_setup(bare_reset_passes, reset),
		cmocka_unit_test_setup(connection_from_an_address_of_another_zone_is_refused, reset),
		cmocka_unit_test_setup(service_is_read_over_its_transports_alone, reset),
		cmocka_unit_test_setup(mgcp_has_no_tcp, reset),
		cmocka_unit_test_setup(service_of_the_host_itself_is_not_read_over_tcp, reset),
		cmocka_unit_test_setup(segment_of_a_connection_goes_to_its_socket, reset),
		cmocka_unit_test_setup(answer_goes_to_its_socket, reset),
		cmocka_unit_test_setup(answer_from_another_port_is_asked_for_where_there_are_such, reset),
		cmocka_unit_test_setup(connection_may_begin_at_a_door, reset),
		cmocka_unit_test_setup(beginning_counts_and_segments_do_not, reset),
		cmocka_unit_test_setup(segment_in_pieces_is_refused, reset),
	};

	return cmocka_run_group_tests(tests, bench_open, bench_close);
}
