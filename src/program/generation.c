/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * generation.c: image and machines of one start of a program, counted by those
 * who use them and freed behind the last.
 */
#include <stdlib.h>

#include "program/program_priv.h"

static void
generation_free(struct generation *g)
{
	struct tkvm_library *lib = g->program->library;
	struct vm *vm;

	generation_unserve(g);
	/* Nobody holds one of them, or there would be a reference. */
	while ((vm = g->all) != NULL) {
		g->all = vm->sibling;
		vm_destroy(&vm);
	}
	storage_destroy(&g->storage);
	if (g->linux_master != NULL)
		linux_destroy(&g->linux_master);
	tkvm_image_destroy(&g->image);
	http_program_free(&g->http);
	settings_free(&g->settings);
	free(g->exe_path);
	(void)pthread_mutex_destroy(&g->lock);
	free(g);
	(void)pthread_mutex_lock(&lib->lock);
	lib->generations--;
	(void)pthread_cond_broadcast(&lib->gone);
	(void)pthread_mutex_unlock(&lib->lock);
}

void
generation_add(struct generation *g, struct vm *vm)
{
	(void)pthread_mutex_lock(&g->lock);
	vm->sibling = g->all;
	g->all = vm;
	g->n_machines++;
	(void)pthread_mutex_unlock(&g->lock);
	pool_give(g, vm);
}

void
generation_ref(struct generation *g)
{
	(void)pthread_mutex_lock(&g->lock);
	g->refs++;
	(void)pthread_mutex_unlock(&g->lock);
}

void
generation_drop(struct generation *g)
{
	bool last;

	(void)pthread_mutex_lock(&g->lock);
	last = --g->refs == 0;
	(void)pthread_mutex_unlock(&g->lock);
	if (last)
		generation_free(g);
}
