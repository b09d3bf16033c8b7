// SPDX-License-Identifier: MIT
/* SIP servers and trunks of the configuration: which answers, how fast, and which does not. */
#include "cli/show_own.h"

#define SIP 1

static const struct health_row *health_of(const struct view *v, const struct address *host)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(v->tables, ROW_health, &cursor, &row)) {
		const struct health_row *h = row.value;

		if (h->protocol == SIP && address_equal(&h->host, host))
			return h;
	}
	return NULL;
}

static const char *state_of(const struct health_row *h)
{
	if (!h)
		return "not asked";
	return h->silent_ns ? "lost" : "answers";
}

static json_t *server_json(const struct view *v, const struct server *s, const struct address *a)
{
	static const char *const parts[] = { "endpoint",   "proxy",	 "trunk",
					     "gatekeeper", "call_agent", "gateway" };
	const struct health_row *h = health_of(v, a);
	bool answered = h && h->answered_ns;

	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:o}", "server", s->name,
			 "address", show_place(a, 0), "zone", view_zone(v, s->zone), "part",
			 s->part < sizeof(parts) / sizeof(*parts) ? parts[s->part] : "?", "state",
			 state_of(h), "answer_ms",
			 answered ? json_real((double)h->answer_us / 1000) : json_null(),
			 "answered_s", show_since(v, answered ? h->answered_ns : 0), "unanswered",
			 (json_int_t)(h ? h->unanswered : 0), "refused",
			 (json_int_t)(h ? h->refused : 0), "silent_s",
			 show_since(v, h ? h->silent_ns : 0));
}

json_t *show_servers(const struct view *v, struct filter *f)
{
	json_t *list = json_array();

	for (uint32_t i = 0; v->policy && i < v->policy->server_count; i++) {
		const struct server *s = &v->policy->servers[i];

		if (!(s->speaks & 1u << SIP) || !filter_takes_zones(f, s->zone, s->zone))
			continue;
		for (uint32_t n = 0; n < s->address_count; n++)
			if (filter_takes_address(f, &s->addresses[n]))
				json_array_append_new(list, server_json(v, s, &s->addresses[n]));
	}
	return list;
}
