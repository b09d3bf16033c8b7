/* SPDX-License-Identifier: MIT */
/* The command's side of the control socket. */
#ifndef RINGFENCE_CLIENT_H
#define RINGFENCE_CLIENT_H

#include <stdbool.h>

/* Asks the daemon and prints its answer: a table, or the JSON document as it came. Exit status. */
int client_show(const char *path, const char *command, bool json);
/* Prints one line an event until interrupted. Exit status. */
int client_follow(const char *path);

#endif
