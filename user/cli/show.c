// SPDX-License-Identifier: MIT
/* Rows and kernel entries as JSON. Numbers carry their unit in the name. */
#include "cli/show.h"

#include <arpa/inet.h>

static const struct {
	const char *name, *sentence;
} counters[COUNTER_END] = {
#define REASON(name, protection, sentence) [REASON_##name] = { #name, sentence },
#define COUNTER(name, sentence) [COUNTER_##name] = { #name, sentence },
#include <ringfence/counter.def>
#include <ringfence/reason.def>
#undef REASON
#undef COUNTER
};

static const char *const call_states[] = { "none",      "trying", "early",
					   "confirmed", "ending", "completed" };
static const char *const judgements[] = { "refuse", "accept", "consume", "need" };

const char *show_reason(uint32_t reason)
{
	return reason < REASON_COUNT ? counters[reason].name : "unknown";
}

static json_t *endpoint(const struct address *a, __be16 port)
{
	char buffer[64];
	struct text t = text_make(buffer, sizeof(buffer));

	if (port)
		text_endpoint(&t, a, port);
	else
		text_address(&t, a);
	return json_string(buffer);
}

static json_t *peer(const struct address *a, __be16 port)
{
	return address_is_zero(a) ? json_string("any") : endpoint(a, port);
}

static json_t *text_of(struct daemon *d, const struct owner *owner, enum text_kind kind)
{
	struct row_key key = { .owner = *owner, .part = kind };
	const struct text_row *row = tables_find(d->tables, ROW_text, &key);

	/* Strangers' bytes may be no UTF-8: jansson refuses those. */
	return (row ? json_stringn((const char *)row->bytes, row->length) : NULL) ?:
	       json_string("");
}

static json_t *flow_json(struct daemon *d, const struct door_row *door, const struct flow_key *key)
{
	struct activity act = { 0 };
	const char *kind = door->kind == DOOR_SIGNALLING ? "signalling" :
			   door->flags & PERMIT_RTP	 ? "rtp" :
			   door->flags & PERMIT_RTCP	 ? "rtcp" :
							   "any";

	maps_activity(d->maps, key, &act);
	return json_pack("{s:o, s:o, s:s, s:s, s:I, s:I, s:I, s:b}", "from",
			 peer(&key->source, key->source_port), "to",
			 endpoint(&key->destination, key->destination_port), "zone",
			 d->policy->zones[key->zone].name, "kind", kind, "packets",
			 (json_int_t)act.packets, "bytes", (json_int_t)act.bytes, "dropped",
			 (json_int_t)act.dropped, "early", door->flags & PERMIT_EARLY ? 1 : 0);
}

static bool is_exact(const struct flow_key *key)
{
	return key->source_port && !address_is_zero(&key->source);
}

static json_t *doors(struct daemon *d, bool exact)
{
	json_t *list = json_array();
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(d->tables, ROW_door, &cursor, &row)) {
		const struct door_row *door = row.value;

		if (is_exact(&door->key) == exact)
			json_array_append_new(list, flow_json(d, door, &door->key));
	}
	return list;
}

json_t *show_pinholes(struct daemon *d)
{
	return doors(d, false);
}

json_t *show_flows(struct daemon *d)
{
	json_t *list = doors(d, true);
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(d->tables, ROW_lock, &cursor, &row)) {
		const struct door_row *door = tables_find(d->tables, ROW_door, row.key);
		const struct lock_row *lock = row.value;

		if (door)
			json_array_append_new(list, flow_json(d, door, &lock->key));
	}
	return list;
}

/* Streams of a call: its exact flows of media. */
static json_t *streams(struct daemon *d, const struct owner *owner)
{
	static struct row_view rows[LIMIT_SUBJECTS];
	uint32_t count = tables_of_owner(d->tables, owner, rows, LIMIT_SUBJECTS);
	json_t *list = json_array();

	for (uint32_t i = 0; i < count && i < LIMIT_SUBJECTS; i++) {
		const struct door_row *door = rows[i].value;
		const struct lock_row *lock = rows[i].value;

		if (rows[i].type == ROW_door && door->kind == DOOR_MEDIA && is_exact(&door->key)) {
			json_array_append_new(list, flow_json(d, door, &door->key));
		} else if (rows[i].type == ROW_lock) {
			door = tables_find(d->tables, ROW_door, rows[i].key);
			if (door)
				json_array_append_new(list, flow_json(d, door, &lock->key));
		}
	}
	return list;
}

