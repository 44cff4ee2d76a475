/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http_rig.h: a real program on src/linux and src/http, and requests to it in
 * one line.
 */
#ifndef HTTP_RIG_H
#define HTTP_RIG_H

#include "../unit/http_lines.h"
#include "linux/linux.h"
#include "tinykvm/host.h"

#define NEED_KVM() do { \
	static struct tkvm_err skip_; \
	const struct tkvm_host *host_; \
	if (tkvm_host_probe(&host_, &skip_) != 0) \
		SKIP(skip_.text); \
} while (0)

#define SPACE (64ull << 20)
#define REQUEST_BYTES (8ull << 20)

struct rig {
	unsigned char *elf;
	size_t elf_size;
	struct http_program program;
	struct http_state *boot_http, *http;
	struct linux_state *boot_linux, *linux_state;
	struct tkvm_machine *boot, *m;
	struct tkvm_image *image;
	struct tkvm_request req;
	struct lines lines;
	struct tkvm_reply reply;
	struct tkvm_err err;
	char *body;		/* of the reply, with a NUL; freed by rig_end */
};

static inline uint64_t
rig_soon(void)
{
	return (tkvm_now_ns() + 20000000000u);
}

static inline void
rig_output(void *priv, int fd, const void *data, size_t len)
{
	(void)priv;
	(void)fd;
	fwrite(data, 1, len, stdout);
}

static inline int
rig_read(struct rig *rig, const char *path)
{
	FILE *f = fopen(path, "rb");
	long n = -1;

	if (f != NULL && fseek(f, 0, SEEK_END) == 0)
		n = ftell(f);
	if (n <= 0)
		return (tkvm_fail(&rig->err, TKVM_EFILE, "cannot read %s",
		    path));
	rewind(f);
	rig->elf = malloc((size_t)n);
	rig->elf_size = rig->elf == NULL ? 0 : fread(rig->elf, 1, (size_t)n,
	    f);
	fclose(f);
	return (0);
}

static inline int
rig_boot(struct rig *rig, const char *arg)
{
	static const struct http_limits limits = {SPACE, REQUEST_BYTES};
	static char photo_name[] = "/photo", photo_file[] = "README.md";
	static struct linux_path photo[] = {
		{photo_name, photo_file, .prefix = false},
	};
	static const struct linux_rules rules = {
		.paths = photo, .n_paths = 1, .output = rig_output,
	};
	const char *const argv[] = {"rig", arg, NULL};
	const char *const envp[] = {"KVM_NAME=rig", "KVM_TYPE=request", NULL};
	struct tkvm_boot boot = {
		.elf = rig->elf, .elf_size = rig->elf_size, .argv = argv,
		.envp = envp, .address_space_bytes = SPACE,
		.max_memory_bytes = SPACE,
	};
	int r;

	http_scan_abi(rig->elf, rig->elf_size, &rig->program);
	r = linux_new(&rules, NULL, &rig->boot_linux, &rig->err);
	if (r == 0)
		r = http_new(&rig->program, &limits, &rig->boot_http,
		    &rig->err);
	boot.calls = (struct tkvm_calls){linux_call, rig->boot_linux,
	    http_call, rig->boot_http};
	if (r == 0)
		r = tkvm_machine_boot(&boot, &rig->boot, &rig->err);
	if (r == 0)
		r = tkvm_machine_run(rig->boot, rig_soon(), &rig->err);
	if (r == 0 && !http_waiting(rig->boot_http))
		r = tkvm_fail(&rig->err, TKVM_EGUEST, "it does not wait");
	return (r);
}

static inline int
rig_fork(struct rig *rig)
{
	static const struct http_limits limits = {SPACE, REQUEST_BYTES};
	struct tkvm_calls calls;
	int r;

	r = tkvm_machine_freeze(rig->boot, &rig->image, &rig->err);
	linux_freeze(rig->boot_linux);
	if (r == 0)
		r = linux_fork(rig->boot_linux, NULL, &rig->linux_state,
		    &rig->err);
	if (r == 0)
		r = http_fork(&rig->program, &limits, &rig->http, &rig->err);
	calls = (struct tkvm_calls){linux_call, rig->linux_state, http_call,
	    rig->http};
	return (r != 0 ? r : tkvm_machine_fork(rig->image, &calls, 7,
	    REQUEST_BYTES, &rig->m, &rig->err));
}

