/* SPDX-License-Identifier: MIT */
/* Runs one packet through both programs of the fast path with BPF_PROG_TEST_RUN, in a network
 * namespace of its own with two veth pairs, routes and neighbours, so that forwarding is real. What
 * a policy says comes into the maps by the daemon's own code (kernel_configure); permits, and what
 * attaching would write, by hand. It builds packets and reads counters, and judges nothing itself. */
#ifndef RINGFENCE_TESTS_BPF_HARNESS_H
#define RINGFENCE_TESTS_BPF_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <ringfence/flow.h>
#include <ringfence/nat.h>
#include <ringfence/near.h>
#include <ringfence/punt.h>
#include <ringfence/reason.h>

#include "gateway.skel.h"
#include "io/kernel_own.h"
#include "policy/load.h"

#define PACKET_ROOM 16384
#define INSIDE 1                        /* zones are numbered in the order of the file */
#define OUTSIDE 2
#define SIP_NUMBER 1
#define NEAR_BITS 5
#define SERVER "10.77.1.7"

#define ZONES                                                                                      \
	"zones:\n"                                                                                 \
	"  inside: { networks: [10.77.1.0/24, \"fd77:1::/64\"] }\n"                               \
	"  outside: { networks: [10.77.2.0/24, 10.77.9.0/24, \"fd77:2::/64\"],\n"                 \
	"             media_ports: 10000-20000, services: [dns] }\n"                               \
	"servers:\n"                                                                               \
	"  pbx: { addresses: [" SERVER "], zone: inside, speaks: [sip], part: proxy }\n"
/* No rate, so that a test may send as much as it likes. */
#define POLICY ZONES "limits: { unknown_rate: 0 }\n"

enum outcome { PASSED, DROPPED, FORWARDED, STRANGE };

/* near: flows and the zone of the interface are where they are looked for first, and not in their tables. */
struct mode {
	const char *name;
	bool tc, near;
};

struct bench {
	struct gateway_bpf *skel;
	struct kernel kernel;           /* the skeleton's maps, unpinned */
	struct activity *activity;
	struct translation *translations;
	struct control *control;
	struct near_set *near_index;
	struct near_shape *near_shape;
	struct near_flow *near_flows;
	uint32_t near_used[64], near_count;
	bool near;
	int cpus;
	unsigned int in, out, big;      /* big: a large MTU, and no program until a test */
	uint8_t out_mac[6];
};

/* One packet, as words; zero is the ordinary. */
struct spec {
	const char *from, *to;          /* textual; a colon makes it IPv6                       */
	uint16_t sport, dport;
	uint8_t protocol;               /* 0: UDP                                               */
	uint8_t ttl;                    /* 0: 64                                                */
	uint8_t tags;                   /* 802.1Q tags in the frame                             */
	uint16_t vlan;                  /* identifier of all of them                            */
	uint8_t options;                /* IPv4: words of options; IPv6: destination options    */
	uint8_t tcp_flags;
	uint8_t option_type;            /* IPv6: header type of them, 0: destination options    */
	uint16_t fragment;              /* the field's raw host-order value                     */
	uint16_t ethertype;             /* overrides                                            */
	int udp_length;                 /* added to the true one                                */
	int ip_length;                  /* added to the true one                                */
	const void *payload;
	size_t payload_bytes;
};

struct result {
	enum outcome outcome;
	uint8_t bytes[PACKET_ROOM];
	size_t length;
};

static struct bench bench;
static uint64_t counted[COUNTER_END];

/* The clock of the programs. */
static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static inline void *put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

/* RFC 1071, over the bytes as they stand. */
static inline uint16_t sum_of(const uint8_t *bytes, size_t count)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < count; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static inline struct address address_of(const char *text)
{
	struct address a = { .bytes = { [10] = 0xff, [11] = 0xff } };

	if (strchr(text, ':'))
		assert_int_equal(inet_pton(AF_INET6, text, a.bytes), 1);
	else
		assert_int_equal(inet_pton(AF_INET, text, &a.bytes[12]), 1);
	return a;
}

