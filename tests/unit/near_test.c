// SPDX-License-Identifier: MIT
/* Flows where the programs look first, in real maps of the kernel. Time is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "io/near.h"
#include <ringfence/near.h>

#define MS 1000000ull
#define FLOWS 3000

static struct kernel_maps fds;
static struct near_shape *shape;
static struct near_set *sets;
static struct near_flow *flows;
static struct near *near;

static void *make_array(const char *name, size_t bytes, uint32_t count, int *ret_fd)
{
	LIBBPF_OPTS(bpf_map_create_opts, shared, .map_flags = BPF_F_MMAPABLE);
	void *at;

	*ret_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t), (uint32_t)bytes,
				 count, &shared);
	at = mmap(NULL, bytes * count, PROT_READ | PROT_WRITE, MAP_SHARED, *ret_fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

static int set_up(void **state)
{
	(void)state;
	memset(&fds, 0xff, sizeof(fds));
	fds.flows = bpf_map_create(BPF_MAP_TYPE_HASH, "flows", sizeof(struct flow_key),
				   sizeof(struct permit), FLOWS, NULL);
	if (fds.flows < 0)
		return 0;
	shape = make_array("near_shape", sizeof(*shape), 1, &fds.near_shape);
	sets = make_array("near_index", sizeof(*sets), 1 << LIMIT_NEAR_BITS, &fds.near_index);
	flows = make_array("near_flows", sizeof(*flows), LIMIT_SLOTS, &fds.near_flows);
	near = near_new(&fds, 0);
	return near && shape && sets && flows ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	if (fds.flows < 0)
		return 0;
	near_free(near);
	munmap(shape, sizeof(*shape));
	munmap(sets, sizeof(*sets) << LIMIT_NEAR_BITS);
	munmap(flows, LIMIT_SLOTS * sizeof(*flows));
	for (int *fd = (int *)&fds; fd < (int *)(&fds + 1); fd++)
		if (*fd >= 0)
			close(*fd);
	return 0;
}

static void need_maps(void)
{
	if (fds.flows < 0) {
		print_message("SKIP: no BPF maps can be made here (run as root)\n");
		skip();
	}
}

static struct flow_key key_of(uint16_t port)
{
	return (struct flow_key){ .source = { { 1 } }, .destination = { { 2 } },
				  .source_port = port, .destination_port = 7, .zone = 1,
				  .protocol = 17, .family = FAMILY_IPV4 };
}

static uint64_t hash_of(const struct flow_key *key)
{
	uint64_t words[NEAR_KEY_WORDS];

	memcpy(words, key, sizeof(words));
	return near_hash((const __u64 *)words);
}

/* What a program would find: the flags of its permit; 0 nothing. */
static uint32_t found(const struct flow_key *key)
{
	uint64_t hash = hash_of(key);
	uint32_t slot = NEAR_SLOT_MASK;

	for (int way = 0; way < NEAR_WAYS; way++) {
		uint32_t entry = sets[near_set_of(hash, shape->bits)].entries[way];

		if ((entry & ~NEAR_SLOT_MASK) == near_tag(hash))
			slot = entry & NEAR_SLOT_MASK;
	}
	if (slot >= LIMIT_SLOTS || memcmp(&flows[slot].key, key, sizeof(*key)))
		return 0;
	assert_int_equal(flows[slot].permit.slot, slot);
	return flows[slot].permit.flags;
}

/* As maps.c does. */
static void write_flow(const struct flow_key *key, uint32_t slot, uint32_t flags, uint64_t now_ns)
{
	const struct permit permit = { .slot = slot, .flags = flags };

	near_changing(near, key, now_ns);
	assert_int_equal(bpf_map_update_elem(fds.flows, key, &permit, BPF_ANY), 0);
}

static void delete_flow(const struct flow_key *key)
{
	assert_int_equal(bpf_map_delete_elem(fds.flows, key), 0);
}

