/* SPDX-License-Identifier: MIT */
/* Any bytes as MGCP. What must hold: the same bytes twice give the same result, all slices lie
 * inside the bytes, the arena is never exceeded, frames end where the datagram does, and a judgement
 * without any rows stays inside its limits. */
#include <assert.h>

#include "inspect/guard.h"
#include "proto/mgcp/mgcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const struct protocol_ops mgcp_protocol;

static uint8_t arena_bytes[2][LIMIT_ARENA_BYTES];

static void check_slice(struct slice raw, struct slice s)
{
	if (s.length == 0)
		return;
	assert(s.bytes >= raw.bytes && s.bytes + s.length <= raw.bytes + raw.length);
}

static void check_name(struct slice raw, const struct mgcp_name *n)
{
	check_slice(raw, n->text);
	check_slice(raw, n->local);
	check_slice(raw, n->domain);
	assert(n->local.length <= LIMIT_MGCP_NAME_BYTES);
	(void)mgcp_name_matches(n->local, n->local);
	(void)mgcp_name_matches(n->local, n->domain);
}

static void check_message(const struct mgcp_message *m)
{
	check_slice(m->raw, m->start_line);
	check_slice(m->raw, m->verb_text);
	check_slice(m->raw, m->comment);
	check_slice(m->raw, m->transaction_text);
	check_slice(m->raw, m->version);
	check_slice(m->raw, m->call);
	check_slice(m->raw, m->connection);
	check_slice(m->raw, m->notified.text);
	check_slice(m->raw, m->notified.host);
	check_name(m->raw, &m->endpoint);
	check_name(m->raw, &m->specific);
	assert(m->transaction <= 999999999 && m->code <= 999);
	assert(m->parameter_count <= LIMIT_MGCP_PARAMETERS && m->body_count <= 2);
	for (uint32_t i = 0; i < m->parameter_count; i++) {
		check_slice(m->raw, m->parameters[i].name);
		check_slice(m->raw, m->parameters[i].value);
		check_slice(m->raw, m->parameters[i].line);
	}
	for (uint32_t i = 0; i < m->body_count; i++)
		check_slice(m->raw, m->bodies[i]);
}

/* Agent 10.0.0.1 in zone 1, gateway 10.0.0.2 in zone 2. */
static void judge(const struct mgcp_message *m, struct arena *arena, struct outcome *out)
{
	static struct policy policy;
	static const struct hash_key key = { { 3, 4 } };
	static const struct subjects none;
	static const struct surroundings around;
	const struct flow_info flow = {
		.source = { { { [10] = 0xff, 0xff, 10, 0, 0, 1 } }, 0x7709, 0 },
		.destination = { { { [10] = 0xff, 0xff, 10, 0, 0, 2 } }, 0x7b09, 0 },
		.zones = { 1, 2 }, .transport = 17, .speaks = 2, .family = FAMILY_IPV4,
	};
	const struct inspect_in in = { .raw = m->raw, .flow = &flow, .subjects = &none,
				       .policy = &policy, .around = &around, .key = &key,
				       .now_ns = 1000, .arena = arena };
	struct wants wants = { .count = 0 };

	policy.zone_count = 2;
	policy.server_count = policy.rule_count = 1;
	policy.servers[0] = (struct server){ .addresses = { flow.source.address },
					     .address_count = 1, .zone = 1, .speaks = 1 << 2,
					     .part = PART_CALL_AGENT, .serves_any = true };
	policy.rules[0] = (struct rule){ .from = ~0u, .to = ~0u, .allow = 1 << 2 };
	mgcp_protocol.wants(m, &in, &wants);
	assert(wants.count <= LIMIT_WANTS);
	mgcp_protocol.inspect(m, &in, out);
	guard_outcome(&in, out);
	assert(out->judgement != JUDGEMENT_REFUSE || out->reason != REASON_none);
	assert(out->at <= m->raw.length && out->reason != REASON_guard_bad_outcome);
}

static void check_frames(struct slice bytes)
{
	while (bytes.length) {
		int length = mgcp_frame(bytes);

		if (length <= 0)
			return;
		assert((size_t)length <= bytes.length);
		bytes = slice_from(bytes, (size_t)length);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice raw = slice_make(data, size);
	const struct mgcp_message *messages[2] = { NULL, NULL };
	struct fault faults[2] = { { 0 }, { 0 } };
	struct outcome outcomes[2] = { { 0 }, { 0 } };
	int results[2];

	for (int i = 0; i < 2; i++) {
		struct arena arena = { arena_bytes[i], LIMIT_ARENA_BYTES, 0 };

		results[i] = mgcp_parse(raw, &arena, &messages[i], &faults[i]);
		assert((results[i] == 0) == (messages[i] != NULL));
		if (results[i] == 0) {
			check_message(messages[i]);
			judge(messages[i], &arena, &outcomes[i]);
		} else {
			assert(faults[i].reason != REASON_none && faults[i].at <= size);
		}
		assert(arena.used <= arena.size);
	}
	assert(results[0] == results[1] && faults[0].reason == faults[1].reason &&
	       faults[0].at == faults[1].at);
	assert(outcomes[0].judgement == outcomes[1].judgement &&
	       outcomes[0].reason == outcomes[1].reason &&
	       outcomes[0].batch.change_count == outcomes[1].batch.change_count);
	check_frames(raw);
	return 0;
}
