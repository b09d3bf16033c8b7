/* SPDX-License-Identifier: MIT */
/* What the files of the MGCP reader share. Private to proto/mgcp's readers. */
#ifndef RINGFENCE_MGCP_PARSE_H
#define RINGFENCE_MGCP_PARSE_H

#include "proto/mgcp/mgcp.h"

/* The message being read. */
struct mgcp_reading {
	struct mgcp_message *message;
	struct arena *arena;
	struct fault *reterr;
};

/* Writes the fault and gives -EBADMSG (-E2BIG for a limit). */
int mgcp_refuse(const struct mgcp_reading *r, enum reason reason, struct slice where);

/* The next word, white space before it skipped; empty at the end. */
struct slice mgcp_next_word(struct slice *rest);

/* The line at *at without its end (CRLF or LF), and *at moved behind it. False and the line where a
 * NUL or a CR that stands alone is in it: readers differ about those. */
bool mgcp_take_line(struct slice raw, size_t *at, struct slice *ret_line);

/* parameter.c: one line, and the values that judgement needs once all lines are listed. */
int mgcp_read_parameter(const struct mgcp_reading *r, struct slice line,
			struct mgcp_parameter *ret);
int mgcp_read_values(const struct mgcp_reading *r);

#endif