json_t *show_calls(struct daemon *d)
{
	json_t *list = json_array();
	struct row_view row;
	uint32_t cursor = 0;
	uint64_t now_ns = loop_now_ns();

	while (tables_next(d->tables, ROW_call, &cursor, &row)) {
		const struct call_row *call = row.value;
		const struct owner *owner = &row.key->owner;

		json_array_append_new(
			list,
			json_pack("{s:o, s:s, s:o, s:o, s:s, s:s, s:s, s:I, s:o}", "call",
				  text_of(d, owner, TEXT_CALL_ID), "state",
				  call_states[call->state], "caller",
				  text_of(d, owner, TEXT_CALLER), "callee",
				  text_of(d, owner, TEXT_CALLEE), "from",
				  d->policy->zones[call->zones[0]].name, "to",
				  d->policy->zones[call->zones[1]].name, "protocol",
				  protocols[call->protocol]->name, "age_s",
				  (json_int_t)((now_ns - call->started_ns) / 1000000000),
				  "streams", streams(d, owner)));
	}
	return list;
}

json_t *show_bindings(struct daemon *d)
{
	json_t *list = json_array();
	struct row_view row;
	uint32_t cursor = 0;
	uint64_t now_ns = loop_now_ns();

	while (tables_next(d->tables, ROW_binding, &cursor, &row)) {
		const struct binding_row *b = row.value;
		uint64_t left = b->expires_ns > now_ns ? b->expires_ns - now_ns : 0;

		json_array_append_new(
			list, json_pack("{s:o, s:o, s:o, s:I}", "aor",
					json_stringn((const char *)b->text, b->text_bytes) ?:
						json_string(""),
					"contact", endpoint(&b->contact.address, b->contact.port),
					"registrar",
					endpoint(&b->registrar.address, b->registrar.port),
					"expires_s", (json_int_t)(left / 1000000000)));
	}
	return list;
}

json_t *show_counters(struct daemon *d)
{
	json_t *list = json_array();

	for (uint32_t i = 1; i < COUNTER_END; i++) {
		uint64_t value = 0;

		maps_counter(d->maps, i, &value);
		json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "name", counters[i].name,
						      "value", (json_int_t)value, "meaning",
						      counters[i].sentence));
	}
	return list;
}

static json_t *interfaces(struct daemon *d)
{
	struct attachment_state states[LIMIT_INTERFACES];
	int count = kernel_attachments(d->kernel, states, LIMIT_INTERFACES);
	json_t *list = json_array();

	for (int i = 0; i < count && i < (int)LIMIT_INTERFACES; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "interface",
					states[i].interface, "zone",
					d->policy->zones[states[i].zone].name, "vlan",
					states[i].vlan, "mode",
					states[i].mode == ATTACH_NATIVE ? "native" : "tc", "by",
					states[i].by_hand ? "hand" : "file", "why", states[i].why,
					"warning", states[i].warning));
	return list;
}

json_t *show_status(struct daemon *d)
{
	json_t *tables = json_array();

	for (int type = 1; type < ROW_COUNT; type++)
		json_array_append_new(
			tables, json_pack("{s:s, s:I, s:I}", "table", row_name((enum row_type)type),
					  "rows",
					  (json_int_t)tables_count(d->tables, (enum row_type)type),
					  "capacity",
					  (json_int_t)tables_capacity(d->tables,
								      (enum row_type)type)));
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "daemon", "running", "mode",
			 "single", "up_s",
			 (json_int_t)((loop_now_ns() - d->started_ns) / 1000000000), "reloads",
			 (json_int_t)d->reloads, "reloads_refused", (json_int_t)d->reloads_refused,
			 "interfaces", interfaces(d), "tables", tables);
}

json_t *show_report(const struct verdict_report *r)
{
	char summary[160];
	struct text t = text_make(summary, sizeof(summary));
	struct slice call = { 0 };

	if (r->message) {
		r->ops->explain(r->message, &t);
		call = r->ops->call_name(r->message);
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:I, s:b}", "type", "message",
			 "protocol", r->ops->name, "summary", json_string(summary) ?: json_string(""),
			 "call",
			 json_stringn((const char *)call.bytes, call.length) ?: json_string(""),
			 "from",
			 endpoint(&r->arrival->flow.source.address, r->arrival->flow.source.port),
			 "to",
			 endpoint(&r->arrival->flow.destination.address,
				  r->arrival->flow.destination.port),
			 "judgement", judgements[r->outcome->judgement], "reason",
			 show_reason(r->outcome->reason), "at", (json_int_t)r->outcome->at,
			 "monitored", r->monitored);
}
