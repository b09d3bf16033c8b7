// SPDX-License-Identifier: MIT
/* Reads a captured frame by the rules of bpf/parse.h, but from a file: it may have been cut, and
 * its link header may be that of the "any" device. Knows no zones and no calls. */
#include "cli/replay_frame.h"

#include <netinet/in.h>
#include <pcap/pcap.h>

#include "base/address.h"
#include "base/reader.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define VLAN_MASK 0x0fff
#define IPV4_HEADER_BYTES 20
#define IPV6_HEADER_BYTES 40
#define IPV4_FRAGMENT 0x3fff         /* more fragments, and the offset */
#define IPV4_OFFSET 0x1fff
#define IPV6_FRAGMENT 0xfff9         /* RFC 8200 4.5 */
#define IPV6_OFFSET 0xfff8
#define UDP_HEADER_BYTES 8
#define TCP_HEADER_BYTES 20
#define TCP_READ_BYTES 14            /* up to its flags */

/* Where in the frame we are, and how much of it there was on the wire. */
struct walk {
	struct reader r;
	uint32_t missing;            /* bytes of the frame that were not captured */
	uint8_t protocol;
};

bool frame_link_is_known(int link)
{
	return link == DLT_EN10MB || link == DLT_LINUX_SLL || link == DLT_LINUX_SLL2 ||
	       link == DLT_RAW || link == DLT_IPV4 || link == DLT_IPV6;
}

static uint32_t room(const struct walk *w)
{
	return (uint32_t)reader_left(&w->r) + w->missing;
}

/* The ethertype of what follows the link header; 0: none. */
static uint16_t read_link(int link, struct walk *w)
{
	uint16_t type;

	switch (link) {
	case DLT_EN10MB:
		reader_skip(&w->r, 12);
		return reader_u16(&w->r);
	case DLT_LINUX_SLL:
		reader_skip(&w->r, 14);
		return reader_u16(&w->r);
	case DLT_LINUX_SLL2:
		type = reader_u16(&w->r);
		reader_skip(&w->r, 18);
		return type;
	default:
		return reader_peek(&w->r) >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
	}
}

static bool is_vlan(uint16_t type)
{
	return type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ;
}

static uint16_t read_tags(struct walk *w, uint16_t type, struct frame *f)
{
	for (int i = 0; i < LIMIT_VLAN_TAGS && is_vlan(type); i++) {
		uint16_t tag = reader_u16(&w->r) & VLAN_MASK;

		if (i == 0)
			f->vlan = tag;
		type = reader_u16(&w->r);
	}
	if (is_vlan(type))
		f->reason = REASON_packet_too_many_vlans;
	return type;
}

static struct address read_address(struct walk *w, size_t bytes)
{
	struct slice s = reader_take(&w->r, bytes);
	struct address a = { { 0 } };

	if (s.length == 4)
		return address_from_ipv4(s.bytes);
	if (s.length == 16)
		memcpy(a.bytes, s.bytes, 16);
	return a;
}

/* What lies behind the packet in its frame is padding and no part of it. */
static void trim(struct walk *w, struct frame *f)
{
	size_t begin = w->r.at, left = reader_left(&w->r);

	f->cut = f->l3_bytes > left;
	f->packet = slice_part(w->r.whole, begin, f->l3_bytes);
	w->r.whole.length = begin + f->packet.length;
	w->missing = f->l3_bytes - (uint32_t)f->packet.length;
}

static enum reason read_ipv4(struct walk *w, struct frame *f)
{
	struct reader peek = w->r;
	uint32_t header_bytes = (reader_peek(&w->r) & 15) * 4u;
	uint16_t fragment;

	if (reader_peek(&w->r) >> 4 != 4 || header_bytes < IPV4_HEADER_BYTES)
		return REASON_packet_bad_header;
	reader_skip(&peek, 2);
	f->l3_bytes = reader_u16(&peek);
	if (peek.failed)
		return REASON_packet_truncated;
	if (f->l3_bytes < header_bytes || f->l3_bytes > room(w))
		return REASON_packet_bad_length;
	trim(w, f);
	reader_skip(&w->r, 6);
	fragment = reader_u16(&w->r);
	reader_skip(&w->r, 1);
	w->protocol = reader_u8(&w->r);
	reader_skip(&w->r, 2);
	f->key.source = read_address(w, 4);
	f->key.destination = read_address(w, 4);
	f->key.family = FAMILY_IPV4;
	reader_skip(&w->r, header_bytes - IPV4_HEADER_BYTES);
	if (header_bytes > IPV4_HEADER_BYTES)
		f->defect = REASON_packet_ip_options;
	f->fragment = fragment & IPV4_FRAGMENT;
	f->has_ports = !(fragment & IPV4_OFFSET);
	return w->r.failed ? REASON_packet_truncated : REASON_none;
}

static bool is_extension(uint8_t protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT ||
	       protocol == IPPROTO_AH;
}

/* RFC 8200 4 */
static enum reason read_extension(struct walk *w, struct frame *f)
{
	uint8_t next = reader_u8(&w->r), units = reader_u8(&w->r);
	uint16_t word = reader_u16(&w->r);
	uint32_t bytes = units * 8u + 8;

