// SPDX-License-Identifier: MIT
/* Members in one process over a simulated group: calls are set up and ended while members are
 * killed, stopped, cut off and brought back, all drawn from a seed. Afterwards every member must
 * hold the same rows, each door an owner, each kernel what the rows ask for, and in the end nothing.
 *
 *   simulate_test                seeds 1 to 1,000 (SEEDS=n: so many)
 *   simulate_test SEED [nat]     this one, told step by step, with calls that are translated
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "group.h"
#include "policy/load.h"
#include "state/mappings.h"

#define CRLF "\r\n"
#define CALLS 20
#define STEPS 4000                   /* of a millisecond, with faults */
#define REPEAT_NS (300 * MS)

static const char config[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24] }\n"
	"  out: { networks: [10.77.2.0/24] }\n"
	"rules:\n"
	"  - { name: both, from: [in, out], to: [in, out], allow: [sip] }\n";

/* What phones say is seen outside at ports that their member drew. */
static const char nat_config[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24] }\n"
	"  out: { networks: [10.77.2.0/24] }\n"
	"rules:\n"
	"  - { name: both, from: [in, out], to: [in, out], allow: [sip] }\n"
	"nat:\n"
	"  phones: { zone: in, seen_from: out, hide: 10.77.2.1, ports: 20000-20127 }\n";

/* What a call says, in order. */
static const struct {
	bool from_phone, is_response, has_body;
	const char *start, *method;
	int cseq;
} lines[] = {
	{ true, false, true, "INVITE sip:b@10.77.2.10 SIP/2.0", "INVITE", 1 },
	{ false, true, false, "SIP/2.0 180 Ringing", "INVITE", 1 },
	{ false, true, true, "SIP/2.0 200 OK", "INVITE", 1 },
	{ true, false, false, "ACK sip:b@10.77.2.10 SIP/2.0", "ACK", 1 },
	{ true, false, true, "INVITE sip:b@10.77.2.10 SIP/2.0", "INVITE", 2 },
	{ false, true, true, "SIP/2.0 200 OK", "INVITE", 2 },
	{ true, false, false, "ACK sip:b@10.77.2.10 SIP/2.0", "ACK", 2 },
	{ true, false, false, "BYE sip:b@10.77.2.10 SIP/2.0", "BYE", 3 },
	{ false, true, false, "SIP/2.0 200 OK", "BYE", 3 },
};
#define LINES ((int)(sizeof(lines) / sizeof(lines[0])))

struct call {
	bool is_begun;
	int line, tries;
	uint64_t next_ns;
};

static struct call calls[CALLS];
static int done, given_up;
static bool was_parted, was_lost;
static uint32_t was_full;            /* bit n: member n */

static const char *describe(int call, int line, char *text, size_t room)
{
	char body[256] = "";

	if (lines[line].has_body)
		snprintf(body, sizeof(body),
			 "v=0" CRLF "o=- 1 %d IN IP4 %s" CRLF "s=-" CRLF "c=IN IP4 %s" CRLF
			 "t=0 0" CRLF "m=audio %d RTP/AVP 0" CRLF,
			 lines[line].cseq, lines[line].from_phone ? "10.77.1.11" : "10.77.2.10",
			 lines[line].from_phone ? "10.77.1.11" : "10.77.2.10",
			 (lines[line].from_phone ? 20000 : 30000) + 4 * call);
	snprintf(text, room,
		 "%s" CRLF "Via: SIP/2.0/UDP 10.77.1.11:5060;branch=z9hG4bK-%d-%d%s" CRLF
		 "From: <sip:a@10.77.1.11>;tag=a%d" CRLF "To: <sip:b@10.77.2.10>%s%s" CRLF
		 "Call-ID: %d@sim" CRLF "CSeq: %d %s" CRLF "Contact: <sip:x@%s:5060>" CRLF
		 "Max-Forwards: 70" CRLF "Subject: %d" CRLF "%sContent-Length: %zu" CRLF CRLF "%s",
		 lines[line].start, call, lines[line].cseq,
		 strcmp(lines[line].method, "ACK") ? "" : "-ack", call,
		 lines[line].cseq > 1 || line > 0 ? ";tag=b" : "",
		 lines[line].cseq > 1 || line > 0 ? "1" : "", call, lines[line].cseq,
		 lines[line].method, lines[line].from_phone ? "10.77.1.11" : "10.77.2.10", line,
		 *body ? "Content-Type: application/sdp" CRLF : "", strlen(body), body);
	return text;
}

