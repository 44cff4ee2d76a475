/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_tinykvm.h: station 1 of 6, Varnish's side of a call.
 *
 *   gets    VCL, bereq and its body
 *   gives   beresp and its body, a string, a synthetic page
 *   owns    one library of programs per VCL, one director per program
 *   never   touches a guest: it sees programs only through tinykvm/program.h
 *
 * Threads: struct vtk_vcl and struct vtk_program change only in vcl_init and
 * in events, both of the CLI thread; everything else belongs to one task.
 */
#ifndef VMOD_TINYKVM_H
#define VMOD_TINYKVM_H

#include "compat.h"

#include "tinykvm/http.h"
#include "tinykvm/program.h"

/* One program of one VCL. */
struct vtk_program {
	unsigned magic;
#define VTK_PROGRAM_MAGIC 0x7465b81d
	struct tkvm_program *program;
	VCL_BACKEND director;
	bool start;		/* start() was called: run while warm */
	uint64_t machines;	/* its share of the counter of that name */
	struct VSC_tinykvm *vsc;
	struct vsc_seg *vsc_seg;
	pthread_mutex_t vsc_lock;
};

/* What a VCL that imports the module owns: PRIV_VCL. */
struct vtk_vcl {
	unsigned magic;
#define VTK_VCL_MAGIC 0x2b7e1516
	struct tkvm_library *library;
	struct vtk_program **program;	/* in order of definition */
	unsigned n;
	VCL_BACKEND updater;		/* what live_update() returns */
};

/* A chain under construction: PRIV_TASK, keyed by its struct vtk_vcl. */
struct vtk_chain {
	unsigned magic;
#define VTK_CHAIN_MAGIC 0x3c6ef372
	unsigned n;
	unsigned retries;	/* of the bereq that it was made for */
	struct tkvm_link link[TKVM_CHAIN_MAX];
	struct vtk_program *program[TKVM_CHAIN_MAX];
};

/* What a program said about caching, until Varnish can be told. */
struct vtk_policy {
	bool set;
	double ttl, grace, keep;	/* seconds */
	int helper_ttl, helper_grace;	/* as the helper header rounds them */
	const char *helper;	/* our part of Cache-Control, see response.c */
};

/* One fetch: PRIV_TASK, keyed by its struct vtk_program. */
struct vtk_fetch {
	unsigned magic;
#define VTK_FETCH_MAGIC 0x510e527f
	struct vtk_chain chain;
	struct tkvm_reply *reply;
	uint64_t sent;		/* of its body */
	struct vtk_policy policy;
	struct http_conn htc[1];
};

/* One live update: PRIV_TASK, keyed by its director. */
struct vtk_update {
	unsigned magic;
#define VTK_UPDATE_MAGIC 0x1be0cd19
	struct vtk_program *program;
	size_t max_size;
	const char *result;	/* JSON */
	size_t sent;
	struct http_conn htc[1];
};

/* What tkvm_transaction_ops work on. */
struct vtk_transaction {
	unsigned magic;
#define VTK_TRANSACTION_MAGIC 0x1f83d9ab
	const struct vrt_ctx *ctx;
	struct http *fields[2];		/* by enum tkvm_where, or NULL */
	struct vsl_log *vsl;
	struct vtk_policy *policy;	/* in a fetch, else NULL */
	/* The response's fields before a program, and hdf of them. */
	const char *saved, *saved_marks;
	unsigned n_saved;		/* their number; UINT_MAX: not saved */
	struct vtk_policy saved_policy;
};

/*--- vmod_event.c ---------------------------------------------------------*/

/* The VCL's object, made at its first use. NULL: out of memory, failed. */
struct vtk_vcl *vtk_vcl_make(VRT_CTX, struct vmod_priv *priv, const char *fn);
/* The VCL's object or NULL. */
struct vtk_vcl *vtk_vcl_get(const struct vmod_priv *priv);
/* Give each program that has none its director; -1 and VRT_fail. */
int vtk_vcl_sync(VRT_CTX, struct vtk_vcl *v, const char *fn);

/*--- vmod_tinykvm.c -------------------------------------------------------*/

/* Is this one of the subroutines subs, called names? Else VRT_fail. */
bool vtk_only_in(VRT_CTX, const char *fn, unsigned subs, const char *names);
/* Is it neither NULL nor ""? Else VRT_fail; what it is called. */
bool vtk_not_empty(VRT_CTX, const char *fn, const char *what,
    const char *value);

/*--- vmod_director.c ------------------------------------------------------*/

extern const struct vdi_methods vtk_director_methods[1];

/*--- vmod_chain.c ---------------------------------------------------------*/

/*
 * The program of that name; else VRT_fail with the remedy, and counted.
 */
struct vtk_program *vtk_program_find(VRT_CTX, const struct vmod_priv *priv,
    const char *fn, const char *name);
