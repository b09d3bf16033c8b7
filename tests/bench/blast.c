// SPDX-License-Identifier: MIT
/* Sends RTP out of a veth at what XDP costs, by BPF_PROG_TEST_RUN with live frames, and counts what
 * arrives behind the gateway. It knows one path, phone to PBX; what stands between is the caller's.
 *
 *   blast PHONE_NETNS DEVICE ADDRESS NEXT_MAC  PBX_NETNS DEVICE ADDRESS NEXT_MAC  [PINS]
 *
 * then takes lines, and answers each with one of JSON:
 *   open FLOWS           known flows, as the daemon would open them, into its pinned maps
 *   translate FLOWS      likewise, hidden behind the next hop of the PBX
 *   send FLOWS COUNT     phone to PBX
 *   answer FLOWS COUNT   PBX to phone */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <ringfence/flow.h>
#include <ringfence/nat.h>
#include <ringfence/reason.h>

#include "bench/blast.h"
#include "bench/blast.skel.h"
#include "io/near.h"

#define BATCH 64                /* of live frames: what one NAPI poll takes                     */
#define FRAME_BYTES (BLAST_HEAD_BYTES + BLAST_PAYLOAD_BYTES)
#define SETTLE_NS 20000000      /* nothing arrived for so long: nothing will                    */
#define SECOND_NS 1000000000ull
#define PCMA 8                  /* RFC 3551 6                                                   */
#define MOST_CPUS 512
#define PHONES_ZONE 1           /* world.py: the first zone of its configuration                */
#define PBXES_ZONE 2
#define GATEWAY_HOST 1          /* scripts/netns: the gateway is .1 in each network             */

struct end {
	int netns;
	const char *device;
	unsigned int interface;
	struct in_addr address;
	uint8_t mac[6], next_mac[6];
	struct bpf_link *sink;
};

static struct blast_bpf *skel;
static struct end phone, pbx;
static struct kernel_maps pins;
static int cpus;

static void die(const char *what)
{
	fprintf(stderr, "blast: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void read_mac(const char *text, uint8_t ret[6])
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &ret[0], &ret[1], &ret[2], &ret[3],
		   &ret[4], &ret[5]) != 6) {
		errno = EINVAL;
		die(text);
	}
}

static void end_open(struct end *end, char **arguments)
{
	end->netns = open(arguments[0], O_RDONLY | O_CLOEXEC);
	if (end->netns < 0 || setns(end->netns, CLONE_NEWNET))
		die(arguments[0]);
	end->device = arguments[1];
	end->interface = if_nametoindex(end->device);
	if (!end->interface || inet_pton(AF_INET, arguments[2], &end->address) != 1)
		die(end->device);
	read_mac(arguments[3], end->next_mac);
	end->sink = bpf_program__attach_xdp(skel->progs.blast_sink, (int)end->interface);
	if (!end->sink)
		die("the sink");
}

static void pins_open(const char *directory)
{
	const struct { const char *name; int *fd; } all[] = {
		{ "flows", &pins.flows }, { "activity", &pins.activity },
		{ "counters", &pins.counters }, { "near_index", &pins.near_index },
		{ "near_flows", &pins.near_flows }, { "near_shape", &pins.near_shape },
		{ "translations", &pins.translations },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/maps/%s", directory, all[i].name);
		*all[i].fd = bpf_obj_get(path);
		if (*all[i].fd < 0)
			die(path);
	}
}

static void read_cpus(int map, uint32_t key, uint64_t ret_values[MOST_CPUS])
{
	memset(ret_values, 0, MOST_CPUS * sizeof(*ret_values));
	if (map >= 0 && bpf_map_lookup_elem(map, &key, ret_values))
		die("a counter");
}

static uint64_t sum_cpus(int map, uint32_t key)
{
	uint64_t values[MOST_CPUS], sum = 0;

	read_cpus(map, key, values);
	for (int i = 0; i < cpus; i++)
		sum += values[i];
	return sum;
}

static uint64_t arrived(void)
{
	return sum_cpus(bpf_map__fd(skel->maps.arrived), 0);
}

/* Where another CPU happens to poll one of the veths, it does the work beside ours: such a round's
 * time is not what its packets cost. */
static uint64_t arrived_elsewhere(void)
{
	uint64_t values[MOST_CPUS];

	read_cpus(bpf_map__fd(skel->maps.arrived), 0, values);
	return arrived() - values[sched_getcpu()];
}

