/* SPDX-License-Identifier: MIT */
/* What a Digest challenge or credentials say of who asked and what was answered (RFC 3261 25.1, RFC
 * 8760). The response itself, made of the password, is not looked at. */
#ifndef RINGFENCE_SIP_DIGEST_H
#define RINGFENCE_SIP_DIGEST_H

#include <ringfence/row.h>

#include "base/slice.h"

struct sip_digest {
	struct slice realm, nonce;  /* without quotes, escapes left in    */
	enum digest_algorithm algorithm;
	uint32_t nonce_count;       /* nc; 0 where it has none            */
};

/* A value of WWW-Authenticate, Authorization or their proxy's. False where it is not Digest, is
 * malformed, lacks realm or nonce, or says one of them twice. */
bool sip_parse_digest(struct slice value, struct sip_digest *ret);
/* Authentication-Info (RFC 8760 2.8): the nonce to use next; false where it names none. */
bool sip_parse_next_nonce(struct slice value, struct slice *ret_nonce);

#endif
