// SPDX-License-Identifier: MIT
/* Translation of MGCP: gateways hidden from their agent, agents hidden from their gateways, and static
 * ones. Expected values follow from the rules of the file and RFC 3435. */
#include "golden/ground.h"
#include "state/mappings.h"

#define CA "10.77.2.10"
#define CA_TOO "10.77.2.11"          /* the same agent */
#define NEXT_CA "10.77.2.12"         /* another one */
#define FAR "10.77.2.40"
#define OUTSIDE "10.77.2.1"
#define GW "10.77.1.20"
#define GW2 "10.77.1.21"
#define STATIC_GW "10.77.1.50"
#define STATIC_OUTSIDE "10.77.2.50"
#define OUR_CA "10.77.1.10"
#define FAR_GW "10.77.2.30"

#define COMMAND(verb, id, endpoint) verb " " id " " endpoint " MGCP 1.0" CRLF
#define SDP(host, port)                                                                          \
	CRLF "v=0" CRLF "o=- 1 1 IN IP4 " host CRLF "s=-" CRLF "c=IN IP4 " host CRLF "t=0 0" CRLF    \
	"m=audio " port " RTP/AVP 8" CRLF
#define MODE "C: 77" CRLF "M: sendrecv" CRLF

static const char zones[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24] }\n"
	"  out: { networks: [10.77.2.0/24] }\n"
	"rules:\n"
	"  - { name: both, from: [in, out], to: [in, out], allow: [mgcp] }\n"
	"servers:\n"
	"  agent: { addresses: [10.77.2.10, 10.77.2.11], zone: out, speaks: [mgcp],"
	" part: call_agent, serves: [in, out] }\n"
	"  next: { addresses: [10.77.2.12], zone: out, speaks: [mgcp],"
	" part: call_agent, serves: [in, out] }\n"
	"  ours: { addresses: [10.77.1.10], zone: in, speaks: [mgcp],"
	" part: call_agent, serves: [in, out] }\n"
	"nat:\n"
	"  gate: { zone: in, seen_from: out, hosts: [10.77.1.50], static: 10.77.2.50 }\n"
	"  rest: { zone: in, seen_from: out, hide: 10.77.2.1, ports: 20000-20099 }\n"
	"protections: { mgcp: enforce }\n";

static int set_up(void **state)
{
	(void)state;
	return world_open(zones);
}

static bool seen(const char *host, uint16_t port, struct endpoint *ret)
{
	const struct nat_view *nat = &w.journey.around.nat;
	const struct endpoint inside = endpoint(host, port);

	return nat->outside(nat->state, &inside, 2, ret);
}

static uint16_t seen_port(const char *host, uint16_t port)
{
	struct endpoint outside, address = endpoint(OUTSIDE, 0);

	assert_true(seen(host, port, &outside));
	assert_true(address_equal(&outside.address, &address.address));
	return ntohs(outside.port);
}

/* The text of a format with one number in it. */
static __attribute__((format(printf, 1, 0))) const char *with(const char *format,
							       unsigned int number)
{
	static char texts[4][2048];
	static int next;
	char *text = texts[next++ % 4];

	snprintf(text, sizeof(texts[0]), format, number);
	return text;
}

static void say(struct endpoint from, struct endpoint to, const char *text)
{
	arrive(2, from, to, text);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.sent, 1);
}

static void gateway_says(const char *gateway, const char *text)
{
	say(endpoint(gateway, 2427), endpoint(CA, 2727), text);
	assert_null(strstr(w.sent_text, "10.77.1."));
}

/* To where the gateway is seen. */
static void agent_says(const char *gateway, const char *text)
{
	const struct endpoint inside = endpoint(gateway, 2427);

	say(endpoint(CA, 2727), endpoint(OUTSIDE, seen_port(gateway, 2427)), text);
	assert_memory_equal(&w.leaves.destination, &inside, sizeof(inside));
}

static void restart(const char *gateway)
{
	gateway_says(gateway, COMMAND("RSIP", "1", "*@gw.example") "RM: restart" CRLF);
	agent_says(gateway, "200 1 OK" CRLF);
}

