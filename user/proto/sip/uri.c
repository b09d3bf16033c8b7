/* SPDX-License-Identifier: MIT */
/* URIs and hosts (RFC 3261 19.1, 25.1). What has two readings is no URI: a second '@', a parameter
 * that stands twice, a number that some readers take for an address. */
#include "base/address.h"
#include "proto/sip/parse.h"

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at *at, unescaped, and *at moved behind it; -1 where the escape is broken. */
static int next_byte(struct slice s, size_t *at)
{
	int high, low;

	if (s.bytes[*at] != '%')
		return s.bytes[(*at)++];
	if (s.length - *at < 3)
		return -1;
	high = hex_value(s.bytes[*at + 1]);
	low = hex_value(s.bytes[*at + 2]);
	*at += 3;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool has_only_uri_bytes(struct slice s)
{
	for (size_t i = 0; i < s.length; i++) {
		size_t at = i;

		if (!sip_byte_is(s.bytes[i], SIP_BYTE_URI))
			return false;
		if (s.bytes[i] == '%' && next_byte(s, &at) < 0)
			return false;
	}
	return true;
}

/* Names in URIs may be escaped (RFC 4475 3.1.1.3): ";m%61ddr" is maddr to those who unescape. */
static bool name_is(struct slice s, struct slice name)
{
	size_t at = 0, i = 0;

	if (s.length == 0 || s.length < name.length ||
	    (s.bytes[0] != '%' && (s.bytes[0] | 0x20) != (name.bytes[0] | 0x20)))
		return false;
	while (at < s.length && i < name.length) {
		int byte = next_byte(s, &at);

		if (byte >= 'A' && byte <= 'Z')
			byte |= 0x20;
		if (byte != name.bytes[i] && byte != (name.bytes[i] | 0x20))
			return false;
		i++;
	}
	return at == s.length && i == name.length;
}

enum sip_transport sip_transport_lookup(struct slice text)
{
	static const struct slice names[] = {
		[SIP_TRANSPORT_UDP] = {(const uint8_t *)"UDP", 3},
		[SIP_TRANSPORT_TCP] = {(const uint8_t *)"TCP", 3},
		[SIP_TRANSPORT_TLS] = {(const uint8_t *)"TLS", 3},
		[SIP_TRANSPORT_SCTP] = {(const uint8_t *)"SCTP", 4},
		[SIP_TRANSPORT_WS] = {(const uint8_t *)"WS", 2},
		[SIP_TRANSPORT_WSS] = {(const uint8_t *)"WSS", 3},
	};

	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
		if (sip_name_is(text, names[i]))
			return (enum sip_transport)i;
	}
	return SIP_TRANSPORT_OTHER;
}

/* RFC 3261 25.1: a name's last label begins with a letter. What does not is an address or nothing:
 * "127.1" and "0x7f000001" are addresses to inet_aton and names to others. */
static bool is_numeric(struct slice host)
{
	size_t at = host.length;

	if (at && host.bytes[at - 1] == '.')
		at--;
	while (at && host.bytes[at - 1] != '.')
		at--;
	return at == host.length || (host.bytes[at] >= '0' && host.bytes[at] <= '9');
}

static size_t host_length(struct slice text)
{
	size_t length;

	if (text.length == 0 || text.bytes[0] != '[')
		return sip_run(text, SIP_BYTE_HOST);
	length = slice_find(text, ']');
	return length < text.length ? length + 1 : 0;
}

bool sip_parse_host(struct slice text, struct sip_host *ret)
{
	struct sip_host host = {.text = slice_part(text, 0, host_length(text))};
	struct slice rest = sip_skip_lws(slice_from(text, host.text.length));
	uint64_t port;

	if (host.text.length == 0)
		return false;
	if (host.text.bytes[0] == '[' || is_numeric(host.text)) {
		if (!address_parse(host.text, &host.address))
			return false;
		host.is_address = true;
	}
	host.port_text = slice_part(rest, 0, 0);
	if (rest.length) {
		if (rest.bytes[0] != ':')
			return false;
		rest = slice_trim(slice_from(rest, 1));
		if (!slice_number(rest, 65535, &port) || port == 0)
			return false;
		host.port = (uint16_t)port;
		host.port_text = rest;
	}
	*ret = host;
	return true;
}

struct uri_params {
	struct slice transport, maddr, gr, lr;
	bool has_transport, has_maddr, has_gr, has_lr;
};

/* RFC 3261 19.1.1: a parameter stands once. Other names are not compared: they decide nothing. Some
 * phones (baresip) write transport=tcp behind that of their own account: no two readings. */
static bool note_param(struct slice param, struct uri_params *p)
{
	size_t equals = slice_find(param, '=');
	struct slice name = slice_part(param, 0, equals);
	struct slice value = slice_from(param, equals + 1);
	struct {
		struct slice name, *value;
		bool *has;
	} known[] = {
		{SLICE("transport"), &p->transport, &p->has_transport},
		{SLICE("maddr"), &p->maddr, &p->has_maddr},
		{SLICE("gr"), &p->gr, &p->has_gr},
		{SLICE("lr"), &p->lr, &p->has_lr},
	};

	if (name.length == 0)
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!name_is(name, known[i].name))
			continue;
		if (*known[i].has)
			return known[i].value == &p->transport &&
			       slice_equal_nocase(value, p->transport);
		*known[i].has = true;
		*known[i].value = value;
		break;
	}
	return true;
}

