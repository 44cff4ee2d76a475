/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_director.c: a program as a Varnish backend.
 *
 * program() left a struct vtk_fetch with the task, keyed by the program;
 * gethdrs runs it, the filter of vmod_response.c delivers the body, finish
 * lets go of the reply and with it of the machine.
 */
#include "vmod_tinykvm.h"

/* What the client may learn; the log has the whole sentence. */
static const struct director_reason {
	int code;
	uint16_t status;
	const char *reason;
} director_reasons[] = {
	{TKVM_EBUSY, 503, "Program is busy"},
	{TKVM_EFILE, 503, "Program cannot be loaded"},
	{TKVM_ECONFIG, 503, "Program is not configured"},
	{TKVM_EGUEST, 503, "Program did not start"},
	{TKVM_ETIMEOUT, 504, "Program did not start in time"},
	{TKVM_EWORKMEM, 503, "Program did not start in its memory"},
	{TKVM_EBODY, 503, "Request body not delivered"},
	{TKVM_ETOOLARGE, 413, "Request body too large"},
	{TKVM_EHOST, 503, "Virtual machines are not available"},
	{0, 503, "Backend fetch failed"},
};

static int
director_fail(struct busyobj *bo, int code)
{
	const struct director_reason *r = director_reasons;

	while (r->code != code && r->code != 0)
		r++;
	bo->err_code = r->status;
	bo->err_reason = r->reason;
	return (-1);
}

static struct vtk_fetch *
director_fetch(VRT_CTX, const struct vtk_program *p)
{
	struct vmod_priv *pt;
	struct vtk_fetch *f;

	pt = VRT_priv_task_get(ctx, p);
	if (pt == NULL || pt->priv == NULL)
		return (NULL);
	CAST_OBJ_NOTNULL(f, pt->priv, VTK_FETCH_MAGIC);
	return (f);
}

static int
director_run(VRT_CTX, struct vtk_fetch *f)
{
	struct busyobj *bo = ctx->bo;
	const char *type = vtk_fields_get(bo->bereq, "Content-Type");
	struct vtk_transaction t;
	struct tkvm_request req = {
		.method = http_GetMethod(bo->bereq),
		.url = f->chain.link[0].url,
		.arg = f->chain.link[0].arg,
		.content_type = type != NULL ? type : "",
		.each_piece = vtk_body_present(bo) ? vtk_body_each : NULL,
		.ops = &vtk_fields_ops,
		.priv = &t,
	};

	/* Only if VCL sets it: the default is meant for networks. */
	if (bo->first_byte_timeout > 0)
		req.max_seconds = bo->first_byte_timeout;
	vtk_fields_init(ctx, &t, &f->policy);
	return (vtk_chain_run(ctx, &f->chain, &req, SLT_FetchError,
	    &f->reply));
}

static int
director_answer(VRT_CTX, struct vtk_fetch *f)
{
	struct busyobj *bo = ctx->bo;
	struct tkvm_err err;
	int r;

	vtk_beresp_begin(bo);
	r = director_run(ctx, f);
	if (r == 0) {
		r = vtk_response(bo, f, &err);
		if (r != 0) {
			VSLb(bo->vsl, SLT_FetchError, "tinykvm: %s", err.text);
			vtk_chain_done(bo->vsl, &f->chain, &f->reply);
		}
	}
	vtk_beresp_end(bo);
	return (r != 0 ? director_fail(bo, r) : 0);
}

static int
director_gethdrs(VRT_CTX, VCL_BACKEND d)
{
	struct vtk_program *p;
	struct vtk_fetch *f;

	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	CHECK_OBJ_NOTNULL(ctx->bo, BUSYOBJ_MAGIC);
	CHECK_OBJ_NOTNULL(d, DIRECTOR_MAGIC);
	CAST_OBJ_NOTNULL(p, d->priv, VTK_PROGRAM_MAGIC);
	AZ(ctx->bo->htc);

	f = director_fetch(ctx, p);
	if (f == NULL) {
		VSLb(ctx->bo->vsl, SLT_FetchError, "tinykvm: %s: call "
		    "tinykvm.program() in vcl_backend_fetch of this request",
		    tkvm_program_name(p->program));
		return (-1);
	}
	/* An administrator's "sick" binds only those who look. */
	if (!VRT_Healthy(ctx, d, NULL)) {
		VSLb(ctx->bo->vsl, SLT_FetchError, "tinykvm: %s: set to sick "
		    "by backend.set_health", tkvm_program_name(p->program));
		return (-1);
	}
	AZ(f->reply);
	memset(&f->policy, 0, sizeof f->policy);
	f->sent = 0;
	return (director_answer(ctx, f));
}

