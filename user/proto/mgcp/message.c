// SPDX-License-Identifier: MIT
/* One message: command line or response line, parameter lines, session descriptions (RFC 3435 3.2,
 * 3.3, A). Lines end with CRLF or LF. */
#include <errno.h>

#include "proto/mgcp/parse.h"

static const struct {
	const char *name;
	enum mgcp_sender sender;
} verbs[MGCP_VERB_COUNT] = {
	[MGCP_VERB_other] = { "other", MGCP_FROM_BOTH },
#define MGCP_VERB(name, text, who) [MGCP_VERB_##name] = { text, who },
#include "proto/mgcp/mgcp_verbs.def"
#undef MGCP_VERB
};

const char *mgcp_verb_name(enum mgcp_verb verb)
{
	return (uint32_t)verb < MGCP_VERB_COUNT ? verbs[verb].name : "other";
}

enum mgcp_sender mgcp_verb_sender(enum mgcp_verb verb)
{
	return (uint32_t)verb < MGCP_VERB_COUNT ? verbs[verb].sender : MGCP_FROM_BOTH;
}

int mgcp_refuse(const struct mgcp_reading *r, enum reason reason, struct slice where)
{
	r->reterr->reason = reason;
	r->reterr->at = slice_offset(r->message->raw, where);
	return reason == REASON_message_limit || reason == REASON_message_too_big ? -E2BIG
										  : -EBADMSG;
}

struct slice mgcp_next_word(struct slice *rest)
{
	struct slice s = *rest;
	size_t length = 0;

	while (s.length && (s.bytes[0] == ' ' || s.bytes[0] == '\t'))
		s = slice_from(s, 1);
	while (length < s.length && s.bytes[length] != ' ' && s.bytes[length] != '\t')
		length++;
	*rest = slice_from(s, length);
	return slice_part(s, 0, length);
}

bool mgcp_take_line(struct slice raw, size_t *at, struct slice *ret_line)
{
	struct slice rest = slice_from(raw, *at);
	size_t length = slice_find(rest, '\n');
	struct slice line = slice_part(rest, 0, length);

	if (line.length && line.bytes[line.length - 1] == '\r')
		line.length--;
	*at += length < rest.length ? length + 1 : length;
	*ret_line = line;
	return slice_find(line, '\r') == line.length && slice_find(line, 0) == line.length;
}

/* RFC 3435 3.2.1.2: 1*9(DIGIT), leading zeros mean nothing. */
static int read_transaction(const struct mgcp_reading *r, struct slice word)
{
	uint64_t number;

	if (word.length > 9 || !slice_number(word, 999999999, &number))
		return mgcp_refuse(r, REASON_mgcp_bad_start_line, r->message->start_line);
	r->message->transaction = (uint32_t)number;
	r->message->transaction_text = word;
	return 0;
}

/* ExtensionVerb = ALPHA 3(ALPHA / DIGIT), case ignored. */
static int read_verb(const struct mgcp_reading *r, struct slice word)
{
	struct mgcp_message *m = r->message;

	m->verb_text = word;
	for (size_t i = 0; i < word.length; i++) {
		uint8_t letter = word.bytes[i] | 0x20;

		if (!(letter >= 'a' && letter <= 'z') &&
		    !(i && word.bytes[i] >= '0' && word.bytes[i] <= '9'))
			return mgcp_refuse(r, REASON_mgcp_bad_start_line, word);
	}
	if (word.length != 4)
		return mgcp_refuse(r, REASON_mgcp_bad_start_line, word);
	for (int verb = 1; verb < MGCP_VERB_COUNT; verb++)
		if (slice_equal_nocase(word, slice_make(verbs[verb].name, 4)))
			m->verb = (enum mgcp_verb)verb;
	return 0;
}

/* "MGCP" 1*(WSP) version [1*(WSP) ProfileName]: 1.0 of RFC 2705 and 3435, 0.1 of older equipment. */
static int read_version(const struct mgcp_reading *r, struct slice rest)
{
	struct mgcp_message *m = r->message;
	struct slice word = mgcp_next_word(&rest);

	if (!slice_equal_nocase(word, SLICE("MGCP")))
		return mgcp_refuse(r, REASON_mgcp_bad_start_line, m->start_line);
	m->version = mgcp_next_word(&rest);
	if (!slice_equal(m->version, SLICE("1.0")) && !slice_equal(m->version, SLICE("0.1")))
		return mgcp_refuse(r, REASON_mgcp_bad_version, m->version.length ? m->version : word);
	return 0;
}

