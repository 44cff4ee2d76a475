/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage_keep.c: storage as it was after its last call that did not fail: in
 * memory, to go back to, and in a file, to go on from after a restart.
 *
 * Who has called waits until a file with what his call did is on disk, when
 * settings want that. One of those who wait writes the latest state for all of
 * them; meanwhile further calls run. So a slow disk costs time, not calls.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/thread.h"
#include "program/storage_priv.h"

/* A state; numbers grow with each different one. */
struct snap {
	unsigned refs;			/* under lock */
	uint64_t number;
	struct blob b;
};

static void
snap_drop(struct storage *st, struct snap *s)
{
	bool last;

	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&st->lock);
	last = --s->refs == 0;
	(void)pthread_mutex_unlock(&st->lock);
	if (!last)
		return;
	blob_free(&s->b);
	free(s);
}

static void
say(const struct storage *st, const char *text)
{
	library_log(st->g->program->library, st->g->program->name, text);
}

/*--- taking it ------------------------------------------------------------*/

static struct snap *
take_state(struct storage *st, struct tkvm_err *err)
{
	struct snap *s = calloc(1, sizeof *s);
	struct vm *vm = st->vm;
	int r;

	if (s == NULL) {
		(void)tkvm_fail(err, TKVM_ENOMEM, "no memory for a snapshot");
		return (NULL);
	}
	s->refs = 1;
	snapshot_begin(&s->b);
	r = tkvm_machine_save(vm->machine, &s->b, err);
	if (r == 0)
		r = linux_save(vm->linux_state, &s->b, err);
	if (r == 0) {
		http_save(vm->http, &s->b);
		storage_timers_save(st, &s->b);
		if (s->b.failed)
			r = tkvm_fail(err, TKVM_ENOMEM,
			    "no memory for a snapshot");
	}
	if (r != 0)
		snap_drop(st, s);
	return (r == 0 ? s : NULL);
}

/* It becomes the good one, unless that is the same. */
static void
remember(struct storage *st, struct snap *s)
{
	const struct blob_in new = snapshot_body(&s->b);
	struct snap *was = st->good;

	if (was != NULL && was->b.len == s->b.len &&
	    memcmp(snapshot_body(&was->b).data, new.data, new.len) == 0) {
		was = s;
	} else {
		(void)pthread_mutex_lock(&st->lock);
		s->number = ++st->last_number;
		st->good = s;
		(void)pthread_mutex_unlock(&st->lock);
	}
	snap_drop(st, was);
}

static int
take_and_remember(struct storage *st)
{
	struct tkvm_err err;
	struct snap *s = take_state(st, &err);

	st->changed = false;
	if (s == NULL)
		say(st, err.text);
	else
		remember(st, s);
	return (s == NULL ? -1 : 0);
}

uint64_t
storage_good(struct storage *st)
{
	bool answers = st->path != NULL &&
	    st->g->settings.storage_snapshot == 0;

	st->changed = true;
	if (st->vm == NULL || (!answers && !st->g->settings.storage_rollback))
		return (0);
	if (take_and_remember(st) != 0)
		return (answers ? UINT64_MAX : 0);
	return (answers ? st->good->number : 0);
}

/*--- the file -------------------------------------------------------------*/

/* Has another one of the same program begun to write there? */
static bool
superseded(struct storage *st)
{
	struct stat is;

	return (st->file.st_ino != 0 && stat(st->path, &is) == 0 &&
	    (is.st_ino != st->file.st_ino || is.st_mtim.tv_nsec !=
	    st->file.st_mtim.tv_nsec || is.st_dev != st->file.st_dev));
}

static int
write_out(struct storage *st, struct snap *s, struct tkvm_err *err)
{
	int r;

	if (superseded(st))
		return (tkvm_fail(err, TKVM_EFILE, "%.300s is written by "
		    "another one, a newer VCL for example", st->path));
	r = snapshot_write(&s->b, st->g, st->path, err);
	if (r == 0 && stat(st->path, &st->file) != 0)
		st->file.st_ino = 0;
	return (r);
}

/* Under lock, which is given up meanwhile: the good one goes on disk. */
static void
write_good(struct storage *st)
{
	struct snap *s = st->good;
	struct tkvm_err err;
	bool failed;
	int r;

	st->writing = true;
	s->refs++;
	(void)pthread_mutex_unlock(&st->lock);
	r = write_out(st, s, &err);
	(void)pthread_mutex_lock(&st->lock);
	failed = st->write_failed;
	st->write_failed = r != 0;
	if (r == 0)
		st->on_disk = s->number;
	st->writing = false;
	(void)pthread_cond_broadcast(&st->written);
	(void)pthread_mutex_unlock(&st->lock);
	if (r != 0 && !failed)
		say(st, err.text);
	snap_drop(st, s);
	(void)pthread_mutex_lock(&st->lock);
}

int
storage_on_disk(struct storage *st, uint64_t number)
{
	bool tried = false, there;

	if (number == 0 || number == UINT64_MAX)
		return (number == 0 ? 0 : -1);
	(void)pthread_mutex_lock(&st->lock);
	while (st->on_disk < number && !tried) {
		if (st->writing) {
			(void)pthread_cond_wait(&st->written, &st->lock);
			continue;
		}
		write_good(st);
		tried = true;
	}
	there = st->on_disk >= number;
	(void)pthread_mutex_unlock(&st->lock);
	return (there ? 0 : -1);
}

