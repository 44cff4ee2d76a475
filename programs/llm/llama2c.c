/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of llama2.c: seven numbers and all weights as floats; the tokens in
 * a second file.
 */
#include <stdlib.h>
#include <string.h>

#include "model.h"

struct cursor {
	const uint8_t *data;
	size_t len, at;
};

/* The next n matrices of rows by columns, as one; NULL data when it ends. */
static int
matrices(struct model *m, struct cursor *c, struct weights *w, size_t step,
    int n, int rows, int columns)
{
	size_t row = weights_row_bytes(W_F32, (uint64_t)columns);

	for (int i = 0; i < n; i++) {
		if (row == 0 || row * (size_t)rows > c->len - c->at)
			return (model_fail(m, "it ends within its weights"));
		*w = (struct weights){ W_F32, rows, columns, row,
		    c->data + c->at };
		c->at += row * (size_t)rows;
		w = (void *)((char *)w + step);
	}
	return (0);
}

static int
read_weights(struct model *m, struct cursor *c, bool own_output)
{
	int dim = m->dim, kv = m->kv_heads * m->head_dim, n = m->layers;
	struct layer *y = m->layer;
	size_t step = sizeof *y;

	if (matrices(m, c, &m->embed, 0, 1, m->vocabulary.count, dim) != 0 ||
	    matrices(m, c, &y->attn_norm, step, n, 1, dim) != 0 ||
	    matrices(m, c, &y->q, step, n, dim, dim) != 0 ||
	    matrices(m, c, &y->k, step, n, kv, dim) != 0 ||
	    matrices(m, c, &y->v, step, n, kv, dim) != 0 ||
	    matrices(m, c, &y->out, step, n, dim, dim) != 0 ||
	    matrices(m, c, &y->ffn_norm, step, n, 1, dim) != 0 ||
	    matrices(m, c, &y->gate, step, n, m->ffn, dim) != 0 ||
	    matrices(m, c, &y->down, step, n, dim, m->ffn) != 0 ||
	    matrices(m, c, &y->up, step, n, m->ffn, dim) != 0 ||
	    matrices(m, c, &m->norm, 0, 1, 1, dim) != 0)
		return (-1);
	if (!own_output)
		return (0);
	/* Between them the angles of all positions, which are computed here. */
	if (__builtin_add_overflow(c->at, (size_t)m->context *
	    (size_t)m->head_dim * sizeof(float), &c->at) || c->at > c->len)
		return (model_fail(m, "it ends within its weights"));
	return (matrices(m, c, &m->output, 0, 1, m->vocabulary.count, dim));
}

static int
read_tokens(struct model *m, struct cursor *c)
{
	struct vocabulary *v = &m->vocabulary;
	struct piece *p;
	int32_t len;

	v->pieces = calloc((size_t)v->count, sizeof *v->pieces);
	if (v->pieces == NULL)
		return (model_fail(m, "memory is short"));
	c->at = 4;			/* the longest one's length, no use */
	for (int i = 0; i < v->count; i++) {
		p = &v->pieces[i];
		if (c->len < 8 || c->at > c->len - 8)
			return (model_fail(m, "its tokenizer is too short"));
		memcpy(&p->score, c->data + c->at, 4);
		memcpy(&len, c->data + c->at + 4, 4);
		c->at += 8;
		if (len < 0 || (size_t)len > c->len - c->at)
			return (model_fail(m, "its tokenizer is broken"));
		p->text = (const char *)c->data + c->at;
		p->len = len;
		p->control = i < 3;
		c->at += (size_t)len;
		vocabulary_note_byte(v, i);
	}
	v->unknown = 0;
	v->bos = 1;
	v->eos = 2;
	return (vocabulary_index(v, NULL, 0) != 0 ?
	    model_fail(m, "memory is short") : 0);
}

int
llama2c_open(struct model *m, const uint8_t *data, size_t len,
    const uint8_t *tokenizer, size_t tokenizer_len)
{
	struct cursor c = { data, len, 28 };
	struct cursor t = { tokenizer, tokenizer_len, 0 };
	int32_t head[7];

	if (len < sizeof head)
		return (model_fail(m, "it is neither GGUF nor llama2.c"));
	memcpy(head, data, sizeof head);
	m->dim = head[0];
	m->ffn = head[1];
	m->layers = head[2];
	m->heads = head[3];
	m->kv_heads = head[4];
	if (head[5] == INT32_MIN)
		return (model_fail(m, "its sizes are not possible"));
	m->vocabulary.count = head[5] < 0 ? -head[5] : head[5];
	m->context = head[6];
	if (m->heads > 0 && m->dim > 0)
		m->head_dim = m->rope_dim = m->dim / m->heads;
	if (model_check_sizes(m) != 0)
		return (-1);
	if (tokenizer == NULL)
		return (model_fail(m, "a llama2.c file needs its tokenizer, "
		    "another file"));
	return (read_weights(m, &c, head[5] < 0) != 0 ? -1 :
	    read_tokens(m, &t));
}
