// SPDX-License-Identifier: MIT
/* MGCP gateways and their call agents: in what state they are, what is open, what waits for an
 * answer. Lost is who let a command run out, or does not answer for T-MAX, and answered nothing
 * since. */
#include <string.h>

#include "base/map.h"
#include "cli/show_own.h"
#include "proto/mgcp/mgcp.h"

/* Of a host, by its address; of a gateway's connections, by its owner; of an endpoint, by its own. */
struct tally {
	const struct health_row *health;
	uint64_t waits_ns;           /* when the oldest waiting command since the last answer was sent */
	uint32_t waiting;
	uint32_t connections, endpoints;
	uint32_t gateways;           /* of an agent                                           */
	uint16_t zone;
};

struct census {
	const struct view *v;
	const struct filter *f;
	struct map *tallies;
};

static const struct hash_key census_key = { { 0x72696e6766656e63, 0x67617465776179 } };

static bool census_begin(struct census *c, const struct view *v, const struct filter *f)
{
	*c = (struct census){ .v = v, .f = f };
	c->tallies = map_new(sizeof(struct address), sizeof(struct tally), LIMIT_CALLS * 8,
			     &census_key);
	return c->tallies;
}

static struct tally *tally_of(struct census *c, const void *key)
{
	static struct tally none;
	struct tally *t = map_take(c->tallies, key);

	none = (struct tally){ .health = NULL };
	return t ?: &none;
}

static void count_health(struct census *c)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(c->v->tables, ROW_health, &cursor, &row)) {
		const struct health_row *h = row.value;

		if (!h->protocol || h->protocol == MGCP_PROTOCOL)
			tally_of(c, &h->host)->health = h;
	}
}

static void count_connections(struct census *c)
{
	static const struct owner open;   /* the answer is to name the endpoint */
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(c->v->tables, ROW_connection, &cursor, &row)) {
		const struct connection_row *r = row.value;

		/* Each once: where its media is. */
		if (row.key->sub || row.key->part ||
		    memcmp(&row.key->owner, &r->media, sizeof(r->media)))
			continue;
		tally_of(c, &r->gateway)->connections++;
		if (memcmp(&r->endpoint, &open, sizeof(open)) &&
		    !tally_of(c, &r->endpoint)->connections++)
			tally_of(c, &r->gateway)->endpoints++;
	}
}

static bool is_mgcp(const struct census *c, const struct row_key *transaction)
{
	struct row_key key = { .owner = transaction->owner, .part = TIMER_TRANSACTION };
	const struct timer_row *timer = tables_find(c->v->tables, ROW_timer, &key);

	return !transaction->sub && !transaction->part && timer && timer->protocol == MGCP_PROTOCOL;
}

static void count_commands(struct census *c)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(c->v->tables, ROW_transaction, &cursor, &row)) {
		const struct transaction_row *r = row.value;
		uint64_t sent_ns = r->ends_ns - MGCP_TRANSACTION_NS;
		struct tally *t;

		if (r->status || !is_mgcp(c, row.key))
			continue;
		t = tally_of(c, &r->peers[1].address);
		t->waiting++;
		if (t->health && t->health->answered_ns >= sent_ns)
			continue;
		if (!t->waits_ns || sent_ns < t->waits_ns)
			t->waits_ns = sent_ns;
	}
}

/* Since when nothing is answered; 0: it is. */
static uint64_t silent_ns(const struct census *c, const struct tally *t)
{
	uint64_t now_ns = c->v->now_ns;

	if (t->health && t->health->silent_ns)
		return t->health->silent_ns;
	return t->waits_ns && now_ns > t->waits_ns + MGCP_T_MAX_NS ? t->waits_ns : 0;
}

