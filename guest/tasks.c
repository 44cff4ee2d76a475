/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tasks: work that nobody waits for, done in storage (setting storage). POST
 * hands a text over and is answered at once; a task counts its words. A timer
 * looks every 50 ms how many words came. GET tells what is known, and with
 * /stop the timer ends.
 */
#include <ctype.h>
#include <stdio.h>

#include "kvm_api.h"

static struct state {
	unsigned long texts, words;	/* all so far */
	unsigned long ticks;		/* of the timer */
	unsigned long rate, rate_max;	/* words between two ticks */
	unsigned long seen;
	long timer;
} state;

/*--- in storage: tasks and calls take turns, none runs beside another -----*/

/* data has len bytes and a NUL behind them. */
static void
count_words(void *data, size_t len)
{
	const unsigned char *text = data;

	state.texts++;
	for (size_t i = 0; i < len; i++)
		if (!isspace(text[i]) && (i == 0 || isspace(text[i - 1])))
			state.words++;
}

static void
tick(void *data, size_t len)
{
	(void)data;
	(void)len;
	state.ticks++;
	state.rate = state.words - state.seen;
	state.seen = state.words;
	if (state.rate > state.rate_max)
		state.rate_max = state.rate;
}

static void
read_state(size_t n, struct virtbuffer buf[], size_t res)
{
	(void)n;
	(void)buf;
	(void)res;
	storage_return(&state, sizeof state);
}

/*--- in requests ----------------------------------------------------------*/

static void
on_post(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len)
{
	(void)url;
	(void)arg;
	(void)type;
	/* At once: both times are 0. The text is copied. */
	if (sys_storage_task(count_words, data, len, 0, 0) < 0)
		backend_response_str(503, "text/plain", "too much to do\n");
	backend_response_str(202, "text/plain", "accepted\n");
}

static void
on_get(const char *url, const char *arg)
{
	struct state now;
	char text[128];
	int len;

	(void)arg;
	if (storage_call(read_state, NULL, 0, &now, sizeof now) != sizeof now)
		backend_response_str(503, "text/plain", "storage failed\n");
	if (strcmp(url, "/stop") == 0)
		stop_storage_task(now.timer);
	len = snprintf(text, sizeof text, "%lu texts, %lu words, at most %lu "
	    "words between two of %lu ticks\n", now.texts, now.words,
	    now.rate_max, now.ticks);
	backend_response(200, "text/plain", 10, text, (size_t)len);
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fprintf(stderr, "tasks runs in a machine only\n");
		return (2);
	}
	/* main() runs in both machines; one timer is enough. */
	if (IS_STORAGE()) {
		STORAGE_ALLOW(count_words);
		STORAGE_ALLOW(tick);
		STORAGE_ALLOW(read_state);
		state.timer = sys_storage_task(tick, NULL, 0, 50, 50);
	}
	set_backend_get(on_get);
	set_backend_post(on_post);
	wait_for_requests();
}
