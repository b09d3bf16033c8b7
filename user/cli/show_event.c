// SPDX-License-Identifier: MIT
/* What happens, an object each: judgements of messages, refusals of the fast path, records. */
#include <string.h>

#include "cli/show_own.h"

#define FIELD_MOST 32

static const char *const judgements[] = { "refuse", "accept", "consume", "need" };

/* The line of the message that a byte lies in, from 1, and where it begins; a line that goes on
 * another one (RFC 3261 7.3.1) counts, but begins there. */
static uint32_t line_at(struct slice raw, uint32_t at, size_t *ret_begin)
{
	uint32_t line = 1;

	*ret_begin = 0;
	for (size_t i = 0; i + 1 < raw.length && i < at; i++) {
		if (raw.bytes[i] != '\n')
			continue;
		line++;
		if (raw.bytes[i + 1] != ' ' && raw.bytes[i + 1] != '\t')
			*ret_begin = i + 1;
	}
	return line;
}

/* The name of what stands there, never its value: that may be a secret. */
static json_t *field_json(struct slice raw, size_t begin)
{
	struct slice line = slice_part(raw, begin, FIELD_MOST);
	size_t length = 0;

	if (!begin)
		return json_string("start line");
	while (length < line.length && line.bytes[length] != ':' && line.bytes[length] > ' ')
		length++;
	/* SDP: "v=0" bears its value at once, "a=name:" its name */
	if (length > 1 && line.bytes[1] == '=' && line.bytes[0] != 'a')
		length = 1;
	return show_bytes(slice_part(line, 0, length));
}

static void add_place(json_t *document, const struct verdict_report *r)
{
	uint32_t at = r->outcome->at;
	size_t begin;
	uint32_t line = line_at(r->raw, at, &begin);

	json_object_set_new(document, "at", json_integer(at));
	json_object_set_new(document, "line", json_integer(line));
	json_object_set_new(document, "field", field_json(r->raw, begin));
}

/* The rule that allows the call, whichever way the message goes. */
static json_t *rule_json(const struct view *v, const struct verdict_report *r)
{
	const struct row_key key = { .owner = r->outcome->owner };
	const struct call_row *call = tables_find(v->tables, ROW_call, &key);
	const uint16_t *zones = call ? call->zones : r->arrival->flow.zones;
	const struct rule *rule = policy_match(v->policy, zones[0], zones[1], r->arrival->speaks);

	return rule ? json_string(rule->name) : json_null();
}

static void add_way(const struct view *v, json_t *document, const struct flow_info *flow)
{
	json_object_update_new(
		document, json_pack("{s:o, s:s, s:o, s:s}", "from",
				    show_place(&flow->source.address, flow->source.port),
				    "from_zone", view_zone(v, flow->zones[0]), "to",
				    show_place(&flow->destination.address, flow->destination.port),
				    "to_zone", view_zone(v, flow->zones[1])));
}

/* What it says in a line; how it begins where it could not be read. */
static json_t *summary_json(const struct verdict_report *r)
{
	char buffer[512];
	struct text t = text_make(buffer, sizeof(buffer));
	size_t end = slice_find(r->raw, '\n');

	if (!r->message)
		return show_bytes(slice_trim(slice_part(r->raw, 0, end < 120 ? end : 120)));
	r->ops->explain(r->message, &t);
	return show_bytes(slice_make(buffer, t.length));
}

json_t *show_report(const struct view *v, const struct verdict_report *r)
{
	const struct outcome *o = r->outcome;
	struct slice call = { 0 };
	json_t *document;

	if (r->message)
		call = r->ops->call_name(r->message);
	document = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "type", "message", "judgement",
			     judgements[o->judgement], "reason", show_reason(o->reason), "meaning",
			     show_meaning(o->reason), "monitored", r->monitored, "protocol",
			     r->ops->name);
	add_way(v, document, &r->arrival->flow);
	json_object_update_new(document, json_pack("{s:o, s:o, s:o}", "summary", summary_json(r),
						   "call", show_bytes(call), "rule",
						   rule_json(v, r)));
	if (o->judgement == JUDGEMENT_REFUSE || o->reason)
		add_place(document, r);
	return document;
}

json_t *show_event(const struct view *v, const struct event *e, const struct owner *owner)
{
	static const char *const names[] = {
		[EVENT_LOCKED] = "locked",
		[EVENT_DROPPED] = "dropped",
		[EVENT_REFUSED] = "refused",
	};
	const struct flow_info way = {
		.source = { e->key.source, e->key.source_port, 0 },
		.destination = { e->key.destination, e->key.destination_port, 0 },
		.zones = { e->key.zone, policy_zone_of(v->policy, &e->key.destination) },
	};
	json_t *document = json_pack(
		"{s:s, s:s, s:s, s:s}", "type",
		e->kind == EVENT_REFUSED ? "signalling" : "media", "event",
		e->kind < sizeof(names) / sizeof(*names) && names[e->kind] ? names[e->kind] : "?",
		"reason", show_reason(e->reason), "meaning", show_meaning(e->reason));

	add_way(v, document, &way);
	json_object_set_new(document, "call",
			    owner ? show_text(v, owner, TEXT_CALL_ID) : json_string(""));
	return document;
}

