// SPDX-License-Identifier: MIT
/* How much of a gateway is in use: connections, and endpoints that have one. Limits are the file's;
 * the alarm comes at nine tenths, and again only after it fell below eight. */
#include "proto/mgcp/judge.h"

#define SET_SIZE 2048u               /* a power of two, twice as many as connections */

_Static_assert(SET_SIZE >= 2 * LIMIT_MGCP_CONNECTIONS, "the set never fills");

struct usage {
	uint64_t *endpoints;         /* starts of owners, which are keyed hashes; 0 free */
	uint32_t endpoint_count, connection_count;
};

/* True where it was not there. */
static bool add_endpoint(struct usage *u, const struct owner *endpoint)
{
	uint64_t start = owner_sub(endpoint);
	uint32_t at = (uint32_t)start % SET_SIZE;

	while (u->endpoints[at] && u->endpoints[at] != start)
		at = (at + 1) % SET_SIZE;
	if (u->endpoints[at])
		return false;
	u->endpoints[at] = start;
	u->endpoint_count++;
	return true;
}

static void count(const struct mgcp_judge *j, struct usage *u)
{
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];
		const struct connection_row *c = row->value;

		if (row->type != ROW_connection || row->key->part ||
		    memcmp(&row->key->owner, &j->index_owner, sizeof(j->index_owner)))
			continue;
		u->connection_count++;
		if (u->endpoints && !mgcp_owner_is_zero(&c->endpoint))
			add_endpoint(u, &c->endpoint);
	}
}

static bool is_above(uint32_t count_, uint32_t limit, uint32_t tenths)
{
	return limit && count_ * 10 >= limit * tenths;
}

static void note(struct mgcp_judge *j, const struct usage *u, const struct mgcp_limits *l)
{
	struct gateway_row *g = &j->next_gateway;

	if (!is_above(u->connection_count, l->connections, 8) &&
	    !is_above(u->endpoint_count, l->endpoints, 8))
		g->crowded = 0;
	if (g->crowded || (!is_above(u->connection_count, l->connections, 9) &&
			   !is_above(u->endpoint_count, l->endpoints, 9)))
		return;
	g->crowded = 1;
	batch_tell(j->batch, TELL_GATEWAY_CROWDED, &j->gateway_owner);
}

bool mgcp_has_room(struct mgcp_judge *j, uint32_t connections)
{
	const struct mgcp_limits *l = &j->in->policy->mgcp;
	struct usage u = { .endpoints = NULL };
	enum reason reason = REASON_none;

	if (l->endpoints) {
		u.endpoints = arena_take(j->in->arena, SET_SIZE * sizeof(*u.endpoints));
		if (!u.endpoints)
			reason = REASON_message_limit;
	}
	count(j, &u);
	u.connection_count += connections;
	if ((l->connections && u.connection_count > l->connections) ||
	    u.connection_count > LIMIT_MGCP_CONNECTIONS)
		reason = REASON_mgcp_connections;
	/* One that the answer is to name may be new. */
	if (u.endpoints && (mgcp_owner_is_zero(&j->about.endpoint) ?
				    ++u.endpoint_count : add_endpoint(&u, &j->about.endpoint)) &&
	    u.endpoint_count > l->endpoints)
		reason = REASON_mgcp_endpoints;
	if (reason) {
		mgcp_judge_refuse(j, reason, j->m->verb_text);
		return false;
	}
	/* Other members may let some in at this moment. */
	batch_claim_of(j->batch, ROW_connection, &j->index_owner, connections,
		       l->connections ? l->connections : LIMIT_MGCP_CONNECTIONS);
	note(j, &u, l);
	return true;
}
