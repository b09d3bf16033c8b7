// SPDX-License-Identifier: MIT
/* Loads the fast path, reuses what is pinned, and finds it again from the pins alone. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "gateway.skel.h"
#include "io/kernel_own.h"

#define BPFFS "/sys/fs/bpf"

int kernel_fail(struct kernel_error *ret, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(ret->text, sizeof(ret->text), format, arguments);
	va_end(arguments);
	return error;
}

void kernel_link_path(const char *pin_path, const char *interface, const char *kind,
		      char ret_path[KERNEL_PATH_BYTES])
{
	char name[16];

	snprintf(name, sizeof(name), "%s", interface);
	for (char *c = name; *c; c++)
		if (*c == '.')
			*c = ':';
	snprintf(ret_path, KERNEL_PATH_BYTES, "%s/links/%s-%s", pin_path, name, kind);
}

static int make_directories(const char *pin_path, struct kernel_error *reterr)
{
	static const char *const parts[] = { "", "/maps", "/progs", "/links" };
	struct statfs fs;

	if (strncmp(pin_path, BPFFS "/", sizeof(BPFFS)) == 0 && statfs(BPFFS, &fs) == 0 &&
	    fs.f_type != BPF_FS_MAGIC && mount("bpf", BPFFS, "bpf", 0, "mode=0700"))
		return kernel_fail(reterr, -errno, "mount %s: %s (run as root)", BPFFS,
				   strerror(errno));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char path[KERNEL_PATH_BYTES];

		snprintf(path, sizeof(path), "%s%s", pin_path, parts[i]);
		if (mkdir(path, 0700) && errno != EEXIST)
			return kernel_fail(reterr, -errno,
					   "pin path %s: %s (choose a directory on a bpffs)", path,
					   strerror(errno));
	}
	return 0;
}

/* libbpf's own reuse compares map flags, and the kernel adds one to a devmap at its creation. */
static int reuse_map(struct bpf_map *map, const char *path, struct kernel_error *reterr)
{
	struct bpf_map_info info = {};
	__u32 bytes = sizeof(info);
	int fd = bpf_obj_get(path), err;

	if (fd < 0)
		return errno == ENOENT ? 0 :
		       kernel_fail(reterr, -errno, "map %s: %s (run as root)", path, strerror(errno));
	err = bpf_obj_get_info_by_fd(fd, &info, &bytes);
	if (!err && (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
		     info.value_size != bpf_map__value_size(map) ||
		     info.max_entries != bpf_map__max_entries(map)))
		err = kernel_fail(reterr, -EEXIST,
				  "map %s: another layout (another version's; run `ringfence unload`)",
				  path);
	else if (err || (err = bpf_map__reuse_fd(map, fd)))
		err = kernel_fail(reterr, err, "map %s: %s (run `ringfence unload`)", path,
				  strerror(-err));
	close(fd);
	return err;
}

static int each_map(struct gateway_bpf *skel, const char *pin_path, bool pin,
		    struct kernel_error *reterr)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, skel->obj) {
		char path[KERNEL_PATH_BYTES];
		int err = 0;

		if (bpf_map__is_internal(map))
			continue;
		snprintf(path, sizeof(path), "%s/maps/%s", pin_path, bpf_map__name(map));
		if (!pin)
			err = reuse_map(map, path, reterr);
		else if (access(path, F_OK) && (err = bpf_obj_pin(bpf_map__fd(map), path)))
			err = kernel_fail(reterr, -errno, "pin %s: %s (is it a bpffs?)", path,
					  strerror(errno));
		if (err)
			return err;
	}
	return 0;
}

static int pin_programs(struct gateway_bpf *skel, const char *pin_path, struct kernel_error *reterr)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skel->obj) {
		char path[KERNEL_PATH_BYTES];

		snprintf(path, sizeof(path), "%s/progs/%s", pin_path, bpf_program__name(program));
		unlink(path);
		if (bpf_obj_pin(bpf_program__fd(program), path))
			return kernel_fail(reterr, -errno, "pin %s: %s (is it a bpffs?)", path,
					   strerror(errno));
	}
	return 0;
}

/* A link keeps its place while its program is replaced: no packet is without one. */
static int swap_links(const struct kernel *k, struct kernel_error *reterr)
{
	char path[KERNEL_PATH_BYTES];
	struct dirent *entry;
	DIR *links;
	int err = 0;

	snprintf(path, sizeof(path), "%s/links", k->pin_path);
	links = opendir(path);
	while (!err && links && (entry = readdir(links))) {
		const char *kind = strrchr(entry->d_name, '-');
		int fd;

		if (!kind)
			continue;
		snprintf(path, sizeof(path), "%s/links/%.60s", k->pin_path, entry->d_name);
		fd = bpf_obj_get(path);
		if (fd < 0)
			continue;
		err = bpf_link_update(fd, !strcmp(kind, "-xdp")   ? k->xdp :
					  !strcmp(kind, "-steer") ? k->steer : k->tc, NULL);
		close(fd);
		/* ENOLINK: its interface is gone, and with it the link. */
		if (err == -ENOLINK)
			err = unlink(path);
		if (err)
			kernel_fail(reterr, err, "link %s: %s (detach the interface first)", path,
				    strerror(-err));
	}
	if (links)
		closedir(links);
	return err;
}

