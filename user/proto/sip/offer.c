// SPDX-License-Identifier: MIT
/* Offer and answer (RFC 3264) laid over the media rows. An offer is proposed; its answer makes both
 * sides current; a refusal takes the proposal back. What is open follows in door.c. */
#include "proto/sip/judge.h"

#include <arpa/inet.h>

static const uint8_t kinds[] = {
	[SDP_KIND_AUDIO] = MEDIA_AUDIO,
	[SDP_KIND_VIDEO] = MEDIA_VIDEO,
	[SDP_KIND_IMAGE] = MEDIA_IMAGE,
	[SDP_KIND_APPLICATION] = MEDIA_APPLICATION,
	[SDP_KIND_MESSAGE] = MEDIA_MESSAGE,
};

static uint16_t side_flags(const struct sdp_media *m)
{
	uint16_t flags = 0;

	if (m->proto >= SDP_PROTO_RTP_AVP && m->proto <= SDP_PROTO_DTLS_SAVPF)
		flags |= MEDIA_RTP;
	if (m->proto == SDP_PROTO_TCP)
		flags |= MEDIA_TCP;
	if (m->rtcp_mux)
		flags |= MEDIA_MUX;
	if (m->has_ice)
		flags |= MEDIA_ICE;
	if (m->has_fingerprint)
		flags |= MEDIA_DTLS;
	if (m->crypto_count)
		flags |= MEDIA_SDES;
	if (m->direction == SDP_SENDRECV || m->direction == SDP_SENDONLY)
		flags |= MEDIA_SENDS;
	if (m->direction == SDP_SENDRECV || m->direction == SDP_RECVONLY)
		flags |= MEDIA_RECEIVES;
	return flags;
}

/* False where a line that should carry media says no address (RFC 8866 5.7). Names are not
 * resolved: what a name means to us is not what it means to the peer. */
static bool read_side(struct judge *j, const struct sdp_media *m, struct media_side *ret)
{
	*ret = (struct media_side){ .set = 1 };
	ret->kind = m->kind < sizeof(kinds) && kinds[m->kind] ? kinds[m->kind] : MEDIA_OTHER;
	ret->flags = side_flags(m);
	ret->port_count = m->port_count;
	if (!m->port)
		return true;
	if (!m->connection.is_present || m->connection.is_name) {
		judge_refuse(j, m->connection.is_present ? REASON_sdp_bad_address :
							   REASON_sdp_no_connection, m->line);
		return false;
	}
	ret->address = m->connection.address;
	ret->port = htons(m->port);
	ret->payload_types[0] = m->payload_types[0];
	ret->payload_types[1] = m->payload_types[1];
	ret->clock_hz = m->clock_rate;
	if (m->rtcp.is_present && !m->rtcp.is_name) {
		ret->rtcp_port = htons(m->rtcp.port);
		ret->rtcp_address = m->rtcp.has_address ? m->rtcp.address : ret->address;
	}
	return true;
}

/* Rows of the dialog's lines, zeroed where there are none yet. */
static void load_lines(struct judge *j, uint64_t sub, uint32_t count)
{
	struct lines *l = j->lines;

	memset(l, 0, sizeof(*l));
	l->sub = sub;
	l->count = count;
	for (uint32_t i = 0; i < LIMIT_SDP_MEDIA; i++) {
		struct row_key key = sip_key(&j->owner, sub, i);
		const struct media_row *row = judge_row(j, ROW_media, &key);

		if (row)
			l->rows[i] = *row;
		if (row && i >= l->count)
			l->count = i + 1;
	}
}

static void store_lines(struct judge *j)
{
	struct lines *l = j->lines;

	for (uint32_t i = 0; i < l->count; i++) {
		struct row_key key = sip_key(&j->owner, l->sub, i);

		if (l->changed[i])
			batch_put(j->batch, ROW_media, &key, &l->rows[i]);
	}
	doors_derive(j, l);
}

