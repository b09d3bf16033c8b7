/* SPDX-License-Identifier: MIT */
/* Values of the headers that judgement needs (RFC 3261 20). Strict where a value decides about
 * calls or doors; where the RFC gives a malformed value a meaning (Expires), that meaning. */
#include <errno.h>

#include "proto/sip/parse.h"

static const struct sip_header *first(const struct sip_reading *r, enum sip_header_kind kind)
{
	return sip_header_first(r->message, kind);
}

static struct slice first_value(const struct sip_reading *r, enum sip_header_kind kind)
{
	const struct sip_header *h = first(r, kind);

	return h ? h->value : (struct slice){0};
}

/* RFC 3261 20.8: callid is one or two words, thus without white space. */
static int read_call_id(const struct sip_reading *r)
{
	struct slice value = first_value(r, SIP_HEADER_call_id);

	for (size_t i = 0; i < value.length; i++) {
		if (value.bytes[i] <= ' ')
			return sip_refuse(r, REASON_sip_bad_header, value);
	}
	if (value.length == 0)
		return sip_refuse(r, REASON_sip_bad_header, first(r, SIP_HEADER_call_id)->name);
	r->message->call_id = value;
	return 0;
}

/* RFC 3261 8.1.1.5: below 2^31, and a request's method. */
static int read_cseq(const struct sip_reading *r)
{
	struct sip_message *m = r->message;
	struct slice value = first_value(r, SIP_HEADER_cseq);
	size_t digits = 0;
	struct slice rest;
	uint64_t number;

	while (digits < value.length && !sip_byte_is(value.bytes[digits], SIP_BYTE_LWS))
		digits++;
	rest = sip_skip_lws(slice_from(value, digits));
	if (!slice_number(slice_part(value, 0, digits), INT32_MAX, &number) || !sip_is_token(rest))
		return sip_refuse(r, REASON_sip_bad_cseq, first(r, SIP_HEADER_cseq)->line);
	m->cseq = (uint32_t)number;
	m->cseq_method = sip_method_lookup(rest);
	m->cseq_method_text = rest;
	if (m->is_request && !slice_equal(rest, m->method_text))
		return sip_refuse(r, REASON_sip_bad_cseq, rest);
	if (!m->is_request) {
		m->method = m->cseq_method;
		m->method_text = rest;
	}
	return 0;
}

static int read_party(const struct sip_reading *r, enum sip_header_kind kind, struct sip_party *ret)
{
	if (!sip_parse_party(first_value(r, kind), ret))
		return sip_refuse(r, REASON_sip_bad_header, first(r, kind)->line);
	return 0;
}

static int read_content_length(const struct sip_reading *r)
{
	struct sip_message *m = r->message;
	const struct sip_header *h = first(r, SIP_HEADER_content_length);
	uint64_t number;

	if (!h)
		return 0;
	if (!slice_number(h->value, UINT32_MAX, &number))
		return sip_refuse(r, REASON_sip_bad_content_length, h->line);
	m->has_content_length = true;
	m->content_length = (uint32_t)number;
	m->content_length_text = h->value;
	return 0;
}

static int read_max_forwards(const struct sip_reading *r)
{
	const struct sip_header *h = first(r, SIP_HEADER_max_forwards);
	uint64_t number;

	if (!h)
		return 0;
	if (!slice_number(h->value, 255, &number))
		return sip_refuse(r, REASON_sip_bad_header, h->line);
	r->message->has_max_forwards = true;
	r->message->max_forwards = (uint8_t)number;
	return 0;
}

/* RFC 3261 25.1: media-type. It decides whether a body is SDP. */
static int read_content_type(const struct sip_reading *r)
{
	struct sip_message *m = r->message;
	const struct sip_header *h = first(r, SIP_HEADER_content_type);
	struct slice type, subtype, rest;
	struct sip_param_item item;
	int more;

	if (!h)
		return 0;
	type = slice_part(h->value, 0, sip_run(h->value, SIP_BYTE_TOKEN));
	rest = sip_skip_lws(slice_from(h->value, type.length));
	if (type.length == 0 || rest.length == 0 || rest.bytes[0] != '/')
		return sip_refuse(r, REASON_sip_bad_header, h->line);
	rest = sip_skip_lws(slice_from(rest, 1));
	subtype = slice_part(rest, 0, sip_run(rest, SIP_BYTE_TOKEN));
	rest = sip_skip_lws(slice_from(rest, subtype.length));
	m->content_type = type;
	m->content_subtype = subtype;
	m->content_params = rest;
	while ((more = sip_next_param(&rest, &item)) > 0)
		;
	if (more || subtype.length == 0)
		return sip_refuse(r, REASON_sip_bad_header, h->line);
	return 0;
}

/* One kind of list: how large its records are, how one is read, where they go. */
struct value_list {
	enum sip_header_kind kind;
	size_t size;
	bool (*parse)(struct slice text, void *ret);
};

static bool parse_via(struct slice text, void *ret)
{
	return sip_parse_via(text, ret);
}

/* RFC 3261 20.30, 20.34: a route is a name-addr: without brackets ;lr would be a header's. */
static bool parse_route(struct slice text, void *ret)
{
	struct sip_party party;

	if (!sip_parse_party(text, &party) || !party.is_bracketed)
		return false;
	*(struct sip_party *)ret = party;
	return true;
}

/* RFC 3261 25.1: qvalue in thousandths; a malformed one orders nothing here and reads as 1. */
static uint16_t read_q(struct slice s)
{
	unsigned int q = 0, weight = 1000;

	for (size_t i = 0; i < s.length; i++) {
		if (i == 1 && s.bytes[i] == '.')
			continue;
		if (s.bytes[i] < '0' || s.bytes[i] > '9' || weight == 0)
			return 1000;
		q += (unsigned int)(s.bytes[i] - '0') * weight;
		weight /= 10;
	}
	return q <= 1000 && s.length ? (uint16_t)q : 1000;
}

