// SPDX-License-Identifier: MIT
/* Translation of SIP: what leaves as its receiver may see it, what comes in as if nobody translated.
 * The oracle of the way in is the message that a gateway without nat: would have carried. */
#include "golden/world.h"
#include "state/mappings.h"

#define OUTSIDE "10.77.2.1"
#define STATIC_HOST "10.77.1.50"
#define STATIC_OUTSIDE "10.77.2.50"

static const char nat_config[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24] }\n"
	"  out: { networks: [10.77.2.0/24] }\n"
	"servers:\n"
	"  pbx: { addresses: [10.77.2.10], zone: out, speaks: [sip], part: proxy }\n"
	"rules:\n"
	"  - { name: both, from: [in, out], to: [in, out], allow: [sip] }\n"
	"nat:\n"
	"  gate: { zone: in, seen_from: out, hosts: [10.77.1.50], static: 10.77.2.50 }\n"
	"  phones: { zone: in, seen_from: out, hide: 10.77.2.1, ports: 20000-20099 }\n";

static int set_up_nat(void **state)
{
	(void)state;
	return world_open(nat_config);
}

#define NAT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_nat, tear_down)

/* The text with each `from` replaced. */
static const char *replaced(const char *text, const char *from, const char *to)
{
	static char buffers[4][4096];
	static int next;
	char *out = buffers[next++ % 4], *at = out;

	for (const char *found; (found = strstr(text, from)); text = found + strlen(from))
		at += sprintf(at, "%.*s%s", (int)(found - text), text, to);
	strcpy(at, text);
	return out;
}

/* "HOST:PORT" as the outside sees it; NULL: it has no mapping. */
static const char *seen(const char *host, uint16_t port)
{
	static char texts[8][64];
	static int next;
	const struct endpoint inside = endpoint(host, port);
	char *text = texts[next++ % 8];
	struct text t = text_make(text, 64);
	struct endpoint out;

	if (!w.journey.around.nat.outside(w.journey.around.nat.state, &inside, 2, &out))
		return NULL;
	text_endpoint(&t, &out.address, out.port);
	return text;
}

static uint16_t seen_port(const char *host, uint16_t port)
{
	const char *text = seen(host, port);

	assert_non_null(text);
	return (uint16_t)atoi(strchr(text, ':') + 1);
}

static const char *call_of(const char *phone, const char *id, const char *start, const char *cseq,
			   const char *branch, bool answers, const char *sdp)
{
	static char via[64], from[64], contact[128];

	snprintf(via, sizeof(via), "%s:5060", phone);
	snprintf(from, sizeof(from), "<sip:a@example.org>;tag=%s", id);
	snprintf(contact, sizeof(contact), "Contact: <sip:a@%s:5060>" CRLF,
		 answers ? PBX : phone);
	return say(&(struct say){ .start = start, .via = via, .branch = branch, .from = from,
				  .to = answers ? CALLEE ";tag=b1" : CALLEE, .call_id = id,
				  .cseq = cseq, .more = contact, .sdp = sdp });
}

static void call_out(const char *phone, uint16_t media, const char *id)
{
	pass(phone, 5060, PBX, call_of(phone, id, "INVITE sip:b@" PBX " SIP/2.0", "1 INVITE", id,
				       false, sdp_of(phone, media, "")));
}

static void from_outside(const char *text, uint16_t to_port)
{
	arrive(1, endpoint(PBX, 5060), endpoint(OUTSIDE, to_port), text);
}

/* The PBX answers what it saw: a Via and nothing else of the phone. */
static const char *answer_to(const char *phone, const char *id)
{
	return call_of(phone, id, "SIP/2.0 200 OK", "1 INVITE", id, true,
		       sdp_of(PBX, 17000, ""));
}

static void accept_call(const char *phone, const char *id)
{
	const char *inside = answer_to(phone, id);

	from_outside(replaced(inside, PHONE ":5060", seen(phone, 5060)), seen_port(phone, 5060));
}

