/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * restart_probe.c: answers what its files held while it started. Each argument
 * is a file to be started anew for; "=TEXT" writes to the one before it, which
 * must not be empty; "!" ends main() if that is missing; "@": it is a server.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "kvm_api.h"

static char text[4096];
static size_t at;

static void
on_get(const char *url, const char *arg)
{
	(void)url;
	(void)arg;
	backend_response_str(200, "text/plain", text);
}

static void
on_prepare(int id)
{
	struct kvm_socket_event event;

	(void)id;
	for (;;)
		(void)wait_for_socket_event_paused(&event);
}

static void
add(const char *name)
{
	int fd, r = sys_restart_on_change(name);
	ssize_t n = -1;
	char got[64];

	fd = open(name, O_RDONLY);
	if (fd >= 0)
		n = read(fd, got, sizeof got);
	at += (size_t)snprintf(text + at, sizeof text - at, "%d:%.*s ", r,
	    n < 0 ? 4 : (int)n, n < 0 ? "none" : got);
	if (fd >= 0)
		(void)close(fd);
}

int
main(int argc, char **argv)
{
	int fd;

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '!' && access(argv[i - 1], F_OK) != 0) {
			printf("%s is missing\n", argv[i - 1]);
			return (1);
		}
		if (argv[i][0] == '=') {
			fd = open(argv[i - 1], O_WRONLY);
			if (fd < 0 || write(fd, argv[i] + 1,
			    strlen(argv[i] + 1)) < 0)
				return (2);
			(void)close(fd);
		}
		if (argv[i][0] == '@')
			set_socket_prepare_for_pause(on_prepare);
		if (strchr("!=@", argv[i][0]) == NULL)
			add(argv[i]);
	}
	set_backend_get(on_get);
	wait_for_requests();
}
