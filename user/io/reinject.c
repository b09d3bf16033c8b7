// SPDX-License-Identifier: MIT
/* Puts judged messages back, in batches. The IP header is the punted one, options and extension
 * headers included; lengths and sums are made anew. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/gate.h"
#include "io/kernel_own.h"
#include "io/reinject.h"

#define BATCH 32
#define UDP_BYTES 8
#define IPV6_HEADER_BYTES 40
#define FRAGMENT_HEADER_BYTES 8
#define IPV4_MORE_FRAGMENTS 0x2000
#define LINK_BYTES (ETH_HLEN + 4)
#define FRAME_BYTES (LINK_BYTES + GATE_MTU)

/* How one packet is cut. IPv4 pieces keep the number that the sender gave. */
struct cut {
	enum family family;
	size_t head, next_at;        /* bytes before UDP; IPv6: where their last names what follows */
	size_t total, room;          /* of UDP: in all, in each piece but the last */
	uint32_t identification;     /* IPv6 */
};

struct reinject {
	int fd;
	uint32_t identification;     /* RFC 8200 4.5, RFC 7739: begins at random */
	uint32_t waiting;
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(uint32_t))];
	} marks[BATCH];
	uint8_t frames[BATCH][FRAME_BYTES];
};

int reinject_open(struct kernel *k, struct reinject **ret, struct kernel_error *reterr)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	struct reinject *r;
	int gate = gate_open(k->egress, reterr);

	if (gate < 0)
		return gate;
	r = calloc(1, sizeof(*r));
	if (!r)
		return kernel_fail(reterr, -ENOMEM, "reinject: out of memory (free some)");
	address.sll_ifindex = gate;
	if (getrandom(&r->identification, sizeof(r->identification), 0) < 0)
		r->identification = (uint32_t)gate;
	/* Protocol 0: sends, never receives. */
	r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->fd < 0 || bind(r->fd, (struct sockaddr *)&address, sizeof(address))) {
		int error = -errno;

		reinject_close(r);
		return kernel_fail(reterr, error, "packet socket on %s: %s (run as root, or with "
				   "CAP_NET_RAW)", GATE_NAME, strerror(-error));
	}
	*ret = r;
	return 0;
}

