// SPDX-License-Identifier: MIT
/* Registrations (RFC 3261 10): the phone names its contacts in the request, the registrar's 2xx makes
 * bindings of them, and lists all that there are. Doors are asked for while the phone itself speaks,
 * and last as long as what is granted. */
#include "proto/sip/registered.h"

#include <arpa/inet.h>

#define DEFAULT_EXPIRES 3600         /* RFC 3261 10.2 */

/* DOOR parts of a binding: asked for until the registrar has spoken, then bound. */
enum {
	PLACE_OF_CONTACT = 0,
	PLACE_OF_FLOW,               /* RFC 5626: back whence the REGISTER came */
	PLACE_OF_PATH,               /* RFC 3327                                */
	PLACES,
};
#define PART_ASKED 0x1000020u
#define PART_BOUND 0x1000030u
#define PART_SERVICE 0x1000038u

/* A contact's binding, as it is known and as this message has it. */
struct entry {
	const struct sip_contact *contact;
	struct row_key key;
	const struct binding_row *old;       /* NULL: none */
	struct binding_row next;
};

static struct slice instance_of(const struct sip_contact *c)
{
	struct slice value = { NULL, 0 };

	sip_param(c->party.params, SLICE("+sip.instance"), &value);
	if (value.length > 1 && value.bytes[0] == '<' && value.bytes[value.length - 1] == '>')
		value = slice_part(value, 1, value.length - 2);
	return value;
}

static uint32_t reg_id_of(const struct sip_contact *c)
{
	struct slice value = { NULL, 0 };
	uint64_t id = 0;

	if (sip_param(c->party.params, SLICE("reg-id"), &value))
		(void)slice_number(value, INT32_MAX, &id);
	return instance_of(c).length ? (uint32_t)id : 0;
}

static uint64_t uri_digest(const struct judge *j, const struct sip_contact *c)
{
	const struct owner owner = sip_contact_owner(j->in, &c->party.uri);

	return sip_hash(j->in, slice_make(&owner, sizeof(owner)));
}

/* RFC 5626 6: with a reg-id, instance and reg-id say which binding it is; else the URI (RFC 3261
 * 10.3). Registrars that do not know of each other keep lists of their own. */
static uint64_t binding_sub(const struct judge *j, const struct sip_contact *c,
			    const struct address *registrar)
{
	const uint32_t reg_id = reg_id_of(c);
	const uint64_t digests[] = {
		reg_id ? sip_hash(j->in, instance_of(c)) : uri_digest(j, c),
		sip_hash(j->in, slice_make(registrar, sizeof(*registrar))),
		reg_id,
	};

	return sip_hash(j->in, slice_make(digests, sizeof(digests)));
}

/* Registrars that do not know of instances do not repeat them. */
static const struct row_view *find_by_uri(const struct judge *j, const struct owner *user,
					  uint64_t digest, const struct address *registrar)
{
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];
		const struct binding_row *b = row->value;

		if (row->type == ROW_binding && b->contact_digest == digest &&
		    address_equal(&b->registrar.address, registrar) &&
		    !memcmp(&row->key->owner, user, sizeof(*user)))
			return row;
	}
	return NULL;
}

static struct entry entry_of(const struct judge *j, const struct sip_contact *c,
			     const struct address *registrar)
{
	const struct owner user = sip_user_owner(j->in, &j->m->to.uri);
	struct entry e = { .contact = c };
	const struct row_view *other;

	e.key = sip_key(&user, binding_sub(j, c, registrar), 0);
	e.old = judge_row(j, ROW_binding, &e.key);
	if (!e.old && !j->m->is_request) {
		other = find_by_uri(j, &user, uri_digest(j, c), registrar);
		e.key = other ? *other->key : e.key;
		e.old = other ? other->value : NULL;
	}
	if (e.old)
		e.next = *e.old;
	return e;
}

static uint8_t copy_text(uint8_t *ret, size_t room, struct slice text)
{
	size_t length = text.length < room ? text.length : room;

	memset(ret, 0, room);
	if (length)
		memcpy(ret, text.bytes, length);
	return (uint8_t)length;
}

/* What the message says of the contact. */
static void describe(const struct judge *j, struct entry *e)
{
	struct binding_row *row = &e->next;
	const struct sip_contact *c = e->contact;

	row->contact = contact_endpoint(c);
	row->contact_digest = uri_digest(j, c);
	row->call_digest = sip_hash(j->in, j->m->call_id);
	row->cseq = j->m->cseq;
	row->text_bytes = copy_text(row->text, sizeof(row->text), j->m->to.uri.text);
	row->contact_bytes =
		copy_text(row->contact_text, sizeof(row->contact_text), c->party.uri.text);
	if (instance_of(c).length)
		row->instance_bytes =
			copy_text(row->instance, sizeof(row->instance), instance_of(c));
	row->reg_id = reg_id_of(c) ?: row->reg_id;
	row->path = j->m->paths.count ? uri_endpoint(&j->m->paths.at[0].uri) :
					(struct endpoint){ .port = 0 };
}

