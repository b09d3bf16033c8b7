// SPDX-License-Identifier: MIT
/* Deeds of the operator: reload, attach, detach, block, unblock. Each is told to those who follow. */
#include "cli/operate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/control.h"
#include "cli/show.h"
#include "cli/show_cluster.h"
#include "daemon.h"
#include "io/log.h"

static const char *word(const json_t *request, const char *name)
{
	return json_string_value(json_object_get(request, name)) ?: "";
}

static json_t *refused(const char *command, const struct kernel_error *error)
{
	return json_pack("{s:s++}", "error", command, ": ", error->text);
}

static json_t *reload(struct daemon *d, const json_t *request)
{
	struct policy_errors errors = { .count = 0 };
	int result = daemon_reload(d, &errors);
	json_t *list;

	(void)request;
	if (!result)
		return json_pack("{s:b}", "ok", 1);
	if (result > 0)
		return json_pack("{s:s}", "error", "reload: the new rules are in force, but not every "
				 "interface is attached (the daemon's log names it)");
	list = json_array();
	for (uint32_t i = 0; i < errors.count && i < POLICY_ERRORS; i++)
		json_array_append_new(list, json_pack("{s:I, s:I, s:s}", "line",
						      (json_int_t)errors.items[i].line, "column",
						      (json_int_t)errors.items[i].column, "text",
						      errors.items[i].text));
	return json_pack("{s:s+, s:o}", "error", "reload: refused, the running rules stay ",
			 errors.count ? "(mend the file)" : "(the daemon's log says why)", "errors",
			 list);
}

static json_t *attach(struct daemon *d, const json_t *request)
{
	const char *mode = word(request, "mode");
	struct attachment_state s;
	struct kernel_error error;

	if (daemon_attach(d, word(request, "interface"), word(request, "zone"),
			  !strcmp(mode, "native") ? ATTACH_NATIVE :
			  !strcmp(mode, "tc")	  ? ATTACH_TC :
						    ATTACH_AUTO, &s, &error))
		return refused("attach", &error);
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "interface", s.interface, "zone",
			 d->policy->zones[s.zone].name, "vlan", s.vlan, "mode",
			 s.mode == ATTACH_NATIVE ? "native" : "tc", "why", s.why, "warning",
			 s.warning);
}

static json_t *detach(struct daemon *d, const json_t *request)
{
	struct kernel_error error;

	if (daemon_detach(d, word(request, "interface"), &error))
		return refused("detach", &error);
	return json_pack("{s:b}", "ok", 1);
}

static bool read_network(const json_t *request, struct network *ret, struct kernel_error *reterr)
{
	const char *s = word(request, "address");

	if (!network_parse(slice_make(s, strlen(s)), ret))
		snprintf(reterr->text, sizeof(reterr->text),
			 "%.60s: no address (write 10.1.0.10 or 10.1.0.0/16)", s);
	else if (ret->prefix_bits == 0 || (address_is_ipv4(&ret->address) && ret->prefix_bits == 96))
		snprintf(reterr->text, sizeof(reterr->text),
			 "%.60s: that is everybody (name a network)", s);
	else
		return true;
	return false;
}

/* What keeps the block from being what its word says. */
static void warn(const struct daemon *d, const struct network *n, char *ret, size_t size)
{
	char name[64];

	ret[0] = '\0';
	if (policy_enforcement(d->policy, PROTECTION_SOURCES) != ENFORCE_ON) {
		snprintf(ret, size, "sources are not enforced, so nothing is refused "
			 "(protections: { sources: enforce })");
		return;
	}
	for (uint32_t i = 0; i < d->policy->server_count && n->prefix_bits < 128; i++) {
		const struct server *s = &d->policy->servers[i];

		for (uint32_t k = 0; k < s->address_count; k++) {
			struct network host = { s->addresses[k], 128 };

			if (!network_contains(n, &host.address))
				continue;
			show_network(&host, name);
			snprintf(ret, size, "server %s lies within and stays trusted "
				 "(ringfence block %s)", s->name, name);
			return;
		}
	}
}

static json_t *block(struct daemon *d, const json_t *request)
{
	json_int_t for_ns = json_integer_value(json_object_get(request, "for_ns"));
	struct kernel_error error;
	struct network n;
	char name[64], warning[200];
	uint32_t flows;

	if (!read_network(request, &n, &error))
		return refused("block", &error);
	show_network(&n, name);
	if (daemon_block(d, &n, for_ns > 0 ? (uint64_t)for_ns : 0, &flows))
		return json_pack("{s:s++}", "error", "block: ", name,
				 ": there are too many blocks (ringfence unblock some, or block a "
				 "network)");
	warn(d, &n, warning, sizeof(warning));
	log_info("blocked source=%s for_s=%llu flows_ended=%u", name,
		 (unsigned long long)for_ns / 1000000000, flows);
	control_operated(d->control, "blocked", name);
	return json_pack("{s:s, s:s, s:o, s:I, s:s}", "source", name, "standing", "denied",
			 "expires_s",
			 for_ns > 0 ? json_real((double)for_ns / 1e9) : json_null(), "flows_ended",
			 (json_int_t)flows, "warning", warning);
}

static json_t *unblock(struct daemon *d, const json_t *request)
{
	struct kernel_error error;
	struct network n, around;
	char name[64], wider[64];

	if (!read_network(request, &n, &error))
		return refused("unblock", &error);
	show_network(&n, name);
	if (!daemon_unblock(d, &n)) {
		log_info("unblocked source=%s", name);
		control_operated(d->control, "unblocked", name);
		return json_pack("{s:s}", "source", name);
	}
	if (!daemon_is_blocked(d, &n.address, &around))
		return json_pack("{s:s++}", "error", "unblock: ", name,
				 ": it is not blocked (ringfence sources lists what is)");
	show_network(&around, wider);
	snprintf(error.text, sizeof(error.text), "%s: it is blocked with %s (ringfence unblock %s)",
		 name, wider, wider);
	return refused("unblock", &error);
}

/* No deed: what only the running daemon knows of its group. */
static json_t *cluster(struct daemon *d, const json_t *request)
{
	(void)request;
	return show_cluster(d);
}

json_t *operate(struct daemon *d, const json_t *request)
{
	static const struct {
		const char *name;
		json_t *(*deed)(struct daemon *d, const json_t *request);
	} deeds[] = { { "reload", reload },
		      { "attach", attach },
		      { "detach", detach },
		      { "block", block },
		      { "unblock", unblock },
		      { "cluster", cluster } };

	for (unsigned int i = 0; i < sizeof(deeds) / sizeof(*deeds); i++)
		if (!strcmp(word(request, "command"), deeds[i].name))
			return deeds[i].deed(d, request);
	return NULL;
}
