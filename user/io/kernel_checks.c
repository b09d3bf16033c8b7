// SPDX-License-Identifier: MIT
/* What would lose packets on an interface without any error, told in words with the remedy. It
 * only looks; nothing of the host is changed. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/kernel_own.h"

#define NATIVE_MTU 3520          /* a larger frame does not fit the page of a driver's XDP */
/* The generic netlink family `netdev` of Linux 6.3; older headers lack it. */
#define NETDEV_DEV_GET 1
#define NETDEV_IFINDEX 1
#define NETDEV_XDP_FEATURES 3
#define NETDEV_TAKES_FRAMES 4u   /* ndo_xdp_xmit */

static void __attribute__((format(printf, 2, 3))) warn(struct attachment_state *s,
						       const char *format, ...)
{
	size_t used = strlen(s->warning);
	va_list arguments;

	if (used && used + 3 < sizeof(s->warning))
		used += (size_t)sprintf(s->warning + used, "; ");
	va_start(arguments, format);
	vsnprintf(s->warning + used, sizeof(s->warning) - used, format, arguments);
	va_end(arguments);
}

static bool forwards(const char *family, const char *interface)
{
	char path[96];
	FILE *file;
	int c;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/forwarding", family, interface);
	file = fopen(path, "re");
	if (!file)
		return true;
	c = fgetc(file);
	fclose(file);
	return c != '0';
}

static int ask_ethtool(const char *interface, void *command)
{
	struct ifreq request = { .ifr_data = command };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	err = ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
	close(fd);
	return err;
}

static int interface_mtu(const char *interface)
{
	struct ifreq request = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	err = ioctl(fd, SIOCGIFMTU, &request) ? -errno : 0;
	close(fd);
	return err ?: request.ifr_mtu;
}

static bool is_veth(const char *interface)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	return !ask_ethtool(interface, &info) && !strcmp(info.driver, "veth");
}

static bool strips_tags(const char *interface)
{
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };

	return !ask_ethtool(interface, &flags) && (flags.data & ETH_FLAG_RXVLAN);
}

static int on_family(const struct nlmsghdr *header, void *context)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, header, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID)
			*(uint16_t *)context = mnl_attr_get_u16(attribute);
	return MNL_CB_OK;
}

static int on_features(const struct nlmsghdr *header, void *context)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, header, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attribute) == NETDEV_XDP_FEATURES &&
		    mnl_attr_get_payload_len(attribute) == 8)
			*(uint64_t *)context = mnl_attr_get_u64(attribute);
	return MNL_CB_OK;
}

/* One request, one answer; generic netlink answers before the request returns. */
static int ask_netlink(struct mnl_socket *s, struct nlmsghdr *header, mnl_cb_t answer, void *ret)
{
	char buffer[8192];
	ssize_t bytes;

	if (mnl_socket_sendto(s, header, header->nlmsg_len) < 0)
		return -errno;
	bytes = recv(mnl_socket_get_fd(s), buffer, sizeof(buffer), MSG_DONTWAIT);
	if (bytes < 0 || mnl_cb_run(buffer, (size_t)bytes, header->nlmsg_seq,
				    mnl_socket_get_portid(s), answer, ret) < 0)
		return -errno;
	return 0;
}

static struct nlmsghdr *genl_request(void *buffer, uint16_t family, uint8_t command)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));

	header->nlmsg_type = family;
	header->nlmsg_flags = NLM_F_REQUEST;
	header->nlmsg_seq = family;
	message->cmd = command;
	message->version = 1;
	return header;
}

static int xdp_features(uint32_t ifindex, uint64_t *ret)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	struct nlmsghdr *header;
	uint16_t family = 0;
	char buffer[256];
	int err;

	if (!s)
		return -errno;
	header = genl_request(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, "netdev");
	err = mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) ? -errno : 0;
	err = err ?: ask_netlink(s, header, on_family, &family);
	if (!err) {
		header = genl_request(buffer, family, NETDEV_DEV_GET);
		mnl_attr_put_u32(header, NETDEV_IFINDEX, ifindex);
		err = ask_netlink(s, header, on_features, ret);
	}
	mnl_socket_close(s);
	return err;
}

/* A kernel that cannot say is older than the question: a network card is believed. */
bool kernel_takes_frames(const struct attachment_state *s)
{
	uint64_t features = 0;

	if (xdp_features(s->ifindex, &features))
		return !is_veth(s->interface);
	return features & NETDEV_TAKES_FRAMES;
}

static void check_native(struct attachment_state *s)
{
	const int mtu = interface_mtu(s->interface);

	if (is_veth(s->interface))
		warn(s, "veth: unfinished checksums of local senders are lost, as is all that is "
			"redirected here while the peer has neither XDP nor GRO "
			"(at the peer: ethtool -K DEVICE tx off gro on; or mode: tc)");
	if (mtu > NATIVE_MTU)
		warn(s, "MTU %d: above %d native mode loses packets "
			"(ip link set %s mtu %d, or mode: tc)", mtu, NATIVE_MTU, s->interface,
		     NATIVE_MTU);
	if (strips_tags(s->interface))
		warn(s, "takes VLAN tags off before XDP sees them: tagged packets meet the rules of "
			"untagged ones (ethtool -K %s rxvlan off)", s->interface);
}

void kernel_check(struct attachment_state *s)
{
	s->warning[0] = '\0';
	if (!forwards("ipv4", s->interface))
		warn(s, "does not forward IPv4: packets are lost "
			"(sysctl -w net.ipv4.conf.%s.forwarding=1)", s->interface);
	if (!forwards("ipv6", s->interface))
		warn(s, "does not forward IPv6: packets are lost "
			"(sysctl -w net.ipv6.conf.%s.forwarding=1)", s->interface);
	if (s->mode == ATTACH_NATIVE)
		check_native(s);
}
