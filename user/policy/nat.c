// SPDX-License-Identifier: MIT
/* As whom hosts are seen from other zones: the rules alone, without what was mapped. Pure. */
#include "policy/policy.h"

static bool is_hosts(const struct nat_rule *r, const struct address *a)
{
	for (uint32_t i = 0; i < r->host_count; i++)
		if (network_contains(&r->hosts[i], a))
			return true;
	return !r->host_count;
}

/* Who hides behind addresses of one family alone is of that family. */
static bool has_family(const struct nat_rule *r, const struct address *a)
{
	for (uint32_t i = 0; i < r->pool_count; i++)
		if (address_family(&r->pool[i]) == address_family(a))
			return true;
	return r->kind != NAT_HIDE;
}

const struct nat_rule *policy_nat_of(const struct policy *p, uint16_t zone, uint16_t seen_from,
				     const struct endpoint *inside)
{
	for (uint32_t i = 0; i < p->nat_count; i++) {
		const struct nat_rule *r = &p->nat[i];

		if (r->zone != zone || r->seen_from != seen_from ||
		    !is_hosts(r, &inside->address) || !has_family(r, &inside->address) ||
		    (r->port && r->port != inside->port))
			continue;
		return r->kind == NAT_NONE ? NULL : r;
	}
	return NULL;
}

bool policy_nat_is_outside(const struct policy *p, const struct address *a)
{
	for (uint32_t i = 0; i < p->nat_count; i++) {
		const struct nat_rule *r = &p->nat[i];

		if (r->kind == NAT_STATIC && network_contains(&r->outside, a))
			return true;
		for (uint32_t n = 0; n < r->pool_count; n++)
			if (address_equal(&r->pool[n], a))
				return true;
	}
	return false;
}

/* The prefix of the one network before the rest of the other address. */
static struct address with_prefix(const struct network *n, const struct address *a)
{
	struct address out = *a;
	uint32_t whole = n->prefix_bits / 8, bits = n->prefix_bits % 8;
	uint8_t mask = (uint8_t)(0xff << (8 - bits));

	memcpy(out.bytes, n->address.bytes, whole);
	if (bits)
		out.bytes[whole] = (uint8_t)((n->address.bytes[whole] & mask) |
					     (a->bytes[whole] & ~mask));
	return out;
}

void policy_nat_static(const struct nat_rule *r, const struct endpoint *inside,
		       struct endpoint *ret)
{
	*ret = (struct endpoint){ .address = with_prefix(&r->outside, &inside->address),
				  .port = r->port ? r->outside_port : inside->port };
}

bool policy_nat_inside(const struct policy *p, const struct endpoint *outside, struct endpoint *ret)
{
	for (uint32_t i = 0; i < p->nat_count; i++) {
		const struct nat_rule *r = &p->nat[i];

		if (r->kind != NAT_STATIC || !network_contains(&r->outside, &outside->address) ||
		    (r->port && r->outside_port != outside->port))
			continue;
		*ret = (struct endpoint){
			.address = with_prefix(&r->hosts[0], &outside->address),
			.port = r->port ?: outside->port,
		};
		return true;
	}
	return false;
}

const struct address *policy_nat_address(const struct nat_rule *r, const struct address *inside)
{
	uint32_t sum = 0, left = 0;

	for (uint32_t i = 0; i < sizeof(inside->bytes); i++)
		sum = sum * 31 + inside->bytes[i];
	for (uint32_t i = 0; i < r->pool_count; i++)
		left += address_family(&r->pool[i]) == address_family(inside);
	if (!left)
		return NULL;
	left = sum % left;
	for (uint32_t i = 0; i < r->pool_count; i++)
		if (address_family(&r->pool[i]) == address_family(inside) && !left--)
			return &r->pool[i];
	return NULL;
}

bool policy_nat_host(const struct policy *p, uint16_t zone, uint16_t seen_from,
		     const struct address *inside, struct address *ret)
{
	const struct endpoint e = { .address = *inside };
	const struct nat_rule *r = policy_nat_of(p, zone, seen_from, &e);
	struct endpoint out;

	if (!r)
		return false;
	if (r->kind == NAT_STATIC) {
		policy_nat_static(r, &e, &out);
		*ret = out.address;
		return true;
	}
	*ret = *policy_nat_address(r, inside);
	return true;
}
