// SPDX-License-Identifier: MIT
/* How a joiner gets its rows while the group works on. The donor walks its tables in slices. A row
 * that a batch is about to change before the walk came to it is sent first as it was, so that the
 * joiner gets exactly the rows of one moment (START), whenever they arrive. What the group decided
 * since then waits at the joiner, and is executed behind the last slice like anywhere else. */
#include "cluster/member.h"

#include <string.h>

#define SLICE_ROWS 128

static uint32_t slice_rows(const struct cluster *c)
{
	uint32_t wish = c->settings.slice_rows;

	return wish && wish < SLICE_ROWS ? wish : SLICE_ROWS;
}

static void slice_begin(struct cluster *c)
{
	arena_reset(&c->donor_arena);
	batch_init(&c->donor.slice, &c->donor_arena);
}

static void slice_send(struct cluster *c)
{
	if (!c->donor.slice.change_count)
		return;
	if (!cluster_say_batch(c, WIRE_SLICE, c->donor.number, &c->donor.slice)) {
		c->hands.alarm(c->hands.self, "cluster: a joiner could not be filled, the group "
			       "does not take our messages (it is tried again)");
		fill_abandon(c);
		return;
	}
	slice_begin(c);
}

static void slice_add(struct cluster *c, const struct row_view *row)
{
	batch_put(&c->donor.slice, row->type, row->key, row->value);
	if (c->donor.slice.change_count >= slice_rows(c))
		slice_send(c);
}

/* Is it still to be walked, and as it was at START? */
static bool is_due(const struct cluster *c, const struct row_view *row)
{
	const struct donor *d = &c->donor;

	if (!d->is_active || !row_is_replicated(row->type) || tables_changed(row) > d->since ||
	    (int)row->type < d->type)
		return false;
	return (int)row->type > d->type || !tables_passed(c->tables, row, d->cursor);
}

static void before_change(void *self, const struct row_view *row)
{
	struct cluster *c = self;

	if (is_due(c, row))
		slice_add(c, row);
}

static void walk(struct cluster *c)
{
	struct donor *d = &c->donor;
	struct row_view row;
	uint32_t sent = 0;

	while (d->is_active && d->type < ROW_COUNT && sent < slice_rows(c)) {
		if (!row_is_replicated((enum row_type)d->type) ||
		    !tables_next(c->tables, (enum row_type)d->type, &d->cursor, &row)) {
			d->type++;
			d->cursor = 0;
			continue;
		}
		if (tables_changed(&row) > d->since)
			continue;
		slice_add(c, &row);
		sent++;
	}
	if (d->is_active)
		slice_send(c);
	if (!d->is_active || d->type < ROW_COUNT)
		return;
	d->is_active = false;
	apply_watch_rows(c->apply, NULL);
	d->start.age_ns = c->now_ns - c->part_since_ns;
	cluster_say(c, WIRE_END, &d->start, sizeof(d->start));
}

/* All hellos are here: the donor begins with all that wait. */
void fill_begin(struct cluster *c)
{
	const struct peer *donor = view_donor(c);
	struct wire_start start = { .part = c->part, .view = c->view,
				    .key = { c->settings.key.words[0], c->settings.key.words[1] } };

	memcpy(start.zones, c->settings.zones, sizeof(start.zones));
	if (!c->is_settled || !donor || !cluster_is_self(c, donor->id) ||
	    c->donor.is_announced)
		return;
	for (uint32_t i = 0; i < c->peer_count; i++)
		if (c->peers[i].state == MEMBER_JOINING)
			start.joiners[start.count++] = c->peers[i].id;
	if (!start.count)
		return;
	c->donor.number++;
	c->donor.is_announced = cluster_say(c, WIRE_START, &start, sizeof(start));
}

void fill_abandon(struct cluster *c)
{
	c->donor_id = (struct wire_member){ 0, 0 };
	heap_free(&c->slices);
	heap_free(&c->waiting);
	c->donor.is_active = c->donor.is_announced = false;
	apply_watch_rows(c->apply, NULL);
}

static bool lists_us(const struct cluster *c, const struct wire_start *start)
{
	for (uint32_t i = 0; i < start->count; i++)
		if (cluster_is_self(c, start->joiners[i]))
			return true;
	return false;
}

/* START comes back to the donor too: the rows of this moment are those that it sends. */
static void give(struct cluster *c, const struct wire_start *start)
{
	const struct apply_watch watch = { before_change, c };
	struct donor *d = &c->donor;

	if (c->state != MEMBER_FULL || d->is_active || !d->is_announced)
		return;
	d->is_active = true;
	d->type = ROW_NONE + 1;
	d->cursor = 0;
	d->since = apply_number(c->apply);
	d->start = *start;
	d->start.number = d->since;
	apply_watch_rows(c->apply, &watch);
	slice_begin(c);
	walk(c);
}

