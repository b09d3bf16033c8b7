// SPDX-License-Identifier: MIT
/* Zones of the configuration, and references to them. */
#include <string.h>

#include "policy/load_own.h"

int load_zone_named(const struct policy *p, const char *name)
{
	for (uint32_t z = 1; z <= p->zone_count; z++)
		if (!strcmp(p->zones[z].name, name))
			return (int)z;
	return 0;
}

int load_zone_ref(struct loader *l, const yaml_node_t *node)
{
	const char *names[LIMIT_ZONES + 1] = { NULL }, *s = load_scalar(l, node), *near;
	int zone = s ? load_zone_named(l->policy, s) : 0;

	if (!s || zone)
		return zone;
	for (uint32_t z = 1; z <= l->policy->zone_count; z++)
		names[z - 1] = l->policy->zones[z].name;
	near = load_nearest(s, names);
	load_error(l, node, "%s: no zone of this name (%s%s)", s,
		   near ? "did you mean " : "write it under zones:", near ? near : "");
	return 0;
}

static void zone_interface(struct loader *l, const yaml_node_t *node, void *target)
{
	struct zone *z = target;
	const char *s = load_scalar(l, node);

	if (!s)
		return;
	if (!*s || strlen(s) >= 16 || z->interface_count == LIMIT_ZONE_INTERFACES)
		load_error(l, node, "%s: no interface name (1 to 15 letters)", s);
	else
		strcpy(z->interfaces[z->interface_count++].name, s);
}

static void zone_interfaces(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, zone_interface, target);
}

static void zone_vlan(struct loader *l, const yaml_node_t *node, void *target)
{
	struct zone *z = target;
	uint64_t n;

	if (load_number(l, node, 4094, &n))
		for (uint32_t i = 0; i < LIMIT_ZONE_INTERFACES; i++)
			z->interfaces[i].vlan = (uint16_t)n;
}

bool load_network(struct loader *l, const yaml_node_t *node, struct network *ret)
{
	const char *s = load_scalar(l, node);

	if (s && network_parse(load_slice(s), ret))
		return true;
	if (s)
		load_error(l, node, "%s: no network (write 10.1.0.0/16 or fd00::/8; bits behind the "
			   "prefix are zero)", s);
	return false;
}

static const struct zone *zone_with_network(const struct policy *p, const struct network *n)
{
	for (uint32_t z = 1; z <= p->zone_count; z++)
		for (uint32_t i = 0; i < p->zones[z].network_count; i++)
			if (p->zones[z].networks[i].prefix_bits == n->prefix_bits &&
			    address_equal(&p->zones[z].networks[i].address, &n->address))
				return &p->zones[z];
	return NULL;
}

static void zone_network(struct loader *l, const yaml_node_t *node, void *target)
{
	struct zone *z = target;
	const struct zone *other;
	struct network n;

	if (!load_network(l, node, &n))
		return;
	other = zone_with_network(l->policy, &n);
	if (other)
		load_error(l, node, "%s: stands in zone %s too (a network lies in one zone)",
			   load_scalar(l, node), other->name);
	else if (z->network_count == LIMIT_ZONE_NETWORKS)
		load_error(l, node, "more than %d networks (join some)", LIMIT_ZONE_NETWORKS);
	else
		z->networks[z->network_count++] = n;
}

static void zone_networks(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, zone_network, target);
}

static void zone_media_ports(struct loader *l, const yaml_node_t *node, void *target)
{
	struct zone *z = target;

	load_port_range(l, node, &z->media_low, &z->media_high);
}

static void zone_service(struct loader *l, const yaml_node_t *node, void *target)
{
	static const struct {
		const char *name;
		uint16_t port;
	} known[] = { { "dns", 53 }, { "ntp", 123 }, { "dhcp", 67 }, { "tftp", 69 } };
	struct zone *z = target;
	const char *s = load_scalar(l, node);
	uint64_t port = 0;

	for (unsigned int i = 0; s && i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(s, known[i].name))
			port = known[i].port;
	if (s && !port)
		slice_number(load_slice(s), 1023, &port);
	if (s && (!port || z->service_count == 8))
		load_error(l, node, "%s: no service (dns, ntp, dhcp, tftp or a port below 1024; "
			   "8 at most)", s);
	else if (s)
		z->services[z->service_count++] = (uint16_t)port;
}

static void zone_services(struct loader *l, const yaml_node_t *node, void *target)
{
	load_items(l, node, zone_service, target);
}

static void zone_mode(struct loader *l, const yaml_node_t *node, void *target)
{
	static const char *const modes[] = { "auto", "native", "tc", NULL };
	int mode = load_choice(l, node, modes);

	if (mode >= 0)
		((struct zone *)target)->mode = mode;
}

static const struct word zone_words[] = {
	{ "interfaces", zone_interfaces },
	{ "vlan", zone_vlan },
	{ "networks", zone_networks },
	{ "media_ports", zone_media_ports },
	{ "services", zone_services },
	{ "mode", zone_mode },
	{ NULL, NULL },
};

/* A packet comes from one zone: that of its interface and VLAN. */
static void check_interfaces(struct loader *l, const struct zone *z, const yaml_node_t *at)
{
	for (const struct zone *other = &l->policy->zones[1]; other < z; other++)
		for (uint32_t i = 0; i < z->interface_count * other->interface_count; i++) {
			const struct zone_interface *a = &z->interfaces[i % z->interface_count];
			const struct zone_interface *b = &other->interfaces[i / z->interface_count];

			if (a->vlan == b->vlan && !strcmp(a->name, b->name))
				load_error(l, at, "%s: stands in zone %s too (give one of them "
					   "another vlan)", a->name, other->name);
		}
}

void load_zone(struct loader *l, const char *name, const yaml_node_t *value)
{
	struct policy *p = l->policy;
	struct zone *z;

	if (p->zone_count == LIMIT_ZONES || load_zone_named(p, name)) {
		load_error(l, value, "%s: %s", name, p->zone_count == LIMIT_ZONES ?
			   "too many zones (31 at most)" : "a zone of this name stands above");
		return;
	}
	z = &p->zones[++p->zone_count];
	strcpy(z->name, name);
	z->media_low = 1024;
	z->media_high = 65535;
	load_words(l, value, zone_words, z);
	check_interfaces(l, z, value);
	for (uint32_t other = 1; other < p->zone_count; other++)
		if (!z->network_count && !p->zones[other].network_count)
			load_error(l, value, "%s: a second zone without networks (one zone alone "
				   "may be everything else)", name);
}
