/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * photo: reads one file while it starts and answers with it; when the file has
 * changed it starts anew. The file is its first argument and must be in
 * allowed_paths.
 */
#include <stdio.h>

#include "kvm_api.h"

static unsigned char *file;
static size_t length;

static int
read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	long n;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) <= 0) {
		perror(path);
		return (-1);
	}
	rewind(f);
	file = malloc((size_t)n);
	if (file != NULL)
		length = fread(file, 1, (size_t)n, f);
	fclose(f);
	return (length == (size_t)n ? 0 : -1);
}

static void
on_get(const char *url, const char *arg)
{
	(void)url;
	(void)arg;
	backend_response(200, "image/jpeg", 10, file, length);
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: photo FILE.jpg (set main_arguments and "
		    "allowed_paths)\n");
		return (2);
	}
	/* Before it is read: a change meanwhile must not be missed. */
	if (!IS_LINUX_MAIN())
		(void)sys_restart_on_change(argv[1]);
	if (read_file(argv[1]) != 0)
		return (1);
	if (IS_LINUX_MAIN()) {
		printf("%s: %zu bytes\n", argv[1], length);
		return (0);
	}
	set_backend_get(on_get);
	wait_for_requests();
}
