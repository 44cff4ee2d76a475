/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_tinykvm.c: the functions VCL calls. Each checks its arguments and the
 * subroutine it is called from, says what is wrong and what to do about it,
 * and leaves the work to its neighbours.
 */
#include <stdlib.h>

#include "vmod_tinykvm.h"

#include "vcc_tinykvm_if.h"

/* A threshold that no status reaches. */
#define NO_THRESHOLD 1000

bool
vtk_only_in(VRT_CTX, const char *fn, unsigned subs, const char *names)
{
	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	if (ctx->method & subs)
		return (true);
	VRT_fail(ctx, "tinykvm.%s(): works only in %s; move the call there",
	    fn, names);
	return (false);
}

bool
vtk_not_empty(VRT_CTX, const char *fn, const char *what, const char *value)
{
	if (value != NULL && *value != '\0')
		return (true);
	VRT_fail(ctx, "tinykvm.%s(): %s is empty; pass a string that is not",
	    fn, what);
	return (false);
}

static bool
good_threshold(VRT_CTX, const char *fn, VCL_INT threshold)
{
	if (threshold >= 100 && threshold <= NO_THRESHOLD)
		return (true);
	VRT_fail(ctx, "tinykvm.%s(): error_treshold is %jd; it must be a "
	    "status from 100 to 1000", fn, (intmax_t)threshold);
	return (false);
}

/*--- vcl_init -------------------------------------------------------------*/

VCL_BOOL
vmod_library(VRT_CTX, struct vmod_priv *priv, VCL_STRING uri)
{
	struct tkvm_err err;
	struct vtk_vcl *v;

	if (!vtk_only_in(ctx, "library", VCL_MET_INIT, "vcl_init") ||
	    !vtk_not_empty(ctx, "library", "the path or URI", uri))
		return (0);
	v = vtk_vcl_make(ctx, priv, "library");
	if (v == NULL)
		return (0);
	if (tkvm_library_load_uri(v->library, uri, &err) != 0) {
		VRT_fail(ctx, "tinykvm.library(): %s", err.text);
		return (0);
	}
	return (vtk_vcl_sync(ctx, v, "library") == 0);
}

VCL_BOOL
vmod_configure(VRT_CTX, struct vmod_priv *priv, VCL_STRING program,
    VCL_STRING json)
{
	struct tkvm_err err;
	struct vtk_vcl *v;

	if (!vtk_only_in(ctx, "configure", VCL_MET_INIT, "vcl_init") ||
	    !vtk_not_empty(ctx, "configure", "the program's name", program) ||
	    !vtk_not_empty(ctx, "configure", "the JSON text", json))
		return (0);
	v = vtk_vcl_make(ctx, priv, "configure");
	if (v == NULL)
		return (0);
	if (tkvm_library_configure(v->library, program, json, &err) != 0) {
		VRT_fail(ctx, "tinykvm.configure(): %s", err.text);
		return (0);
	}
	return (vtk_vcl_sync(ctx, v, "configure") == 0);
}

VCL_BOOL
vmod_init_self_requests(VRT_CTX, struct vmod_priv *priv,
    VCL_STRING unix_socket, VCL_STRING http_prefix,
    VCL_INT max_concurrent_requests, VCL_INT max_depth)
{
	const char fn[] = "init_self_requests";
	struct tkvm_err err;
	struct vtk_vcl *v;

	if (!vtk_only_in(ctx, fn, VCL_MET_INIT, "vcl_init") ||
	    !vtk_not_empty(ctx, fn, "the prefix", http_prefix))
		return (0);
	v = vtk_vcl_make(ctx, priv, fn);
	if (v == NULL)
		return (0);
	if (max_concurrent_requests > 100000 || max_concurrent_requests < 0)
		max_concurrent_requests = 0;
	if (max_depth > 100 || max_depth < 0)
		max_depth = 0;
	if (tkvm_library_set_self(v->library, unix_socket, http_prefix,
	    (unsigned)max_concurrent_requests, (unsigned)max_depth,
	    &err) == 0)
		return (1);
	VRT_fail(ctx, "tinykvm.%s(): %s", fn, err.text);
	return (0);
}

