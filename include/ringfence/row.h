/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Rows: all that lasts. One key type for all, so that an owner's rows are found together; fixed
 * sizes, no pointers, padding zeroed, comparable byte by byte. Bodies, passwords and keys are
 * never in a row. Times are CLOCK_MONOTONIC nanoseconds of the member that holds the row. */
#ifndef RINGFENCE_ROW_H
#define RINGFENCE_ROW_H

#include "flow.h"
#include "limits.h"

enum row_type {
	ROW_NONE = 0,
#define ROW(name, capacity, replicated, sentence) ROW_##name,
#include "row.def"
#undef ROW
	ROW_COUNT
};

/* Whose row it is: the keyed 128-bit hash of what names a call (protocol, Call-ID, initiator's tag,
 * passage), a stand-alone transaction or a binding; or, for a source, its address. */
struct owner {
	__u8 bytes[16];
};

/* sub and part tell rows of one owner and type apart; each type says what they are. */
struct row_key {
	struct owner owner;
	__u64 sub;
	__u32 part;
	__u32 pad;
};

/* First member of each value. A version is raised by each PUT; 0 is an absent row. */
struct row_head {
	__u32 version;
	__u32 author;               /* member whose batch wrote it last; 0 alone        */
};

/* What is told to people when a batch holds. */
enum tell {
	TELL_CALL_STARTED = 1,
	TELL_CALL_ANSWERED,
	TELL_CALL_ENDED,
	TELL_REGISTERED,
	TELL_UNREGISTERED,
	TELL_HOST_LOST,             /* a command ran out, and nothing was answered since */
	TELL_HOST_BACK,
	TELL_GATEWAY_CROWDED,       /* nine tenths of what it may have are in use       */
};

enum side {
	SIDE_CALLER = 0,            /* initiator of the dialog                          */
	SIDE_CALLEE = 1,
};

enum call_state {
	CALL_NONE = 0,
	CALL_TRYING,                /* INVITE seen, no answer yet                       */
	CALL_EARLY,                 /* provisional answer seen                          */
	CALL_CONFIRMED,             /* 2xx seen                                         */
	CALL_ENDING,                /* BYE seen, its answer awaited                     */
	CALL_COMPLETED,             /* over; kept 64 T1 for ACK and repeats             */
};

/* Where the servers of a call stand, as this passage of it shows. */
enum topology {
	TOPOLOGY_NONE = 0,
	TOPOLOGY_ENDPOINTS,         /* endpoint to endpoint                             */
	TOPOLOGY_OUTSIDE,           /* a server in the zone of one side                 */
	TOPOLOGY_DMZ,               /* a server in a zone between others                */
	TOPOLOGY_SERVERS,           /* server to server                                 */
	TOPOLOGY_HAIRPIN,           /* out to a server and back in                      */
};

/* key: owner, 0, 0 */
struct call_row {
	struct row_head head;
	__u64 started_ns;
	__u64 answered_ns;          /* 0: not yet                                       */
	__u64 ended_ns;             /* 0: not yet                                       */
	struct endpoint parties[2]; /* signalling peers as seen, by side                */
	__u16 zones[2];             /* by side                                          */
	__u16 rule;                 /* index of the policy rule that allowed it         */
	__u16 end_status;           /* final status that ended it                       */
	__u8 protocol;
	__u8 state;                 /* enum call_state                                  */
	__u8 dialogs;               /* far tags so far                                  */
	__u8 isup;                  /* SIP-I, SIP-T: type of the last ISUP message, 0 none */
	__u8 isup_cause;            /* of its release (ITU-T Q.850), 0 none             */
	__u8 authenticated;         /* a server asked for credentials and took them     */
	__u8 topology;              /* enum topology                                    */
	__u8 transport;             /* that its first message came by: IPPROTO_UDP, IPPROTO_TCP */
};

enum offer_state {
	OFFER_NONE = 0,
	OFFER_CALLER,               /* the caller's offer waits for an answer           */
	OFFER_CALLEE,
	OFFER_STABLE,
};

/* key: owner, keyed hash of the far (callee's) tag, 0 */
struct dialog_row {
	struct row_head head;
	struct endpoint targets[2]; /* Contact by side; port 0: no literal address      */
	__u32 cseq[2];              /* highest of the requests from this side           */
	__u8 state;                 /* enum call_state                                  */
	__u8 offer;                 /* enum offer_state                                 */
	__u8 answered;              /* media lines agreed at least once                 */
	__u8 lines;                 /* media lines of the last offer                    */
	__u32 offer_cseq;           /* transaction that carries the open offer          */
	__u64 offer_digest;         /* keyed hash of the offer's body                   */
	__u64 answer_digest;
};

