/* SPDX-License-Identifier: MIT */
/* The ports that hosts hide behind are kept from the host's own sockets: the kernel gives none of them
 * to a socket that asks for any (net.ipv4.ip_local_reserved_ports, of this network namespace). What
 * was reserved before stays, and ours is taken back when all is unloaded. */
#ifndef RINGFENCE_PORTS_H
#define RINGFENCE_PORTS_H

#include "base/slice.h"
#include "policy/policy.h"

#define PORTS_LEFT_LEAST 256         /* of the host's own: fewer would be soon in use */
#define PORTS_TEXT_BYTES 32768       /* all that the kernel's form of a set can be here */

struct port_set {
	uint64_t bits[1024];
};

void ports_add(struct port_set *s, uint16_t low, uint16_t high);
bool ports_has(const struct port_set *s, uint16_t port);
void ports_join(struct port_set *s, const struct port_set *more);
void ports_without(struct port_set *s, const struct port_set *less);
/* "8080,20000-20099": the kernel's form, its line end too. False where it is none. */
bool ports_read(struct slice text, struct port_set *ret);
/* The same, NUL at its end. -E2BIG where it does not fit. */
int ports_write(const struct port_set *s, char *ret, size_t bytes);
/* Those that the rules draw from. */
void ports_of(const struct policy *p, struct port_set *ret);
/* How many of a range are left. */
uint32_t ports_left(const struct port_set *taken, uint16_t low, uint16_t high);

/* What a policy draws from is reserved, what a former one did and this one does not, no more.
 * -ENOSPC: the host's own connections would be left without ports; nothing was changed. */
int ports_reserve(const char *pin_path, const struct policy *p);
/* What was reserved here goes. */
int ports_release(const char *pin_path);
/* Of the range that the kernel draws from for the host's own connections, were ours reserved. */
int ports_left_to_host(const struct policy *p, uint32_t *ret);

#endif
