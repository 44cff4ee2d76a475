/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.h: open language models of the llama architecture.
 *
 *	model_open()	a GGUF or llama2.c file, checked, used where it lies
 *	tokens_of()	text to tokens; token_text() the way back
 *	run_open()	what one conversation remembers (the KV cache)
 *	run_token()	one token in, a score for each possible next one out
 *	sample()	chooses
 *
 * One thread, no globals, plain x86-64 with AVX2 where the CPU has it: both
 * ways add in the same order, so that an answer does not depend on the CPU. A
 * file may hold anything: every number in it is checked before it is used.
 */
#ifndef LLM_MODEL_H
#define LLM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_WHY 160
#define LAYERS_MAX 256

/* How weights are stored; the numbers of GGUF. */
enum weight_type {
	W_F32 = 0, W_F16 = 1, W_Q4_0 = 2, W_Q4_1 = 3, W_Q5_0 = 6, W_Q5_1 = 7,
	W_Q8_0 = 8, W_Q4_K = 12, W_Q5_K = 13, W_Q6_K = 14
};

/* A matrix; each row begins behind the one before. data NULL: absent. */
struct weights {
	enum weight_type type;
	int rows, columns;
	size_t row_bytes;
	const uint8_t *data;
};

struct layer {
	struct weights attn_norm, q, k, v, out, ffn_norm, gate, up, down;
};

/* Bytes of a token, and how early its parts are joined (more is earlier). */
struct piece {
	const char *text;
	int len;
	float score;
	bool control;		/* no text: begin, end, roles of a chat */
};

struct pair_rank { int left, right, rank; };

struct vocabulary {
	int count;
	struct piece *pieces;
	uint32_t *by_text, text_slots;	/* hash table of index + 1 */
	/* Byte-pair encoding has a table of pairs, SentencePiece has scores. */
	struct pair_rank *pairs;
	uint32_t pair_slots;
	bool bpe, digits_by_three, space_first, bos_first;
	int byte[256];			/* token of a byte, -1: none */
	char bytes[256];		/* the text of these */
	int bos, eos, eot, unknown;	/* -1: none */
};

struct model {
	int dim, ffn, layers, heads, kv_heads, context, head_dim, rope_dim;
	float epsilon, rope_base;
	struct weights embed, norm, output, rope_factors;
	struct layer layer[LAYERS_MAX];
	struct vocabulary vocabulary;
	const char *name;
	char why[MODEL_WHY];		/* after a failure */
};

/*
 * A model in memory; data must stay. tokenizer is the second file of the
 * llama2.c format, else NULL. 0, or -1 with *model->why; what was allocated
 * until then is lost.
 */
int model_open(struct model *model, const void *data, size_t len,
    const void *tokenizer, size_t tokenizer_len);

/* For the readers of the formats. */
int model_fail(struct model *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int gguf_open(struct model *, const uint8_t *data, size_t len);
int llama2c_open(struct model *, const uint8_t *data, size_t len,
    const uint8_t *tokenizer, size_t tokenizer_len);
/* Sizes within what the code can do; after the header was read. */
int model_check_sizes(struct model *);

/*--- weights.c */

/* Bytes of one row, or 0 when columns is no multiple of the type's block. */
size_t weights_row_bytes(enum weight_type, uint64_t columns);
bool weights_known(uint32_t type);

/* Numbers that a matrix is multiplied with, in both forms. */
struct vector {
	float *f;
	int8_t *q;		/* blocks of 32 */
	float *scale;		/* of each block */
	int n;
};
int vector_alloc(struct vector *, int n);
/* After f changed: makes q and scale. */
void vector_pack(struct vector *);

/* out[i] = row i of w times x, for all rows. */
void weights_times(float *out, const struct weights *w, const struct vector *x);
/* Row as floats. */
void weights_row(float *out, const struct weights *w, int row);

/*--- dot.c: the inner loops; the result is the same with and without AVX2. */
float dot_floats(const float *a, const float *b, int n);
float dot_q8_0(const uint8_t *row, const struct vector *x);
float dot_q4_0(const uint8_t *row, const struct vector *x);
float half_to_float(uint16_t);

/*--- vocabulary.c, tokens.c */

/* If a token is named "<0x0A>", it is the byte 10. */
void vocabulary_note_byte(struct vocabulary *, int token);
/* Hash tables of a vocabulary whose pieces are there. 0 or -1. */
int vocabulary_index(struct vocabulary *, struct pair_rank *pairs, size_t n);
/* The token with this text, or -1. */
int token_of(const struct vocabulary *, const char *text, size_t len);
/* The pair's rank as a score and what it makes; false: cannot be joined. */
bool token_join(const struct vocabulary *, int left, int right, float *score,
    int *joined);

/*
 * Tokens of a text, behind those already in out[0..*n); at most max. With
 * `markup`, names of control tokens in the text are these tokens. 0, or -1 when
 * they are too many or memory is short.
 */
int tokens_of(const struct vocabulary *, const char *text, size_t len,
    bool markup, int *out, int *n, int max);

/*--- forward.c */

struct run {
	const struct model *model;
	int at, max;			/* tokens so far, and at most */
	float *keys, *values;		/* [layer][position][kv] */
	float *rope;			/* of a position: cosine, sine */
	float *inverse;			/* frequencies */
	float *x, *qkv, *up, *scores, *attention;
	struct vector in, mixed, hidden;
};

/* Room for max tokens; 0, or -1 when memory is short. */
int run_open(struct run *, const struct model *, int max);
/* Bytes that it would take. */
size_t run_bytes(const struct model *, int max);
/* Scores of the next token, one for each of the vocabulary, or NULL: full. */
float *run_token(struct run *, int token);

/*--- sample.c */

struct sampler {
	double temperature, top_p;
	int top_k;			/* 0: all */
	uint64_t state;			/* the seed, at first */
};
/* A token; its probability, at temperature 1, in *p. */
int sample(struct sampler *, const float *scores, int n, float *p);

/* An answer under way. */
struct reply {
	struct run *run;
	struct sampler sampler;
	const float *scores;		/* of the next token; NULL: full */
	int tokens;			/* that were chosen */
	double log_p;			/* sum of the logarithms of their p */
};
/* Reads a prompt: 0, or -1 when the run is full. */
int reply_read(struct reply *, const int *tokens, int n);
/* The next token, or -1 at the end of the answer or of the room. */
int reply_next(struct reply *);
/* Geometric mean of the chosen tokens' probabilities. */
double reply_confidence(const struct reply *);

/* exp() of a float, the same on every CPU. */
float exp_float(float x);

#endif