void fill_start(struct cluster *c, const struct wire_head *head, const struct wire_start *start)
{
	if (cluster_is_self(c, head->from)) {
		if (head->number == c->donor.number)
			give(c, start);
		return;
	}
	if (c->state == MEMBER_FULL || !lists_us(c, start))
		return;
	fill_abandon(c);
	c->donor_id = head->from;
	c->filling = head->number;
	c->filled_rows = 0;
	c->progress_ns = c->now_ns;
	c->settings.key = (struct hash_key){ { start->key[0], start->key[1] } };
	c->hands.key(c->hands.self, &c->settings.key);
	if (memcmp(c->settings.zones, start->zones, sizeof(start->zones)))
		c->hands.zones(c->hands.self, start->zones);
}

static bool fills_us(const struct cluster *c, const struct wire_head *head)
{
	return c->state != MEMBER_FULL && c->donor_id.node == head->from.node &&
	       c->donor_id.incarnation == head->from.incarnation && c->filling == head->number;
}

bool fill_waits(const struct cluster *c)
{
	return c->donor_id.node != 0;
}

/* The clock of its arrival goes with it, as its times are durations from there. */
static void keep_record(struct cluster *c, struct heap *h, const struct wire_head *head,
			struct slice body)
{
	struct wire_head kept = *head;

	kept.number = c->now_ns;
	if (heap_add(h, &kept, sizeof(kept)) && heap_add(h, body.bytes, body.length))
		return;
	cluster_leave(c, "cluster: the group holds or decides more than we have room for, we leave "
		      "and join again (join at a quieter time)");
}

void fill_keep(struct cluster *c, const struct wire_head *head, struct slice body)
{
	keep_record(c, &c->waiting, head, body);
}

void fill_slice(struct cluster *c, const struct wire_head *head, struct slice body)
{
	if (cluster_is_self(c, head->from)) {
		if (head->number == c->donor.number)
			walk(c);
		return;
	}
	if (!fills_us(c, head))
		return;
	c->progress_ns = c->now_ns;
	keep_record(c, &c->slices, head, body);
}

/* Half a set of rows would be none: what was sent before is installed with the last slice. */
static void install(struct cluster *c, uint64_t number)
{
	struct slice rest = slice_make(c->slices.bytes, c->slices.used);
	struct wire_head head;
	struct slice body;
	struct batch rows;

	apply_install_begin(c->apply);
	for (; rest.length && !wire_read(rest, &head, &body);
	     rest = slice_from(rest, head.bytes)) {
		arena_reset(&c->arena);
		if (wire_read_batch(body, head.number, &c->arena, &rows)) {
			c->foreign++;
			continue;
		}
		for (uint32_t i = 0; i < rows.change_count; i++)
			apply_install(c->apply, rows.changes[i].type, &rows.changes[i].key,
				      rows.changes[i].value);
		c->filled_rows += rows.change_count;
	}
	apply_install_end(c->apply, number);
}

static void execute_waiting(struct cluster *c)
{
	struct slice rest = slice_make(c->waiting.bytes, c->waiting.used);
	const uint64_t now_ns = c->now_ns;
	struct wire_head head;
	struct slice body;

	for (; rest.length && !wire_read(rest, &head, &body);
	     rest = slice_from(rest, head.bytes)) {
		c->now_ns = head.number;
		cluster_execute(c, &head, body);
	}
	c->now_ns = now_ns;
}

static void mark_full(struct cluster *c, const struct wire_start *start)
{
	for (uint32_t i = 0; i < start->count; i++) {
		struct peer *p = cluster_peer(c, start->joiners[i]);

		if (!p || p->state == MEMBER_FULL)
			continue;
		p->state = MEMBER_FULL;
		p->part = start->part;
	}
}

void fill_end(struct cluster *c, const struct wire_head *head, const struct wire_start *start)
{
	bool is_ours = fills_us(c, head);

	/* Of a filling that a change of the group cut short: those that it filled began anew. */
	if (start->view != c->view)
		return;
	mark_full(c, start);
	if (cluster_is_self(c, head->from))
		c->donor.is_announced = false;
	if (is_ours) {
		c->part = start->part;
		c->part_since_ns = c->now_ns - start->age_ns;
		install(c, start->number);
		execute_waiting(c);
		fill_abandon(c);
		c->is_split = false;
		cluster_set_state(c, MEMBER_FULL);
		apart_propose(c);
	}
	fill_begin(c);
}