static void a_gateway_that_restarts_is_seen_at_a_port_of_its_own(void **state)
{
	struct endpoint from;

	(void)state;
	gateway_says(GW, COMMAND("RSIP", "1", "*@[" GW "]") "RM: restart" CRLF);
	assert_string_equal(w.sent_text, COMMAND("RSIP", "1", "*@[" OUTSIDE "]") "RM: restart" CRLF);
	from = endpoint(OUTSIDE, seen_port(GW, 2427));
	assert_memory_equal(&w.leaves.source, &from, sizeof(from));
	gateway_says(GW2, COMMAND("RSIP", "1", "*@[" GW2 "]") "RM: restart" CRLF);
	assert_int_not_equal(seen_port(GW, 2427), seen_port(GW2, 2427));
}

/* Long after the answer to RSIP (its door has closed) the agent still finds its gateway. */
static void the_agent_commands_a_hidden_gateway_where_it_saw_it(void **state)
{
	uint16_t port;

	(void)state;
	restart(GW);
	port = seen_port(GW, 2427);
	run_timers(600);
	assert_int_equal(seen_port(GW, 2427), port);
	assert_true(open_to(CA, 0, OUTSIDE, port) & PERMIT_SIGNALLING);
	agent_says(GW, COMMAND("AUEP", "9", "aaln/1@[" OUTSIDE "]"));
	assert_string_equal(w.sent_text, COMMAND("AUEP", "9", "aaln/1@[" GW "]"));
	gateway_says(GW, "200 9 OK" CRLF);
}

static void its_agents_other_address_commands_it_as_well(void **state)
{
	uint16_t port;

	(void)state;
	restart(GW);
	run_timers(600);
	port = seen_port(GW, 2427);
	assert_true(open_to(CA_TOO, 0, OUTSIDE, port) & PERMIT_SIGNALLING);
	say(endpoint(CA_TOO, 2727), endpoint(OUTSIDE, port),
	    COMMAND("AUEP", "9", "aaln/1@gw.example"));
}

/* An hour without a word ends the gateway's row (GATEWAY_LIFE_NS); with one it goes on. */
static void the_mapping_lives_as_long_as_the_gateway_speaks(void **state)
{
	struct endpoint outside;
	uint16_t port;

	(void)state;
	restart(GW);
	port = seen_port(GW, 2427);
	run_timers(3000);
	gateway_says(GW, COMMAND("NTFY", "2", "aaln/1@gw.example") "X: 0" CRLF "O: L/hd" CRLF);
	agent_says(GW, "200 2 OK" CRLF);
	run_timers(3000);
	assert_int_equal(seen_port(GW, 2427), port);
	assert_true(permit_to(CA, 0, OUTSIDE, port)->expires_ns > w.now_ns);
	run_timers(3700);
	assert_false(seen(GW, 2427, &outside));
	assert_int_equal(open_to(CA, 0, OUTSIDE, port), 0);
}

static void connect_far(const char *gateway, const char *port)
{
	char answer[512];

	agent_says(gateway, COMMAND("CRCX", "10", "aaln/1@gw.example") MODE SDP(FAR, "4000"));
	snprintf(answer, sizeof(answer),
		 "200 10 OK" CRLF "I: 1" CRLF CRLF "v=0" CRLF "o=- 1 1 IN IP4 %s" CRLF "s=-" CRLF
		 "c=IN IP4 %s" CRLF "t=0 0" CRLF "m=audio %s RTP/AVP 8" CRLF, gateway, gateway, port);
	gateway_says(gateway, answer);
}

static void the_answer_names_where_media_is_received_outside(void **state)
{
	(void)state;
	restart(GW);
	connect_far(GW, "16000");
	assert_string_equal(w.sent_text,
			    with("200 10 OK" CRLF "I: 1" CRLF SDP(OUTSIDE, "%u"),
				 seen_port(GW, 16000)));
	assert_int_equal(seen_port(GW, 16000) % 2, 0);
	assert_int_equal(seen_port(GW, 16001), seen_port(GW, 16000) + 1);
}