static void an_invite_names_the_outside_address_alone(void **state)
{
	const char *body, *length;
	uint16_t media;

	(void)state;
	call_out(PHONE, 16000, "one");
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_null(strstr(w.sent_text, "10.77.1."));
	assert_non_null(strstr(w.sent_text, replaced("Via: SIP/2.0/UDP X;", "X", seen(PHONE, 5060))));
	assert_non_null(strstr(w.sent_text, replaced("<sip:a@X>" CRLF, "X", seen(PHONE, 5060))));
	assert_non_null(strstr(w.sent_text, "o=- 1 1 IN IP4 " OUTSIDE CRLF));
	assert_non_null(strstr(w.sent_text, "c=IN IP4 " OUTSIDE CRLF));
	media = (uint16_t)atoi(strstr(w.sent_text, "m=audio ") + 8);
	assert_int_equal(media, seen_port(PHONE, 16000));
	body = strstr(w.sent_text, CRLF CRLF) + 4;
	length = strstr(w.sent_text, "Content-Length: ") + 16;
	assert_int_equal(atoi(length), strlen(body));
}

static void the_message_leaves_from_where_its_via_says(void **state)
{
	const struct endpoint pbx = endpoint(PBX, 5060);
	struct endpoint from;

	(void)state;
	call_out(PHONE, 16000, "one");
	from = endpoint(OUTSIDE, seen_port(PHONE, 5060));
	assert_memory_equal(&w.leaves.source, &from, sizeof(from));
	assert_memory_equal(&w.leaves.destination, &pbx, sizeof(pbx));
}

/* RFC 3550 11: RTP on an even port, its RTCP on the next. */
static void rtp_keeps_an_even_port_and_its_rtcp_the_next(void **state)
{
	(void)state;
	call_out(PHONE, 16000, "one");
	assert_int_equal(seen_port(PHONE, 16000) % 2, 0);
	assert_int_equal(seen_port(PHONE, 16001), seen_port(PHONE, 16000) + 1);
}

static const struct door_row *door_to(const char *host, uint16_t port)
{
	const struct endpoint to = endpoint(host, port);
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(w.tables, ROW_door, &cursor, &row)) {
		const struct door_row *door = row.value;

		if (door->key.destination_port == to.port && door->kind == DOOR_MEDIA &&
		    door->key.source_port && address_equal(&door->key.destination, &to.address))
			return door;
	}
	return NULL;
}

static void an_answer_comes_in_as_if_nobody_had_translated(void **state)
{
	const struct endpoint phone = endpoint(PHONE, 5060);
	char expected[4096];

	(void)state;
	call_out(PHONE, 16000, "one");
	strcpy(expected, answer_to(PHONE, "one"));
	accept_call(PHONE, "one");
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_string_equal(w.sent_text, expected);
	assert_memory_equal(&w.leaves.destination, &phone, sizeof(phone));
}

static void media_arrives_at_and_leaves_from_what_was_announced(void **state)
{
	const struct door_row *in, *out;
	struct endpoint outside;

	(void)state;
	call_out(PHONE, 16000, "one");
	accept_call(PHONE, "one");
	outside = endpoint(OUTSIDE, seen_port(PHONE, 16000));
	in = door_to(PHONE, 16000);
	out = door_to(PBX, 17000);
	assert_memory_equal(&in->arrives_at, &outside, sizeof(outside));
	assert_int_equal(in->leaves_from.port, 0);
	assert_memory_equal(&out->leaves_from, &outside, sizeof(outside));
	assert_int_equal(out->arrives_at.port, 0);
}

/* Two phones with the same ports: nobody outside can mistake one for the other. */
static void phones_behind_one_address_have_ports_of_their_own(void **state)
{
	(void)state;
	call_out(PHONE, 16000, "one");
	call_out(OTHER_PHONE, 16000, "two");
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_not_equal(seen_port(PHONE, 5060), seen_port(OTHER_PHONE, 5060));
	assert_int_not_equal(seen_port(PHONE, 16000), seen_port(OTHER_PHONE, 16000));
}

static void a_repeat_leaves_with_the_same_words(void **state)
{
	char first[4096];

	(void)state;
	call_out(PHONE, 16000, "one");
	strcpy(first, w.sent_text);
	call_out(PHONE, 16000, "one");
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_string_equal(w.sent_text, first);
}

/* 100 ports; a call takes two pairs of them, one for signalling. */
static void a_call_without_a_port_left_is_refused_and_opens_nothing(void **state)
{
	char id[16];
	int calls = 0;

	(void)state;
	for (; calls < 60; calls++) {
		snprintf(id, sizeof(id), "id%d", calls);
		call_out(PHONE, (uint16_t)(16000 + 2 * calls), id);
		if (w.judgement != JUDGEMENT_ACCEPT)
			break;
	}
	assert_int_equal(calls, 49);
	assert_int_equal(w.reason, REASON_nat_exhausted);
	assert_int_equal(tables_count(w.tables, ROW_call), 49);
	assert_null(seen(PHONE, (uint16_t)(16000 + 2 * calls)));
}

