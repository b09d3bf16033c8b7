// SPDX-License-Identifier: MIT
/* Registrations and the doors to the phones' ports: RFC 3261 10. The contact's port is none of the
 * service's, so that a door is needed to reach it. */
#include "golden/world.h"

#define AOR "<sip:a@pbx.example>"
#define HERE "<sip:a@" PHONE ":5071>"

static const struct binding_row *bound_at(uint16_t port)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(w.tables, ROW_binding, &cursor, &row)) {
		const struct binding_row *b = row.value;

		if (b->flags & BINDING_BOUND && (!port || b->contact.port == htons(port)))
			return b;
	}
	return NULL;
}

static uint32_t bound_count(void)
{
	struct row_view row;
	uint32_t cursor = 0, count = 0;

	while (tables_next(w.tables, ROW_binding, &cursor, &row))
		count += ((const struct binding_row *)row.value)->flags & BINDING_BOUND;
	return count;
}

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
	const struct permit *permit = permit_to(NULL, 0, PHONE, port);

	return permit && permit->flags & PERMIT_SIGNALLING && permit->expires_ns > w.now_ns;
}

/* RFC 3261 10.2.1.1: what the registrar grants counts, not what was asked for. */
static void binding_lasts_as_long_as_the_registrar_says(void **state)
{
	(void)state;
	ask(1, "Contact: " HERE ";expires=3600" CRLF);
	grant("SIP/2.0 200 OK", 1, "Contact: " HERE ";expires=60" CRLF);
	assert_int_equal(bound_count(), 1);
	assert_int_equal(w.told[TELL_REGISTERED], 1);
	run_timers(59);
	assert_true(can_be_called(5071));
	assert_int_equal(permit_to(NULL, 0, PHONE, 5071)->speaks, 1);
	run_timers(2);
	assert_false(can_be_called(5071));
	assert_int_equal(bound_count(), 0);
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
	assert_int_equal(bound_count(), 1);
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
	assert_int_equal(bound_count(), 0);
	assert_int_equal(w.told[TELL_UNREGISTERED], 1);
}

/* RFC 3261 10.2.2: the star takes all of them. */
static void star_takes_every_contact_away(void **state)
{
	(void)state;
	enrol(1, "Contact: " HERE ";expires=3600, <sip:a@" PHONE ":5072>;expires=3600" CRLF);
	assert_int_equal(bound_count(), 2);
	ask(2, "Contact: *" CRLF "Expires: 0" CRLF);
	grant("SIP/2.0 200 OK", 2, "");
	assert_false(can_be_called(5071));
	assert_int_equal(bound_count(), 0);
}

/* RFC 3261 10.3 step 8: the 2xx lists all that is bound, in whatever order. */
static void listed_contacts_stay_and_the_others_go(void **state)
{
	(void)state;
	enrol(1, "Contact: " HERE ";expires=3600, <sip:a@" PHONE ":5072>;expires=3600" CRLF);
	enrol(2, "Contact: <sip:a@" PHONE ":5073>;expires=3600, " HERE ";expires=3600" CRLF);
	assert_int_equal(bound_count(), 2);
	assert_true(can_be_called(5071));
	assert_false(can_be_called(5072));
}

