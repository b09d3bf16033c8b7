// SPDX-License-Identifier: MIT
/* What the configuration says of protocols: how they are protected, and at which ports they are
 * served. */
#include <string.h>

#include "inspect/inspect.h"
#include "policy/load_own.h"

static const char *const enforcements[] = { "enforce", "monitor", "off", NULL };

static void protect(struct loader *l, const yaml_node_t *node, int first, int last)
{
	int mode = load_choice(l, node, enforcements);

	for (int i = first; mode >= 0 && i <= last; i++)
		l->policy->enforcement[i] = (uint8_t)mode;
}

static void protect_default(struct loader *l, const yaml_node_t *node, void *target)
{
	(void)target;
	protect(l, node, PROTECTION_MEDIA, PROTECTION_COUNT - 1);
}

static void protect_media(struct loader *l, const yaml_node_t *node, void *target)
{
	(void)target;
	protect(l, node, PROTECTION_MEDIA, PROTECTION_MEDIA);
}

static void protect_sources(struct loader *l, const yaml_node_t *node, void *target)
{
	(void)target;
	protect(l, node, PROTECTION_SOURCES, PROTECTION_SOURCES);
}

/* What may be said of a protocol's messages. */
struct protected {
	const char *const *methods;  /* by number; NULL ends */
	enum protection class;
	uint8_t number;
};

static const char *const sip_methods[] = {
	"other",
#define SIP_METHOD(name, text) text,
#include "proto/sip/sip_methods.def"
#undef SIP_METHOD
	NULL,
};
static const char *const mgcp_verbs[] = {
	"other",
#define MGCP_VERB(name, text, who) text,
#include "proto/mgcp/mgcp_verbs.def"
#undef MGCP_VERB
	NULL,
};
static struct protected sip_protected = { sip_methods, PROTECTION_SIP, 1 };
static struct protected mgcp_protected = { mgcp_verbs, PROTECTION_MGCP, 2 };

static void protected_mode(struct loader *l, const yaml_node_t *node, void *target)
{
	const struct protected *p = target;

	protect(l, node, p->class, p->class);
}

struct named_methods {
	const char *const *names;
	uint64_t bits;
};

static void name_method(struct loader *l, const yaml_node_t *node, void *target)
{
	struct named_methods *m = target;
	int method = load_choice(l, node, m->names);

	if (method >= 0)
		m->bits |= 1ull << method;
}

static void methods_deny(struct loader *l, const yaml_node_t *node, void *target)
{
	const struct protected *p = target;
	struct named_methods m = { .names = p->methods };

	load_items(l, node, name_method, &m);
	l->policy->protocols[p->number].denied_methods |= m.bits;
}

/* All others are denied; what deny names is denied, too. */
static void methods_allow(struct loader *l, const yaml_node_t *node, void *target)
{
	const struct protected *p = target;
	struct named_methods m = { .names = p->methods };

	load_items(l, node, name_method, &m);
	l->policy->protocols[p->number].denied_methods |= ~m.bits;
}

static void protected_methods(struct loader *l, const yaml_node_t *node, void *target)
{
	static const struct word words[] = { { "deny", methods_deny }, { "allow", methods_allow },
					     { NULL, NULL } };

	load_words(l, node, words, target);
}

static void sip_answers(struct loader *l, const yaml_node_t *node, void *target)
{
	bool answers;

	(void)target;
	if (load_bool(l, node, &answers))
		l->policy->sip_is_silent = !answers;
}

static void mgcp_fax(struct loader *l, const yaml_node_t *node, void *target)
{
	static const char *const ways[] = { "allow", "deny", NULL };

	(void)target;
	l->policy->mgcp.deny_fax = load_choice(l, node, ways) == 1;
}

static void protect_protocol(struct loader *l, const yaml_node_t *node, const struct word *words,
			     struct protected *p)
{
	if (node->type == YAML_SCALAR_NODE)
		protected_mode(l, node, p);
	else
		load_words(l, node, words, p);
}

