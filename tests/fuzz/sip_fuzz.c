/* SPDX-License-Identifier: MIT */
/* Any bytes as a SIP message. What must hold: the same bytes twice give the same result, all slices
 * lie inside the bytes, the arena is never exceeded, a frame is never longer than its stream. */
#include <assert.h>
#include <errno.h>

#include "proto/sip/answer.h"
#include "proto/sip/digest.h"
#include "proto/sip/sip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t arena_bytes[2][LIMIT_ARENA_BYTES];

static void check_slice(struct slice raw, struct slice s)
{
	if (s.length == 0)
		return;
	assert(s.bytes >= raw.bytes && s.bytes + s.length <= raw.bytes + raw.length);
}

static void check_uri(struct slice raw, const struct sip_uri *u)
{
	check_slice(raw, u->text);
	check_slice(raw, u->user);
	check_slice(raw, u->host.text);
	check_slice(raw, u->host.port_text);
	check_slice(raw, u->params);
	check_slice(raw, u->headers);
	check_slice(raw, u->maddr);
	check_slice(raw, u->gr);
}

static void check_party(struct slice raw, const struct sip_party *p)
{
	check_slice(raw, p->text);
	check_slice(raw, p->display);
	check_uri(raw, &p->uri);
	check_slice(raw, p->params);
	check_slice(raw, p->tag);
}

static void check_parties(struct slice raw, const struct sip_parties *parties)
{
	for (uint32_t i = 0; i < parties->count; i++)
		check_party(raw, &parties->at[i]);
}

static void check_digest(struct slice raw, struct slice value)
{
	struct sip_digest digest;
	struct slice next;

	if (sip_parse_digest(value, &digest)) {
		check_slice(raw, digest.realm);
		check_slice(raw, digest.nonce);
	}
	if (sip_parse_next_nonce(value, &next))
		check_slice(raw, next);
}

static void check_lists(const struct sip_message *m)
{
	for (uint32_t i = 0; i < m->header_count; i++) {
		check_digest(m->raw, m->headers[i].value);
		check_slice(m->raw, m->headers[i].name);
		check_slice(m->raw, m->headers[i].value);
		check_slice(m->raw, m->headers[i].line);
	}
	for (uint32_t i = 0; i < m->vias.count; i++) {
		check_slice(m->raw, m->vias.at[i].sent_by.text);
		check_slice(m->raw, m->vias.at[i].params);
		check_slice(m->raw, m->vias.at[i].branch);
		check_slice(m->raw, m->vias.at[i].received);
	}
	for (uint32_t i = 0; i < m->contacts.count; i++)
		check_party(m->raw, &m->contacts.at[i].party);
	check_parties(m->raw, &m->routes);
	check_parties(m->raw, &m->record_routes);
	check_parties(m->raw, &m->paths);
}

static void check_message(const struct sip_message *m, struct arena *arena)
{
	struct sip_replaces replaces;
	struct slice body, text;
	struct sip_party party;

	assert(m->vias.count > 0 && m->call_id.length > 0);
	check_slice(m->raw, m->call_id);
	check_slice(m->raw, m->method_text);
	check_slice(m->raw, m->content_params);
	check_slice(m->raw, m->head);
	check_slice(m->raw, m->body);
	check_uri(m->raw, &m->request_uri);
	check_party(m->raw, &m->from);
	check_party(m->raw, &m->to);
	check_lists(m);
	(void)sip_has_option(m, SIP_HEADER_supported, SLICE("replaces"));
	(void)sip_parse_replaces(m->replaces, &replaces);
	if (sip_parse_party(m->refer_to, &party) &&
	    sip_uri_header(&party.uri, SLICE("Replaces"), &text) &&
	    sip_unescape(text, arena, &text))
		(void)sip_parse_replaces(text, &replaces);
	if (sip_sdp_body(m, arena, &body, NULL) == 0)
		check_slice(m->body, body);
}

/* What answers a message of anybody's is no longer than it, a response that we read ourselves, and of
 * the same transaction: Call-ID, CSeq and as many Vias. Our own ACK to it is known. */
static void check_answer(const struct sip_message *m, struct arena *arena)
{
	static struct policy policy = { .zone_count = 1, .rule_count = 1 };
	const struct flow_info flow = { .source = { { { 1 } }, 0x1027, 0 }, .zones = { 1, 0 },
					.transport = 17 };
	const struct surroundings around = { .own_count = 0 };
	const struct hash_key key = { { 1, 2 } };
	const struct inspect_in in = { .raw = m->raw, .flow = &flow, .policy = &policy,
				       .around = &around, .key = &key, .arena = arena };
	const struct sip_message *answer;
	struct sip_message ack = *m;
	struct fault fault;
	struct sends sends;

	policy.rules[0] = (struct rule){ .from = 1 << 1, .allow = 1 << 1 };
	if (!sip_answer(m, &in, REASON_sip_stream_denied, &sends))
		return;
	assert(m->is_request && sends.count == 1 && sends.items[0].bytes.length <= m->raw.length);
	assert(!sip_parse(sends.items[0].bytes, arena, &answer, &fault));
	assert(!answer->is_request && answer->status == 488 && answer->cseq == m->cseq &&
	       answer->vias.count == m->vias.count && answer->to.tag.length &&
	       slice_equal(answer->call_id, m->call_id) &&
	       slice_equal(answer->from.text, m->from.text) &&
	       slice_equal(answer->vias.at[0].branch, m->vias.at[0].branch));
	ack.method = SIP_METHOD_ack;
	ack.to.tag = answer->to.tag;
	assert(m->to.tag.length || sip_acks_answer(&ack, &in));
}

static void check_frame(struct slice bytes)
{
	size_t resume = 0, again = 0;
	int whole = sip_frame(bytes, &resume);
	int part;

	assert(whole < 0 || (whole > 0 && (size_t)whole <= bytes.length));
	/* In pieces it must come to the same, or be given up earlier. */
	part = -EAGAIN;
	for (size_t at = 0, step = bytes.length ? bytes.bytes[0] % 7 + 1u : 1;
	     part == -EAGAIN && at < bytes.length; at += step)
		part = sip_frame(slice_part(bytes, 0, at + step), &again);
	assert(part == whole || part == -EBADMSG || !bytes.length);
	assert(part != -EBADMSG || whole < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice raw = slice_make(data, size);
	const struct sip_message *messages[2] = {NULL, NULL};
	struct fault faults[2] = {{0}, {0}};
	int results[2];

	for (int i = 0; i < 2; i++) {
		struct arena arena = {arena_bytes[i], LIMIT_ARENA_BYTES, 0};

		results[i] = sip_parse(raw, &arena, &messages[i], &faults[i]);
		assert(arena.used <= arena.size);
		if (results[i] == 0) {
			check_message(messages[i], &arena);
			check_answer(messages[i], &arena);
		} else {
			assert(faults[i].reason != REASON_none && faults[i].at <= size);
		}
		assert((results[i] == 0) == (messages[i] != NULL));
	}
	assert(results[0] == results[1] && faults[0].reason == faults[1].reason &&
	       faults[0].at == faults[1].at);
	check_frame(raw);
	return 0;
}
