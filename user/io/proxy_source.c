// SPDX-License-Identifier: MIT
/* Who has how many connections, and how fast he speaks. */
#include "base/address.h"
#include "io/proxy_own.h"

#define SECOND_NS 1000000000ull

void proxy_source_join(struct proxy *p, const struct connection *c)
{
	for (int side = 0; side < 2; side++) {
		struct address key = address_source(&c->ends.at[side].address);
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
		struct address key = address_source(&c->ends.at[side].address);
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
	struct address key = address_source(a);
	const struct proxy_source *s = map_find(p->sources, &key);

	return p->of_source && s && s->callers >= p->of_source;
}

bool proxy_source_may_speak(struct proxy *p, const struct address *a)
{
	struct address key = address_source(a);
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
