// SPDX-License-Identifier: MIT
/* Doors and locks as flows and pinholes, with what the fast path saw of them. */
#include "cli/quality.h"
#include "cli/show_own.h"
#include "state/door.h"

bool door_is_exact(const struct flow_key *key)
{
	return key->source_port && !address_is_zero(&key->source);
}

static const char *door_kind(const struct door_row *door)
{
	if (door->kind == DOOR_SIGNALLING)
		return "signalling";
	if (door->flags & PERMIT_RTP)
		return "rtp";
	return door->flags & PERMIT_RTCP ? "rtcp" : "any";
}

/* What the call says of the door's line; MEDIA_NONE where nothing is agreed. */
static uint8_t media_kind(const struct view *v, const struct row_view *door)
{
	const struct door_row *d = door->value;
	struct row_key key = { .owner = door->key->owner, .sub = door->key->sub, .part = d->line };
	const struct media_row *media = tables_find(v->tables, ROW_media, &key);

	key.sub = 0;
	if (!media)
		media = tables_find(v->tables, ROW_media, &key);
	if (!media)
		return MEDIA_NONE;
	return media->current[0].kind ?: media->proposed[0].kind ?: media->proposed[1].kind;
}

/* Three digits behind the point are more than it is worth. */
static json_t *rounded(double x)
{
	return json_real((double)(long long)(x * 1000.0 + 0.5) / 1000.0);
}

static void add_quality(json_t *line, const struct activity *a, const struct row_view *door,
			uint8_t kind)
{
	struct quality q = quality_of(a, door->value, kind == MEDIA_AUDIO);

	if (!q.measured)
		return;
	json_object_set_new(line, "lost", json_integer(q.lost));
	json_object_set_new(line, "loss_percent", rounded(q.loss_percent));
	json_object_set_new(line, "jitter_ms", rounded(q.jitter_ms));
	if (!q.as)
		return;
	json_object_set_new(line, "mos_estimated", rounded(q.mos));
	json_object_set_new(line, "mos_as", json_string(q.as));
}

json_t *show_door(const struct view *v, const struct row_view *door, const struct flow_key *key)
{
	static const char *const media[] = { NULL,	    "audio",	   "video", "image",
					     "application", "message", "other" };
	const struct door_row *d = door->value;
	uint8_t kind = d->kind == DOOR_MEDIA ? media_kind(v, door) : MEDIA_NONE;
	struct activity a = { 0 };
	bool open = kernel_activity(v->kernel, key, &a);
	json_t *line = json_pack(
		"{s:o, s:o, s:s, s:s, s:s, s:s*, s:o, s:b, s:b, s:I, s:I, s:I, s:o, s:o, s:o}",
		"from", show_place(&key->source, key->source_port), "to",
		show_place(&d->key.destination, d->key.destination_port), "zone",
		view_zone(v, key->zone), "to_zone", view_zone(v, d->zone_out), "kind",
		door_kind(d), "media", kind < sizeof(media) / sizeof(*media) ? media[kind] : NULL,
		"call", show_text(v, &door->key->owner, TEXT_CALL_ID), "early",
		!!(d->flags & PERMIT_EARLY), "open", open, "packets", (json_int_t)a.packets,
		"bytes", (json_int_t)a.bytes, "dropped", (json_int_t)a.dropped, "idle_s",
		show_since(v, a.seen_ns), "expires_s", show_until(v, d->expires_ns), "named_by",
		show_place(&d->named_by.address, d->named_by.port));

	if (d->arrives_at.port)
		json_object_set_new(line, "arrives_at",
				    show_place(&d->arrives_at.address, d->arrives_at.port));
	if (d->leaves_from.port)
		json_object_set_new(line, "leaves_from",
				    show_place(&d->leaves_from.address, d->leaves_from.port));
	if (d->flags & PERMIT_RTP)
		add_quality(line, &a, door, kind);
	return line;
}

static bool is_meant(const struct view *v, const struct filter *f, const struct row_view *door,
		     const struct flow_key *key)
{
	const struct door_row *d = door->value;

	if (!filter_takes_zones(f, key->zone, d->zone_out) ||
	    !filter_takes_call(v, f, &door->key->owner))
		return false;
	return filter_takes_address(f, &key->destination) ||
	       (d->arrives_at.port && filter_takes_address(f, &d->key.destination)) ||
	       (d->leaves_from.port && filter_takes_address(f, &d->leaves_from.address)) ||
	       (!address_is_zero(&key->source) && filter_takes_address(f, &key->source));
}

static json_t *doors(const struct view *v, const struct filter *f, bool exact)
{
	json_t *list = json_array();
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(v->tables, ROW_door, &cursor, &row)) {
		const struct flow_key flow = door_flow(row.value);

		if (door_is_exact(&flow) == exact && is_meant(v, f, &row, &flow))
			json_array_append_new(list, show_door(v, &row, &flow));
	}
	return list;
}

json_t *show_pinholes(const struct view *v, struct filter *f)
{
	return doors(v, f, false);
}

json_t *show_flows(const struct view *v, struct filter *f)
{
	json_t *list = doors(v, f, true);
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(v->tables, ROW_lock, &cursor, &row)) {
		const struct lock_row *lock = row.value;
		struct row_view door = { ROW_door, row.key,
					 tables_find(v->tables, ROW_door, row.key) };

		if (door.value && is_meant(v, f, &door, &lock->key))
			json_array_append_new(list, show_door(v, &door, &lock->key));
	}
	return list;
}
