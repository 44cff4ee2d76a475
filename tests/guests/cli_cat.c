/* SPDX-License-Identifier: BSD-2-Clause */
/* An ordinary program: standard input to output, argv[1] is its exit status. */
#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
	int c;

	while ((c = getchar()) != EOF)
		putchar(c);
	fprintf(stderr, "HOME=%s\n", getenv("HOME"));
	return (argc > 1 ? atoi(argv[1]) : 0);
}
