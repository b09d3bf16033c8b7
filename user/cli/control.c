// SPDX-License-Identifier: MIT
/* The control socket: one JSON line asks, one JSON line answers. */
#include "cli/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli/operate.h"
#include "cli/show.h"
#include "cli/show_cluster.h"
#include "daemon.h"
#include "io/log.h"

#define CLIENTS 16
#define REQUEST_BYTES 4096
#define BUFFER_BYTES (64 << 20)      /* of a socket: all calls of a full table */

struct client {
	struct control_server *server;
	struct loop_source *source;
	int fd;                      /* -1: free */
	bool follows;
	uint32_t used;
	char request[REQUEST_BYTES];
};

struct control_server {
	struct daemon *d;
	int fd;
	struct loop_source *source;
	char path[108];
	struct client clients[CLIENTS];
};

static void hang_up(struct client *c)
{
	loop_drop(c->source);
	close(c->fd);
	*c = (struct client){ .server = c->server, .fd = -1 };
}

/* Whole or not at all, and never waiting: an answer fits the socket's buffer, and whoever does not
 * read is hung up on, which he is told by the end of the stream. */
static bool write_line(struct client *c, const json_t *document)
{
	char *line = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(13));
	size_t length = line ? strlen(line) : 0;
	ssize_t sent;

	if (!line)
		return false;
	line[length++] = '\n';
	sent = send(c->fd, line, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	free(line);
	return sent == (ssize_t)length;
}

/* A thousand bytes or so, made anew for each answer: nothing to keep true. */
static void view_of(const struct daemon *d, struct view *ret)
{
	*ret = (struct view){ .tables = d->tables, .kernel = d->kernel,
			      .now_ns = loop_now_ns(), .running = true, .mode = show_mode(d),
			      .policy = d->policy, .proxy = d->proxy, .own = d->own,
			      .own_count = d->journey.around.own_count,
			      .started_ns = d->started_ns,
			      .reloads = d->reloads, .reloads_refused = d->reloads_refused };
	for (uint32_t z = 1; z <= LIMIT_ZONES; z++)
		memcpy(ret->zones[z].name, d->policy->zones[z].name, LIMIT_NAME_BYTES);
}

/* NULL: it is to be told what happens from now on. */
static json_t *find_answer(struct daemon *d, const json_t *request)
{
	const char *pins = json_string_value(json_object_get(request, "pins")),
		   *name = json_string_value(json_object_get(request, "command")) ?: "";
	json_t *document;
	struct view v;

	if (pins && strcmp(pins, d->settings.pin_path))
		return json_pack("{s:s}", "other_pins", d->settings.pin_path);
	if (!strcmp(name, "events"))
		return NULL;
	if (!strcmp(name, "where"))
		return json_pack("{s:s, s:s}", "daemon", "running", "pins", d->settings.pin_path);
	view_of(d, &v);
	document = show_answer(&v, request) ?: operate(d, request);
	return document ?: json_pack("{s:s}", "error", "no such command (see `ringfence help`)");
}

static void answer(struct client *c, const char *line)
{
	json_t *request = json_loads(line, 0, NULL), *document;
	bool sent;

	document = find_answer(c->server->d, request);
	if (!document) {
		c->follows = true;
		json_decref(request);
		return;
	}
	sent = write_line(c, document);
	json_decref(document);
	json_decref(request);
	if (!sent)
		hang_up(c);
}

static void on_client(void *self)
{
	struct client *c = self;
	ssize_t n = recv(c->fd, c->request + c->used, REQUEST_BYTES - 1 - c->used, MSG_DONTWAIT);
	char *end;

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			hang_up(c);
		return;
	}
	c->used += (uint32_t)n;
	/* Several lines may come at once. */
	while (c->fd >= 0 && (end = memchr(c->request, '\n', c->used))) {
		*end = '\0';
		c->used -= (uint32_t)(end + 1 - c->request);
		answer(c, c->request);
		memmove(c->request, end + 1, c->used);
	}
	if (c->used == REQUEST_BYTES - 1)
		hang_up(c);
}

static void on_connect(void *self)
{
	const int room = BUFFER_BYTES;
	struct control_server *s = self;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

	for (int i = 0; fd >= 0 && i < CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->fd >= 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
		c->fd = fd;
		c->source = loop_fd(s->d->loop, fd, on_client, c);
		if (!c->source)
			hang_up(c);
		return;
	}
	if (fd >= 0)
		close(fd);
}

struct control_server *control_open(struct daemon *d)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct control_server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->d = d;
	for (int i = 0; i < CLIENTS; i++)
		s->clients[i] = (struct client){ .server = s, .fd = -1 };
	strcpy(s->path, d->settings.control_path);
	strcpy(address.sun_path, s->path);
	/* The key's lock says that no other daemon listens here. */
	unlink(s->path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd >= 0 && !bind(s->fd, (struct sockaddr *)&address, sizeof(address)) &&
	    !chmod(s->path, 0600) && !listen(s->fd, CLIENTS))
		s->source = loop_fd(d->loop, s->fd, on_connect, s);
	if (s->source)
		return s;
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	return NULL;
}

void control_close(struct control_server *s)
{
	if (!s)
		return;
	for (int i = 0; i < CLIENTS; i++)
		if (s->clients[i].fd >= 0)
			hang_up(&s->clients[i]);
	loop_drop(s->source);
	close(s->fd);
	unlink(s->path);
	free(s);
}

static bool is_followed(const struct control_server *s)
{
	for (int i = 0; s && i < CLIENTS; i++)
		if (s->clients[i].fd >= 0 && s->clients[i].follows)
			return true;
	return false;
}

static void publish(struct control_server *s, json_t *document)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	json_object_set_new(document, "time",
			    json_real((double)now.tv_sec + (double)(now.tv_nsec / 1000000) / 1000));
	for (int i = 0; i < CLIENTS; i++)
		if (s->clients[i].fd >= 0 && s->clients[i].follows &&
		    !write_line(&s->clients[i], document))
			hang_up(&s->clients[i]);
	json_decref(document);
}

void control_report(struct control_server *s, const struct verdict_report *r)
{
	struct view v;

	if (!is_followed(s))
		return;
	view_of(s->d, &v);
	publish(s, show_report(&v, r));
}

void control_event(struct control_server *s, const struct event *e)
{
	struct row_key key;
	struct view v;
	bool claimed;

	if (!is_followed(s))
		return;
	view_of(s->d, &v);
	claimed = apply_claimant(s->d->apply, &e->key, &key) ||
		  apply_claimant(s->d->apply, &e->pinhole, &key);
	publish(s, show_event(&v, e, claimed ? &key.owner : NULL));
}

void control_alarm(struct control_server *s, const char *text)
{
	if (is_followed(s))
		publish(s, json_pack("{s:s, s:s}", "type", "alarm", "text", text));
}

void control_tell(struct control_server *s, enum tell tell, const struct owner *owner)
{
	char alarm[256];
	struct text t = text_make(alarm, sizeof(alarm));
	struct view v;

	if (show_alarm(s->d->tables, tell, owner, &t))
		log_warning("%.*s", (int)t.length, alarm);
	if (!is_followed(s))
		return;
	view_of(s->d, &v);
	publish(s, show_tell(&v, tell, owner));
}

void control_operated(struct control_server *s, const char *event, const char *what)
{
	if (is_followed(s))
		publish(s, json_pack("{s:s, s:s, s:s}", "type", "operator", "event", event, "what",
				     what));
}