void reinject_close(struct reinject *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

/* RFC 1071: ones' complement sum, big endian. */
static uint32_t sum_bytes(uint32_t sum, const uint8_t *bytes, size_t length)
{
	uint64_t wide = sum;

	for (; length > 1; bytes += 2, length -= 2)
		wide += (uint32_t)bytes[0] << 8 | bytes[1];
	if (length)
		wide += (uint32_t)bytes[0] << 8;
	while (wide >> 16)
		wide = (wide & 0xffff) + (wide >> 16);
	return (uint32_t)wide;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static size_t write_link(uint8_t *out, const struct punt *p)
{
	size_t n = 2 * ETH_ALEN;

	memcpy(out, p->destination_mac, ETH_ALEN);
	memcpy(out + ETH_ALEN, p->source_mac, ETH_ALEN);
	if (p->vlan) {
		put16(out + n, ETH_P_8021Q);
		put16(out + n + 2, p->vlan);
		n += 4;
	}
	put16(out + n, p->key.family == FAMILY_IPV6 ? ETH_P_IPV6 : ETH_P_IP);
	return n + 2;
}

/* Lengths, header sum, and the UDP sum over the pseudo-header (RFC 768, RFC 8200 8.1). */
static void finish_packet(uint8_t *ip, size_t udp_at, size_t length, enum family family)
{
	uint8_t *udp = ip + udp_at;
	size_t udp_bytes = length - udp_at;
	uint32_t sum = IPPROTO_UDP + (uint32_t)udp_bytes;

	put16(udp + 4, (uint32_t)udp_bytes);
	put16(udp + 6, 0);
	if (family == FAMILY_IPV6) {
		put16(ip + 4, (uint32_t)(length - 40));
		sum = sum_bytes(sum, ip + 8, 32);
	} else {
		put16(ip + 2, (uint32_t)length);
		put16(ip + 10, 0);
		put16(ip + 10, ~sum_bytes(0, ip, (size_t)(ip[0] & 15) * 4));
		sum = sum_bytes(sum, ip + 12, 8);
	}
	sum = ~sum_bytes(sum, udp, udp_bytes) & 0xffff;
	put16(udp + 6, sum ? sum : 0xffff);
}

/* SO_MARK tells the egress program where the message came in. */
static void address_message(struct reinject *r, uint32_t at, size_t bytes, uint32_t interface)
{
	struct msghdr *m = &r->messages[at].msg_hdr;
	struct cmsghdr *c;

	r->parts[at] = (struct iovec){ r->frames[at], bytes };
	*m = (struct msghdr){ .msg_iov = &r->parts[at],
			      .msg_iovlen = 1,
			      .msg_control = &r->marks[at],
			      .msg_controllen = sizeof(r->marks[at].bytes) };
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SO_MARK;
	c->cmsg_len = CMSG_LEN(sizeof(interface));
	memcpy(CMSG_DATA(c), &interface, sizeof(interface));
}

static int make_place(struct reinject *r)
{
	return r->waiting == BATCH ? reinject_flush(r) : 0;
}

static int send_whole(struct reinject *r, const struct punt *p, struct slice payload)
{
	size_t head = p->payload_offset, link;
	uint8_t *frame;
	int error = make_place(r);

	if (error)
		return error;
	frame = r->frames[r->waiting];
	link = write_link(frame, p);
	memcpy(frame + link, p->data, head);
	memcpy(frame + link + head, payload.bytes, payload.length);
	finish_packet(frame + link, head - UDP_BYTES, head + payload.length,
		      (enum family)p->key.family);
	address_message(r, r->waiting++, link + head + payload.length, p->interface);
	return 0;
}

/* One piece of the whole packet at `ip`, whose header ends at `head`: data from `from` to `to`. */
static size_t write_piece(uint8_t *out, const uint8_t *ip, const struct cut *c, size_t from)
{
	size_t bytes = from + c->room < c->total ? c->room : c->total - from, head = c->head;
	bool more = from + bytes < c->total;

	memcpy(out, ip, head);
	if (c->family == FAMILY_IPV6) {
		/* RFC 8200 4.5: the fragment header stands last of what each piece repeats. */
		out[c->next_at] = IPPROTO_FRAGMENT;
		out[head] = IPPROTO_UDP;
		out[head + 1] = 0;
		put16(out + head + 2, (uint32_t)from | more);
		put16(out + head + 4, c->identification >> 16);
		put16(out + head + 6, c->identification & 0xffff);
		head += FRAGMENT_HEADER_BYTES;
		put16(out + 4, (uint32_t)(head + bytes - IPV6_HEADER_BYTES));
	} else {
		put16(out + 2, (uint32_t)(head + bytes));
		put16(out + 6, (uint32_t)(from / 8) | (more ? IPV4_MORE_FRAGMENTS : 0));
		put16(out + 10, 0);
		put16(out + 10, ~sum_bytes(0, out, head));
	}
	memcpy(out + head, ip + c->head + from, bytes);
	return head + bytes;
}

/* Where in an IPv6 header it stands what follows the last header before UDP. */
static size_t next_header_at(const uint8_t *ip, size_t head)
{
	size_t at = 6, next = IPV6_HEADER_BYTES;

	while (next < head) {
		at = next;
		next += ip[next + 1] * 8u + 8;
	}
	return at;
}

/* What came in pieces leaves in pieces no larger: IPv6 routers cut nothing (RFC 8200 4.5), and the
 * sender's path is known to take these. */
static int send_cut(struct reinject *r, const struct punt *p, struct slice payload)
{
	static uint8_t whole[GATE_MTU];
	struct cut c = { .head = p->payload_offset - UDP_BYTES,
			 .total = UDP_BYTES + payload.length,
			 .family = (enum family)p->key.family };
	size_t repeated = c.head + (c.family == FAMILY_IPV6 ? FRAGMENT_HEADER_BYTES : 0);
	int error;

	if (p->fragment_bytes < repeated + 8)
		return -EMSGSIZE;
	c.room = (p->fragment_bytes - repeated) & ~(size_t)7;
	memcpy(whole, p->data, p->payload_offset);
	memcpy(whole + p->payload_offset, payload.bytes, payload.length);
	finish_packet(whole, c.head, c.head + c.total, c.family);
	if (c.family == FAMILY_IPV6)
		c.next_at = next_header_at(whole, c.head);
	c.identification = ++r->identification;
	for (size_t from = 0; from < c.total; from += c.room) {
		uint8_t *frame;
		size_t link;

		error = make_place(r);
		if (error)
			return error;
		frame = r->frames[r->waiting];
		link = write_link(frame, p);
		address_message(r, r->waiting, link + write_piece(frame + link, whole, &c, from),
				p->interface);
		r->waiting++;
	}
	return 0;
}

int reinject_send(struct reinject *r, const struct punt *p, struct slice payload)
{
	size_t head = p->payload_offset;

	if (head < UDP_BYTES + 20 || head > p->l3_bytes || payload.length > GATE_MTU - head)
		return -EMSGSIZE;
	if (p->fragment_bytes && head + payload.length > p->fragment_bytes)
		return send_cut(r, p, payload);
	return send_whole(r, p, payload);
}

/* What the host does not take at once is lost, as a datagram may be; the sender repeats. */
int reinject_flush(struct reinject *r)
{
	uint32_t done = 0;
	int error = 0;

	while (done < r->waiting) {
		int n = sendmmsg(r->fd, r->messages + done, r->waiting - done, 0);

		if (n > 0) {
			done += (uint32_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		error = n < 0 ? -errno : -EIO;
		done++;
	}
	r->waiting = 0;
	return error;
}
