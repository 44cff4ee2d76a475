/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stats.c: counters, as a structure and as JSON.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/program_priv.h"

/* Up to the gauges, counters are uint64_t only. */
static void
load_counters(struct tkvm_counters *c, const struct tkvm_counters *live)
{
	const uint64_t *from = (const uint64_t *)(const void *)live;
	uint64_t *to = (uint64_t *)(void *)c;

	for (size_t i = 0; i < offsetof(struct tkvm_counters, machines) / 8;
	    i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

void
tkvm_program_watch(struct tkvm_program *p, void (*changed)(void *priv),
    void *priv)
{
	(void)pthread_mutex_lock(&p->watching);
	p->watcher = changed;
	p->watcher_priv = priv;
	(void)pthread_mutex_unlock(&p->watching);
}

void
program_changed(struct tkvm_program *p)
{
	(void)pthread_mutex_lock(&p->watching);
	if (p->watcher != NULL)
		p->watcher(p->watcher_priv);
	(void)pthread_mutex_unlock(&p->watching);
}

void
tkvm_program_counters(struct tkvm_program *p, struct tkvm_counters *c)
{
	struct generation *g;

	load_counters(c, &p->counters);
	c->machines = c->idle = c->waiting = 0;
	c->image_bytes = 0;
	(void)pthread_mutex_lock(&p->lock);
	c->start_ns = p->counters.start_ns;
	c->waiting = p->n_waiting;
	g = p->generation;
	if (g != NULL) {
		(void)pthread_mutex_lock(&g->lock);
		c->machines = g->n_machines;
		c->idle = g->n_idle;
		c->waiting += g->n_waiting;
		(void)pthread_mutex_unlock(&g->lock);
		c->image_bytes = tkvm_image_bytes(g->image);
	}
	(void)pthread_mutex_unlock(&p->lock);
}

static void
add_int(json_object *o, const char *name, uint64_t v)
{
	json_object_object_add(o, name, json_object_new_int64((int64_t)v));
}

static void
add_seconds(json_object *o, const char *name, uint64_t ns)
{
	json_object_object_add(o, name,
	    json_object_new_double((double)ns / 1e9));
}

static json_object *
entry_points(const struct http_program *hp)
{
	static const char *const names[] = {"on_recv", "backend_get",
	    "backend_post", "backend_method", "backend_stream",
	    "backend_error", "live_update_serialize",
	    "live_update_deserialize"};
	json_object *o = json_object_new_object();

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		add_int(o, names[i], hp->callback[i]);
	add_int(o, "socket_pause_resume_api", hp->callback[12]);
	return (o);
}

/* What a program and each of its machines count; docs/stats.md. */
static json_object *
counted(const struct tkvm_counters *c)
{
	json_object *o = json_object_new_object();

	add_int(o, "invocations", c->invocations);
	add_int(o, "resets", c->resets);
	add_int(o, "exceptions", c->exceptions);
	add_int(o, "exception_oom", c->out_of_memory);
	add_int(o, "timeouts", c->timeouts);
	add_int(o, "on_error", c->on_error);
	add_int(o, "replaced", c->replaced);
	add_seconds(o, "reservation_time", c->queue_ns);
	add_seconds(o, "reset_time", c->reset_ns);
	add_seconds(o, "request_time", c->run_ns);
	add_int(o, "input_bytes", c->input_bytes);
	add_int(o, "output_bytes", c->output_bytes);
	add_int(o, "status_2xx", c->status_2xx);
	add_int(o, "status_3xx", c->status_3xx);
	add_int(o, "status_4xx", c->status_4xx);
	add_int(o, "status_5xx", c->status_5xx);
	add_int(o, "exits", c->exits);
	add_int(o, "page_faults", c->faults);
	add_int(o, "pages_copied", c->pages_copied);
	add_int(o, "unknown_calls", c->unknown_calls);
	return (o);
}

/* With the program locked, which keeps the generation. */
static json_object *
machines(struct generation *g)
{
	json_object *list = json_object_new_array(), *o;
	struct tkvm_counters c;

	(void)pthread_mutex_lock(&g->lock);
	for (const struct vm *vm = g->all; vm != NULL; vm = vm->sibling) {
		memset(&c, 0, sizeof c);
		load_counters(&c, &vm->counters);
		o = counted(&c);
		add_int(o, "vm_address_space",
		    MIB(g->settings.address_space_mib));
		add_int(o, "vm_main_memory", MIB(g->settings.max_memory_mib));
		add_int(o, "vm_bank_capacity",
		    MIB(g->settings.max_request_mib));
		json_object_array_add(list, o);
	}
	(void)pthread_mutex_unlock(&g->lock);
	return (list);
}

/* With the program locked. */
static json_object *
program_part(const struct tkvm_program *p, const struct tkvm_counters *c)
{
	const struct generation *g = p->generation;
	json_object *o = json_object_new_object();

	json_object_object_add(o, "loaded",
	    json_object_new_boolean(g != NULL));
	json_object_object_add(o, "binary_type", json_object_new_string(
	    g == NULL ? "(not present)" : g->elf_type));
	add_int(o, "binary_size", g == NULL ? 0 : g->elf_size);
	if (g != NULL)
		json_object_object_add(o, "entry_points",
		    entry_points(&g->http));
	if (p->state == PROGRAM_FAILED)
		json_object_object_add(o, "error",
		    json_object_new_string(p->why.text));
	add_int(o, "image_bytes", c->image_bytes);
	add_int(o, "live_updates", c->live_updates);
	add_seconds(o, "start_time", c->start_ns);
	add_seconds(o, "reservation_time", c->queue_ns);
	add_int(o, "reservation_timeouts", c->queue_timeouts);
	return (o);
}

/* Connections that the program handles itself. */
static json_object *
server_part(const struct tkvm_counters *c)
{
	json_object *o = json_object_new_object();

	add_int(o, "connections", c->server_connections);
	add_int(o, "refused", c->server_refused);
	add_int(o, "events", c->server_events);
	add_int(o, "input_bytes", c->server_input_bytes);
	add_int(o, "output_bytes", c->server_output_bytes);
	add_int(o, "restarts", c->server_restarts);
	return (o);
}

static json_object *
one_program(struct tkvm_program *p)
{
	json_object *o = json_object_new_object();
	json_object *request = json_object_new_object();
	struct tkvm_counters c;

	tkvm_program_counters(p, &c);
	(void)pthread_mutex_lock(&p->lock);
	json_object_object_add(o, "program", program_part(p, &c));
	json_object_object_add(request, "machines", p->generation == NULL ?
	    json_object_new_array() : machines(p->generation));
	(void)pthread_mutex_unlock(&p->lock);
	add_int(request, "machines_idle", c.idle);
	add_int(request, "requests_waiting", c.waiting);
	/* All kinds together here, apart from each other per machine. */
	c.exceptions += c.out_of_memory;
	json_object_object_add(request, "totals", counted(&c));
	json_object_object_add(o, "request", request);
	if (settings_serve(&p->settings))
		json_object_object_add(o, "server", server_part(&c));
	return (o);
}

/*
 * json-c indents by two blanks per level, and a line begins nowhere else: text
 * has its ends of line escaped.
 */
static char *
indented(const char *text, unsigned indent)
{
	size_t n, size;
	char *out;
	FILE *f = open_memstream(&out, &size);

	if (f == NULL)
		return (NULL);
	while (*text != '\0') {
		n = strspn(text, " ");
		(void)fprintf(f, "%*s", (int)(n / 2 * indent), "");
		text += n;
		n = strcspn(text, "\n");
		n += text[n] == '\n';
		(void)fwrite(text, 1, n, f);
		text += n;
	}
	if (fclose(f) == 0)
		return (out);
	free(out);
	return (NULL);
}

char *
tkvm_library_stats(struct tkvm_library *lib,
    bool (*match)(void *priv, const char *name), void *priv, int indent)
{
	json_object *root = json_object_new_object();
	struct tkvm_program *p;
	const char *text;
	char *out;

	for (unsigned i = 0; (p = tkvm_library_at(lib, i)) != NULL; i++)
		if (match == NULL || match(priv, p->name))
			json_object_object_add(root, p->name, one_program(p));
	text = json_object_to_json_string_ext(root, indent < 0 ?
	    JSON_C_TO_STRING_PLAIN : JSON_C_TO_STRING_PRETTY);
	out = text == NULL ? NULL : indent < 0 ? strdup(text) :
	    indented(text, indent < 16 ? (unsigned)indent : 16);
	json_object_put(root);
	return (out);
}
