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

static bool is_virtual(const char *interface)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/device", interface);
	return access(path, F_OK) != 0;
}

/* The mode obtained, against what this kind of device gets by itself. */
static void explain_mode(struct attachment_state *s)
{
	enum attach_mode own = is_virtual(s->interface) ? ATTACH_TC : ATTACH_NATIVE;

	if (s->mode != own)
		snprintf(s->why, sizeof(s->why), "%s asked for",
			 s->mode == ATTACH_NATIVE ? "native" : "tc");
	else if (own == ATTACH_TC)
		snprintf(s->why, sizeof(s->why),
			 "virtual device: XDP would switch its offloads off");
	else
		snprintf(s->why, sizeof(s->why), "network card: its driver runs XDP");
}

static enum attach_mode choose(const char *interface, enum attach_mode wish)
{
	if (wish != ATTACH_AUTO)
		return wish;
	return is_virtual(interface) ? ATTACH_TC : ATTACH_NATIVE;
}

/* Where a program sits: both kinds are followed by one in TC, for what needs sockets. */
struct hook {
	const char *kind;            /* of the pinned link */
	int program;
	bool native;
	uint32_t modes;              /* bit n: enum attach_mode n */
	uint32_t priority;           /* of a filter of clsact */
};

#define HOOKS 3

static void hooks_of(const struct kernel *k, struct hook ret[HOOKS])
{
	const uint32_t native = 1u << ATTACH_NATIVE, tc = 1u << ATTACH_TC;

	ret[0] = (struct hook){ "xdp", k->xdp, true, native, 0 };
	ret[1] = (struct hook){ "tc", k->tc, false, tc, 1 };
	ret[2] = (struct hook){ "steer", k->steer, false, native | tc, 2 };
}

static bool hook_serves(const struct hook *h, enum attach_mode mode)
{
	return h->modes & 1u << mode;
}

/* *ret_made: the link is new, not one whose program was replaced. */
static int link_pinned(const struct kernel *k, const struct attachment_state *s,
		       const struct hook *h, bool *ret_made)
{
	char path[KERNEL_PATH_BYTES];
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	int fd, err;

	kernel_link_path(k->pin_path, s->interface, h->kind, path);
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		err = bpf_link_update(fd, h->program, NULL);
		close(fd);
		if (err != -ENOLINK)
			return err;
		unlink(path);            /* of an interface that is gone */
	}
	fd = h->native ? bpf_link_create(h->program, (int)s->ifindex, BPF_XDP, &options) :
			 bpf_link_create(h->program, (int)s->ifindex, TCX_INGRESS, NULL);
	if (fd < 0)
		return fd;
	err = bpf_obj_pin(fd, path) ? -errno : 0;
	close(fd);
	*ret_made = !err;
	return err;
}

/* The filter of that place is ours only if its program is. */
static bool has_clsact(const struct hook *h, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, place, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = 1, .priority = h->priority);
	struct bpf_prog_info there = {}, ours = {};
	__u32 bytes = sizeof(there);
	libbpf_print_fn_t print = libbpf_set_print(NULL);        /* its absence is no news */
	int fd, err = bpf_tc_query(&place, &filter);

	libbpf_set_print(print);
	if (err || (fd = bpf_prog_get_fd_by_id(filter.prog_id)) < 0)
		return false;
	if (bpf_obj_get_info_by_fd(fd, &there, &bytes))
		there.name[0] = '\0';
	close(fd);
	bytes = sizeof(ours);
	return !bpf_obj_get_info_by_fd(h->program, &ours, &bytes) && !strcmp(there.name, ours.name);
}

/* Before Linux 6.6 there is no link for TC: a filter of clsact, replaced in place. */
static int filter_clsact(const struct hook *h, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, place, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options,
		    .prog_fd = h->program, .handle = 1, .priority = h->priority,
		    .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&place);

	return err && err != -EEXIST ? err : bpf_tc_attach(&place, &options);
}

