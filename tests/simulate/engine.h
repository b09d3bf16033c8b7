/* SPDX-License-Identifier: MIT */
/* A group engine in memory: closed group, agreed order. A message is put into the inbox of every
 * member of its cell at once; each member takes from its own when it pleases, so members lag behind
 * each other. A partition makes cells; what nobody of a cell had taken yet may be lost with an
 * author who is not in it, as agreed (not safe) order allows. */
#ifndef RINGFENCE_TEST_ENGINE_H
#define RINGFENCE_TEST_ENGINE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/wire.h"

#define NODES 3
#define WIRE_NS 5000000ull           /* what is older has reached every host */

/* A message, or with bytes NULL a view. */
struct letter {
	struct letter *next;
	uint64_t number;             /* one a message, in all inboxes the same */
	uint64_t sent_ns;
	struct wire_member from;
	struct wire_member members[NODES];
	uint32_t member_count;
	uint8_t *bytes;
	size_t length;
};

struct inbox {
	struct letter *first, **last;
	uint64_t taken;              /* number of the last message taken */
};

struct engine {
	struct wire_member members[NODES]; /* node 0: not in the group */
	int cells[NODES];
	struct inbox inboxes[NODES];
	uint64_t number, now_ns;
	bool is_busy;                /* says "not now" */
};

static void inbox_clear(struct inbox *in)
{
	struct letter *next;

	for (struct letter *l = in->first; l; l = next) {
		next = l->next;
		free(l->bytes);
		free(l);
	}
	*in = (struct inbox){ .last = &in->first };
}

static void inbox_add(struct inbox *in, const struct letter *l)
{
	struct letter *copy = malloc(sizeof(*copy));

	assert(copy);
	*copy = *l;
	copy->next = NULL;
	if (l->bytes) {
		copy->bytes = malloc(l->length);
		assert(copy->bytes);
		memcpy(copy->bytes, l->bytes, l->length);
	}
	*in->last = copy;
	in->last = &copy->next;
}

/* NULL: nothing there. The caller frees it. */
static struct letter *inbox_take(struct inbox *in)
{
	struct letter *l = in->first;

	if (!l)
		return NULL;
	in->first = l->next;
	if (!in->first)
		in->last = &in->first;
	if (l->number)
		in->taken = l->number;
	return l;
}

static void engine_open(struct engine *e)
{
	memset(e, 0, sizeof(*e));
	for (int i = 0; i < NODES; i++)
		e->inboxes[i].last = &e->inboxes[i].first;
}

static void engine_close(struct engine *e)
{
	for (int i = 0; i < NODES; i++)
		inbox_clear(&e->inboxes[i]);
}

static void engine_tell_view(struct engine *e, int cell)
{
	struct letter view = { .number = 0 };

	for (int i = 0; i < NODES; i++)
		if (e->members[i].node && e->cells[i] == cell)
			view.members[view.member_count++] = e->members[i];
	for (int i = 0; i < NODES; i++)
		if (e->members[i].node && e->cells[i] == cell)
			inbox_add(&e->inboxes[i], &view);
}

/* What `author` said and nobody of the cell has taken is lost to the cell from a number on. */
static void engine_lose(struct engine *e, int cell, struct wire_member author, uint64_t from)
{
	for (int i = 0; i < NODES; i++) {
		struct letter **at = &e->inboxes[i].first;

		while (e->members[i].node && e->cells[i] == cell && *at) {
			struct letter *l = *at;

			if (!l->number || l->number < from || l->from.node != author.node ||
			    l->sent_ns + WIRE_NS < e->now_ns) {
				at = &l->next;
				continue;
			}
			*at = l->next;
			if (!*at)
				e->inboxes[i].last = at;
			free(l->bytes);
			free(l);
		}
	}
}

/* The first number that nobody of the cell has taken. */
static uint64_t engine_untaken(const struct engine *e, int cell)
{
	uint64_t taken = 0;

	for (int i = 0; i < NODES; i++)
		if (e->members[i].node && e->cells[i] == cell && e->inboxes[i].taken > taken)
			taken = e->inboxes[i].taken;
	return taken + 1;
}

static int engine_send(struct engine *e, int node, const void *bytes, size_t length)
{
	struct letter l = { .from = e->members[node], .bytes = (uint8_t *)bytes,
			    .length = length };

	if (e->is_busy)
		return -1;
	if (!e->members[node].node)
		return 0;
	l.number = ++e->number;
	l.sent_ns = e->now_ns;
	for (int i = 0; i < NODES; i++)
		if (e->members[i].node && e->cells[i] == e->cells[node])
			inbox_add(&e->inboxes[i], &l);
	return 0;
}

static void engine_join(struct engine *e, int node, struct wire_member id)
{
	inbox_clear(&e->inboxes[node]);
	e->members[node] = id;
	engine_tell_view(e, e->cells[node]);
}

/* loses: what none of the others has taken dies with it, though it may have taken it itself. */
static void engine_leave(struct engine *e, int node, bool loses)
{
	struct wire_member id = e->members[node];

	if (!id.node)
		return;
	e->members[node].node = 0;
	inbox_clear(&e->inboxes[node]);
	if (loses)
		engine_lose(e, e->cells[node], id, engine_untaken(e, e->cells[node]));
	engine_tell_view(e, e->cells[node]);
}

/* Node `node` alone in a cell of its own, or back. */
static void engine_part(struct engine *e, int node, bool loses)
{
	int old = e->cells[node];
	struct wire_member id = e->members[node];

	e->cells[node] = node + 1;
	if (id.node && loses) {
		engine_lose(e, old, id, engine_untaken(e, old));
		for (int i = 0; i < NODES; i++)
			if (i != node && e->members[i].node && e->cells[i] == old)
				engine_lose(e, node + 1, e->members[i],
					    engine_untaken(e, node + 1));
	}
	engine_tell_view(e, old);
	engine_tell_view(e, node + 1);
}

static void engine_heal(struct engine *e)
{
	memset(e->cells, 0, sizeof(e->cells));
	engine_tell_view(e, 0);
}

#endif
