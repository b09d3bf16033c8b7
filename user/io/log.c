// SPDX-License-Identifier: MIT
/* Log lines to stderr; with a priority prefix where stderr is the journal. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/log.h"

static void write_line(int priority, const char *format, va_list arguments)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, arguments);
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>ringfence: %s\n", priority, line);
	else
		fprintf(stderr, "ringfence: %s\n", line);
}

#define LOG(name, priority)                                                                        \
	void name(const char *format, ...)                                                         \
	{                                                                                          \
		va_list arguments;                                                                 \
		va_start(arguments, format);                                                       \
		write_line(priority, format, arguments);                                           \
		va_end(arguments);                                                                 \
	}
LOG(log_error, 3)
LOG(log_warning, 4)
LOG(log_info, 6)
