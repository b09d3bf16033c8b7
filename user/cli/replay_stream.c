// SPDX-License-Identifier: MIT
/* Segments in the order of their sequence numbers: those that come twice are taken once, those that
 * come early wait, up to a bound. Of an overlap the first that came counts, as with Linux. */
#include "cli/replay_stream.h"

#include <stdlib.h>

#include "base/map.h"
#include "policy/policy.h"

#define DIRECTIONS 65536u
#define EARLY (sizeof(((struct replay_direction *)NULL)->early) / \
	       sizeof(((struct replay_direction *)NULL)->early[0]))
#define TCP_FIN 0x01
#define TCP_SYN 0x02

struct replay_streams {
	struct map *directions;      /* struct flow_key without zone -> its address */
	struct channel_memory memory;
};

struct replay_streams *replay_streams_new(void)
{
	static const struct hash_key key = { { 0x7265706c61792074, 0x63702066726f6d20 } };
	struct replay_streams *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->directions = map_new(sizeof(struct flow_key), sizeof(struct replay_direction *),
				DIRECTIONS, &key);
	if (s->directions)
		return s;
	free(s);
	return NULL;
}

static void forget(struct replay_direction *d)
{
	if (d->channel.memory)
		channel_free(&d->channel);
	for (size_t i = 0; i < EARLY; i++) {
		free(d->early[i].bytes);
		d->early[i].bytes = NULL;
	}
}

void replay_streams_free(struct replay_streams *s)
{
	uint32_t cursor = 0;
	const void *key;
	void *value;

	if (!s)
		return;
	while (map_next(s->directions, &cursor, &key, &value)) {
		struct replay_direction *d = *(struct replay_direction **)value;

		if (d)
			forget(d);
		free(d);
	}
	map_free(s->directions);
	free(s);
}

struct replay_direction *replay_direction_of(struct replay_streams *s, const struct flow_key *key)
{
	struct flow_key plain = *key;
	struct replay_direction **d;

	plain.zone = ZONE_NONE;
	d = map_find(s->directions, &plain);
	return d ? *d : NULL;
}

static struct replay_direction *add(struct replay_streams *s, const struct flow_key *key,
				    uint8_t speaks, bool by_door)
{
	struct replay_direction **place = map_take(s->directions, key);

	if (place && !*place)
		*place = calloc(1, sizeof(**place));
	if (!place || !*place)
		return NULL;
	forget(*place);
	**place = (struct replay_direction){ .speaks = speaks, .by_door = by_door };
	(*place)->channel = (struct channel){ .memory = &s->memory, .share = UINT64_MAX };
	return *place;
}

struct replay_direction *replay_direction_begin(struct replay_streams *s,
						const struct flow_key *key, uint8_t speaks,
						bool by_door)
{
	struct flow_key there = *key, back;

	there.zone = ZONE_NONE;
	back = there;
	back.source = there.destination;
	back.source_port = there.destination_port;
	back.destination = there.source;
	back.destination_port = there.source_port;
	add(s, &back, speaks, by_door);
	return add(s, &there, speaks, by_door);
}

/* RFC 9293 3.4: the part of it that was awaited; false: it comes too early. */
static bool take_bytes(struct replay_direction *d, uint32_t sequence, struct slice bytes)
{
	uint32_t known = d->next - sequence;

	if ((int32_t)known < 0)
		return false;
	bytes = slice_from(bytes, known);
	if (bytes.length && channel_take(&d->channel, bytes))
		d->is_lost = true;
	d->next += (uint32_t)bytes.length;
	return true;
}

static bool keep_early(struct replay_direction *d, uint32_t sequence, struct slice bytes)
{
	for (size_t i = 0; i < EARLY; i++) {
		if (d->early[i].bytes)
			continue;
		d->early[i].bytes = malloc(bytes.length);
		if (!d->early[i].bytes)
			return false;
		memcpy(d->early[i].bytes, bytes.bytes, bytes.length);
		d->early[i].sequence = sequence;
		d->early[i].length = (uint32_t)bytes.length;
		return true;
	}
	return false;
}

static void take_early(struct replay_direction *d)
{
	for (size_t i = 0; i < EARLY; i++) {
		struct slice bytes = slice_make(d->early[i].bytes, d->early[i].length);

		if (!bytes.bytes || !take_bytes(d, d->early[i].sequence, bytes))
			continue;
		free(d->early[i].bytes);
		d->early[i].bytes = NULL;
		i = (size_t)-1;          /* what waited for it may stand before it */
	}
}

bool replay_direction_take(struct replay_direction *d, const struct frame *f)
{
	bool begins = f->tcp_flags & TCP_SYN;

	/* A capture may begin within a connection. */
	if (!d->has_begun || begins)
		d->next = f->sequence + begins;
	d->has_begun = true;
	if (!f->payload.length)
		return !d->is_lost;
	if (!take_bytes(d, f->sequence + begins, f->payload))
		return keep_early(d, f->sequence, f->payload);
	take_early(d);
	return !d->is_lost;
}
