/* SPDX-License-Identifier: MIT */
/* What the files of the proxy share. */
#ifndef RINGFENCE_PROXY_OWN_H
#define RINGFENCE_PROXY_OWN_H

#include "base/map.h"
#include "io/proxy.h"

#define PROXY_CHUNK 16384u       /* bytes of one read */

struct leg {
	int fd;                      /* -1 none                                        */
	uint32_t watched;            /* events that epoll was asked for                */
	bool eof;                    /* its peer sends no more                         */
	bool shut;                   /* that was told the other end                    */
	bool is_partial;             /* all whole messages of the stream are out       */
	struct channel channel;        /* what its peer sent                             */
	uint64_t unfinished_ns;      /* since when a message is not whole, 0           */
};

struct connection {
	uint32_t slot, generation;
	struct proxy_ends ends;
	struct proxy_terms terms;
	struct leg legs[2];
	uint64_t began_ns, active_ns;
	bool connecting, is_dirty, is_stalled, is_closed;
	struct connection *next_dirty, *next_dead;
};

/* A host that speaks over TCP; IPv6: a /64. */
struct proxy_source {
	uint64_t window_ns;
	uint32_t messages;           /* in the running second                          */
	uint32_t callers;            /* connections that it opened                     */
	uint32_t legs;               /* and has a part in                              */
};

struct proxy {
	struct kernel *kernel;
	struct proxy_hands hands;
	struct loop_source *source;
	int epoll, wake, spare;      /* spare: closed where no descriptor is left      */
	int listeners[2];            /* IPv4, IPv6; -1                                 */
	uint32_t most;               /* connections                                    */
	uint32_t of_source, rate;
	uint64_t message_ns, idle_ns, now_ns;
	bool slows;                  /* sources above their rate                       */
	struct connection *connections[LIMIT_STREAMS];
	uint32_t begun, count, elsewhere, generation;
	struct map *sources;         /* struct address -> struct proxy_source          */
	struct channel_memory memory;
	struct connection *dirty, *dead;
	uint8_t chunk[PROXY_CHUNK];
};

/* proxy_socket.c */
int proxy_listen(struct proxy *p, struct kernel_error *reterr);
/* The next caller, its ends told; -EAGAIN: none. */
int proxy_accept(struct proxy *p, int listener, struct proxy_ends *ret);
/* From the caller's own address; the connection is under way. */
int proxy_connect(const struct proxy_ends *ends);
/* Both ends of a connection that breaks shall know that it broke. */
void proxy_reset(int fd);

/* proxy_source.c */
void proxy_source_join(struct proxy *p, const struct connection *c);
void proxy_source_leave(struct proxy *p, const struct connection *c);
bool proxy_source_is_full(struct proxy *p, const struct address *a);
/* Counts a message; false where the source is above its rate and is to wait. */
bool proxy_source_may_speak(struct proxy *p, const struct address *a);

/* proxy_stream.c: bytes to messages and back. */
/* Reads what the peer of that leg sent, and hands out the messages of it. */
void proxy_read(struct proxy *p, struct connection *c, int side);
void proxy_hand_out(struct proxy *p, struct connection *c, int side);
/* Sends what may go, and watches for what is to come. */
void proxy_settle_up(struct proxy *p, struct connection *c);

/* proxy.c */
typedef int (*proxy_connect_fn)(const struct proxy_ends *ends);
/* Without listeners. NULL: out of memory or descriptors. */
struct proxy *proxy_new(struct kernel *k, const struct proxy_hands *hands);
/* The caller's socket; `call` makes that to the callee. */
void proxy_begin(struct proxy *p, int fd, const struct proxy_ends *ends, proxy_connect_fn call);
/* Serves the sockets that have something to say. */
void proxy_round(void *proxy);
void proxy_mark(struct proxy *p, struct connection *c);
void proxy_end_connection(struct proxy *p, struct connection *c, bool reset);
/* Tells why, and resets both ends. */
void proxy_refuse(struct proxy *p, struct connection *c, int from, enum reason reason);
uint64_t proxy_ticket(const struct connection *c, int side, uint32_t number);

#endif
