// SPDX-License-Identifier: MIT
/* The journeys of packet and message over a capture. The message's is the daemon's own
 * (inspect/inspect.c, state/apply.c); the packet's repeats the questions of bpf/gateway.bpf.c, save
 * those that only a host can answer: routes, neighbours, addresses of its own. */
#include "cli/replay.h"

#include <errno.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <stdlib.h>

#include "cli/replay_fastpath.h"
#include "cli/replay_stream.h"
#include "cli/replay_tell.h"
#include "io/log.h"
#include "policy/load.h"
#include "reasm/reasm.h"
#include "state/alarms.h"
#include "state/apply.h"
#include "state/tables.h"

#define SECOND_NS 1000000000ull
#define ROW_BYTES_OF_LOCK 16384
#define TCP_SYN 0x02
#define TCP_ACK 0x10
/* The clock begins here and not at 0, which in a row means "never". */
#define EPOCH_NS (1000 * SECOND_NS)

struct replay {
	struct policy *policy;
	struct settings settings;
	struct tables *tables;
	struct apply *apply;
	struct journey journey;
	struct fastpath *fastpath;
	struct alarms *alarms;
	struct reasm *reasm;
	struct replay_streams *streams;
	struct replay_tell tell;
	uint64_t first_ns, now_ns;
	uint64_t failures;           /* of the executor: tables that were full */
};

/* What the executor asks of a kernel. */
static int kernel_open_key(void *self, const struct flow_key *key,
			   const struct translation *translation, struct permit *permit)
{
	struct replay *r = self;

	(void)translation;
	if (fastpath_open(r->fastpath, key, permit))
		tell_effect(&r->tell, true, key, permit);
	return fastpath_permit(r->fastpath, key) ? 0 : -ENOSPC;
}

static int kernel_close_key(void *self, const struct flow_key *key, const struct permit *permit)
{
	struct replay *r = self;

	(void)permit;
	if (!fastpath_close(r->fastpath, key))
		return -ENOENT;
	tell_effect(&r->tell, false, key, NULL);
	return 0;
}

static int store_row(void *self, enum row_type type, const struct row_key *key, const void *value,
		     bool is_new)
{
	(void)self, (void)type, (void)key, (void)value, (void)is_new;
	return 0;
}

static void count(void *self, uint32_t counter, uint64_t n)
{
	struct replay *r = self;

	if (counter == COUNTER_kernel_errors)
		r->failures += n;
}

static void told(void *self, enum tell tell, const struct owner *owner)
{
	struct replay *r = self;

	(void)owner;
	if (tell == TELL_CALL_STARTED)
		r->tell.calls++;
}

static void timer_changed(void *self, const struct row_key *key, const struct timer_row *value)
{
	alarms_changed(((struct replay *)self)->alarms, key, value);
}

/* Hands of the journey. */
static int send_on(void *self, const struct arrival *a, const struct flow_info *leaves,
		   struct slice payload)
{
	(void)self, (void)a, (void)leaves, (void)payload;
	return 0;
}

static int originate(void *self, const struct arrival *a, const struct sends *s)
{
	(void)self, (void)a, (void)s;
	return 0;
}

static void report(void *self, const struct verdict_report *v)
{
	struct replay *r = self;

	tell_report(&r->tell, v);
}

/* Timers */
static uint64_t seen_at(void *self, const struct flow_key *key)
{
	const struct activity *act = fastpath_activity(((struct replay *)self)->fastpath, key);

	return act ? act->seen_ns : 0;
}

static void timer_due(void *self, const struct row_view *timer, uint64_t now_ns)
{
	struct replay *r = self;

	r->tell.time_ns = now_ns - EPOCH_NS;
	journey_timeout(&r->journey, timer, now_ns);
	tell_timer(&r->tell);
}

/* The capture may be silent for longer than a call lives: each has the time it was due. */
static void run_timers(struct replay *r)
{
	alarms_run(r->alarms, r->now_ns, r->policy->timers.call_idle_ns, UINT32_MAX);
	for (uint32_t n = reasm_expire(r->reasm, r->now_ns); n; n--)
		tell_unjudged(&r->tell, REASON_fragment_timeout);
}

/* Messages */
static bool source_is_welcome(struct replay *r, const struct frame *f)
{
	const struct server *s = policy_server_at(r->policy, &f->key.source, 0);

	if (s && s->zone == f->key.zone)
		return true;
	return policy_enforcement(r->policy, PROTECTION_SOURCES) != ENFORCE_ON ||
	       fastpath_in_rate(r->fastpath, &f->key, r->policy->unknown_rate, r->now_ns);
}

