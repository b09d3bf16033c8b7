/* SPDX-License-Identifier: MIT */
/* The projector of the running gateway: flows, pinholes and rows in pinned maps. Allocates activity
 * slots; closes in two steps. */
#ifndef RINGFENCE_MAPS_H
#define RINGFENCE_MAPS_H

#include "base/hash.h"
#include "io/kernel.h"
#include "io/projector.h"

struct maps;

/* fds and what they stand for stay the caller's; the key seeds a table of ours. NULL: no memory. */
struct maps *maps_new(const struct kernel_maps *fds, const struct hash_key *key);
void maps_free(struct maps *m);
/* open, commit, close, store, count; the daemon fills resolve, told and timer. self is the maps. */
void maps_projector(struct maps *m, struct projector_ops *ret);
/* Marks what was closed; call once the messages that closed it have left. */
void maps_close(struct maps *m);
/* Writes the rows' pinned copies and the counters, deletes what was marked closed at least 100 ms
 * ago; call about every 100 ms. */
void maps_sweep(struct maps *m, uint64_t now_ns);
/* Walk of what flows and pinholes hold, for reconcile. */
void maps_walk(struct maps *m, struct kernel_walk *ret);
/* Reads every pinned row back; returns how many. */
uint32_t maps_restore(struct maps *m, row_take_fn take, void *self);
/* A copy of what the fast path wrote; false where the key is not open. */
bool maps_activity(const struct maps *m, const struct flow_key *key, struct activity *ret);

#endif
