/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage_move.c: a live update takes the state along, by call-back 6 of the
 * old program and 7 of the new one.
 */
#include <stdlib.h>

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
	if (u->r == 0 && goes_on)
		storage_finish(vm);
	http_storage_end(vm->http, vm->machine);
}

int64_t
storage_transfer(struct generation *old, struct generation *new)
{
	struct http_storage_call from;
	uint64_t save, load, end;
	int64_t moved = -1;

	if (old == NULL || old->storage == NULL || new->storage == NULL)
		return (0);
	/* Either of a program's two machines may have registered them. */
	save = old->http.callback[SERIALIZE] != 0 ?
	    old->http.callback[SERIALIZE] :
	    old->storage->g->http.callback[SERIALIZE];
	load = new->http.callback[RESTORE] != 0 ?
	    new->http.callback[RESTORE] :
	    new->storage->g->http.callback[RESTORE];
	if (save == 0 || load == 0)
		return (0);
	end = in_seconds(old->settings.max_storage_time);
	if (storage_take(old->storage, end) != 0)
		return (-1);
	from = plain_call(save, 0, STATE_BYTES_MAX);
	if (storage_run_call(old->storage, &from,
	    old->settings.max_storage_time) == 0)
		moved = 0;
	storage_give(old->storage);
	if (moved == 0 && from.result != NULL && storage_take(new->storage,
	    in_seconds(new->settings.max_storage_time)) == 0) {
		/* Where it is to be put is all that it answers. */
		struct http_storage_call to = plain_call(load,
		    from.result_len, 0);
		struct restore w = {{new->storage, &to,
		    new->settings.max_storage_time, {0, ""}, 0}, &from, -1};

		(void)storage_run_there(new->storage, restore, &w.run);
		moved = w.moved;
		storage_give(new->storage);
	}
	free(from.result);
	return (moved);
}
