// SPDX-License-Identifier: MIT
/* A bounded number of unfinished datagrams, each with a buffer of its own. A source that opens more
 * than its share loses its own oldest one, never somebody else's. */
#include "reasm/reasm.h"

#include "base/address.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000ull
#define IPV4_TIMEOUT_NS (15 * SECOND_NS)     /* RFC 791 3.2: the lower bound of its timer */
#define IPV6_TIMEOUT_NS (60 * SECOND_NS)     /* RFC 8200 4.5 */
#define UDP_BYTES 8
#define PACKET_MOST 65535
#define STRANGERS (LIMIT_FRAGMENT_DATAGRAMS * 3 / 4)

struct piece {
	uint32_t from, to;
};

struct unfinished {
	struct fragment_key key;
	uint64_t begun_ns;           /* 0: free                                           */
	bool trusted;
	bool poisoned;               /* RFC 5722 4: whatever else comes of it is refused  */
	uint32_t total;              /* bytes of data; 0: the last piece has not come     */
	uint32_t got;
	uint32_t largest;
	uint32_t next_at, head_bytes; /* 0: the first piece has not come                  */
	uint32_t piece_count;
	struct piece pieces[LIMIT_FRAGMENT_PIECES];
	uint8_t head[LIMIT_HEADER_BYTES];
	_Alignas(8) uint8_t bytes[REASM_ROOM + LIMIT_HEADER_BYTES + PACKET_MOST];
};

struct reasm {
	uint32_t evicted;
	struct unfinished all[LIMIT_FRAGMENT_DATAGRAMS];
};

struct reasm *reasm_new(void)
{
	return calloc(1, sizeof(struct reasm));
}

void reasm_free(struct reasm *r)
{
	free(r);
}

static uint8_t *data_of(struct unfinished *u)
{
	return u->bytes + REASM_ROOM + LIMIT_HEADER_BYTES;
}

static bool same_source(const struct fragment_key *a, const struct fragment_key *b)
{
	const struct address x = address_source(&a->source), y = address_source(&b->source);

	return a->zone == b->zone && address_equal(&x, &y);
}

static struct unfinished *find(struct reasm *r, const struct fragment_key *key)
{
	for (uint32_t i = 0; i < LIMIT_FRAGMENT_DATAGRAMS; i++)
		if (r->all[i].begun_ns && !memcmp(&r->all[i].key, key, sizeof(*key)))
			return &r->all[i];
	return NULL;
}

static struct unfinished *older(struct unfinished *a, struct unfinished *b)
{
	return !a || b->begun_ns < a->begun_ns ? b : a;
}

/* Whom a new one replaces: its own source's oldest where that has its share, the oldest of its kind
 * where strangers (or all) have theirs; else a free place. */
static struct unfinished *make_room(struct reasm *r, const struct fragment_key *key, bool trusted)
{
	struct unfinished *own = NULL, *kind = NULL, *free_one = NULL, *u;
	uint32_t own_count = 0, strangers = 0;

	for (uint32_t i = 0; i < LIMIT_FRAGMENT_DATAGRAMS; i++) {
		u = &r->all[i];
		if (!u->begun_ns) {
			free_one = free_one ?: u;
			continue;
		}
		strangers += !u->trusted;
		if (!u->trusted || trusted)
			kind = older(kind, u);
		if (same_source(&u->key, key)) {
			own = older(own, u);
			own_count++;
		}
	}
	u = free_one;
	if (own_count >= LIMIT_FRAGMENT_SOURCE)
		u = own;
	else if (!free_one || (!trusted && strangers >= STRANGERS))
		u = kind;
	r->evicted += u && u->begun_ns && !u->poisoned;
	return u;
}

static struct unfinished *begin(struct reasm *r, const struct fragment *f, bool trusted,
				uint64_t now_ns)
{
	struct unfinished *u = make_room(r, &f->key, trusted);

	if (!u)
		return NULL;
	memset(u, 0, offsetof(struct unfinished, pieces));
	u->key = f->key;
	u->begun_ns = now_ns ? now_ns : 1;
	u->trusted = trusted;
	return u;
}

/* What the piece alone tells of itself. */
static enum reason check_piece(const struct fragment *f)
{
	if (!f->data.length || (f->more && f->data.length % 8))
		return REASON_packet_bad_length;
	/* RFC 791 3.2, "ping of death": no packet is longer than its length word can say. */
	if (f->head.length + f->offset + f->data.length > PACKET_MOST)
		return REASON_packet_bad_length;
	/* RFC 1858 3, RFC 7112 5: the first piece bears all headers; nobody's path is that narrow. */
	if (f->more && f->data.length < LIMIT_FRAGMENT_TINY)
		return REASON_fragment_tiny;
	if (!f->offset && (f->next != IPPROTO_UDP || f->data.length < UDP_BYTES))
		return REASON_fragment_tiny;
	return REASON_none;
}

