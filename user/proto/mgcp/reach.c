// SPDX-License-Identifier: MIT
/* Who is seen at another address or port can be spoken to where a door leads to him: a gateway from
 * its agent, an agent from its gateway, as long as the gateway's row lives. Who is seen as he is
 * needs none: the service's port lets everything in. */
#include "proto/mgcp/judge.h"

/* One host may speak to the other, from whatever port. */
struct reach {
	const struct endpoint *receiver;
	const struct address *sender;
	enum side side;              /* the receiver's */
	uint32_t part;
};

static uint64_t longest_ns(const struct timers *t)
{
	uint64_t longest = t->binding_longest_ns > t->call_longest_ns ? t->binding_longest_ns :
									t->call_longest_ns;

	return longest < GATEWAY_LIFE_NS ? longest : GATEWAY_LIFE_NS;
}

static bool is_there(const struct mgcp_judge *j, const struct row_key *key,
		     const struct flow_key *flow)
{
	const struct door_row *door = subjects_value(j->in->subjects, ROW_door, key);

	return door && !memcmp(&door->key, flow, sizeof(*flow));
}

static void reach(const struct mgcp_judge *j, const struct reach *r, bool refresh)
{
	const struct policy *p = j->in->policy;
	const struct doors d = { .in = j->in, .batch = j->batch, .owner = j->gateway_owner,
				 .zones = { j->zones[0], j->zones[1] }, .protocol = MGCP_PROTOCOL };
	struct row_key key = row_key_make(&j->gateway_owner, 0, r->part);
	const struct flow_key flow = {
		.source = *r->sender,
		.destination = r->receiver->address,
		.destination_port = r->receiver->port,
		.zone = j->zones[!r->side],
		.protocol = j->in->flow->transport,
		.family = address_family(r->sender),
	};

	if (address_family(&r->receiver->address) != address_family(r->sender) ||
	    !policy_nat_of(p, j->zones[r->side], j->zones[!r->side], r->receiver) ||
	    (!refresh && is_there(j, &key, &flow)))
		return;
	doors_signalling(&d, &key, &flow, j->in->now_ns + longest_ns(&p->timers));
}

/* All addresses of an agent are one agent: any of them may command. */
static void reach_gateway(const struct mgcp_judge *j, const struct server *agent, uint32_t part,
			  bool refresh)
{
	for (uint32_t i = 0; i < agent->address_count; i++)
		reach(j, &(struct reach){ &j->gateway, &agent->addresses[i], SIDE_LOCAL, part + i },
		      refresh);
}

void mgcp_reach(const struct mgcp_judge *j, bool refresh)
{
	const struct server *agent = mgcp_agent_at(j->in->policy, &j->agent.address);

	if (!j->in->policy->nat_count || !agent)
		return;
	reach_gateway(j, agent, PART_COMMANDED, refresh);
	for (uint32_t i = 0; i < agent->address_count; i++)
		if (address_equal(&agent->addresses[i], &j->agent.address))
			reach(j, &(struct reach){ &j->agent, &j->gateway.address, SIDE_REMOTE,
						  PART_REPORTED + i }, refresh);
}

void mgcp_reach_from(const struct mgcp_judge *j, const struct address *announced)
{
	const struct server *agent = mgcp_agent_at(j->in->policy, announced);

	if (j->in->policy->nat_count && agent)
		reach_gateway(j, agent, PART_ANNOUNCED, true);
}
