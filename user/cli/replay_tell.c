// SPDX-License-Identifier: MIT
/* Lines of a replay. Everything that strangers wrote is made harmless before it is shown: JSON
 * takes no broken UTF-8, a terminal obeys control characters. */
#include "cli/replay_tell.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/map.h"
#include "cli/show.h"

#define FLOWS_MOST 65536
#define PLACE_BYTES 64
#define SECONDS(ns) ((double)(ns) / 1e9)

struct told_flow {
	uint64_t order;              /* of its first packet, from 1 */
	uint64_t forwarded;
	uint64_t refused;
	uint64_t passes;             /* last verdict */
};

int tell_init(struct replay_tell *t, bool json)
{
	static const struct hash_key key = { { 0x7265706c61792074, 0x656c6c2074616273 } };

	*t = (struct replay_tell){ .json = json, .effects = json_array() };
	t->flows = map_new(sizeof(struct flow_key), sizeof(struct told_flow), FLOWS_MOST, &key);
	t->streams = map_new(sizeof(struct flow_key), sizeof(uint64_t), FLOWS_MOST, &key);
	if (t->effects && t->flows && t->streams)
		return 0;
	tell_close(t);
	return -ENOMEM;
}

void tell_close(struct replay_tell *t)
{
	json_decref(t->effects);
	map_free(t->flows);
	map_free(t->streams);
}

/* Printable ASCII stays, anything else becomes a question mark. */
static json_t *harmless(struct slice s)
{
	char buffer[512];
	size_t length = s.length < sizeof(buffer) ? s.length : sizeof(buffer);

	for (size_t i = 0; i < length; i++)
		buffer[i] = s.bytes[i] >= ' ' && s.bytes[i] < 0x7f ? (char)s.bytes[i] : '?';
	return json_stringn(buffer, length);
}

static void place(struct text *t, const struct address *a, __be16 port)
{
	if (address_is_zero(a))
		text_string(t, "any");
	else if (!port)
		text_address(t, a);
	else
		text_endpoint(t, a, port);
}

static json_t *place_json(const struct address *a, __be16 port)
{
	char buffer[PLACE_BYTES];
	struct text t = text_make(buffer, sizeof(buffer));

	place(&t, a, port);
	return json_string(buffer);
}

/* "A:p>B:q" */
static json_t *flow_json(const struct flow_key *key)
{
	char buffer[2 * PLACE_BYTES];
	struct text t = text_make(buffer, sizeof(buffer));

	text_endpoint(&t, &key->source, key->source_port);
	text_char(&t, '>');
	text_endpoint(&t, &key->destination, key->destination_port);
	return json_string(buffer);
}

/* Takes the reference. */
static void say(const struct replay_tell *t, json_t *line, const char *human)
{
	const char *detail;
	json_t *effect;
	size_t i;

	if (t->json) {
		json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
		putchar('\n');
		json_decref(line);
		return;
	}
	printf("%6llu %10.3f  %s\n", (unsigned long long)t->frame, SECONDS(t->time_ns), human);
	json_array_foreach(json_object_get(line, "effects"), i, effect) {
		detail = json_string_value(json_object_get(effect, "kind"));
		printf("%20s%-13s %s > %s%s%s\n", "",
		       json_string_value(json_object_get(effect, "effect")),
		       json_string_value(json_object_get(effect, "from")),
		       json_string_value(json_object_get(effect, "to")), detail ? "  " : "",
		       detail ?: "");
	}
	json_decref(line);
}

static json_t *take_effects(struct replay_tell *t)
{
	json_t *effects = t->effects;

	t->effects = json_array();
	return effects;
}

static const char *permit_kind(const struct permit *permit)
{
	return permit->flags & PERMIT_SIGNALLING ? "signalling" :
	       permit->flags & PERMIT_ANY	 ? "any" :
	       permit->flags & PERMIT_RTP	 ? "rtp" :
						   "rtcp";
}

void tell_effect(struct replay_tell *t, bool opens, const struct flow_key *key,
		 const struct permit *permit)
{
	bool exact = key->source_port && !address_is_zero(&key->source);
	const char *name = exact ? opens ? "FLOW_OPEN" : "FLOW_CLOSE" :
				   opens ? "PINHOLE_OPEN" : "PINHOLE_CLOSE";
	json_t *effect = json_pack("{s:s, s:o, s:o}", "effect", name, "from",
				   place_json(&key->source, key->source_port), "to",
				   place_json(&key->destination, key->destination_port));

	if (permit)
		json_object_set_new(effect, "kind", json_string(permit_kind(permit)));
	json_array_append_new(t->effects, effect);
}

