/* SPDX-License-Identifier: MIT */
/* What whole calls of any protocol run in: the real journey, tables, executor and timers, with a
 * kernel of our own that only remembers what is open. After each test all clocks run out: no row and
 * no door may be left, and as many doors closed as opened. */
#ifndef RINGFENCE_TESTS_GOLDEN_GROUND_H
#define RINGFENCE_TESTS_GOLDEN_GROUND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "exact.h"
#include "inspect/journey.h"
#include "policy/load.h"
#include "state/alarms.h"
#include "state/apply.h"
#include "state/tables.h"

#define CRLF "\r\n"
#define OPEN_MOST 1024
#define SECOND 1000000000ull
#define HOUR (3600ull)
#ifndef WORLD_SHRINK
#define WORLD_SHRINK 256             /* of the tables' capacities */
#endif

static struct world {
	struct policy *policy;
	struct tables *tables;
	struct apply *apply;
	struct alarms *alarms;
	struct journey journey;
	struct flow_key open[OPEN_MOST];
	struct permit permits[OPEN_MOST];
	struct translation translations[OPEN_MOST];
	uint32_t open_count;
	uint64_t counts[COUNTER_END];
	uint32_t told[TELL_GATEWAY_CROWDED + 1];
	uint64_t now_ns;
	uint16_t from_zone;          /* where the next datagrams come from; 0: as the address says */
	uint64_t media_ns;           /* when the last media was seen, of any call */
	uint32_t sent;
	struct flow_info leaves;     /* between whom the last message went on */
	char sent_text[4096];        /* the last that was sent on, cut */
	enum judgement judgement;
	enum reason reason;
	bool denies;
	uint16_t answer;             /* status that the last one's sender was told; 0 none */
	struct endpoint answer_from, answer_to;
	char answer_text[4096];
} w;

static inline uint32_t open_at(const struct flow_key *key)
{
	uint32_t i = 0;

	while (i < w.open_count && memcmp(&w.open[i], key, sizeof(*key)))
		i++;
	return i;
}

static inline int kernel_open_key(void *self, const struct flow_key *key,
			   const struct translation *translation, struct permit *permit)
{
	uint32_t i = open_at(key);

	(void)self;
	assert_true(i < OPEN_MOST);
	w.open[i] = *key;
	w.permits[i] = *permit;
	w.translations[i] = *translation;
	if (i == w.open_count)
		w.open_count++;
	return 0;
}

static inline int kernel_close_key(void *self, const struct flow_key *key,
				   const struct permit *permit)
{
	uint32_t i = open_at(key);

	(void)self, (void)permit;
	assert_true(i < w.open_count);
	w.open_count--;
	w.open[i] = w.open[w.open_count];
	w.permits[i] = w.permits[w.open_count];
	w.translations[i] = w.translations[w.open_count];
	return 0;
}

static inline int store(void *self, enum row_type type, const struct row_key *key,
			const void *value, bool is_new)
{
	(void)self, (void)type, (void)key, (void)value, (void)is_new;
	return 0;
}

static inline void count(void *self, uint32_t counter, uint64_t n)
{
	(void)self;
	assert_int_not_equal(counter, COUNTER_kernel_errors);
	w.counts[counter] += n;
}

static inline void timer_changed(void *self, const struct row_key *key,
				 const struct timer_row *value)
{
	(void)self;
	alarms_changed(w.alarms, key, value);
}

static inline void told(void *self, enum tell tell, const struct owner *owner)
{
	(void)self, (void)owner;
	w.told[tell]++;
}

static inline uint64_t media_seen(void *self, const struct flow_key *key)
{
	(void)self, (void)key;
	return w.media_ns;
}

static inline void timer_due(void *self, const struct row_view *timer, uint64_t now_ns)
{
	(void)self;
	journey_timeout(&w.journey, timer, now_ns);
}

static inline int send_on(void *self, const struct arrival *a, const struct flow_info *leaves,
			  struct slice payload)
{
	(void)self, (void)a;
	w.sent++;
	w.leaves = *leaves;
	snprintf(w.sent_text, sizeof(w.sent_text), "%.*s", (int)payload.length,
		 (const char *)payload.bytes);
	return 0;
}

static inline void report(void *self, const struct verdict_report *r)
{
	(void)self;
	w.judgement = r->outcome->judgement;
	w.reason = r->outcome->reason;
	w.denies = r->outcome->denies;
	w.answer = r->outcome->answer;
}

static inline int originate(void *self, const struct arrival *a, const struct sends *s)
{
	(void)self, (void)a;
	assert_int_equal(s->count, 1);
	w.answer_from = s->items[0].from;
	w.answer_to = s->items[0].to;
	snprintf(w.answer_text, sizeof(w.answer_text), "%.*s", (int)s->items[0].bytes.length,
		 (const char *)s->items[0].bytes.bytes);
	return 0;
}

static const struct projector_ops projector = { .open = kernel_open_key, .close = kernel_close_key,
						.store = store, .count = count,
						.told = told, .timer = timer_changed };

