// SPDX-License-Identifier: MIT
/* Sources: who is trusted, who is denied, and who is heard of without being either. */
#include <string.h>

#include "cli/show_own.h"

#define ZONE_BITS 32             /* zone and padding, before the address */

static const char *const standings[] = { "unknown", "trusted", "denied" };
static const char *const origins[] = { "others", "configuration", "operator", "judgement" };

static json_t *source_json(const struct view *v, const struct network *n, uint16_t zone,
			   const struct source *s)
{
	char name[64];

	show_network(n, name);
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "source", name, "zone",
			 zone ? view_zone(v, zone) : "any", "standing",
			 s->standing < sizeof(standings) / sizeof(*standings) ?
				 standings[s->standing] : "unknown",
			 "by", s->origin < sizeof(origins) / sizeof(*origins) ?
				 origins[s->origin] : "others",
			 "expires_s", show_until(v, s->until_ns));
}

/* What operators and judgements said. */
static void add_rows(const struct view *v, const struct filter *f, json_t *list)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(v->tables, ROW_source, &cursor, &row)) {
		const struct source_row *r = row.value;
		struct network n = { .prefix_bits = (uint8_t)row.key->part };
		struct source s = {
			.standing = (uint16_t)r->conclusion.standing,
			.origin = r->conclusion.reason ? SOURCE_BY_JUDGEMENT : SOURCE_BY_OPERATOR,
			.until_ns = r->conclusion.until_ns,
		};
		uint16_t zone = (uint16_t)row.key->sub;
		json_t *line;

		memcpy(n.address.bytes, row.key->owner.bytes, sizeof(n.address.bytes));
		if (!filter_takes_network(f, &n) || (zone && !filter_takes_zones(f, zone, zone)))
			continue;
		line = source_json(v, &n, zone, &s);
		if (r->conclusion.reason)
			json_object_set_new(line, "reason",
					    json_string(show_reason(r->conclusion.reason)));
		json_array_append_new(list, line);
	}
}

/* What else the fast path holds: servers, and what was written into the map by hand. */
static void add_entries(const struct view *v, const struct filter *f, json_t *list)
{
	struct source_key key, *after = NULL;
	struct source s;

	for (uint32_t i = 0; i < LIMIT_SOURCES &&
			     kernel_source_next(v->kernel, after, &key, &s); i++) {
		struct network n = { key.address, (uint8_t)(key.prefix_bits - ZONE_BITS) };

		after = &key;
		if (s.origin == SOURCE_BY_OPERATOR || s.origin == SOURCE_BY_JUDGEMENT ||
		    !filter_takes_network(f, &n) || !filter_takes_zones(f, key.zone, key.zone))
			continue;
		json_array_append_new(list, source_json(v, &n, key.zone, &s));
	}
}

/* A bucket outlives the entry that was made of its source. */
static bool has_row(const struct view *v, const struct address *a)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(v->tables, ROW_source, &cursor, &row)) {
		struct network n = { .prefix_bits = (uint8_t)row.key->part };

		memcpy(n.address.bytes, row.key->owner.bytes, sizeof(n.address.bytes));
		if (network_contains(&n, a))
			return true;
	}
	return false;
}

/* Who sent signalling lately without an entry; of IPv6 a /64 is one source. */
static void add_unknown(const struct view *v, const struct filter *f, json_t *list)
{
	struct bucket_key key, *after = NULL;
	struct bucket b;

	for (uint32_t i = 0; i < LIMIT_SOURCE_BUCKETS &&
			     kernel_bucket_next(v->kernel, after, &key, &b); i++) {
		const struct source unknown = { .standing = SOURCE_UNKNOWN };
		struct network n = { key.address, address_is_ipv4(&key.address) ? 128 : 64 };
		json_t *line;

		after = &key;
		if (has_row(v, &key.address) || !filter_takes_network(f, &n) ||
		    !filter_takes_zones(f, (uint16_t)key.zone, (uint16_t)key.zone))
			continue;
		line = source_json(v, &n, (uint16_t)key.zone, &unknown);
		json_object_del(line, "by");
		json_object_set_new(line, "heard_s", show_since(v, b.window_ns));
		json_object_set_new(line, "messages", json_integer(b.messages));
		json_array_append_new(list, line);
	}
}

json_t *show_sources(const struct view *v, struct filter *f)
{
	json_t *list = json_array();

	add_rows(v, f, list);
	add_entries(v, f, list);
	add_unknown(v, f, list);
	return list;
}
