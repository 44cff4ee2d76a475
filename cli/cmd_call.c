/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call: one request to a program, without Varnish; or many, to see what they
 * cost.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "cli.h"
#include "tinykvm/clock.h"
#include "tinykvm/program.h"

#define FIELDS_MAX 64

static const char usage[] =
    "usage: tinykvm call PROGRAM [--get URL | --post FILE --type TYPE]\n"
    "           [--arg ARG] [--config JSON|@FILE] [-o OUT] [--repeat N]\n"
    "           [--stats]\n"
    "\n"
    "PROGRAM is a static executable that waits for requests. The answer's\n"
    "body goes to standard output or OUT, status and header to standard\n"
    "error. The exit status is 1 when the answer's status is 500 or more.\n"
    "FILE may be - for standard input. JSON is an object of settings,\n"
    "{\"max_request_time\": 2} for example. With --repeat the request is\n"
    "sent N times and the last answer shown; --stats tells what one cost.\n";

struct options {
	const char *program, *url, *post, *type, *arg, *config, *out;
	unsigned long repeat;
	bool stats;
};

/* Header fields of the answer; those of the request are none. */
struct fields {
	char *line[FIELDS_MAX];
	size_t len[FIELDS_MAX];
	int n;
};

static void
fields_clear(struct fields *f)
{
	for (int i = 0; i < f->n; i++)
		free(f->line[i]);
	f->n = 0;
}

static int
append(void *priv, enum tkvm_where where, const char *line, size_t len)
{
	struct fields *f = priv;

	if (where != TKVM_RESPONSE)
		return (1);
	if (f->n == FIELDS_MAX)
		return (-1);
	f->line[f->n] = strndup(line, len);
	f->len[f->n] = len;
	return (++f->n);
}

static int
find_index(const struct fields *f, const char *name, size_t len)
{
	for (int i = 0; i < f->n; i++)
		if (f->len[i] > len && f->line[i][len] == ':' &&
		    strncasecmp(f->line[i], name, len) == 0)
			return (i);
	return (-1);
}

static int
unset(void *priv, enum tkvm_where where, const char *name, size_t len)
{
	struct fields *f = priv;
	int i, n = 0;

	if (where != TKVM_RESPONSE)
		return (0);
	while ((i = find_index(f, name, len)) >= 0) {
		free(f->line[i]);
		f->n--;
		memmove(&f->line[i], &f->line[i + 1],
		    (size_t)(f->n - i) * sizeof f->line[0]);
		memmove(&f->len[i], &f->len[i + 1],
		    (size_t)(f->n - i) * sizeof f->len[0]);
		n++;
	}
	return (n);
}

static int
set(void *priv, enum tkvm_where where, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	(void)unset(priv, where, line, (size_t)(colon - line));
	return (append(priv, where, line, len));
}

static const char *
find(void *priv, enum tkvm_where where, const char *name, size_t len,
    size_t *line_len)
{
	const struct fields *f = priv;
	int i = where == TKVM_RESPONSE ? find_index(f, name, len) : -1;

	if (i < 0)
		return (NULL);
	*line_len = f->len[i];
	return (f->line[i]);
}

static int
set_cacheable(void *priv, bool cacheable, double ttl, double grace,
    double keep)
{
	(void)priv, (void)cacheable, (void)ttl, (void)grace, (void)keep;
	return (0);
}

static void
log_text(void *priv, const char *text, size_t len)
{
	(void)priv;
	fprintf(stderr, "%.*s\n", (int)len, text);
}

static void
log_line(void *priv, const char *program, const char *text)
{
	(void)priv, (void)program;
	fprintf(stderr, "%s\n", text);
}

static const struct tkvm_transaction_ops ops = {
	.append = append, .set = set, .unset = unset, .find = find,
	.set_cacheable = set_cacheable, .log = log_text,
};

/*--- running --------------------------------------------------------------*/

struct run {
	struct tkvm_library *lib;
	struct tkvm_link link;
	struct tkvm_request req;
	struct fields fields;
	struct tkvm_reply *reply;
};

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (slash == NULL ? path : slash + 1);
}

/* {"filename": PROGRAM} and then the user's settings. */
static int
define(struct run *run, const struct options *o)
{
	static const struct tkvm_log log = {.line = log_line};
	const char *name = base_name(o->program);
	char *path = realpath(o->program, NULL), *json = NULL, *config = NULL;
	struct tkvm_err err;
	size_t len;
	int r;

	if (path == NULL)
		return (complain(1, "cannot open %s: %s", o->program,
		    strerror(errno)));
	if (strpbrk(path, "\"\\") != NULL ||
	    asprintf(&json, "{\"filename\": \"%s\", \"concurrency\": 1}",
	    path) < 0) {
		free(path);
		return (complain(1, "the path of %s cannot be used",
		    o->program));
	}
	free(path);
	r = tkvm_library_new(&log, &run->lib, &err);
	if (r == 0)
		r = tkvm_library_configure(run->lib, name, json, &err);
	free(json);
	if (r == 0 && o->config != NULL) {
		config = o->config[0] == '@' ?
		    read_input(o->config + 1, &len) : strdup(o->config);
		if (config == NULL)
			return (1);
		r = tkvm_library_configure(run->lib, name, config, &err);
		free(config);
	}
	if (r != 0)
		return (complain(1, "%s", err.text));
	run->link.program = tkvm_library_find(run->lib, name);
	return (0);
}

static int
once(struct run *run)
{
	struct tkvm_err err;

	tkvm_reply_release(&run->reply);
	fields_clear(&run->fields);
	if (tkvm_chain_call(&run->link, 1, &run->req, &run->reply, &err) != 0)
		return (complain(1, "%s", err.text));
	if (tkvm_reply_collect(run->reply, &err) != 0)
		return (complain(1, "%s", err.text));
	return (0);
}

