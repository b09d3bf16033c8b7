/* SPDX-License-Identifier: MIT */
/* Lines, names, lists and parameters: what all SIP headers have in common (RFC 3261 7.3, 25.1). */
#include <errno.h>

#include "proto/sip/parse.h"

#define ALL (SIP_BYTE_TOKEN | SIP_BYTE_HOST | SIP_BYTE_URI | SIP_BYTE_PARAM)
#define URI_PARAM (SIP_BYTE_URI | SIP_BYTE_PARAM)

const uint8_t sip_byte_classes[256] = {
	['\t'] = SIP_BYTE_LWS,
	['\n'] = SIP_BYTE_LWS,
	['\r'] = SIP_BYTE_LWS,
	[' '] = SIP_BYTE_LWS,
	['0' ... '9'] = ALL,
	['A' ... 'Z'] = ALL,
	['a' ... 'z'] = ALL,
	['-'] = ALL,
	['.'] = ALL,
	['_'] = ALL,
	['!'] = ALL & ~SIP_BYTE_HOST,
	['%'] = ALL & ~SIP_BYTE_HOST,
	['*'] = ALL & ~SIP_BYTE_HOST,
	['+'] = ALL & ~SIP_BYTE_HOST,
	['`'] = ALL & ~SIP_BYTE_HOST,
	['\''] = ALL & ~SIP_BYTE_HOST,
	['~'] = ALL & ~SIP_BYTE_HOST,
	['#'] = URI_PARAM,
	['$'] = URI_PARAM,
	['&'] = URI_PARAM,
	['('] = URI_PARAM,
	[')'] = URI_PARAM,
	['/'] = URI_PARAM,
	[':'] = URI_PARAM,
	['='] = URI_PARAM,
	['?'] = URI_PARAM,
	['@'] = URI_PARAM,
	['['] = URI_PARAM,
	[']'] = URI_PARAM,
	['^'] = URI_PARAM,
	['{'] = URI_PARAM,
	['|'] = URI_PARAM,
	['}'] = URI_PARAM,
	[';'] = SIP_BYTE_URI,
	[','] = SIP_BYTE_URI,
	/* Unescaped UTF-8 is no URI by the grammar, but it is sent, and nobody reads it otherwise.
	 */
	[0x80 ... 0xff] = URI_PARAM,
};

/* Names are told apart by one number made of length, first and last letter (in lower case), and
 * then compared. */
static inline uint32_t name_hash(const uint8_t *name, size_t length)
{
	return (uint32_t)length << 16 | (name[0] | 0x20u) << 8 | (name[length - 1] | 0x20u);
}

#define NAME_HASH(text)                                                                            \
	((uint32_t)(sizeof(text) - 1) << 16 | ((uint32_t)(text)[0] | 0x20u) << 8 |                 \
	 ((uint32_t)(text)[sizeof(text) - 2] | 0x20u))

struct header_row {
	const char *text;
	uint32_t length;
	uint8_t compact;
};