static const struct translation *translation_to(const char *source, uint16_t source_port,
						const char *host, uint16_t port)
{
	const struct permit *permit = permit_to(source, source_port, host, port);

	assert_non_null(permit);
	return &w.translations[permit - w.permits];
}

static void media_crosses_translated_both_ways(void **state)
{
	const struct translation *in, *out;
	struct endpoint gateway = endpoint(GW, 16000), outside;

	(void)state;
	restart(GW);
	connect_far(GW, "16000");
	outside = endpoint(OUTSIDE, seen_port(GW, 16000));
	in = translation_to(FAR, 4000, OUTSIDE, ntohs(outside.port));
	assert_true(address_equal(&in->destination, &gateway.address));
	assert_int_equal(in->destination_port, gateway.port);
	out = translation_to(GW, 16000, FAR, 4000);
	assert_true(address_equal(&out->source, &outside.address));
	assert_int_equal(out->source_port, outside.port);
}

static void a_moved_near_end_is_mapped_and_named_anew(void **state)
{
	uint16_t before;

	(void)state;
	restart(GW);
	connect_far(GW, "16000");
	before = seen_port(GW, 16000);
	agent_says(GW, COMMAND("MDCX", "11", "aaln/1@gw.example") "I: 1" CRLF MODE SDP(FAR, "4020"));
	gateway_says(GW, "200 11 OK" CRLF SDP(GW, "16010"));
	assert_string_equal(w.sent_text, with("200 11 OK" CRLF SDP(OUTSIDE, "%u"),
					      seen_port(GW, 16010)));
	assert_int_not_equal(seen_port(GW, 16010), before);
}

static void dlcx_gives_the_medias_ports_back(void **state)
{
	struct endpoint outside;

	(void)state;
	restart(GW);
	connect_far(GW, "16000");
	agent_says(GW, COMMAND("DLCX", "12", "aaln/1@gw.example") "C: 77" CRLF "I: 1" CRLF);
	gateway_says(GW, "250 12 OK" CRLF);
	assert_false(seen(GW, 16000, &outside));
	assert_false(seen(GW, 16001, &outside));
	assert_true(seen(GW, 2427, &outside));
}

/* The agent joins two gateways that it saw behind one address: each is told where the other is. */
static void two_hidden_gateways_are_told_of_each_other(void **state)
{
	(void)state;
	restart(GW);
	restart(GW2);
	connect_far(GW, "16000");
	agent_says(GW2, with(COMMAND("CRCX", "20", "aaln/1@gw2.example") MODE SDP(OUTSIDE, "%u"),
			     seen_port(GW, 16000)));
	assert_string_equal(w.sent_text, COMMAND("CRCX", "20", "aaln/1@gw2.example") MODE
			    SDP(GW, "16000"));
}

/* RFC 3435 3.5.5: messages of one datagram; both are edited, and stay parted. */
static void each_message_of_a_datagram_is_translated(void **state)
{
	(void)state;
	restart(GW);
	gateway_says(GW, COMMAND("NTFY", "3", "aaln/1@[" GW "]") "X: 0" CRLF "O: L/hd" CRLF "." CRLF
		     COMMAND("NTFY", "4", "aaln/2@[" GW "]") "X: 0" CRLF "O: L/hu" CRLF);
	assert_string_equal(w.sent_text,
			    COMMAND("NTFY", "3", "aaln/1@[" OUTSIDE "]") "X: 0" CRLF "O: L/hd" CRLF
			    "." CRLF
			    COMMAND("NTFY", "4", "aaln/2@[" OUTSIDE "]") "X: 0" CRLF "O: L/hu" CRLF);
}

