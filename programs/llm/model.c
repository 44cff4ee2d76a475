/* SPDX-License-Identifier: BSD-2-Clause */
/* A model from a file: which format, and whether all of it fits together. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

int
model_fail(struct model *m, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(m->why, sizeof m->why, format, ap);
	va_end(ap);
	return (-1);
}

int
model_check_sizes(struct model *m)
{
	if (m->dim < 8 || m->dim > 32768 || m->dim % 4 != 0 ||
	    m->ffn < 8 || m->ffn > 131072 || m->ffn % 4 != 0 ||
	    m->layers < 1 || m->layers > LAYERS_MAX || m->heads < 1 ||
	    m->heads > 1024 || m->dim % m->heads != 0 || m->kv_heads < 1 ||
	    m->kv_heads > m->heads || m->heads % m->kv_heads != 0 ||
	    m->context < 1 || m->rope_dim < 2 || m->rope_dim % 2 != 0 ||
	    m->rope_dim > m->head_dim || m->vocabulary.count < 0 ||
	    m->vocabulary.count > 1 << 20)
		return (model_fail(m, "its sizes are not possible"));
	if (!(m->rope_base >= 1) || !(m->epsilon >= 0) || m->epsilon > 1)
		return (model_fail(m, "its constants are not possible"));
	return (0);
}

static int
check(struct model *m, const char *name, const struct weights *w, int rows,
    int columns)
{
	if (w->data == NULL)
		return (model_fail(m, "it has no %s", name));
	if (w->rows != rows || w->columns != columns)
		return (model_fail(m, "its %s is %d by %d, not %d by %d", name,
		    w->rows, w->columns, rows, columns));
	if (rows == 1 && w->type != W_F32)
		return (model_fail(m, "its %s is not of 32-bit floats", name));
	return (0);
}

static int
check_layer(struct model *m, const struct layer *y)
{
	int dim = m->dim, kv = m->kv_heads * m->head_dim;

	if (check(m, "attn_norm", &y->attn_norm, 1, dim) != 0 ||
	    check(m, "attn_q", &y->q, dim, dim) != 0 ||
	    check(m, "attn_k", &y->k, kv, dim) != 0 ||
	    check(m, "attn_v", &y->v, kv, dim) != 0 ||
	    check(m, "attn_output", &y->out, dim, dim) != 0 ||
	    check(m, "ffn_norm", &y->ffn_norm, 1, dim) != 0 ||
	    check(m, "ffn_gate", &y->gate, m->ffn, dim) != 0 ||
	    check(m, "ffn_up", &y->up, m->ffn, dim) != 0 ||
	    check(m, "ffn_down", &y->down, dim, m->ffn) != 0)
		return (-1);
	return (0);
}

static int
check_all(struct model *m)
{
	struct vocabulary *v = &m->vocabulary;
	int *ids[] = { &v->bos, &v->eos, &v->eot, &v->unknown };

	if (check(m, "token_embd", &m->embed, v->count, m->dim) != 0 ||
	    check(m, "output_norm", &m->norm, 1, m->dim) != 0)
		return (-1);
	if (m->output.data != NULL &&
	    check(m, "output", &m->output, v->count, m->dim) != 0)
		return (-1);
	if (m->rope_factors.data != NULL && check(m, "rope_freqs",
	    &m->rope_factors, 1, m->rope_dim / 2) != 0)
		return (-1);
	for (int i = 0; i < m->layers; i++)
		if (check_layer(m, &m->layer[i]) != 0)
			return (-1);
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		if (*ids[i] < -1 || *ids[i] >= v->count)
			return (model_fail(m, "a token that ends or begins "
			    "text is not in its list"));
	if (v->bos < 0 && v->bos_first)
		v->bos_first = false;
	return (0);
}

int
model_open(struct model *m, const void *data, size_t len,
    const void *tokenizer, size_t tokenizer_len)
{
	struct vocabulary *v = &m->vocabulary;
	int r;

	memset(m, 0, sizeof *m);
	m->epsilon = 1e-5f;
	m->rope_base = 10000;
	v->bos = v->eos = v->eot = v->unknown = -1;
	v->bos_first = v->space_first = true;
	memset(v->byte, -1, sizeof v->byte);
	if (len >= 4 && memcmp(data, "GGUF", 4) == 0)
		r = gguf_open(m, data, len);
	else
		r = llama2c_open(m, data, len, tokenizer, tokenizer_len);
	if (r == 0)
		r = check_all(m);
	if (v->bpe)
		v->space_first = false;
	return (r);
}
