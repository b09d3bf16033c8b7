/* SPDX-License-Identifier: MIT */
/* The command's side of the control socket. */
#ifndef RINGFENCE_CLIENT_H
#define RINGFENCE_CLIENT_H

#include <stdbool.h>

#include <jansson.h>

struct client {
	const char *control;         /* path of the daemon's socket                     */
	const char *pins;            /* directory of what is pinned                     */
	bool pins_given;             /* named by the operator: a daemon of others is not meant */
	bool json;
};

/* Asks the daemon, or the pins where none runs, and prints the answer: a table, or the JSON document.
 * Takes the reference. Exit status. */
int client_show(const struct client *c, json_t *request);
/* As client_show, by the daemon where one runs, else from the pins. */
int client_detach(const struct client *c, const char *interface);
/* One event, or one change of a counter, a line until interrupted. Take the reference. */
int client_follow(const struct client *c, json_t *request);
int client_follow_counters(const struct client *c, json_t *request);

#endif