VCL_BOOL
vmod_start(VRT_CTX, struct vmod_priv *priv, VCL_STRING program, VCL_BOOL async,
    VCL_BOOL debug)
{
	struct tkvm_err err;
	struct vtk_program *p;

	if (!vtk_only_in(ctx, "start", VCL_MET_INIT, "vcl_init"))
		return (0);
	p = vtk_program_find(ctx, priv, "start", program);
	if (p == NULL)
		return (0);
	p->start = true;
	if (debug)
		tkvm_program_set_debug(p->program, true);
	if (async)
		return (1);
	if (tkvm_program_start(p->program, false, &err) != 0) {
		VRT_fail(ctx, "tinykvm.start(): %s", err.text);
		return (0);
	}
	return (1);
}

/*--- anywhere -------------------------------------------------------------*/

VCL_BOOL
vmod_main_arguments(VRT_CTX, struct vmod_priv *priv, VCL_STRING program,
    VCL_STRANDS arguments)
{
	struct tkvm_err err;
	struct vtk_program *p;
	const char **argv;
	int r;

	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	AN(arguments);
	p = vtk_program_find(ctx, priv, "main_arguments", program);
	if (p == NULL)
		return (0);
	argv = calloc((size_t)arguments->n + 1, sizeof *argv);
	if (argv == NULL) {
		VRT_fail(ctx, "tinykvm.main_arguments(): out of memory");
		return (0);
	}
	for (int i = 0; i < arguments->n; i++)
		argv[i] = arguments->p[i] != NULL ? arguments->p[i] : "";
	r = tkvm_program_set_arguments(p->program, argv,
	    (unsigned)arguments->n, &err);
	free(argv);
	if (r != 0)
		VRT_fail(ctx, "tinykvm.main_arguments(): %s", err.text);
	return (r == 0);
}

/* NULL and VRT_fail when it is no regular expression. */
static vre_t *
compile(VRT_CTX, const char *fn, VCL_STRING regex)
{
	char buf[VRE_ERROR_LEN];
	struct vsb vsb[1];
	vre_t *re;
	int code, at;

	if (regex == NULL) {
		VRT_fail(ctx, "tinykvm.%s(): the pattern is NULL; pass \"\" "
		    "for all programs", fn);
		return (NULL);
	}
	re = VRE_compile(regex, 0, &code, &at, 0);
	if (re != NULL)
		return (re);
	AN(VSB_init(vsb, buf, sizeof buf));
	(void)VRE_error(vsb, code);
	(void)VSB_finish(vsb);
	VRT_fail(ctx, "tinykvm.%s(): \"%.100s\" is not a regular expression, "
	    "at character %d: %s", fn, regex, at + 1, buf);
	VSB_fini(vsb);
	return (NULL);
}

static bool
matches(void *priv, const char *name)
{
	const vre_t *re = priv;

	return (VRE_match(re, name, 0, 0, NULL) >= 0);
}

VCL_INT
vmod_invalidate_programs(VRT_CTX, struct vmod_priv *priv, VCL_STRING regex)
{
	struct vtk_vcl *v;
	VCL_INT n = 0;
	vre_t *re;

	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	re = compile(ctx, "invalidate_programs", regex);
	if (re == NULL)
		return (0);
	v = vtk_vcl_get(priv);
	for (unsigned i = 0; v != NULL && i < v->n; i++) {
		struct tkvm_program *p = v->program[i]->program;

		if (!matches(re, tkvm_program_name(p)))
			continue;
		tkvm_program_invalidate(p);
		vtk_counters_update(v->program[i]);
		n++;
		if (ctx->vsl != NULL)
			VSLb(ctx->vsl, SLT_VCL_Log, "tinykvm: %s: stopped by "
			    "invalidate_programs()", tkvm_program_name(p));
	}
	VRE_free(&re);
	return (n);
}

/* Move a text of the library into the workspace; free it. */
static const char *
own_text(VRT_CTX, const char *fn, char *text)
{
	const char *copy = text != NULL ? WS_Copy(ctx->ws, text, -1) : NULL;

	free(text);
	if (copy == NULL)
		VRT_fail(ctx, "tinykvm.%s(): out of workspace; raise the "
		    "parameter workspace_%s, or pass a pattern that fewer "
		    "programs match", fn,
		    ctx->req == NULL ? "backend" : "client");
	return (copy);
}

