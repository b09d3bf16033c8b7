// SPDX-License-Identifier: MIT
/* Each command's document as a person reads it. */
#include "cli/print.h"

#include <stdio.h>
#include <string.h>

#include "cli/print_table.h"
#include "cli/show_cluster.h"
#include "io/log.h"

#define WIDTH 80

static const char *word(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s && *s ? s : "-";
}

static long long number(const json_t *object, const char *name)
{
	return (long long)json_number_value(json_object_get(object, name));
}

static const struct column call_columns[] = {
	{ "#", "#", FORMAT_NUMBER },	    { "STATE", "state", FORMAT_TEXT },
	{ "AGE", "age_s", FORMAT_SECONDS }, { "FROM", "from", FORMAT_TEXT },
	{ "TO", "to", FORMAT_TEXT },	    { "CALLER", "caller", FORMAT_CUT },
	{ "CALLEE", "callee", FORMAT_CUT }, { "TOPOLOGY", "topology", FORMAT_CUT },
	{ "CALL", "call", FORMAT_CUT },
	{ NULL, NULL, 0 },
};
static const struct column stream_columns[] = {
	{ "#", "#", FORMAT_NUMBER },
	{ "STREAM", "from", FORMAT_WAY },
	{ "KIND", "kind", FORMAT_TEXT },
	{ "PACKETS", "packets", FORMAT_NUMBER },
	{ "DROPPED", "dropped", FORMAT_NUMBER },
	{ "LOST", "loss_percent", FORMAT_PERCENT },
	{ "JITTER", "jitter_ms", FORMAT_DECIMAL },
	{ "MOS", "mos_estimated", FORMAT_DECIMAL },
	{ NULL, NULL, 0 },
};
static const struct column door_columns[] = {
	{ "FROM > TO", "from", FORMAT_WAY },
	{ "ZONE", "zone", FORMAT_TEXT },
	{ "KIND", "kind", FORMAT_TEXT },
	{ "PACKETS", "packets", FORMAT_NUMBER },
	{ "DROPPED", "dropped", FORMAT_NUMBER },
	{ "IDLE", "idle_s", FORMAT_SECONDS },
	{ "CALL", "call", FORMAT_CUT },
	{ NULL, NULL, 0 },
};
static const struct column binding_columns[] = {
	{ "ADDRESS OF RECORD", "aor", FORMAT_CUT }, { "CONTACT", "at", FORMAT_CUT },
	{ "FLOW", "source", FORMAT_TEXT },	    { "ZONE", "zone", FORMAT_CUT },
	{ "AUTH", "auth", FORMAT_TEXT },	    { "INSTANCE", "instance", FORMAT_CUT },
	{ "EXPIRES", "expires_s", FORMAT_SECONDS }, { NULL, NULL, 0 },
};
static const struct column source_columns[] = {
	{ "SOURCE", "source", FORMAT_TEXT },	    { "ZONE", "zone", FORMAT_TEXT },
	{ "STANDING", "standing", FORMAT_TEXT },    { "BY", "by", FORMAT_TEXT },
	{ "EXPIRES", "expires_s", FORMAT_SECONDS }, { "HEARD", "heard_s", FORMAT_SECONDS },
	{ "MESSAGES", "messages", FORMAT_NUMBER },  { NULL, NULL, 0 },
};
static const struct column server_columns[] = {
	{ "SERVER", "server", FORMAT_CUT },	  { "ADDRESS", "address", FORMAT_TEXT },
	{ "ZONE", "zone", FORMAT_CUT },		  { "PART", "part", FORMAT_TEXT },
	{ "STATE", "state", FORMAT_TEXT },	  { "ms", "answer_ms", FORMAT_DECIMAL },
	{ "REFUSED", "refused", FORMAT_NUMBER },  { "LOST", "unanswered", FORMAT_NUMBER },
	{ NULL, NULL, 0 },
};
static const struct column gateway_columns[] = {
	{ "GATEWAY", "gateway", FORMAT_TEXT },	     { "STATE", "state", FORMAT_TEXT },
	{ "ZONE", "zone", FORMAT_CUT },		     { "AGENT", "agent", FORMAT_TEXT },
	{ "CONN", "connections", FORMAT_NUMBER },    { "ENDP", "endpoints", FORMAT_NUMBER },
	{ "WAIT", "waiting", FORMAT_NUMBER },	     { "LOST", "unanswered", FORMAT_NUMBER },
	{ "ms", "answer_ms", FORMAT_DECIMAL },	     { NULL, NULL, 0 },
};
static const struct column agent_columns[] = {
	{ "AGENT", "agent", FORMAT_TEXT },	  { "ZONE", "zone", FORMAT_CUT },
	{ "GATEWAYS", "gateways", FORMAT_NUMBER }, { "WAIT", "waiting", FORMAT_NUMBER },
	{ "LOST", "unanswered", FORMAT_NUMBER },  { "ms", "answer_ms", FORMAT_DECIMAL },
	{ "ALARM", "alarm_text", FORMAT_WRAP },	  { NULL, NULL, 0 },
};
static const struct column connection_columns[] = {
	{ "CALLER > CALLED", "from", FORMAT_WAY }, { "ZONE", "zone", FORMAT_CUT },
	{ "STATE", "state", FORMAT_TEXT },	   { "AGE", "age_s", FORMAT_SECONDS },
	{ "IDLE", "idle_s", FORMAT_SECONDS },	   { "MESSAGES", "messages", FORMAT_NUMBER },
	{ "BACK", "messages_back", FORMAT_NUMBER }, { "WAIT", "waiting_bytes", FORMAT_NUMBER },
	{ NULL, NULL, 0 },
};
static const struct column nat_columns[] = {
	{ "INSIDE", "inside", FORMAT_TEXT },	   { "SEEN AS", "seen_as", FORMAT_TEXT },
	{ "SEEN FROM", "seen_from", FORMAT_CUT },  { "DOORS", "doors", FORMAT_NUMBER },
	{ NULL, NULL, 0 },
};
static const struct column counter_columns[] = {
	{ "COUNTER", "name", FORMAT_TEXT },
	{ "VALUE", "value", FORMAT_NUMBER },
	{ "MEANING", "meaning", FORMAT_WRAP },
	{ NULL, NULL, 0 },
};
static const struct column interface_columns[] = {
	{ "INTERFACE", "interface", FORMAT_TEXT }, { "ZONE", "zone", FORMAT_TEXT },
	{ "VLAN", "vlan", FORMAT_NUMBER },	   { "MODE", "mode", FORMAT_TEXT },
	{ "BY", "by", FORMAT_TEXT },		   { "WHY THIS MODE", "why", FORMAT_WRAP },
	{ NULL, NULL, 0 },
};
static const struct column zone_columns[] = {
	{ "ZONE", "zone", FORMAT_TEXT },
	{ "MEDIA PORTS", "media_ports", FORMAT_TEXT },
	{ "NETWORKS", "networks_text", FORMAT_WRAP },
	{ NULL, NULL, 0 },
};

