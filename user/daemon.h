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
struct map;

struct daemon {
	char config_path[4096];
	struct policy *policy;
	struct settings settings;
	int secret;                  /* descriptor of the key's file: its lock says we run */
	struct loop *loop;
	struct kernel *kernel;
	struct maps *maps;
	struct projector_ops projector;
	struct tables *tables;
	struct apply *apply;
	struct wheel *wheel;
	struct map *alarms;          /* row_key of a TIMER row -> struct alarm           */
	struct netlink *netlink;
	struct punt_reader *punt;
	struct reinject *reinject;
	struct journey journey;
	struct control_server *control;
	struct address own[LIMIT_LOCAL_ADDRESSES];
	uint64_t started_ns;
	uint32_t reloads, reloads_refused;
};

/* daemon_traffic.c: what comes by the rings, and the hands of the journey. */
void daemon_take_datagram(void *daemon, const struct punt *p, uint32_t bytes);
void daemon_take_event(void *daemon, const struct event *e);
void daemon_hands(struct daemon *d, struct hands *ret);

/* daemon_timers.c: TIMER rows on a wheel. */
int daemon_timers_open(struct daemon *d);
void daemon_timers_close(struct daemon *d);
void daemon_timer_changed(void *daemon, const struct row_key *key, const struct timer_row *value);
/* All TIMER rows that were read back at start. */
void daemon_timers_restore(struct daemon *d);
void daemon_timers_run(struct daemon *d, uint64_t now_ns);

/* Runs until SIGTERM; returns the exit status. */
int daemon_run(const char *config_path);
/* SIGHUP or the command. -EINVAL: refused whole, see errors; running rules stay. */
int daemon_reload(struct daemon *d, struct policy_errors *reterr);

#endif
