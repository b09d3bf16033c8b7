// SPDX-License-Identifier: MIT
/* Registrations (RFC 3261 10): the phone names its Contact in the request, the registrar's 2xx
 * makes a binding of it. The door is opened for the phone's own host alone. */
#include "proto/sip/judge.h"

#include <arpa/inet.h>

#define DEFAULT_EXPIRES 3600         /* RFC 3261 10.2 */

static uint64_t contact_sub(const struct judge *j, const struct sip_contact *c)
{
	struct endpoint e = contact_endpoint(c);

	return sip_hash(j->in, slice_make(&e, sizeof(e)));
}

static void end_binding_at(struct judge *j, const struct owner *owner, uint64_t sub,
			   uint64_t due_ns)
{
	struct row_key key = sip_key(owner, sub, TIMER_BINDING);
	struct timer_row timer = { .due_ns = due_ns, .kind = TIMER_BINDING,
				   .protocol = SIP_PROTOCOL };

	batch_put(j->batch, ROW_timer, &key, &timer);
}

/* Until the registrar has spoken the door lives as long as the transaction; what it granted before
 * stands until it says otherwise. */
void judge_register_request(struct judge *j)
{
	struct owner owner = sip_binding_owner(j->in, j->in->flow->zones[0], j->m);
	uint64_t until_ns = j->in->now_ns + TRANSACTION_NS, sub;
	struct row_key key;

	if (!j->m->contacts.count)
		return;
	sub = contact_sub(j, &j->m->contacts.at[0]);
	key = sip_key(&owner, sub, 0);
	if (!judge_row(j, ROW_binding, &key) && door_contact(j, &owner, sub, until_ns))
		end_binding_at(j, &owner, sub, until_ns);
}

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

static void keep_binding(struct judge *j, const struct sip_contact *c, const struct owner *owner)
{
	uint64_t life_ns = expires_seconds(j, c) * SECOND_NS, sub = contact_sub(j, c);
	struct row_key key = sip_key(owner, sub, 0);
	struct row_key door_key = sip_key(owner, sub, PART_CONTACT + j->requester);
	const struct door_row *door = judge_row(j, ROW_door, &door_key);
	struct slice aor = slice_part(j->m->to.uri.text, 0, 128);
	struct binding_row row = {
		.contact = contact_endpoint(c),
		.source = j->transaction->peers[0],
		.registrar = j->transaction->peers[1],
		.expires_ns = j->in->now_ns + life_ns,
		.zones = { j->transaction->zones[0], j->transaction->zones[1] },
		.text_bytes = (uint16_t)aor.length,
	};
	struct door_row next;

	if (!life_ns)
		return;
	if (aor.length)
		memcpy(row.text, aor.bytes, aor.length);
	batch_put(j->batch, ROW_binding, &key, &row);
	end_binding_at(j, owner, sub, row.expires_ns);
	if (door) {
		next = *door;
		next.expires_ns = row.expires_ns;
		batch_put_optional(j->batch, ROW_door, &door_key, &next);
	}
	batch_tell(j->batch, TELL_REGISTERED, owner);
}

static bool is_listed(const struct judge *j, uint64_t sub)
{
	for (uint32_t i = 0; i < j->m->contacts.count; i++)
		if (contact_sub(j, &j->m->contacts.at[i]) == sub &&
		    expires_seconds(j, &j->m->contacts.at[i]))
			return true;
	return false;
}

/* RFC 3261 10.3: the 2xx lists all that is bound. What it does not list is gone. */
void judge_register_response(struct judge *j)
{
	struct owner owner = sip_binding_owner(j->in, j->in->flow->zones[1], j->m);

	if (j->m->status / 100 != 2)
		return;
	for (uint32_t i = 0; i < j->m->contacts.count; i++)
		keep_binding(j, &j->m->contacts.at[i], &owner);
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];

		if (row->type != ROW_binding || is_listed(j, row->key->sub) ||
		    memcmp(&row->key->owner, &owner, sizeof(owner)))
			continue;
		batch_end_set(j->batch, ROW_NONE, &owner, row->key->sub);
		batch_tell(j->batch, TELL_UNREGISTERED, &owner);
	}
}
