/* SPDX-License-Identifier: MIT */
/* The daemon owns everything: created in order, destroyed in reverse. */
#ifndef RINGFENCE_DAEMON_H
#define RINGFENCE_DAEMON_H

#include "inspect/journey.h"
#include "io/kernel.h"
#include "io/loop.h"
#include "io/maps.h"
#include "io/netlink.h"
#include "io/proxy.h"
#include "io/punt.h"
#include "io/reinject.h"
#include "policy/load.h"
#include "reasm/reasm.h"
#include "state/alarms.h"
#include "state/apply.h"
#include "state/tables.h"

#define RINGFENCE_VERSION "0.1"

struct cluster;
struct control_server;
struct cpg_group;

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
	struct alarms *alarms;
	struct netlink *netlink;
	struct punt_reader *punt;
	struct reinject *reinject;
	struct proxy *proxy;
	struct reasm *reasm;
	struct journey journey;
	struct control_server *control;
	struct cluster *cluster;     /* NULL: the file names no group */
	struct cpg_group *group;     /* NULL: corosync is not there   */
	struct loop_source *group_source;
	uint64_t group_looked_ns;
	bool group_missed;           /* told once                     */
	bool is_full;                /* all rows are here: it judges  */
	struct address own[LIMIT_LOCAL_ADDRESSES];
	uint64_t started_ns;
	uint32_t reloads, reloads_refused;
	uint32_t polls_in_vain, polls_skipped; /* busy_poll: since it last paid */
};

/* daemon_traffic.c: what comes by the rings, and the hands of the journey. */
void daemon_take_datagram(void *daemon, const struct punt *p, uint32_t bytes);
void daemon_take_event(void *daemon, const struct event *e);
void daemon_hands(struct daemon *d, struct hands *ret);

/* daemon_streams.c: signalling connections. */
int daemon_streams_open(struct daemon *d);
/* A message of one was judged. */
int daemon_stream_settle(struct daemon *d, const struct arrival *a, struct slice payload);
/* A message of our own, back on the connection by which the arrival came. */
int daemon_stream_answer(struct daemon *d, const struct arrival *a, struct slice message);

/* daemon_fragments.c: pieces of datagrams, put together and then judged like whole ones. */
void daemon_take_fragment(struct daemon *d, const struct punt *p, uint64_t now_ns);
void daemon_fragments_expire(struct daemon *d, uint64_t now_ns);
/* The door that admits what this key tells of a packet, NULL. */
const struct door_row *daemon_door_of(const struct daemon *d, const struct flow_key *packet);
bool daemon_is_own(const struct daemon *d, const struct address *a);

/* daemon_cluster.c */
int daemon_cluster_open(struct daemon *d);
void daemon_cluster_close(struct daemon *d);
void daemon_cluster_tick(struct daemon *d, uint64_t now_ns);

/* The policy in force, to the other members. */
void daemon_tell_policy(struct daemon *d);

/* A round of messages is judged: what was decided goes to the group, what passed leaves, and what
 * may follow it is done. */
void daemon_messages_done(struct daemon *d);

/* daemon_operate.c: interfaces, by the file and by the operator's hand. */
/* The policy into the kernel; its zones keep their numbers. An interface that is attached and whose
 * zone the file has no more is an error: it would be in nobody's charge. */
int daemon_take_policy(struct daemon *d, struct policy *p, struct kernel_error *reterr);
/* The same policy with zones by these numbers, and all that is attached with them. */
int daemon_adopt_zones(struct daemon *d, const struct zone_name *zones,
		       struct kernel_error *reterr);
/* What the file names; what it does not name stays as it is. */
int daemon_attach_zones(struct daemon *d);
int daemon_attach(struct daemon *d, const char *interface, const char *zone, enum attach_mode mode,
		  struct attachment_state *ret, struct kernel_error *reterr);
int daemon_detach(struct daemon *d, const char *interface, struct kernel_error *reterr);

/* daemon_sources.c: the operator's entries, SOURCE rows that hold in every zone. */
/* for_ns 0: for good. The flows that the network sends by end. -ENOSPC: too many. */
int daemon_block(struct daemon *d, const struct network *n, uint64_t for_ns, uint32_t *ret_flows);
/* The sender, in its zone, unless it is a server. */
void daemon_deny(struct daemon *d, const struct flow_info *flow, enum reason reason);
/* -ENOENT: exactly this is not blocked, nor denied by a judgement. */
int daemon_unblock(struct daemon *d, const struct network *n);
/* Whether a block holds the address, and which. */
bool daemon_is_blocked(const struct daemon *d, const struct address *a, struct network *ret);
void daemon_sources_expire(struct daemon *d, uint64_t now_ns);
/* A SOURCE row came, changed or went; all of them, at a start and with a new policy. */
void daemon_source_changed(struct daemon *d, const struct row_key *row);
void daemon_sources_project(struct daemon *d);

/* daemon_host.c: at a start and with a new policy. */
void daemon_check_host(struct daemon *d);

/* Runs until SIGTERM; returns the exit status. */
int daemon_run(const char *config_path);
/* SIGHUP or the command. Negative errno: refused whole, the running rules stay, see errors (none
 * where the kernel refused: the log says why). 1: the new rules are in force, an interface could not
 * be attached (the log says which). */
int daemon_reload(struct daemon *d, struct policy_errors *reterr);

#endif
