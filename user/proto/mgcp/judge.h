/* SPDX-License-Identifier: MIT */
/* What the files of the MGCP judgement share. A command is related to its gateway and agent
 * (owner.c), asked who may say that (agent.c), how often (rate.c), and remembered with what it is
 * about; the response, which bears nothing but the transaction id, carries that out (command.c,
 * response.c). Connections are CALL rows with media of their own (connection.c).
 *
 *   CALL  NONE -CRCX-> TRYING -2xx-> CONFIRMED -DLCX, RSIP-> gone
 *                `------ others, silence -------------------'
 */
#ifndef RINGFENCE_MGCP_JUDGE_H
#define RINGFENCE_MGCP_JUDGE_H

#include "inspect/inspect.h"
#include "proto/mgcp/mgcp.h"
#include "proto/sdp/doors.h"

#define MGCP_AGENT_PORT 2727
#define SECOND_NS 1000000000ull
#define ANSWERED_NS (5 * SECOND_NS)  /* T4: nothing of it is under way any more       */

#define GATEWAY_LIFE_NS (3600 * SECOND_NS) /* without a word of it */

#define SIDE_LOCAL SIDE_CALLER       /* the gateway's end of a connection            */
#define SIDE_REMOTE SIDE_CALLEE

#define SUB_SECOND 1                 /* CONNECTION of a transaction: the second one  */
#define PART_SWEEP 1                 /* CONNECTION: what is still to be ended        */
#define PART_RESPONSE 0x1000000u     /* DOOR: where the answer to a command goes     */
#define PART_NOTIFIED 0x1000010u     /* DOOR: the notified entity                    */
#define PART_COMMANDED 0x1000020u    /* DOOR: a gateway that is seen elsewhere, from its agent */
#define PART_REPORTED 0x1000030u     /* DOOR: an agent that is seen elsewhere, from a gateway  */
#define PART_ANNOUNCED 0x1000040u    /* DOOR: the gateway, from the agent that is to come      */

/* Rules, by their numbers in the policy. */
enum mgcp_anomaly {
	MGCP_ANOMALY_none = 0,
#define MGCP_ANOMALY(word, reason, least, action, limit) MGCP_ANOMALY_##word,
#include "mgcp_anomalies.def"
#undef MGCP_ANOMALY
	MGCP_ANOMALY_COUNT,
};

enum mgcp_from {
	FROM_AGENT = 0,
	FROM_GATEWAY = 1,
};

struct mgcp_judge {
	const struct mgcp_message *m;
	const struct inspect_in *in;
	struct outcome *out;
	struct batch *batch;
	enum mgcp_from from;         /* who sent the command                         */
	struct endpoint gateway, agent; /* hosts of the command                      */
	uint16_t zones[2];           /* gateway's, agent's                           */
	struct owner transaction_owner, gateway_owner, index_owner;
	struct owner answerer;       /* responses: who answered                      */
	struct row_key transaction_key, gateway_key;
	const struct transaction_row *transaction; /* as found, NULL                 */
	const struct gateway_row *gateway_row;
	struct gateway_row next_gateway;
	struct connection_row about; /* what the command is about                    */
};

/* What is asked of a connection needs its rows again for the answer. */
static inline bool mgcp_is_of_media(enum mgcp_verb verb)
{
	return verb == MGCP_VERB_crcx || verb == MGCP_VERB_mdcx || verb == MGCP_VERB_dlcx;
}

/* owner.c */
void mgcp_wants(const void *msg, const struct inspect_in *in, struct wants *ret);
/* The transactions that K: confirms. */
void mgcp_want_confirmed(const struct mgcp_message *m, const struct inspect_in *in,
			 struct wants *ret);
struct row_key mgcp_confirmed_key(const struct mgcp_message *m, const struct inspect_in *in,
				  uint32_t i);
/* Fills hosts, zones, owners and what is found of them. */
void mgcp_judge_begin(struct mgcp_judge *j);
void mgcp_judge_refuse(struct mgcp_judge *j, enum reason reason, struct slice at);
uint64_t mgcp_hash(const struct inspect_in *in, struct slice bytes);
/* The message without the line that parts it from the next one. */
struct slice mgcp_own_bytes(const struct mgcp_message *m);
struct owner mgcp_endpoint_owner(const struct inspect_in *in, const struct address *gateway,
				 const struct mgcp_name *name);
