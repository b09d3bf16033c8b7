// SPDX-License-Identifier: MIT
/* The configuration file: one table of words a mapping. It is taken whole or refused whole. */
#include "policy/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/log.h"
#include "policy/load_own.h"

#define FILE_MOST (1u << 20)
#define SECOND 1000000000ull
#define BUSY_POLL_NS 50000ull
#define BUSY_POLL_MOST_NS 1000000ull

/* servers */
static void server_address(struct loader *l, const yaml_node_t *node, void *target)
{
	struct server *s = target;
	const char *text = load_scalar(l, node);

	if (!text)
		return;
	if (s->address_count == LIMIT_SERVER_ADDRESSES ||
	    !address_parse(load_slice(text), &s->addresses[s->address_count]))
		load_error(l, node, "%s: no address (names are not resolved; %d at most)", text,
			   LIMIT_SERVER_ADDRESSES);
	else
		s->address_count++;
}

static void server_addresses(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, server_address, target);
}

static void server_name(struct loader *l, const yaml_node_t *node, void *target)
{
	struct server *s = target;
	const char *text = load_scalar(l, node);

	if (!text)
		return;
	if (!*text || strlen(text) >= LIMIT_HOST_BYTES || s->name_count == LIMIT_SERVER_NAMES)
		load_error(l, node, "%s: a host name has 1 to %d letters (%d names at most)", text,
			   LIMIT_HOST_BYTES - 1, LIMIT_SERVER_NAMES);
	else
		strcpy(s->names[s->name_count++], text);
}

static void server_names(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, server_name, target);
}

static void server_zone(struct loader *l, const yaml_node_t *node, void *target)
{
	((struct server *)target)->zone = (uint16_t)load_zone_ref(l, node);
}

static int protocol_ref(struct loader *l, const yaml_node_t *node)
{
	static const char *const names[] = {
		"",
#define PROTOCOL(name, number, ...) [number] = #name,
#include "inspect/protocols.def"
#undef PROTOCOL
		NULL,
	};

	return load_choice(l, node, names);
}

static void protocol_bit(struct loader *l, const yaml_node_t *node, void *target)
{
	int protocol = protocol_ref(l, node);

	if (protocol > 0)
		*(uint32_t *)target |= 1u << protocol;
}

static void server_speaks(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, protocol_bit, &((struct server *)target)->speaks);
}

static void server_part(struct loader *l, const yaml_node_t *node, void *target)
{
	static const char *const parts[] = { "endpoint", "proxy", "trunk", "gatekeeper",
					     "call_agent", "gateway", NULL };
	int part = load_choice(l, node, parts);

	if (part >= 0)
		((struct server *)target)->part = (enum part)part;
}

static void serves_item(struct loader *l, const yaml_node_t *node, void *target)
{
	struct server *s = target;
	const char *text = load_scalar(l, node);
	int zone = text ? load_zone_named(l->policy, text) : 0;

	if (!text)
		return;
	if (!strcmp(text, "any"))
		s->serves_any = true;
	else if (zone)
		s->serves_zones |= 1u << zone;
	else if (s->serves_count == LIMIT_SERVES)
		load_error(l, node, "more than %d networks served (join some)", LIMIT_SERVES);
	else if (load_network(l, node, &s->serves[s->serves_count]))
		s->serves_count++;
}

static void server_serves(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, serves_item, target);
}

static const struct word server_words[] = {
	{ "addresses", server_addresses },
	{ "names", server_names },
	{ "zone", server_zone },
	{ "speaks", server_speaks },
	{ "part", server_part },
	{ "serves", server_serves },
	{ NULL, NULL },
};

