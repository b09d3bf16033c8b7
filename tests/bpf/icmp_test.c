/* SPDX-License-Identifier: MIT */
/* ICMP errors about media that left translated go on to its sender, in the addresses that it knows. What
 * must come out is built whole, sums and all, and compared. */
#include "nat.h"

/* What we sent to the phone, and what the PBX had sent to us for it. */
static const struct spec sent4 = {
	.from = "10.77.1.1", .to = "10.77.1.2", .sport = 20002, .dport = 4000,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};
static const struct spec came4 = {
	.from = "10.77.2.2", .to = "10.77.2.1", .sport = 12000, .dport = 30004,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};
static const struct spec sent6 = {
	.from = "fd77:1::1", .to = "fd77:1::2", .sport = 20002, .dport = 4000,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};
static const struct spec came6 = {
	.from = "fd77:2::2", .to = "fd77:2::1", .sport = 12000, .dport = 30004,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};

/* An error from one host to another that quotes so many bytes of a packet (0: all of it). */
struct error {
	const char *from, *to;
	uint8_t type, ttl;
	const struct spec *quoted;
	size_t quotes;
	bool unsummed;                  /* the quoted datagram has no UDP sum */
};

static size_t build_error(uint8_t *frame, const struct error *e)
{
	bool six = strchr(e->from, ':');
	uint8_t quoted[PACKET_ROOM], icmp[PACKET_ROOM] = { e->type, 0 };
	size_t bytes = e->unsummed ? build(quoted, e->quoted) : build_summed(quoted, e->quoted);
	size_t quotes = e->quotes ? e->quotes : bytes - IP;
	const struct spec outer = { .from = e->from, .to = e->to, .ttl = e->ttl,
				    .protocol = six ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
				    .payload = icmp + 8, .payload_bytes = quotes };
	uint8_t *at = frame + IP + (six ? 40 : 20);

	memcpy(icmp + 8, quoted + IP, quotes);
	bytes = build(frame, &outer);
	memcpy(at, icmp, 8);            /* where build() puts a UDP header */
	put16(at + 2, six ? pseudo_sum(frame, bytes, true, IPPROTO_ICMPV6) :
			    sum_of(at, 8 + quotes + (quotes & 1)));
	return bytes;
}

/* The flow of the phone's packets, by which ours to it are known. */
static void open_other(const struct spec *in, const struct spec *out)
{
	put_flow(in, &translated);
	put_translation(in, out);
}

static void expect_returned(const struct error *came, const struct error *goes)
{
	uint8_t frame[PACKET_ROOM], wanted[PACKET_ROOM];
	struct result result = run_behind(frame, build_error(frame, came));

	assert_int_equal(result.outcome, FORWARDED);
	assert_int_equal(counter_since(COUNTER_errors_returned), 1);
	assert_int_equal(result.length, build_error(wanted, goes));
	assert_memory_equal(result.bytes + 12, wanted + 12, result.length - 12);
}

static void expect_left_to_the_host(const struct error *e)
{
	uint8_t frame[PACKET_ROOM];
	size_t bytes = build_error(frame, e);
	struct result result = run_behind(frame, bytes);

	assert_int_equal(result.outcome, PASSED);
	assert_int_equal(result.length, bytes);
	assert_memory_equal(result.bytes, frame, bytes);
	assert_int_equal(counter_since(COUNTER_errors_returned), 0);
}

/* RFC 792: destination unreachable, time exceeded, parameter problem */
static void error_about_translated_media_goes_on_to_its_sender(void **state)
{
	static const uint8_t types[] = { 3, 11, 12 };

	(void)state;
	open_other(&media4_in, &relayed4);
	for (size_t i = 0; i < sizeof(types); i++)
		expect_returned(
			&(struct error){ "10.77.1.2", "10.77.1.1", types[i], 64, &sent4, 0, false },
			&(struct error){ "10.77.2.1", "10.77.2.2", types[i], 63, &came4, 0, false });
}

