/* SPDX-License-Identifier: MIT */
/* Does a host answer? Whoever is asked is known by what he answers, whatever the protocol. */
#ifndef RINGFENCE_HEALTH_H
#define RINGFENCE_HEALTH_H

#include "inspect/inspect.h"

#define HEALTH_GRAIN_NS 1000000000ull        /* answers are noted so often */
#define HEALTH_LIFE_NS (3600 * HEALTH_GRAIN_NS) /* without a word of it    */

/* A request that was answered, or ran out. `owner` names the host's HEALTH row, a subject. */
struct health_note {
	struct owner owner;
	const struct transaction_row *asked;
	uint64_t sent_ns;
	uint8_t protocol;
	bool failed;                 /* the answer says that it cannot serve */
};

/* Noted once a second where all is well. */
void host_answered(const struct inspect_in *in, struct batch *batch, const struct health_note *n);
/* The host is lost until it answers anything again. */
void host_ran_out(const struct inspect_in *in, struct batch *batch, const struct health_note *n);

#endif