enum media_kind {
	MEDIA_NONE = 0,
	MEDIA_AUDIO,
	MEDIA_VIDEO,
	MEDIA_IMAGE,
	MEDIA_APPLICATION,
	MEDIA_MESSAGE,
	MEDIA_OTHER,
};

enum media_flag {
	MEDIA_RTP = 1 << 0,         /* an RTP profile                                   */
	MEDIA_MUX = 1 << 1,         /* a=rtcp-mux                                       */
	MEDIA_ICE = 1 << 2,
	MEDIA_DTLS = 1 << 3,        /* a=fingerprint                                    */
	MEDIA_SDES = 1 << 4,        /* a=crypto                                         */
	MEDIA_SENDS = 1 << 5,       /* direction of this side: sendrecv or sendonly     */
	MEDIA_RECEIVES = 1 << 6,    /* sendrecv or recvonly                             */
	MEDIA_TCP = 1 << 7,         /* no UDP: no door here                             */
};

/* How the keys of a stream are agreed; the keys themselves are nowhere in here. */
enum encryption {
	ENCRYPTION_NONE = 0,
	ENCRYPTION_ZRTP,            /* a=zrtp-hash (RFC 6189 8): in the media, if both can */
	ENCRYPTION_SDES,            /* a=crypto (RFC 4568)                              */
	ENCRYPTION_DTLS,            /* a=fingerprint (RFC 5763, RFC 7345)               */
	ENCRYPTION_TLS,             /* TCP/TLS/... (RFC 8122)                           */
};

/* What one side announced for one line: where it receives, and what. Port 0: refused or none. */
struct media_side {
	struct address address;
	struct address rtcp_address;
	__be16 port;
	__be16 rtcp_port;
	__u16 port_count;           /* "port/2" (RFC 8866 5.14)                         */
	__u16 flags;                /* enum media_flag                                  */
	__u64 payload_types[2];
	__u32 clock_hz;
	__u8 kind;                  /* enum media_kind                                  */
	__u8 set;                   /* 1: announced                                     */
	__u8 encryption;            /* enum encryption                                  */
	__u8 pad;
};

/* key: owner, far tag's hash (0: before any answer), line index */
struct media_row {
	struct row_head head;
	struct media_side current[2];
	struct media_side proposed[2];
	__u64 agreed_ns;            /* 0: never                                         */
	__u32 pad[2];
};

/* Digest credentials (RFC 3261 22): whether they are right is for the server to say. */
enum auth {
	AUTH_NONE = 0,
	AUTH_SHOWN,                 /* the request answers a challenge that was seen    */
	AUTH_ASKED,                 /* 401 or 407                                       */
};

enum digest_algorithm {
	DIGEST_NONE = 0,
	DIGEST_OTHER,
	DIGEST_MD5,
	DIGEST_SHA256,
	DIGEST_SHA512_256,
};

/* key: owner, keyed hash of branch and method, CSeq number */
struct transaction_row {
	struct row_head head;
	struct endpoint peers[2];   /* sender, receiver of the request                  */
	__u64 digest;               /* keyed hash of the request's bytes                */
	__u64 tag;                  /* far tag's hash, 0 outside a dialog               */
	__u64 ends_ns;              /* backstop                                         */
	__u32 cseq;
	__u16 status;               /* last response, 0 none                            */
	__u16 zones[2];             /* sender's, receiver's                             */
	__u8 method;
	__u8 from_side;             /* enum side                                        */
	__u8 offers;                /* 1: the request carried an offer                  */
	__u8 auth;                  /* enum auth                                        */
	__u8 algorithm;             /* enum digest_algorithm                            */
	__u8 pad;
	__u32 nonce_count;          /* nc of what it shows (RFC 8760 2.6)               */
	__u32 pad2;
	__u64 nonces[4];            /* asked for; or the one shown, and its realm       */
};

enum door_kind {
	DOOR_MEDIA = 1,
	DOOR_SIGNALLING,
};

