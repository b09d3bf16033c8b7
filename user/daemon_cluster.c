// SPDX-License-Identifier: MIT
/* The daemon as a member of a group. Without corosync it works alone with what it has, and looks
 * for the group each second; while it is filled it judges nothing, and the fast path, which hears
 * no heartbeat, holds new signalling back and carries the media that it knows. */
#include <errno.h>
#include <string.h>

#include "cli/control.h"
#include "cluster/cpg.h"
#include "daemon.h"
#include "io/log.h"
#include "io/secret.h"

#define LOOK_NS (1000ull * 1000 * 1000)

/* hands of the cluster */
static void set_full(void *self, bool is_full)
{
	struct daemon *d = self;

	d->is_full = is_full;
	log_info(is_full ? "cluster: all rows are here, signalling is judged" :
			   "cluster: rows are filled by the group, signalling is held");
	/* At once: the fast path shall not wait for the next beat. */
	if (is_full)
		kernel_heartbeat(d->kernel, loop_now_ns());
}

static void set_key(void *self, const struct hash_key *key)
{
	struct daemon *d = self;

	d->journey.key = *key;
	if (secret_keep(d->secret, key))
		log_error("cluster: the group's key could not be written beside the control socket "
			  "(a restart without the group would not know its calls: make room)");
}

static void take_zones(void *self, const struct zone_name *zones)
{
	struct daemon *d = self;
	struct kernel_error error = { "out of memory (free some)" };

	if (daemon_adopt_zones(d, zones, &error))
		log_error("cluster: the group's numbers of zones: %s", error.text);
}

static uint64_t media_seen(void *self, const struct owner *owner)
{
	return alarms_media_seen(((struct daemon *)self)->alarms, owner);
}

static void count(void *self, uint32_t counter, uint64_t n)
{
	const struct daemon *d = self;

	d->projector.count(d->projector.self, counter, n);
}

static void alarm_text(void *self, const char *text)
{
	control_alarm(((struct daemon *)self)->control, text);
	log_warning("%s", text);
}

/* hands of the engine */
static void deliver(void *self, struct wire_member from, struct slice bytes)
{
	cluster_deliver(((struct daemon *)self)->cluster, from, bytes, loop_now_ns());
}

static void view(void *self, const struct wire_member *members, uint32_t count_)
{
	cluster_view(((struct daemon *)self)->cluster, members, count_, loop_now_ns());
}

static void on_group(void *self)
{
	struct daemon *d = self;
	int error = cpg_group_dispatch(d->group);

	journey_continue(&d->journey, loop_now_ns());
	daemon_messages_done(d);
	if (!error)
		return;
	log_warning("cluster: corosync is gone, this member goes on alone (start corosync)");
	loop_drop(d->group_source);
	cpg_group_close(d->group);
	d->group = NULL;
	d->group_source = NULL;
	cluster_start(d->cluster, NULL, loop_now_ns());
	journey_continue(&d->journey, loop_now_ns());
	daemon_messages_done(d);
}

static void look_for_group(struct daemon *d, uint64_t now_ns)
{
	const struct cpg_hands hands = { deliver, view, d };
	struct wire_member self;
	struct group_ops ops;
	int error = cpg_group_open(d->settings.cluster_group, &hands, &d->group, &self);

	d->group_looked_ns = now_ns;
	if (error) {
		if (!d->group_missed)
			log_warning("cluster: no corosync answers (%s), this member works alone "
				    "(start corosync; it is looked for each second)",
				    strerror(-error));
		d->group_missed = true;
		return;
	}
	d->group_missed = false;
	cpg_group_ops(d->group, &ops);
	cluster_rename(d->cluster, self);
	/* Members draw ports from parts of their own: a divided group gives none out twice. */
	d->journey.around.slice = (self.node - 1) % LIMIT_MEMBERS;
	d->journey.around.slices = LIMIT_MEMBERS;
	cluster_start(d->cluster, &ops, now_ns);
	d->group_source = loop_fd(d->loop, cpg_group_fd(d->group), on_group, d);
	if (!d->group_source || ops.join(ops.self))
		log_error("cluster: the group cannot be joined (is another ringfence of this host in it?)");
}

void daemon_tell_policy(struct daemon *d)
{
	struct zone_name zones[LIMIT_ZONES + 1];

	if (!d->cluster)
		return;
	policy_zone_names(d->policy, zones);
	cluster_policy(d->cluster, policy_digest(d->policy), zones);
}

int daemon_cluster_open(struct daemon *d)
{
	const struct cluster_hands hands = { set_full, set_key, take_zones, media_seen, count,
					     alarm_text, d };
	struct cluster_settings settings = { .version = RINGFENCE_VERSION,
					     .policy = policy_digest(d->policy),
					     .key = d->journey.key };

	d->is_full = true;
	if (!d->settings.cluster_group[0])
		return 0;
	policy_zone_names(d->policy, settings.zones);
	d->cluster = cluster_new(d->tables, d->apply, &settings, &hands);
	if (!d->cluster)
		return -ENOMEM;
	look_for_group(d, loop_now_ns());
	return 0;
}

void daemon_cluster_close(struct daemon *d)
{
	loop_drop(d->group_source);
	cluster_free(d->cluster);
	cpg_group_close(d->group);
	d->cluster = NULL;
}

void daemon_cluster_tick(struct daemon *d, uint64_t now_ns)
{
	if (!d->cluster)
		return;
	if (!d->group && now_ns - d->group_looked_ns >= LOOK_NS)
		look_for_group(d, now_ns);
	cluster_tick(d->cluster, now_ns);
}
