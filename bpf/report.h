/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs tell: counters, and events by ring. Also where policy may weaken a refusal. */
#ifndef RINGFENCE_BPF_REPORT_H
#define RINGFENCE_BPF_REPORT_H

#include "context.h"

static const __u8 reason_protection[REASON_COUNT] = {
#define REASON(name, protection, sentence) [REASON_##name] = protection,
#include <ringfence/reason.def>
#undef REASON
};

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		*value += 1;
}

static __always_inline enum protection reason_class(enum reason reason)
{
	__u32 index = reason;

	/* The copy that is compared is the one that is used: else the verifier sees no bound. */
	asm volatile("" : "+r"(index));
	return index < REASON_COUNT ? reason_protection[index] : PROTECTION_ALWAYS;
}

/* What policy wants done about a refusal of this class. */
static __always_inline enum enforcement reason_enforcement(enum protection protection)
{
	const struct control *word = control_get();
	__u32 index = protection;

	if (!word || index == PROTECTION_ALWAYS || index >= PROTECTION_COUNT)
		return ENFORCE_ON;
	return word->enforcement[index];
}

static __always_inline void report(const struct packet *pkt, enum event_kind kind)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		count(COUNTER_events_lost);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = pkt->now_ns;
	event->key = *pkt->key;
	event->kind = kind;
	event->reason = pkt->reason;
	if (pkt->permitted) {
		event->slot = pkt->slot;
		event->pinhole = *pkt->pinhole;
	}
	bpf_ringbuf_submit(event, 0);
}

/* True a bounded number of times a second and CPU: a flood must not become a flood of events. */
static __always_inline bool report_allowed(const struct packet *pkt)
{
	__u32 which = pkt->kind == KIND_SIGNALLING;
	struct event_budget *budget = bpf_map_lookup_elem(&event_budgets, &which);

	if (!budget)
		return false;
	if (pkt->now_ns - budget->window_ns >= SECOND_NS) {
		budget->window_ns = pkt->now_ns;
		budget->told = 0;
	}
	return budget->told++ < LIMIT_DROP_EVENTS;
}

static __always_inline void tell_refusal(const struct packet *pkt)
{
	if (pkt->kind && report_allowed(pkt))
		report(pkt, pkt->kind == KIND_MEDIA ? EVENT_DROPPED : EVENT_REFUSED);
}

#endif
