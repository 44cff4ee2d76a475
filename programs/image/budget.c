/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * budget.c: libraries that ask for as much memory as a file tells them to, and
 * that abort when they get none, end with a status instead. The linker puts
 * these functions before those of libc (--wrap, see flags.mk).
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdlib.h>

#include "image.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
int __real_posix_memalign(void **p, size_t align, size_t n);
void __real_free(void *p);
_Noreturn void __real_abort(void);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n);
void __wrap_free(void *p);
_Noreturn void __wrap_abort(void);

enum { SPENT = 1, GIVEN_UP };

/* Of the innermost run; spare: what the one around it has beside that. */
static struct budget {
	bool on, zeroed;
	size_t left, spare;
	jmp_buf out;
} budget;

int
budget_run(struct job *job, const char *what, size_t bytes,
    int (*run)(struct job *, void *), void *arg)
{
	const struct budget around = budget;
	int r;

	budget.left = 0;
	budget.spare = around.on ? around.left : SIZE_MAX;
	budget_more(bytes);
	budget.on = true;
	budget.zeroed = false;
	switch (setjmp(budget.out)) {
	case 0:
		r = run(job, arg);
		break;
	case SPENT:
		r = job_fail(job, 413, "this %s needs too much memory for its "
		    "size (see max_memory)", what);
		break;
	default:
		r = job_fail(job, 422, "broken %s", what);
		break;
	}
	bytes = budget.left + budget.spare;
	budget = around;
	if (budget.on)
		budget.left = bytes;
	return (r);
}

void
budget_more(size_t bytes)
{
	if (bytes > budget.spare)
		bytes = budget.spare;
	budget.left += bytes;
	budget.spare -= bytes;
}

void
budget_zeroed(void)
{
	budget.zeroed = true;
}

size_t
budget_left(void)
{
	return (budget.on ? budget.left : SIZE_MAX);
}

/* What is left behind goes with the machine. */
static void
leave(int why)
{
	budget.on = false;
	longjmp(budget.out, why);
}

static void
before(size_t n)
{
	if (budget.on && n > budget.left)
		leave(SPENT);
}

static void *
after(void *p)
{
	size_t n;

	if (budget.on) {
		if (p == NULL)
			leave(SPENT);
		n = malloc_usable_size(p);
		budget.left = n < budget.left ? budget.left - n : 0;
	}
	return (p);
}

void *
__wrap_malloc(size_t n)
{
	before(n);
	return (after(budget.on && budget.zeroed ? __real_calloc(n, 1) :
	    __real_malloc(n)));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all))
		all = SIZE_MAX;
	before(all);
	return (after(__real_calloc(n, size)));
}

void *
__wrap_realloc(void *p, size_t n)
{
	before(n);
	if (budget.on && p != NULL)
		budget.left += malloc_usable_size(p);
	return (after(__real_realloc(p, n)));
}

int
__wrap_posix_memalign(void **p, size_t align, size_t n)
{
	int r;

	before(n);
	r = __real_posix_memalign(p, align, n);
	if (r == 0)
		(void)after(*p);
	return (r);
}

void
__wrap_free(void *p)
{
	if (budget.on && p != NULL)
		budget.left += malloc_usable_size(p);
	__real_free(p);
}

_Noreturn void
__wrap_abort(void)
{
	if (budget.on)
		leave(GIVEN_UP);
	__real_abort();
}