static uint32_t add_words(const uint8_t *bytes, size_t count)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < count; i += 2) {
		uint16_t word;

		memcpy(&word, bytes + i, 2);
		sum += word;
	}
	return sum;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Ports, checksums and what changes from packet to packet stay zero: the program adds them. The
 * payload is zeros, so the sums hold for it too. */
static void plan_head(struct blast_plan *plan, const struct end *from, const struct end *to)
{
	const uint16_t udp_bytes = 8 + 12 + BLAST_PAYLOAD_BYTES;
	uint8_t *eth = plan->head, *ip = eth + 14, *udp = ip + 20, *rtp = udp + 8;

	memset(plan->head, 0, sizeof(plan->head));
	memcpy(eth, from->next_mac, 6);
	eth[6] = 2;                     /* a local address: nobody answers it                   */
	put16(eth + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, (uint16_t)(20 + udp_bytes));
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, &from->address, 4);
	memcpy(ip + 16, &to->address, 4);
	put16(udp + 4, udp_bytes);
	rtp[0] = 0x80;                  /* RFC 3550 5.1: version 2 */
	rtp[1] = PCMA;
	plan->ip_sum = add_words(ip, 20);
	/* RFC 768: the pseudo-header has both addresses, the protocol and the length again. */
	plan->udp_sum = add_words(ip + 12, 8) + htons(IPPROTO_UDP) + htons(udp_bytes) +
			add_words(udp, 20);
}

/* A shuffle that is the same in every run and for every set-up. */
static void plan_order(uint32_t *order, uint32_t flows)
{
	uint64_t random = 1;

	for (uint32_t i = 0; i < flows; i++)
		order[i] = i;
	for (uint32_t i = flows - 1; i > 0; i--) {
		uint32_t other, held = order[i];

		random = random * 6364136223846793005u + 1442695040888963407u;
		other = (uint32_t)((random >> 33) % (i + 1));
		order[i] = order[other];
		order[other] = held;
	}
}

static void run_frames(uint32_t count)
{
	static uint8_t frame[FRAME_BYTES];
	struct xdp_md ctx = { .data_end = sizeof(frame) };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = (int)count,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.blast_send), &opts))
		die("live frames (BPF_PROG_TEST_RUN, Linux 5.18)");
}

/* What the program did not send on by itself. */
static uint64_t passed_up(void)
{
	return sum_cpus(pins.counters, COUNTER_media_by_stack) +
	       sum_cpus(pins.counters, COUNTER_media_handed_up);
}

/* Everything from the sender to the sink runs on this CPU, so that the time is all that it cost.
 * What is still on its way when the call returns arrives after the clock was read. */
static void send_round(const struct end *from, const struct end *to, uint32_t flows, uint32_t count)
{
	struct blast_plan *plan = &skel->bss->plan;
	uint64_t before = arrived(), elsewhere = arrived_elsewhere(), after, seen, ns;
	uint64_t carried = sum_cpus(pins.counters, COUNTER_media_forwarded);
	uint64_t stack = passed_up();

	if (setns(from->netns, CLONE_NEWNET))
		die("setns");
	if (plan->flows != flows) {
		plan->place = 0;
		plan_order(skel->bss->order, flows);
	}
	plan_head(plan, from, to);
	plan->interface = from->interface;
	plan->phone_receives = to == &phone;
	plan->flows = flows;
	ns = now_ns();
	run_frames(count);
	ns = now_ns() - ns;
	after = arrived();
	do {
		seen = after;
		nanosleep(&(struct timespec){ .tv_nsec = SETTLE_NS }, NULL);
		after = arrived();
	} while (after != seen);
	printf("{\"sent\": %u, \"delivered\": %lu, \"elsewhere\": %lu, \"ns\": %lu, "
	       "\"fast_path\": %lu, \"by_stack\": %lu}\n", count, after - before,
	       arrived_elsewhere() - elsewhere, ns,
	       sum_cpus(pins.counters, COUNTER_media_forwarded) - carried,
	       passed_up() - stack);
}

static struct address mapped(struct in_addr ipv4)
{
	struct address address = { .bytes = { [10] = 0xff, [11] = 0xff } };

	memcpy(&address.bytes[12], &ipv4, 4);
	return address;
}

