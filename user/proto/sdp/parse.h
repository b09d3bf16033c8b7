/* SPDX-License-Identifier: MIT */
/* What the files of the SDP reader share. Private to proto/sdp. */
#ifndef RINGFENCE_SDP_PARSE_H
#define RINGFENCE_SDP_PARSE_H

#include "proto/sdp/sdp.h"

/* The description being read. */
struct sdp_reading {
	struct sdp *sdp;
	struct sdp_media *media;   /* LIMIT_SDP_MEDIA of them                            */
	struct sdp_media *current; /* NULL in the session's part                         */
	struct arena *arena;
	struct fault *reterr;
	bool has_origin;
};

/* Writes the fault and gives -EBADMSG (-E2BIG for a limit). */
int sdp_refuse(const struct sdp_reading *r, enum reason reason, struct slice where);

/* Cuts the next word off, spaces skipped; empty at the end. */
struct slice sdp_next_word(struct slice *rest);

/* An address of the given type ("IP4", "IP6"), or a host's name (*ret_is_name, address zero); false
 * where it is neither. */
bool sdp_parse_host(struct slice type, struct slice text, struct address *ret_address,
		    bool *ret_is_name);

/* media.c: the value of an m= line. */
int sdp_read_media(const struct sdp_reading *r, struct slice value, struct sdp_media *media);

/* attribute.c: the value of an a= line. */
int sdp_read_attribute(const struct sdp_reading *r, struct slice value);

#endif
