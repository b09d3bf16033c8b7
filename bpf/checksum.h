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

/* Differences (~m + m') of many words, gathered in 32 bits each: 2^32 is 1 modulo 2^16 - 1, so that
 * they may be added before they are folded (RFC 1071 2(C)). */
static __always_inline __u64 difference_of(__u64 so_far, __u32 old, __u32 new)
{
	return so_far + (__u32)~old + new;
}

/* As 32 bits, which is what the kernel's helpers take. */
static __always_inline __u32 difference_fold(__u64 difference)
{
	difference = (difference & 0xffffffff) + (difference >> 32);
	return (difference & 0xffffffff) + (difference >> 32);
}

static __always_inline __u16 checksum_change(__u16 sum, __u64 difference)
{
	__u64 wide = difference_fold(difference) + (__u64)(__u16)~sum;

	wide = (wide & 0xffff) + (wide >> 16);
	wide = (wide & 0xffff) + (wide >> 16);
	wide = (wide & 0xffff) + (wide >> 16);
	return ~wide;
}

#endif