/* Tables and what hangs on them, empty. */
static inline int state_new(void)
{
	static const struct alarms_ops alarms = { .seen_ns = media_seen, .due = timer_due };

	w.tables = tables_new(&w.journey.key, WORLD_SHRINK);
	w.alarms = alarms_new(w.tables, &w.journey.key, &alarms, w.now_ns);
	w.apply = apply_new(w.tables, &projector);
	w.journey.tables = w.tables;
	w.journey.apply = w.apply;
	w.journey.around = (struct surroundings){ .named = tables_named, .state = w.tables };
	return w.tables && w.alarms && w.apply ? 0 : -1;
}

static inline int world_open(const char *text)
{
	struct policy_errors errors;
	struct settings settings;

	memset(&w, 0, sizeof(w));
	w.now_ns = 1000 * SECOND;
	if (policy_load_text(text, strlen(text), &w.policy, &settings, &errors)) {
		print_message("%u:%u: %s\n", errors.items[0].line, errors.items[0].column,
			      errors.items[0].text);
		return -1;
	}
	w.journey.key = (struct hash_key){ { 1, 2 } };
	w.journey.policy = w.policy;
	w.journey.hands = (struct hands){ send_on, report, count, NULL, originate };
	return state_new() ?: journey_init(&w.journey);
}

/* A shipped file, found from where the tests are run. */
static inline int world_open_file(const char *path)
{
	static char text[8192];
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (!f) {
		print_message("%s: run it where the examples are\n", path);
		return -1;
	}
	fclose(f);
	text[n] = '\0';
	return world_open(text);
}

static inline void run_timers(uint64_t seconds)
{
	w.now_ns += seconds * SECOND;
	alarms_run(w.alarms, w.now_ns, w.policy->timers.call_idle_ns, 1000);
}

static inline void state_free(void)
{
	apply_free(w.apply);
	alarms_free(w.alarms);
	tables_free(w.tables);
}

static inline int tear_down(void **state)
{
	uint32_t rows = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		run_timers(HOUR);
	for (int type = 1; type < ROW_COUNT; type++) {
		uint32_t left = tables_count(w.tables, (enum row_type)type);

		if (left)
			print_message("%u rows left: %s\n", left, row_name((enum row_type)type));
		rows += left;
	}
	if (w.open_count)
		print_message("%u doors left open\n", w.open_count);
	rows += w.open_count;
	if (w.counts[COUNTER_doors_opened] != w.counts[COUNTER_doors_closed])
		rows++;
	journey_close(&w.journey);
	state_free();
	policy_free(w.policy);
	return rows ? -1 : 0;
}

static inline struct endpoint endpoint(const char *host, uint16_t port)
{
	struct endpoint e = { .port = htons(port) };

	assert_true(address_parse(slice_make(host, strlen(host)), &e.address));
	return e;
}

/* A datagram of protocol `speaks`. */
static inline void arrive(uint8_t speaks, struct endpoint from, struct endpoint to, const char *text)
{
	struct arrival a = {
		.flow = { .source = from, .destination = to, .transport = IPPROTO_UDP,
			  .speaks = speaks },
		.payload = exact(slice_make(text, strlen(text))), .speaks = speaks, .held = true,
	};

	a.record = a.payload;
	a.flow.family = address_family(&a.flow.source.address);
	a.flow.zones[0] = w.from_zone ?: policy_zone_of(w.policy, &a.flow.source.address);
	a.flow.zones[1] = policy_zone_of(w.policy, &a.flow.destination.address);
	w.sent = 0;
	w.sent_text[0] = w.answer_text[0] = '\0';
	journey_arrival(&w.journey, &a, w.now_ns);
}

/* The permit of what is open from source (NULL: any host) to host and port; NULL: nothing. */
static inline const struct permit *permit_to(const char *source, uint16_t source_port,
					     const char *host, uint16_t port)
{
	struct endpoint to = endpoint(host, port), from = { .port = htons(source_port) };

	if (source)
		from = endpoint(source, source_port);
	for (uint32_t i = 0; i < w.open_count; i++)
		if (address_equal(&w.open[i].destination, &to.address) &&
		    w.open[i].destination_port == to.port && w.open[i].source_port == from.port &&
		    address_equal(&w.open[i].source, &from.address))
			return &w.permits[i];
	return NULL;
}

/* Its flags; 0 nothing. */
static inline uint32_t open_to(const char *source, uint16_t source_port, const char *host,
			       uint16_t port)
{
	const struct permit *permit = permit_to(source, source_port, host, port);

	return permit ? permit->flags : 0;
}

/* Of the only call. */
static inline enum call_state call_state(void)
{
	struct row_view row;
	uint32_t cursor = 0;

	assert_true(tables_next(w.tables, ROW_call, &cursor, &row));
	return (enum call_state)((const struct call_row *)row.value)->state;
}

static inline void assert_refused(enum reason reason)
{
	assert_int_equal(w.judgement, JUDGEMENT_REFUSE);
	assert_int_equal(w.reason, reason);
	assert_int_equal(w.sent, 0);
}

#endif
