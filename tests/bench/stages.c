/* SPDX-License-Identifier: MIT */
/* What a packet costs in the fast path's program, ns, by BPF_PROG_TEST_RUN: no driver, no wire.
 * "warm" repeats one packet; "cold" takes a random flow of N a run and subtracts what a frame that
 * is not IP costs in the same way, so it holds the cache misses and the noise of single runs. */
#include "../bpf/harness.h"

#include "io/near.h"

#define WARM_REPEAT 200         /* below 255: each run of a forwarded packet takes one of its TTL */
#define WARM_CALLS 1000
#define COLD_CALLS 20000

static const uint8_t rtp[172] = { 0x80 };
static const struct spec media = {
	.from = "10.77.1.2", .to = "10.77.2.2", .sport = 4000, .dport = 12000, .ttl = 255,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};
static const struct spec strange = {
	.from = "10.77.1.2", .to = "10.77.2.2", .ethertype = 0x88cc,
	.payload = rtp, .payload_bytes = sizeof(rtp),
};
static bool json;
static uint32_t forwarded;      /* runs whose last packet was sent on by the program itself */

static uint32_t run_once(bool tc, const uint8_t *frame, size_t bytes, uint32_t repeat)
{
	struct xdp_md xdp = { .data_end = (uint32_t)bytes, .ingress_ifindex = bench.in };
	struct __sk_buff skb = { .ifindex = bench.in };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)bytes,
		    .ctx_in = tc ? (void *)&skb : (void *)&xdp,
		    .ctx_size_in = tc ? sizeof(skb) : sizeof(xdp), .repeat = (int)repeat);

	if (bpf_prog_test_run_opts(bpf_program__fd(tc ? bench.skel->progs.gateway_tc :
							bench.skel->progs.gateway_ingress), &opts))
		return 0;
	forwarded += opts.retval == (tc ? (uint32_t)TC_ACT_REDIRECT : (uint32_t)XDP_REDIRECT);
	return opts.duration;
}

static int by_value(const void *a, const void *b)
{
	return *(const uint32_t *)a < *(const uint32_t *)b ? -1 :
	       *(const uint32_t *)a > *(const uint32_t *)b;
}

/* Flow number n: the source address and port of the ordinary packet, varied. */
static void choose_flow(uint8_t *frame, uint32_t n)
{
	frame[14 + 14] = (uint8_t)(n >> 14);
	put16(frame + 34, 4000 + (n & 0x3fff));
	put16(frame + 14 + 10, 0);
	put16(frame + 14 + 10, sum_of(frame + 14, 20));
}

static uint32_t warm(bool tc, const struct spec *s, bool flow)
{
	static uint32_t times[WARM_CALLS];
	uint8_t frame[PACKET_ROOM];
	size_t bytes = build(frame, s);

	if (flow)
		choose_flow(frame, 0);
	for (int i = 0; i < WARM_CALLS; i++)
		times[i] = run_once(tc, frame, bytes, WARM_REPEAT);
	qsort(times, WARM_CALLS, sizeof(times[0]), by_value);
	return times[WARM_CALLS / 2];
}

/* Of known flows, only what was forwarded counts: the first packet of a second goes by the stack. */
static uint32_t cold(bool tc, const struct spec *s, uint32_t flows)
{
	static uint32_t times[COLD_CALLS];
	uint32_t random = 1, count = 0;
	uint8_t frame[PACKET_ROOM];
	size_t bytes = build(frame, s);

	forwarded = 0;
	for (int i = 0; i < COLD_CALLS; i++) {
		uint32_t before = forwarded, ns;

		random = random * 1664525 + 1013904223;
		if (flows)
			choose_flow(frame, (random >> 8) % flows);
		ns = run_once(tc, frame, bytes, 1);
		if (!flows || forwarded > before)
			times[count++] = ns;
	}
	qsort(times, count, sizeof(times[0]), by_value);
	return times[count / 2];
}

