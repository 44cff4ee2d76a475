/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage_claim.c: several storages that are kept in one file. The file is what
 * they share: who is called while another one has written it goes on from what
 * it says. All that looks at the file and then changes it holds the lock of its
 * place.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "program/storage_priv.h"

/* A file, of all storages of this process that are kept there. */
struct place {
	struct place *next;
	char *path;
	pthread_mutex_t lock;
	/* Whose file it is: who wrote or read it last, and is there. */
	_Atomic(struct storage *) owner;
	/* Under places_lock: */
	unsigned refs;
	uint64_t orders;
	struct storage *members;
};

static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;
static struct place *places;

/*--- who is there ---------------------------------------------------------*/

/* Under places_lock. */
static struct place *
find_place(const char *path)
{
	struct place *p = places;

	while (p != NULL && strcmp(p->path, path) != 0)
		p = p->next;
	return (p);
}

static struct place *
new_place(const char *path)
{
	struct place *p = calloc(1, sizeof *p);

	if (p != NULL)
		p->path = strdup(path);
	if (p == NULL || p->path == NULL) {
		free(p);
		return (NULL);
	}
	(void)pthread_mutex_init(&p->lock, NULL);
	p->next = places;
	places = p;
	return (p);
}

int
storage_join(struct storage *st, const char *path, struct tkvm_err *err)
{
	struct place *p;

	(void)pthread_mutex_lock(&places_lock);
	p = find_place(path);
	if (p == NULL)
		p = new_place(path);
	if (p != NULL) {
		p->refs++;
		st->order = ++p->orders;
		st->neighbour = p->members;
		p->members = st;
	}
	(void)pthread_mutex_unlock(&places_lock);
	st->place = p;
	return (p != NULL ? 0 : tkvm_fail(err, TKVM_ENOMEM,
	    "no memory for storage"));
}

static void
free_place(struct place *p)
{
	struct place **at = &places;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	(void)pthread_mutex_destroy(&p->lock);
	free(p->path);
	free(p);
}

void
storage_leave(struct storage *st)
{
	struct place *p = st->place;
	struct storage **at;

	if (p == NULL)
		return;
	/* Whoever visits the owner has this. */
	(void)pthread_mutex_lock(&p->lock);
	if (p->owner == st)
		p->owner = NULL;
	(void)pthread_mutex_unlock(&p->lock);
	(void)pthread_mutex_lock(&places_lock);
	for (at = &p->members; *at != st; at = &(*at)->neighbour)
		continue;
	*at = st->neighbour;
	if (--p->refs == 0)
		free_place(p);
	(void)pthread_mutex_unlock(&places_lock);
	st->place = NULL;
}

void
storage_await_visitor(struct storage *st)
{
	if (st->place == NULL)
		return;
	(void)pthread_mutex_lock(&st->place->lock);
	(void)pthread_mutex_unlock(&st->place->lock);
}

bool
storage_shares_file(const struct storage *st)
{
	bool shares;

	(void)pthread_mutex_lock(&places_lock);
	shares = st->place->refs > 1;
	(void)pthread_mutex_unlock(&places_lock);
	return (shares);
}

static bool
came_last(const struct storage *st)
{
	bool last = true;

	(void)pthread_mutex_lock(&places_lock);
	for (const struct storage *s = st->place->members; s != NULL;
	    s = s->neighbour)
		last = last && s->order <= st->order;
	(void)pthread_mutex_unlock(&places_lock);
	return (last);
}

/*--- what is there --------------------------------------------------------*/

void
storage_know_file(struct storage *st, const struct stat *is)
{
	(void)pthread_mutex_lock(&st->lock);
	st->file = is != NULL ? *is : (struct stat){.st_ino = 0};
	(void)pthread_mutex_unlock(&st->lock);
}

/* A file that somebody removed is nobody's: it is written again. */
bool
storage_has_file_locked(const struct storage *st)
{
	const struct storage *owner;
	const struct stat *was = &st->file;
	struct stat is;

	if (st->path == NULL)
		return (true);
	owner = st->place->owner;
	if (was->st_ino == 0 || (owner != NULL && owner != st))
		return (false);
	/* Between its new name and our knowing it. */
	if (st->replacing)
		return (true);
	return (stat(st->path, &is) != 0 || (is.st_ino == was->st_ino &&
	    is.st_dev == was->st_dev &&
	    is.st_mtim.tv_sec == was->st_mtim.tv_sec &&
	    is.st_mtim.tv_nsec == was->st_mtim.tv_nsec));
}

bool
storage_has_file(struct storage *st)
{
	bool has;

	(void)pthread_mutex_lock(&st->lock);
	has = storage_has_file_locked(st);
	(void)pthread_mutex_unlock(&st->lock);
	return (has);
}