static const struct header_row header_rows[SIP_HEADER_COUNT] = {
#define SIP_HEADER(name, text, compact, flags)                                                     \
	[SIP_HEADER_##name] = {text, sizeof(text) - 1, compact},
#include "proto/sip/sip_headers.def"
#undef SIP_HEADER
};

/* Apart from the rows, so that a look-up runs over few cache lines. */
static const uint32_t header_hashes[SIP_HEADER_COUNT] = {
#define SIP_HEADER(name, text, compact, flags) [SIP_HEADER_##name] = NAME_HASH(text),
#include "proto/sip/sip_headers.def"
#undef SIP_HEADER
};

static const struct slice method_texts[SIP_METHOD_COUNT] = {
#define SIP_METHOD(name, text) [SIP_METHOD_##name] = {(const uint8_t *)(text), sizeof(text) - 1},
#include "proto/sip/sip_methods.def"
#undef SIP_METHOD
};

static enum sip_header_kind compact_lookup(uint8_t letter)
{
	letter |= 0x20;
	for (int kind = 1; kind < SIP_HEADER_COUNT; kind++) {
		if (header_rows[kind].compact == letter)
			return (enum sip_header_kind)kind;
	}
	return SIP_HEADER_other;
}

enum sip_header_kind sip_header_lookup(struct slice name)
{
	uint32_t hash;

	if (name.length == 0)
		return SIP_HEADER_other;
	if (name.length == 1)
		return compact_lookup(name.bytes[0]);
	hash = name_hash(name.bytes, name.length);
	for (int kind = 1; kind < SIP_HEADER_COUNT; kind++) {
		const struct header_row *row = &header_rows[kind];

		if (header_hashes[kind] == hash &&
		    slice_equal_nocase(name, slice_make(row->text, row->length)))
			return (enum sip_header_kind)kind;
	}
	return SIP_HEADER_other;
}

const char *sip_header_name(enum sip_header_kind kind)
{
	return (unsigned int)kind < SIP_HEADER_COUNT && kind ? header_rows[kind].text : "other";
}

enum sip_method sip_method_lookup(struct slice text)
{
	for (int method = 1; method < SIP_METHOD_COUNT; method++) {
		if (slice_equal(method_texts[method], text))
			return (enum sip_method)method;
	}
	return SIP_METHOD_other;
}

const char *sip_method_name(enum sip_method method)
{
	if ((unsigned int)method >= SIP_METHOD_COUNT || method == SIP_METHOD_other)
		return "other";
	return (const char *)method_texts[method].bytes;
}

/* Bytes of a word in memory's order that are below 0x20: their high bits, the first one exact. */
static uint64_t low_bytes(const uint8_t *bytes)
{
	const uint64_t ones = 0x0101010101010101ULL;
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return (word - ones * 0x20) & ~word & ones * 0x80;
}

/* Offset of the next NUL, CR or LF, eight bytes at a step. */
static size_t skip_text(struct slice bytes, size_t i)
{
	while (i < bytes.length) {
		uint64_t low = 0x80;

		if (bytes.length - i >= 8)
			low = low_bytes(bytes.bytes + i);
		if (low == 0) {
			i += 8;
			continue;
		}
		i += (size_t)__builtin_ctzll(low) / 8;
		if (bytes.bytes[i] == '\r' || bytes.bytes[i] == '\n' || bytes.bytes[i] == 0)
			break;
		i++;
	}
	return i;
}

int sip_scan_crlf(struct slice bytes, size_t from, size_t *ret_end)
{
	size_t i = skip_text(bytes, from);

	*ret_end = i;
	if (i == bytes.length)
		return -EAGAIN;
	if (bytes.bytes[i] != '\r')
		return -EBADMSG;
	if (i + 1 == bytes.length)
		return -EAGAIN;
	return bytes.bytes[i + 1] == '\n' ? 0 : -EBADMSG;
}

int sip_scan_line(struct slice bytes, size_t from, size_t *ret_end)
{
	size_t i = from;

	for (;;) {
		i = skip_text(bytes, i);
		if (i == bytes.length)
			return -EAGAIN;
		*ret_end = i;
		if (bytes.bytes[i] != '\r')
			return -EBADMSG;
		if (i + 1 == bytes.length)
			return -EAGAIN;
		if (bytes.bytes[i + 1] != '\n')
			return -EBADMSG;
		if (i == from)
			return 0;
		if (i + 2 == bytes.length)
			return -EAGAIN;
		if (bytes.bytes[i + 2] != ' ' && bytes.bytes[i + 2] != '\t')
			return 0;
		i += 2;
	}
}

bool sip_split_header(struct slice line, struct slice *ret_name, struct slice *ret_value)
{
	size_t length = sip_run(line, SIP_BYTE_TOKEN);
	struct slice rest = sip_skip_lws(slice_from(line, length));

	if (length == 0 || rest.length == 0 || rest.bytes[0] != ':')
		return false;
	*ret_name = slice_part(line, 0, length);
	*ret_value = slice_trim(slice_from(rest, 1));
	return true;
}

bool sip_saturated_number(struct slice s, uint32_t most, uint32_t *ret_number)
{
	uint64_t number = most;

	for (size_t i = 0; i < s.length; i++) {
		if (s.bytes[i] < '0' || s.bytes[i] > '9')
			return false;
	}
	if (s.length == 0)
		return false;
	(void)slice_number(s, most, &number);
	*ret_number = (uint32_t)number;
	return true;
}

size_t sip_quoted_length(struct slice s)
{
	for (size_t i = 1; i < s.length; i++) {
		if (s.bytes[i] == '"')
			return i + 1;
		if (s.bytes[i] == '\\')
			i++;
	}
	return 0;
}

static int take_param_value(struct slice *rest, struct sip_param_item *item)
{
	struct slice s = sip_skip_lws(slice_from(*rest, 1));
	bool is_quoted = s.length && s.bytes[0] == '"';
	size_t length = is_quoted ? sip_quoted_length(s) : sip_run(s, SIP_BYTE_PARAM);

	if (length == 0)
		return -EBADMSG;
	item->value = slice_part(s, is_quoted, length - 2 * is_quoted);
	item->has_value = true;
	*rest = sip_skip_lws(slice_from(s, length));
	return 0;
}

int sip_next_param(struct slice *rest, struct sip_param_item *ret_item)
{
	struct sip_param_item item = {.has_value = false};
	struct slice s = sip_skip_lws(*rest);
	size_t length;

	if (s.length == 0)
		return 0;
	if (s.bytes[0] != ';')
		return -EBADMSG;
	s = sip_skip_lws(slice_from(s, 1));
	length = sip_run(s, SIP_BYTE_TOKEN);
	if (length == 0)
		return -EBADMSG;
	item.name = slice_part(s, 0, length);
	item.value = slice_part(s, length, 0);
	s = sip_skip_lws(slice_from(s, length));
	if (s.length && s.bytes[0] == '=' && take_param_value(&s, &item))
		return -EBADMSG;
	*rest = s;
	*ret_item = item;
	return 1;
}

bool sip_param(struct slice params, struct slice name, struct slice *ret_value)
{
	struct sip_param_item item;

	while (sip_next_param(&params, &item) > 0) {
		if (sip_name_is(item.name, name)) {
			*ret_value = item.value;
			return true;
		}
	}
	return false;
}

/* Index of the first comma that separates values. */
static size_t value_length(struct slice s)
{
	for (size_t i = 0; i < s.length; i++) {
		struct slice rest = slice_from(s, i);
		size_t skip = 1;

		if (s.bytes[i] == ',')
			return i;
		if (s.bytes[i] == '"')
			skip = sip_quoted_length(rest);
		else if (s.bytes[i] == '<')
			skip = slice_find(rest, '>');
		/* What is never closed is one value, which its reader then refuses. */
		if (skip == 0 || skip > rest.length)
			return s.length;
		i += skip - 1;
	}
	return s.length;
}

bool sip_next_value(struct slice *rest, struct slice *ret_value)
{
	struct slice s = *rest;
	size_t length;

	if (s.length == 0)
		return false;
	if (slice_find(s, ',') == s.length) {
		*ret_value = slice_trim(s);
		*rest = slice_from(s, s.length);
		return true;
	}
	/* The comma stays in front of the rest: so an empty value at the end is seen. */
	if (s.bytes[0] == ',')
		s = slice_from(s, 1);
	length = value_length(s);
	*ret_value = slice_trim(slice_part(s, 0, length));
	*rest = slice_from(s, length);
	return true;
}

const struct sip_header *sip_header_first(const struct sip_message *m, enum sip_header_kind kind)
{
	return m->first[kind] ? &m->headers[m->first[kind] - 1] : NULL;
}

const struct sip_header *sip_header_next(const struct sip_message *m,
					 const struct sip_header *after)
{
	const struct sip_header *end = m->headers + m->header_count;

	for (const struct sip_header *h = after + 1; h < end; h++) {
		if (h->kind == after->kind)
			return h;
	}
	return NULL;
}

const struct sip_header *sip_header_named(const struct sip_message *m, struct slice name)
{
	for (uint32_t i = 0; i < m->header_count; i++) {
		if (slice_equal_nocase(m->headers[i].name, name))
			return &m->headers[i];
	}
	return NULL;
}

bool sip_has_option(const struct sip_message *m, enum sip_header_kind kind, struct slice option)
{
	const struct sip_header *h = sip_header_first(m, kind);

	for (; h; h = sip_header_next(m, h)) {
		struct slice rest = h->value, value;

		while (sip_next_value(&rest, &value)) {
			if (slice_equal_nocase(value, option))
				return true;
		}
	}
	return false;
}
