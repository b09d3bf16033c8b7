/* SPDX-License-Identifier: MIT */
/* SIP messages: framed and read (RFC 3261 7, 25). Structure alone: nothing here knows calls.
 * All slices of a message lie inside its raw bytes, thus slice_offset(msg->raw, part) says where;
 * nothing is unfolded, unescaped or copied. A message lives in its arena. */
#ifndef RINGFENCE_SIP_H
#define RINGFENCE_SIP_H

#include <stdbool.h>
#include <stdint.h>

#include <ringfence/limits.h>
#include <ringfence/types.h>

#include "base/arena.h"
#include "base/slice.h"
#include "inspect/fault.h"

enum sip_method {
	SIP_METHOD_other = 0,
#define SIP_METHOD(name, text) SIP_METHOD_##name,
#include "sip_methods.def"
#undef SIP_METHOD
	SIP_METHOD_COUNT
};

enum sip_header_flag {
	SIP_MANDATORY = 1 << 0,
	SIP_SINGLE = 1 << 1,
	SIP_LIST = 1 << 2,
};

enum sip_header_kind {
	SIP_HEADER_other = 0,
#define SIP_HEADER(name, text, compact, flags) SIP_HEADER_##name,
#include "sip_headers.def"
#undef SIP_HEADER
	SIP_HEADER_COUNT
};

enum sip_scheme {
	SIP_SCHEME_OTHER = 0,
	SIP_SCHEME_SIP,
	SIP_SCHEME_SIPS,
	SIP_SCHEME_TEL,
};

#define SIP_PORT 5060
#define SIPS_PORT 5061

enum sip_transport {
	SIP_TRANSPORT_OTHER = 0,    /* also: not said                                     */
	SIP_TRANSPORT_UDP,
	SIP_TRANSPORT_TCP,
	SIP_TRANSPORT_TLS,
	SIP_TRANSPORT_SCTP,
	SIP_TRANSPORT_WS,
	SIP_TRANSPORT_WSS,
};

/* RFC 3261 25.1: host, and the port behind it. */
struct sip_host {
	struct slice text;          /* with the brackets of an IPv6 reference             */
	struct address address;     /* zero where the host is a name                      */
	bool is_address;
	uint16_t port;              /* host order; 0 where none is given                  */
	struct slice port_text;     /* digits; empty where none: where to edit            */
};

/* RFC 3261 19.1. For other schemes than sip and sips only `text` and `user` (the number of a tel
 * URI, all behind the colon of the rest) are set. */
struct sip_uri {
	struct slice text;          /* all of it, without angle brackets                  */
	enum sip_scheme scheme;
	struct slice user;          /* without password                                   */
	struct sip_host host;
	struct slice params;        /* with the first ';', up to '?'                      */
	struct slice headers;       /* behind '?'                                         */
	enum sip_transport transport;
	struct slice maddr;
	struct slice gr;            /* RFC 5627                                           */
	bool is_loose;              /* ;lr                                                */
	bool has_gr;
	bool lacks_host;            /* "sip:alice@:5060", a Request-URI alone: not RFC 3261 25.1 */
};

/* RFC 3261 20.10, 25.1: name-addr or addr-spec with header parameters. */
struct sip_party {
	struct slice text;          /* this value alone, trimmed                          */
	struct slice display;       /* quotes left on; empty where none                   */
	struct sip_uri uri;
	struct slice params;        /* of the header, with the first ';'                  */
	struct slice tag;           /* From, To; empty where none                         */
	bool is_bracketed;
};

struct sip_contact {
	struct sip_party party;
	bool is_star;               /* "*": party is empty                                */
	bool has_expires;
	uint32_t expires;           /* seconds; too large a number reads as UINT32_MAX    */
	uint16_t q;                 /* thousandths; 1000 where none is given              */
};

/* RFC 3261 20.42. */
struct sip_via {
	struct slice text;          /* this value alone, trimmed                          */
	enum sip_transport transport;
	struct slice transport_text;
	struct sip_host sent_by;
	struct slice params;        /* with the first ';'                                 */
	struct slice branch;        /* empty where none (RFC 2543)                        */
	struct slice received;
	struct address received_address; /* zero where none or unreadable                 */
	bool has_rport;             /* ;rport, with or without a value (RFC 3581)         */
	uint16_t rport;             /* 0 where it has no value                            */
};

struct sip_header {
	enum sip_header_kind kind;
	struct slice name;
	struct slice value;         /* trimmed, folding left in                           */
	struct slice line;          /* whole: from the name through its last line end     */
};

struct sip_contacts {
	const struct sip_contact *at;
	uint32_t count;
};

struct sip_vias {
	const struct sip_via *at;
	uint32_t count;
};

struct sip_parties {
	const struct sip_party *at;
	uint32_t count;
};

struct sip_message {
	struct slice raw;           /* as given to sip_parse                              */
	struct slice start_line;    /* without line end                                   */
	bool is_request;
	enum sip_method method;     /* of the request line; of CSeq in a response         */
	struct slice method_text;
	struct sip_uri request_uri; /* requests                                           */
	uint16_t status;            /* responses: 100..699                                */
	struct slice reason_phrase;
	struct slice version;

	const struct sip_header *headers; /* in order of appearance                       */
	uint32_t header_count;
	/* Index + 1 of the first header of each kind, 0 where there is none. */
	uint16_t first[SIP_HEADER_COUNT];

