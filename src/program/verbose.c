/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verbose.c: what the settings verbose, verbose_syscalls, verbose_requests and
 * verbose_pagetables let the log tell, and stdout.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "program/program_priv.h"
#include "tinykvm/machine_debug.h"

void
verbose(const struct tkvm_program *p, const struct settings *s,
    const char *format, ...)
{
	char line[400];
	va_list ap;

	if (!s->verbose)
		return;
	va_start(ap, format);
	(void)vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	text_plain(line);
	library_log(p->library, p->name, line);
}

void
verbose_layout(const struct generation *g, const struct tkvm_machine *m)
{
	const struct settings *s = &g->settings;
	const struct tkvm_program *p = g->program;
	const struct tkvm_layout *l = tkvm_machine_layout(m);

	verbose(p, s, "%s, %zu bytes; segments 0x%jx-0x%jx, entry 0x%jx, "
	    "stack 0x%jx-0x%jx, heap 0x%jx-0x%jx, mmap 0x%jx-0x%jx, "
	    "shared 0x%jx-0x%jx", g->elf_type, g->elf_size,
	    (uintmax_t)l->image_start, (uintmax_t)l->image_end,
	    (uintmax_t)l->entry, (uintmax_t)l->stack_low,
	    (uintmax_t)l->stack_top, (uintmax_t)l->brk_start,
	    (uintmax_t)l->brk_end, (uintmax_t)l->arena_start,
	    (uintmax_t)l->arena_end, (uintmax_t)l->shared_start,
	    (uintmax_t)l->shared_end);
	for (unsigned i = 0; i < s->allowed_paths.n; i++) {
		const struct linux_path *r = &s->allowed_paths.p[i];

		verbose(p, s, "path %.150s is %.150s%s%s%s", r->virtual_path,
		    r->real_path, r->prefix ? " and what is below it" : "",
		    r->writable ? ", writable" : "",
		    r->symlink ? ", a symbolic link" : "");
	}
}

static void
table_line(void *priv, const char *text)
{
	const struct generation *g = priv;
	char line[160];

	(void)snprintf(line, sizeof line, "%s pages %s",
	    g->is_storage ? "storage" : "main", text);
	library_log(g->program->library, g->program->name, line);
}

void
verbose_tables(struct generation *g, const struct tkvm_machine *m)
{
	if (g->settings.verbose_pagetables)
		tkvm_machine_tables(m, table_line, g);
}

/*--- system calls ---------------------------------------------------------*/

/* Which argument is a path; -1: none. */
static int
path_argument(uint32_t number)
{
	static const struct { uint16_t number; int8_t arg; } paths[] = {
		{2, 0}, {4, 0}, {6, 0}, {21, 0}, {80, 0}, {85, 0}, {89, 0},
		{257, 1}, {262, 1}, {267, 1}, {269, 1}, {332, 1}, {439, 1},
	};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (paths[i].number == number)
			return (paths[i].arg);
	return (-1);
}

static void
copy_path(const struct tkvm_machine *m, uint64_t gva, char *buf, size_t size)
{
	if (tkvm_copy_in_str(m, buf, gva, size) < 0)
		(void)snprintf(buf, size, "?");
	text_plain(buf);
}

static void
begin_line(const struct tkvm_machine *m, const struct tkvm_call *call,
    const char *name, bool of_linux, char *line, size_t size)
{
	int path = of_linux ? path_argument(call->number) : -1;
	char text[120];
	size_t n;

	if (name != NULL)
		n = (size_t)snprintf(line, size, "%s", name);
	else
		n = (size_t)snprintf(line, size, "call 0x%x", call->number);
	for (int i = 0; i < 6 && n < size; i++) {
		const char *before = i == 0 ? "(" : ", ";

		if (i != path) {
			n += (size_t)snprintf(line + n, size - n, "%s0x%jx",
			    before, (uintmax_t)call->arg[i]);
			continue;
		}
		copy_path(m, call->arg[i], text, sizeof text);
		n += (size_t)snprintf(line + n, size - n, "%s\"%s\"", before,
		    text);
	}
}

static void
end_line(const struct trace *t, enum tkvm_next next, uint64_t ret,
    const struct tkvm_err *err, const char *begun)
{
	const struct tkvm_program *p = t->g->program;
	const char *who = t->request != NULL ? p->name :
	    t->g->is_storage ? "storage" : "main";
	char line[600];
	int64_t r = (int64_t)ret;

	if (next == TKVM_ABORT)
		(void)snprintf(line, sizeof line, "%s: %s): %.150s", who,
		    begun, err->text);
	else if (next == TKVM_STOP)
		(void)snprintf(line, sizeof line, "%s: %s) stops it", who,
		    begun);
	else if (r < 0 && r > -4096)
		(void)snprintf(line, sizeof line, "%s: %s) = %jd (%s)", who,
		    begun, (intmax_t)r, strerror((int)-r));
	else
		(void)snprintf(line, sizeof line, "%s: %s) = 0x%jx", who,
		    begun, (uintmax_t)ret);
	if (t->request != NULL)
		vm_log(t->request, line);
	else
		library_log(p->library, p->name, line);
}

static enum tkvm_next
trace_linux(void *priv, struct tkvm_machine *m, struct tkvm_call *call,
    struct tkvm_err *err)
{
	const struct trace *t = priv;
	enum tkvm_next next;
	char line[400];

	begin_line(m, call, linux_name(call->number), true, line, sizeof line);
	next = t->to.linux_call(t->to.linux_state, m, call, err);
	end_line(t, next, call->ret, err, line);
	return (next);
}

static enum tkvm_next
trace_http(void *priv, struct tkvm_machine *m, struct tkvm_call *call,
    struct tkvm_err *err)
{
	const struct trace *t = priv;
	enum tkvm_next next;
	char line[400];

	begin_line(m, call, http_name(call->number), false, line, sizeof line);
	next = t->to.http_call(t->to.http_state, m, call, err);
	end_line(t, next, call->ret, err, line);
	return (next);
}

void
trace_calls(struct trace *t, const struct generation *g,
    const struct vm *request, struct tkvm_calls *calls)
{
	if (!(request != NULL ? g->settings.verbose_requests :
	    g->settings.verbose_syscalls))
		return;
	t->g = g;
	t->request = request;
	t->to = *calls;
	*calls = (struct tkvm_calls){trace_linux, t, trace_http, t};
}

/*--- output ---------------------------------------------------------------*/

void
program_output(const struct generation *g, const char *line)
{
	const struct tkvm_library *lib = g->program->library;

	if (g->settings.to_stdout && lib->log.output != NULL)
		lib->log.output(lib->log.priv, g->program->name, line);
}
