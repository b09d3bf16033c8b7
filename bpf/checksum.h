/* SPDX-License-Identifier: GPL-2.0 */
/* Internet checksums, changed by difference and never computed anew. */
#ifndef RINGFENCE_BPF_CHECKSUM_H
#define RINGFENCE_BPF_CHECKSUM_H

#include <linux/types.h>

/* RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m'). The words are in network order, so is the sum. */
static __always_inline __u16 checksum_replace(__u16 sum, __u16 old, __u16 new)
{
	__u32 wide = (__u16)~sum + (__u32)(__u16)~old + new;

	wide = (wide & 0xffff) + (wide >> 16);
	wide = (wide & 0xffff) + (wide >> 16);
	return ~wide;
}

#endif