	struct slice call_id;
	struct sip_party from;
	struct sip_party to;
	uint32_t cseq;
	enum sip_method cseq_method;
	struct slice cseq_method_text;
	struct sip_vias vias;       /* at least one                                       */
	struct sip_contacts contacts;
	struct sip_parties routes;
	struct sip_parties record_routes;
	struct sip_parties paths;
	bool has_expires;
	uint32_t expires;           /* seconds; too large or unreadable: UINT32_MAX or none */
	bool has_max_forwards;
	uint8_t max_forwards;
	struct slice content_type;  /* empty where none                                   */
	struct slice content_subtype;
	struct slice content_params; /* from the first ';'                                */
	bool has_content_length;
	uint32_t content_length;
	struct slice content_length_text; /* digits                                       */
	struct slice replaces;      /* raw values; empty where the header is missing      */
	struct slice refer_to;
	struct slice referred_by;
	struct slice require;       /* first line alone; sip_has_option looks at all      */
	struct slice supported;
	struct slice user_agent;
	struct slice rack;
	bool has_rseq;
	uint32_t rseq;
	bool has_session_expires;
	uint32_t session_expires;   /* seconds (RFC 4028)                                 */

	struct slice head;          /* start line through the empty line                  */
	struct slice body;
};

/* RFC 3261 18.3, 20.14: length of the message that begins at bytes, leading CRLF counted in
 * (they belong to the message); -EAGAIN where more bytes are needed, -EBADMSG where no more could
 * mend it, no Content-Length among them, or a start line of something else. *resume, 0 at first, is kept by the caller between calls
 * for the same message. */
int sip_frame(struct slice bytes, size_t *resume);

/* Nothing but CRLF: a keep-alive (RFC 5626 3.5.1), no message. */
bool sip_is_keepalive(struct slice bytes);

/* 0 and *ret_message, living in the arena and pointing into raw. -EBADMSG and *reterr, `at` an
 * offset into raw; -E2BIG over a limit and -ENOMEM where the arena is exhausted do the same with
 * message_limit. raw is one datagram or one framed message: bytes behind Content-Length are no part
 * of the body (18.3). */
int sip_parse(struct slice raw, struct arena *arena, const struct sip_message **ret_message,
	      struct fault *reterr);

/* First header of a kind, NULL where none; the next one of the kind of `after`, NULL at the end. */
const struct sip_header *sip_header_first(const struct sip_message *m, enum sip_header_kind kind);
const struct sip_header *sip_header_next(const struct sip_message *m,
					 const struct sip_header *after);
/* Headers that have no kind, by name, case ignored; NULL where none. */
const struct sip_header *sip_header_named(const struct sip_message *m, struct slice name);
const char *sip_header_name(enum sip_header_kind kind);
enum sip_header_kind sip_header_lookup(struct slice name);

enum sip_method sip_method_lookup(struct slice text);
const char *sip_method_name(enum sip_method method);

/* Whether an option tag stands in a header of tokens (Require, Supported). */
bool sip_has_option(const struct sip_message *m, enum sip_header_kind kind, struct slice option);

/* The pieces, usable on values of headers that sip_parse leaves raw (Refer-To). False where the
 * text is malformed; *ret is then untouched. */
bool sip_parse_uri(struct slice text, struct sip_uri *ret);
/* The same, but that a host may be missing before a port: `lacks_host` says so. */
bool sip_parse_request_uri(struct slice text, struct sip_uri *ret);
bool sip_parse_party(struct slice text, struct sip_party *ret);
bool sip_parse_via(struct slice text, struct sip_via *ret);

/* Host order; the usual one where none is written (RFC 3261 18.2.2, 19.1.2). */
uint16_t sip_uri_port(const struct sip_uri *uri);
uint16_t sip_via_port(const struct sip_via *via);

/* Value of a parameter of `params` (";a=b;c"), case of the name ignored, quotes taken off; false
 * where it is missing. A parameter without value gives an empty slice. */
bool sip_param(struct slice params, struct slice name, struct slice *ret_value);

/* Cuts the first value off a comma-separated header: commas inside quotes and <> do not count. An
 * empty value between or behind commas is given as such. False at the end. */
bool sip_next_value(struct slice *rest, struct slice *ret_value);

/* RFC 3891: Replaces = callid *(SEMI to-tag / from-tag / early-only). Also on the unescaped text of
 * a Refer-To's ?Replaces=, see sip_unescape. */
struct sip_replaces {
	struct slice call_id;
	struct slice to_tag;
	struct slice from_tag;
	bool early_only;
};
bool sip_parse_replaces(struct slice value, struct sip_replaces *ret);

/* Value of a header of a URI (sip:b@c?Replaces=...), still escaped; false where missing. */
bool sip_uri_header(const struct sip_uri *uri, struct slice name, struct slice *ret_value);
/* %HH undone, in the arena; false where an escape is broken, a NUL comes out or memory is short. */
bool sip_unescape(struct slice text, struct arena *arena, struct slice *ret_text);

struct sip_isup_part {
	struct slice bytes;         /* empty: none                                        */
	bool is_ansi;
};

/* The first application/sdp body: the body itself, or a part of multipart/mixed, alternative or
 * related (RFC 2046 5.1), nested up to three deep. 0 and *ret_body (within raw), -ENOENT where
 * there is none, -EBADMSG where a multipart is broken or compressed. *ret_isup, which may be NULL, is
 * written with both 0 and -ENOENT. */
int sip_sdp_body(const struct sip_message *m, struct arena *arena, struct slice *ret_body,
		 struct sip_isup_part *ret_isup);

#endif
