/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The words that kernel and user space share: addresses, endpoints, zones, protocols.
 * Fixed-width types, no pointers, no bitfields, explicit zeroed padding. */
#ifndef RINGFENCE_TYPES_H
#define RINGFENCE_TYPES_H

#include <linux/types.h>

/* An IPv6 address, or an IPv4 one mapped into ::ffff:0:0/96 (RFC 4291 2.5.5.2). */
struct address {
	__u8 bytes[16];
};

/* Transport address of one host. */
struct endpoint {
	struct address address;
	__be16 port;
	__u16 pad;
};

enum family {
	FAMILY_NONE = 0,
	FAMILY_IPV4 = 4,
	FAMILY_IPV6 = 6,
};

/* Zones are numbered from 1 in the order of the configuration file; 0 is no zone. */
#define ZONE_NONE 0

/* What a punted datagram or a signalling door speaks; an opaque number to the kernel. The names
 * are those of user/inspect/protocols.def. */
#define PROTOCOL_NONE 0

enum enforcement {
	ENFORCE_ON = 0,     /* refuse and count                  */
	ENFORCE_MONITOR,    /* let pass, count and report        */
	ENFORCE_OFF,        /* let pass                          */
};

/* Whether user space judges what is refused for a reason of this class, or always refuses. */
enum protection {
	PROTECTION_ALWAYS = 0, /* no choice: not ours to weaken    */
	PROTECTION_MEDIA,
	PROTECTION_SOURCES,
	PROTECTION_SIP,
	PROTECTION_MGCP,
	PROTECTION_COUNT,
};

#define RINGFENCE_ABI 1u

#endif