/* What is heard stands first. */
static void take_streams(json_t *to, const json_t *call, json_int_t n)
{
	json_t *stream;
	size_t i;

	for (int last = 0; last < 2; last++)
		json_array_foreach(json_object_get(call, "streams"), i, stream) {
			if ((strcmp(word(stream, "kind"), "rtcp") == 0) != last)
				continue;
			json_object_set_new(stream, "#", json_integer(n));
			json_array_append(to, stream);
		}
}

/* Numbers the calls, and gives each stream the number of its call. */
static json_t *number_streams(json_t *calls)
{
	json_t *streams = json_array(), *call;
	size_t i;

	json_array_foreach(calls, i, call) {
		json_object_set_new(call, "#", json_integer((json_int_t)i + 1));
		take_streams(streams, call, (json_int_t)i + 1);
	}
	return streams;
}

static void print_streams(const json_t *streams)
{
	if (!json_array_size(streams))
		return;
	printf("\n");
	table_print(stream_columns, streams);
	printf("JITTER in ms. LOST before the gateway. MOS estimated (ITU-T G.107), at best.\n");
}

static void print_calls(json_t *calls)
{
	json_t *streams = number_streams(calls);

	table_print(call_columns, calls);
	print_streams(streams);
	json_decref(streams);
}

/* "a, b" of an array of strings, cut to fit. */
static void join(const json_t *list, char *ret, size_t size)
{
	const json_t *item;
	size_t i, used = 0;

	ret[0] = '\0';
	json_array_foreach(list, i, item) {
		int n = snprintf(ret + used, size - used, "%s%s", i ? ", " : "",
				 json_string_value(item));

		if (n < 0 || (size_t)n >= size - used)
			return;
		used += (size_t)n;
	}
}

static void print_side(const json_t *line, const char *side)
{
	const json_t *s = json_object_get(line, side);
	char flags[128];

	if (!s)
		return;
	join(json_object_get(s, "flags"), flags, sizeof(flags));
	printf("%11s%s at %s (%s)\n", "", side, word(s, "at"), *flags ? flags : "-");
}

static void print_times(const json_t *call)
{
	static const char *const keys[][2] = { { "started", "age_s" }, { "answered", "answered_s" },
					       { "ended", "ended_s" } };
	const char *comma = "";

	printf("times      ");
	for (size_t i = 0; i < 3; i++) {
		const json_t *value = json_object_get(call, keys[i][1]);
		char ago[32];

		if (!json_is_number(value))
			continue;
		format_seconds(value, ago, sizeof(ago));
		printf("%s%s %s ago", comma, keys[i][0], ago);
		comma = ", ";
	}
	printf("\n");
}

