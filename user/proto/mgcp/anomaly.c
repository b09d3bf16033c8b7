// SPDX-License-Identifier: MIT
/* What is done about what is odd: nothing, told with the message, refused, or refused with its sender
 * for a while. The table is mgcp_anomalies.def, the policy's word counts. */
#include "proto/mgcp/judge.h"

static const uint16_t reasons[] = {
#define MGCP_ANOMALY(word, reason, least, action, limit)                                         \
	[MGCP_ANOMALY_##word] = REASON_##reason,
#include "mgcp_anomalies.def"
#undef MGCP_ANOMALY
};

_Static_assert(MGCP_ANOMALY_COUNT <= POLICY_ANOMALIES, "the policy has room for each rule");

static const struct anomaly *rule_of(const struct mgcp_judge *j, enum mgcp_anomaly what)
{
	return &j->in->policy->protocols[MGCP_PROTOCOL].anomalies[what];
}

uint32_t mgcp_anomaly_limit(const struct mgcp_judge *j, enum mgcp_anomaly what)
{
	return rule_of(j, what)->limit;
}

bool mgcp_anomaly(struct mgcp_judge *j, enum mgcp_anomaly what, struct slice at)
{
	switch (rule_of(j, what)->action) {
	case ANOMALY_OFF:
		return false;
	case ANOMALY_TELL:
		j->out->reason = (enum reason)reasons[what];
		j->out->at = slice_offset(j->m->raw, at);
		return false;
	default:
		mgcp_judge_refuse(j, (enum reason)reasons[what], at);
		j->out->denies = rule_of(j, what)->action == ANOMALY_DENY;
		return true;
	}
}
