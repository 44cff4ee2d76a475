/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * serve.c: the servers of a generation. Their systems are machines beside the
 * pool: forks of the same image, each with its own state, which are not cleaned
 * between connections.
 */
#include <stdlib.h>
#include <string.h>

#include "program/program_priv.h"

#define PREPARE 12		/* the call-back that a system begins with */

struct serving {
	struct generation *g;
	struct server *server;
	struct vm *vm[SERVER_SYSTEMS_MAX];	/* each its thread's */
};

bool
settings_serve(const struct settings *s)
{
	for (unsigned i = 0; i < 2; i++)
		if (s->server[i].path != NULL || s->server[i].port != 0)
			return (true);
	return (false);
}

int
server_settings_copy(struct server_settings *to,
    const struct server_settings *from)
{
	*to = *from;
	to->path = from->path == NULL ? NULL : strdup(from->path);
	to->address = from->address == NULL ? NULL : strdup(from->address);
	return ((from->path != NULL && to->path == NULL) ||
	    (from->address != NULL && to->address == NULL) ? -1 : 0);
}

void
server_settings_free(struct server_settings *s)
{
	free(s->path);
	free(s->address);
	memset(s, 0, sizeof *s);
}

/*--- what the server asks for ---------------------------------------------*/

static int
make_vm(struct serving *v, unsigned index, struct vm **vmp,
    struct tkvm_err *err)
{
	const struct settings *s = &v->g->settings;
	const struct http_limits limits = {
		MIB(s->max_memory_mib), MIB(s->max_request_mib),
	};
	struct vm *vm = calloc(1, sizeof *vm);
	int r;

	if (vm == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for a machine"));
	vm->generation = v->g;
	vm->index = index;
	r = linux_fork(v->g->linux_master, vm, &vm->linux_state, err);
	if (r == 0)
		r = http_fork(&v->g->http, &limits, &vm->http, err);
	if (r != 0) {
		vm_destroy(&vm);
		return (r);
	}
	http_set_log(vm->http, vm_says, vm);
	http_set_fetch(vm->http, program_fetch, vm->generation);
	if (vm->generation->calls != NULL)
		http_set_storage(vm->http, &storage_ops,
		    vm->generation->calls);
	*vmp = vm;
	return (0);
}

static int
serving_make(void *priv, unsigned index, const struct tkvm_calls *ours,
    struct tkvm_calls *inner, struct tkvm_machine **mp, struct tkvm_err *err)
{
	struct serving *v = priv;
	struct vm *vm = v->vm[index];
	int r;

	/* Nothing of the one before is kept: a failure may be anywhere. */
	if (vm != NULL)
		vm_destroy(&vm);
	v->vm[index] = NULL;
	r = make_vm(v, index, &vm, err);
	if (r != 0)
		return (r);
	v->vm[index] = vm;
	*inner = (struct tkvm_calls){
		linux_call, vm->linux_state, http_call, vm->http,
	};
	r = tkvm_machine_fork(v->g->image, ours, index,
	    MIB(v->g->settings.max_request_mib), &vm->machine, err);
	*mp = vm->machine;
	return (r);
}

static void
serving_unmake(void *priv, unsigned index)
{
	struct serving *v = priv;

	vm_destroy(&v->vm[index]);
}

static void
serving_log(void *priv, const char *text)
{
	const struct serving *v = priv;
	struct tkvm_program *p = v->g->program;

	library_log(p->library, p->name, text);
}

static void
serving_count(void *priv, enum server_count what, uint64_t n)
{
	const struct serving *v = priv;
	struct tkvm_counters *c = &v->g->program->counters;
	uint64_t *const field[] = {
		[SERVER_CONNECTIONS] = &c->server_connections,
		[SERVER_REFUSED] = &c->server_refused,
		[SERVER_EVENTS] = &c->server_events,
		[SERVER_BYTES_IN] = &c->server_input_bytes,
		[SERVER_BYTES_OUT] = &c->server_output_bytes,
		[SERVER_RESTARTS] = &c->server_restarts,
	};

	(void)__atomic_add_fetch(field[what], n, __ATOMIC_RELAXED);
}

/*--- life -----------------------------------------------------------------*/

static int
serve_one(struct generation *g, const struct server_settings *s,
    struct serving **vp, struct tkvm_err *err)
{
	const struct server_program program = {
		.name = g->program->name,
		.prepare = g->http.callback[PREPARE],
		.run_ns = (uint64_t)(g->settings.max_request_time * 1e9),
		.memory_bytes = MIB(g->settings.max_request_mib),
	};
	struct server_ops ops = {
		.make = serving_make, .unmake = serving_unmake,
		.log = serving_log, .count = serving_count,
	};
	struct serving *v;
	int r;

	if (program.prepare == 0)
		return (tkvm_fail(err, TKVM_ECONFIG, "it has a server in its "
		    "settings, but did not call "
		    "set_socket_prepare_for_pause()"));
	v = calloc(1, sizeof *v);
	if (v == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for a server"));
	v->g = g;
	ops.priv = v;
	r = server_new(s, &program, &ops, &v->server, err);
	if (r != 0) {
		free(v);
		return (r);
	}
	*vp = v;
	return (0);
}

/* Generations share a listener by the program's name; these two must not. */
static bool
same_address(const struct server_settings *a, const struct server_settings *b)
{
	const char *at = a->address, *bt = b->address;

	if (a->path != NULL && b->path != NULL)
		return (strcmp(a->path, b->path) == 0);
	return (a->port != 0 && a->port == b->port &&
	    strcmp(at == NULL ? "127.0.0.1" : at,
	    bt == NULL ? "127.0.0.1" : bt) == 0);
}

int
generation_serve(struct generation *g, struct tkvm_err *err)
{
	const struct server_settings *s = g->settings.server;
	int r = 0;

	if (same_address(&s[0], &s[1]))
		return (tkvm_fail(err, TKVM_ECONFIG, "\"server\" and "
		    "\"websocket_server\" are at the same address"));
	for (unsigned i = 0; i < 2 && r == 0; i++)
		if (s[i].path != NULL || s[i].port != 0)
			r = serve_one(g, &s[i], &g->serving[i], err);
	return (r);
}

void
generation_unserve(struct generation *g)
{
	for (unsigned i = 0; i < 2; i++) {
		if (g->serving[i] == NULL)
			continue;
		server_destroy(&g->serving[i]->server);
		free(g->serving[i]);
		g->serving[i] = NULL;
	}
}