static void end_in(struct judge *j, const struct row_key *binding, uint64_t due_ns)
{
	struct row_key key = sip_key(&binding->owner, binding->sub, TIMER_BINDING);
	struct timer_row timer = { .due_ns = due_ns, .kind = TIMER_BINDING,
				   .protocol = SIP_PROTOCOL };

	batch_put(j->batch, ROW_timer, &key, &timer);
}

static void put_contact(struct judge *j, const struct entry *e, const struct owner *owner)
{
	struct row_key key = contact_key(j->in, owner, &e->key);
	struct contact_row row = { .binding = e->key.owner, .sub = e->key.sub };

	batch_put(j->batch, ROW_contact, &key, &row);
}

/* The binding is found by another owner from now on; zero: by none. */
static void move_contact(struct judge *j, const struct entry *e, struct owner *by,
			 const struct owner *next)
{
	static const struct owner none;
	const struct row_key old = contact_key(j->in, by, &e->key);

	if (memcmp(by, &none, sizeof(none)) && memcmp(by, next, sizeof(*next)))
		batch_end(j->batch, ROW_contact, &old);
	*by = *next;
	if (memcmp(by, &none, sizeof(none)))
		put_contact(j, e, by);
}

/* Servers register for many; everybody else is counted by his host. */
static void note_source(struct judge *j, struct entry *e)
{
	const struct endpoint *host = &e->next.source;
	struct owner owner = { { 0 } };

	if (!sip_is_server(j->in, &host->address))
		owner = sip_registrant_owner(j->in, e->next.zones[0], &host->address);
	move_contact(j, e, &e->next.by_source, &owner);
}

/* Where the registrar may send what is for this contact. */
static void ask_doors(struct judge *j, const struct entry *e)
{
	const struct flow_info *f = j->in->flow;
	const uint64_t until_ns = j->in->now_ns + TRANSACTION_NS;
	struct row_key key = sip_key(&e->key.owner, e->key.sub, PART_ASKED);
	const struct flow_key flow = { .source = f->destination.address,
				       .destination = f->source.address,
				       .source_port = f->destination.port,
				       .destination_port = f->source.port,
				       .zone = f->zones[1],
				       .protocol = f->transport,
				       .family = f->family };

	door_uri(j, &key, &e->contact->party.uri, until_ns);
	if (j->m->paths.count) {
		key.part = PART_ASKED + PLACE_OF_PATH;
		door_uri(j, &key, &j->m->paths.at[0].uri, until_ns);
		return;
	}
	key.part = PART_ASKED + PLACE_OF_FLOW;
	if (f->source.port != e->next.contact.port ||
	    !address_equal(&f->source.address, &e->next.contact.address))
		door_signalling(j, &key, &flow, until_ns);
}

static void ask_binding(struct judge *j, const struct sip_contact *c)
{
	const struct flow_info *f = j->in->flow;
	struct entry e = entry_of(j, c, &f->destination.address);

	if (!e.old || !(e.old->flags & BINDING_BOUND)) {
		e.next.source = f->source;
		e.next.registrar = f->destination;
		e.next.zones[0] = f->zones[0];
		e.next.zones[1] = f->zones[1];
		describe(j, &e);
		note_source(j, &e);
		end_in(j, &e.key, j->in->now_ns + TRANSACTION_NS);
	}
	e.next.asked = j->transaction_key.sub;
	batch_put(j->batch, ROW_binding, &e.key, &e.next);
	ask_doors(j, &e);
}

/* RFC 3261 10.2.1.1, 10.3 step 7: its own parameter, else the header, else an hour. */
static uint64_t expires_seconds(const struct judge *j, const struct sip_contact *c)
{
	uint64_t longest = j->in->policy->timers.binding_longest_ns / SECOND_NS;
	uint64_t seconds = DEFAULT_EXPIRES;

	if (c->has_expires)
		seconds = c->expires;
	else if (j->m->has_expires)
		seconds = j->m->expires;
	return seconds < longest ? seconds : longest;
}

static uint32_t count_rows(const struct judge *j, enum row_type type, const struct owner *owner)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];

		count += row->type == type && !memcmp(&row->key->owner, owner, sizeof(*owner));
	}
	return count;
}