/* RFC 3435 2.3.10: an answer to a wildcard lists all that it stands for. */
static void every_endpoint_of_a_list_is_translated(void **state)
{
	(void)state;
	restart(GW);
	agent_says(GW, COMMAND("AUEP", "9", "*@gw.example"));
	gateway_says(GW, "200 9 OK" CRLF "Z: aaln/1@[" GW "]" CRLF "Z: aaln/2@[" GW "]" CRLF);
	assert_string_equal(w.sent_text, "200 9 OK" CRLF "Z: aaln/1@[" OUTSIDE "]" CRLF
			    "Z: aaln/2@[" OUTSIDE "]" CRLF);
}

/* RFC 3435 2.3.5: two connections that the gateway joins. Nobody outside sends there: no port is
 * mapped, and yet nothing of the inside is told. */
static void both_descriptions_of_what_a_gateway_joins_hide_it(void **state)
{
	struct endpoint outside;

	(void)state;
	restart(GW);
	agent_says(GW, COMMAND("CRCX", "10", "aaln/1@gw.example") MODE "Z2: aaln/2@gw.example" CRLF);
	gateway_says(GW, "200 10 OK" CRLF "I: 1" CRLF "I2: 2" CRLF SDP(GW, "16000") SDP(GW, "16004"));
	assert_string_equal(w.sent_text, "200 10 OK" CRLF "I: 1" CRLF "I2: 2" CRLF
			    SDP(OUTSIDE, "16000") SDP(OUTSIDE, "16004"));
	assert_false(seen(GW, 16004, &outside));
}

/* Commanded without having said a word, at its usual port, which needs no door. */
static void a_static_gateway_is_commanded_from_outside(void **state)
{
	const struct endpoint gateway = endpoint(STATIC_GW, 2427), out = endpoint(STATIC_OUTSIDE, 2427);

	(void)state;
	say(endpoint(CA, 2727), out, COMMAND("CRCX", "10", "aaln/1@[" STATIC_OUTSIDE "]") MODE
	    SDP(FAR, "4000"));
	assert_memory_equal(&w.leaves.destination, &gateway, sizeof(gateway));
	assert_string_equal(w.sent_text, COMMAND("CRCX", "10", "aaln/1@[" STATIC_GW "]") MODE
			    SDP(FAR, "4000"));
	gateway_says(STATIC_GW, "200 10 OK" CRLF "I: 1" CRLF SDP(STATIC_GW, "16000"));
	assert_string_equal(w.sent_text, "200 10 OK" CRLF "I: 1" CRLF SDP(STATIC_OUTSIDE, "16000"));
	assert_memory_equal(&w.leaves.source, &out, sizeof(out));
	assert_true(open_to(FAR, 4000, STATIC_OUTSIDE, 16000) & PERMIT_RTP);
	assert_int_equal(open_to(CA, 0, STATIC_OUTSIDE, 2427), 0);
	assert_int_equal(open_to(CA, 2727, STATIC_OUTSIDE, 2427), 0);
}

static void our_agent_says(const char *text)
{
	say(endpoint(OUR_CA, 2727), endpoint(FAR_GW, 2427), text);
	assert_null(strstr(w.sent_text, "10.77.1."));
}

static void to_our_agent(const char *text)
{
	const struct endpoint inside = endpoint(OUR_CA, 2727);

	say(endpoint(FAR_GW, 2427), endpoint(OUTSIDE, seen_port(OUR_CA, 2727)), text);
	assert_memory_equal(&w.leaves.destination, &inside, sizeof(inside));
}

/* RFC 3435 2.1.4: without a port 2727 is meant, so the port that it is seen at must be written. */
static void a_hidden_agent_is_to_be_notified_where_it_is_seen(void **state)
{
	uint16_t port;

	(void)state;
	our_agent_says(COMMAND("RQNT", "5", "aaln/1@gw.example") "N: ca@[" OUR_CA "]" CRLF
		       "X: 1" CRLF "R: L/hd(N)" CRLF);
	port = seen_port(OUR_CA, 2727);
	assert_string_equal(w.sent_text,
			    with(COMMAND("RQNT", "5", "aaln/1@gw.example") "N: ca@[" OUTSIDE "]:%u" CRLF
				 "X: 1" CRLF "R: L/hd(N)" CRLF, port));
	to_our_agent("200 5 OK" CRLF);
	our_agent_says(COMMAND("RQNT", "6", "aaln/1@gw.example") "N: ca@" OUR_CA ":2727" CRLF
		       "X: 2" CRLF "R: L/hd(N)" CRLF);
	assert_string_equal(w.sent_text,
			    with(COMMAND("RQNT", "6", "aaln/1@gw.example") "N: ca@" OUTSIDE ":%u" CRLF
				 "X: 2" CRLF "R: L/hd(N)" CRLF, port));
}

