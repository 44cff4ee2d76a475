/* SPDX-License-Identifier: BSD-2-Clause */
/* compress: bytes to fewer bytes, and back. */
#include <stdlib.h>
#include <string.h>

#include "codec.h"

/* With `stream`: so much is done at once, as without it. */
#define PACK_AT_ONCE ((size_t)1 << 20)
#define UNPACK_AT_ONCE ((size_t)16 << 20)

struct options {
	int64_t level, max_output;
	int algorithm;
	bool decompress, encoding, stream, only_if_smaller;
	const char *dictionary;
};

#define LEVEL_DEFAULT (-1)
#define AUTO ((int)codecs_n)

static const struct job_option options[] = {
	JOB_CHOICE(struct options, algorithm, 0,
	    "zstd|br|gzip|deflate|zlib|lz4|xz|bzip2|auto",
	    "auto: to decompress, by its first bytes; to compress, by "
	    "Accept-Encoding"),
	JOB_INT(struct options, level, LEVEL_DEFAULT, -50, 22,
	    "-1 is the default of the algorithm; more is smaller and slower"),
	JOB_BOOL(struct options, decompress, false,
	    "decompress in place of compress"),
	JOB_INT(struct options, max_output, 256 << 20, 1, (int64_t)1 << 40,
	    "bytes that may come out of decompressing"),
	JOB_BOOL(struct options, encoding, false,
	    "keep the content type and say Content-Encoding"),
	JOB_BOOL(struct options, stream, false, "what is large is never whole "
	    "in memory: compressed as it arrives (among main_arguments), or "
	    "decompressed as it is sent"),
	JOB_BOOL(struct options, only_if_smaller, false,
	    "the input as it is when compressing does not make it smaller"),
	JOB_STR(struct options, dictionary, NULL, 1024,
	    "zstd: where its dictionary is, a path or URL"),
	JOB_END
};

/* One of a list, "gzip;q=0.5", and its weight; what is behind it, or NULL. */
static const char *
next_coding(const char *at, const char **name, size_t *len, double *weight)
{
	const char *end, *q;

	at += strspn(at, " \t,");
	if (*at == '\0')
		return (NULL);
	end = at + strcspn(at, ",");
	*name = at;
	*len = strcspn(at, " \t;,");
	q = memchr(at, ';', (size_t)(end - at));
	*weight = 1;
	if (q != NULL && q[1 + strspn(q + 1, " \t")] != '\0') {
		q += 1 + strspn(q + 1, " \t");
		if ((*q == 'q' || *q == 'Q') && q[1] == '=')
			*weight = strtod(q + 2, NULL);
	}
	return (end);
}

/* RFC 9110, 12.5.3: what is not named is as `*` says, else not taken. */
static double
weight_of(const char *accept, const char *coding)
{
	double w, any = 0;
	const char *name;
	size_t len;

	while ((accept = next_coding(accept, &name, &len, &w)) != NULL) {
		if (len == strlen(coding) &&
		    strncasecmp(name, coding, len) == 0)
			return (w);
		if (len == 1 && *name == '*')
			any = w;
	}
	return (any);
}

/* What the client likes best of ours; where it does not care, our best. */
static const struct codec *
by_accept_encoding(void)
{
	static const unsigned order[] = {0, 1, 2};	/* zstd, br, gzip */
	char *accept = job_header("Accept-Encoding");
	const struct codec *best = NULL;
	double w, best_weight = 0;

	for (unsigned i = 0; i < 3 && accept != NULL; i++) {
		w = weight_of(accept, codecs[order[i]].encoding);
		if (w > best_weight) {
			best_weight = w;
			best = &codecs[order[i]];
		}
	}
	free(accept);
	return (best);
}

static int
answer(struct job *job, const struct options *o, const struct codec *c,
    const struct buffer *b)
{
	char line[64];

	if (o->only_if_smaller && b->len >= job->in_len)
		return (job_answer(job, *job->in_type != '\0' ? job->in_type :
		    NULL, job->in, job->in_len));
	if (!o->encoding || o->decompress || c->encoding == NULL)
		return (job_answer(job, "application/octet-stream", b->data,
		    b->len));
	(void)strcpy(line, "Content-Encoding: ");
	(void)strncat(line, c->encoding, 20);
	job_set_header(line);
	return (job_answer(job, *job->in_type != '\0' ? job->in_type : NULL,
	    b->data, b->len));
}

static struct buffer result;

/* Which codec, its level and dictionary; NULL in *cp: none, to compress. */
static int
choose(struct job *job, const struct options *o, const struct codec **cp,
    int *level, struct dictionary *d)
{
	const struct codec *c = &codecs[o->algorithm];
	const char *type;

	if (o->algorithm == AUTO)
		c = o->decompress ? codec_of(job->in, job->in_len) :
		    by_accept_encoding();
	*cp = c;
	if (c == NULL)
		return (o->decompress ? job_fail(job, 415,
		    "the input is of no known kind") : 0);
	*level = o->level == LEVEL_DEFAULT ? c->level : (int)o->level;
	if (!o->decompress &&
	    (*level < c->min_level || *level > c->max_level))
		return (job_fail(job, 400, "option \"level\" of %s is between "
		    "%d and %d", c->name, c->min_level, c->max_level));
	if (o->dictionary == NULL)
		return (0);
	if (!c->dictionary)
		return (job_fail(job, 400, "option \"dictionary\" is zstd's; "
		    "%s has none", c->name));
	return (job_fetch(job, o->dictionary, &d->data, &d->len, &type));
}

/*--- compressing as it arrives ---------------------------------------------*/

