// SPDX-License-Identifier: MIT
/* The daemon's life: created in order, destroyed in reverse. Programs, links, maps and running
 * media stay when it ends. */
#include "daemon.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/control.h"
#include "cluster/cluster.h"
#include "io/log.h"
#include "io/secret.h"

#define MS 1000000ull
#define DRAIN_MOST 512
#define TIMERS_MOST 256
#define RESOLVE_NS (5000 * MS)
#define BUSY_MOST_NS (5 * MS)
#define POLLS_IN_VAIN 8

/* hands of netlink */
static void own_address(void *self, const struct address *a, bool there)
{
	struct daemon *d = self;
	uint32_t *count = &d->journey.around.own_count, i = 0;

	kernel_local_address(d->kernel, a, there);
	while (i < *count && !address_equal(&d->own[i], a))
		i++;
	if (there && i == *count && i < LIMIT_LOCAL_ADDRESSES)
		d->own[(*count)++] = *a;
	else if (!there && i < *count)
		d->own[i] = d->own[--*count];
}

static void routes_changed(void *self)
{
	kernel_routes_changed(((struct daemon *)self)->kernel);
}

/* A port that leaves its bridge is told of like a link that goes: what is lost is looked up. */
static void link_changed(void *self, const char *name, uint32_t ifindex, bool there)
{
	struct daemon *d = self;

	(void)name;
	(void)ifindex;
	if (!there)
		kernel_forget_lost(d->kernel);
}

/* who follows the rows */

/* A call opens a dozen doors towards two hosts: each host is asked for once in a while, and the
 * fast path keeps its neighbour alive meanwhile. */
static void resolve(void *self, const struct address *a)
{
	static struct {
		struct address address;
		uint64_t asked_ns;
	} lately[256];
	struct daemon *d = self;
	uint32_t at = (a->bytes[15] ^ a->bytes[14] * 31u ^ a->bytes[13] * 17u) % 256;
	uint64_t now_ns = loop_now_ns();

	if (!d->netlink || (address_equal(&lately[at].address, a) &&
			    now_ns - lately[at].asked_ns < RESOLVE_NS))
		return;
	lately[at].address = *a;
	lately[at].asked_ns = now_ns;
	netlink_resolve(d->netlink, a);
}

static void told(void *self, enum tell tell, const struct owner *owner)
{
	control_tell(((struct daemon *)self)->control, tell, owner);
}

static void timer(void *self, const struct row_key *key, const struct timer_row *value)
{
	alarms_changed(((struct daemon *)self)->alarms, key, value);
}

static void source(void *self, const struct row_key *key)
{
	daemon_source_changed(self, key);
}

/* hooks of the timers */
static uint64_t seen_ns(void *self, const struct flow_key *key)
{
	const struct daemon *d = self;
	struct activity act;

	return maps_activity(d->maps, key, &act) ? act.seen_ns : 0;
}

static void timer_due(void *self, const struct row_view *timer, uint64_t now_ns)
{
	struct daemon *d = self;
	const struct row_head *head = timer->value;

	if (d->cluster && !cluster_may_expire(d->cluster, head->author))
		return;
	journey_timeout(&d->journey, timer, now_ns);
}

void daemon_messages_done(struct daemon *d)
{
	if (d->cluster)
		cluster_flush(d->cluster);
	reinject_flush(d->reinject);
	proxy_flush(d->proxy);
	maps_close(d->maps);
}

static int seen_elsewhere(void *self, const struct owner *owner, uint64_t now_ns, uint64_t *ret)
{
	struct daemon *d = self;

	*ret = 0;
	return d->cluster ? cluster_media_seen(d->cluster, owner, now_ns, ret) : 0;
}

/* loop */
static bool take_messages(struct daemon *d)
{
	if (d->cluster)
		cluster_clock(d->cluster, loop_now_ns());
	if (!punt_reader_drain(d->punt, DRAIN_MOST))
		return false;
	daemon_messages_done(d);
	return true;
}

/* To sleep and be woken costs more than to read a message, and an answer may follow soon: we look
 * for it a moment longer. Not in a group, whose deliveries come by another way, and seldom where it
 * was in vain the last times: others need the processor. */
static uint64_t patience_ns(struct daemon *d)
{
	if (d->cluster || (d->polls_in_vain >= POLLS_IN_VAIN && ++d->polls_skipped % POLLS_IN_VAIN))
		return 0;
	return d->policy->busy_poll_ns;
}

