/* SPDX-License-Identifier: MIT */
/* The world of SIP calls: who is who, and what they say. */
#ifndef RINGFENCE_TESTS_GOLDEN_WORLD_H
#define RINGFENCE_TESTS_GOLDEN_WORLD_H

#include "golden/ground.h"

#define PHONE "10.77.1.11"
#define OTHER_PHONE "10.77.1.12"
#define PBX "10.77.2.10"
#define PHONE6 "fd77:1::11"
#define PBX6 "fd77:2::10"
#define GUEST "10.77.3.9"

static const char config[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24, \"fd77:1::/64\"] }\n"
	"  out: { networks: [10.77.2.0/24, \"fd77:2::/64\"] }\n"
	"  guests: { networks: [10.77.3.0/24] }\n"
	"servers:\n"
	"  pbx: { addresses: [10.77.2.10, \"fd77:2::10\"], zone: out, speaks: [sip], part: proxy }\n"
	"rules:\n"
	"  - { name: both, from: [in, out], to: [in, out], allow: [sip] }\n"
	"protections: { sip: { mode: enforce, methods: { deny: [MESSAGE] } } }\n";

static inline int set_up(void **state)
{
	(void)state;
	return world_open(config);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static inline void pass(const char *from, uint16_t port, const char *to, const char *text)
{
	arrive(1, endpoint(from, port), endpoint(to, 5060), text);
}

/* Headers of one message; what is NULL is the caller's ordinary. */
struct say {
	const char *start, *via, *branch, *from, *to, *call_id, *cseq;
	const char *more;            /* header lines, each with its end */
	const char *sdp;             /* NULL or empty: no body          */
};

#define CALLER "<sip:a@" PHONE ">"
#define CALLEE "<sip:b@" PBX ">"

static inline const char *say(const struct say *s)
{
	static char text[8192];
	const char *sdp = s->sdp ?: "";

	snprintf(text, sizeof(text),
		 "%s" CRLF "Via: SIP/2.0/UDP %s;branch=z9hG4bK%s" CRLF "From: %s" CRLF "To: %s" CRLF
		 "Call-ID: %s" CRLF "CSeq: %s" CRLF "Max-Forwards: 70" CRLF "%s%s"
		 "Content-Length: %zu" CRLF CRLF "%s",
		 s->start, s->via ?: PHONE ":5060", s->branch, s->from ?: CALLER ";tag=a1",
		 s->to ?: CALLEE, s->call_id ?: "one@" PHONE, s->cseq, s->more ?: "",
		 *sdp ? "Content-Type: application/sdp" CRLF : "", strlen(sdp), sdp);
	return text;
}

/* A message of the one call that most tests make; `to_tag` NULL: none. */
static inline const char *message(const char *start, const char *branch, const char *cseq,
				  const char *to_tag, const char *sdp)
{
	char to[128];
	struct say s = { .start = start, .branch = branch, .cseq = cseq, .to = to, .sdp = sdp };

	snprintf(to, sizeof(to), CALLEE "%s%s", to_tag ? ";tag=" : "", to_tag ?: "");
	return say(&s);
}

/* One audio line; `more` goes behind it. */
static inline const char *sdp_of(const char *host, uint16_t port, const char *more)
{
	const char *net = strchr(host, ':') ? "IP6" : "IP4";
	static char texts[2][3072];  /* an offer and its answer live side by side */
	static int next;
	char *text = texts[next ^= 1];

	snprintf(text, sizeof(texts[0]),
		 "v=0" CRLF "o=- 1 1 IN %s %s" CRLF "s=-" CRLF "c=IN %s %s" CRLF "t=0 0" CRLF
		 "m=audio %u RTP/AVP 8" CRLF "%s", net, host, net, host, port, more);
	return text;
}

static inline void invite_with(const char *sdp)
{
	pass(PHONE, 5060, PBX,
	     message("INVITE sip:b@" PBX " SIP/2.0", "i1", "1 INVITE", NULL, sdp));
}

static inline void invite(void)
{
	invite_with(sdp_of(PHONE, 16000, ""));
}

static inline void answer(const char *status, const char *tag, const char *sdp)
{
	pass(PBX, 5060, PHONE, message(status, "i1", "1 INVITE", tag, sdp));
}

static inline void ack(const char *tag, const char *sdp)
{
	pass(PHONE, 5060, PBX, message("ACK sip:b@" PBX " SIP/2.0", "a1", "1 ACK", tag, sdp));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

static inline void set_up_call_with(const char *offer, const char *answered)
{
	invite_with(offer);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	answer("SIP/2.0 200 OK", "b1", answered);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	ack("b1", "");
}

static inline void set_up_call(void)
{
	set_up_call_with(sdp_of(PHONE, 16000, ""), sdp_of(PBX, 17000, ""));
}

static inline void hang_up(void)
{
	pass(PHONE, 5060, PBX, message("BYE sip:b@" PBX " SIP/2.0", "y1", "9 BYE", "b1", ""));
	pass(PBX, 5060, PHONE, message("SIP/2.0 200 OK", "y1", "9 BYE", "b1", ""));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

/* The caller offers anew in the dialog, and is answered. */
static inline void reinvite(int number, const char *offer, const char *status, const char *answered)
{
	char branch[16], cseq[32];

	snprintf(branch, sizeof(branch), "r%d", number);
	snprintf(cseq, sizeof(cseq), "%d INVITE", number);
	pass(PHONE, 5060, PBX, message("INVITE sip:b@" PBX " SIP/2.0", branch, cseq, "b1", offer));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	pass(PBX, 5060, PHONE, message(status, branch, cseq, "b1", answered));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

#endif