static void flow_is_found_once_it_has_been_quiet(void **state)
{
	const struct flow_key key = key_of(1);

	(void)state;
	need_maps();
	write_flow(&key, 3, PERMIT_RTP, 1000 * MS);
	near_sweep(near, 1099 * MS);
	assert_int_equal(found(&key), 0);
	near_sweep(near, 1100 * MS);
	assert_int_equal(found(&key), PERMIT_RTP);
}

/* A program that found it before may be reading the permit still. */
static void changing_takes_it_out_at_once_and_leaves_its_slot_alone(void **state)
{
	const struct flow_key key = key_of(1);

	(void)state;
	need_maps();
	write_flow(&key, 3, PERMIT_RTP, 1000 * MS);
	near_sweep(near, 1100 * MS);
	write_flow(&key, 3, PERMIT_STUN, 2000 * MS);
	assert_int_equal(found(&key), 0);
	near_sweep(near, 2099 * MS);
	assert_int_equal(found(&key), 0);
	assert_int_equal(flows[3].permit.flags, PERMIT_RTP);
	near_sweep(near, 2100 * MS);
	assert_int_equal(found(&key), PERMIT_STUN);
}

/* The first change's turn comes while the slot rests from the second: the third's it is. */
static void slot_rests_after_each_change(void **state)
{
	const struct flow_key key = key_of(1);

	(void)state;
	need_maps();
	write_flow(&key, 3, PERMIT_RTP, 1000 * MS);
	write_flow(&key, 3, PERMIT_RTP, 1060 * MS);
	near_sweep(near, 1100 * MS);
	assert_int_equal(found(&key), PERMIT_RTP);
	write_flow(&key, 3, PERMIT_STUN, 1120 * MS);
	near_sweep(near, 1160 * MS);
	assert_int_equal(found(&key), 0);
	assert_int_equal(flows[3].permit.flags, PERMIT_RTP);
	near_sweep(near, 1220 * MS);
	assert_int_equal(found(&key), PERMIT_STUN);
}

static void closed_and_deleted_flows_are_not_found(void **state)
{
	const struct flow_key closed = key_of(1), gone = key_of(2), heir = key_of(3);

	(void)state;
	need_maps();
	write_flow(&closed, 1, PERMIT_RTP, 1000 * MS);
	write_flow(&gone, 2, PERMIT_RTP, 1000 * MS);
	write_flow(&closed, 1, PERMIT_RTP | PERMIT_CLOSED, 1050 * MS);
	delete_flow(&gone);
	write_flow(&heir, 2, PERMIT_STUN, 1090 * MS);
	near_sweep(near, 1150 * MS);
	assert_int_equal(found(&closed), 0);
	assert_int_equal(found(&gone), 0);
	near_sweep(near, 1190 * MS);
	assert_int_equal(found(&heir), PERMIT_STUN);
	assert_int_equal(found(&gone), 0);
}

/* Ports whose keys have the set of port 1, whatever its size, and another tag. */
static void find_rivals(struct flow_key *ret_keys, size_t count)
{
	struct flow_key key = key_of(1);
	uint64_t hash = hash_of(&key);

	for (size_t n = 0; n < count;) {
		if (!++key.source_port)
			key.destination_port++;
		if (near_set_of(hash_of(&key), shape->bits) == near_set_of(hash, shape->bits) &&
		    near_tag(hash_of(&key)) != near_tag(hash))
			ret_keys[n++] = key;
	}
}