struct owner mgcp_media_owner(const struct mgcp_judge *j);
struct owner mgcp_agent_owner(const struct inspect_in *in, const struct address *agent);
struct owner mgcp_health_owner(const struct inspect_in *in, const struct address *host);
bool mgcp_owner_is_zero(const struct owner *o);
const struct server *mgcp_agent_at(const struct policy *p, const struct address *a);
/* That of the second connection which the first's command asked for. */
struct owner mgcp_second_owner(const struct inspect_in *in, const struct owner *first);
void mgcp_name_take(struct connection_row *row, const struct mgcp_name *name);
void mgcp_timer(const struct mgcp_judge *j, const struct owner *owner, enum timer_kind kind,
		uint64_t in_ns);

/* anomaly.c: it was seen: what the policy says is done; true where the message is refused for it. */
bool mgcp_anomaly(struct mgcp_judge *j, enum mgcp_anomaly what, struct slice at);
uint32_t mgcp_anomaly_limit(const struct mgcp_judge *j, enum mgcp_anomaly what);

/* agent.c: false where the message was refused. */
bool mgcp_may_command(struct mgcp_judge *j);
/* RSIP, and CRCX to whom is not in service. */
bool mgcp_take_restart(struct mgcp_judge *j);
bool mgcp_is_in_service(struct mgcp_judge *j);
/* RFC 3435 3.2.2.13: who is to be told from now on. */
bool mgcp_take_notified(struct mgcp_judge *j);
/* Writes the gateway's row where it changed, with the version that was read. */
void mgcp_store_gateway(struct mgcp_judge *j);

/* reach.c: doors to who is translated. `refresh`: those that are there last on. */
void mgcp_reach(const struct mgcp_judge *j, bool refresh);
/* The gateway, by an agent that was announced. */
void mgcp_reach_from(const struct mgcp_judge *j, const struct address *announced);

/* mention.c */
void mgcp_mentions(const void *msg, const struct inspect_in *in, struct mentions *ret);

/* request.c: whose rows remember what the command's endpoint is asked to report; how many. */
uint32_t mgcp_request_owners(const struct mgcp_message *m, const struct inspect_in *in,
			     const struct address *gateway, struct owner ret[2]);
/* A command that asks; NTFY, false where it was refused. */
void mgcp_note_request(struct mgcp_judge *j);
bool mgcp_take_notify(struct mgcp_judge *j);

/* rate.c: false where the message was refused. */
bool mgcp_in_rate(struct mgcp_judge *j);

/* usage.c: false, and refused, where the gateway may not have so many connections more. */
bool mgcp_has_room(struct mgcp_judge *j, uint32_t connections);

/* health.c: a command was answered; it ran out. */
void health_answered(struct mgcp_judge *j);
void health_ran_out(const struct inspect_in *in, struct batch *batch,
		    const struct transaction_row *t);

/* command.c, response.c, expire.c */
void mgcp_judge_command(struct mgcp_judge *j);
void mgcp_judge_response(struct mgcp_judge *j);
void mgcp_timeout(const struct row_view *timer, const struct inspect_in *in, struct outcome *ret);

/* connection.c: false where the message was refused, or (needs) asks for more rows. */
bool connection_open(struct mgcp_judge *j);
bool connection_modify(struct mgcp_judge *j);
bool connection_establish(struct mgcp_judge *j);
void connection_roll_back(struct mgcp_judge *j);
/* Ends one with all its rows. */
void connection_end(struct batch *batch, const struct connection_row *c);
const struct connection_row *connection_at(const struct subjects *s, const struct owner *owner,
					   uint64_t sub);
/* Was it answered? */
bool connection_is_up(const struct subjects *s, const struct owner *media);

/* sweep.c: ends what `which` says among the connections of `owner` that are at hand; what one batch
 * cannot hold is left to a timer. */
void connections_sweep(const struct inspect_in *in, struct batch *batch, const struct owner *owner,
		       const struct connection_row *which);
/* The same, all of it by the timer. */
void connections_sweep_later(const struct inspect_in *in, struct batch *batch,
			     const struct owner *owner, const struct connection_row *which);

#endif