/* Without N: it is told where its commands came from (RFC 3435 2.1.4), minutes later. */
static void a_gateway_reports_to_a_hidden_agent(void **state)
{
	uint16_t port;

	(void)state;
	our_agent_says(COMMAND("RQNT", "5", "aaln/1@gw.example") "X: 1" CRLF "R: L/hd(N)" CRLF);
	to_our_agent("200 5 OK" CRLF);
	port = seen_port(OUR_CA, 2727);
	run_timers(600);
	assert_int_equal(seen_port(OUR_CA, 2727), port);
	assert_true(open_to(FAR_GW, 0, OUTSIDE, port) & PERMIT_SIGNALLING);
	to_our_agent(COMMAND("NTFY", "7", "aaln/1@gw.example") "X: 1" CRLF "O: L/hd" CRLF);
	our_agent_says("200 7 OK" CRLF);
}

/* RFC 3435 3.2.2.13: the gateway is handed on by N:, and the next agent may speak first. */
static void an_announced_agent_commands_a_hidden_gateway(void **state)
{
	uint16_t port;

	(void)state;
	restart(GW);
	port = seen_port(GW, 2427);
	assert_int_equal(open_to(NEXT_CA, 0, OUTSIDE, port), 0);
	agent_says(GW, COMMAND("RQNT", "5", "aaln/1@gw.example") "N: ca@[" NEXT_CA "]:2727" CRLF
		   "X: 1" CRLF "R: L/hd(N)" CRLF);
	assert_true(open_to(NEXT_CA, 0, OUTSIDE, port) & PERMIT_SIGNALLING);
	say(endpoint(NEXT_CA, 2727), endpoint(OUTSIDE, port), COMMAND("AUEP", "9", "aaln/1@gw.example"));
}

static void a_stranger_outside_does_not_reach_a_hidden_gateway(void **state)
{
	(void)state;
	restart(GW);
	run_timers(600);
	assert_int_equal(open_to(NULL, 0, OUTSIDE, seen_port(GW, 2427)), 0);
	assert_int_equal(open_to(FAR, 0, OUTSIDE, seen_port(GW, 2427)), 0);
}

int main(void)
{
#define NAT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		NAT_TEST(a_gateway_that_restarts_is_seen_at_a_port_of_its_own),
		NAT_TEST(the_agent_commands_a_hidden_gateway_where_it_saw_it),
		NAT_TEST(its_agents_other_address_commands_it_as_well),
		NAT_TEST(the_mapping_lives_as_long_as_the_gateway_speaks),
		NAT_TEST(the_answer_names_where_media_is_received_outside),
		NAT_TEST(media_crosses_translated_both_ways),
		NAT_TEST(a_moved_near_end_is_mapped_and_named_anew),
		NAT_TEST(dlcx_gives_the_medias_ports_back),
		NAT_TEST(two_hidden_gateways_are_told_of_each_other),
		NAT_TEST(each_message_of_a_datagram_is_translated),
		NAT_TEST(every_endpoint_of_a_list_is_translated),
		NAT_TEST(both_descriptions_of_what_a_gateway_joins_hide_it),
		NAT_TEST(a_static_gateway_is_commanded_from_outside),
		NAT_TEST(a_hidden_agent_is_to_be_notified_where_it_is_seen),
		NAT_TEST(a_gateway_reports_to_a_hidden_agent),
		NAT_TEST(an_announced_agent_commands_a_hidden_gateway),
		NAT_TEST(a_stranger_outside_does_not_reach_a_hidden_gateway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
