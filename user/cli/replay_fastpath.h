/* SPDX-License-Identifier: MIT */
/* The fast path's tables without a kernel: what is open, and which media may pass. The same three
 * look-ups and the same shape of packets as bpf/pinhole.h and bpf/rtp.h. */
#ifndef RINGFENCE_REPLAY_FASTPATH_H
#define RINGFENCE_REPLAY_FASTPATH_H

#include <stdbool.h>

#include "cli/replay_frame.h"
#include <ringfence/punt.h>

struct fastpath;

/* NULL where memory is short. */
struct fastpath *fastpath_new(void);
void fastpath_free(struct fastpath *p);

/* True where the key was not open before; a key that is open keeps its activity. */
bool fastpath_open(struct fastpath *p, const struct flow_key *key, const struct permit *permit);
/* False where it was not open. */
bool fastpath_close(struct fastpath *p, const struct flow_key *key);
const struct permit *fastpath_permit(const struct fastpath *p, const struct flow_key *key);
const struct activity *fastpath_activity(const struct fastpath *p, const struct flow_key *key);

/* The flow, else the pinhole, that would let this packet in; ret_key is the key that matched. */
bool fastpath_find(const struct fastpath *p, const struct flow_key *packet,
		   struct flow_key *ret_key);
/* May the packet pass by the permit of `key`? Counts it there. ret_locked: it fixed the pinhole's
 * source port just now. */
enum reason fastpath_media(struct fastpath *p, const struct flow_key *key, const struct frame *f,
			   uint64_t now_ns, bool *ret_locked);
/* Does an unknown source keep to `rate` messages a second? 0: no limit. */
bool fastpath_in_rate(struct fastpath *p, const struct flow_key *packet, uint32_t rate,
		      uint64_t now_ns);

/* Is the payload what the permit allows (RFC 3550 A.1, RFC 7983)? */
enum reason fastpath_shape(const struct permit *permit, struct slice payload,
			   uint32_t payload_bytes);

#endif
