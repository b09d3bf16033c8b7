// SPDX-License-Identifier: MIT
/* MGCP as the journey sees it. */
#include "proto/mgcp/judge.h"

/* A datagram is whole: nothing is kept between calls. */
static ssize_t frame(struct slice bytes, size_t *resume)
{
	(void)resume;
	return mgcp_frame(bytes);
}

static int parse(struct slice raw, struct arena *arena, const void **ret_msg, struct fault *reterr)
{
	const struct mgcp_message *m;
	int error = mgcp_parse(raw, arena, &m, reterr);

	if (!error)
		*ret_msg = m;
	return error;
}

/* Both ends in one zone: no door, the message passes (the guard's rule, asked early). */
static void inspect(const void *msg, const struct inspect_in *in, struct outcome *ret)
{
	struct mgcp_judge j = { .m = msg, .in = in, .out = ret, .batch = &ret->batch };

	batch_init(&ret->batch, in->arena);
	ret->judgement = JUDGEMENT_ACCEPT;
	if (in->flow->zones[0] == in->flow->zones[1])
		return;
	if (in->flow->zones[0] == ZONE_NONE || in->flow->zones[1] == ZONE_NONE) {
		mgcp_judge_refuse(&j, REASON_message_no_zone, j.m->start_line);
		return;
	}
	mgcp_judge_begin(&j);
	if (j.m->is_command)
		mgcp_judge_command(&j);
	else
		mgcp_judge_response(&j);
}

static void explain(const void *msg, struct text *ret)
{
	const struct mgcp_message *m = msg;

	text_add(ret, m->is_command ? m->verb_text : slice_part(m->start_line, 0, 3));
	text_char(ret, ' ');
	text_add(ret, m->is_command ? m->endpoint.text : m->comment);
	text_string(ret, " (");
	text_add(ret, m->transaction_text);
	text_char(ret, ')');
}

static struct slice call_name(const void *msg)
{
	return ((const struct mgcp_message *)msg)->call;
}

const struct protocol_ops mgcp_protocol = {
	.name = "mgcp",
	.several = true,
	.close = mgcp_close,
	.frame = frame,
	.parse = parse,
	.wants = mgcp_wants,
	.inspect = inspect,
	.timeout = mgcp_timeout,
	.mentions = mgcp_mentions,
	.explain = explain,
	.call_name = call_name,
};