/* RFC 4443 2.1: also packet too big, without which nobody learns the path's MTU */
static void error_in_ipv6_goes_on_to_its_sender(void **state)
{
	(void)state;
	open_other(&media6_in, &relayed6);
	for (uint8_t type = 1; type <= 4; type++)
		expect_returned(
			&(struct error){ "fd77:1::2", "fd77:1::1", type, 64, &sent6, 0, false },
			&(struct error){ "fd77:2::1", "fd77:2::2", type, 63, &came6, 0, false });
}

/* RFC 792: the header and 64 bits are enough. */
static void error_that_quotes_eight_bytes_goes_on(void **state)
{
	(void)state;
	open_other(&media4_in, &relayed4);
	expect_returned(&(struct error){ "10.77.1.2", "10.77.1.1", 3, 64, &sent4, 28, false },
			&(struct error){ "10.77.2.1", "10.77.2.2", 3, 63, &came4, 28, false });
}

static void absent_sum_of_the_quoted_datagram_stays_absent(void **state)
{
	(void)state;
	open_other(&media4_in, &relayed4);
	expect_returned(&(struct error){ "10.77.1.2", "10.77.1.1", 3, 64, &sent4, 0, true },
			&(struct error){ "10.77.2.1", "10.77.2.2", 3, 63, &came4, 0, true });
}

/* A router between has nothing to hide from who sees the phone itself. */
static void router_is_named_where_the_other_side_is_not_hidden(void **state)
{
	struct spec out = relayed4, came = came4;

	(void)state;
	out.from = "10.77.1.2";
	out.sport = 4000;
	came.to = "10.77.1.2";
	came.dport = 4000;
	open_other(&media4_in, &out);
	expect_returned(&(struct error){ "10.77.1.99", "10.77.1.1", 11, 64, &sent4, 0, false },
			&(struct error){ "10.77.1.99", "10.77.2.2", 11, 63, &came, 0, false });
}

static void error_is_returned_by_a_pinhole_too(void **state)
{
	(void)state;
	put_pinhole(&media4_in, OPEN_PORT, &translated);
	put_translation(&media4_in, &relayed4);
	expect_returned(&(struct error){ "10.77.1.2", "10.77.1.1", 3, 64, &sent4, 0, false },
			&(struct error){ "10.77.2.1", "10.77.2.2", 3, 63, &came4, 0, false });
}

/* RFC 5508 4.2: whoever does not quote what we sent says nothing that we pass on. */
static void other_errors_are_the_hosts(void **state)
{
	const struct error good = { "10.77.1.2", "10.77.1.1", 3, 64, &sent4, 0, false };
	struct spec other = sent4;
	struct error e = good;

	(void)state;
	expect_left_to_the_host(&good);          /* nothing is open */
	open_other(&media4_in, &relayed4);
	e.type = 8;                              /* echo: no error */
	expect_left_to_the_host(&e);
	e = good;
	e.to = "10.77.2.1";                      /* not whom the quoted packet is from */
	expect_left_to_the_host(&e);
	e = good;
	e.quotes = 27;
	expect_left_to_the_host(&e);
	e = good;
	e.ttl = 1;
	expect_left_to_the_host(&e);
	e = good;
	other.sport++;
	e.quoted = &other;
	expect_left_to_the_host(&e);
	other = sent4;
	other.options = 1;                       /* no packet of ours */
	expect_left_to_the_host(&e);
	reset(NULL);
	put_flow(&media4_in, &audio);            /* not translated */
	expect_left_to_the_host(&good);
}

int main(void)
{
#define TEST(name) { #name, name, reset, NULL, (void *)&modes[0] }
	const struct CMUnitTest tests[] = {
		TEST(error_about_translated_media_goes_on_to_its_sender),
		TEST(error_in_ipv6_goes_on_to_its_sender),
		TEST(error_that_quotes_eight_bytes_goes_on),
		TEST(absent_sum_of_the_quoted_datagram_stays_absent),
		TEST(router_is_named_where_the_other_side_is_not_hidden),
		TEST(error_is_returned_by_a_pinhole_too),
		TEST(other_errors_are_the_hosts),
	};

	return cmocka_run_group_tests(tests, bench_open, bench_close);
}
