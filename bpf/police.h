/* SPDX-License-Identifier: GPL-2.0 */
/* Part of the known flow's step: is it in budget? A window of one second, counted by the packets
 * that asked; two CPUs that meet in one window may let a few more through. */
#ifndef RINGFENCE_BPF_POLICE_H
#define RINGFENCE_BPF_POLICE_H

#include "report.h"

static __always_inline enum verdict police(struct packet *pkt, const struct permit *permit,
					   struct activity *act)
{
	if (!permit->packets_per_second)
		return NEXT;
	if (pkt->now_ns - act->window_ns >= SECOND_NS) {
		act->window_ns = pkt->now_ns;
		act->window_packets = 0;
	}
	if (act->window_packets >= permit->packets_per_second)
		return refuse(pkt, REASON_media_rate);
	act->window_packets++;
	return NEXT;
}

#endif
