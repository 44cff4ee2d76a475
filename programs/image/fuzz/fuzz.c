/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image_fuzz ROUNDS FILE...: the whole way of a picture over mutations of each
 * file, built with the sanitizers. The same ROUNDS give the same mutations; the
 * one under way is in image_fuzz.last when it crashes or takes 20 seconds.
 */
#define main image_main
#include "../image.c"
#undef main

#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

static uint64_t seed;

static unsigned
dice(unsigned below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return ((unsigned)(seed >> 33) % below);
}

static uint32_t
get32(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3]);
}

/* A PNG with wrong sums would go no further than them. */
static void
sum_chunks(uint8_t *data, size_t len)
{
	size_t at = 8, n;
	uLong sum;

	for (; at + 12 <= len; at += 12 + n) {
		n = get32(data + at);
		if (n > len - at - 12)
			break;
		sum = crc32(0, data + at + 4, (uInt)n + 4);
		for (int i = 0; i < 4; i++)
			data[at + 8 + n + (size_t)i] =
			    (uint8_t)(sum >> (24 - 8 * i));
	}
}

/* Bytes changed, mostly of the header; parts moved, doubled, cut off. */
static size_t
mutate(uint8_t *data, size_t len)
{
	static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff, 0xfe};
	unsigned n = 1 + dice(dice(4) == 0 ? 40 : 4), at, to, size;

	for (; n > 0; n--) {
		at = dice(dice(2) == 0 && len > 200 ? 200 : (unsigned)len);
		data[at] = dice(2) == 0 ? (uint8_t)dice(256) :
		    edges[dice(sizeof edges)];
	}
	if (dice(8) == 0) {
		at = dice((unsigned)len);
		to = dice((unsigned)len);
		size = dice((unsigned)(len - (at > to ? at : to)));
		memmove(data + to, data + at, size);
	}
	return (dice(8) == 0 ? 1 + dice((unsigned)len) : len);
}

/* Characters from elsewhere, parts over others, and a text cut off. */
static size_t
mutate_text(uint8_t *data, size_t len)
{
	static const char special[] = "0123456789-.eE%<>&;#\"'/:() ";
	unsigned n = 1 + dice(4), at, to, size;

	for (; n > 0; n--) {
		at = dice((unsigned)len);
		to = dice((unsigned)len);
		if (dice(4) == 0) {
			size = dice((unsigned)(len - (at > to ? at : to)));
			memmove(data + to, data + at, size % 30);
		} else
			data[to] = dice(2) == 0 ? data[at] :
			    (uint8_t)special[dice(sizeof special - 1)];
	}
	return (dice(16) == 0 ? 1 + dice((unsigned)len) : len);
}

static void
keep(const uint8_t *data, size_t len)
{
	FILE *f = fopen("image_fuzz.last", "wb");

	if (f != NULL) {
		(void)fwrite(data, 1, len, f);
		(void)fclose(f);
	}
}

static int
once(const uint8_t *data, size_t len, const struct options *o)
{
	/* Exactly as long as the input, so that ASan sees what reads on. */
	uint8_t *in = malloc(len);
	struct job job = {.in = in, .in_len = len, .in_type = "", .url = ""};
	int r;

	memcpy(in, data, len);
	(void)alarm(20);
	r = run(&job, o);
	(void)alarm(0);
	if (r != 0 && (job.status < 400 || job.why[0] == '\0'))
		abort();
	again();
	free(in);
	return (r == 0);
}

static void
fuzz(const char *name, unsigned rounds)
{
	static struct options o = {
		.width = 64, .dpr = 1, .fit = FIT_COVER, .height = 40,
		.format = FORMAT_WEBP, .quality = "50", .speed = 10,
		.anim = true,
		.max_frames = 20, .brightness = 1, .contrast = 1, .gamma = 1,
		.saturation = 1,
		.max_pixels = 1000000, .max_memory = 440, .metadata = KEEP_ALL,
	};
	static uint8_t good[1 << 20], bad[1 << 20];
	FILE *f = fopen(name, "rb");
	size_t len = f == NULL ? 0 : fread(good, 1, sizeof good, f), n;
	unsigned decoded = 0, i;

	if (f == NULL || len == 0) {
		perror(name);
		exit(2);
	}
	(void)fclose(f);
	for (i = 0; i < rounds; i++) {
		memcpy(bad, good, len);
		seed = i + 1;
		n = good[0] == '<' ? mutate_text(bad, len) : mutate(bad, len);
		if (memcmp(good + 1, "PNG", 3) == 0)
			sum_chunks(bad, n);
		/* With trim and without it, other things are asked of JPEG. */
		o.trim = i & 1;
		keep(bad, n);
		decoded += (unsigned)once(bad, n, &o);
	}
	printf("%s: %u mutations, %u of them still a picture\n", name, rounds,
	    decoded);
}

int
main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		fuzz(argv[i], (unsigned)strtoul(argv[1], NULL, 10));
	(void)unlink("image_fuzz.last");
	return (argc < 3 ? 2 : 0);
}