/* As masquerading would: the gateway's own address beside the PBX, the same port. */
static void hide(const struct flow_key *key, struct permit *permit)
{
	struct translation hidden = { .source_port = key->source_port };

	hidden.source = key->destination;
	hidden.source.bytes[15] = GATEWAY_HOST;
	permit->flags |= PERMIT_TRANSLATED;
	if (bpf_map_update_elem(pins.translations, &permit->slot, &hidden, BPF_ANY))
		die("a translation");
}

/* Slots are taken from the table's end, where the daemon's own never are. */
static void open_flows(uint32_t flows, bool hidden)
{
	struct near *near = near_new(&pins, 0);
	struct bpf_map_info info = {};
	uint32_t bytes = sizeof(info);

	if (!near || bpf_obj_get_info_by_fd(pins.activity, &info, &bytes))
		die("flows");
	for (uint32_t n = 0; n < flows; n++) {
		struct permit permit = { .slot = info.max_entries - 1 - n, .flags = PERMIT_RTP,
					 .payload_types = { 1u << PCMA }, .clock_hz = 8000,
					 .zone_out = PBXES_ZONE };
		struct flow_key key = { .zone = PHONES_ZONE, .protocol = IPPROTO_UDP,
					.family = FAMILY_IPV4 };

		key.source = mapped(phone.address);
		key.source.bytes[15] = (uint8_t)(key.source.bytes[15] + (n >> BLAST_PORT_BITS));
		key.destination = mapped(pbx.address);
		key.source_port = htons((uint16_t)(BLAST_FIRST_PORT +
						   (n & ((1 << BLAST_PORT_BITS) - 1))));
		key.destination_port = key.source_port;
		if (hidden)
			hide(&key, &permit);
		near_changing(near, &key, 0);
		if (bpf_map_update_elem(pins.flows, &key, &permit, BPF_ANY))
			die("a flow");
	}
	near_sweep(near, SECOND_NS);
	near_free(near);
	printf("{\"opened\": %u}\n", flows);
}

static void serve(void)
{
	unsigned int flows, count;
	char line[80], verb[16];

	while (fgets(line, sizeof(line), stdin)) {
		int words = sscanf(line, "%15s %u %u", verb, &flows, &count);

		if (words < 2 || !flows || flows > BLAST_FLOWS)
			exit(2);
		if (!strcmp(verb, "open") && pins.flows >= 0)
			open_flows(flows, false);
		else if (!strcmp(verb, "translate") && pins.flows >= 0)
			open_flows(flows, true);
		else if (!strcmp(verb, "send") && words == 3)
			send_round(&phone, &pbx, flows, count);
		else if (!strcmp(verb, "answer") && words == 3)
			send_round(&pbx, &phone, flows, count);
		else
			exit(2);
		fflush(stdout);
	}
}

/* The last CPU that we may use, for every set-up alike, and nobody else's while a round lasts: what
 * other programs take there would be counted as the gateway's. */
static void stay_on_one_cpu(void)
{
	struct sched_param first = { .sched_priority = 1 };
	cpu_set_t all, one;
	int cpu = CPU_SETSIZE - 1;

	if (sched_getaffinity(0, sizeof(all), &all))
		die("CPUs");
	while (cpu > 0 && !CPU_ISSET(cpu, &all))
		cpu--;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) || sched_setscheduler(0, SCHED_FIFO, &first))
		die("CPUs");
}

int main(int argc, char **argv)
{
	if (argc != 9 && argc != 10) {
		fprintf(stderr, "use: blast NETNS DEVICE ADDRESS MAC NETNS DEVICE ADDRESS MAC [PINS]\n");
		return 2;
	}
	memset(&pins, 0xff, sizeof(pins));      /* every descriptor -1 */
	cpus = libbpf_num_possible_cpus();
	if (cpus < 1 || cpus > MOST_CPUS)
		die("CPUs");
	stay_on_one_cpu();
	skel = blast_bpf__open_and_load();
	if (!skel)
		die("its programs (as root)");
	end_open(&phone, argv + 1);
	end_open(&pbx, argv + 5);
	if (argc == 10)
		pins_open(argv[9]);
	serve();
	bpf_link__destroy(phone.sink);
	bpf_link__destroy(pbx.sink);
	blast_bpf__destroy(skel);
	return 0;
}
