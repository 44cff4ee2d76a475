/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lock order: library -> program -> generation -> storage -> executor. None is
 * held while a guest runs.
 */
#ifndef PROGRAM_PROGRAM_PRIV_H
#define PROGRAM_PROGRAM_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/num.h"
#include "base/text.h"
#include "fetch/fetch.h"
#include "http/http.h"
#include "linux/linux.h"
#include "server/server.h"
#include "tinykvm/host.h"
#include "tinykvm/program.h"

/*--- config.c: settings ---------------------------------------------------*/

struct strings {
	char **s;
	unsigned n;
};

struct paths {
	struct linux_path *p;
	unsigned n;
};

/* Requests that a program serves before it is frozen. */
struct warmup {
	bool wanted, exact;
	unsigned num_requests;
	char *url, *method;
	struct strings headers;
};
void warmup_free(struct warmup *w);

/* Files that are fetched before a program starts. */
struct download {
	char *uri, *path, *sha256, *md5;
};
struct downloads {
	struct download *d;
	unsigned n;
};
void downloads_free(struct downloads *list);

/* Whom sys_fetch() may ask: setting allow_fetch, in this order. */
enum reach { REACH_NONE, REACH_SELF, REACH_PUBLIC, REACH_ANY };

struct settings {
	uint64_t concurrency;
	double max_boot_time, max_request_time, max_queue_time;
	uint64_t max_memory_mib, address_space_mib, max_request_mib;
	uint64_t keep_mib, shared_mib, cpus;
	struct strings main_arguments, environment;
	struct paths allowed_paths;
	char *cwd;
	bool ephemeral, control_ephemeral, storage, executable_heap;
	struct tkvm_area area[TKVM_AREAS_MAX];	/* of three keys */
	unsigned n_areas;
	double max_storage_time, storage_snapshot;	/* < 0: none */
	bool storage_rollback, storage_shares_memory;
	bool allow_debug, debug_on_exception;
	char *debug_socket;
	double debug_wait;
	bool debug;		/* not a key: started to be debugged */
	bool verbose, verbose_syscalls, verbose_requests, verbose_pagetables;
	bool to_stdout;
	bool keep_memory;	/* from one request to the next */
	bool hugepages, transparent_hugepages;
	uint64_t huge_mib, request_huge_mib;
	/* Of programs only. */
	char *cold_start_file;
	char *group, *filename, *uri, *key, *sha256, *md5;
	char *signature_key;
	double fetch_timeout;
	uint64_t max_fetch_mib;
	bool start;
	char *allow_fetch;
	enum reach reach;		/* what allow_fetch says */
	struct warmup warmup;
	struct downloads downloads;
	struct server_settings server[2];	/* server, websocket_server */
};
void settings_init(struct settings *s);
void settings_free(struct settings *s);
int settings_copy(struct settings *to, const struct settings *from,
    struct tkvm_err *err) TKVM_MUST_CHECK;
/* Of a program, all keys together. */
int settings_check(struct settings *s, const char *origin, const char *name,
    struct tkvm_err *err) TKVM_MUST_CHECK;
bool strings_add(struct strings *list, const char *text);
void strings_free(struct strings *list);
/* A file that may be read, under its own name: 0, or -1 without memory. */
int paths_add(struct paths *list, const char *path) TKVM_MUST_CHECK;

/* One program of a document, on its way into a library. */
struct definition {
	struct definition *next;
	char *name;
	struct settings settings;
};
void definitions_free(struct definition **list);

/*
 * Parse a document into definitions. known (may be NULL) says whether a name
 * is taken already.
 */
int config_parse(const char *json, size_t len, const char *origin,
    bool (*known)(void *priv, const char *name), void *priv,
    struct definition **list, struct tkvm_err *err) TKVM_MUST_CHECK;

/* Apply one object to a copy of base: *out, for settings_free(). */
int config_override(const char *json, const char *program,
    const struct settings *base, struct settings *out, struct tkvm_err *err)
    TKVM_MUST_CHECK;

/* settings.c: the table. Exactly one row per key; aliases are rows, too. */
enum setting_type {
	SETTING_UINT, SETTING_EVEN, SETTING_SECONDS, SETTING_BOOL,
	SETTING_STRING, SETTING_STRINGS, SETTING_PATHS,
	SETTING_SERVER, SETTING_WARMUP, SETTING_DOWNLOADS,
	SETTING_AREAS,		/* min: their kind */
	SETTING_IGNORED,	/* true or false, without effect here */
};
struct setting {
	const char *name;
	enum setting_type type;
	bool replace;		/* a list that replaces, not appends */
	size_t offset;		/* in struct settings */
	double min, max;	/* of a string: max 1, it may be empty */
	const char *doc;
};
extern const struct setting settings_table[];
extern const unsigned settings_n;
const struct setting *settings_find(const char *name);
const char *settings_nearest(const char *name);