static bool parse_contact(struct slice text, void *ret)
{
	struct sip_contact contact = {.q = 1000};
	struct slice value;

	contact.is_star = slice_equal(text, SLICE("*"));
	if (!contact.is_star) {
		if (!sip_parse_party(text, &contact.party))
			return false;
		if (sip_param(contact.party.params, SLICE("expires"), &value))
			contact.has_expires =
				sip_saturated_number(value, UINT32_MAX, &contact.expires);
		if (sip_param(contact.party.params, SLICE("q"), &value))
			contact.q = read_q(value);
	}
	*(struct sip_contact *)ret = contact;
	return true;
}

/* Counts the values of all headers of a kind. A comma in front would be an empty first value. */
static int count_values(const struct sip_reading *r, enum sip_header_kind kind, uint32_t *ret_count)
{
	const struct sip_header *h = first(r, kind);
	uint32_t count = 0;

	for (; h; h = sip_header_next(r->message, h)) {
		struct slice rest = h->value, value;

		if (rest.length && rest.bytes[0] == ',')
			return sip_refuse(r, REASON_sip_bad_header, rest);
		while (sip_next_value(&rest, &value)) {
			if (++count > LIMIT_SIP_HEADER_VALUES)
				return sip_refuse(r, REASON_message_limit, value);
		}
	}
	*ret_count = count;
	return 0;
}

static int read_list(const struct sip_reading *r, const struct value_list *list, void **ret_records,
		     uint32_t *ret_count)
{
	const struct sip_header *h = first(r, list->kind);
	uint32_t count = 0;
	uint8_t *record;
	int err;

	if (!h)
		return 0;
	err = count_values(r, list->kind, &count);
	if (err)
		return err;
	record = arena_take(r->arena, count * list->size);
	if (!record) {
		(void)sip_refuse(r, REASON_message_limit, h->line);
		return -ENOMEM;
	}
	*ret_records = record;
	*ret_count = count;
	for (; h; h = sip_header_next(r->message, h)) {
		struct slice rest = h->value, value;

		for (; sip_next_value(&rest, &value); record += list->size) {
			if (!list->parse(value, record))
				return sip_refuse(r, REASON_sip_bad_header, value);
		}
	}
	return 0;
}

static int read_lists(const struct sip_reading *r)
{
	static const struct value_list via = {SIP_HEADER_via, sizeof(struct sip_via), parse_via};
	static const struct value_list contact = {SIP_HEADER_contact, sizeof(struct sip_contact),
						  parse_contact};
	struct value_list routes = {SIP_HEADER_route, sizeof(struct sip_party), parse_route};
	struct sip_message *m = r->message;
	void *vias = NULL, *contacts = NULL;
	struct {
		enum sip_header_kind kind;
		struct sip_parties *ret;
	} parties[] = {
		{SIP_HEADER_route, &m->routes},
		{SIP_HEADER_record_route, &m->record_routes},
		{SIP_HEADER_path, &m->paths},
	};
	int err = read_list(r, &via, &vias, &m->vias.count);

	err = err ? err : read_list(r, &contact, &contacts, &m->contacts.count);
	m->vias.at = vias;
	m->contacts.at = contacts;
	for (size_t i = 0; i < sizeof(parties) / sizeof(parties[0]) && !err; i++) {
		void *records = NULL;

		routes.kind = parties[i].kind;
		err = read_list(r, &routes, &records, &parties[i].ret->count);
		parties[i].ret->at = records;
	}
	if (!err && m->vias.count == 0)
		return sip_refuse(r, REASON_sip_missing_header, first(r, SIP_HEADER_via)->line);
	return err;
}

/* Values that are kept raw, or whose malformed forms mean "not there" (RFC 3261 20.19). */
static void read_rest(const struct sip_reading *r)
{
	struct sip_message *m = r->message;
	struct slice session = first_value(r, SIP_HEADER_session_expires);
	size_t digits = 0;

	while (digits < session.length && session.bytes[digits] >= '0' &&
	       session.bytes[digits] <= '9')
		digits++;
	m->has_session_expires = sip_saturated_number(slice_part(session, 0, digits), UINT32_MAX,
						      &m->session_expires);
	m->has_expires =
		sip_saturated_number(first_value(r, SIP_HEADER_expires), UINT32_MAX, &m->expires);
	m->has_rseq = sip_saturated_number(first_value(r, SIP_HEADER_rseq), UINT32_MAX, &m->rseq);
	m->replaces = first_value(r, SIP_HEADER_replaces);
	m->refer_to = first_value(r, SIP_HEADER_refer_to);
	m->referred_by = first_value(r, SIP_HEADER_referred_by);
	m->require = first_value(r, SIP_HEADER_require);
	m->supported = first_value(r, SIP_HEADER_supported);
	m->user_agent = first_value(r, SIP_HEADER_user_agent);
	m->rack = first_value(r, SIP_HEADER_rack);
}

int sip_read_values(const struct sip_reading *r)
{
	struct sip_message *m = r->message;
	int err = read_call_id(r);

	err = err ? err : read_cseq(r);
	err = err ? err : read_party(r, SIP_HEADER_from, &m->from);
	err = err ? err : read_party(r, SIP_HEADER_to, &m->to);
	err = err ? err : read_lists(r);
	err = err ? err : read_max_forwards(r);
	err = err ? err : read_content_type(r);
	err = err ? err : read_content_length(r);
	if (!err)
		read_rest(r);
	return err;
}
