// SPDX-License-Identifier: MIT
/* Connections and their media. The command names the far end, and opens it: gateways send to it
 * before they answer. The answer names the near end, the connection's id and, where the command left
 * it open, the endpoint. */
#include "proto/mgcp/judge.h"

static struct doors doors_of(const struct mgcp_judge *j, const struct owner *owner, bool drains)
{
	return (struct doors){ .in = j->in, .batch = j->batch, .owner = *owner,
			       .zones = { j->zones[0], j->zones[1] }, .protocol = MGCP_PROTOCOL,
			       .drains = drains };
}

const struct connection_row *connection_at(const struct subjects *s, const struct owner *owner,
					   uint64_t sub)
{
	struct row_key key = row_key_make(owner, sub, 0);

	return subjects_value(s, ROW_connection, &key);
}

bool connection_is_up(const struct subjects *s, const struct owner *media)
{
	struct row_key key = row_key_make(media, 0, 0);
	const struct call_row *call = subjects_value(s, ROW_call, &key);

	return call && call->state == CALL_CONFIRMED;
}

/* Its mode is asked for where its media is, and nowhere else. */
static bool same_but_mode(const struct connection_row *a, const struct connection_row *b)
{
	struct connection_row turned = *a;

	turned.head = b->head;
	turned.mode = b->mode;
	return !memcmp(&turned, b, sizeof(turned));
}

/* The same row for all who look for it. `old` NULL: there is none yet. */
static void put_connection(const struct mgcp_judge *j, const struct connection_row *c,
			   const struct connection_row *old)
{
	struct row_key keys[ROW_PLACES];
	uint32_t count = row_places(ROW_connection, c, keys);

	batch_expect(j->batch, ROW_connection, &keys[0], old ? old->head.version : 0);
	if (old && same_but_mode(c, old))
		count = 1;
	for (uint32_t i = 0; i < count; i++)
		batch_put(j->batch, ROW_connection, &keys[i], c);
}

void connection_end(struct batch *batch, const struct connection_row *c)
{
	struct row_key keys[ROW_PLACES];
	uint32_t count = row_places(ROW_connection, c, keys);

	for (uint32_t i = 1; i < count; i++)
		batch_end(batch, ROW_connection, &keys[i]);
	batch_end_set(batch, ROW_NONE, &c->media, SUB_ANY);
	batch_tell(batch, TELL_CALL_ENDED, &c->media);
}

static void put_text(const struct mgcp_judge *j, enum text_kind kind, struct slice s)
{
	struct row_key key = row_key_make(&j->about.media, 0, kind);
	struct text_row row = { 0 };

	s = slice_part(s, 0, sizeof(row.bytes));
	row.length = (uint16_t)s.length;
	if (row.length)
		memcpy(row.bytes, s.bytes, row.length);
	batch_put(j->batch, ROW_text, &key, &row);
}

/* The first or second description, NULL where there is none. False where it was refused. */
static bool read_body(struct mgcp_judge *j, uint32_t which, const struct sdp **ret_sdp)
{
	struct fault fault = { REASON_none, 0 };

	*ret_sdp = NULL;
	if (which >= j->m->body_count)
		return true;
	if (!sdp_parse(j->m->bodies[which], j->in->arena, ret_sdp, &fault))
		return true;
	mgcp_judge_refuse(j, fault.reason, slice_from(j->m->bodies[which], fault.at));
	return false;
}

/* Lays the description, if there is one, over one side of each line. */
static bool take_sides(struct mgcp_judge *j, struct lines *l, const struct sdp *sdp,
		       struct media_side *(*side_of)(struct media_row *row))
{
	for (uint32_t i = 0; sdp && i < sdp->media_count; i++) {
		const struct sdp_media *m = &sdp->media[i];
		enum reason reason = media_side_read(m, side_of(&l->rows[i]));

		if (!reason && m->port && j->in->policy->mgcp.deny_fax &&
		    (m->proto == SDP_PROTO_UDPTL || m->proto == SDP_PROTO_DTLS_UDPTL))
			reason = REASON_mgcp_fax_denied;
		if (reason) {
			mgcp_judge_refuse(j, reason, m->line);
			return false;
		}
	}
	return true;
}

static struct media_side *proposed_remote(struct media_row *row)
{
	return &row->proposed[SIDE_REMOTE];
}

static struct media_side *current_remote(struct media_row *row)
{
	return &row->current[SIDE_REMOTE];
}

static struct media_side *current_local(struct media_row *row)
{
	return &row->current[SIDE_LOCAL];
}