static bool take_clsact(const struct hook *h, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = 1, .priority = h->priority);

	return !bpf_tc_detach(&hook, &filter);
}

static bool take_hook(const struct kernel *k, const char *interface, uint32_t ifindex,
		      const struct hook *h)
{
	char path[KERNEL_PATH_BYTES];
	bool gone;

	kernel_link_path(k->pin_path, interface, h->kind, path);
	gone = !unlink(path);
	if (!h->native && ifindex && has_clsact(h, ifindex))
		gone |= take_clsact(h, ifindex);
	return gone;
}

/* What serves this mode and not the other, which stays (ATTACH_AUTO: none does). Whether anything of
 * it was there. */
static bool take_links(const struct kernel *k, const char *interface, uint32_t ifindex,
		       enum attach_mode mode, enum attach_mode stays)
{
	struct hook hooks[HOOKS];
	bool gone = false;

	hooks_of(k, hooks);
	for (int i = 0; i < HOOKS; i++)
		if (hook_serves(&hooks[i], mode) && !hook_serves(&hooks[i], stays))
			gone |= take_hook(k, interface, ifindex, &hooks[i]);
	return gone;
}

/* A failure leaves what was before. */
static int put_link(const struct kernel *k, const struct attachment_state *s,
		    const struct hook *h, bool *ret_made)
{
	int err = link_pinned(k, s, h, ret_made);

	if (err == -EINVAL && !h->native) {
		*ret_made = !has_clsact(h, s->ifindex);
		err = filter_clsact(h, s->ifindex);
	}
	return err;
}

static int put_links(const struct kernel *k, const struct attachment_state *s, bool *ret_made)
{
	struct hook hooks[HOOKS];
	int err = 0;

	hooks_of(k, hooks);
	for (int i = 0; !err && i < HOOKS; i++)
		if (hook_serves(&hooks[i], s->mode))
			err = put_link(k, s, &hooks[i], ret_made);
	if (err && *ret_made)
		take_links(k, s->interface, s->ifindex, s->mode, ATTACH_AUTO);
	return err;
}

static int record(const struct kernel *k, const struct attachment_state *s)
{
	struct attachment_key key = { .interface = s->ifindex, .vlan = s->vlan };
	struct attachment value = { .zone = s->zone, .by_hand = s->by_hand };

	return bpf_map_update_elem(k->maps.attachments, &key, &value, BPF_ANY);
}

/* The programs ask here first, so nothing may stand here that attachments does not say. */
static void clear_place(const struct kernel *k, uint32_t ifindex)
{
	const uint32_t place = ifindex & (LIMIT_INTERFACE_ZONES - 1);
	struct interface_zone none = {}, there;

	if (!bpf_map_lookup_elem(k->maps.interfaces, &place, &there) && there.interface == ifindex)
		bpf_map_update_elem(k->maps.interfaces, &place, &none, BPF_ANY);
}

static void take_place(const struct kernel *k, const struct attachment_state *s)
{
	const uint32_t place = s->ifindex & (LIMIT_INTERFACE_ZONES - 1);
	const struct interface_zone zone = { .interface = s->ifindex, .zone = s->zone };

	if (!s->vlan)
		bpf_map_update_elem(k->maps.interfaces, &place, &zone, BPF_ANY);
}

/* A device that does not deliver redirected frames loses them without an error: it stays out, and
 * what goes there goes by the stack. So does what has no room in the table. */
static void put_port(const struct kernel *k, const struct attachment_state *s)
{
	if (!kernel_takes_frames(s) ||
	    bpf_map_update_elem(k->maps.tx_ports, &s->ifindex, &s->ifindex, BPF_ANY))
		bpf_map_delete_elem(k->maps.tx_ports, &s->ifindex);
}

