// SPDX-License-Identifier: MIT
/* The gateway on one screen: interfaces, zones, protections, the fill of the tables, totals. */
#include "cli/show_own.h"

#include <stdio.h>

#include "io/host.h"

static json_t *interfaces(const struct view *v)
{
	static struct attachment_state states[LIMIT_INTERFACES];
	int count = kernel_attachments(v->kernel, states, LIMIT_INTERFACES);
	json_t *list = json_array();

	for (int i = 0; i < count; i++) {
		const struct attachment_state *s = &states[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "interface",
					s->interface, "zone", view_zone(v, s->zone), "vlan",
					s->vlan, "mode",
					s->mode == ATTACH_NATIVE ? "native" : "tc", "by",
					s->by_hand ? "hand" : "file", "why", s->why, "warning",
					s->warning));
	}
	return list;
}

static json_t *network_json(const struct network_key *key)
{
	const struct network n = { key->address, (uint8_t)key->prefix_bits };
	char name[64];

	if (!key->prefix_bits)
		return json_string("everything else");
	show_network(&n, name);
	return json_string(name);
}

static json_t *networks(const struct view *v, uint16_t zone)
{
	json_t *list = json_array();
	struct network_key key, *after = NULL;
	uint16_t of;

	for (uint32_t i = 0; i < LIMIT_NETWORKS &&
			     kernel_network_next(v->kernel, after, &key, &of); i++) {
		if (of == zone)
			json_array_append_new(list, network_json(&key));
		after = &key;
	}
	return list;
}

/* A name whose zone left the file has neither ports nor networks, and is not told. */
static json_t *zones(const struct view *v)
{
	json_t *list = json_array();

	for (uint16_t z = 1; z <= LIMIT_ZONES; z++) {
		struct zone_ports ports = { .media_low = 0 };
		char range[16];

		if (!v->zones[z].name[0] || kernel_zone_ports(v->kernel, z, &ports) ||
		    !ports.media_low)
			continue;
		snprintf(range, sizeof(range), "%u-%u", ports.media_low, ports.media_high);
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "zone", view_zone(v, z),
						      "media_ports", range, "networks",
						      networks(v, z)));
	}
	return list;
}

static json_t *tables(const struct view *v)
{
	json_t *list = json_array();

	for (int type = 1; type < ROW_COUNT; type++)
		json_array_append_new(
			list, json_pack("{s:s, s:I, s:I}", "table", row_name((enum row_type)type),
					"rows",
					(json_int_t)tables_count(v->tables, (enum row_type)type),
					"capacity",
					(json_int_t)tables_capacity(v->tables,
								    (enum row_type)type)));
	return list;
}

static const uint8_t protection_of[REASON_COUNT] = {
#define REASON(name, protection, sentence) [REASON_##name] = protection,
#include <ringfence/reason.def>
#undef REASON
};

static uint64_t counter(const struct view *v, uint32_t index)
{
	uint64_t value = 0;

	kernel_counter(v->kernel, index, &value);
	return value;
}

static json_t *totals(const struct view *v)
{
	uint64_t refused = counter(v, REASON_media_no_route);

	for (uint32_t i = 1; i < REASON_COUNT; i++)
		if (protection_of[i] == PROTECTION_MEDIA)
			refused += counter(v, i);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "media_forwarded",
			 (json_int_t)(counter(v, COUNTER_media_forwarded) +
				      counter(v, COUNTER_media_pinhole) +
				      counter(v, COUNTER_media_by_stack)),
			 "media_refused", (json_int_t)refused, "messages_accepted",
			 (json_int_t)counter(v, COUNTER_messages_accepted), "messages_refused",
			 (json_int_t)counter(v, COUNTER_messages_refused), "messages_unread",
			 (json_int_t)(counter(v, REASON_daemon_down) +
				      counter(v, REASON_transport_unread) +
				      counter(v, COUNTER_signalling_unread)),
			 "packets_passed", (json_int_t)counter(v, COUNTER_packets_passed));
}

static json_t *protections(const struct control *word)
{
	static const char *const names[PROTECTION_COUNT] = {
		[PROTECTION_MEDIA] = "media",
		[PROTECTION_SOURCES] = "sources",
		[PROTECTION_SIP] = "sip",
		[PROTECTION_MGCP] = "mgcp",
	};
	static const char *const modes[] = { "enforce", "monitor", "off" };
	json_t *document = json_object();

	for (int i = 0; i < PROTECTION_COUNT; i++)
		if (names[i] && word->enforcement[i] < sizeof(modes) / sizeof(*modes))
			json_object_set_new(document, names[i],
					    json_string(modes[word->enforcement[i]]));
	return document;
}

/* As it is now: an operator looks here again after the remedy. */
static json_t *warnings(const struct view *v)
{
	static struct host_warnings w;
	json_t *list = json_array();

	host_check(v->policy, v->own, v->own_count, &w);
	for (uint32_t i = 0; i < w.count; i++)
		json_array_append_new(list, json_string(w.text[i]));
	return list;
}

json_t *show_status(const struct view *v)
{
	struct control word = { .heartbeat_ns = 0 };
	json_t *document = json_object();

	kernel_control_word(v->kernel, &word);
	if (v->running)
		json_object_update_new(document,
				       json_pack("{s:s, s:o, s:o, s:I, s:I, s:o, s:o}", "mode", v->mode,
						 "warnings", warnings(v),
						 "up_s", show_since(v, v->started_ns), "reloads",
						 (json_int_t)v->reloads, "reloads_refused",
						 (json_int_t)v->reloads_refused, "services",
						 show_services(v), "tcp", show_streams(v)));
	json_object_update_new(document,
			       json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "when_down",
					 word.pass_when_down ? "pass" : "hold", "protections",
					 protections(&word), "totals", totals(v), "interfaces",
					 interfaces(v), "zones", zones(v), "tables", tables(v)));
	return document;
}
