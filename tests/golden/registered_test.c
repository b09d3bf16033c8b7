// SPDX-License-Identifier: MIT
/* What rules may ask of the parties: that they are registered (RFC 3261 10), that a server asked for
 * credentials and took them (RFC 3261 22, RFC 7616, RFC 8760). */
#include "golden/world.h"

#define STRANGER "10.77.2.66"
#define USER "<sip:a@" PBX ">"
#define CONTACT "Contact: <sip:a@" PHONE ":5071>;expires=600" CRLF
#define ASKS "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\"" CRLF
#define SHOWS(nonce, nc)                                                                           \
	"Authorization: Digest username=\"a\", realm=\"pbx\", nonce=\"" nonce "\", uri=\"sip:" PBX    \
	"\", response=\"00000000000000000000000000000000\", qop=auth, cnonce=\"c\", nc=" nc CRLF

static const char users[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24] }\n"
	"  out: { networks: [10.77.2.0/24] }\n"
	"servers:\n"
	"  pbx: { addresses: [10.77.2.10], zone: out, speaks: [sip], part: proxy }\n"
	"rules:\n"
	"  - { from: in, to: out, allow: [sip], registered: caller, authenticated: registrations }\n"
	"  - { from: out, to: in, allow: [sip], registered: [callee] }\n";
static const char calls[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24] }\n"
	"  out: { networks: [10.77.2.0/24] }\n"
	"servers:\n"
	"  pbx: { addresses: [10.77.2.10], zone: out, speaks: [sip], part: proxy }\n"
	"rules:\n"
	"  - { from: [in, out], to: [in, out], allow: [sip], authenticated: calls }\n";

static int set_up_users(void **state)
{
	(void)state;
	return world_open(users);
}

static int set_up_calls(void **state)
{
	(void)state;
	return world_open(calls);
}

/* A message of one transaction; the answer's start is a status line. */
static const char *request(const char *start, int number, const char *method, const char *more,
			   const char *sdp)
{
	static char branch[16], cseq[32];

	snprintf(branch, sizeof(branch), "t%d", number);
	snprintf(cseq, sizeof(cseq), "%d %s", number, method);
	return say(&(struct say){ .start = start, .branch = branch, .cseq = cseq,
				  .from = USER ";tag=a1", .call_id = method,
				  .to = start[0] == 'S' ? USER ";tag=r1" : USER, .more = more,
				  .sdp = sdp });
}

