// SPDX-License-Identifier: MIT
/* From a media line of a description to what a MEDIA row keeps of it, and the rows themselves. */
#include "proto/sdp/doors.h"

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

/* By the profile first: a=crypto beside RTP/AVP is an offer that its answer may leave. */
static enum encryption encryption_of(const struct sdp_media *m)
{
	bool is_dtls = m->proto >= SDP_PROTO_DTLS_SAVP && m->proto <= SDP_PROTO_DTLS_SAVPF;
	bool is_savp = m->proto == SDP_PROTO_RTP_SAVP || m->proto == SDP_PROTO_RTP_SAVPF;

	is_dtls |= m->proto == SDP_PROTO_DTLS_UDPTL || m->proto == SDP_PROTO_DTLS_SCTP;
	if (m->proto == SDP_PROTO_TCP)
		return slice_starts_nocase(m->proto_text, SLICE("TCP/TLS/")) ||
		       slice_starts_nocase(m->proto_text, SLICE("TCP/DTLS/")) ? ENCRYPTION_TLS :
										ENCRYPTION_NONE;
	/* RFC 5763 5 and WebRTC's older habit: a fingerprint under RTP/SAVP(F). */
	if ((is_dtls || is_savp) && m->has_fingerprint)
		return ENCRYPTION_DTLS;
	if (is_savp && m->crypto_count)
		return ENCRYPTION_SDES;
	return m->has_zrtp ? ENCRYPTION_ZRTP : ENCRYPTION_NONE;
}

enum reason media_side_read(const struct sdp_media *m, struct media_side *ret)
{
	*ret = (struct media_side){ .set = 1 };
	ret->kind = m->kind < sizeof(kinds) && kinds[m->kind] ? kinds[m->kind] : MEDIA_OTHER;
	ret->flags = side_flags(m);
	ret->port_count = m->port_count;
	ret->encryption = encryption_of(m);
	if (!m->port)
		return REASON_none;
	if (!m->connection.is_present || m->connection.is_name)
		return m->connection.is_present ? REASON_sdp_bad_address :
						  REASON_sdp_no_connection;
	ret->address = m->connection.address;
	ret->port = htons(m->port);
	ret->payload_types[0] = m->payload_types[0];
	ret->payload_types[1] = m->payload_types[1];
	ret->clock_hz = m->clock_rate;
	if (m->rtcp.is_present && !m->rtcp.is_name) {
		ret->rtcp_port = htons(m->rtcp.port);
		ret->rtcp_address = m->rtcp.has_address ? m->rtcp.address : ret->address;
	}
	return REASON_none;
}

void lines_load(const struct doors *d, struct lines *l, uint64_t sub, uint32_t count)
{
	memset(l, 0, sizeof(*l));
	l->sub = sub;
	l->count = count;
	for (uint32_t i = 0; i < LIMIT_SDP_MEDIA; i++) {
		struct row_key key = row_key_make(&d->owner, sub, i);
		const struct media_row *row = subjects_value(d->in->subjects, ROW_media, &key);

		if (row)
			l->rows[i] = *row;
		if (row && i >= l->count)
			l->count = i + 1;
	}
}

enum reason lines_store(const struct doors *d, const struct lines *l)
{
	for (uint32_t i = 0; i < l->count; i++) {
		struct row_key key = row_key_make(&d->owner, l->sub, i);

		if (l->changed[i])
			batch_put(d->batch, ROW_media, &key, &l->rows[i]);
	}
	return doors_derive(d, l);
}
