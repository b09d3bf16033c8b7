/* SPDX-License-Identifier: MIT */
/* Messages a second from bytes to outcome, on one core: the daemon's own journey with hands that do
 * nothing. Between passes all rows are ended, or every pass but the first would only judge
 * retransmissions; that is not timed, nor is the first pass, which touches the tables' memory for
 * the first time. */
#ifndef RINGFENCE_BENCH_JUDGE_H
#define RINGFENCE_BENCH_JUDGE_H

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inspect/journey.h"
#include "policy/load.h"
#include "state/apply.h"
#include "state/tables.h"

#define MOST_MESSAGES 20000
#define PASSES 51

static struct arrival arrivals[MOST_MESSAGES];
static size_t arrival_count;
static uint64_t judged, refused;

static int hands_send(void *self, const struct arrival *a, const struct flow_info *way,
		      struct slice payload)
{
	(void)self, (void)a, (void)way, (void)payload;
	return 0;
}

static void hands_report(void *self, const struct verdict_report *r)
{
	(void)self;
	judged++;
	refused += r->outcome->judgement == JUDGEMENT_REFUSE;
}

static void hands_count(void *self, uint32_t counter, uint64_t n)
{
	(void)self, (void)counter, (void)n;
}

static int no_open(void *self, const struct flow_key *key,
			   const struct translation *translation, struct permit *permit)
{
	(void)self, (void)key, (void)translation, (void)permit;
	return 0;
}

static int no_close(void *self, const struct flow_key *key, const struct permit *permit)
{
	(void)self, (void)key, (void)permit;
	return 0;
}

static int no_store(void *self, enum row_type type, const struct row_key *key,
		    const void *value, bool is_new)
{
	(void)self, (void)type, (void)key, (void)value, (void)is_new;
	return 0;
}

static void no_resolve(void *self, const struct address *a)
{
	(void)self, (void)a;
}

static void no_tell(void *self, enum tell tell, const struct owner *owner)
{
	(void)self, (void)tell, (void)owner;
}

static void no_timer(void *self, const struct row_key *key, const struct timer_row *value)
{
	(void)self, (void)key, (void)value;
}

static int world_open(struct journey *j, const struct policy *p)
{
	static const struct projector_ops nowhere = {
		.open = no_open, .close = no_close, .store = no_store, .resolve = no_resolve,
		.count = hands_count, .told = no_tell, .timer = no_timer,
	};

	*j = (struct journey){ .policy = p, .key = { { 1, 2 } } };
	j->tables = tables_new(&j->key, 1);
	j->apply = j->tables ? apply_new(j->tables, &nowhere) : NULL;
	j->around = (struct surroundings){ .named = tables_named, .state = j->tables };
	j->hands = (struct hands){ hands_send, hands_report, hands_count, NULL, NULL };
	return j->apply ? journey_init(j) : -1;
}

static void world_close(struct journey *j)
{
	journey_close(j);
	apply_free(j->apply);
	tables_free(j->tables);
}

static void rows_end(struct journey *j)
{
	for (int type = 1; type < ROW_COUNT; type++) {
		struct row_view row;
		uint32_t cursor = 0;

		while (tables_next(j->tables, (enum row_type)type, &cursor, &row)) {
			struct batch b;

			arena_reset(&j->arena);
			batch_init(&b, &j->arena);
			batch_end(&b, (enum row_type)type, row.key);
			apply_submit(j->apply, &b, NULL, NULL);
		}
	}
}

/* Messages a second of one pass over the corpus. */
static double pass_run(struct journey *j)
{
	struct timespec a, b;

	judged = refused = 0;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (size_t i = 0; i < arrival_count; i++)
		journey_arrival(j, &arrivals[i], 1000000000ull + i * 1000000ull);
	clock_gettime(CLOCK_MONOTONIC, &b);
	rows_end(j);
	return (double)judged / ((double)(b.tv_sec - a.tv_sec) +
				 (double)(b.tv_nsec - a.tv_nsec) / 1e9);
}

static int number_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The arrivals, PASSES times over; prints the median. */
static int passes_run(const struct policy *p)
{
	double rates[PASSES];
	struct journey j;

	if (world_open(&j, p))
		return 1;
	pass_run(&j);
	for (int i = 0; i < PASSES; i++)
		rates[i] = pass_run(&j);
	world_close(&j);
	qsort(rates, PASSES, sizeof(*rates), number_compare);
	printf("{\"messages\":%zu,\"judged\":%lu,\"refused\":%lu,\"per_second\":%.0f}\n",
	       arrival_count, judged, refused, rates[PASSES / 2]);
	return 0;
}

static struct policy *policy_of(const char *config)
{
	struct policy_errors errors = { 0 };
	struct settings settings;
	struct policy *p = NULL;

	if (policy_load_text(config, strlen(config), &p, &settings, &errors) < 0)
		fprintf(stderr, "judge: %s\n", errors.items[0].text);
	return p;
}

#endif
