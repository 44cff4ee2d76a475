/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * job.h: what every program of the library has in common.
 *
 * A program is a function from bytes to bytes and a table of options:
 *
 *	struct options { int level; bool text; };
 *	static const struct job_option options[] = {
 *		JOB_INT(struct options, level, 6, 1, 9, "1 is fast, 9 small"),
 *		JOB_BOOL(struct options, text, false, "input is text"),
 *		JOB_END
 *	};
 *	static int run(struct job *job, const void *options) { ... }
 *	static const struct job_program program = { "name", "What it does",
 *	    options, sizeof(struct options), run, .bare = "level" };
 *	int main(int argc, char **argv)
 *	{ return (job_main(&program, argc, argv)); }
 *
 * The library does the rest: options as a JSON object in the argument that VCL
 * gives (checked: unknown names, types and ranges are refused by name with
 * status 400), the input by POST or chain() or fetched by its URL, ?schema, the
 * option `onerror`, the answer, and the same program as a command of the shell:
 *
 *	NAME [OPTIONS] <IN >OUT		NAME --schema
 *	NAME --repeat N [OPTIONS] <IN >OUT	time per run to standard error
 *	NAME --serve OPTIONS		inputs and answers, each with its length
 *
 * For `make bench`: in a machine a last argument --timed makes it answer how
 * many ticks of the time stamp counter its work took; --serve tells that, too.
 *
 * Memory: an answer may be malloc'ed, static, or a part of the input; nothing
 * is freed, since every request runs in a fresh machine. Between the runs of
 * --repeat, the program's own `again` frees what it wants to.
 */
#ifndef JOB_H
#define JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum job_kind {
	JOB_KIND_BOOL,		/* bool */
	JOB_KIND_INT,		/* int64_t, between min and max */
	JOB_KIND_NUM,		/* double, between min and max */
	JOB_KIND_STR,		/* const char *, or NULL; at most max bytes */
	JOB_KIND_CHOICE,	/* int: index into the words of `words` */
	JOB_KIND_JSON,		/* const char *: the value's own JSON text */
};

struct job_option {
	const char *name;	/* NULL ends the table */
	enum job_kind kind;
	size_t offset;		/* in the program's struct of options */
	double start;		/* INT, NUM, BOOL, CHOICE: the default */
	const char *text;	/* STR, JSON: the default, or NULL */
	double min, max;
	const char *words;	/* CHOICE: "webp|avif|jpeg" */
	const char *help;	/* one line, for the schema and the README */
};

#define JOB_BOOL(s, f, d, help) \
	{ #f, JOB_KIND_BOOL, offsetof(s, f), d, NULL, 0, 1, NULL, help }
#define JOB_INT(s, f, d, min, max, help) \
	{ #f, JOB_KIND_INT, offsetof(s, f), d, NULL, min, max, NULL, help }
#define JOB_NUM(s, f, d, min, max, help) \
	{ #f, JOB_KIND_NUM, offsetof(s, f), d, NULL, min, max, NULL, help }
#define JOB_STR(s, f, d, max, help) \
	{ #f, JOB_KIND_STR, offsetof(s, f), 0, d, 0, max, NULL, help }
#define JOB_CHOICE(s, f, d, words, help) \
	{ #f, JOB_KIND_CHOICE, offsetof(s, f), d, NULL, 0, 0, words, help }
#define JOB_JSON(s, f, help) \
	{ #f, JOB_KIND_JSON, offsetof(s, f), 0, NULL, 0, 0, NULL, help }
#define JOB_END { NULL, JOB_KIND_BOOL, 0, 0, NULL, 0, 0, NULL, NULL }

#define JOB_UNKNOWN_LENGTH SIZE_MAX

struct job {
	/* What came in. */
	const void *in;			/* the body; no NUL behind it */
	size_t in_len;
	const char *in_type;		/* its Content-Type, "" when unknown */
	const char *url;		/* the first argument, "" when none */
	/* What goes out; run() sets them. */
	int status;			/* 200 unless set */
	const char *type;		/* Content-Type, NULL: none */
	const void *out;
	size_t out_len;
	char why[512];			/* after job_fail() */
};

/* What the first argument (the URL) is when there is no body. */
enum job_url {
	JOB_URL_FETCH,			/* where the input is fetched from */
	JOB_URL_IS_INPUT,		/* the input itself */
	JOB_URL_NOTHING,		/* nothing; input may be missing */
};

struct job_program {
	const char *name;
	const char *summary;		/* one sentence, for the schema */
	const struct job_option *options;
	size_t options_size;
	/* 0 after setting the answer, or the result of job_fail(). */
	int (*run)(struct job *, const void *options);
	const char *bare;		/* option that a bare argument sets */
	enum job_url url;
	/* Once, before the machine is frozen: 0 or -1 after job_fail(). */
	int (*prepare)(struct job *, const void *options);
	void (*again)(void);		/* between two runs of --repeat */
	/*
	 * Bodies larger than memory. Does it want them in pieces, as they
	 * arrive? Asked with the options of main_arguments; NULL: never.
	 */
	bool (*in_pieces)(const void *options);
	/*
	 * The next bytes of a body, at most JOB_PIECE of them, before run():
	 * 1 when it has taken what is in job->in and then these; 0: they are
	 * added to job->in; -1 after job_fail(), which is the answer then. Not
	 * with `onerror` original, which needs all of the input.
	 */
	int (*piece)(struct job *, const void *options, const void *data,
	    size_t len);
};
#define JOB_PIECE ((size_t)1 << 16)

/* Runs the program, in a machine or in a shell; the value of main(). */
int job_main(const struct job_program *program, int argc, char **argv);

/*
 * End with an HTTP status (400 to 599) and a sentence; returns -1. 400: the
 * options are wrong; 413: too large; 415: the input's format is unknown; 422:
 * the input is broken; 500: our own fault.
 */
int job_fail(struct job *job, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * An object within the options, {"name": value}, by a table of its own: *into,
 * of that size, is set to the defaults and then to what the JSON text says. 0,
 * or -1 after job_fail() with status 400 and a reason that names `option`.
 */
int job_options(struct job *job, const char *option, const char *json,
    const struct job_option *table, void *into, size_t size);

/* Give an answer of status 200; always 0. */
int job_answer(struct job *job, const char *type, const void *out, size_t len);

/*
 * Give an answer of status 200 and len bytes (or JOB_UNKNOWN_LENGTH) piece by
 * piece, as it is made: next() returns at most max bytes, within two seconds,
 * and none at its end. 0 or no return.
 */
struct job_piece {
	const void *data;
	size_t len;
};
int job_stream(struct job *job, const char *type, size_t len,
    struct job_piece (*next)(void *arg, size_t max), void *arg);

/*
 * A header field of the request, its value without the name, malloc'ed; NULL
 * when there is none. In a shell: the environment's HTTP_ACCEPT for "Accept",
 * HTTP_ACCEPT_ENCODING for "Accept-Encoding".
 */
char *job_header(const char *name);
/* Set a header line of the answer, "Vary: Accept"; nothing in a shell. */
void job_set_header(const char *line);

/*
 * Fetch another input (an overlay, a schema), by path or URL: 0, or -1 after
 * job_fail(). *data is malloc'ed or part of the machine. In a shell the URL is
 * a file's name.
 */
int job_fetch(struct job *job, const char *url, const void **data,
    size_t *len, const char **type);

#ifdef __cplusplus
}
#endif
#endif