static int number_after(struct slice payload, const char *what)
{
	char text[2048];
	const char *at;

	snprintf(text, sizeof(text), "%.*s", (int)payload.length, (const char *)payload.bytes);
	at = strstr(text, what);
	assert(at);
	return atoi(at + strlen(what));
}

/* A message came through: the other side goes on. */
static void sent(struct member *m, struct slice payload)
{
	int n = number_after(payload, "Call-ID: "), line = number_after(payload, "Subject: ");

	(void)m;
	if (calls[n].line != line)
		return;
	calls[n].line++;
	calls[n].tries = 0;
	calls[n].next_ns = sim.now_ns + draw(80) * MS;
	if (calls[n].line == LINES)
		done++;
}

static void offer(struct member *m, int call, int line)
{
	static const char *const hosts[] = { "10.77.2.10", "10.77.1.11" };
	const bool from_phone = lines[line].from_phone;
	char text[2048];
	const char *message = describe(call, line, text, sizeof(text));
	struct arrival a = {
		.flow = { .transport = IPPROTO_UDP, .speaks = 1, .family = FAMILY_IPV4 },
		.payload = slice_make(message, strlen(message)),
		.record = slice_make(message, strlen(message)),
		.speaks = 1, .held = true, .time_ns = clock_of(m),
	};

	address_parse(slice_make(hosts[from_phone], 10), &a.flow.source.address);
	address_parse(slice_make(hosts[!from_phone], 10), &a.flow.destination.address);
	a.flow.source.port = a.flow.destination.port = htons(5060);
	a.flow.zones[0] = policy_zone_of(sim.policy, &a.flow.source.address);
	a.flow.zones[1] = policy_zone_of(sim.policy, &a.flow.destination.address);
	cluster_clock(m->cluster, clock_of(m));
	journey_arrival(&m->journey, &a, clock_of(m));
	cluster_flush(m->cluster);
}

/* A row of the member's own beside it, as counts are: it bears who wrote it. */
static void member_counts(struct member *m, int call)
{
	const struct row_key key = { .owner = { { (uint8_t)(call + 1) } } };
	const struct rate_row row = { .counts = { (uint32_t)m->index + 1 } };
	struct batch b;

	arena_reset(&m->journey.arena);
	batch_init(&b, &m->journey.arena);
	batch_put(&b, ROW_rate, &key, &row);
	apply_submit(m->apply, &b, NULL, NULL);
}

/* What one member is asked to judge. */
static void call_step_at(int n, struct member *m)
{
	struct call *c = &calls[n];

	if (!c->is_begun || c->line == LINES || c->tries > 100 || sim.now_ns < c->next_ns)
		return;
	if (!m->is_up || m->is_stopped || !m->is_full)
		return;
	c->next_ns = sim.now_ns + REPEAT_NS;
	/* Who waits in vain repeats what it said last: a decision can die with its author after
	 * the message left. */
	if (++c->tries > 100)
		given_up++;
	else
		offer(m, n, c->tries > 2 && c->tries % 2 && c->line ? c->line - 1 : c->line);
	member_counts(m, n);
}

/* Whoever has the address gets it: any member that judges. */
static void call_step(int n)
{
	call_step_at(n, &sim.members[draw(NODES)]);
}

