// SPDX-License-Identifier: MIT
/* Whose message is it? A call is named by Call-ID, its initiator's tag and its passage, the ordered
 * pair of zones as the initiator sees it: so one call may cross the gateway twice. Which tag is the
 * initiator's is known once the rows are found; until then there are two candidates. */
#include "proto/sip/registered.h"

#include <errno.h>

bool sip_is_server(const struct inspect_in *in, const struct address *host)
{
	return policy_server_at(in->policy, host, SIP_PROTOCOL) != NULL;
}

uint64_t sip_hash(const struct inspect_in *in, struct slice bytes)
{
	uint64_t hash = hash64(in->key, bytes);

	return hash && hash != SUB_ANY ? hash : 1;
}

struct row_key sip_key(const struct owner *owner, uint64_t sub, uint32_t part)
{
	return row_key_make(owner, sub, part);
}

static struct owner name_owner(const struct inspect_in *in, struct slice kind, struct slice a,
			       struct slice b, const uint16_t zones[2])
{
	const struct slice parts[] = { kind, a, b, slice_make(zones, 2 * sizeof(*zones)) };

	return owner_named(in->key, parts, 4);
}

/* Zones of the request that this message is, or answers, from its sender to its receiver. */
static void request_zones(const struct sip_message *m, const struct inspect_in *in,
			  uint16_t ret[2])
{
	ret[0] = in->flow->zones[m->is_request ? 0 : 1];
	ret[1] = in->flow->zones[m->is_request ? 1 : 0];
}

/* Candidate 0: the request's sender began the dialog. Candidate 1: its receiver did. */
static struct owner candidate(const struct sip_message *m, const struct inspect_in *in, int which)
{
	uint16_t zones[2], turned[2];

	request_zones(m, in, zones);
	turned[0] = zones[1];
	turned[1] = zones[0];
	if (which == 0)
		return name_owner(in, SLICE("sip"), m->call_id, m->from.tag, zones);
	return name_owner(in, SLICE("sip"), m->call_id, m->to.tag, turned);
}

struct owner sip_other_passage(const struct sip_message *m, const struct inspect_in *in)
{
	const uint16_t turned[2] = { in->flow->zones[1], in->flow->zones[0] };

	return name_owner(in, SLICE("sip"), m->call_id, m->from.tag, turned);
}

static void want_shared(struct wants *w, struct owner owner)
{
	w->shared |= 1u << w->count;
	w->owners[w->count++] = owner;
}

/* RFC 3261 10.3: the address of record is the To URI. What its host registered is counted alone. */
static void want_registration(const struct sip_message *m, const struct inspect_in *in,
			      uint16_t zone, struct wants *ret)
{
	ret->owners[ret->count++] = sip_user_owner(in, &m->to.uri);
	if (m->is_request)
		want_shared(ret, sip_registrant_owner(in, zone, &in->flow->source.address));
}

static void want_parties(const struct sip_message *m, const struct inspect_in *in,
			 struct wants *ret)
{
	const struct rule *rule = policy_match(in->policy, in->flow->zones[0], in->flow->zones[1],
					       SIP_PROTOCOL);

	if (rule)
		registered_wants(m, in, rule, ret);
	if (sip_is_server(in, &in->flow->source.address))
		want_shared(ret, sip_other_passage(m, in));
}

void sip_wants(const void *msg, const struct inspect_in *in, struct wants *ret)
{
	const struct sip_message *m = msg;
	uint16_t zones[2];

	ret->owners[ret->count++] = candidate(m, in, 0);
	if (m->to.tag.length)
		ret->owners[ret->count++] = candidate(m, in, 1);
	request_zones(m, in, zones);
	if (m->cseq_method == SIP_METHOD_register)
		want_registration(m, in, zones[0], ret);
	if (m->is_request && m->method == SIP_METHOD_invite && !m->to.tag.length)
		want_parties(m, in, ret);
	else if (!m->is_request && sip_is_server(in, &in->flow->source.address))
		want_shared(ret, sip_health_owner(in, &in->flow->source.address));
}

const void *judge_row(const struct judge *j, enum row_type type, const struct row_key *key)
{
	return subjects_value(j->in->subjects, type, key);
}

/* RFC 3261 17.2.3: branch and method of the top Via; its whole text before RFC 3261 branches. */
struct row_key sip_transaction_key(const struct judge *j, enum sip_method method)
{
	const struct sip_via *via = &j->m->vias.at[0];
	struct slice branch = via->branch.length ? via->branch : via->text;
	uint8_t number = (uint8_t)method;
	struct hasher h;
	struct hash128 hash;

	hash_begin(&h, j->in->key);
	hash_add(&h, branch);
	hash_add(&h, slice_make(&number, 1));
	/* Methods without a number are told apart by name. */
	hash_add(&h, number ? SLICE("") : j->m->cseq_method_text);
	hash = hash_end(&h);
	return sip_key(&j->owner, hash.words[0] | 2, j->m->cseq);
}

static bool owner_known(const struct judge *j, const struct owner *owner)
{
	for (uint32_t i = 0; i < j->in->subjects->count; i++)
		if (!memcmp(&j->in->subjects->rows[i].key->owner, owner, sizeof(*owner)))
			return true;
	return false;
}