static inline uint8_t *build_ipv4(uint8_t *at, const struct spec *s, size_t l4_bytes)
{
	struct address from = address_of(s->from), to = address_of(s->to);
	size_t header = 20 + s->options * 4u;

	memset(at, 0, header);
	at[0] = (uint8_t)(0x40 | header / 4);
	put16(at + 2, (unsigned int)((int)(header + l4_bytes) + s->ip_length));
	put16(at + 6, s->fragment);
	at[8] = s->ttl ? s->ttl : 64;
	at[9] = s->protocol ? s->protocol : IPPROTO_UDP;
	memcpy(at + 12, from.bytes + 12, 4);
	memcpy(at + 16, to.bytes + 12, 4);
	memset(at + 20, 1, s->options * 4u);                    /* RFC 791: no operation */
	put16(at + 10, sum_of(at, header));
	return at + header;
}

static inline uint8_t *build_ipv6(uint8_t *at, const struct spec *s, size_t l4_bytes)
{
	struct address from = address_of(s->from), to = address_of(s->to);
	uint8_t protocol = s->protocol ? s->protocol : IPPROTO_UDP;
	uint8_t type = s->option_type ? s->option_type : IPPROTO_DSTOPTS;
	size_t more = s->options * 8u + (s->fragment ? 8 : 0);
	uint8_t *next = at + 6;

	memset(at, 0, 40);
	at[0] = 0x60;
	put16(at + 4, (unsigned int)((int)(more + l4_bytes) + s->ip_length));
	at[7] = s->ttl ? s->ttl : 64;
	memcpy(at + 8, from.bytes, 16);
	memcpy(at + 24, to.bytes, 16);
	at += 40;
	for (int i = 0; i < s->options; i++, at += 8) {
		memcpy(at, (uint8_t[]){ 0, 0, 1, 4, 0, 0, 0, 0 }, 8);   /* PadN */
		*next = type;
		next = at;
	}
	if (s->fragment) {
		memset(at, 0, 8);
		put16(at + 2, s->fragment);
		*next = IPPROTO_FRAGMENT;
		next = at;
		at += 8;
	}
	*next = protocol;
	return at;
}

static inline size_t build(uint8_t *frame, const struct spec *s)
{
	bool six = strchr(s->from, ':');
	bool tcp = s->protocol == IPPROTO_TCP;
	size_t l4_bytes = (tcp ? 20 : 8) + s->payload_bytes;
	uint8_t *at = frame;

	memcpy(at, "\x02\x00\x00\x00\x01\x01\x02\x00\x00\x00\x01\x02", 12);
	at += 12;
	for (int i = 0; i < s->tags; i++)
		at = put16(put16(at, 0x8100), s->vlan);
	at = put16(at, s->ethertype ? s->ethertype : six ? 0x86dd : 0x0800);
	at = six ? build_ipv6(at, s, l4_bytes) : build_ipv4(at, s, l4_bytes);
	memset(at, 0, tcp ? 20 : 8);
	put16(at, s->sport);
	put16(at + 2, s->dport);
	if (tcp)
		memcpy(at + 12, (uint8_t[]){ 0x50, s->tcp_flags }, 2);
	else
		put16(at + 4, (unsigned int)((int)l4_bytes + s->udp_length));
	at += tcp ? 20 : 8;
	if (s->payload_bytes)
		memcpy(at, s->payload, s->payload_bytes);
	return (size_t)(at - frame) + s->payload_bytes;
}

static inline uint64_t counter_now(uint32_t counter)
{
	uint64_t values[256] = { 0 }, sum = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bench.skel->maps.counters), &counter,
					     values), 0);
	for (int i = 0; i < bench.cpus; i++)
		sum += values[i];
	return sum;
}

static inline void counters_mark(void)
{
	for (uint32_t i = 0; i < COUNTER_END; i++)
		counted[i] = counter_now(i);
}

/* How often it was counted since counters_mark. */
static inline uint64_t counter_since(uint32_t counter)
{
	return counter_now(counter) - counted[counter];
}

static inline enum outcome outcome_of(bool tc, int action)
{
	if (tc)
		return action == TC_ACT_UNSPEC ? PASSED : action == TC_ACT_SHOT ? DROPPED :
		       action == TC_ACT_REDIRECT ? FORWARDED : STRANGE;
	return action == XDP_PASS ? PASSED : action == XDP_DROP ? DROPPED :
	       action == XDP_REDIRECT ? FORWARDED : STRANGE;
}

/* Gives the bytes to the program; `mark` is the TC twin's alone. False: the kernel refuses to run
 * it, which it does for frames shorter than Ethernet. */
