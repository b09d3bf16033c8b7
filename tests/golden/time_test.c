// SPDX-License-Identifier: MIT
/* What time and restarts do to calls: idle and absolute ends, early calls, a daemon killed in the
 * middle that reads its rows back. */
#include "golden/world.h"

static void one_stream(void)
{
	assert_true(open_to(PBX, 17000, PHONE, 16000) & PERMIT_RTP);
	assert_true(open_to(PHONE, 16000, PBX, 17000) & PERMIT_RTP);
}

/* 600 s without media and signalling, where the policy says nothing else. */
static void call_without_media_ends_when_it_was_idle_long_enough(void **state)
{
	(void)state;
	set_up_call();
	run_timers(599);
	one_stream();
	run_timers(2);
	assert_int_equal(w.open_count, 0);
	assert_int_equal(call_state(), CALL_COMPLETED);
	assert_int_equal(w.told[TELL_CALL_ENDED], 1);
}

static void media_keeps_a_call_from_being_idle(void **state)
{
	(void)state;
	set_up_call();
	for (int minutes = 0; minutes < 60; minutes += 5) {
		w.media_ns = w.now_ns;
		run_timers(300);
		one_stream();
	}
	run_timers(601);
	assert_int_equal(w.open_count, 0);
}

/* RFC 4028 10, RFC 3261 14: a session refresh is a sign of life. */
static void signalling_in_the_dialog_keeps_a_call_from_being_idle(void **state)
{
	(void)state;
	set_up_call();
	for (int i = 2; i < 6; i++) {
		run_timers(500);
		reinvite(i, sdp_of(PHONE, 16000, ""), "SIP/2.0 200 OK", sdp_of(PBX, 17000, ""));
		one_stream();
	}
	run_timers(601);
	assert_int_equal(w.open_count, 0);
}

/* 4 h, where the policy says nothing else. */
static void longest_call_ends_though_it_carries_media(void **state)
{
	(void)state;
	set_up_call();
	for (int minutes = 0; minutes < 239; minutes++) {
		w.media_ns = w.now_ns;
		run_timers(60);
	}
	one_stream();
	w.media_ns = w.now_ns;
	run_timers(61);
	assert_int_equal(w.open_count, 0);
}

/* The kernel's own clock is a backstop: each permit ends with the longest call. */
static void no_door_outlives_the_longest_call_in_the_kernel(void **state)
{
	(void)state;
	invite();
	for (uint32_t i = 0; i < w.open_count; i++)
		assert_int_equal(w.permits[i].expires_ns, w.now_ns + 180 * SECOND);
	answer("SIP/2.0 200 OK", "b1", sdp_of(PBX, 17000, ""));
	for (uint32_t i = 0; i < w.open_count; i++)
		assert_int_equal(w.permits[i].expires_ns, w.now_ns + 4 * HOUR * SECOND);
}

/* 180 s, where the policy says nothing else: timer C of RFC 3261 16.6 is of that order. */
static void ringing_call_ends_by_its_timer(void **state)
{
	(void)state;
	invite();
	answer("SIP/2.0 183 Session Progress", "b1", sdp_of(PBX, 17000, ""));
	run_timers(179);
	one_stream();
	run_timers(2);
	assert_int_equal(w.open_count, 0);
	assert_int_equal(call_state(), CALL_COMPLETED);
}

/* RFC 3261 13.3.1.1: who needs longer than three minutes says so again each minute, as those do who
 * keep a caller waiting with music. */
