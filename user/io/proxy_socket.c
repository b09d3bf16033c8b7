// SPDX-License-Identifier: MIT
/* Sockets that are not at home: accepted for the host that was called, bound to the caller's own
 * address. IP_TRANSPARENT and SO_REUSEADDR on both legs, since both may have the same port. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "io/proxy_own.h"

#define BACKLOG 1024
#define BUFFER_BYTES (128 << 10)     /* of the kernel, a socket and direction */
#define SILENT_S 120                 /* then the kernel asks whether the peer still lives */
#define PROBE_S 30
#define PROBES 4
#define UNANSWERED_MS 60000          /* what was sent must be acknowledged by then */

union place {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool set(int fd, int level, int name, int value)
{
	return !setsockopt(fd, level, name, &value, sizeof(value));
}

static bool make_transparent(int fd, bool is_ipv6)
{
	return set(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
	       (is_ipv6 ? set(fd, SOL_IPV6, IPV6_TRANSPARENT, 1) :
			  set(fd, SOL_IP, IP_TRANSPARENT, 1));
}

/* A message is to leave when it was judged, and a peer that is gone is to be noticed. */
static void set_manners(int fd)
{
	set(fd, SOL_TCP, TCP_NODELAY, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, SOL_TCP, TCP_KEEPIDLE, SILENT_S);
	set(fd, SOL_TCP, TCP_KEEPINTVL, PROBE_S);
	set(fd, SOL_TCP, TCP_KEEPCNT, PROBES);
	set(fd, SOL_TCP, TCP_USER_TIMEOUT, UNANSWERED_MS);
}

static int open_socket(bool is_ipv6)
{
	int fd = socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0);

	if (fd < 0)
		return -errno;
	if (!make_transparent(fd, is_ipv6)) {
		int error = -errno;

		close(fd);
		return error;
	}
	/* The kernel must not hold for us what we do not read. */
	set(fd, SOL_SOCKET, SO_RCVBUF, BUFFER_BYTES);
	set(fd, SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
	return fd;
}

/* On loopback: no stranger reaches it there, only what the fast path gives it. */
static int listen_on(bool is_ipv6)
{
	union place at = { .v4 = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	socklen_t length = is_ipv6 ? sizeof(at.v6) : sizeof(at.v4);
	int fd = open_socket(is_ipv6);

	if (is_ipv6)
		at.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					       .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	if (fd < 0)
		return fd;
	if ((!is_ipv6 || set(fd, SOL_IPV6, IPV6_V6ONLY, 1)) && !bind(fd, &at.any, length) &&
	    !listen(fd, BACKLOG))
		return fd;
	length = (socklen_t)errno;
	close(fd);
	return -(int)length;
}

static int put_listener(const struct proxy *p, uint32_t which)
{
	uint64_t fd = (uint64_t)p->listeners[which];

	return bpf_map_update_elem(kernel_maps(p->kernel)->listeners, &which, &fd, BPF_ANY) ?
		       -errno : 0;
}

/* A host without IPv6 is served all the same. */
int proxy_listen(struct proxy *p, struct kernel_error *reterr)
{
	for (uint32_t which = 0; which < 2; which++) {
		int error = p->listeners[which] = listen_on(which);

		if (error >= 0)
			error = put_listener(p, which);
		if (!error || (which && error == -EAFNOSUPPORT) ||
		    (which && error == -EADDRNOTAVAIL))
			continue;
		snprintf(reterr->text, sizeof(reterr->text), "listener for SIP over TCP: %s (run as "
			 "root; TCP needs CONFIG_BPF_STREAM_PARSER)", strerror(-error));
		return error;
	}
	return 0;
}

static struct endpoint endpoint_of(const union place *at)
{
	struct endpoint e = { .port = at->v4.sin_port };

	if (at->any.sa_family == AF_INET6) {
		memcpy(e.address.bytes, &at->v6.sin6_addr, sizeof(e.address.bytes));
		e.port = at->v6.sin6_port;
	} else {
		e.address = address_from_ipv4((const uint8_t *)&at->v4.sin_addr);
	}
	return e;
}

int proxy_accept(struct proxy *p, int listener, struct proxy_ends *ret)
{
	union place caller = { .any.sa_family = AF_UNSPEC }, callee = caller;
	socklen_t length = sizeof(caller);
	int fd = accept4(p->listeners[listener], &caller.any, &length,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	length = sizeof(callee);
	if (getsockname(fd, &callee.any, &length)) {
		proxy_reset(fd);
		return -ECONNABORTED;
	}
	set_manners(fd);
	*ret = (struct proxy_ends){ .at = { endpoint_of(&caller), endpoint_of(&callee) },
				    .family = listener ? FAMILY_IPV6 : FAMILY_IPV4 };
	return fd;
}

static socklen_t place_of(const struct endpoint *e, bool is_ipv6, union place *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (is_ipv6) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = e->port;
		memcpy(&ret->v6.sin6_addr, e->address.bytes, 16);
		return sizeof(ret->v6);
	}
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = e->port;
	memcpy(&ret->v4.sin_addr, e->address.bytes + 12, 4);
	return sizeof(ret->v4);
}

int proxy_connect(const struct proxy_ends *ends)
{
	bool is_ipv6 = ends->family == FAMILY_IPV6;
	union place from, to;
	socklen_t length = place_of(&ends->at[PROXY_CALLER], is_ipv6, &from);
	int fd = open_socket(is_ipv6), error;

	place_of(&ends->at[PROXY_CALLEE], is_ipv6, &to);
	if (fd < 0)
		return fd;
	set_manners(fd);
	if (!bind(fd, &from.any, length) &&
	    (!connect(fd, &to.any, length) || errno == EINPROGRESS))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

void proxy_reset(int fd)
{
	const struct linger now = { .l_onoff = 1 };

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}
