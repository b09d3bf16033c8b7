/* SPDX-License-Identifier: MIT */
#ifndef RINGFENCE_SDP_MENTION_H
#define RINGFENCE_SDP_MENTION_H

struct mentions;
struct sdp;

/* Adds what the description names, for translation. */
void sdp_mentions(const struct sdp *sdp, struct mentions *ret);

#endif