static bool read_params(struct sip_uri *uri)
{
	struct uri_params p = {.has_lr = false};
	struct slice rest = uri->params;

	while (rest.length) {
		size_t length;

		rest = slice_from(rest, 1);
		length = slice_find(rest, ';');
		if (!note_param(slice_part(rest, 0, length), &p))
			return false;
		rest = slice_from(rest, length);
	}
	uri->transport = sip_transport_lookup(p.transport);
	uri->maddr = p.maddr;
	uri->gr = p.gr;
	uri->has_gr = p.has_gr;
	uri->is_loose = p.has_lr;
	return true;
}

/* Index of the first ';' or '?'. */
static size_t host_part_length(struct slice s)
{
	size_t i = 0;

	while (i < s.length && s.bytes[i] != ';' && s.bytes[i] != '?')
		i++;
	return i;
}

static bool is_port_alone(struct slice s)
{
	uint64_t port;

	return s.length > 1 && s.bytes[0] == ':' && slice_number(slice_from(s, 1), 65535, &port);
}

/* RFC 3261 25.1: [ userinfo ] hostport uri-parameters [ headers ]. Where it begins with `lacks_host`
 * it may do so without. */
static bool read_sip(struct slice rest, struct sip_uri *uri)
{
	size_t at = slice_find(rest, '@');
	size_t length;

	/* The user may hold ';', '?' and '/', thus '@' is looked for before them. */
	if (at < rest.length) {
		struct slice userinfo = slice_part(rest, 0, at);

		uri->user = slice_part(userinfo, 0, slice_find(userinfo, ':'));
		rest = slice_from(rest, at + 1);
		if (uri->user.length == 0 || slice_find(rest, '@') < rest.length)
			return false;
	}
	length = host_part_length(rest);
	if (!sip_parse_host(slice_part(rest, 0, length), &uri->host) &&
	    !(uri->lacks_host && is_port_alone(slice_part(rest, 0, length))))
		return false;
	uri->lacks_host &= !uri->host.text.length;
	rest = slice_from(rest, length);
	length = slice_find(rest, '?');
	uri->params = slice_part(rest, 0, length);
	uri->headers = slice_from(rest, length + 1);
	return read_params(uri);
}

/* RFC 3986 3.1 */
static bool is_scheme(struct slice s)
{
	for (size_t i = 0; i < s.length; i++) {
		uint8_t c = s.bytes[i] | 0x20;
		bool is_letter = c >= 'a' && c <= 'z';
		bool is_other = sip_byte_is(s.bytes[i], SIP_BYTE_HOST) && s.bytes[i] != '_';

		if (!is_letter && (i == 0 || (!is_other && s.bytes[i] != '+')))
			return false;
	}
	return s.length > 0;
}

static bool parse_uri(struct slice text, bool may_lack_host, struct sip_uri *ret)
{
	size_t colon = slice_find(text, ':');
	struct slice scheme = slice_part(text, 0, colon);
	struct slice rest = slice_from(text, colon + 1);
	struct sip_uri uri = {.text = text, .lacks_host = may_lack_host};
	size_t semicolon;

	if (!is_scheme(scheme) || rest.length == 0 || !has_only_uri_bytes(text))
		return false;
	if (sip_name_is(scheme, SLICE("sip")))
		uri.scheme = SIP_SCHEME_SIP;
	else if (sip_name_is(scheme, SLICE("sips")))
		uri.scheme = SIP_SCHEME_SIPS;
	else if (sip_name_is(scheme, SLICE("tel")))
		uri.scheme = SIP_SCHEME_TEL;

	if (uri.scheme == SIP_SCHEME_SIP || uri.scheme == SIP_SCHEME_SIPS) {
		if (!read_sip(rest, &uri))
			return false;
	} else {
		uri.lacks_host = false;
		semicolon = uri.scheme == SIP_SCHEME_TEL ? slice_find(rest, ';') : rest.length;
		uri.user = slice_part(rest, 0, semicolon);
		uri.params = slice_from(rest, semicolon);
	}
	*ret = uri;
	return true;
}

bool sip_parse_uri(struct slice text, struct sip_uri *ret)
{
	return parse_uri(text, false, ret);
}

bool sip_parse_request_uri(struct slice text, struct sip_uri *ret)
{
	return parse_uri(text, true, ret);
}

bool sip_uri_header(const struct sip_uri *uri, struct slice name, struct slice *ret_value)
{
	struct slice rest = uri->headers;

	while (rest.length) {
		size_t length = slice_find(rest, '&');
		struct slice pair = slice_part(rest, 0, length);
		size_t equals = slice_find(pair, '=');

		if (equals < pair.length && name_is(slice_part(pair, 0, equals), name)) {
			*ret_value = slice_from(pair, equals + 1);
			return true;
		}
		rest = slice_from(rest, length + 1);
	}
	return false;
}

bool sip_unescape(struct slice text, struct arena *arena, struct slice *ret_text)
{
	uint8_t *bytes = arena_take(arena, text.length ? text.length : 1);
	size_t at = 0, length = 0;

	if (!bytes)
		return false;
	while (at < text.length) {
		int byte = next_byte(text, &at);

		if (byte <= 0)
			return false;
		bytes[length++] = (uint8_t)byte;
	}
	*ret_text = slice_make(bytes, length);
	return true;
}

uint16_t sip_uri_port(const struct sip_uri *uri)
{
	if (uri->host.port)
		return uri->host.port;
	return uri->scheme == SIP_SCHEME_SIPS ? SIPS_PORT : SIP_PORT;
}