static void set_ways(struct lines *l, unsigned int ways)
{
	l->muted[SIDE_REMOTE] = !(ways & MGCP_SENDS);
	l->muted[SIDE_LOCAL] = !(ways & MGCP_RECEIVES);
	l->steady = true;
	/* A gateway tells NATs on the way by a byte of its own before it answers. */
	l->probes[SIDE_REMOTE] = true;
}

static uint32_t lines_of(const struct sdp *a, const struct sdp *b)
{
	uint32_t in_a = a ? a->media_count : 0, in_b = b ? b->media_count : 0;

	return in_a > in_b ? in_a : in_b;
}

static struct lines *load_lines(struct mgcp_judge *j, const struct doors *d, uint32_t count)
{
	struct lines *l = arena_take_raw(j->in->arena, sizeof(*l));

	if (l)
		lines_load(d, l, 0, count);
	else
		mgcp_judge_refuse(j, REASON_message_limit, j->m->start_line);
	return l;
}

static bool store_lines(struct mgcp_judge *j, const struct doors *d, struct lines *l)
{
	enum reason reason;

	memset(l->changed, true, sizeof(l->changed));
	reason = lines_store(d, l);
	if (reason)
		mgcp_judge_refuse(j, reason, j->m->start_line);
	return !reason;
}

/* Until the answer both the old mode and the new one may be in force. */
static unsigned int ways_meanwhile(enum mgcp_mode now, enum mgcp_mode then)
{
	return mgcp_mode_ways(now) | mgcp_mode_ways(then);
}

/* The far end of the command: proposed until its answer. */
static bool propose(struct mgcp_judge *j, unsigned int ways, bool drains)
{
	const struct doors d = doors_of(j, &j->about.media, drains);
	const struct sdp *sdp;
	struct lines *l;

	if (!read_body(j, 0, &sdp))
		return false;
	l = load_lines(j, &d, lines_of(sdp, NULL));
	if (!l || !take_sides(j, l, sdp, proposed_remote))
		return false;
	set_ways(l, ways);
	return store_lines(j, &d, l);
}

static void put_call(const struct mgcp_judge *j)
{
	const struct policy *p = j->in->policy;
	const struct rule *rule =
		policy_match(p, j->in->flow->zones[0], j->in->flow->zones[1], MGCP_PROTOCOL);
	struct row_key key = row_key_make(&j->about.media, 0, 0);
	struct call_row row = {
		.started_ns = j->in->now_ns,
		.parties = { j->gateway, j->agent },
		.zones = { j->zones[0], j->zones[1] },
		.rule = (uint16_t)(rule ? rule - p->rules : 0),
		.protocol = MGCP_PROTOCOL,
		.state = CALL_TRYING,
	};

	batch_put(j->batch, ROW_call, &key, &row);
	put_text(j, TEXT_CALL_ID, j->m->call);
	put_text(j, TEXT_CALLER, j->m->endpoint.text);
}

/* CRCX, and MDCX of a connection that began before we could see it. */
bool connection_open(struct mgcp_judge *j)
{
	struct connection_row *c = &j->about;

	if (!mgcp_has_room(j, j->m->verb == MGCP_VERB_crcx && j->m->has_second ? 2 : 1))
		return false;
	c->media = mgcp_media_owner(j);
	c->since_ns = j->in->now_ns;
	if (c->mode == MGCP_MODE_none)
		c->mode = MGCP_MODE_sendrecv;
	j->out->owner = c->media;
	put_call(j);
	put_connection(j, c, NULL);
	mgcp_timer(j, &c->media, TIMER_CALL_EARLY, MGCP_TRANSACTION_NS);
	batch_tell(j->batch, TELL_CALL_STARTED, &c->media);
	return propose(j, mgcp_mode_ways((enum mgcp_mode)c->mode), false);
}

static void need(struct mgcp_judge *j, const struct owner *a, const struct owner *b)
{
	struct wants *w = &j->out->wants;

	j->batch->change_count = j->batch->precondition_count = 0;
	j->out->judgement = JUDGEMENT_NEED;
	w->owners[w->count++] = j->transaction_owner;
	w->owners[w->count++] = j->gateway_owner;
	w->owners[w->count++] = mgcp_agent_owner(j->in, &j->agent.address);
	w->owners[w->count++] = *a;
	if (!mgcp_owner_is_zero(b))
		w->owners[w->count++] = *b;
	w->count += mgcp_request_owners(j->m, j->in, &j->gateway.address, w->owners + w->count);
	mgcp_want_confirmed(j->m, j->in, w);
}

