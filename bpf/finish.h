/* SPDX-License-Identifier: GPL-2.0 */
/* The single exit: counts why, tells what of ours was refused, returns the action. A refusal that
 * policy only watches is counted under its reason as well as under media_monitored, and passes. */
#ifndef RINGFENCE_BPF_FINISH_H
#define RINGFENCE_BPF_FINISH_H

#include "report.h"

static __always_inline enum verdict finish_media(struct packet *pkt)
{
	enum enforcement enforcement = reason_enforcement(PROTECTION_MEDIA);

	if (enforcement == ENFORCE_OFF) {
		count(COUNTER_packets_passed);
		return PASS;
	}
	count(pkt->reason);
	tell_refusal(pkt);
	if (enforcement != ENFORCE_MONITOR)
		return DROP;
	count(COUNTER_media_monitored);
	return PASS;
}

static __always_inline int finish(struct packet *pkt, enum verdict v)
{
	if (v == PASS && !pkt->steers && pkt->key->protocol == IPPROTO_TCP) {
		/* gateway_steer counts it */
	} else if (v != DROP) {
		count(pkt->counter);
	} else if (reason_class(pkt->reason) == PROTECTION_MEDIA) {
		v = finish_media(pkt);
	} else {
		count(pkt->reason);
		tell_refusal(pkt);
	}
	return context_action(pkt, v);
}

#endif