static void print_lists(const json_t *call)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(call, "dialogs"), i, row)
		printf("dialog     %s, offer %s, contacts %s and %s\n", word(row, "state"),
		       word(row, "offer"), word(row, "caller_contact"),
		       word(row, "callee_contact"));
	json_array_foreach(json_object_get(call, "media"), i, row) {
		printf("media      line %lld, %s, %s, encryption %s\n", number(row, "line") + 1,
		       word(row, "kind"),
		       json_is_true(json_object_get(row, "agreed")) ? "agreed" : "not agreed",
		       word(row, "encryption"));
		print_side(row, "caller");
		print_side(row, "callee");
	}
	json_array_foreach(json_object_get(call, "timers"), i, row) {
		char due[32];

		format_seconds(json_object_get(row, "due_s"), due, sizeof(due));
		printf("timer      %s in %s\n", word(row, "timer"), due);
	}
}

static void print_isup(const json_t *isup)
{
	if (json_is_null(isup) || !isup)
		return;
	printf("isup       last %s, called %s", word(isup, "last"), word(isup, "called"));
	if (json_is_integer(json_object_get(isup, "cause")))
		printf(", released by cause %lld", number(isup, "cause"));
	printf("\n");
}

static void print_call(const json_t *call, json_int_t n)
{
	json_t *streams = json_array();

	printf("call       %s\n", word(call, "call"));
	printf("state      %s, %s over %s, rule: %s\n", word(call, "state"),
	       word(call, "protocol"), word(call, "transport"), word(call, "rule"));
	printf("topology   %s%s\n", word(call, "topology"),
	       json_is_true(json_object_get(call, "authenticated")) ? ", authenticated" : "");
	printf("caller     %s\n           %s, zone %s\n", word(call, "caller"),
	       word(call, "caller_address"), word(call, "from"));
	printf("callee     %s\n           %s, zone %s\n", word(call, "callee"),
	       word(call, "callee_address"), word(call, "to"));
	print_times(call);
	print_isup(json_object_get(call, "isup"));
	print_lists(call);
	take_streams(streams, call, n);
	print_streams(streams);
	json_decref(streams);
	if (!json_array_size(json_object_get(call, "pinholes")))
		return;
	printf("\n");
	table_print(door_columns, json_object_get(call, "pinholes"));
}

static void print_calls_in_full(const json_t *calls)
{
	json_t *call;
	size_t i;

	json_array_foreach(calls, i, call) {
		if (i)
			printf("\n");
		print_call(call, (json_int_t)i + 1);
	}
}

/* What happened stands first. */
static void print_counters(const json_t *rows)
{
	json_t *first = json_array(), *row;
	size_t i;

	for (int zero = 0; zero < 2; zero++)
		json_array_foreach(rows, i, row)
			if ((number(row, "value") == 0) == zero)
				json_array_append(first, row);
	table_print(counter_columns, first);
	json_decref(first);
}

static void print_gateways(const json_t *document)
{
	const json_t *agents = json_object_get(document, "agents");
	json_t *agent;
	size_t i;

	table_print(gateway_columns, json_object_get(document, "gateways"));
	if (!json_array_size(agents))
		return;
	json_array_foreach(agents, i, agent) {
		char text[64], time[32];

		if (!json_is_true(json_object_get(agent, "alarm")))
			continue;
		format_seconds(json_object_get(agent, "silent_s"), time, sizeof(time));
		snprintf(text, sizeof(text), "no answer for %s", time);
		json_object_set_new(agent, "alarm_text", json_string(text));
	}
	printf("\n");
	table_print(agent_columns, agents);
	printf("Commands that WAIT, that ran out (LOST); ms from a command to its answer.\n");
}

static void print_fill(const json_t *tables)
{
	const json_t *row;
	size_t i, column = 0;

	printf("tables   ");
	column = 9;
	json_array_foreach(tables, i, row) {
		char text[96];
		int n = snprintf(text, sizeof(text), " %s %lld/%lld%s", word(row, "table"),
				 number(row, "rows"), number(row, "capacity"),
				 i + 1 < json_array_size(tables) ? "," : "");

		if (column + (size_t)n > WIDTH) {
			printf("\n         ");
			column = 9;
		}
		printf("%s", text);
		column += (size_t)n;
	}
	printf("\n");
}

static void print_daemon(const json_t *status)
{
	char time[32];

	if (strcmp(word(status, "daemon"), "running")) {
		format_seconds(json_object_get(status, "heartbeat_s"), time, sizeof(time));
		printf("daemon    none, last heard of %s ago: known media goes on, new signalling\n"
		       "          %s (start it with ringfence run -c FILE)\n", time,
		       strcmp(word(status, "when_down"), "pass") ? "is held back" :
								     "passes unread");
		return;
	}
	format_seconds(json_object_get(status, "up_s"), time, sizeof(time));
	printf("daemon    running for %s (%s), %lld reloads, %lld refused\n", time,
	       word(status, "mode"), number(status, "reloads"), number(status, "reloads_refused"));
}

