/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * collector: gathers lines in storage, the machine that keeps state, and gives
 * them back, all together: records of what clients did, for example.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "kvm_api.h"

/* What is kept, whatever requests ask for. */
#define KEPT_MAX (32u << 20)

struct options {
	int op;
	int64_t max_bytes;
};

enum op { ADD, READ, TAKE };

static const struct job_option options[] = {
	JOB_CHOICE(struct options, op, ADD, "add|read|take", "add the input's "
	    "lines; give all lines; give them and forget them"),
	JOB_INT(struct options, max_bytes, KEPT_MAX, 1, KEPT_MAX,
	    "add: of all lines; what is older is forgotten. read, take: of "
	    "the answer; the oldest lines first"),
	JOB_END
};

/*--- in storage ------------------------------------------------------------*/

struct order {
	int op;
	size_t max;
};

/* Lines, each with its end; those forgotten before begin at `from`. */
static char *kept;
static size_t from, end, lines;

/* Forget lines from the oldest on until at most max bytes are there. */
static void
shrink(size_t max)
{
	const char *newline;

	while (end - from > max) {
		newline = memchr(kept + from, '\n', end - from);
		from = (size_t)(newline - kept) + 1;
		lines--;
	}
}

static void
append(const char *data, size_t len, size_t max)
{
	size_t i;

	shrink(max > len ? max - len : 0);
	if (from != 0 && end + len + 1 > 2 * (size_t)KEPT_MAX) {
		memmove(kept, kept + from, end - from);
		end -= from;
		from = 0;
	}
	memcpy(kept + end, data, len);
	for (i = 0; i < len; i++)
		lines += data[i] == '\n';
	end += len;
	if (len != 0 && data[len - 1] != '\n') {
		kept[end++] = '\n';
		lines++;
	}
	shrink(max);
}

/* As many whole lines as there is room for. */
static size_t
whole_lines(size_t max)
{
	size_t len = end - from;
	const char *newline;

	if (len <= max)
		return (len);
	newline = memrchr(kept + from, '\n', max);
	return (newline == NULL ? 0 : (size_t)(newline - kept) + 1 - from);
}

static void
work(size_t n, struct virtbuffer buf[], size_t res)
{
	struct order order;
	size_t len;

	(void)res;
	if (n != 2 || buf[0].len != sizeof order || buf[1].len > KEPT_MAX)
		storage_noreturn(NULL, 0);
	memcpy(&order, buf[0].data, sizeof order);
	if (order.op == ADD) {
		append(buf[1].data, buf[1].len, order.max);
		storage_noreturn(&lines, sizeof lines);
	}
	len = whole_lines(order.max);
	storage_return(len != 0 ? kept + from : NULL, len);
	if (order.op != TAKE)
		return;
	for (size_t i = 0; i < len; i++)
		lines -= kept[from + i] == '\n';
	from += len;
}

static void
on_live_update(void)
{
	storage_return(kept + from, end - from);
}

static void
on_live_restore(size_t len)
{
	if (len > KEPT_MAX)
		len = 0;
	storage_return(kept, len);
	from = 0;
	end = len;
	lines = 0;
	for (size_t i = 0; i < len; i++)
		lines += kept[i] == '\n';
}

static int
prepare(struct job *job, const void *chosen)
{
	(void)chosen;
	if (!IS_STORAGE())
		return (0);
	/* Twice as much, so that lines need to move only now and then. */
	kept = malloc(2 * (size_t)KEPT_MAX + 1);
	STORAGE_ALLOW(work);
	set_on_live_update(on_live_update);
	set_on_live_restore(on_live_restore);
	return (kept != NULL ? 0 : job_fail(job, 500, "not enough memory"));
}

/*--- in requests -----------------------------------------------------------*/

static int
run(struct job *job, const void *chosen)
{
	static char text[32];
	const struct options *o = chosen;
	struct order order = {o->op, (size_t)o->max_bytes};
	struct virtbuffer buf[2] = {{&order, sizeof order}, {NULL, 0}};
	size_t room = o->op == ADD ? sizeof lines : order.max;
	char *answer;
	long n;

	if (IS_LINUX_MAIN())
		return (job_fail(job, 500,
		    "collector works in a machine only"));
	if (o->op == ADD && job->in_len >= order.max)
		return (job_fail(job, 413, "the input has %zu bytes or more",
		    order.max));
	if (o->op == ADD && job->in_len != 0) {
		memcpy(&buf[1].data, &job->in, sizeof job->in);
		buf[1].len = job->in_len;
	}
	answer = malloc(room);
	n = answer == NULL ? -1 : storage_callv(work, 2, buf, answer, room);
	if (n < 0 || (o->op == ADD && n != (long)sizeof lines))
		return (job_fail(job, 503, "storage does not answer"));
	if (o->op != ADD)
		return (job_answer(job, "text/plain", answer, (size_t)n));
	memcpy(&room, answer, sizeof room);
	return (job_answer(job, "text/plain", text, (size_t)snprintf(text,
	    sizeof text, "%zu", room)));
}

static const struct job_program program = {
	.name = "collector",
	.summary = "Gathers lines, and gives them back all together.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.bare = "op",
	.url = JOB_URL_IS_INPUT,
	.prepare = prepare,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
