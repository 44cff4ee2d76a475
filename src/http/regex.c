/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * regex.c: regular expressions for programs, by PCRE2.
 *
 * What main() compiled belongs to the program and is shared by all its
 * machines, under the same numbers; compiled patterns are never written.
 * What a request compiles ends with it. A pattern that backtracks without end
 * is stopped by PCRE2's own limits, and between matches the machine's deadline
 * is looked at, so that the host's time in one call stays bounded.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "http/http_priv.h"
#include "tinykvm/clock.h"

#define SUBJECT_MAX (16u << 20)
#define RESULT_MAX (64u << 20)
/*
 * Groups in groups, and the stack that PCRE2 recurses on: the worst patterns of
 * 64 KiB need 520 KiB, and Varnish's threads have 80.
 */
#define NEST_MAX 250
#define COMPILE_STACK ((size_t)2 << 20)
/* Steps of one match, some tens of milliseconds; KiB of its backtracking. */
#define MATCH_STEPS 1000000
#define MATCH_HEAP_KIB 16384

/* A compiled pattern; text is what was asked for. */
struct http_regex {
	pcre2_code *code;
	size_t len;
	char text[];
};

static void
regex_destroy(struct http_regex **rp)
{
	if (*rp == NULL)
		return;
	pcre2_code_free((*rp)->code);
	free(*rp);
	*rp = NULL;
}

void
http_regex_free_all(struct http_regex *table[HTTP_REGEXES])
{
	for (unsigned i = 0; i < HTTP_REGEXES; i++)
		regex_destroy(&table[i]);
}

void
http_regex_reset(struct http_state *s)
{
	if (!s->regex_used)
		return;
	http_regex_free_all(s->regex);
	memset(s->regex_freed, 0, sizeof s->regex_freed);
	s->regex_used = false;
}

/* The pattern behind a number: the request's own, or the program's. */
static struct http_regex *
regex_at(const struct http_state *s, uint32_t i)
{
	if (i >= HTTP_REGEXES)
		return (NULL);
	if (s->regex[i] != NULL || s->regex_freed[i])
		return (s->regex[i]);
	return (s->hp->regex[i]);
}

static struct http_regex *
regex_of(const struct http_state *s, const struct tkvm_call *c,
    struct tkvm_err *err)
{
	struct http_regex *r = regex_at(s, (uint32_t)c->arg[0]);

	if (r == NULL)
		(void)tkvm_fail(err, TKVM_EGUEST, "%d is no regular "
		    "expression's number", (int32_t)c->arg[0]);
	return (r);
}

/*--- compiling ------------------------------------------------------------*/

struct compile {
	const struct http_regex *r;
	pcre2_code *code;
	int why;
	PCRE2_SIZE at;
};

static void
compile(void *arg)
{
	struct compile *c = arg;
	pcre2_compile_context *limits = pcre2_compile_context_create(NULL);

	c->why = PCRE2_ERROR_NOMEMORY;
	if (limits == NULL)
		return;
	(void)pcre2_set_parens_nest_limit(limits, NEST_MAX);
	c->code = pcre2_compile((PCRE2_SPTR)c->r->text, c->r->len, 0, &c->why,
	    &c->at, limits);
	pcre2_compile_context_free(limits);
}

/* r->code, or a sentence. A machine waits for it: one at a time for each. */
static int
compile_apart(struct http_regex *r, struct tkvm_err *err)
{
	struct compile c = {.r = r};
	PCRE2_UCHAR why[120];
	int failed = thread_run(COMPILE_STACK, compile, &c);

	r->code = c.code;
	if (failed != 0)
		return (tkvm_fail(err, TKVM_ENOMEM, "no thread to compile a "
		    "pattern: %s", strerror(failed)));
	if (r->code != NULL)
		return (0);
	(void)pcre2_get_error_message(c.why, why, sizeof why);
	return (tkvm_fail(err, TKVM_EGUEST, "not a regular expression, at "
	    "character %zu: %s", c.at + 1, (const char *)why));
}

