// SPDX-License-Identifier: MIT
/* Both sides of each mapping, from the doors that hold it. */
#include "cli/show_own.h"
#include "state/mappings.h"

static json_t *mapping_json(const struct view *v, const struct nat_mapping *m)
{
	return json_pack("{s:o, s:o, s:s, s:I}", "inside",
			 show_place(&m->inside.address, m->inside.port), "seen_as",
			 show_place(&m->outside.address, m->outside.port), "seen_from",
			 view_zone(v, m->seen_from), "doors", (json_int_t)m->claims);
}

json_t *show_nat(const struct view *v, struct filter *f)
{
	/* Nothing of a stranger's choice is looked up here. */
	static const struct hash_key key = { { 1, 2 } };
	struct mappings *all = mappings_new(tables_capacity(v->tables, ROW_door), &key);
	json_t *list = json_array();
	struct nat_mapping m;
	struct row_view row;
	uint32_t cursor = 0;

	while (all && tables_next(v->tables, ROW_door, &cursor, &row))
		mappings_change(all, NULL, row.value);
	for (cursor = 0; all && mappings_next(all, &cursor, &m);)
		if (filter_takes_zones(f, m.seen_from, m.seen_from) &&
		    (filter_takes_address(f, &m.inside.address) ||
		     filter_takes_address(f, &m.outside.address)))
			json_array_append_new(list, mapping_json(v, &m));
	mappings_free(all);
	return list;
}
