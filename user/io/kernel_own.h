/* SPDX-License-Identifier: MIT */
/* What the files of the kernel share. */
#ifndef RINGFENCE_KERNEL_OWN_H
#define RINGFENCE_KERNEL_OWN_H

#include "io/kernel.h"

#define KERNEL_PATH_BYTES 320
#define KERNEL_MARK_MASK 0xffff0000u
#define KERNEL_STEER_MARK 0x52470000u

struct kernel {
	char pin_path[200];
	struct kernel_maps maps;
	int xdp, tc, steer, egress;  /* programs */
};

int kernel_fail(struct kernel_error *ret, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* links/<interface>-<kind>; bpffs reserves dots and interfaces may not hold colons. */
void kernel_link_path(const char *pin_path, const char *interface, const char *kind,
		      char ret_path[KERNEL_PATH_BYTES]);

/* kernel_checks.c: fills ret->warning; interface and mode are set. */
void kernel_check(struct attachment_state *ret);
/* Whether frames that XDP redirects to the interface arrive. */
bool kernel_takes_frames(const struct attachment_state *s);

/* kernel_sources.c: entries of the policy's servers, and away with those of a former one's. */
int kernel_put_servers(const struct kernel *k, const struct policy *p);
void kernel_take_servers(const struct kernel *k, const struct policy *p);

#endif