bool offer_take(struct judge *j, enum side from, uint64_t sub)
{
	load_lines(j, sub, j->sdp->media_count);
	for (uint32_t i = 0; i < j->lines->count; i++) {
		struct media_row *row = &j->lines->rows[i];

		memset(row->proposed, 0, sizeof(row->proposed));
		j->lines->changed[i] = true;
		/* RFC 3264 8 forbids it, and it happens: a line that is left out is taken as removed. */
		if (i >= j->sdp->media_count)
			row->proposed[from].set = 1;
		else if (!read_side(j, &j->sdp->media[i], &row->proposed[from]))
			return false;
	}
	store_lines(j);
	return j->out->judgement != JUDGEMENT_REFUSE;
}

void offer_open(struct judge *j)
{
	j->next_dialog.offer = j->sender == SIDE_CALLER ? OFFER_CALLER : OFFER_CALLEE;
	j->next_dialog.offer_cseq = j->m->cseq;
	j->next_dialog.offer_digest = j->sdp_digest;
	j->dialog_changed = true;
	offer_take(j, j->sender, j->tag);
}

/* The offered side of one line: proposed in the dialog or in what went before it, or agreed by an
 * earlier answer to the same offer (the last one wins). */
static const struct media_side *offered_side(struct judge *j, uint64_t offer_sub, uint32_t line,
					     enum side offerer)
{
	struct row_key key = sip_key(&j->owner, offer_sub, line);
	const struct media_row *row = &j->lines->rows[line];
	const struct media_row *first = judge_row(j, ROW_media, &key);

	if (row->proposed[offerer].set)
		return &row->proposed[offerer];
	if (first && first->proposed[offerer].set)
		return &first->proposed[offerer];
	return &row->current[offerer];
}

/* RFC 3264 6: a line for each line of the offer; what that one removed may be left out too. */
static bool answers_each_line(struct judge *j, enum side offerer, uint64_t offer_sub)
{
	uint32_t i = 0;

	for (; i < LIMIT_SDP_MEDIA; i++) {
		const struct media_side *side = offered_side(j, offer_sub, i, offerer);

		if (!side->set)
			break;
		if (i >= j->sdp->media_count && side->port)
			return false;
	}
	return j->sdp->media_count <= i;
}

bool answer_take(struct judge *j, enum side from, uint64_t offer_sub, uint64_t sub)
{
	enum side offerer = (enum side)!from;

	load_lines(j, sub, j->sdp->media_count);
	if (!answers_each_line(j, offerer, offer_sub)) {
		judge_refuse(j, REASON_sdp_answer_mismatch, j->sdp->body);
		return false;
	}
	for (uint32_t i = 0; i < j->lines->count; i++) {
		struct media_row *row = &j->lines->rows[i];
		struct media_side side = { .set = 1 }, other = *offered_side(j, offer_sub, i, offerer);

		if (i < j->sdp->media_count && !read_side(j, &j->sdp->media[i], &side))
			return false;
		row->current[from] = side;
		row->current[offerer] = other;
		memset(row->proposed, 0, sizeof(row->proposed));
		row->agreed_ns = j->in->now_ns;
		j->lines->changed[i] = true;
	}
	store_lines(j);
	return j->out->judgement != JUDGEMENT_REFUSE;
}

void offer_forget(struct judge *j)
{
	load_lines(j, j->tag, 0);
	for (uint32_t i = 0; i < j->lines->count; i++) {
		struct row_key key = sip_key(&j->owner, j->tag, i);
		struct media_row *row = &j->lines->rows[i];

		if (!row->proposed[0].set && !row->proposed[1].set)
			continue;
		memset(row->proposed, 0, sizeof(row->proposed));
		batch_put(j->batch, ROW_media, &key, row);
	}
	doors_end_places(j, j->tag, PLACE_EARLY);
}

void offer_roll_back(struct judge *j)
{
	load_lines(j, j->tag, 0);
	for (uint32_t i = 0; i < j->lines->count; i++) {
		struct media_row *row = &j->lines->rows[i];

		if (!row->proposed[0].set && !row->proposed[1].set)
			continue;
		memset(row->proposed, 0, sizeof(row->proposed));
		j->lines->changed[i] = true;
	}
	store_lines(j);
}
