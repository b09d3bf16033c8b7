// SPDX-License-Identifier: MIT
/* What commands read of the fast path's tables, whether a daemon runs or not. Nothing is changed. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "io/kernel_own.h"

#define CPUS_MOST 256

bool kernel_attachment_next(const struct kernel *k, struct attachment_key *key,
			    struct attachment *ret)
{
	/* No interface has the number 0: a walk that begins asks behind a key that is not there. */
	while (!bpf_map_get_next_key(k->maps.attachments, key->interface ? key : NULL, key))
		if (!bpf_map_lookup_elem(k->maps.attachments, key, ret))
			return true;
	return false;
}

int kernel_zone_names(const struct kernel *k, struct zone_name ret[LIMIT_ZONES + 1])
{
	for (uint32_t i = 0; i <= LIMIT_ZONES; i++)
		if (bpf_map_lookup_elem(k->maps.zone_names, &i, &ret[i]))
			return -errno;
	return 0;
}

int kernel_control_word(const struct kernel *k, struct control *ret)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(k->maps.control, &zero, ret) ? -errno : 0;
}

int kernel_zone_ports(const struct kernel *k, uint16_t zone, struct zone_ports *ret)
{
	uint32_t index = zone;

	return bpf_map_lookup_elem(k->maps.zones, &index, ret) ? -errno : 0;
}

bool kernel_network_next(const struct kernel *k, const struct network_key *after,
			 struct network_key *ret, uint16_t *ret_zone)
{
	struct network_zone value;

	if (bpf_map_get_next_key(k->maps.networks, after, ret) ||
	    bpf_map_lookup_elem(k->maps.networks, ret, &value))
		return false;
	*ret_zone = value.zone;
	return true;
}

bool kernel_source_next(const struct kernel *k, const struct source_key *after,
			struct source_key *ret, struct source *ret_value)
{
	return !bpf_map_get_next_key(k->maps.sources, after, ret) &&
	       !bpf_map_lookup_elem(k->maps.sources, ret, ret_value);
}

/* One that the fast path forgot meanwhile is passed over. */
bool kernel_bucket_next(const struct kernel *k, const struct bucket_key *after,
			struct bucket_key *ret, struct bucket *ret_value)
{
	for (uint32_t i = 0; i < LIMIT_SOURCE_BUCKETS; i++) {
		if (bpf_map_get_next_key(k->maps.source_buckets, after, ret))
			return false;
		if (!bpf_map_lookup_elem(k->maps.source_buckets, ret, ret_value))
			return true;
		after = ret;
	}
	return false;
}

static bool read_permit(const struct kernel *k, const struct flow_key *key, struct permit *ret)
{
	bool exact = key->source_port && !address_is_zero(&key->source);

	return !bpf_map_lookup_elem(exact ? k->maps.flows : k->maps.pinholes, key, ret);
}

bool kernel_activity(const struct kernel *k, const struct flow_key *key, struct activity *ret)
{
	struct permit permit;

	return read_permit(k, key, &permit) &&
	       !bpf_map_lookup_elem(k->maps.activity, &permit.slot, ret);
}

bool kernel_translation(const struct kernel *k, const struct flow_key *key,
			struct translation *ret)
{
	struct permit permit;

	return read_permit(k, key, &permit) && permit.flags & PERMIT_TRANSLATED &&
	       !bpf_map_lookup_elem(k->maps.translations, &permit.slot, ret);
}

int kernel_counter(const struct kernel *k, uint32_t index, uint64_t *ret)
{
	uint64_t values[CPUS_MOST] = { 0 }, sum = 0;
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 1 || cpus > CPUS_MOST)
		return -E2BIG;
	if (bpf_map_lookup_elem(k->maps.counters, &index, values))
		return -errno;
	for (int cpu = 0; cpu < cpus; cpu++)
		sum += values[cpu];
	*ret = sum;
	return 0;
}
