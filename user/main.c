// SPDX-License-Identifier: MIT
/* One program, one table of commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <getopt.h>

#include <jansson.h>

#include "cli/client.h"
#include "cli/replay.h"
#include "daemon.h"
#include "io/log.h"
#include "policy/load_own.h"

struct options {
	const char *config;
	const char *argument;
	bool json;
	char control[108], pins[108];
};

static int run(const char *name, const struct options *o)
{
	(void)name;
	if (o->config)
		return daemon_run(o->config);
	log_error("run: no configuration (give it with -c FILE)");
	return 2;
}

/* One document: what was read, and every error. */
static void show_check(const struct policy *p, const struct policy_errors *errors)
{
	json_t *list = json_array(), *document;

	for (uint32_t i = 0; i < errors->count && i < 32; i++)
		json_array_append_new(list, json_pack("{s:I, s:I, s:s}", "line",
						      (json_int_t)errors->items[i].line, "column",
						      (json_int_t)errors->items[i].column, "text",
						      errors->items[i].text));
	document = json_pack("{s:b, s:o}", "ok", p != NULL, "errors", list);
	json_dumpf(document, stdout, JSON_COMPACT);
	printf("\n");
	json_decref(document);
}

static int check(const char *name, const struct options *o)
{
	struct policy_errors errors = { .count = 0 };
	struct settings settings;
	struct policy *p = NULL;
	int error;

	(void)name;
	if (!o->argument) {
		log_error("check: no file (write ringfence check FILE)");
		return 2;
	}
	error = policy_load(o->argument, &p, &settings, &errors);
	if (error && !errors.count)
		log_error("check: %s: %s (is the path right?)", o->argument, strerror(-error));
	if (o->json)
		show_check(p, &errors);
	else
		policy_errors_log(o->argument, &errors);
	if (error || o->json) {
		policy_free(p);
		return error != 0;
	}
	printf("%s: %u zones, %u servers, %u rules, no error\n", o->argument, p->zone_count,
	       p->server_count, p->rule_count);
	policy_free(p);
	return 0;
}

static int show(const char *name, const struct options *o)
{
	return client_show(o->control, name, o->json);
}

static int follow(const char *name, const struct options *o)
{
	(void)name;
	return client_follow(o->control);
}

static int detach(const char *name, const struct options *o)
{
	struct kernel_error error;
	struct kernel *k;
	int failed;

	(void)name;
	if (!o->argument) {
		log_error("detach: no interface (write ringfence detach IFACE)");
		return 2;
	}
	failed = kernel_open_pinned(o->pins, &k, &error);
	if (!failed) {
		failed = kernel_detach(k, o->argument, &error);
		kernel_close(k);
	}
	if (failed)
		log_error("%s", error.text);
	return failed != 0;
}

static int unload(const char *name, const struct options *o)
{
	struct kernel_error error;

	(void)name;
	if (!kernel_unload(o->pins, &error))
		return 0;
	log_error("%s", error.text);
	return 1;
}

static int replay(const char *name, const struct options *o)
{
	(void)name;
	if (o->argument && o->config)
		return replay_run(o->argument, o->config, o->json);
	log_error("replay: no %s (write ringfence replay CAPTURE -c FILE)",
		  o->argument ? "configuration" : "capture");
	return 2;
}

static int help(const char *name, const struct options *o);

static const struct command {
	const char *name, *usage, *does;
	int (*run)(const char *name, const struct options *o);
} commands[] = {
	{ "run", "-c FILE", "loads, attaches, serves until SIGTERM", run },
	{ "check", "FILE", "reads a configuration, prints every error", check },
	{ "status", "", "interfaces, daemon, table fill", show },
	{ "calls", "", "live calls with their media streams", show },
	{ "pinholes", "", "doors whose sender is not wholly known", show },
	{ "flows", "", "doors of one sender and one receiver", show },
	{ "bindings", "", "registered phones", show },
	{ "counters", "", "every reason and counter that happened", show },
	{ "events", "", "judgements as they happen, a JSON object a line", follow },
	{ "reload", "", "reads the configuration again, keeps every call", show },
	{ "replay", "CAPTURE -c FILE", "judges a capture offline; exit 0 where all passed", replay },
	{ "detach", "IFACE", "takes the programs off an interface", detach },
	{ "unload", "", "takes programs and maps away", unload },
	{ "help", "", "this list", help },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static int help(const char *name, const struct options *o)
{
	(void)name;
	(void)o;
	printf("ringfence COMMAND [options]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-9s %-15s %s\n", commands[i].name, commands[i].usage, commands[i].does);
	printf("\nOptions: --json, --control SOCKET, --pins DIRECTORY, --version\n");
	return 0;
}

static bool read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },	  { "config", required_argument, NULL, 'c' },
		{ "follow", no_argument, NULL, 'f' },	  { "control", required_argument, NULL, 's' },
		{ "pins", required_argument, NULL, 'p' }, { NULL, 0, NULL, 0 },
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
		switch (letter) {
		case 'j':
			o->json = true;
			break;
		case 'f':
			break;
		case 'c':
			o->config = optarg;
			break;
		case 's':
			snprintf(o->control, sizeof(o->control), "%s", optarg);
			break;
		case 'p':
			snprintf(o->pins, sizeof(o->pins), "%s", optarg);
			break;
		default:
			return false;
		}
	}
	if (optind < argc)
		o->argument = argv[optind++];
	if (optind == argc)
		return true;
	log_error("%s: %s is one word too many (ringfence help shows how it is used)", argv[0],
		  argv[optind]);
	return false;
}

static const struct command *find(const char *name)
{
	const char *names[COMMANDS + 1] = { NULL }, *near;

	for (size_t i = 0; i < COMMANDS; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
		names[i] = commands[i].name;
	}
	near = load_nearest(name, names);
	if (near)
		log_error("%s: no such command (did you mean %s?)", name, near);
	else
		log_error("%s: no such command (ringfence help lists them)", name);
	return NULL;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "help", *control = getenv("RINGFENCE_CONTROL"),
		   *pins = getenv("RINGFENCE_PINS");
	struct options o = { .json = false };
	const struct command *c;

	if (!strcmp(name, "--version")) {
		printf("ringfence " RINGFENCE_VERSION "\n");
		return 0;
	}
	c = find(strcmp(name, "--help") && strcmp(name, "-h") ? name : "help");
	if (!c)
		return 2;
	snprintf(o.control, sizeof(o.control), "%s", control ?: "/run/ringfence/control.sock");
	snprintf(o.pins, sizeof(o.pins), "%s", pins ?: "/sys/fs/bpf/ringfence");
	if (argc > 1 && !read_options(argc - 1, argv + 1, &o))
		return 2;
	return c->run(name, &o);
}