/* The task's chain under construction; NULL and VRT_fail. */
struct vtk_chain *vtk_chain_get(VRT_CTX, struct vtk_vcl *v, const char *fn);
/* Add a program; -1 and VRT_fail when the chain is full. */
int vtk_chain_add(VRT_CTX, struct vtk_chain *c, const char *fn,
    struct vtk_program *p, const char *url, const char *arg, int threshold,
    bool pass_original);
/* Begin it with a self-request; -1 and VRT_fail when it is not the first. */
int vtk_chain_fetch(VRT_CTX, struct vtk_chain *c, const struct vtk_vcl *v,
    const char *path, const char *json, int threshold);
/*
 * Run a chain. 0 and a reply for vtk_chain_done(), or the library's code and
 * no reply; the reason is logged under tag.
 */
int vtk_chain_run(VRT_CTX, const struct vtk_chain *c,
    const struct tkvm_request *req, enum VSL_tag_e tag,
    struct tkvm_reply **rp) TKVM_MUST_CHECK;
/*
 * The reply has been used: clean the machine, log and count what it cost, free
 * it. *rp becomes NULL; NULL is fine.
 */
void vtk_chain_done(struct vsl_log *vsl, const struct vtk_chain *c,
    struct tkvm_reply **rp);
/* One program ran, see tkvm_transaction_ops. */
void vtk_chain_ran(VRT_CTX, struct vsl_log *vsl,
    const struct tkvm_reply *reply);
/* Why the task's last call failed; NULL: it did not. */
void vtk_reason_set(VRT_CTX, const char *text);
const char *vtk_reason_get(VRT_CTX);

/*--- vmod_request.c -------------------------------------------------------*/

/* Has bereq a body that may be read? */
bool vtk_body_present(const struct busyobj *bo);
/* tkvm_request.each_piece; priv is a struct vtk_transaction. */
int vtk_body_each(void *priv,
    int (*piece)(void *arg, const void *data, size_t len), void *arg,
    struct tkvm_err *err);

/*--- vmod_response.c ------------------------------------------------------*/

/*
 * Between them beresp is built, logged once: some releases of Varnish log its
 * headers themselves when gethdrs is back.
 */
void vtk_beresp_begin(struct busyobj *bo);
void vtk_beresp_end(struct busyobj *bo);

/*
 * Turn f->reply into beresp and push the filter that delivers its body.
 * -1 with a sentence in *err; then nothing was pushed.
 */
int vtk_response(struct busyobj *bo, struct vtk_fetch *f,
    struct tkvm_err *err) TKVM_MUST_CHECK;

/*--- vmod_update.c --------------------------------------------------------*/

extern const struct vdi_methods vtk_update_methods[1];

/*--- vmod_fields.c --------------------------------------------------------*/

extern const struct tkvm_transaction_ops vtk_fields_ops;

/* Look at the transaction that ctx belongs to. */
void vtk_fields_init(VRT_CTX, struct vtk_transaction *t,
    struct vtk_policy *policy);
/* Set or replace a header from our own text; -1 when there is no room. */
int vtk_fields_set(struct http *hp, const char *line);
/*
 * Set Content-Type, unless it is NULL, empty or no header text; -1 when there
 * is no room.
 */
int vtk_fields_content_type(struct http *hp, const char *type);
/* Remove a header by its name without colon. */
void vtk_fields_unset(struct http *hp, const char *name);
/* A header's value, or NULL. */
const char *vtk_fields_get(const struct http *hp, const char *name);

/*--- vmod_log.c -----------------------------------------------------------*/

/* A struct tkvm_log's function: lines that belong to no transaction. */
void vtk_log_background(void *priv, const char *program, const char *text);
/* The same for why a program does not run, under Error. */
void vtk_log_failure(void *priv, const char *program, const char *text);
/* And for what programs print on the worker's standard output, if told to. */
void vtk_log_output(void *priv, const char *program, const char *text);
/* One line that says why a chain could not run. */
void vtk_log_failed(struct vsl_log *vsl, enum VSL_tag_e tag,
    const struct vtk_chain *c, const char *text);
/* A failed program's reason, under Error. */
void vtk_log_reason(struct vsl_log *vsl, const struct tkvm_reply *reply);
/* The record of one execution, "tinykvm_run: ..." as the manual has it. */
void vtk_log_run(struct vsl_log *vsl, const struct tkvm_reply *reply);
/*
 * name with what would spoil columns as %XX, and a hash for what does not fit;
 * size is 32 or more. Returns buf.
 */
const char *vtk_plain_name(const char *name, char *buf, size_t size);

/*--- vmod_counters.c ------------------------------------------------------*/

/* First and last VCL that imports the module. */
void vtk_counters_create(void);
void vtk_counters_destroy(void);
void vtk_counters_notfound(void);
/* A chain begins; one of its programs ran, or no machine could run it. */
void vtk_counters_request(void);
void vtk_counters_run(const struct tkvm_reply *reply);
/* Of one program: make its segment, -1 without memory; free it. */
int vtk_counters_add(VRT_CTX, struct vtk_program *p);
void vtk_counters_remove(struct vtk_program *p);
/* Bring what varnishstat shows of a program up to date. */
void vtk_counters_update(struct vtk_program *p);

#endif
