/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_event.c: what a VCL owns, from its load to its discard.
 *
 *   LOAD     the counters exist
 *   vcl_init library() and configure() define programs; each gets a director
 *   WARM     programs that shall run before their first request are started
 *   COLD     every program is stopped: its machines and its memory are freed
 *   DISCARD  the library is destroyed (PRIV_VCL's end), then the counters
 *
 * A program that is not running is started by its first request.
 */
#include <stdlib.h>

#include "vmod_tinykvm.h"

#include "vcc_tinykvm_if.h"

/* VCLs that import the module; only the CLI thread counts. */
static unsigned vcls;

static void
vcl_program_free(struct vtk_program *p)
{
	tkvm_program_watch(p->program, NULL, NULL);
	vtk_counters_remove(p);
	if (p->director != NULL)
		VRT_DelDirector(&p->director);
	FREE_OBJ(p);
}

/* The end of PRIV_VCL: no task of this VCL is left. */
static void
vcl_fini(VRT_CTX, void *priv)
{
	struct vtk_vcl *v;

	(void)ctx;
	CAST_OBJ_NOTNULL(v, priv, VTK_VCL_MAGIC);
	for (unsigned i = 0; i < v->n; i++)
		vcl_program_free(v->program[i]);
	free(v->program);
	if (v->updater != NULL)
		VRT_DelDirector(&v->updater);
	tkvm_library_destroy(&v->library);
	FREE_OBJ(v);
}

static const struct vmod_priv_methods vcl_methods[1] = {{
	.magic = VMOD_PRIV_METHODS_MAGIC,
	.type = "tinykvm",
	.fini = vcl_fini,
}};

struct vtk_vcl *
vtk_vcl_get(const struct vmod_priv *priv)
{
	struct vtk_vcl *v;

	AN(priv);
	if (priv->priv == NULL)
		return (NULL);
	CAST_OBJ_NOTNULL(v, priv->priv, VTK_VCL_MAGIC);
	return (v);
}

struct vtk_vcl *
vtk_vcl_make(VRT_CTX, struct vmod_priv *priv, const char *fn)
{
	const struct tkvm_log log = {
		.line = vtk_log_background, .output = vtk_log_output,
		.failed = vtk_log_failure,
	};
	struct tkvm_err err;
	struct vtk_vcl *v;

	v = vtk_vcl_get(priv);
	if (v != NULL)
		return (v);
	ALLOC_OBJ(v, VTK_VCL_MAGIC);
	if (v == NULL) {
		VRT_fail(ctx, "tinykvm.%s(): out of memory", fn);
		return (NULL);
	}
	if (tkvm_library_new(&log, &v->library, &err) != 0) {
		VRT_fail(ctx, "tinykvm.%s(): %s", fn, err.text);
		FREE_OBJ(v);
		return (NULL);
	}
	/* The manager kills a worker that takes longer to load a VCL. */
	tkvm_library_hurry(v->library, cache_param->cli_timeout * 2 / 3);
	v->updater = VRT_AddDirector(ctx, vtk_update_methods, v,
	    "tinykvm_update");
	if (v->updater == NULL) {
		VRT_fail(ctx, "tinykvm.%s(): cannot make a director", fn);
		tkvm_library_destroy(&v->library);
		FREE_OBJ(v);
		return (NULL);
	}
	priv->priv = v;
	priv->methods = vcl_methods;
	return (v);
}

static void
on_change(void *priv)
{
	vtk_counters_update(priv);
}

static struct vtk_program *
vcl_program_new(VRT_CTX, struct tkvm_program *program)
{
	struct vtk_program *p;
	char name[128];

	ALLOC_OBJ(p, VTK_PROGRAM_MAGIC);
	if (p == NULL)
		return (NULL);
	p->program = program;
	p->director = VRT_AddDirector(ctx, vtk_director_methods, p,
	    "tinykvm(%s)", vtk_plain_name(tkvm_program_name(program), name,
	    sizeof name));
	if (p->director == NULL || vtk_counters_add(ctx, p) != 0) {
		vcl_program_free(p);
		return (NULL);
	}
	vtk_counters_update(p);
	tkvm_program_watch(program, on_change, p);
	return (p);
}

int
vtk_vcl_sync(VRT_CTX, struct vtk_vcl *v, const char *fn)
{
	struct vtk_program **list;
	unsigned n;

	CHECK_OBJ_NOTNULL(v, VTK_VCL_MAGIC);
	n = tkvm_library_count(v->library);
	if (n <= v->n)
		return (0);
	list = realloc(v->program, n * sizeof *list);
	if (list == NULL) {
		VRT_fail(ctx, "tinykvm.%s(): out of memory", fn);
		return (-1);
	}
	v->program = list;
	while (v->n < n) {
		list[v->n] = vcl_program_new(ctx,
		    tkvm_library_at(v->library, v->n));
		if (list[v->n] == NULL) {
			VRT_fail(ctx, "tinykvm.%s(): cannot make a director "
			    "for program \"%s\"", fn, tkvm_program_name(
			    tkvm_library_at(v->library, v->n)));
			return (-1);
		}
		v->n++;
	}
	return (0);
}

/* Failures show in the log; the first request tries again. */
static void
event_warm(struct vtk_vcl *v)
{
	struct tkvm_err err;

	/* Loading is over. */
	tkvm_library_hurry(v->library, 0);
	for (unsigned i = 0; i < v->n; i++) {
		struct vtk_program *p = v->program[i];

		VRT_VSC_Reveal(p->vsc_seg);
		if (!p->start && !tkvm_program_starts(p->program))
			continue;
		if (tkvm_program_start(p->program, true, &err) != 0)
			vtk_log_failure(NULL,
			    tkvm_program_name(p->program), err.text);
	}
}

static void
event_cold(struct vtk_vcl *v)
{
	for (unsigned i = 0; i < v->n; i++) {
		tkvm_program_stop(v->program[i]->program);
		vtk_counters_update(v->program[i]);
		VRT_VSC_Hide(v->program[i]->vsc_seg);
	}
}

int
vmod_vmod_event(VRT_CTX, struct vmod_priv *priv, enum vcl_event_e event)
{
	struct vtk_vcl *v;

	CHECK_OBJ_NOTNULL(ctx, VRT_CTX_MAGIC);
	ASSERT_CLI();
	v = vtk_vcl_get(priv);
	switch (event) {
	case VCL_EVENT_LOAD:
		if (vcls++ == 0)
			vtk_counters_create();
		break;
	case VCL_EVENT_WARM:
		if (v != NULL)
			event_warm(v);
		break;
	case VCL_EVENT_COLD:
		if (v != NULL)
			event_cold(v);
		break;
	case VCL_EVENT_DISCARD:
		assert(vcls > 0);
		/*
		 * PRIV_VCL ends after this event, and directors must be gone
		 * before the VCL is: do it here.
		 */
		VRT_priv_fini(ctx, priv);
		priv->priv = NULL;
		priv->methods = NULL;
		if (--vcls == 0)
			vtk_counters_destroy();
		break;
	default:
		break;
	}
	return (0);
}
