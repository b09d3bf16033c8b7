// SPDX-License-Identifier: MIT
/* Commands that go on until they are interrupted: events, and counters as they change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/client_own.h"
#include "cli/print.h"
#include "io/log.h"

static void put_line(const struct client *c, const json_t *line, void (*print)(const json_t *))
{
	if (c->json) {
		json_dumpf(line, stdout, DUMP_FLAGS);
		putchar('\n');
	} else {
		print(line);
	}
	fflush(stdout);
}

int client_follow(const struct client *c, json_t *request)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = client_connect(c, request);

	json_decref(request);
	if (!f)
		return 1;
	while (getline(&text, &size, f) > 0) {
		json_t *line = json_loads(text, 0, NULL);

		put_line(c, line, print_event);
		json_decref(line);
	}
	free(text);
	fclose(f);
	log_error("events: the daemon ended, or hung up on a reader that was too slow (ringfence status "
		  "tells which)");
	return 1;
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)(now.tv_nsec / 1000000) / 1000;
}

/* A counter that fell began anew: the maps were taken away and made again. */
static json_int_t change_of(const json_t *row, const json_t *before)
{
	json_int_t value = json_integer_value(json_object_get(row, "value")),
		   old = json_integer_value(json_object_get(
			   before, json_string_value(json_object_get(row, "name"))));

	return value < old ? value : value - old;
}

/* Tells what changed since `before`, and returns what is now. */
static json_t *tell_changes(const struct client *c, const json_t *document, const json_t *before)
{
	const json_t *row;
	json_t *now = json_object();
	size_t i;

	json_array_foreach(json_object_get(document, "counters"), i, row) {
		json_t *value = json_object_get(row, "value"), *name = json_object_get(row, "name"),
		       *line;
		json_int_t change = before ? change_of(row, before) : 0;

		json_object_set(now, json_string_value(name), value);
		if (!change)
			continue;
		line = json_pack("{s:f, s:O, s:O, s:I, s:O, s:O}", "time", now_s(), "daemon",
				 json_object_get(document, "daemon"), "name", name, "change", change,
				 "value", value, "meaning", json_object_get(row, "meaning"));
		put_line(c, line, print_change);
		json_decref(line);
	}
	return now;
}

int client_follow_counters(const struct client *c, json_t *request)
{
	const struct timespec second = { .tv_sec = 1 };
	json_t *before = NULL, *document;

	while ((document = client_answer(c, request)) && !json_object_get(document, "error")) {
		json_t *now = tell_changes(c, document, before);

		json_decref(before);
		json_decref(document);
		before = now;
		nanosleep(&second, NULL);
	}
	if (document)
		log_error("%s", json_string_value(json_object_get(document, "error")));
	json_decref(document);
	json_decref(before);
	json_decref(request);
	return 1;
}