static void find_dialog(struct judge *j)
{
	struct slice far = j->requester == SIDE_CALLER ? j->m->to.tag : j->m->from.tag;
	struct row_key key;

	j->tag = far.length ? sip_hash(j->in, far) : 0;
	key = sip_key(&j->owner, j->tag, 0);
	j->dialog = j->tag ? judge_row(j, ROW_dialog, &key) : NULL;
	if (j->dialog)
		j->next_dialog = *j->dialog;
}

static int read_body(struct judge *j)
{
	struct fault fault = { REASON_sip_bad_body, 0 };
	struct sip_isup_part isup = { .is_ansi = false };
	struct slice body;
	int error = sip_sdp_body(j->m, j->in->arena, &body, &isup);

	isup_read(isup.bytes, isup.is_ansi, &j->isup);
	if (error == -ENOENT)
		return 0;
	if (!error)
		error = sdp_parse(body, j->in->arena, &j->sdp, &fault);
	if (error) {
		judge_refuse(j, fault.reason,
			     fault.reason == REASON_sip_bad_body ? j->m->body :
								   slice_from(body, fault.at));
		return -EBADMSG;
	}
	j->sdp_digest = sip_hash(j->in, body);
	return 0;
}

int judge_begin(struct judge *j)
{
	struct row_key key;
	uint16_t zones[2];
	struct owner turned;

	request_zones(j->m, j->in, zones);
	j->owner = candidate(j->m, j->in, 0);
	if (j->m->to.tag.length && !owner_known(j, &j->owner)) {
		turned = candidate(j->m, j->in, 1);
		if (owner_known(j, &turned)) {
			j->owner = turned;
			j->requester = SIDE_CALLEE;
		}
	}
	j->sender = j->m->is_request ? j->requester : (enum side)!j->requester;
	j->zones[SIDE_CALLER] = zones[j->requester == SIDE_CALLER ? 0 : 1];
	j->zones[SIDE_CALLEE] = zones[j->requester == SIDE_CALLER ? 1 : 0];
	j->out->owner = j->owner;
	j->batch = &j->out->batch;
	j->lines = arena_take_raw(j->in->arena, sizeof(*j->lines));
	if (!j->lines) {
		judge_refuse(j, REASON_message_limit, j->m->raw);
		return -EBADMSG;
	}
	key = sip_key(&j->owner, 0, 0);
	j->call = judge_row(j, ROW_call, &key);
	if (j->call)
		j->next_call = *j->call;
	find_dialog(j);
	j->transaction_key = sip_transaction_key(j, j->m->cseq_method);
	j->transaction = judge_row(j, ROW_transaction, &j->transaction_key);
	return read_body(j);
}

void judge_refuse(struct judge *j, enum reason reason, struct slice at)
{
	j->out->judgement = JUDGEMENT_REFUSE;
	j->out->reason = reason;
	j->out->missing = reason == REASON_sip_unknown_dialog ||
			  reason == REASON_sip_unknown_transaction ||
			  reason == REASON_sip_wrong_tag;
	/* Its request went on: its receiver answers, and two final ones would contradict. */
	j->out->is_silent = j->transaction != NULL;
	j->out->at = slice_offset(j->m->raw, at);
	batch_init(&j->out->batch, j->in->arena);
}

void judge_timer(struct judge *j, uint64_t sub, enum timer_kind kind, uint64_t in_ns)
{
	struct row_key key = sip_key(&j->owner, sub, kind);
	struct timer_row row = { .due_ns = j->in->now_ns + in_ns, .kind = kind,
				 .protocol = SIP_PROTOCOL };

	batch_put(j->batch, ROW_timer, &key, &row);
}

void judge_timer_off(struct judge *j, uint64_t sub, enum timer_kind kind)
{
	struct row_key key = sip_key(&j->owner, sub, kind);

	if (judge_row(j, ROW_timer, &key))
		batch_end(j->batch, ROW_timer, &key);
}

void judge_text(struct judge *j, enum text_kind kind, struct slice s)
{
	struct row_key key = sip_key(&j->owner, 0, kind);
	struct text_row row = { 0 };

	row.length = (uint16_t)(s.length < sizeof(row.bytes) ? s.length : sizeof(row.bytes));
	if (row.length)
		memcpy(row.bytes, s.bytes, row.length);
	batch_put(j->batch, ROW_text, &key, &row);
}

/* What the telephone network said, into the call's record. A repeat has nothing new. */
static void note_isup(struct judge *j)
{
	if (!j->isup.type || !j->batch->change_count || (!j->call && !j->call_changed))
		return;
	j->next_call.isup = j->isup.type;
	if (j->isup.cause)
		j->next_call.isup_cause = j->isup.cause;
	if (j->isup.digit_count)
		judge_text(j, TEXT_ISUP_CALLED,
			   slice_make(j->isup.digits, j->isup.digit_count));
	j->call_changed = true;
}

void judge_finish(struct judge *j)
{
	struct row_key call = sip_key(&j->owner, 0, 0), dialog = sip_key(&j->owner, j->tag, 0);

	if (j->out->judgement == JUDGEMENT_REFUSE)
		return;
	note_isup(j);
	if (j->call_changed || j->dialog_changed) {
		batch_expect(j->batch, ROW_call, &call, j->call ? j->call->head.version : 0);
		batch_put(j->batch, ROW_call, &call, &j->next_call);
	}
	if (j->dialog_changed)
		batch_put(j->batch, ROW_dialog, &dialog, &j->next_dialog);
}
