/* SPDX-License-Identifier: MIT */
/* The one executor of batches: checks preconditions and capacities, changes the rows, writes them
 * through to their pinned maps, projects doors to the kernel, tells. Whole or not at all. */
#ifndef RINGFENCE_APPLY_H
#define RINGFENCE_APPLY_H

#include "inspect/batch.h"
#include "io/projector.h"
#include "state/tables.h"
#include <ringfence/reason.h>

struct apply;
struct mappings;

struct apply *apply_new(struct tables *tables, const struct projector_ops *ops);
void apply_free(struct apply *a);
void apply_warm(struct apply *a);

/* done: reason none where the batch held, batch_void where a precondition failed, table_full where
 * a capacity did. Alone it is called before apply_submit returns; in a cluster when the batch came
 * back in the group's order. */
typedef void (*apply_done_fn)(void *context, enum reason reason);
void apply_submit(struct apply *a, const struct batch *batch, apply_done_fn done, void *context);

/* A group that orders batches: each member executes what the group delivers. submit takes the batch
 * whole (it is the caller's again afterwards) and calls done when it came back. */
struct apply_group {
	void (*submit)(void *self, const struct batch *batch, apply_done_fn done, void *context);
	void *self;
};

/* Told of each row that is about to change or to go, while it is still there. */
struct apply_watch {
	void (*before)(void *self, const struct row_view *row);
	void *self;
};

/* NULL: alone again. */
void apply_set_group(struct apply *a, const struct apply_group *group);
bool apply_is_grouped(const struct apply *a);
/* Executes at once: what the group delivered. done is called between opening and closing. */
enum reason apply_execute(struct apply *a, const struct batch *batch, apply_done_fn done,
			  void *context);

/* The changes of rows that are not replicated, at once: a group never sees them. */
void apply_own(struct apply *a, const struct batch *batch);

void apply_watch_rows(struct apply *a, const struct apply_watch *watch);
/* Batches executed so far, void ones too: in a group the same on all members. */
uint64_t apply_number(const struct apply *a);

/* A joiner takes over the group's rows: begin, each row as it is with version and author, end. What
 * was not installed goes; what is open stays open where a row still claims it. */
void apply_install_begin(struct apply *a);
void apply_install(struct apply *a, enum row_type type, const struct row_key *key,
		   const void *value);
void apply_install_end(struct apply *a, uint64_t number);

/* What the doors map, kept with the rows. */
struct mappings *apply_mappings(const struct apply *a);

/* Computes from the rows all that the kernel should hold and opens or closes what differs. `held`
 * walks what the kernel has. Returns how many entries were mended. */
uint32_t apply_reconcile(struct apply *a, const struct kernel_walk *held);

/* The door row that claims this flow or pinhole first; false where none does. */
bool apply_claimant(const struct apply *a, const struct flow_key *key, struct row_key *ret);

#endif
