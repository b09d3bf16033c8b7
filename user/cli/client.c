// SPDX-License-Identifier: MIT
/* Asks the daemon, and prints tables that fit a terminal. */
#include "cli/client.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/kernel.h"
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
	{ "interfaces", { "interface", "zone", "mode", "by", "why" } },
	{ "tables", { "table", "rows", "capacity" } },
};

/* A daemon of other pins is none. */
enum found { FOUND_DAEMON, FOUND_NONE, FOUND_TROUBLE };

/* Takes no reference. FOUND_TROUBLE has been told. */
static enum found ask(const struct client *c, const json_t *request, FILE **ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *command = json_string_value(json_object_get(request, "command"));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", c->control);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		error = errno;
	else if (json_dumpfd(request, fd, JSON_COMPACT) || write(fd, "\n", 1) != 1)
		error = errno ?: EPIPE;
	if (!error && (*ret = fdopen(fd, "r")))
		return FOUND_DAEMON;
	if (fd >= 0)
		close(fd);
	if (error == ENOENT || error == ECONNREFUSED)
		return FOUND_NONE;
	log_error("%s: %s: %s (run as root; --control names another socket)", command, c->control,
		  strerror(error ?: errno));
	return FOUND_TROUBLE;
}

/* The daemon's answer in *ret. */
static enum found ask_daemon(const struct client *c, json_t *request, json_t **ret)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	enum found found;
	FILE *f;

	if (c->pins_given)
		json_object_set_new(request, "pins", json_string(c->pins));
	found = ask(c, request, &f);
	if (found != FOUND_DAEMON)
		return found;
	*ret = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL);
	fclose(f);
	if (!*ret) {
		log_error("%s: the daemon's answer ended early (look at its log)", command);
		return FOUND_TROUBLE;
	}
	if (!json_object_get(*ret, "other_pins"))
		return FOUND_DAEMON;
	json_decref(*ret);
	return FOUND_NONE;
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

static void print_attached(const json_t *a)
{
	const char *warning = json_string_value(json_object_get(a, "warning")) ?: "";

	printf("%s is in zone %s, mode %s: %s\n",
	       json_string_value(json_object_get(a, "interface")),
	       json_string_value(json_object_get(a, "zone")),
	       json_string_value(json_object_get(a, "mode")),
	       json_string_value(json_object_get(a, "why")));
	if (*warning)
		log_warning("%s: %s", json_string_value(json_object_get(a, "interface")), warning);
}

static int print_answer(const struct client *c, const char *command, const json_t *document)
{
	if (c->json) {
		json_dumpf(document, stdout, JSON_COMPACT);
		printf("\n");
		return json_object_get(document, "error") != NULL;
	}
	if (json_object_get(document, "error"))
		return print_error(document);
	if (!strcmp(command, "status"))
		print_status(document);
	else if (!strcmp(command, "calls"))
		print_calls(document);
	else if (!strcmp(command, "attach"))
		print_attached(document);
	else if (json_is_array(document))
		print_table(command, document);
	return 0;
}

static int no_daemon(const struct client *c, const char *command)
{
	log_error("%s: %s: no daemon listens there (start it with ringfence run -c FILE)", command,
		  c->control);
	return 1;
}

int client_show(const struct client *c, json_t *request)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	json_t *document = NULL;
	int status = 1;

	switch (ask_daemon(c, request, &document)) {
	case FOUND_DAEMON:
		status = print_answer(c, command, document);
		break;
	case FOUND_NONE:
		status = no_daemon(c, command);
		break;
	case FOUND_TROUBLE:
		break;
	}
	json_decref(document);
	json_decref(request);
	return status;
}

static int detach_pinned(const struct client *c, const char *interface)
{
	struct kernel_error error;
	struct kernel *k;
	int failed = kernel_open_pinned(c->pins, &k, &error);

	if (!failed) {
		failed = kernel_detach(k, interface, &error);
		kernel_close(k);
	}
	if (failed)
		log_error("%s", error.text);
	return failed != 0;
}

int client_detach(const struct client *c, const char *interface)
{
	json_t *request = json_pack("{s:s, s:s}", "command", "detach", "interface", interface),
	       *document = NULL;
	int status = 1;

	switch (ask_daemon(c, request, &document)) {
	case FOUND_DAEMON:
		status = print_answer(c, "detach", document);
		break;
	case FOUND_NONE:
		status = detach_pinned(c, interface);
		break;
	case FOUND_TROUBLE:
		break;
	}
	json_decref(document);
	json_decref(request);
	return status;
}

int client_follow(const struct client *c)
{
	json_t *request = json_pack("{s:s}", "command", "events");
	char *line = NULL;
	size_t size = 0;
	FILE *f = NULL;
	enum found found = ask(c, request, &f);

	json_decref(request);
	if (found == FOUND_NONE)
		return no_daemon(c, "events");
	if (found == FOUND_TROUBLE)
		return 1;
	while (getline(&line, &size, f) > 0) {
		fputs(line, stdout);
		fflush(stdout);
	}
	free(line);
	fclose(f);
	return 0;
}
