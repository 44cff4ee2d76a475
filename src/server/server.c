/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server.c: a server's systems, from the first to the last.
 */
#include <stdlib.h>

#include "server/server_priv.h"

int
server_new(const struct server_settings *s,
    const struct server_program *program, const struct server_ops *ops,
    struct server **sp, struct tkvm_err *err)
{
	struct server *v = calloc(1, sizeof *v);
	int r;

	*sp = NULL;
	if (v == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for a server"));
	ASSERT(s->systems >= 1 && s->systems <= SERVER_SYSTEMS_MAX);
	ASSERT(s->max_connections >= 1 &&
	    s->max_connections <= SERVER_CONNECTIONS_MAX);
	v->s = *s;
	v->s.path = v->s.address = NULL;
	v->program = *program;
	v->ops = *ops;
	for (unsigned i = 0; i < s->systems; i++) {
		v->system[i].server = v;
		v->system[i].index = i;
		v->system[i].epoll = v->system[i].wake = -1;
		(void)pthread_mutex_init(&v->system[i].lock, NULL);
	}
	r = listener_join(s, program->name, &v->member, err);
	for (unsigned i = 0; i < s->systems && r == 0; i++)
		r = system_start(&v->system[i], err);
	if (r != 0)
		server_destroy(&v);
	*sp = v;
	return (r);
}

void
server_destroy(struct server **sp)
{
	struct server *v = *sp;

	*sp = NULL;
	if (v == NULL)
		return;
	atomic_store(&v->stop, true);
	for (unsigned i = 0; i < v->s.systems; i++) {
		system_stop(&v->system[i]);
		(void)pthread_mutex_destroy(&v->system[i].lock);
	}
	listener_leave(&v->member);
	free(v);
}
