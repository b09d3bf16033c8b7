// SPDX-License-Identifier: MIT
/* Finds who is registered (RFC 3261 10.3). What a host that is no server of the file granted counts
 * for nothing: anybody may play the registrar of himself. */
#include "proto/sip/registered.h"

#define URI_BYTES 256

static struct slice lower(struct slice s, uint8_t *room)
{
	size_t length = s.length < URI_BYTES ? s.length : URI_BYTES;

	for (size_t i = 0; i < length; i++)
		room[i] = s.bytes[i] >= 'A' && s.bytes[i] <= 'Z' ? s.bytes[i] | 0x20 : s.bytes[i];
	return slice_make(room, length);
}

/* RFC 3261 19.1.4: the user's case counts, the host's does not; of a tel URI there is the user alone. */
static struct owner uri_owner(const struct inspect_in *in, struct slice kind,
			      const struct sip_uri *uri)
{
	const uint16_t port = sip_uri_port(uri);
	struct slice user = uri->user;
	uint8_t room[URI_BYTES];
	struct slice parts[4];

	sip_unescape(uri->user, in->arena, &user);
	parts[0] = kind;
	parts[1] = user;
	parts[2] = uri->host.is_address ?
			   slice_make(&uri->host.address, sizeof(uri->host.address)) :
			   lower(uri->host.text, room);
	parts[3] = slice_make(&port, sizeof(port));
	return owner_named(in->key, parts, 4);
}

struct owner sip_user_owner(const struct inspect_in *in, const struct sip_uri *uri)
{
	return uri_owner(in, SLICE("binding"), uri);
}

bool sip_same_user(const struct inspect_in *in, const struct sip_uri *a, const struct sip_uri *b)
{
	const struct owner x = sip_user_owner(in, a), y = sip_user_owner(in, b);

	return !memcmp(&x, &y, sizeof(x));
}

struct owner sip_contact_owner(const struct inspect_in *in, const struct sip_uri *uri)
{
	/* RFC 5627 5.4: all of a temporary GRUU is in its user. */
	return uri_owner(in, SLICE("contact"), uri);
}

struct owner sip_registrant_owner(const struct inspect_in *in, uint16_t zone,
				  const struct address *host)
{
	const struct slice parts[] = { SLICE("registrant"), slice_make(&zone, sizeof(zone)),
				       slice_make(host, sizeof(*host)) };

	return owner_named(in->key, parts, 3);
}

struct row_key contact_key(const struct inspect_in *in, const struct owner *owner,
			   const struct row_key *binding)
{
	return sip_key(owner, sip_hash(in, slice_make(binding, sizeof(*binding))), 0);
}

static void end_contact(const struct inspect_in *in, struct batch *batch, const struct owner *owner,
			const struct row_key *binding)
{
	static const struct owner none;
	struct row_key key = contact_key(in, owner, binding);

	if (memcmp(owner, &none, sizeof(none)))
		batch_end(batch, ROW_contact, &key);
}

void binding_end(const struct inspect_in *in, struct batch *batch, const struct row_key *key,
		 const struct binding_row *row)
{
	end_contact(in, batch, &row->by_contact, key);
	end_contact(in, batch, &row->by_gruu, key);
	end_contact(in, batch, &row->by_source, key);
	batch_end_set(batch, ROW_NONE, &key->owner, key->sub);
}

static void want(struct wants *w, struct owner owner)
{
	if (w->count >= LIMIT_WANTS)
		return;
	w->shared |= 1u << w->count;
	w->owners[w->count++] = owner;
}

void registered_wants(const struct sip_message *m, const struct inspect_in *in,
		      const struct rule *rule, struct wants *ret)
{
	if (rule->registered & 1u << SIDE_CALLER || rule->authenticated & 1u << DEMAND_CALLS)
		want(ret, sip_user_owner(in, &m->from.uri));
	if (!(rule->registered & 1u << SIDE_CALLEE))
		return;
	want(ret, sip_user_owner(in, &m->request_uri));
	want(ret, sip_contact_owner(in, &m->request_uri));
}

bool registered_wants_more(struct judge *j, const struct rule *rule)
{
	struct wants *w = &j->out->wants;
	uint32_t before;

	if (!(rule->registered & 1u << SIDE_CALLEE) || j->in->round)
		return false;
	sip_wants(j->m, j->in, w);
	before = w->count;
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];
		const struct contact_row *c = row->value;

		if (row->type == ROW_contact)
			want(w, c->binding);
	}
	return w->count > before;
}

static bool counts(const struct judge *j, const struct row_view *row)
{
	const struct binding_row *b = row->value;

	return row->type == ROW_binding && b->flags & BINDING_BOUND &&
	       b->expires_ns > j->in->now_ns &&
	       sip_is_server(j->in, &b->registrar.address);
}

static bool is_at(const struct binding_row *b, const struct address *host)
{
	return address_equal(&b->source.address, host) ||
	       address_equal(&b->contact.address, host) || address_equal(&b->path.address, host);
}

static bool is_of(const struct row_view *row, const struct owner *owner)
{
	return !memcmp(&row->key->owner, owner, sizeof(*owner));
}

/* A server answers for those in whose name it calls. */
bool caller_is_registered(const struct judge *j)
{
	const struct owner user = sip_user_owner(j->in, &j->m->from.uri);
	const struct address *host = &j->in->flow->source.address;

	if (sip_is_server(j->in, host))
		return true;
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];

		if (is_of(row, &user) && counts(j, row) && is_at(row->value, host))
			return true;
	}
	return false;
}

/* On the way to a server the user is asked for; on the way from it the contact, where it is bound. */
bool callee_is_registered(const struct judge *j)
{
	const struct owner user = sip_user_owner(j->in, &j->m->request_uri);
	const struct owner contact = sip_contact_owner(j->in, &j->m->request_uri);
	const struct address *to = &j->in->flow->destination.address;
	bool to_server = sip_is_server(j->in, to);

	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];
		const struct binding_row *b = row->value;

		if (!counts(j, row))
			continue;
		if (is_of(row, &user) && (to_server || is_at(b, to)))
			return true;
		if (!memcmp(&b->by_contact, &contact, sizeof(contact)) && is_at(b, to))
			return true;
		if (!memcmp(&b->by_gruu, &contact, sizeof(contact)) && (to_server || is_at(b, to)))
			return true;
	}
	return false;
}
