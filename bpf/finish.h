/* SPDX-License-Identifier: GPL-2.0 */
/* The single exit: counts why, tells what of ours was refused, returns the action. A refusal that
 * policy only watches is counted under its reason as well as under media_monitored, and passes; what
 * is translated would be lost in the host's stack, so it leaves as if it had not been refused. */
#ifndef RINGFENCE_BPF_FINISH_H
#define RINGFENCE_BPF_FINISH_H

#include "nat.h"

static __always_inline enum verdict let_go(struct packet *pkt, enum counter counter)
{
	pkt->counter = counter;
	if (pkt->permit && pkt->permit->flags & PERMIT_TRANSLATED)
		return TRANSLATE;
	count(counter);
	return PASS;
}

static __always_inline enum verdict finish_media(struct packet *pkt)
{
	enum enforcement enforcement = reason_enforcement(PROTECTION_MEDIA);

	if (enforcement == ENFORCE_OFF)
		return let_go(pkt, COUNTER_packets_passed);
	count(pkt->reason);
	tell_refusal(pkt);
	return enforcement == ENFORCE_MONITOR ? let_go(pkt, COUNTER_media_monitored) : DROP;
}

static __always_inline int finish(struct packet *pkt, enum verdict v)
{
	if (v == TRANSLATE || (v == PASS && !pkt->steers && pkt->key->protocol == IPPROTO_TCP)) {
		/* cross, or gateway_steer, counts it */
	} else if (v != DROP) {
		count(pkt->counter);
	} else if (reason_class(pkt->reason) == PROTECTION_MEDIA) {
		v = finish_media(pkt);
	} else {
		count(pkt->reason);
		tell_refusal(pkt);
	}
	return v == TRANSLATE ? begin_crossing(pkt) : context_action(pkt, v);
}

#endif
