/* SPDX-License-Identifier: MIT */
/* What the tables of the command line are rendered from: the running daemon's own rows, or those that
 * are pinned where none runs; the kernel's maps are the same. Whoever renders does not ask which. */
#ifndef RINGFENCE_VIEW_H
#define RINGFENCE_VIEW_H

#include "io/kernel.h"
#include "policy/policy.h"
#include "state/tables.h"

struct proxy;

struct view {
	const struct tables *tables;  /* NULL in pins opened without rows */
	const struct kernel *kernel;
	struct zone_name zones[LIMIT_ZONES + 1];
	uint64_t now_ns;
	/* Of a running daemon alone. */
	bool running;
	const char *mode;             /* single, cluster, alone */
	const struct policy *policy;  /* NULL without, and beside it */
	const struct proxy *proxy;
	const struct address *own;    /* of this host */
	uint32_t own_count;
	uint64_t started_ns;
	uint32_t reloads, reloads_refused;
};

/* "?" where the zone has no name. Valid as long as the view. */
const char *view_zone(const struct view *v, uint16_t zone);

struct pins;

enum pins_flag {
	PINS_ROWS = 1 << 0,           /* rows are wanted, not the kernel's maps alone   */
	PINS_BESIDE_DAEMON = 1 << 1,  /* one runs and need not be asked                 */
};

/* Rows are read back from their maps; nothing is written. Owned by the caller until pins_close. */
int pins_open(const char *path, uint32_t flags, struct pins **ret, struct kernel_error *reterr);
const struct view *pins_view(const struct pins *p);
void pins_close(struct pins *p);

#endif
