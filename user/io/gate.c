// SPDX-License-Identifier: MIT
/* Makes the veth pair by which judged messages re-enter the host. No ARP, and what the host
 * itself sends there bears no mark, which the egress program drops. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>

#include "io/gate.h"
#include "io/kernel_own.h"

static void put_nature(struct nlmsghdr *nlh, const char *name)
{
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(nlh, IFLA_MTU, GATE_MTU);
}

static void describe_pair(struct nlmsghdr *nlh)
{
	struct nlattr *link, *data, *peer;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	put_nature(nlh, GATE_NAME);
	link = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_str(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	put_nature(nlh, GATE_PEER);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, link);
}

/* Only once both ends are there: veth refuses to come up without its peer. */
static void describe_up(struct nlmsghdr *nlh, const char *name)
{
	struct ifinfomsg *info;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->ifi_index = (int)if_nametoindex(name);
	info->ifi_flags = info->ifi_change = IFF_UP | IFF_NOARP;
}

int gate_talk(const struct nlmsghdr *nlh)
{
	char answer[1024];
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	ssize_t n = -1;

	if (!s)
		return -errno;
	if (!mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) &&
	    mnl_socket_sendto(s, nlh, nlh->nlmsg_len) >= 0)
		n = mnl_socket_recvfrom(s, answer, sizeof(answer));
	if (n > 0)
		n = mnl_cb_run(answer, (size_t)n, nlh->nlmsg_seq, mnl_socket_get_portid(s), NULL,
			       NULL);
	n = n < 0 ? -errno : 0;
	mnl_socket_close(s);
	return (int)n;
}

/* One end takes the other along. */
int gate_remove(void)
{
	char buffer[1024];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	int error;

	nlh->nlmsg_type = RTM_DELLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	info->ifi_index = (int)if_nametoindex(GATE_NAME);
	error = info->ifi_index ? gate_talk(nlh) : 0;
	return error == -ENODEV ? 0 : error;
}

static int attach_egress(int ifindex, int program)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1, .prog_fd = program,
			    .flags = BPF_TC_F_REPLACE);
	libbpf_print_fn_t print = libbpf_set_print(NULL);        /* that it is there is no news */
	int error = bpf_tc_hook_create(&hook);

	libbpf_set_print(print);
	if (error && error != -EEXIST)
		return error;
	return bpf_tc_attach(&hook, &opts);
}

static int make_pair(void)
{
	static const char *const ends[] = { GATE_NAME, GATE_PEER };
	char buffer[1024];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	int error = 0;

	describe_pair(nlh);
	if (!if_nametoindex(GATE_NAME))
		error = gate_talk(nlh);
	for (int i = 0; i < 2 && !error; i++) {
		nlh = mnl_nlmsg_put_header(buffer);
		describe_up(nlh, ends[i]);
		error = gate_talk(nlh);
	}
	return error;
}

int gate_open(int program, struct kernel_error *reterr)
{
	int error = make_pair(), ifindex;

	if (error)
		return kernel_fail(reterr, error, "interface %s: %s (veth devices are needed: load "
				   "the module veth)", GATE_NAME, strerror(-error));
	ifindex = (int)if_nametoindex(GATE_NAME);
	error = attach_egress(ifindex, program);
	if (error)
		return kernel_fail(reterr, error, "program on %s: %s (clsact and cls_bpf are needed: "
				   "load the modules sch_ingress and cls_bpf)", GATE_NAME,
				   strerror(-error));
	return ifindex;
}