static struct http_regex *
regex_new(const char *text, size_t len, struct tkvm_err *err)
{
	struct http_regex *r = malloc(sizeof *r + len + 1);

	if (r == NULL) {
		(void)tkvm_fail(err, TKVM_ENOMEM, "no memory for a pattern");
		return (NULL);
	}
	memcpy(r->text, text, len);
	r->text[len] = '\0';
	r->len = len;
	if (compile_apart(r, err) == 0)
		return (r);
	free(r);
	return (NULL);
}

/* The number of this text, or a free one, or HTTP_REGEXES. */
static unsigned
find_place(const struct http_state *s, const char *text, size_t len)
{
	unsigned empty = HTTP_REGEXES;
	const struct http_regex *r;

	for (unsigned i = 0; i < HTTP_REGEXES; i++) {
		r = regex_at(s, i);
		if (r == NULL && empty == HTTP_REGEXES)
			empty = i;
		if (r != NULL && r->len == len &&
		    memcmp(r->text, text, len) == 0)
			return (i);
	}
	return (empty);
}

enum tkvm_next
http_regex_compile(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	size_t len = (uint16_t)c->arg[1];
	struct http_regex *r;
	unsigned i;

	/* HTTP_LINE_MAX is what 16 bits can say, too. */
	if (tkvm_copy_in(m, s->line, c->arg[0], len) != 0)
		return (http_abort(err, "a pattern at an unmapped address"));
	i = find_place(s, s->line, len);
	if (i == HTTP_REGEXES)
		return (http_abort(err, "more than 64 regular expressions"));
	c->ret = i;
	if (regex_at(s, i) != NULL)
		return (TKVM_RESUME);
	r = regex_new(s->line, len, err);
	if (r == NULL)
		return (TKVM_ABORT);
	if (s->booting) {
		s->hp->regex[i] = r;
	} else {
		s->regex[i] = r;
		s->regex_used = true;
	}
	return (TKVM_RESUME);
}

const char *
http_regex_text(const struct http_state *s, unsigned i, size_t *len)
{
	const struct http_regex *r = regex_at(s, i);

	*len = r == NULL ? 0 : r->len;
	return (r == NULL ? NULL : r->text);
}

int
http_regex_put(struct http_program *hp, unsigned i, const char *text,
    size_t len, struct tkvm_err *err)
{
	hp->regex[i] = regex_new(text, len, err);
	return (hp->regex[i] == NULL ? err->code : 0);
}

enum tkvm_next
http_regex_free(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	uint32_t i = (uint32_t)c->arg[0];

	(void)m;
	if (regex_of(s, c, err) == NULL)
		return (TKVM_ABORT);
	if (s->booting) {
		regex_destroy(&s->hp->regex[i]);
		return (TKVM_RESUME);
	}
	/* The program's stays for the other machines and the next request. */
	regex_destroy(&s->regex[i]);
	s->regex_freed[i] = s->regex_used = true;
	return (TKVM_RESUME);
}

/*--- matching -------------------------------------------------------------*/

/* One subject and what is needed to search it. */
struct search {
	const struct http_regex *r;
	const char *text;
	size_t len;
	pcre2_match_context *limits;
	pcre2_match_data *data;
	char *owned;
};

