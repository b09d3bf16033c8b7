// SPDX-License-Identifier: MIT
/* What commands read of the fast path's tables, whether a daemon runs or not. Nothing is changed. */
#include <bpf/bpf.h>
#include <errno.h>

#include "io/kernel_own.h"

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