static void read_server(struct loader *l, const char *name, const yaml_node_t *value)
{
	struct policy *p = l->policy;
	struct server *s = &p->servers[p->server_count];

	if (p->server_count == LIMIT_SERVERS) {
		load_error(l, value, "%s: too many servers (%d at most)", name, LIMIT_SERVERS);
		return;
	}
	for (uint32_t i = 0; i < p->server_count; i++)
		if (!strcmp(p->servers[i].name, name))
			load_error(l, value, "%s: a server of this name stands above", name);
	p->server_count++;
	strcpy(s->name, name);
	load_words(l, value, server_words, s);
	if (!s->address_count)
		load_error(l, value, "%s: no addresses (write addresses: [10.1.0.10])", name);
	if (!s->zone)
		load_error(l, value, "%s: no zone (write zone: NAME)", name);
	if (!s->speaks)
		load_error(l, value, "%s: speaks nothing (write speaks: [sip])", name);
	if (s->serves_any || s->serves_zones || s->serves_count)
		return;
	if (s->part == PART_TRUNK)
		load_error(l, value, "%s: a trunk must say whom it serves (write serves: [NETWORK])",
			   name);
	else if (s->part != PART_ENDPOINT)
		s->serves_zones = 1u << s->zone;
}

/* rules */
static void zone_bit(struct loader *l, const yaml_node_t *node, void *target)
{
	const char *s = load_scalar(l, node);

	if (s && !strcmp(s, "any"))
		*(uint32_t *)target = ~1u;
	else if (s)
		*(uint32_t *)target |= 1u << load_zone_ref(l, node) & ~1u;
}

static void rule_name(struct loader *l, const yaml_node_t *node, void *target)
{
	const char *s = load_scalar(l, node);

	if (s && strlen(s) >= LIMIT_NAME_BYTES)
		load_error(l, node, "%s: the name is too long (%d letters)", s,
			   LIMIT_NAME_BYTES - 1);
	else if (s)
		strcpy(((struct rule *)target)->name, s);
}

static void rule_from(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, zone_bit, &((struct rule *)target)->from);
}

static void rule_to(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, zone_bit, &((struct rule *)target)->to);
}

static void rule_allow(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, protocol_bit, &((struct rule *)target)->allow);
}

static void stream_bit(struct loader *l, const yaml_node_t *node, void *target)
{
	static const char *const streams[] = {
		[STREAM_AUDIO] = "audio", [STREAM_VIDEO] = "video", [STREAM_FAX] = "fax",
		[STREAM_MSRP] = "msrp",	  [STREAM_BFCP] = "bfcp",   [STREAM_DATA] = "data",
		[STREAM_OTHER] = "other", NULL,
	};
	int stream = load_choice(l, node, streams);

	if (stream >= 0)
		*(uint32_t *)target |= 1u << stream;
}

static void rule_deny(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, stream_bit, &((struct rule *)target)->denied_streams);
}

static void rule_encryption(struct loader *l, const yaml_node_t *node, void *target)
{
	static const char *const ways[] = { [ENCRYPTION_ANY] = "any", [ENCRYPTION_KEEP] = "keep",
					    [ENCRYPTION_REQUIRE] = "require", NULL };
	int way = load_choice(l, node, ways);

	if (way >= 0)
		((struct rule *)target)->encryption = (enum encryption_rule)way;
}

static void demand_bit(struct loader *l, const yaml_node_t *node, const char *const *words,
		       uint32_t *bits)
{
	int word = load_choice(l, node, words);

	if (word >= 0)
		*bits |= 1u << word;
}

static void registered_bit(struct loader *l, const yaml_node_t *node, void *target)
{
	static const char *const sides[] = { "caller", "callee", NULL };

	demand_bit(l, node, sides, &((struct rule *)target)->registered);
}

static void rule_registered(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, registered_bit, target);
}

static void authenticated_bit(struct loader *l, const yaml_node_t *node, void *target)
{
	static const char *const demands[] = { [DEMAND_CALLS] = "calls",
					       [DEMAND_REGISTRATIONS] = "registrations", NULL };

	demand_bit(l, node, demands, &((struct rule *)target)->authenticated);
}

static void rule_authenticated(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, authenticated_bit, target);
}

