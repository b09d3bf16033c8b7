// SPDX-License-Identifier: MIT
/* Batches to bytes and back. The group's members are trusted no further than their sizes. */
#include "cluster/wire.h"

#include <errno.h>
#include <string.h>

struct wire_change {
	uint16_t verb;
	uint8_t type;
	uint8_t optional;
	uint32_t number;
	uint32_t bytes;              /* of the value that follows; 0 none */
	uint32_t pad;
	struct row_key key;
};

struct wire_counts {
	uint32_t preconditions, changes;
};

static const struct {
	enum row_type type;
	uint32_t at;
} times[] = {
#define ROW_TIME(row, field) { ROW_##row, offsetof(struct row##_row, field) },
#include <ringfence/row_time.def>
#undef ROW_TIME
};

/* FNV-1a over the types' names and sizes: no secret, only a check. */
uint32_t wire_layout(void)
{
	uint32_t hash = 2166136261u;

	for (int type = ROW_NONE + 1; type < ROW_COUNT; type++) {
		const char *name = row_name((enum row_type)type);

		for (; *name; name++)
			hash = (hash ^ (uint8_t)*name) * 16777619u;
		hash = (hash ^ row_bytes((enum row_type)type)) * 16777619u;
	}
	return hash;
}

/* 0 stays "no time"; a duration of 0 is told apart from it. */
static uint64_t to_duration(uint64_t time, uint64_t now_ns)
{
	uint64_t d = time - now_ns;

	return time ? d ?: 1 : 0;
}

static uint64_t to_time(uint64_t duration, uint64_t now_ns)
{
	uint64_t t = duration + now_ns;

	return duration ? t ?: 1 : 0;
}

static void shift_times(enum row_type type, uint8_t *value, uint64_t now_ns,
			uint64_t (*shift)(uint64_t, uint64_t))
{
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		uint64_t t;

		if (times[i].type != type)
			continue;
		memcpy(&t, value + times[i].at, sizeof(t));
		t = shift(t, now_ns);
		memcpy(value + times[i].at, &t, sizeof(t));
	}
}

struct writer {
	uint8_t *out;
	size_t room, used;
	bool is_short;
};

static void *put(struct writer *w, const void *bytes, size_t length)
{
	uint8_t *at = w->out + w->used;

	if (w->is_short || length > w->room - w->used) {
		w->is_short = true;
		return NULL;
	}
	if (length)
		memcpy(at, bytes, length);
	w->used += length;
	return at;
}

static void finish_head(struct wire_head *head, size_t bytes)
{
	head->magic = WIRE_MAGIC;
	head->version = WIRE_VERSION;
	head->layout = wire_layout();
	head->bytes = (uint32_t)bytes;
}

int64_t wire_write(struct wire_head *head, struct slice body, uint8_t *out, size_t room)
{
	struct writer w = { .out = out, .room = room };

	finish_head(head, sizeof(*head) + body.length);
	put(&w, head, sizeof(*head));
	put(&w, body.bytes, body.length);
	return w.is_short ? -ENOSPC : (int64_t)w.used;
}

static void put_change(struct writer *w, const struct change *c, uint64_t now_ns)
{
	uint32_t bytes = c->verb == VERB_PUT ? row_bytes(c->type) : 0;
	const struct wire_change wire = { .verb = (uint16_t)c->verb, .type = (uint8_t)c->type,
					  .optional = c->optional, .number = c->number,
					  .bytes = bytes, .key = c->key };
	uint8_t *value;

	put(w, &wire, sizeof(wire));
	value = put(w, c->value, bytes);
	if (value)
		shift_times(c->type, value, now_ns, to_duration);
}

int64_t wire_write_batch(struct wire_head *head, const struct batch *b, uint64_t now_ns,
			 uint8_t *out, size_t room)
{
	struct wire_counts counts = { 0, 0 };
	struct writer w = { .out = out, .room = room };

	put(&w, head, sizeof(*head));
	put(&w, &counts, sizeof(counts));
	for (uint32_t i = 0; i < b->precondition_count; i++) {
		if (!row_is_replicated(b->preconditions[i].type))
			continue;
		put(&w, &b->preconditions[i], sizeof(b->preconditions[i]));
		counts.preconditions++;
	}
	for (uint32_t i = 0; i < b->change_count; i++) {
		if (!row_is_replicated(b->changes[i].type))
			continue;
		put_change(&w, &b->changes[i], now_ns);
		counts.changes++;
	}
	if (w.is_short)
		return -ENOSPC;
	finish_head(head, w.used);
	memcpy(out, head, sizeof(*head));
	memcpy(out + sizeof(*head), &counts, sizeof(counts));
	return (int64_t)w.used;
}

int wire_read(struct slice bytes, struct wire_head *ret_head, struct slice *ret_body)
{
	struct wire_head head;

	if (bytes.length < sizeof(head))
		return -EBADMSG;
	memcpy(&head, bytes.bytes, sizeof(head));
	if (head.magic != WIRE_MAGIC || head.bytes < sizeof(head) || head.bytes > bytes.length)
		return -EBADMSG;
	*ret_head = head;
	*ret_body = slice_part(bytes, sizeof(head), head.bytes - sizeof(head));
	return head.version == WIRE_VERSION && head.layout == wire_layout() ? 0 : -EPROTO;
}

static bool take(struct slice *rest, void *out, size_t length)
{
	if (rest->length < length)
		return false;
	memcpy(out, rest->bytes, length);
	*rest = slice_from(*rest, length);
	return true;
}

static bool change_is_sound(const struct wire_change *c)
{
	if (c->verb < VERB_PUT || c->verb > VERB_TELL || !row_is_replicated(c->type))
		return false;
	return c->bytes == (c->verb == VERB_PUT ? row_bytes((enum row_type)c->type) : 0) &&
	       (c->verb != VERB_PUT || c->bytes);
}

static bool read_change(struct slice *rest, uint64_t now_ns, struct arena *arena,
			struct change *ret)
{
	struct wire_change c;
	uint8_t *value = NULL;

	if (!take(rest, &c, sizeof(c)) || !change_is_sound(&c))
		return false;
	if (c.bytes) {
		value = arena_take_raw(arena, c.bytes);
		if (!value || !take(rest, value, c.bytes))
			return false;
		shift_times((enum row_type)c.type, value, now_ns, to_time);
	}
	*ret = (struct change){ .verb = (enum verb)c.verb, .type = (enum row_type)c.type,
				.optional = c.optional, .key = c.key, .value = value,
				.number = c.number };
	return true;
}

int wire_read_batch(struct slice body, uint64_t now_ns, struct arena *arena, struct batch *ret)
{
	struct wire_counts counts;

	batch_init(ret, arena);
	if (ret->overflow || !take(&body, &counts, sizeof(counts)) ||
	    counts.preconditions > LIMIT_PRECONDITIONS || counts.changes > LIMIT_CHANGES)
		return -EBADMSG;
	for (uint32_t i = 0; i < counts.preconditions; i++) {
		if (!take(&body, &ret->preconditions[i], sizeof(ret->preconditions[i])))
			return -EBADMSG;
	}
	ret->precondition_count = counts.preconditions;
	for (uint32_t i = 0; i < counts.changes; i++) {
		if (!read_change(&body, now_ns, arena, &ret->changes[i]))
			return -EBADMSG;
	}
	ret->change_count = counts.changes;
	return body.length ? -EBADMSG : 0;
}