/* A port that was given back rests, and is free again afterwards. */
static void a_mapping_ends_with_its_call_and_its_port_rests(void **state)
{
	const struct endpoint other = endpoint(OTHER_PHONE, 16000);
	const struct nat_view *nat = &w.journey.around.nat;
	struct endpoint outside;

	(void)state;
	call_out(PHONE, 16000, "one");
	outside = endpoint(OUTSIDE, seen_port(PHONE, 16000));
	for (int i = 0; i < 100 && seen(PHONE, 16000); i++)
		run_timers(10);
	assert_null(seen(PHONE, 16000));
	assert_false(nat->is_free(nat->state, &outside, &other));
	mappings_clock(apply_mappings(w.apply), w.now_ns + 29 * SECOND);
	assert_false(nat->is_free(nat->state, &outside, &other));
	mappings_clock(apply_mappings(w.apply), w.now_ns + 31 * SECOND);
	assert_true(nat->is_free(nat->state, &outside, &other));
	run_timers(HOUR);
	assert_int_equal(mappings_count(apply_mappings(w.apply)), 0);
}

static void a_static_host_keeps_its_ports(void **state)
{
	(void)state;
	call_out(STATIC_HOST, 16000, "one");
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_null(strstr(w.sent_text, "10.77.1."));
	assert_non_null(strstr(w.sent_text, "Via: SIP/2.0/UDP " STATIC_OUTSIDE ":5060;"));
	assert_non_null(strstr(w.sent_text, "m=audio 16000 RTP/AVP"));
	assert_non_null(strstr(w.sent_text, "c=IN IP4 " STATIC_OUTSIDE CRLF));
}

/* Endpoint to endpoint: a static host can be called without having said a word. */
static void a_static_host_is_called_from_outside(void **state)
{
	const char *inside = say(&(struct say){
		.start = "INVITE sip:a@" STATIC_HOST " SIP/2.0", .via = PBX ":5060", .branch = "in",
		.from = "<sip:b@" PBX ">;tag=p", .to = "<sip:a@" STATIC_HOST ">", .call_id = "in",
		.cseq = "1 INVITE", .more = "Contact: <sip:b@" PBX ":5060>" CRLF,
		.sdp = sdp_of(PBX, 17000, "") });
	char expected[4096];

	(void)state;
	strcpy(expected, inside);
	arrive(1, endpoint(PBX, 5060), endpoint(STATIC_OUTSIDE, 5060),
	       replaced(expected, STATIC_HOST, STATIC_OUTSIDE));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_string_equal(w.sent_text, expected);
}

/* RFC 3264: the phone itself names our address and a port that is not its own. */
static void an_outside_address_that_nobody_has_opens_nothing(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, call_of(PHONE, "one", "INVITE sip:b@" PBX " SIP/2.0", "1 INVITE",
				       "one", false, sdp_of(OUTSIDE, 20050, "")));
	assert_int_equal(w.judgement, JUDGEMENT_REFUSE);
	assert_int_equal(w.open_count, 0);
}

static const char *registration(const char *start, bool answers)
{
	return say(&(struct say){ .start = start, .branch = "reg", .cseq = "1 REGISTER",
				  .from = "<sip:a@pbx.example>;tag=a1",
				  .to = answers ? "<sip:a@pbx.example>;tag=r1" :
						  "<sip:a@pbx.example>",
				  .call_id = "reg", .more = "Contact: <sip:a@" PHONE ":5060>" CRLF });
}

static void enrol(void)
{
	pass(PHONE, 5060, PBX, registration("REGISTER sip:pbx.example SIP/2.0", false));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	from_outside(replaced(registration("SIP/2.0 200 OK", true), PHONE ":5060",
			      seen(PHONE, 5060)), seen_port(PHONE, 5060));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
}

/* The binding holds the mapping: the registrar may come back an hour later. */
static void a_registered_phone_stays_where_its_registrar_saw_it(void **state)
{
	uint16_t port;

	(void)state;
	enrol();
	port = seen_port(PHONE, 5060);
	run_timers(600);
	assert_int_equal(seen_port(PHONE, 5060), port);
	run_timers(HOUR);
	assert_null(seen(PHONE, 5060));
}