static void on_rings(void *self)
{
	struct daemon *d = self;
	const uint64_t begun_ns = loop_now_ns(), patience = patience_ns(d);
	uint64_t taken_ns = begun_ns, now_ns = begun_ns;
	uint32_t takes = 0;

	do {
		if (take_messages(d)) {
			takes++;
			taken_ns = loop_now_ns();
		}
		now_ns = loop_now_ns();
	} while (now_ns - taken_ns < patience && now_ns - begun_ns < BUSY_MOST_NS);
	if (takes > 1)
		d->polls_in_vain = 0;
	else
		d->polls_in_vain += patience != 0;
}

static void on_heartbeat(void *self)
{
	struct daemon *d = self;

	if (d->is_full)
		kernel_heartbeat(d->kernel, loop_now_ns());
}

/* The memory of the rows that come next, before they come. */
static void warm(struct daemon *d)
{
	tables_warm(d->tables);
	apply_warm(d->apply);
	alarms_warm(d->alarms);
}

static void on_tick(void *self)
{
	struct daemon *d = self;
	uint64_t now_ns = loop_now_ns();

	daemon_cluster_tick(d, now_ns);
	daemon_sources_expire(d, now_ns);
	daemon_fragments_expire(d, now_ns);
	proxy_tick(d->proxy, now_ns);
	alarms_run(d->alarms, now_ns, d->policy->timers.call_idle_ns, TIMERS_MOST);
	daemon_messages_done(d);
	maps_sweep(d->maps, now_ns);
	warm(d);
}

static void on_stop(void *self)
{
	loop_stop(((struct daemon *)self)->loop);
}

static void on_reload(void *self)
{
	struct daemon *d = self;
	struct policy_errors errors = { .count = 0 };

	if (daemon_reload(d, &errors) < 0)
		policy_errors_log(d->config_path, &errors);
}

int daemon_reload(struct daemon *d, struct policy_errors *reterr)
{
	struct policy *next, *old = d->policy;
	struct settings settings;
	struct kernel_error error;
	int failed = policy_load(d->config_path, &next, &settings, reterr);

	if (!failed) {
		next->number = old->number + 1;
		failed = daemon_take_policy(d, next, &error);
		if (failed) {
			log_error("reload: %s", error.text);
			policy_free(next);
		}
	}
	if (failed) {
		d->reloads_refused++;
		return failed;
	}
	d->policy = next;
	d->journey.policy = next;
	proxy_take_policy(d->proxy, next);
	daemon_tell_policy(d);
	policy_free(old);
	daemon_sources_project(d);
	d->reloads++;
	daemon_check_host(d);
	control_operated(d->control, "reloaded", d->config_path);
	return daemon_attach_zones(d) ? 1 : 0;
}

static int open_secret(struct daemon *d)
{
	char path[128], folder[128];

	snprintf(path, sizeof(path), "%s.key", d->settings.control_path);
	snprintf(folder, sizeof(folder), "%s", d->settings.control_path);
	mkdir(dirname(folder), 0755);
	d->secret = secret_open(path, &d->journey.key);
	if (d->secret == -EWOULDBLOCK)
		log_error("run: another ringfence holds %s (stop it, or give this one its own "
			  "daemon: control and pins)", path);
	else if (d->secret < 0)
		log_error("run: %s: %s (run as root)", path, strerror(-d->secret));
	return d->secret < 0 ? d->secret : 0;
}

static int open_kernel(struct daemon *d)
{
	struct kernel_error error;

	if (kernel_open(d->settings.pin_path, &d->kernel, &error) ||
	    daemon_take_policy(d, d->policy, &error) ||
	    reinject_open(d->kernel, &d->reinject, &error)) {
		log_error("%s", error.text);
		return -EINVAL;
	}
	d->maps = maps_new(kernel_maps(d->kernel), &d->journey.key);
	return d->maps ? 0 : -ENOMEM;
}

static int take_row(void *tables, enum row_type type, const struct row_key *key, const void *value)
{
	return tables_set(tables, type, key, value) < 0;
}

