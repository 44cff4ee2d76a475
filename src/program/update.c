/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * update.c: replace a program while it serves. The new one is started beside
 * the old one; when it waits for requests they change places. Requests in
 * flight end on the old one, which is freed after its last.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/thread.h"
#include "program/program_priv.h"

bool
tkvm_program_key_ok(struct tkvm_program *p, const char *key)
{
	const char *want;
	size_t n, m = strlen(key);
	unsigned char differ;

	(void)pthread_mutex_lock(&p->lock);
	want = p->settings.key == NULL ? "" : p->settings.key;
	n = strlen(want);
	/* In a time that tells nothing of how much was right. */
	differ = n != m || n == 0;
	for (size_t i = 0; i < m; i++)
		differ |= (unsigned char)(key[i] ^ (n == 0 ? 0 : want[i % n]));
	(void)pthread_mutex_unlock(&p->lock);
	return (differ == 0);
}

/*--- the file -------------------------------------------------------------*/

int
save_file(const char *path, const void *data, size_t size,
    struct tkvm_err *err)
{
	struct stat st;

	return (save_file_mode(path, data, size, stat(path, &st) == 0 ?
	    st.st_mode & 07777 : 0644, err));
}

int
save_file_mode(const char *path, const void *data, size_t size, mode_t mode,
    struct tkvm_err *err)
{
	int fd, r = -1;
	char *temp;

	fd = file_new(path, &temp);
	if (fd < 0)
		return (tkvm_fail(err, TKVM_EFILE, "cannot write %s: %s", path,
		    strerror(-fd)));
	if (file_write(fd, data, size) == 0 && fchmod(fd, mode) == 0)
		r = file_replace(fd, temp, path);
	if (r != 0) {
		(void)tkvm_fail(err, TKVM_EFILE, "cannot write %s: %s", path,
		    strerror(errno));
		(void)unlink(temp);
	}
	(void)close(fd);
	free(temp);
	return (r == 0 ? 0 : TKVM_EFILE);
}

/*--- the update -----------------------------------------------------------*/

struct update {
	struct tkvm_program *p;
	const char *path;		/* NULL: it came in a request */
	const void *elf;		/* NULL: what its source has */
	size_t size;
	struct settings settings;
	struct generation *g;
	struct tkvm_err *err;
	int r;
};

static void *
make(void *arg)
{
	struct update *u = arg;

	u->r = generation_make(u->p, &u->settings, u->elf, u->size, true,
	    &u->g, u->err);
	/* All of them, so that it takes over with its full strength. */
	if (u->r == 0)
		generation_fill(u->g);
	return (NULL);
}