static int read_command_line(const struct mgcp_reading *r)
{
	struct mgcp_message *m = r->message;
	struct slice rest = m->start_line, endpoint;
	int err = read_verb(r, mgcp_next_word(&rest));

	m->is_command = true;
	err = err ? err : read_transaction(r, mgcp_next_word(&rest));
	if (err)
		return err;
	endpoint = mgcp_next_word(&rest);
	if (!mgcp_parse_name(endpoint, &m->endpoint))
		return mgcp_refuse(r, REASON_mgcp_bad_endpoint,
				   endpoint.length ? endpoint : m->start_line);
	if (m->endpoint.local.length > LIMIT_MGCP_NAME_BYTES)
		return mgcp_refuse(r, REASON_message_limit, endpoint);
	return read_version(r, rest);
}

/* 3DIGIT, transaction id, and text for people. */
static int read_response_line(const struct mgcp_reading *r)
{
	struct mgcp_message *m = r->message;
	struct slice rest = m->start_line;
	struct slice word = mgcp_next_word(&rest);
	uint64_t code;
	int err;

	if (word.length != 3 || !slice_number(word, 999, &code))
		return mgcp_refuse(r, REASON_mgcp_bad_start_line, m->start_line);
	m->code = (uint16_t)code;
	err = read_transaction(r, mgcp_next_word(&rest));
	m->comment = slice_trim(rest);
	return err;
}

/* Parameters gathered where they are cheap, before their number is known. */
struct parameter_list {
	struct mgcp_parameter at[LIMIT_MGCP_PARAMETERS];
};

static int keep_parameters(const struct mgcp_reading *r, const struct parameter_list *list)
{
	size_t size = r->message->parameter_count * sizeof(list->at[0]);
	struct mgcp_parameter *kept = arena_take_raw(r->arena, size);

	if (!kept) {
		(void)mgcp_refuse(r, REASON_message_limit, r->message->start_line);
		return -ENOMEM;
	}
	memcpy(kept, list->at, size);
	r->message->parameters = kept;
	return 0;
}

/* Up to the empty line, the separator or the end; *ret_at is behind it. */
static int read_head(const struct mgcp_reading *r, struct parameter_list *list, size_t *ret_at)
{
	struct mgcp_message *m = r->message;
	size_t at = 0;
	struct slice line;
	int err;

	if (!mgcp_take_line(m->raw, &at, &line))
		return mgcp_refuse(r, REASON_mgcp_malformed, line);
	m->start_line = slice_trim(line);
	if (m->start_line.length && m->start_line.bytes[0] >= '0' && m->start_line.bytes[0] <= '9')
		err = read_response_line(r);
	else
		err = read_command_line(r);
	while (!err && at < m->raw.length) {
		if (!mgcp_take_line(m->raw, &at, &line))
			return mgcp_refuse(r, REASON_mgcp_malformed, line);
		if (!slice_trim(line).length || slice_equal(line, SLICE(".")))
			break;
		if (m->parameter_count == LIMIT_MGCP_PARAMETERS)
			return mgcp_refuse(r, REASON_message_limit, line);
		err = mgcp_read_parameter(r, line, &list->at[m->parameter_count]);
		m->parameter_count++;
	}
	*ret_at = at;
	return err;
}

/* Descriptions behind each other, an empty line between them; each begins with its version. */
static int find_bodies(const struct mgcp_reading *r, size_t at)
{
	struct mgcp_message *m = r->message;
	bool is_open = false;

	while (at < m->raw.length) {
		size_t from = at;
		struct slice line;

		if (!mgcp_take_line(m->raw, &at, &line))
			return mgcp_refuse(r, REASON_mgcp_malformed, line);
		if (slice_equal(line, SLICE(".")))
			break;
		if (!slice_trim(line).length) {
			is_open = false;
			continue;
		}
		if (!is_open && m->body_count == 2)
			return mgcp_refuse(r, REASON_message_limit, line);
		if (!is_open)
			m->bodies[m->body_count++] = slice_part(m->raw, from, 0);
		is_open = true;
		m->bodies[m->body_count - 1].length =
			(size_t)(m->raw.bytes + at - m->bodies[m->body_count - 1].bytes);
	}
	return 0;
}

int mgcp_parse(struct slice raw, struct arena *arena, const struct mgcp_message **ret_message,
	       struct fault *reterr)
{
	struct mgcp_message *message = arena_take(arena, sizeof(*message));
	const struct mgcp_reading r = { message, arena, reterr };
	struct parameter_list list;
	size_t at = 0;
	int err;

	if (!message) {
		*reterr = (struct fault){ .reason = REASON_message_limit };
		return -ENOMEM;
	}
	message->raw = raw;
	if (raw.length > LIMIT_MESSAGE_BYTES)
		return mgcp_refuse(&r, REASON_message_too_big, raw);
	err = read_head(&r, &list, &at);
	err = err ? err : keep_parameters(&r, &list);
	err = err ? err : mgcp_read_values(&r);
	err = err ? err : find_bodies(&r, at);
	if (err)
		return err;
	*ret_message = message;
	return 0;
}
