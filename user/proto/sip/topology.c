// SPDX-License-Identifier: MIT
/* Where the servers of a call stand: told from the zones, servers and rules of the file. */
#include "proto/sip/judge.h"

/* A zone that has calls with more than one other stands between them. */
static bool is_between(const struct policy *p, uint16_t zone)
{
	uint32_t others = 0, count = 0;

	for (uint32_t i = 0; i < p->rule_count; i++) {
		const struct rule *r = &p->rules[i];

		if (!(r->allow & 1u << SIP_PROTOCOL))
			continue;
		others |= r->from & 1u << zone ? r->to : 0;
		others |= r->to & 1u << zone ? r->from : 0;
	}
	for (uint16_t z = 1; z <= p->zone_count; z++)
		count += z != zone && policy_has_zone(p, z) && others & 1u << z;
	return count > 1;
}

/* Out to a server and back in: the other passage is told, too. */
static bool turns_back(struct judge *j)
{
	const struct owner owner = sip_other_passage(j->m, j->in);
	const struct row_key key = sip_key(&owner, 0, 0);
	const struct call_row *out = judge_row(j, ROW_call, &key);
	struct call_row next;

	if (!out)
		return false;
	next = *out;
	next.topology = TOPOLOGY_HAIRPIN;
	batch_expect(j->batch, ROW_call, &key, out->head.version);
	batch_put(j->batch, ROW_call, &key, &next);
	return true;
}

enum topology call_topology(struct judge *j)
{
	const struct flow_info *f = j->in->flow;
	bool from_server = sip_is_server(j->in, &f->source.address);
	bool to_server = sip_is_server(j->in, &f->destination.address);

	if (from_server && to_server)
		return TOPOLOGY_SERVERS;
	if (!from_server && !to_server)
		return TOPOLOGY_ENDPOINTS;
	if (is_between(j->in->policy, f->zones[from_server ? 0 : 1]))
		return TOPOLOGY_DMZ;
	return from_server && turns_back(j) ? TOPOLOGY_HAIRPIN : TOPOLOGY_OUTSIDE;
}
