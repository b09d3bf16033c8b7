// SPDX-License-Identifier: MIT
/* Who commands whom: configured call agents their gateways, and a gateway answers and reports to no
 * other. One agent at a time; the next one must be announced, by the old agent (N:) or by the
 * gateway (RSIP). Addresses of one server are one agent. */
#include "proto/mgcp/judge.h"

#include <arpa/inet.h>

#define HEARD_GRAIN_NS (60 * SECOND_NS)
#define RESTART_LOOP_NS (60 * SECOND_NS)

static bool same_agent(const struct policy *p, const struct address *a, const struct address *b)
{
	if (address_is_zero(a) || address_is_zero(b))
		return false;
	return address_equal(a, b) || mgcp_agent_at(p, a) == mgcp_agent_at(p, b);
}

/* RFC 3435 2.3: which commands go which way, and between whom. */
static enum mgcp_anomaly roles_anomaly(const struct mgcp_judge *j)
{
	const struct policy *p = j->in->policy;
	const struct server *agent = mgcp_agent_at(p, &j->agent.address);

	const struct gateway_row *g = j->gateway_row;

	/* Its address from another zone is somebody else. */
	if (j->from == FROM_AGENT && (!agent || agent->zone != j->zones[SIDE_REMOTE]))
		return MGCP_ANOMALY_stray_command;
	if (!agent && mgcp_agent_at(p, &j->gateway.address))
		return MGCP_ANOMALY_wrong_direction;
	if (!agent)
		return MGCP_ANOMALY_foreign_agent;
	if (!policy_serves(p, agent, &j->gateway.address,
			   policy_zone_of(p, &j->gateway.address)))
		return MGCP_ANOMALY_foreign_gateway;
	if (g && g->zones[SIDE_LOCAL] != j->zones[SIDE_LOCAL])
		return MGCP_ANOMALY_foreign_zone;
	return MGCP_ANOMALY_none;
}

/* Another agent than the one before, and nobody announced it. */
static bool is_takeover(struct mgcp_judge *j)
{
	const struct policy *p = j->in->policy;
	const struct gateway_row *g = j->gateway_row;
	const struct address *agent = &j->agent.address;

	if (!g || same_agent(p, &g->agent, agent))
		return false;
	if (j->m->verb == MGCP_VERB_rsip) {
		j->next_gateway.announced = *agent;
		return false;
	}
	/* An agent that left the file commands nobody any more. */
	if (!same_agent(p, &g->announced, agent) && mgcp_agent_at(p, &g->agent))
		return true;
	if (j->from == FROM_AGENT) {
		j->next_gateway.agent = *agent;
		j->next_gateway.announced = (struct address){ 0 };
	}
	return false;
}

static void begin_gateway(const struct mgcp_judge *j, struct gateway_row *row)
{
	struct slice domain = slice_part(j->m->endpoint.domain, 0, sizeof(row->domain));

	*row = (struct gateway_row){
		.since_ns = j->in->now_ns,
		.gateway = j->gateway,
		.agent = j->agent.address,
		.zones = { j->zones[SIDE_LOCAL], j->zones[SIDE_REMOTE] },
		.domain_bytes = (uint8_t)domain.length,
	};
	memcpy(row->domain, domain.bytes, domain.length);
}

/* So many in a row: each less than a minute behind the one before. */
static bool loops(struct mgcp_judge *j)
{
	struct gateway_row *row = &j->next_gateway;
	bool soon = row->restarted_ns && j->in->now_ns - row->restarted_ns < RESTART_LOOP_NS;
	uint32_t limit = mgcp_anomaly_limit(j, MGCP_ANOMALY_restart_loop);

	row->restarts = (uint8_t)(soon ? row->restarts + (row->restarts < UINT8_MAX) : 0);
	return limit && row->restarts >= limit;
}

bool mgcp_take_restart(struct mgcp_judge *j)
{
	static const uint8_t states[] = {
		[MGCP_RESTART_graceful] = GATEWAY_RESTARTING,
		[MGCP_RESTART_forced] = GATEWAY_OUT_OF_SERVICE,
		[MGCP_RESTART_restart] = GATEWAY_IN_SERVICE,
		[MGCP_RESTART_disconnected] = GATEWAY_DISCONNECTED,
		[MGCP_RESTART_cancel] = GATEWAY_IN_SERVICE,
	};

	if (j->m->restart == MGCP_RESTART_none || j->m->restart == MGCP_RESTART_other)
		return true;
	/* Of one endpoint it says nothing of the others. */
	if (j->m->endpoint.is_wild) {
		if (j->m->restart == MGCP_RESTART_restart && loops(j) &&
		    mgcp_anomaly(j, MGCP_ANOMALY_restart_loop, j->m->verb_text))
			return false;
		j->next_gateway.state = states[j->m->restart];
	}
	j->next_gateway.restarted_ns = j->in->now_ns;
	return true;
}

