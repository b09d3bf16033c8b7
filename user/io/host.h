/* SPDX-License-Identifier: MIT */
/* What of this host would spoil translation, in words with the remedy. It only looks. */
#ifndef RINGFENCE_HOST_H
#define RINGFENCE_HOST_H

#include "base/slice.h"
#include "io/ports.h"
#include "policy/policy.h"

#define HOST_WARNINGS 64

struct host_warnings {
	char text[HOST_WARNINGS][320];
	uint32_t count;              /* more are not told */
};

/* Outside addresses that this host has not: who is outside asks for them in vain. */
void host_check_addresses(const struct policy *p, const struct address *own, uint32_t own_count,
			  struct host_warnings *w);
/* A line of /proc/net/udp, udp6, tcp or tcp6: what the socket is bound to. False where it is none. */
bool host_socket_read(struct slice line, struct endpoint *ret, uint32_t *ret_state);
/* A socket of the host, in a range that a rule draws from, at an address that it hides behind or at
 * all: what is sent there is the call's. */
void host_check_socket(const struct policy *p, const struct endpoint *bound, const char *transport,
		       struct host_warnings *w);
/* `modules`: /proc/modules. The kernel's SIP helper would edit the same messages. */
void host_check_helper(struct slice modules, struct host_warnings *w);

/* All of it, as it is now. */
void host_check(const struct policy *p, const struct address *own, uint32_t own_count,
		struct host_warnings *ret);

#endif
