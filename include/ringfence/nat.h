/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Translation of a flow or pinhole, by its slot. Only permits with PERMIT_TRANSLATED have one, so
 * that no other packet pays for it. */
#ifndef RINGFENCE_NAT_H
#define RINGFENCE_NAT_H

#include "types.h"

/* How a packet leaves: what is zero here stays as it came. Written by user space alone, while no
 * permit of the slot is open. */
struct translation {
	struct address source;
	struct address destination;
	__be16 source_port;
	__be16 destination_port;
	__u32 pad;
};

#endif
