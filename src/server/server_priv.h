/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lock order: the registry of listeners; a system's lock. Neither is held while
 * a guest runs.
 */
#ifndef SERVER_SERVER_PRIV_H
#define SERVER_SERVER_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>

#include "base/check.h"
#include "base/num.h"
#include "server/server.h"

#define SECOND_NS 1000000000u

/*--- listen.c: listening sockets, shared by generations -------------------*/

struct listener;

/* One server that uses a listener. */
struct member {
	struct member *next;		/* older ones */
	struct listener *listener;
	int fd;				/* the listener's */
	_Atomic bool newest;		/* only this one accepts */
};
int listener_join(const struct server_settings *s, const char *owner,
    struct member *m, struct tkvm_err *err) TKVM_MUST_CHECK;
void listener_leave(struct member *m);

/*--- what the guest sees --------------------------------------------------*/

#define EVENTS_MAX 32
#define FIRST_FD 0x1000
#define REMOTE_BYTES 128		/* room for an address */

enum { EVENT_CONNECT = 0, EVENT_WRITABLE = 2, EVENT_DISCONNECT = 3 };

/* struct kvm_socket_event of kvm_api.h. */
struct guest_event {
	int32_t fd, event;
	uint64_t remote, arg, data, data_len;
};
_Static_assert(sizeof(struct guest_event) == 40, "guest ABI");

/*--- a system: one machine and its connections ----------------------------*/

enum conn_state {
	CONN_FREE,
	CONN_OPEN,
	CONN_GONE,	/* closed; the guest is still to be told */
	CONN_DROPPED,	/* as GONE, but the guest has closed it itself */
};

struct conn {
	int host;
	enum conn_state state;
	bool armed;		/* tell when it is writable */
	bool wrote_last;	/* of two events, the other is next */
	uint32_t next;		/* in one of the two queues */
	uint64_t active_ns;
};

#define NOBODY UINT32_MAX
struct queue {
	uint32_t first, last;
};

struct system {
	struct server *server;
	unsigned index;
	pthread_t thread;
	bool running;			/* the thread is to be joined */
	pthread_mutex_t lock;
	struct tkvm_machine *machine;	/* changes under lock */
	struct tkvm_calls inner;
	int epoll, wake;
	bool listening;			/* the listener is in epoll */
	uint64_t deaf_until_ns;		/* no descriptors left on the host */
	uint64_t tick_ns;

	struct conn *conn;		/* max_connections */
	unsigned n_open;
	struct queue free, gone;

	/* What the guest said when it waited. */
	bool waiting;
	uint64_t events_at;
	unsigned events_n;
	/* Buffers in the guest, one per event of a batch. */
	uint64_t buffers, buffer_bytes, remotes;
	unsigned n_buffers;

	struct guest_event batch[EVENTS_MAX];
	unsigned n;
};

struct server {
	struct server_settings s;	/* path and address are not set */
	struct server_program program;
	struct server_ops ops;
	struct member member;
	_Atomic bool stop;
	struct system system[SERVER_SYSTEMS_MAX];
};

static inline void
count(const struct system *y, enum server_count what, uint64_t n)
{
	y->server->ops.count(y->server->ops.priv, what, n);
}

/* system.c: the thread. */
int system_start(struct system *y, struct tkvm_err *err) TKVM_MUST_CHECK;
void system_stop(struct system *y);

/* conn.c */
int conn_init(struct system *y, struct tkvm_err *err) TKVM_MUST_CHECK;
void conn_close_all(struct system *y);
/* The open connection of a guest's descriptor, or NULL. */
struct conn *conn_find(struct system *y, uint64_t fd);
/* It is one that closed before the guest was told. */
bool conn_is_gone(const struct system *y, uint64_t fd);
int64_t conn_write(struct system *y, struct conn *c, uint64_t gva,
    uint64_t len);
int64_t conn_read(struct system *y, struct conn *c, uint64_t gva,
    uint64_t len);
int64_t conn_close(struct system *y, uint64_t fd);
/*
 * Fill the batch; waits up to a second when nothing happens. An error is the
 * guest's: its buffers are gone.
 */
int conn_collect(struct system *y, struct tkvm_err *err) TKVM_MUST_CHECK;

/* accept.c */
void accept_some(struct system *y);
/* Listen or not, by who is the newest and what the host has left. */
void accept_update(struct system *y);
struct conn *conn_take(struct system *y);
void conn_put_back(struct system *y, struct conn *c);
struct guest_event *conn_event(struct system *y, const struct conn *c,
    int event);

/* calls.c: the calls of a guest, given to the machine. */
tkvm_call_f server_linux_call, server_http_call;

#endif