/* The one that served before, or NULL: the caller's. */
static struct generation *
install(struct tkvm_program *p, struct generation *g)
{
	struct generation *old;

	(void)pthread_mutex_lock(&p->lock);
	while (p->state == PROGRAM_STARTING)
		(void)pthread_cond_wait(&p->changed, &p->lock);
	old = p->generation;
	p->generation = g;
	p->state = PROGRAM_READY;
	(void)pthread_cond_broadcast(&p->changed);
	if (old != NULL) {
		(void)pthread_mutex_lock(&old->lock);
		old->closing = true;
		(void)pthread_mutex_unlock(&old->lock);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return (old);
}

/* Connections end with the old program; its addresses are free then. */
static void
serve(struct tkvm_program *p, struct generation *g)
{
	struct tkvm_err err;

	if (generation_serve(g, &err) != 0)
		library_log(p->library, p->name, err.text);
	generation_drop(g);
}

/* Where the next start reads it; a name without "/" in front is nobody's. */
static bool
store(struct update *u)
{
	const char *path = u->settings.filename;
	struct tkvm_err err;

	if (path == NULL || *path != '/')
		return (false);
	if (program_store(u->p, &u->settings, u->path, u->elf, u->size,
	    &err) == 0)
		return (true);
	library_log(u->p->library, u->p->name, err.text);
	return (false);
}

/*
 * Requests go to the new one, and so does the state that they count on. Where
 * that is kept in a file, it is there before the program is, under a name that
 * the next start finds if all ends between the two.
 */
static bool
take_over(struct update *u)
{
	struct tkvm_program *p = u->p;
	struct generation *g = u->g, *old;
	bool held = storage_hold(g), moved = false, stored;
	struct tkvm_err err;

	old = install(p, g);
	if (old != NULL)
		generation_unserve(old);
	if (held) {
		moved = storage_transfer(old, g);
		if (storage_keep(g->storage, true, &err) != 0)
			library_log(p->library, p->name, err.text);
	}
	stored = u->elf != NULL && store(u);
	if (held) {
		storage_keep_last(g->storage, moved);
		storage_release(g);
	}
	if (old != NULL)
		generation_drop(old);
	return (stored);
}

/* Only the program that a snapshot is of can hand its state on. */
static void
wake_state(struct update *u)
{
	struct tkvm_program *p = u->p;
	struct tkvm_err err;
	char *path;

	if (!u->settings.storage || u->settings.storage_snapshot < 0 ||
	    u->settings.filename == NULL ||
	    asprintf(&path, "%s.snapshot", u->settings.filename) < 0)
		return;
	if (access(path, F_OK) == 0 && tkvm_program_start(p, false, &err) != 0)
		library_log(p->library, p->name, err.text);
	free(path);
}

/* With p->updating: start the new program; requests are not there yet. */
static int
prepare(struct update *u)
{
	struct tkvm_program *p = u->p;
	pthread_t thread;
	int r;

	settings_init(&u->settings);
	(void)pthread_mutex_lock(&p->lock);
	r = settings_copy(&u->settings, &p->settings, u->err);
	(void)pthread_mutex_unlock(&p->lock);
	if (r == 0 && u->elf != NULL)
		r = program_check_update(p, &u->settings, u->path, u->elf,
		    u->size, u->err);
	if (r != 0)
		return (r);
	wake_state(u);
	/* A thread of our own: callers may have small stacks. */
	r = thread_start(&thread, make, u);
	if (r != 0)
		return (tkvm_fail(u->err, TKVM_EHOST,
		    "cannot start a thread: %s", strerror(r)));
	(void)pthread_join(thread, NULL);
	return (u->r);
}

static int
update(struct update u, bool *stored)
{
	struct tkvm_program *p = u.p;
	int r;

	if (pthread_mutex_trylock(&p->updating) != 0)
		return (tkvm_fail(u.err, TKVM_EBUSY, "%s is being updated by "
		    "someone else", p->name));
	r = prepare(&u);
	if (r == 0) {
		generation_ref(u.g);
		*stored = take_over(&u);
		serve(p, u.g);
	}
	settings_free(&u.settings);
	(void)pthread_mutex_unlock(&p->updating);
	return (r);
}

static int
update_counted(struct update u, bool *stored)
{
	int r;

	*stored = false;
	if (u.size == 0)
		return (tkvm_fail(u.err, TKVM_ECONFIG, "the update is empty"));
	r = update(u, stored);
	if (r == 0)
		COUNT(u.p, live_updates, 1);
	return (r);
}

int
tkvm_program_update(struct tkvm_program *p, const void *elf, size_t size,
    bool *stored, struct tkvm_err *err)
{
	return (update_counted((struct update){.p = p, .elf = elf,
	    .size = size, .err = err}, stored));
}

int
tkvm_program_update_file(struct tkvm_program *p, const char *path,
    bool *stored, struct tkvm_err *err)
{
	struct update u = {.p = p, .path = path, .err = err};
	char *elf;
	int r;

	*stored = false;
	r = load_file(path, &elf, &u.size, err);
	if (r != 0)
		return (r);
	u.elf = elf;
	r = update_counted(u, stored);
	free(elf);
	return (r);
}

void
tkvm_program_invalidate(struct tkvm_program *p)
{
	struct tkvm_err err;
	bool stored, again, keeps;

	(void)pthread_mutex_lock(&p->lock);
	again = p->state != PROGRAM_IDLE && settings_serve(&p->settings);
	keeps = p->state == PROGRAM_READY && p->settings.storage;
	(void)pthread_mutex_unlock(&p->lock);
	if (keeps) {
		if (update((struct update){.p = p, .err = &err}, &stored) != 0)
			library_log(p->library, p->name, err.text);
		return;
	}
	tkvm_program_stop(p);
	if (again && tkvm_program_start(p, true, &err) != 0)
		library_log(p->library, p->name, err.text);
}
