// SPDX-License-Identifier: MIT
/* A request to its document, and the values that all tables are made of. Numbers carry their unit in
 * the name. */
#include "cli/show.h"

#include <string.h>

#include "cli/harmless.h"
#include "cli/show_own.h"

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

const char *show_reason(uint32_t reason)
{
	return reason < REASON_COUNT ? counters[reason].name : "unknown";
}

const char *show_meaning(uint32_t reason)
{
	return reason < REASON_COUNT ? counters[reason].sentence : "";
}

void show_network(const struct network *n, char ret[64])
{
	struct text t = text_make(ret, 64);
	bool is_ipv4 = address_is_ipv4(&n->address) && n->prefix_bits >= 96;

	text_address(&t, &n->address);
	if (n->prefix_bits == 128)
		return;
	text_char(&t, '/');
	text_number(&t, n->prefix_bits - (is_ipv4 ? 96u : 0u));
}

json_t *show_place(const struct address *a, __be16 port)
{
	char buffer[64];
	struct text t = text_make(buffer, sizeof(buffer));

	if (address_is_zero(a))
		return json_string("any");
	if (port)
		text_endpoint(&t, a, port);
	else
		text_address(&t, a);
	return json_string(buffer);
}

json_t *show_bytes(struct slice bytes)
{
	char buffer[512];

	harmless_copy(buffer, sizeof(buffer), bytes);
	return json_string(buffer);
}

json_t *show_text(const struct view *v, const struct owner *owner, enum text_kind kind)
{
	const struct row_key key = { .owner = *owner, .part = kind };
	const struct text_row *row = tables_find(v->tables, ROW_text, &key);

	return row ? show_bytes(slice_make(row->bytes, row->length)) : json_string("");
}

static json_t *seconds(uint64_t ns)
{
	return json_real((double)(ns / 1000000) / 1000);
}

json_t *show_since(const struct view *v, uint64_t ns)
{
	return ns ? seconds(v->now_ns > ns ? v->now_ns - ns : 0) : json_null();
}

json_t *show_until(const struct view *v, uint64_t ns)
{
	return ns ? seconds(ns > v->now_ns ? ns - v->now_ns : 0) : json_null();
}

static json_t *show_counters(const struct view *v, struct filter *f)
{
	json_t *list = json_array();

	(void)f;
	for (uint32_t i = 1; i < COUNTER_END; i++) {
		uint64_t value = 0;

		kernel_counter(v->kernel, i, &value);
		json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "name", counters[i].name,
						      "value", (json_int_t)value, "meaning",
						      counters[i].sentence));
	}
	return list;
}

/* A Call-ID is long: how it begins will do where none is written so in full. */
static json_t *find_calls(const struct view *v, struct filter *f)
{
	json_t *list = show_calls(v, f);

	if (!f->call || json_array_size(list))
		return list;
	json_decref(list);
	f->by_prefix = true;
	return show_calls(v, f);
}

/* Beside their agents, which are a table of their own. */
static json_t *find_gateways(const struct view *v, struct filter *f)
{
	json_t *agents, *list = show_gateways(v, f, &agents);

	return json_pack("{s:o, s:o}", "gateways", list, "agents", agents);
}

static const struct {
	const char *name;
	json_t *(*rows)(const struct view *v, struct filter *f);
} tables[] = {
	{ "calls", find_calls },       { "pinholes", show_pinholes }, { "flows", show_flows },
	{ "bindings", show_bindings }, { "sources", show_sources },   { "counters", show_counters },
	{ "gateways", find_gateways }, { "servers", show_servers },
	{ "connections", show_connections }, { "nat", show_nat },
};

/* Whose rows they are. Without a daemon, how long ago one last said that it lives. */
static json_t *show_origin(const struct view *v)
{
	struct control word = { .heartbeat_ns = 0 };

	if (v->running)
		return json_pack("{s:s}", "daemon", "running");
	kernel_control_word(v->kernel, &word);
	return json_pack("{s:s, s:o}", "daemon", "none", "heartbeat_s",
			 show_since(v, word.heartbeat_ns));
}

bool show_answers(const char *command)
{
	for (unsigned int i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (!strcmp(command, tables[i].name))
			return true;
	return !strcmp(command, "status");
}

bool show_is_long(const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "command")) ?: "";

	/* Connections are in the daemon alone, servers in its file. */
	return show_answers(name) && strcmp(name, "status") && strcmp(name, "counters") &&
	       strcmp(name, "connections") && strcmp(name, "servers") &&
	       !json_object_get(request, "call");
}

json_t *show_answer(const struct view *v, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "command")) ?: "";
	json_t *document;
	char error[200];
	struct filter f;

	if (!strcmp(name, "status")) {
		document = show_origin(v);
		json_object_update_new(document, show_status(v));
		return document;
	}
	for (unsigned int i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		json_t *rows;

		if (strcmp(name, tables[i].name))
			continue;
		if (!filter_read(v, request, &f, error))
			return json_pack("{s:s++}", "error", name, ": ", error);
		rows = tables[i].rows(v, &f);
		if (tables[i].rows == find_calls && f.call && !json_array_size(rows)) {
			json_decref(rows);
			return json_pack("{s:s++}", "error", "calls: ", f.call,
					 ": no such call (ringfence calls lists them)");
		}
		document = show_origin(v);
		if (json_is_object(rows))
			json_object_update_new(document, rows);
		else
			json_object_set_new(document, name, rows);
		return document;
	}
	return NULL;
}