static int
not_mine(const struct storage *st, struct tkvm_err *err)
{
	return (tkvm_fail(err, TKVM_EFILE, "%.300s is written by another one, "
	    "a newer VCL for example", st->path));
}

/* With the place's lock. */
static int
write_there(struct storage *st, struct snap *s, struct tkvm_err *err)
{
	struct stat is;
	int r;

	(void)pthread_mutex_lock(&st->lock);
	st->replacing = true;
	(void)pthread_mutex_unlock(&st->lock);
	r = snapshot_write(&s->b, st->g, st->path, err);
	if (r == 0) {
		if (stat(st->path, &is) != 0)
			is.st_ino = 0;
		st->place->owner = st;
	}
	(void)pthread_mutex_lock(&st->lock);
	st->replacing = false;
	if (r == 0)
		st->file = is;
	(void)pthread_mutex_unlock(&st->lock);
	return (r);
}

/* With the place's lock: is it the file's next state? */
static bool
may_write(struct storage *st, const struct snap *s)
{
	bool may;

	(void)pthread_mutex_lock(&st->lock);
	may = s->number > st->begun && storage_has_file_locked(st);
	(void)pthread_mutex_unlock(&st->lock);
	return (may);
}

int
storage_write(struct storage *st, struct snap *s, bool first,
    struct tkvm_err *err)
{
	int r;

	(void)pthread_mutex_lock(&st->place->lock);
	r = first || may_write(st, s) ? write_there(st, s, err) :
	    not_mine(st, err);
	(void)pthread_mutex_unlock(&st->place->lock);
	return (r);
}

/*--- having it ------------------------------------------------------------*/

/*
 * With the place's lock: the machine of the one whose file it is, for
 * storage_give() when it is ours; the file has all that it did. NULL: nobody's,
 * or it does not come to rest.
 */
static struct storage *
hold_owner(const struct storage *st)
{
	struct storage *w = st->place->owner;
	struct tkvm_err err;
	struct snap *s;

	if (w == NULL || w == st || !storage_has_file(w) || storage_take(w,
	    in_seconds(w->g->settings.max_storage_time)) != 0)
		return (NULL);
	s = storage_changes(w);
	if (s != NULL && !storage_is_written(w, s)) {
		if (write_there(w, s, &err) == 0)
			storage_written(w, s);
		else
			library_log(w->g->program->library,
			    w->g->program->name, err.text);
	}
	return (w);
}

/* With the place's lock: go on from the file. */
static int
go_on(struct storage *st, struct blob_in *body, const struct stat *is,
    struct tkvm_err *err)
{
	int r = storage_become(st, body, err);

	storage_know_file(st, r == 0 ? is : NULL);
	if (r == 0)
		st->place->owner = st;
	else if (came_last(st))
		storage_put_aside(st->g, st->path, err->text);
	return (r);
}

/* The same, or begin it anew. */
static int
take_it(struct storage *st, struct tkvm_err *err)
{
	struct blob_in body;
	bool there = false;
	struct snap *s;
	struct stat is;
	char *file;
	int r;

	r = stat(st->path, &is);
	if (r == 0)
		r = snapshot_read(st->g, st->path, &file, &body, &there, err);
	if (r == 0) {
		r = go_on(st, &body, &is, err);
		free(file);
		return (r);
	}
	if (there && !came_last(st))
		return (not_mine(st, err));
	if (there)
		storage_put_aside(st->g, st->path, err->text);
	s = storage_changes(st);
	return (s != NULL ? write_there(st, s, err) :
	    tkvm_fail(err, TKVM_ENOMEM, "no memory for a snapshot"));
}

/* With the place's lock: another one has it, and is about to write and go. */
static bool
owner_ends(const struct storage *st)
{
	struct storage *w = st->place->owner;
	bool ends;

	if (w == NULL || w == st)
		return (false);
	(void)pthread_mutex_lock(&w->lock);
	ends = w->stopping;
	(void)pthread_mutex_unlock(&w->lock);
	return (ends);
}

int
storage_claim(struct storage *st, struct tkvm_err *err)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct storage *owner;
	uint64_t end;
	int r = 0;

	/* Only who has the machine changes the path. */
	if (st->path == NULL || storage_has_file(st))
		return (0);
	end = in_seconds(st->g->settings.max_storage_time);
	(void)pthread_mutex_lock(&st->place->lock);
	while (owner_ends(st) && tkvm_now_ns() < end) {
		(void)pthread_mutex_unlock(&st->place->lock);
		(void)nanosleep(&pause, NULL);
		(void)pthread_mutex_lock(&st->place->lock);
	}
	if (!storage_has_file(st)) {
		owner = hold_owner(st);
		r = take_it(st, err);
		if (owner != NULL)
			storage_give(owner);
	}
	(void)pthread_mutex_unlock(&st->place->lock);
	return (r);
}
