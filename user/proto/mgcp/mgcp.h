/* SPDX-License-Identifier: MIT */
/* MGCP messages: framed and read (RFC 3435 3; parameters of RFC 2705, NCS and TGCP are tolerated).
 * Structure alone: nothing here knows connections. All slices of a message lie inside its raw
 * bytes, thus slice_offset(msg->raw, part) says where. A message lives in its arena. */
#ifndef RINGFENCE_MGCP_H
#define RINGFENCE_MGCP_H

#include <stdbool.h>
#include <stdint.h>

#include <ringfence/limits.h>
#include <ringfence/types.h>

#include "base/arena.h"
#include "base/slice.h"
#include "inspect/fault.h"

#define MGCP_PROTOCOL 2
/* T-HIST (30 s: answers are kept for repeats, RFC 3435 3.5.3) and T4's like on top. */
#define MGCP_TRANSACTION_NS (35ull * 1000 * 1000 * 1000)
/* Without an answer for so long a host is lost (RFC 3435 4.3: T-MAX). */
#define MGCP_T_MAX_NS (20ull * 1000 * 1000 * 1000)

enum mgcp_sender {
	MGCP_FROM_AGENT = 1,
	MGCP_FROM_GATEWAY = 2,
	MGCP_FROM_BOTH = 3,
};

enum mgcp_verb {
	MGCP_VERB_other = 0,
#define MGCP_VERB(name, text, who) MGCP_VERB_##name,
#include "mgcp_verbs.def"
#undef MGCP_VERB
	MGCP_VERB_COUNT
};

#define MGCP_SINGLE 1

enum mgcp_parameter_kind {
	MGCP_PARAMETER_other = 0,
#define MGCP_PARAMETER(name, text, flags) MGCP_PARAMETER_##name,
#include "mgcp_parameters.def"
#undef MGCP_PARAMETER
	MGCP_PARAMETER_COUNT
};

enum mgcp_way {
	MGCP_SENDS = 1,
	MGCP_RECEIVES = 2,
};

enum mgcp_mode {
	MGCP_MODE_none = 0,         /* not said                                           */
#define MGCP_MODE(name, ways) MGCP_MODE_##name,
#include "mgcp_modes.def"
#undef MGCP_MODE
	MGCP_MODE_other,            /* of a package                                       */
	MGCP_MODE_COUNT
};

/* RFC 3435 2.4.9: RestartMethod */
enum mgcp_restart {
	MGCP_RESTART_none = 0,
	MGCP_RESTART_graceful,
	MGCP_RESTART_forced,
	MGCP_RESTART_restart,
	MGCP_RESTART_disconnected,
	MGCP_RESTART_cancel,        /* cancel-graceful                                    */
	MGCP_RESTART_other,
};

/* RFC 3435 3.2.1.3: local name "@" domain. */
struct mgcp_name {
	struct slice text;
	struct slice local;
	struct slice domain;
	bool is_wild;               /* "*", "$" or a range among its terms                */
};

/* RFC 3435 3.2.1.4: [ local "@" ] domain [ ":" port ] */
struct mgcp_entity {
	struct slice text;
	struct slice domain;        /* with its brackets                                  */
	struct slice host;          /* without brackets                                   */
	struct slice port_text;     /* digits; empty where none is given                  */
	struct address address;     /* zero where the host is a name                      */
	bool is_address;
	uint16_t port;              /* host order; 0 where none is given                  */
};

struct mgcp_parameter {
	enum mgcp_parameter_kind kind;
	struct slice name;
	struct slice value;         /* trimmed                                            */
	struct slice line;          /* without line end                                   */
};

struct mgcp_message {
	struct slice raw;           /* with its separator line                            */
	struct slice start_line;    /* without line end                                   */
	bool is_command;
	enum mgcp_verb verb;
	struct slice verb_text;
	uint16_t code;              /* responses: 0..999                                  */
	struct slice comment;       /* responses: what stands behind the transaction id   */
	uint32_t transaction;
	struct slice transaction_text;
	struct mgcp_name endpoint;  /* commands                                           */
	struct slice version;       /* "1.0"                                              */

	const struct mgcp_parameter *parameters; /* in order of appearance                */
	uint32_t parameter_count;
	uint16_t first[MGCP_PARAMETER_COUNT]; /* index + 1 of the first, 0 where none     */
	uint16_t counts[MGCP_PARAMETER_COUNT];

	struct slice call;          /* C:, empty where none                               */
	struct slice connection;    /* I:, the first of a list                            */
	bool several_connections;
	enum mgcp_mode mode;        /* commands: M:                                       */
	bool has_notified;
	struct mgcp_entity notified; /* N:                                                */
	bool has_specific;
	struct mgcp_name specific;  /* Z:, the first                                      */
	struct slice second_connection; /* I2:                                            */
	bool has_second;
	struct mgcp_name second;    /* Z2:                                                */
	enum mgcp_restart restart;  /* RM:                                                */
	uint32_t delay;             /* RD: seconds                                        */
	uint32_t confirmed[LIMIT_MGCP_CONFIRMED]; /* K: the first of them                 */
	uint32_t confirmed_count;

	struct slice bodies[2];     /* session descriptions, unread                       */
	uint32_t body_count;
};

/* Length of the message that begins at bytes, the separator line ("." alone, RFC 3435 3.5.5)
 * counted in; 0 where nothing but line ends is there, -EBADMSG where it is too long. A datagram is
 * whole: there is never more to wait for. */
int mgcp_frame(struct slice bytes);
/* The same messages without a separator line at their end. */
struct slice mgcp_close(struct slice messages);

/* 0 and *ret_message, living in the arena and pointing into raw. -EBADMSG and *reterr, `at` an
 * offset into raw; -E2BIG over a limit and -ENOMEM where the arena is exhausted do the same with
 * message_limit. */
int mgcp_parse(struct slice raw, struct arena *arena, const struct mgcp_message **ret_message,
	       struct fault *reterr);

const char *mgcp_verb_name(enum mgcp_verb verb);
enum mgcp_sender mgcp_verb_sender(enum mgcp_verb verb);
/* Bits of enum mgcp_way. */
unsigned int mgcp_mode_ways(enum mgcp_mode mode);

/* False where the text is malformed; *ret is then untouched. */
bool mgcp_parse_name(struct slice text, struct mgcp_name *ret);
bool mgcp_parse_entity(struct slice text, struct mgcp_entity *ret);

/* Does a local name with wildcards or ranges stand for this one? Terms are compared without case; a
 * "*" at the end stands for all terms that follow (RFC 3435 2.1.2, E.5). */
bool mgcp_name_matches(struct slice pattern, struct slice local);

#endif
