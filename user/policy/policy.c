// SPDX-License-Identifier: MIT
/* Lookups in a frozen policy. Pure. */
#include "policy/policy.h"

uint16_t policy_zone_of(const struct policy *p, const struct address *a)
{
	uint16_t zone = ZONE_NONE, rest = ZONE_NONE;
	int longest = -1;

	for (uint32_t z = 1; z <= p->zone_count; z++) {
		const struct zone *zn = &p->zones[z];

		if (!zn->network_count)
			rest = (uint16_t)z;
		for (uint32_t n = 0; n < zn->network_count; n++) {
			if (zn->networks[n].prefix_bits <= longest ||
			    !network_contains(&zn->networks[n], a))
				continue;
			longest = zn->networks[n].prefix_bits;
			zone = (uint16_t)z;
		}
	}
	return longest >= 0 ? zone : rest;
}

const struct server *policy_server_at(const struct policy *p, const struct address *a,
				      uint8_t protocol)
{
	for (uint32_t i = 0; i < p->server_count; i++) {
		const struct server *s = &p->servers[i];

		if (protocol && !(s->speaks & 1u << protocol))
			continue;
		for (uint32_t n = 0; n < s->address_count; n++)
			if (address_equal(&s->addresses[n], a))
				return s;
	}
	return NULL;
}

const struct rule *policy_match(const struct policy *p, uint16_t from, uint16_t to,
				uint8_t protocol)
{
	for (uint32_t i = 0; i < p->rule_count; i++) {
		const struct rule *r = &p->rules[i];

		if (r->from & 1u << from && r->to & 1u << to && r->allow & 1u << protocol)
			return r;
	}
	return NULL;
}

bool policy_serves(const struct policy *p, const struct server *s, const struct address *host,
		   uint16_t zone)
{
	(void)p;
	if (s->serves_any || s->serves_zones & 1u << zone)
		return true;
	for (uint32_t i = 0; i < s->serves_count; i++)
		if (network_contains(&s->serves[i], host))
			return true;
	return false;
}

bool policy_is_service_port(const struct policy *p, uint16_t port)
{
	for (int protocol = 1; protocol < POLICY_PROTOCOLS; protocol++)
		for (int i = 0; i < POLICY_PORTS && p->protocols[protocol].ports[i]; i++)
			if (p->protocols[protocol].ports[i] == port)
				return true;
	return false;
}

static uint64_t digest(uint64_t hash, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	/* FNV-1a */
	while (length--)
		hash = (hash ^ *at++) * 1099511628211ull;
	return hash;
}

/* Zones and rules by number, as rows bear them; interfaces are each member's own. */
uint64_t policy_digest(const struct policy *p)
{
	uint64_t hash = 14695981039346656037ull;

	for (uint32_t i = 1; i <= p->zone_count; i++) {
		const struct zone *z = &p->zones[i];

		hash = digest(hash, z->name, sizeof(z->name));
		hash = digest(hash, z->networks, z->network_count * sizeof(z->networks[0]));
		hash = digest(hash, &z->media_low, sizeof(z->media_low));
		hash = digest(hash, &z->media_high, sizeof(z->media_high));
	}
	hash = digest(hash, p->servers, p->server_count * sizeof(p->servers[0]));
	return digest(hash, p->rules, p->rule_count * sizeof(p->rules[0]));
}
