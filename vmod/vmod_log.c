/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_log.c: lines in Varnish's log that are about programs.
 */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "vmod_tinykvm.h"

/* Many of the library's sentences begin with the program's name. */
static bool
names_it(const char *program, const char *text)
{
	size_t n = strlen(program);

	return (strncmp(text, program, n) == 0 && text[n] == ' ');
}

static void
log_background(enum VSL_tag_e tag, const char *program, const char *text)
{
	if (program == NULL || names_it(program, text))
		VSL(tag, COMPAT_NO_VXID, "tinykvm: %s", text);
	else
		VSL(tag, COMPAT_NO_VXID, "tinykvm: %s: %s", program, text);
}

void
vtk_log_background(void *priv, const char *program, const char *text)
{
	(void)priv;
	log_background(SLT_VCL_Log, program, text);
}

void
vtk_log_failure(void *priv, const char *program, const char *text)
{
	(void)priv;
	log_background(SLT_Error, program, text);
}

/*
 * The worker's standard output is a pipe to the manager, which does not read it
 * while it waits for the worker's answer: who waited for room here could wait
 * for himself. So a line goes out at once or not at all.
 */
void
vtk_log_output(void *priv, const char *program, const char *text)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
	char line[1024];
	int n;

	(void)priv, (void)program;
	n = snprintf(line, sizeof line, "%s", text);
	if (n >= (int)sizeof line)
		n = sizeof line - 1;
	line[n++] = '\n';
	AZ(pthread_mutex_lock(&one));
	if (poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) != 0)
		(void)!write(out.fd, line, (size_t)n);
	AZ(pthread_mutex_unlock(&one));
}

/* The names of a chain's programs, "photo > webp", cut where buf ends. */
static void
chain_text(const struct vtk_chain *c, char *buf, size_t size)
{
	size_t at = 0;
	int n;

	buf[0] = '\0';
	for (unsigned i = 0; i < c->n && at < size; i++) {
		n = snprintf(buf + at, size - at, "%s%s", i > 0 ? " > " : "",
		    c->link[i].program == NULL ? "fetch" :
		    tkvm_program_name(c->link[i].program));
		if (n < 0)
			break;
		at += (size_t)n;
	}
}

void
vtk_log_failed(struct vsl_log *vsl, enum VSL_tag_e tag,
    const struct vtk_chain *c, const char *text)
{
	char names[96];

	if (vsl == NULL)
		return;
	for (unsigned i = 0; i < c->n; i++)
		if (c->link[i].program != NULL &&
		    names_it(tkvm_program_name(c->link[i].program), text)) {
			VSLb(vsl, tag, "tinykvm: %s", text);
			return;
		}
	chain_text(c, names, sizeof names);
	VSLb(vsl, tag, "tinykvm: %s: %s", names, text);
}

static bool
is_plain(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_');
}

/* FNV-1a: what is left of the end of a name that is too long. */
static uint32_t
hash(const char *s)
{
	uint32_t h = 2166136261u;

	while (*s != '\0')
		h = (h ^ (unsigned char)*s++) * 16777619u;
	return (h);
}

/* As in URLs, so that no two names look the same. */
const char *
vtk_plain_name(const char *name, char *buf, size_t size)
{
	const char *p = name;
	size_t at = 0;

	for (; *p != '\0' && at + sizeof "%12345678%12" < size; p++) {
		if (is_plain(*p))
			buf[at++] = *p;
		else
			at += (size_t)snprintf(buf + at, size - at, "%%%02X",
			    (unsigned char)*p);
	}
	buf[at] = '\0';
	if (*p != '\0')
		(void)snprintf(buf + at, size - at, "%%%08X", hash(p));
	return (buf);
}

void
vtk_log_reason(struct vsl_log *vsl, const struct tkvm_reply *reply)
{
	bool named = names_it(reply->program, reply->error.text);

	if (vsl != NULL)
		VSLb(vsl, SLT_Error, "tinykvm: %s%s%s%s",
		    named ? "" : reply->program, named ? "" : ": ",
		    reply->error.text,
		    reply->by_on_error ? " (on_error answered)" : "");
}

/* One word for what became of an execution. */
static const char *
outcome(const struct tkvm_reply *reply)
{
	switch (reply->error.code) {
	case TKVM_OK: return ("ok");
	case TKVM_ETIMEOUT: return ("timeout");
	case TKVM_EWORKMEM: return ("memory");
	case TKVM_EGUEST: return ("exception");
	case TKVM_EBUSY: return ("busy");
	case TKVM_EBODY:
	case TKVM_ETOOLARGE: return ("body");
	default: return ("host");
	}
}

void
vtk_log_run(struct vsl_log *vsl, const struct tkvm_reply *reply)
{
	char name[64];

	if (vsl == NULL)
		return;
	VSLb(vsl, SLT_VCL_Log, "tinykvm_run: %s %d %u %s%s %.6f %.6f %.6f %ju "
	    "%ju %ju %ju %ju", vtk_plain_name(reply->program, name,
	    sizeof name), reply->machine, reply->status, outcome(reply),
	    reply->by_on_error ? "+on_error" : "",
	    1e-9 * (double)reply->queue_ns, 1e-9 * (double)reply->run_ns,
	    1e-9 * (double)reply->reset_ns, (uintmax_t)reply->input_bytes,
	    (uintmax_t)(reply->body_len == TKVM_LENGTH_UNKNOWN ? 0 :
	    reply->body_len), (uintmax_t)reply->exits,
	    (uintmax_t)reply->faults, (uintmax_t)reply->pages_copied);
}