static const char *call_in(const char *start, const char *to_tag, const char *contact,
			   const char *sdp)
{
	char to[64];

	snprintf(to, sizeof(to), "<sip:a@pbx.example>%s", to_tag);
	return say(&(struct say){ .start = start, .via = PBX ":5060", .branch = "in",
				  .from = "<sip:b@pbx.example>;tag=p", .to = to, .call_id = "in",
				  .cseq = "1 INVITE", .more = contact, .sdp = sdp });
}

/* Who answers names his own media alone; that the caller's was named before is not forgotten, though
 * nothing was open towards it while nobody knew who would answer. */
static void a_hidden_phone_is_called_and_answers(void **state)
{
	const struct door_row *out;
	struct endpoint outside;
	char invite[4096];

	(void)state;
	enrol();
	strcpy(invite, call_in("INVITE sip:a@" PHONE ":5060 SIP/2.0", "",
			       "Contact: <sip:b@" PBX ":5060>" CRLF, sdp_of(PBX, 17000, "")));
	from_outside(replaced(invite, PHONE ":5060", seen(PHONE, 5060)), seen_port(PHONE, 5060));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_string_equal(w.sent_text, invite);
	assert_null(permit_to(NULL, 0, PBX, 17000));
	pass(PHONE, 5060, PBX, call_in("SIP/2.0 200 OK", ";tag=a",
				       "Contact: <sip:a@" PHONE ":5060>" CRLF,
				       sdp_of(PHONE, 16000, "")));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_null(strstr(w.sent_text, PHONE));
	outside = endpoint(OUTSIDE, seen_port(PHONE, 16000));
	out = door_to(PBX, 17000);
	assert_memory_equal(&out->leaves_from, &outside, sizeof(outside));
}

/* Both phones of the call are behind the gate: each is told where the other really is. */
static void two_hidden_phones_are_told_of_each_other(void **state)
{
	char offer[4096];

	(void)state;
	enrol();
	call_out(OTHER_PHONE, 16000, "hair");
	strcpy(offer, w.sent_text);
	from_outside(replaced(replaced(offer, "sip:b@" PBX, "sip:a@X"), "X", seen(PHONE, 5060)),
		     seen_port(PHONE, 5060));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_non_null(strstr(w.sent_text, "c=IN IP4 " OTHER_PHONE CRLF));
	assert_non_null(strstr(w.sent_text, "m=audio 16000 RTP/AVP"));
	assert_non_null(strstr(w.sent_text, "o=- 1 1 IN IP4 " OTHER_PHONE CRLF));
}

/* RFC 3261 18.2.2: the answer comes from where the call went to. From elsewhere nobody outside has
 * seen anything. */
static void an_answer_from_an_unmapped_port_stays_here(void **state)
{
	char invite[4096];

	(void)state;
	enrol();
	strcpy(invite, call_in("INVITE sip:a@" PHONE ":5060 SIP/2.0", "",
			       "Contact: <sip:b@" PBX ":5060>" CRLF, sdp_of(PBX, 17000, "")));
	from_outside(replaced(invite, PHONE ":5060", seen(PHONE, 5060)), seen_port(PHONE, 5060));
	pass(PHONE, 5062, PBX, call_in("SIP/2.0 180 Ringing", ";tag=a", "", NULL));
	assert_int_equal(w.judgement, JUDGEMENT_REFUSE);
	assert_int_equal(w.reason, REASON_nat_unmapped);
}

