// SPDX-License-Identifier: MIT
/* Who is here. After each change of the group every member says a number that it uses once, and
 * when it has all numbers of the view, hello with their hash: who lags cannot say it before it has
 * seen this very view. Once all hellos are here each member draws the same conclusion from them,
 * since all heard the same:
 *
 *   nobody is full     -> the one with most rows founds the group
 *   one part is full   -> its lowest member fills those that are not
 *   several are full   -> (a partition healed) the part that was longest without a loss goes on,
 *                         the others are filled by it and propose again what they made apart
 */
#include "cluster/member.h"

#include <string.h>

#define HASH_SEED 14695981039346656037ull

static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	/* FNV-1a, 64 bits: tells parts and views apart, hides nothing. */
	while (length--)
		hash = (hash ^ *at++) * 1099511628211ull;
	return hash ?: 1;
}

static bool same_member(struct wire_member a, struct wire_member b)
{
	return a.node == b.node && a.incarnation == b.incarnation;
}

struct peer *cluster_peer(struct cluster *c, struct wire_member m)
{
	for (uint32_t i = 0; i < c->peer_count; i++)
		if (same_member(c->peers[i].id, m))
			return &c->peers[i];
	return NULL;
}

static bool comes_before(struct wire_member a, struct wire_member b)
{
	return a.node < b.node || (a.node == b.node && a.incarnation < b.incarnation);
}

/* The lowest full member of our part. */
struct peer *view_donor(struct cluster *c)
{
	struct peer *donor = NULL;

	for (uint32_t i = 0; i < c->peer_count; i++) {
		struct peer *p = &c->peers[i];

		if (p->state == MEMBER_FULL && (!donor || comes_before(p->id, donor->id)))
			donor = p;
	}
	return donor;
}

static uint32_t row_total(const struct cluster *c)
{
	uint32_t total = 0;

	for (int type = ROW_NONE + 1; type < ROW_COUNT; type++)
		total += tables_count(c->tables, (enum row_type)type);
	return total;
}

static void say_hello(struct cluster *c)
{
	struct wire_hello hello = {
		.view = c->view,
		.age_ns = c->now_ns - c->part_since_ns,
		.policy = c->settings.policy,
		.is_full = c->state == MEMBER_FULL,
		.rows = row_total(c),
	};

	strncpy(hello.version, c->settings.version, sizeof(hello.version) - 1);
	cluster_say(c, WIRE_HELLO, &hello, sizeof(hello));
}

/* A full member of our part is gone: what is left is a part of its own. */
static void split(struct cluster *c)
{
	uint64_t part = mix(c->part, &c->part, sizeof(c->part));

	for (uint32_t i = 0; i < c->peer_count; i++)
		if (c->peers[i].state == MEMBER_FULL)
			part = mix(part, &c->peers[i].id, sizeof(c->peers[i].id));
	c->part = part;
	c->part_since_ns = c->now_ns;
	/* From the first loss on, until we are filled: what the others may not know. */
	if (!c->is_split) {
		c->split_number = apply_number(c->apply);
		c->ended_count = 0;
	}
	c->is_split = true;
}

static void keep_members(struct cluster *c, const struct wire_member *members, uint32_t count)
{
	struct peer next[LIMIT_MEMBERS] = { 0 };

	for (uint32_t i = 0; i < count; i++) {
		struct peer *p = cluster_peer(c, members[i]);

		if (p)
			next[i] = *p;
		next[i].id = members[i];
		next[i].heard = false;
		next[i].nonce = 0;
	}
	memcpy(c->peers, next, sizeof(next));
	c->peer_count = count;
}

static bool lost_full(const struct cluster *c, const struct wire_member *members, uint32_t count)
{
	for (uint32_t i = 0; i < c->peer_count; i++) {
		bool stays = false;

		for (uint32_t k = 0; k < count; k++)
			stays |= same_member(c->peers[i].id, members[k]);
		if (c->peers[i].state == MEMBER_FULL && !stays)
			return true;
	}
	return false;
}

static void sort_members(struct wire_member *ret, const struct wire_member *members,
			 uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = i;

		for (; at && comes_before(members[i], ret[at - 1]); at--)
			ret[at] = ret[at - 1];
		ret[at] = members[i];
	}
}

void cluster_view(struct cluster *c, const struct wire_member *members, uint32_t count,
		  uint64_t now_ns)
{
	struct wire_member sorted[LIMIT_MEMBERS];
	struct peer *self;
	uint64_t nonce;
	bool lost;

	c->now_ns = now_ns;
	if (count > LIMIT_MEMBERS) {
		c->hands.alarm(c->hands.self, "cluster: more members than fit, the rest is not "
			       "heard (8 at most)");
		count = LIMIT_MEMBERS;
	}
	sort_members(sorted, members, count);
	lost = c->state == MEMBER_FULL && lost_full(c, sorted, count);
	keep_members(c, sorted, count);
	c->view = 0;
	c->views++;
	c->is_settled = false;
	c->progress_ns = now_ns;
	self = cluster_peer(c, c->settings.self);
	if (self && self->state == MEMBER_UNKNOWN && c->state == MEMBER_FULL)
		self->state = MEMBER_FULL;
	if (lost)
		split(c);
	/* Whatever was filled begins anew: which part it belonged to may have changed. */
	fill_abandon(c);
	nonce = mix(HASH_SEED, &c->settings.self, sizeof(c->settings.self));
	nonce = mix(mix(nonce, &c->views, sizeof(c->views)), &now_ns, sizeof(now_ns));
	cluster_say(c, WIRE_VIEW, &nonce, sizeof(nonce));
}

