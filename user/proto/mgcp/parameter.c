// SPDX-License-Identifier: MIT
/* Parameter lines (RFC 3435 3.2.2), names in any case. Strict where a value decides about
 * connections, doors or who commands; all others are kept as they are. */
#include <errno.h>

#include "proto/mgcp/parse.h"

#define ID_BYTES 32                  /* CallId, ConnectionId (RFC 3435 3.2.2.2, 3.2.2.5) */

static const struct {
	struct slice text;
	uint8_t flags;
} kinds[MGCP_PARAMETER_COUNT] = {
#define MGCP_PARAMETER(name, text, flags)                                                          \
	[MGCP_PARAMETER_##name] = { { (const uint8_t *)(text), sizeof(text) - 1 }, flags },
#include "proto/mgcp/mgcp_parameters.def"
#undef MGCP_PARAMETER
};

static const struct {
	struct slice text;
	uint8_t ways;
} modes[MGCP_MODE_COUNT] = {
#define MGCP_MODE(name, ways) [MGCP_MODE_##name] = { { (const uint8_t *)#name, sizeof(#name) - 1 }, ways },
#include "proto/mgcp/mgcp_modes.def"
#undef MGCP_MODE
	[MGCP_MODE_other] = { { NULL, 0 }, MGCP_SENDS | MGCP_RECEIVES },
};

static const struct slice restarts[] = {
	[MGCP_RESTART_graceful] = { (const uint8_t *)"graceful", 8 },
	[MGCP_RESTART_forced] = { (const uint8_t *)"forced", 6 },
	[MGCP_RESTART_restart] = { (const uint8_t *)"restart", 7 },
	[MGCP_RESTART_disconnected] = { (const uint8_t *)"disconnected", 12 },
	[MGCP_RESTART_cancel] = { (const uint8_t *)"cancel-graceful", 15 },
};

unsigned int mgcp_mode_ways(enum mgcp_mode mode)
{
	return (uint32_t)mode < MGCP_MODE_COUNT ? modes[mode].ways : 0;
}

static enum mgcp_parameter_kind look_up(struct slice name)
{
	for (int kind = 1; kind < MGCP_PARAMETER_COUNT; kind++)
		if (slice_equal_nocase(name, kinds[kind].text))
			return (enum mgcp_parameter_kind)kind;
	return MGCP_PARAMETER_other;
}

/* Letters and digits; "X-name", "X+name" and "package/name" of extensions. */
static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.length; i++) {
		uint8_t c = s.bytes[i], letter = c | 0x20;

		if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
		    c != '+' && c != '/' && c != '_' && c != '.')
			return false;
	}
	return s.length > 0;
}

int mgcp_read_parameter(const struct mgcp_reading *r, struct slice line,
			struct mgcp_parameter *ret)
{
	struct mgcp_message *m = r->message;
	size_t colon = slice_find(line, ':');

	ret->line = line;
	ret->name = slice_trim(slice_part(line, 0, colon));
	ret->value = slice_trim(slice_from(line, colon + 1));
	if (colon == line.length || !is_name(ret->name))
		return mgcp_refuse(r, REASON_mgcp_malformed, line);
	ret->kind = look_up(ret->name);
	if (ret->kind == MGCP_PARAMETER_other)
		return 0;
	if (m->counts[ret->kind]++ == 0)
		m->first[ret->kind] = (uint16_t)(m->parameter_count + 1);
	else if (m->is_command && kinds[ret->kind].flags & MGCP_SINGLE)
		return mgcp_refuse(r, REASON_mgcp_duplicate_parameter, ret->name);
	return 0;
}

static const struct mgcp_parameter *first(const struct mgcp_reading *r,
					  enum mgcp_parameter_kind kind)
{
	uint16_t index = r->message->first[kind];

	return index ? &r->message->parameters[index - 1] : NULL;
}

/* Ids are hexadecimal by the grammar; equipment writes any letters. */
static bool is_id(struct slice s)
{
	for (size_t i = 0; i < s.length; i++)
		if (s.bytes[i] <= ' ' || s.bytes[i] > '~' || s.bytes[i] == ',')
			return false;
	return s.length <= ID_BYTES;
}

static int read_ids(const struct mgcp_reading *r)
{
	const struct mgcp_parameter *call = first(r, MGCP_PARAMETER_call);
	const struct mgcp_parameter *connection = first(r, MGCP_PARAMETER_connection);
	const struct mgcp_parameter *second = first(r, MGCP_PARAMETER_connection2);
	struct mgcp_message *m = r->message;
	size_t comma;

	if (call && !is_id(call->value))
		return mgcp_refuse(r, REASON_mgcp_bad_parameter, call->line);
	if (call)
		m->call = call->value;
	if (second && !is_id(second->value))
		return mgcp_refuse(r, REASON_mgcp_bad_parameter, second->line);
	if (second)
		m->second_connection = second->value;
	if (!connection)
		return 0;
	comma = slice_find(connection->value, ',');
	m->connection = slice_trim(slice_part(connection->value, 0, comma));
	m->several_connections = comma < connection->value.length ||
				 m->counts[MGCP_PARAMETER_connection] > 1;
	if (!is_id(m->connection) || (m->is_command && m->several_connections))
		return mgcp_refuse(r, REASON_mgcp_bad_parameter, connection->line);
	return 0;
}