/* A table of bindings is filled by nobody alone, neither in one name nor from one host. */
static enum reason crowd_reason(const struct judge *j, uint32_t fresh)
{
	const struct policy *p = j->in->policy;
	const struct flow_info *f = j->in->flow;
	const struct owner user = sip_user_owner(j->in, &j->m->to.uri);
	const struct owner host = sip_registrant_owner(j->in, f->zones[0], &f->source.address);

	if (!fresh)
		return REASON_none;
	if (count_rows(j, ROW_binding, &user) + fresh > p->contacts_per_user)
		return REASON_sip_contacts;
	if (!sip_is_server(j->in, &f->source.address) &&
	    count_rows(j, ROW_contact, &host) + fresh > p->registrations_per_host)
		return REASON_sip_registrations;
	return REASON_none;
}

void judge_register_request(struct judge *j)
{
	const struct sip_contacts *all = &j->m->contacts;
	uint32_t fresh = 0;
	enum reason reason;

	for (uint32_t i = 0; i < all->count; i++) {
		const struct sip_contact *c = &all->at[i];

		/* RFC 3261 10.2.2: the star stands alone, and takes away. */
		if (c->is_star && (all->count > 1 || !j->m->has_expires || j->m->expires)) {
			judge_refuse(j, REASON_sip_bad_header, j->m->start_line);
			return;
		}
		if (!c->is_star && expires_seconds(j, c))
			fresh += !entry_of(j, c, &j->in->flow->destination.address).old;
	}
	reason = crowd_reason(j, fresh);
	if (reason) {
		judge_refuse(j, reason, j->m->start_line);
		return;
	}
	for (uint32_t i = 0; i < all->count; i++)
		if (!all->at[i].is_star && expires_seconds(j, &all->at[i]))
			ask_binding(j, &all->at[i]);
}

/* What was asked for is granted: the doors stay, each in the place of the one before it. */
static void bind_doors(struct judge *j, const struct entry *e, uint64_t until_ns)
{
	for (uint32_t place = 0; place < PLACES; place++) {
		struct row_key asked = sip_key(&e->key.owner, e->key.sub, PART_ASKED + place);
		struct row_key bound = sip_key(&e->key.owner, e->key.sub, PART_BOUND + place);
		const struct door_row *door = judge_row(j, ROW_door, &asked);
		struct door_row next;

		if (!door) {
			if (judge_row(j, ROW_door, &bound))
				batch_end(j->batch, ROW_door, &bound);
			continue;
		}
		next = *door;
		next.expires_ns = until_ns;
		batch_put_optional(j->batch, ROW_door, &bound, &next);
		batch_end(j->batch, ROW_door, &asked);
	}
}

/* RFC 3608 5: the way that the phone's requests take from now on. */
static void open_service_route(struct judge *j, const struct entry *e, uint64_t until_ns)
{
	const struct row_key key = sip_key(&e->key.owner, e->key.sub, PART_SERVICE);
	const struct sip_header *h = sip_header_first(j->m, SIP_HEADER_service_route);
	struct slice rest = h ? h->value : (struct slice){ NULL, 0 }, text;
	struct sip_party first;

	if (sip_next_value(&rest, &text) && sip_parse_party(text, &first))
		door_uri(j, &key, &first.uri, until_ns);
}

/* The phone that asked is the one whose words these are. */
static void take_over(struct judge *j, struct entry *e)
{
	const struct transaction_row *t = j->transaction;
	struct binding_row *row = &e->next;
	const uint16_t authenticated = auth_is_taken(j) ? BINDING_AUTHENTICATED : 0;
	const uint16_t third = sip_same_user(j->in, &j->m->from.uri, &j->m->to.uri) ?
				       0 : BINDING_THIRD_PARTY;

	row->source = t->peers[0];
	row->zones[0] = t->zones[0];
	row->zones[1] = t->zones[1];
	row->asked = 0;
	row->flags = BINDING_BOUND | authenticated | third | (reg_id_of(e->contact) ? BINDING_FLOW : 0);
	row->nonce = 0;
	if (authenticated) {
		row->nonce = auth_next_nonce(j, &row->nonce_count);
		row->algorithm = t->algorithm;
	}
	describe(j, e);
	note_source(j, e);
}

/* RFC 5627 4.2, 5.4: what a temporary GRUU leads to is known by it alone. */
static void index_binding(struct judge *j, struct entry *e)
{
	struct owner next = sip_contact_owner(j->in, &e->contact->party.uri);
	struct sip_uri gruu;
	struct slice text;

	move_contact(j, e, &e->next.by_contact, &next);
	if (!sip_param(e->contact->party.params, SLICE("temp-gruu"), &text) ||
	    !sip_parse_uri(text, &gruu))
		return;
	next = sip_contact_owner(j->in, &gruu);
	move_contact(j, e, &e->next.by_gruu, &next);
}