/* All numbers are here: hello. */
static void number_view(struct cluster *c)
{
	uint64_t view = HASH_SEED;

	for (uint32_t i = 0; i < c->peer_count; i++) {
		const struct peer *p = &c->peers[i];

		if (p->state == MEMBER_FOREIGN)
			continue;
		if (!p->nonce)
			return;
		view = mix(view, &p->nonce, sizeof(p->nonce));
	}
	c->view = view;
	say_hello(c);
}

void view_nonce(struct cluster *c, struct wire_member from, struct slice body)
{
	struct peer *p = cluster_peer(c, from);

	if (!p || body.length != sizeof(p->nonce))
		return;
	memcpy(&p->nonce, body.bytes, sizeof(p->nonce));
	/* A number from before this view is followed by the right one; hellos start over. */
	for (uint32_t i = 0; i < c->peer_count; i++)
		c->peers[i].heard = false;
	c->view = 0;
	c->is_settled = false;
	number_view(c);
}

static void found(struct cluster *c)
{
	struct peer *first = NULL;

	for (uint32_t i = 0; i < c->peer_count; i++) {
		struct peer *p = &c->peers[i];

		if (p->state != MEMBER_JOINING)
			continue;
		if (!first || p->hello.rows > first->hello.rows ||
		    (p->hello.rows == first->hello.rows && comes_before(p->id, first->id)))
			first = p;
	}
	if (!first)
		return;
	first->state = MEMBER_FULL;
	first->part = mix(c->view, &first->id, sizeof(first->id));
	if (!cluster_is_self(c, first->id))
		return;
	c->part = first->part;
	c->part_since_ns = c->now_ns;
	cluster_set_state(c, MEMBER_FULL);
}

static const struct peer *winner(const struct cluster *c)
{
	const struct peer *best = NULL;

	for (uint32_t i = 0; i < c->peer_count; i++) {
		const struct peer *p = &c->peers[i];

		if (p->state != MEMBER_FULL)
			continue;
		if (!best || p->hello.age_ns > best->hello.age_ns ||
		    (p->hello.age_ns == best->hello.age_ns && p->part < best->part))
			best = p;
	}
	return best;
}

/* The age of a part is that of its oldest member, so that two members of it never differ. */
static void level_ages(struct cluster *c)
{
	for (uint32_t i = 0; i < c->peer_count; i++)
		for (uint32_t k = 0; k < c->peer_count; k++)
			if (c->peers[i].part == c->peers[k].part &&
			    c->peers[k].hello.age_ns > c->peers[i].hello.age_ns)
				c->peers[i].hello.age_ns = c->peers[k].hello.age_ns;
}

static void give_way(struct cluster *c, uint64_t part)
{
	for (uint32_t i = 0; i < c->peer_count; i++) {
		struct peer *p = &c->peers[i];

		if (p->state != MEMBER_FULL || p->part == part)
			continue;
		p->state = MEMBER_JOINING;
		if (!cluster_is_self(c, p->id))
			continue;
		apart_collect(c);
		cluster_set_state(c, MEMBER_JOINING);
		cluster_lose_flights(c, REASON_group_lost);
	}
}

static void conclude(struct cluster *c)
{
	const struct peer *best;

	level_ages(c);
	best = winner(c);
	if (!best)
		found(c);
	else
		give_way(c, best->part);
	c->is_settled = true;
	fill_begin(c);
}

void view_settle(struct cluster *c)
{
	if (!c->view)
		number_view(c);
	for (uint32_t i = 0; i < c->peer_count; i++)
		if (!c->peers[i].heard && c->peers[i].state != MEMBER_FOREIGN)
			return;
	if (c->view && !c->is_settled)
		conclude(c);
}

void view_hello(struct cluster *c, struct wire_member from, uint64_t part,
		const struct wire_hello *hello)
{
	struct peer *p = cluster_peer(c, from);

	if (!p || !c->view || hello->view != c->view)
		return;
	p->hello = *hello;
	p->hello.version[sizeof(p->hello.version) - 1] = '\0';
	p->heard = true;
	/* Of members that were here before we know better than what they said a while ago. */
	if (p->state == MEMBER_UNKNOWN)
		p->state = hello->is_full ? MEMBER_FULL : MEMBER_JOINING;
	if (p->state == MEMBER_FULL)
		p->part = cluster_is_self(c, p->id) ? c->part : part;
	view_settle(c);
}