static void add_call(const struct view *v, json_t *document, const struct owner *owner)
{
	const struct row_key key = { .owner = *owner };
	const struct call_row *call = tables_find(v->tables, ROW_call, &key);

	if (!call)
		return;
	json_object_update_new(
		document, json_pack("{s:s, s:s, s:o, s:o, s:o}", "from_zone",
				    view_zone(v, call->zones[SIDE_CALLER]), "to_zone",
				    view_zone(v, call->zones[SIDE_CALLEE]), "call",
				    show_text(v, owner, TEXT_CALL_ID), "caller",
				    show_text(v, owner, TEXT_CALLER), "callee",
				    show_text(v, owner, TEXT_CALLEE)));
	if (call->answered_ns && call->ended_ns > call->answered_ns)
		json_object_set_new(document, "duration_s",
				    json_real((double)((call->ended_ns - call->answered_ns) /
						       1000000) / 1000));
}

static void add_binding(const struct view *v, json_t *document, const struct owner *owner)
{
	struct row_view rows[LIMIT_DIALOGS_PER_CALL];
	uint32_t count = tables_of_owner(v->tables, owner, rows, LIMIT_DIALOGS_PER_CALL);

	for (uint32_t i = 0; i < count && i < LIMIT_DIALOGS_PER_CALL; i++) {
		const struct binding_row *b = rows[i].value;

		if (rows[i].type != ROW_binding)
			continue;
		json_object_update_new(
			document,
			json_pack("{s:s, s:o, s:o}", "from_zone", view_zone(v, b->zones[0]), "aor",
				  show_bytes(slice_make(b->text, b->text_bytes)), "contact",
				  show_place(&b->contact.address, b->contact.port)));
	}
}

/* What goes to the log as well, and what to do about it. */
static const char *const alarms[] = {
	[TELL_HOST_LOST] = "does not answer (does it run? ringfence gateways and ringfence servers show it)",
	[TELL_HOST_BACK] = "answers again",
	[TELL_GATEWAY_CROWDED] = "has nine tenths of its connections or endpoints in use (limits: "
				 "mgcp_connections, mgcp_endpoints)",
};

bool show_alarm(const struct tables *tables, enum tell tell, const struct owner *owner,
		struct text *ret)
{
	const struct row_key key = { .owner = *owner };
	const struct health_row *h = tables_find(tables, ROW_health, &key);
	const struct gateway_row *g = tables_find(tables, ROW_gateway, &key);

	if (tell >= sizeof(alarms) / sizeof(*alarms) || !alarms[tell] || (!h && !g))
		return false;
	text_address(ret, h ? &h->host : &g->gateway.address);
	text_string(ret, " ");
	text_string(ret, alarms[tell]);
	return true;
}

static void add_host(const struct view *v, json_t *document, const struct owner *owner)
{
	const struct row_key key = { .owner = *owner };
	const struct health_row *h = tables_find(v->tables, ROW_health, &key);

	if (h)
		json_object_update_new(document,
				       json_pack("{s:s, s:o, s:I}", "from_zone",
						 view_zone(v, h->zone), "host",
						 show_place(&h->host, 0), "unanswered",
						 (json_int_t)h->unanswered));
}

static void add_gateway(const struct view *v, json_t *document, const struct owner *owner)
{
	const struct row_key key = { .owner = *owner };
	const struct gateway_row *g = tables_find(v->tables, ROW_gateway, &key);

	if (g)
		json_object_update_new(document, json_pack("{s:s, s:o}", "from_zone",
							   view_zone(v, g->zones[0]), "host",
							   show_place(&g->gateway.address, 0)));
}

json_t *show_tell(const struct view *v, enum tell tell, const struct owner *owner)
{
	static const char *const names[] = { "?",	   "call_started", "call_answered",
					     "call_ended", "registered",   "unregistered",
					     "host_lost",  "host_back",
					     "gateway_crowded" };
	json_t *document = json_pack("{s:s, s:s}", "type", "record", "event",
				     tell < sizeof(names) / sizeof(*names) ? names[tell] : "?");

	add_call(v, document, owner);
	add_binding(v, document, owner);
	add_host(v, document, owner);
	add_gateway(v, document, owner);
	return document;
}
