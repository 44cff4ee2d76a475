/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server_rig.h: a library with a program that serves connections at a UNIX
 * path, and clients of it.
 */
#ifndef SERVER_RIG_H
#define SERVER_RIG_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "program_rig.h"

#define ECHO "build/tests/guests/server_echo"
#define MISDEEDS "build/tests/guests/server_misdeeds"

/* Nothing takes that long; a test that waits for it has failed. */
#define PATIENCE_MS 60000

static inline double
slow(void)
{
	const char *s = getenv("TKVM_SLOW");

	return (s == NULL ? 1 : atof(s));
}

static inline const char *
socket_path(void)
{
	static char path[100];

	(void)snprintf(path, sizeof path, "/tmp/tinykvm-test-%d.sock",
	    (int)getpid());
	return (path);
}

/* server: what stands behind the path in its object; more: other settings. */
static inline int
serve_rig(struct rig *rig, const char *guest, const char *server,
    const char *more)
{
	struct tkvm_program *p;
	char json[1024];
	int r;

	(void)snprintf(json, sizeof json, "{\"probe\": {\"filename\": \"%s\", "
	    "\"max_memory\": 64, \"max_request_memory\": 16, "
	    "\"concurrency\": 1, \"max_request_time\": %g, "
	    "\"server\": {\"path\": \"%s\"%s}%s}}", guest, slow(),
	    socket_path(), server, more);
	r = rig_load(rig, json);
	if (r != 0)
		return (r);
	p = tkvm_library_find(rig->lib, "probe");
	return (tkvm_program_start(p, false, &rig->err));
}

static inline int
dial_path(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof sun) != 0) {
		(void)close(fd);
		return (-1);
	}
	return (fd);
}

static inline int
dial(void)
{
	return (dial_path(socket_path()));
}

static inline int
dial_port(unsigned port)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&in, sizeof in) != 0) {
		(void)close(fd);
		return (-1);
	}
	return (fd);
}

/* A port of the loopback that nobody uses just now. */
static inline unsigned
free_port(void)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&in, sizeof in) != 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) != 0)
		in.sin_port = 0;
	(void)close(fd);
	return (ntohs(in.sin_port));
}

static inline bool
tell(int fd, const char *text)
{
	return (send(fd, text, strlen(text), MSG_NOSIGNAL) ==
	    (ssize_t)strlen(text));
}

/* Exactly n bytes: n, or fewer when the connection ends. */
static inline size_t
hear(int fd, void *buf, size_t n)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t at = 0;
	ssize_t r;

	while (at < n && poll(&p, 1, PATIENCE_MS) == 1) {
		r = recv(fd, (char *)buf + at, n - at, 0);
		if (r <= 0)
			break;
		at += (size_t)r;
	}
	return (at);
}

static inline bool
hears(int fd, const char *text)
{
	char buf[512];

	return (hear(fd, buf, strlen(text)) == strlen(text) &&
	    memcmp(buf, text, strlen(text)) == 0);
}

/* One line, without its end. */
static inline const char *
hear_line(int fd)
{
	static char line[512];
	size_t n = 0;

	while (n + 1 < sizeof line && hear(fd, line + n, 1) == 1 &&
	    line[n] != '\n')
		n++;
	line[n] = '\0';
	return (line);
}

/* The other side has closed: end of file or a reset, no more bytes. */
static inline bool
ended(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;

	return (poll(&p, 1, PATIENCE_MS) == 1 && recv(fd, &c, 1, 0) <= 0);
}

static inline void
pause_ms(unsigned ms)
{
	const struct timespec t = {
		.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000,
	};

	(void)nanosleep(&t, NULL);
}

/* The log has a line with this text, sooner or later. */
static inline bool
logs(struct rig *rig, const char *text)
{
	bool found = false;

	for (unsigned i = 0; i < PATIENCE_MS / 20 && !found; i++) {
		(void)pthread_mutex_lock(&rig->lock);
		found = strstr(rig->log, text) != NULL;
		(void)pthread_mutex_unlock(&rig->lock);
		if (!found)
			pause_ms(20);
	}
	return (found);
}

#endif
