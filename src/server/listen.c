/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listen.c: listening sockets. Those of this process are in one list, so that
 * a new generation of a program takes over the socket of the one before:
 * nothing is refused in between, no port is bound twice, and a port that
 * somebody else uses is an error.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/server_priv.h"

#define BACKLOG 1024

struct listener {
	struct listener *next;
	struct member *members;		/* newest first */
	char *owner;			/* name of the program */
	char where[160];		/* "[::1]:80" or the path */
	int fd;
	bool is_path;
	dev_t dev;			/* of the path, so that only ours is */
	ino_t ino;			/* removed */
};

static struct {
	pthread_mutex_t lock;
	struct listener *first;
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int
cannot(const struct listener *l, const char *why, struct tkvm_err *err)
{
	return (tkvm_fail(err, TKVM_EHOST, "cannot listen at %s: %s", l->where,
	    why));
}

/* A path is ours to take when it is free, or a socket without a listener. */
static int
clear_path(const struct listener *l, const struct sockaddr_un *sun,
    struct tkvm_err *err)
{
	struct stat st;
	int fd, r;

	if (lstat(sun->sun_path, &st) != 0)
		return (errno == ENOENT ? 0 : cannot(l, strerror(errno), err));
	if (!S_ISSOCK(st.st_mode))
		return (cannot(l, "it exists and is no socket", err));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return (cannot(l, strerror(errno), err));
	r = connect(fd, (const struct sockaddr *)sun, sizeof *sun) == 0 ?
	    EADDRINUSE : errno;
	(void)close(fd);
	if (r == EADDRINUSE || r == EAGAIN)
		return (cannot(l, "somebody listens there already", err));
	if (r != ECONNREFUSED)
		return (cannot(l, strerror(r), err));
	return (unlink(sun->sun_path) == 0 ? 0 :
	    cannot(l, strerror(errno), err));
}

static int
open_path(struct listener *l, struct tkvm_err *err)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct stat st;

	if (strlen(l->where) >= sizeof sun.sun_path)
		return (cannot(l, "the path is too long for a socket", err));
	memcpy(sun.sun_path, l->where, strlen(l->where) + 1);
	if (clear_path(l, &sun, err) != 0)
		return (TKVM_EHOST);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return (cannot(l, strerror(errno), err));
	if (bind(l->fd, (struct sockaddr *)&sun, sizeof sun) != 0)
		return (cannot(l, strerror(errno), err));
	l->is_path = true;
	/* Nobody can connect before it listens. */
	if (lstat(sun.sun_path, &st) != 0 || chmod(sun.sun_path, 0660) != 0 ||
	    listen(l->fd, BACKLOG) != 0)
		return (cannot(l, strerror(errno), err));
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return (0);
}

static int
open_port(const struct server_settings *s, struct listener *l,
    struct tkvm_err *err)
{
	const struct addrinfo want = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *ai;
	char port[16];
	int r, on = 1;

	(void)snprintf(port, sizeof port, "%u", s->port);
	r = getaddrinfo(s->address == NULL ? "127.0.0.1" : s->address, port,
	    &want, &ai);
	if (r != 0)
		return (cannot(l, r == EAI_NONAME ? "the address must be a "
		    "number, as in 127.0.0.1 or ::1" : gai_strerror(r), err));
	l->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	/* Old connections of the port may still linger in TIME_WAIT. */
	r = l->fd < 0 ||
	    setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(l->fd, ai->ai_addr, ai->ai_addrlen) != 0 ||
	    listen(l->fd, BACKLOG) != 0 ? errno : 0;
	freeaddrinfo(ai);
	return (r == 0 ? 0 : cannot(l, r == EADDRINUSE ?
	    "somebody listens there already" : strerror(r), err));
}

static void
listener_free(struct listener *l)
{
	struct stat st;

	if (l->is_path && lstat(l->where, &st) == 0 && st.st_dev == l->dev &&
	    st.st_ino == l->ino)
		(void)unlink(l->where);
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l->owner);
	free(l);
}

static int
listener_new(const struct server_settings *s, const char *where,
    const char *owner, struct listener **lp, struct tkvm_err *err)
{
	struct listener *l = calloc(1, sizeof *l);
	int r;

	*lp = l;
	if (l != NULL)
		l->owner = strdup(owner);
	if (l == NULL || l->owner == NULL) {
		free(l);
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for a server"));
	}
	l->fd = -1;
	memcpy(l->where, where, sizeof l->where);
	r = s->path != NULL ? open_path(l, err) : open_port(s, l, err);
	if (r != 0)
		listener_free(l);
	return (r);
}

/* With the lock held: of several members the first one accepts. */
static void
elect(const struct listener *l)
{
	for (struct member *m = l->members; m != NULL; m = m->next)
		atomic_store(&m->newest, m == l->members);
}

static int
join(const struct server_settings *s, const char *where, const char *owner,
    struct member *m, struct tkvm_err *err)
{
	struct listener *l;
	int r;

	for (l = registry.first; l != NULL; l = l->next)
		if (strcmp(l->where, where) == 0)
			break;
	if (l != NULL && strcmp(l->owner, owner) != 0)
		return (tkvm_fail(err, TKVM_EHOST, "cannot listen at %s: "
		    "program %s does", where, l->owner));
	if (l == NULL) {
		r = listener_new(s, where, owner, &l, err);
		if (r != 0)
			return (r);
		l->next = registry.first;
		registry.first = l;
	}
	m->listener = l;
	m->fd = l->fd;
	m->next = l->members;
	l->members = m;
	elect(l);
	return (0);
}

int
listener_join(const struct server_settings *s, const char *owner,
    struct member *m, struct tkvm_err *err)
{
	const char *address = s->address == NULL ? "127.0.0.1" : s->address;
	char where[sizeof m->listener->where] = "";
	int r;

	if (s->path != NULL)
		r = snprintf(where, sizeof where, "%s", s->path);
	else
		r = snprintf(where, sizeof where,
		    strchr(address, ':') != NULL ? "[%s]:%u" : "%s:%u",
		    address, s->port);
	if (r < 0 || (size_t)r >= sizeof where)
		return (tkvm_fail(err, TKVM_EHOST, "cannot listen at %.100s: "
		    "the name is too long", where));
	(void)pthread_mutex_lock(&registry.lock);
	r = join(s, where, owner, m, err);
	(void)pthread_mutex_unlock(&registry.lock);
	return (r);
}

void
listener_leave(struct member *m)
{
	struct listener *l = m->listener, **lp;
	struct member **mp;

	if (l == NULL)
		return;
	(void)pthread_mutex_lock(&registry.lock);
	for (mp = &l->members; *mp != m; mp = &(*mp)->next)
		;
	*mp = m->next;
	elect(l);
	if (l->members == NULL) {
		for (lp = &registry.first; *lp != l; lp = &(*lp)->next)
			;
		*lp = l->next;
		listener_free(l);
	}
	(void)pthread_mutex_unlock(&registry.lock);
	m->listener = NULL;
}
