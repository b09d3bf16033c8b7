// SPDX-License-Identifier: MIT
/* What the sender of a refused request is told, so that he need not wait for timer B or F (RFC 3261
 * 17.1): the response of a stateless server (8.2.7), made of the request alone. The same request is
 * told the same by each member, and the ACK to it is known by the tag that only we could give. */
#include "proto/sip/answer.h"

#include <arpa/inet.h>
#include <ringfence/limits.h>

#include "proto/sip/parse.h"

#define PORT_LEAST 1024
#define TAG_DIGITS 12                /* RFC 3261 19.3 asks for 32 bits: 48 */

static const struct told {
	const char *phrase;
	uint16_t status;             /* 0: nothing is said */
	uint16_t retry_s;
} told[REASON_COUNT] = {
#define SIP_ANSWER(reason, code, text, retry)                                                      \
	[REASON_##reason] = { .phrase = text, .status = code, .retry_s = retry },
#include "proto/sip/sip_answers.def"
#undef SIP_ANSWER
};

static const char *const sentences[REASON_COUNT] = {
#define REASON(name, protection, sentence) [REASON_##name] = sentence,
#include <ringfence/reason.def>
#undef REASON
};

/* An ACK repeats Call-ID, From, CSeq's number and the branch of the request that failed (RFC 3261
 * 17.1.1.3). None of these is translated. */
static void add_tag(const struct sip_message *m, const struct inspect_in *in, struct text *ret)
{
	const struct slice parts[] = { SLICE("answer"), m->call_id, m->from.tag,
				       m->vias.at[0].branch,
				       slice_make(&m->cseq, sizeof(m->cseq)) };
	const struct hash128 hash = hash_parts(in->key, parts, 5);

	text_hex(ret, slice_make(hash.words, TAG_DIGITS / 2));
}

bool sip_acks_answer(const struct sip_message *m, const struct inspect_in *in)
{
	char buffer[TAG_DIGITS + 1];
	struct text tag = text_make(buffer, sizeof(buffer));

	if (!m->is_request || m->method != SIP_METHOD_ack || m->to.tag.length != TAG_DIGITS)
		return false;
	add_tag(m, in, &tag);
	return slice_equal(m->to.tag, slice_make(tag.bytes, tag.length));
}

/* Hosts that may send SIP by some rule, servers, and who is known by a call or registration. An
 * address from another zone than its own is nobody's. */
static bool may_hear(const struct inspect_in *in)
{
	const struct endpoint *source = &in->flow->source;
	const struct policy *p = in->policy;
	uint16_t zone = in->flow->zones[0];

	if (zone == ZONE_NONE || policy_zone_of(p, &source->address) != zone)
		return false;
	for (uint32_t i = 0; i < p->rule_count; i++)
		if (p->rules[i].from & 1u << zone && p->rules[i].allow & 1u << SIP_PROTOCOL)
			return true;
	return sip_is_server(in, &source->address) ||
	       (in->around->named && in->around->named(in->around->state, source, zone));
}

/* RFC 3261 18.2.2, RFC 3581 4: to whom sent it, at the port that he says; never to another host. */
static bool find_way(const struct sip_message *m, const struct inspect_in *in,
		     struct endpoint *ret_to)
{
	const struct sip_via *via = &m->vias.at[0];
	struct slice maddr;

	*ret_to = in->flow->source;
	if (in->flow->transport != IPPROTO_UDP)
		return true;
	if (!via->has_rport)
		ret_to->port = htons(sip_via_port(via));
	return ntohs(ret_to->port) >= PORT_LEAST &&
	       !sip_param(via->params, SLICE("maddr"), &maddr);
}

/* Behind the name of an rport without value; where there is none 0. */
static size_t bare_rport(const struct sip_via *via, struct slice line)
{
	struct slice params = via->params;
	struct sip_param_item item;

	while (sip_next_param(&params, &item) > 0)
		if (sip_name_is(item.name, SLICE("rport")) && !item.has_value)
			return slice_offset(line, item.name) + item.name.length;
	return 0;
}

/* RFC 3261 18.2.1, RFC 3581 4: the topmost Via says where its request was seen to come from. */
static void add_top_via(struct text *t, const struct sip_message *m, const struct inspect_in *in,
			struct slice line)
{
	const struct sip_via *via = &m->vias.at[0];
	const struct endpoint *source = &in->flow->source;
	size_t end = slice_offset(line, via->text) + via->text.length;
	size_t rport = bare_rport(via, line);

	text_add(t, slice_part(line, 0, rport));
	if (rport) {
		text_char(t, '=');
		text_number(t, ntohs(source->port));
	}
	text_add(t, slice_part(line, rport, end - rport));
	if (!via->received.length &&
	    (rport || !via->sent_by.is_address ||
	     !address_equal(&via->sent_by.address, &source->address))) {
		text_string(t, ";received=");
		text_address(t, &source->address);
	}
	text_add(t, slice_from(line, end));
}

static void add_to(struct text *t, const struct sip_message *m, const struct inspect_in *in)
{
	struct slice line = sip_header_first(m, SIP_HEADER_to)->line;
	size_t end = slice_offset(line, m->to.text) + m->to.text.length;

	text_add(t, slice_part(line, 0, end));
	if (!m->to.tag.length) {
		text_string(t, ";tag=");
		add_tag(m, in, t);
	}
	text_add(t, slice_from(line, end));
}

/* RFC 3261 8.2.6.2 */
static void add_copied(struct text *t, const struct sip_message *m, const struct inspect_in *in)
{
	const struct sip_header *h = sip_header_first(m, SIP_HEADER_via);

	add_top_via(t, m, in, h->line);
	while ((h = sip_header_next(m, h)))
		text_add(t, h->line);
	text_add(t, sip_header_first(m, SIP_HEADER_from)->line);
	add_to(t, m, in);
	text_add(t, sip_header_first(m, SIP_HEADER_call_id)->line);
	text_add(t, sip_header_first(m, SIP_HEADER_cseq)->line);
}

static void add_start(struct text *t, const struct told *what)
{
	text_string(t, "SIP/2.0 ");
	text_number(t, what->status);
	text_char(t, ' ');
	text_string(t, what->phrase);
	text_string(t, "\r\n");
}

/* What a short request leaves no room for. */
static void add_explained(struct text *t, const struct told *what, enum reason reason)
{
	/* RFC 3261 20.43 */
	if (what->status == 488) {
		text_string(t, "Warning: 399 ringfence \"");
		text_string(t, sentences[reason]);
		text_string(t, "\"\r\n");
	}
	/* RFC 3261 20.33 */
	if (what->retry_s) {
		text_string(t, "Retry-After: ");
		text_number(t, what->retry_s);
		text_string(t, "\r\n");
	}
}

/* Whoever forges a sender shall not have him sent more than he sends himself. */
static struct text write(const struct sip_message *m, const struct inspect_in *in,
			 enum reason reason, bool explains)
{
	size_t most = in->raw.length < LIMIT_ANSWER_BYTES ? in->raw.length : LIMIT_ANSWER_BYTES;
	char *room = arena_take_raw(in->arena, most + 1);
	struct text t = { .cut = true };

	if (!room)
		return t;
	t = text_make(room, most + 1);
	add_start(&t, &told[reason]);
	add_copied(&t, m, in);
	if (explains)
		add_explained(&t, &told[reason], reason);
	text_string(&t, "Content-Length: 0\r\n\r\n");
	return t;
}

uint16_t sip_answer(const void *msg, const struct inspect_in *in, enum reason reason,
		    struct sends *ret)
{
	const struct sip_message *m = msg;
	struct endpoint to;
	struct text t;

	/* RFC 3261 17.1.1.3: nobody waits for an answer to an ACK. */
	if (!m->is_request || m->method == SIP_METHOD_ack || !told[reason].status ||
	    in->policy->sip_is_silent || !may_hear(in) || !find_way(m, in, &to))
		return 0;
	t = write(m, in, reason, true);
	if (t.cut)
		t = write(m, in, reason, false);
	if (t.cut)
		return 0;
	ret->items[0].from = in->flow->destination;
	ret->items[0].to = to;
	ret->items[0].bytes = slice_make(t.bytes, t.length);
	ret->count = 1;
	return told[reason].status;
}
