/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program_rig.h: a library with the program "probe" (or more), its log, and
 * calls in one line, for tests of programs.
 */
#ifndef PROGRAM_RIG_H
#define PROGRAM_RIG_H

#include <dirent.h>
#include <sched.h>
#include <unistd.h>

#include "program/program_priv.h"
#include "test.h"

#define PROBE "build/tests/guests/program_probe"
#define PROGRAMS "build/programs/"

struct rig {
	struct tkvm_library *lib;
	struct tkvm_err err;
	struct tkvm_reply *reply;
	pthread_mutex_t lock;
	char log[16384];
	unsigned lines;
};

#define NEED_KVM() do { \
	static struct tkvm_err why_; \
	const struct tkvm_host *host_; \
	if (tkvm_host_probe(&host_, &why_) != 0) \
		SKIP(why_.text); \
} while (0)

static inline void
rig_log(void *priv, const char *program, const char *text)
{
	struct rig *rig = priv;
	size_t n;

	(void)program;
	(void)pthread_mutex_lock(&rig->lock);
	n = strlen(rig->log);
	(void)snprintf(rig->log + n, sizeof rig->log - n, "%s\n", text);
	rig->lines++;
	(void)pthread_mutex_unlock(&rig->lock);
}

/* A library of this document. */
static inline int
rig_load(struct rig *rig, const char *json)
{
	const struct tkvm_log log = {.line = rig_log, .priv = rig};
	int r;

	memset(rig, 0, sizeof *rig);
	(void)pthread_mutex_init(&rig->lock, NULL);
	r = tkvm_library_new(&log, &rig->lib, &rig->err);
	if (r == 0)
		r = tkvm_library_load(rig->lib, json, strlen(json), "test",
		    &rig->err);
	return (r);
}

/* A program named "probe", with these settings ("" or "\"key\": value"). */
static inline int
rig_one(struct rig *rig, const char *file, const char *settings)
{
	char json[1536];

	(void)snprintf(json, sizeof json, "{\"probe\": {\"filename\": \"%s\", "
	    "\"max_memory\": 64, \"max_request_memory\": 8%s%s}}", file,
	    *settings == '\0' ? "" : ", ", settings);
	return (rig_load(rig, json));
}

static inline int
rig_probe(struct rig *rig, const char *settings)
{
	return (rig_one(rig, PROBE, settings));
}

/*
 * Requests end after this time, which is short so that endless loops do not
 * last long; TKVM_SLOW makes it longer for slow computers.
 */
static inline int
rig_limit(struct rig *rig, double seconds)
{
	const char *slow = getenv("TKVM_SLOW");
	char json[64];

	(void)snprintf(json, sizeof json, "{\"max_request_time\": %g}",
	    seconds * (slow == NULL ? 1 : atof(slow)));
	return (tkvm_library_configure(rig->lib, "probe", json, &rig->err));
}

static inline void
rig_end(struct rig *rig)
{
	tkvm_reply_release(&rig->reply);
	tkvm_library_destroy(&rig->lib);
	(void)pthread_mutex_destroy(&rig->lock);
}

static inline struct tkvm_link
rig_link(struct rig *rig, const char *program, const char *url,
    const char *arg)
{
	return ((struct tkvm_link){
	    .program = tkvm_library_find(rig->lib, program),
	    .url = url, .arg = arg, .error_threshold = 400});
}

static inline const struct tkvm_request *
rig_get(void)
{
	static const struct tkvm_request get = {
		.method = "GET", .url = "", .arg = "", .content_type = "",
	};

	return (&get);
}

/* A GET to one program; the reply is rig->reply, of the last call only. */
static inline int
rig_call(struct rig *rig, const char *program, const char *url,
    const char *arg)
{
	struct tkvm_link link = rig_link(rig, program, url, arg);

	tkvm_reply_release(&rig->reply);
	return (tkvm_chain_call(&link, 1, rig_get(), &rig->reply,
	    &rig->err));
}

static inline bool
body_is(const struct tkvm_reply *r, const char *text)
{
	return (r != NULL && r->body_len == strlen(text) &&
	    memcmp(r->body == NULL ? "" : r->body, text, r->body_len) == 0);
}

#define CHECK_BODY(rig, text) do { \
	const struct tkvm_reply *b_ = (rig)->reply; \
	if (!body_is(b_, text)) \
		TEST_FAIL("the body is \"%.*s\", not \"%s\"", \
		    b_ == NULL ? 0 : (int)b_->body_len, \
		    b_ == NULL ? "" : (const char *)b_->body, text); \
} while (0)
/* A call that must return 0, with this status. */
#define CHECK_CALL(rig, program, url, arg, want) do { \
	if (rig_call(rig, program, url, arg) != 0) \
		TEST_FAIL("%s: %s", url, (rig)->err.text); \
	CHECK_EQ((rig)->reply->status, want); \
} while (0)
/* A GET to the probe that must be answered with 200 and this. */
#define CHECK_GET(rig, url, arg, body) do { \
	CHECK_CALL(rig, "probe", url, arg, 200); \
	CHECK_BODY(rig, body); \
} while (0)
/* One that must fail with this in its reason. */
#define CHECK_ENDS(rig, url, arg, reason) do { \
	CHECK_CALL(rig, "probe", url, arg, 500); \
	CHECK_HAS((rig)->reply->error.text, reason); \
} while (0)
#define CHECK_RIG(rig, call) do { \
	if ((call) != 0) \
		TEST_FAIL("%s: %s", #call, (rig)->err.text); \
} while (0)

static inline struct tkvm_counters
rig_counters(struct rig *rig, const char *program)
{
	struct tkvm_counters c;

	tkvm_program_counters(tkvm_library_find(rig->lib, program), &c);
	return (c);
}

static inline unsigned
count_entries(const char *path)
{
	unsigned n = 0;
	DIR *d = opendir(path);

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		(void)closedir(d);
	return (n);
}

/*
 * Entries of a directory under /proc/self, "fd" or "task", once they stay as
 * they are: a joined thread is listed for a moment longer.
 */
static inline unsigned
entries(const char *of)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	unsigned n, last = 0, same = 0;
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/self/%s", of);
	for (unsigned i = 0; i < 200 && same < 6; i++) {
		n = count_entries(path);
		same = n == last ? same + 1 : 0;
		last = n;
		(void)nanosleep(&pause, NULL);
	}
	return (last);
}

#endif
