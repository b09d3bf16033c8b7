// SPDX-License-Identifier: MIT
/* Digest exchanges followed (RFC 3261 22): the server asks, the repeat shows an answer to that nonce,
 * the server takes it. Whether the answer is right is never known here, nor asked. */
#include "proto/sip/digest.h"
#include "proto/sip/judge.h"

static const enum sip_header_kind credentials[] = { SIP_HEADER_authorization,
						    SIP_HEADER_proxy_authorization };
static const enum sip_header_kind challenges[] = { SIP_HEADER_www_authenticate,
						   SIP_HEADER_proxy_authenticate };

static uint64_t nonce_of(const struct judge *j, uint64_t realm, struct slice nonce)
{
	const uint64_t parts[] = { realm, sip_hash(j->in, nonce) };

	return sip_hash(j->in, slice_make(parts, sizeof(parts)));
}

static bool holds(const struct transaction_row *t, uint64_t nonce)
{
	for (unsigned int i = 0; i < LIMIT_CHALLENGES; i++)
		if (t->nonces[i] == nonce)
			return true;
	return false;
}

/* A count that was used is a replay (RFC 7616 3.4); without qop there is none, and a nonce is good as
 * long as the server likes. */
static bool is_used(uint32_t count, uint32_t before)
{
	return count ? count <= before : before > 0;
}

static bool is_host(const struct judge *j, const struct endpoint *e)
{
	return address_equal(&e->address, &j->in->flow->source.address);
}

/* 1: this row knows that the nonce was given to this host; -1: and that it was used; else 0. */
static int knows(const struct judge *j, const struct row_view *row, uint64_t nonce, uint32_t count)
{
	const struct transaction_row *t = row->value;
	const struct binding_row *b = row->value;

	/* Spent in a registration it may still be what the server asks for here: some make a nonce of
	 * the second alone. */
	if (row->type == ROW_binding && b->nonce == nonce && is_host(j, &b->source) &&
	    b->flags & BINDING_AUTHENTICATED)
		return !is_used(count, b->nonce_count);
	if (row->type != ROW_transaction || !is_host(j, &t->peers[0]))
		return 0;
	if (t->auth == AUTH_SHOWN)
		return t->nonces[0] == nonce && is_used(count, t->nonce_count) ? -1 : 0;
	return t->auth == AUTH_ASKED && holds(t, nonce);
}

/* In a transaction of the same Call-ID and From tag (RFC 3261 22.1), or when the host registered. */
static bool is_asked(const struct judge *j, uint64_t nonce, uint32_t count)
{
	bool asked = false;

	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		int known = knows(j, &j->in->subjects->rows[i], nonce, count);

		if (known < 0)
			return false;
		asked |= known > 0;
	}
	return asked;
}

static bool shows(const struct judge *j, const struct sip_header *h, struct transaction_row *row)
{
	struct sip_digest d;
	uint64_t realm, nonce;

	if (!sip_parse_digest(h->value, &d))
		return false;
	realm = sip_hash(j->in, d.realm);
	nonce = nonce_of(j, realm, d.nonce);
	if (!is_asked(j, nonce, d.nonce_count))
		return false;
	row->auth = AUTH_SHOWN;
	row->algorithm = (uint8_t)d.algorithm;
	row->nonce_count = d.nonce_count;
	row->nonces[0] = nonce;
	row->nonces[1] = realm;
	return true;
}

void auth_request(const struct judge *j, struct transaction_row *row)
{
	for (unsigned int kind = 0; kind < 2; kind++) {
		const struct sip_header *h = sip_header_first(j->m, credentials[kind]);

		for (uint32_t n = 0; h && n < LIMIT_CHALLENGES; n++) {
			if (shows(j, h, row))
				return;
			h = sip_header_next(j->m, h);
		}
	}
}

void auth_response(const struct judge *j, struct transaction_row *row)
{
	uint32_t count = 0;

	if (j->m->status != 401 && j->m->status != 407)
		return;
	memset(row->nonces, 0, sizeof(row->nonces));
	row->auth = AUTH_ASKED;
	for (unsigned int kind = 0; kind < 2; kind++) {
		const struct sip_header *h = sip_header_first(j->m, challenges[kind]);

		for (; h && count < LIMIT_CHALLENGES; h = sip_header_next(j->m, h)) {
			struct sip_digest d;

			if (sip_parse_digest(h->value, &d))
				row->nonces[count++] =
					nonce_of(j, sip_hash(j->in, d.realm), d.nonce);
		}
	}
}

bool auth_is_taken(const struct judge *j)
{
	return j->transaction->auth == AUTH_SHOWN && j->m->status > 100 && j->m->status < 300;
}

uint64_t auth_next_nonce(const struct judge *j, uint32_t *ret_count)
{
	const struct sip_header *h = sip_header_named(j->m, SLICE("Authentication-Info"));
	struct slice next;

	if (h && sip_parse_next_nonce(h->value, &next)) {
		*ret_count = 0;
		return nonce_of(j, j->transaction->nonces[1], next);
	}
	*ret_count = j->transaction->nonce_count;
	return j->transaction->nonces[0];
}