static void flow_without_a_way_stays_in_the_table(void **state)
{
	struct flow_key keys[NEAR_WAYS + 1] = { key_of(1) };

	(void)state;
	need_maps();
	find_rivals(keys + 1, NEAR_WAYS);
	for (uint32_t i = 0; i <= NEAR_WAYS; i++)
		write_flow(&keys[i], i, PERMIT_RTP, 1000 * MS);
	near_sweep(near, 1100 * MS);
	for (uint32_t i = 0; i < NEAR_WAYS; i++)
		assert_int_equal(found(&keys[i]), PERMIT_RTP);
	assert_int_equal(found(&keys[NEAR_WAYS]), 0);
	/* A way that is left is taken by the next that comes. */
	write_flow(&keys[1], 1, PERMIT_RTP | PERMIT_CLOSED, 1200 * MS);
	write_flow(&keys[NEAR_WAYS], NEAR_WAYS, PERMIT_STUN, 1200 * MS);
	near_sweep(near, 1300 * MS);
	assert_int_equal(found(&keys[NEAR_WAYS]), PERMIT_STUN);
}

static void index_grows_with_its_flows(void **state)
{
	uint32_t least, in = 0;

	(void)state;
	need_maps();
	least = shape->bits;
	for (uint32_t n = 0; n < FLOWS; n++) {
		const struct flow_key key = key_of((uint16_t)(n + 1));

		write_flow(&key, n, PERMIT_RTP, 1000 * MS);
	}
	near_sweep(near, 1100 * MS);
	assert_true(shape->bits > least);
	assert_true(FLOWS <= NEAR_WAYS << shape->bits);
	for (uint32_t n = 0; n < FLOWS; n++) {
		const struct flow_key key = key_of((uint16_t)(n + 1));

		in += found(&key) == PERMIT_RTP;
	}
	/* A few share a tag, or find their set full. */
	assert_in_range(in, FLOWS * 9 / 10, FLOWS);
}

static void earlier_entries_stay_where_the_table_agrees(void **state)
{
	const struct flow_key same = key_of(1), other = key_of(2), gone = key_of(3),
			      missing = key_of(4);
	struct permit changed = { .slot = 12, .flags = PERMIT_STUN };
	struct permit late = { .slot = 14, .flags = PERMIT_STUN };

	(void)state;
	need_maps();
	write_flow(&same, 11, PERMIT_RTP, 1000 * MS);
	write_flow(&other, 12, PERMIT_RTP, 1000 * MS);
	write_flow(&gone, 13, PERMIT_RTP, 1000 * MS);
	near_sweep(near, 1100 * MS);
	near_free(near);
	assert_int_equal(bpf_map_update_elem(fds.flows, &other, &changed, BPF_EXIST), 0);
	assert_int_equal(bpf_map_update_elem(fds.flows, &missing, &late, BPF_ANY), 0);
	delete_flow(&gone);
	near = near_new(&fds, 2000 * MS);
	assert_non_null(near);
	assert_int_equal(found(&same), PERMIT_RTP);
	assert_int_equal(found(&other), 0);
	assert_int_equal(found(&gone), 0);
	near_sweep(near, 2100 * MS);
	assert_int_equal(found(&other), PERMIT_STUN);
	assert_int_equal(found(&missing), PERMIT_STUN);
	assert_int_equal(found(&gone), 0);
}

static void without_its_arrays_nothing_is_asked_of_them(void **state)
{
	struct kernel_maps none;
	const struct flow_key key = key_of(1);

	(void)state;
	memset(&none, 0xff, sizeof(none));
	assert_null(near_new(&none, 0));
	near_changing(NULL, &key, 0);
	near_sweep(NULL, 0);
	near_free(NULL);
}

#define WITH_MAPS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_MAPS(flow_is_found_once_it_has_been_quiet),
		WITH_MAPS(changing_takes_it_out_at_once_and_leaves_its_slot_alone),
		WITH_MAPS(slot_rests_after_each_change),
		WITH_MAPS(closed_and_deleted_flows_are_not_found),
		WITH_MAPS(flow_without_a_way_stays_in_the_table),
		WITH_MAPS(index_grows_with_its_flows),
		WITH_MAPS(earlier_entries_stay_where_the_table_agrees),
		cmocka_unit_test(without_its_arrays_nothing_is_asked_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
