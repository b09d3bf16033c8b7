/* SPDX-License-Identifier: MIT */
/* The contract between the message's journey and a protocol. An inspector judges one whole message:
 * it reads its inputs and writes an outcome. No clock, no random, no map, no socket, no log, no
 * heap: the linker proves it. */
#ifndef RINGFENCE_INSPECT_H
#define RINGFENCE_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/slice.h"
#include "base/text.h"
#include "inspect/batch.h"
#include "inspect/edit.h"
#include "inspect/fault.h"
#include "policy/policy.h"
#include <ringfence/reason.h>
#include <ringfence/row.h>

/* Who speaks to whom, and how the message came in. */
struct flow_info {
	struct endpoint source;
	struct endpoint destination;
	uint16_t zones[2];           /* of the sender (by interface), of the receiver (by address) */
	uint8_t transport;           /* IPPROTO_UDP, IPPROTO_TCP */
	uint8_t speaks;              /* number of the protocol */
	uint8_t family;              /* enum family */
	bool by_door;                /* a signalling door let it in, else a service's port */
};

/* The rows found for what was wanted: for each wanted owner all its rows, in no order. */
struct subjects {
	const struct row_view *rows;
	uint32_t count;
};

const struct row_view *subjects_find(const struct subjects *s, enum row_type type,
				     const struct row_key *key);
/* Its value, NULL where there is none. */
const void *subjects_value(const struct subjects *s, enum row_type type,
			   const struct row_key *key);
/* The owner that these parts name, each told from the next by its length. */
struct owner owner_named(const struct hash_key *key, const struct slice *parts, uint32_t count);

/* One endpoint, as it is and as it is seen from a zone. */
struct nat_mapping {
	struct endpoint inside, outside;
	uint16_t seen_from;
	uint32_t claims;             /* doors that hold it */
};

/* The mappings that doors hold. */
struct nat_view {
	bool (*outside)(const void *state, const struct endpoint *inside, uint16_t seen_from,
			struct endpoint *ret);
	bool (*inside)(const void *state, const struct endpoint *outside, struct endpoint *ret);
	/* Nobody has it, and nobody else than this one had it lately. */
	bool (*is_free)(const void *state, const struct endpoint *outside,
			const struct endpoint *inside);
	const void *state;
};

/* A place of a message that names a host: where others may send to, or who somebody is. */
struct mention {
	struct slice host;           /* text, brackets of an IPv6 reference included; empty: the port
					alone stands here */
	struct slice port;           /* digits; empty: not written */
	struct slice type;           /* SDP's IP4 or IP6 before it; empty elsewhere */
	struct endpoint endpoint;    /* as it is meant, the default port filled in; port 0: the
					address alone matters */
	bool is_fixed;               /* no port may be written where none is */
	bool is_bare;                /* IPv6 stands without brackets         */
	bool is_bracketed;           /* IPv4 stands in brackets, too (MGCP)  */
};

struct mentions {
	struct mention items[LIMIT_MENTIONS];
	uint32_t count;
	bool overflow;
	struct slice length;         /* digits of the body's length; empty: not written */
	struct slice body;           /* what they count */
};

/* Too many: `overflow`. What names no address is not kept. */
void mentions_add(struct mentions *ret, const struct mention *m);

/* What surrounds the judgement and is no row. */
struct surroundings {
	const struct address *own_addresses;   /* of this gateway */
	uint32_t own_count;
	/* Did the host itself name this endpoint in a live row? (guard) */
	bool (*named)(const void *state, const struct endpoint *e, uint16_t zone);
	const void *state;
	struct nat_view nat;
	/* Of the ports to hide behind this member draws each `slices`th pair, from `slice` on. */
	uint32_t slice, slices;
};

struct inspect_in {
	struct slice raw;            /* exactly one framed message */
	const struct flow_info *flow;
	const struct subjects *subjects;
	const struct policy *policy;
	const struct surroundings *around;
	const struct hash_key *key;  /* group key: names owners */
	uint64_t now_ns;             /* the only clock */
	uint64_t random;             /* drawn for this message: nobody outside can tell it */
	uint32_t round;              /* 1: what was asked for is among the subjects */
	struct arena *arena;         /* dies with the message */
};

enum judgement {
	JUDGEMENT_REFUSE = 0,        /* zero fails closed */
	JUDGEMENT_ACCEPT,
	JUDGEMENT_CONSUME,           /* taken, not sent on */
	JUDGEMENT_NEED,              /* asks for more rows */
};

struct wants {
	struct owner owners[LIMIT_WANTS];
	uint32_t count;
	uint32_t shared;             /* bit i: of owners[i] nothing is changed that a version does not
					guard; messages that say so do not wait for each other    */
};

struct sends {
	struct {
		struct endpoint from, to;
		struct slice bytes;
	} items[LIMIT_SENDS];
	uint32_t count;
};

struct outcome {
	enum judgement judgement;
	enum reason reason;          /* of an accepted one: what was odd about it, and is told */
	uint32_t at;                 /* byte in raw that the reason points to */
	bool missing;                /* refused for want of a row that the group may know of */
	bool denies;                 /* refused, and its sender for a while too */
	bool is_silent;              /* refused, and its sender is not to be told */
	uint16_t answer;             /* refused: the status that its sender is told; 0 none */
	struct owner owner;          /* the call or transaction it belongs to; zero: none */
	struct wants wants;
	struct batch batch;
	struct sends sends;
	struct edits edits;          /* last: of its many items only `count` are ever looked at */
};

static inline void outcome_clear(struct outcome *o)
{
	memset(o, 0, offsetof(struct outcome, edits.items));
}

struct protocol_ops {
	const char *name;
	bool several;                /* a datagram may hold more than one message */
	bool streams;                /* may come over TCP */
	/* Of messages behind each other: without what parts them from one that is not there. NULL:
	 * nothing does. */
	struct slice (*close)(struct slice messages);
	/* Length of the first message, 0 a keep-alive, -EAGAIN more bytes, -EBADMSG never. */
	ssize_t (*frame)(struct slice bytes, size_t *resume);
	int (*parse)(struct slice raw, struct arena *arena, const void **ret_msg,
		     struct fault *reterr);
	void (*wants)(const void *msg, const struct inspect_in *in, struct wants *ret);
	void (*inspect)(const void *msg, const struct inspect_in *in, struct outcome *ret);
	/* May ask for more rows once, like inspect. */
	void (*timeout)(const struct row_view *timer, const struct inspect_in *in,
			struct outcome *ret);
	/* All that names a host in the message, for translation. NULL: nothing is translated. */
	void (*mentions)(const void *msg, const struct inspect_in *in, struct mentions *ret);
	/* What the sender of a refused message is told, a function of the message as it came: its
	 * status, 0 nothing. NULL: nobody is told anything. */
	uint16_t (*answer)(const void *msg, const struct inspect_in *in, enum reason reason,
			   struct sends *ret);
	/* One line: "INVITE sip:bob@example.org", for people. */
	void (*explain)(const void *msg, struct text *ret);
	/* Call-ID or what names the call to people; empty where nothing does. */
	struct slice (*call_name)(const void *msg);
};

/* Protocols by number, from protocols.def; index 0 is NULL. */
extern const struct protocol_ops *const protocols[];
extern const uint32_t protocol_count;

#endif
