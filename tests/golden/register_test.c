// SPDX-License-Identifier: MIT
/* Registrations and the doors to the phones' ports: RFC 3261 10. The contact's port is none of the
 * service's, so that a door is needed to reach it. */
#include "golden/world.h"

#define AOR "<sip:a@pbx.example>"
#define HERE "<sip:a@" PHONE ":5071>"

/* A REGISTER, or an answer to it, with these header lines. */
static const char *registration(const char *start, int number, const char *more)
{
	static char branch[16], cseq[32];

	snprintf(branch, sizeof(branch), "g%d", number);
	snprintf(cseq, sizeof(cseq), "%d REGISTER", number);
	return say(&(struct say){ .start = start, .branch = branch, .cseq = cseq,
				  .from = AOR ";tag=a1",
				  .to = start[0] == 'S' ? AOR ";tag=r1" : AOR, .more = more });
}

static void ask(int number, const char *more)
{
	pass(PHONE, 5060, PBX, registration("REGISTER sip:pbx.example SIP/2.0", number, more));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void grant(const char *status, int number, const char *more)
{
	pass(PBX, 5060, PHONE, registration(status, number, more));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void enrol(int number, const char *more)
{
	ask(number, "Contact: " HERE CRLF);
	grant("SIP/2.0 200 OK", number, more);
}

static bool can_be_called(uint16_t port)
{
	return open_to(NULL, 0, PHONE, port) & PERMIT_SIGNALLING;
}

/* RFC 3261 10.2.1.1: what the registrar grants counts, not what was asked for. */
static void binding_lasts_as_long_as_the_registrar_says(void **state)
{
	(void)state;
	ask(1, "Contact: " HERE ";expires=3600" CRLF);
	grant("SIP/2.0 200 OK", 1, "Contact: " HERE ";expires=60" CRLF);
	assert_int_equal(tables_count(w.tables, ROW_binding), 1);
	assert_int_equal(w.told[TELL_REGISTERED], 1);
	run_timers(59);
	assert_true(can_be_called(5071));
	assert_int_equal(permit_to(NULL, 0, PHONE, 5071)->speaks, 1);
	run_timers(2);
	assert_false(can_be_called(5071));
	assert_int_equal(tables_count(w.tables, ROW_binding), 0);
}

/* RFC 3261 10.2.1.1, 10.3 step 7: a parameter of the Contact, else Expires, else 3600. */
static void expires_header_and_default_count_where_the_contact_is_silent(void **state)
{
	(void)state;
	enrol(1, "Contact: " HERE CRLF "Expires: 120" CRLF);
	run_timers(119);
	assert_true(can_be_called(5071));
	run_timers(2);
	assert_false(can_be_called(5071));
	enrol(2, "Contact: " HERE CRLF);
	run_timers(3599);
	assert_true(can_be_called(5071));
	run_timers(2);
	assert_false(can_be_called(5071));
}

static void binding_lives_no_longer_than_the_policy_allows(void **state)
{
	(void)state;
	enrol(1, "Contact: " HERE ";expires=4000000000" CRLF);
	run_timers(7199);
	assert_true(can_be_called(5071));
	run_timers(2);
	assert_false(can_be_called(5071));
}

static void refreshed_binding_lasts_from_the_refresh_on(void **state)
{
	(void)state;
	enrol(1, "Contact: " HERE ";expires=100" CRLF);
	run_timers(90);
	enrol(2, "Contact: " HERE ";expires=100" CRLF);
	run_timers(90);
	assert_true(can_be_called(5071));
	assert_int_equal(tables_count(w.tables, ROW_binding), 1);
	run_timers(11);
	assert_false(can_be_called(5071));
}

/* RFC 3261 10.2.2: expires=0 takes one contact away, and the 2xx lists it no more. */
static void removed_contact_closes_its_door(void **state)
{
	(void)state;
	enrol(1, "Contact: " HERE ";expires=3600" CRLF);
	ask(2, "Contact: " HERE ";expires=0" CRLF);
	grant("SIP/2.0 200 OK", 2, "");
	assert_false(can_be_called(5071));
	assert_int_equal(tables_count(w.tables, ROW_binding), 0);
	assert_int_equal(w.told[TELL_UNREGISTERED], 1);
}

/* RFC 3261 10.2.2: the star takes all of them. */
static void star_takes_every_contact_away(void **state)
{
	(void)state;
	enrol(1, "Contact: " HERE ";expires=3600, <sip:a@" PHONE ":5072>;expires=3600" CRLF);
	assert_int_equal(tables_count(w.tables, ROW_binding), 2);
	ask(2, "Contact: *" CRLF "Expires: 0" CRLF);
	grant("SIP/2.0 200 OK", 2, "");
	assert_false(can_be_called(5071));
	assert_int_equal(tables_count(w.tables, ROW_binding), 0);
}

/* RFC 3261 10.3 step 8: the 2xx lists all that is bound, in whatever order. */
static void listed_contacts_stay_and_the_others_go(void **state)
{
	(void)state;
	enrol(1, "Contact: " HERE ";expires=3600, <sip:a@" PHONE ":5072>;expires=3600" CRLF);
	enrol(2, "Contact: <sip:a@" PHONE ":5073>;expires=3600, " HERE ";expires=3600" CRLF);
	assert_int_equal(tables_count(w.tables, ROW_binding), 2);
	assert_true(can_be_called(5071));
	assert_false(can_be_called(5072));
}

/* RFC 3261 22.3: challenged first, then taken. The door of a refused try goes with its transaction. */
static void challenged_registration_keeps_its_door_until_it_is_taken(void **state)
{
	(void)state;
	ask(1, "Contact: " HERE ";expires=600" CRLF);
	grant("SIP/2.0 401 Unauthorized", 1, "");
	assert_int_equal(tables_count(w.tables, ROW_binding), 0);
	run_timers(20);
	enrol(2, "Contact: " HERE ";expires=600" CRLF);
	run_timers(60);
	assert_true(can_be_called(5071));
}

/* Else whoever is never registered fills the tables with doors. */
static void refused_registration_leaves_no_door(void **state)
{
	(void)state;
	ask(1, "Contact: " HERE ";expires=600" CRLF);
	grant("SIP/2.0 403 Forbidden", 1, "");
	run_timers(60);
	assert_false(can_be_called(5071));
	assert_int_equal(tables_count(w.tables, ROW_door), 0);
	ask(2, "Contact: " HERE ";expires=600" CRLF);
	run_timers(60);
	assert_int_equal(tables_count(w.tables, ROW_door), 0);
}

/* A refresh that is lost or refused takes nothing from what the registrar granted before. */
static void refused_refresh_leaves_the_binding_as_it_was(void **state)
{
	(void)state;
	enrol(1, "Contact: " HERE ";expires=600" CRLF);
	run_timers(100);
	ask(2, "Contact: " HERE ";expires=600" CRLF);
	grant("SIP/2.0 503 Service Unavailable", 2, "");
	run_timers(100);
	assert_true(can_be_called(5071));
	assert_true(permit_to(NULL, 0, PHONE, 5071)->expires_ns >= w.now_ns + 399 * SECOND);
	run_timers(399);
	assert_true(can_be_called(5071));
	run_timers(2);
	assert_false(can_be_called(5071));
}

/* Nobody else is made reachable by it: neither hosts behind the phone nor those beside it. */
static void contact_at_another_host_opens_no_door(void **state)
{
	(void)state;
	ask(1, "Contact: <sip:a@" OTHER_PHONE ":5071>;expires=600" CRLF);
	grant("SIP/2.0 200 OK", 1, "Contact: <sip:a@" OTHER_PHONE ":5071>;expires=600" CRLF);
	assert_int_equal(open_to(NULL, 0, OTHER_PHONE, 5071), 0);
}

static void call_to_the_registered_port_passes_by_its_door(void **state)
{
	(void)state;
	enrol(1, "Contact: " HERE ";expires=600" CRLF);
	assert_true(can_be_called(5071));
	pass(PBX, 5060, PHONE, say(&(struct say){
		.start = "INVITE sip:a@" PHONE ":5071 SIP/2.0", .via = PBX, .branch = "i7",
		.from = CALLEE ";tag=b1", .to = CALLER, .cseq = "1 INVITE",
		.sdp = sdp_of(PBX, 17000, "") }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_true(open_to(NULL, 0, PBX, 17000) & PERMIT_EARLY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(binding_lasts_as_long_as_the_registrar_says),
		TEST(expires_header_and_default_count_where_the_contact_is_silent),
		TEST(binding_lives_no_longer_than_the_policy_allows),
		TEST(refreshed_binding_lasts_from_the_refresh_on),
		TEST(removed_contact_closes_its_door),
		TEST(star_takes_every_contact_away),
		TEST(listed_contacts_stay_and_the_others_go),
		TEST(challenged_registration_keeps_its_door_until_it_is_taken),
		TEST(refused_registration_leaves_no_door),
		TEST(refused_refresh_leaves_the_binding_as_it_was),
		TEST(contact_at_another_host_opens_no_door),
		TEST(call_to_the_registered_port_passes_by_its_door),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