static void ringing_call_lives_on_while_provisional_answers_come(void **state)
{
	(void)state;
	pass(PHONE, 40000, PBX, message("INVITE sip:b@" PBX " SIP/2.0", "i1", "1 INVITE", NULL,
					sdp_of(PHONE, 16000, "")));
	for (int minutes = 0; minutes < 10; minutes++) {
		answer("SIP/2.0 183 Session Progress", "b1", sdp_of(PBX, 17000, ""));
		assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
		one_stream();
		/* The answer must find its way to a port that is none of the service's. */
		assert_true(permit_to(PBX, 5060, PHONE, 40000)->expires_ns > w.now_ns + 60 * SECOND);
		run_timers(60);
	}
	answer("SIP/2.0 200 OK", "b1", sdp_of(PBX, 17000, ""));
	assert_int_equal(call_state(), CALL_CONFIRMED);
	one_stream();
	/* What any host may send to is bound by the first three minutes all the same. */
	assert_int_equal(open_to(NULL, 0, PHONE, 16000), 0);
}

static void provisional_answers_keep_no_call_longer_than_the_longest(void **state)
{
	(void)state;
	invite();
	for (int minutes = 0; minutes < 4 * 60; minutes++) {
		answer("SIP/2.0 183 Session Progress", "b1", sdp_of(PBX, 17000, ""));
		one_stream();
		run_timers(60);
	}
	for (int minutes = 0; minutes < 4; minutes++) {
		answer("SIP/2.0 183 Session Progress", "b1", sdp_of(PBX, 17000, ""));
		run_timers(60);
	}
	assert_int_equal(w.open_count, 0);
	assert_int_equal(w.told[TELL_CALL_ENDED], 1);
}

