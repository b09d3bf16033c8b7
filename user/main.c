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

/* What a command may be told beside the options of all of them. */
enum takes {
	MAY_NAME = 1 << 0,           /* one word without dashes */
	MUST_NAME = 1 << 1,
	MAY_CONFIG = 1 << 2,
	MAY_FOLLOW = 1 << 3,
	MAY_ZONE = 1 << 4,
	MAY_MODE = 1 << 5,
	MAY_CALL = 1 << 6,
	MAY_LAST = 1 << 7,
};

struct options {
	const char *config, *argument, *zone, *mode, *call, *lasts;
	bool follow;
	struct client client;
	uint32_t given;              /* enum takes */
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
	error = policy_load(o->argument, &p, &settings, &errors);
	if (error && !errors.count)
		log_error("check: %s: %s (is the path right?)", o->argument, strerror(-error));
	if (o->client.json)
		show_check(p, &errors);
	else
		policy_errors_log(o->argument, &errors);
	if (error || o->client.json) {
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
	return client_show(&o->client, json_pack("{s:s, s:s*, s:s*, s:s*}", "command", name,
						 "address", o->argument, "zone", o->zone, "call",
						 o->call));
}

/* A word that is no address names a call. */
static int calls(const char *name, const struct options *o)
{
	struct options filter = *o;
	struct network n;

	if (o->argument && !network_parse(slice_make(o->argument, strlen(o->argument)), &n)) {
		filter.call = o->argument;
		filter.argument = NULL;
	}
	return show(name, &filter);
}

static int follow(const char *name, const struct options *o)
{
	return client_follow(&o->client, json_pack("{s:s}", "command", name));
}

static int counters(const char *name, const struct options *o)
{
	return o->follow ? client_follow_counters(&o->client,
						  json_pack("{s:s}", "command", name)) :
			   show(name, o);
}

static int attach(const char *name, const struct options *o)
{
	static const char *const modes[] = { "auto", "native", "tc", NULL };
	const char *mode = o->mode ?: "auto";
	int i = 0;

	while (modes[i] && strcmp(modes[i], mode))
		i++;
	if (!o->zone)
		log_error("attach: no zone (write ringfence attach IFACE --zone ZONE)");
	else if (!modes[i])
		log_error("attach: %s: no mode (auto, native or tc)", mode);
	else
		return client_show(&o->client,
				   json_pack("{s:s, s:s, s:s, s:s}", "command", name, "interface",
					     o->argument, "zone", o->zone, "mode", mode));
	return 2;
}

static int block(const char *name, const struct options *o)
{
	uint64_t ns = 0;

	if (o->lasts && (!load_duration_text(o->lasts, &ns) || ns > INT64_MAX)) {
		log_error("block: %s: no duration (write 30s, 5m or 2h)", o->lasts);
		return 2;
	}
	return client_show(&o->client, json_pack("{s:s, s:s, s:I}", "command", name, "address",
						 o->argument, "for_ns", (json_int_t)ns));
}

static int detach(const char *name, const struct options *o)
{
	(void)name;
	return client_detach(&o->client, o->argument);
}

static int unload(const char *name, const struct options *o)
{
	struct kernel_error error;

	(void)name;
	if (!kernel_unload(o->client.pins, &error))
		return 0;
	log_error("%s", error.text);
	return 1;
}

static int replay(const char *name, const struct options *o)
{
	(void)name;
	if (o->argument && o->config)
		return replay_run(o->argument, o->config, o->client.json);
	log_error("replay: no %s (write ringfence replay CAPTURE -c FILE)",
		  o->argument ? "configuration" : "capture");
	return 2;
}

static int help(const char *name, const struct options *o);

static const struct command {
	const char *name, *usage, *does;
	int (*run)(const char *name, const struct options *o);
	uint32_t takes;
} commands[] = {
	{ "run", "-c FILE", "loads, attaches, serves until SIGTERM", run, MAY_CONFIG },
	{ "check", "FILE", "reads a configuration, prints every error", check, MUST_NAME },
	{ "attach", "IFACE --zone ZONE [--mode native|tc]", "adds an interface by hand", attach,
	  MUST_NAME | MAY_ZONE | MAY_MODE },
	{ "detach", "IFACE", "takes the programs off an interface", detach, MUST_NAME },
	{ "status", "", "interfaces, daemon, table fill", show, 0 },
	{ "calls", "[CALL|ADDRESS] [--zone ZONE]", "live calls and their streams, or one in full",
	  calls, MAY_NAME | MAY_ZONE | MAY_CALL },
	{ "pinholes", "[ADDRESS] [--zone ZONE] [--call CALL]",
	  "doors whose sender is not wholly known", show, MAY_NAME | MAY_ZONE | MAY_CALL },
	{ "flows", "[ADDRESS] [--zone ZONE] [--call CALL]", "doors of one sender and one receiver",
	  show, MAY_NAME | MAY_ZONE | MAY_CALL },
	{ "bindings", "[ADDRESS] [--zone ZONE]", "registered phones", show, MAY_NAME | MAY_ZONE },
	{ "servers", "[ADDRESS] [--zone ZONE]", "SIP servers and trunks: which answer", show,
	  MAY_NAME | MAY_ZONE },
	{ "connections", "[ADDRESS] [--zone ZONE]", "signalling over TCP, as it is proxied", show,
	  MAY_NAME | MAY_ZONE },
	{ "nat", "[ADDRESS] [--zone ZONE]", "who is seen as what, and from where", show,
	  MAY_NAME | MAY_ZONE },
	{ "gateways", "[ADDRESS] [--zone ZONE]", "MGCP gateways and their call agents", show,
	  MAY_NAME | MAY_ZONE },
	{ "sources", "[ADDRESS] [--zone ZONE]", "who is trusted, denied, or heard of lately", show,
	  MAY_NAME | MAY_ZONE },
	{ "block", "ADDRESS [--for TIME]", "denies a source, and ends the flows it sends", block,
	  MUST_NAME | MAY_LAST },
	{ "unblock", "ADDRESS", "takes a block away", show, MUST_NAME },
	{ "counters", "[--follow]", "every reason and counter, or their changes each second",
	  counters, MAY_FOLLOW },
	{ "events", "--follow", "judgements and alarms as they happen", follow, MAY_FOLLOW },
	{ "cluster", "", "members of the group, who is filled, and how far decisions lag", show,
	  0 },
	{ "reload", "", "reads the configuration again, keeps every call", show, 0 },
	{ "replay", "CAPTURE -c FILE", "judges a capture offline; exit 0 where all passed", replay,
	  MAY_NAME | MAY_CONFIG },
	{ "unload", "", "takes programs and maps away", unload, 0 },
	{ "help", "", "this list", help, 0 },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static int help(const char *name, const struct options *o)
{
	(void)name;
	(void)o;
	printf("ringfence COMMAND [options]\n\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];

		printf("  %s%s%s\n      %s\n", c->name, *c->usage ? " " : "", c->usage, c->does);
	}
	printf("\nOptions of all: --json, --control SOCKET, --pins DIRECTORY, --version\n");
	return 0;
}

/* Options of one argument go to the word that they fill. */
static bool read_option(int letter, struct options *o)
{
	switch (letter) {
	case 'j':
		o->client.json = true;
		return true;
	case 's':
		o->client.control = optarg;
		return true;
	case 'p':
		o->client.pins = optarg;
		o->client.pins_given = true;
		return true;
	case 'f':
		o->given |= MAY_FOLLOW;
		o->follow = true;
		return true;
	case 'c':
		o->given |= MAY_CONFIG;
		o->config = optarg;
		return true;
	case 'z':
		o->given |= MAY_ZONE;
		o->zone = optarg;
		return true;
	case 'C':
		o->given |= MAY_CALL;
		o->call = optarg;
		return true;
	case 't':
		o->given |= MAY_LAST;
		o->lasts = optarg;
		return true;
	case 'm':
		o->given |= MAY_MODE;
		o->mode = optarg;
		return true;
	default:
		return false;
	}
}

static bool read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },	  { "config", required_argument, NULL, 'c' },
		{ "follow", no_argument, NULL, 'f' },	  { "control", required_argument, NULL, 's' },
		{ "pins", required_argument, NULL, 'p' }, { "zone", required_argument, NULL, 'z' },
		{ "mode", required_argument, NULL, 'm' }, { "call", required_argument, NULL, 'C' },
		{ "for", required_argument, NULL, 't' },  { NULL, 0, NULL, 0 },
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "c:", longs, NULL)) != -1)
		if (!read_option(letter, o))
			return false;
	if (optind < argc) {
		o->argument = argv[optind++];
		o->given |= MAY_NAME;
	}
	if (optind == argc)
		return true;
	log_error("%s: %s is one word too many (ringfence help shows how it is used)", argv[0],
		  argv[optind]);
	return false;
}

static bool options_fit(const struct command *c, const struct options *o)
{
	uint32_t takes = c->takes | (c->takes & MUST_NAME ? MAY_NAME : 0);

	if (!(o->given & ~takes) && (o->argument || !(c->takes & MUST_NAME)))
		return true;
	log_error("%s: %s (write ringfence %s%s%s)", c->name,
		  o->given & ~takes ? "it takes no such option or word" : "a word is missing",
		  c->name, *c->usage ? " " : "", c->usage);
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
	struct options o = {
		.client = { .control = control ?: "/run/ringfence/control.sock",
			    .pins = pins ?: "/sys/fs/bpf/ringfence", .pins_given = pins },
	};
	const struct command *c;

	if (!strcmp(name, "--version")) {
		printf("ringfence " RINGFENCE_VERSION "\n");
		return 0;
	}
	c = find(strcmp(name, "--help") && strcmp(name, "-h") ? name : "help");
	if (!c)
		return 2;
	if (argc > 1 && !read_options(argc - 1, argv + 1, &o))
		return 2;
	return options_fit(c, &o) ? c->run(name, &o) : 2;
}
