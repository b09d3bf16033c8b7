// SPDX-License-Identifier: MIT
/* Offer and answer (RFC 3264) laid over the media rows. An offer is proposed; its answer makes both
 * sides current; a refusal takes the proposal back. What is open follows in door.c. */
#include "proto/sip/judge.h"

static bool ends_with(struct slice s, struct slice end)
{
	return s.length >= end.length &&
	       slice_equal_nocase(slice_from(s, s.length - end.length), end);
}

static enum stream stream_of(const struct sdp_media *m)
{
	if (ends_with(m->proto_text, SLICE("/MSRP")))
		return STREAM_MSRP;
	if (ends_with(m->proto_text, SLICE("/BFCP")))
		return STREAM_BFCP;
	/* ITU-T T.38 D.2.3: over UDPTL, TCP, or as an RTP payload under image. */
	if (m->kind == SDP_KIND_IMAGE || m->proto == SDP_PROTO_UDPTL ||
	    m->proto == SDP_PROTO_DTLS_UDPTL)
		return STREAM_FAX;
	if (m->proto == SDP_PROTO_DTLS_SCTP || ends_with(m->proto_text, SLICE("/DTLS/SCTP")))
		return STREAM_DATA;
	if (m->kind == SDP_KIND_VIDEO)
		return STREAM_VIDEO;
	return m->kind == SDP_KIND_AUDIO ? STREAM_AUDIO : STREAM_OTHER;
}

/* May the rule's calls have this line? What is refused or ended (port 0) is nobody's worry. */
static enum reason check_rule(const struct judge *j, const struct sdp_media *m,
			      const struct media_side *now, const struct media_side *before)
{
	const struct rule *rule = policy_match(j->in->policy, j->zones[SIDE_CALLER],
					       j->zones[SIDE_CALLEE], SIP_PROTOCOL);

	if (!rule || !m->port)
		return REASON_none;
	if (rule->denied_streams & 1u << stream_of(m))
		return REASON_sip_stream_denied;
	if (rule->encryption != ENCRYPTION_ANY && before->encryption && before->port &&
	    !now->encryption)
		return REASON_sip_encryption_lost;
	if (rule->encryption == ENCRYPTION_REQUIRE && !now->encryption)
		return REASON_sip_not_encrypted;
	return REASON_none;
}

/* False where a line that should carry media says no address, or the rule has none of it. */
static bool read_side(struct judge *j, const struct sdp_media *m, const struct media_side *before,
		      struct media_side *ret)
{
	enum reason reason = media_side_read(m, ret);

	reason = reason ?: check_rule(j, m, ret, before);
	if (reason)
		judge_refuse(j, reason, m->line);
	return !reason;
}

/* Rows of the dialog's lines, zeroed where there are none yet. */
static void load_lines(struct judge *j, uint64_t sub, uint32_t count)
{
	struct doors d = judge_doors(j);

	lines_load(&d, j->lines, sub, count);
	/* Where a stream is agreed an offer lets in nobody but the host that already sends. */
	j->lines->steady = true;
}

static void store_lines(struct judge *j)
{
	struct doors d = judge_doors(j);
	enum reason reason = lines_store(&d, j->lines);

	if (reason)
		judge_refuse(j, reason, j->m->body);
}

bool offer_take(struct judge *j, enum side from, uint64_t sub)
{
	load_lines(j, sub, j->sdp->media_count);
	j->lines->said = j->sdp;
	j->lines->said_by = from;
	for (uint32_t i = 0; i < j->lines->count; i++) {
		struct media_row *row = &j->lines->rows[i];

		/* In a glare the other side's offer waits for its answer, too (RFC 3261 14.1). */
		memset(&row->proposed[from], 0, sizeof(row->proposed[from]));
		j->lines->changed[i] = true;
		/* RFC 3264 8 forbids it, and it happens: a line that is left out is taken as removed. */
		if (i >= j->sdp->media_count)
			row->proposed[from].set = 1;
		else if (!read_side(j, &j->sdp->media[i], &row->current[from],
				    &row->proposed[from]))
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

/* Of two crossing offers one is done: the one of `other` may be open still. Which transaction bears
 * it was overwritten where it came first: 0 is any. */
static void settle(struct judge *j, enum side other)
{
	enum offer_state left = other == SIDE_CALLER ? OFFER_CALLER : OFFER_CALLEE;
	bool is_open = false;

	for (uint32_t i = 0; i < j->lines->count; i++)
		is_open |= j->lines->rows[i].proposed[other].set;
	if (!is_open)
		left = OFFER_STABLE;
	else if (!j->dialog || j->dialog->offer != left)
		j->next_dialog.offer_cseq = 0;
	j->next_dialog.offer = left;
	j->dialog_changed = true;
}

bool answer_take(struct judge *j, enum side from, uint64_t offer_sub, uint64_t sub)
{
	enum side offerer = (enum side)!from;

	load_lines(j, sub, j->sdp->media_count);
	j->lines->said = j->sdp;
	j->lines->said_by = from;
	j->lines->answers = true;
	j->lines->offer_sub = offer_sub;
	if (!answers_each_line(j, offerer, offer_sub)) {
		judge_refuse(j, REASON_sdp_answer_mismatch, j->sdp->body);
		return false;
	}
	for (uint32_t i = 0; i < j->lines->count; i++) {
		struct media_row *row = &j->lines->rows[i];
		struct media_side side = { .set = 1 }, other = *offered_side(j, offer_sub, i, offerer);

		/* What the offer has encrypted, its answer must; ZRTP alone asks and may be declined
		 * (RFC 6189 4.2). */
		if (i < j->sdp->media_count &&
		    !read_side(j, &j->sdp->media[i],
			       other.encryption > ENCRYPTION_ZRTP ? &other : &row->current[from],
			       &side))
			return false;
		row->current[from] = side;
		row->current[offerer] = other;
		memset(&row->proposed[offerer], 0, sizeof(row->proposed[offerer]));
		row->agreed_ns = j->in->now_ns;
		j->lines->changed[i] = true;
	}
	settle(j, from);
	store_lines(j);
	return j->out->judgement != JUDGEMENT_REFUSE;
}

bool offer_is_open(const struct dialog_row *d, const struct transaction_row *t)
{
	enum offer_state own = t->from_side == SIDE_CALLER ? OFFER_CALLER : OFFER_CALLEE;

	if (d->offer == OFFER_STABLE || d->offer == OFFER_NONE)
		return false;
	return d->offer != own || !d->offer_cseq || d->offer_cseq == t->cseq;
}

void offer_forget(struct judge *j, enum side from)
{
	const struct doors doors = judge_doors(j);

	load_lines(j, j->tag, 0);
	for (uint32_t i = 0; i < j->lines->count; i++) {
		struct row_key key = sip_key(&j->owner, j->tag, i);
		struct media_row *row = &j->lines->rows[i];

		if (!row->proposed[from].set)
			continue;
		memset(&row->proposed[from], 0, sizeof(row->proposed[from]));
		batch_put(j->batch, ROW_media, &key, row);
	}
	settle(j, (enum side)!from);
	doors_end_places(&doors, j->tag, PLACE_EARLY);
}

void offer_roll_back(struct judge *j, enum side from)
{
	load_lines(j, j->tag, 0);
	for (uint32_t i = 0; i < j->lines->count; i++) {
		struct media_row *row = &j->lines->rows[i];

		if (!row->proposed[from].set)
			continue;
		memset(&row->proposed[from], 0, sizeof(row->proposed[from]));
		j->lines->changed[i] = true;
	}
	settle(j, (enum side)!from);
	store_lines(j);
}