/* The zone is told last: until then packets pass, and a failure leaves what was before. */
static int hold(const struct kernel *k, const struct attachment_state *s)
{
	bool made = false;
	int err = put_links(k, s, &made);

	if (err)
		return err;
	if (!s->vlan)
		clear_place(k, s->ifindex);
	err = record(k, s);
	if (err && made)
		take_links(k, s->interface, s->ifindex, s->mode, ATTACH_AUTO);
	if (err)
		return err;
	take_links(k, s->interface, s->ifindex,
		   s->mode == ATTACH_NATIVE ? ATTACH_TC : ATTACH_NATIVE, s->mode);
	put_port(k, s);
	take_place(k, s);
	return 0;
}

int kernel_attach(struct kernel *k, const struct attach_wish *wish, struct attachment_state *ret,
		  struct kernel_error *reterr)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, xdp);
	const char *name = wish->interface;
	char path[KERNEL_PATH_BYTES];
	int err;

	*ret = (struct attachment_state){ .vlan = wish->vlan, .zone = wish->zone,
					  .by_hand = wish->by_hand };
	snprintf(ret->interface, sizeof(ret->interface), "%s", name);
	ret->ifindex = if_nametoindex(name);
	if (!ret->ifindex)
		return kernel_fail(reterr, -ENODEV, "interface %s: there is none (see `ip link`)",
				   name);
	ret->mode = choose(name, wish->mode);
	explain_mode(ret);
	kernel_link_path(k->pin_path, name, "xdp", path);
	if (access(path, F_OK) && !bpf_xdp_query((int)ret->ifindex, 0, &xdp) && xdp.prog_id)
		snprintf(ret->others, sizeof(ret->others), "XDP program %u", xdp.prog_id);
	kernel_check(ret);
	err = hold(k, ret);
	if (err == -EBUSY)
		return kernel_fail(reterr, err, "attach %s: %s sits there (remove it, or mode: tc)",
				   name, ret->others);
	if (err)
		return kernel_fail(reterr, err, "attach %s: %s (try mode: tc)", name,
				   strerror(-err));
	return 0;
}

int kernel_attach_by(struct kernel *k, const struct attachment_state *s, bool by_hand)
{
	struct attachment_state next = *s;

	next.by_hand = by_hand;
	return record(k, &next);
}

/* Takes out the attachments of one interface; ifindex 0: of those that are no more. */
static void forget(const struct kernel *k, uint32_t ifindex)
{
	struct attachment_key key, next;
	void *previous = NULL;
	char name[IF_NAMESIZE];

	for (uint32_t i = 0; i < LIMIT_ATTACHMENTS; i++) {
		if (bpf_map_get_next_key(k->maps.attachments, previous, &next))
			return;
		if (ifindex ? next.interface == ifindex : !if_indextoname(next.interface, name)) {
			clear_place(k, next.interface);
			bpf_map_delete_elem(k->maps.tx_ports, &next.interface);
			bpf_map_delete_elem(k->maps.attachments, &next);
			continue;        /* the walk goes on behind the last that stays */
		}
		key = next;
		previous = &key;
	}
}

void kernel_forget_lost(struct kernel *k)
{
	forget(k, 0);
}

int kernel_detach(struct kernel *k, const char *interface, struct kernel_error *reterr)
{
	const uint32_t ifindex = if_nametoindex(interface);
	bool gone = take_links(k, interface, ifindex, ATTACH_NATIVE, ATTACH_AUTO);

	gone |= take_links(k, interface, ifindex, ATTACH_TC, ATTACH_AUTO);
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
						.zone = value.zone, .mode = ATTACH_TC,
						.by_hand = value.by_hand };
		if (!if_indextoname(key.interface, s->interface))
			continue;
		kernel_link_path(k->pin_path, s->interface, "xdp", path);
		if (!access(path, F_OK))
			s->mode = ATTACH_NATIVE;
		explain_mode(s);
		kernel_check(s);
		n++;
	}
	return (int)n;
}
