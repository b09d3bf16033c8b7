/* SPDX-License-Identifier: MIT */
/* Puts a judged message back into the host's own path as if it had just arrived on its interface:
 * an AF_PACKET socket on a veth pair of ours, the interface in SO_MARK, and the egress program that
 * redirects. */
#ifndef RINGFENCE_REINJECT_H
#define RINGFENCE_REINJECT_H

#include "base/slice.h"
#include "io/kernel.h"

struct reinject;

int reinject_open(struct kernel *k, struct reinject **ret, struct kernel_error *reterr);
void reinject_close(struct reinject *r);
/* The datagram of `p` with `payload` in place of its own: IP and UDP lengths and checksums are
 * computed anew. Buffered until reinject_flush. 0 or negative errno. */
int reinject_send(struct reinject *r, const struct punt *p, struct slice payload);
int reinject_flush(struct reinject *r);

#endif