bool connection_modify(struct mgcp_judge *j)
{
	const struct connection_row *there, *own;
	enum mgcp_mode mode = j->m->mode;

	there = connection_at(j->in->subjects, &j->about.endpoint, j->about.connection);
	if (!j->about.connection || (there && j->about.call && there->call != j->about.call))
		return true;         /* the gateway will refuse it */
	if (!there)
		return connection_open(j);
	own = connection_at(j->in->subjects, &there->media, 0);
	if (!own) {
		need(j, &j->about.endpoint, &there->media);
		return false;
	}
	j->about = *own;
	j->out->owner = own->media;
	if (mode != MGCP_MODE_none)
		j->about.mode = (uint8_t)mode;
	mgcp_timer(j, &own->media, TIMER_CALL_EARLY, MGCP_TRANSACTION_NS);
	return propose(j, ways_meanwhile((enum mgcp_mode)own->mode, (enum mgcp_mode)j->about.mode),
		       true);
}

static void agree(struct lines *l, uint64_t now_ns)
{
	for (uint32_t i = 0; i < l->count; i++) {
		struct media_row *row = &l->rows[i];

		if (row->proposed[SIDE_REMOTE].set)
			row->current[SIDE_REMOTE] = row->proposed[SIDE_REMOTE];
		memset(row->proposed, 0, sizeof(row->proposed));
		if (row->current[SIDE_LOCAL].set && row->current[SIDE_REMOTE].set)
			row->agreed_ns = row->agreed_ns ? row->agreed_ns : now_ns;
		else
			/* Nobody was named to the gateway yet: it receives from anybody. */
			row->proposed[SIDE_LOCAL] = row->current[SIDE_LOCAL];
	}
}

static void confirm(const struct mgcp_judge *j, const struct connection_row *c)
{
	const struct timers *t = &j->in->policy->timers;
	struct row_key key = row_key_make(&c->media, 0, 0);
	const struct call_row *call = subjects_value(j->in->subjects, ROW_call, &key);
	struct row_key early = row_key_make(&c->media, 0, TIMER_CALL_EARLY);
	struct call_row next;

	if (j->m->code >= 200)
		batch_end(j->batch, ROW_timer, &early);
	mgcp_timer(j, &c->media, TIMER_CALL_IDLE, t->call_idle_ns);
	if (!call || call->state != CALL_TRYING)
		return;
	next = *call;
	next.state = CALL_CONFIRMED;
	next.answered_ns = j->in->now_ns;
	batch_put(j->batch, ROW_call, &key, &next);
	mgcp_timer(j, &c->media, TIMER_CALL_LONGEST, t->call_longest_ns);
	batch_tell(j->batch, TELL_CALL_ANSWERED, &c->media);
}

/* A gateway gives an id anew: what it named before is gone. */
static void end_namesake(const struct mgcp_judge *j, const struct connection_row *c)
{
	const struct connection_row *old =
		connection_at(j->in->subjects, &c->endpoint, c->connection);

	if (old && memcmp(&old->media, &c->media, sizeof(c->media)))
		connection_end(j->batch, old);
}

/* Names are given once: a later answer that says others says nothing. */
static void take_names(const struct mgcp_judge *j, struct connection_row *c)
{
	if (j->m->has_specific && (!c->connection || mgcp_owner_is_zero(&c->endpoint))) {
		c->endpoint = mgcp_endpoint_owner(j->in, &j->gateway.address, &j->m->specific);
		mgcp_name_take(c, &j->m->specific);
		put_text(j, TEXT_CALLER, j->m->specific.text);
	}
	if (!c->connection && j->m->connection.length)
		c->connection = mgcp_hash(j->in, j->m->connection);
}

/* Both have it from the command that made them. */
static void put_second_call(const struct mgcp_judge *j, const struct connection_row *first,
			    const struct connection_row *c)
{
	const struct timers *t = &j->in->policy->timers;
	struct row_key key = row_key_make(&first->media, 0, 0);
	const struct call_row *call = subjects_value(j->in->subjects, ROW_call, &key);
	struct row_key text_key = row_key_make(&first->media, 0, TEXT_CALL_ID);
	const struct text_row *text = subjects_value(j->in->subjects, ROW_text, &text_key);
	struct call_row next = call ? *call : (struct call_row){ .protocol = MGCP_PROTOCOL };

	key = row_key_make(&c->media, 0, 0);
	next.state = CALL_CONFIRMED;
	next.answered_ns = j->in->now_ns;
	batch_put(j->batch, ROW_call, &key, &next);
	text_key = row_key_make(&c->media, 0, TEXT_CALL_ID);
	if (text)
		batch_put(j->batch, ROW_text, &text_key, text);
	mgcp_timer(j, &c->media, TIMER_CALL_IDLE, t->call_idle_ns);
	mgcp_timer(j, &c->media, TIMER_CALL_LONGEST, t->call_longest_ns);
	batch_tell(j->batch, TELL_CALL_STARTED, &c->media);
	batch_tell(j->batch, TELL_CALL_ANSWERED, &c->media);
}

