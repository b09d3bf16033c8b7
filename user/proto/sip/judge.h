/* SPDX-License-Identifier: MIT */
/* What the files of the SIP judgement share. A message is related to its owner, transaction and
 * dialog (owner.c), judged as request or response, its offer or answer laid over the media rows
 * (offer.c), and the doors are derived from those rows and nothing else (door.c).
 *
 *   CALL  NONE -INVITE-> TRYING -1xx-> EARLY -2xx-> CONFIRMED -BYE-> ENDING -final-> COMPLETED
 *           ^               `-------- >=300 --------------------------------------------^  |
 *           `------------------------------------- linger -------------------------------'
 */
#ifndef RINGFENCE_SIP_JUDGE_H
#define RINGFENCE_SIP_JUDGE_H

#include "inspect/inspect.h"
#include "proto/sdp/doors.h"
#include "proto/sip/isup.h"
#include "proto/sip/sip.h"

#define SIP_PROTOCOL 1
#define SECOND_NS 1000000000ull
#define TIMEOUT_NS (32 * SECOND_NS)          /* 64 T1 (RFC 3261 17.1.2.2, timer F) */
/* A 408 leaves as timer F fires: the transaction outlives it by T4, a message's longest stay in the
 * network (RFC 3261 17.1.1.1). */
#define TRANSACTION_NS (TIMEOUT_NS + 5 * SECOND_NS)

/* DOOR parts beside those of media (proto/sdp/doors.h). */
#define PART_RESPONSE 0x1000000u     /* where the answer to a request goes   */
#define PART_RESPONSE_VIA 0x1000001u
#define PART_CONTACT 0x1000010u      /* + side                               */
#define PART_CONTACT_BEFORE 0x1000012u /* + side: the one that it replaced   */
#define PART_ROUTE 0x1000040u        /* + 8 for each side, + its place       */
#define PART_REDIRECT 0x1000050u     /* + its place                          */
#define ROUTES 4u                    /* of one message that get a door       */

struct judge {
	const struct sip_message *m;
	const struct inspect_in *in;
	struct outcome *out;
	struct batch *batch;
	struct owner owner;
	uint16_t zones[2];           /* of the call, by side                         */
	enum side requester;         /* side that sent the request                   */
	enum side sender;            /* side that sent this message                  */
	const struct call_row *call; /* as found, NULL                               */
	struct call_row next_call;
	bool call_changed;
	uint64_t tag;                /* far tag's hash, 0 where it has none          */
	const struct dialog_row *dialog;
	struct dialog_row next_dialog;
	bool dialog_changed;
	struct row_key transaction_key;
	const struct transaction_row *transaction;
	bool shows_credentials;      /* that a server asked for                      */
	const struct sdp *sdp;       /* NULL: no body of that kind                   */
	uint64_t sdp_digest;
	struct isup isup;            /* type 0: none                                 */
	struct lines *lines;
};

/* owner.c */
void sip_wants(const void *msg, const struct inspect_in *in, struct wants *ret);
uint64_t sip_hash(const struct inspect_in *in, struct slice bytes);
struct row_key sip_key(const struct owner *owner, uint64_t sub, uint32_t part);
struct row_key sip_transaction_key(const struct judge *j, enum sip_method method);
/* Fills all that is found of the message; 0, or -EBADMSG with the outcome's reason set. */
int judge_begin(struct judge *j);
const void *judge_row(const struct judge *j, enum row_type type, const struct row_key *key);
void judge_refuse(struct judge *j, enum reason reason, struct slice at);
void judge_text(struct judge *j, enum text_kind kind, struct slice s);
/* Writes CALL and DIALOG where they changed, with the version that was read. */
void judge_finish(struct judge *j);
void judge_timer(struct judge *j, uint64_t sub, enum timer_kind kind, uint64_t in_ns);
void judge_timer_off(struct judge *j, uint64_t sub, enum timer_kind kind);

/* mention.c */
void sip_mentions(const void *msg, const struct inspect_in *in, struct mentions *ret);

/* The owner of the call's other passage, where it crosses twice. */
struct owner sip_other_passage(const struct sip_message *m, const struct inspect_in *in);

/* topology.c: of a new call. */
enum topology call_topology(struct judge *j);

/* health.c */
struct owner sip_health_owner(const struct inspect_in *in, const struct address *host);
/* One of the file's: of these it is known how they answer. */
bool sip_is_server(const struct inspect_in *in, const struct address *host);
void sip_answered(const struct judge *j);
void sip_ran_out(const struct judge *j, const struct transaction_row *t);
void sip_health_expire(const struct judge *j, const struct row_key *timer);
uint64_t sip_invite_life(const struct inspect_in *in);

/* subscribe.c: what SUBSCRIBE and REFER outside of calls begin. */
void judge_subscription(struct judge *j);

/* RFC 3261 12.2.1.1, RFC 3311, 6665, 3515: requests whose Contact is where the sender now is. */
bool sip_moves_target(enum sip_method method);

/* request.c, response.c, register.c, expire.c */
void judge_request(struct judge *j);
void judge_response(struct judge *j);
void judge_register_request(struct judge *j);
void judge_register_response(struct judge *j);
void sip_timeout(const struct row_view *timer, const struct inspect_in *in, struct outcome *ret);
void judge_call_over(struct judge *j, uint16_t status);

/* offer.c: false where the message was refused. */
bool offer_take(struct judge *j, enum side from, uint64_t sub);
/* The sender's offer in this dialog: who has the open offer, and what it proposes. */
void offer_open(struct judge *j);
bool answer_take(struct judge *j, enum side from, uint64_t offer_sub, uint64_t sub);
/* Has the transaction's request an offer that waits for its answer? */
bool offer_is_open(const struct dialog_row *d, const struct transaction_row *t);
void offer_roll_back(struct judge *j, enum side from);
/* The clock's way to do so: no message, so nothing is derived anew. */
void offer_forget(struct judge *j, enum side from);

/* door.c */
/* The call's doors, as proto/sdp derives and ends them. */
struct doors judge_doors(const struct judge *j);
void door_response(struct judge *j, uint64_t expires_ns);
void door_response_extend(struct judge *j, uint64_t expires_ns);
/* Where the other side sends the dialog's requests: the sender's Contact, and what stands in
 * Record-Route on his side. False: they need none. */
bool door_targets(struct judge *j, uint64_t sub, uint64_t expires_ns);
/* Contacts of a 3xx. */
void door_redirects(struct judge *j, uint64_t expires_ns);
bool door_signalling(const struct judge *j, const struct row_key *key, const struct flow_key *flow,
		     uint64_t expires_ns);
/* To where a URI of the sender's says, from anywhere in the receiver's zone. */
bool door_uri(const struct judge *j, const struct row_key *key, const struct sip_uri *uri,
	      uint64_t expires_ns);
struct endpoint contact_endpoint(const struct sip_contact *c);
/* Zero: no literal address. Its port is never 0. */
struct endpoint uri_endpoint(const struct sip_uri *uri);

/* auth.c */
/* Credentials of the request that answer a challenge which this host was given. */
void auth_request(const struct judge *j, struct transaction_row *row);
/* The challenges of a 401 or 407. */
void auth_response(const struct judge *j, struct transaction_row *row);
/* The server asked, and with this response took what was shown. */
bool auth_is_taken(const struct judge *j);
/* The nonce that is good for the next request, and how far it was counted. */
uint64_t auth_next_nonce(const struct judge *j, uint32_t *ret_count);

#endif
