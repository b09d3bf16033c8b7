// SPDX-License-Identifier: MIT
/* Messages a second over MGCP calls made here: each of CRCX, MDCX, RQNT and DLCX with its answer, 40
 * connections at once on each of 50 gateways, step by step over all of them. */
#include "judge.h"

#define GATEWAYS 50
#define CALLS 2000
#define STEPS 8

static const char config[] =
	"zones:\n"
	"  inside: { networks: [10.1.0.0/16] }\n"
	"  outside: { networks: [10.2.0.0/16] }\n"
	"servers:\n"
	"  agent: { addresses: [10.1.0.10], zone: inside, speaks: [mgcp], part: call_agent,"
	" serves: [inside, outside] }\n"
	"rules:\n"
	"  - { name: both, from: any, to: any, allow: [mgcp] }\n"
	/* one agent says all that a second of ours holds */
	"protections: { mgcp: { anomalies: { agent_message_rate: 0, agent_create_rate: 0 } } }\n";

static struct endpoint endpoint_of(uint8_t side, uint8_t host, uint16_t port)
{
	return (struct endpoint){ .address.bytes = { [10] = 0xff, 0xff, 10, side, 0, host },
				  .port = htons(port) };
}

#define SDP(side) "\r\nv=0\r\nc=IN IP4 10." #side ".0.%u\r\nm=audio %u RTP/AVP 8 101\r\n"

static int write_step(char *text, size_t size, unsigned int step, unsigned int call)
{
	static const char *const forms[STEPS] = {
		"CRCX %u aaln/%u@gw MGCP 1.0\r\nC: %X\r\nL: p:20, a:PCMA\r\nM: recvonly\r\n",
		"200 %u OK %u\r\nI: %X\r\n" SDP(2),
		"MDCX %u aaln/%u@gw MGCP 1.0\r\nI: %X\r\nM: sendrecv\r\n" SDP(1),
		"200 %u OK %u %X\r\n",
		"RQNT %u aaln/%u@gw MGCP 1.0\r\nX: %X\r\nR: L/hu(N), D/[0-9#*](D)\r\nS: L/dl\r\n",
		"200 %u OK %u %X\r\n",
		"DLCX %u aaln/%u@gw MGCP 1.0\r\nI: %X\r\n",
		"250 %u OK %u %X\r\nP: PS=1245, OS=62345, PR=780, OR=45123, PL=10, JI=27, LA=48\r\n",
	};
	unsigned int port = 10000 + 4 * (call / GATEWAYS);

	return snprintf(text, size, forms[step], 1 + step / 2 * CALLS + call, call / GATEWAYS, call,
			step == 2 ? 20 + call % 200 : 10 + call % GATEWAYS, port);
}

static void arrival_add(unsigned int step, unsigned int call)
{
	struct endpoint agent = endpoint_of(1, 10, 2727);
	struct endpoint gateway = endpoint_of(2, (uint8_t)(10 + call % GATEWAYS), 2427);
	struct arrival *a = &arrivals[arrival_count];
	bool back = step % 2;
	char text[512];
	int length = write_step(text, sizeof(text), step, call);

	a->payload = slice_make(strdup(text), (size_t)length);
	a->record = a->payload;
	a->flow = (struct flow_info){ .source = back ? gateway : agent,
				      .destination = back ? agent : gateway,
				      .zones = { back ? 2 : 1, back ? 1 : 2 },
				      .transport = IPPROTO_UDP, .family = FAMILY_IPV4 };
	a->speaks = a->flow.speaks = 2;
	a->held = true;
	if (a->payload.bytes)
		arrival_count++;
}

int main(void)
{
	struct policy *p = policy_of(config);

	if (!p)
		return 1;
	for (unsigned int step = 0; step < STEPS; step += 2)
		for (unsigned int call = 0; call < CALLS; call++) {
			arrival_add(step, call);
			arrival_add(step + 1, call);
		}
	return passes_run(p);
}