/* An answer to AUEP lists all modes that the endpoint knows: there they say nothing. */
static int read_mode(const struct mgcp_reading *r)
{
	const struct mgcp_parameter *p = first(r, MGCP_PARAMETER_mode);
	struct mgcp_message *m = r->message;

	if (!p || !m->is_command)
		return 0;
	if (!is_name(p->value))
		return mgcp_refuse(r, REASON_mgcp_bad_parameter, p->line);
	m->mode = MGCP_MODE_other;
	for (int mode = 1; mode < MGCP_MODE_other; mode++)
		if (slice_equal_nocase(p->value, modes[mode].text))
			m->mode = (enum mgcp_mode)mode;
	return 0;
}

/* False where there is one that is none. */
static bool read_specific(const struct mgcp_parameter *p, bool *ret_has, struct mgcp_name *ret)
{
	if (!p || !p->value.length)
		return true;
	if (!mgcp_parse_name(p->value, ret) || ret->local.length > LIMIT_MGCP_NAME_BYTES)
		return false;
	*ret_has = true;
	return true;
}

/* An empty N: sets the entity back to the command's sender (RFC 3435 3.2.2.13). */
static int read_who(const struct mgcp_reading *r)
{
	const struct mgcp_parameter *notified = first(r, MGCP_PARAMETER_notified);
	const struct mgcp_parameter *specific = first(r, MGCP_PARAMETER_specific);
	const struct mgcp_parameter *second = first(r, MGCP_PARAMETER_specific2);
	struct mgcp_message *m = r->message;

	if (notified && notified->value.length) {
		if (!mgcp_parse_entity(notified->value, &m->notified))
			return mgcp_refuse(r, REASON_mgcp_bad_parameter, notified->line);
		m->has_notified = true;
	}
	if (!read_specific(specific, &m->has_specific, &m->specific))
		return mgcp_refuse(r, REASON_mgcp_bad_endpoint, specific->line);
	if (!read_specific(second, &m->has_second, &m->second))
		return mgcp_refuse(r, REASON_mgcp_bad_endpoint, second->line);
	return 0;
}

static int read_restart(const struct mgcp_reading *r)
{
	const struct mgcp_parameter *method = first(r, MGCP_PARAMETER_restart);
	const struct mgcp_parameter *delay = first(r, MGCP_PARAMETER_delay);
	struct mgcp_message *m = r->message;
	uint64_t seconds = 0;

	if (delay && !slice_number(delay->value, UINT32_MAX, &seconds))
		return mgcp_refuse(r, REASON_mgcp_bad_parameter, delay->line);
	m->delay = (uint32_t)seconds;
	if (!method)
		return 0;
	m->restart = MGCP_RESTART_other;
	for (int i = MGCP_RESTART_graceful; i < MGCP_RESTART_other; i++)
		if (slice_equal_nocase(method->value, restarts[i]))
			m->restart = (enum mgcp_restart)i;
	return 0;
}

static void take_confirmed(struct mgcp_message *m, uint64_t low, uint64_t high)
{
	while (low <= high && m->confirmed_count < LIMIT_MGCP_CONFIRMED)
		m->confirmed[m->confirmed_count++] = (uint32_t)low++;
}

/* RFC 3435 3.2.2.19: confirmed ids, single or as ranges; empty asks for a 000. */
static int read_ack(const struct mgcp_reading *r)
{
	const struct mgcp_parameter *p = first(r, MGCP_PARAMETER_ack);
	struct slice rest = p ? p->value : (struct slice){ 0 };

	while (rest.length) {
		struct slice item = slice_trim(slice_part(rest, 0, slice_find(rest, ',')));
		size_t dash = slice_find(item, '-');
		uint64_t low, high;

		rest = slice_from(rest, slice_find(rest, ',') + 1);
		if (!slice_number(slice_trim(slice_part(item, 0, dash)), 999999999, &low))
			return mgcp_refuse(r, REASON_mgcp_bad_parameter, p->line);
		high = low;
		if (dash < item.length &&
		    (!slice_number(slice_trim(slice_from(item, dash + 1)), 999999999, &high) ||
		     high < low))
			return mgcp_refuse(r, REASON_mgcp_bad_parameter, p->line);
		take_confirmed(r->message, low, high);
	}
	return 0;
}

int mgcp_read_values(const struct mgcp_reading *r)
{
	int err = read_ids(r);

	err = err ? err : read_mode(r);
	err = err ? err : read_who(r);
	err = err ? err : read_restart(r);
	return err ? err : read_ack(r);
}
