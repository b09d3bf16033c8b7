// SPDX-License-Identifier: MIT
/* Any order of messages: commands and answers drawn at random, from both sides, with time between
 * them. Whatever they say, no judgement may break its contract, and when all is silent nothing may
 * be left (the ground's tear-down asks). */
#include "golden/mgcp_world.h"
#include "golden/random.h"

static int set_up(void **state)
{
	(void)state;
	return world_open(MGCP_CONFIG "protections: { mgcp: { anomalies: { message_rate: 0, create_rate: 0,"
			  " delete_rate: 0, delete_storm: 0, audit_rate: 0, restart_rate: 0,"
			  " agent_message_rate: 0, agent_create_rate: 0 } } }\n");
}

static const char *description(void)
{
	static char text[256];
	static const char *const hosts[] = { PHONE, "10.77.3.5", GW, GW2, "0.0.0.0", "192.0.2.9" };
	static const char *const lines[] = { "audio %u RTP/AVP 8", "image %u udptl t38",
					     "audio 0 RTP/AVP 0", "video %u RTP/AVP 99" };
	int n = snprintf(text, sizeof(text), CRLF "v=0" CRLF "c=IN IP4 %s" CRLF, PICK(hosts));

	if (draw(3) == 0)
		return "";
	for (uint32_t i = 0; i <= draw(2); i++) {
		char line[64];

		snprintf(line, sizeof(line), PICK(lines), 4000 + 2 * draw(8));
		n += snprintf(text + n, sizeof(text) - (size_t)n, "m=%s" CRLF, line);
	}
	return text;
}

static void say_command(bool by_agent, uint32_t id)
{
	static const char *const agents[] = { "CRCX", "CRCX", "MDCX", "MDCX", "DLCX", "RQNT", "AUEP" };
	static const char *const gateways[] = { "DLCX", "RSIP", "NTFY" };
	static const char *const names[] = { "aaln/1", "aaln/2", "aaln/*", "aaln/$", "*",
					     "aaln/[1-2]" };
	static const char *const modes[] = { "sendrecv", "recvonly", "inactive", "sendonly" };
	static const char *const restarts[] = { "restart", "forced", "graceful", "disconnected" };
	const char *verb = by_agent ? PICK(agents) : PICK(gateways);
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s %u %s@gw MGCP 1.0" CRLF, verb, id, PICK(names));

	if (draw(2))
		n += snprintf(text + n, sizeof(text) - (size_t)n, "C: %u" CRLF, draw(3));
	if (draw(2))
		n += snprintf(text + n, sizeof(text) - (size_t)n, "I: %u" CRLF, draw(4));
	if (draw(3) == 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "K: 1-%u" CRLF, 1 + draw(12));
	if (draw(4) == 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "Z2: %s@gw" CRLF, PICK(names));
	n += snprintf(text + n, sizeof(text) - (size_t)n, "M: %s" CRLF "RM: %s" CRLF "%s",
		      PICK(modes), PICK(restarts), by_agent ? description() : "");
	say(by_agent ? AGENT : GW, by_agent ? 2727 : 2427, by_agent ? GW : AGENT,
	    by_agent ? 2427 : 2727, text);
}

static void say_answer(bool by_agent, uint32_t id)
{
	static const char *const codes[] = { "200", "200", "200", "250", "100", "400", "515", "000" };
	static const char *const names[] = { "Z: aaln/1@gw" CRLF, "Z: aaln/2@gw" CRLF,
					     "Z2: aaln/2@gw" CRLF, "" };
	char text[1024], connection[32] = "";

	if (draw(4))
		snprintf(connection, sizeof(connection), "I: %u" CRLF "I2: %u" CRLF, draw(4), draw(4));
	snprintf(text, sizeof(text), "%s %u OK" CRLF "%s%s%s%s", PICK(codes), id, PICK(names),
		 connection, by_agent ? "" : description(), by_agent || draw(3) ? "" : description());
	say(by_agent ? AGENT : GW, by_agent ? 2727 : 2427, by_agent ? GW : AGENT,
	    by_agent ? 2427 : 2727, text);
}

static void assert_contract(void)
{
	assert_int_not_equal(w.reason, REASON_guard_bad_outcome);
	assert_int_not_equal(w.reason, REASON_guard_limit);
	assert_int_not_equal(w.reason, REASON_wants_unmet);
	assert_int_not_equal(w.reason, REASON_batch_void);
	assert_int_not_equal(w.reason, REASON_message_limit);
	assert_int_not_equal(w.reason, REASON_table_full);
	assert_int_not_equal(w.reason, REASON_mgcp_malformed);
}

static void whatever_is_said_no_contract_breaks_and_nothing_is_left(void **state)
{
	uint32_t connections = 0;

	(void)state;
	for (seed = 1; seed < MESSAGES;) {
		uint32_t kept = seed, id;

		seed *= 2654435761u;
		for (int i = 0; i < 60; i++) {
			bool by_agent = draw(4) > 0;

			/* few numbers: most answers answer something, some commands collide */
			id = 1 + draw(12);
			if (draw(2))
				say_command(by_agent, id);
			else
				say_answer(!by_agent, id);
			assert_contract();
			connections += w.open_count > 0;
			if (draw(16) == 0)
				run_timers(draw(40));
		}
		seed = kept + 60;
	}
	/* it was worth looking */
	assert_true(connections > MESSAGES / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			whatever_is_said_no_contract_breaks_and_nothing_is_left, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