static void protect_sip(struct loader *l, const yaml_node_t *node, void *target)
{
	static const struct word words[] = { { "mode", protected_mode },
					     { "methods", protected_methods },
					     { "answers", sip_answers },
					     { NULL, NULL } };

	(void)target;
	protect_protocol(l, node, words, &sip_protected);
}

static void protect_mgcp(struct loader *l, const yaml_node_t *node, void *target)
{
	static const struct word words[] = { { "mode", protected_mode },
					     { "commands", protected_methods },
					     { "fax", mgcp_fax },
					     { "anomalies", load_mgcp_anomalies },
					     { NULL, NULL } };

	(void)target;
	protect_protocol(l, node, words, &mgcp_protected);
}

const struct word load_protection_words[] = {
	{ "default", protect_default }, { "media", protect_media },
	{ "sources", protect_sources }, { "sip", protect_sip }, { "mgcp", protect_mgcp },
	{ NULL, NULL },
};

/* ports */
static uint8_t all_transports(uint8_t number)
{
	return CARRIED_UDP | (protocols[number]->streams ? CARRIED_TCP : 0);
}

void load_transports(struct policy *p)
{
	for (uint8_t number = 1; number < protocol_count; number++)
		memset(p->protocols[number].carried, all_transports(number), POLICY_PORTS);
}

/* "5060", "5060/udp", "5060/tcp"; false where it is none of these. */
static bool read_service(const char *s, uint64_t *ret_port, uint8_t *ret_carried)
{
	const char *slash = strchr(s, '/');
	size_t digits = slash ? (size_t)(slash - s) : strlen(s);

	if (slash && !strcmp(slash, "/udp"))
		*ret_carried = CARRIED_UDP;
	else if (slash && !strcmp(slash, "/tcp"))
		*ret_carried = CARRIED_TCP;
	else if (slash)
		return false;
	return slice_number(slice_make(s, digits), 65535, ret_port) && *ret_port;
}

/* A port that stands twice, once for each transport, is one service over both. */
static void service_port(struct loader *l, const yaml_node_t *node, void *target)
{
	uint8_t number = *(const uint8_t *)target, carried = all_transports(number);
	uint16_t *ports = l->policy->protocols[number].ports;
	const char *s = load_scalar(l, node);
	uint64_t port = 0;
	int at = 0;

	if (!s)
		return;
	if (!read_service(s, &port, &carried)) {
		load_error(l, node, "%s: no port (write 5060, 5060/udp or 5060/tcp)", s);
		return;
	}
	while (at < POLICY_PORTS && ports[at] && ports[at] != port)
		at++;
	if (at == POLICY_PORTS)
		load_error(l, node, "more than %d ports (leave some out)", POLICY_PORTS);
	else if (carried & ~all_transports(number))
		load_error(l, node, "%s: %s is not read over TCP (leave /tcp out)", s,
			   protocols[number]->name);
	else if (ports[at])
		l->policy->protocols[number].carried[at] |= carried;
	else
		l->policy->protocols[number].carried[at] = carried;
	if (at < POLICY_PORTS)
		ports[at] = (uint16_t)port;
}

#define PROTOCOL(name, number, ...)                                                              \
	static void ports_##name(struct loader *l, const yaml_node_t *node, void *target)        \
	{                                                                                        \
		uint8_t protocol = number;                                                       \
                                                                                                 \
		(void)target;                                                                    \
		memset(l->policy->protocols[number].ports, 0,                                    \
		       sizeof(l->policy->protocols[number].ports));                              \
		load_items(l, node, service_port, &protocol);                                    \
	}
#include "inspect/protocols.def"
#undef PROTOCOL

const struct word load_port_words[] = {
#define PROTOCOL(name, number, ...) { #name, ports_##name },
#include "inspect/protocols.def"
#undef PROTOCOL
	{ NULL, NULL },
};
