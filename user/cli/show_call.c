// SPDX-License-Identifier: MIT
/* Calls: each with its streams, one in full. */
#include <string.h>

#include "cli/show_own.h"
#include "inspect/inspect.h"
#include "state/door.h"

/* All rows of one call. */
struct rows {
	const struct row_view *row;
	uint32_t count;
};

static const char *const states[] = { "none", "trying", "early", "confirmed", "ending",
				      "completed" };
static const char *const sides[] = { "caller", "callee" };

static const char *state_name(uint32_t state)
{
	return state < sizeof(states) / sizeof(*states) ? states[state] : "unknown";
}

/* A door is a stream where both ends are known: by itself, or by the port that it locked to. */
static json_t *doors(const struct view *v, const struct rows *rows, bool exact)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < rows->count; i++) {
		const struct row_view *row = &rows->row[i];
		struct row_view door = { ROW_door, row->key, row->value };
		const struct flow_key *key = NULL;
		struct flow_key flow;

		if (row->type == ROW_door) {
			flow = door_flow(row->value);
			key = door_is_exact(&flow) == exact ? &flow : NULL;
		} else if (row->type == ROW_lock && exact) {
			key = &((const struct lock_row *)row->value)->key;
			door.value = tables_find(v->tables, ROW_door, row->key);
		}
		if (key && door.value)
			json_array_append_new(list, show_door(v, &door, key));
	}
	return list;
}

