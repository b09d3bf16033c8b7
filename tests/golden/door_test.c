// SPDX-License-Identifier: MIT
/* Signalling at ports that no file names: where Contact, Record-Route, redirects, subscriptions and
 * registrations say that the other side may send (RFC 3261 8.1.3.4, 12.1, 12.2, 18.2.2; RFC 6665). */
#include "golden/world.h"

static bool is_door(const char *host, uint16_t port)
{
	const struct permit *permit = permit_to(NULL, 0, host, port);

	return permit && permit->flags & PERMIT_SIGNALLING && permit->expires_ns > w.now_ns;
}

static void accepted(const char *from, const char *to, const char *text)
{
	pass(from, 5060, to, text);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void invite_by(const char *more)
{
	accepted(PHONE, PBX, say(&(struct say){ .start = "INVITE sip:b@" PBX " SIP/2.0",
						.branch = "i1", .cseq = "1 INVITE", .more = more,
						.sdp = sdp_of(PHONE, 16000, "") }));
}

static void answer_by(const char *status, const char *more, const char *sdp)
{
	accepted(PBX, PHONE, say(&(struct say){ .start = status, .branch = "i1",
						.cseq = "1 INVITE", .to = CALLEE ";tag=b1",
						.more = more, .sdp = sdp }));
}

static void call_by(const char *caller, const char *callee)
{
	invite_by(caller);
	answer_by("SIP/2.0 200 OK", callee, sdp_of(PBX, 17000, ""));
	ack("b1", "");
}

static void closes_with_the_call(void)
{
	hang_up();
	run_timers(33);
	assert_int_equal(w.open_count, 0);
}

/* RFC 3261 12.1.1: the callee sends to the caller's Contact, and the other way round (12.1.2). */
static void contacts_of_both_sides_take_requests_until_the_call_is_over(void **state)
{
	(void)state;
	call_by("Contact: <sip:a@" PHONE ":35060>" CRLF, "Contact: <sip:b@" PBX ":35061>" CRLF);
	assert_true(is_door(PHONE, 35060));
	assert_true(is_door(PBX, 35061));
	arrive(1, endpoint(PBX, 35061), endpoint(PHONE, 35060),
	       say(&(struct say){ .start = "OPTIONS sip:a@" PHONE ":35060 SIP/2.0",
				  .via = PBX ":35061", .branch = "o1", .from = CALLEE ";tag=b1",
				  .to = CALLER ";tag=a1", .cseq = "7 OPTIONS" }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	/* RFC 3581, 18.2.2: the answer goes back to that very port. */
	assert_true(open_to(PHONE, 35060, PBX, 35061) & PERMIT_SIGNALLING);
	closes_with_the_call();
}

/* RFC 3261 12.1.1: what the proxy of the sender's side wrote is where requests come back to. */
static void port_of_a_record_route_takes_requests_of_the_other_side(void **state)
{
	(void)state;
	call_by("Record-Route: <sip:" PHONE ":5080;lr>" CRLF,
		"Record-Route: <sip:" PBX ":5090;lr>, <sip:" PHONE ":5080;lr>" CRLF);
	assert_true(is_door(PHONE, 5080));
	assert_true(is_door(PBX, 5090));
	closes_with_the_call();
}

/* Who sends may name his own side alone: the rest of the list is others' word. */
static void record_route_of_a_host_that_the_sender_may_not_name_opens_nothing(void **state)
{
	(void)state;
	invite_by("Record-Route: <sip:" OTHER_PHONE ":5081;lr>, <sip:" PBX ":5082;lr>, <sip:"
		  PHONE ":80;lr>, <sip:" GUEST ":5083;lr>, <sip:nobody.example:5084;lr>" CRLF);
	assert_int_equal(open_to(NULL, 0, OTHER_PHONE, 5081), 0);
	assert_int_equal(open_to(NULL, 0, PBX, 5082), 0);
	assert_int_equal(open_to(NULL, 0, PHONE, 80), 0);
	assert_int_equal(open_to(NULL, 0, GUEST, 5083), 0);
	assert_int_equal(open_to(NULL, 0, PHONE, 5084), 0);
}

static void record_routes_open_four_doors_and_no_more(void **state)
{
	char list[1024] = "Record-Route: <sip:" PHONE ":6000;lr>";

	(void)state;
	for (int port = 6001; port < 6020; port++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), ", <sip:" PHONE ":%d;lr>",
			 port);
	strcat(list, CRLF);
	invite_by(list);
	assert_true(is_door(PHONE, 6000));
	assert_true(is_door(PHONE, 6003));
	assert_false(is_door(PHONE, 6004));
}

/* A server is known by its name, too; a name is never resolved. */
static void record_route_by_the_servers_name_means_the_server(void **state)
{
	(void)state;
	strcpy(w.policy->servers[0].names[0], "pbx.example");
	w.policy->servers[0].name_count = 1;
	call_by("", "Record-Route: <sip:PBX.example:5090;lr>" CRLF);
	assert_true(is_door(PBX, 5090));
	closes_with_the_call();
}

/* RFC 3261 12.2.1.2: the target moves with the 2xx; until then requests go to the old one. */
static void target_that_moves_is_reached_at_both_places(void **state)
{
	(void)state;
	call_by("Contact: <sip:a@" PHONE ":35060>" CRLF, "Contact: <sip:b@" PBX ":35061>" CRLF);
	accepted(PBX, PHONE, say(&(struct say){ .start = "INVITE sip:a@" PHONE ":35060 SIP/2.0",
		.via = PBX, .branch = "r1", .from = CALLEE ";tag=b1", .to = CALLER ";tag=a1",
		.cseq = "1 INVITE", .more = "Contact: <sip:b@" PBX ":35077>" CRLF,
		.sdp = sdp_of(PBX, 17000, "") }));
	assert_true(is_door(PBX, 35061));
	assert_true(is_door(PBX, 35077));
	closes_with_the_call();
}

/* RFC 3311 5.1: UPDATE moves the target, and so does its answer. */
static void update_and_its_answer_move_the_targets(void **state)
{
	(void)state;
	call_by("Contact: <sip:a@" PHONE ":35060>" CRLF, "");
	accepted(PHONE, PBX, say(&(struct say){ .start = "UPDATE sip:b@" PBX " SIP/2.0",
		.branch = "u1", .cseq = "2 UPDATE", .to = CALLEE ";tag=b1",
		.more = "Contact: <sip:a@" PHONE ":35065>" CRLF }));
	accepted(PBX, PHONE, say(&(struct say){ .start = "SIP/2.0 200 OK", .branch = "u1",
		.cseq = "2 UPDATE", .to = CALLEE ";tag=b1",
		.more = "Contact: <sip:b@" PBX ":35066>" CRLF }));
	assert_true(is_door(PHONE, 35065));
	assert_true(is_door(PBX, 35066));
	closes_with_the_call();
}

/* RFC 3261 19.1.1: maddr is where it is sent. */
static void maddr_is_where_the_door_leads(void **state)
{
	(void)state;
	invite_by("Contact: <sip:a@phone.example:35060;maddr=" PHONE ">" CRLF);
	assert_true(is_door(PHONE, 35060));
}

/* RFC 3263 4.1 */
static void transport_of_the_uri_is_that_of_the_door(void **state)
{
	(void)state;
	invite_by("Contact: <sip:a@" PHONE ":35060;transport=tcp>" CRLF);
	for (uint32_t i = 0; i < w.open_count; i++)
		if (w.open[i].destination_port == htons(35060))
			assert_int_equal(w.open[i].protocol, IPPROTO_TCP);
	assert_true(is_door(PHONE, 35060));
}

/* RFC 3261 8.1.3.4: the caller goes on to the new place itself. */
static void redirect_opens_the_port_that_it_names(void **state)
{
	(void)state;
	invite_by("");
	answer_by("SIP/2.0 302 Moved Temporarily",
		  "Contact: <sip:b@10.77.2.33:35063>, <sip:b@" PBX ":35064>" CRLF, "");
	assert_true(is_door("10.77.2.33", 35063));
	assert_true(is_door(PBX, 35064));
	run_timers(33);
	assert_int_equal(w.open_count, 0);
}

static const char *subscription(const char *start, const char *cseq, bool notifies, const char *more)
{
	static char branch[64];

	snprintf(branch, sizeof(branch), "%.3s%c", cseq, notifies ? 'n' : 's');
	branch[1] = 'x';
	return say(&(struct say){ .start = start, .branch = branch, .cseq = cseq,
				  .via = notifies ? PBX : PHONE, .call_id = "sub@" PHONE,
				  .from = notifies ? CALLEE ";tag=n1" : CALLER ";tag=a1",
				  .to = notifies ? CALLER ";tag=a1" :
				  start[0] == 'S' && start[1] == 'I' ? CALLEE ";tag=n1" : CALLEE,
				  .more = more });
}

static void subscribe(const char *expires)
{
	char more[128];

	accepted(PHONE, PBX, subscription("SUBSCRIBE sip:b@" PBX " SIP/2.0", "1 SUBSCRIBE", false,
					  "Event: dialog" CRLF "Contact: <sip:a@" PHONE ":35060>" CRLF));
	snprintf(more, sizeof(more), "Expires: %s" CRLF "Contact: <sip:b@" PBX ":35061>" CRLF, expires);
	accepted(PBX, PHONE, subscription("SIP/2.0 200 OK", "1 SUBSCRIBE", false, more));
}

/* RFC 6665 4.1.2.1, 4.2.1.1: NOTIFYs and refreshes as long as the 2xx says. */
static void subscription_holds_its_doors_as_long_as_it_was_granted(void **state)
{
	(void)state;
	subscribe("600");
	run_timers(590);
	assert_true(is_door(PHONE, 35060));
	assert_true(is_door(PBX, 35061));
	accepted(PBX, PHONE, subscription("NOTIFY sip:a@" PHONE ":35060 SIP/2.0", "1 NOTIFY", true,
		"Event: dialog" CRLF "Subscription-State: active" CRLF "Contact: <sip:b@" PBX ":35067>"
		CRLF));
	assert_true(is_door(PBX, 35067));
	run_timers(11);
	assert_int_equal(open_to(NULL, 0, PHONE, 35060) | open_to(NULL, 0, PBX, 35061), 0);
	assert_false(is_door(PBX, 35067));
}

static void subscription_that_is_refused_keeps_no_door(void **state)
{
	(void)state;
	accepted(PHONE, PBX, subscription("SUBSCRIBE sip:b@" PBX " SIP/2.0", "1 SUBSCRIBE", false,
					  "Event: dialog" CRLF "Contact: <sip:a@" PHONE ":35060>" CRLF
					  "Expires: 3600" CRLF));
	assert_true(is_door(PHONE, 35060));
	accepted(PBX, PHONE, subscription("SIP/2.0 489 Bad Event", "1 SUBSCRIBE", false, ""));
	run_timers(38);
	assert_int_equal(w.open_count, 0);
}

static void subscription_lives_no_longer_than_the_policy_allows(void **state)
{
	(void)state;
	subscribe("4000000000");
	run_timers(7199);
	assert_true(is_door(PHONE, 35060));
	run_timers(2);
	assert_false(is_door(PHONE, 35060));
}

/* RFC 3515 2.4.4: the NOTIFYs of a REFER go to its Contact. */
static void refer_outside_a_call_is_told_of_at_its_contact(void **state)
{
	(void)state;
	accepted(PHONE, PBX, subscription("REFER sip:b@" PBX " SIP/2.0", "1 REFER", false,
		"Refer-To: <sip:c@" PBX ">" CRLF "Contact: <sip:a@" PHONE ":35060>" CRLF));
	accepted(PBX, PHONE, subscription("SIP/2.0 202 Accepted", "1 REFER", false, ""));
	run_timers(60);
	assert_true(is_door(PHONE, 35060));
	run_timers(121);
	assert_false(is_door(PHONE, 35060));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(contacts_of_both_sides_take_requests_until_the_call_is_over),
		TEST(port_of_a_record_route_takes_requests_of_the_other_side),
		TEST(record_route_of_a_host_that_the_sender_may_not_name_opens_nothing),
		TEST(record_routes_open_four_doors_and_no_more),
		TEST(record_route_by_the_servers_name_means_the_server),
		TEST(target_that_moves_is_reached_at_both_places),
		TEST(update_and_its_answer_move_the_targets),
		TEST(maddr_is_where_the_door_leads),
		TEST(transport_of_the_uri_is_that_of_the_door),
		TEST(redirect_opens_the_port_that_it_names),
		TEST(subscription_holds_its_doors_as_long_as_it_was_granted),
		TEST(subscription_that_is_refused_keeps_no_door),
		TEST(subscription_lives_no_longer_than_the_policy_allows),
		TEST(refer_outside_a_call_is_told_of_at_its_contact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
