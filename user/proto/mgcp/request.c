// SPDX-License-Identifier: MIT
/* What an endpoint was asked to report bears a number (X:), and its NTFY the same (RFC 3435 3.2.2.18).
 * The last numbers of the endpoints that were asked last are remembered; of others, and where one
 * command asked many, nothing is said. */
#include "proto/mgcp/judge.h"

#define SLOTS 16u                    /* endpoints of a gateway that are remembered   */
#define SLOT_MANY SLOTS              /* when many were asked at once                 */

static struct slice request_of(const struct mgcp_message *m)
{
	uint16_t at = m->first[MGCP_PARAMETER_request];

	return at ? m->parameters[at - 1].value : (struct slice){ 0 };
}

static bool is_about_requests(const struct mgcp_message *m)
{
	return m->verb != MGCP_VERB_rsip && request_of(m).length;
}

static uint64_t endpoint_of(const struct mgcp_message *m, const struct inspect_in *in,
			    const struct address *gateway)
{
	const struct owner owner = mgcp_endpoint_owner(in, gateway, &m->endpoint);

	return m->endpoint.is_wild ? 0 : owner_sub(&owner);
}

static struct owner slot_owner(const struct inspect_in *in, const struct address *gateway,
			       uint32_t slot)
{
	const struct slice parts[] = { SLICE("mgcp requests"),
				       slice_make(gateway->bytes, sizeof(gateway->bytes)),
				       slice_make(&slot, sizeof(slot)) };

	return owner_named(in->key, parts, 3);
}

static struct owner owner_of(const struct inspect_in *in, const struct address *gateway,
			     uint64_t endpoint)
{
	return slot_owner(in, gateway, endpoint ? (uint32_t)(endpoint % SLOTS) : SLOT_MANY);
}

uint32_t mgcp_request_owners(const struct mgcp_message *m, const struct inspect_in *in,
			     const struct address *gateway, struct owner ret[2])
{
	if (!is_about_requests(m))
		return 0;
	ret[0] = owner_of(in, gateway, endpoint_of(m, in, gateway));
	if (m->verb != MGCP_VERB_ntfy)
		return 1;
	ret[1] = slot_owner(in, gateway, SLOT_MANY);
	return 2;
}

static const struct request_row *row_at(const struct mgcp_judge *j, const struct owner *owner)
{
	struct row_key key = row_key_make(owner, 0, 0);

	return subjects_value(j->in->subjects, ROW_request, &key);
}

void mgcp_note_request(struct mgcp_judge *j)
{
	uint64_t endpoint, request;
	struct request_row row = { 0 };
	const struct request_row *old;
	struct row_key key;
	struct owner owner;

	if (j->from != FROM_AGENT || !is_about_requests(j->m))
		return;
	endpoint = endpoint_of(j->m, j->in, &j->gateway.address);
	owner = owner_of(j->in, &j->gateway.address, endpoint);
	old = row_at(j, &owner);
	request = mgcp_hash(j->in, request_of(j->m));
	if (old && old->endpoint == endpoint)
		row = *old;
	if (row.requests[0] != request) {
		memmove(row.requests + 1, row.requests, (REQUESTS_KEPT - 1) * sizeof(request));
		row.requests[0] = request;
	}
	row.endpoint = endpoint;
	row.asked_ns = j->in->now_ns;
	key = row_key_make(&owner, 0, 0);
	batch_put(j->batch, ROW_request, &key, &row);
	if (!old)
		mgcp_timer(j, &owner, TIMER_GATEWAY, GATEWAY_LIFE_NS);
}

/* RFC 3435 3.2.2.18: 0 is that of persistent events, which nobody asked for. */
static bool is_asked_for(const struct mgcp_judge *j)
{
	uint64_t endpoint = endpoint_of(j->m, j->in, &j->gateway.address);
	uint64_t request = mgcp_hash(j->in, request_of(j->m));
	struct owner own_owner = owner_of(j->in, &j->gateway.address, endpoint);
	struct owner many_owner = slot_owner(j->in, &j->gateway.address, SLOT_MANY);
	const struct request_row *own = row_at(j, &own_owner), *many = row_at(j, &many_owner);

	if (!own || own->endpoint != endpoint || (many && many->asked_ns >= own->asked_ns) ||
	    slice_equal(request_of(j->m), SLICE("0")))
		return true;
	for (uint32_t i = 0; i < REQUESTS_KEPT; i++)
		if (own->requests[i] == request)
			return true;
	return false;
}

bool mgcp_take_notify(struct mgcp_judge *j)
{
	if (j->m->endpoint.is_wild || !is_about_requests(j->m) || is_asked_for(j))
		return true;
	return !mgcp_anomaly(j, MGCP_ANOMALY_stray_notify,
			     j->m->parameters[j->m->first[MGCP_PARAMETER_request] - 1].value);
}