/* What the command asked for beside the first, as the final answer names it; NULL: nothing. */
static const struct connection_row *second_of(const struct mgcp_judge *j)
{
	const struct connection_row *asked =
		connection_at(j->in->subjects, &j->transaction_owner, SUB_SECOND);

	return j->m->code >= 200 && j->m->second_connection.length ? asked : NULL;
}

/* RFC 3435 2.3.5: two connections that the gateway joins: each is the other's far end. `near` and
 * `far` are the second's descriptions, as far as the answer gave them. */
static bool establish_second(struct mgcp_judge *j, const struct connection_row *first,
			     const struct sdp *near, const struct sdp *far)
{
	const struct connection_row *asked = second_of(j);
	struct connection_row c;
	struct doors d;
	struct lines *l;

	if (!asked)
		return true;
	c = *asked;
	c.mode = first->mode;
	c.connection = mgcp_hash(j->in, j->m->second_connection);
	if (j->m->has_second) {
		c.endpoint = mgcp_endpoint_owner(j->in, &j->gateway.address, &j->m->second);
		mgcp_name_take(&c, &j->m->second);
	}
	if (mgcp_owner_is_zero(&c.endpoint) ||
	    (c.connection == first->connection &&
	     !memcmp(&c.endpoint, &first->endpoint, sizeof(c.endpoint))))
		return true;
	j->about = c;
	end_namesake(j, &c);
	put_second_call(j, first, &c);
	put_text(j, TEXT_CALLER, slice_make(c.name, c.name_bytes));
	put_connection(j, &c, NULL);
	d = doors_of(j, &c.media, false);
	l = load_lines(j, &d, lines_of(near, far));
	if (!l || !take_sides(j, l, near, current_local) || !take_sides(j, l, far, current_remote))
		return false;
	agree(l, j->in->now_ns);
	set_ways(l, mgcp_mode_ways((enum mgcp_mode)c.mode));
	return store_lines(j, &d, l);
}

/* The answer: what the command proposed holds, and the gateway says where it receives. */
bool connection_establish(struct mgcp_judge *j)
{
	const struct connection_row *own = connection_at(j->in->subjects, &j->about.media, 0);
	const struct doors d = doors_of(j, &j->about.media,
					connection_is_up(j->in->subjects, &j->about.media));
	const struct sdp *sdp, *second = NULL;
	struct connection_row next;
	struct lines *l;

	if (!own || !read_body(j, 0, &sdp) || (second_of(j) && !read_body(j, 1, &second)))
		return false;
	next = *own;
	next.mode = j->about.mode;
	take_names(j, &next);
	if (!next.connection || mgcp_owner_is_zero(&next.endpoint))
		return true;         /* nobody could ever speak of it: it ends by its timer */
	l = load_lines(j, &d, lines_of(sdp, second));
	if (!l || !take_sides(j, l, sdp, current_local) ||
	    !take_sides(j, l, second, current_remote))
		return false;
	agree(l, j->in->now_ns);
	set_ways(l, mgcp_mode_ways((enum mgcp_mode)next.mode));
	end_namesake(j, &next);
	put_connection(j, &next, own);
	confirm(j, &next);
	return store_lines(j, &d, l) && establish_second(j, &next, second, sdp);
}

/* The command failed: what it proposed is taken back, its mode too. */
void connection_roll_back(struct mgcp_judge *j)
{
	const struct connection_row *own = connection_at(j->in->subjects, &j->about.media, 0);
	const struct doors d = doors_of(j, &j->about.media, false);
	struct row_key early = row_key_make(&j->about.media, 0, TIMER_CALL_EARLY);
	struct lines *l;

	if (!own)
		return;
	/* A provisional answer may have named it before. */
	if (j->transaction->method == MGCP_VERB_crcx ||
	    !connection_is_up(j->in->subjects, &own->media)) {
		connection_end(j->batch, own);
		return;
	}
	l = load_lines(j, &d, 0);
	if (!l)
		return;
	for (uint32_t i = 0; i < l->count; i++)
		memset(&l->rows[i].proposed[SIDE_REMOTE], 0, sizeof(struct media_side));
	set_ways(l, mgcp_mode_ways((enum mgcp_mode)own->mode));
	batch_end(j->batch, ROW_timer, &early);
	store_lines(j, &d, l);
}
