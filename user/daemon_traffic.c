// SPDX-License-Identifier: MIT
/* From the rings to the journey, and the hands that the journey acts with. */
#include <netinet/in.h>

#include "cli/control.h"
#include "daemon.h"
#include "io/emit.h"

#define STALE_NS (1000ull * 1000 * 1000)

static void count(void *daemon, uint32_t counter, uint64_t n)
{
	struct daemon *d = daemon;

	d->projector.count(d->projector.self, counter, n);
}

/* A translated message goes on as one of this host's own: where it came in nobody would believe its
 * new sender. */
static int send_on(void *daemon, const struct arrival *a, const struct flow_info *leaves,
		   struct slice payload)
{
	const struct flow_info *came = &a->flow;
	struct daemon *d = daemon;

	if (a->ticket)
		return daemon_stream_settle(d, a, payload);
	if (memcmp(&leaves->source, &came->source, sizeof(came->source)) ||
	    memcmp(&leaves->destination, &came->destination, sizeof(came->destination)))
		return emit(&leaves->source, &leaves->destination, payload);
	return reinject_send(d->reinject, (const struct punt *)a->record.bytes, payload);
}

static int originate(void *daemon, const struct arrival *a, const struct sends *s)
{
	struct daemon *d = daemon;
	int error = 0;

	for (uint32_t i = 0; i < s->count && !error; i++)
		error = a->ticket ? daemon_stream_answer(d, a, s->items[i].bytes) :
				    emit(&s->items[i].from, &s->items[i].to, s->items[i].bytes);
	return error;
}

static void report(void *daemon, const struct verdict_report *r)
{
	struct daemon *d = daemon;

	if (r->outcome->denies && !r->monitored)
		daemon_deny(d, &r->arrival->flow, r->outcome->reason);
	control_report(d->control, r);
}

void daemon_hands(struct daemon *d, struct hands *ret)
{
	*ret = (struct hands){ .send = send_on, .report = report, .count = count, .self = d,
			       .originate = originate };
}

/* The ring's record is ours until we return; what waits longer copies it. */
void daemon_take_datagram(void *daemon, const struct punt *p, uint32_t bytes)
{
	struct daemon *d = daemon;
	uint64_t now_ns = loop_now_ns();
	struct arrival a = {
		.flow = {
			.source = { p->key.source, p->key.source_port, 0 },
			.destination = { p->key.destination, p->key.destination_port, 0 },
			.zones = { p->zone, policy_zone_of(d->policy, &p->key.destination) },
			.transport = IPPROTO_UDP,
			.speaks = p->speaks,
			.family = p->key.family,
			.by_door = p->flags & PUNT_DOOR,
		},
		.packet = slice_make(p->data, p->l3_bytes),
		.time_ns = p->time_ns,
		.interface = p->interface,
		.vlan = p->vlan,
		.speaks = p->speaks,
		.held = p->flags & PUNT_HELD,
		.record = slice_make(p, bytes),
	};

	/* Rows are still being filled: nobody could tell whose message it is. */
	if (!d->is_full) {
		count(d, REASON_group_lost, 1);
		return;
	}
	/* The sender has repeated it by now; answering the old one would only confuse. */
	if (now_ns > p->time_ns + STALE_NS) {
		count(d, REASON_punt_stale, 1);
		return;
	}
	if (p->flags & PUNT_FRAGMENT) {
		daemon_take_fragment(d, p, now_ns);
		return;
	}
	a.payload = slice_from(a.packet, p->payload_offset);
	journey_arrival(&d->journey, &a, now_ns);
}

/* A pinhole locked: the exact flow is opened as a row of its own, so that it outlives us. */
static void take_lock(struct daemon *d, const struct event *e)
{
	static uint8_t bytes[LIMIT_ARENA_BYTES];
	struct arena arena = { bytes, sizeof(bytes), 0 };
	struct lock_row row = { .key = e->key, .seen_ns = e->time_ns };
	struct row_key key;
	struct batch batch;

	if (!apply_claimant(d->apply, &e->pinhole, &key) || tables_find(d->tables, ROW_lock, &key))
		return;
	batch_init(&batch, &arena);
	batch_expect(&batch, ROW_lock, &key, 0);
	batch_put(&batch, ROW_lock, &key, &row);
	apply_submit(d->apply, &batch, NULL, NULL);
}

void daemon_take_event(void *daemon, const struct event *e)
{
	struct daemon *d = daemon;

	if (e->kind == EVENT_LOCKED)
		take_lock(d, e);
	control_event(d->control, e);
}
