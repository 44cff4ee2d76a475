/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEBUG_DEBUG_PRIV_H
#define DEBUG_DEBUG_PRIV_H

#include "base/num.h"
#include "debug/debug.h"

/*--- rsp.c: packets -------------------------------------------------------*/

/* Bytes of a packet's payload, either way. A multiple of 256. */
#define RSP_MAX 4096

enum rsp_event {
	RSP_NOTHING,
	RSP_PACKET,		/* in->data[0..n), NUL-terminated */
	RSP_BAD,		/* wrong checksum or too long */
	RSP_INTERRUPT,		/* ^C */
};
struct rsp_in {
	enum { RSP_IDLE, RSP_DATA, RSP_ESCAPE, RSP_SUM1, RSP_SUM2 } state;
	size_t n;
	bool too_long;
	uint8_t sum, want;
	char data[RSP_MAX + 1];
};

/* One byte from the peer. */
enum rsp_event rsp_feed(struct rsp_in *in, unsigned char c);

/*
 * Frame n <= RSP_MAX bytes, escaped. out has RSP_FRAME bytes; the length.
 */
#define RSP_FRAME (2 * RSP_MAX + 4)
size_t rsp_frame(const char *data, size_t n, char *out);

/* Parse at *p and move behind: a hexadecimal number; one given character. */
bool rsp_hex(const char **p, uint64_t *v);
bool rsp_char(const char **p, char c);
/* 2 * n digits into n bytes; false when there are fewer. */
bool rsp_bytes(const char **p, uint8_t *to, size_t n);
/* n bytes as 2 * n digits and a NUL. */
void rsp_to_hex(const void *from, size_t n, char *to);

/*--- registers.c: gdb's register file -------------------------------------*/

struct registers {
	struct tkvm_regs regs;
	uint64_t components;	/* XCR0 */
	uint8_t xsave[TKVM_PAGE] __attribute__((aligned(64)));
};
/* Number of registers; those of AVX only where the guest has it. */
unsigned registers_n(const struct registers *r);
size_t registers_size(unsigned n);
#define REGISTER_MAX 16
void registers_get(const struct registers *r, unsigned n, uint8_t *to);
/* *wide: extended state has changed. Segments and the like stay. */
void registers_set(struct registers *r, unsigned n, const uint8_t *from,
    bool *wide);
/* target.xml; its length, less than size. */
size_t registers_xml(const struct registers *r, char *buf, size_t size);

/*--- serve.c --------------------------------------------------------------*/

struct session {
	struct tkvm_machine *m;
	const struct debug_options *o;
	struct debug_end *end;
	struct tkvm_err *err;
	int fd;
	bool no_ack, swbreak, over;
	uint64_t last_ns, until_ns;
	struct tkvm_stop stop;
	int signal;			/* gdb's number for why it stopped */
	struct rsp_in in;
	char raw[512];
	size_t raw_at, raw_n;
	char out[RSP_MAX + 1];
	char frame[RSP_FRAME];
	uint8_t bytes[RSP_MAX / 2];
	struct registers r;
	char xml[12288];
};
void session_reply(struct session *s, const char *data, size_t n);
void session_say(struct session *s, const char *text);
/* Continue or step; answers when it stops. */
void session_resume(struct session *s, bool step);
void session_tell_stop(struct session *s);

/* commands.c */
void command_run(struct session *s);

/*--- listen.c -------------------------------------------------------------*/

struct listener {
	int fd;
	char path[108], folder[108];	/* "": none */
	char target[128];		/* for "target remote" */
};
int listener_open(struct listener *l, const char *where, const char *program,
    struct tkvm_err *err) TKVM_MUST_CHECK;
void listener_close(struct listener *l);

#endif
