// SPDX-License-Identifier: MIT
/* Parameters of Digest headers. They are lists with commas, unlike all other parameters of SIP. */
#include "proto/sip/digest.h"

#include "proto/sip/parse.h"

struct digest_param {
	struct slice name, value;
};

/* RFC 3261 25.1: auth-param = name EQUAL (token / quoted-string), quotes taken off. */
static bool split_param(struct slice text, struct digest_param *ret)
{
	size_t equals = slice_find(text, '=');
	struct digest_param p = { .name = slice_trim(slice_part(text, 0, equals)),
				  .value = slice_trim(slice_from(text, equals + 1)) };

	if (equals == text.length || !sip_is_token(p.name) || !p.value.length)
		return false;
	if (p.value.bytes[0] == '"') {
		if (sip_quoted_length(p.value) != p.value.length)
			return false;
		p.value = slice_part(p.value, 1, p.value.length - 2);
	}
	*ret = p;
	return true;
}

/* RFC 3261 25.1: nc-value = 8LHEX */
static bool read_hex(struct slice text, uint32_t *ret)
{
	uint32_t n = 0;

	if (text.length != 8)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		uint8_t c = text.bytes[i], low = c | 0x20;

		if (c >= '0' && c <= '9')
			n = n << 4 | (uint32_t)(c - '0');
		else if (low >= 'a' && low <= 'f')
			n = n << 4 | (uint32_t)(low - 'a' + 10);
		else
			return false;
	}
	*ret = n;
	return true;
}

/* RFC 8760 2.1; -sess differs in what is hashed, not in the hash. */
static enum digest_algorithm read_algorithm(struct slice text)
{
	const struct {
		struct slice name;
		enum digest_algorithm algorithm;
	} known[] = {
		{ SLICE("MD5"), DIGEST_MD5 },
		{ SLICE("MD5-sess"), DIGEST_MD5 },
		{ SLICE("SHA-256"), DIGEST_SHA256 },
		{ SLICE("SHA-256-sess"), DIGEST_SHA256 },
		{ SLICE("SHA-512-256"), DIGEST_SHA512_256 },
		{ SLICE("SHA-512-256-sess"), DIGEST_SHA512_256 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (slice_equal_nocase(text, known[i].name))
			return known[i].algorithm;
	return DIGEST_OTHER;
}

static bool note_once(struct slice *kept, struct slice value)
{
	if (kept->bytes)
		return false;
	*kept = value;
	return true;
}

static bool note_param(const struct digest_param *p, struct sip_digest *d)
{
	if (sip_name_is(p->name, SLICE("realm")))
		return note_once(&d->realm, p->value);
	if (sip_name_is(p->name, SLICE("nonce")))
		return note_once(&d->nonce, p->value);
	if (sip_name_is(p->name, SLICE("algorithm")))
		d->algorithm = read_algorithm(p->value);
	else if (sip_name_is(p->name, SLICE("nc")))
		return !d->nonce_count && read_hex(p->value, &d->nonce_count);
	return true;
}

bool sip_parse_digest(struct slice value, struct sip_digest *ret)
{
	/* RFC 8760 2.1: where nothing is said it is MD5. */
	struct sip_digest d = { .algorithm = DIGEST_MD5 };
	size_t scheme = sip_run(value, SIP_BYTE_TOKEN);
	struct slice rest = sip_skip_lws(slice_from(value, scheme)), text;
	struct digest_param p;

	if (!slice_equal_nocase(slice_part(value, 0, scheme), SLICE("Digest")))
		return false;
	while (sip_next_value(&rest, &text))
		if (!split_param(text, &p) || !note_param(&p, &d))
			return false;
	if (!d.realm.bytes || !d.nonce.length)
		return false;
	*ret = d;
	return true;
}

bool sip_parse_next_nonce(struct slice value, struct slice *ret_nonce)
{
	struct slice rest = value, text;
	struct digest_param p;

	while (sip_next_value(&rest, &text)) {
		if (!split_param(text, &p))
			return false;
		if (sip_name_is(p.name, SLICE("nextnonce")) && p.value.length) {
			*ret_nonce = p.value;
			return true;
		}
	}
	return false;
}