static long
host_faults(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_THREAD, &u);
	return (u.ru_minflt + u.ru_majflt);
}

static void
print_stats(const struct tkvm_counters *a, const struct tkvm_counters *b,
    long faults, uint64_t ns, unsigned long n)
{
	double d = (double)n;

	fprintf(stderr, "requests           %lu\n", n);
	fprintf(stderr, "exits              %.3f per request\n",
	    (double)(b->exits - a->exits) / d);
	fprintf(stderr, "page faults        %.3f per request (guest %ju, "
	    "host %ld in all)\n",
	    (double)(b->faults - a->faults + (uint64_t)faults) / d,
	    (uintmax_t)(b->faults - a->faults), faults);
	fprintf(stderr, "pages copied       %.3f per request\n",
	    (double)(b->pages_copied - a->pages_copied) / d);
	fprintf(stderr, "time               %.3f us per request\n",
	    (double)ns / d / 1e3);
	fprintf(stderr, "  of it running    %.3f us\n",
	    (double)(b->run_ns - a->run_ns) / d / 1e3);
	fprintf(stderr, "  of it resetting  %.3f us\n",
	    (double)(b->reset_ns - a->reset_ns) / d / 1e3);
	fprintf(stderr, "start              %.3f ms from file to ready\n",
	    (double)b->start_ns / 1e6);
}

/* The first requests touch pages for the first time: they do not count. */
#define WARM_UP 50

static int
many(struct run *run, const struct options *o)
{
	struct tkvm_counters a, b;
	unsigned long warm = o->repeat > WARM_UP ? WARM_UP : 1;
	uint64_t ns;
	long faults;

	for (unsigned long i = 0; i < warm; i++)
		if (once(run) != 0)
			return (1);
	tkvm_program_counters(run->link.program, &a);
	faults = host_faults();
	ns = tkvm_now_ns();
	for (unsigned long i = warm; i < o->repeat; i++)
		if (once(run) != 0)
			return (1);
	ns = tkvm_now_ns() - ns;
	faults = host_faults() - faults;
	tkvm_program_counters(run->link.program, &b);
	if (o->stats && o->repeat > warm)
		print_stats(&a, &b, faults, ns, o->repeat - warm);
	else if (o->stats)
		complain(0, "--stats needs --repeat 2 or more");
	return (0);
}

static int
show(const struct run *run, const struct options *o)
{
	const struct tkvm_reply *r = run->reply;
	FILE *f = stdout;

	fprintf(stderr, "status %u\n", r->status);
	if (r->content_type != NULL)
		fprintf(stderr, "Content-Type: %s\n", r->content_type);
	for (int i = 0; i < run->fields.n; i++)
		fprintf(stderr, "%s\n", run->fields.line[i]);
	if (o->out != NULL && (f = fopen(o->out, "wb")) == NULL)
		return (complain(1, "cannot write %s: %s", o->out,
		    strerror(errno)));
	if (r->body_len != 0 && fwrite(r->body, 1, r->body_len, f) !=
	    r->body_len)
		return (complain(1, "cannot write the body: %s",
		    strerror(errno)));
	if (fflush(f) != 0 || (f != stdout && fclose(f) != 0))
		return (complain(1, "cannot write the body: %s",
		    strerror(errno)));
	return (r->status >= 500);
}

static int
call(const struct options *o)
{
	struct run run = {
		.link = {.url = o->url, .arg = o->arg, .error_threshold = 400},
		.req = {
			.method = o->post == NULL ? "GET" : "POST",
			.url = o->url, .arg = o->arg,
			.content_type = o->type, .ops = &ops,
		},
	};
	char *body = NULL;
	size_t len = 0;
	int status;

	run.req.priv = &run.fields;
	if (o->post != NULL) {
		body = read_input(o->post, &len);
		if (body == NULL)
			return (1);
		run.req.body = body;
		run.req.body_len = len;
	}
	status = define(&run, o);
	if (status == 0)
		status = many(&run, o);
	if (status == 0)
		status = show(&run, o);
	tkvm_reply_release(&run.reply);
	fields_clear(&run.fields);
	tkvm_library_destroy(&run.lib);
	free(body);
	return (status);
}

int
cmd_call(int argc, char **argv)
{
	static const struct option longs[] = {
		{"get", required_argument, NULL, 'g'},
		{"post", required_argument, NULL, 'p'},
		{"type", required_argument, NULL, 't'},
		{"arg", required_argument, NULL, 'a'},
		{"config", required_argument, NULL, 'c'},
		{"repeat", required_argument, NULL, 'r'},
		{"stats", no_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct options o = {.url = "/", .type = "", .arg = "", .repeat = 1};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "o:h", longs, NULL)) != -1) {
		switch (c) {
		case 'g': o.url = optarg; break;
		case 'p': o.post = optarg; break;
		case 't': o.type = optarg; break;
		case 'a': o.arg = optarg; break;
		case 'c': o.config = optarg; break;
		case 'o': o.out = optarg; break;
		case 's': o.stats = true; break;
		case 'r':
			o.repeat = strtoul(optarg, &end, 10);
			if (*end != '\0' || o.repeat == 0)
				return (complain(2, "--repeat takes a number "
				    "from 1, not \"%s\"", optarg));
			break;
		case 'h':
			fputs(usage, stdout);
			return (0);
		default:
			return (complain(2, "tinykvm call --help tells how"));
		}
	}
	if (optind + 1 != argc)
		return (complain(2, "name one program; tinykvm call --help "
		    "tells how"));
	o.program = argv[optind];
	return (call(&o));
}