static const char *protocol_name(uint8_t speaks)
{
	return speaks < protocol_count && protocols[speaks] ? protocols[speaks]->name : "unknown";
}

static struct arrival arrival_of(const struct replay *r, const struct frame *f, uint8_t speaks,
				 bool by_door)
{
	return (struct arrival){
		.flow = {
			.source = { f->key.source, f->key.source_port, 0 },
			.destination = { f->key.destination, f->key.destination_port, 0 },
			.zones = { f->key.zone, policy_zone_of(r->policy, &f->key.destination) },
			.transport = f->key.protocol,
			.speaks = speaks,
			.family = f->key.family,
			.by_door = by_door,
		},
		.payload = f->payload,
		.packet = f->packet,
		.record = f->packet,
		.time_ns = r->now_ns,
		.vlan = f->vlan,
		.speaks = speaks,
		.held = true,
	};
}

static void take_message(struct replay *r, const struct frame *f, uint8_t speaks, bool by_door)
{
	const struct arrival a = arrival_of(r, f, speaks, by_door);
	/* What came in pieces is whole by now. */
	enum reason reason = f->fragment ? REASON_none : f->defect;

	if (!reason && !source_is_welcome(r, f))
		reason = REASON_source_rate;
	else if (!reason && !f->fragment && f->l3_bytes > LIMIT_PUNT_BYTES)
		reason = REASON_punt_too_big;
	else if (!reason && f->cut)
		reason = REASON_packet_truncated;
	if (reason)
		tell_unread(&r->tell, f, protocol_name(speaks), reason);
	else
		journey_arrival(&r->journey, &a, r->now_ns);
}

/* Signalling over TCP */
static void judge_stream(struct replay *r, const struct frame *f, struct replay_direction *d)
{
	struct arrival a = arrival_of(r, f, d->speaks, d->by_door);
	enum channel_step step;
	enum reason reason;
	uint32_t number;

	while ((step = channel_next(&d->channel, protocols[d->speaks]->frame, &a.payload,
				    &number)) == CHANNEL_MESSAGE) {
		a.record = a.payload;
		a.ticket = 1;
		journey_arrival(&r->journey, &a, r->now_ns);
		channel_settle(&d->channel, number, slice_make(NULL, 0));
	}
	channel_sent(&d->channel, channel_out(&d->channel).length);      /* keep-alive bytes */
	if (step != CHANNEL_BAD)
		return;
	d->is_lost = true;
	reason = channel_is_http(channel_rest(&d->channel)) ? REASON_stream_http :
							       REASON_stream_unframed;
	if (policy_enforcement(r->policy, PROTECTION_SIP) == ENFORCE_ON)
		tell_unread(&r->tell, f, protocol_name(d->speaks), reason);
}

static void take_segment(struct replay *r, const struct frame *f, struct replay_direction *d)
{
	enum reason reason = f->defect;

	if (!reason && f->cut)
		reason = REASON_packet_truncated;
	if (!reason && !d->is_lost && !replay_direction_take(d, f))
		reason = REASON_stream_cut;
	if (reason) {
		d->is_lost = true;
		tell_unread(&r->tell, f, protocol_name(d->speaks), reason);
	} else if (!d->is_lost) {
		judge_stream(r, f, d);
	}
}

