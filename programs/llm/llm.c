/* SPDX-License-Identifier: BSD-2-Clause */
/* llm: continues a text by a language model from a file. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job.h"
#include "model.h"

#define PROMPT_MAX 16384

struct options {
	const char *model, *tokenizer, *before, *after, *stop;
	int64_t context, max_tokens, top_k, seed;
	double temperature, top_p;
	bool stream;
	int format;
};
enum format { TEXT, JSON };

static const struct job_option options[] = {
	JOB_STR(struct options, model, NULL, 1024,
	    "the file: GGUF (llama architecture) or llama2.c"),
	JOB_STR(struct options, tokenizer, NULL, 1024,
	    "the tokens' file of a llama2.c model"),
	JOB_INT(struct options, context, 0, 0, 65536,
	    "tokens of prompt and answer together; 0: the model's, at most "
	    "2048"),
	JOB_STR(struct options, before, "", 8192,
	    "text before the prompt; may name control tokens"),
	JOB_STR(struct options, after, "", 8192,
	    "text behind the prompt; may name control tokens"),
	JOB_STR(struct options, stop, NULL, 256,
	    "the answer ends before this text"),
	JOB_INT(struct options, max_tokens, 256, 1, 65536,
	    "tokens of the answer, at most"),
	JOB_NUM(struct options, temperature, 0.7, 0, 5,
	    "0: always the likeliest token; more: more variety"),
	JOB_NUM(struct options, top_p, 0.9, 0, 1,
	    "choose among the likeliest tokens that have this share together"),
	JOB_INT(struct options, top_k, 0, 0, 1 << 20,
	    "choose among so many of the likeliest tokens; 0: all"),
	JOB_INT(struct options, seed, 0, 0, INT64_MAX,
	    "the same seed gives the same answer"),
	JOB_BOOL(struct options, stream, false,
	    "send each token as soon as it is there"),
	JOB_CHOICE(struct options, format, TEXT, "text|json",
	    "json: an object with the text, its confidence and counts"),
	JOB_END
};

/* The model that is open, and how far its run has read by itself. */
static struct {
	char path[1025];
	struct model model;
	struct run run;
	char before[8193];
	int before_tokens;
} open_one;

/* The answer under way. */
static struct {
	struct reply reply;
	int left;
	char *text;			/* all of it, or what was not sent */
	size_t len, room, sent;
	const char *stop;
	bool done;
} answer;

/* A file's bytes, read-only; NULL with errno set. */
static const void *
map(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *at = MAP_FAILED;
	struct stat st;

	if (fd < 0)
		return (NULL);
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		*len = (size_t)st.st_size;
		at = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
	} else if (errno == 0) {
		errno = ENODATA;
	}
	(void)close(fd);
	return (at != MAP_FAILED ? at : NULL);
}

static int
open_files(struct job *job, const struct options *o)
{
	const void *data, *tokenizer = NULL;
	size_t len = 0, tokenizer_len = 0;

	errno = 0;
	data = map(o->model, &len);
	if (data == NULL)
		return (job_fail(job, 500, "the model %s: %s", o->model,
		    strerror(errno)));
	if (o->tokenizer != NULL) {
		tokenizer = map(o->tokenizer, &tokenizer_len);
		if (tokenizer == NULL)
			return (job_fail(job, 500, "the tokenizer %s: %s",
			    o->tokenizer, strerror(errno)));
	}
	if (model_open(&open_one.model, data, len, tokenizer,
	    tokenizer_len) != 0)
		return (job_fail(job, 500, "the model %s: %s", o->model,
		    open_one.model.why));
	return (0);
}

static int
open_run(struct job *job, const struct options *o)
{
	int context = open_one.model.context;

	if (o->context != 0 && o->context < context)
		context = (int)o->context;
	else if (o->context == 0 && context > 2048)
		context = 2048;
	if (run_open(&open_one.run, &open_one.model, context) != 0)
		return (job_fail(job, 500, "there is no memory for a context "
		    "of %d tokens", context));
	return (0);
}

/* Tokens of the text before the prompt; they are read only once. */
static int
read_before(struct job *job, const char *before)
{
	const struct vocabulary *v = &open_one.model.vocabulary;
	struct reply reply = { .run = &open_one.run };
	int max = open_one.run.max, n = 0, *tokens;
	bool plain = *before != '\0' && *before != '<' && *before != '[';

	if (open_one.run.at != 0 && strcmp(before, open_one.before) == 0) {
		open_one.run.at = open_one.before_tokens;
		return (0);
	}
	tokens = malloc((size_t)max * sizeof *tokens);
	if (tokens == NULL)
		return (job_fail(job, 500, "not enough memory"));
	if (v->bos_first && v->bos >= 0)
		tokens[n++] = v->bos;
	open_one.run.at = 0;
	if ((v->space_first && plain && tokens_of(v, " ", 1, false, tokens, &n,
	    max) != 0) || tokens_of(v, before, strlen(before), true, tokens,
	    &n, max) != 0 || reply_read(&reply, tokens, n) != 0)
		return (job_fail(job, 413, "the text before the prompt has "
		    "more than %d tokens", max));
	free(tokens);
	strcpy(open_one.before, before);
	open_one.before_tokens = n;
	return (0);
}

static int
open_model(struct job *job, const struct options *o)
{
	if (o->model == NULL)
		return (job_fail(job, 500, "there is no model: the option "
		    "\"model\" names its file"));
	if (strcmp(o->model, open_one.path) != 0) {
		open_one.path[0] = '\0';
		if (open_files(job, o) != 0 || open_run(job, o) != 0)
			return (-1);
		strcpy(open_one.path, o->model);
	}
	return (read_before(job, o->before));
}