static void fault(void)
{
	static const char *const names[] = { "killed", "stopped", "cut off", "all healed", "busy",
					     "not busy" };
	struct member *m = &sim.members[draw(NODES)];
	uint64_t which = draw(6);

	if (sim.verbose)
		printf("%8.3f node %d: %s\n", (double)sim.now_ns / 1e9, m->index + 1,
		       names[which]);
	switch (which) {
	case 0:
		if (!m->is_up)
			break;
		engine_leave(&sim.engine, m->index, draw(2));
		member_down(m, draw(2));
		m->starts_ns = sim.now_ns + draw(3000) * MS;
		break;
	case 1:
		m->is_stopped = true;
		m->wakes_ns = sim.now_ns + draw(5000) * MS;
		break;
	case 2:
		if (sim.engine.cells[m->index])
			break;
		engine_part(&sim.engine, m->index, draw(2));
		was_parted = true;
		break;
	case 3:
		engine_heal(&sim.engine);
		break;
	case 4:
		sim.engine.is_busy = true;
		break;
	case 5:
		sim.engine.is_busy = false;
		break;
	}
}

/* With the last member that has all rows goes what it alone knew: who is full a moment later, and was
 * not, began anew. */
static void watch_loss(void)
{
	uint32_t full = 0;

	for (int i = 0; i < NODES; i++)
		full |= sim.members[i].is_up && sim.members[i].is_full ? 1u << i : 0;
	was_lost |= was_full && !(was_full & full);
	was_full = full;
}

static void check_own_rows(const struct member *m)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(m->tables, ROW_rate, &cursor, &row)) {
		const struct rate_row *rate = row.value;

		if (rate->counts[0] != (uint32_t)m->index + 1)
			complain("a row of a member's own is with another one");
	}
}

static void begin(uint64_t seed)
{
	group_begin(seed, sent);
	after_step = watch_loss;
	memset(calls, 0, sizeof(calls));
	was_parted = was_lost = false;
	was_full = 0;
	done = given_up = 0;
}

static void (*also_check)(void);

static void check_group(void)
{
	check_members();
	for (int i = 0; i < NODES; i++)
		check_own_rows(&sim.members[i]);
	if (also_check)
		also_check();
}

static void simulate(uint64_t seed)
{
	uint32_t hurry;

	begin(seed);
	hurry = 2 + (uint32_t)draw(3);
	for (int i = 0; i < STEPS && !told.failed; i++) {
		int n = (int)draw(CALLS);

		step(hurry);
		if (draw(100) == 0)
			calls[n].is_begun = true;
		for (int k = 0; k < CALLS; k++)
			call_step(k);
		if (draw(400) == 0)
			fault();
	}
	settle();
	check_group();
	for (int i = 0; i < 40000; i++) {
		for (int k = 0; k < CALLS; k++)
			call_step(k);
		step(64);
	}
	check_group();
	for (int i = 0; i < NODES; i++)
		if (sim.verbose)
			printf("node %d: %u calls, %u doors, %u open\n", i + 1,
			       tables_count(sim.members[i].tables, ROW_call),
			       tables_count(sim.members[i].tables, ROW_door),
			       map_count(sim.members[i].open));
	/* Every timer has its time. */
	for (int i = 0; i < 30; i++) {
		sim.now_ns += 900 * SECOND;
		for (int k = 0; k < 4000; k++)
			step(64);
	}
	check_nothing_is_left();
	if (given_up && !was_parted && !was_lost)
		complain("a call could not go on");
	group_end();
}

/* All members up and full, and the given calls begun. */
static void begin_whole(uint64_t seed)
{
	begin(seed);
	for (int i = 0; i < 5000; i++)
		step(8);
	check_group();
	for (int n = 0; n < CALLS; n++)
		calls[n].is_begun = true;
}

/* The third is killed again and again while it is being filled; the first two judge. */
static void flap(uint64_t seed)
{
	struct member *third = &sim.members[NODES - 1];
	uint64_t dies_ns = 0;
	int tries = 0;

	begin_whole(seed);
	for (int i = 0; i < STEPS && !told.failed; i++) {
		if (third->is_up && sim.now_ns >= dies_ns) {
			engine_leave(&sim.engine, third->index, draw(2));
			member_down(third, draw(2));
			third->starts_ns = sim.now_ns + draw(50) * MS;
			dies_ns = third->starts_ns + (20 + draw(200)) * MS;
		}
		step(8);
		for (int n = 0; n < CALLS; n++) {
			call_step_at(n, &sim.members[draw(NODES - 1)]);
			tries = calls[n].tries > tries ? calls[n].tries : tries;
		}
	}
	/* REPEAT_NS after the first time: before T1, so that no phone would have asked again. */
	if (tries > 1)
		complain("a message waited for a member that comes and goes");
	if (done < CALLS)
		complain("a call stood still");
	group_end();
}