static int open_pins(struct kernel *k, struct kernel_error *reterr)
{
	struct kernel_maps *m = &k->maps;
	const struct { const char *name; int *fd; } all[] = {
		{ "maps/flows", &m->flows }, { "maps/pinholes", &m->pinholes },
		{ "maps/near_index", &m->near_index }, { "maps/near_flows", &m->near_flows },
		{ "maps/near_shape", &m->near_shape }, { "maps/interfaces", &m->interfaces },
		{ "maps/translations", &m->translations }, { "maps/activity", &m->activity }, { "maps/attachments", &m->attachments },
		{ "maps/zones", &m->zones }, { "maps/networks", &m->networks },
		{ "maps/zone_names", &m->zone_names }, { "maps/source_buckets", &m->source_buckets },
		{ "maps/services", &m->services }, { "maps/sources", &m->sources },
		{ "maps/counters", &m->counters }, { "maps/control", &m->control },
		{ "maps/tx_ports", &m->tx_ports }, { "maps/local_addresses", &m->local_addresses },
		{ "maps/punt_trusted", &m->punt_trusted }, { "maps/punt_other", &m->punt_other },
		{ "maps/events", &m->events }, { "maps/journal", &m->journal },
		{ "maps/listeners", &m->listeners },
		{ "progs/gateway_ingress", &k->xdp },
		{ "progs/gateway_tc", &k->tc }, { "progs/gateway_steer", &k->steer },
		{ "progs/reinject_egress", &k->egress },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char path[KERNEL_PATH_BYTES];

		snprintf(path, sizeof(path), "%s/%s", k->pin_path, all[i].name);
		*all[i].fd = bpf_obj_get(path);
		if (*all[i].fd < 0)
			return kernel_fail(reterr, -errno, "%s: %s (start it as root: ringfence run -c FILE)",
					   path, strerror(errno));
	}
	return 0;
}

/* Rows lie in maps of the object where it has them; without, they live in the daemon alone. */
static int open_rows(struct kernel *k, struct kernel_error *reterr)
{
	static const char *const names[ROW_COUNT] = {
#define ROW(name, capacity, replicated, sentence) [ROW_##name] = #name,
#include <ringfence/row.def>
#undef ROW
	};

	for (int i = ROW_NONE + 1; i < ROW_COUNT; i++) {
		char path[KERNEL_PATH_BYTES];

		snprintf(path, sizeof(path), "%s/maps/row_%s", k->pin_path, names[i]);
		k->maps.rows[i] = bpf_obj_get(path);
		if (k->maps.rows[i] < 0 && errno != ENOENT)
			return kernel_fail(reterr, -errno, "%s: %s (start it as root: ringfence run -c FILE)",
					   path, strerror(errno));
	}
	return 0;
}

static struct kernel *kernel_new(const char *pin_path)
{
	struct kernel *k = malloc(sizeof(*k));

	if (!k)
		return NULL;
	memset(k, 0xff, sizeof(*k));     /* every descriptor -1 */
	snprintf(k->pin_path, sizeof(k->pin_path), "%s", pin_path);
	return k;
}

int kernel_open_pinned(const char *pin_path, struct kernel **ret, struct kernel_error *reterr)
{
	struct kernel *k = kernel_new(pin_path);
	int err;

	if (!k)
		return kernel_fail(reterr, -ENOMEM, "memory: none left (free some)");
	err = open_pins(k, reterr) ?: open_rows(k, reterr);
	if (err)
		kernel_close(k);
	else
		*ret = k;
	return err;
}

int kernel_open(const char *pin_path, struct kernel **ret, struct kernel_error *reterr)
{
	struct gateway_bpf *skel;
	int err;

	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return kernel_fail(reterr, -ENOTSUP, "kernel types: no /sys/kernel/btf/vmlinux "
				   "(run a kernel with CONFIG_DEBUG_INFO_BTF)");
	err = make_directories(pin_path, reterr);
	if (err)
		return err;
	skel = gateway_bpf__open();
	if (!skel)
		return kernel_fail(reterr, -errno, "fast path: %s (reinstall)", strerror(errno));
	err = each_map(skel, pin_path, false, reterr);
	if (!err && (err = gateway_bpf__load(skel)))
		kernel_fail(reterr, err, "load: %s (needs CAP_BPF and CAP_NET_ADMIN, and memory)",
			    strerror(-err));
	err = err ?: each_map(skel, pin_path, true, reterr);
	err = err ?: pin_programs(skel, pin_path, reterr);
	gateway_bpf__destroy(skel);
	err = err ?: kernel_open_pinned(pin_path, ret, reterr);
	if (!err && (err = swap_links(*ret, reterr))) {
		kernel_close(*ret);
		*ret = NULL;
	}
	return err;
}

void kernel_close(struct kernel *k)
{
	struct kernel_maps *m;

	if (!k)
		return;
	m = &k->maps;
	for (int *fd = (int *)m; fd < (int *)(m + 1); fd++)
		if (*fd >= 0)
			close(*fd);
	if (k->xdp >= 0)
		close(k->xdp);
	if (k->tc >= 0)
		close(k->tc);
	if (k->steer >= 0)
		close(k->steer);
	if (k->egress >= 0)
		close(k->egress);
	free(k);
}

const struct kernel_maps *kernel_maps(const struct kernel *k)
{
	return &k->maps;
}
