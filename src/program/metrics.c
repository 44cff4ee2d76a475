/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * metrics.c: all counters of all programs in Prometheus's text format: for each
 * metric its help, its type and a line per program.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/program_priv.h"

enum kind { COUNT, BYTES, NS, GAUGE, GAUGE_BYTES, GAUGE_NS };

static const struct metric {
	const char *name;
	enum kind kind;
	const char *text;
	size_t offset;
} metrics[] = {
#define ROW(name, kind, text) \
	{#name, kind, text, offsetof(struct tkvm_counters, name)},
	TKVM_COUNTERS(ROW)
#undef ROW
};

/* Programs that are asked for, with what they have counted. */
struct sample {
	const char *name;
	struct tkvm_counters counters;
};

/* queue_ns is queue_seconds_total, machines is machines. */
static void
full_name(const struct metric *m, char *buf, size_t size)
{
	bool ns = m->kind == NS || m->kind == GAUGE_NS;
	size_t len = strlen(m->name) - (ns ? strlen("_ns") : 0);

	(void)snprintf(buf, size, "tinykvm_%.*s%s%s", (int)len, m->name,
	    ns ? "_seconds" : "", m->kind < GAUGE ? "_total" : "");
}

/* A label value: backslash, quote and newline are escaped. */
static void
put_label(FILE *f, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\n')
			(void)fputs("\\n", f);
		else {
			if (*text == '\\' || *text == '"')
				(void)fputc('\\', f);
			(void)fputc(*text, f);
		}
}

static void
put_metric(FILE *f, const struct metric *m, const struct sample *s, unsigned n)
{
	char name[64];
	uint64_t v;

	full_name(m, name, sizeof name);
	(void)fprintf(f, "# HELP %s %s.\n# TYPE %s %s\n", name, m->text, name,
	    m->kind < GAUGE ? "counter" : "gauge");
	for (unsigned i = 0; i < n; i++) {
		memcpy(&v, (const char *)&s[i].counters + m->offset, sizeof v);
		(void)fprintf(f, "%s{program=\"", name);
		put_label(f, s[i].name);
		if (m->kind == NS || m->kind == GAUGE_NS)
			(void)fprintf(f, "\"} %" PRIu64 ".%09" PRIu64 "\n",
			    v / 1000000000, v % 1000000000);
		else
			(void)fprintf(f, "\"} %" PRIu64 "\n", v);
	}
}

char *
tkvm_library_metrics(struct tkvm_library *lib,
    bool (*match)(void *priv, const char *name), void *priv)
{
	unsigned n = 0, all = tkvm_library_count(lib);
	struct sample *s = calloc(all + 1, sizeof *s);
	struct tkvm_program *p;
	char *text = NULL;
	size_t len;
	FILE *f;

	if (s == NULL)
		return (NULL);
	for (unsigned i = 0; i < all; i++) {
		p = tkvm_library_at(lib, i);
		if (match != NULL && !match(priv, p->name))
			continue;
		s[n].name = p->name;
		tkvm_program_counters(p, &s[n++].counters);
	}
	f = open_memstream(&text, &len);
	if (f != NULL) {
		for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
			put_metric(f, &metrics[i], s, n);
		if (fclose(f) != 0) {
			free(text);
			text = NULL;
		}
	}
	free(s);
	return (text);
}