/* Does it lie where one lies already? *ret_again: it is that one, byte by byte (RFC 8200 4.5). */
static bool overlaps(struct unfinished *u, const struct fragment *f, bool *ret_again)
{
	struct piece p = { f->offset, f->offset + (uint32_t)f->data.length };

	*ret_again = false;
	for (uint32_t i = 0; i < u->piece_count; i++) {
		const struct piece *q = &u->pieces[i];

		if (p.to <= q->from || q->to <= p.from)
			continue;
		*ret_again = p.from == q->from && p.to == q->to &&
			     !memcmp(data_of(u) + p.from, f->data.bytes, f->data.length);
		return true;
	}
	return false;
}

/* The end that it says, or lies behind, against the end that another one said. */
static bool contradicts(const struct unfinished *u, const struct fragment *f)
{
	uint32_t to = f->offset + (uint32_t)f->data.length;

	if (u->total && (to > u->total || (!f->more && to != u->total)))
		return true;
	for (uint32_t i = 0; !f->more && i < u->piece_count; i++)
		if (u->pieces[i].to > to)
			return true;
	return false;
}

static void keep(struct unfinished *u, const struct fragment *f)
{
	uint32_t to = f->offset + (uint32_t)f->data.length;
	uint32_t l3_bytes = (uint32_t)(f->head.length + f->data.length);

	memcpy(data_of(u) + f->offset, f->data.bytes, f->data.length);
	u->pieces[u->piece_count++] = (struct piece){ f->offset, to };
	u->got += (uint32_t)f->data.length;
	if (f->key.family == FAMILY_IPV6)
		l3_bytes += 8;
	if (l3_bytes > u->largest)
		u->largest = l3_bytes;
	if (!f->more)
		u->total = to;
	if (!f->offset) {
		memcpy(u->head, f->head.bytes, f->head.length);
		u->head[f->next_at] = f->next;
		u->head_bytes = (uint32_t)f->head.length;
	}
}

/* The packet as it was before it was cut; sums are made anew by whoever sends it. */
static void finish(struct unfinished *u, struct datagram *ret)
{
	uint8_t *packet = u->bytes + REASM_ROOM, *udp = packet + u->head_bytes;
	uint32_t bytes = u->head_bytes + u->total;
	uint32_t word = u->key.family == FAMILY_IPV6 ? bytes - 40 : bytes;
	uint32_t at = u->key.family == FAMILY_IPV6 ? 4 : 2;

	memmove(udp, data_of(u), u->total);
	memcpy(packet, u->head, u->head_bytes);
	packet[at] = (uint8_t)(word >> 8);
	packet[at + 1] = (uint8_t)word;
	if (u->key.family == FAMILY_IPV4)
		packet[6] = packet[7] = 0;
	*ret = (struct datagram){ .packet = packet,
				  .l3_bytes = bytes,
				  .payload_at = u->head_bytes + UDP_BYTES,
				  .largest = u->largest };
	memcpy(ret->ports, udp, sizeof(ret->ports));
	u->begun_ns = 0;
}

/* RFC 768: the length in the UDP header says what the pieces must come to. */
static bool udp_length_lies(struct unfinished *u)
{
	const uint8_t *udp = data_of(u);

	return (uint32_t)(udp[4] << 8 | udp[5]) != u->total;
}

enum reason reasm_take(struct reasm *r, const struct fragment *f, bool trusted, uint64_t now_ns,
		       struct datagram *ret, bool *ret_whole)
{
	enum reason reason = check_piece(f);
	struct unfinished *u = find(r, &f->key);
	bool again = false;

	*ret_whole = false;
	if (u && u->poisoned)
		return REASON_fragment_overlap;
	if (!u && !reason)
		u = begin(r, f, trusted, now_ns);
	if (!u)
		return reason ?: REASON_fragment_flood;
	if (!reason && overlaps(u, f, &again) && !again)
		reason = REASON_fragment_overlap;
	else if (!reason && !again && contradicts(u, f))
		reason = REASON_packet_bad_length;
	else if (!reason && !again && u->piece_count == LIMIT_FRAGMENT_PIECES)
		reason = REASON_fragment_flood;
	if (reason)
		u->poisoned = true;
	if (reason || again)
		return reason;
	keep(u, f);
	if (!u->total || u->got != u->total)
		return REASON_none;
	if (udp_length_lies(u)) {
		u->begun_ns = 0;
		return REASON_packet_bad_length;
	}
	finish(u, ret);
	*ret_whole = true;
	return REASON_none;
}

uint32_t reasm_expire(struct reasm *r, uint64_t now_ns)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < LIMIT_FRAGMENT_DATAGRAMS; i++) {
		struct unfinished *u = &r->all[i];
		uint64_t life = u->key.family == FAMILY_IPV6 ? IPV6_TIMEOUT_NS : IPV4_TIMEOUT_NS;

		if (!u->begun_ns || now_ns < u->begun_ns + life)
			continue;
		count += !u->poisoned;
		u->begun_ns = 0;
	}
	return count;
}

uint32_t reasm_evicted(struct reasm *r)
{
	uint32_t evicted = r->evicted;

	r->evicted = 0;
	return evicted;
}

uint32_t reasm_waiting(const struct reasm *r)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < LIMIT_FRAGMENT_DATAGRAMS; i++)
		count += r->all[i].begun_ns != 0;
	return count;
}
