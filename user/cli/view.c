// SPDX-License-Identifier: MIT
/* A view of what is pinned: the rows come back the way they do when a daemon starts. */
#include "cli/view.h"

#include <errno.h>
#include <stdlib.h>

#include "io/loop.h"
#include "io/rows.h"

#define READS_MOST 4

struct pins {
	struct kernel *kernel;
	struct tables *tables;
	struct view view;
};

const char *view_zone(const struct view *v, uint16_t zone)
{
	return zone <= LIMIT_ZONES && v->zones[zone].name[0] ? v->zones[zone].name : "?";
}

static int take_row(void *tables, enum row_type type, const struct row_key *key, const void *value)
{
	return tables_set(tables, type, key, value) < 0;
}

/* Of a daemon that is busy some change is always missed; then that of the last reading will do. */
static int read_rows(struct pins *p)
{
	/* Nobody sends what is asked of these tables: their hash needs no secret. */
	static const struct hash_key key = { { 0x70696e6e65642072, 0x6f77732072656164 } };
	uint32_t unreadable;
	int error = -EAGAIN;

	for (int i = 0; i < READS_MOST && error == -EAGAIN; i++) {
		tables_free(p->tables);
		p->tables = tables_new(&key, 1);
		if (!p->tables)
			return -ENOMEM;
		error = rows_read(kernel_maps(p->kernel), take_row, p->tables, &unreadable);
	}
	return 0;
}

int pins_open(const char *path, uint32_t flags, struct pins **ret, struct kernel_error *reterr)
{
	struct pins *p = calloc(1, sizeof(*p));
	int error = p ? kernel_open_pinned(path, &p->kernel, reterr) : -ENOMEM;

	if (!error && flags & PINS_ROWS)
		error = read_rows(p);
	if (error) {
		pins_close(p);
		return error;
	}
	p->view = (struct view){ .tables = p->tables, .kernel = p->kernel,
				 .running = flags & PINS_BESIDE_DAEMON, .now_ns = loop_now_ns() };
	kernel_zone_names(p->kernel, p->view.zones);
	*ret = p;
	return 0;
}

const struct view *pins_view(const struct pins *p)
{
	return &p->view;
}

void pins_close(struct pins *p)
{
	if (!p)
		return;
	tables_free(p->tables);
	kernel_close(p->kernel);
	free(p);
}
