// SPDX-License-Identifier: MIT
/* Loss and jitter of RFC 3550, and the E-model (ITU-T G.107) reduced to what a gateway can know:
 *
 *   R = 93.2 - Idd - Ie,eff
 *
 * 93.2 is its value with every default (7.7). Idd is the impairment by delay (7.4), of which only the
 * jitter buffer is known, taken as twice the jitter: the way itself, its echo and its talkers are
 * not, so the result is what such a call has at best. Ie,eff is that of codec and loss (7.5), with
 * random loss; Ie and Bpl are those of ITU-T G.113 Appendix I. */
#include "cli/quality.h"

#include <math.h>

#define RATING_DEFAULT 93.2
#define JITTER_BUFFERS 2.0

static const struct codec {
	const char *name;
	uint8_t payload_types[2];    /* RFC 3551 6 */
	double impairment, robustness;
} codecs[] = {
	{ "G.711", { 0, 8 }, 0.0, 25.1 },        /* with its packet loss concealment */
	{ "G.729A", { 18, 18 }, 11.0, 19.0 },
	{ "G.723.1", { 4, 4 }, 15.0, 16.1 },
};

/* Payload types say what may come, not what comes: the best of them, and G.711 where none is known. */
static const struct codec *codec_of(const struct door_row *door)
{
	for (unsigned int i = 0; i < sizeof(codecs) / sizeof(*codecs); i++)
		for (int n = 0; n < 2; n++)
			if (door->payload_types[0] >> codecs[i].payload_types[n] & 1)
				return &codecs[i];
	return &codecs[0];
}

static double delay_impairment(double delay_ms)
{
	double x;

	if (delay_ms <= 100.0)
		return 0.0;
	x = log2(delay_ms / 100.0);
	return 25.0 * (pow(1.0 + pow(x, 6.0), 1.0 / 6.0) -
		       3.0 * pow(1.0 + pow(x / 3.0, 6.0), 1.0 / 6.0) + 2.0);
}

double quality_mos(double rating)
{
	if (rating <= 0.0)
		return 1.0;
	if (rating >= 100.0)
		return 4.5;
	return 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6;
}

struct quality quality_of(const struct activity *a, const struct door_row *door, bool audio)
{
	const struct codec *codec = codec_of(door);
	const double clock_hz = door->clock_hz ?: 8000;
	struct quality q = { .measured = a->received };

	if (!a->received)
		return q;
	/* What came twice makes it negative (A.3); nothing is lost then. */
	q.lost = a->expected > a->received ? a->expected - a->received : 0;
	q.loss_percent = a->expected ? 100.0 * q.lost / a->expected : 0.0;
	q.jitter_ms = a->jitter / 16.0 / clock_hz * 1000.0;
	if (!audio)
		return q;
	q.as = codec->name;
	q.mos = quality_mos(RATING_DEFAULT - delay_impairment(JITTER_BUFFERS * q.jitter_ms) -
			    codec->impairment - (95.0 - codec->impairment) * q.loss_percent /
						       (q.loss_percent + codec->robustness));
	return q;
}