static void open_flows(uint32_t flows)
{
	struct permit permit = { .flags = PERMIT_RTP, .payload_types = { 1 },
				 .zone_out = OUTSIDE };
	const struct kernel_maps fds = { .flows = bpf_map__fd(bench.skel->maps.flows),
					 .near_index = bpf_map__fd(bench.skel->maps.near_index),
					 .near_shape = bpf_map__fd(bench.skel->maps.near_shape),
					 .near_flows = bpf_map__fd(bench.skel->maps.near_flows) };
	struct near *near = near_new(&fds, 0);
	uint8_t frame[PACKET_ROOM];

	build(frame, &media);
	for (uint32_t n = 0; n < flows; n++) {
		struct flow_key key = key_of(&media);

		choose_flow(frame, n);
		memcpy(&key.source.bytes[12], frame + 14 + 12, 4);
		memcpy(&key.source_port, frame + 34, 2);
		permit.slot = n;
		near_changing(near, &key, 0);
		map_put(bench.skel->maps.flows, &key, &permit);
	}
	near_sweep(near, 1000000000);
	near_free(near);
}

/* Next hops live for a second: on an idle machine all are fresh when it counts. */
static void visit_flows(bool tc, uint32_t flows)
{
	uint8_t frame[PACKET_ROOM];
	size_t bytes = build(frame, &media);

	for (uint32_t n = 0; n < flows; n++) {
		choose_flow(frame, n);
		run_once(tc, frame, bytes, 2);  /* the first of a second goes by the stack */
	}
	forwarded = 0;
}

/* A figure of the wrong path is worse than none. */
static void must_be_forwarded(uint32_t calls)
{
	if (forwarded >= calls / 2)
		return;
	fprintf(stderr, "stages: known flows: %u of %u runs were forwarded\n", forwarded, calls);
	exit(1);
}

static void show(bool tc, const char *what, const char *how, uint32_t ns)
{
	const char *program = tc ? "tc" : "xdp";

	if (json)
		printf("{\"program\": \"%s\", \"stage\": \"%s\", \"cache\": \"%s\", \"ns\": %u}\n",
		       program, what, how, ns);
	else
		printf("%-4s %-28s %-5s %6u ns\n", program, what, how, ns);
}

/* As after the daemon's start, and long before anything was opened. */
static void begin(void)
{
	reset(NULL);
	put_zone(true);
	memset(bench.near_index, 0, sizeof(*bench.near_index) << LIMIT_NEAR_BITS);
}

static void measure(bool tc)
{
	static const uint32_t sizes[] = { 1, 1000, 100000 };
	struct permit any = { .slot = LIMIT_FLOWS, .flags = PERMIT_RTP, .payload_types = { 1 } };
	uint32_t base;
	char what[40];

	begin();
	show(tc, "not IP", "warm", warm(tc, &strange, false));
	show(tc, "media, dropped", "warm", warm(tc, &media, false));
	put_pinhole(&media, OPEN_HOST, &any);
	show(tc, "media, by pinhole", "warm", warm(tc, &media, false));
	base = cold(tc, &strange, 0);
	for (size_t i = 0; i < 3; i++) {
		begin();
		open_flows(sizes[i]);
		visit_flows(tc, sizes[i]);
		snprintf(what, sizeof(what), "known flow of %u", sizes[i]);
		if (sizes[i] == 1) {
			show(tc, what, "warm", warm(tc, &media, true));
			must_be_forwarded(WARM_CALLS);
		}
		uint32_t ns = cold(tc, &media, sizes[i]);

		must_be_forwarded(COLD_CALLS / 100);
		show(tc, what, "cold", ns > base ? ns - base : 0);
	}
}

int main(int argc, char **argv)
{
	json = argc > 1 && !strcmp(argv[1], "--json");
	if (bench_open(NULL)) {
		fprintf(stderr, "stages: the programs could not be loaded (root is needed)\n");
		return 1;
	}
	measure(false);
	measure(true);
	return bench_close(NULL);
}