/* With the turn, or when nobody calls any more. */
static uint64_t
take_changes(struct storage *st)
{
	if (st->path == NULL || st->vm == NULL || st->closed)
		return (0);
	if (st->changed && take_and_remember(st) != 0)
		return (0);
	return (st->good->number);
}

static void *
keep(void *arg)
{
	struct storage *st = arg;
	struct timespec end;
	uint64_t until, number;

	(void)pthread_mutex_lock(&st->lock);
	while (!st->stopping) {
		until = in_seconds(st->g->settings.storage_snapshot);
		end.tv_sec = (time_t)(until / 1000000000u);
		end.tv_nsec = (long)(until % 1000000000u);
		while (!st->stopping && pthread_cond_clockwait(&st->keep,
		    &st->lock, CLOCK_MONOTONIC, &end) == 0)
			continue;
		if (st->stopping)
			break;
		(void)pthread_mutex_unlock(&st->lock);
		if (storage_take(st, UINT64_MAX / 2) == 0) {
			number = take_changes(st);
			storage_give(st);
			(void)storage_on_disk(st, number);
		}
		(void)pthread_mutex_lock(&st->lock);
	}
	(void)pthread_mutex_unlock(&st->lock);
	return (NULL);
}

/*--- its life -------------------------------------------------------------*/

static char *
file_of(const struct generation *g, bool next)
{
	char *path;

	return (asprintf(&path, "%s.snapshot%s", g->settings.filename,
	    next ? ".next" : "") < 0 ? NULL : path);
}

int
storage_keep(struct storage *st, bool next, struct tkvm_err *err)
{
	const struct settings *s = &st->g->settings;
	int r = 0;

	if (s->storage_snapshot < 0)
		return (s->storage_rollback && take_and_remember(st) != 0 ?
		    tkvm_fail(err, TKVM_ENOMEM, "no memory for a snapshot") :
		    0);
	st->path = file_of(st->g, next);
	if (st->path == NULL || take_and_remember(st) != 0)
		r = tkvm_fail(err, TKVM_ENOMEM, "no memory for a snapshot");
	if (r == 0)
		r = write_out(st, st->good, err);
	st->on_disk = r == 0 ? st->good->number : 0;
	if (r == 0 && s->storage_snapshot > 0 &&
	    thread_start(&st->keeper, keep, st) != 0)
		r = tkvm_fail(err, TKVM_EHOST, "cannot start a thread");
	else if (r == 0)
		st->has_keeper = s->storage_snapshot > 0;
	/* One that serves already tries again with each call. */
	if (r != 0) {
		free(st->path);
		st->path = next ? file_of(st->g, false) : NULL;
	}
	return (r);
}

void
storage_keep_last(struct storage *st)
{
	char *path = st->path == NULL ? NULL : file_of(st->g, false), *was;

	if (path == NULL || file_rename(st->path, path) != 0) {
		free(path);
		return;
	}
	(void)pthread_mutex_lock(&st->lock);
	was = st->path;
	st->path = path;
	(void)pthread_mutex_unlock(&st->lock);
	free(was);
}

/* One that is of no use here may be of use to somebody. */
static void
put_aside(const struct generation *g, const char *path, const char *why)
{
	char line[600], *aside;

	if (asprintf(&aside, "%s.refused", path) < 0)
		return;
	(void)snprintf(line, sizeof line, "%.350s; %s", why,
	    rename(path, aside) == 0 ? "storage starts empty, and the file is "
	    "put aside under the same name with .refused behind" :
	    "storage starts empty");
	library_log(g->program->library, g->program->name, line);
	free(aside);
}

int
storage_keep_read(struct generation *own, char **file, struct blob_in *body)
{
	char *path = file_of(own, false), *next = file_of(own, true);
	struct tkvm_err err, none;
	bool there = false, there_next;
	int r = TKVM_ENOMEM;

	*file = NULL;
	if (path != NULL && next != NULL)
		r = snapshot_read(own, path, file, body, &there, &err);
	/* A live update was cut off between writing and renaming it. */
	if (r == TKVM_EFILE && snapshot_read(own, next, file, body,
	    &there_next, &none) == 0)
		r = file_rename(next, path) == 0 ? 0 : TKVM_EFILE;
	if (r != 0 && there)
		put_aside(own, path, err.text);
	free(path);
	free(next);
	return (r);
}

void
storage_keep_end(struct storage *st)
{
	if (st->has_keeper)
		(void)pthread_join(st->keeper, NULL);
	(void)storage_on_disk(st, take_changes(st));
	snap_drop(st, st->good);
	free(st->path);
}

/*--- going back -----------------------------------------------------------*/

struct back {
	struct vm *vm;
	struct blob_in from;
	struct tkvm_err err;
	int r;
};

static void
go_back(void *arg)
{
	struct back *b = arg;

	b->r = tkvm_machine_load(b->vm->machine, &b->from, &b->err);
	if (b->r == 0)
		b->r = linux_load(b->vm->linux_state, &b->from, &b->err);
}

bool
storage_back(struct storage *st)
{
	struct snap *s = st->good;
	struct back b = {.vm = st->vm};

	if (s == NULL || st->vm == NULL)
		return (false);
	b.from = snapshot_body(&s->b);
	executor_run(st->vm->executor, go_back, &b);
	if (b.r != 0)
		say(st, b.err.text);
	return (b.r == 0);
}
