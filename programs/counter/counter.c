/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counter: counts by key, in memory that all machines of the program share, for
 * good or in windows of time: visits, and how often a client may ask.
 *
 * A machine can be stopped at any instruction, so there are no locks: an entry
 * is taken by its key and changed by compare and swap. A key is known by 64
 * bits of HMAC by a secret of this start, which nobody can aim at.
 */
#include <nettle/hmac.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "job.h"
#include "kvm_api.h"

#define KEY_MAX 4096
/* An entry lies in one of so many places behind that of its hash. */
#define PROBES 16
/* How an entry's word divides into window and count. */
#define COUNT_BITS 40
#define COUNT_MAX ((1ull << COUNT_BITS) - 1)

struct options {
	const char *key;
	int64_t by, window;
	bool reset;
};

static const struct job_option options[] = {
	JOB_STR(struct options, key, NULL, KEY_MAX,
	    "what is counted, in place of the first argument or the body"),
	JOB_INT(struct options, by, 1, 0, 1000000, "0 only reads"),
	JOB_INT(struct options, window, 0, 0, 86400 * 366, "seconds, after "
	    "which a count begins at 0 again; 0: never"),
	JOB_BOOL(struct options, reset, false, "begin at 0 first"),
	JOB_END
};

struct entry {
	_Atomic uint64_t key;		/* 0: free */
	_Atomic uint64_t word;		/* window << COUNT_BITS | count */
	_Atomic uint64_t expires;	/* second of the clock, 0: never */
};

static struct entry *table;
static size_t entries;
static struct hmac_sha256_ctx secret;

static int
prepare(struct job *job, const void *chosen)
{
	struct shared_memory_info shared;
	uint8_t key[32];

	(void)chosen;
	shared = shared_memory_area();
	if (shared.start >= shared.end)
		return (job_fail(job, 500,
		    "set \"shared_memory\" to 1 or more"));
	if (getrandom(key, sizeof key, 0) != sizeof key)
		return (job_fail(job, 500, "there are no random numbers"));
	entries = (shared.end - shared.start) / sizeof *table;
	table = SHM_ALLOC(entries * sizeof *table);
	hmac_sha256_set_key(&secret, sizeof key, key);
	return (table != NULL ? 0 : job_fail(job, 500,
	    "shared memory is taken"));
}

/* A key with windows of another length is another key. */
static uint64_t
hash(const void *key, size_t len, int64_t window)
{
	struct hmac_sha256_ctx ctx = secret;
	uint64_t h;

	hmac_sha256_update(&ctx, sizeof window, (const uint8_t *)&window);
	hmac_sha256_update(&ctx, len, key);
	hmac_sha256_digest(&ctx, sizeof h, (uint8_t *)&h);
	return (h != 0 ? h : 1);
}

static struct entry *
place(uint64_t h, unsigned i)
{
	return (&table[(h + i) % entries]);
}

/* Is the entry ours now, taken by us or by another machine? */
static bool
take(struct entry *e, uint64_t was, uint64_t h)
{
	return (atomic_compare_exchange_strong(&e->key, &was, h) || was == h);
}

/*
 * The entry of a key; if there is none, a free one, else one whose window is
 * over. Its count may then be off by what was counted at this instant.
 */
static struct entry *
find(uint64_t h, uint64_t now)
{
	struct entry *e;
	uint64_t key, expires;
	unsigned i;

	for (i = 0; i < PROBES; i++) {
		e = place(h, i);
		key = atomic_load(&e->key);
		if (key == h || (key == 0 && take(e, 0, h)))
			return (e);
	}
	for (i = 0; i < PROBES; i++) {
		e = place(h, i);
		key = atomic_load(&e->key);
		expires = atomic_load(&e->expires);
		if (expires == 0 || expires > now)
			continue;
		if (take(e, key, h)) {
			atomic_store(&e->word, 0);
			return (e);
		}
	}
	return (NULL);
}

static uint64_t
count(struct entry *e, const struct options *o, uint64_t now)
{
	uint64_t window = o->window == 0 ? 0 :
	    now / (uint64_t)o->window << COUNT_BITS;
	uint64_t was = atomic_load(&e->word), n;

	atomic_store(&e->expires, o->window == 0 ? 0 :
	    (now / (uint64_t)o->window + 1) * (uint64_t)o->window);
	do {
		n = was & COUNT_MAX;
		if (o->reset || (was & ~COUNT_MAX) != window)
			n = 0;
		n += (uint64_t)o->by;
		if (n > COUNT_MAX)
			n = COUNT_MAX;
	} while (!atomic_compare_exchange_weak(&e->word, &was, window | n));
	return (n);
}

static int
run(struct job *job, const void *chosen)
{
	static char text[32];
	const struct options *o = chosen;
	const void *key = o->key != NULL ? o->key : job->in;
	size_t len = o->key != NULL ? strlen(o->key) : job->in_len;
	struct entry *e;
	uint64_t now;

	if (table == NULL)
		return (job_fail(job, 500, "counter works in a machine only"));
	if (len > KEY_MAX)
		return (job_fail(job, 413, "a key has at most %d bytes",
		    KEY_MAX));
	now = (uint64_t)time(NULL);
	e = find(hash(key, len, o->window), now);
	if (e == NULL)
		return (job_fail(job, 503, "there is no room for another key; "
		    "set \"shared_memory\" higher"));
	return (job_answer(job, "text/plain", text, (size_t)snprintf(text,
	    sizeof text, "%llu", (unsigned long long)count(e, o, now))));
}

static const struct job_program program = {
	.name = "counter",
	.summary = "Counts by key, for good or in windows of time.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.bare = "key",
	.url = JOB_URL_IS_INPUT,
	.prepare = prepare,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