/* What every request starts with; then rig->req may be changed. */
static inline void
rig_request(struct rig *rig, const char *url, const char *arg)
{
	memset(&rig->lines, 0, sizeof rig->lines);
	rig->lines.cacheable = -1;
	rig->req = (struct tkvm_request){.method = "GET", .url = url,
	    .arg = arg, .content_type = "", .ops = &lines_ops,
	    .priv = &rig->lines};
}

static inline void
rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof *rig);
}

/* A waiting program and a fork of it. */
static inline int
rig_start(struct rig *rig, const char *path, const char *arg)
{
	int r;

	rig_init(rig);
	rig_request(rig, "", "");
	r = rig_read(rig, path);
	if (r == 0)
		r = rig_boot(rig, arg);
	return (r == 0 ? rig_fork(rig) : r);
}

static inline void
rig_end(struct rig *rig)
{
	tkvm_machine_destroy(&rig->m);
	if (rig->http != NULL)
		http_destroy(&rig->http);
	linux_destroy(&rig->linux_state);
	tkvm_machine_destroy(&rig->boot);
	tkvm_image_destroy(&rig->image);
	if (rig->boot_http != NULL)
		http_destroy(&rig->boot_http);
	http_program_free(&rig->program);
	linux_destroy(&rig->boot_linux);
	free(rig->elf);
	free(rig->body);
}

/* Take the answer out of the machine. */
static inline int
rig_take(struct rig *rig)
{
	int r = http_reply(rig->http, rig->m, &rig->reply, &rig->err);

	free(rig->body);
	rig->body = NULL;
	if (r != 0)
		return (r);
	rig->body = calloc(1, rig->reply.body_len + 1);
	if (rig->body == NULL)
		return (tkvm_fail(&rig->err, TKVM_ENOMEM, "no memory"));
	memcpy(rig->body, rig->reply.body_len == 0 ? "" : rig->reply.body,
	    rig->reply.body_len);
	return (0);
}

/* rig->req to its end, without cleaning the machine. */
static inline int
rig_run(struct rig *rig, uint64_t deadline_ns)
{
	int r = http_begin(rig->http, rig->m, &rig->req, &rig->err);

	if (r == 0)
		r = tkvm_machine_run(rig->m, deadline_ns, &rig->err);
	return (r == 0 ? rig_take(rig) : r);
}

/* The program's own answer to rig->err. */
static inline int
rig_on_error(struct rig *rig)
{
	char reason[sizeof rig->err.text];
	int r;

	memcpy(reason, rig->err.text, sizeof reason);
	if (http_begin_on_error(rig->http, rig->m, &rig->req, reason) != 0)
		return (-1);
	r = tkvm_machine_run(rig->m, rig_soon(), &rig->err);
	return (r == 0 ? rig_take(rig) : r);
}

static inline int
rig_reset(struct rig *rig)
{
	struct tkvm_err err;

	http_reset(rig->http);
	http_wipe(rig->http);
	linux_reset(rig->linux_state);
	return (tkvm_machine_reset(rig->m, &err));
}

/* A GET and cleaning up: 0 or the code of the failure. */
static inline int
rig_get(struct rig *rig, const char *url, const char *arg)
{
	int r;

	rig_request(rig, url, arg);
	r = rig_run(rig, rig_soon());
	return (rig_reset(rig) != 0 ? TKVM_EHOST : r);
}

/* The same with rig->req as it is. */
static inline int
rig_send(struct rig *rig)
{
	int r = rig_run(rig, rig_soon());

	return (rig_reset(rig) != 0 ? TKVM_EHOST : r);
}

#define CHECK_RIG(rig, expr) do { \
	int r_ = (expr); \
	if (r_ != 0) \
		TEST_FAIL("%s failed (%d): %s", #expr, r_, (rig)->err.text); \
} while (0)
/* A failure with a reason. */
#define CHECK_WHY(rig, expr, want, why) do { \
	CHECK_EQ(expr, want); \
	CHECK_HAS((rig)->err.text, why); \
} while (0)

#endif