static int
search_begin(struct search *q, const struct http_regex *r, const char *text,
    size_t len, struct tkvm_err *err)
{
	q->r = r;
	q->text = text;
	q->len = len;
	q->limits = pcre2_match_context_create(NULL);
	q->data = pcre2_match_data_create_from_pattern(r->code, NULL);
	if (q->limits == NULL || q->data == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory to match"));
	(void)pcre2_set_match_limit(q->limits, MATCH_STEPS);
	(void)pcre2_set_heap_limit(q->limits, MATCH_HEAP_KIB);
	return (0);
}

static void
search_end(struct search *q)
{
	pcre2_match_context_free(q->limits);
	pcre2_match_data_free(q->data);
	free(q->owned);
}

/* Groups found + 1, or negative: none, or too much work. */
static int
search_from(const struct search *q, size_t at, uint32_t options)
{
	return (pcre2_match(q->r->code, (PCRE2_SPTR)q->text, q->len, at,
	    options, q->data, q->limits));
}

/* A string of the guest's, len 0: up to its NUL. Copied: *text, to be freed. */
static int
take_text(struct tkvm_machine *m, uint64_t gva, size_t *len, char **text,
    struct tkvm_err *err)
{
	size_t size = *len == 0 ? 256 : *len + 1;
	ssize_t n = -2;

	*text = NULL;
	if (size > SUBJECT_MAX)
		return (tkvm_fail(err, TKVM_EGUEST, "a text of %zu bytes to "
		    "match; at most %u", *len, SUBJECT_MAX));
	for (; n == -2 && size <= SUBJECT_MAX; size *= 8) {
		free(*text);
		*text = malloc(size);
		if (*text == NULL)
			return (tkvm_fail(err, TKVM_ENOMEM,
			    "no memory to match"));
		if (*len == 0)
			n = tkvm_copy_in_str(m, *text, gva, size);
		else
			n = tkvm_copy_in(m, *text, gva, *len) == 0 ?
			    (ssize_t)*len : -1;
	}
	if (n >= 0) {
		(*text)[n] = '\0';
		*len = (size_t)n;
		return (0);
	}
	free(*text);
	*text = NULL;
	return (tkvm_fail(err, TKVM_EGUEST, n == -2 ?
	    "a text of 16 MiB or more to match" :
	    "a text to match at an unmapped address"));
}

enum tkvm_next
http_regex_match(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	const struct http_regex *r = regex_of(s, c, err);
	size_t len = (uint32_t)c->arg[2];
	struct search q = {0};
	int n;

	if (r == NULL || take_text(m, c->arg[1], &len, &q.owned, err) != 0)
		return (TKVM_ABORT);
	n = search_begin(&q, r, q.owned, len, err);
	if (n == 0)
		c->ret = (uint64_t)(int64_t)search_from(&q, 0, 0);
	search_end(&q);
	return (n == 0 ? TKVM_RESUME : TKVM_ABORT);
}

/*--- replacing ------------------------------------------------------------*/

struct result {
	char *data;
	size_t len, size;
	bool failed;		/* too large, or no memory */
};

static void
put(struct result *o, const char *data, size_t len)
{
	size_t size = o->size == 0 ? 256 : o->size;
	char *grown;

	if (o->failed || len > RESULT_MAX - o->len) {
		o->failed = true;
		return;
	}
	while (size < o->len + len)
		size *= 2;
	if (size != o->size) {
		grown = realloc(o->data, size);
		if (grown == NULL) {
			o->failed = true;
			return;
		}
		o->data = grown;
		o->size = size;
	}
	memcpy(o->data + o->len, data, len);
	o->len += len;
}

/* Varnish's rules: \0 to \9 and \& are groups, \ before others is dropped. */
static void
put_template(struct result *o, const struct search *q, int groups,
    const char *template)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(q->data);
	int g;

	for (; *template != '\0'; template++) {
		if (*template != '\\' || template[1] == '\0') {
			put(o, template, 1);
			continue;
		}
		template++;
		if (*template != '&' && (*template < '0' || *template > '9')) {
			put(o, template, 1);
			continue;
		}
		g = *template == '&' ? 0 : *template - '0';
		if (g < groups && v[2 * g] != PCRE2_UNSET &&
		    v[2 * g + 1] >= v[2 * g])
			put(o, q->text + v[2 * g], v[2 * g + 1] - v[2 * g]);
	}
}

