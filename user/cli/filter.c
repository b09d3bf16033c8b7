// SPDX-License-Identifier: MIT
/* Filters of the tables. A word that means nothing is refused with the nearest that does. */
#include "cli/filter.h"

#include <stdio.h>
#include <string.h>

#include "policy/load_own.h"

static const char *word(const json_t *request, const char *name)
{
	return json_string_value(json_object_get(request, name));
}

static bool read_zone(const struct view *v, const char *name, struct filter *f, char *error)
{
	const char *names[LIMIT_ZONES + 1] = { NULL }, *near;
	uint32_t count = 0;

	for (uint16_t z = 1; z <= LIMIT_ZONES; z++) {
		if (!v->zones[z].name[0])
			continue;
		names[count++] = v->zones[z].name;
		if (!strcmp(v->zones[z].name, name))
			f->zone = z;
	}
	near = load_nearest(name, names);
	if (!f->zone)
		snprintf(error, 200, "zone %.40s: there is none (%s%s%s)", name,
			 near ? "did you mean " : "ringfence status lists them", near ?: "",
			 near ? "?" : "");
	return f->zone;
}

bool filter_read(const struct view *v, const json_t *request, struct filter *ret,
		 char ret_error[200])
{
	const char *address = word(request, "address"), *zone = word(request, "zone");

	*ret = (struct filter){ .call = word(request, "call") };
	if (zone && !read_zone(v, zone, ret, ret_error))
		return false;
	if (!address)
		return true;
	ret->by_network = network_parse(slice_make(address, strlen(address)), &ret->network);
	if (!ret->by_network)
		snprintf(ret_error, 200, "%.60s: no address (write 10.1.0.10 or 10.1.0.0/16)",
			 address);
	return ret->by_network;
}

bool filter_takes_address(const struct filter *f, const struct address *a)
{
	return !f->by_network || network_contains(&f->network, a);
}

bool filter_takes_network(const struct filter *f, const struct network *n)
{
	return !f->by_network || network_contains(&f->network, &n->address) ||
	       network_contains(n, &f->network.address);
}

bool filter_takes_zones(const struct filter *f, uint16_t one, uint16_t other)
{
	return !f->zone || f->zone == one || f->zone == other;
}

bool filter_takes_call(const struct view *v, const struct filter *f, const struct owner *owner)
{
	const struct row_key key = { .owner = *owner, .part = TEXT_CALL_ID };
	const struct text_row *row = f->call ? tables_find(v->tables, ROW_text, &key) : NULL;

	size_t length;

	if (!f->call)
		return true;
	length = strlen(f->call);
	return row && length <= row->length && (f->by_prefix || length == row->length) &&
	       !memcmp(f->call, row->bytes, length);
}
