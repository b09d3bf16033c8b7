// SPDX-License-Identifier: MIT
/* Asks the daemon, and prints tables that fit a terminal. */
#include "cli/client.h"

#include <errno.h>
#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/log.h"

#define COLUMNS 8

static const struct layout {
	const char *command;
	const char *columns[COLUMNS];
} layouts[] = {
	{ "calls", { "state", "caller", "callee", "from", "to", "age_s", "call" } },
	{ "pinholes", { "from", "to", "zone", "kind", "packets", "dropped" } },
	{ "flows", { "from", "to", "zone", "kind", "packets", "bytes", "dropped" } },
	{ "streams", { "from", "to", "zone", "kind", "packets", "bytes", "dropped" } },
	{ "bindings", { "aor", "contact", "registrar", "expires_s" } },
	{ "counters", { "name", "value", "meaning" } },
	{ "interfaces", { "interface", "zone", "mode", "why" } },
	{ "tables", { "table", "rows", "capacity" } },
};

static FILE *ask(const char *path, const char *command)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    dprintf(fd, "{\"command\":\"%s\"}\n", command) < 0) {
		log_error("%s: %s: %s (is the daemon running? start it with ringfence run -c FILE)",
			  command, path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	return fdopen(fd, "r");
}

static void cell(struct libscols_line *line, size_t column, const json_t *value)
{
	char number[32];

	if (json_is_string(value)) {
		scols_line_set_data(line, column, json_string_value(value));
		return;
	}
	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	scols_line_set_data(line, column, number);
}

static void print_table(const char *command, const json_t *rows)
{
	struct libscols_table *table = scols_new_table();
	const struct layout *l = layouts;
	const json_t *row;
	size_t i;

	while (strcmp(l->command, command))
		l++;
	for (i = 0; i < COLUMNS && l->columns[i]; i++)
		scols_table_new_column(table, l->columns[i], 0.1, SCOLS_FL_TRUNC);
	json_array_foreach(rows, i, row) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		/* What never happened is no news. */
		if (!strcmp(command, "counters") &&
		    !json_integer_value(json_object_get(row, "value"))) {
			scols_table_remove_line(table, line);
			continue;
		}
		for (size_t n = 0; n < COLUMNS && l->columns[n]; n++)
			cell(line, n, json_object_get(row, l->columns[n]));
	}
	scols_print_table(table);
	scols_unref_table(table);
}

static void print_calls(const json_t *calls)
{
	const json_t *call;
	size_t i;

	print_table("calls", calls);
	json_array_foreach(calls, i, call) {
		const json_t *streams = json_object_get(call, "streams");

		if (json_array_size(streams)) {
			printf("\nstreams of %s\n",
			       json_string_value(json_object_get(call, "call")));
			print_table("streams", streams);
		}
	}
}

static void print_status(const json_t *status)
{
	printf("daemon %s, %s member, up %lld s, reloads %lld (%lld refused)\n\n",
	       json_string_value(json_object_get(status, "daemon")),
	       json_string_value(json_object_get(status, "mode")),
	       (long long)json_integer_value(json_object_get(status, "up_s")),
	       (long long)json_integer_value(json_object_get(status, "reloads")),
	       (long long)json_integer_value(json_object_get(status, "reloads_refused")));
	print_table("interfaces", json_object_get(status, "interfaces"));
	printf("\n");
	print_table("tables", json_object_get(status, "tables"));
}

static int print_error(const json_t *document)
{
	const json_t *error;
	size_t i;

	log_error("%s", json_string_value(json_object_get(document, "error")));
	json_array_foreach(json_object_get(document, "errors"), i, error)
		log_error("line %lld, column %lld: %s",
			  (long long)json_integer_value(json_object_get(error, "line")),
			  (long long)json_integer_value(json_object_get(error, "column")),
			  json_string_value(json_object_get(error, "text")));
	return 1;
}

int client_show(const char *path, const char *command, bool json)
{
	FILE *f = ask(path, command);
	json_t *document = f ? json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	int status = 0;

	if (f)
		fclose(f);
	if (!document) {
		if (f)
			log_error("%s: the daemon's answer ended early (look at its log)", command);
		return 1;
	}
	if (json) {
		json_dumpf(document, stdout, JSON_COMPACT);
		printf("\n");
		status = json_object_get(document, "error") != NULL;
	} else if (json_object_get(document, "error")) {
		status = print_error(document);
	} else if (!strcmp(command, "status")) {
		print_status(document);
	} else if (!strcmp(command, "calls")) {
		print_calls(document);
	} else if (json_is_array(document)) {
		print_table(command, document);
	}
	json_decref(document);
	return status;
}

int client_follow(const char *path)
{
	FILE *f = ask(path, "events");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		return 1;
	while (getline(&line, &size, f) > 0) {
		fputs(line, stdout);
		fflush(stdout);
	}
	free(line);
	fclose(f);
	return 0;
}