static inline bool run_bytes(bool tc, const uint8_t *frame, size_t bytes, uint32_t mark,
			     struct result *ret)
{
	struct xdp_md xdp = { .data_end = (uint32_t)bytes, .ingress_ifindex = bench.in };
	struct __sk_buff skb = { .ifindex = bench.in, .mark = mark };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)bytes,
		    .data_out = ret->bytes, .data_size_out = PACKET_ROOM, .repeat = 1);

	if (tc) {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	} else {
		opts.ctx_in = &xdp;
		opts.ctx_size_in = sizeof(xdp);
	}
	if (bpf_prog_test_run_opts(bpf_program__fd(tc ? bench.skel->progs.gateway_tc :
							bench.skel->progs.gateway_ingress), &opts))
		return false;
	ret->length = opts.data_size_out;
	ret->outcome = outcome_of(tc, (int)opts.retval);
	return true;
}

static inline struct result run(bool tc, const struct spec *s)
{
	static struct result result;
	uint8_t frame[PACKET_ROOM];

	counters_mark();
	assert_true(run_bytes(tc, frame, build(frame, s), 0, &result));
	return result;
}

static inline void map_put(const struct bpf_map *map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY), 0);
}

static inline void map_empty(const struct bpf_map *map)
{
	uint8_t key[64];

	while (!bpf_map_get_next_key(bpf_map__fd(map), NULL, key))
		if (bpf_map_delete_elem(bpf_map__fd(map), key))
			return;
}

/* A policy file as the daemon would read it, into the maps as the daemon would write it. */
static inline void configure(const char *text)
{
	struct policy_errors errors;
	struct kernel_error error;
	struct settings settings;
	struct policy *p;

	if (policy_load_text(text, strlen(text), &p, &settings, &errors))
		fail_msg("%u:%u: %s", errors.items[0].line, errors.items[0].column,
			 errors.items[0].text);
	if (kernel_configure(&bench.kernel, p, &error))
		fail_msg("%s", error.text);
	policy_free(p);
}

static inline void put_source(const char *host, uint32_t standing, uint32_t rate)
{
	struct source_key key = { .prefix_bits = 160, .zone = INSIDE,
				  .address = address_of(host) };
	struct source value = { .standing = standing, .messages_per_second = rate };

	map_put(bench.skel->maps.sources, &key, &value);
}

static inline struct flow_key key_of(const struct spec *s)
{
	return (struct flow_key){
		.source = address_of(s->from), .destination = address_of(s->to),
		.source_port = htons(s->sport), .destination_port = htons(s->dport),
		.zone = INSIDE, .protocol = s->protocol ? s->protocol : IPPROTO_UDP,
		.family = strchr(s->from, ':') ? FAMILY_IPV6 : FAMILY_IPV4,
	};
}

static inline uint64_t hash_of(const struct flow_key *key)
{
	uint64_t words[NEAR_KEY_WORDS];

	memcpy(words, key, sizeof(words));
	return near_hash((const __u64 *)words);
}

static inline struct near_flow *put_near(const struct flow_key *key, const struct permit *permit,
					 uint32_t way)
{
	uint64_t hash = hash_of(key);

	assert_in_range(bench.near_count, 0, 63);
	bench.near_shape->bits = NEAR_BITS;
	bench.near_used[bench.near_count++] = near_set_of(hash, NEAR_BITS);
	bench.near_index[near_set_of(hash, NEAR_BITS)].entries[way] = near_tag(hash) | permit->slot;
	bench.near_flows[permit->slot] = (struct near_flow){ .key = *key, .permit = *permit };
	return &bench.near_flows[permit->slot];
}

static inline void put_flow(const struct spec *s, const struct permit *permit)
{
	struct flow_key key = key_of(s);

	if (bench.near)
		put_near(&key, permit, 0);
	else
		map_put(bench.skel->maps.flows, &key, permit);
}

enum open { OPEN_NOTHING, OPEN_PORT, OPEN_HOST };

static inline void put_pinhole(const struct spec *s, enum open open, const struct permit *permit)
{
	struct flow_key key = key_of(s);

	if (open >= OPEN_PORT)
		key.source_port = 0;
	if (open == OPEN_HOST)
		memset(&key.source, 0, sizeof(key.source));
	map_put(bench.skel->maps.pinholes, &key, permit);
}

