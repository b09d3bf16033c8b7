// SPDX-License-Identifier: MIT
/* The section nat: of the configuration, a mapping of rules in their order. */
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "policy/load_own.h"

#define PORT_LOW 20000
#define PORT_HIGH 59999

static void nat_zone(struct loader *l, const yaml_node_t *node, void *target)
{
	((struct nat_rule *)target)->zone = (uint16_t)load_zone_ref(l, node);
}

static void nat_seen_from(struct loader *l, const yaml_node_t *node, void *target)
{
	((struct nat_rule *)target)->seen_from = (uint16_t)load_zone_ref(l, node);
}

static void nat_host(struct loader *l, const yaml_node_t *node, void *target)
{
	struct nat_rule *r = target;

	if (r->host_count == LIMIT_NAT_HOSTS)
		load_error(l, node, "more than %d networks (join some)", LIMIT_NAT_HOSTS);
	else if (load_network(l, node, &r->hosts[r->host_count]))
		r->host_count++;
}

static void nat_hosts(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, nat_host, target);
}

static void nat_hide_address(struct loader *l, const yaml_node_t *node, void *target)
{
	struct nat_rule *r = target;
	const char *s = load_scalar(l, node);

	if (!s)
		return;
	if (r->pool_count == LIMIT_NAT_POOL ||
	    !address_parse(load_slice(s), &r->pool[r->pool_count]))
		load_error(l, node, "%s: no address to hide behind (one of this host's; %d at most)",
			   s, LIMIT_NAT_POOL);
	else
		r->pool_count++;
}

static void nat_hide(struct loader *l, const yaml_node_t *node, void *target)
{
	((struct nat_rule *)target)->kind = NAT_HIDE;
	load_items(l, node, nat_hide_address, target);
}

static void nat_ports(struct loader *l, const yaml_node_t *node, void *target)
{
	struct nat_rule *r = target;

	load_port_range(l, node, &r->port_low, &r->port_high);
}

static void nat_static(struct loader *l, const yaml_node_t *node, void *target)
{
	struct nat_rule *r = target;

	if (r->pool_count)
		load_error(l, node, "hide and static in one rule (make two of it)");
	r->kind = NAT_STATIC;
	load_network(l, node, &r->outside);
}

static void read_port(struct loader *l, const yaml_node_t *node, __be16 *ret)
{
	uint64_t n;

	if (load_number(l, node, 65535, &n))
		*ret = htons((uint16_t)n);
}

static void nat_port(struct loader *l, const yaml_node_t *node, void *target)
{
	read_port(l, node, &((struct nat_rule *)target)->port);
}

static void nat_static_port(struct loader *l, const yaml_node_t *node, void *target)
{
	read_port(l, node, &((struct nat_rule *)target)->outside_port);
}

static void nat_none(struct loader *l, const yaml_node_t *node, void *target)
{
	struct nat_rule *r = target;
	bool none;

	if (!load_bool(l, node, &none) || !none)
		return;
	if (r->kind != NAT_UNSAID)
		load_error(l, node, "none beside hide or static (make two rules of it)");
	r->kind = NAT_NONE;
}

static const struct word nat_words[] = {
	{ "zone", nat_zone }, { "seen_from", nat_seen_from }, { "hosts", nat_hosts },
	{ "hide", nat_hide }, { "ports", nat_ports }, { "static", nat_static },
	{ "port", nat_port }, { "static_port", nat_static_port }, { "none", nat_none },
	{ NULL, NULL },
};

static void check_static(struct loader *l, const struct nat_rule *r, const char *name,
			 const yaml_node_t *at)
{
	if (r->host_count != 1 || r->hosts[0].prefix_bits != r->outside.prefix_bits ||
	    address_family(&r->hosts[0].address) != address_family(&r->outside.address))
		load_error(l, at, "%s: static needs one network in hosts, as wide as its own and of "
			   "its family", name);
	if (r->outside_port && !r->port)
		load_error(l, at, "%s: static_port without port (write port: 5060)", name);
}

void load_nat(struct loader *l, const char *name, const yaml_node_t *value)
{
	struct policy *p = l->policy;
	struct nat_rule *r = &p->nat[p->nat_count];

	if (p->nat_count == LIMIT_NAT_RULES) {
		load_error(l, value, "%s: too many rules (%d at most)", name, LIMIT_NAT_RULES);
		return;
	}
	p->nat_count++;
	strcpy(r->name, name);
	r->port_low = PORT_LOW;
	r->port_high = PORT_HIGH;
	load_words(l, value, nat_words, r);
	if (!r->zone || !r->seen_from || r->zone == r->seen_from)
		load_error(l, value, "%s: nat needs two zones (write zone: phones and seen_from: "
			   "carrier)", name);
	if (r->kind == NAT_UNSAID)
		load_error(l, value, "%s: neither hide, static nor none (write hide: [ADDRESS])",
			   name);
	if (r->kind == NAT_STATIC)
		check_static(l, r, name, value);
	if (r->kind != NAT_STATIC && (r->port || r->outside_port))
		load_error(l, value, "%s: port is for static alone (hidden ports are drawn from "
			   "ports:)", name);
	if (r->port && !r->outside_port)
		r->outside_port = r->port;
}
