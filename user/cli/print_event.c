// SPDX-License-Identifier: MIT
/* What happens, as a person reads it. Colour on a terminal alone. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/print.h"

#define INDENT 13                /* behind "12:34:56.789 " */

static const char *word(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name)) ?: "";
}

static void print_time(const json_t *line)
{
	double s = json_number_value(json_object_get(line, "time"));
	time_t whole = (time_t)s;
	struct tm tm;

	localtime_r(&whole, &tm);
	printf("%02d:%02d:%02d.%03d ", tm.tm_hour, tm.tm_min, tm.tm_sec,
	       (int)((s - (double)whole) * 1000));
}

static void print_coloured(const char *text, const char *colour)
{
	bool on = *colour && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");

	printf("%s%-10s%s", on ? colour : "", text, on ? "\033[0m" : "");
}

#define RED "\033[31m"
#define YELLOW "\033[33m"

/* The verb of a message's judgement, or of what the fast path did. */
static void print_verb(const json_t *event)
{
	static const struct {
		const char *word, *verb, *colour;
	} verbs[] = {
		{ "refuse", "refused", RED },  { "accept", "accepted", "" },
		{ "consume", "taken", "" },    { "dropped", "dropped", RED },
		{ "refused", "refused", RED }, { "locked", "locked", "" },
	};
	const char *what = *word(event, "judgement") ? word(event, "judgement") :
						       word(event, "event");

	if (json_is_true(json_object_get(event, "monitored"))) {
		print_coloured("monitored", YELLOW);
		return;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(what, verbs[i].word)) {
			print_coloured(verbs[i].verb, verbs[i].colour);
			return;
		}
	print_coloured(what, "");
}

static void print_way(const json_t *event)
{
	printf(" %s (%s) > %s (%s)\n", word(event, "from"), word(event, "from_zone"),
	       word(event, "to"), word(event, "to_zone"));
}

static void print_part(const json_t *event, const char *name, const char *before)
{
	if (*word(event, name))
		printf("%*s%s%s\n", INDENT, "", before, word(event, name));
}

static void print_reason(const json_t *event)
{
	const json_t *at = json_object_get(event, "at");

	if (strcmp(word(event, "reason"), "none"))
		printf("%*s%s: %s\n", INDENT, "", word(event, "reason"), word(event, "meaning"));
	if (json_is_integer(at))
		printf("%*sat byte %lld, line %lld (%s)\n", INDENT, "",
		       (long long)json_integer_value(at),
		       (long long)json_integer_value(json_object_get(event, "line")),
		       word(event, "field"));
}

static void print_record(const json_t *event)
{
	const json_t *duration = json_object_get(event, "duration_s");
	bool is_call = *word(event, "caller");

	if (*word(event, "host")) {
		printf("%-13s %s", word(event, "event"), word(event, "host"));
		if (json_object_get(event, "unanswered"))
			printf(", %lld commands unanswered",
			       (long long)json_integer_value(json_object_get(event, "unanswered")));
		printf("\n");
		return;
	}
	printf("%-13s %s%s%s", word(event, "event"), is_call ? word(event, "caller") :
							       word(event, "aor"),
	       is_call ? " > " : " at ", is_call ? word(event, "callee") : word(event, "contact"));
	if (json_is_number(duration))
		printf(", %.1f s", json_number_value(duration));
	printf("\n");
	print_part(event, "call", "call ");
}

void print_event(const json_t *event)
{
	const char *type = word(event, "type");

	print_time(event);
	if (!strcmp(type, "record")) {
		print_record(event);
		return;
	}
	if (!strcmp(type, "operator")) {
		printf("operator   %s %s\n", word(event, "event"), word(event, "what"));
		return;
	}
	print_verb(event);
	print_way(event);
	print_part(event, "summary", "");
	print_reason(event);
	print_part(event, "rule", "rule ");
	print_part(event, "call", "call ");
}

void print_change(const json_t *change)
{
	print_time(change);
	printf("%-23s %+8lld  %lld\n", word(change, "name"),
	       (long long)json_integer_value(json_object_get(change, "change")),
	       (long long)json_integer_value(json_object_get(change, "value")));
}
