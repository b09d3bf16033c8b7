// SPDX-License-Identifier: MIT
/* Doors of ICE candidates (RFC 8445, RFC 8839): beside those of the m= line, few, and the first to go
 * where a limit is hit. An offer's candidates have doors that any host may try (early, rate-bound);
 * after the answer only hosts that the other side named. What a side's candidates are is remembered by
 * these doors alone: those that the guard struck are nobody's business any more. */
#include "proto/sdp/wanted.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* Beyond that many doors of m= lines a description has none of candidates. */
#define PLAIN_MOST 64

struct candidate {
	struct endpoint at;
	uint8_t component;           /* 0 RTP, 1 RTCP */
};

struct candidates {
	struct candidate at[LIMIT_ICE_CANDIDATES];
	uint32_t count, own;         /* the first ones are those of the m= line */
};

struct hosts {
	struct address at[LIMIT_ICE_HOSTS];
	uint32_t count;
};

static bool same_place(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && address_equal(&a->address, &b->address);
}

static void add_candidate(struct candidates *c, const struct endpoint *at, uint8_t component)
{
	if (!at->port || address_is_zero(&at->address) || c->count == LIMIT_ICE_CANDIDATES)
		return;
	for (uint32_t i = 0; i < c->count; i++)
		if (same_place(&c->at[i].at, at))
			return;
	c->at[c->count++] = (struct candidate){ *at, component };
}

static void add_host(struct hosts *h, const struct address *a)
{
	for (uint32_t i = 0; i < h->count; i++)
		if (address_equal(&h->at[i], a))
			return;
	if (h->count < LIMIT_ICE_HOSTS && !address_is_zero(a))
		h->at[h->count++] = *a;
}

/* The m= line's own places stand first: hosts of candidates send there too. */
static void add_own(struct candidates *c, const struct media_side *s)
{
	for (uint8_t component = 0; component < 2; component++) {
		struct endpoint own = media_receiver(s, 0, component);

		/* RFC 8840 4.1.1: 9 and a zero address where all is still to come. */
		if (ntohs(s->port) != DISCARD_PORT)
			add_candidate(c, &own, component);
	}
	c->own = c->count;
}

static void add_said(struct candidates *c, const struct sdp_media *m)
{
	uint32_t count = m->candidate_count < SDP_CANDIDATES ? m->candidate_count : SDP_CANDIDATES;

	for (uint32_t i = 0; i < count; i++) {
		const struct sdp_candidate *s = &m->candidates[i];
		struct endpoint at = { .address = s->address, .port = htons(s->port) };

		if (s->is_udp && s->is_address && s->component <= 2)
			add_candidate(c, &at, s->component - 1);
	}
}

static bool is_ice_door(const struct doors *d, const struct row_view *row)
{
	return is_media_door(d, row) && (row->key->part >> 8 & 0xff) >= COMPONENT_ICE;
}

/* Of a side that says nothing now: what its doors say, those of its open offer before the others. */
static void add_remembered(const struct doors *d, struct candidates *c, const struct lines *l,
			   const struct passage *p, bool offered)
{
	for (uint32_t i = 0; i < d->in->subjects->count; i++) {
		const struct row_view *row = &d->in->subjects->rows[i];
		const struct door_row *door = row->value;
		struct endpoint at;

		if (!is_ice_door(d, row) || door->side != p->side || door->line != p->line ||
		    (row->key->sub != l->sub && row->key->sub != l->offer_sub) ||
		    !(door->flags & PERMIT_EARLY) == offered)
			continue;
		at = (struct endpoint){ door->key.destination, door->key.destination_port, 0 };
		add_candidate(c, &at, door->component);
	}
}

static void candidates_of(const struct doors *d, struct candidates *c, const struct lines *l,
			  uint32_t line, enum side side)
{
	const struct media_row *row = &l->rows[line];
	const struct passage p = { .line = line, .side = side };

	c->count = 0;
	add_own(c, row->proposed[side].set ? &row->proposed[side] : &row->current[side]);
	if (l->said_by == side) {
		if (line < l->said->media_count)
			add_said(c, &l->said->media[line]);
		return;
	}
	add_remembered(d, c, l, &p, true);
	if (c->count == c->own)
		add_remembered(d, c, l, &p, false);
}

static bool has_room(const struct wanted *w, uint32_t first)
{
	return w->count - first < LIMIT_ICE_DOORS && w->count < WANTED_MOST;
}

