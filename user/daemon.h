/* SPDX-License-Identifier: MIT */
/* The daemon owns everything: created in order, destroyed in reverse. */
#ifndef RINGFENCE_DAEMON_H
#define RINGFENCE_DAEMON_H

#include "base/wheel.h"
#include "inspect/journey.h"
#include "io/kernel.h"
#include "io/loop.h"
#include "io/maps.h"
#include "io/netlink.h"
#include "io/punt.h"
#include "io/reinject.h"
#include "policy/load.h"
#include "state/apply.h"
#include "state/tables.h"

struct control_server;

struct daemon {
	char config_path[4096];
	struct policy *policy;
	struct settings settings;
	struct loop *loop;
	struct kernel *kernel;
	struct maps *maps;
	struct tables *tables;
	struct apply *apply;
	struct wheel *wheel;
	struct netlink *netlink;
	struct punt_reader *punt;
	struct reinject *reinject;
	struct journey journey;
	struct control_server *control;
	uint64_t started_ns;
	uint32_t reloads, reloads_refused;
};

/* Runs until SIGTERM; returns the exit status. */
int daemon_run(const char *config_path);
/* SIGHUP or the command. -EINVAL: refused whole, see errors; running rules stay. */
int daemon_reload(struct daemon *d, struct policy_errors *reterr);

#endif
