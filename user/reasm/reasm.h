/* SPDX-License-Identifier: MIT */
/* IP fragments of UDP into whole datagrams (RFC 791 3.2, RFC 8200 4.5). What overlaps, what is too
 * small to be honest and what floods is refused; memory is taken once. Knows no protocol above UDP,
 * no zone's meaning and no clock. */
#ifndef RINGFENCE_REASM_H
#define RINGFENCE_REASM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include <ringfence/limits.h>
#include <ringfence/reason.h>
#include <ringfence/types.h>

/* Free bytes in front of a whole packet, for a record's header. */
#define REASM_ROOM 256

struct fragment_key {
	struct address source;
	struct address destination;
	uint32_t identification;
	uint16_t zone;               /* the caller's: one host's numbers may be reused elsewhere */
	uint8_t family;              /* enum family                                       */
	uint8_t pad;
};

struct fragment {
	struct fragment_key key;
	struct slice head;           /* IP header, to the fragment header or the data     */
	struct slice data;
	uint32_t next_at;            /* in head: the byte that says what follows          */
	uint32_t offset;             /* bytes                                             */
	bool more;
	uint8_t next;                /* what the data begins with; IPPROTO_UDP            */
};

/* A packet that was whole before it was cut; lives until the next call. */
struct datagram {
	uint8_t *packet;             /* IP header on, lengths as before it was cut; 8-byte aligned */
	uint32_t l3_bytes;
	uint32_t payload_at;         /* of UDP                                            */
	uint32_t largest;            /* L3 bytes of the largest piece: what the path takes */
	uint16_t ports[2];           /* network order: source, destination                */
};

struct reasm;

/* From the IP header on, exactly as long as the IP header says. A reason where it is none that could
 * be put together. The zone is left to the caller. */
enum reason fragment_read(struct slice packet, struct fragment *ret);

struct reasm *reasm_new(void);
void reasm_free(struct reasm *r);
/* none: *ret_whole says whether it was the last that was missing. Of strangers no more are kept than
 * leaves servers (`trusted`) a quarter of the room. */
enum reason reasm_take(struct reasm *r, const struct fragment *f, bool trusted, uint64_t now_ns,
		       struct datagram *ret, bool *ret_whole);
/* How many datagrams were given up: in time, and by reasm_take to make room. */
uint32_t reasm_expire(struct reasm *r, uint64_t now_ns);
uint32_t reasm_evicted(struct reasm *r);
/* Unfinished ones. */
uint32_t reasm_waiting(const struct reasm *r);

#endif
