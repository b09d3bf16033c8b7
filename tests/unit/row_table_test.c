// SPDX-License-Identifier: MIT
/* Every kind of row has its size, its name, a map that bpftool prints by field, and does in the
 * kernel what it should and nothing else. A new line of row.def is wanted here too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "gateway.skel.h"
#include "state/apply.h"
#include "state/tables.h"

#define ALLOCATOR_STEP 1984          /* key and value together */

/* What follows of a row beside its pinned copy. */
enum follows { NOTHING, ENTRY, TIMER, SOURCE };

/* Sizes are those of the ABI (include/ringfence/abi.txt): pinned rows outlive the program. */
static const struct {
	const char *name, *type;
	uint32_t bytes;
	enum follows follows;
} expected[ROW_COUNT] = {
	[ROW_call] = { "call", "call_row", 88, NOTHING },
	[ROW_dialog] = { "dialog", "dialog_row", 80, NOTHING },
	[ROW_media] = { "media", "media_row", 280, NOTHING },
	[ROW_transaction] = { "transaction", "transaction_row", 128, NOTHING },
	[ROW_door] = { "door", "door_row", 160, ENTRY },
	[ROW_binding] = { "binding", "binding_row", 432, NOTHING },
	[ROW_source] = { "source", "source_row", 24, SOURCE },
	[ROW_lock] = { "lock", "lock_row", 56, ENTRY },
	[ROW_timer] = { "timer", "timer_row", 24, TIMER },
	[ROW_text] = { "text", "text_row", 272, NOTHING },
	[ROW_gateway] = { "gateway", "gateway_row", 160, NOTHING },
	[ROW_connection] = { "connection", "connection_row", 232, NOTHING },
	[ROW_rate] = { "rate", "rate_row", 96, NOTHING },
	[ROW_health] = { "health", "health_row", 64, NOTHING },
	[ROW_contact] = { "contact", "contact_row", 32, NOTHING },
	[ROW_request] = { "request", "request_row", 56, NOTHING },
};

static uint32_t opened, closed, stored, ended, timers, sources;
static enum row_type stored_type;

static int kernel_open_key(void *self, const struct flow_key *key,
			   const struct translation *translation, struct permit *permit)
{
	(void)self, (void)key, (void)translation, (void)permit;
	opened++;
	return 0;
}

static int kernel_close_key(void *self, const struct flow_key *key, const struct permit *permit)
{
	(void)self, (void)key, (void)permit;
	closed++;
	return 0;
}

static int store(void *self, enum row_type type, const struct row_key *key,
		 const void *value, bool is_new)
{
	(void)self, (void)key, (void)is_new;
	stored_type = type;
	stored += value != NULL;
	ended += value == NULL;
	return 0;
}

static void timer(void *self, const struct row_key *key, const struct timer_row *value)
{
	(void)self, (void)key, (void)value;
	timers++;
}

static void source(void *self, const struct row_key *key)
{
	(void)self, (void)key;
	sources++;
}

static void count(void *self, uint32_t counter, uint64_t n)
{
	(void)self, (void)n;
	assert_int_not_equal(counter, COUNTER_kernel_errors);
}

static void every_row_has_its_size_and_its_name(void **state)
{
	(void)state;
	for (enum row_type type = ROW_NONE + 1; type < ROW_COUNT; type++) {
		assert_non_null(expected[type].name);
		assert_string_equal(row_name(type), expected[type].name);
		assert_int_equal(row_bytes(type), expected[type].bytes);
		assert_true(row_bytes(type) <= ROW_BYTES_MOST);
		assert_true(sizeof(struct row_key) + row_bytes(type) <= ALLOCATOR_STEP);
		assert_int_equal(row_bytes(type) % sizeof(uint64_t), 0);
	}
	assert_int_equal(sizeof(struct row_key), 32);
	assert_int_equal(row_bytes(ROW_NONE), 0);
	assert_int_equal(row_bytes(ROW_COUNT), 0);
	assert_string_equal(row_name(ROW_COUNT), "none");
}

