/* SPDX-License-Identifier: MIT */
/* Via: where a request came by, and where its response goes (RFC 3261 18.2, 20.42, 25.1). */
#include "base/address.h"
#include "proto/sip/parse.h"

/* A token, and the '/' behind it; white space may stand around both. */
static bool take_part(struct slice *rest, struct slice *ret_part)
{
	struct slice s = sip_skip_lws(*rest);
	size_t length = sip_run(s, SIP_BYTE_TOKEN);
	struct slice behind = sip_skip_lws(slice_from(s, length));

	if (length == 0 || behind.length == 0 || behind.bytes[0] != '/')
		return false;
	*ret_part = slice_part(s, 0, length);
	*rest = slice_from(behind, 1);
	return true;
}

/* RFC 3261 25.1: sent-protocol LWS */
static bool take_protocol(struct slice *rest, struct sip_via *via)
{
	struct slice name, version, s = *rest;
	size_t length;

	if (!take_part(&s, &name) || !take_part(&s, &version))
		return false;
	if (!slice_equal_nocase(name, SLICE("SIP")) || !slice_equal(version, SLICE("2.0")))
		return false;
	s = sip_skip_lws(s);
	length = sip_run(s, SIP_BYTE_TOKEN);
	via->transport_text = slice_part(s, 0, length);
	via->transport = sip_transport_lookup(via->transport_text);
	s = slice_from(s, length);
	*rest = sip_skip_lws(s);
	return length && rest->length < s.length;
}

static bool note_param(const struct sip_param_item *item, struct sip_via *via)
{
	uint64_t port;

	if (sip_name_is(item->name, SLICE("branch"))) {
		if (via->branch.length || item->value.length == 0)
			return false;
		via->branch = item->value;
	} else if (sip_name_is(item->name, SLICE("received"))) {
		if (via->received.length || item->value.length == 0)
			return false;
		via->received = item->value;
		/* RFC 5118 4.5: with brackets or without. */
		(void)address_parse(item->value, &via->received_address);
	} else if (sip_name_is(item->name, SLICE("rport"))) {
		if (via->has_rport)
			return false;
		via->has_rport = true;
		if (!item->has_value)
			return true;
		if (!slice_number(item->value, 65535, &port))
			return false;
		via->rport = (uint16_t)port;
	}
	return true;
}

bool sip_parse_via(struct slice text, struct sip_via *ret)
{
	struct sip_via via = {.text = text};
	struct slice rest = text, params;
	struct sip_param_item item;
	size_t length;
	int r;

	if (!take_protocol(&rest, &via))
		return false;
	length = slice_find(rest, ';');
	if (!sip_parse_host(slice_trim(slice_part(rest, 0, length)), &via.sent_by))
		return false;
	via.params = slice_from(rest, length);
	params = via.params;
	while ((r = sip_next_param(&params, &item)) > 0) {
		if (!note_param(&item, &via))
			return false;
	}
	if (r)
		return false;
	*ret = via;
	return true;
}

uint16_t sip_via_port(const struct sip_via *via)
{
	return via->sent_by.port ? via->sent_by.port : SIP_PORT;
}