/* RFC 3261 22.3: challenged first, then taken. The door of a refused try goes with its transaction. */
static void challenged_registration_keeps_its_door_until_it_is_taken(void **state)
{
	(void)state;
	ask(1, "Contact: " HERE ";expires=600" CRLF);
	grant("SIP/2.0 401 Unauthorized", 1, "");
	assert_int_equal(bound_count(), 0);
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

static void granted(int number, const char *contact)
{
	char line[1024];

	snprintf(line, sizeof(line), "Contact: %s" CRLF, contact);
	ask(number, line);
	grant("SIP/2.0 200 OK", number, line);
}

/* RFC 3261 10.3: of another's contact the registrar tells, and that phone opened no door here. */
static void contact_that_only_the_registrar_names_is_bound_without_a_door(void **state)
{
	(void)state;
	ask(1, "Contact: " HERE CRLF);
	grant("SIP/2.0 200 OK", 1, "Contact: " HERE ";expires=60, <sip:a@" OTHER_PHONE
	      ":5074>;expires=60" CRLF);
	assert_int_equal(bound_count(), 2);
	assert_int_equal(bound_at(5074)->source.port, 0);
	assert_int_equal(open_to(NULL, 0, OTHER_PHONE, 5074), 0);
}

/* Anybody may answer a REGISTER that is sent to him. */
static void host_that_is_no_server_binds_only_who_asked(void **state)
{
	(void)state;
	pass(PHONE, 5060, "10.77.2.99", registration("REGISTER sip:pbx.example SIP/2.0", 1,
						     "Contact: " HERE CRLF));
	pass("10.77.2.99", 5060, PHONE, registration("SIP/2.0 200 OK", 1, "Contact: " HERE
		", <sip:a@" OTHER_PHONE ":5074>;expires=60" CRLF));
	assert_int_equal(bound_count(), 1);
	assert_null(bound_at(5074));
}

/* Two registrars have lists of their own: what one does not list the other may hold. */
static void second_registrar_takes_nothing_from_the_first(void **state)
{
	(void)state;
	granted(1, HERE ";expires=600");
	pass(PHONE, 5060, "10.77.2.99", registration("REGISTER sip:pbx.example SIP/2.0", 2,
						     "Contact: <sip:a@" PHONE ":5072>" CRLF));
	pass("10.77.2.99", 5060, PHONE, registration("SIP/2.0 200 OK", 2, "Contact: <sip:a@" PHONE
						     ":5072>;expires=600" CRLF));
	assert_int_equal(bound_count(), 2);
	assert_true(can_be_called(5071));
	assert_true(can_be_called(5072));
}

/* RFC 3261 10.2: a REGISTER without Contact asks what is bound, and changes nothing. */
static void query_for_bindings_changes_none(void **state)
{
	(void)state;
	granted(1, HERE ";expires=600");
	ask(2, "");
	grant("SIP/2.0 200 OK", 2, "Contact: " HERE ";expires=590" CRLF);
	assert_int_equal(bound_count(), 1);
	assert_int_equal(w.told[TELL_REGISTERED], 1);
	assert_true(can_be_called(5071));
}

/* RFC 3261 19.1.4: host names without case; escapes are what they stand for. */
static void contact_written_in_another_way_is_the_same_binding(void **state)
{
	(void)state;
	ask(1, "Contact: <sip:a@Phone.Example:5071>;expires=600" CRLF);
	grant("SIP/2.0 200 OK", 1, "Contact: <sip:%61@phone.EXAMPLE:5071>;expires=600" CRLF);
	assert_int_equal(bound_count(), 1);
	ask(2, "Contact: <sip:a@phone.example:5071>;expires=600" CRLF);
	grant("SIP/2.0 200 OK", 2, "Contact: <sip:a@phone.example:5071>;expires=600" CRLF);
	assert_int_equal(tables_count(w.tables, ROW_binding), 1);
}

/* RFC 3261 10.3 step 7: of one Call-ID the request with the higher CSeq counts. */
static void answer_to_an_older_request_changes_nothing(void **state)
{
	(void)state;
	ask(1, "Contact: " HERE ";expires=600" CRLF);
	ask(2, "Contact: " HERE ";expires=600" CRLF);
	grant("SIP/2.0 200 OK", 2, "Contact: " HERE ";expires=600" CRLF);
	grant("SIP/2.0 200 OK", 1, "Contact: " HERE ";expires=30" CRLF);
	run_timers(60);
	assert_true(can_be_called(5071));
	assert_int_equal(bound_count(), 1);
}

/* RFC 3261 10.2: From tells who registers, To whom. */
static void third_party_registration_is_told_as_such(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, say(&(struct say){ .start = "REGISTER sip:pbx.example SIP/2.0",
		.branch = "t1", .cseq = "1 REGISTER", .from = "<sip:boss@pbx.example>;tag=a1",
		.to = AOR, .more = "Contact: " HERE CRLF }));
	pass(PBX, 5060, PHONE, say(&(struct say){ .start = "SIP/2.0 200 OK", .branch = "t1",
		.cseq = "1 REGISTER", .from = "<sip:boss@pbx.example>;tag=a1",
		.to = AOR ";tag=r", .more = "Contact: " HERE ";expires=60" CRLF }));
	assert_true(bound_at(5071)->flags & BINDING_THIRD_PARTY);
	assert_memory_equal(bound_at(5071)->text, "sip:a@pbx.example", 17);
	granted(2, HERE ";expires=60");
	assert_false(bound_at(5071)->flags & BINDING_THIRD_PARTY);
}

/* The phone sends from where its Contact is not: a registrar that knows of NAT calls it there. */
static void source_of_the_registration_is_reached_by_the_registrar_alone(void **state)
{
	(void)state;
	pass(PHONE, 35060, PBX, registration("REGISTER sip:pbx.example SIP/2.0", 1,
					     "Contact: " HERE CRLF));
	pass(PBX, 5060, PHONE, registration("SIP/2.0 200 OK", 1, "Contact: " HERE ";expires=60"
					    CRLF));
	run_timers(45);
	assert_true(open_to(PBX, 5060, PHONE, 35060) & PERMIT_SIGNALLING);
	assert_int_equal(open_to(NULL, 0, PHONE, 35060), 0);
	run_timers(20);
	assert_int_equal(open_to(PBX, 5060, PHONE, 35060), 0);
}

#define INSTANCE ";+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\""

