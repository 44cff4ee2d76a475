/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listen.c: where a debugger connects. Whoever can connect controls the
 * program, so: a socket that only its owner may use, or the loopback address
 * when the setting says so.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "debug/debug_priv.h"

static int
fail(struct listener *l, const char *what, struct tkvm_err *err)
{
	int e = errno;

	listener_close(l);
	return (tkvm_fail(err, TKVM_EHOST, "no debugger can connect: %s: %s",
	    what, strerror(e)));
}

static int
open_tcp(struct listener *l, const char *port, struct tkvm_err *err)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int on = 1;
	char *end;
	long n = strtol(port, &end, 10);

	if (*port == '\0' || *end != '\0' || n < 1 || n > 65535)
		return (tkvm_fail(err, TKVM_ECONFIG,
		    "no debugger can connect: \"%s\" is no port", port));
	a.sin_port = htons((uint16_t)n);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)snprintf(l->target, sizeof l->target, "127.0.0.1:%ld", n);
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof on) != 0 || bind(l->fd, (struct sockaddr *)&a,
	    sizeof a) != 0 || listen(l->fd, 1) != 0)
		return (fail(l, l->target, err));
	return (0);
}

/* A new folder that only we may enter. */
static int
make_folder(struct listener *l)
{
	const char *bases[] = {getenv("XDG_RUNTIME_DIR"), "/run", "/tmp"};

	for (unsigned i = 0; i < sizeof bases / sizeof bases[0]; i++) {
		if (bases[i] == NULL || strlen(bases[i]) > 40)
			continue;
		(void)snprintf(l->folder, sizeof l->folder,
		    "%s/tinykvm-XXXXXX", bases[i]);
		if (mkdtemp(l->folder) != NULL)
			return (0);
	}
	l->folder[0] = '\0';
	return (-1);
}

/*
 * Nobody can connect before listen(), so that the mode between bind() and
 * chmod() does no harm. An existing file is left alone.
 */
static int
open_unix(struct listener *l, const char *path, struct tkvm_err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof a.sun_path) {
		listener_close(l);
		return (tkvm_fail(err, TKVM_ECONFIG,
		    "no debugger can connect: the name %.40s... is too long",
		    path));
	}
	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&a, sizeof a) != 0)
		return (fail(l, path, err));
	(void)snprintf(l->path, sizeof l->path, "%s", path);
	(void)snprintf(l->target, sizeof l->target, "%s", path);
	if (chmod(path, 0600) != 0 || listen(l->fd, 1) != 0)
		return (fail(l, path, err));
	return (0);
}

int
listener_open(struct listener *l, const char *where, const char *program,
    struct tkvm_err *err)
{
	char path[sizeof l->path + 80];

	memset(l, 0, sizeof *l);
	l->fd = -1;
	if (where != NULL && strncmp(where, "tcp:", 4) == 0)
		return (open_tcp(l, where + 4, err));
	if (where != NULL && *where != '\0')
		return (open_unix(l, where, err));
	if (make_folder(l) != 0)
		return (fail(l, "no folder for a socket", err));
	(void)snprintf(path, sizeof path, "%s/%.40s.sock", l->folder,
	    strchr(program, '/') != NULL ? "program" : program);
	return (open_unix(l, path, err));
}

void
listener_close(struct listener *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	if (l->path[0] != '\0')
		(void)unlink(l->path);
	if (l->folder[0] != '\0')
		(void)rmdir(l->folder);
	l->fd = -1;
	l->path[0] = l->folder[0] = '\0';
}
