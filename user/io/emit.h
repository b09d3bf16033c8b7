/* SPDX-License-Identifier: MIT */
/* Sends a datagram between any two endpoints: the kernel routes it, sums it up and cuts it in pieces
 * where the path asks for it. */
#ifndef RINGFENCE_EMIT_H
#define RINGFENCE_EMIT_H

#include "base/slice.h"
#include <ringfence/types.h>

/* 0 or negative errno. Needs CAP_NET_ADMIN (IP_TRANSPARENT): `from` need not be one of ours. */
int emit(const struct endpoint *from, const struct endpoint *to, struct slice payload);

#endif
