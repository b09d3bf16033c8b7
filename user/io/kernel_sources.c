// SPDX-License-Identifier: MIT
/* Sources in the fast path. Each entry says whose it is, and whoever writes takes away his own
 * alone: a policy's servers come and go beside what an operator blocked or wrote by hand. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "io/kernel_own.h"

#define ZONE_BITS 32             /* zone and padding, before the address */
#define SERVER_BITS (ZONE_BITS + 128)

_Static_assert(LIMIT_BLOCKS * LIMIT_ZONES + LIMIT_SERVERS * LIMIT_SERVER_ADDRESSES <=
		       LIMIT_SOURCES, "an entry for each block in each zone and for each server");

int kernel_set_source(struct kernel *k, const struct source_key *key, const struct source *value)
{
	if (value)
		return bpf_map_update_elem(k->maps.sources, key, value, BPF_ANY) ? -errno : 0;
	return bpf_map_delete_elem(k->maps.sources, key) && errno != ENOENT ? -errno : 0;
}

bool kernel_server_entry(const struct policy *p, const struct source_key *key, struct source *ret)
{
	for (uint32_t i = 0; i < p->server_count && key->prefix_bits == SERVER_BITS; i++) {
		const struct server *s = &p->servers[i];

		for (uint32_t n = 0; n < s->address_count && s->zone == key->zone; n++) {
			if (!address_equal(&s->addresses[n], &key->address))
				continue;
			*ret = (struct source){ .standing = SOURCE_TRUSTED,
						.origin = SOURCE_BY_CONFIGURATION };
			return true;
		}
	}
	return false;
}

/* What an operator or a judgement says of the same address has the last word. */
static bool is_overruled(const struct kernel *k, const struct source_key *key)
{
	struct source there;

	return !bpf_map_lookup_elem(k->maps.sources, key, &there) &&
	       there.origin != SOURCE_BY_CONFIGURATION;
}

int kernel_put_servers(const struct kernel *k, const struct policy *p)
{
	int err = 0;

	for (uint32_t i = 0; i < p->server_count; i++) {
		const struct server *s = &p->servers[i];

		for (uint32_t n = 0; !err && n < s->address_count; n++) {
			struct source_key key = { .prefix_bits = SERVER_BITS, .zone = s->zone,
						  .address = s->addresses[n] };
			struct source value;

			if (kernel_server_entry(p, &key, &value) && !is_overruled(k, &key))
				err = bpf_map_update_elem(k->maps.sources, &key, &value, BPF_ANY);
		}
	}
	return err;
}

void kernel_take_servers(const struct kernel *k, const struct policy *p)
{
	struct source_key next, kept;
	struct source value, wanted;
	void *previous = NULL;

	for (uint32_t i = 0; i < 2 * LIMIT_SOURCES; i++) {
		if (bpf_map_get_next_key(k->maps.sources, previous, &next))
			return;
		if (!bpf_map_lookup_elem(k->maps.sources, &next, &value) &&
		    value.origin == SOURCE_BY_CONFIGURATION &&
		    !kernel_server_entry(p, &next, &wanted)) {
			bpf_map_delete_elem(k->maps.sources, &next);
			continue;
		}
		kept = next;
		previous = &kept;
	}
}
