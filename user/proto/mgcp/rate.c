// SPDX-License-Identifier: MIT
/* How often: commands of a gateway and its agent in a second, by class. A restart is counted at the
 * agent, since avalanches come from many gateways at once (RFC 3435 4.4.2). One line is one rule. */
#include "proto/mgcp/judge.h"

#define VERB(name) (1u << MGCP_VERB_##name)
#define ANY_VERB 0xffffffffu

static const struct rate_rule {
	uint32_t verbs;
	size_t limit;                /* where struct mgcp_limits has it */
	enum reason reason;
	bool at_agent;
} rules[] = {
	{ ANY_VERB, offsetof(struct mgcp_limits, message_rate), REASON_mgcp_message_rate, false },
	{ VERB(crcx), offsetof(struct mgcp_limits, create_rate), REASON_mgcp_create_rate, false },
	{ VERB(dlcx), offsetof(struct mgcp_limits, delete_rate), REASON_mgcp_delete_rate, false },
	{ VERB(auep) | VERB(aucx), offsetof(struct mgcp_limits, audit_rate),
	  REASON_mgcp_audit_rate, false },
	{ VERB(rsip), offsetof(struct mgcp_limits, restart_rate), REASON_mgcp_restart_rate, true },
};

_Static_assert(sizeof(rules) / sizeof(*rules) <= RATE_CLASSES, "a count for each rule");

static enum reason count(const struct mgcp_judge *j, const struct owner *owner, bool at_agent)
{
	const uint8_t *limits = (const uint8_t *)&j->in->policy->mgcp;
	struct row_key key = row_key_make(owner, 0, 0);
	const struct rate_row *old = subjects_value(j->in->subjects, ROW_rate, &key);
	struct rate_row row = { .window_ns = j->in->now_ns };

	if (old && j->in->now_ns - old->window_ns < SECOND_NS)
		row = *old;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		uint32_t limit;

		memcpy(&limit, limits + rules[i].limit, sizeof(limit));
		if (rules[i].at_agent != at_agent || !(rules[i].verbs & 1u << j->m->verb))
			continue;
		if (limit && row.counts[i] >= limit)
			return rules[i].reason;
		row.counts[i]++;
	}
	batch_put(j->batch, ROW_rate, &key, &row);
	return REASON_none;
}

bool mgcp_in_rate(struct mgcp_judge *j)
{
	struct owner agent = mgcp_agent_owner(j->in, &j->agent.address);
	bool restarts = j->m->verb == MGCP_VERB_rsip;
	enum reason reason = restarts ? count(j, &agent, true) : REASON_none;

	if (!reason && restarts)
		mgcp_timer(j, &agent, TIMER_GATEWAY, GATEWAY_LIFE_NS);
	/* A gateway that nobody introduced has no row to count in; its source is counted anyway. */
	if (!reason && (j->gateway_row || restarts || j->from == FROM_AGENT))
		reason = count(j, &j->gateway_owner, false);
	if (reason)
		mgcp_judge_refuse(j, reason, j->m->verb_text);
	return !reason;
}
