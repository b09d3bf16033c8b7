// SPDX-License-Identifier: MIT
/* Whose rows? A transaction is named by who asks, who answers and its number, so that the answer
 * finds it; a gateway by its address, an endpoint by its name there; a connection's media by the
 * command that first spoke of it, since its id is the answer's to say. */
#include "proto/mgcp/judge.h"

uint64_t mgcp_hash(const struct inspect_in *in, struct slice bytes)
{
	uint64_t hash = hash64(in->key, bytes);

	return hash && hash != SUB_ANY ? hash : 1;
}

struct slice mgcp_own_bytes(const struct mgcp_message *m)
{
	struct slice s = slice_trim(m->raw), line = slice_part(s, s.length - 1, 1);

	if (s.length > 1 && s.bytes[s.length - 2] == '\n' && slice_equal(line, SLICE(".")))
		s.length--;
	return slice_trim(s);
}

static struct slice of_address(const struct address *a)
{
	return slice_make(a->bytes, sizeof(a->bytes));
}

static struct owner transaction_owner(const struct inspect_in *in, const struct endpoint *asks,
				      const struct endpoint *answers, uint32_t number)
{
	const struct slice parts[] = {
		SLICE("mgcp transaction"), of_address(&asks->address),
		slice_make(&asks->port, sizeof(asks->port)), of_address(&answers->address),
		slice_make(&number, sizeof(number)),
	};

	return owner_named(in->key, parts, 5);
}

static struct owner gateway_owner(const struct inspect_in *in, const struct address *a,
				  struct slice kind)
{
	const struct slice parts[] = { kind, of_address(a) };

	return owner_named(in->key, parts, 2);
}

struct owner mgcp_agent_owner(const struct inspect_in *in, const struct address *agent)
{
	return gateway_owner(in, agent, SLICE("mgcp agent"));
}

struct owner mgcp_health_owner(const struct inspect_in *in, const struct address *host)
{
	return gateway_owner(in, host, SLICE("mgcp health"));
}

static struct slice lower(const struct inspect_in *in, struct slice s)
{
	uint8_t *bytes = arena_take_raw(in->arena, s.length);

	if (!bytes)
		return s;
	for (size_t i = 0; i < s.length; i++)
		bytes[i] = s.bytes[i] >= 'A' && s.bytes[i] <= 'Z' ? s.bytes[i] | 0x20 : s.bytes[i];
	return slice_make(bytes, s.length);
}

/* RFC 3435 3.2.1.3: names are compared without case. */
struct owner mgcp_endpoint_owner(const struct inspect_in *in, const struct address *gateway,
				 const struct mgcp_name *name)
{
	const struct slice parts[] = { SLICE("mgcp endpoint"), of_address(gateway),
				       lower(in, name->local), lower(in, name->domain) };

	return owner_named(in->key, parts, 4);
}

/* Transaction ids come again, connections may last: the time tells them apart. */
struct owner mgcp_media_owner(const struct mgcp_judge *j)
{
	const struct slice parts[] = {
		SLICE("mgcp media"),
		slice_make(j->transaction_owner.bytes, sizeof(j->transaction_owner.bytes)),
		slice_make(&j->in->now_ns, sizeof(j->in->now_ns)),
	};

	return owner_named(j->in->key, parts, 3);
}

struct owner mgcp_second_owner(const struct inspect_in *in, const struct owner *first)
{
	const struct slice parts[] = { SLICE("mgcp second"),
				       slice_make(first->bytes, sizeof(first->bytes)) };

	return owner_named(in->key, parts, 2);
}

bool mgcp_owner_is_zero(const struct owner *o)
{
	static const struct owner zero;

	return !memcmp(o, &zero, sizeof(zero));
}

const struct server *mgcp_agent_at(const struct policy *p, const struct address *a)
{
	const struct server *s = policy_server_at(p, a, MGCP_PROTOCOL);

	return s && s->part == PART_CALL_AGENT ? s : NULL;
}

/* DLCX comes from both: from the agent, unless the sender is none. */
static enum mgcp_from command_from(const struct mgcp_message *m, const struct inspect_in *in)
{
	enum mgcp_sender who = mgcp_verb_sender(m->verb);

	if (who == MGCP_FROM_BOTH)
		return mgcp_agent_at(in->policy, &in->flow->source.address) ? FROM_AGENT :
									      FROM_GATEWAY;
	return who == MGCP_FROM_AGENT ? FROM_AGENT : FROM_GATEWAY;
}

/* A response goes the other way; 000 confirms one and goes the command's (RFC 3435 3.5.6). */
static bool goes_with_command(const struct mgcp_message *m)
{
	return m->is_command || m->code == 0;
}

static struct owner own_transaction(const struct mgcp_message *m, const struct inspect_in *in)
{
	const struct flow_info *f = in->flow;

	if (goes_with_command(m))
		return transaction_owner(in, &f->source, &f->destination, m->transaction);
	return transaction_owner(in, &f->destination, &f->source, m->transaction);
}

enum want {
	WANT_ALONE = 0,              /* order matters: one at a time                        */
	WANT_SHARED,                 /* versions guard it, or it is a count                 */
};

static void want(struct wants *w, struct owner owner, enum want how)
{
	w->shared |= (uint32_t)(how == WANT_SHARED) << w->count;
	w->owners[w->count++] = owner;
}

