/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_chain.c: from names in VCL to a chain of programs, and running it.
 *
 * A chain under construction belongs to its task and to the attempt (retry)
 * that builds it: what program(), to_string() or synth() did not use up is
 * forgotten with the task, and never seen by another request.
 */
#include <stdio.h>

#include "vmod_tinykvm.h"

#define REMEDY "define it in vcl_init with tinykvm.library() or " \
	"tinykvm.configure()"

struct vtk_program *
vtk_program_find(VRT_CTX, const struct vmod_priv *priv, const char *fn,
    const char *name)
{
	struct vtk_vcl *v;
	struct tkvm_program *program;

	if (name == NULL || *name == '\0') {
		VRT_fail(ctx, "tinykvm.%s(): the program's name is empty; is "
		    "it taken from a header that is not there?", fn);
		return (NULL);
	}
	v = vtk_vcl_get(priv);
	program = v == NULL ? NULL : tkvm_library_find(v->library, name);
	if (program != NULL) {
		for (unsigned i = 0; i < v->n; i++)
			if (v->program[i]->program == program)
				return (v->program[i]);
	}
	vtk_counters_notfound();
	VRT_fail(ctx, "tinykvm.%s(): there is no program \"%.100s\"; " REMEDY,
	    fn, name);
	return (NULL);
}

struct vtk_chain *
vtk_chain_get(VRT_CTX, struct vtk_vcl *v, const char *fn)
{
	unsigned retries = ctx->bo != NULL ? ctx->bo->retries : 0;
	struct vmod_priv *pt;
	struct vtk_chain *c;

	CHECK_OBJ_NOTNULL(v, VTK_VCL_MAGIC);
	pt = VRT_priv_task(ctx, v);
	if (pt != NULL && pt->priv == NULL) {
		c = WS_Alloc(ctx->ws, sizeof *c);
		if (c != NULL)
			INIT_OBJ(c, VTK_CHAIN_MAGIC);
		pt->priv = c;
	}
	if (pt == NULL || pt->priv == NULL) {
		VRT_fail(ctx, "tinykvm.%s(): out of workspace; raise the "
		    "parameter workspace_%s", fn,
		    ctx->req == NULL ? "backend" : "client");
		return (NULL);
	}
	CAST_OBJ_NOTNULL(c, pt->priv, VTK_CHAIN_MAGIC);
	if (c->retries != retries) {
		c->n = 0;
		c->retries = retries;
	}
	return (c);
}

int
vtk_chain_add(VRT_CTX, struct vtk_chain *c, const char *fn,
    struct vtk_program *p, const char *url, const char *arg, int threshold,
    bool pass_original)
{
	struct tkvm_link *l;

	CHECK_OBJ_ORNULL(p, VTK_PROGRAM_MAGIC);
	if (c->n == TKVM_CHAIN_MAX) {
		c->n = 0;
		VRT_fail(ctx, "tinykvm.%s(): a chain has at most %d programs, "
		    "the last one included; shorten it", fn, TKVM_CHAIN_MAX);
		return (-1);
	}
	c->program[c->n] = p;
	l = &c->link[c->n++];
	l->program = p == NULL ? NULL : p->program;
	l->fetch = NULL;
	l->url = url != NULL ? url : "";
	l->arg = arg != NULL ? arg : "";
	l->error_threshold = threshold;
	l->pass_original = pass_original;
	return (0);
}

int
vtk_chain_fetch(VRT_CTX, struct vtk_chain *c, const struct vtk_vcl *v,
    const char *path, const char *json, int threshold)
{
	if (c->n != 0) {
		c->n = 0;
		VRT_fail(ctx, "tinykvm.chain(): a fetch of \"%.100s\" must be "
		    "the first of its chain", path);
		return (-1);
	}
	if (vtk_chain_add(ctx, c, "chain", NULL, path, json, threshold,
	    false) != 0)
		return (-1);
	c->link[0].fetch = v->library;
	return (0);
}

/* Bring varnishstat up to date with all programs of a chain. */
static void
update_counters(const struct vtk_chain *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->program[i] != NULL)
			vtk_counters_update(c->program[i]);
}

/*--- why the last call failed ---------------------------------------------*/

static const int reason_key;

struct reason {
	unsigned magic;
#define REASON_MAGIC 0x4a1c9d36
	char text[256];
};

void
vtk_reason_set(VRT_CTX, const char *text)
{
	struct vmod_priv *pt;
	struct reason *r;

	pt = text == NULL ? VRT_priv_task_get(ctx, &reason_key) :
	    VRT_priv_task(ctx, &reason_key);
	if (pt == NULL)
		return;
	if (pt->priv == NULL) {
		/* Without room there is no reason; the log has it. */
		r = text == NULL ? NULL : WS_Alloc(ctx->ws, sizeof *r);
		if (r == NULL)
			return;
		INIT_OBJ(r, REASON_MAGIC);
		pt->priv = r;
	}
	CAST_OBJ_NOTNULL(r, pt->priv, REASON_MAGIC);
	(void)snprintf(r->text, sizeof r->text, "%s", text == NULL ? "" : text);
}

const char *
vtk_reason_get(VRT_CTX)
{
	struct vmod_priv *pt = VRT_priv_task_get(ctx, &reason_key);
	struct reason *r;

	if (pt == NULL || pt->priv == NULL)
		return (NULL);
	CAST_OBJ_NOTNULL(r, pt->priv, REASON_MAGIC);
	return (*r->text == '\0' ? NULL : WS_Copy(ctx->ws, r->text, -1));
}

/*--- running --------------------------------------------------------------*/

int
vtk_chain_run(VRT_CTX, const struct vtk_chain *c,
    const struct tkvm_request *req, enum VSL_tag_e tag,
    struct tkvm_reply **rp)
{
	struct tkvm_err err;
	int r;

	CHECK_OBJ_NOTNULL(c, VTK_CHAIN_MAGIC);
	assert(c->n > 0);
	err.text[0] = '\0';
	vtk_counters_request();
	vtk_reason_set(ctx, NULL);
	r = tkvm_chain_call(c->link, c->n, req, rp, &err);
	if (r != 0) {
		AZ(*rp);
		vtk_reason_set(ctx, err.text);
		vtk_log_failed(ctx->vsl, tag, c, err.text);
		update_counters(c);
		return (r);
	}
	AN(*rp);
	if ((*rp)->error.code != TKVM_OK) {
		vtk_reason_set(ctx, (*rp)->error.text);
		vtk_log_reason(ctx->vsl, *rp);
	}
	return (0);
}

void
vtk_chain_ran(VRT_CTX, struct vsl_log *vsl, const struct tkvm_reply *reply)
{
	/* Who called a chain that ended so says why, under a tag of his own. */
	if (reply->error.code != TKVM_OK && !reply->ended) {
		vtk_reason_set(ctx, reply->error.text);
		vtk_log_reason(vsl, reply);
	}
	vtk_log_run(vsl, reply);
	vtk_counters_run(reply);
}

void
vtk_chain_done(struct vsl_log *vsl, const struct vtk_chain *c,
    struct tkvm_reply **rp)
{
	CHECK_OBJ_NOTNULL(c, VTK_CHAIN_MAGIC);
	if (*rp == NULL)
		return;
	tkvm_reply_finish(*rp);
	if (!(*rp)->original) {
		vtk_log_run(vsl, *rp);
		vtk_counters_run(*rp);
	}
	tkvm_reply_release(rp);
	update_counters(c);
}
