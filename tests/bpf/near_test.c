/* SPDX-License-Identifier: MIT */
/* Flows and zones where they are looked for first: what is not there, or is another's, must end as
 * the tables say. */
#include "expect.h"

static void each_way_of_a_set_leads_to_its_flow(void **state)
{
	struct flow_key key = key_of(&media4);

	for (uint32_t way = 0; way < NEAR_WAYS; way++) {
		reset(state);
		put_near(&key, &audio, way);
		expect_forwarded(mode_of(state), &media4, COUNTER_media_forwarded);
	}
}

/* Each bit of the key counts, whatever the index says. */
static void slot_of_another_flow_is_not_taken(void **state)
{
	struct flow_key key = key_of(&media4);
	uint8_t *bytes = (uint8_t *)&put_near(&key, &audio, 0)->key;

	for (size_t bit = 0; bit < sizeof(key) * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		expect(mode_of(state), &media4, DROPPED, REASON_media_no_pinhole);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* A flow that was taken out of the index still lies in its slot. */
static void flow_without_an_entry_is_looked_up(void **state)
{
	struct flow_key key = key_of(&media4);
	uint64_t hash = hash_of(&key);

	put_near(&key, &audio, 0);
	bench.near_index[near_set_of(hash, NEAR_BITS)].entries[0] = 0;
	expect(mode_of(state), &media4, DROPPED, REASON_media_no_pinhole);
	map_put(bench.skel->maps.flows, &key, &audio);
	expect_forwarded(mode_of(state), &media4, COUNTER_media_forwarded);
}

static void entry_beyond_the_slots_leads_nowhere(void **state)
{
	struct flow_key key = key_of(&media4);
	uint64_t hash = hash_of(&key);

	put_near(&key, &audio, 0);
	for (uint32_t slot = LIMIT_SLOTS; slot <= NEAR_SLOT_MASK; slot += NEAR_SLOT_MASK - slot) {
		bench.near_index[near_set_of(hash, NEAR_BITS)].entries[0] = near_tag(hash) | slot;
		expect(mode_of(state), &media4, DROPPED, REASON_media_no_pinhole);
		if (slot == NEAR_SLOT_MASK)
			break;
	}
}

/* Interfaces share a place: whose number is not there is looked up in the table. */
static void zone_of_another_interface_is_not_taken(void **state)
{
	uint32_t place = bench.in & (LIMIT_INTERFACE_ZONES - 1);
	struct interface_zone other = { .interface = bench.in + LIMIT_INTERFACE_ZONES,
					.zone = INSIDE };

	put_flow(&media4, &audio);
	map_put(bench.skel->maps.interfaces, &place, &other);
	if (bench.near)
		expect(mode_of(state), &media4, PASSED, COUNTER_packets_passed);
	else
		expect_forwarded(mode_of(state), &media4, COUNTER_media_forwarded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_WAY(each_way_of_a_set_leads_to_its_flow),
		EACH_WAY(slot_of_another_flow_is_not_taken),
		EACH_WAY(flow_without_an_entry_is_looked_up),
		EACH_WAY(entry_beyond_the_slots_leads_nowhere),
		EACH_WAY(zone_of_another_interface_is_not_taken),
	};

	return cmocka_run_group_tests(tests, bench_open, bench_close);
}