/* Who asked for them asks now. */
struct row_key mgcp_confirmed_key(const struct mgcp_message *m, const struct inspect_in *in,
				  uint32_t i)
{
	const struct owner owner = transaction_owner(in, &in->flow->source, &in->flow->destination,
						     m->confirmed[i]);

	return row_key_make(&owner, 0, 0);
}

void mgcp_want_confirmed(const struct mgcp_message *m, const struct inspect_in *in,
			 struct wants *ret)
{
	for (uint32_t i = 0; i < m->confirmed_count; i++)
		if (m->confirmed[i] != m->transaction)
			want(ret, mgcp_confirmed_key(m, in, i).owner, WANT_SHARED);
}

/* Commands of one transaction and of one endpoint are judged in order of arrival; those of a gateway
 * together, but for what ends connections of many endpoints. */
static void want_of_command(const struct mgcp_message *m, const struct inspect_in *in,
			    struct wants *ret)
{
	const struct flow_info *f = in->flow;
	bool from_agent = command_from(m, in) == FROM_AGENT;
	const struct address *gateway = from_agent ? &f->destination.address : &f->source.address;
	struct owner requests[2];
	uint32_t request_count = mgcp_request_owners(m, in, gateway, requests);
	bool restarts = m->verb == MGCP_VERB_rsip;
	bool sweeps = restarts || (m->verb == MGCP_VERB_dlcx && m->endpoint.is_wild);

	want(ret, gateway_owner(in, gateway, SLICE("mgcp gateway")),
	     restarts ? WANT_ALONE : WANT_SHARED);
	if (m->verb == MGCP_VERB_crcx || sweeps)
		want(ret, gateway_owner(in, gateway, SLICE("mgcp index")),
		     sweeps ? WANT_ALONE : WANT_SHARED);
	if (restarts || from_agent)
		want(ret, mgcp_agent_owner(in, restarts ? &f->destination.address :
							  &f->source.address), WANT_SHARED);
	if (mgcp_is_of_media(m->verb) && !m->endpoint.is_wild)
		want(ret, mgcp_endpoint_owner(in, gateway, &m->endpoint), WANT_ALONE);
	for (uint32_t i = 0; i < request_count; i++)
		want(ret, requests[i], WANT_SHARED);
	mgcp_want_confirmed(m, in, ret);
}

void mgcp_wants(const void *msg, const struct inspect_in *in, struct wants *ret)
{
	const struct mgcp_message *m = msg;

	if (in->flow->zones[0] == in->flow->zones[1])
		return;
	want(ret, own_transaction(m, in), WANT_ALONE);
	if (m->is_command)
		want_of_command(m, in, ret);
	else if (m->code)
		want(ret, mgcp_health_owner(in, &in->flow->source.address), WANT_SHARED);
}

static void find_gateway(struct mgcp_judge *j, bool gateway_is_source)
{
	const struct flow_info *f = j->in->flow;

	j->gateway = gateway_is_source ? f->source : f->destination;
	j->agent = gateway_is_source ? f->destination : f->source;
	j->zones[SIDE_LOCAL] = f->zones[gateway_is_source ? 0 : 1];
	j->zones[SIDE_REMOTE] = f->zones[gateway_is_source ? 1 : 0];
	j->gateway_owner = gateway_owner(j->in, &j->gateway.address, SLICE("mgcp gateway"));
	j->index_owner = gateway_owner(j->in, &j->gateway.address, SLICE("mgcp index"));
	j->gateway_key = row_key_make(&j->gateway_owner, 0, 0);
	j->gateway_row = subjects_value(j->in->subjects, ROW_gateway, &j->gateway_key);
}

void mgcp_judge_begin(struct mgcp_judge *j)
{
	bool forward = goes_with_command(j->m);

	j->transaction_owner = own_transaction(j->m, j->in);
	j->transaction_key = row_key_make(&j->transaction_owner, 0, 0);
	j->transaction = subjects_value(j->in->subjects, ROW_transaction, &j->transaction_key);
	j->out->owner = j->transaction_owner;
	if (j->m->is_command)
		j->from = command_from(j->m, j->in);
	else if (j->transaction)
		j->from = (enum mgcp_from)j->transaction->from_side;
	if (!forward)
		j->answerer = mgcp_health_owner(j->in, &j->in->flow->source.address);
	find_gateway(j, (j->from == FROM_GATEWAY) == forward);
}

void mgcp_judge_refuse(struct mgcp_judge *j, enum reason reason, struct slice at)
{
	j->out->judgement = JUDGEMENT_REFUSE;
	j->out->reason = reason;
	j->out->missing = reason == REASON_mgcp_unknown_transaction;
	j->out->at = slice_offset(j->m->raw, at);
	batch_init(&j->out->batch, j->in->arena);
}

void mgcp_name_take(struct connection_row *row, const struct mgcp_name *name)
{
	row->name_bytes = (uint8_t)name->local.length;
	memset(row->name, 0, sizeof(row->name));
	memcpy(row->name, name->local.bytes, name->local.length);
}

void mgcp_timer(const struct mgcp_judge *j, const struct owner *owner, enum timer_kind kind,
		uint64_t in_ns)
{
	struct row_key key = row_key_make(owner, 0, kind);
	struct timer_row row = { .due_ns = j->in->now_ns + in_ns, .kind = kind,
				 .protocol = MGCP_PROTOCOL };

	batch_put(j->batch, ROW_timer, &key, &row);
}