static int
prepare(struct job *job, const void *chosen)
{
	const struct options *o = chosen;

	return (o->model != NULL ? open_model(job, o) : 0);
}

static int
read_prompt(struct job *job, const struct options *o)
{
	const struct vocabulary *v = &open_one.model.vocabulary;
	int max = open_one.run.max - open_one.run.at, n = 0, *tokens;
	char *text = malloc(job->in_len + 1);

	if (job->in_len == 0 && *o->before == '\0' && *o->after == '\0')
		return (job_fail(job, 400, "the prompt is empty"));
	tokens = malloc((size_t)max * sizeof *tokens + 1);
	if (text == NULL || tokens == NULL)
		return (job_fail(job, 500, "not enough memory"));
	text[0] = ' ';
	memcpy(text + 1, job->in, job->in_len);
	if (tokens_of(v, text + 1 - (v->space_first && *o->before == '\0'),
	    job->in_len + (v->space_first && *o->before == '\0'), false,
	    tokens, &n, max) != 0 || tokens_of(v, o->after, strlen(o->after),
	    true, tokens, &n, max) != 0 || n >= max)
		return (job_fail(job, 413, "the prompt does not fit into the "
		    "context of %d tokens", open_one.run.max));
	free(text);
	(void)reply_read(&answer.reply, tokens, n);
	free(tokens);
	return (0);
}

/* Take the next token's text in; false: the answer is complete. */
static bool
grow(void)
{
	const struct piece *p;
	int token = answer.left-- > 0 ? reply_next(&answer.reply) : -1;
	char *more;

	if (token < 0)
		return (false);
	p = &open_one.model.vocabulary.pieces[token];
	if (p->control)
		return (true);
	if (answer.len + (size_t)p->len + 1 > answer.room) {
		answer.room = (answer.len + (size_t)p->len + 1) * 2;
		more = realloc(answer.text, answer.room);
		if (more == NULL)
			return (false);
		answer.text = more;
	}
	memcpy(answer.text + answer.len, p->text, (size_t)p->len);
	answer.len += (size_t)p->len;
	return (true);
}

/* Bytes that may be sent: not those that may begin the stop text. */
static size_t
settled(void)
{
	size_t stop = answer.stop != NULL ? strlen(answer.stop) : 0, keep;
	char *at;

	if (stop == 0 || answer.len == 0)
		return (answer.len);
	at = memmem(answer.text, answer.len, answer.stop, stop);
	if (at != NULL) {
		answer.done = true;
		answer.len = (size_t)(at - answer.text);
		return (answer.len);
	}
	for (keep = stop - 1; keep > 0; keep--)
		if (!answer.done && keep <= answer.len &&
		    memcmp(answer.text + answer.len - keep, answer.stop,
		    keep) == 0)
			break;
	return (answer.len - keep);
}

static struct job_piece
next_piece(void *arg, size_t max)
{
	struct job_piece piece = { NULL, 0 };
	size_t end = settled();

	(void)arg;
	while (end == answer.sent && !answer.done) {
		answer.done = !grow();
		end = settled();
	}
	piece.len = end - answer.sent < max ? end - answer.sent : max;
	if (piece.len != 0)
		piece.data = answer.text + answer.sent;
	answer.sent += piece.len;
	return (piece);
}

static int
answer_json(struct job *job, int prompt_tokens)
{
	struct json_object *o = json_object_new_object();
	double confidence = reply_confidence(&answer.reply);
	char number[16];
	const char *text;

	(void)snprintf(number, sizeof number, "%.3f", confidence);
	json_object_object_add(o, "text", json_object_new_string_len(
	    answer.text != NULL ? answer.text : "", (int)answer.len));
	json_object_object_add(o, "confidence",
	    json_object_new_double_s(confidence, number));
	json_object_object_add(o, "prompt_tokens",
	    json_object_new_int(prompt_tokens));
	json_object_object_add(o, "tokens",
	    json_object_new_int(answer.reply.tokens));
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
	    JSON_C_TO_STRING_NOSLASHESCAPE);
	return (job_answer(job, "application/json", text, strlen(text)));
}

static int
run(struct job *job, const void *chosen)
{
	const struct options *o = chosen;
	int prompt_tokens;

	if (job->in_len > PROMPT_MAX)
		return (job_fail(job, 413, "the prompt is longer than %d "
		    "bytes", PROMPT_MAX));
	if (open_model(job, o) != 0)
		return (-1);
	memset(&answer, 0, sizeof answer);
	answer.reply.run = &open_one.run;
	answer.reply.sampler = (struct sampler){ o->temperature, o->top_p,
	    (int)o->top_k, (uint64_t)o->seed };
	answer.left = (int)o->max_tokens;
	answer.stop = o->stop;
	if (read_prompt(job, o) != 0)
		return (-1);
	prompt_tokens = open_one.run.at;
	if (o->stream && o->format == TEXT)
		return (job_stream(job, "text/plain; charset=utf-8",
		    JOB_UNKNOWN_LENGTH,
		    next_piece, NULL));
	while (next_piece(NULL, SIZE_MAX).len != 0)
		;
	if (o->format == JSON)
		return (answer_json(job, prompt_tokens));
	return (job_answer(job, "text/plain; charset=utf-8", answer.text,
	    answer.len));
}

static const struct job_program program = {
	.name = "llm",
	.summary = "Continues a text by a language model of the llama "
	    "architecture from a file.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.url = JOB_URL_IS_INPUT,
	.prepare = prepare,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
