/* SPDX-License-Identifier: MIT */
/* Session descriptions read (RFC 8866): what opens doors is read strictly, the rest is skipped.
 * All slices lie inside the body, thus slice_offset(sdp->body, part) says where. */
#ifndef RINGFENCE_SDP_H
#define RINGFENCE_SDP_H

#include <stdbool.h>
#include <stdint.h>

#include <ringfence/limits.h>
#include <ringfence/types.h>

#include "base/arena.h"
#include "base/slice.h"
#include "inspect/fault.h"

enum sdp_kind {
	SDP_KIND_OTHER = 0,
	SDP_KIND_AUDIO,
	SDP_KIND_VIDEO,
	SDP_KIND_IMAGE,
	SDP_KIND_APPLICATION,
	SDP_KIND_MESSAGE,
	SDP_KIND_TEXT,
};

enum sdp_proto {
	SDP_PROTO_OTHER = 0,
	SDP_PROTO_RTP_AVP,
	SDP_PROTO_RTP_AVPF,
	SDP_PROTO_RTP_SAVP,
	SDP_PROTO_RTP_SAVPF,
	SDP_PROTO_DTLS_SAVP,        /* UDP/TLS/RTP/SAVP (RFC 5764)                        */
	SDP_PROTO_DTLS_SAVPF,
	SDP_PROTO_UDPTL,            /* T.38                                               */
	SDP_PROTO_DTLS_UDPTL,       /* UDP/TLS/UDPTL (RFC 7345)                           */
	SDP_PROTO_DTLS_SCTP,        /* UDP/DTLS/SCTP (RFC 8841)                           */
	SDP_PROTO_UDP,              /* plain udp                                          */
	SDP_PROTO_TCP,              /* TCP and all TCP/...                                */
};

enum sdp_direction {
	SDP_SENDRECV = 0,
	SDP_SENDONLY,
	SDP_RECVONLY,
	SDP_INACTIVE,
};

enum sdp_setup {
	SDP_SETUP_NONE = 0,
	SDP_SETUP_ACTIVE,
	SDP_SETUP_PASSIVE,
	SDP_SETUP_ACTPASS,
	SDP_SETUP_HOLDCONN,
};

/* c= (RFC 8866 5.7) */
struct sdp_connection {
	bool is_present;
	bool is_name;               /* a host name: address stays zero                    */
	struct slice line;          /* without line end                                   */
	struct slice address_type;  /* "IP4", "IP6"                                       */
	struct slice address_text;  /* without TTL and count                              */
	struct address address;
	uint8_t ttl;                /* IP4 multicast                                      */
	uint32_t count;             /* consecutive multicast addresses; 1 where not said  */
};

/* a=rtcp (RFC 3605) */
struct sdp_rtcp {
	bool is_present;
	uint16_t port;              /* host order                                         */
	struct slice port_text;
	bool has_address;
	bool is_name;               /* a host name: address stays zero                    */
	struct slice address_text;
	struct address address;
};

struct sdp_candidate {
	struct slice address_text;
	struct slice port_text;
	struct address address;     /* zero where the candidate bears a name (mDNS)       */
	uint16_t port;
	uint8_t component;          /* 1 RTP, 2 RTCP                                      */
	bool is_udp;
	bool is_address;
};

#define SDP_CANDIDATES 32           /* kept of one m= line; the rest is counted           */

struct sdp_media {
	struct slice line;          /* m= without line end                                */
	enum sdp_kind kind;
	struct slice kind_text;
	uint16_t port;              /* host order; 0: the line is refused or held         */
	struct slice port_text;     /* digits of the port alone                           */
	uint16_t port_count;        /* 1 where not said                                   */
	enum sdp_proto proto;
	struct slice proto_text;
	struct slice formats;       /* the list, as written                               */
	uint32_t format_count;
	uint64_t payload_types[2];  /* RTP: bit n for payload type n                      */
	/* Own connection, or the session's; is_present false where neither is there. */
	struct sdp_connection connection;
	bool is_own_connection;
	enum sdp_direction direction; /* own, else the session's, else sendrecv           */
	bool has_direction;         /* said on this line                                  */
	struct sdp_rtcp rtcp;
	bool rtcp_mux;
	bool rtcp_mux_only;         /* RFC 8858                                           */
	uint8_t clock_payload_type; /* the first format                                   */
	uint32_t clock_rate;        /* Hz, of the first format; 0 unknown                 */
	uint32_t crypto_count;      /* a=crypto (RFC 4568)                                */
	bool has_zrtp;              /* a=zrtp-hash (RFC 6189 8), here or in the session   */
	bool has_fingerprint;       /* here or in the session (RFC 8122)                  */
	bool has_ice;               /* a=ice-ufrag here or in the session                 */
	struct slice ice_ufrag;
	uint32_t candidate_count;
	const struct sdp_candidate *candidates; /* min(candidate_count, SDP_CANDIDATES)   */
	enum sdp_setup setup;
	struct slice mid;           /* a=mid (RFC 5888); empty where none                 */
	struct slice section;       /* from m= to the next m= or the end                  */
};

struct sdp {
	struct slice body;
	struct slice origin;        /* value of o=; empty where missing                   */
	struct slice origin_version; /* digits: tells a repeat from a change (RFC 3264 8) */
	struct slice origin_address; /* text: where to edit                               */
	struct slice session_name;
	struct sdp_connection connection;
	enum sdp_direction direction;
	bool has_direction;
	struct slice bundle;        /* value of the first a=group:BUNDLE; empty if none   */
	bool has_fingerprint;
	bool has_zrtp;
	struct slice ice_ufrag;
	bool is_ice_lite;
	enum sdp_setup setup;       /* for media lines without their own                  */
	const struct sdp_media *media;
	uint32_t media_count;
};

/* 0 and *ret_sdp, living in the arena and pointing into body. -EBADMSG and *reterr, `at` an offset
 * into body; -E2BIG over a limit (sdp_limit), -ENOMEM where the arena is exhausted. A media line
 * without any connection is left to the judge: with port 0 it needs none. */
int sdp_parse(struct slice body, struct arena *arena, const struct sdp **ret_sdp,
	      struct fault *reterr);

#endif
