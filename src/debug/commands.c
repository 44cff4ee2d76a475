/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commands.c: what gdb asks, one row each (gdb's manual, E.2 to E.4). What has
 * no row is answered with an empty packet, which says so.
 */
#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "debug/debug_priv.h"

typedef void command_f(struct session *s, const char *p);

static void
ok(struct session *s, bool good)
{
	session_say(s, good ? "OK" : "E01");
}

/* The program may go on from here: a failure before does not stand. */
static void
touched(struct session *s)
{
	s->end->code = 0;
}

/*--- registers ------------------------------------------------------------*/

static bool
load(struct session *s)
{
	s->r.regs = *tkvm_machine_regs(s->m);
	return (tkvm_debug_get_xsave(s->m, s->r.xsave, NULL) == 0);
}

static bool
store(struct session *s, bool wide)
{
	touched(s);
	tkvm_debug_set_regs(s->m, &s->r.regs);
	return (!wide || tkvm_debug_set_xsave(s->m, s->r.xsave, NULL) == 0);
}

static void
get_all(struct session *s, const char *p)
{
	uint8_t v[REGISTER_MAX];
	unsigned n = registers_n(&s->r);
	size_t at = 0;

	(void)p;
	if (!load(s)) {
		ok(s, false);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		registers_get(&s->r, i, v);
		rsp_to_hex(v, registers_size(i), s->out + at);
		at += 2 * registers_size(i);
	}
	session_reply(s, s->out, at);
}

static void
set_all(struct session *s, const char *p)
{
	uint8_t v[REGISTER_MAX];
	unsigned n = registers_n(&s->r);
	bool wide = false;

	if (!load(s)) {
		ok(s, false);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		if (!rsp_bytes(&p, v, registers_size(i)))
			break;
		registers_set(&s->r, i, v, &wide);
	}
	ok(s, *p == '\0' && store(s, wide));
}

static void
get_one(struct session *s, const char *p)
{
	uint8_t v[REGISTER_MAX];
	uint64_t n;

	if (!rsp_hex(&p, &n) || n >= registers_n(&s->r) || !load(s)) {
		ok(s, false);
		return;
	}
	registers_get(&s->r, (unsigned)n, v);
	rsp_to_hex(v, registers_size((unsigned)n), s->out);
	session_say(s, s->out);
}

static void
set_one(struct session *s, const char *p)
{
	uint8_t v[REGISTER_MAX];
	bool wide = false;
	uint64_t n;

	if (!rsp_hex(&p, &n) || n >= registers_n(&s->r) ||
	    !rsp_char(&p, '=') ||
	    !rsp_bytes(&p, v, registers_size((unsigned)n)) || *p != '\0' ||
	    !load(s)) {
		ok(s, false);
		return;
	}
	registers_set(&s->r, (unsigned)n, v, &wide);
	ok(s, store(s, wide));
}

/*--- memory ---------------------------------------------------------------*/

static bool
range(const char **p, uint64_t *at, uint64_t *len)
{
	return (rsp_hex(p, at) && rsp_char(p, ',') && rsp_hex(p, len));
}

/* As much as there is, page by page. */
static void
get_memory(struct session *s, const char *p)
{
	uint64_t at, len, n = 0, part;

	if (!range(&p, &at, &len) || *p != '\0') {
		ok(s, false);
		return;
	}
	if (len > sizeof s->bytes)
		len = sizeof s->bytes;
	while (n < len) {
		part = TKVM_PAGE - ((at + n) & (TKVM_PAGE - 1));
		if (part > len - n)
			part = len - n;
		if (tkvm_debug_read(s->m, s->bytes + n, at + n, part) != 0)
			break;
		n += part;
	}
	if (n == 0 && len > 0) {
		ok(s, false);
		return;
	}
	rsp_to_hex(s->bytes, n, s->out);
	session_reply(s, s->out, 2 * n);
}

static void
set_memory(struct session *s, const char *p)
{
	uint64_t at, len;

	if (!range(&p, &at, &len) || !rsp_char(&p, ':') ||
	    len > sizeof s->bytes || !rsp_bytes(&p, s->bytes, len) ||
	    *p != '\0') {
		ok(s, false);
		return;
	}
	touched(s);
	ok(s, tkvm_debug_write(s->m, at, s->bytes, len) == 0);
}

static void
set_binary(struct session *s, const char *p)
{
	const char *end = s->in.data + s->in.n;
	uint64_t at, len;

	if (!range(&p, &at, &len) || !rsp_char(&p, ':') ||
	    len != (uint64_t)(end - p)) {
		ok(s, false);
		return;
	}
	touched(s);
	ok(s, tkvm_debug_write(s->m, at, p, len) == 0);
}

/*--- running and breakpoints ----------------------------------------------*/

/* c, s with an address; C, S with a signal, which programs here cannot get. */
static void
resume(struct session *s, const char *p)
{
	char how = s->in.data[0];
	struct tkvm_regs regs = *tkvm_machine_regs(s->m);
	uint64_t v;

	if ((how == 'C' || how == 'S') &&
	    (!rsp_hex(&p, &v) || (*p != '\0' && !rsp_char(&p, ';')))) {
		ok(s, false);
		return;
	}
	if (*p != '\0') {
		if (!rsp_hex(&p, &regs.rip) || *p != '\0') {
			ok(s, false);
			return;
		}
		tkvm_debug_set_regs(s->m, &regs);
	}
	session_resume(s, how == 's' || how == 'S');
}

/* vCont;action[:thread]...: the first action is for our only thread. */
static void
vcont(struct session *s, const char *p)
{
	if (*p == '?')
		session_say(s, "vCont;c;C;s;S");
	else if (*p != ';' || p[1] == '\0' || strchr("cCsS", p[1]) == NULL)
		ok(s, false);
	else
		session_resume(s, p[1] == 's' || p[1] == 'S');
}

static void
breakpoint(struct session *s, const char *p)
{
	static const int kinds[] = {
		TKVM_BREAK_SOFT, TKVM_BREAK_HARD, TKVM_BREAK_WRITE, -1,
		TKVM_BREAK_ACCESS,
	};
	bool on = s->in.data[0] == 'Z';
	uint64_t kind, at, len;

	if (!rsp_hex(&p, &kind) || !rsp_char(&p, ',') ||
	    !range(&p, &at, &len) || (*p != '\0' && *p != ';')) {
		ok(s, false);
		return;
	}
	/* x86 cannot watch for reads alone. */
	if (kind >= sizeof kinds / sizeof kinds[0] || kinds[kind] < 0) {
		session_say(s, "");
		return;
	}
	ok(s, tkvm_debug_break(s->m, (enum tkvm_break)kinds[kind], at, len,
	    on) == 0);
}

static void
why(struct session *s, const char *p)
{
	(void)p;
	session_tell_stop(s);
}

static void
detach(struct session *s, const char *p)
{
	(void)p;
	ok(s, true);
	s->over = true;
}

static void
kill_it(struct session *s, const char *p)
{
	(void)p;
	s->end->code = tkvm_fail(s->err, TKVM_EGUEST,
	    "it was killed by its debugger");
	s->over = true;
}

/*--- questions ------------------------------------------------------------*/

static void
supported(struct session *s, const char *p)
{
	char text[256];

	s->swbreak = strstr(p, "swbreak+") != NULL;
	(void)snprintf(text, sizeof text, "PacketSize=%x;swbreak+;hwbreak+;"
	    "vContSupported+;QStartNoAckMode+;qXfer:features:read+;"
	    "qXfer:auxv:read+;qXfer:exec-file:read+", RSP_MAX);
	session_say(s, text);
}

static void
no_ack(struct session *s, const char *p)
{
	(void)p;
	ok(s, true);
	s->no_ack = true;
}

/* [offset, offset+len) of an object, as much as fits. */
static void
piece(struct session *s, const char *p, const char *object, size_t size)
{
	uint64_t at, len;

	if (!range(&p, &at, &len) || *p != '\0' || at > size) {
		ok(s, false);
		return;
	}
	if (len > RSP_MAX / 2)
		len = RSP_MAX / 2;
	if (len > size - at)
		len = size - at;
	s->out[0] = at + len < size ? 'm' : 'l';
	memcpy(s->out + 1, object + at, len);
	session_reply(s, s->out, len + 1);
}

static void
features(struct session *s, const char *p)
{
	if (s->xml[0] == '\0')
		(void)registers_xml(&s->r, s->xml, sizeof s->xml);
	piece(s, p, s->xml, strlen(s->xml));
}

static void
auxv(struct session *s, const char *p)
{
	const uint64_t v[] = {
		AT_PAGESZ, TKVM_PAGE,
		AT_ENTRY, tkvm_machine_layout(s->m)->entry,
		AT_NULL, 0,
	};

	piece(s, p, (const char *)v, sizeof v);
}

static void
exec_file(struct session *s, const char *p)
{
	const char *file = s->o->file == NULL ? "" : s->o->file;

	/* The annex, a process number, is none of ours. */
	while (*p != ':' && *p != '\0')
		p++;
	if (rsp_char(&p, ':'))
		piece(s, p, file, strlen(file));
	else
		ok(s, false);
}

static void
offsets(struct session *s, const char *p)
{
	uint64_t bias = tkvm_machine_layout(s->m)->bias;
	char text[80];

	(void)p;
	(void)snprintf(text, sizeof text, "Text=%jx;Data=%jx;Bss=%jx",
	    (uintmax_t)bias, (uintmax_t)bias, (uintmax_t)bias);
	session_say(s, text);
}

static void say_ok(struct session *s, const char *p)
{ (void)p; ok(s, true); }
static void say_one(struct session *s, const char *p)
{ (void)p; session_say(s, "1"); }
static void say_thread(struct session *s, const char *p)
{ (void)p; session_say(s, "QC1"); }
static void say_threads(struct session *s, const char *p)
{ (void)p; session_say(s, "m1"); }
static void say_no_more(struct session *s, const char *p)
{ (void)p; session_say(s, "l"); }
static void say_nothing(struct session *s, const char *p)
{ (void)p; session_say(s, ""); }

/* By their beginning; longer ones first. */
static const struct {
	const char *name;
	command_f *f;
} commands[] = {
	{"qXfer:features:read:target.xml:", features},
	{"qXfer:auxv:read::", auxv},
	{"qXfer:exec-file:read:", exec_file},
	{"QStartNoAckMode", no_ack},
	{"vMustReplyEmpty", say_nothing},
	{"qfThreadInfo", say_threads},
	{"qsThreadInfo", say_no_more},
	{"qSupported", supported},
	{"qAttached", say_one},
	{"qOffsets", offsets},
	{"vCont", vcont},
	{"qC", say_thread},
	{"?", why},
	{"g", get_all}, {"G", set_all}, {"p", get_one}, {"P", set_one},
	{"m", get_memory}, {"M", set_memory}, {"X", set_binary},
	{"c", resume}, {"C", resume}, {"s", resume}, {"S", resume},
	{"Z", breakpoint}, {"z", breakpoint},
	{"H", say_ok}, {"T", say_ok},
	{"D", detach}, {"k", kill_it},
};

void
command_run(struct session *s)
{
	const char *p = s->in.data;

	for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		size_t n = strlen(commands[i].name);

		if (strncmp(p, commands[i].name, n) == 0) {
			commands[i].f(s, p + n);
			return;
		}
	}
	session_say(s, "");
}
