// SPDX-License-Identifier: MIT
/* A socket a datagram: signalling is some hundred messages a second, and a socket that stayed bound
 * would take what is not read here. */
#include "io/emit.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"

static socklen_t to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (address_family(&e->address) == FAMILY_IPV4) {
		v4->sin_family = AF_INET;
		v4->sin_port = e->port;
		memcpy(&v4->sin_addr, e->address.bytes + 12, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = e->port;
	memcpy(&v6->sin6_addr, e->address.bytes, 16);
	return sizeof(*v6);
}

/* RFC 3261 18.1.1 leaves the size of a datagram to the path: pieces are better than nothing. */
static int prepare(int fd, int family)
{
	const int on = 1, v4 = IP_PMTUDISC_DONT, v6 = IPV6_PMTUDISC_DONT;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		return -errno;
	if (family == AF_INET)
		return setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on)) ||
		       setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof(v4)) ? -errno : 0;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof(on)) ||
	       setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof(v6)) ? -errno : 0;
}

int emit(const struct endpoint *from, const struct endpoint *to, struct slice payload)
{
	struct sockaddr_storage source, target;
	socklen_t length = to_sockaddr(from, &source);
	int fd = socket(source.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = fd < 0 ? -errno : 0;

	error = error ?: prepare(fd, source.ss_family);
	if (!error && bind(fd, (struct sockaddr *)&source, length))
		error = -errno;
	length = to_sockaddr(to, &target);
	if (!error && sendto(fd, payload.bytes, payload.length, 0, (struct sockaddr *)&target,
			     length) < 0)
		error = -errno;
	if (fd >= 0)
		close(fd);
	return error;
}
