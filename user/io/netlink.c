// SPDX-License-Identifier: MIT
/* rtnetlink by libmnl: what the host has at the start, and each change after it. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/address.h"
#include "io/netlink.h"

#define READS 64                 /* a wake-up: the loop has others to serve */
#define GROUPS (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |        \
		RTMGRP_IPV6_ROUTE | RTMGRP_NEIGH)

struct netlink {
	struct mnl_socket *socket;
	struct loop_source *source;
	struct netlink_hands hands;
	bool changed;
};

static void take_address(struct netlink *n, const struct nlmsghdr *header, bool there)
{
	const struct ifaddrmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute, *found = NULL;
	struct address a = {};

	/* On a point-to-point link IFA_ADDRESS is the peer's. */
	mnl_attr_for_each(attribute, header, sizeof(*message)) {
		const uint16_t type = mnl_attr_get_type(attribute);

		if (type == IFA_LOCAL || (type == IFA_ADDRESS && !found))
			found = attribute;
	}
	if (!found)
		return;
	if (message->ifa_family == AF_INET && mnl_attr_get_payload_len(found) == 4)
		a = address_from_ipv4(mnl_attr_get_payload(found));
	else if (message->ifa_family == AF_INET6 && mnl_attr_get_payload_len(found) == 16)
		memcpy(a.bytes, mnl_attr_get_payload(found), 16);
	else
		return;
	n->hands.address(n->hands.self, &a, there);
}

static void take_link(struct netlink *n, const struct nlmsghdr *header, bool there)
{
	const struct ifinfomsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, header, sizeof(*message))
		if (mnl_attr_get_type(attribute) == IFLA_IFNAME &&
		    !mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING))
			n->hands.link(n->hands.self, mnl_attr_get_str(attribute),
				      (uint32_t)message->ifi_index, there);
}

static int on_message(const struct nlmsghdr *header, void *self)
{
	struct netlink *n = self;

	switch (header->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		take_address(n, header, header->nlmsg_type == RTM_NEWADDR);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		take_link(n, header, header->nlmsg_type == RTM_NEWLINK);
		break;
	default:
		n->changed = true;
	}
	return MNL_CB_OK;
}

/* Many changes of one wake-up are told once. */
static void on_readable(void *self)
{
	struct netlink *n = self;
	char buffer[16384];

	for (int i = 0; i < READS; i++) {
		ssize_t bytes = recv(mnl_socket_get_fd(n->socket), buffer, sizeof(buffer),
				     MSG_DONTWAIT);

		/* What was lost may have been a route. */
		if (bytes < 0 && errno == ENOBUFS)
			n->changed = true;
		if (bytes <= 0)
			break;
		mnl_cb_run(buffer, (size_t)bytes, 0, 0, on_message, n);
	}
	if (n->changed)
		n->hands.routes_changed(n->hands.self);
	n->changed = false;
}

static int dump(struct netlink *n, uint16_t type)
{
	unsigned int portid = mnl_socket_get_portid(n->socket);
	char buffer[16384];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	ssize_t bytes;
	int more = 1;

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
	if (mnl_socket_sendto(n->socket, header, header->nlmsg_len) < 0)
		return -errno;
	while (more > 0) {
		bytes = mnl_socket_recvfrom(n->socket, buffer, sizeof(buffer));
		if (bytes < 0)
			return -errno;
		more = mnl_cb_run(buffer, (size_t)bytes, 0, portid, on_message, n);
	}
	return more;
}

struct netlink *netlink_new(struct loop *l, const struct netlink_hands *hands)
{
	struct netlink *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->hands = *hands;
	n->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!n->socket || mnl_socket_bind(n->socket, GROUPS, MNL_SOCKET_AUTOPID) ||
	    dump(n, RTM_GETLINK) < 0 || dump(n, RTM_GETADDR) < 0 ||
	    !(n->source = loop_fd(l, mnl_socket_get_fd(n->socket), on_readable, n))) {
		netlink_free(n);
		return NULL;
	}
	return n;
}

void netlink_free(struct netlink *n)
{
	if (!n)
		return;
	loop_drop(n->source);
	if (n->socket)
		mnl_socket_close(n->socket);
	free(n);
}
