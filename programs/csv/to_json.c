/* SPDX-License-Identifier: BSD-2-Clause */
/* From CSV to JSON: libcsv tells the fields, one row is kept at a time. */
#include <csv.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"

/* What an integer may have for every reader of JSON to know it exactly. */
#define DIGITS_MAX 15

struct field {
	size_t at, len;			/* in text */
	bool none;			/* nothing, not even quotes */
};

struct reader {
	const struct options *o;
	const struct columns *chosen;
	struct job *job;
	struct text *out;
	struct text text;		/* of the row under way */
	struct field fields[COLUMNS_MAX];
	size_t n;			/* fields of this row so far */
	size_t rows;			/* behind the header */
	/* What a row has: names, or none and then arrays come out. */
	struct text keys;		/* as JSON, each with its colon */
	size_t key_end[COLUMNS_MAX];	/* where each ends in it */
	size_t from[COLUMNS_MAX];	/* which field each is */
	size_t keys_n;
	size_t width;			/* fields of the header, 0: any */
	bool header_due, failed;
};

static void
fail(struct reader *r, int status, const char *what)
{
	if (!r->failed)
		(void)job_fail(r->job, status, "row %zu %s", r->rows +
		    (r->o->header ? 2 : 1), what);
	r->failed = true;
}

/*--- values ----------------------------------------------------------------*/

static size_t
digits(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= '0' && s[n] <= '9')
		n++;
	return (n);
}

/* A number as JSON writes it. Longer integers may be names of things. */
static bool
is_number(const char *s, size_t len)
{
	size_t at = len > 0 && s[0] == '-', n = digits(s + at, len - at);

	if (n == 0 || (n > 1 && s[at] == '0'))
		return (false);
	at += n;
	if (at == len)
		return (n <= DIGITS_MAX);
	if (s[at] == '.') {
		n = digits(s + at + 1, len - at - 1);
		if (n == 0)
			return (false);
		at += 1 + n;
	}
	if (at < len && (s[at] == 'e' || s[at] == 'E')) {
		at++;
		at += at < len && (s[at] == '+' || s[at] == '-');
		n = digits(s + at, len - at);
		if (n == 0 || n > 2)
			return (false);
		at += n;
	}
	return (at == len);
}

static bool
is_word(const char *s, size_t len, const char *word)
{
	return (len == strlen(word) && memcmp(s, word, len) == 0);
}

static void
add_value(struct reader *r, size_t i)
{
	const struct field *f = &r->fields[i];
	const char *s = f->len != 0 ? r->text.data + f->at : "";

	if (r->o->types && f->none)
		text_str(r->out, "null");
	else if (r->o->types && (is_number(s, f->len) ||
	    is_word(s, f->len, "true") || is_word(s, f->len, "false")))
		text_add(r->out, s, f->len);
	else
		text_json(r->out, s, f->len);
}

/*--- rows ------------------------------------------------------------------*/

static size_t
key_at(const struct reader *r, size_t i)
{
	return (i == 0 ? 0 : r->key_end[i - 1]);
}

static void
add_key(struct reader *r, const char *name, size_t len, size_t from)
{
	size_t at = key_at(r, r->keys_n), n;
	const char *key;

	text_json(&r->keys, name, len);
	text_char(&r->keys, ':');
	if (r->keys.failed)
		return;
	key = r->keys.data + at;
	n = r->keys.len - at;
	for (size_t i = 0; i < r->keys_n; i++)
		if (r->key_end[i] - key_at(r, i) == n &&
		    memcmp(r->keys.data + key_at(r, i), key, n) == 0) {
			(void)job_fail(r->job, 422, "two columns are %.*s",
			    (int)(n < 200 ? n - 1 : 200), key);
			r->failed = true;
			return;
		}
	r->key_end[r->keys_n] = r->keys.len;
	r->from[r->keys_n++] = from;
}

/* The field of the header that has this name, or width. */
static size_t
find_column(const struct reader *r, const char *name)
{
	size_t i = 0;

	for (; i < r->n; i++)
		if (r->fields[i].len == strlen(name) &&
		    memcmp(r->text.data + r->fields[i].at, name,
		    r->fields[i].len) == 0)
			break;
	return (i);
}

