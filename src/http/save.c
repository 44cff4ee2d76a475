/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * save.c: what a program told us while it started, as bytes, and from bytes.
 */
#include <string.h>

#include "base/blob.h"
#include "http/http_priv.h"

/* Fixed size, no holes; what http_scan_abi() finds is found again. */
struct saved {
	uint64_t callback[HTTP_CALLBACKS];
	uint64_t request_gva;
	uint64_t allowed[HTTP_ALLOWED];
	uint64_t n_allowed;
	uint64_t paused, timers, chose, ephemeral;
};

void
http_save(const struct http_state *s, struct blob *to)
{
	const struct http_program *hp = s->hp;
	struct saved w = {
		.request_gva = hp->request_gva, .n_allowed = hp->n_allowed,
		.paused = hp->paused, .timers = hp->timers,
		.chose = hp->chose, .ephemeral = hp->ephemeral,
	};
	const char *text;
	size_t len;

	memcpy(w.callback, hp->callback, sizeof w.callback);
	memcpy(w.allowed, hp->allowed, sizeof w.allowed);
	blob_put(to, &w, sizeof w);
	for (unsigned i = 0; i < HTTP_REGEXES; i++) {
		text = http_regex_text(s, i, &len);
		blob_put64(to, text != NULL);
		blob_put64(to, len);
		blob_put(to, text, len);
	}
}

int
http_load(struct http_program *hp, struct blob_in *from, struct tkvm_err *err)
{
	const char *text;
	struct saved w;
	uint64_t there, len;
	int r = 0;

	blob_get_to(from, &w, sizeof w);
	if (from->failed || w.n_allowed > HTTP_ALLOWED)
		return (tkvm_fail(err, TKVM_EFILE, "it is damaged"));
	memcpy(hp->callback, w.callback, sizeof w.callback);
	memcpy(hp->allowed, w.allowed, sizeof w.allowed);
	hp->n_allowed = (unsigned)w.n_allowed;
	hp->request_gva = w.request_gva;
	hp->paused = w.paused != 0;
	hp->timers = w.timers != 0;
	hp->chose = w.chose != 0;
	hp->ephemeral = w.ephemeral != 0;
	for (unsigned i = 0; i < HTTP_REGEXES && r == 0; i++) {
		there = blob_get64(from);
		len = blob_get64(from);
		text = blob_get(from, len);
		if (text != NULL && there != 0)
			r = http_regex_put(hp, i, text, len, err);
	}
	if (r == 0 && from->failed)
		r = tkvm_fail(err, TKVM_EFILE, "it is damaged");
	return (r);
}

bool
http_used_storage(const struct http_state *s)
{
	return (s->used_storage);
}
