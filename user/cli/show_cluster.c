// SPDX-License-Identifier: MIT
/* Members, who is filled, and how far decisions lag. */
#include "cli/show_cluster.h"

#include <stdio.h>
#include <string.h>

#include "cli/print_table.h"
#include "cluster/cluster.h"
#include "daemon.h"

static const char *const states[] = {
	[MEMBER_UNKNOWN] = "unknown",
	[MEMBER_JOINING] = "joining",
	[MEMBER_FULL] = "full",
	[MEMBER_FOREIGN] = "foreign",
};

const char *show_mode(const struct daemon *d)
{
	if (!d->cluster)
		return "single";
	return d->group ? "cluster" : "alone";
}

/* What an operator should know of a member, one thing at a time. */
static const char *remark(const struct cluster_member *m)
{
	if (m->state == MEMBER_FOREIGN)
		return "another version: not heard";
	if (m->state == MEMBER_UNKNOWN)
		return "has not said hello yet";
	if (!m->same_policy)
		return "other zones or rules than here";
	if (m->state == MEMBER_JOINING)
		return "its rows are being filled";
	return m->is_donor ? "fills joiners" : "";
}

static json_t *member_list(const struct cluster_status *s)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < s->member_count; i++) {
		const struct cluster_member *m = &s->members[i];

		json_array_append_new(
			list, json_pack("{s:I, s:b, s:s, s:s, s:I, s:b, s:b, s:s}", "node",
					(json_int_t)m->id.node, "self", m->is_self, "state",
					states[m->state], "version", m->version, "rows_at_hello",
					(json_int_t)m->rows, "donor", m->is_donor, "same_policy",
					m->same_policy, "remark", remark(m)));
	}
	return list;
}

/* What a joiner will hold, as far as those who have it told. */
static uint32_t rows_to_fill(const struct cluster_status *s)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < s->member_count; i++)
		if (s->members[i].state == MEMBER_FULL && s->members[i].rows > most)
			most = s->members[i].rows;
	return most;
}

json_t *show_cluster(const struct daemon *d)
{
	struct cluster_status s = { .is_full = true };

	if (d->cluster)
		cluster_status(d->cluster, &s, loop_now_ns());
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I, s:o}", "mode",
			 show_mode(d), "group", d->settings.cluster_group, "state",
			 s.is_full ? "full" : "joining", "batches", (json_int_t)s.batches,
			 "lag_batches", (json_int_t)s.in_flight, "lag_ms",
			 (double)s.lag_ns / 1e6, "round_ms", (double)s.round_ns / 1e6,
			 "filled_rows", (json_int_t)s.filled_rows, "rows_to_fill",
			 (json_int_t)rows_to_fill(&s), "stalls", (json_int_t)s.stalls,
			 "foreign", (json_int_t)s.foreign, "cluster", member_list(&s));
}

static const struct column member_columns[] = {
	{ "NODE", "node", FORMAT_NUMBER },    { "SELF", "self_text", FORMAT_TEXT },
	{ "STATE", "state", FORMAT_TEXT },    { "VERSION", "version", FORMAT_TEXT },
	{ "ROWS", "rows_at_hello", FORMAT_NUMBER }, { "REMARK", "remark", FORMAT_WRAP },
	{ NULL, NULL, 0 },
};

static const char *word(const json_t *document, const char *key)
{
	return json_string_value(json_object_get(document, key)) ?: "";
}

void print_cluster(const json_t *document)
{
	json_t *rows = json_object_get(document, "cluster"), *row;
	const char *mode = word(document, "mode");
	size_t i;

	if (mode[0] == 's') {
		printf("single    the file names no group (cluster: { group: NAME } makes one)\n");
		return;
	}
	if (mode[0] == 'a')
		printf("alone     group %s: no corosync answers, this member works with what it has\n"
		       "          (start corosync; it is looked for each second)\n",
		       word(document, "group"));
	else
		printf("group     %s, this member is %s\n", word(document, "group"),
		       word(document, "state"));
	if (!strcmp(word(document, "state"), "joining"))
		printf("filled    %lld rows of some %lld; until then the others judge\n",
		       (long long)json_integer_value(json_object_get(document, "filled_rows")),
		       (long long)json_integer_value(json_object_get(document, "rows_to_fill")));
	printf("batches   %lld executed, %lld of ours under way, the oldest for %.1f ms,\n"
	       "          %.2f ms from here and back\n",
	       (long long)json_integer_value(json_object_get(document, "batches")),
	       (long long)json_integer_value(json_object_get(document, "lag_batches")),
	       json_number_value(json_object_get(document, "lag_ms")),
	       json_number_value(json_object_get(document, "round_ms")));
	printf("trouble   %lld times left by itself, %lld records refused\n",
	       (long long)json_integer_value(json_object_get(document, "stalls")),
	       (long long)json_integer_value(json_object_get(document, "foreign")));
	json_array_foreach(rows, i, row)
		json_object_set_new(row, "self_text",
				    json_string(json_is_true(json_object_get(row, "self")) ? "*" :
											      ""));
	printf("\n");
	table_print(member_columns, rows);
}