struct heard {
	int count;
	uint8_t bytes[PACKET_ROOM];     /* the last record */
	size_t length;
};

static inline int hear(void *context, void *data, size_t bytes)
{
	struct heard *heard = context;

	heard->count++;
	heard->length = bytes;
	memcpy(heard->bytes, data, bytes < PACKET_ROOM ? bytes : PACKET_ROOM);
	return 0;
}

/* Empties a ring; what was last in it is in the result. */
static inline const struct heard *drain(const struct bpf_map *ring)
{
	static struct heard heard;
	struct ring_buffer *reader;

	memset(&heard, 0, sizeof(heard));
	reader = ring_buffer__new(bpf_map__fd(ring), hear, &heard, NULL);
	assert_non_null(reader);
	assert_true(ring_buffer__consume(reader) >= 0);
	ring_buffer__free(reader);
	return &heard;
}

static inline void shell(const char *command)
{
	if (system(command)) {
		fprintf(stderr, "failed: %s\n", command);
		exit(1);
	}
}

static inline void make_network(void)
{
	shell("ip link set lo up");
	/* No addresses of their own: a neighbour's or router's packet would be counted with ours. */
	shell("ip link add in type veth peer name in_far && ip link set in addrgenmode none && "
	      "ip link set in_far addrgenmode none && ip link set in up && ip link set in_far up");
	shell("ip link add out type veth peer name out_far && ip link set out up && "
	      "ip link set out_far up");
	shell("ip link add big mtu 9600 type veth peer name big_far mtu 9600 && "
	      "ip link set big up && ip link set big_far up");
	shell("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
	      "net.ipv4.conf.all.rp_filter=0");
	shell("ip addr add 10.77.1.1/24 dev in && ip addr add fd77:1::1/64 dev in nodad");
	shell("ip addr add 10.77.2.1/24 dev out && ip addr add fd77:2::1/64 dev out nodad");
	shell("ip neigh add 10.77.2.2 lladdr 02:00:00:00:02:02 dev out nud permanent");
	shell("ip neigh add fd77:2::2 lladdr 02:00:00:00:02:02 dev out nud permanent");
	shell("ip route add blackhole 10.77.9.0/24");
}

static inline void open_kernel(void)
{
	struct kernel_maps *m = &bench.kernel.maps;

	memset(&bench.kernel, 0xff, sizeof(bench.kernel));     /* every descriptor -1 */
	m->zones = bpf_map__fd(bench.skel->maps.zones);
	m->zone_names = bpf_map__fd(bench.skel->maps.zone_names);
	m->networks = bpf_map__fd(bench.skel->maps.networks);
	m->services = bpf_map__fd(bench.skel->maps.services);
	m->sources = bpf_map__fd(bench.skel->maps.sources);
	m->control = bpf_map__fd(bench.skel->maps.control);
	m->listeners = bpf_map__fd(bench.skel->maps.listeners);
	m->local_addresses = bpf_map__fd(bench.skel->maps.local_addresses);
}

/* What attaching would write, and what netlink would tell. */
static inline void fill_tables(void)
{
	struct attachment_key tagged = { .interface = bench.in, .vlan = 7 };
	struct attachment_key large = { .interface = bench.big };
	struct attachment zone = { .zone = INSIDE };
	struct address own = address_of("10.77.2.1");

	map_put(bench.skel->maps.attachments, &tagged, &zone);
	map_put(bench.skel->maps.attachments, &large, &zone);
	map_put(bench.skel->maps.tx_ports, &bench.out, &bench.out);
	assert_int_equal(kernel_local_address(&bench.kernel, &own, true), 0);
	configure(POLICY);
}

static inline void read_mac(const char *name, uint8_t *ret_mac)
{
	char path[64];
	FILE *file;

	/* sysfs shows the namespace that mounted it, so ip(8) is asked. */
	snprintf(path, sizeof(path), "ip -br link show dev %s", name);
	file = popen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*s %*s %hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &ret_mac[0],
				&ret_mac[1], &ret_mac[2], &ret_mac[3], &ret_mac[4], &ret_mac[5]),
			 6);
	pclose(file);
}

