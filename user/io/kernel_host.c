// SPDX-License-Identifier: MIT
/* What the host tells the fast path while it runs: its own addresses, and that routes moved. */
#include <bpf/bpf.h>
#include <errno.h>

#include "io/kernel_own.h"

int kernel_local_address(struct kernel *k, const struct address *a, bool there)
{
	const uint8_t yes = 1;
	int error;

	if (there)
		error = bpf_map_update_elem(k->maps.local_addresses, a, &yes, BPF_ANY);
	else
		error = bpf_map_delete_elem(k->maps.local_addresses, a);
	return error ? -errno : 0;
}

/* The daemon's one thread is the only writer of the control word. */
void kernel_routes_changed(struct kernel *k)
{
	struct control word;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(k->maps.control, &zero, &word))
		return;
	word.route_generation++;
	bpf_map_update_elem(k->maps.control, &zero, &word, BPF_ANY);
}

void kernel_streams_elsewhere(struct kernel *k, uint32_t count)
{
	struct control word;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(k->maps.control, &zero, &word) || word.streams_elsewhere == count)
		return;
	word.streams_elsewhere = count;
	bpf_map_update_elem(k->maps.control, &zero, &word, BPF_ANY);
}
