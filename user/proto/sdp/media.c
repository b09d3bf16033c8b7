/* SPDX-License-Identifier: MIT */
/* The m= line: what is sent, to which port, how packed (RFC 8866 5.14). */
#include "proto/sdp/parse.h"

struct word_row {
	const char *text;
	uint32_t length;
	int value;
};

#define ROW(text, value)                                                                           \
	{                                                                                          \
		text, sizeof(text) - 1, value                                                      \
	}

static const struct word_row kinds[] = {
	ROW("audio", SDP_KIND_AUDIO),
	ROW("video", SDP_KIND_VIDEO),
	ROW("image", SDP_KIND_IMAGE),
	ROW("application", SDP_KIND_APPLICATION),
	ROW("message", SDP_KIND_MESSAGE),
	ROW("text", SDP_KIND_TEXT),
	{0},
};

/* Compared without case: T.38 gateways write udptl and UDPTL (ITU-T T.38 D.2.3). */
static const struct word_row protos[] = {
	ROW("RTP/AVP", SDP_PROTO_RTP_AVP),
	ROW("RTP/AVPF", SDP_PROTO_RTP_AVPF),
	ROW("RTP/SAVP", SDP_PROTO_RTP_SAVP),
	ROW("RTP/SAVPF", SDP_PROTO_RTP_SAVPF),
	ROW("UDP/TLS/RTP/SAVP", SDP_PROTO_DTLS_SAVP),
	ROW("UDP/TLS/RTP/SAVPF", SDP_PROTO_DTLS_SAVPF),
	ROW("udptl", SDP_PROTO_UDPTL),
	ROW("UDP/TLS/UDPTL", SDP_PROTO_DTLS_UDPTL),
	ROW("UDP/DTLS/SCTP", SDP_PROTO_DTLS_SCTP),
	ROW("udp", SDP_PROTO_UDP),
	ROW("TCP", SDP_PROTO_TCP),
	{0},
};

static int look_up(const struct word_row *rows, struct slice text)
{
	for (; rows->text; rows++) {
		if (slice_equal_nocase(text, slice_make(rows->text, rows->length)))
			return rows->value;
	}
	return 0;
}

static enum sdp_proto proto_of(struct slice text)
{
	if (slice_starts_nocase(text, SLICE("TCP/")))
		return SDP_PROTO_TCP;
	return (enum sdp_proto)look_up(protos, text);
}

/* Formats of these are RTP payload types. Those of TCP/RTP/AVP too, but no door hangs on them. */
static bool is_rtp(enum sdp_proto proto)
{
	return proto >= SDP_PROTO_RTP_AVP && proto <= SDP_PROTO_DTLS_SAVPF;
}

/* port ["/" integer] */
static bool read_port(struct slice text, struct sdp_media *m)
{
	size_t slash = slice_find(text, '/');
	uint64_t port, count = 1;

	m->port_text = slice_part(text, 0, slash);
	if (!slice_number(m->port_text, 65535, &port))
		return false;
	if (slash < text.length &&
	    (!slice_number(slice_from(text, slash + 1), 65535, &count) || count == 0))
		return false;
	/* RFC 8866 5.14: pairs of ports from the first on; they must exist. */
	if (port && port + 2 * (count - 1) > 65535)
		return false;
	m->port = (uint16_t)port;
	m->port_count = (uint16_t)count;
	return true;
}

static int read_formats(const struct sdp_reading *r, struct sdp_media *m)
{
	struct slice rest = m->formats;
	struct slice format = sdp_next_word(&rest);
	uint64_t number;

	for (; format.length; format = sdp_next_word(&rest)) {
		if (m->format_count == LIMIT_SDP_FORMATS)
			return sdp_refuse(r, REASON_sdp_limit, format);
		m->format_count++;
		if (!is_rtp(m->proto))
			continue;
		if (!slice_number(format, 127, &number))
			return sdp_refuse(r, REASON_sdp_malformed, format);
		if (m->format_count == 1)
			m->clock_payload_type = (uint8_t)number;
		m->payload_types[number / 64] |= 1ULL << (number % 64);
	}
	/* A refused line may have lost its formats (seen in answers); an open one needs some. */
	if (m->format_count == 0 && m->port)
		return sdp_refuse(r, REASON_sdp_malformed, m->line);
	return 0;
}

/* RFC 3551 6: clock rates of the payload types that need no a=rtpmap. */
static uint32_t static_clock_rate(uint8_t payload_type)
{
	static const uint32_t rates[35] = {
		[0] = 8000,   [3] = 8000,   [4] = 8000,	  [5] = 8000,	[6] = 16000,  [7] = 8000,
		[8] = 8000,   [9] = 8000,   [10] = 44100, [11] = 44100, [12] = 8000,  [13] = 8000,
		[14] = 90000, [15] = 8000,  [16] = 11025, [17] = 22050, [18] = 8000,  [25] = 90000,
		[26] = 90000, [28] = 90000, [31] = 90000, [32] = 90000, [33] = 90000, [34] = 90000,
	};

	return payload_type < 35 ? rates[payload_type] : 0;
}

int sdp_read_media(const struct sdp_reading *r, struct slice value, struct sdp_media *media)
{
	struct slice rest = value;
	struct slice port;
	int err;

	media->kind_text = sdp_next_word(&rest);
	media->kind = (enum sdp_kind)look_up(kinds, media->kind_text);
	port = sdp_next_word(&rest);
	if (media->kind_text.length == 0 || !read_port(port, media))
		return sdp_refuse(r, REASON_sdp_malformed, media->line);
	media->proto_text = sdp_next_word(&rest);
	media->proto = proto_of(media->proto_text);
	if (media->proto_text.length == 0)
		return sdp_refuse(r, REASON_sdp_malformed, media->line);
	media->formats = slice_trim(rest);
	err = read_formats(r, media);
	if (err)
		return err;
	if (is_rtp(media->proto) && media->format_count)
		media->clock_rate = static_clock_rate(media->clock_payload_type);
	return 0;
}