/* Where the programs learn the zone of `in`: from the array, or from the table. */
static inline void put_zone(bool near)
{
	uint32_t place = bench.in & (LIMIT_INTERFACE_ZONES - 1);
	struct interface_zone here = { .interface = near ? bench.in : 0, .zone = INSIDE };
	struct attachment_key key = { .interface = bench.in };
	struct attachment zone = { .zone = INSIDE };

	map_put(bench.skel->maps.interfaces, &place, &here);
	if (near)
		bpf_map_delete_elem(bpf_map__fd(bench.skel->maps.attachments), &key);
	else
		map_put(bench.skel->maps.attachments, &key, &zone);
}

static inline void empty_index(void)
{
	bench.near_shape->bits = 0;
	while (bench.near_count)
		memset(&bench.near_index[bench.near_used[--bench.near_count]], 0,
		       sizeof(*bench.near_index));
}

/* Before each test: no permits, a live daemon, everything enforced, empty rings. */
static inline int reset(void **state)
{
	static const uint8_t no_budget[16 * 256];
	uint32_t zero = 0, one = 1;

	bench.near = state && *state && ((const struct mode *)*state)->near;
	put_zone(bench.near);
	empty_index();
	map_put(bench.skel->maps.event_budgets, &zero, no_budget);
	map_put(bench.skel->maps.event_budgets, &one, no_budget);
	map_empty(bench.skel->maps.flows);
	map_empty(bench.skel->maps.pinholes);
	map_empty(bench.skel->maps.sources);
	map_empty(bench.skel->maps.source_buckets);
	memset(bench.activity, 0, 64 * sizeof(*bench.activity));
	memset(bench.translations, 0, 64 * sizeof(*bench.translations));
	memset(bench.control, 0, sizeof(*bench.control));
	configure(POLICY);
	kernel_heartbeat(&bench.kernel, now_ns());
	/* A test on a busy machine may last longer than a daemon may be silent. */
	bench.control->heartbeat_limit_ns = 60ull * 1000000000;
	drain(bench.skel->maps.punt_trusted);
	drain(bench.skel->maps.punt_other);
	drain(bench.skel->maps.events);
	counters_mark();
	return 0;
}

static inline void *map_memory(const struct bpf_map *map, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return at == MAP_FAILED ? NULL : at;
}

static inline int bench_open(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET)) {
		perror("unshare");
		return -1;
	}
	make_network();
	bench.cpus = libbpf_num_possible_cpus();
	bench.in = if_nametoindex("in");
	bench.out = if_nametoindex("out");
	bench.big = if_nametoindex("big");
	read_mac("out", bench.out_mac);
	bench.skel = gateway_bpf__open_and_load();
	if (!bench.skel)
		return -1;
	/* A veth queue can be named in a test run only while it has a program. */
	if (bpf_xdp_attach((int)bench.in, bpf_program__fd(bench.skel->progs.gateway_ingress),
			   XDP_FLAGS_DRV_MODE, NULL))
		return -1;
	bench.activity = map_memory(bench.skel->maps.activity, 64 * sizeof(struct activity));
	bench.translations = map_memory(bench.skel->maps.translations,
					64 * sizeof(struct translation));
	bench.control = map_memory(bench.skel->maps.control, sizeof(struct control));
	bench.near_index = map_memory(bench.skel->maps.near_index,
				      sizeof(struct near_set) << LIMIT_NEAR_BITS);
	bench.near_shape = map_memory(bench.skel->maps.near_shape, sizeof(struct near_shape));
	bench.near_flows = map_memory(bench.skel->maps.near_flows, 64 * sizeof(struct near_flow));
	if (!bench.activity || !bench.translations || !bench.control || !bench.near_index || !bench.near_shape ||
	    !bench.near_flows)
		return -1;
	open_kernel();
	fill_tables();
	return 0;
}

static inline int bench_close(void **state)
{
	(void)state;
	gateway_bpf__destroy(bench.skel);
	return 0;
}

#define EACH_WAY(test)                                                      \
	{ #test "_xdp", test, reset, NULL, (void *)&modes[0] },           \
	{ #test "_tc", test, reset, NULL, (void *)&modes[1] },            \
	{ #test "_near_xdp", test, reset, NULL, (void *)&modes[2] },      \
	{ #test "_near_tc", test, reset, NULL, (void *)&modes[3] }

static const struct mode modes[] = {
	{ "xdp", false, false }, { "tc", true, false },
	{ "xdp", false, true }, { "tc", true, true },
};

#endif
