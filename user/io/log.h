/* SPDX-License-Identifier: MIT */
/* Log: a constant sentence and key=value pairs, to stderr (journal prefix <n> where it is one). */
#ifndef RINGFENCE_LOG_H
#define RINGFENCE_LOG_H

#define LOG_FORMAT(a, b) __attribute__((format(printf, a, b)))

/* Lines for people: "ringfence: what: why (remedy)". */
void log_error(const char *format, ...) LOG_FORMAT(1, 2);
void log_warning(const char *format, ...) LOG_FORMAT(1, 2);
void log_info(const char *format, ...) LOG_FORMAT(1, 2);

#endif
