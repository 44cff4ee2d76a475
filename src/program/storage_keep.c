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

#define ASIDE_MAX 9		/* files of no use that are kept */

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

	if (was != NULL && was->number > st->begun &&
	    was->b.len == s->b.len &&
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

static void
wait_for(struct storage *st, struct wait *w, uint64_t number)
{
	w->number = number;
	(void)pthread_mutex_lock(&st->lock);
	if (number > st->on_disk) {
		w->state = WAIT_ON;
		w->next = st->waits;
		st->waits = w;
	}
	(void)pthread_mutex_unlock(&st->lock);
}

/* Under lock: those who wait for states up to this one need not any more. */
static void
end_waits(struct storage *st, uint64_t number, bool there)
{
	struct wait **at = &st->waits, *w;

	while ((w = *at) != NULL) {
		if (w->number > number) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->state = there ? WAIT_THERE : WAIT_LOST;
	}
	(void)pthread_cond_broadcast(&st->written);
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

void
storage_good(struct storage *st, struct wait *w)
{
	bool answers = st->path != NULL &&
	    st->g->settings.storage_snapshot == 0;

	*w = (struct wait){.state = WAIT_THERE};
	st->changed = true;
	if (st->vm == NULL || (!answers && !st->g->settings.storage_rollback))
		return;
	if (take_and_remember(st) != 0)
		w->state = answers ? WAIT_LOST : WAIT_THERE;
	else if (answers)
		wait_for(st, w, st->good->number);
}

/*--- the file -------------------------------------------------------------*/

/* Under lock. */
static void
put_on_disk(struct storage *st, uint64_t number)
{
	if (number > st->on_disk)
		st->on_disk = number;
	end_waits(st, number, true);
}

/* Under lock, which is given up meanwhile: the good one goes on disk. */
static void
write_good(struct storage *st)
{
	struct snap *s = st->good;
	struct tkvm_err err;
	bool failed, tell;
	int r;

	st->writing = true;
	s->refs++;
	(void)pthread_mutex_unlock(&st->lock);
	r = storage_write(st, s, false, &err);
	(void)pthread_mutex_lock(&st->lock);
	if (r == 0)
		put_on_disk(st, s->number);
	failed = st->write_failed;
	st->write_failed = s->number > st->on_disk;
	tell = st->write_failed && !failed;
	st->writing = false;
	(void)pthread_cond_broadcast(&st->written);
	(void)pthread_mutex_unlock(&st->lock);
	if (tell)
		say(st, err.text);
	snap_drop(st, s);
	(void)pthread_mutex_lock(&st->lock);
}

bool
storage_is_written(struct storage *st, const struct snap *s)
{
	bool is;

	(void)pthread_mutex_lock(&st->lock);
	is = s->number <= st->on_disk;
	(void)pthread_mutex_unlock(&st->lock);
	return (is);
}

void
storage_written(struct storage *st, const struct snap *s)
{
	(void)pthread_mutex_lock(&st->lock);
	put_on_disk(st, s->number);
	(void)pthread_mutex_unlock(&st->lock);
}

int
storage_on_disk(struct storage *st, struct wait *w)
{
	bool tried = false;

	(void)pthread_mutex_lock(&st->lock);
	while (w->state == WAIT_ON && !tried) {
		if (st->writing) {
			(void)pthread_cond_wait(&st->written, &st->lock);
			continue;
		}
		write_good(st);
		tried = true;
	}
	for (struct wait **at = &st->waits; w->state == WAIT_ON;
	    at = &(*at)->next)
		if (*at == w) {
			*at = w->next;
			w->state = WAIT_LOST;
			break;
		}
	(void)pthread_mutex_unlock(&st->lock);
	return (w->state == WAIT_THERE ? 0 : -1);
}

/* What is good, if it is not there yet; nobody waits for it. */
static void
write_changes(struct storage *st)
{
	(void)pthread_mutex_lock(&st->lock);
	while (st->writing)
		(void)pthread_cond_wait(&st->written, &st->lock);
	if (st->good->number > st->on_disk)
		write_good(st);
	(void)pthread_mutex_unlock(&st->lock);
}

bool
storage_keeps_changes(const struct storage *st)
{
	return (st->path != NULL && !st->closed &&
	    st->g->settings.storage_snapshot > 0);
}

struct snap *
storage_changes(struct storage *st)
{
	if (st->path == NULL || st->vm == NULL || st->closed)
		return (NULL);
	if ((st->changed || st->good == NULL || storage_timers_changed(st)) &&
	    take_and_remember(st) != 0)
		return (NULL);
	return (st->good);
}

static void *
keep(void *arg)
{
	struct storage *st = arg;
	struct timespec end;
	uint64_t until;
	bool changes;

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
			changes = storage_changes(st) != NULL;
			storage_give(st);
			if (changes)
				write_changes(st);
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
storage_keep_begin(struct storage *st, struct tkvm_err *err)
{
	char *path;
	int r;

	if (st->g->settings.storage_snapshot < 0)
		return (0);
	path = file_of(st->g, false);
	if (path == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for a name"));
	r = storage_join(st, path, err);
	free(path);
	return (r);
}

/* The state goes on from its file, or the file begins with it. */
static int
first_file(struct storage *st, bool next, struct tkvm_err *err)
{
	int r = 0;

	if (st->path == NULL || take_and_remember(st) != 0)
		return (tkvm_fail(err, TKVM_ENOMEM,
		    "no memory for a snapshot"));
	/* As long as nobody calls this one, the file is the other's. */
	if (!next && storage_shares_file(st)) {
		if (st->restored)
			st->on_disk = st->good->number;
		return (0);
	}
	r = storage_write(st, st->good, true, err);
	st->on_disk = r == 0 ? st->good->number : 0;
	return (r);
}

int
storage_keep(struct storage *st, bool next, struct tkvm_err *err)
{
	const struct settings *s = &st->g->settings;
	int r;

	if (s->storage_snapshot < 0)
		return (s->storage_rollback && take_and_remember(st) != 0 ?
		    tkvm_fail(err, TKVM_ENOMEM, "no memory for a snapshot") :
		    0);
	(void)pthread_mutex_lock(&st->lock);
	st->path = file_of(st->g, next);
	(void)pthread_mutex_unlock(&st->lock);
	r = first_file(st, next, err);
	if (s->storage_snapshot > 0 && (r == 0 || next)) {
		st->has_keeper = thread_start(&st->keeper, keep, st) == 0;
		if (!st->has_keeper && r == 0)
			r = tkvm_fail(err, TKVM_EHOST,
			    "cannot start a thread");
	}
	/* One that serves already tries again with each call. */
	if (r != 0) {
		(void)pthread_mutex_lock(&st->lock);
		free(st->path);
		st->path = next ? file_of(st->g, false) : NULL;
		(void)pthread_mutex_unlock(&st->lock);
	}
	return (r);
}

/* What is of no use here may be of use to somebody: never on top of another. */
static int
move_aside(const char *path)
{
	char *aside;
	int r = -1;

	for (unsigned i = 1; i <= ASIDE_MAX && r != 0; i++) {
		if (asprintf(&aside, i == 1 ? "%s.refused" : "%s.refused%u",
		    path, i) < 0)
			return (-1);
		if (access(aside, F_OK) != 0 || i == ASIDE_MAX)
			r = rename(path, aside);
		free(aside);
	}
	return (r);
}

void
storage_put_aside(const struct generation *g, const char *path,
    const char *why)
{
	char line[600];

	(void)snprintf(line, sizeof line, "%.350s; %s", why,
	    move_aside(path) == 0 ? "storage starts empty, and the file is "
	    "put aside under the same name with .refused behind" :
	    "storage starts empty");
	library_log(g->program->library, g->program->name, line);
}

void
storage_keep_last(struct storage *st, bool moved)
{
	char *path = st->path == NULL ? NULL : file_of(st->g, false), *was;

	if (path != NULL && !moved && strcmp(path, st->path) != 0 &&
	    access(path, F_OK) == 0)
		storage_put_aside(st->g, path, "the state could not be moved "
		    "to the new program");
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

/* It is of no use here, if it is not of use to somebody who has it. */
void
storage_refuse(struct storage *st, const char *why)
{
	char *path = file_of(st->g, false), line[500];

	storage_know_file(st, NULL);
	st->restored = false;
	if (path != NULL && !storage_shares_file(st)) {
		storage_put_aside(st->g, path, why);
	} else {
		(void)snprintf(line, sizeof line, "%.350s; storage starts "
		    "empty, and the file stays another VCL's", why);
		say(st, line);
	}
	free(path);
}

int
storage_keep_read(struct storage *st, char **file, struct blob_in *body)
{
	const struct generation *g = st->g;
	char *path = file_of(g, false), *next = file_of(g, true);
	struct tkvm_err err, none;
	bool there = false, there_next;
	struct stat is = {.st_ino = 0};
	int r = TKVM_ENOMEM;

	*file = NULL;
	if (path != NULL && next != NULL) {
		if (stat(path, &is) != 0)
			is.st_ino = 0;
		r = snapshot_read(g, path, file, body, &there, &err);
	}
	/* A live update was cut off between writing and renaming it. */
	if (r == TKVM_EFILE && snapshot_read(g, next, file, body,
	    &there_next, &none) == 0) {
		if (there)
			(void)move_aside(path);
		r = file_rename(next, path) == 0 && stat(path, &is) == 0 ? 0 :
		    TKVM_EFILE;
	} else if (r == 0) {
		/* Of an update that never came to its end. */
		(void)unlink(next);
	}
	if (r != 0 && there)
		storage_refuse(st, err.text);
	st->restored = r == 0;
	storage_know_file(st, r == 0 ? &is : NULL);
	free(path);
	free(next);
	return (r);
}

void
storage_keep_end(struct storage *st)
{
	if (st->has_keeper)
		(void)pthread_join(st->keeper, NULL);
	storage_await_visitor(st);
	if (storage_changes(st) != NULL)
		write_changes(st);
	storage_leave(st);
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

int
storage_become(struct storage *st, struct blob_in *from, struct tkvm_err *err)
{
	struct http_program http = {0};
	struct back b = {.vm = st->vm, .from = *from};

	(void)pthread_mutex_lock(&st->lock);
	st->begun = st->last_number;
	end_waits(st, UINT64_MAX, false);
	(void)pthread_mutex_unlock(&st->lock);
	go_back(&b);
	if (b.r == 0 && (b.r = http_load(&http, &b.from, &b.err)) == 0)
		b.r = storage_timers_load(st, &b.from, &b.err);
	http_program_free(&http);
	if (b.r == 0 && take_and_remember(st) != 0)
		b.r = tkvm_fail(&b.err, TKVM_ENOMEM,
		    "no memory for a snapshot");
	if (b.r != 0)	/* half of it is there: the machine is made anew */
		return (tkvm_fail(err, TKVM_EHOST, "%.300s cannot be gone on "
		    "from: %.200s", st->path, b.err.text));
	(void)pthread_mutex_lock(&st->lock);
	st->on_disk = st->good->number;
	(void)pthread_mutex_unlock(&st->lock);
	return (0);
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