/* key: owner, far tag's hash or transaction's, line << 16 | component << 8 | place */
struct door_row {
	struct row_head head;
	struct flow_key key;        /* source host and port set: an exact flow          */
	struct endpoint named_by;   /* the sender of the message that asked for it      */
	__u64 payload_types[2];
	__u64 expires_ns;
	__u32 flags;                /* enum permit_flag                                 */
	__u32 packets_per_second;
	__u32 clock_hz;
	__u16 zone_out;
	__u8 speaks;
	__u8 kind;                  /* enum door_kind                                   */
	__u8 side;                  /* towards this side (enum side)                    */
	__u8 line;
	__u8 component;             /* 0 RTP, 1 RTCP                                    */
	__u8 pad[5];
	/* Translation; port 0: none. Last, for it follows from what stands above. */
	struct endpoint arrives_at; /* where the sender sends to, instead of key.destination */
	struct endpoint leaves_from; /* whom the receiver sees, instead of the sender   */
};

enum binding_flag {
	BINDING_BOUND = 1 << 0,         /* granted; else only asked for                 */
	BINDING_AUTHENTICATED = 1 << 1, /* the registrar asked for credentials and took them */
	BINDING_THIRD_PARTY = 1 << 2,   /* From is not To                               */
	BINDING_FLOW = 1 << 3,          /* calls come by the flow (RFC 5626)            */
};

/* key: hash of the address of record, hash of registrar and contact (with reg-id: of registrar, instance
 * and reg-id, RFC 5626 6), 0 */
struct binding_row {
	struct row_head head;
	struct endpoint contact;    /* zero: no literal address (a GRUU, a name)        */
	struct endpoint source;     /* where the REGISTER came from; zero: not seen     */
	struct endpoint registrar;
	struct endpoint path;       /* RFC 3327: the hop before the contact; zero: none */
	__u64 expires_ns;           /* of the grant; 0: only asked for                  */
	__u64 asked;                /* sub of the REGISTER that waits for its answer    */
	__u64 contact_digest;       /* of the contact's URI                             */
	__u64 call_digest;          /* of the Call-ID that wrote it                     */
	__u64 nonce;                /* last one that was taken                          */
	struct owner by_contact;    /* of its CONTACT rows; zero: none                  */
	struct owner by_gruu;
	struct owner by_source;
	__u32 nonce_count;
	__u32 cseq;
	__u32 reg_id;               /* 0: none                                          */
	__u16 zones[2];             /* of the phone, of the registrar                   */
	__u16 flags;                /* enum binding_flag                                */
	__u8 algorithm;             /* enum digest_algorithm                            */
	__u8 text_bytes;
	__u8 contact_bytes;
	__u8 instance_bytes;
	__u8 pad[2];
	__u8 text[96];              /* address of record                                */
	__u8 contact_text[80];      /* its URI                                          */
	__u8 instance[56];          /* +sip.instance (RFC 5626 4.1)                     */
};

/* Where a binding is looked for. key: hash of a contact's URI, of a temporary GRUU or of a host that
 * registers; hash of the binding's key; 0 */
struct contact_row {
	struct row_head head;
	struct owner binding;
	__u64 sub;                  /* of the binding's key                             */
};

/* key: owner.bytes is the address, sub the zone, part the prefix length */
struct source_row {
	struct row_head head;
	struct source_conclusion {
		__u32 standing;     /* enum source_standing                             */
		__u32 reason;       /* enum reason; none: the operator's own hand       */
		__u64 until_ns;     /* 0 for good                                       */
	} conclusion;
};

/* key: that of the door */
struct lock_row {
	struct row_head head;
	struct flow_key key;        /* the exact flow that the fast path saw            */
	__u64 seen_ns;
};

enum timer_kind {
	TIMER_CALL_EARLY = 1,       /* no final answer to an INVITE                     */
	TIMER_CALL_IDLE,            /* no signalling and no media                       */
	TIMER_CALL_LONGEST,         /* absolute                                         */
	TIMER_CALL_LINGER,          /* completed call's rows go                         */
	TIMER_TRANSACTION,          /* stand-alone transaction's rows go                */
	TIMER_BINDING,
	TIMER_DRAIN,                /* old doors of a moved stream close                */
	TIMER_ENDING,               /* a BYE without answer                             */
	TIMER_GATEWAY,              /* nothing heard of a gateway                       */
	TIMER_SWEEP,                /* more connections to end than one batch holds     */
};

/* key: owner, sub of what it ends (0: the whole owner), enum timer_kind */
struct timer_row {
	struct row_head head;
	__u64 due_ns;
	__u32 kind;                 /* enum timer_kind                                  */
	__u32 protocol;
};

enum text_kind {
	TEXT_CALL_ID = 1,
	TEXT_CALLER,
	TEXT_CALLEE,
	TEXT_CALLER_TAG,
	TEXT_ISUP_CALLED,           /* called number of an IAM                          */
};

