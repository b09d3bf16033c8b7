// SPDX-License-Identifier: MIT
/* Values and words of the configuration, each error with its line and column. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/load_own.h"

#define WORDS_MOST 64

void load_error(struct loader *l, const yaml_node_t *at, const char *format, ...)
{
	struct policy_error *e;
	va_list args;

	if (l->errors->count++ >= sizeof(l->errors->items) / sizeof(*l->errors->items))
		return;
	e = &l->errors->items[l->errors->count - 1];
	e->line = at ? (uint32_t)at->start_mark.line + 1 : 1;
	e->column = at ? (uint32_t)at->start_mark.column + 1 : 1;
	va_start(args, format);
	vsnprintf(e->text, sizeof(e->text), format, args);
	va_end(args);
}

struct slice load_slice(const char *s)
{
	return slice_make(s, strlen(s));
}

/* Levenshtein distance, for hints; words longer than the row are no near miss. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[40];
	size_t n = strlen(b);

	if (n >= 40 || strlen(a) >= 40)
		return 99;
	for (unsigned int i = 0; i <= n; i++)
		row[i] = i;
	for (unsigned int y = 1; a[y - 1]; y++) {
		unsigned int corner = row[0];

		row[0] = y;
		for (unsigned int x = 1; x <= n; x++) {
			unsigned int best = corner + (a[y - 1] != b[x - 1]);

			corner = row[x];
			best = row[x] + 1 < best ? row[x] + 1 : best;
			best = row[x - 1] + 1 < best ? row[x - 1] + 1 : best;
			row[x] = best;
		}
	}
	return row[n];
}

const char *load_nearest(const char *name, const char *const *choices)
{
	const char *best = NULL;
	unsigned int least = 99;

	for (; *choices; choices++) {
		unsigned int d = distance(name, *choices);

		if (d < least) {
			least = d;
			best = *choices;
		}
	}
	return least <= 3 ? best : NULL;
}

static void unknown(struct loader *l, const yaml_node_t *at, const char *name,
		    const char *const *choices)
{
	const char *near = load_nearest(name, choices);

	if (near)
		load_error(l, at, "%s: unknown word (did you mean %s?)", name, near);
	else
		load_error(l, at, "%s: unknown word (the manual page lists them)", name);
}

const char *load_scalar(struct loader *l, const yaml_node_t *node)
{
	if (node->type == YAML_SCALAR_NODE)
		return (const char *)node->data.scalar.value;
	load_error(l, node, "one value is expected here (not a list or a mapping)");
	return NULL;
}

int load_choice(struct loader *l, const yaml_node_t *node, const char *const *choices)
{
	const char *s = load_scalar(l, node);

	for (int i = 0; s && choices[i]; i++)
		if (!strcmp(s, choices[i]))
			return i;
	if (s)
		unknown(l, node, s, choices);
	return -1;
}

bool load_number(struct loader *l, const yaml_node_t *node, uint64_t most, uint64_t *ret)
{
	const char *s = load_scalar(l, node);

	if (s && slice_number(load_slice(s), most, ret))
		return true;
	if (s)
		load_error(l, node, "%s: no number from 0 to %llu", s, (unsigned long long)most);
	return false;
}

bool load_port_range(struct loader *l, const yaml_node_t *node, uint16_t *ret_low,
		     uint16_t *ret_high)
{
	const char *s = load_scalar(l, node), *dash = s ? strchr(s, '-') : NULL;
	uint64_t low, high;

	if (!s)
		return false;
	if (dash && slice_number(slice_make(s, (size_t)(dash - s)), 65535, &low) &&
	    slice_number(load_slice(dash + 1), 65535, &high) && low >= 1024 && low <= high) {
		*ret_low = (uint16_t)low;
		*ret_high = (uint16_t)high;
		return true;
	}
	load_error(l, node, "%s: no port range (write 10000-65535, from 1024 on)", s);
	return false;
}

bool load_duration_text(const char *s, uint64_t *ret_ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
		      { "m", 60000000000 }, { "h", 3600000000000 } };
	size_t digits = strspn(s, "0123456789");
	uint64_t n;

	for (unsigned int i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(s + digits, units[i].name) ||
		    !slice_number(slice_make(s, digits), 1000000, &n) || !n)
			continue;
		*ret_ns = n * units[i].ns;
		return true;
	}
	return false;
}

bool load_duration(struct loader *l, const yaml_node_t *node, uint64_t *ret_ns)
{
	const char *s = load_scalar(l, node);

	if (s && load_duration_text(s, ret_ns))
		return true;
	if (s)
		load_error(l, node, "%s: no duration (write 500ms, 30s, 5m or 2h)", s);
	return false;
}

bool load_bool(struct loader *l, const yaml_node_t *node, bool *ret)
{
	static const char *const choices[] = { "false", "true", "no", "yes", NULL };
	int which = load_choice(l, node, choices);

	if (which >= 0)
		*ret = which & 1;
	return which >= 0;
}

static const yaml_node_pair_t *pairs(struct loader *l, const yaml_node_t *mapping,
				     const yaml_node_pair_t **ret_end)
{
	if (mapping->type != YAML_MAPPING_NODE) {
		load_error(l, mapping, "a mapping is expected here (name: value)");
		*ret_end = NULL;
		return NULL;
	}
	*ret_end = mapping->data.mapping.pairs.top;
	return mapping->data.mapping.pairs.start;
}

static const yaml_node_t *node_of(struct loader *l, int index)
{
	return yaml_document_get_node(&l->document, index);
}

/* Which word a key is; unknown and repeated ones are errors, and -1. */
static int word_of(struct loader *l, const yaml_node_t *key, const struct word *words,
		   uint64_t *seen)
{
	const char *names[WORDS_MOST + 1] = { NULL }, *name = load_scalar(l, key);
	int i;

	for (i = 0; words[i].name; i++)
		names[i] = words[i].name;
	for (i = 0; name && words[i].name && strcmp(name, words[i].name); i++)
		;
	if (!name)
		return -1;
	if (!words[i].name) {
		unknown(l, key, name, names);
		return -1;
	}
	if (*seen & 1ull << i) {
		load_error(l, key, "%s: stands twice (keep one)", name);
		return -1;
	}
	*seen |= 1ull << i;
	return i;
}

