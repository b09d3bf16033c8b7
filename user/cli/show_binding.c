// SPDX-License-Identifier: MIT
/* Who is registered: address of record, contact, the flow that calls take, and for how long. */
#include "cli/show_own.h"

static const char *algorithm_name(uint8_t algorithm)
{
	static const char *const names[] = {
		[DIGEST_NONE] = "",	   [DIGEST_OTHER] = "other",
		[DIGEST_MD5] = "md5",	   [DIGEST_SHA256] = "sha-256",
		[DIGEST_SHA512_256] = "sha-512-256",
	};

	return algorithm < sizeof(names) / sizeof(*names) ? names[algorithm] : "?";
}

static json_t *endpoint_json(const struct endpoint *e)
{
	return e->port ? show_place(&e->address, e->port) : json_null();
}

static json_t *binding_json(const struct view *v, const struct row_view *row)
{
	const struct binding_row *b = row->value;
	const char *how = algorithm_name(b->algorithm);
	const bool is_trusted = b->flags & BINDING_AUTHENTICATED;

	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:b, s:s, s:s, s:o, s:I, s:b, s:b, s:o, s:o}",
		"aor", show_bytes(slice_make(b->text, b->text_bytes)), "contact",
		endpoint_json(&b->contact), "contact_uri",
		show_bytes(slice_make(b->contact_text, b->contact_bytes)), "source",
		endpoint_json(&b->source), "registrar", endpoint_json(&b->registrar), "path",
		endpoint_json(&b->path), "zone", view_zone(v, b->zones[0]), "to_zone",
		view_zone(v, b->zones[1]), "authenticated", is_trusted, "algorithm",
		is_trusted ? how : "", "auth", is_trusted ? how : "no", "instance",
		show_bytes(slice_make(b->instance, b->instance_bytes)), "reg_id",
		(json_int_t)b->reg_id, "flow", (b->flags & BINDING_FLOW) != 0, "third_party",
		(b->flags & BINDING_THIRD_PARTY) != 0, "at",
		b->contact.port ? show_place(&b->contact.address, b->contact.port) :
				  show_bytes(slice_make(b->contact_text, b->contact_bytes)),
		"expires_s", show_until(v, b->expires_ns));
}

json_t *show_bindings(const struct view *v, struct filter *f)
{
	json_t *list = json_array();
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(v->tables, ROW_binding, &cursor, &row)) {
		const struct binding_row *b = row.value;

		if (!(b->flags & BINDING_BOUND) ||
		    !filter_takes_zones(f, b->zones[0], b->zones[1]) ||
		    (!filter_takes_address(f, &b->contact.address) &&
		     !filter_takes_address(f, &b->source.address) &&
		     !filter_takes_address(f, &b->registrar.address)))
			continue;
		json_array_append_new(list, binding_json(v, &row));
	}
	return list;
}