/* RFC 3261 17.1.1.2: 64 T1 = 32 s, in which ACK and repeats may come. */
static void record_of_an_ended_call_lingers_for_64_t1(void **state)
{
	(void)state;
	set_up_call();
	hang_up();
	run_timers(31);
	assert_int_equal(tables_count(w.tables, ROW_call), 1);
	pass(PBX, 5060, PHONE, message("SIP/2.0 200 OK", "y1", "9 BYE", "b1", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	run_timers(2);
	assert_int_equal(tables_count(w.tables, ROW_call), 0);
}

static struct flow_key held[OPEN_MOST];
static struct permit held_permits[OPEN_MOST];
static struct translation held_translations[OPEN_MOST];
static uint32_t held_count, held_next;

static bool walk_held(void *self, struct flow_key *ret_key, struct permit *ret_permit,
		      struct translation *ret_translation)
{
	(void)self;
	if (held_next == held_count)
		return false;
	*ret_key = held[held_next];
	*ret_translation = held_translations[held_next];
	*ret_permit = held_permits[held_next++];
	return true;
}

/* The daemon is killed and another one comes: rows as they were pinned, all else anew. Returns how
 * many entries of the kernel's had to be mended. */
static uint32_t restart(void)
{
	struct tables *old = w.tables;
	struct kernel_walk walk = { walk_held, NULL };
	struct row_view row;
	uint32_t mended, cursor;

	apply_free(w.apply);
	alarms_free(w.alarms);
	journey_close(&w.journey);
	assert_int_equal(state_new(), 0);
	for (int type = 1; type < ROW_COUNT; type++)
		for (cursor = 0; tables_next(old, (enum row_type)type, &cursor, &row);)
			assert_true(tables_set(w.tables, row.type, row.key, row.value) >= 0);
	tables_free(old);
	memcpy(held, w.open, sizeof(held));
	memcpy(held_permits, w.permits, sizeof(held_permits));
	memcpy(held_translations, w.translations, sizeof(held_translations));
	held_count = w.open_count;
	held_next = 0;
	mended = apply_reconcile(w.apply, &walk);
	alarms_restore(w.alarms);
	assert_int_equal(journey_init(&w.journey), 0);
	return mended;
}

static void restart_in_a_call_mends_nothing_and_the_call_goes_on(void **state)
{
	(void)state;
	set_up_call();
	assert_int_equal(restart(), 0);
	assert_int_equal(w.open_count, 8);
	reinvite(2, sdp_of(PHONE, 16100, ""), "SIP/2.0 200 OK", sdp_of(PBX, 17000, ""));
	assert_true(open_to(PBX, 17000, PHONE, 16100) & PERMIT_RTP);
	hang_up();
	assert_int_equal(w.open_count, 0);
}

static void restart_between_offer_and_answer_takes_the_answer(void **state)
{
	(void)state;
	invite();
	assert_int_equal(restart(), 0);
	answer("SIP/2.0 200 OK", "b1", sdp_of(PBX, 17000, ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	ack("b1", "");
	one_stream();
	assert_int_equal(w.open_count, 8);
}

static void restart_after_a_reboot_of_the_tables_opens_all_of_it_again(void **state)
{
	(void)state;
	set_up_call();
	w.open_count = 0;
	w.counts[COUNTER_doors_closed] += 8;
	assert_int_equal(restart(), 8);
	one_stream();
	assert_int_equal(w.open_count, 8);
}

/* The kernel may have lost one entry and hold another that no row asks for. */
static void restart_mends_what_differs_and_nothing_else(void **state)
{
	(void)state;
	set_up_call();
	w.open[3].destination_port = htons(40000);
	w.permits[5].payload_types[0] = ~0ull;
	assert_int_equal(restart(), 3);
	assert_int_equal(w.open_count, 8);
	for (uint32_t i = 0; i < w.open_count; i++) {
		assert_int_not_equal(w.open[i].destination_port, htons(40000));
		assert_true(w.permits[i].payload_types[0] != ~0ull);
	}
	w.counts[COUNTER_doors_opened] = w.counts[COUNTER_doors_closed] + 8;
}

/* Timers are rows too: what would have been due while nobody was there is due at once. */
static void restart_knows_the_timers_of_its_calls(void **state)
{
	(void)state;
	set_up_call();
	w.now_ns += 5 * HOUR * SECOND;
	restart();
	run_timers(1);
	assert_int_equal(w.open_count, 0);
	run_timers(60);
	assert_int_equal(tables_count(w.tables, ROW_call), 0);
}

static void restart_keeps_the_learned_port_of_a_stream(void **state)
{
	struct flow_key learned = { 0 };
	static uint8_t memory[LIMIT_ARENA_BYTES];
	struct arena arena = { memory, sizeof(memory), 0 };
	struct lock_row lock = { .seen_ns = 1 };
	struct row_key key;
	struct batch b;

	(void)state;
	set_up_call();
	for (uint32_t i = 0; i < w.open_count; i++)
		if (w.permits[i].flags & PERMIT_LOCK && w.permits[i].flags & PERMIT_RTP)
			learned = w.open[i];
	assert_true(apply_claimant(w.apply, &learned, &key));
	learned.source_port = htons(31000);
	lock.key = learned;
	batch_init(&b, &arena);
	batch_put(&b, ROW_lock, &key, &lock);
	apply_submit(w.apply, &b, NULL, NULL);
	assert_int_equal(w.open_count, 9);
	assert_int_equal(restart(), 0);
	assert_int_equal(w.open_count, 9);
	w.open_count = 0;
	w.counts[COUNTER_doors_closed] += 9;
	assert_int_equal(restart(), 9);
	hang_up();
	assert_int_equal(w.open_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(call_without_media_ends_when_it_was_idle_long_enough),
		TEST(media_keeps_a_call_from_being_idle),
		TEST(signalling_in_the_dialog_keeps_a_call_from_being_idle),
		TEST(longest_call_ends_though_it_carries_media),
		TEST(no_door_outlives_the_longest_call_in_the_kernel),
		TEST(ringing_call_ends_by_its_timer),
		TEST(ringing_call_lives_on_while_provisional_answers_come),
		TEST(provisional_answers_keep_no_call_longer_than_the_longest),
		TEST(record_of_an_ended_call_lingers_for_64_t1),
		TEST(restart_in_a_call_mends_nothing_and_the_call_goes_on),
		TEST(restart_between_offer_and_answer_takes_the_answer),
		TEST(restart_after_a_reboot_of_the_tables_opens_all_of_it_again),
		TEST(restart_mends_what_differs_and_nothing_else),
		TEST(restart_knows_the_timers_of_its_calls),
		TEST(restart_keeps_the_learned_port_of_a_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
