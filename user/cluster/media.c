// SPDX-License-Identifier: MIT
/* A call's media may run through a neighbour. Before a call ends for want of it the others are
 * asked, and whoever has seen it lately says so; who never answers has seen nothing. */
#include "cluster/member.h"

#include <errno.h>
#include <string.h>

#define ANSWER_NS (1000ull * 1000 * 1000)

static struct asked *find(struct cluster *c, const struct owner *owner)
{
	for (uint32_t i = 0; i < ASKED_MOST; i++)
		if (c->asked[i].asked_ns && !memcmp(&c->asked[i].owner, owner, sizeof(*owner)))
			return &c->asked[i];
	return NULL;
}

int cluster_media_seen(struct cluster *c, const struct owner *owner, uint64_t now_ns,
		       uint64_t *ret)
{
	struct asked *a = find(c, owner);

	c->now_ns = now_ns;
	if (!c->group.send) {
		*ret = 0;
		return 0;
	}
	if (!a) {
		a = &c->asked[c->asked_next++ % ASKED_MOST];
		*a = (struct asked){ .owner = *owner, .asked_ns = now_ns };
		cluster_say(c, WIRE_ASK, owner, sizeof(*owner));
		return -EAGAIN;
	}
	if (now_ns - a->asked_ns < ANSWER_NS)
		return -EAGAIN;
	*ret = a->seen_ns;
	a->asked_ns = 0;
	return 0;
}

void media_ask(struct cluster *c, struct slice body)
{
	struct wire_seen seen = { .ago_ns = 0 };
	uint64_t at;

	if (body.length != sizeof(seen.owner))
		return;
	memcpy(&seen.owner, body.bytes, sizeof(seen.owner));
	at = c->hands.media_seen(c->hands.self, &seen.owner);
	if (!at || at > c->now_ns)
		return;
	seen.ago_ns = c->now_ns - at;
	cluster_say(c, WIRE_SEEN, &seen, sizeof(seen));
}

void media_answer(struct cluster *c, struct slice body)
{
	struct wire_seen seen;
	struct asked *a;

	if (body.length != sizeof(seen))
		return;
	memcpy(&seen, body.bytes, sizeof(seen));
	a = find(c, &seen.owner);
	if (a && seen.ago_ns < c->now_ns && c->now_ns - seen.ago_ns > a->seen_ns)
		a->seen_ns = c->now_ns - seen.ago_ns;
}
