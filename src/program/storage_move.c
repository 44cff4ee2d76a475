/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage_move.c: a live update takes the state along, by call-back 6 of the
 * old program and 7 of the new one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "program/storage_priv.h"

#define SERIALIZE 6
#define RESTORE 7
#define STATE_BYTES_MAX MIB(512)

static struct http_storage_call
plain_call(uint64_t function, uint64_t len, uint64_t room)
{
	return ((struct http_storage_call){.function = function, .plain = true,
	    .dst_len = len, .room = room});
}

struct restore {
	struct run run;			/* first, see storage_run_there() */
	const struct http_storage_call *from;
	int64_t moved;
};

/* It says where the state is to be put, and goes on when it is there. */
static void
restore(void *arg)
{
	struct restore *w = arg;
	struct run *u = &w->run;
	struct vm *vm = u->st->vm;
	uint64_t n = w->from->result_len;
	bool goes_on = storage_run_to_result(u);

	if (u->r == 0) {
		n = n < u->call->result_len ? n : u->call->result_len;
		if (tkvm_copy_out(vm->machine, u->call->result_at,
		    w->from->result, n) != 0)
			u->r = tkvm_fail(&u->err, TKVM_EGUEST,
			    "the state has no room where it is wanted");
		else
			w->moved = (int64_t)n;
	}
	storage_end(u, goes_on);
}

/*
 * Either of a program's two machines may have registered it, if both run the
 * same file.
 */
static uint64_t
callback(const struct generation *g, unsigned id)
{
	const struct generation *own;

	if (g == NULL || g->storage == NULL)
		return (0);
	own = g->storage->g;
	return (own->http.callback[id] != 0 || own->other_elf ?
	    own->http.callback[id] : g->http.callback[id]);
}

bool
storage_hold(struct generation *new)
{
	return (new->storage != NULL && storage_take_first(new->storage) == 0);
}

void
storage_release(struct generation *new)
{
	storage_give(new->storage);
}

/*
 * Until nobody else uses it. Requests of the new program wait as long for their
 * storage: they are to have half of their time left.
 */
static void
drain(struct generation *old, const struct generation *new)
{
	const struct timespec pause = {.tv_nsec = 200000};
	double s = new->settings.max_request_time;
	uint64_t end;
	bool used = true;

	if (s > old->settings.max_request_time)
		s = old->settings.max_request_time;
	end = in_seconds(s / 2);
	while (used && tkvm_now_ns() < end) {
		(void)nanosleep(&pause, NULL);
		(void)pthread_mutex_lock(&old->lock);
		used = old->refs > 1;
		(void)pthread_mutex_unlock(&old->lock);
	}
}

/* The old storage's state, and the end of that. */
static int
save(struct generation *old, struct http_storage_call *from)
{
	double limit = old->settings.max_storage_time;

	*from = plain_call(callback(old, SERIALIZE), 0, STATE_BYTES_MAX);
	/* Tasks that wait end with it. */
	if (storage_take_first(old->storage) != 0)
		return (-1);
	if (storage_run_call(old->storage, from, limit) == 0) {
		storage_close(old->storage);
		return (0);
	}
	storage_give(old->storage);
	return (-1);
}

static int64_t
load(struct generation *new, const struct http_storage_call *from)
{
	/* Where it is to be put is all that it answers. */
	struct http_storage_call to = plain_call(callback(new, RESTORE),
	    from->result_len, 0);
	struct restore w = {{new->storage, &to,
	    new->settings.max_storage_time, {0, ""}, 0}, from, -1};

	(void)storage_run_there(new->storage, restore, &w.run);
	return (w.moved);
}

static void
tell_moved(const struct generation *g, int64_t n)
{
	char line[80] = "the state could not be moved to the new program";

	if (n >= 0)
		(void)snprintf(line, sizeof line, "%jd bytes of state moved "
		    "to the new program", (intmax_t)n);
	library_log(g->program->library, g->program->name, line);
}

bool
storage_transfer(struct generation *old, struct generation *new)
{
	struct http_storage_call from = {.result = NULL};
	int64_t moved = -1;

	if (old == NULL || old->storage == NULL)
		return (false);
	if (callback(old, SERIALIZE) == 0 || callback(new, RESTORE) == 0) {
		library_log(new->program->library, new->program->name,
		    "storage starts empty: set_on_live_update() and "
		    "set_on_live_restore() have not both been called");
		return (false);
	}
	drain(old, new);
	if (save(old, &from) == 0)
		moved = from.result == NULL ? 0 : load(new, &from);
	free(from.result);
	tell_moved(new, moved);
	return (moved >= 0);
}
