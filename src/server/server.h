/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server.h: TCP and UNIX connections that a program handles itself, beside
 * station 2.
 *
 *   gets    where to listen; machines, from program/
 *   gives   events to the guest that waits in wait_for_socket_events_paused()
 *   owns    listening sockets, connections, one thread and epoll per system
 *   never   knows Linux's calls beyond read, write and close, nor HTTP
 *
 * A server has systems: each is a machine of its own that serves the
 * connections which it accepted, all together, and is not cleaned between
 * them. When its program fails, its connections are closed and it starts anew,
 * at most once a second.
 *
 * Generations of one program share its listening socket: the newest accepts,
 * older ones serve what they have until they are stopped. The socket is closed
 * (and the path removed) with the last.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "tinykvm/machine.h"

#define SERVER_SYSTEMS_MAX 16
#define SERVER_CONNECTIONS_MAX 65536

struct server_settings {
	char *path;			/* or NULL, then: */
	char *address;			/* numeric; NULL is 127.0.0.1 */
	unsigned port;			/* 0 without path: there is no server */
	unsigned systems;
	unsigned max_connections;	/* of each system */
	double idle_timeout;		/* seconds */
	unsigned read_event;		/* what data is called: 1 or 2 */
};

enum server_count {
	SERVER_CONNECTIONS, SERVER_REFUSED, SERVER_EVENTS, SERVER_BYTES_IN,
	SERVER_BYTES_OUT, SERVER_RESTARTS
};

/* What the owner of the program does; called in the systems' threads. */
struct server_ops {
	/*
	 * A fresh fork for this system, the one before is given up. It must
	 * have been made with *ours; *inner gets the handlers of all calls
	 * that are not about sockets.
	 */
	int (*make)(void *priv, unsigned index, const struct tkvm_calls *ours,
	    struct tkvm_calls *inner, struct tkvm_machine **mp,
	    struct tkvm_err *err);
	/* Give up the system's machine, if it has one. */
	void (*unmake)(void *priv, unsigned index);
	void (*log)(void *priv, const char *text);
	void (*count)(void *priv, enum server_count what, uint64_t n);
	void *priv;
};

/* What a server needs to know of its program. */
struct server_program {
	const char *name;		/* lives as long as the server */
	uint64_t prepare;		/* call-back 12 */
	uint64_t run_ns;		/* what a batch of events may take */
	uint64_t memory_bytes;		/* what a system may write to */
};

struct server;

/*
 * Listen and start the systems. TKVM_EHOST with a sentence when the address
 * cannot be listened at, TKVM_ENOMEM. The settings are not needed afterwards.
 */
int server_new(const struct server_settings *s,
    const struct server_program *program, const struct server_ops *ops,
    struct server **sp, struct tkvm_err *err) TKVM_MUST_CHECK;

/* End the systems at once and close everything. NULL is fine. */
void server_destroy(struct server **sp);

#endif