/* A connection is known by how it began: at a service's port or at a door. */
static void take_tcp(struct replay *r, const struct frame *f)
{
	uint16_t port = ntohs(f->key.destination_port);
	uint8_t speaks = policy_service_at(r->policy, port);
	struct replay_direction *d = replay_direction_of(r->streams, &f->key);
	bool begins = (f->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	const struct permit *permit;
	struct flow_key key;

	if (speaks && !policy_is_carried(r->policy, port, CARRIED_TCP)) {
		tell_unread(&r->tell, f, protocol_name(speaks), REASON_transport_unread);
		return;
	}
	if (!speaks && begins && fastpath_find(r->fastpath, &f->key, &key)) {
		permit = fastpath_permit(r->fastpath, &key);
		speaks = permit->flags & PERMIT_SIGNALLING ? permit->speaks : 0;
		d = NULL;
	}
	if (speaks && (!d || begins))
		d = replay_direction_begin(r->streams, &f->key, speaks,
					   !policy_service_at(r->policy, port));
	if (d)
		take_segment(r, f, d);
	else
		r->tell.passed++;
}

/* Media */

/* A pinhole locked: its exact flow becomes a row, as in the daemon. */
static void take_lock(struct replay *r, const struct flow_key *pinhole, const struct frame *f)
{
	static uint8_t bytes[ROW_BYTES_OF_LOCK];
	struct arena arena = { bytes, sizeof(bytes), 0 };
	struct lock_row row = { .key = f->key, .seen_ns = r->now_ns };
	struct row_key key;
	struct batch batch;

	if (!apply_claimant(r->apply, pinhole, &key) || tables_find(r->tables, ROW_lock, &key))
		return;
	batch_init(&batch, &arena);
	batch_expect(&batch, ROW_lock, &key, 0);
	batch_put(&batch, ROW_lock, &key, &row);
	apply_submit(r->apply, &batch, NULL, NULL);
}

static bool is_media_reason(enum reason reason)
{
	return reason >= REASON_media_no_pinhole && reason <= REASON_media_rate;
}

/* `key` NULL: nothing is open for it. */
static void take_media(struct replay *r, const struct frame *f, const struct flow_key *key)
{
	enum enforcement how = policy_enforcement(r->policy, PROTECTION_MEDIA);
	enum reason reason = f->defect;
	bool locked = false;

	if (!reason)
		reason = key ? fastpath_media(r->fastpath, key, f, r->now_ns, &locked) :
			       REASON_media_no_pinhole;
	if (locked)
		take_lock(r, key, f);
	if (is_media_reason(reason) && how == ENFORCE_OFF)
		r->tell.passed++;
	else
		tell_media(&r->tell, f, reason, is_media_reason(reason) && how == ENFORCE_MONITOR);
}

/* A flow or a pinhole admits it: as signalling or as media. */
static void enter(struct replay *r, const struct frame *f, const struct flow_key *key)
{
	const struct permit *permit = fastpath_permit(r->fastpath, key);

	if (!(permit->flags & PERMIT_SIGNALLING))
		take_media(r, f, key);
	else if (permit->expires_ns && r->now_ns >= permit->expires_ns)
		tell_media(&r->tell, f, REASON_media_expired, false);
	else
		take_message(r, f, permit->speaks, true);
}

/* True where the fragment was the last that was missing: f is the whole datagram then. What it has
 * as media is refused all the same, as the daemon does. */
static bool put_together(struct replay *r, struct frame *f)
{
	bool trusted = policy_server_at(r->policy, &f->key.source, 0), is_whole = false;
	enum reason reason = f->defect == REASON_packet_fragment ? REASON_none : f->defect;
	struct fragment piece;
	struct datagram whole;

	if (!reason && f->cut)
		reason = REASON_packet_truncated;
	if (!reason)
		reason = fragment_read(f->packet, &piece);
	if (!reason) {
		piece.key.zone = f->key.zone;
		reason = reasm_take(r->reasm, &piece, trusted, r->now_ns, &whole, &is_whole);
	}
	for (uint32_t n = reasm_evicted(r->reasm); n; n--)
		tell_unjudged(&r->tell, REASON_fragment_flood);
	if (reason)
		tell_unjudged(&r->tell, reason);
	if (!is_whole)
		return false;
	f->packet = slice_make(whole.packet, whole.l3_bytes);
	f->payload = slice_from(f->packet, whole.payload_at);
	f->payload_bytes = (uint32_t)f->payload.length;
	f->l3_bytes = whole.l3_bytes;
	f->key.source_port = whole.ports[0];
	f->key.destination_port = whole.ports[1];
	f->has_ports = true;
	f->defect = REASON_packet_fragment;
	return true;
}

/* The questions of bpf/gateway.bpf.c, in their order. */
static void take_packet(struct replay *r, struct frame *f)
{
	uint16_t zone = policy_zone_of(r->policy, &f->key.destination);
	struct flow_key key;
	uint8_t speaks;

	f->key.zone = policy_zone_of(r->policy, &f->key.source);
	if (f->key.zone == ZONE_NONE) {
		r->tell.passed++;
		return;
	}
	if (f->reason) {
		tell_unjudged(&r->tell, f->reason);
		return;
	}
	if (f->fragment && f->key.protocol == IPPROTO_UDP && zone != ZONE_NONE) {
		if (!put_together(r, f))
			return;
	} else if (!f->has_ports) {
		r->tell.passed++;
		return;
	}
	if (f->key.protocol == IPPROTO_TCP) {
		take_tcp(r, f);
		return;
	}
	speaks = policy_service_at(r->policy, ntohs(f->key.destination_port));
	if (f->key.source_port && fastpath_permit(r->fastpath, &f->key))
		enter(r, f, &f->key);
	else if (speaks)
		take_message(r, f, speaks, false);
	else if (zone == ZONE_NONE || zone == f->key.zone)
		r->tell.passed++;
	else if (fastpath_find(r->fastpath, &f->key, &key))
		enter(r, f, &key);
	else if (policy_is_media(&r->policy->zones[zone], ntohs(f->key.source_port),
				 ntohs(f->key.destination_port)))
		take_media(r, f, NULL);
	else
		r->tell.passed++;
}

static void take_frame(struct replay *r, int link, const struct pcap_pkthdr *h,
		       const uint8_t *bytes)
{
	uint64_t at_ns = (uint64_t)h->ts.tv_sec * SECOND_NS + (uint64_t)h->ts.tv_usec;
	struct frame f;

	if (!r->tell.frame++)
		r->first_ns = at_ns;
	/* Captures of several queues are not always in order; a clock is. */
	if (at_ns > r->first_ns && at_ns - r->first_ns + EPOCH_NS > r->now_ns)
		r->now_ns = at_ns - r->first_ns + EPOCH_NS;
	run_timers(r);
	r->tell.time_ns = r->now_ns - EPOCH_NS;
	if (frame_read(link, slice_make(bytes, h->caplen), h->len, &f))
		take_packet(r, &f);
	else
		r->tell.passed++;
}

static int replay_open(struct replay *r, bool json)
{
	/* One run over one file: the same capture shall give the same words. */
	static const struct hash_key key = { { 0x7265706c6179206f, 0x6e65206b65792121 } };
	const struct projector_ops ops = { .open = kernel_open_key, .close = kernel_close_key,
					   .store = store_row, .count = count, .told = told,
					   .timer = timer_changed, .self = r, .follower = r };
	const struct alarms_ops alarms = { .seen_ns = seen_at, .due = timer_due, .self = r };

	if (tell_init(&r->tell, json))
		return -ENOMEM;
	r->now_ns = EPOCH_NS;
	r->fastpath = fastpath_new();
	r->tables = tables_new(&key, 1);
	r->reasm = reasm_new();
	r->streams = replay_streams_new();
	if (!r->fastpath || !r->tables || !r->reasm || !r->streams)
		return -ENOMEM;
	r->alarms = alarms_new(r->tables, &key, &alarms, r->now_ns);
	r->apply = apply_new(r->tables, &ops);
	if (!r->alarms || !r->apply)
		return -ENOMEM;
	r->journey = (struct journey){
		.policy = r->policy, .tables = r->tables, .apply = r->apply, .key = key,
		.around = { .named = tables_named, .state = r->tables },
		.hands = { send_on, report, count, r, originate },
	};
	return journey_init(&r->journey);
}

static void replay_close(struct replay *r)
{
	journey_close(&r->journey);
	reasm_free(r->reasm);
	replay_streams_free(r->streams);
	apply_free(r->apply);
	alarms_free(r->alarms);
	tables_free(r->tables);
	fastpath_free(r->fastpath);
	tell_close(&r->tell);
	policy_free(r->policy);
}

static int read_all(struct replay *r, pcap_t *capture, const char *path)
{
	int link = pcap_datalink(capture), more;
	struct pcap_pkthdr *header;
	const uint8_t *bytes;
	bool passed;

	if (!frame_link_is_known(link)) {
		log_error("replay: %s: link type %s is not known (capture on an Ethernet device or "
			  "on \"any\")", path, pcap_datalink_val_to_name(link) ?: "?");
		return 1;
	}
	while ((more = pcap_next_ex(capture, &header, &bytes)) == 1)
		take_frame(r, link, header, bytes);
	passed = tell_summary(&r->tell);
	if (more == PCAP_ERROR)
		log_error("replay: %s: %s (what stands above is what could be read)", path,
			  pcap_geterr(capture));
	if (r->failures)
		log_error("replay: %llu doors found their table full (split the capture)",
			  (unsigned long long)r->failures);
	return more == PCAP_ERROR || r->failures || !passed;
}

static int load(struct replay *r, const char *path)
{
	struct policy_errors errors = { .count = 0 };
	int error = policy_load(path, &r->policy, &r->settings, &errors);

	for (uint32_t i = 0; i < errors.count && i < 32; i++)
		log_error("%s:%u:%u: %s", path, errors.items[i].line, errors.items[i].column,
			  errors.items[i].text);
	if (error && !errors.count)
		log_error("replay: %s: %s (give the configuration with -c FILE)", path,
			  strerror(-error));
	return error;
}

int replay_run(const char *path, const char *config, bool json)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct replay *r = calloc(1, sizeof(*r));
	pcap_t *capture = NULL;
	int status = 1;

	if (r && !load(r, config)) {
		capture = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO,
								  why);
		if (!capture)
			log_error("replay: %s (is it a pcap or pcapng file?)", why);
		else if (replay_open(r, json))
			log_error("replay: out of memory (free some 500 MB)");
		else
			status = read_all(r, capture, path);
	}
	if (capture)
		pcap_close(capture);
	if (r)
		replay_close(r);
	free(r);
	return status;
}
