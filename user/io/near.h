/* SPDX-License-Identifier: MIT */
/* Flows where the programs look first (ringfence/near.h). Their table is written by others; here a
 * flow is taken out of the index before its entry changes, and put in when that has been quiet. A
 * flow that is not in the index is found in the table, so nothing here can fail. */
#ifndef RINGFENCE_IO_NEAR_H
#define RINGFENCE_IO_NEAR_H

#include "io/kernel.h"

struct near;

/* Adopts what an earlier daemon put in, as far as the table still says the same. NULL: no memory, or
 * the arrays cannot be mapped; the other functions take it. */
struct near *near_new(const struct kernel_maps *fds, uint64_t now_ns);
void near_free(struct near *n);
/* To be called before an exact key's entry is written or deleted. */
void near_changing(struct near *n, const struct flow_key *key, uint64_t now_ns);
/* Puts in what has been quiet for 100 ms; call about every 100 ms. */
void near_sweep(struct near *n, uint64_t now_ns);

#endif
