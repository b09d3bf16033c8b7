// SPDX-License-Identifier: MIT
/* libcpg behind our names. */
#include "cluster/cpg.h"

#include <corosync/cpg.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cpg_group {
	cpg_handle_t handle;
	struct cpg_name name;
	struct cpg_hands hands;
	int fd;
};

static int to_errno(cs_error_t error)
{
	switch (error) {
	case CS_OK:
		return 0;
	case CS_ERR_TRY_AGAIN:
		return -EAGAIN;
	case CS_ERR_NO_MEMORY:
		return -ENOMEM;
	case CS_ERR_ACCESS:
		return -EACCES;
	case CS_ERR_TOO_BIG:
		return -EMSGSIZE;
	default:
		return -ENOTCONN;
	}
}

static struct cpg_group *group_of(cpg_handle_t handle)
{
	void *context = NULL;

	cpg_context_get(handle, &context);
	return context;
}

static void on_deliver(cpg_handle_t handle, const struct cpg_name *name, uint32_t node,
		       uint32_t pid, void *bytes, size_t length)
{
	const struct cpg_group *g = group_of(handle);

	(void)name;
	g->hands.deliver(g->hands.self, (struct wire_member){ node, pid },
			 slice_make(bytes, length));
}

static void on_view(cpg_handle_t handle, const struct cpg_name *name,
		    const struct cpg_address *members, size_t count,
		    const struct cpg_address *left, size_t left_count,
		    const struct cpg_address *joined, size_t joined_count)
{
	const struct cpg_group *g = group_of(handle);
	struct wire_member list[LIMIT_MEMBERS + 1];
	uint32_t kept = 0;

	(void)name, (void)left, (void)left_count, (void)joined, (void)joined_count;
	/* One more than fits is told as too many. */
	for (size_t i = 0; i < count && kept < LIMIT_MEMBERS + 1; i++)
		list[kept++] = (struct wire_member){ members[i].nodeid, members[i].pid };
	g->hands.view(g->hands.self, list, kept);
}

int cpg_group_open(const char *name, const struct cpg_hands *hands, struct cpg_group **ret,
		   struct wire_member *ret_self)
{
	cpg_callbacks_t callbacks = { .cpg_deliver_fn = on_deliver, .cpg_confchg_fn = on_view };
	struct cpg_group *g = calloc(1, sizeof(*g));
	unsigned int node;
	int error;

	if (!g)
		return -ENOMEM;
	g->hands = *hands;
	g->name.length = (uint32_t)snprintf(g->name.value, sizeof(g->name.value), "ringfence-%s",
					    name);
	error = to_errno(cpg_initialize(&g->handle, &callbacks));
	if (error) {
		free(g);
		return error;
	}
	cpg_context_set(g->handle, g);
	error = to_errno(cpg_fd_get(g->handle, &g->fd));
	error = error ?: to_errno(cpg_local_get(g->handle, &node));
	if (error) {
		cpg_group_close(g);
		return error;
	}
	*ret_self = (struct wire_member){ node, (uint32_t)getpid() };
	*ret = g;
	return 0;
}

void cpg_group_close(struct cpg_group *g)
{
	if (!g)
		return;
	cpg_finalize(g->handle);
	free(g);
}

int cpg_group_fd(const struct cpg_group *g)
{
	return g->fd;
}

int cpg_group_dispatch(struct cpg_group *g)
{
	int error = to_errno(cpg_dispatch(g->handle, CS_DISPATCH_ALL));

	return error == -EAGAIN ? 0 : error;
}

static int group_send(void *self, const void *bytes, size_t length)
{
	const struct cpg_group *g = self;
	struct iovec part = { (void *)bytes, length };

	return to_errno(cpg_mcast_joined(g->handle, CPG_TYPE_AGREED, &part, 1));
}

static int group_join(void *self)
{
	const struct cpg_group *g = self;

	return to_errno(cpg_join(g->handle, &g->name));
}

static void group_leave(void *self)
{
	const struct cpg_group *g = self;

	cpg_leave(g->handle, &g->name);
}

void cpg_group_ops(struct cpg_group *g, struct group_ops *ret)
{
	*ret = (struct group_ops){ group_send, group_join, group_leave, g };
}