/* RFC 3261 19.1.1: what is sent goes to maddr. RFC 3608: the way of the requests to come. */
static void what_leads_elsewhere_than_its_host_is_translated_where_it_leads(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX,
	     say(&(struct say){ .start = "INVITE sip:b@" PBX " SIP/2.0", .via = PHONE ":5060",
				.branch = "m", .call_id = "m", .cseq = "1 INVITE",
				.more = "Contact: <sip:a@phone.example:5060;maddr=" PHONE ">" CRLF
					"Service-Route: <sip:" STATIC_HOST ":5060;lr>" CRLF,
				.sdp = sdp_of(PHONE, 16000, "") }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_null(strstr(w.sent_text, "10.77.1."));
	assert_non_null(strstr(w.sent_text, replaced("<sip:a@phone.example:P;maddr=" OUTSIDE ">", "P",
						     strchr(seen(PHONE, 5060), ':') + 1)));
	assert_non_null(strstr(w.sent_text, "Service-Route: <sip:" STATIC_OUTSIDE ":5060;lr>" CRLF));
}

static int set_up_split(void **state)
{
	(void)state;
	return world_open("zones:\n"
			  "  in: { networks: [10.77.1.0/24] }\n"
			  "  out: { networks: [10.77.2.0/24] }\n"
			  "rules:\n"
			  "  - { name: both, from: [in, out], to: [in, out], allow: [sip] }\n"
			  "nat:\n"
			  "  one: { zone: in, seen_from: out, hosts: [10.77.1.11], static: 10.77.2.50,"
			  " port: 16000 }\n"
			  "  all: { zone: in, seen_from: out, hide: 10.77.2.1 }\n");
}

/* RFC 8866 5.7: one c= for two lines, whose ports are seen at two addresses. */
static void an_address_that_would_have_to_be_two_is_refused(void **state)
{
	(void)state;
	pass(PHONE, 5060, PBX, call_of(PHONE, "one", "INVITE sip:b@" PBX " SIP/2.0", "1 INVITE",
				       "one", false,
				       sdp_of(PHONE, 16000, "m=video 16002 RTP/AVP 96" CRLF)));
	assert_int_equal(w.judgement, JUDGEMENT_REFUSE);
	assert_int_equal(w.reason, REASON_nat_contradiction);
	assert_int_equal(w.open_count, 0);
}

static int set_up_six(void **state)
{
	(void)state;
	return world_open("zones:\n"
			  "  in: { networks: [\"fd77:1::/64\"] }\n"
			  "  out: { networks: [\"2001:db8::/32\"] }\n"
			  "rules:\n"
			  "  - { name: both, from: [in, out], to: [in, out], allow: [sip] }\n"
			  "nat:\n"
			  "  all: { zone: in, seen_from: out, hosts: [\"fd77:1::/64\"],"
			  " static: \"2001:db8:5::/64\" }\n");
}

/* RFC 6296's purpose without its sums: another prefix, the rest of the address and the ports stay. */
static void a_prefix_of_ipv6_stands_for_another(void **state)
{
	(void)state;
	pass("fd77:1::11", 5060, "2001:db8::10",
	     say(&(struct say){ .start = "INVITE sip:b@[2001:db8::10] SIP/2.0",
				.via = "[fd77:1::11]:5060", .branch = "six",
				.from = "<sip:a@[fd77:1::11]>;tag=a", .to = "<sip:b@[2001:db8::10]>",
				.call_id = "six", .cseq = "1 INVITE",
				.more = "Contact: <sip:a@[fd77:1::11]:5060>" CRLF,
				.sdp = sdp_of("fd77:1::11", 16000, "") }));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_null(strstr(w.sent_text, "fd77:1:"));
	assert_non_null(strstr(w.sent_text, "UDP [2001:db8:5::11]:5060;"));
	assert_non_null(strstr(w.sent_text, "From: <sip:a@[2001:db8:5::11]>;tag=a" CRLF));
	assert_non_null(strstr(w.sent_text, "c=IN IP6 2001:db8:5::11" CRLF));
	assert_non_null(strstr(w.sent_text, "m=audio 16000 RTP/AVP"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NAT_TEST(an_invite_names_the_outside_address_alone),
		NAT_TEST(the_message_leaves_from_where_its_via_says),
		NAT_TEST(rtp_keeps_an_even_port_and_its_rtcp_the_next),
		NAT_TEST(an_answer_comes_in_as_if_nobody_had_translated),
		NAT_TEST(media_arrives_at_and_leaves_from_what_was_announced),
		NAT_TEST(phones_behind_one_address_have_ports_of_their_own),
		NAT_TEST(a_repeat_leaves_with_the_same_words),
		NAT_TEST(a_call_without_a_port_left_is_refused_and_opens_nothing),
		NAT_TEST(a_mapping_ends_with_its_call_and_its_port_rests),
		NAT_TEST(a_static_host_keeps_its_ports),
		NAT_TEST(a_static_host_is_called_from_outside),
		NAT_TEST(an_outside_address_that_nobody_has_opens_nothing),
		NAT_TEST(a_registered_phone_stays_where_its_registrar_saw_it),
		NAT_TEST(a_hidden_phone_is_called_and_answers),
		NAT_TEST(two_hidden_phones_are_told_of_each_other),
		NAT_TEST(an_answer_from_an_unmapped_port_stays_here),
		NAT_TEST(what_leads_elsewhere_than_its_host_is_translated_where_it_leads),
		cmocka_unit_test_setup_teardown(an_address_that_would_have_to_be_two_is_refused,
						set_up_split, tear_down),
		cmocka_unit_test_setup_teardown(a_prefix_of_ipv6_stands_for_another, set_up_six,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
