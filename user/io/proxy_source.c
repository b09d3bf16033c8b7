// SPDX-License-Identifier: MIT
/* Who has how many connections, and how fast he speaks. */
#include "io/proxy_own.h"

#define SECOND_NS 1000000000ull

/* A host has a /64 to choose addresses from (RFC 4291 2.5.4). */
static struct address key_of(const struct address *a)
{
	struct address key = *a;

	if (!address_is_ipv4(a))
		memset(&key.bytes[8], 0, 8);
	return key;
}

void proxy_source_join(struct proxy *p, const struct connection *c)
{
	for (int side = 0; side < 2; side++) {
		struct address key = key_of(&c->ends.at[side].address);
		struct proxy_source *s = map_take(p->sources, &key);

		if (!s)
			continue;
		s->legs++;
		s->callers += side == PROXY_CALLER;
	}
}

void proxy_source_leave(struct proxy *p, const struct connection *c)
{
	for (int side = 0; side < 2; side++) {
		struct address key = key_of(&c->ends.at[side].address);
		struct proxy_source *s = map_find(p->sources, &key);

		if (!s)
			continue;
		s->callers -= side == PROXY_CALLER;
		if (!--s->legs)
			map_remove(p->sources, &key);
	}
}

bool proxy_source_is_full(struct proxy *p, const struct address *a)
{
	struct address key = key_of(a);
	const struct proxy_source *s = map_find(p->sources, &key);

	return p->of_source && s && s->callers >= p->of_source;
}

bool proxy_source_may_speak(struct proxy *p, const struct address *a)
{
	struct address key = key_of(a);
	struct proxy_source *s = map_find(p->sources, &key);

	if (!s || !p->rate || !p->slows)
		return true;
	if (p->now_ns - s->window_ns >= SECOND_NS) {
		s->window_ns = p->now_ns;
		s->messages = 0;
	}
	if (s->messages >= p->rate)
		return false;
	s->messages++;
	return true;
}