/* In the order of the words, whatever that of the file is: servers name zones, and a default comes
 * before what differs from it. */
void load_words(struct loader *l, const yaml_node_t *mapping, const struct word *words,
		void *target)
{
	const yaml_node_pair_t *end, *pair = pairs(l, mapping, &end);
	const yaml_node_t *values[WORDS_MOST] = { NULL };
	uint64_t seen = 0;

	for (; pair < end; pair++) {
		int i = word_of(l, node_of(l, pair->key), words, &seen);

		if (i >= 0)
			values[i] = node_of(l, pair->value);
	}
	for (int i = 0; words[i].name; i++)
		if (values[i])
			words[i].read(l, values[i], target);
}

void load_names(struct loader *l, const yaml_node_t *mapping,
		void (*fn)(struct loader *, const char *name, const yaml_node_t *value))
{
	const yaml_node_pair_t *end, *pair = pairs(l, mapping, &end);

	for (; pair < end; pair++) {
		const yaml_node_t *key = node_of(l, pair->key);
		const char *name = load_scalar(l, key);

		if (name && (!*name || strlen(name) >= LIMIT_NAME_BYTES))
			load_error(l, key, "%s: a name has 1 to %d letters", name,
				   LIMIT_NAME_BYTES - 1);
		else if (name)
			fn(l, name, node_of(l, pair->value));
	}
}

void load_items(struct loader *l, const yaml_node_t *node,
		void (*fn)(struct loader *, const yaml_node_t *item, void *target), void *target)
{
	if (node->type != YAML_SEQUENCE_NODE) {
		fn(l, node, target);
		return;
	}
	for (int *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++)
		fn(l, node_of(l, *i), target);
}