/*--- snapshot.c: files of programs as they were ----------------------------*/

/* SHA-256 of the program's file, and of the settings that its memory shows. */
#define SNAPSHOT_IDENTITY 64
struct generation;
int snapshot_identify(struct generation *g, const void *elf, size_t size,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/* Room for the head, in front of all else. */
void snapshot_begin(struct blob *b);
/* What was put behind it. */
struct blob_in snapshot_body(const struct blob *b);
/* With the head, on disk, whole or not at all: TKVM_EFILE, TKVM_ENOMEM. */
int snapshot_write(struct blob *b, const struct generation *g,
    const char *path, struct tkvm_err *err) TKVM_MUST_CHECK;

/*
 * A snapshot of this very program: 0, *file for free() and *body within it.
 * TKVM_EFILE: why it cannot be used, *there false: there is none.
 */
int snapshot_read(const struct generation *g, const char *path, char **file,
    struct blob_in *body, bool *there, struct tkvm_err *err) TKVM_MUST_CHECK;

/*--- a generation: one load of a program, with its machines ---------------*/

struct vm;
struct waiter {
	struct waiter *next;
	pthread_cond_t wake;
	struct vm *vm;
};

struct storage;
struct generation {
	struct tkvm_program *program;
	struct storage *storage;	/* its own; NULL: none */
	struct storage *calls;		/* what its machines call, or NULL */
	bool is_storage;		/* it is one itself */
	bool other_elf;			/* of another file than requests' */
	unsigned refs;			/* under lock */
	pthread_mutex_t lock;
	bool closing;
	struct vm *idle;		/* last used first */
	struct vm *all;			/* by sibling, in no order */
	struct waiter *first, **last;	/* who waits, in order */
	unsigned n_waiting, n_machines, n_idle;
	struct settings settings;
	bool own_threads;		/* each machine has an executor */
	char *exe_path;
	size_t elf_size;
	const char *elf_type;
	/* What its snapshots must have been made of, see snapshot.c. */
	unsigned char identity[SNAPSHOT_IDENTITY];
	struct linux_rules rules;
	struct linux_state *linux_master;
	struct http_program http;
	struct tkvm_image *image;
	const struct tkvm_host *host;
	struct serving *serving[2];	/* serve.c */
};

/*
 * load.c and warm.c: from file to an image and its first machine. elf: these
 * bytes in place of the file, or NULL. update: beside one that serves, which
 * keeps its addresses and cannot be cancelled.
 */
int generation_make(struct tkvm_program *p, const struct settings *s,
    const void *elf, size_t elf_size, bool update, struct generation **gp,
    struct tkvm_err *err) TKVM_MUST_CHECK;
/* The machines beyond the first. */
void generation_fill(struct generation *g);
/* Hand a new machine to it: to the queue, or to the idle ones. */
void generation_add(struct generation *g, struct vm *vm);
void generation_ref(struct generation *g);
void generation_drop(struct generation *g);
int load_file(const char *path, char **data, size_t *size,
    struct tkvm_err *err) TKVM_MUST_CHECK;
/* Whole or not at all, under its name only when it is on disk. */
int save_file(const char *path, const void *data, size_t size,
    struct tkvm_err *err) TKVM_MUST_CHECK;
int save_file_mode(const char *path, const void *data, size_t size,
    mode_t mode, struct tkvm_err *err) TKVM_MUST_CHECK;
/* The path of a file: URL or of a plain name; NULL of any other URL. */
const char *uri_file(const char *uri);
/*
 * source.c: the executable that a program's settings name, and its storage's:
 * from the archive, or the file beside it. fetch_program_free() it.
 */
int program_load(struct tkvm_program *p, const struct settings *s,
    struct fetch_program *to, struct tkvm_err *err) TKVM_MUST_CHECK;
/*
 * An update that came in a request (path NULL) or from a file: is it what
 * settings say that the program must be? Put it where the next start finds it,
 * with all that must be beside it.
 */
int program_check_update(struct tkvm_program *p, const struct settings *s,
    const char *path, const void *elf, size_t size, struct tkvm_err *err)
    TKVM_MUST_CHECK;
int program_store(struct tkvm_program *p, const struct settings *s,
    const char *path, const void *elf, size_t size, struct tkvm_err *err)
    TKVM_MUST_CHECK;
/* What an administrator's URL (http, https, file) or path holds. */
int load_uri(const char *uri, double max_seconds, char **data, size_t *size,
    struct tkvm_err *err) TKVM_MUST_CHECK;
/* source.c: the files that its settings want to be there. */
int program_download(struct tkvm_program *p, const struct settings *s,
    struct tkvm_err *err) TKVM_MUST_CHECK;
const char *elf_type(const char *elf, size_t size);
int strings_argv(const struct strings *s, const char *const *head,
    const char *const *tail, const char ***out, struct tkvm_err *err);

/* state_file.c: let its machines use FILENAME.state. 0, or -1: no memory. */
int state_file_add(struct generation *g) TKVM_MUST_CHECK;

/*--- serve.c: servers of a generation -------------------------------------*/

/* Does a program with these settings serve connections? */
bool settings_serve(const struct settings *s);
int server_settings_copy(struct server_settings *to,
    const struct server_settings *from) TKVM_MUST_CHECK;
void server_settings_free(struct server_settings *s);
/* Start its servers, as soon as there is an image; or a sentence why not. */
int generation_serve(struct generation *g, struct tkvm_err *err)
    TKVM_MUST_CHECK;
/* End them; again does nothing. Without any lock held. */
void generation_unserve(struct generation *g);

/*--- restart.c ------------------------------------------------------------*/

/* For http_set_watch(); priv is a struct generation that starts. */
http_watch_f generation_watch;
/*
 * Has a file changed that it wants to be started anew for? Then requests begin
 * a new start from now on.
 */
bool generation_outdated(const struct generation *g);

/*--- storage.c ------------------------------------------------------------*/

/*
 * The storage of a generation of its own, whose reference it takes: at first
 * calls and tasks wait; once that generation has an image it is opened.
 * TKVM_ENOMEM, TKVM_EHOST.
 */
int storage_new(struct generation *own, struct storage **sp,
    struct tkvm_err *err) TKVM_MUST_CHECK;
int storage_open(struct storage *st, struct tkvm_err *err) TKVM_MUST_CHECK;
/*
 * storage_keep_begin(): before its start, which storage_keep_read() may spare:
 * what is kept of it, as snapshot_read(); what cannot be used is put aside.
 * storage_refuse(): it looked usable, but is not.
 * storage_keep(): from now on it is kept in its file, as its settings say, if
 * they do: begins with writing it, unless another one has it. next: under the
 * name that a start looks at when the other file is not of its program, until
 * storage_keep_last(). moved: the state that the other file has is in this one,
 * too; otherwise that is put aside.
 */
int storage_keep_begin(struct storage *st, struct tkvm_err *err)
    TKVM_MUST_CHECK;
int storage_keep(struct storage *st, bool next, struct tkvm_err *err)
    TKVM_MUST_CHECK;
void storage_keep_last(struct storage *st, bool moved);
int storage_keep_read(struct storage *st, char **file, struct blob_in *body);
void storage_refuse(struct storage *st, const char *why);
/*
 * Its timers, behind everything else, in place of all others; TKVM_EFILE,
 * TKVM_ENOMEM. storage_timers_clear(): none.
 */
int storage_timers_load(struct storage *st, struct blob_in *from,
    struct tkvm_err *err) TKVM_MUST_CHECK;
void storage_timers_clear(struct storage *st);
const struct tkvm_image *storage_image(const struct storage *st);
/* When no machine can call it any more. NULL is fine. */
void storage_destroy(struct storage **sp);
/* For http_set_storage(); priv is the storage. */
extern const struct http_storage_ops storage_ops;
/*
 * A live update: storage_hold() before requests go to the new program, whose
 * storage calls wait until storage_release(); storage_transfer() when they do.
 * It waits for the requests in flight on the old one, so that nothing they
 * count is lost, and lets the old storage hand its state to the new one: true
 * when the new one has it; the log tells. old is NULL or the caller's only
 * reference.
 */
bool storage_hold(struct generation *new);
bool storage_transfer(struct generation *old, struct generation *new);
void storage_release(struct generation *new);

/*--- verbose.c: what settings let the log tell ----------------------------*/

/* A line, if they say verbose. */
void verbose(const struct tkvm_program *p, const struct settings *s,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Where things are in a machine that boots, and what it may open. */
void verbose_layout(const struct generation *g, const struct tkvm_machine *m);
/* Its page tables, if they say so. */
void verbose_tables(struct generation *g, const struct tkvm_machine *m);
/* Each call of a machine, if they say so; lives as long as the machine. */
struct trace {
	const struct generation *g;
	const struct vm *request;	/* NULL: it starts, or is storage */
	struct tkvm_calls to;
};
void trace_calls(struct trace *t, const struct generation *g,
    const struct vm *request, struct tkvm_calls *calls);
/* A line that it printed and that went to its log. */
void program_output(const struct generation *g, const char *line);

/*--- warmup.c -------------------------------------------------------------*/

/* Serve the requests of the setting warmup in a machine that waits. */
int program_warm_up(struct generation *g, struct tkvm_machine *m,
    struct http_state *http, struct tkvm_err *err) TKVM_MUST_CHECK;

/*--- pool.c ---------------------------------------------------------------*/

/* NULL: none idle. */
struct vm *pool_try(struct generation *g);
int pool_take(struct generation *g, uint64_t timeout_ns, struct vm **vmp,
    struct tkvm_err *err) TKVM_MUST_CHECK;
void pool_give(struct generation *g, struct vm *vm);

/*--- executor.c: a thread of its own for each machine ---------------------*/

struct executor;
int executor_new(struct executor **ep, struct tkvm_err *err) TKVM_MUST_CHECK;
void executor_destroy(struct executor **ep);
/*
 * Run f(arg) there, once what it did last is over; the second waits for it. One
 * caller at a time.
 */
void executor_start(struct executor *e, void (*f)(void *arg), void *arg);
void executor_run(struct executor *e, void (*f)(void *arg), void *arg);

/*--- body.c: bytes that come in pieces ------------------------------------*/

#define BODY_MAX ((size_t)512 << 20)	/* no program can hold more */
#define PIECE_MAX ((size_t)128 << 10)
struct body {
	char *data;			/* free() it */
	size_t len, size;
	size_t max;			/* 0: BODY_MAX */
	bool is_request;		/* for errors: not an answer */
};
int body_add(struct body *b, const void *data, size_t len,
    struct tkvm_err *err) TKVM_MUST_CHECK;
/* All pieces of a request's body. */
int body_read(struct body *b, const struct tkvm_request *req,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/*--- vm.c: one machine ----------------------------------------------------*/

struct vm {
	struct vm *next;		/* in the pool */
	struct vm *sibling;		/* in generation->all */
	struct generation *generation;
	unsigned index;
	struct tkvm_machine *machine;
	struct linux_state *linux_state;
	struct http_state *http;
	struct trace trace;
	struct executor *executor;	/* NULL: any thread runs it */
	const struct tkvm_request *req;	/* while it runs one */
	struct tkvm_machine_stats seen;	/* before this request */
	struct tkvm_machine_stats counted;	/* in counters */
	uint64_t unknown_seen;
	bool failed;			/* since it was last cleaned */
	/* Relaxed atomics: stats() reads while requests run. */
	struct tkvm_counters counters;
};
int vm_new(struct generation *g, unsigned index, bool own_thread,
    struct vm **vmp, struct tkvm_err *err) TKVM_MUST_CHECK;
void vm_destroy(struct vm **vmp);

/*
 * Run one request; the answer's body may lie in the machine. 0 with a reply
 * (status 500 when the program failed), or an error without. It has failed
 * when it runs at until_ns.
 */
int vm_call(struct vm *vm, const struct tkvm_request *req, uint64_t until_ns,
    struct tkvm_reply *reply, struct tkvm_err *err) TKVM_MUST_CHECK;
/*
 * The next bytes of a streamed answer: at most size into buf, *n 0 at the end
 * of one of unknown length. After a failure there is no more.
 */
int vm_stream(struct vm *vm, struct tkvm_reply *reply, void *buf, size_t size,
    size_t *n, struct tkvm_err *err) TKVM_MUST_CHECK;
/*
 * Clean it for the next one; a machine that cannot be cleaned is replaced. One
 * that is not ephemeral keeps its state unless something failed in it.
 */
void vm_reset(struct vm *vm, struct tkvm_reply *reply);
/* A line of the program: of the request it serves, or of none. */
void vm_log(const struct vm *vm, const char *text);
/* What it printed, "NAME says: " before each line. priv is a struct vm. */
void vm_says(void *priv, const char *text, size_t len);
/* Each line of a text apart. */
void by_line(void (*line)(void *priv, const char *text, size_t len),
    void *priv, const char *data, size_t len);

/*--- debugging.c ----------------------------------------------------------*/

/*
 * Let a debugger in, then let the program go on: what tkvm_machine_run() would
 * return. code, *err: the failure that it stands at, or 0.
 */
int program_debug(struct generation *g, struct tkvm_machine *m,
    struct http_state *http, int code, struct tkvm_err *err);
/* The same if its settings want it at this end of a run; code otherwise. */
int program_after_run(struct generation *g, struct tkvm_machine *m,
    struct http_state *http, int code, struct tkvm_err *err);
/* Registers and callers of a program that failed. */
void program_report(const struct tkvm_machine *m, int code,
    void (*line)(void *priv, const char *text), void *priv);

/*--- program.c ------------------------------------------------------------*/

enum program_state { PROGRAM_IDLE, PROGRAM_STARTING, PROGRAM_READY,
	PROGRAM_FAILED };

struct tkvm_program {
	struct tkvm_program *next;
	struct tkvm_library *library;
	char *name;
	pthread_mutex_t lock;
	pthread_cond_t changed;		/* state */
	enum program_state state;
	struct settings settings;
	struct generation *generation;
	pthread_t starter;
	bool starter_running;
	_Atomic bool cancelled;		/* this start, by stop */
	unsigned n_waiting;		/* requests, for a start */
	uint64_t starts;
	struct tkvm_machine *booting;	/* while main() runs */
	pthread_mutex_t updating;	/* one live update at a time */
	struct tkvm_err why;		/* of PROGRAM_FAILED */
	uint64_t failed_ns;
	struct tkvm_counters counters;	/* relaxed atomics */
	pthread_mutex_t watching;	/* before all others */
	void (*watcher)(void *priv);
	void *watcher_priv;
};

/* Tell who watches the program's counters; without any lock. */
void program_changed(struct tkvm_program *p);

/*
 * A reference to a ready generation, starting the program if need be, which
 * may take *waited_ns, at most max_queue_time and until until_ns: TKVM_EBUSY.
 */
int program_use(struct tkvm_program *p, uint64_t until_ns,
    struct generation **gp, uint64_t *waited_ns, struct tkvm_err *err)
    TKVM_MUST_CHECK;
/* Stop it if this, of which the caller has a reference, still serves. */
bool program_end(struct tkvm_program *p, const struct generation *g);

/*--- self.c: requests to the cache itself ---------------------------------*/

#define SELF_PREFIX "http://127.0.0.1:6081"
struct self {
	char *unix_socket, *prefix;	/* NULL: none, SELF_PREFIX */
	unsigned max_concurrent, max_depth;
	unsigned active;		/* relaxed atomic */
};
void self_free(struct self *self);
/*
 * Fetch a path for a request. 0 and a reply for fetch_reply_free(), or an
 * error and reply->status alone, 500 or 508.
 */
int self_fetch(struct tkvm_library *lib, const char *path, const char *json,
    const struct tkvm_request *req, struct fetch_reply *reply,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/* For http_set_fetch(); priv is a struct generation. */
http_fetch_f program_fetch;

struct tkvm_library {
	struct tkvm_log log;
	pthread_mutex_t lock;
	pthread_cond_t gone;
	unsigned generations;		/* alive */
	struct tkvm_program *first, **last;
	unsigned n;
	bool own_threads;		/* even where moving is cheap */
	uint64_t load_until_ns;		/* who waits for it, waits no longer */
	double load_seconds;
	struct self self;
};

int program_new(struct tkvm_library *lib, const char *name,
    struct tkvm_program **pp, struct tkvm_err *err) TKVM_MUST_CHECK;
void program_free(struct tkvm_program *p);
void library_log(struct tkvm_library *lib, const char *program,
    const char *text);
void library_failed(struct tkvm_library *lib, const char *program,
    const struct tkvm_err *err);

/* That many seconds from now, for a deadline. */
static inline uint64_t
in_seconds(double s)
{
	return (tkvm_now_ns() + (uint64_t)(s * 1e9));
}

/* The same, or then if that is earlier. */
static inline uint64_t
in_seconds_or(double s, uint64_t until_ns)
{
	uint64_t t = in_seconds(s);

	return (t < until_ns ? t : until_ns);
}

/* Counters are added to from several threads; o is a program or a machine. */
#define COUNT(o, field, n) \
	((void)__atomic_add_fetch(&(o)->counters.field, (n), __ATOMIC_RELAXED))
/* For a machine and its program. */
#define COUNT_VM(vm, field, n) do { \
	COUNT(vm, field, n); \
	COUNT((vm)->generation->program, field, n); \
} while (0)

#endif
