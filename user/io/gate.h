/* SPDX-License-Identifier: MIT */
/* The gate: a veth pair of ours by which judged messages re-enter the host, and the egress program
 * on it. It stays when the daemon ends; kernel_unload takes it away. */
#ifndef RINGFENCE_GATE_H
#define RINGFENCE_GATE_H

#include "io/kernel.h"

#define GATE_NAME "rfgate0"
#define GATE_PEER "rfgate1"
#define GATE_MTU 65521           /* the largest that veth takes */

/* Makes the pair where it is absent, brings both ends up, puts the program `fd` on the egress.
 * Returns the interface's index, or negative errno with *reterr. */
int gate_open(int program, struct kernel_error *reterr);

/* Takes the pair away; 0 where there was none. */
int gate_remove(void);

/* Sends one request to the kernel's routing and waits for its acknowledgement. */
struct nlmsghdr;
int gate_talk(const struct nlmsghdr *nlh);

#endif