static json_t *side_json(const struct media_side *side)
{
	static const char *const flags[] = { "rtp",   "rtcp-mux", "ice",      "dtls",
					     "sdes",  "sends",	  "receives", "tcp" };
	json_t *list = json_array(), *types = json_array();

	for (unsigned int i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (side->flags & 1u << i)
			json_array_append_new(list, json_string(flags[i]));
	for (unsigned int i = 0; i < 128; i++)
		if (side->payload_types[i / 64] >> i % 64 & 1)
			json_array_append_new(types, json_integer(i));
	return json_pack("{s:o, s:o, s:o, s:o}", "at",
			 side->port ? show_place(&side->address, side->port) : json_null(), "rtcp",
			 side->rtcp_port ? show_place(&side->rtcp_address, side->rtcp_port) :
					   json_null(),
			 "flags", list, "payload_types", types);
}

/* What protects a stream is what both sides speak; until there is an answer, what was offered. */
static const char *encryption_name(const struct media_row *m)
{
	static const char *const names[] = { "none", "zrtp", "sdes", "dtls", "tls" };
	const struct media_side *a = m->current[0].set ? &m->current[0] : &m->proposed[0];
	const struct media_side *b = m->current[1].set ? &m->current[1] : &m->proposed[1];
	uint8_t kind = !a->set ? b->encryption :
		       !b->set || a->encryption == b->encryption ? a->encryption : 0;

	return names[kind < sizeof(names) / sizeof(*names) ? kind : 0];
}

static json_t *media_json(const struct row_view *row)
{
	static const char *const kinds[] = { "none",	    "audio",   "video", "image",
					     "application", "message", "other" };
	const struct media_row *m = row->value;
	uint8_t kind = m->current[0].set ? m->current[0].kind : m->proposed[0].kind;
	json_t *line = json_pack("{s:i, s:s, s:s, s:b}", "line", (int)row->key->part, "kind",
				 kind < sizeof(kinds) / sizeof(*kinds) ? kinds[kind] : "other",
				 "encryption", encryption_name(m), "agreed", m->agreed_ns != 0);

	for (int side = 0; side < 2; side++) {
		const struct media_side *s = &m->current[side];

		if (!s->set)
			s = &m->proposed[side];
		if (s->set)
			json_object_set_new(line, sides[side], side_json(s));
	}
	return line;
}

/* What the caller offered stands apart until a far side answers; then it is said again there. */
static bool is_repeated(const struct rows *rows, const struct row_view *media)
{
	for (uint32_t i = 0; i < rows->count && !media->key->sub; i++)
		if (rows->row[i].type == ROW_media && rows->row[i].key->sub &&
		    rows->row[i].key->part == media->key->part)
			return true;
	return false;
}

static json_t *contact_json(const struct endpoint *e)
{
	return e->port ? show_place(&e->address, e->port) : json_null();
}

static json_t *dialog_json(const struct row_view *row)
{
	static const char *const offers[] = { "none", "caller waits", "callee waits", "agreed" };
	const struct dialog_row *d = row->value;

	return json_pack("{s:s, s:s, s:o, s:o, s:I, s:I}", "state", state_name(d->state), "offer",
			 d->offer < sizeof(offers) / sizeof(*offers) ? offers[d->offer] : "?",
			 "caller_contact",
			 contact_json(&d->targets[SIDE_CALLER]), "callee_contact",
			 contact_json(&d->targets[SIDE_CALLEE]),
			 "caller_cseq", (json_int_t)d->cseq[SIDE_CALLER], "callee_cseq",
			 (json_int_t)d->cseq[SIDE_CALLEE]);
}

static json_t *timer_json(const struct view *v, const struct row_view *row)
{
	static const char *const names[] = { "?",      "no answer", "idle",  "longest", "linger",
					     "transaction", "binding", "drain", "ending" };
	const struct timer_row *t = row->value;

	return json_pack("{s:s, s:o}", "timer",
			 t->kind < sizeof(names) / sizeof(*names) ? names[t->kind] : "?", "due_s",
			 show_until(v, t->due_ns));
}

/* The number of a rule is that of the file it was read from: what is told is the rule that allows
 * such a call now. */
static json_t *rule_json(const struct view *v, const struct call_row *call)
{
	const struct rule *rule = v->policy ? policy_match(v->policy, call->zones[SIDE_CALLER],
							   call->zones[SIDE_CALLEE],
							   call->protocol) : NULL;

	return rule ? json_string(rule->name) : json_null();
}

/* ITU-T Q.763 table 4, what calls are made of */
static const char *isup_name(uint8_t type)
{
	static const char *const names[] = {
		[0x01] = "IAM", [0x02] = "SAM", [0x03] = "INR", [0x04] = "INF", [0x05] = "COT",
		[0x06] = "ACM", [0x07] = "CON", [0x09] = "ANM", [0x0c] = "REL",
		[0x0d] = "SUS", [0x0e] = "RES", [0x10] = "RLC", [0x2c] = "CPG", [0x33] = "FAC",
	};

	return type < sizeof(names) / sizeof(*names) && names[type] ? names[type] : "other";
}

static json_t *isup_json(const struct view *v, const struct call_row *call,
			 const struct owner *owner)
{
	if (!call->isup)
		return json_null();
	return json_pack("{s:s, s:i, s:o, s:o}", "last", isup_name(call->isup), "type", call->isup,
			 "called", show_text(v, owner, TEXT_ISUP_CALLED), "cause",
			 call->isup_cause ? json_integer(call->isup_cause) : json_null());
}

static void add_details(const struct view *v, json_t *document, const struct row_view *row,
			const struct rows *rows)
{
	const struct call_row *call = row->value;
	const struct owner *owner = &row->key->owner;
	json_t *dialogs = json_array(), *media = json_array(), *timers = json_array();

	for (uint32_t i = 0; i < rows->count; i++) {
		if (rows->row[i].type == ROW_dialog)
			json_array_append_new(dialogs, dialog_json(&rows->row[i]));
		else if (rows->row[i].type == ROW_media && !is_repeated(rows, &rows->row[i]))
			json_array_append_new(media, media_json(&rows->row[i]));
		else if (rows->row[i].type == ROW_timer)
			json_array_append_new(timers, timer_json(v, &rows->row[i]));
	}
	json_object_set_new(document, "rule", rule_json(v, call));
	json_object_set_new(document, "isup", isup_json(v, call, owner));
	json_object_set_new(document, "dialogs", dialogs);
	json_object_set_new(document, "media", media);
	json_object_set_new(document, "pinholes", doors(v, rows, false));
	json_object_set_new(document, "timers", timers);
}

/* As it was when the call began; of other protocols nothing is said. */
static const char *topology_name(uint8_t topology)
{
	static const char *const names[] = {
		[TOPOLOGY_NONE] = "",
		[TOPOLOGY_ENDPOINTS] = "endpoint to endpoint",
		[TOPOLOGY_OUTSIDE] = "proxy outside",
		[TOPOLOGY_DMZ] = "proxy in a DMZ",
		[TOPOLOGY_SERVERS] = "proxy to proxy",
		[TOPOLOGY_HAIRPIN] = "two phones by an outside proxy",
	};

	return topology < sizeof(names) / sizeof(*names) ? names[topology] : "?";
}

static json_t *call_json(const struct view *v, const struct row_view *row, const struct rows *rows)
{
	const struct call_row *call = row->value;
	const struct owner *owner = &row->key->owner;
	const struct protocol_ops *ops = call->protocol < protocol_count ?
						 protocols[call->protocol] : NULL;

	return json_pack("{s:o, s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "call", show_text(v, owner, TEXT_CALL_ID), "state",
			 state_name(call->state), "caller", show_text(v, owner, TEXT_CALLER),
			 "callee", show_text(v, owner, TEXT_CALLEE), "from",
			 view_zone(v, call->zones[SIDE_CALLER]), "to",
			 view_zone(v, call->zones[SIDE_CALLEE]), "protocol",
			 ops ? ops->name : "unknown", "transport",
			 show_transport(call->transport), "topology",
			 topology_name(call->topology), "authenticated", call->authenticated,
			 "age_s", show_since(v, call->started_ns),
			 "answered_s", show_since(v, call->answered_ns), "ended_s",
			 show_since(v, call->ended_ns), "caller_address",
			 show_place(&call->parties[SIDE_CALLER].address,
				    call->parties[SIDE_CALLER].port),
			 "callee_address",
			 show_place(&call->parties[SIDE_CALLEE].address,
				    call->parties[SIDE_CALLEE].port),
			 "streams", doors(v, rows, true));
}

/* By its signalling peers or by where its media goes. */
static bool has_address(const struct filter *f, const struct call_row *call,
			const struct rows *rows)
{
	if (filter_takes_address(f, &call->parties[SIDE_CALLER].address) ||
	    filter_takes_address(f, &call->parties[SIDE_CALLEE].address))
		return true;
	for (uint32_t i = 0; i < rows->count; i++) {
		const struct media_row *m = rows->row[i].value;

		if (rows->row[i].type != ROW_media)
			continue;
		for (int side = 0; side < 2; side++)
			if ((m->current[side].port &&
			     filter_takes_address(f, &m->current[side].address)) ||
			    (m->proposed[side].port &&
			     filter_takes_address(f, &m->proposed[side].address)))
				return true;
	}
	return false;
}

static bool is_meant(const struct view *v, const struct filter *f, const struct row_view *row)
{
	const struct call_row *call = row->value;

	return filter_takes_zones(f, call->zones[SIDE_CALLER], call->zones[SIDE_CALLEE]) &&
	       filter_takes_call(v, f, &row->key->owner);
}

json_t *show_calls(const struct view *v, const struct filter *f)
{
	static struct row_view found[LIMIT_SUBJECTS];
	json_t *list = json_array();
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(v->tables, ROW_call, &cursor, &row)) {
		struct rows rows = { .row = found };
		json_t *call;

		if (!is_meant(v, f, &row))
			continue;
		rows.count = tables_of_owner(v->tables, &row.key->owner, found, LIMIT_SUBJECTS);
		if (rows.count > LIMIT_SUBJECTS)
			rows.count = LIMIT_SUBJECTS;
		if (!has_address(f, row.value, &rows))
			continue;
		call = call_json(v, &row, &rows);
		if (f->call)
			add_details(v, call, &row, &rows);
		json_array_append_new(list, call);
	}
	return list;
}
