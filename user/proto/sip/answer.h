/* SPDX-License-Identifier: MIT */
/* Answers to refused requests. */
#ifndef RINGFENCE_SIP_ANSWER_H
#define RINGFENCE_SIP_ANSWER_H

#include "proto/sip/judge.h"

/* The status that goes back, 0 none, and the response in the arena. `in` is the message as it came
 * on the wire, its flow too. */
uint16_t sip_answer(const void *msg, const struct inspect_in *in, enum reason reason,
		    struct sends *ret);
/* Is it the ACK to such an answer? One with a To tag of its own excepted: that stays as it is
 * (RFC 3261 8.2.6.2). */
bool sip_acks_answer(const struct sip_message *m, const struct inspect_in *in);

#endif
