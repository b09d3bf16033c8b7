// SPDX-License-Identifier: MIT
/* How often: commands of a gateway and its agent in a second, by class; of an agent those that it
 * sends, and the restarts that it is told, since avalanches come from many gateways at once (RFC 3435
 * 4.4.2). One line is one rule. */
#include "proto/mgcp/judge.h"

#define VERB(name) (1u << MGCP_VERB_##name)
#define ANY_VERB 0xffffffffu
#define NAMES_NS (60 * SECOND_NS)
#define NAME_BITS 256u
#define NAME_UNIT 16u                /* names are counted in parts of one             */

static const struct rate_rule {
	uint32_t verbs;
	enum mgcp_anomaly anomaly;
	bool at_agent;
	bool wild;                   /* those that name many endpoints                */
} rules[] = {
	{ ANY_VERB, MGCP_ANOMALY_message_rate, false, false },
	{ VERB(crcx), MGCP_ANOMALY_create_rate, false, false },
	{ VERB(dlcx), MGCP_ANOMALY_delete_rate, false, false },
	{ VERB(dlcx), MGCP_ANOMALY_delete_storm, false, true },
	{ VERB(auep) | VERB(aucx), MGCP_ANOMALY_audit_rate, false, false },
	{ ANY_VERB & ~VERB(rsip), MGCP_ANOMALY_agent_message_rate, true, false },
	{ VERB(crcx), MGCP_ANOMALY_agent_create_rate, true, false },
	{ VERB(rsip), MGCP_ANOMALY_restart_rate, true, false },
};

_Static_assert(sizeof(rules) / sizeof(*rules) <= RATE_CLASSES, "a count for each rule");

/* Different names of the last minute: a bit each, by a keyed hash. Where z of m bits are left, a new
 * bit stands for m / z names, since the others would have met one that is set. */
static bool scans_names(const struct mgcp_judge *j, struct rate_row *row)
{
	uint32_t bit = (uint32_t)(mgcp_hash(j->in, j->m->endpoint.local) % NAME_BITS);
	uint32_t limit = mgcp_anomaly_limit(j, MGCP_ANOMALY_name_scan);

	if (j->in->now_ns - row->names_ns >= NAMES_NS) {
		memset(row->names, 0, sizeof(row->names));
		row->names_seen = row->names_set = 0;
		row->names_ns = j->in->now_ns;
	}
	if (!(row->names[bit / 64] & 1ull << bit % 64)) {
		row->names[bit / 64] |= 1ull << bit % 64;
		row->names_seen += NAME_UNIT * NAME_BITS / (NAME_BITS - row->names_set++);
	}
	return limit && row->names_seen > limit * NAME_UNIT;
}

static bool applies(const struct mgcp_judge *j, const struct rate_rule *rule, bool at_agent)
{
	return rule->at_agent == at_agent && rule->verbs & 1u << j->m->verb &&
	       (!rule->wild || j->m->endpoint.is_wild);
}

/* False where the message was refused. */
static bool count(struct mgcp_judge *j, const struct owner *owner, bool at_agent)
{
	struct row_key key = row_key_make(owner, 0, 0);
	const struct rate_row *old = subjects_value(j->in->subjects, ROW_rate, &key);
	struct rate_row row = old ? *old : (struct rate_row){ .names_ns = j->in->now_ns };

	if (j->in->now_ns - row.window_ns >= SECOND_NS) {
		row.window_ns = j->in->now_ns;
		memset(row.counts, 0, sizeof(row.counts));
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		uint32_t limit = mgcp_anomaly_limit(j, rules[i].anomaly);

		if (!applies(j, &rules[i], at_agent))
			continue;
		if (limit && row.counts[i] >= limit &&
		    mgcp_anomaly(j, rules[i].anomaly, j->m->verb_text))
			return false;
		row.counts[i]++;
	}
	if (!at_agent && j->m->verb == MGCP_VERB_auep && !j->m->endpoint.is_wild &&
	    scans_names(j, &row) && mgcp_anomaly(j, MGCP_ANOMALY_name_scan, j->m->endpoint.text))
		return false;
	batch_put(j->batch, ROW_rate, &key, &row);
	if (at_agent && !old)
		mgcp_timer(j, owner, TIMER_GATEWAY, GATEWAY_LIFE_NS);
	return true;
}

bool mgcp_in_rate(struct mgcp_judge *j)
{
	struct owner agent = mgcp_agent_owner(j->in, &j->agent.address);
	bool restarts = j->m->verb == MGCP_VERB_rsip;

	if ((restarts || j->from == FROM_AGENT) && !count(j, &agent, true))
		return false;
	/* A gateway that nobody introduced has no row to count in; its source is counted anyway. */
	if (j->gateway_row || restarts || j->from == FROM_AGENT)
		return count(j, &j->gateway_owner, false);
	return true;
}
