// SPDX-License-Identifier: MIT
/* Many connections end at once: of an endpoint, of a call, of all that a wildcard stands for. What a
 * batch cannot hold is ended by a timer, a batch at a time; what began later is spared. */
#include "proto/mgcp/judge.h"

#define CHANGES_OF_ONE 4             /* connection_end */
#define CHANGES_KEPT 32              /* for what else a judgement writes */

static bool matches(const struct connection_row *c, const struct connection_row *which)
{
	if (which->call && c->call != which->call)
		return false;
	if (which->connection && c->connection != which->connection)
		return false;
	return c->since_ns <= which->since_ns &&
	       mgcp_name_matches(slice_make(which->name, which->name_bytes),
				 slice_make(c->name, c->name_bytes));
}

void connections_sweep_later(const struct inspect_in *in, struct batch *batch,
			     const struct owner *owner, const struct connection_row *which)
{
	uint64_t sub = hash64(in->key, slice_make(which, sizeof(*which)));
	struct row_key key = row_key_make(owner, sub, PART_SWEEP);
	struct row_key timer_key = row_key_make(owner, sub, TIMER_SWEEP);
	const struct timer_row timer = { .due_ns = in->now_ns, .kind = TIMER_SWEEP,
					 .protocol = MGCP_PROTOCOL };

	batch_put(batch, ROW_connection, &key, which);
	batch_put(batch, ROW_timer, &timer_key, &timer);
}

void connections_sweep(const struct inspect_in *in, struct batch *batch, const struct owner *owner,
		       const struct connection_row *which)
{
	for (uint32_t i = 0; i < in->subjects->count; i++) {
		const struct row_view *row = &in->subjects->rows[i];

		if (row->type != ROW_connection || row->key->part == PART_SWEEP ||
		    memcmp(&row->key->owner, owner, sizeof(*owner)) || !matches(row->value, which))
			continue;
		if (batch->change_count + CHANGES_OF_ONE > LIMIT_CHANGES - CHANGES_KEPT) {
			connections_sweep_later(in, batch, owner, which);
			return;
		}
		connection_end(batch, row->value);
	}
}