/* RFC 3261 10.3 step 7: of one Call-ID the later request counts. */
static bool is_older(const struct judge *j, const struct binding_row *old)
{
	return old->flags & BINDING_BOUND && j->m->cseq < old->cseq &&
	       old->call_digest == sip_hash(j->in, j->m->call_id);
}

static void keep_binding(struct judge *j, struct entry *e, bool is_asked)
{
	struct binding_row *row = &e->next;
	const bool was_bound = e->old && e->old->flags & BINDING_BOUND;

	row->expires_ns = j->in->now_ns + expires_seconds(j, e->contact) * SECOND_NS;
	if (is_asked) {
		take_over(j, e);
	} else if (!was_bound) {
		row->flags = BINDING_BOUND;
		row->registrar = j->transaction->peers[1];
		row->zones[0] = j->transaction->zones[0];
		row->zones[1] = j->transaction->zones[1];
		describe(j, e);
	}
	index_binding(j, e);
	if (is_asked) {
		bind_doors(j, e, row->expires_ns);
		open_service_route(j, e, row->expires_ns);
	}
	batch_put(j->batch, ROW_binding, &e->key, row);
	end_in(j, &e->key, row->expires_ns);
	if (!was_bound)
		batch_tell(j->batch, TELL_REGISTERED, &e->key.owner);
}

static bool is_among(const uint64_t *subs, uint32_t count, uint64_t sub)
{
	for (uint32_t i = 0; i < count; i++)
		if (subs[i] == sub)
			return true;
	return false;
}

/* One contact of the list; true where it is bound. A stranger's word binds nobody but who asked him. */
static bool take_listed(struct judge *j, const struct sip_contact *c, uint64_t *subs, uint32_t count)
{
	const struct address *registrar = &j->transaction->peers[1].address;
	struct entry e = entry_of(j, c, registrar);
	const bool is_asked = e.old && e.old->asked == j->transaction_key.sub;

	/* What stands twice was read once. */
	subs[count] = e.key.sub;
	if (c->is_star || !expires_seconds(j, c) || is_among(subs, count, e.key.sub))
		return false;
	if (e.old && is_older(j, e.old))
		return true;
	if (is_asked || sip_is_server(j->in, registrar))
		keep_binding(j, &e, is_asked);
	return true;
}

/* What the registrar's list has not is gone. What is only asked for waits for its own answer. */
static void end_unlisted(struct judge *j, const uint64_t *subs, uint32_t count)
{
	const struct owner user = sip_user_owner(j->in, &j->m->to.uri);

	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];
		const struct binding_row *b = row->value;

		if (row->type != ROW_binding || !(b->flags & BINDING_BOUND) ||
		    memcmp(&row->key->owner, &user, sizeof(user)) ||
		    !address_equal(&b->registrar.address, &j->transaction->peers[1].address) ||
		    is_among(subs, count, row->key->sub) || is_older(j, b))
			continue;
		binding_end(j->in, j->batch, row->key, b);
		batch_tell(j->batch, TELL_UNREGISTERED, &user);
	}
}

/* Refused: the doors that the request asked for close; what was bound before stays. */
static void forget_asked(struct judge *j)
{
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];
		const struct binding_row *b = row->value;
		struct binding_row next;

		if (row->type != ROW_binding || b->asked != j->transaction_key.sub)
			continue;
		for (uint32_t place = 0; place < PLACES; place++) {
			struct row_key key =
				sip_key(&row->key->owner, row->key->sub, PART_ASKED + place);

			if (judge_row(j, ROW_door, &key))
				batch_end(j->batch, ROW_door, &key);
		}
		next = *b;
		next.asked = 0;
		batch_put(j->batch, ROW_binding, row->key, &next);
	}
}

/* RFC 3261 10.3 step 8: the 2xx lists all that is bound. */
void judge_register_response(struct judge *j)
{
	const struct transaction_row *t = j->transaction;
	const struct rule *rule =
		policy_match(j->in->policy, t->zones[0], t->zones[1], SIP_PROTOCOL);
	const struct sip_contacts *all = &j->m->contacts;
	uint64_t subs[LIMIT_CONTACTS];
	uint32_t count = 0;

	if (j->m->status >= 300)
		forget_asked(j);
	if (j->m->status / 100 != 2)
		return;
	if (rule && rule->authenticated & 1u << DEMAND_REGISTRATIONS && !auth_is_taken(j)) {
		judge_refuse(j, REASON_sip_not_authenticated, j->m->start_line);
		return;
	}
	for (uint32_t i = 0; i < all->count && count < LIMIT_CONTACTS; i++)
		if (take_listed(j, &all->at[i], subs, count))
			count++;
	end_unlisted(j, subs, count);
}
