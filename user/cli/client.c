// SPDX-License-Identifier: MIT
/* Asks the daemon, or reads the pins where none runs, and prints what it is told. */
#include "cli/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/client_own.h"
#include "cli/print.h"
#include "cli/show.h"
#include "io/kernel.h"
#include "io/log.h"

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

/* A member that is filled judges nothing: for scripts that ask whether it could lead. */
static bool is_waiting(const json_t *document)
{
	const char *state = json_string_value(json_object_get(document, "state"));

	return state && !strcmp(state, "joining");
}

static int print_answer(const struct client *c, const json_t *request, json_t *document)
{
	const char *command = json_string_value(json_object_get(request, "command"));

	if (c->json) {
		json_dumpf(document, stdout, DUMP_FLAGS);
		printf("\n");
		return json_object_get(document, "error") || is_waiting(document);
	}
	if (json_object_get(document, "error"))
		return print_error(document);
	print_document(command, document);
	return is_waiting(document);
}

static void tell_pinned(const char *command, const json_t *document)
{
	const json_t *heartbeat = json_object_get(document, "heartbeat_s");

	if (json_is_number(heartbeat))
		log_warning("%s: no daemon runs, the last one was heard of %.0f s ago: this is what is "
			    "pinned (start it with ringfence run -c FILE)", command,
			    json_number_value(heartbeat));
	else
		log_warning("%s: no daemon runs and none ever did: this is what is pinned "
			    "(start it with ringfence run -c FILE)", command);
}

static json_t *no_daemon(const struct client *c, const json_t *request)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	char text[512];

	snprintf(text, sizeof(text),
		 "%s: %s: no daemon listens there (start it with ringfence run -c FILE)", command,
		 c->control);
	return json_pack("{s:s, s:s}", "daemon", "none", "error", text);
}

static json_t *no_pins(const struct client *c, const char *command,
		       const struct kernel_error *error)
{
	char text[sizeof(error->text) + 64];

	if (access(c->pins, F_OK))
		snprintf(text, sizeof(text),
			 "%s: no daemon runs and nothing is pinned in %s (start it with ringfence run "
			 "-c FILE; --pins names another place)", command, c->pins);
	else
		snprintf(text, sizeof(text), "%s: %s", command, error->text);
	return json_pack("{s:s, s:s}", "daemon", "none", "error", text);
}

/* What the daemon would have answered, from what is pinned. */
static json_t *answer_pinned(const struct client *c, const json_t *request)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	struct kernel_error error = { "memory: none left (free some)" };
	json_t *document;
	struct pins *p;

	if (!show_answers(command))
		return no_daemon(c, request);
	if (pins_open(c->pins, strcmp(command, "counters") ? PINS_ROWS : 0, &p, &error))
		return no_pins(c, command, &error);
	document = show_answer(pins_view(p), request);
	pins_close(p);
	return document;
}

/* A long table is read from the pins while the daemon works: thousands of calls made into text would
 * keep it from its messages. NULL: it is to be asked after all. */
static json_t *answer_beside(const struct client *c, const json_t *request)
{
	json_t *where = json_pack("{s:s}", "command", "where"), *answer = NULL, *document = NULL;
	struct kernel_error error;
	struct pins *p;

	if (show_is_long(request) && ask_daemon(c, where, &answer) == FOUND_DAEMON &&
	    !pins_open(json_string_value(json_object_get(answer, "pins")) ?: c->pins,
		       PINS_ROWS | PINS_BESIDE_DAEMON, &p, &error)) {
		document = show_answer(pins_view(p), request);
		pins_close(p);
	}
	json_decref(answer);
	json_decref(where);
	return document;
}

json_t *client_answer(const struct client *c, json_t *request)
{
	json_t *document = answer_beside(c, request);

	if (document)
		return document;
	return ask_daemon(c, request, &document) == FOUND_NONE ? answer_pinned(c, request) :
								 document;
}

int client_show(const struct client *c, json_t *request)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	json_t *document = client_answer(c, request);
	int status = 1;

	if (document && !c->json && json_object_get(document, "heartbeat_s") &&
	    strcmp(command, "status"))
		tell_pinned(command, document);
	if (document)
		status = print_answer(c, request, document);
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
	enum found found = ask_daemon(c, request, &document);
	int status = 1;

	if (found == FOUND_NONE)
		status = detach_pinned(c, interface);
	else if (document)
		status = print_answer(c, request, document);
	json_decref(document);
	json_decref(request);
	return status;
}

FILE *client_connect(const struct client *c, json_t *request)
{
	FILE *f = NULL;
	json_t *none;

	if (c->pins_given)
		json_object_set_new(request, "pins", json_string(c->pins));
	if (ask(c, request, &f) == FOUND_NONE) {
		none = no_daemon(c, request);
		print_answer(c, request, none);
		json_decref(none);
	}
	return f;
}