/* The first alone, the others together, each with calls of its own; together again, anybody is asked. */
static void part(uint64_t seed)
{
	begin_whole(seed);
	engine_part(&sim.engine, 0, false);
	for (int i = 0; i < 3000 && !told.failed; i++) {
		step(8);
		for (int n = 0; n < CALLS; n++)
			if (calls[n].line < 5)
				call_step_at(n, &sim.members[n % NODES]);
	}
	for (int n = 0; n < CALLS; n++)
		if (calls[n].line < 5)
			complain("a side that was cut off set no calls up");
	settle();
	check_group();
	for (int i = 0; i < 3000 && !told.failed; i++) {
		step(8);
		for (int n = 0; n < CALLS; n++)
			call_step(n);
	}
	if (done < CALLS)
		complain("a call that began on one side did not go on after the healing");
	check_group();
	group_end();
}

static uint64_t failures_of(void (*run)(uint64_t seed), uint64_t seeds)
{
	uint64_t failed = 0;

	for (uint64_t seed = 1; seed <= seeds; seed++) {
		run(seed);
		failed += told.failed;
	}
	return failed;
}

static void a_member_that_comes_and_goes_keeps_nobody_waiting(void **state)
{
	(void)state;
	assert_int_equal(failures_of(flap, 50), 0);
}

static void calls_that_began_on_either_side_of_a_partition_go_on_after_it(void **state)
{
	(void)state;
	assert_int_equal(failures_of(part, 50), 0);
}

/* Who is behind an outside endpoint, all members agree on. */
static void check_mappings(void)
{
	const struct mappings *first = apply_mappings(sim.members[0].apply);
	struct nat_mapping m;
	uint32_t cursor = 0;

	while (mappings_next(first, &cursor, &m))
		for (int i = 1; i < NODES; i++) {
			const struct nat_view other =
				mappings_view(apply_mappings(sim.members[i].apply));
			struct endpoint inside;

			if (!other.inside(other.state, &m.outside, &inside) ||
			    memcmp(&inside, &m.inside, sizeof(inside)))
				complain("members have others behind one outside port");
		}
	for (int i = 1; i < NODES; i++)
		if (mappings_count(apply_mappings(sim.members[i].apply)) != mappings_count(first))
			complain("members have another number of mappings");
}

static void translated_calls_are_mapped_alike_on_all_members(void **state)
{
	struct policy_errors errors;
	struct settings settings;
	struct policy *plain = sim.policy;
	uint64_t failed;

	(void)state;
	assert_int_equal(policy_load_text(nat_config, sizeof(nat_config) - 1, &sim.policy,
					  &settings, &errors), 0);
	also_check = check_mappings;
	failed = failures_of(simulate, 200) + failures_of(part, 50);
	also_check = NULL;
	policy_free(sim.policy);
	sim.policy = plain;
	assert_int_equal(failed, 0);
}

static void members_hold_the_same_rows_whatever_happens_to_them(void **state)
{
	const char *wish = getenv("SEEDS");

	(void)state;
	assert_int_equal(failures_of(simulate, wish ? strtoull(wish, NULL, 10) : 1000), 0);
}

int main(int count, char **arguments)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_hold_the_same_rows_whatever_happens_to_them),
		cmocka_unit_test(a_member_that_comes_and_goes_keeps_nobody_waiting),
		cmocka_unit_test(translated_calls_are_mapped_alike_on_all_members),
		cmocka_unit_test(calls_that_began_on_either_side_of_a_partition_go_on_after_it),
	};
	struct policy_errors errors;
	struct settings settings;

	const char *text = count > 2 ? nat_config : config;

	if (policy_load_text(text, strlen(text), &sim.policy, &settings, &errors))
		return 2;
	if (count < 2)
		return cmocka_run_group_tests(tests, NULL, NULL);
	sim.verbose = true;
	simulate(strtoull(arguments[1], NULL, 10));
	printf("%d calls done, %d given up\n", done, given_up);
	return told.failed;
}
