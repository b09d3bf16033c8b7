// SPDX-License-Identifier: MIT
/* Takes everything of ours out of the kernel; needs neither the daemon nor the object. */
#include <dirent.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/gate.h"
#include "io/kernel_own.h"

/* One end takes the other along. */
static int delete_link(uint32_t ifindex)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buffer[1024];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	ssize_t bytes = -1;
	int err;

	if (!s)
		return -errno;
	header->nlmsg_type = RTM_DELLINK;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	header->nlmsg_seq = 1;
	message->ifi_index = (int)ifindex;
	if (!mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) &&
	    mnl_socket_sendto(s, header, header->nlmsg_len) >= 0)
		bytes = mnl_socket_recvfrom(s, buffer, sizeof(buffer));
	if (bytes > 0)
		bytes = mnl_cb_run(buffer, (size_t)bytes, 1, mnl_socket_get_portid(s), NULL, NULL);
	err = bytes < 0 ? -errno : 0;
	mnl_socket_close(s);
	return err;
}

static int unload_gate(struct kernel_error *reterr)
{
	const uint32_t ifindex = if_nametoindex(GATE_NAME);
	int err = ifindex ? delete_link(ifindex) : 0;

	if (!err || err == -ENODEV)
		return 0;
	return kernel_fail(reterr, err, "unload %s: %s (run as root)", GATE_NAME, strerror(-err));
}

int kernel_unload(const char *pin_path, struct kernel_error *reterr)
{
	static const char *const parts[] = { "/links", "/progs", "/maps", "" };
	char path[KERNEL_PATH_BYTES];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct dirent *entry;
		DIR *part;

		snprintf(path, sizeof(path), "%s%s", pin_path, parts[i]);
		part = opendir(path);
		while (part && (entry = readdir(part)))
			unlinkat(dirfd(part), entry->d_name, 0);
		if (part)
			closedir(part);
		if (rmdir(path) && errno != ENOENT)
			return kernel_fail(reterr, -errno, "unload %s: %s (run as root)", path,
					   strerror(errno));
	}
	return unload_gate(reterr);
}
