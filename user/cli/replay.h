/* SPDX-License-Identifier: MIT */
/* `ringfence replay`: the gateway's judgement over a capture, without a kernel and without waiting.
 * The capture's time is the clock; the zone of a packet is that of its source address. */
#ifndef RINGFENCE_REPLAY_H
#define RINGFENCE_REPLAY_H

#include <stdbool.h>

/* Exit status: 0 where everything passed, 1 where something was refused or could not be read. */
int replay_run(const char *capture, const char *config, bool json);

#endif
