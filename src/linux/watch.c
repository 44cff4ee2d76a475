/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.c: files that a program read while it started, and whether they are
 * still as they were.
 *
 * By their names, since who changes a file may as well put another one in its
 * place. A file that is not there counts as it is, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "linux/linux_priv.h"

/*
 * Linux before 6.13 dates files by its tick, of at most 10 ms: two changes
 * within one, of which a program read the first, would look the same.
 */
#define TICKS_NS 20000000
#define TRIES 50

static void
look(const struct linux_rules *rules, const char *path, struct look *is)
{
	struct stat st;
	int fd = paths_open(rules, path, O_PATH, 0, false);

	memset(is, 0, sizeof *is);
	if (fd < 0 || fstat(fd, &st) != 0)
		is->error = fd < 0 ? -fd : errno;
	else
		*is = (struct look){.dev = st.st_dev, .ino = st.st_ino,
		    .size = st.st_size, .written = st.st_mtim,
		    .changed = st.st_ctim};
	if (fd >= 0)
		(void)close(fd);
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return (a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec);
}

static bool
same(const struct look *a, const struct look *b)
{
	return (a->error == b->error && a->dev == b->dev && a->ino == b->ino &&
	    a->size == b->size && same_time(&a->written, &b->written) &&
	    same_time(&a->changed, &b->changed));
}

/* Did it change so lately that one more change may leave its time the same? */
static bool
is_fresh(const struct look *is)
{
	struct timespec now;
	int64_t age;

	if (is->error != 0)
		return (false);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec < is->changed.tv_sec ||
	    now.tv_sec - is->changed.tv_sec > 1)
		return (false);
	age = (now.tv_sec - is->changed.tv_sec) * 1000000000 +
	    now.tv_nsec - is->changed.tv_nsec;
	return (age < TICKS_NS);
}

static bool
is_watched(const struct linux_state *s, const char *path)
{
	for (unsigned i = 0; i < s->n_watched; i++)
		if (strcmp(s->watched[i].path, path) == 0)
			return (true);
	return (false);
}

/* A normalised path. */
static int
add(struct linux_state *s, const char *path)
{
	const struct timespec tick = {.tv_nsec = TICKS_NS};
	struct watched *w;

	if (s->watched == NULL)
		s->watched = calloc(LINUX_WATCHED_MAX, sizeof *s->watched);
	if (s->watched == NULL)
		return (-ENOMEM);
	if (s->n_watched == LINUX_WATCHED_MAX)
		return (-ENOSPC);
	w = &s->watched[s->n_watched];
	w->path = strdup(path);
	if (w->path == NULL)
		return (-ENOMEM);
	look(s->rules, path, &w->was);
	for (unsigned i = 0; i < TRIES && is_fresh(&w->was); i++) {
		(void)nanosleep(&tick, NULL);
		look(s->rules, path, &w->was);
	}
	s->n_watched++;
	return (0);
}

int
linux_watch(struct linux_state *s, const char *path)
{
	struct scratch *x = linux_scratch(s);
	const char *rest;
	bool dir;
	int r;

	ASSERT(!s->frozen && s->of == NULL);
	if (x == NULL)
		return (-ENOMEM);
	r = paths_normalise(s->cwd, path, x->path, &dir);
	if (r != 0)
		return (r);
	if (paths_find(s->rules, x->path, false, &rest) == NULL)
		return (-EACCES);
	return (is_watched(s, x->path) ? 0 : add(s, x->path));
}

const char *
linux_changed(const struct linux_state *s)
{
	struct look is;

	for (unsigned i = 0; i < s->n_watched; i++) {
		look(s->rules, s->watched[i].path, &is);
		if (!same(&is, &s->watched[i].was))
			return (s->watched[i].path);
	}
	return (NULL);
}

void
watch_free(struct linux_state *s)
{
	for (unsigned i = 0; i < s->n_watched; i++)
		free(s->watched[i].path);
	free(s->watched);
}
