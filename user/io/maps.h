/* SPDX-License-Identifier: MIT */
/* The projector of the running gateway: flows, pinholes and rows in pinned maps. Allocates activity
 * slots; closes in two steps. */
#ifndef RINGFENCE_MAPS_H
#define RINGFENCE_MAPS_H

#include "io/kernel.h"
#include "io/projector.h"

struct maps;

struct maps *maps_new(const struct kernel *k);
void maps_free(struct maps *m);
/* open, close, store, count; the daemon fills resolve, told and timer. self is the maps. */
void maps_projector(struct maps *m, struct projector_ops *ret);
/* Deletes what was marked closed at least 100 ms ago; call about every 100 ms. */
void maps_sweep(struct maps *m, uint64_t now_ns);
/* Walk of what flows and pinholes hold, for reconcile. */
void maps_walk(struct maps *m, struct kernel_walk *ret);
/* Reads every pinned row back; returns how many, or negative errno. */
int maps_restore(struct maps *m, row_take_fn take, void *self);
/* A copy of what the fast path wrote; false where the key is not open. */
bool maps_activity(const struct maps *m, const struct flow_key *key, struct activity *ret);
int maps_counter(const struct maps *m, uint32_t index, uint64_t *ret);

#endif
