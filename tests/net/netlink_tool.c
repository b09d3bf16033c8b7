// SPDX-License-Identifier: MIT
/* Listens for a second: netlink_tool resolve ADDRESS | count. Last line: how often route
 * changes were told. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "io/netlink.h"

#define SECOND_NS 1000000000ull

static int told;

static void on_address(void *self, const struct address *a, bool there)
{
	(void)self;
	(void)a;
	(void)there;
}

static void on_routes(void *self)
{
	(void)self;
	told++;
}

static void on_link(void *self, const char *name, uint32_t ifindex, bool there)
{
	(void)self;
	(void)name;
	(void)ifindex;
	(void)there;
}

static void on_second(void *self)
{
	loop_stop(self);
}

int main(int count, char **words)
{
	const struct netlink_hands hands = { on_address, on_routes, on_link, NULL };
	struct loop *l = loop_new();
	struct netlink *n = l ? netlink_new(l, &hands) : NULL;
	struct address a = {};
	uint8_t v4[4];

	if (!n || count < 2 || !loop_every(l, SECOND_NS, on_second, l))
		return 2;
	if (count > 2 && inet_pton(AF_INET, words[2], v4) == 1)
		a = address_from_ipv4(v4);
	else if (count > 2 && inet_pton(AF_INET6, words[2], a.bytes) != 1)
		return 2;
	if (count > 2)
		netlink_resolve(n, &a);
	puts("ready");
	fflush(stdout);
	loop_run(l);
	printf("%d\n", told);
	netlink_free(n);
	loop_free(l);
	return 0;
}