static void say_message(struct replay_tell *t, json_t *line, bool accepted)
{
	char human[640], answer[32] = "";
	json_t *status = json_object_get(line, "answer");
	const char *reason = json_string_value(json_object_get(line, "reason"));
	const char *call = json_string_value(json_object_get(line, "call"));

	t->messages++;
	if (accepted)
		t->accepted++;
	else
		t->dropped++;
	if (status)
		snprintf(answer, sizeof(answer), "  answer %lld",
			 (long long)json_integer_value(status));
	snprintf(human, sizeof(human), "%-5s %-6s  %s  [%s]%s%s%s",
		 json_string_value(json_object_get(line, "protocol")),
		 json_string_value(json_object_get(line, "judgement")),
		 json_string_value(json_object_get(line, "summary")), call ?: "",
		 strcmp(reason, "none") ? "  " : "", strcmp(reason, "none") ? reason : "", answer);
	say(t, line, human);
}

void tell_report(struct replay_tell *t, const struct verdict_report *r)
{
	bool accepted = r->outcome->judgement != JUDGEMENT_REFUSE || r->monitored;
	struct slice call = { 0 };
	char summary[256];
	struct text text = text_make(summary, sizeof(summary));
	json_t *line;

	if (r->message) {
		r->ops->explain(r->message, &text);
		call = r->ops->call_name(r->message);
	}
	line = json_pack("{s:s, s:I, s:f, s:s, s:o, s:o, s:s, s:s, s:I, s:o}", "type", "message",
			 "frame", (json_int_t)t->frame, "time", SECONDS(t->time_ns), "protocol",
			 r->ops->name, "summary", harmless(slice_make(summary, text.length)),
			 "call", harmless(call), "judgement", accepted ? "accept" : "drop",
			 "reason", show_reason(r->outcome->reason), "at",
			 (json_int_t)r->outcome->at, "effects", take_effects(t));
	if (r->monitored)
		json_object_set_new(line, "monitored", json_true());
	if (r->outcome->answer)
		json_object_set_new(line, "answer", json_integer(r->outcome->answer));
	say_message(t, line, accepted);
}

void tell_unread(struct replay_tell *t, const struct frame *f, const char *protocol,
		 enum reason reason)
{
	bool tcp = f->key.protocol == IPPROTO_TCP;
	uint64_t *told = tcp ? map_take(t->streams, &f->key) : NULL;

	/* A connection is told of once, not each of its segments. */
	if (told && (*told)++)
		return;
	say_message(t, json_pack("{s:s, s:I, s:f, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o}", "type",
				 "message", "frame", (json_int_t)t->frame, "time",
				 SECONDS(t->time_ns), "protocol", protocol, "summary",
				 tcp ? "a TCP connection that is not followed" :
				       "a datagram that was not read", "call", "", "judgement",
				 "drop", "reason", show_reason(reason), "at", (json_int_t)0, "effects",
				 take_effects(t), "flow", flow_json(&f->key)), false);
}

static void say_media(struct replay_tell *t, const struct frame *f, enum reason reason,
		      bool passes)
{
	json_t *line = json_pack("{s:s, s:I, s:f, s:o, s:s, s:s}", "type", "media", "frame",
				 (json_int_t)t->frame, "time", SECONDS(t->time_ns), "flow",
				 flow_json(&f->key), "verdict", passes ? "forward" : "drop",
				 "reason", show_reason(reason));
	char human[320];

	if (json_array_size(t->effects))
		json_object_set_new(line, "effects", take_effects(t));
	if (passes && reason)
		json_object_set_new(line, "monitored", json_true());
	snprintf(human, sizeof(human), "media %-7s %s%s%s", passes ? "forward" : "drop",
		 json_string_value(json_object_get(line, "flow")), reason ? "  " : "",
		 reason ? show_reason(reason) : "");
	say(t, line, human);
}

