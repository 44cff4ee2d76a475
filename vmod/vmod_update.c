/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_update.c: live_update() as a backend: the request's body is a program,
 * the answer says in JSON what became of it.
 */
#include <json-c/json.h>
#include <stdlib.h>

#include "vmod_tinykvm.h"

#include "vcc_tinykvm_if.h"

/* Bytes of a live update. */
#define UPDATE_MAX (512 << 20)

/* Which status each outcome has. */
static const struct {
	int code;
	uint16_t status;
} statuses[] = {
	{TKVM_OK, 201},
	{TKVM_ECONFIG, 400},		/* empty */
	{TKVM_EFILE, 400},		/* not a program */
	{TKVM_EBUSY, 409},
	{TKVM_EBODY, 400},		/* the client broke off */
	{TKVM_ETOOLARGE, 413},
	{TKVM_EGUEST, 422},		/* it does not start */
	{TKVM_ETIMEOUT, 422},
	{TKVM_EWORKMEM, 422},
	{0, 500},
};

static uint16_t
status_of(int code)
{
	unsigned i = 0;

	if (code == TKVM_OK)
		return (statuses[0].status);
	for (i = 1; statuses[i].code != 0 && statuses[i].code != code; i++)
		continue;
	return (statuses[i].status);
}

static char *
result_json(const struct vtk_update *u, int r, bool stored,
    const struct tkvm_err *err)
{
	json_object *o = json_object_new_object();
	char *text;

	json_object_object_add(o, "program", json_object_new_string(
	    tkvm_program_name(u->program->program)));
	json_object_object_add(o, "updated", json_object_new_boolean(r == 0));
	json_object_object_add(o, "stored", json_object_new_boolean(stored));
	json_object_object_add(o, "message", json_object_new_string(
	    r != 0 ? err->text : stored ? "Update successful (stored)" :
	    "Update successful (not stored)"));
	text = strdup(json_object_to_json_string_ext(o,
	    JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	return (text);
}

/* The few bytes of the result, as a fetch filter. */
static enum vfp_status
update_pull(struct vfp_ctx *vc, struct vfp_entry *vfe, void *ptr,
    ssize_t *lenp)
{
	struct vtk_update *u;
	size_t n;

	CHECK_OBJ_NOTNULL(vc, VFP_CTX_MAGIC);
	CAST_OBJ_NOTNULL(u, vfe->priv1, VTK_UPDATE_MAGIC);
	n = strlen(u->result + u->sent);
	if (n > (size_t)*lenp)
		n = (size_t)*lenp;
	memcpy(ptr, u->result + u->sent, n);
	u->sent += n;
	*lenp = (ssize_t)n;
	return (u->result[u->sent] == '\0' ? VFP_END : VFP_OK);
}

static const struct vfp update_vfp = {
	.name = "tinykvm_update",
	.pull = update_pull,
};

static int
update_answer(VRT_CTX, struct vtk_update *u, uint16_t status)
{
	struct busyobj *bo = ctx->bo;
	struct vfp_entry *vfe;

	http_PutResponse(bo->beresp, "HTTP/1.1", status, NULL);
	if (vtk_fields_set(bo->beresp, "Content-Type: application/json") != 0 ||
	    vtk_fields_set(bo->beresp, "Cache-Control: no-store") != 0)
		return (-1);
	INIT_OBJ(u->htc, HTTP_CONN_MAGIC);
	u->htc->doclose = SC_NULL;
	u->htc->body_status = BS_LENGTH;
	u->htc->content_length = (ssize_t)strlen(u->result);
	vfe = VFP_Push(bo->vfc, &update_vfp);
	if (vfe == NULL)
		return (-1);
	vfe->priv1 = u;
	u->htc->priv = u;
	bo->htc = u->htc;
	return (0);
}

static int
update_gethdrs(VRT_CTX, VCL_BACKEND d)
{
	struct vtk_update *u;
	struct vmod_priv *pt;
	struct vtk_transaction t;
	struct tkvm_request req = {.priv = &t};
	struct tkvm_err err;
	bool stored = false;
	char *json, *elf;
	size_t size;
	int r, told = -1;

	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	CHECK_OBJ_NOTNULL(ctx->bo, BUSYOBJ_MAGIC);
	pt = VRT_priv_task_get(ctx, d);
	if (pt == NULL || pt->priv == NULL) {
		VSLb(ctx->bo->vsl, SLT_FetchError, "tinykvm: call "
		    "tinykvm.live_update() in vcl_backend_fetch of this "
		    "request");
		return (-1);
	}
	CAST_OBJ_NOTNULL(u, pt->priv, VTK_UPDATE_MAGIC);
	vtk_fields_init(ctx, &t, NULL);
	if (vtk_body_present(ctx->bo))
		req.each_piece = vtk_body_each;
	r = tkvm_request_body(&req, u->max_size, &elf, &size, &err);
	if (r == 0)
		r = tkvm_program_update(u->program->program, elf, size,
		    &stored, &err);
	free(elf);
	vtk_counters_update(u->program);
	VSLb(ctx->bo->vsl, SLT_VCL_Log, "tinykvm: %s: live update: %s",
	    tkvm_program_name(u->program->program), r != 0 ? err.text :
	    stored ? "done and stored" : "done, not stored");
	json = result_json(u, r, stored, &err);
	u->result = json == NULL ? NULL : WS_Copy(ctx->bo->ws, json, -1);
	free(json);
	u->sent = 0;
	vtk_beresp_begin(ctx->bo);
	if (u->result != NULL)
		told = update_answer(ctx, u, status_of(r));
	vtk_beresp_end(ctx->bo);
	if (told == 0)
		return (0);
	VSLb(ctx->bo->vsl, SLT_FetchError, "tinykvm: no room for the answer; "
	    "raise workspace_backend");
	return (-1);
}

static void
update_finish(VRT_CTX, VCL_BACKEND d)
{
	(void)d;
	CHECK_OBJ_NOTNULL(ctx->bo, BUSYOBJ_MAGIC);
	ctx->bo->htc = NULL;
}

const struct vdi_methods vtk_update_methods[1] = {{
	.magic = VDI_METHODS_MAGIC,
	.type = "tinykvm_update",
	.gethdrs = update_gethdrs,
	.finish = update_finish,
}};

/*--- VCL ------------------------------------------------------------------*/

VCL_BACKEND
vmod_live_update(VRT_CTX, struct vmod_priv *priv, VCL_STRING program,
    VCL_STRING key, VCL_BYTES max_size)
{
	struct vtk_program *p;
	struct vmod_priv *pt;
	struct vtk_update *u;
	struct vtk_vcl *v;

	if (!vtk_only_in(ctx, "live_update", VCL_MET_BACKEND_FETCH,
	    "vcl_backend_fetch"))
		return (NULL);
	p = vtk_program_find(ctx, priv, "live_update", program);
	if (p == NULL)
		return (NULL);
	if (key == NULL || !tkvm_program_key_ok(p->program, key)) {
		VRT_fail(ctx, "tinykvm.live_update(): this is not the \"key\" "
		    "of %s, or its settings have none",
		    tkvm_program_name(p->program));
		return (NULL);
	}
	v = vtk_vcl_get(priv);
	pt = VRT_priv_task(ctx, v->updater);
	u = pt != NULL ? WS_Alloc(ctx->ws, sizeof *u) : NULL;
	if (u == NULL) {
		VRT_fail(ctx, "tinykvm.live_update(): out of workspace; raise "
		    "the parameter workspace_backend");
		return (NULL);
	}
	INIT_OBJ(u, VTK_UPDATE_MAGIC);
	u->program = p;
	u->max_size = max_size > 0 && max_size < UPDATE_MAX ?
	    (size_t)max_size : UPDATE_MAX;
	pt->priv = u;
	return (v->updater);
}

VCL_BOOL
vmod_live_update_file(VRT_CTX, struct vmod_priv *priv, VCL_STRING program,
    VCL_STRING filename)
{
	struct vtk_program *p;
	struct tkvm_err err;
	bool stored;
	int r;

	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	p = vtk_program_find(ctx, priv, "live_update_file", program);
	if (p == NULL || !vtk_not_empty(ctx, "live_update_file",
	    "the file's name", filename))
		return (0);
	r = tkvm_program_update_file(p->program, filename, &stored, &err);
	vtk_counters_update(p);
	if (ctx->vsl != NULL)
		VSLb(ctx->vsl, r == 0 ? SLT_VCL_Log : SLT_Error,
		    "tinykvm: %s: live update from %s: %s",
		    tkvm_program_name(p->program), filename,
		    r != 0 ? err.text : stored ? "done and stored" :
		    "done, not stored");
	return (r == 0);
}