static void ask(int number, const char *more)
{
	pass(PHONE, 5060, PBX, request("REGISTER sip:" PBX " SIP/2.0", number, "REGISTER", more, ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void reply(const char *status, int number, const char *more)
{
	pass(PBX, 5060, PHONE, request(status, number, "REGISTER", more, ""));
}

static void enrol(void)
{
	ask(1, CONTACT);
	reply("SIP/2.0 401 Unauthorized", 1, ASKS);
	ask(2, CONTACT SHOWS("n1", "00000001"));
	reply("SIP/2.0 200 OK", 2, CONTACT);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static const struct binding_row *binding(void)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(w.tables, ROW_binding, &cursor, &row))
		if (((const struct binding_row *)row.value)->flags & BINDING_BOUND)
			return row.value;
	return NULL;
}

static void call_out(const char *from, const char *user)
{
	static int number = 100;
	char branch[16], id[16];

	snprintf(branch, sizeof(branch), "c%d", number);
	snprintf(id, sizeof(id), "out%d", number++);
	pass(from, 5060, PBX, say(&(struct say){ .start = "INVITE sip:b@" PBX " SIP/2.0",
		.branch = branch, .call_id = id, .from = user, .cseq = "1 INVITE",
		.sdp = sdp_of(from, 16000, "") }));
}

static void call_in(const char *from, const char *start, const char *to)
{
	static int number = 500;
	char branch[16], id[16];

	snprintf(branch, sizeof(branch), "c%d", number);
	snprintf(id, sizeof(id), "in%d", number++);
	arrive(1, endpoint(from, 5060), endpoint(to, 5071),
	       say(&(struct say){ .start = start, .via = from, .branch = branch, .call_id = id,
				  .from = "<sip:b@" PBX ">;tag=b1", .to = USER,
				  .cseq = "1 INVITE", .sdp = sdp_of(from, 17000, "") }));
}

static void registered_user_may_call_and_others_may_not(void **state)
{
	(void)state;
	call_out(PHONE, USER ";tag=1");
	assert_refused(REASON_sip_not_registered);
	enrol();
	call_out(PHONE, USER ";tag=1");
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	call_out(PHONE, "<sip:boss@" PBX ">;tag=1");
	assert_refused(REASON_sip_not_registered);
}

/* Whose name it is does not tell who uses it. */
static void name_of_a_registered_user_is_no_use_to_another_host(void **state)
{
	(void)state;
	enrol();
	call_out(OTHER_PHONE, USER ";tag=1");
	assert_refused(REASON_sip_not_registered);
}

static void registration_that_ran_out_is_none(void **state)
{
	(void)state;
	enrol();
	run_timers(601);
	call_out(PHONE, USER ";tag=1");
	assert_refused(REASON_sip_not_registered);
}

/* RFC 3261 16.6 step 2: the proxy puts the registered contact into the Request-URI. */
static void call_to_a_registered_contact_passes_and_to_another_does_not(void **state)
{
	(void)state;
	call_in(PBX, "INVITE sip:a@" PHONE ":5071 SIP/2.0", PHONE);
	assert_refused(REASON_sip_not_registered);
	enrol();
	call_in(PBX, "INVITE sip:a@" PHONE ":5071 SIP/2.0", PHONE);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	call_in(PBX, "INVITE sip:a@" PHONE ":5072 SIP/2.0", PHONE);
	assert_refused(REASON_sip_not_registered);
	call_in(PBX, "INVITE sip:other@" PHONE ":5071 SIP/2.0", PHONE);
	assert_refused(REASON_sip_not_registered);
}

static void registered_contact_is_called_at_its_own_host_alone(void **state)
{
	(void)state;
	enrol();
	call_in(PBX, "INVITE sip:a@" PHONE ":5071 SIP/2.0", OTHER_PHONE);
	assert_refused(REASON_sip_not_registered);
}

/* Whoever answers his own REGISTER is registered nowhere. */
static void what_a_host_that_is_no_server_granted_counts_for_nothing(void **state)
{
	(void)state;
	w.policy->rules[0].authenticated = 0;
	pass(PHONE, 5060, STRANGER, request("REGISTER sip:" PBX " SIP/2.0", 1, "REGISTER", CONTACT, ""));
	pass(STRANGER, 5060, PHONE, request("SIP/2.0 200 OK", 1, "REGISTER", CONTACT, ""));
	assert_non_null(binding());
	call_out(PHONE, USER ";tag=1");
	assert_refused(REASON_sip_not_registered);
}

/* RFC 3261 22.1: asked, shown, taken. */
static void registration_that_was_asked_and_taken_is_authenticated(void **state)
{
	(void)state;
	enrol();
	assert_true(binding()->flags & BINDING_AUTHENTICATED);
	assert_int_equal(binding()->algorithm, DIGEST_MD5);
	assert_int_equal(binding()->nonce_count, 1);
}

static void registration_that_was_taken_unasked_is_refused(void **state)
{
	(void)state;
	ask(1, CONTACT);
	reply("SIP/2.0 200 OK", 1, CONTACT);
	assert_refused(REASON_sip_not_authenticated);
	assert_null(binding());
}

/* Credentials that answer nothing which was asked here prove nothing. */
static void credentials_for_a_nonce_that_nobody_gave_are_none(void **state)
{
	(void)state;
	ask(1, CONTACT SHOWS("n9", "00000001"));
	reply("SIP/2.0 200 OK", 1, CONTACT);
	assert_refused(REASON_sip_not_authenticated);
	ask(2, CONTACT);
	reply("SIP/2.0 401 Unauthorized", 2, ASKS);
	ask(3, CONTACT SHOWS("n9", "00000001"));
	reply("SIP/2.0 200 OK", 3, CONTACT);
	assert_refused(REASON_sip_not_authenticated);
}

/* RFC 7616 3.4: a refresh shows the same nonce with a higher count; a lower one is a replay. */
static void refresh_counts_the_nonce_on_and_a_replay_is_seen(void **state)
{
	(void)state;
	enrol();
	run_timers(60);
	ask(3, CONTACT SHOWS("n1", "00000002"));
	reply("SIP/2.0 200 OK", 3, CONTACT);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(binding()->nonce_count, 2);
	run_timers(60);
	ask(4, CONTACT SHOWS("n1", "00000002"));
	reply("SIP/2.0 200 OK", 4, CONTACT);
	assert_refused(REASON_sip_not_authenticated);
}

/* RFC 3261 22.4: without qop there is no count, and a nonce is good while the server likes it. */
static void refresh_without_count_shows_the_same_nonce(void **state)
{
	static const char shows[] = CONTACT "Authorization: Digest username=\"a\", realm=\"pbx\", "
		"nonce=\"n1\", uri=\"sip:x\", response=\"0\"" CRLF;

	(void)state;
	ask(1, CONTACT);
	reply("SIP/2.0 401 Unauthorized", 1, ASKS);
	ask(2, shows);
	reply("SIP/2.0 200 OK", 2, CONTACT);
	run_timers(60);
	ask(3, shows);
	reply("SIP/2.0 200 OK", 3, CONTACT);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

/* RFC 7616 3.5: the next nonce comes with the answer. */
static void nonce_that_comes_with_the_answer_is_good_for_the_next_request(void **state)
{
	(void)state;
	ask(1, CONTACT);
	reply("SIP/2.0 401 Unauthorized", 1, ASKS);
	ask(2, CONTACT SHOWS("n1", "00000001"));
	reply("SIP/2.0 200 OK", 2, CONTACT "Authentication-Info: qop=auth, nextnonce=\"n2\"" CRLF);
	run_timers(60);
	ask(3, CONTACT SHOWS("n2", "00000001"));
	reply("SIP/2.0 200 OK", 3, CONTACT);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

/* RFC 7616 3.3: stale, and asked anew. */
static void stale_nonce_is_asked_for_again(void **state)
{
	(void)state;
	enrol();
	run_timers(60);
	ask(3, CONTACT SHOWS("n1", "00000002"));
	reply("SIP/2.0 401 Unauthorized", 3,
	      "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"n2\", stale=TRUE, qop=\"auth\"" CRLF);
	ask(4, CONTACT SHOWS("n2", "00000001"));
	reply("SIP/2.0 200 OK", 4, CONTACT);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(binding()->nonce_count, 1);
}

/* RFC 8760 2.4: one challenge an algorithm, the best first; the phone answers the one it knows. */
static void one_of_several_challenges_is_answered(void **state)
{
	(void)state;
	ask(1, CONTACT);
	reply("SIP/2.0 401 Unauthorized", 1,
	      "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"n5\", algorithm=SHA-512-256" CRLF
	      "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"n6\", algorithm=SHA-256" CRLF
	      "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"n7\", algorithm=MD5" CRLF);
	ask(2, CONTACT "Authorization: Digest username=\"a\", realm=\"pbx\", nonce=\"n6\", uri=\"sip:x\","
		       " response=\"0\", algorithm=SHA-256" CRLF);
	reply("SIP/2.0 200 OK", 2, CONTACT);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(binding()->algorithm, DIGEST_SHA256);
}

static void offer_call(int number, const char *more)
{
	pass(PHONE, 5060, PBX, request("INVITE sip:b@" PBX " SIP/2.0", number, "INVITE", more,
				       sdp_of(PHONE, 16000, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void answer_call(const char *status, int number, const char *more, const char *sdp)
{
	pass(PBX, 5060, PHONE, request(status, number, "INVITE", more, sdp));
}

/* Nothing is open before the server has asked and something was shown. */
static void call_with_credentials_opens_its_media(void **state)
{
	struct row_view row;
	uint32_t cursor = 0;

	(void)state;
	offer_call(1, "");
	assert_int_equal(open_to(NULL, 0, PHONE, 16000), 0);
	answer_call("SIP/2.0 407 Proxy Authentication Required", 1,
		    "Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\"" CRLF, "");
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	offer_call(2, "Proxy-" SHOWS("n1", "00000001"));
	assert_true(open_to(NULL, 0, PHONE, 16000) & PERMIT_EARLY);
	answer_call("SIP/2.0 200 OK", 2, "", sdp_of(PBX, 17000, ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_true(open_to(PHONE, 16000, PBX, 17000) & PERMIT_RTP);
	assert_true(tables_next(w.tables, ROW_call, &cursor, &row));
	assert_int_equal(((const struct call_row *)row.value)->authenticated, 1);
}

/* Kamailio's nonce is made of the second: who registers and calls within one gets it twice. */
static void nonce_given_again_for_a_call_counts_anew(void **state)
{
	(void)state;
	enrol();
	offer_call(11, "");
	answer_call("SIP/2.0 407 Proxy Authentication Required", 11,
		    "Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\"" CRLF, "");
	offer_call(12, "Proxy-" SHOWS("n1", "00000001"));
	answer_call("SIP/2.0 200 OK", 12, "", sdp_of(PBX, 17000, ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_true(open_to(PHONE, 16000, PBX, 17000) & PERMIT_RTP);
}

static void call_that_was_taken_unasked_is_refused(void **state)
{
	(void)state;
	offer_call(1, "");
	answer_call("SIP/2.0 183 Session Progress", 1, "", sdp_of(PBX, 17000, ""));
	assert_refused(REASON_sip_not_authenticated);
	answer_call("SIP/2.0 200 OK", 1, "", sdp_of(PBX, 17000, ""));
	assert_refused(REASON_sip_not_authenticated);
	assert_int_equal(open_to(PHONE, 16000, PBX, 17000), 0);
	/* That it is refused there may be told. */
	answer_call("SIP/2.0 404 Not Found", 1, "", "");
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

/* Credentials that were refused once more are none. */
static void call_whose_credentials_were_refused_has_none(void **state)
{
	static const char asks[] = "Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"n1\"" CRLF;

	(void)state;
	offer_call(1, "");
	answer_call("SIP/2.0 407 Proxy Authentication Required", 1, asks, "");
	offer_call(2, "Proxy-" SHOWS("n1", "00000001"));
	answer_call("SIP/2.0 403 Forbidden", 2, "", "");
	offer_call(3, "");
	answer_call("SIP/2.0 200 OK", 3, "", sdp_of(PBX, 17000, ""));
	assert_refused(REASON_sip_not_authenticated);
}

/* A challenge was given to one host: another that repeats what it heard was asked nothing. */
static void challenge_of_another_host_is_no_challenge(void **state)
{
	(void)state;
	offer_call(1, "");
	answer_call("SIP/2.0 407 Proxy Authentication Required", 1,
		    "Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"n1\"" CRLF, "");
	pass(OTHER_PHONE, 5060, PBX, request("INVITE sip:b@" PBX " SIP/2.0", 2, "INVITE",
					     "Proxy-" SHOWS("n1", "00000001"),
					     sdp_of(OTHER_PHONE, 16000, "")));
	assert_int_equal(open_to(NULL, 0, OTHER_PHONE, 16000), 0);
	pass(PBX, 5060, OTHER_PHONE, request("SIP/2.0 200 OK", 2, "INVITE", "",
					     sdp_of(PBX, 17000, "")));
	assert_refused(REASON_sip_not_authenticated);
}

#define USERS(name) cmocka_unit_test_setup_teardown(name, set_up_users, tear_down)
#define CALLS(name) cmocka_unit_test_setup_teardown(name, set_up_calls, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		USERS(registered_user_may_call_and_others_may_not),
		USERS(name_of_a_registered_user_is_no_use_to_another_host),
		USERS(registration_that_ran_out_is_none),
		USERS(call_to_a_registered_contact_passes_and_to_another_does_not),
		USERS(registered_contact_is_called_at_its_own_host_alone),
		USERS(what_a_host_that_is_no_server_granted_counts_for_nothing),
		USERS(registration_that_was_asked_and_taken_is_authenticated),
		USERS(registration_that_was_taken_unasked_is_refused),
		USERS(credentials_for_a_nonce_that_nobody_gave_are_none),
		USERS(refresh_counts_the_nonce_on_and_a_replay_is_seen),
		USERS(refresh_without_count_shows_the_same_nonce),
		USERS(nonce_that_comes_with_the_answer_is_good_for_the_next_request),
		USERS(stale_nonce_is_asked_for_again),
		USERS(one_of_several_challenges_is_answered),
		CALLS(call_with_credentials_opens_its_media),
		CALLS(nonce_given_again_for_a_call_counts_anew),
		CALLS(call_that_was_taken_unasked_is_refused),
		CALLS(call_whose_credentials_were_refused_has_none),
		CALLS(challenge_of_another_host_is_no_challenge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