static const char *state_of(const struct census *c, const struct gateway_row *g,
			    const struct tally *t)
{
	static const char *const states[] = {
		[GATEWAY_IN_SERVICE] = "in service",
		[GATEWAY_RESTARTING] = "restarting",
		[GATEWAY_OUT_OF_SERVICE] = "out of service",
		[GATEWAY_DISCONNECTED] = "disconnected",
	};

	if (silent_ns(c, t))
		return "lost";
	return g->state < sizeof(states) / sizeof(*states) ? states[g->state] : "unknown";
}

/* What a host's answers say. */
static json_t *answers_json(const struct census *c, const struct tally *t)
{
	const struct health_row *h = t->health;
	bool answered = h && h->answered_ns;

	return json_pack("{s:I, s:I, s:o, s:o, s:o}", "waiting", (json_int_t)t->waiting,
			 "unanswered", (json_int_t)(h ? h->unanswered : 0), "answer_ms",
			 answered ? json_real((double)h->answer_us / 1000) : json_null(),
			 "answered_s", show_since(c->v, answered ? h->answered_ns : 0), "silent_s",
			 show_since(c->v, silent_ns(c, t)));
}

static json_t *gateway_json(struct census *c, const struct row_view *row)
{
	const struct gateway_row *g = row->value;
	const struct tally *t = tally_of(c, &g->gateway.address),
			   *open = tally_of(c, &row->key->owner);
	json_t *document = json_pack(
		"{s:o, s:s, s:s, s:o, s:s, s:o, s:s, s:o, s:I, s:I, s:o, s:o}", "gateway",
		show_place(&g->gateway.address, 0), "state", state_of(c, g, t), "zone",
		view_zone(c->v, g->zones[0]), "agent", show_place(&g->agent, 0), "agent_zone",
		view_zone(c->v, g->zones[1]), "announced",
		address_is_zero(&g->announced) ? json_null() : show_place(&g->announced, 0),
		"version", g->old_version ? "0.1" : "1.0", "domain",
		show_bytes(slice_make(g->domain, g->domain_bytes)), "connections",
		(json_int_t)open->connections, "endpoints", (json_int_t)open->endpoints, "heard_s",
		show_since(c->v, g->heard_ns), "restarted_s", show_since(c->v, g->restarted_ns));

	json_object_update_new(document, answers_json(c, t));
	return document;
}

static bool is_meant(const struct census *c, const struct gateway_row *g)
{
	return filter_takes_zones(c->f, g->zones[0], g->zones[1]) &&
	       (filter_takes_address(c->f, &g->gateway.address) ||
		filter_takes_address(c->f, &g->agent));
}

static json_t *gateways(struct census *c)
{
	json_t *list = json_array();
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(c->v->tables, ROW_gateway, &cursor, &row)) {
		const struct gateway_row *g = row.value;
		struct tally *agent;

		if (!is_meant(c, g))
			continue;
		agent = tally_of(c, &g->agent);
		agent->gateways++;
		agent->zone = g->zones[1];
		json_array_append_new(list, gateway_json(c, &row));
	}
	return list;
}

/* Those that command a gateway. */
static json_t *agents(struct census *c)
{
	json_t *list = json_array();
	const void *key;
	uint32_t cursor = 0;
	void *value;

	while (map_next(c->tallies, &cursor, &key, &value)) {
		const struct tally *t = value;
		json_t *document;

		if (!t->gateways)
			continue;
		document = json_pack("{s:o, s:s, s:I, s:b}", "agent", show_place(key, 0), "zone",
				     view_zone(c->v, t->zone), "gateways", (json_int_t)t->gateways,
				     "alarm", silent_ns(c, t) != 0);
		json_object_update_new(document, answers_json(c, t));
		json_array_append_new(list, document);
	}
	return list;
}

json_t *show_gateways(const struct view *v, struct filter *f, json_t **ret_agents)
{
	struct census c;
	json_t *list;

	if (!census_begin(&c, v, f)) {
		*ret_agents = json_array();
		return json_array();
	}
	count_health(&c);
	count_connections(&c);
	count_commands(&c);
	list = gateways(&c);
	*ret_agents = agents(&c);
	map_free(c.tallies);
	return list;
}
