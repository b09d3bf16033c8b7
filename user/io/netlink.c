// SPDX-License-Identifier: MIT
/* rtnetlink by libmnl: what the host has at the start, and each change after it. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/address.h"
#include "io/netlink.h"

#define QUIET_NS 100000000ull     /* each change makes the fast path look up every next hop anew */
#define ANSWERS 4                /* an answer and what an earlier request may have left */
#define READS 64                 /* a wake-up: the loop has others to serve */
#define GROUPS (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |        \
		RTMGRP_IPV6_ROUTE | RTMGRP_NEIGH)

struct netlink {
	struct mnl_socket *socket;               /* what the kernel tells by itself */
	struct mnl_socket *asks;                 /* requests of ours and their answers */
	struct loop *loop;
	struct loop_source *source;
	struct loop_source *quiet;               /* runs while a change was told lately */
	struct netlink_hands hands;
	uint32_t sequence;
	bool changed;
};

/* Where packets towards an address leave. */
struct hop {
	struct address address;
	uint32_t ifindex;
};

static struct address address_of(const struct nlattr *attribute, uint32_t skip)
{
	const uint8_t *bytes = (const uint8_t *)mnl_attr_get_payload(attribute) + skip;
	struct address a = {};

	if (mnl_attr_get_payload_len(attribute) == skip + 4)
		a = address_from_ipv4(bytes);
	else if (mnl_attr_get_payload_len(attribute) == skip + 16)
		memcpy(a.bytes, bytes, 16);
	return a;
}

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

/* The kernel tells of each probe and of each ageing too. Only what makes a next hop usable or
 * unusable is a change; a hardware address that moved under a stale entry is found by the fast
 * path itself, within the second that its cached hop lives. */
static bool neighbour_matters(const struct nlmsghdr *header)
{
	const struct ndmsg *message = mnl_nlmsg_get_payload(header);

	return header->nlmsg_type == RTM_DELNEIGH ||
	       (message->ndm_state & (NUD_REACHABLE | NUD_FAILED | NUD_PERMANENT));
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
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		n->changed |= neighbour_matters(header);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		n->changed = true;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static void on_quiet(void *self);

/* The first change is told at once; those that follow within the period, once at its end. */
static void tell_changes(struct netlink *n)
{
	if (!n->changed || n->quiet)
		return;
	n->changed = false;
	n->quiet = loop_every(n->loop, QUIET_NS, on_quiet, n);
	n->hands.routes_changed(n->hands.self);
}

static void on_quiet(void *self)
{
	struct netlink *n = self;

	if (n->changed) {
		n->changed = false;
		n->hands.routes_changed(n->hands.self);
		return;
	}
	loop_drop(n->quiet);
	n->quiet = NULL;
}

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
	tell_changes(n);
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
	n->loop = l;
	n->asks = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	n->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!n->asks || mnl_socket_bind(n->asks, 0, MNL_SOCKET_AUTOPID) || !n->socket ||
	    mnl_socket_bind(n->socket, GROUPS, MNL_SOCKET_AUTOPID) ||
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
	loop_drop(n->quiet);
	if (n->socket)
		mnl_socket_close(n->socket);
	if (n->asks)
		mnl_socket_close(n->asks);
	free(n);
}

/* rtnetlink answers before the request returns, so there is never anything to wait for. */
static int ask(struct netlink *n, struct nlmsghdr *header, mnl_cb_t answer, void *context)
{
	unsigned int portid = mnl_socket_get_portid(n->asks);
	char buffer[4096];
	int err = -EPROTO;

	header->nlmsg_seq = ++n->sequence;
	if (mnl_socket_sendto(n->asks, header, header->nlmsg_len) < 0)
		return -errno;
	for (int i = 0; err == -EPROTO && i < ANSWERS; i++) {
		ssize_t bytes = recv(mnl_socket_get_fd(n->asks), buffer, sizeof(buffer),
				     MSG_DONTWAIT);

		if (bytes < 0)
			return -errno;
		err = mnl_cb_run(buffer, (size_t)bytes, header->nlmsg_seq, portid, answer,
				 context) < 0 ? -errno : 0;
	}
	return err;
}

static int on_route(const struct nlmsghdr *header, void *context)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute;
	struct hop *hop = context;

	if (header->nlmsg_type != RTM_NEWROUTE || message->rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	mnl_attr_for_each(attribute, header, sizeof(*message)) {
		const uint16_t type = mnl_attr_get_type(attribute);

		if (type == RTA_GATEWAY)
			hop->address = address_of(attribute, 0);
		else if (type == RTA_VIA)        /* a gateway of the other family */
			hop->address = address_of(attribute, sizeof(struct rtvia));
		else if (type == RTA_OIF && !mnl_attr_validate(attribute, MNL_TYPE_U32))
			hop->ifindex = mnl_attr_get_u32(attribute);
	}
	return MNL_CB_OK;
}

static void put_address(struct nlmsghdr *header, uint16_t type, const struct address *a)
{
	if (address_is_ipv4(a))
		mnl_attr_put(header, type, 4, a->bytes + 12);
	else
		mnl_attr_put(header, type, 16, a->bytes);
}

static int find_hop(struct netlink *n, const struct address *a, struct hop *ret)
{
	struct hop hop = { .address = *a };      /* on the link itself unless a gateway is named */
	char buffer[256];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct rtmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	int err;

	header->nlmsg_type = RTM_GETROUTE;
	header->nlmsg_flags = NLM_F_REQUEST;
	message->rtm_family = address_is_ipv4(a) ? AF_INET : AF_INET6;
	message->rtm_dst_len = address_is_ipv4(a) ? 32 : 128;
	put_address(header, RTA_DST, a);
	err = ask(n, header, on_route, &hop);
	if (err || !hop.ifindex || address_is_zero(&hop.address))
		return err ?: -ENETUNREACH;
	*ret = hop;
	return 0;
}

void netlink_resolve(struct netlink *n, const struct address *a)
{
	char buffer[256];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct ndmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	struct hop hop;

	if (address_is_loopback(a) || address_is_multicast(a) || address_is_zero(a) ||
	    find_hop(n, a, &hop))
		return;
	header->nlmsg_type = RTM_NEWNEIGH;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK;
	message->ndm_family = address_is_ipv4(&hop.address) ? AF_INET : AF_INET6;
	message->ndm_ifindex = (int)hop.ifindex;
	message->ndm_flags = NTF_USE;
	put_address(header, NDA_DST, &hop.address);
	/* What cannot be resolved is seen, and counted, by the fast path. */
	(void)ask(n, header, NULL, NULL);
}