/* Comparable byte by byte, and versions stand where set_row writes them. */
static void every_row_begins_with_its_version(void **state)
{
	(void)state;
#define ROW(name, capacity, replicated, sentence)                                                  \
	assert_int_equal(offsetof(struct name##_row, head), 0);
#include <ringfence/row.def>
#undef ROW
}

static const char *type_name(const struct bpf_object *object, uint32_t type_id)
{
	const struct btf *btf = bpf_object__btf(object);

	return btf__name_by_offset(btf, btf__type_by_id(btf, type_id)->name_off);
}

/* `bpftool map dump pinned …/row_<name>` prints fields where the map knows its types. */
static void every_row_has_a_map_that_prints_its_fields(void **state)
{
	static const struct hash_key key = { { 1, 2 } };
	struct tables *tables = tables_new(&key, 1);
	struct gateway_bpf *skel = gateway_bpf__open();

	(void)state;
	assert_non_null(skel);
	assert_non_null(tables);
	for (enum row_type type = ROW_NONE + 1; type < ROW_COUNT; type++) {
		const struct bpf_map *map;
		char name[32] = "row_";

		strcat(name, expected[type].name);
		map = bpf_object__find_map_by_name(skel->obj, name);
		assert_non_null(map);
		assert_int_equal(bpf_map__key_size(map), sizeof(struct row_key));
		assert_int_equal(bpf_map__value_size(map), expected[type].bytes);
		assert_int_equal(bpf_map__max_entries(map), tables_capacity(tables, type));
		assert_string_equal(type_name(skel->obj, bpf_map__btf_key_type_id(map)), "row_key");
		assert_string_equal(type_name(skel->obj, bpf_map__btf_value_type_id(map)),
				    expected[type].type);
	}
	tables_free(tables);
	gateway_bpf__destroy(skel);
}

static void submit(struct apply *apply, enum row_type type, bool put)
{
	static uint8_t memory[LIMIT_ARENA_BYTES];
	struct arena arena = { memory, sizeof(memory), 0 };
	struct row_key key = { .owner = { { 1 } } };
	uint8_t value[ROW_BYTES_MOST] = { 0 };
	struct lock_row *lock = (struct lock_row *)value;
	struct batch b;

	if (type == ROW_lock)
		lock->key.source_port = 7;       /* another flow than its door's */
	batch_init(&b, &arena);
	if (put)
		batch_put(&b, type, &key, value);
	else
		batch_end(&b, type, &key);
	apply_submit(apply, &b, NULL, NULL);
}

static void every_row_is_pinned_and_does_in_the_kernel_what_it_should(void **state)
{
	static const struct hash_key key = { { 1, 2 } };
	static const struct projector_ops ops = { .open = kernel_open_key,
						  .close = kernel_close_key, .store = store,
						  .count = count, .timer = timer,
						  .source = source };

	(void)state;
	for (enum row_type type = ROW_NONE + 1; type < ROW_COUNT; type++) {
		struct tables *tables = tables_new(&key, 1024);
		struct apply *apply = apply_new(tables, &ops);
		uint32_t entries = expected[type].follows == ENTRY;

		/* A lock is nothing without its door. */
		if (type == ROW_lock)
			submit(apply, ROW_door, true);
		opened = closed = stored = ended = timers = sources = 0;
		submit(apply, type, true);
		assert_int_equal(stored_type, type);
		assert_int_equal(stored, 1);
		assert_int_equal(opened, entries);
		assert_int_equal(timers, expected[type].follows == TIMER);
		submit(apply, type, false);
		assert_int_equal(ended, 1);
		assert_int_equal(closed, entries);
		assert_int_equal(timers, expected[type].follows == TIMER ? 2 : 0);
		assert_int_equal(sources, expected[type].follows == SOURCE ? 2 : 0);
		assert_int_equal(tables_count(tables, type), 0);
		apply_free(apply);
		tables_free(tables);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_has_its_size_and_its_name),
		cmocka_unit_test(every_row_begins_with_its_version),
		cmocka_unit_test(every_row_has_a_map_that_prints_its_fields),
		cmocka_unit_test(every_row_is_pinned_and_does_in_the_kernel_what_it_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
