// SPDX-License-Identifier: MIT
/* Who is meant: endpoints with their wildcards (RFC 3435 3.2.1.3, E.5), and notified entities
 * (3.2.1.4). */
#include "base/address.h"
#include "proto/mgcp/parse.h"

#define DOMAIN_BYTES 255

/* RFC 3435 A: range-of-allowed-characters, and the terms that stand alone. */
static bool is_term(struct slice term)
{
	if (slice_equal(term, SLICE("*")) || slice_equal(term, SLICE("$")))
		return true;
	for (size_t i = 0; i < term.length; i++) {
		uint8_t c = term.bytes[i];

		if (c <= ' ' || c > '~' || c == '*' || c == '$' || c == '@')
			return false;
	}
	return term.length > 0;
}

static struct slice take_term(struct slice *rest)
{
	struct slice term = slice_part(*rest, 0, slice_find(*rest, '/'));

	*rest = slice_from(*rest, term.length + 1);
	return term;
}

static bool is_wildcard(struct slice term)
{
	return slice_find(term, '[') < term.length || slice_equal(term, SLICE("*")) ||
	       slice_equal(term, SLICE("$"));
}

/* A name, "#" number, or an address in brackets (RFC 821). */
static bool is_domain(struct slice s)
{
	struct slice inner = slice_part(s, 1, s.length ? s.length - 2 : 0);
	struct address address;

	if (s.length == 0 || s.length > DOMAIN_BYTES)
		return false;
	if (s.bytes[0] == '[')
		return s.bytes[s.length - 1] == ']' && address_parse(inner, &address);
	for (size_t i = s.bytes[0] == '#'; i < s.length; i++) {
		uint8_t c = s.bytes[i] | 0x20;

		if (!(c >= 'a' && c <= 'z') && !(s.bytes[i] >= '0' && s.bytes[i] <= '9') &&
		    s.bytes[i] != '.' && s.bytes[i] != '-' && s.bytes[i] != '_')
			return false;
	}
	return true;
}

bool mgcp_parse_name(struct slice text, struct mgcp_name *ret)
{
	size_t sign = slice_find(text, '@');
	struct mgcp_name name = { .text = text, .local = slice_part(text, 0, sign),
				  .domain = slice_from(text, sign + 1) };
	struct slice rest = name.local;

	if (sign == text.length || !name.local.length || !is_domain(name.domain) ||
	    name.local.bytes[name.local.length - 1] == '/')
		return false;
	while (rest.length) {
		struct slice term = take_term(&rest);

		if (!is_term(term))
			return false;
		name.is_wild |= is_wildcard(term);
	}
	*ret = name;
	return true;
}

static bool read_port(struct slice text, struct mgcp_entity *e)
{
	uint64_t port;

	if (!text.length)
		return true;
	if (text.bytes[0] != ':' || !slice_number(slice_from(text, 1), 65535, &port) || !port)
		return false;
	e->port = (uint16_t)port;
	e->port_text = slice_from(text, 1);
	return true;
}

bool mgcp_parse_entity(struct slice text, struct mgcp_entity *ret)
{
	struct mgcp_entity e = { .text = text };
	size_t sign = slice_find(text, '@'), end;
	struct slice domain = sign < text.length ? slice_from(text, sign + 1) : text;
	bool is_bracketed = domain.length && domain.bytes[0] == '[';

	end = is_bracketed ? slice_find(domain, ']') + 1 : slice_find(domain, ':');
	if (end > domain.length || !is_domain(slice_part(domain, 0, end)) ||
	    !read_port(slice_from(domain, end), &e))
		return false;
	e.domain = slice_part(domain, 0, end);
	e.host = is_bracketed ? slice_part(domain, 1, end - 2) : e.domain;
	e.is_address = address_parse(e.host, &e.address);
	*ret = e;
	return true;
}

/* Takes a decimal number off; false where none is there. Too large a one is no port of any
 * gateway. */
static bool take_number(struct slice *rest, uint64_t *ret)
{
	size_t digits = 0;

	while (digits < rest->length && rest->bytes[digits] >= '0' && rest->bytes[digits] <= '9')
		digits++;
	if (!slice_number(slice_part(*rest, 0, digits), UINT32_MAX, ret))
		return false;
	*rest = slice_from(*rest, digits);
	return true;
}

/* NumericalRange: number [ "-" number ], between commas. */
static bool in_ranges(struct slice ranges, uint64_t number)
{
	while (ranges.length) {
		uint64_t low, high;

		if (!take_number(&ranges, &low))
			return false;
		high = low;
		if (ranges.length && ranges.bytes[0] == '-') {
			ranges = slice_from(ranges, 1);
			if (!take_number(&ranges, &high))
				return false;
		}
		if (number >= low && number <= high)
			return true;
		if (ranges.length && ranges.bytes[0] != ',')
			return false;
		ranges = slice_from(ranges, 1);
	}
	return false;
}

/* What stands before the bracket, a number of the ranges, what stands behind. */
static bool range_matches(struct slice pattern, struct slice term)
{
	size_t open = slice_find(pattern, '['), close = slice_find(pattern, ']');
	struct slice rest = slice_from(term, open);
	uint64_t number;

	if (close <= open || close == pattern.length ||
	    !slice_equal_nocase(slice_part(pattern, 0, open), slice_part(term, 0, open)) ||
	    !take_number(&rest, &number))
		return false;
	return in_ranges(slice_part(pattern, open + 1, close - open - 1), number) &&
	       slice_equal_nocase(slice_from(pattern, close + 1), rest);
}

static bool term_matches(struct slice pattern, struct slice term)
{
	if (slice_equal(pattern, SLICE("*")) || slice_equal(pattern, SLICE("$")))
		return true;
	if (slice_find(pattern, '[') < pattern.length)
		return range_matches(pattern, term);
	return slice_equal_nocase(pattern, term);
}

bool mgcp_name_matches(struct slice pattern, struct slice local)
{
	while (pattern.length && local.length) {
		struct slice term = take_term(&pattern);

		if (!pattern.length && slice_equal(term, SLICE("*")))
			return true;
		if (!term_matches(term, take_term(&local)))
			return false;
	}
	return !pattern.length && !local.length;
}