/* RFC 5626 6: instance and reg-id say which binding it is; a new port takes the place of the old. */
static void flow_that_moved_replaces_its_binding(void **state)
{
	(void)state;
	granted(1, HERE INSTANCE ";reg-id=1;expires=600");
	assert_int_equal(bound_at(5071)->reg_id, 1);
	assert_true(bound_at(5071)->flags & BINDING_FLOW);
	assert_memory_equal(bound_at(5071)->instance,
			    "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", 45);
	granted(2, "<sip:a@" PHONE ":5079>" INSTANCE ";reg-id=1;expires=600");
	assert_int_equal(bound_count(), 1);
	assert_int_equal(w.told[TELL_REGISTERED], 1);
	assert_int_equal(w.told[TELL_UNREGISTERED], 0);
	assert_non_null(bound_at(5079));
	assert_true(can_be_called(5079));
	assert_false(can_be_called(5071));
}

static void second_flow_of_an_instance_is_a_binding_of_its_own(void **state)
{
	(void)state;
	granted(1, HERE INSTANCE ";reg-id=1;expires=600");
	ask(2, "Contact: <sip:a@" PHONE ":5079>" INSTANCE ";reg-id=2;expires=600" CRLF);
	grant("SIP/2.0 200 OK", 2, "Contact: " HERE INSTANCE ";reg-id=1;expires=500, <sip:a@" PHONE
	      ":5079>" INSTANCE ";reg-id=2;expires=600" CRLF);
	assert_int_equal(bound_count(), 2);
	assert_true(can_be_called(5071));
	assert_true(can_be_called(5079));
}

/* A registrar of RFC 3261 alone repeats no instance. */
static void instance_is_kept_where_the_registrar_does_not_repeat_it(void **state)
{
	(void)state;
	ask(1, "Contact: " HERE INSTANCE ";reg-id=1" CRLF);
	grant("SIP/2.0 200 OK", 1, "Contact: " HERE ";expires=600" CRLF);
	assert_int_equal(bound_count(), 1);
	assert_int_equal(bound_at(5071)->instance_bytes, 45);
	assert_true(can_be_called(5071));
}

/* RFC 5627 4.2: a temporary GRUU is known by itself alone. */
static void temporary_gruu_leads_to_its_binding_until_it_goes(void **state)
{
	(void)state;
	ask(1, "Contact: " HERE INSTANCE CRLF);
	grant("SIP/2.0 200 OK", 1, "Contact: " HERE INSTANCE ";expires=60;pub-gruu=\"sip:a@"
	      "pbx.example;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6\";temp-gruu=\"sip:tgruu."
	      "7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@pbx.example;gr\"" CRLF);
	/* By contact, by GRUU, by host. */
	assert_int_equal(tables_count(w.tables, ROW_contact), 3);
	run_timers(61);
	assert_int_equal(tables_count(w.tables, ROW_contact), 0);
}

/* Else the first one's GRUU would lead to it for ever. */
static void contact_that_stands_twice_in_the_list_is_read_once(void **state)
{
	(void)state;
	ask(1, "Contact: " HERE CRLF);
	grant("SIP/2.0 200 OK", 1, "Contact: " HERE ";expires=60;temp-gruu=\"sip:t1@x;gr\", " HERE
	      ";expires=90;temp-gruu=\"sip:t2@x;gr\"" CRLF);
	assert_int_equal(bound_count(), 1);
	assert_int_equal(tables_count(w.tables, ROW_contact), 3);
}

/* A phone that moved is counted where it is now. */
static void user_who_registers_from_another_host_is_counted_there(void **state)
{
	(void)state;
	granted(1, "<sip:a@phone.example>;expires=600");
	pass(OTHER_PHONE, 5060, PBX, registration("REGISTER sip:pbx.example SIP/2.0", 2,
						  "Contact: <sip:a@phone.example>" CRLF));
	pass(PBX, 5060, OTHER_PHONE, registration("SIP/2.0 200 OK", 2,
						  "Contact: <sip:a@phone.example>;expires=600" CRLF));
	assert_int_equal(bound_count(), 1);
	assert_int_equal(tables_count(w.tables, ROW_contact), 2);
}

/* RFC 3327 5.3: the registrar sends to the proxy that wrote itself into Path. */
static void path_is_where_the_registrar_may_send(void **state)
{
	(void)state;
	ask(1, "Contact: <sip:a@" OTHER_PHONE ":5071>" CRLF "Path: <sip:" PHONE ":5083;lr>" CRLF);
	grant("SIP/2.0 200 OK", 1, "Contact: <sip:a@" OTHER_PHONE ":5071>;expires=60" CRLF
	      "Path: <sip:" PHONE ":5083;lr>" CRLF);
	run_timers(45);
	assert_true(can_be_called(5083));
	assert_int_equal(bound_at(5071)->path.port, htons(5083));
	run_timers(20);
	assert_false(can_be_called(5083));
}