/* False: its time is over. */
static bool
replace(struct result *o, const struct search *q, const char *template,
    bool all, uint64_t deadline_ns)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(q->data);
	uint32_t options = 0;
	size_t at = 0;
	int groups;

	while (at <= q->len && !o->failed) {
		groups = search_from(q, at, options);
		if (groups < 0 && options != 0 && at < q->len) {
			/* Only an empty match stood here: go one further. */
			put(o, q->text + at++, 1);
			options = 0;
			continue;
		}
		if (groups < 0)
			break;
		/* \K can place a match's beginning before where we are. */
		if (v[0] < at || v[1] < v[0])
			break;
		put(o, q->text + at, v[0] - at);
		put_template(o, q, groups, template);
		options = v[1] == v[0] ?
		    PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED : 0;
		at = v[1];
		if (!all)
			break;
		if (tkvm_now_ns() > deadline_ns)
			return (false);
	}
	put(o, q->text + at, q->len - at);
	put(o, "", 1);
	return (true);
}

static enum tkvm_next
give(struct tkvm_machine *m, struct tkvm_call *c, const struct result *o,
    struct tkvm_err *err)
{
	size_t n = (uint32_t)c->arg[4];

	if (o->failed) {
		c->ret = (uint64_t)-1;
		return (TKVM_RESUME);
	}
	if (n > o->len)
		n = o->len;
	if (tkvm_copy_out(m, c->arg[3], o->data, n) != 0)
		return (http_abort(err,
		    "regex_subst with a destination that is not writable"));
	c->ret = n;
	return (TKVM_RESUME);
}

enum tkvm_next
http_regex_subst(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	const struct http_regex *r = regex_of(s, c, err);
	size_t len = 0, template_len = 0;
	enum tkvm_next next = TKVM_ABORT;
	char *template = NULL;
	struct search q = {0};
	struct result o = {0};

	if (r == NULL)
		return (TKVM_ABORT);
	if (take_text(m, c->arg[1], &len, &q.owned, err) == 0 &&
	    take_text(m, c->arg[2], &template_len, &template, err) == 0 &&
	    search_begin(&q, r, q.owned, len, err) == 0) {
		if (replace(&o, &q, template, c->arg[5] & 1,
		    tkvm_machine_deadline(m)))
			next = give(m, c, &o, err);
		else
			(void)tkvm_fail(err, TKVM_ETIMEOUT, "time-out: still "
			    "in regex_subst when its time was over");
	}
	free(o.data);
	free(template);
	search_end(&q);
	return (next);
}

/*--- header fields --------------------------------------------------------*/

/* Does this line match, and was it appended? */
static bool
copy_field(struct http_state *s, const struct http_regex *r,
    enum tkvm_where from, enum tkvm_where to, unsigned i)
{
	const struct tkvm_transaction_ops *ops = s->req->ops;
	struct search q = {0};
	const char *line;
	bool copied = false;
	size_t len;

	line = ops->field(s->req->priv, from, i, &len);
	if (line == NULL || len > HTTP_LINE_MAX)
		return (false);
	/* Appending may move the lines. */
	memcpy(s->line, line, len);
	s->line[len] = '\0';
	if (search_begin(&q, r, s->line, len, NULL) == 0 &&
	    search_from(&q, 0, 0) >= 0 && http_line_ok(s->line, len))
		copied = ops->append(s->req->priv, to, s->line, len) >= 0;
	search_end(&q);
	return (copied);
}

enum tkvm_next
http_regex_copyto(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	const struct http_regex *r = regex_of(s, c, err);
	const struct tkvm_transaction_ops *ops = s->req->ops;
	enum tkvm_where from, to;
	unsigned n = 0;
	size_t len;

	(void)m;
	if (r == NULL || !http_where(c->arg[1], &from, err) ||
	    !http_where(c->arg[2], &to, err))
		return (TKVM_ABORT);
	c->ret = 0;
	if (ops->field == NULL || ops->append == NULL)
		return (TKVM_RESUME);
	/* As many as there are now: they may be appended to themselves. */
	while (ops->field(s->req->priv, from, n, &len) != NULL)
		n++;
	for (unsigned i = 0; i < n; i++)
		c->ret += copy_field(s, r, from, to, i);
	return (TKVM_RESUME);
}
