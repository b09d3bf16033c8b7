/* SPDX-License-Identifier: MIT */
/* The group's engine: a closed process group of corosync, which orders and delivers. */
#ifndef RINGFENCE_CPG_H
#define RINGFENCE_CPG_H

#include "cluster/cluster.h"

struct cpg_group;

struct cpg_hands {
	void (*deliver)(void *self, struct wire_member from, struct slice bytes);
	void (*view)(void *self, const struct wire_member *members, uint32_t count);
	void *self;
};

/* Connects; joining is asked for by the cluster. -ENOTCONN: no corosync runs here; else negative
 * errno. ret_self is who we are to the others. */
int cpg_group_open(const char *name, const struct cpg_hands *hands, struct cpg_group **ret,
		   struct wire_member *ret_self);
void cpg_group_close(struct cpg_group *g);
int cpg_group_fd(const struct cpg_group *g);
/* Calls the hands for all that came. Negative errno: corosync is gone. */
int cpg_group_dispatch(struct cpg_group *g);
void cpg_group_ops(struct cpg_group *g, struct group_ops *ret);

#endif