static void
director_finish(VRT_CTX, VCL_BACKEND d)
{
	struct vtk_fetch *f;

	(void)d;
	CHECK_OBJ_NOTNULL(ctx->bo, BUSYOBJ_MAGIC);
	CHECK_OBJ_NOTNULL(ctx->bo->htc, HTTP_CONN_MAGIC);
	CAST_OBJ_NOTNULL(f, ctx->bo->htc->priv, VTK_FETCH_MAGIC);
	ctx->bo->htc->priv = NULL;
	ctx->bo->htc = NULL;
	vtk_chain_done(ctx->bo->vsl, &f->chain, &f->reply);
}

static VCL_BOOL
director_healthy(VRT_CTX, VCL_BACKEND d, VCL_TIME *changed)
{
	(void)ctx;
	CHECK_OBJ_NOTNULL(d, DIRECTOR_MAGIC);
	if (changed != NULL)
		*changed = 0;
	return (1);
}

static void
list_json(struct vsb *vsb, const struct tkvm_counters *c, const char *state)
{
	VSB_printf(vsb, "{\"state\": \"%s\", \"machines\": %ju, "
	    "\"idle\": %ju, \"waiting\": %ju, \"invocations\": %ju, "
	    "\"exceptions\": %ju, \"timeouts\": %ju}", state,
	    (uintmax_t)c->machines, (uintmax_t)c->idle, (uintmax_t)c->waiting,
	    (uintmax_t)c->invocations, (uintmax_t)c->exceptions,
	    (uintmax_t)c->timeouts);
}

/* More lines; a tab in them would be a column, and newer releases count. */
static void
list_lines(struct vsb *vsb, const struct tkvm_counters *c, const char *state,
    const char *why)
{
	VSB_printf(vsb, "\n  state: %s%s", state, *why == '\0' ? "" : ", ");
	for (; *why != '\0'; why++)
		(void)VSB_putc(vsb, *why == '\t' ? ' ' : *why);
	VSB_printf(vsb, "\n  machines: %ju, idle: %ju, waiting requests: %ju",
	    (uintmax_t)c->machines, (uintmax_t)c->idle, (uintmax_t)c->waiting);
	VSB_printf(vsb, "\n  invocations: %ju, exceptions: %ju, timeouts: %ju",
	    (uintmax_t)c->invocations, (uintmax_t)c->exceptions,
	    (uintmax_t)c->timeouts);
}

/* For backend.list: a row, -p more lines, -j JSON, -p -j both. */
static void
director_list(VRT_CTX, VCL_BACKEND d, struct vsb *vsb, int pflag, int jflag)
{
	struct vtk_program *p;
	struct tkvm_counters c;
	struct tkvm_err why = {.text = ""};
	const char *state;

	(void)ctx;
	CAST_OBJ_NOTNULL(p, d->priv, VTK_PROGRAM_MAGIC);
	tkvm_program_counters(p->program, &c);
	state = tkvm_program_state(p->program, &why);
	if (strcmp(state, "ready") == 0)
		state = "good";
	if (jflag) {
		list_json(vsb, &c, state);
		if (pflag)
			VSB_cat(vsb, ",\n");
	} else if (pflag) {
		list_lines(vsb, &c, state, why.text);
	} else {
		VSB_printf(vsb, "%ju/%ju\t%s", (uintmax_t)c.idle,
		    (uintmax_t)c.machines, state);
	}
}

static void
director_panic(VCL_BACKEND d, struct vsb *vsb)
{
	struct vtk_program *p;

	CAST_OBJ_NOTNULL(p, d->priv, VTK_PROGRAM_MAGIC);
	VSB_printf(vsb, "program = %s,\n", tkvm_program_name(p->program));
}

const struct vdi_methods vtk_director_methods[1] = {{
	.magic = VDI_METHODS_MAGIC,
	.type = "tinykvm",
	.gethdrs = director_gethdrs,
	.finish = director_finish,
	.healthy = director_healthy,
	.list = director_list,
	.panic = director_panic,
}};
