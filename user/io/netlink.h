/* SPDX-License-Identifier: MIT */
/* Links, addresses, routes and neighbours of the host, by libmnl. */
#ifndef RINGFENCE_NETLINK_H
#define RINGFENCE_NETLINK_H

#include <stdbool.h>

#include "io/loop.h"
#include <ringfence/types.h>

struct netlink;

struct netlink_hands {
	void (*address)(void *self, const struct address *a, bool there); /* ours came or went */
	void (*routes_changed)(void *self);    /* routes or neighbours: raise the generation   */
	void (*link)(void *self, const char *name, uint32_t ifindex, bool there);
	void *self;
};

struct netlink *netlink_new(struct loop *l, const struct netlink_hands *hands);
void netlink_free(struct netlink *n);
/* Route look-up, then NTF_USE: the kernel resolves the next hop towards the address. */
void netlink_resolve(struct netlink *n, const struct address *a);

#endif
