/* SPDX-License-Identifier: MIT */
/* The rule and the routes by which segments that bear the fast path's mark reach sockets here, though
 * they are addressed to others. */
#ifndef RINGFENCE_STEER_H
#define RINGFENCE_STEER_H

#include "io/kernel.h"

/* 0 where they stand already. They stay when the daemon ends: its last segments need them. */
int steer_open(struct kernel_error *reterr);
int steer_remove(void);

#endif