VCL_STRING
vmod_stats(VRT_CTX, struct vmod_priv *priv, VCL_STRING pattern,
    VCL_INT indentation)
{
	struct vtk_vcl *v;
	const char *text = "{}";
	vre_t *re;

	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	re = compile(ctx, "stats", pattern);
	if (re == NULL)
		return ("{}");
	if (indentation < -1)
		indentation = -1;
	if (indentation > 16)
		indentation = 16;
	v = vtk_vcl_get(priv);
	if (v != NULL)
		text = own_text(ctx, "stats", tkvm_library_stats(v->library,
		    matches, re, (int)indentation));
	VRE_free(&re);
	return (text != NULL ? text : "{}");
}

VCL_STRING
vmod_metrics(VRT_CTX, struct vmod_priv *priv, VCL_STRING pattern)
{
	struct vtk_vcl *v;
	const char *text = "";
	vre_t *re;

	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	re = compile(ctx, "metrics", pattern);
	if (re == NULL)
		return ("");
	v = vtk_vcl_get(priv);
	if (v != NULL)
		text = own_text(ctx, "metrics", tkvm_library_metrics(
		    v->library, matches, re));
	VRE_free(&re);
	return (text != NULL ? text : "");
}

VCL_BOOL
vmod_is_ready(VRT_CTX, struct vmod_priv *priv, VCL_STRING program)
{
	struct vtk_program *p;

	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	p = vtk_program_find(ctx, priv, "is_ready", program);
	return (p != NULL && tkvm_program_ready(p->program));
}

VCL_STRING
vmod_last_error(VRT_CTX)
{
	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	if (ctx->req == NULL && ctx->bo == NULL) {
		VRT_fail(ctx, "tinykvm.last_error(): works only where there "
		    "is a request; not in vcl_init or vcl_fini");
		return (NULL);
	}
	return (vtk_reason_get(ctx));
}

/*--- backends -------------------------------------------------------------*/

VCL_BOOL
vmod_chain(VRT_CTX, struct vmod_priv *priv, VCL_STRING program, VCL_STRING arg,
    VCL_STRING config, VCL_INT error_treshold, VCL_ENUM on_failure)
{
	struct vtk_program *p;
	struct vtk_chain *c;
	bool fetch;

	if (!vtk_only_in(ctx, "chain", VCL_MET_BACKEND_FETCH,
	    "vcl_backend_fetch") ||
	    !good_threshold(ctx, "chain", error_treshold))
		return (0);
	fetch = program != NULL && strcmp(program, "fetch") == 0 &&
	    arg != NULL && *arg == '/' && vtk_vcl_get(priv) != NULL;
	p = fetch ? NULL : vtk_program_find(ctx, priv, "chain", program);
	if (p == NULL && !fetch)
		return (0);
	c = vtk_chain_get(ctx, vtk_vcl_get(priv), "chain");
	if (c == NULL)
		return (0);
	if (fetch)
		return (vtk_chain_fetch(ctx, c, vtk_vcl_get(priv), arg,
		    config, (int)error_treshold) == 0);
	/* The last place is program()'s. */
	if (c->n == TKVM_CHAIN_MAX - 1) {
		c->n = 0;
		VRT_fail(ctx, "tinykvm.chain(): a chain has at most %d "
		    "programs, the last one included; shorten it",
		    TKVM_CHAIN_MAX);
		return (0);
	}
	return (vtk_chain_add(ctx, c, "chain", p, arg, config,
	    (int)error_treshold, on_failure == VENUM(original)) == 0);
}

VCL_VOID
vmod_chain_clear(VRT_CTX, struct vmod_priv *priv)
{
	struct vtk_vcl *v = vtk_vcl_get(priv);
	struct vtk_chain *c;

	if (!vtk_only_in(ctx, "chain_clear", VCL_MET_BACKEND_FETCH,
	    "vcl_backend_fetch") || v == NULL)
		return;
	c = vtk_chain_get(ctx, v, "chain_clear");
	if (c != NULL)
		c->n = 0;
}