static struct door_row *want_candidate(const struct doors *d, struct wanted *w,
				       const struct passage *p, const struct candidate *c,
				       uint32_t index)
{
	struct passage one = *p;
	struct door_row *door;

	one.component = c->component;
	door = want_door(d, w, &one, &c->at,
			 p->line << 16 | (COMPONENT_ICE + index) << 8 |
				 (p->side == SIDE_CALLEE ? PLACE_SIDE : 0) |
				 (p->early ? PLACE_EARLY : PLACE_HOST));
	if (door)
		w->optional[w->count - 1] = true;
	return door;
}

/* Before the answer: any host may try; where a stream is agreed, its host alone. */
static void want_offered(const struct doors *d, struct wanted *w, const struct lines *l,
			 uint32_t line, uint32_t first)
{
	const struct media_side *to = &l->rows[line].proposed[l->said_by];
	const struct media_side *other = &l->rows[line].current[!l->said_by];
	struct passage p = { .to = to, .side = l->said_by, .line = line, .sub = l->sub,
			     .mux = to->flags & MEDIA_MUX, .early = true };
	struct candidates c;

	if (!to->port || !(to->flags & MEDIA_ICE) || !(to->flags & MEDIA_RTP))
		return;
	candidates_of(d, &c, l, line, l->said_by);
	for (uint32_t i = c.own; i < c.count && has_room(w, first); i++) {
		struct door_row *door = want_candidate(d, w, &p, &c.at[i], i);

		if (!door)
			return;
		door->flags |= PERMIT_EARLY;
		if (l->steady && !address_is_zero(&other->address))
			want_sender(d, door, p.side, &other->address);
		door->expires_ns = d->in->now_ns + d->in->policy->timers.early_media_ns;
	}
}

static void want_pairs(const struct doors *d, struct wanted *w, const struct passage *p,
		       const struct candidates c[2], uint32_t first)
{
	const struct candidates *to = &c[p->side], *from = &c[!p->side];
	struct hosts hosts = { .count = 0 };

	for (uint32_t i = 0; i < from->count; i++)
		add_host(&hosts, &from->at[i].at.address);
	for (uint32_t i = 0; i < to->count; i++) {
		for (uint32_t h = 0; h < hosts.count && has_room(w, first); h++) {
			struct door_row *door;

			/* The m= lines' own pair has its door. */
			if (i < to->own && h == 0 && from->own)
				continue;
			if (p->mux && to->at[i].component)
				continue;
			door = want_candidate(d, w, p, &to->at[i], i * LIMIT_ICE_HOSTS + h);
			if (!door)
				return;
			want_sender(d, door, p->side, &hosts.at[h]);
			door->flags |= PERMIT_LOCK;
		}
	}
}

static void want_agreed(const struct doors *d, struct wanted *w, const struct lines *l,
			uint32_t line, uint32_t first)
{
	const struct media_side *sides = l->rows[line].current;
	uint16_t both = sides[0].flags & sides[1].flags;
	struct candidates c[2];

	if (!(both & MEDIA_ICE) || !(both & MEDIA_RTP) || !sides[0].port || !sides[1].port)
		return;
	for (int side = 0; side < 2; side++)
		candidates_of(d, &c[side], l, line, (enum side)side);
	for (int side = 0; side < 2; side++) {
		struct passage p = { .to = &sides[side], .side = (enum side)side, .line = line,
				     .sub = l->sub, .mux = both & MEDIA_MUX,
				     .muted = l->muted[side] };

		want_pairs(d, w, &p, c, first);
	}
}

/* Nothing new was agreed: what is open between candidates stays as long as its line does. */
static void keep_agreed(const struct doors *d, struct wanted *w, const struct lines *l)
{
	for (uint32_t i = 0; i < d->in->subjects->count && w->count < WANTED_MOST; i++) {
		const struct row_view *row = &d->in->subjects->rows[i];
		const struct door_row *door = row->value;

		if (!is_ice_door(d, row) || row->key->sub != l->sub ||
		    row->key->part & PLACE_DRAIN || door->flags & PERMIT_EARLY ||
		    door->line >= l->count || !l->rows[door->line].current[0].port ||
		    !l->rows[door->line].current[1].port)
			continue;
		w->keys[w->count] = *row->key;
		w->optional[w->count] = true;
		w->rows[w->count++] = *door;
	}
}

void doors_want_ice(const struct doors *d, struct wanted *w, const struct lines *l)
{
	uint32_t first;

	if (!l->said || !l->answers)
		keep_agreed(d, w, l);
	first = w->count;
	if (!l->said || first > PLAIN_MOST)
		return;
	for (uint32_t line = 0; line < l->count; line++) {
		if (l->answers)
			want_agreed(d, w, l, line, first);
		else
			want_offered(d, w, l, line, first);
	}
}
