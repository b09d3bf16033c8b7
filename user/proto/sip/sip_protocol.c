// SPDX-License-Identifier: MIT
/* SIP as the journey sees it. */
#include "proto/sip/answer.h"
#include "proto/sip/sip_protocol.h"

/* A keep-alive (RFC 5626 3.5.1) is no message: length 0. */
static ssize_t frame(struct slice bytes, size_t *resume)
{
	if (!*resume && sip_is_keepalive(bytes))
		return 0;
	return sip_frame(bytes, resume);
}

static int parse(struct slice raw, struct arena *arena, const void **ret_msg, struct fault *reterr)
{
	const struct sip_message *m;
	int error = sip_parse(raw, arena, &m, reterr);

	if (!error)
		*ret_msg = m;
	return error;
}

/* Both ends in one zone: no door, the message passes (the guard's rule, asked early). */
static void inspect(const void *msg, const struct inspect_in *in, struct outcome *ret)
{
	struct judge j = { .m = msg, .in = in, .out = ret };

	batch_init(&ret->batch, in->arena);
	ret->judgement = JUDGEMENT_ACCEPT;
	if (in->flow->zones[0] == in->flow->zones[1])
		return;
	if (sip_acks_answer(msg, in)) {
		ret->judgement = JUDGEMENT_CONSUME;
		return;
	}
	if (in->flow->zones[0] == ZONE_NONE || in->flow->zones[1] == ZONE_NONE) {
		judge_refuse(&j, REASON_message_no_zone, j.m->start_line);
		return;
	}
	if (judge_begin(&j))
		return;
	if (j.m->is_request)
		judge_request(&j);
	else
		judge_response(&j);
	judge_finish(&j);
}

static void explain(const void *msg, struct text *ret)
{
	const struct sip_message *m = msg;

	if (m->is_request) {
		text_add(ret, m->method_text);
		text_char(ret, ' ');
		text_add(ret, m->request_uri.text);
		return;
	}
	text_number(ret, m->status);
	text_char(ret, ' ');
	text_add(ret, m->reason_phrase);
	text_string(ret, " (");
	text_add(ret, m->cseq_method_text);
	text_char(ret, ')');
}

static struct slice call_name(const void *msg)
{
	return ((const struct sip_message *)msg)->call_id;
}

const struct protocol_ops sip_protocol = {
	.name = "sip",
	.streams = true,
	.frame = frame,
	.parse = parse,
	.wants = sip_wants,
	.inspect = inspect,
	.timeout = sip_timeout,
	.mentions = sip_mentions,
	.answer = sip_answer,
	.explain = explain,
	.call_name = call_name,
};
