// SPDX-License-Identifier: MIT
/* One IP fragment read: where its piece lies, and what names the datagram that it is a piece of. */
#include <netinet/in.h>
#include <string.h>

#include "base/address.h"
#include "base/reader.h"
#include "reasm/reasm.h"

#define IPV4_HEADER_BYTES 20
#define IPV6_HEADER_BYTES 40
#define FRAGMENT_HEADER_BYTES 8

static enum reason read_ipv4(struct slice packet, struct fragment *f)
{
	uint32_t head = (packet.bytes[0] & 15) * 4u, word;

	if (packet.length < IPV4_HEADER_BYTES || head < IPV4_HEADER_BYTES || head > packet.length)
		return REASON_packet_bad_header;
	word = (uint32_t)(packet.bytes[6] << 8 | packet.bytes[7]);
	/* RFC 791 3.1: "don't fragment" on a fragment contradicts itself, and is seen from hosts that
	 * cut before they mark: it is let pass. */
	f->offset = (word & 0x1fff) * 8;
	f->more = word & 0x2000;
	f->key.identification = (uint32_t)(packet.bytes[4] << 8 | packet.bytes[5]);
	f->key.source = address_from_ipv4(packet.bytes + 12);
	f->key.destination = address_from_ipv4(packet.bytes + 16);
	f->key.family = FAMILY_IPV4;
	f->next_at = 9;
	f->next = packet.bytes[9];
	f->head = slice_part(packet, 0, head);
	f->data = slice_from(packet, head);
	return f->offset || f->more ? REASON_none : REASON_packet_bad_header;
}

/* RFC 8200 4.5. `at` is that of the fragment header. */
static enum reason read_fragment_header(struct slice packet, uint32_t at, struct fragment *f)
{
	struct reader r = reader_make(slice_from(packet, at));
	uint16_t word;

	f->next = reader_u8(&r);
	reader_skip(&r, 1);
	word = reader_u16(&r);
	f->offset = word & 0xfff8u;
	f->more = word & 1;
	f->key.identification = reader_u32(&r);
	f->head = slice_part(packet, 0, at);
	f->data = reader_rest(&r);
	return r.failed || (!f->offset && !f->more) ? REASON_packet_bad_header : REASON_none;
}

static enum reason read_ipv6(struct slice packet, struct fragment *f)
{
	uint32_t at = IPV6_HEADER_BYTES;
	uint8_t next;

	if (packet.length < IPV6_HEADER_BYTES)
		return REASON_packet_bad_header;
	memcpy(f->key.source.bytes, packet.bytes + 8, 16);
	memcpy(f->key.destination.bytes, packet.bytes + 24, 16);
	f->key.family = FAMILY_IPV6;
	f->next_at = 6;
	next = packet.bytes[6];
	for (int i = 0; i < LIMIT_IPV6_EXTENSIONS && at + FRAGMENT_HEADER_BYTES <= packet.length; i++) {
		if (next == IPPROTO_FRAGMENT)
			return read_fragment_header(packet, at, f);
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_DSTOPTS)
			break;
		next = packet.bytes[at];
		f->next_at = at;
		at += packet.bytes[at + 1] * 8u + 8;
		if (at > LIMIT_HEADER_BYTES)
			break;
	}
	return REASON_packet_bad_header;
}

enum reason fragment_read(struct slice packet, struct fragment *ret)
{
	struct fragment f = { .offset = 0 };
	enum reason reason = REASON_packet_bad_header;

	if (packet.length && packet.bytes[0] >> 4 == 4)
		reason = read_ipv4(packet, &f);
	else if (packet.length && packet.bytes[0] >> 4 == 6)
		reason = read_ipv6(packet, &f);
	if (!reason)
		*ret = f;
	return reason;
}
