// SPDX-License-Identifier: MIT
/* Programs to interfaces and off again, by pinned links. Native XDP for network cards; on virtual
 * devices the TC twin, since XDP costs them their offloads. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/kernel_own.h"

#define TCX_INGRESS ((enum bpf_attach_type)46)   /* linux 6.6; older headers lack it */

static enum attach_mode choose(const char *interface, enum attach_mode wish,
			       struct attachment_state *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/device", interface);
	if (wish != ATTACH_AUTO)
		snprintf(ret->why, sizeof(ret->why), "%s",
			 wish == ATTACH_NATIVE ? "native asked for" : "tc asked for");
	else if (access(path, F_OK))
		snprintf(ret->why, sizeof(ret->why),
			 "virtual device: XDP would switch its offloads off");
	else
		snprintf(ret->why, sizeof(ret->why), "network card: its driver runs XDP");
	if (wish != ATTACH_AUTO)
		return wish;
	return access(path, F_OK) ? ATTACH_TC : ATTACH_NATIVE;
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

static void warn_forwarding(struct attachment_state *ret)
{
	const bool v4 = forwards("ipv4", ret->interface), v6 = forwards("ipv6", ret->interface);

	if (!v4 || !v6)
		snprintf(ret->warning, sizeof(ret->warning),
			 "does not forward %s: packets are lost (sysctl -w net.%s.conf.%s.forwarding=1)",
			 v4 ? "IPv6" : v6 ? "IPv4" : "IPv4 and IPv6", v4 ? "ipv6" : "ipv4",
			 ret->interface);
}

static int link_pinned(const struct kernel *k, const struct attachment_state *s)
{
	const bool native = s->mode == ATTACH_NATIVE;
	char path[KERNEL_PATH_BYTES];
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	int fd, err;

	kernel_link_path(k->pin_path, s->interface, native ? "xdp" : "tc", path);
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		err = bpf_link_update(fd, native ? k->xdp : k->tc, NULL);
		close(fd);
		if (err != -ENOLINK)
			return err;
		unlink(path);            /* of an interface that is gone */
	}
	fd = native ? bpf_link_create(k->xdp, (int)s->ifindex, BPF_XDP, &options) :
		      bpf_link_create(k->tc, (int)s->ifindex, TCX_INGRESS, NULL);
	if (fd < 0)
		return fd;
	err = bpf_obj_pin(fd, path) ? -errno : 0;
	close(fd);
	return err;
}

/* Before Linux 6.6 there is no link for TC: a filter of clsact, replaced in place. */
static int filter_clsact(const struct kernel *k, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = k->tc, .handle = 1, .priority = 1,
		    .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&hook);

	return err && err != -EEXIST ? err : bpf_tc_attach(&hook, &options);
}

static int record(const struct kernel *k, const struct attachment_state *s)
{
	struct attachment_key key = { .interface = s->ifindex, .vlan = s->vlan };
	struct attachment value = { .zone = s->zone };

	return bpf_map_update_elem(k->maps.attachments, &key, &value, BPF_ANY);
}

int kernel_attach(struct kernel *k, const struct zone_interface *iface, uint16_t zone,
		  enum attach_mode wish, struct attachment_state *ret, struct kernel_error *reterr)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, xdp);
	int err;

	*ret = (struct attachment_state){ .vlan = iface->vlan, .zone = zone };
	snprintf(ret->interface, sizeof(ret->interface), "%s", iface->name);
	ret->ifindex = if_nametoindex(iface->name);
	if (!ret->ifindex)
		return kernel_fail(reterr, -ENODEV, "interface %s: there is none (see `ip link`)",
				   iface->name);
	ret->mode = choose(iface->name, wish, ret);
	if (!bpf_xdp_query((int)ret->ifindex, 0, &xdp) && xdp.prog_id)
		snprintf(ret->others, sizeof(ret->others), "XDP program %u", xdp.prog_id);
	warn_forwarding(ret);
	err = record(k, ret) ?: link_pinned(k, ret);
	if (err == -EINVAL && ret->mode == ATTACH_TC)
		err = filter_clsact(k, ret->ifindex);
	if (err == -EBUSY)
		return kernel_fail(reterr, err, "attach %s: %s sits there (remove it, or mode: tc)",
				   iface->name, ret->others);
	if (err)
		return kernel_fail(reterr, err, "attach %s: %s (try mode: tc)", iface->name,
				   strerror(-err));
	return 0;
}

static void forget(const struct kernel *k, uint32_t ifindex)
{
	struct attachment_key key, next;
	void *previous = NULL;

	for (uint32_t i = 0; i < LIMIT_ATTACHMENTS; i++) {
		if (bpf_map_get_next_key(k->maps.attachments, previous, &next))
			return;
		if (next.interface == ifindex) {
			bpf_map_delete_elem(k->maps.attachments, &next);
			continue;        /* the walk goes on behind the last that stays */
		}
		key = next;
		previous = &key;
	}
}

int kernel_detach(struct kernel *k, const char *interface, struct kernel_error *reterr)
{
	const uint32_t ifindex = if_nametoindex(interface);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = 1, .priority = 1);
	char xdp[KERNEL_PATH_BYTES], tc[KERNEL_PATH_BYTES];
	int gone;

	kernel_link_path(k->pin_path, interface, "xdp", xdp);
	kernel_link_path(k->pin_path, interface, "tc", tc);
	gone = !unlink(xdp);
	gone |= !unlink(tc);
	if (ifindex && !gone)
		gone = !bpf_tc_detach(&hook, &filter);
	if (ifindex)
		forget(k, ifindex);
	return gone ? 0 : kernel_fail(reterr, -ENOENT,
				      "detach %s: nothing of ours is there (see `ringfence status`)",
				      interface);
}

int kernel_attachments(const struct kernel *k, struct attachment_state *ret, uint32_t most)
{
	struct attachment_key key;
	void *previous = NULL;
	uint32_t n = 0;

	while (n < most && !bpf_map_get_next_key(k->maps.attachments, previous, &key)) {
		struct attachment_state *s = &ret[n];
		char path[KERNEL_PATH_BYTES];
		struct attachment value;

		previous = &key;
		if (bpf_map_lookup_elem(k->maps.attachments, &key, &value))
			continue;
		*s = (struct attachment_state){ .ifindex = key.interface, .vlan = key.vlan,
						.zone = value.zone, .mode = ATTACH_TC };
		if (!if_indextoname(key.interface, s->interface))
			continue;
		kernel_link_path(k->pin_path, s->interface, "xdp", path);
		if (!access(path, F_OK))
			s->mode = ATTACH_NATIVE;
		warn_forwarding(s);
		n++;
	}
	return (int)n;
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
	return 0;
}