/* Rows first, then what follows from them. */
static int open_state(struct daemon *d)
{
	const struct alarms_ops alarms = { .seen_ns = seen_ns, .due = timer_due,
					    .seen_elsewhere = seen_elsewhere, .self = d };
	struct kernel_walk walk;
	uint32_t rows;

	maps_projector(d->maps, &d->projector);
	d->projector.follower = d;
	d->projector.resolve = resolve;
	d->projector.told = told;
	d->projector.timer = timer;
	d->projector.source = source;
	d->tables = tables_new(&d->journey.key, 1);
	if (d->tables)
		d->alarms = alarms_new(d->tables, &d->journey.key, &alarms, loop_now_ns());
	if (!d->alarms)
		return -ENOMEM;
	rows = maps_restore(d->maps, take_row, d->tables);
	d->apply = apply_new(d->tables, &d->projector);
	if (!d->apply)
		return -ENOMEM;
	maps_walk(d->maps, &walk);
	log_info("state restored rows=%u mended=%u", rows, apply_reconcile(d->apply, &walk));
	alarms_restore(d->alarms);
	daemon_sources_project(d);
	d->journey.policy = d->policy;
	d->journey.tables = d->tables;
	d->journey.apply = d->apply;
	d->journey.around = (struct surroundings){ .own_addresses = d->own,
						  .named = tables_named,
						  .state = d->tables };
	daemon_hands(d, &d->journey.hands);
	d->reasm = reasm_new();
	if (!d->reasm)
		return -ENOMEM;
	warm(d);
	return journey_init(&d->journey);
}

static int open_loop(struct daemon *d)
{
	const struct punt_hands punts = { daemon_take_datagram, daemon_take_event, d };
	const struct netlink_hands links = { own_address, routes_changed, link_changed, d };

	d->netlink = netlink_new(d->loop, &links);
	d->punt = punt_reader_new(d->kernel, &punts);
	d->control = control_open(d);
	if (!d->netlink || !d->punt || !d->control)
		return -errno;
	if (!loop_fd(d->loop, punt_reader_fd(d->punt), on_rings, d) ||
	    !loop_every(d->loop, 500 * MS, on_heartbeat, d) ||
	    !loop_every(d->loop, 100 * MS, on_tick, d) ||
	    !loop_signal(d->loop, SIGTERM, on_stop, d) ||
	    !loop_signal(d->loop, SIGINT, on_stop, d) ||
	    !loop_signal(d->loop, SIGHUP, on_reload, d))
		return -ENOMEM;
	return 0;
}

static void close_all(struct daemon *d)
{
	daemon_cluster_close(d);
	proxy_close(d->proxy);
	d->proxy = NULL;
	control_close(d->control);
	punt_reader_free(d->punt);
	netlink_free(d->netlink);
	journey_close(&d->journey);
	reasm_free(d->reasm);
	apply_free(d->apply);
	alarms_free(d->alarms);
	tables_free(d->tables);
	maps_free(d->maps);
	reinject_close(d->reinject);
	kernel_close(d->kernel);
	loop_free(d->loop);
	policy_free(d->policy);
}

static int serve(struct daemon *d)
{
	int error = open_secret(d);

	d->loop = loop_new();
	error = error ?: d->loop ? 0 : -ENOMEM;
	error = error ?: open_kernel(d);
	error = error ?: open_state(d);
	error = error ?: open_loop(d);
	error = error ?: daemon_streams_open(d);
	error = error ?: daemon_cluster_open(d);
	error = error ?: daemon_attach_zones(d);
	if (error) {
		log_error("run: it could not start: %s (the lines above say where)",
			  strerror(-error));
		return 1;
	}
	daemon_check_host(d);
	on_heartbeat(d);
	loop_ready("serving");
	return loop_run(d->loop) < 0;
}

int daemon_run(const char *config_path)
{
	struct daemon *d = calloc(1, sizeof(*d));
	struct policy_errors errors = { .count = 0 };
	int status, error;

	if (!d)
		return 1;
	snprintf(d->config_path, sizeof(d->config_path), "%s", config_path);
	d->started_ns = loop_now_ns();
	error = policy_load(config_path, &d->policy, &d->settings, &errors);
	if (error) {
		policy_errors_log(config_path, &errors);
		if (!errors.count)
			log_error("%s: %s (give its path with -c)", config_path, strerror(-error));
		free(d);
		return 1;
	}
	status = serve(d);
	close_all(d);
	free(d);
	return status;
}