static void
read_header(struct reader *r)
{
	const struct columns *c = r->chosen;
	size_t i, at;

	r->header_due = false;
	r->width = r->n;
	for (i = 0; i < r->n && c->n == 0 && !r->failed; i++)
		add_key(r, r->text.data + r->fields[i].at, r->fields[i].len,
		    i);
	for (i = 0; i < c->n && !r->failed; i++) {
		at = find_column(r, c->name[i]);
		if (at == r->n) {
			(void)job_fail(r->job, 422, "there is no column "
			    "\"%.200s\"", c->name[i]);
			r->failed = true;
			return;
		}
		add_key(r, c->name[i], strlen(c->name[i]), at);
	}
}

static void
add_row(struct reader *r)
{
	bool arrays = r->keys_n == 0, first = true;
	size_t n = arrays ? r->n : r->keys_n;

	if (!r->o->lines)
		text_str(r->out, r->rows != 0 ? ",\n" : "[");
	text_char(r->out, arrays ? '[' : '{');
	for (size_t i = 0; i < n; i++) {
		if (!arrays && r->from[i] >= r->n)
			continue;
		if (!first)
			text_char(r->out, ',');
		first = false;
		if (!arrays)
			text_add(r->out, r->keys.data + key_at(r, i),
			    r->key_end[i] - key_at(r, i));
		add_value(r, arrays ? i : r->from[i]);
	}
	text_char(r->out, arrays ? ']' : '}');
	if (r->o->lines)
		text_char(r->out, '\n');
}

static void
on_row(int end, void *data)
{
	struct reader *r = data;

	(void)end;
	if (r->failed)
		return;
	if (r->header_due) {
		read_header(r);
	} else {
		if (r->width != 0 && r->n != r->width && !r->o->ragged)
			fail(r, 422, "has another number of fields than the "
			    "columns are");
		else
			add_row(r);
		r->rows++;
	}
	r->n = 0;
	r->text.len = 0;
}

static void
on_field(void *from, size_t len, void *data)
{
	struct reader *r = data;

	if (r->failed)
		return;
	if (r->n == COLUMNS_MAX) {
		fail(r, 413, "has too many fields");
		return;
	}
	if (!utf8_valid(from, len)) {
		fail(r, 422, "is not UTF-8");
		return;
	}
	r->fields[r->n++] = (struct field){r->text.len, len, from == NULL};
	text_add(&r->text, from, len);
}

/*--- the whole -------------------------------------------------------------*/

static int
no_blanks(unsigned char c)
{
	(void)c;
	return (0);
}

static int
parse(struct reader *r, const char *in, size_t len, char delimiter)
{
	struct csv_parser p;
	size_t done, line = 1;

	if (csv_init(&p, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL) != 0)
		return (job_fail(r->job, 500, "not enough memory"));
	csv_set_delim(&p, (unsigned char)delimiter);
	csv_set_quote(&p, (unsigned char)r->o->quote[0]);
	csv_set_space_func(&p, no_blanks);
	csv_set_blk_size(&p, 65536);
	done = csv_parse(&p, in, len, on_field, on_row, r);
	if (done == len && csv_fini(&p, on_field, on_row, r) == 0) {
		csv_free(&p);
		return (r->failed ? -1 : 0);
	}
	csv_free(&p);
	if (r->failed)
		return (-1);
	for (size_t i = 0; i < done; i++)
		line += in[i] == '\n';
	return (job_fail(r->job, 422, "no CSV: line %zu has a quote where "
	    "none may be, or one is missing", line));
}

int
csv_to_json(struct job *job, const struct options *o,
    const struct columns *chosen, char delimiter, struct text *out)
{
	static struct reader r;
	const char *in = job->in;
	size_t len = job->in_len;
	int result;

	if (len >= 3 && memcmp(in, "\xef\xbb\xbf", 3) == 0) {
		in += 3;
		len -= 3;
	}
	r.o = o;
	r.chosen = chosen;
	r.job = job;
	r.out = out;
	r.keys.len = r.text.len = r.n = r.rows = r.keys_n = r.width = 0;
	r.failed = false;
	r.header_due = o->header;
	for (size_t i = 0; i < chosen->n && !o->header && !r.failed; i++)
		add_key(&r, chosen->name[i], strlen(chosen->name[i]), i);
	r.width = o->header ? 0 : chosen->n;
	result = r.failed ? -1 : parse(&r, in, len, delimiter);
	if (!o->lines)
		text_str(out, r.rows == 0 ? "[]\n" : "]\n");
	out->failed |= r.text.failed || r.keys.failed;
	return (result);
}