	if (w->protocol == IPPROTO_AH)
		bytes = units * 4u + 8;
	if (w->protocol == IPPROTO_ROUTING)
		f->defect = REASON_packet_bad_header;
	if (w->protocol == IPPROTO_FRAGMENT) {
		bytes = 8;
		f->fragment = word & IPV6_FRAGMENT;
		f->has_ports = !(word & IPV6_OFFSET);
	}
	w->protocol = next;
	if (!w->r.failed && bytes - 4 > room(w))
		return REASON_packet_bad_length;
	reader_skip(&w->r, bytes - 4);
	return w->r.failed ? REASON_packet_truncated : REASON_none;
}

static enum reason read_ipv6(struct walk *w, struct frame *f)
{
	struct reader peek = w->r;
	size_t begin = w->r.at;
	enum reason reason = REASON_none;

	if (reader_peek(&w->r) >> 4 != 6)
		return REASON_packet_bad_header;
	reader_skip(&peek, 4);
	f->l3_bytes = IPV6_HEADER_BYTES + reader_u16(&peek);
	if (peek.failed)
		return REASON_packet_truncated;
	if (f->l3_bytes > room(w))
		return REASON_packet_bad_length;
	trim(w, f);
	reader_skip(&w->r, 6);
	w->protocol = reader_u8(&w->r);
	reader_skip(&w->r, 1);
	f->key.source = read_address(w, 16);
	f->key.destination = read_address(w, 16);
	f->key.family = FAMILY_IPV6;
	f->has_ports = true;
	if (w->r.failed)
		return REASON_packet_truncated;
	/* RFC 4291 2.5.5.2: such an address has no business on the wire. */
	if (address_is_ipv4(&f->key.source) || address_is_ipv4(&f->key.destination))
		return REASON_packet_mapped_address;
	for (int i = 0; !reason && i < LIMIT_IPV6_EXTENSIONS; i++) {
		if (!is_extension(w->protocol) || !f->has_ports)
			return REASON_none;
		reason = read_extension(w, f);
		if (!reason && w->r.at - begin > LIMIT_HEADER_BYTES)
			reason = REASON_packet_too_many_headers;
	}
	if (!reason && is_extension(w->protocol) && f->has_ports)
		reason = REASON_packet_too_many_headers;
	return reason;
}

/* RFC 9293 3.1, behind the ports */
static enum reason read_tcp(struct walk *w, struct frame *f, uint32_t l4_bytes)
{
	uint32_t header_bytes;

	f->sequence = reader_u32(&w->r);
	reader_skip(&w->r, 4);
	header_bytes = (reader_u8(&w->r) >> 4) * 4u;
	f->tcp_flags = reader_u8(&w->r);
	if (f->fragment)
		f->defect = REASON_packet_fragment;
	else if (w->r.failed || header_bytes < TCP_HEADER_BYTES || header_bytes > l4_bytes)
		f->defect = REASON_packet_truncated;
	if (f->defect)
		return REASON_none;
	reader_skip(&w->r, header_bytes - TCP_READ_BYTES);
	f->payload = reader_rest(&w->r);
	f->payload_bytes = l4_bytes - header_bytes;
	return REASON_none;
}

static enum reason read_ports(struct walk *w, struct frame *f)
{
	uint32_t l4_bytes = room(w), bytes;

	f->key.source_port = htons(reader_u16(&w->r));
	f->key.destination_port = htons(reader_u16(&w->r));
	if (w->r.failed)
		return REASON_packet_truncated;
	if (w->protocol != IPPROTO_UDP)
		return read_tcp(w, f, l4_bytes);
	bytes = reader_u16(&w->r);
	reader_skip(&w->r, 2);
	if (w->r.failed)
		return REASON_packet_truncated;
	f->payload_bytes = l4_bytes - UDP_HEADER_BYTES;
	f->payload = reader_rest(&w->r);
	if (f->fragment)
		f->defect = REASON_packet_fragment;
	else if (bytes != l4_bytes)
		f->defect = REASON_packet_bad_length;
	return REASON_none;
}

bool frame_read(int link, struct slice bytes, uint32_t wire_bytes, struct frame *ret)
{
	struct walk w = { .r = reader_make(bytes) };
	struct frame f = { .has_ports = false };
	uint16_t type;

	w.missing = wire_bytes > bytes.length ? wire_bytes - (uint32_t)bytes.length : 0;
	type = read_tags(&w, read_link(link, &w), &f);
	if (w.r.failed || (!f.reason && type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6))
		return false;
	if (!f.reason)
		f.reason = type == ETHERTYPE_IPV4 ? read_ipv4(&w, &f) : read_ipv6(&w, &f);
	f.key.protocol = w.protocol;
	if (!f.reason && w.protocol != IPPROTO_UDP && w.protocol != IPPROTO_TCP)
		return false;
	if (!f.reason && f.has_ports)
		f.reason = read_ports(&w, &f);
	*ret = f;
	return true;
}
