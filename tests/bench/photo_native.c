/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * photo_native FILE: the webp program's own code as a native process. For each
 * byte on standard input it converts FILE once and prints the nanoseconds.
 */
#define main webp_main
#include "../../guest/webp.c"
#undef main

#include <time.h>
#include <unistd.h>

static long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec * 1000000000LL + t.tv_nsec);
}

int
main(int argc, char **argv)
{
	static unsigned char data[4 << 20];
	static struct failure f;
	FILE *in = argc == 2 ? fopen(argv[1], "rb") : NULL;
	size_t len = in == NULL ? 0 : fread(data, 1, sizeof data, in), n;
	long long t;
	uint8_t *out;
	char c;

	while (len != 0 && read(0, &c, 1) == 1) {
		t = now();
		out = convert(data, len, 75, &n, &f);
		t = now() - t;
		if (out == NULL)
			return (1);
		WebPFree(out);
		printf("%lld\n", t);
		fflush(stdout);
	}
	return (len == 0);
}
