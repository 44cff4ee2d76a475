/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_response.c: a reply becomes beresp; a fetch filter delivers its body.
 *
 * Time to live. Varnish computes it from the headers after gethdrs and before
 * vcl_backend_response, overwriting whatever was there, and asks nobody. So
 * what a program said with set_cacheable() goes in as a header, in front of
 * the program's own Cache-Control:
 *
 *	Cache-Control: s-maxage=TTL, stale-while-revalidate=GRACE[, ITS OWN]
 *
 * and comes out again when the filter is opened, which is after
 * vcl_backend_response and before the object is stored: clients never see it.
 * VCL sees the outcome in beresp.ttl and may overrule it; only values it left
 * alone are then set to the exact ones (headers know whole seconds, and no
 * keep).
 */
#include <math.h>

#include "vmod_tinykvm.h"

/*--- cache policy ---------------------------------------------------------*/

static int
policy_announce(struct busyobj *bo, struct vtk_policy *p)
{
	const char *own = vtk_fields_get(bo->beresp, "Cache-Control");
	const char *line;

	if (!p->set || bo->uncacheable)
		return (0);
	p->helper_ttl = (int)ceil(p->ttl);
	p->helper_grace = (int)ceil(p->grace);
	p->helper = WS_Printf(bo->ws, "s-maxage=%d, stale-while-revalidate=%d",
	    p->helper_ttl, p->helper_grace);
	if (p->helper == NULL)
		return (-1);
	line = WS_Printf(bo->ws, "Cache-Control: %s%s%s", p->helper,
	    own != NULL ? ", " : "", own != NULL ? own : "");
	if (line == NULL)
		return (-1);
	return (vtk_fields_set(bo->beresp, line));
}

/* Take our part of the header away, unless VCL already did. */
static void
policy_strip_header(struct busyobj *bo, const struct vtk_policy *p)
{
	const char *value = vtk_fields_get(bo->beresp, "Cache-Control");
	size_t n = strlen(p->helper);
	const char *line;

	if (value == NULL || strncmp(value, p->helper, n) != 0)
		return;
	if (value[n] == '\0') {
		vtk_fields_unset(bo->beresp, "Cache-Control");
		return;
	}
	if (strncmp(value + n, ", ", 2) != 0)
		return;
	line = WS_Printf(bo->ws, "Cache-Control: %s", value + n + 2);
	if (line == NULL || vtk_fields_set(bo->beresp, line) != 0)
		vtk_fields_unset(bo->beresp, "Cache-Control");
}

static bool
same(double a, double b)
{
	return (fabs(a - b) < 0.5);
}

static void
policy_apply(VRT_CTX, const struct vtk_policy *p, double keep_before)
{
	struct busyobj *bo = ctx->bo;

	policy_strip_header(bo, p);
	if (bo->uncacheable)
		return;
	if (same(bo->fetch_objcore->ttl, p->helper_ttl))
		VRT_l_beresp_ttl(ctx, p->ttl);
	if (same(bo->fetch_objcore->grace, p->helper_grace))
		VRT_l_beresp_grace(ctx, p->grace);
	if (same(bo->fetch_objcore->keep, keep_before))
		VRT_l_beresp_keep(ctx, p->keep);
}

/*--- body -----------------------------------------------------------------*/

static enum vfp_status
response_vfp_init(VRT_CTX, struct vfp_ctx *vc, struct vfp_entry *vfe)
{
	struct vtk_fetch *f;

	CHECK_OBJ_NOTNULL(vc, VFP_CTX_MAGIC);
	CAST_OBJ_NOTNULL(f, vfe->priv1, VTK_FETCH_MAGIC);
	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	if (f->policy.helper != NULL)
		policy_apply(ctx, &f->policy, cache_param->default_keep);
	return (VFP_OK);
}

