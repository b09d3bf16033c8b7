/* SPDX-License-Identifier: MIT */
/* Who is who in the MGCP transcripts, and what they say. */
#ifndef RINGFENCE_TEST_MGCP_WORLD_H
#define RINGFENCE_TEST_MGCP_WORLD_H

/* The limit of connections is seen in tables that hold so many. */
#define WORLD_SHRINK 16
#include "golden/ground.h"

#define AGENT "10.77.1.10"
#define AGENT_TOO "10.77.1.11"       /* the same server */
#define OTHER_AGENT "10.77.1.20"
#define ALIEN_AGENT "10.77.1.30"     /* serves nobody outside */
#define PHONE "10.77.1.50"
#define GW "10.77.2.10"
#define GW2 "10.77.2.11"
#define EP "aaln/1@gw.example"

#define MGCP_CONFIG                                                                              \
	"zones:\n"                                                                               \
	"  in: { networks: [10.77.1.0/24] }\n"                                                   \
	"  out: { networks: [10.77.2.0/24] }\n"                                                  \
	"  far: { networks: [10.77.3.0/24] }\n"                                                  \
	"servers:\n"                                                                             \
	"  agent: { addresses: [10.77.1.10, 10.77.1.11], zone: in, speaks: [mgcp],"              \
	" part: call_agent, serves: [in, out, far] }\n"                                          \
	"  other: { addresses: [10.77.1.20, 10.77.1.21], names: [ca2.example.net],"              \
	" zone: in, speaks: [mgcp],"                                                             \
	" part: call_agent, serves: [in, out, far] }\n"                                          \
	"  alien: { addresses: [10.77.1.30], zone: in, speaks: [mgcp], part: call_agent }\n"     \
	"rules:\n"                                                                               \
	"  - { name: both, from: [in, out], to: [in, out], allow: [mgcp] }\n"                       \
	"  - { name: spoofed, from: far, to: [in, out], allow: [mgcp] }\n"

#define COMMAND(verb, id, endpoint) verb " " id " " endpoint " MGCP 1.0" CRLF
#define SDP(host, port)                                                                          \
	CRLF "v=0" CRLF "o=- 1 1 IN IP4 " host CRLF "s=-" CRLF "c=IN IP4 " host CRLF "t=0 0" CRLF    \
	"m=audio " port " RTP/AVP 8" CRLF
#define MODE(mode) "C: 77" CRLF "M: " mode CRLF

static uint64_t judged_before, refused_before;

static inline void say(const char *from, uint16_t port, const char *to, uint16_t to_port,
		       const char *text)
{
	judged_before = w.counts[COUNTER_messages_read];
	refused_before = w.counts[COUNTER_messages_refused];
	arrive(2, endpoint(from, port), endpoint(to, to_port), text);
}

/* Messages of the last datagram. */
static inline uint64_t judged(void)
{
	return w.counts[COUNTER_messages_read] - judged_before;
}

static inline uint64_t refused(void)
{
	return w.counts[COUNTER_messages_refused] - refused_before;
}

/* The agent to the gateway, and back. */
static inline void command(const char *text)
{
	say(AGENT, 2727, GW, 2427, text);
}

static inline void answer(const char *text)
{
	say(GW, 2427, AGENT, 2727, text);
}

/* The gateway of its own accord. */
static inline void tell(const char *text)
{
	say(GW, 2427, AGENT, 2727, text);
}

static inline void assert_accepted(void)
{
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.sent, 1);
}

/* Connection 1 of call 77 on aaln/1: the phone at 4000, the gateway at 16000. */
static inline void connect_phone(void)
{
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	assert_accepted();
	answer("200 100 OK" CRLF "I: 1" CRLF SDP(GW, "16000"));
	assert_accepted();
}

/* One more, on any endpoint. */
static inline void connect_more(unsigned int id, const char *local, const char *call,
				unsigned int port)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "CRCX %u %s@gw.example MGCP 1.0" CRLF "C: %s" CRLF "M: sendrecv" CRLF CRLF
		 "v=0" CRLF "c=IN IP4 " PHONE CRLF "m=audio %u RTP/AVP 8" CRLF, id, local, call, port);
	command(text);
	snprintf(text, sizeof(text),
		 "200 %u OK" CRLF "I: %X" CRLF CRLF "v=0" CRLF "c=IN IP4 " GW CRLF
		 "m=audio %u RTP/AVP 8" CRLF, id, id, port + 10000);
	answer(text);
	assert_accepted();
}

static inline bool is_connected(unsigned int port)
{
	return open_to(GW, (uint16_t)(port + 10000), PHONE, (uint16_t)port) & PERMIT_RTP;
}

#endif