/* RFC 3608 5: the phone's requests go there from now on. */
static void service_route_is_where_the_phone_may_send(void **state)
{
	(void)state;
	ask(1, "Contact: " HERE CRLF);
	grant("SIP/2.0 200 OK", 1, "Contact: " HERE ";expires=60" CRLF "Service-Route: <sip:" PBX
	      ":5091;lr>, <sip:far.example;lr>" CRLF);
	run_timers(45);
	assert_true(open_to(NULL, 0, PBX, 5091) & PERMIT_SIGNALLING);
	run_timers(20);
	assert_int_equal(open_to(NULL, 0, PBX, 5091), 0);
}

/* RFC 3261 10.2.2 */
static void star_beside_a_contact_or_with_a_time_is_refused(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, registration("REGISTER sip:pbx.example SIP/2.0", 1,
					    "Contact: *" CRLF "Expires: 60" CRLF));
	assert_refused(REASON_sip_bad_header);
	pass(PHONE, 5060, PBX, registration("REGISTER sip:pbx.example SIP/2.0", 2,
					    "Contact: *, " HERE CRLF "Expires: 0" CRLF));
	assert_refused(REASON_sip_bad_header);
}

static void try_port(int number, uint16_t port)
{
	char line[128];

	snprintf(line, sizeof(line), "Contact: <sip:a@" PHONE ":%u>" CRLF, port);
	pass(PHONE, 5060, PBX, registration("REGISTER sip:pbx.example SIP/2.0", number, line));
}

static void user_has_no_more_contacts_than_the_limit(void **state)
{
	(void)state;
	w.policy->contacts_per_user = 3;
	for (int n = 0; n < 3; n++) {
		try_port(n, (uint16_t)(5071 + n));
		assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	}
	try_port(3, 5074);
	assert_refused(REASON_sip_contacts);
	/* One that is there may be refreshed, and what nobody granted goes. */
	try_port(4, 5071);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	run_timers(40);
	try_port(5, 5074);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void host_has_no_more_registrations_than_the_limit(void **state)
{
	char to[64], id[16];

	(void)state;
	w.policy->registrations_per_host = 3;
	for (int n = 0; n < 4; n++) {
		snprintf(to, sizeof(to), "<sip:u%d@pbx.example>", n);
		snprintf(id, sizeof(id), "u%d", n);
		pass(PHONE, 5060, PBX, say(&(struct say){
			.start = "REGISTER sip:pbx.example SIP/2.0", .branch = id,
			.cseq = "1 REGISTER", .from = to, .to = to, .call_id = id,
			.more = "Contact: " HERE CRLF }));
	}
	assert_refused(REASON_sip_registrations);
	run_timers(40);
	try_port(5, 5074);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

/* RFC 3263 4.1: the door is for the transport that the URI names; of others there is none. */
static void transport_of_the_contact_is_that_of_its_door(void **state)
{
	(void)state;
	granted(1, "<sip:a@" PHONE ":5071;transport=tcp>;expires=60");
	assert_true(can_be_called(5071));
	assert_int_equal(w.open[0].protocol, IPPROTO_TCP);
	granted(2, "<sip:a@" PHONE ":5072;transport=ws>;expires=60");
	assert_false(can_be_called(5072));
	granted(3, "<sips:a@" PHONE ":5073>;expires=60");
	assert_false(can_be_called(5073));
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
		TEST(contact_that_only_the_registrar_names_is_bound_without_a_door),
		TEST(host_that_is_no_server_binds_only_who_asked),
		TEST(second_registrar_takes_nothing_from_the_first),
		TEST(query_for_bindings_changes_none),
		TEST(contact_written_in_another_way_is_the_same_binding),
		TEST(answer_to_an_older_request_changes_nothing),
		TEST(third_party_registration_is_told_as_such),
		TEST(source_of_the_registration_is_reached_by_the_registrar_alone),
		TEST(flow_that_moved_replaces_its_binding),
		TEST(second_flow_of_an_instance_is_a_binding_of_its_own),
		TEST(instance_is_kept_where_the_registrar_does_not_repeat_it),
		TEST(temporary_gruu_leads_to_its_binding_until_it_goes),
		TEST(contact_that_stands_twice_in_the_list_is_read_once),
		TEST(user_who_registers_from_another_host_is_counted_there),
		TEST(path_is_where_the_registrar_may_send),
		TEST(service_route_is_where_the_phone_may_send),
		TEST(star_beside_a_contact_or_with_a_time_is_refused),
		TEST(user_has_no_more_contacts_than_the_limit),
		TEST(host_has_no_more_registrations_than_the_limit),
		TEST(transport_of_the_contact_is_that_of_its_door),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