void tell_media(struct replay_tell *t, const struct frame *f, enum reason reason, bool monitored)
{
	struct told_flow *flow = map_take(t->flows, &f->key);
	bool passes = !reason || monitored, news;

	if (passes)
		t->forwarded++;
	else
		t->refused++;
	if (!flow) {
		t->untold++;
		return;
	}
	news = !flow->order || flow->passes != passes || json_array_size(t->effects);
	if (!flow->order)
		flow->order = map_count(t->flows);
	flow->passes = passes;
	if (passes)
		flow->forwarded++;
	else
		flow->refused++;
	if (news)
		say_media(t, f, reason, passes);
}

void tell_unjudged(struct replay_tell *t, enum reason reason)
{
	t->unjudged[reason]++;
}

void tell_timer(struct replay_tell *t)
{
	if (!json_array_size(t->effects))
		return;
	say(t, json_pack("{s:s, s:f, s:o}", "type", "timer", "time", SECONDS(t->time_ns),
			 "effects", take_effects(t)), "timer");
}

struct listed {
	const struct flow_key *key;
	const struct told_flow *flow;
};

static int listed_compare(const void *a, const void *b)
{
	uint64_t x = ((const struct listed *)a)->flow->order;
	uint64_t y = ((const struct listed *)b)->flow->order;

	return (x > y) - (x < y);
}

/* A flow that had both verdicts stands in both lists. */
static void list_flows(const struct replay_tell *t, json_t *forwarded, json_t *refused)
{
	struct listed *all = calloc(map_count(t->flows) + 1, sizeof(*all));
	uint32_t cursor = 0, count = 0;
	const void *key;
	void *value;

	if (!all)
		return;
	while (map_next(t->flows, &cursor, &key, &value))
		all[count++] = (struct listed){ key, value };
	qsort(all, count, sizeof(*all), listed_compare);
	for (uint32_t i = 0; i < count; i++) {
		if (all[i].flow->forwarded)
			json_array_append_new(forwarded, flow_json(all[i].key));
		if (all[i].flow->refused)
			json_array_append_new(refused, flow_json(all[i].key));
	}
	free(all);
}

static json_t *list_unjudged(const struct replay_tell *t)
{
	json_t *list = json_object();

	for (uint32_t i = 0; i < REASON_COUNT; i++)
		if (t->unjudged[i])
			json_object_set_new(list, show_reason(i),
					    json_integer((json_int_t)t->unjudged[i]));
	return list;
}

static void print_list(const char *title, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		printf("  %s %s\n", title, json_string_value(item));
}

static void print_summary(const struct replay_tell *t, const json_t *line)
{
	const char *name;
	json_t *value;

	printf("\n%llu messages: %llu accepted, %llu dropped; %llu calls\n",
	       (unsigned long long)t->messages, (unsigned long long)t->accepted,
	       (unsigned long long)t->dropped, (unsigned long long)t->calls);
	printf("%llu media packets forwarded, %llu dropped; %llu packets none of ours\n",
	       (unsigned long long)t->forwarded, (unsigned long long)t->refused,
	       (unsigned long long)t->passed);
	print_list("forwarded", json_object_get(line, "flows_forwarded"));
	print_list("dropped  ", json_object_get(line, "flows_dropped"));
	json_object_foreach(json_object_get(line, "packets_dropped"), name, value)
		printf("  %lld other packets dropped: %s\n", (long long)json_integer_value(value),
		       name);
	if (t->untold)
		printf("  %llu media packets of flows beyond the first %d are not listed\n",
		       (unsigned long long)t->untold, FLOWS_MOST);
}

bool tell_summary(struct replay_tell *t)
{
	json_t *forwarded = json_array(), *refused = json_array(), *unjudged = list_unjudged(t);
	bool all_passed = !t->dropped && !t->refused && !json_object_size(unjudged);
	json_t *line;

	list_flows(t, forwarded, refused);
	line = json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:I, s:o}", "type",
			 "summary", "messages", (json_int_t)t->messages, "accepted",
			 (json_int_t)t->accepted, "dropped", (json_int_t)t->dropped, "calls",
			 (json_int_t)t->calls, "flows_forwarded", forwarded, "flows_dropped",
			 refused, "media_forwarded", (json_int_t)t->forwarded, "media_dropped",
			 (json_int_t)t->refused, "packets_passed", (json_int_t)t->passed,
			 "packets_dropped", unjudged);
	if (t->json) {
		say(t, line, "");
		return all_passed;
	}
	print_summary(t, line);
	json_decref(line);
	return all_passed;
}
