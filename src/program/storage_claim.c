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

	r = snapshot_write(&s->b, st->g, st->path, err);
	if (r == 0) {
		storage_know_file(st, stat(st->path, &is) == 0 ? &is : NULL);
		st->place->owner = st;
	}
	return (r);
}

int
storage_write(struct storage *st, struct snap *s, bool first,
    struct tkvm_err *err)
{
	int r;

	(void)pthread_mutex_lock(&st->place->lock);
	r = first || storage_has_file(st) ? write_there(st, s, err) :
	    not_mine(st, err);
	(void)pthread_mutex_unlock(&st->place->lock);
	return (r);
}

/*--- having it ------------------------------------------------------------*/

/* What its owner has changed since it was written belongs to the file. */
static void
have_it_complete(struct storage *st)
{
	struct storage *w = st->place->owner;
	struct tkvm_err err;
	struct snap *s;

	if (w == NULL || w == st || !storage_keeps_changes(w) ||
	    !storage_has_file(w) || storage_take(w,
	    in_seconds(w->g->settings.max_storage_time)) != 0)
		return;
	s = storage_changes(w);
	if (s != NULL && write_there(w, s, &err) != 0)
		library_log(w->g->program->library, w->g->program->name,
		    err.text);
	storage_give(w);
}

/* With the place's lock: go on from the file, or begin it anew. */
static int
take_it(struct storage *st, struct tkvm_err *err)
{
	struct blob_in body;
	struct snap *s;
	struct stat is;
	bool there = false;
	char *file;
	int r;

	have_it_complete(st);
	r = stat(st->path, &is);
	if (r == 0)
		r = snapshot_read(st->g, st->path, &file, &body, &there, err);
	if (r == 0) {
		r = storage_become(st, &body, err);
		free(file);
		storage_know_file(st, r == 0 ? &is : NULL);
		if (r == 0)
			st->place->owner = st;
		if (r != 0 && came_last(st))
			storage_put_aside(st->g, st->path, err->text);
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

int
storage_claim(struct storage *st, struct tkvm_err *err)
{
	int r = 0;

	if (storage_has_file(st))
		return (0);
	(void)pthread_mutex_lock(&st->place->lock);
	if (!storage_has_file(st))
		r = take_it(st, err);
	(void)pthread_mutex_unlock(&st->place->lock);
	return (r);
}
