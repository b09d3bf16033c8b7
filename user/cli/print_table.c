// SPDX-License-Identifier: MIT
/* Tables that fit a terminal. What is not there is a dash. */
#include "cli/print_table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WAY_MOST 38              /* two IPv4 endpoints as they mostly are */
#define WRAP_LEAST 20

static const int flags[] = {
	[FORMAT_TEXT] = 0,
	[FORMAT_CUT] = SCOLS_FL_TRUNC,
	[FORMAT_WRAP] = SCOLS_FL_WRAP,
	[FORMAT_WAY] = SCOLS_FL_WRAP,
	[FORMAT_NUMBER] = SCOLS_FL_RIGHT,
	[FORMAT_SECONDS] = SCOLS_FL_RIGHT,
	[FORMAT_PERCENT] = SCOLS_FL_RIGHT,
	[FORMAT_DECIMAL] = SCOLS_FL_RIGHT,
};

/* Columns of the terminal; 0: it is none, lines may be of any length. */
static size_t terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		return 0;
	return size.ws_col ? size.ws_col : 80;
}

void format_seconds(const json_t *value, char *ret, size_t size)
{
	unsigned long long s = (unsigned long long)json_number_value(value);

	if (!json_is_number(value))
		snprintf(ret, size, "-");
	else if (s < 60)
		snprintf(ret, size, "%llus", s);
	else if (s < 3600)
		snprintf(ret, size, "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(ret, size, "%lluh%02llum", s / 3600, s / 60 % 60);
	else
		snprintf(ret, size, "%llud%lluh", s / 86400, s / 3600 % 24);
}

static const char *cell(enum format format, const json_t *value, char *buffer, size_t size)
{
	if (json_is_string(value))
		return *json_string_value(value) ? json_string_value(value) : "-";
	if (format == FORMAT_SECONDS)
		format_seconds(value, buffer, size);
	else if (!json_is_number(value))
		snprintf(buffer, size, "-");
	else if (format == FORMAT_PERCENT)
		snprintf(buffer, size, "%.1f%%", json_number_value(value));
	else if (format == FORMAT_DECIMAL)
		snprintf(buffer, size, "%.1f", json_number_value(value));
	else
		snprintf(buffer, size, "%lld", (long long)json_number_value(value));
	return buffer;
}

static const char *way(const json_t *row, bool terminal, char *buffer, size_t size)
{
	const char *from = json_string_value(json_object_get(row, "from")) ?: "-",
		   *to = json_string_value(json_object_get(row, "to")) ?: "-";
	bool is_long = terminal && strlen(from) + strlen(to) + 3 > WAY_MOST;

	snprintf(buffer, size, is_long ? "%s\n> %s" : "%s > %s", from, to);
	return buffer;
}

/* Turns the last space of each piece into a line's end; a word that is longer stays whole. */
static void wrap(char *text, size_t width)
{
	char *begin = text, *space = NULL;

	for (char *c = text; *c; c++) {
		if (*c == ' ')
			space = c;
		if ((size_t)(c - begin) < width || !space)
			continue;
		*space = '\n';
		begin = space + 1;
		space = NULL;
	}
}

/* What is left for the last column beside the widest cells of the others. */
static size_t width_left(const struct column *columns, const json_t *rows, size_t width)
{
	char buffer[32];
	const json_t *row;
	size_t i;

	for (size_t n = 0; columns[n + 1].heading; n++) {
		size_t widest = strlen(columns[n].heading);

		json_array_foreach(rows, i, row) {
			size_t length = strlen(cell(columns[n].format,
						    json_object_get(row, columns[n].key), buffer,
						    sizeof(buffer)));

			widest = length > widest ? length : widest;
		}
		width = width > widest + 1 ? width - widest - 1 : 0;
	}
	return width > WRAP_LEAST ? width : WRAP_LEAST;
}

static void add_line(struct libscols_table *table, const struct column *columns, const json_t *row,
		     size_t left)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char buffer[2048];

	for (size_t n = 0; columns[n].heading; n++) {
		const json_t *value = json_object_get(row, columns[n].key);

		if (columns[n].format == FORMAT_WAY) {
			way(row, left, buffer, sizeof(buffer));
		} else if (columns[n].format == FORMAT_WRAP) {
			snprintf(buffer, sizeof(buffer), "%s", json_string_value(value) ?: "-");
			if (left)
				wrap(buffer, left);
		} else {
			char small[32];

			snprintf(buffer, sizeof(buffer), "%s",
				 cell(columns[n].format, value, small, sizeof(small)));
		}
		scols_line_set_data(line, n, buffer);
	}
}

void table_print(const struct column *columns, const json_t *rows)
{
	struct libscols_table *table = scols_new_table();
	size_t width = terminal_width(),
	       left = width ? width_left(columns, rows, width) : 0, i;
	const json_t *row;

	for (size_t n = 0; columns[n].heading; n++) {
		struct libscols_column *c = scols_table_new_column(
			table, columns[n].heading, 0.0, flags[columns[n].format]);

		if (flags[columns[n].format] != SCOLS_FL_WRAP)
			continue;
		scols_column_set_safechars(c, "\n");
		scols_column_set_wrapfunc(c, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
	}
	json_array_foreach(rows, i, row)
		add_line(table, columns, row, left);
	if (!json_array_size(rows))
		printf("none\n");
	scols_print_table(table);
	scols_unref_table(table);
}