/* key: owner, 0, enum text_kind */
struct text_row {
	struct row_head head;
	__u16 length;
	__u16 pad[3];
	__u8 bytes[LIMIT_TEXT_BYTES];
};

enum gateway_state {
	GATEWAY_IN_SERVICE = 0,
	GATEWAY_RESTARTING,         /* graceful: what runs goes on, nothing new begins  */
	GATEWAY_OUT_OF_SERVICE,     /* forced                                           */
	GATEWAY_DISCONNECTED,       /* lost its agent and found one again               */
};

/* key: hash of the gateway's address, 0, 0 */
struct gateway_row {
	struct row_head head;
	__u64 since_ns;             /* first heard                                      */
	__u64 heard_ns;             /* last heard, to a minute                          */
	__u64 restarted_ns;         /* last RSIP; 0: none                               */
	struct endpoint gateway;    /* as first heard                                   */
	struct address agent;       /* who commands it                                  */
	struct address announced;   /* who may take over; zero: nobody                  */
	__u16 zones[2];             /* gateway's, agent's                               */
	__u8 state;                 /* enum gateway_state                               */
	__u8 old_version;           /* 1: spoke MGCP 0.1                                */
	__u8 domain_bytes;
	__u8 crowded;               /* 1: nine tenths of a limit were reached           */
	__u8 restarts;              /* in a row, less than a minute apart               */
	__u8 pad[3];
	__u8 domain[64];
};

/* One connection, kept where it is looked for. key: media owner, 0, 0; endpoint's hash, hash of the
 * connection's id, 0; gateway's index, start of the media owner, 0; transaction, 0, 0: what it is
 * about, and 1, 0: the second one that it asks for. Part 1: which connections are still to be ended
 * (sub: start of the transaction). */
struct connection_row {
	struct row_head head;
	struct owner gateway;
	struct owner endpoint;      /* zero: not known yet, or many                     */
	struct owner media;         /* of its CALL, MEDIA, DOOR rows; zero: many        */
	struct owner index;         /* all connections of its gateway                   */
	__u64 call;                 /* hash of C:, 0: any                               */
	__u64 connection;           /* hash of I:, 0: not known yet, or many            */
	__u64 since_ns;
	__u8 mode;                  /* connection mode; 0: not said                     */
	__u8 name_bytes;
	__u8 pad[6];
	__u8 name[LIMIT_MGCP_NAME_BYTES]; /* local name of the endpoint, wildcards too  */
};

#define RATE_CLASSES 8

/* key: gateway or agent, 0, 0 */
struct rate_row {
	struct row_head head;
	__u64 window_ns;            /* start of the running second                      */
	__u32 counts[RATE_CLASSES];
	__u64 names_ns;             /* start of the running minute                      */
	__u64 names[4];             /* gateway: endpoints asked about in it, a bit each */
	__u32 names_seen;           /* how many that are, in sixteenths                 */
	__u32 names_set;            /* bits                                             */
};

/* Gateways answer their agent's commands, agents those of gateways. key: hash of the host's address,
 * 0, 0 */
struct health_row {
	struct row_head head;
	struct address host;
	__u64 answered_ns;          /* last answer, to a second; 0: none                */
	__u64 silent_ns;            /* when it was sent what ran out first since; 0: none did */
	__u64 ran_out_ns;           /* last command that did; 0: none                   */
	__u32 unanswered;           /* commands that ran out                            */
	__u32 answer_us;            /* from command to answer, smoothed (RFC 6298 2.3)  */
	__u16 zone;
	__u8 protocol;
	__u8 pad;
	__u32 refused;              /* SIP: answers of 500 and more                     */
};

#define REQUESTS_KEPT 4

/* A gateway's endpoints share a few of them: who came last is remembered. key: hash of the gateway's
 * address and a number, 0, 0 */
struct request_row {
	struct row_head head;
	__u64 asked_ns;
	__u64 endpoint;             /* start of its owner; 0: many were asked at once   */
	__u64 requests[REQUESTS_KEPT]; /* hashes of X:, the last one first              */
};

/* Of a row's value: with its key below the 1,984 bytes that the allocator takes in one step. */
#define ROW_BYTES_MOST 448

/* A change that is decided and not yet in its row's map. */
struct journal_entry {
	__u32 held;                 /* 1: whole, and to be written                      */
	__u32 type;                 /* enum row_type                                    */
	__u32 bytes;                /* of the value; 0 ends the row                     */
	__u32 is_new;               /* no such row was there before                     */
	struct row_key key;
	__u8 value[ROW_BYTES_MOST];
};

#endif
