/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * answer: short questions by a small transformer that is part of the program,
 * and questions about a text by finding the sentence that answers them.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extract.h"
#include "job.h"
#include "model.h"

#define QUESTION_MAX 400
#define TEXT_MAX 1000000
#define ANSWER_MAX 2048
#define UNKNOWN "I do not know."

/* The weights, made by train/train.py. */
__asm__(".section .rodata\n"
    ".balign 64\n"
    ".global answer_model, answer_model_end\n"
    "answer_model: .incbin \"programs/answer/data/model.gguf\"\n"
    "answer_model_end:\n"
    ".previous\n");
extern const uint8_t answer_model[], answer_model_end[];

struct options {
	const char *question, *unknown;
	double min_confidence, min_match;
	int format;
};
enum format { TEXT, JSON };

static const struct job_option options[] = {
	JOB_STR(struct options, question, NULL, QUESTION_MAX,
	    "asked about the input, which is then a text"),
	JOB_NUM(struct options, min_confidence, 0.9, 0, 1,
	    "what the model is less sure of is unknown"),
	JOB_NUM(struct options, min_match, 0.5, 0, 1,
	    "how much of the question a sentence of the text must cover"),
	JOB_STR(struct options, unknown, UNKNOWN, 400,
	    "the answer to what is unknown"),
	JOB_CHOICE(struct options, format, TEXT, "text|json",
	    "json: an object with answer, known, confidence and source"),
	JOB_END
};

static struct model model;
static struct run the_run;

static int
prepare(struct job *job, const void *chosen)
{
	(void)chosen;
	if (the_run.max != 0)
		return (0);
	if (model_open(&model, answer_model,
	    (size_t)(answer_model_end - answer_model), NULL, 0) != 0)
		return (job_fail(job, 500, "the model: %s", model.why));
	if (run_open(&the_run, &model, model.context) != 0)
		return (job_fail(job, 500, "not enough memory"));
	return (0);
}

struct found {
	char *text;
	size_t len;
	double confidence;
	bool known;
	const char *source;
};

/* The question with a blank before and the end of a line behind, as tokens. */
static int
ask(struct job *job, struct reply *reply)
{
	char text[QUESTION_MAX + 2] = " ";
	int tokens[QUESTION_MAX + 3], n = 0;
	size_t len;

	len = 1 + normal_question(job->in, job->in_len, text + 1);
	if (len == 1)
		return (job_fail(job, 400, "there is no question"));
	text[len++] = '\n';
	tokens[n++] = model.vocabulary.bos;
	if (tokens_of(&model.vocabulary, text, len, false, tokens, &n,
	    QUESTION_MAX) != 0 || n >= the_run.max)
		return (job_fail(job, 413, "the question is too long"));
	the_run.at = 0;
	reply->run = &the_run;
	return (reply_read(reply, tokens, n));
}

static int
from_model(struct job *job, const struct options *o, struct found *f)
{
	static char text[ANSWER_MAX];
	struct reply reply = { .sampler = { 0, 1, 0, 0 } };
	const struct piece *p;
	int token;

	if (job->in_len > QUESTION_MAX)
		return (job_fail(job, 413, "a question has at most %d bytes; "
		    "for one about a text there is the option \"question\"",
		    QUESTION_MAX));
	if (ask(job, &reply) != 0)
		return (-1);
	while ((token = reply_next(&reply)) >= 0) {
		p = &model.vocabulary.pieces[token];
		if (!p->control && f->len + (size_t)p->len <= sizeof text) {
			memcpy(text + f->len, p->text, (size_t)p->len);
			f->len += (size_t)p->len;
		}
	}
	f->text = text;
	f->source = "model";
	f->confidence = reply_confidence(&reply);
	f->known = f->confidence >= o->min_confidence &&
	    !(f->len == strlen(UNKNOWN) && memcmp(text, UNKNOWN, f->len) == 0);
	return (0);
}

static int
from_text(struct job *job, const struct options *o, struct found *f)
{
	struct sentence s;

	if (job->in_len > TEXT_MAX)
		return (job_fail(job, 413, "a text has at most %d bytes",
		    TEXT_MAX));
	s = extract(job->in, job->in_len, o->question, strlen(o->question),
	    &f->confidence);
	f->text = (char *)s.at;
	f->len = s.len;
	f->source = "text";
	f->known = s.len != 0 && f->confidence >= o->min_match;
	return (0);
}

static int
answer_json(struct job *job, const struct found *f)
{
	struct json_object *o = json_object_new_object();
	char number[16];
	const char *text;

	(void)snprintf(number, sizeof number, "%.3f", f->confidence);
	json_object_object_add(o, "answer",
	    json_object_new_string_len(f->text, (int)f->len));
	json_object_object_add(o, "known", json_object_new_boolean(f->known));
	json_object_object_add(o, "confidence",
	    json_object_new_double_s(f->confidence, number));
	json_object_object_add(o, "source", json_object_new_string(f->source));
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
	    JSON_C_TO_STRING_NOSLASHESCAPE);
	return (job_answer(job, "application/json", text, strlen(text)));
}

static int
run(struct job *job, const void *chosen)
{
	const struct options *o = chosen;
	struct found f = { 0 };
	bool text = o->question != NULL && *o->question != '\0';

	if (prepare(job, o) != 0 ||
	    (text ? from_text(job, o, &f) : from_model(job, o, &f)) != 0)
		return (-1);
	if (!f.known) {
		f.text = (char *)o->unknown;
		f.len = strlen(o->unknown);
	}
	if (o->format == JSON)
		return (answer_json(job, &f));
	return (job_answer(job, "text/plain; charset=utf-8", f.text, f.len));
}

static const struct job_program program = {
	.name = "answer",
	.summary = "Answers short questions by a small model, and questions "
	    "about a text from its sentences.",
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