bool mgcp_is_in_service(struct mgcp_judge *j)
{
	const struct gateway_row *g = j->gateway_row;

	return !g || (g->state != GATEWAY_RESTARTING && g->state != GATEWAY_OUT_OF_SERVICE) ||
	       !mgcp_anomaly(j, MGCP_ANOMALY_create_out_of_service, j->m->endpoint.text);
}

/* Strangers may make themselves gateways by RSIP alone, which is counted by agent. */
static bool is_known(const struct mgcp_judge *j)
{
	return j->gateway_row || j->from == FROM_AGENT || j->m->verb == MGCP_VERB_rsip;
}

void mgcp_store_gateway(struct mgcp_judge *j)
{
	struct gateway_row *next = &j->next_gateway;
	bool is_due;

	if (j->out->judgement == JUDGEMENT_REFUSE || !is_known(j))
		return;
	is_due = j->in->now_ns - next->heard_ns > HEARD_GRAIN_NS;
	mgcp_reach(j, is_due);
	if (is_due) {
		next->heard_ns = j->in->now_ns;
		mgcp_timer(j, &j->gateway_owner, TIMER_GATEWAY, GATEWAY_LIFE_NS);
	}
	if (j->gateway_row && !memcmp(next, j->gateway_row, sizeof(*next)))
		return;
	batch_expect(j->batch, ROW_gateway, &j->gateway_key,
		     j->gateway_row ? j->gateway_row->head.version : 0);
	batch_put(j->batch, ROW_gateway, &j->gateway_key, next);
}

bool mgcp_may_command(struct mgcp_judge *j)
{
	const struct flow_info *f = j->in->flow;
	enum mgcp_anomaly what = roles_anomaly(j);

	if (what && mgcp_anomaly(j, what, j->m->verb_text))
		return false;
	if (!policy_match(j->in->policy, f->zones[0], f->zones[1], MGCP_PROTOCOL)) {
		mgcp_judge_refuse(j, REASON_message_no_rule, j->m->verb_text);
		return false;
	}
	if (j->gateway_row)
		j->next_gateway = *j->gateway_row;
	else
		begin_gateway(j, &j->next_gateway);
	if (is_takeover(j) && mgcp_anomaly(j, MGCP_ANOMALY_takeover, j->m->verb_text))
		return false;
	if (slice_equal(j->m->version, SLICE("0.1")) && j->from == FROM_GATEWAY)
		j->next_gateway.old_version = 1;
	return true;
}

/* The gateway will speak to it, from whatever port. */
static void open_notified(const struct mgcp_judge *j, const struct address *host, uint32_t part)
{
	const struct doors d = { .in = j->in, .batch = j->batch, .owner = j->gateway_owner,
				 .zones = { j->zones[0], j->zones[1] }, .protocol = MGCP_PROTOCOL };
	uint16_t port = j->m->notified.port ? j->m->notified.port : MGCP_AGENT_PORT;
	struct row_key key = row_key_make(&j->gateway_owner, 0, PART_NOTIFIED + part);
	const struct flow_key flow = {
		.source = j->gateway.address,
		.destination = *host,
		.destination_port = htons(port),
		.zone = j->zones[SIDE_LOCAL],
		.protocol = j->in->flow->transport,
		.family = address_family(host),
	};

	doors_signalling(&d, &key, &flow,
			 j->in->now_ns + j->in->policy->timers.binding_longest_ns);
}

/* Who is named to the gateway: an agent, or nobody that we know. False where it is another host. */
static bool find_notified(const struct mgcp_judge *j, struct server *ret)
{
	const struct mgcp_entity *n = &j->m->notified;
	const struct server *s;

	if (!n->is_address) {
		/* Other names are the gateway's to resolve; what they mean is seen when it speaks. */
		s = policy_server_named(j->in->policy, n->host, MGCP_PROTOCOL);
		ret->address_count = 0;
		if (s && s->part == PART_CALL_AGENT)
			*ret = *s;
		return !s || s->part == PART_CALL_AGENT;
	}
	ret->addresses[0] = n->address;
	ret->address_count = 1;
	return mgcp_agent_at(j->in->policy, &n->address) != NULL;
}

bool mgcp_take_notified(struct mgcp_judge *j)
{
	struct server who;

	if (!j->m->has_notified)
		return true;
	if (!find_notified(j, &who)) {
		mgcp_judge_refuse(j, REASON_mgcp_foreign_agent, j->m->notified.text);
		return false;
	}
	for (uint32_t i = 0; i < who.address_count; i++)
		open_notified(j, &who.addresses[i], i);
	if (who.address_count &&
	    !same_agent(j->in->policy, &who.addresses[0], &j->next_gateway.agent)) {
		j->next_gateway.announced = who.addresses[0];
		mgcp_reach_from(j, &who.addresses[0]);
	}
	return true;
}
