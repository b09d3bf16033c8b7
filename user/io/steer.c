// SPDX-License-Identifier: MIT
/* ip rule add fwmark MARK/MASK lookup TABLE; ip route add local default dev lo table TABLE: once for
 * IPv4 and once for IPv6. */
#include "io/steer.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "io/gate.h"
#include "io/kernel_own.h"

#define TABLE 21063u             /* the mark's upper half */
#define PRIORITY 100u            /* before the main table and most rules of operators */

static void describe_rule(struct nlmsghdr *nlh, uint8_t family)
{
	struct fib_rule_hdr *rule;

	rule = mnl_nlmsg_put_extra_header(nlh, sizeof(*rule));
	rule->family = family;
	rule->action = FR_ACT_TO_TBL;
	mnl_attr_put_u32(nlh, FRA_PRIORITY, PRIORITY);
	mnl_attr_put_u32(nlh, FRA_FWMARK, KERNEL_STEER_MARK);
	mnl_attr_put_u32(nlh, FRA_FWMASK, KERNEL_MARK_MASK);
	mnl_attr_put_u32(nlh, FRA_TABLE, TABLE);
}

static void describe_route(struct nlmsghdr *nlh, uint8_t family)
{
	struct rtmsg *route;

	route = mnl_nlmsg_put_extra_header(nlh, sizeof(*route));
	route->rtm_family = family;
	route->rtm_type = RTN_LOCAL;
	route->rtm_scope = family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	route->rtm_protocol = RTPROT_STATIC;
	mnl_attr_put_u32(nlh, RTA_TABLE, TABLE);
	mnl_attr_put_u32(nlh, RTA_OIF, if_nametoindex("lo"));
}

static int ask(uint16_t type, uint16_t flags, uint8_t family)
{
	char buffer[512];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	if (type == RTM_NEWRULE || type == RTM_DELRULE)
		describe_rule(nlh, family);
	else
		describe_route(nlh, family);
	return gate_talk(nlh);
}

static int open_family(uint8_t family)
{
	int error = ask(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, family);

	if (!error || error == -EEXIST)
		error = ask(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, family);
	return error == -EEXIST ? 0 : error;
}

int steer_open(struct kernel_error *reterr)
{
	int error = open_family(AF_INET);

	if (error)
		return kernel_fail(reterr, error, "rule and route for SIP over TCP (table %u): %s "
				   "(run as root; ip link set lo up)", TABLE, strerror(-error));
	error = open_family(AF_INET6);
	/* A host without IPv6 has nothing to lead. */
	if (error && error != -EAFNOSUPPORT && error != -EOPNOTSUPP && error != -EACCES)
		return kernel_fail(reterr, error, "rule and route for SIP over TCP (table %u), IPv6: "
				   "%s (run as root; ip link set lo up)", TABLE, strerror(-error));
	return 0;
}

int steer_remove(void)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int error = 0;

	for (int i = 0; i < 2; i++) {
		ask(RTM_DELROUTE, 0, families[i]);
		error = ask(RTM_DELRULE, 0, families[i]);
		if (error == -ENOENT || error == -EAFNOSUPPORT)
			error = 0;
		if (error)
			return error;
	}
	return 0;
}
