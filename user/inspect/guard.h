/* SPDX-License-Identifier: MIT */
/* The last word on every outcome. Knows rows and policy, no protocol. It only lowers a judgement or
 * strikes a change that is marked optional; the reasons begin with guard_. */
#ifndef RINGFENCE_GUARD_H
#define RINGFENCE_GUARD_H

#include "inspect/inspect.h"

/* Returns how many optional changes were struck. */
uint32_t guard_outcome(const struct inspect_in *in, struct outcome *outcome);
/* An answer goes from the one host that was asked to the one that asked, and is no longer than what
 * it answers: nobody has a third one sent anything by it. Another one is taken back. */
void guard_answer(const struct inspect_in *in, struct outcome *outcome);

#endif
