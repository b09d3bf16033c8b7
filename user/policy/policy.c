// SPDX-License-Identifier: MIT
/* Lookups in a frozen policy. Pure. */
#include "policy/policy.h"

static const uint8_t protection_of[REASON_COUNT] = {
#define REASON(name, protection, sentence) [REASON_##name] = protection,
#include <ringfence/reason.def>
#undef REASON
};

enum enforcement policy_enforces(const struct policy *p, enum reason reason)
{
	return policy_enforcement(p, (enum protection)protection_of[reason]);
}

uint16_t policy_zone_of(const struct policy *p, const struct address *a)
{
	uint16_t zone = ZONE_NONE, rest = ZONE_NONE;
	int longest = -1;

	for (uint32_t z = 1; z <= p->zone_count; z++) {
		const struct zone *zn = &p->zones[z];

		if (!zn->network_count && !zn->gone)
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

static bool is_named(const struct server *s, struct slice host)
{
	for (uint32_t n = 0; n < s->name_count; n++) {
		struct slice name = slice_make(s->names[n], LIMIT_HOST_BYTES);

		if (slice_equal_nocase(host, slice_part(name, 0, slice_find(name, 0))))
			return true;
	}
	return false;
}

const struct server *policy_server_named(const struct policy *p, struct slice host,
					 uint8_t protocol)
{
	for (uint32_t i = 0; i < p->server_count; i++) {
		const struct server *s = &p->servers[i];

		if (s->speaks & 1u << protocol && is_named(s, host))
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

uint8_t policy_service_at(const struct policy *p, uint16_t port)
{
	for (uint8_t protocol = 1; protocol < POLICY_PROTOCOLS; protocol++)
		for (int i = 0; i < POLICY_PORTS && p->protocols[protocol].ports[i]; i++)
			if (p->protocols[protocol].ports[i] == port)
				return protocol;
	return 0;
}

bool policy_is_carried(const struct policy *p, uint16_t port, enum carried by)
{
	uint8_t protocol = policy_service_at(p, port);

	for (int i = 0; protocol && i < POLICY_PORTS; i++)
		if (p->protocols[protocol].ports[i] == port)
			return p->protocols[protocol].carried[i] & by;
	return false;
}

bool policy_is_media(const struct zone *z, uint16_t from, uint16_t to)
{
	if (!z->media_low || to < z->media_low || to > z->media_high)
		return false;
	for (uint32_t i = 0; i < z->service_count; i++)
		if (from && z->services[i] == from)
			return false;
	return true;
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
	hash = digest(hash, p->nat, p->nat_count * sizeof(p->nat[0]));
	return digest(hash, p->rules, p->rule_count * sizeof(p->rules[0]));
}

bool policy_has_zone(const struct policy *p, uint16_t zone)
{
	return zone != ZONE_NONE && zone <= p->zone_count && !p->zones[zone].gone;
}

static uint32_t number_named(const struct zone_name *had, const char *name)
{
	for (uint32_t n = 1; n <= LIMIT_ZONES; n++)
		if (memcmp(had[n].name, name, LIMIT_NAME_BYTES) == 0)
			return n;
	return ZONE_NONE;
}

/* A number that is not taken; one that no name had, if any. */
static uint32_t number_free(const struct zone_name *had, uint32_t taken)
{
	uint32_t any = ZONE_NONE;

	for (uint32_t n = LIMIT_ZONES; n; n--) {
		if (taken & 1u << n)
			continue;
		if (!any || !had[n].name[0] || had[any].name[0])
			any = n;
	}
	return any;
}

/* A number for each of the 31 places; those of real zones first. Returns the set of these. */
static uint32_t number_places(const struct policy *p, const struct zone_name *had, uint8_t *to)
{
	uint32_t taken = 0, real;

	for (uint32_t z = 1; z <= p->zone_count; z++) {
		to[z] = (uint8_t)number_named(had, p->zones[z].name);
		taken |= to[z] ? 1u << to[z] : 0;
	}
	for (uint32_t z = 1; z <= p->zone_count; z++) {
		if (!to[z])
			to[z] = (uint8_t)number_free(had, taken);
		taken |= 1u << to[z];
	}
	real = taken;
	for (uint32_t z = p->zone_count + 1; z <= LIMIT_ZONES; z++) {
		to[z] = (uint8_t)number_free(had, taken);
		taken |= 1u << to[z];
	}
	return real;
}

static uint32_t move_bits(uint32_t zones, const uint8_t *to)
{
	uint32_t moved = 0;

	for (uint32_t z = 1; z <= LIMIT_ZONES; z++)
		if (zones & 1u << z)
			moved |= 1u << to[z];
	return moved;
}

void policy_keep_numbers(struct policy *p, const struct zone_name had[LIMIT_ZONES + 1])
{
	uint8_t to[LIMIT_ZONES + 1] = { 0 };
	uint32_t real = number_places(p, had, to);

	for (uint32_t i = 0; i < p->server_count; i++) {
		p->servers[i].zone = to[p->servers[i].zone];
		p->servers[i].serves_zones = move_bits(p->servers[i].serves_zones, to);
	}
	for (uint32_t i = 0; i < p->rule_count; i++) {
		p->rules[i].from = move_bits(p->rules[i].from, to);
		p->rules[i].to = move_bits(p->rules[i].to, to);
	}
	for (uint32_t i = 0; i < p->nat_count; i++) {
		p->nat[i].zone = to[p->nat[i].zone];
		p->nat[i].seen_from = to[p->nat[i].seen_from];
	}
	/* Each exchange brings one zone to its place. */
	for (uint32_t z = 1; z <= LIMIT_ZONES; z++)
		while (to[z] != z) {
			const uint8_t place = to[z];
			const struct zone zone = p->zones[place];

			p->zones[place] = p->zones[z];
			p->zones[z] = zone;
			to[z] = to[place];
			to[place] = place;
		}
	for (uint32_t z = 1; z <= LIMIT_ZONES; z++) {
		p->zones[z].gone = !(real & 1u << z);
		if (!p->zones[z].gone)
			p->zone_count = z;
		else
			memcpy(p->zones[z].name, had[z].name, LIMIT_NAME_BYTES);
	}
}

void policy_zone_names(const struct policy *p, struct zone_name ret[LIMIT_ZONES + 1])
{
	memset(ret, 0, (LIMIT_ZONES + 1) * sizeof(*ret));
	for (uint16_t z = 1; z <= p->zone_count; z++)
		if (policy_has_zone(p, z))
			memcpy(ret[z].name, p->zones[z].name, LIMIT_NAME_BYTES);
}
