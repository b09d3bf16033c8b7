/* SPDX-License-Identifier: MIT */
/* A captured frame as the fast path would read it: link header, VLAN tags, IP, ports. */
#ifndef RINGFENCE_REPLAY_FRAME_H
#define RINGFENCE_REPLAY_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include <ringfence/flow.h>
#include <ringfence/limits.h>
#include <ringfence/reason.h>

struct frame {
	struct flow_key key;         /* zone is left to the caller                       */
	struct slice packet;         /* from the IP header on, as far as it was captured */
	struct slice payload;        /* above UDP or TCP, as far as it was captured      */
	uint32_t payload_bytes;      /* by the packet's own words                        */
	uint32_t l3_bytes;
	uint32_t sequence;           /* TCP                                              */
	uint8_t tcp_flags;
	uint16_t vlan;               /* outer tag, 0 none                                */
	bool has_ports;              /* false: a later fragment                          */
	bool fragment;
	bool cut;                    /* the capture holds less than there was            */
	enum reason reason;          /* refused at once                                  */
	enum reason defect;          /* refused where the packet proves to be ours       */
};

/* Is this link type (DLT_*) known? */
bool frame_link_is_known(int link);
/* `wire_bytes` is the frame's length before the capture cut it. False: neither UDP nor TCP over IP,
 * none of ours. */
bool frame_read(int link, struct slice bytes, uint32_t wire_bytes, struct frame *ret);

#endif