/* The task's fetch through that program; NULL and VRT_fail. */
static struct vtk_fetch *
fetch_make(VRT_CTX, const struct vtk_program *p)
{
	struct vmod_priv *pt;
	struct vtk_fetch *f;

	pt = VRT_priv_task(ctx, p);
	if (pt != NULL && pt->priv == NULL) {
		f = WS_Alloc(ctx->ws, sizeof *f);
		if (f != NULL)
			INIT_OBJ(f, VTK_FETCH_MAGIC);
		pt->priv = f;
	}
	if (pt == NULL || pt->priv == NULL) {
		VRT_fail(ctx, "tinykvm.program(): out of workspace; raise the "
		    "parameter workspace_backend");
		return (NULL);
	}
	CAST_OBJ_NOTNULL(f, pt->priv, VTK_FETCH_MAGIC);
	return (f);
}

VCL_BACKEND
vmod_program(VRT_CTX, struct vmod_priv *priv, VCL_STRING program,
    VCL_STRING arg, VCL_STRING config, VCL_ENUM on_failure)
{
	struct vtk_program *p;
	struct vtk_chain *c;
	struct vtk_fetch *f;

	if (!vtk_only_in(ctx, "program", VCL_MET_BACKEND_FETCH,
	    "vcl_backend_fetch"))
		return (NULL);
	p = vtk_program_find(ctx, priv, "program", program);
	if (p == NULL)
		return (NULL);
	c = vtk_chain_get(ctx, vtk_vcl_get(priv), "program");
	f = c != NULL ? fetch_make(ctx, p) : NULL;
	if (f == NULL || vtk_chain_add(ctx, c, "program", p, arg, config,
	    NO_THRESHOLD, on_failure == VENUM(original)) != 0)
		return (NULL);
	f->chain = *c;
	c->n = 0;
	return (p->director);
}

/*--- strings and synthetic answers ----------------------------------------*/

/* A chain that runs here and now, and what came of it. */
struct here {
	struct vtk_chain chain;
	struct tkvm_reply *reply;
};

/*
 * Run the chain built so far and this program, without a request body. 0 and
 * an answer that is whole, for vtk_chain_done(); -1 without one.
 */
static int
run_here(VRT_CTX, struct vmod_priv *priv, const char *fn, VCL_STRING program,
    VCL_STRING url, VCL_STRING arg, struct here *h)
{
	struct vtk_transaction t;
	struct tkvm_request req = {
		.method = "GET",
		.content_type = "",
		.ops = &vtk_fields_ops,
		.priv = &t,
	};
	struct vtk_program *p;
	struct tkvm_err err;
	struct vtk_chain *c;

	h->reply = NULL;
	p = vtk_program_find(ctx, priv, fn, program);
	if (p == NULL)
		return (-1);
	c = vtk_chain_get(ctx, vtk_vcl_get(priv), fn);
	if (c == NULL || vtk_chain_add(ctx, c, fn, p, url, arg,
	    NO_THRESHOLD, false) != 0)
		return (-1);
	h->chain = *c;
	c->n = 0;
	req.url = h->chain.link[0].url;
	req.arg = h->chain.link[0].arg;
	vtk_fields_init(ctx, &t, NULL);
	if (t.fields[TKVM_REQUEST] != NULL)
		req.first_method = http_GetMethod(t.fields[TKVM_REQUEST]);
	if (vtk_chain_run(ctx, &h->chain, &req, SLT_Error, &h->reply) != 0)
		return (-1);
	if (tkvm_reply_collect(h->reply, &err) == 0)
		return (0);
	vtk_log_reason(ctx->vsl, h->reply);
	vtk_reason_set(ctx, err.text);
	vtk_chain_done(ctx->vsl, &h->chain, &h->reply);
	return (-1);
}

/*
 * The body of a program's answer in the workspace, with a NUL behind it; NULL
 * when there is none to use: it failed, or its status is error_treshold.
 */
