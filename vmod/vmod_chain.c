/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_chain.c: from names in VCL to a chain of programs, and running it.
 *
 * A chain under construction belongs to its task and to the attempt (retry)
 * that builds it: what program(), to_string() or synth() did not use up is
 * forgotten with the task, and never seen by another request.
 */
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
		    ctx->bo != NULL ? "backend" : "client");
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
    const struct vtk_program *p, const char *url, const char *arg,
    int threshold)
{
	struct tkvm_link *l;

	CHECK_OBJ_NOTNULL(p, VTK_PROGRAM_MAGIC);
	if (c->n == TKVM_CHAIN_MAX) {
		c->n = 0;
		VRT_fail(ctx, "tinykvm.%s(): a chain has at most %d programs, "
		    "the last one included; shorten it", fn, TKVM_CHAIN_MAX);
		return (-1);
	}
	l = &c->link[c->n++];
	l->program = p->program;
	l->url = url != NULL ? url : "";
	l->arg = arg != NULL ? arg : "";
	l->error_threshold = threshold;
	return (0);
}

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
	if (req->body != NULL)
		vtk_counters_body(req->body_len);
	r = tkvm_chain_call(c->link, c->n, req, rp, &err);
	if (r != 0) {
		AZ(*rp);
		vtk_counters_failed(r);
		vtk_log_failed(ctx->vsl, tag, c, err.text);
		return (r);
	}
	AN(*rp);
	vtk_counters_reply(*rp);
	vtk_log_reply(ctx->vsl, c, *rp);
	return (0);
}
