// SPDX-License-Identifier: MIT
/* Signalling connections. They are the daemon's own: without it there are none. */
#include <arpa/inet.h>

#include "cli/show_own.h"
#include "inspect/inspect.h"
#include "io/proxy.h"

const char *show_transport(uint8_t transport)
{
	return transport == IPPROTO_TCP ? "tcp" : "udp";
}

static const char *state_of(const struct proxy_view *c)
{
	return c->connecting ? "connecting" : c->closing ? "closing" : "open";
}

static json_t *connection_json(const struct view *v, const struct proxy_view *c)
{
	const struct endpoint *caller = &c->ends.at[PROXY_CALLER],
			      *callee = &c->ends.at[PROXY_CALLEE];
	uint8_t speaks = c->terms.speaks;

	return json_pack(
		"{s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:I, s:I, s:I, s:I, s:I}",
		"from", show_place(&caller->address, caller->port), "to",
		show_place(&callee->address, callee->port), "zone",
		view_zone(v, policy_zone_of(v->policy, &caller->address)), "to_zone",
		view_zone(v, policy_zone_of(v->policy, &callee->address)), "protocol",
		speaks < protocol_count && protocols[speaks] ? protocols[speaks]->name : "?",
		"transport", show_transport(IPPROTO_TCP), "state", state_of(c), "by_door",
		c->terms.by_door, "age_s", show_since(v, c->began_ns), "idle_s",
		show_since(v, c->active_ns), "messages", (json_int_t)c->messages[0],
		"messages_back", (json_int_t)c->messages[1], "bytes", (json_int_t)c->bytes[0],
		"bytes_back", (json_int_t)c->bytes[1], "waiting_bytes",
		(json_int_t)(c->waiting[0] + c->waiting[1]));
}

json_t *show_connections(const struct view *v, struct filter *f)
{
	json_t *list = json_array();
	struct proxy_view c;
	uint32_t cursor = 0;

	while (v->proxy && proxy_next(v->proxy, &cursor, &c)) {
		const struct address *a = &c.ends.at[0].address, *b = &c.ends.at[1].address;

		if (filter_takes_zones(f, policy_zone_of(v->policy, a),
				       policy_zone_of(v->policy, b)) &&
		    (filter_takes_address(f, a) || filter_takes_address(f, b)))
			json_array_append_new(list, connection_json(v, &c));
	}
	return list;
}

json_t *show_services(const struct view *v)
{
	json_t *list = json_array();

	for (uint8_t n = 1; v->policy && n < protocol_count; n++)
		for (int i = 0; i < POLICY_PORTS && v->policy->protocols[n].ports[i]; i++) {
			uint8_t by = v->policy->protocols[n].carried[i];
			json_t *transports = json_array();

			if (by & CARRIED_UDP)
				json_array_append_new(transports, json_string("udp"));
			if (by & CARRIED_TCP)
				json_array_append_new(transports, json_string("tcp"));
			json_array_append_new(
				list, json_pack("{s:s, s:i, s:o}", "protocol", protocols[n]->name,
						"port", (int)v->policy->protocols[n].ports[i],
						"transports", transports));
		}
	return list;
}

json_t *show_streams(const struct view *v)
{
	if (!v->proxy)
		return json_null();
	return json_pack("{s:I, s:I, s:I}", "connections", (json_int_t)proxy_count(v->proxy),
			 "most", (json_int_t)v->policy->streams.most, "memory_bytes",
			 (json_int_t)proxy_memory(v->proxy));
}
