/* SPDX-License-Identifier: MIT */
/* Documents for people: tables that fit a terminal. */
#ifndef RINGFENCE_PRINT_H
#define RINGFENCE_PRINT_H

#include <jansson.h>

/* The answer to a command, on stdout. Rows may get members that only the print needs. */
void print_document(const char *command, json_t *document);
/* One line of `events`, and of `counters --follow`. */
/* print_event.c: one line of `events`, and of `counters --follow`. */
void print_event(const json_t *event);
void print_change(const json_t *change);

#endif
