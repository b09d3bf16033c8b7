/* SPDX-License-Identifier: MIT */
/* What the files of the SIP reader share: classes of bytes, lines, parameters, hosts. Private to
 * proto/sip's readers. */
#ifndef RINGFENCE_SIP_PARSE_H
#define RINGFENCE_SIP_PARSE_H

#include "proto/sip/sip.h"

enum sip_byte_class {
	SIP_BYTE_TOKEN = 1 << 0, /* RFC 3261 25.1: token                               */
	SIP_BYTE_HOST = 1 << 1,	 /* letters, digits, '-', '.', and '_' of the field    */
	SIP_BYTE_URI = 1 << 2,	 /* may stand in a URI                                 */
	SIP_BYTE_PARAM = 1 << 3, /* may stand in a parameter's value without quotes    */
	SIP_BYTE_LWS = 1 << 4,	 /* white space, folding included                      */
};

extern const uint8_t sip_byte_classes[256];

static inline bool sip_byte_is(uint8_t byte, enum sip_byte_class class)
{
	return sip_byte_classes[byte] & class;
}

/* Length of the run of bytes of a class at the start. */
static inline size_t sip_run(struct slice s, enum sip_byte_class class)
{
	size_t i = 0;

	while (i < s.length && sip_byte_is(s.bytes[i], class))
		i++;
	return i;
}

/* The same slice from its first byte that is no white space. */
static inline struct slice sip_skip_lws(struct slice s)
{
	return slice_from(s, sip_run(s, SIP_BYTE_LWS));
}

/* Lengths differ more often than letters do: most comparisons end without a call. */
static inline bool sip_name_is(struct slice name, struct slice known)
{
	return name.length == known.length && slice_equal_nocase(name, known);
}

static inline bool sip_is_token(struct slice s)
{
	return s.length && sip_run(s, SIP_BYTE_TOKEN) == s.length;
}

/* The next CRLF from `from` on, or where the bytes end: 0, -EAGAIN, -EBADMSG for what no head bears. */
int sip_scan_crlf(struct slice bytes, size_t from, size_t *ret_end);
/* The line that begins at `from`, with its continuation lines (RFC 3261 7.3.1). 0 and the offset of
 * the CR that ends it, -EAGAIN where the bytes end before that is known, -EBADMSG and the offset of
 * a NUL, or a CR or LF that stands alone: readers differ about those. */
int sip_scan_line(struct slice bytes, size_t from, size_t *ret_end);

/* Splits a line at its colon; false where the name is no token. */
bool sip_split_header(struct slice line, struct slice *ret_name, struct slice *ret_value);

/* Digits alone, leading zeros allowed; a number above `most` reads as `most`. */
bool sip_saturated_number(struct slice s, uint32_t most, uint32_t *ret_number);

struct sip_param_item {
	struct slice name;
	struct slice value; /* without quotes                                     */
	bool has_value;
};

/* RFC 3261 25.1: SEMI generic-param. 1 and the next one, 0 at the end, -EBADMSG. */
int sip_next_param(struct slice *rest, struct sip_param_item *ret_item);

/* RFC 3261 25.1: host [ COLON port ], all of the text. */
bool sip_parse_host(struct slice text, struct sip_host *ret);

enum sip_transport sip_transport_lookup(struct slice text);

/* Index behind the closing quote of the quoted string that begins at 0; 0 where it is open. */
size_t sip_quoted_length(struct slice s);

/* The message being read. */
struct sip_reading {
	struct sip_message *message;
	struct arena *arena;
	struct fault *reterr;
};

/* Writes the fault and gives -EBADMSG (-E2BIG for a limit). */
int sip_refuse(const struct sip_reading *r, enum reason reason, struct slice where);

/* parse.c: values of the headers that judgement needs, once all headers are listed. */
int sip_read_values(const struct sip_reading *r);

#endif
