/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * warm.c: from a file to a frozen image: run main() until it waits for
 * requests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/program_priv.h"

/* What a program said while starting; the end of it explains a failure. */
struct start {
	struct generation *g;
	struct http_state *http;
	struct tkvm_machine *machine;
	struct trace trace;
	const char *elf;
	size_t elf_size;
	bool update;			/* no start: it cannot be cancelled */
	char said[160];
};

int
strings_argv(const struct strings *s, const char *const *head,
    const char *const *tail, const char ***out, struct tkvm_err *err)
{
	size_t n = 0, i;

	for (i = 0; head != NULL && head[i] != NULL; i++)
		n++;
	for (i = 0; tail != NULL && tail[i] != NULL; i++)
		n++;
	*out = calloc(n + s->n + 1, sizeof **out);
	if (*out == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for arguments"));
	n = 0;
	for (i = 0; head != NULL && head[i] != NULL; i++)
		(*out)[n++] = head[i];
	for (i = 0; i < s->n; i++)
		(*out)[n++] = s->s[i];
	for (i = 0; tail != NULL && tail[i] != NULL; i++)
		(*out)[n++] = tail[i];
	return (0);
}

/*--- what programs print --------------------------------------------------*/

static void
log_start(void *priv, const char *text, size_t len)
{
	struct start *st = priv;
	struct tkvm_program *p = st->g->program;
	char line[1024];

	(void)snprintf(line, sizeof line, "%s says: %.*s", p->name,
	    (int)(len > 900 ? 900 : len), text);
	text_plain(line);
	library_log(p->library, p->name, line);
	program_output(st->g, line);
	(void)snprintf(st->said, sizeof st->said, "%.*s",
	    (int)(len > 150 ? 150 : len), text);
}

static void
output_start(void *priv, int fd, const void *data, size_t len)
{
	(void)fd;
	by_line(log_start, priv, data, len);
}

static void
output_vm(void *priv, int fd, const void *data, size_t len)
{
	(void)fd;
	vm_says(priv, data, len);
}

static void
unknown_start(void *priv, uint32_t number)
{
	const struct start *st = priv;
	struct tkvm_program *p = st->g->program;
	char line[160];

	COUNT(p, unknown_calls, 1);
	(void)snprintf(line, sizeof line, "%s made system call %u, which "
	    "programs do not have", p->name, number);
	library_log(p->library, p->name, line);
}

static void
unknown_vm(void *priv, uint32_t number)
{
	struct vm *vm = priv;

	(void)number;
	COUNT_VM(vm, unknown_calls, 1);
}

/*--- booting --------------------------------------------------------------*/

static int
boot(struct start *st, struct blob_in *saved, const struct tkvm_calls *calls,
    struct tkvm_err *err)
{
	const struct settings *s = &st->g->settings;
	char name[256], group[256];
	const char *argv0[] = {st->g->program->name, NULL};
	const char *const env_head[] = {"LC_TYPE=C", "LC_ALL=C", "USER=root",
	    NULL};
	const char *env_tail[] = {name, group, st->g->is_storage ?
	    "KVM_TYPE=storage" : "KVM_TYPE=request",
	    "KVM_STATE=state", s->debug ? "KVM_DEBUG=1" : "KVM_DEBUG=0", NULL};
	const char **argv = NULL, **envp = NULL;
	struct tkvm_boot b = {
		.elf = st->elf, .elf_size = st->elf_size, .saved = saved,
		.address_space_bytes = MIB(s->address_space_mib),
		.max_memory_bytes = MIB(s->max_memory_mib), .calls = *calls,
		.shared_bytes = MIB(s->shared_mib),
		.cpus = (unsigned)s->cpus,
		.area = s->area, .n_areas = s->n_areas,
		.executable_heap = s->executable_heap,
		.shared_with = s->storage_shares_memory && s->storage &&
		    !st->g->is_storage ? storage_image(st->g->storage) : NULL,
	};
	int r;

	(void)snprintf(name, sizeof name, "KVM_NAME=%s", argv0[0]);
	(void)snprintf(group, sizeof group, "KVM_GROUP=%s", s->group);
	r = strings_argv(&s->main_arguments, argv0, NULL, &argv, err);
	if (r == 0)
		r = strings_argv(&s->environment, env_head, env_tail, &envp,
		    err);
	if (r == 0) {
		b.argv = argv;
		b.envp = envp;
		r = tkvm_machine_boot(&b, &st->machine, err);
	}
	free(argv);
	free(envp);
	return (r);
}

/* What tkvm_program_stop() may cancel. */
static void
announce(const struct start *st, struct tkvm_machine *m)
{
	struct tkvm_program *p = st->g->program;

	if (st->update)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->booting = m;
	if (m != NULL && p->cancelled)
		tkvm_machine_cancel(m);
	(void)pthread_mutex_unlock(&p->lock);
}

static void
log_report(void *priv, const char *text)
{
	const struct start *st = priv;
	struct tkvm_program *p = st->g->program;

	library_log(p->library, p->name, text);
}

static int
run_main(struct start *st, struct tkvm_err *err)
{
	const struct settings *s = &st->g->settings;
	int r, status;

	announce(st, st->machine);
	if (s->debug)
		r = program_debug(st->g, st->machine, st->http, 0, err);
	else
		r = tkvm_machine_run(st->machine, tkvm_now_ns() +
		    (uint64_t)(s->max_boot_time * 1e9), err);
	r = program_after_run(st->g, st->machine, st->http, r, err);
	if (r == 0 && http_waiting(st->http) && !st->g->is_storage)
		r = program_warm_up(st->g, st->machine, st->http, err);
	announce(st, NULL);
	program_report(st->machine, r, log_report, st);
	if (r != 0)
		return (r);
	if (linux_exited(st->g->linux_master, &status))
		return (tkvm_fail(err, TKVM_EGUEST, "main() ended with status "
		    "%d instead of waiting for requests", status));
	if (!http_waiting(st->http))
		return (tkvm_fail(err, TKVM_EGUEST,
		    "main() stopped without waiting for requests"));
	if (http_resumes(&st->g->http) && !(st->g->http.chose ?
	    st->g->http.ephemeral : s->ephemeral) &&
	    !st->g->is_storage && !http_can_go_back(&st->g->http))
		return (tkvm_fail(err, TKVM_ECONFIG, "it waits in "
		    "wait_for_requests_paused() and has call-backs, too; set "
		    "\"ephemeral\" to true"));
	return (0);
}

/* Add who failed, and what it said last, to a reason. */
static int
explain(const struct start *st, int code, struct tkvm_err *err)
{
	struct tkvm_err why = *err;
	const char *name = st->g->program->name;

	if (st->said[0] != '\0')
		return (tkvm_fail(err, code, "%s does not start: %.150s; it "
		    "printed: %.100s", name, why.text, st->said));
	return (tkvm_fail(err, code, "%s does not start: %.250s", name,
	    why.text));
}

/* Memory that is not there yet; a wish. */
static void
want_huge(const struct start *st)
{
	const struct settings *s = &st->g->settings;
	const struct tkvm_program *p = st->g->program;
	uint64_t bytes = s->huge_mib != 0 ? MIB(s->huge_mib) : UINT64_MAX;
	struct tkvm_err why;

	if ((s->huge_mib != 0 || s->hugepages || s->transparent_hugepages) &&
	    tkvm_machine_huge(st->machine, bytes, &why) != 0)
		library_log(p->library, p->name, why.text);
}

/* Everything that a program's calls need, before it makes any. */
static int
make_calls(struct start *st, struct tkvm_calls *calls, struct tkvm_err *err)
{
	struct generation *g = st->g;
	const struct settings *s = &g->settings;
	const struct http_limits limits = {
		MIB(s->max_memory_mib), MIB(s->max_request_mib),
	};
	int r;

	memset(&g->http, 0, sizeof g->http);
	http_scan_abi(st->elf, st->elf_size, &g->http);
	g->http.may_choose = s->control_ephemeral;
	g->elf_size = st->elf_size;
	g->elf_type = elf_type(st->elf, st->elf_size);
	r = linux_new(&g->rules, st, &g->linux_master, err);
	if (r == 0)
		r = http_new(&g->http, &limits, &st->http, err);
	if (r != 0)
		return (r);
	*calls = (struct tkvm_calls){linux_call, g->linux_master, http_call,
	    st->http};
	http_set_log(st->http, log_start, st);
	http_set_fetch(st->http, program_fetch, g);
	http_set_watch(st->http, generation_watch, g);
	http_set_debug(st->http, s->allow_debug || s->debug, s->debug);
	if (g->calls != NULL)
		http_set_storage(st->http, &storage_ops, g->calls);
	if (g->is_storage)
		http_be_storage(st->http);
	trace_calls(&st->trace, g, NULL, calls);
	return (0);
}

/* From main(), or from where it waited when it was saved. */
static int
bring_up(struct start *st, struct blob_in *saved, struct tkvm_err *err)
{
	struct generation *g = st->g;
	struct tkvm_calls calls;
	int r = make_calls(st, &calls, err);

	if (r == 0)
		r = boot(st, saved, &calls, err);
	if (r == 0) {
		verbose_layout(g, st->machine);
		want_huge(st);
	}
	if (r == 0 && saved == NULL)
		r = run_main(st, err);
	if (r == 0 && saved != NULL)
		r = linux_load(g->linux_master, saved, err);
	if (r == 0 && saved != NULL)
		r = http_load(&g->http, saved, err);
	if (r == 0 && saved != NULL && g->is_storage)
		r = storage_timers_load(g->calls, saved, err);
	if (r == 0 && g->http.chose)
		g->settings.ephemeral = g->http.ephemeral;
	return (r == 0 ? linux_settle(g->linux_master, true, err) : r);
}

/* Nothing is left of an attempt. */
static void
take_down(struct start *st)
{
	if (st->g->is_storage)
		storage_timers_clear(st->g->calls);
	tkvm_machine_destroy(&st->machine);
	if (st->http != NULL)
		http_destroy(&st->http);
	if (st->g->linux_master != NULL)
		linux_destroy(&st->g->linux_master);
	http_program_free(&st->g->http);
}

/*--- what earlier starts left ---------------------------------------------*/

static bool
starts_cold(const struct generation *g)
{
	return (!g->is_storage && !g->settings.debug &&
	    g->settings.cold_start_file != NULL);
}

/* Is it one of which snapshots may be taken? */
static bool
is_saved(const struct generation *g)
{
	return (starts_cold(g) || (g->is_storage &&
	    (g->settings.storage_snapshot >= 0 ||
	    g->settings.storage_rollback)));
}

static int
read_saved(struct start *st, char **file, struct blob_in *body)
{
	const struct generation *g = st->g;
	struct tkvm_err err;
	bool there;
	int r;

	if (g->is_storage)
		return (storage_keep_read(g->calls, file, body));
	r = snapshot_read(g, g->settings.cold_start_file, file, body, &there,
	    &err);
	if (r != 0 && there)
		log_report(st, err.text);
	return (r);
}

/* A file that cannot be written costs the next start its time, no more. */
static void
save_start(struct start *st)
{
	const char *path = st->g->settings.cold_start_file;
	struct blob b = {0};
	struct tkvm_err err;
	int r;

	if (http_used_storage(st->http)) {
		log_report(st, "cold_start_file: it calls its storage in "
		    "main(), which therefore has to run at each start");
		return;
	}
	snapshot_begin(&b);
	r = tkvm_machine_save(st->machine, &b, &err);
	if (r == 0)
		r = linux_save(st->g->linux_master, &b, &err);
	if (r == 0) {
		http_save(st->http, &b);
		r = snapshot_write(&b, st->g, path, &err);
	}
	if (r != 0)
		log_report(st, err.text);
	blob_free(&b);
}

/*
 * What is saved is of no use. A host that has no memory for it is no reason to
 * give state up.
 */
static bool
may_begin_anew(struct start *st, int r, const struct tkvm_err *err)
{
	take_down(st);
	if (!st->g->is_storage) {
		log_report(st, err->text);
		return (true);
	}
	if (r == TKVM_ENOMEM || r == TKVM_EHOST)
		return (false);
	storage_refuse(st->g->calls, err->text);
	return (true);
}

static int
start_and_freeze(struct start *st, struct tkvm_err *err)
{
	struct generation *g = st->g;
	bool cold = starts_cold(g), keeps = g->is_storage && !st->update &&
	    g->settings.storage_snapshot >= 0, fresh;
	struct blob_in body;
	char *file = NULL;
	int r = -1;

	if ((cold || g->is_storage) &&
	    snapshot_identify(g, st->elf, st->elf_size, err) != 0)
		return (TKVM_EHOST);
	fresh = !(cold || keeps) || read_saved(st, &file, &body) != 0;
	if (!fresh) {
		r = bring_up(st, &body, err);
		fresh = r != 0 && may_begin_anew(st, r, err);
	}
	free(file);
	if (fresh)
		r = bring_up(st, NULL, err);
	if (r == 0 && is_saved(g))
		r = tkvm_machine_compare(st->machine, st->elf, st->elf_size,
		    err);
	if (r == 0 && fresh && cold)
		save_start(st);
	if (r == 0) {
		verbose_tables(g, st->machine);
		r = tkvm_machine_freeze(st->machine, &g->image, err);
	}
	if (r == 0)
		linux_freeze(g->linux_master);
	return (r);
}

/*
 * A program may read its own file, and libc insists on a name from "/". Without
 * a file there will be no program, see load_file().
 */
static int
add_own_file(struct generation *g)
{
	const char *name = g->settings.filename;

	g->exe_path = name == NULL ? NULL : realpath(name, NULL);
	return (g->exe_path == NULL ? 0 :
	    paths_add(&g->settings.allowed_paths, g->exe_path));
}

static struct generation *
generation_alloc(struct tkvm_program *p, const struct settings *s,
    struct tkvm_err *err)
{
	struct generation *g = calloc(1, sizeof *g);

	if (g == NULL || settings_copy(&g->settings, s, err) != 0) {
		free(g);
		(void)tkvm_fail(err, TKVM_ENOMEM, "no memory for a program");
		return (NULL);
	}
	g->program = p;
	g->refs = 1;
	g->last = &g->first;
	(void)pthread_mutex_init(&g->lock, NULL);
	if (add_own_file(g) != 0 || state_file_add(g) != 0) {
		settings_free(&g->settings);
		free(g->exe_path);
		free(g);
		(void)tkvm_fail(err, TKVM_ENOMEM, "no memory for a program");
		return (NULL);
	}
	g->rules = (struct linux_rules){
		.paths = g->settings.allowed_paths.p,
		.n_paths = g->settings.allowed_paths.n,
		.exe_path = g->exe_path,
		.cwd = g->settings.cwd == NULL ? "/" : g->settings.cwd,
		.output = output_start,
		.unknown = unknown_start,
	};
	(void)pthread_mutex_lock(&p->library->lock);
	p->library->generations++;
	(void)pthread_mutex_unlock(&p->library->lock);
	return (g);
}

/* Until it is frozen; *st then only knows what it said last. */
static int
start(struct start *st, struct tkvm_err *err)
{
	struct generation *g = st->g;
	int r;

	r = tkvm_host_probe(&g->host, err);
	if (r == 0)
		r = start_and_freeze(st, err);
	tkvm_machine_destroy(&st->machine);
	if (st->http != NULL)
		http_destroy(&st->http);
	/* From now on output belongs to whoever runs a request. */
	g->rules.output = output_vm;
	g->rules.unknown = unknown_vm;
	return (r);
}

/* The same program once more, unless there is one for that. */
static int
start_storage(struct start *main, const struct fetch_program *files,
    struct tkvm_err *err)
{
	struct generation *g = main->g, *own;
	struct settings s;
	struct start st = *main;
	struct tkvm_err why;
	int r;

	if (!g->settings.storage)
		return (0);
	r = settings_copy(&s, &g->settings, err);
	if (r != 0)
		return (r);
	/* It writes for as long as it lives. */
	s.max_request_mib = s.max_memory_mib;
	s.cpus = 0;
	if (!s.storage_shares_memory)
		s.shared_mib = 0;
	own = generation_alloc(g->program, &s, err);
	settings_free(&s);
	if (own == NULL)
		return (TKVM_ENOMEM);
	own->is_storage = own->rules.storage = true;
	st.g = own;
	r = storage_new(own, &g->storage, err);
	if (r != 0) {
		generation_drop(own);
		return (r);
	}
	g->calls = own->calls = g->storage;
	own->other_elf = files->storage != NULL;
	if (own->other_elf) {
		st.elf = files->storage;
		st.elf_size = files->storage_len;
	}
	r = storage_keep_begin(g->storage, err);
	if (r == 0)
		r = start(&st, err);
	if (r == 0)
		r = storage_open(g->storage, err);
	/* Beside one that serves it waits for that one's state. */
	if (r == 0 && !st.update)
		r = storage_keep(g->storage, false, err);
	if (r == 0)
		storage_release(g);
	memcpy(main->said, st.said, sizeof main->said);
	if (r != 0) {
		why = *err;
		(void)tkvm_fail(err, r, "its storage: %.280s", why.text);
	}
	return (r);
}

int
generation_make(struct tkvm_program *p, const struct settings *s,
    const void *elf, size_t elf_size, bool update, struct generation **gp,
    struct tkvm_err *err)
{
	struct fetch_program files;
	struct generation *g;
	struct vm *vm = NULL;
	struct start st;
	int r = 0;

	*gp = NULL;
	g = generation_alloc(p, s, err);
	if (g == NULL)
		return (TKVM_ENOMEM);
	memset(&files, 0, sizeof files);
	memset(&st, 0, sizeof st);
	st.g = g;
	st.elf = elf;
	st.elf_size = elf_size;
	st.update = update;
	if (elf == NULL)
		r = program_download(p, s, err);
	if (elf == NULL && r == 0)
		r = program_load(p, s, &files, err);
	if (files.data != NULL) {
		st.elf = files.data;
		st.elf_size = files.len;
	}
	if (r == 0)
		r = start_storage(&st, &files, err);
	if (r == 0)
		r = start(&st, err);
	fetch_program_free(&files);
	g->own_threads = p->library->own_threads ||
	    (r == 0 && !g->host->move_is_cheap);
	/* A live update's addresses are still the old generation's. */
	if (r == 0 && !update)
		r = generation_serve(g, err);
	if (r == 0)
		r = vm_new(g, 0, g->own_threads, &vm, err);
	if (r != 0) {
		r = explain(&st, r, err);
		generation_drop(g);
		return (r);
	}
	generation_add(g, vm);
	*gp = g;
	return (0);
}