static struct {
	const struct codec *codec;	/* NULL: not under way */
	void *state;
} packer;

static int
pack(struct job *job, const uint8_t *data, size_t len, bool last)
{
	const struct coder *c = packer.codec->pack;
	enum flow_end e = FLOW_MORE;
	struct flow f;

	do {
		size_t n = len < FLOW_PIECE ? len : FLOW_PIECE;

		if (!buffer_room(&result, FLOW_ROOM))
			return (codec_no_memory(job));
		f = (struct flow){data, n, result.data + result.len,
		    result.room - result.len, last && n == len};
		e = c->step(packer.state, &f);
		result.len = result.room - f.room;
		data += n - f.left;
		len -= n - f.left;
		if (e == FLOW_NO_MEMORY || e == FLOW_BROKEN)
			return (codec_no_memory(job));
	} while (len != 0 || (last && e != FLOW_END));
	return (0);
}

static bool
in_pieces(const void *chosen)
{
	return (((const struct options *)chosen)->stream);
}

static int
piece(struct job *job, const void *chosen, const void *data, size_t len)
{
	const struct options *o = chosen;
	struct dictionary d = {NULL, 0};
	const struct codec *c;
	int level;

	if (packer.codec == NULL) {
		/* What decompresses needs all: its first pass is a check. */
		if (o->decompress || o->only_if_smaller ||
		    job->in_len + len <= PACK_AT_ONCE)
			return (0);
		if (choose(job, o, &c, &level, &d) != 0)
			return (-1);
		if (c == NULL)
			return (0);
		result = (struct buffer){.max = SIZE_MAX - 1};
		packer.state = c->pack->open(level, &d);
		if (packer.state == NULL)
			return (codec_no_memory(job));
		packer.codec = c;
		if (pack(job, job->in, job->in_len, false) != 0)
			return (-1);
	}
	return (pack(job, data, len, false) == 0 ? 1 : -1);
}

/*--- decompressing ---------------------------------------------------------*/

static struct unpacker unpacker;

static int
too_much(struct job *job, const struct options *o)
{
	return (job_fail(job, 413, "more than max_output, %ju bytes, would "
	    "come out", (uintmax_t)o->max_output));
}

static struct job_piece
next(void *arg, size_t max)
{
	struct job_piece p = {result.data, 0};

	if (unpack_some(arg, &unpacker, result.data,
	    max < result.room ? max : result.room, &p.len) < 0)
		p.len = 0;
	return (p);
}

/*
 * It is too much to keep: the rest is looked at, so that what is wrong with it
 * is a status still, and all is decompressed again as it is sent.
 */
static int
unpack_twice(struct job *job, const struct options *o, const struct codec *c,
    const struct dictionary *d)
{
	uint64_t all = result.len;
	size_t n;
	int r;

	do {
		r = unpack_some(job, &unpacker, result.data, result.room, &n);
		all += n;
		if (r >= 0 && all > (uint64_t)o->max_output)
			return (too_much(job, o));
	} while (r > 0);
	unpack_close(&unpacker);
	if (r < 0 || unpack_open(job, &unpacker, c, d) != 0)
		return (-1);
	return (job_stream(job, "application/octet-stream", all, next, job));
}

static int
unpack(struct job *job, const struct options *o, const struct codec *c,
    const struct dictionary *d)
{
	size_t n;
	int r;

	result = (struct buffer){.max = (size_t)o->max_output};
	if (o->stream && result.max > UNPACK_AT_ONCE)
		result.max = UNPACK_AT_ONCE;
	if (unpack_open(job, &unpacker, c, d) != 0)
		return (-1);
	do {
		if (!buffer_room(&result, 65536))
			break;
		r = unpack_some(job, &unpacker, result.data + result.len,
		    result.room - result.len, &n);
		if (r < 0)
			return (-1);
		result.len += n;
	} while (r > 0);
	if (result.full && result.max < (size_t)o->max_output)
		return (unpack_twice(job, o, c, d));
	unpack_close(&unpacker);
	if (result.full || result.len > (size_t)o->max_output)
		return (too_much(job, o));
	return (answer(job, o, c, &result));
}

/*--- the request -----------------------------------------------------------*/

static int
run(struct job *job, const void *chosen)
{
	const struct options *o = chosen;
	struct dictionary d = {NULL, 0};
	const struct codec *c;
	int level;

	if (o->decompress && o->only_if_smaller)
		return (job_fail(job, 400, "option \"only_if_smaller\" is to "
		    "compress"));
	if (o->algorithm == AUTO && !o->decompress)
		job_set_header("Vary: Accept-Encoding");
	if (packer.codec != NULL)
		return (pack(job, job->in, 0, true) != 0 ? -1 :
		    answer(job, o, packer.codec, &result));
	if (choose(job, o, &c, &level, &d) != 0)
		return (-1);
	if (c == NULL)
		return (job_answer(job, job->in_type, job->in, job->in_len));
	if (o->decompress)
		return (unpack(job, o, c, &d));
	result = (struct buffer){.max = SIZE_MAX - 1};
	return (c->compress(job, &result, level, &d) != 0 ? -1 :
	    answer(job, o, c, &result));
}

static void
again(void)
{
	free(result.data);
	result.data = NULL;
	if (packer.codec != NULL)
		packer.codec->pack->close(packer.state);
	packer.codec = NULL;
}

static const struct job_program program = {
	.name = "compress",
	.summary = "Compresses and decompresses: zstd, Brotli, gzip, Deflate, "
	    "zlib, LZ4, xz, bzip2.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.bare = "level",
	.again = again,
	.in_pieces = in_pieces,
	.piece = piece,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