static enum vfp_status
response_vfp_pull(struct vfp_ctx *vc, struct vfp_entry *vfe, void *ptr,
    ssize_t *lenp)
{
	struct tkvm_err err;
	struct vtk_fetch *f;
	size_t n;

	CHECK_OBJ_NOTNULL(vc, VFP_CTX_MAGIC);
	CAST_OBJ_NOTNULL(f, vfe->priv1, VTK_FETCH_MAGIC);
	AN(ptr);
	AN(lenp);
	assert(*lenp > 0);
	if (f->reply == NULL)
		return (VFP_Error(vc, "tinykvm: the answer is gone"));
	if (tkvm_reply_read(f->reply, ptr, (size_t)*lenp, &n, &err) != 0)
		return (VFP_Error(vc, "tinykvm: %s: %s", f->reply->program,
		    err.text));
	*lenp = (ssize_t)n;
	f->sent += n;
	/* At its length it ends without asking a program once more. */
	return (n == 0 || f->sent == f->reply->body_len ? VFP_END : VFP_OK);
}

static const struct vfp response_vfp = {
	.name = "tinykvm",
	.init = response_vfp_init,
	.pull = response_vfp_pull,
};

/* Answers that have no body whatever the program gave. */
static bool
response_bodiless(const struct busyobj *bo, unsigned status)
{
	return (status == 204 || status == 304 ||
	    strcmp(http_GetMethod(bo->bereq), "HEAD") == 0);
}

/* A HEAD answered without a body says nothing about the length of a GET's. */
static bool
response_says_length(const struct busyobj *bo, const struct tkvm_reply *reply)
{
	return (reply->status != 204 && reply->status != 304 &&
	    (reply->body_len > 0 || !response_bodiless(bo, reply->status)));
}

void
vtk_beresp_begin(struct busyobj *bo)
{
	HTTP_Setup(bo->beresp, bo->ws, bo->vsl, SLT_BerespMethod);
	if (COMPAT_CORE_LOGS_BERESP)
		bo->beresp->vsl = NULL;
}

void
vtk_beresp_end(struct busyobj *bo)
{
	bo->beresp->vsl = bo->vsl;
}

static int
response_headers(struct busyobj *bo, const struct tkvm_reply *reply)
{
	struct http *hp = bo->beresp;
	const char *line;

	http_PutResponse(hp, "HTTP/1.1", reply->status, NULL);
	if (vtk_fields_content_type(hp, reply->content_type) != 0)
		return (-1);
	if (!response_says_length(bo, reply) ||
	    reply->body_len == TKVM_LENGTH_UNKNOWN)
		return (0);
	line = WS_Printf(bo->ws, "Content-Length: %ju",
	    (uintmax_t)reply->body_len);
	return (line == NULL ? -1 : vtk_fields_set(hp, line));
}

int
vtk_response(struct busyobj *bo, struct vtk_fetch *f, struct tkvm_err *err)
{
	const struct tkvm_reply *reply = f->reply;
	struct http_conn *htc = f->htc;
	struct vfp_entry *vfe;

	if (response_headers(bo, reply) != 0 ||
	    policy_announce(bo, &f->policy) != 0)
		return (tkvm_fail(err, TKVM_ENOMEM, "no room for the answer's "
		    "headers; raise workspace_backend or http_max_hdr"));
	INIT_OBJ(htc, HTTP_CONN_MAGIC);
	htc->doclose = SC_NULL;
	htc->body_status = BS_NONE;
	if (reply->body_len > 0 && !response_bodiless(bo, reply->status)) {
		htc->body_status = BS_LENGTH;
		htc->content_length = (ssize_t)reply->body_len;
		if (reply->body_len == TKVM_LENGTH_UNKNOWN) {
			htc->body_status = BS_EOF;
			htc->content_length = -1;
		}
	}
	vfe = VFP_Push(bo->vfc, &response_vfp);
	if (vfe == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no room for the fetch "
		    "filter; raise workspace_backend"));
	vfe->priv1 = f;
	htc->priv = f;
	bo->htc = htc;
	return (0);
}
