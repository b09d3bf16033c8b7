// SPDX-License-Identifier: MIT
/* The shipped examples of translated SIP, each called through. Expected values follow from the files. */
#include "golden/world.h"

static int set_up_hide(void **state)
{
	(void)state;
	return world_open_file("examples/sip-hide.yaml");
}

static int set_up_static(void **state)
{
	(void)state;
	return world_open_file("examples/sip-static.yaml");
}

/* From this host's port 5060, named in Via and Contact. */
static const char *request(const char *start, const char *host, const char *sdp)
{
	static char via[64], contact[128];

	snprintf(via, sizeof(via), "%s:5060", host);
	snprintf(contact, sizeof(contact), "Contact: <sip:a@%s:5060>" CRLF, host);
	return say(&(struct say){ .start = start, .via = via, .branch = "x",
				  .from = "<sip:a@example.org>;tag=a", .to = "<sip:b@example.org>",
				  .call_id = "one", .cseq = sdp ? "1 INVITE" : "1 REGISTER",
				  .more = contact, .sdp = sdp });
}

static void a_hidden_phone_registers_as_the_one_address(void **state)
{
	(void)state;
	arrive(1, endpoint("10.1.0.20", 5060), endpoint("203.0.113.10", 5060),
	       request("REGISTER sip:example.org SIP/2.0", "10.1.0.20", NULL));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_null(strstr(w.sent_text, "10.1.0.20"));
	assert_non_null(strstr(w.sent_text, "Via: SIP/2.0/UDP 203.0.113.1:"));
	assert_in_range(ntohs(w.leaves.source.port), 20000, 31999);
}

static void call_to(const char *from, const char *to, const char *sdp_host)
{
	static char start[64];

	snprintf(start, sizeof(start), "INVITE sip:b@%s SIP/2.0", to);
	arrive(1, endpoint(from, 5060), endpoint(to, 5060),
	       request(start, from, sdp_of(sdp_host, 16000, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static void a_phone_of_the_network_is_seen_at_its_own_address(void **state)
{
	(void)state;
	call_to("10.1.1.3", "198.51.100.7", "10.1.1.3");
	assert_null(strstr(w.sent_text, "10.1.1.3"));
	assert_non_null(strstr(w.sent_text, "c=IN IP4 203.0.113.67" CRLF));
	assert_non_null(strstr(w.sent_text, "m=audio 16000 RTP/AVP"));
}

static void the_pbx_is_called_from_outside_at_its_own_address(void **state)
{
	const struct endpoint pbx = endpoint("10.1.0.10", 5060);

	(void)state;
	call_to("198.51.100.7", "203.0.113.11", "198.51.100.7");
	assert_memory_equal(&w.leaves.destination, &pbx, sizeof(pbx));
	assert_non_null(strstr(w.sent_text, "INVITE sip:b@10.1.0.10 SIP/2.0"));
}

static void whoever_else_there_is_is_hidden(void **state)
{
	(void)state;
	call_to("10.1.7.7", "198.51.100.7", "10.1.7.7");
	assert_null(strstr(w.sent_text, "10.1.7.7"));
	assert_non_null(strstr(w.sent_text, "c=IN IP4 203.0.113.1" CRLF));
	assert_in_range(ntohs(w.leaves.source.port), 20000, 31999);
}

int main(void)
{
#define TEST_IN(name, world) cmocka_unit_test_setup_teardown(name, world, tear_down)
	const struct CMUnitTest tests[] = {
		TEST_IN(a_hidden_phone_registers_as_the_one_address, set_up_hide),
		TEST_IN(a_phone_of_the_network_is_seen_at_its_own_address, set_up_static),
		TEST_IN(the_pbx_is_called_from_outside_at_its_own_address, set_up_static),
		TEST_IN(whoever_else_there_is_is_hidden, set_up_static),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
