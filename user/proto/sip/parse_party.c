/* SPDX-License-Identifier: MIT */
/* Values that name somebody: name-addr and addr-spec with their parameters (RFC 3261 20.10, 25.1),
 * and Replaces (RFC 3891 6.1). */
#include "proto/sip/parse.h"

/* A display name without quotes should be tokens. The field writes more; what is refused is what
 * lets two readers see two addresses. */
static bool is_plain_display(struct slice s)
{
	for (size_t i = 0; i < s.length; i++) {
		switch (s.bytes[i]) {
		case '"':
		case ',':
		case ';':
		case ':':
		case '<':
		case '>':
			return false;
		}
	}
	return true;
}

/* Takes [ display-name ] LAQUOT addr-spec RAQUOT; `rest` then begins behind '>'. */
static bool take_bracketed(struct slice *rest, struct sip_party *party)
{
	struct slice s = *rest;
	bool is_quoted = s.bytes[0] == '"';
	size_t length = is_quoted ? sip_quoted_length(s) : slice_find(s, '<');
	size_t close;

	if (is_quoted && length == 0)
		return false;
	party->display = slice_trim(slice_part(s, 0, length));
	if (!is_quoted && !is_plain_display(party->display))
		return false;
	s = sip_skip_lws(slice_from(s, length));
	if (s.length == 0 || s.bytes[0] != '<')
		return false;
	close = slice_find(s, '>');
	if (close == s.length || !sip_parse_uri(slice_part(s, 1, close - 1), &party->uri))
		return false;
	party->is_bracketed = true;
	*rest = slice_from(s, close + 1);
	return true;
}

/* RFC 3261 20: without brackets, ';' begins the header's parameters, and the URI may hold neither
 * '?' nor ','. */
static bool take_plain(struct slice *rest, struct sip_party *party)
{
	struct slice text = slice_part(*rest, 0, slice_find(*rest, ';'));
	struct slice uri = slice_trim(text);

	if (slice_find(uri, '?') < uri.length || slice_find(uri, ',') < uri.length)
		return false;
	party->display = slice_part(uri, 0, 0);
	*rest = slice_from(*rest, text.length);
	return sip_parse_uri(uri, &party->uri);
}

bool sip_parse_party(struct slice text, struct sip_party *ret)
{
	struct sip_party party = {.text = slice_trim(text)};
	struct slice rest = party.text, params;
	struct sip_param_item item;
	bool is_bracketed;
	int r;

	if (rest.length == 0)
		return false;
	is_bracketed = rest.bytes[0] == '"' || slice_find(rest, '<') < rest.length;
	if (!(is_bracketed ? take_bracketed(&rest, &party) : take_plain(&rest, &party)))
		return false;
	party.params = sip_skip_lws(rest);
	params = party.params;
	while ((r = sip_next_param(&params, &item)) > 0) {
		if (!sip_name_is(item.name, SLICE("tag")))
			continue;
		if (party.tag.length || item.value.length == 0)
			return false;
		party.tag = item.value;
	}
	if (r)
		return false;
	*ret = party;
	return true;
}

bool sip_parse_replaces(struct slice value, struct sip_replaces *ret)
{
	size_t length = slice_find(value, ';');
	struct sip_replaces replaces = {.call_id = slice_trim(slice_part(value, 0, length))};
	struct slice rest = slice_from(value, length);
	struct sip_param_item item;
	int r;

	while ((r = sip_next_param(&rest, &item)) > 0) {
		struct slice *tag = NULL;

		if (sip_name_is(item.name, SLICE("to-tag")))
			tag = &replaces.to_tag;
		else if (sip_name_is(item.name, SLICE("from-tag")))
			tag = &replaces.from_tag;
		else if (sip_name_is(item.name, SLICE("early-only")))
			replaces.early_only = true;
		if (tag && (tag->length || item.value.length == 0))
			return false;
		if (tag)
			*tag = item.value;
	}
	if (r || !replaces.call_id.length || !replaces.to_tag.length || !replaces.from_tag.length)
		return false;
	*ret = replaces;
	return true;
}
