/* SPDX-License-Identifier: MIT */
/* A table of JSON rows by libsmartcols. */
#ifndef RINGFENCE_PRINT_TABLE_H
#define RINGFENCE_PRINT_TABLE_H

#include <stddef.h>

#include <jansson.h>

enum format {
	FORMAT_TEXT = 0,
	FORMAT_CUT,                  /* text that is cut where the terminal is narrow   */
	FORMAT_WRAP,                 /* the last column: goes on in the next line, by words */
	FORMAT_WAY,                  /* "from > to", on two lines where it is long      */
	FORMAT_NUMBER,
	FORMAT_SECONDS,              /* "1h2m"                                          */
	FORMAT_PERCENT,
	FORMAT_DECIMAL,              /* one digit behind the point                      */
};

struct column {
	const char *heading, *key;
	enum format format;
};

/* Ends with a column without heading. Says "none" where there are no rows. */
void table_print(const struct column *columns, const json_t *rows);
/* "-" for null, "12s", "3m05s", "2h10m", "4d3h". */
void format_seconds(const json_t *value, char *ret, size_t size);

#endif