static const struct word rule_words[] = {
	{ "name", rule_name }, { "from", rule_from }, { "to", rule_to }, { "allow", rule_allow },
	{ "deny", rule_deny }, { "encryption", rule_encryption },
	{ "registered", rule_registered }, { "authenticated", rule_authenticated },
	{ NULL, NULL },
};

static void read_rule(struct loader *l, const yaml_node_t *node, void *target)
{
	struct policy *p = l->policy;
	struct rule *r = &p->rules[p->rule_count];

	(void)target;
	if (p->rule_count == LIMIT_RULES) {
		load_error(l, node, "too many rules (%d at most)", LIMIT_RULES);
		return;
	}
	p->rule_count++;
	load_words(l, node, rule_words, r);
	if (!r->from || !r->to || !r->allow)
		load_error(l, node, "a rule needs from, to and allow (write allow: [sip])");
}

/* timers, limits, daemon: names of one number each */
#define DURATION(field)                                                                          \
	static void timer_##field(struct loader *l, const yaml_node_t *node, void *target)       \
	{                                                                                        \
		(void)target;                                                                    \
		load_duration(l, node, &l->policy->timers.field##_ns);                           \
	}
DURATION(early_media)
DURATION(call_idle)
DURATION(call_longest)
DURATION(linger)
DURATION(drain)
DURATION(binding_longest)
DURATION(denied)

static void timer_tcp_message(struct loader *l, const yaml_node_t *node, void *target)
{
	(void)target;
	load_duration(l, node, &l->policy->streams.message_ns);
}

static void timer_tcp_idle(struct loader *l, const yaml_node_t *node, void *target)
{
	(void)target;
	load_duration(l, node, &l->policy->streams.idle_ns);
}

#define LIMIT(word, field) LIMIT_TO(word, field, 1000000)
#define LIMIT_TO(word, field, most)                                                              \
	static void limit_##word(struct loader *l, const yaml_node_t *node, void *target)        \
	{                                                                                        \
		uint64_t n;                                                                      \
                                                                                                 \
		(void)target;                                                                    \
		if (load_number(l, node, most, &n))                                              \
			l->policy->field = (uint32_t)n;                                          \
	}
LIMIT(unknown_rate, unknown_rate)
LIMIT(media_rate, media_rate)
LIMIT_TO(mgcp_connections, mgcp.connections, LIMIT_MGCP_CONNECTIONS)
LIMIT_TO(mgcp_endpoints, mgcp.endpoints, LIMIT_MGCP_CONNECTIONS)
LIMIT_TO(contacts_per_user, contacts_per_user, LIMIT_CONTACTS)
LIMIT_TO(registrations_per_host, registrations_per_host, LIMIT_REGISTRATIONS)
LIMIT_TO(tcp_connections, streams.most, LIMIT_STREAMS)
LIMIT_TO(tcp_source_connections, streams.of_source, LIMIT_STREAMS)

static void read_path(struct loader *l, const yaml_node_t *node, char *ret)
{
	const char *s = load_scalar(l, node);

	if (s && (s[0] != '/' || strlen(s) >= 108))
		load_error(l, node, "%s: no absolute path of at most 107 letters", s);
	else if (s)
		strcpy(ret, s);
}

static void daemon_control(struct loader *l, const yaml_node_t *node, void *target)
{
	(void)target;
	read_path(l, node, l->settings.control_path);
}

static void daemon_pins(struct loader *l, const yaml_node_t *node, void *target)
{
	(void)target;
	read_path(l, node, l->settings.pin_path);
}

static void cluster_group(struct loader *l, const yaml_node_t *node, void *target)
{
	const char *s = load_scalar(l, node);
	size_t length = s ? strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") : 0;

	(void)target;
	if (s && (!length || s[length] || length >= LIMIT_NAME_BYTES))
		load_error(l, node, "%s: no name of a group (letters, digits, - and _, at most 31)", s);
	else if (s)
		strcpy(l->settings.cluster_group, s);
}

static void daemon_when_down(struct loader *l, const yaml_node_t *node, void *target)
{
	static const char *const ways[] = { "hold", "pass", NULL };

	(void)target;
	l->policy->pass_when_down = load_choice(l, node, ways) == 1;
}

static void daemon_tcp_strays(struct loader *l, const yaml_node_t *node, void *target)
{
	static const char *const ways[] = { "reset", "pass", NULL };

	(void)target;
	l->policy->streams.pass_strays = load_choice(l, node, ways) == 1;
}

/* More would only keep the machine awake: the next message of a call comes soon or much later. */
static void daemon_busy_poll(struct loader *l, const yaml_node_t *node, void *target)
{
	const char *s = load_scalar(l, node);
	uint64_t ns = 0;

	(void)target;
	if (!s || (strcmp(s, "off") && !load_duration(l, node, &ns)))
		return;
	if (ns > BUSY_POLL_MOST_NS)
		load_error(l, node, "%s: too long (at most 1ms, or off)", s);
	else
		l->policy->busy_poll_ns = ns;
}

static const struct word timer_words[] = {
	{ "early_media", timer_early_media }, { "call_idle", timer_call_idle },
	{ "call_longest", timer_call_longest }, { "linger", timer_linger },
	{ "drain", timer_drain }, { "binding_longest", timer_binding_longest },
	{ "denied", timer_denied },
	{ "tcp_message", timer_tcp_message }, { "tcp_idle", timer_tcp_idle }, { NULL, NULL },
};
static const struct word limit_words[] = {
	{ "unknown_rate", limit_unknown_rate }, { "media_rate", limit_media_rate },
	{ "mgcp_connections", limit_mgcp_connections },
	{ "mgcp_endpoints", limit_mgcp_endpoints },
	{ "contacts_per_user", limit_contacts_per_user },
	{ "registrations_per_host", limit_registrations_per_host },
	{ "tcp_connections", limit_tcp_connections },
	{ "tcp_source_connections", limit_tcp_source_connections }, { NULL, NULL },
};
static const struct word cluster_words[] = { { "group", cluster_group }, { NULL, NULL } };
static const struct word daemon_words[] = {
	{ "control", daemon_control }, { "pins", daemon_pins },
	{ "when_down", daemon_when_down }, { "busy_poll", daemon_busy_poll },
	{ "tcp_strays", daemon_tcp_strays }, { NULL, NULL },
};

#define SECTION(name, call)                                                                      \
	static void top_##name(struct loader *l, const yaml_node_t *node, void *target)          \
	{                                                                                        \
		(void)target;                                                                    \
		call;                                                                            \
	}
SECTION(zones, load_names(l, node, load_zone))
SECTION(servers, load_names(l, node, read_server))
SECTION(rules, load_items(l, node, read_rule, NULL))
SECTION(protections, load_words(l, node, load_protection_words, NULL))
SECTION(ports, load_words(l, node, load_port_words, NULL))
SECTION(timers, load_words(l, node, timer_words, NULL))
SECTION(limits, load_words(l, node, limit_words, NULL))
SECTION(daemon, load_words(l, node, daemon_words, NULL))
SECTION(cluster, load_words(l, node, cluster_words, NULL))
SECTION(nat, load_names(l, node, load_nat))
SECTION(later, load_error(l, node, "this section is not served yet (leave it out)"))

static const struct word top_words[] = {
	{ "zones", top_zones }, { "servers", top_servers }, { "rules", top_rules },
	{ "protections", top_protections }, { "ports", top_ports }, { "timers", top_timers }, { "limits", top_limits },
	{ "daemon", top_daemon }, { "nat", top_nat }, { "emergency", top_later },
	{ "qos", top_later }, { "cluster", top_cluster }, { NULL, NULL },
};

static void set_defaults(struct loader *l)
{
	struct policy *p = l->policy;

	p->busy_poll_ns = BUSY_POLL_NS;
	p->timers = (struct timers){ .early_media_ns = 180 * SECOND, .call_idle_ns = 600 * SECOND,
				     .call_longest_ns = 14400 * SECOND, .linger_ns = 32 * SECOND,
				     .drain_ns = 5 * SECOND, .binding_longest_ns = 7200 * SECOND,
				     .denied_ns = 300 * SECOND };
#define PROTOCOL(name, number, ...)                                                              \
	memcpy(p->protocols[number].ports, ((const uint16_t[POLICY_PORTS]){ __VA_ARGS__ }),      \
	       sizeof(p->protocols[number].ports));
#include "inspect/protocols.def"
#undef PROTOCOL
	load_transports(p);
	p->streams = (struct stream_limits){ .most = 4096, .of_source = 256,
					     .message_ns = 10 * SECOND, .idle_ns = 7200 * SECOND };
	p->unknown_rate = 200;
	p->media_rate = 2000;
	p->contacts_per_user = 10;
	p->registrations_per_host = 200;
	p->mgcp = (struct mgcp_limits){ .connections = LIMIT_MGCP_CONNECTIONS };
	load_anomaly_defaults(p);
	strcpy(l->settings.control_path, "/run/ringfence/control.sock");
	strcpy(l->settings.pin_path, "/sys/fs/bpf/ringfence");
}

static int by_place(const void *a, const void *b)
{
	const struct policy_error *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

static void sort_errors(struct policy_errors *e)
{
	qsort(e->items, e->count < POLICY_ERRORS ? e->count : POLICY_ERRORS, sizeof(*e->items),
	      by_place);
}

static void load_document(struct loader *l)
{
	const yaml_node_t *root = yaml_document_get_root_node(&l->document);

	if (!root) {
		load_error(l, NULL, "the file is empty (write zones, servers and rules)");
		return;
	}
	load_words(l, root, top_words, NULL);
	if (!l->policy->zone_count && !l->errors->count)
		load_error(l, root, "no zones (write zones: with two of them at least)");
}

int policy_load_text(const char *text, size_t length, struct policy **ret,
		     struct settings *ret_settings, struct policy_errors *reterr)
{
	struct loader l = { .errors = reterr, .policy = calloc(1, sizeof(struct policy)) };
	yaml_parser_t parser;

	if (!l.policy)
		return -ENOMEM;
	reterr->count = 0;
	set_defaults(&l);
	yaml_parser_initialize(&parser);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	if (yaml_parser_load(&parser, &l.document)) {
		load_document(&l);
		yaml_document_delete(&l.document);
	} else {
		yaml_node_t at = { .start_mark = parser.problem_mark };

		load_error(&l, &at, "no YAML: %s (mend the line)",
			   parser.problem ? parser.problem : "unreadable");
	}
	yaml_parser_delete(&parser);
	if (reterr->count) {
		sort_errors(reterr);
		policy_free(l.policy);
		return -EINVAL;
	}
	*ret = l.policy;
	*ret_settings = l.settings;
	return 0;
}

int policy_load(const char *path, struct policy **ret, struct settings *ret_settings,
		struct policy_errors *reterr)
{
	char *text = malloc(FILE_MOST + 1);
	FILE *f = fopen(path, "re");
	int error = f && text ? 0 : f ? -ENOMEM : -errno;
	size_t n;

	if (!error) {
		n = fread(text, 1, FILE_MOST + 1, f);
		error = ferror(f)      ? -EIO :
			n > FILE_MOST ? -EFBIG :
					 policy_load_text(text, n, ret, ret_settings, reterr);
	}
	if (f)
		fclose(f);
	free(text);
	return error;
}

void policy_free(struct policy *p)
{
	free(p);
}

void policy_errors_log(const char *path, const struct policy_errors *errors)
{
	for (uint32_t i = 0; i < errors->count && i < POLICY_ERRORS; i++)
		log_error("%s:%u:%u: %s", path, errors->items[i].line, errors->items[i].column,
			  errors->items[i].text);
	if (errors->count > POLICY_ERRORS)
		log_error("%s: %u errors more (mend these first)", path,
			  errors->count - POLICY_ERRORS);
}
