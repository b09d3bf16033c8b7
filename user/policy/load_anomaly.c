// SPDX-License-Identifier: MIT
/* What the configuration says of rules of anomaly: of each an action, a number that passes, or both
 * as a mapping. */
#include <string.h>

#include "policy/load_own.h"

#define LIMIT_MOST 1000000
#define NONE 0

/* One line of a protocol's table. */
struct named_rule {
	const char *word;
	enum anomaly_action least, action;
	uint32_t limit;              /* NONE: nothing is counted */
};

enum mgcp_rule {
	MGCP_RULE_none = 0,
#define MGCP_ANOMALY(word, reason, least, action, limit) MGCP_RULE_##word,
#include "proto/mgcp/mgcp_anomalies.def"
#undef MGCP_ANOMALY
	MGCP_RULE_COUNT,
};

static const struct named_rule mgcp_rules[] = {
#define MGCP_ANOMALY(word, reason, least, action, limit)                                         \
	[MGCP_RULE_##word] = { #word, ANOMALY_##least, ANOMALY_##action, limit },
#include "proto/mgcp/mgcp_anomalies.def"
#undef MGCP_ANOMALY
};

_Static_assert(MGCP_RULE_COUNT <= POLICY_ANOMALIES, "room for each rule");

/* What a rule's value is read into. */
struct rule_target {
	const struct named_rule *rule;
	struct anomaly *anomaly;
};

static void read_action(struct loader *l, const yaml_node_t *node, void *target)
{
	static const char *const actions[] = { "off", "tell", "refuse", "deny", NULL };
	const struct rule_target *t = target;
	int action = load_choice(l, node, actions);

	if (action < 0)
		return;
	if (action < (int)t->rule->least)
		load_error(l, node, "%s: such a message cannot be let by (%s at least; mode: monitor "
			   "lets all by)", actions[action], actions[t->rule->least]);
	else
		t->anomaly->action = (enum anomaly_action)action;
}

static void read_limit(struct loader *l, const yaml_node_t *node, void *target)
{
	const struct rule_target *t = target;
	uint64_t limit;

	if (!load_number(l, node, LIMIT_MOST, &limit))
		return;
	if (t->rule->limit == NONE)
		load_error(l, node, "%s counts nothing (write an action: tell, refuse or deny)",
			   t->rule->word);
	else
		t->anomaly->limit = (uint32_t)limit;
}

static void read_rule(struct loader *l, const yaml_node_t *node, struct rule_target *t)
{
	static const struct word words[] = { { "action", read_action }, { "limit", read_limit },
					     { NULL, NULL } };
	const char *s = node->type == YAML_SCALAR_NODE ? load_scalar(l, node) : NULL;

	if (!s)
		load_words(l, node, words, t);
	else if (*s >= '0' && *s <= '9')
		read_limit(l, node, t);
	else
		read_action(l, node, t);
}

#define MGCP_ANOMALY(word, ...)                                                                  \
	static void read_##word(struct loader *l, const yaml_node_t *node, void *target)         \
	{                                                                                        \
		struct rule_target t = {                                                         \
			&mgcp_rules[MGCP_RULE_##word],                                           \
			&l->policy->protocols[2].anomalies[MGCP_RULE_##word],                    \
		};                                                                               \
                                                                                                 \
		(void)target;                                                                    \
		read_rule(l, node, &t);                                                          \
	}
#include "proto/mgcp/mgcp_anomalies.def"
#undef MGCP_ANOMALY

void load_mgcp_anomalies(struct loader *l, const yaml_node_t *node, void *target)
{
	static const struct word words[] = {
#define MGCP_ANOMALY(word, ...) { #word, read_##word },
#include "proto/mgcp/mgcp_anomalies.def"
#undef MGCP_ANOMALY
		{ NULL, NULL },
	};

	load_words(l, node, words, target);
}

void load_anomaly_defaults(struct policy *p)
{
	for (int i = 1; i < MGCP_RULE_COUNT; i++)
		p->protocols[2].anomalies[i] =
			(struct anomaly){ mgcp_rules[i].action, mgcp_rules[i].limit };
}
