/* SPDX-License-Identifier: MIT */
/* Who is bound where: addresses of record, their contacts, and how each is found again. */
#ifndef RINGFENCE_SIP_REGISTERED_H
#define RINGFENCE_SIP_REGISTERED_H

#include "proto/sip/judge.h"

/* RFC 3261 10.3 step 5: without parameters, escapes undone, host's case ignored. */
struct owner sip_user_owner(const struct inspect_in *in, const struct sip_uri *uri);
bool sip_same_user(const struct inspect_in *in, const struct sip_uri *a, const struct sip_uri *b);
/* Of CONTACT rows: where the binding of a contact's URI or of a temporary GRUU is looked for. */
struct owner sip_contact_owner(const struct inspect_in *in, const struct sip_uri *uri);
/* Of CONTACT rows: what one host registered. */
struct owner sip_registrant_owner(const struct inspect_in *in, uint16_t zone,
				  const struct address *host);
/* Key of a binding's CONTACT rows under `owner`. */
struct row_key contact_key(const struct inspect_in *in, const struct owner *owner,
			   const struct row_key *binding);
/* Its rows, doors, timer and CONTACT rows. */
void binding_end(const struct inspect_in *in, struct batch *batch, const struct row_key *key,
		 const struct binding_row *row);
/* What a rule asks of caller and callee needs their bindings among the subjects. */
void registered_wants(const struct sip_message *m, const struct inspect_in *in,
		      const struct rule *rule, struct wants *ret);
/* True: bindings of the callee are still to be fetched, and the outcome's wants say which. */
bool registered_wants_more(struct judge *j, const struct rule *rule);
bool caller_is_registered(const struct judge *j);
bool callee_is_registered(const struct judge *j);

#endif