/* "sip 5060/udp/tcp, mgcp 2427/udp" */
static void print_services(const json_t *status)
{
	const json_t *services = json_object_get(status, "services"),
		     *tcp = json_object_get(status, "tcp"), *row, *transport;
	size_t i, n;

	if (!json_array_size(services))
		return;
	printf("services ");
	json_array_foreach(services, i, row) {
		printf("%s%s %lld", i ? ", " : " ", word(row, "protocol"), number(row, "port"));
		json_array_foreach(json_object_get(row, "transports"), n, transport)
			printf("/%s", json_string_value(transport));
	}
	printf("\n");
	if (json_is_object(tcp))
		printf("tcp       %lld of %lld connections, %lld KiB of unfinished messages\n",
		       number(tcp, "connections"), number(tcp, "most"),
		       number(tcp, "memory_bytes") / 1024);
}

static void print_status(json_t *status)
{
	const json_t *p = json_object_get(status, "protections"),
		     *t = json_object_get(status, "totals");
	json_t *row;
	size_t i;

	print_daemon(status);
	printf("protects  media %s, sources %s, sip %s, mgcp %s\n", word(p, "media"),
	       word(p, "sources"), word(p, "sip"), word(p, "mgcp"));
	printf("media     %lld packets forwarded, %lld refused\n", number(t, "media_forwarded"),
	       number(t, "media_refused"));
	printf("messages  %lld accepted, %lld refused, %lld not read\n",
	       number(t, "messages_accepted"), number(t, "messages_refused"),
	       number(t, "messages_unread"));
	print_services(status);
	print_fill(json_object_get(status, "tables"));
	printf("\n");
	table_print(interface_columns, json_object_get(status, "interfaces"));
	json_array_foreach(json_object_get(status, "interfaces"), i, row)
		if (*json_string_value(json_object_get(row, "warning")))
			printf("%s: %s\n", word(row, "interface"), word(row, "warning"));
	json_array_foreach(json_object_get(status, "warnings"), i, row)
		printf("warning: %s\n", json_string_value(row));
	printf("\n");
	json_array_foreach(json_object_get(status, "zones"), i, row) {
		char text[2048];

		join(json_object_get(row, "networks"), text, sizeof(text));
		json_object_set_new(row, "networks_text", json_string(text));
	}
	table_print(zone_columns, json_object_get(status, "zones"));
}

static void print_attached(const json_t *a)
{
	printf("%s is in zone %s, mode %s: %s\n", word(a, "interface"), word(a, "zone"),
	       word(a, "mode"), word(a, "why"));
	if (strcmp(word(a, "warning"), "-"))
		log_warning("%s: %s", word(a, "interface"), word(a, "warning"));
}

static void print_blocked(const json_t *b)
{
	const json_t *expires = json_object_get(b, "expires_s");
	char time[32];

	format_seconds(expires, time, sizeof(time));
	printf("%s is blocked %s%s, %lld flows ended\n", word(b, "source"),
	       json_is_number(expires) ? "for " : "for good", json_is_number(expires) ? time : "",
	       number(b, "flows_ended"));
	if (strcmp(word(b, "warning"), "-"))
		log_warning("%s: %s", word(b, "source"), word(b, "warning"));
}

void print_document(const char *command, json_t *document)
{
	json_t *rows = json_object_get(document, command);

	if (!strcmp(command, "status"))
		print_status(document);
	else if (!strcmp(command, "cluster"))
		print_cluster(document);
	else if (!strcmp(command, "attach"))
		print_attached(document);
	else if (!strcmp(command, "block"))
		print_blocked(document);
	else if (!strcmp(command, "calls") && json_object_get(json_array_get(rows, 0), "dialogs"))
		print_calls_in_full(rows);
	else if (!strcmp(command, "calls"))
		print_calls(rows);
	else if (!strcmp(command, "counters"))
		print_counters(rows);
	else if (!strcmp(command, "bindings"))
		table_print(binding_columns, rows);
	else if (!strcmp(command, "servers"))
		table_print(server_columns, rows);
	else if (!strcmp(command, "gateways"))
		print_gateways(document);
	else if (!strcmp(command, "sources"))
		table_print(source_columns, rows);
	else if (!strcmp(command, "nat"))
		table_print(nat_columns, rows);
	else if (!strcmp(command, "connections"))
		table_print(connection_columns, rows);
	else if (!strcmp(command, "flows") || !strcmp(command, "pinholes"))
		table_print(door_columns, rows);
}