static const char *
body_here(VRT_CTX, struct vmod_priv *priv, const char *fn, VCL_STRING program,
    VCL_STRING url, VCL_STRING arg, VCL_INT error_treshold, size_t *len)
{
	const struct tkvm_reply *r;
	struct here h;
	char *text = NULL;

	if (ctx->req == NULL && ctx->bo == NULL) {
		VRT_fail(ctx, "tinykvm.%s(): works only where there is a "
		    "request; not in vcl_init or vcl_fini", fn);
		return (NULL);
	}
	if (!good_threshold(ctx, fn, error_treshold) ||
	    run_here(ctx, priv, fn, program, url, arg, &h) != 0)
		return (NULL);
	r = h.reply;
	if (r->status < error_treshold) {
		text = r->body_len < UINT32_MAX ?
		    WS_Alloc(ctx->ws, (unsigned)r->body_len + 1) : NULL;
		if (text == NULL)
			VRT_fail(ctx, "tinykvm.%s(): the answer of %ju bytes "
			    "does not fit; raise the parameter workspace_%s",
			    fn, (uintmax_t)r->body_len,
			    ctx->req == NULL ? "backend" : "client");
	}
	if (text != NULL) {
		if (r->body_len > 0)
			memcpy(text, r->body, r->body_len);
		text[r->body_len] = '\0';
		*len = r->body_len;
	}
	vtk_chain_done(ctx->vsl, &h.chain, &h.reply);
	return (text);
}

VCL_STRING
vmod_to_string(VRT_CTX, struct vmod_priv *priv, VCL_STRING program,
    VCL_STRING url, VCL_STRING arg, VCL_STRING on_error,
    VCL_INT error_treshold, VCL_INT soft_reset)
{
	const char *text;
	size_t len;

	(void)soft_reset;
	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	text = body_here(ctx, priv, "to_string", program, url, arg,
	    error_treshold, &len);
	if (text != NULL)
		return (text);
	return (VRT_handled(ctx) ? NULL : on_error);
}

VCL_BLOB
vmod_to_blob(VRT_CTX, struct vmod_priv *priv, VCL_STRING program,
    VCL_STRING url, VCL_STRING arg, VCL_INT error_treshold)
{
	const char *data;
	size_t len;

	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	data = body_here(ctx, priv, "to_blob", program, url, arg,
	    error_treshold, &len);
	return (data == NULL ? NULL : VRT_blob(ctx, "tinykvm.to_blob()", data,
	    len, 0x746b766d));
}

/* Put a reply into the answer under construction; returns its status. */
static VCL_INT
synth_answer(VRT_CTX, VCL_INT status, const struct tkvm_reply *reply)
{
	struct http *hp = ctx->bo != NULL ? ctx->http_beresp : ctx->http_resp;
	struct vsb *vsb;

	CAST_OBJ_NOTNULL(vsb, ctx->specific, VSB_MAGIC);
	if (reply == NULL)
		status = 503;
	else if (status == 0 || (reply->error.code != 0 && !reply->by_on_error))
		status = reply->status;
	VSB_clear(vsb);
	if (reply != NULL && reply->body_len > 0)
		(void)VSB_bcat(vsb, reply->body, (ssize_t)reply->body_len);
	http_SetStatus(hp, (uint16_t)status, NULL);
	if (reply == NULL)
		return (0);
	if (vtk_fields_content_type(hp, reply->content_type) != 0)
		VRT_fail(ctx, "tinykvm.synth(): out of workspace; raise the "
		    "parameter workspace_%s",
		    ctx->req == NULL ? "backend" : "client");
	return (status);
}

VCL_INT
vmod_synth(VRT_CTX, struct vmod_priv *priv, VCL_INT status, VCL_STRING program,
    VCL_STRING url, VCL_STRING arg, VCL_INT soft_reset)
{
	struct here h;

	(void)soft_reset;
	if (!vtk_only_in(ctx, "synth", VCL_MET_SYNTH | VCL_MET_BACKEND_ERROR,
	    "vcl_synth and vcl_backend_error"))
		return (0);
	if (status != 0 && (status < 200 || status > 699)) {
		VRT_fail(ctx, "tinykvm.synth(): the status is %jd; it must be "
		    "from 200 to 699, or 0 for the program's own",
		    (intmax_t)status);
		return (0);
	}
	if (run_here(ctx, priv, "synth", program, url, arg, &h) != 0 &&
	    VRT_handled(ctx))
		return (0);
	status = synth_answer(ctx, status, h.reply);
	vtk_chain_done(ctx->vsl, &h.chain, &h.reply);
	return (status);
}
