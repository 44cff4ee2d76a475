/* SPDX-License-Identifier: BSD-2-Clause */
/* GGUF, versions 2 and 3: pairs of names and values, then tensors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define PAIRS_MAX 4096
#define TENSORS_MAX 8192
#define TOKENS_MAX (1 << 20)

enum value_type {
	V_U8, V_I8, V_U16, V_I16, V_U32, V_I32, V_F32, V_BOOL, V_STRING,
	V_ARRAY, V_U64, V_I64, V_F64, V_TYPES
};
static const uint8_t value_bytes[V_TYPES] = {
	1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8
};

struct text { const char *at; uint64_t len; };
struct array { uint32_t type; uint64_t count; size_t at; };

struct file {
	struct model *m;
	const uint8_t *data;
	size_t len, at, align;
	bool bad;			/* it ended too early */
	/* What is used after all pairs were read. */
	struct array tokens, scores, types, merges;
	struct text architecture, tokenizer, splitter;
	uint32_t key_length, value_length;
};

static const uint8_t *
take(struct file *f, uint64_t n)
{
	const uint8_t *at = f->data + f->at;

	if (f->bad || n > f->len - f->at) {
		f->bad = true;
		return (NULL);
	}
	f->at += n;
	return (at);
}

static uint64_t
number(struct file *f, size_t bytes)
{
	const uint8_t *at = take(f, bytes);
	uint64_t n = 0;

	if (at != NULL)
		memcpy(&n, at, bytes);
	return (n);
}

static struct text
text(struct file *f)
{
	struct text t;

	t.len = number(f, 8);
	t.at = (const char *)take(f, t.len);
	if (t.at == NULL)
		t.len = 0;
	return (t);
}

static bool
is(struct text t, const char *word)
{
	return (t.len == strlen(word) && memcmp(t.at, word, t.len) == 0);
}

/* Over a value; arrays of arrays have no use here. */
static void
skip(struct file *f, uint32_t type, struct array *array)
{
	struct array a;

	if (type == V_STRING) {
		(void)text(f);
	} else if (type != V_ARRAY) {
		(void)take(f, type < V_TYPES ? value_bytes[type] : UINT64_MAX);
	} else {
		a.type = (uint32_t)number(f, 4);
		a.count = number(f, 8);
		a.at = f->at;
		if (a.type >= V_TYPES || a.type == V_ARRAY ||
		    a.count > f->len)
			f->bad = true;
		else if (a.type != V_STRING)
			(void)take(f, a.count * value_bytes[a.type]);
		for (uint64_t i = 0; a.type == V_STRING && i < a.count &&
		    !f->bad; i++)
			(void)text(f);
		if (array != NULL && !f->bad)
			*array = a;
	}
}

/*--- the pairs ------------------------------------------------------------*/

/* Where the value of a name goes: an int, a float, a string or an array. */
enum goal { INT, FLOAT, TOKEN, FLAG, WORD, LIST };

static const struct {
	const char *name;
	enum goal goal;
	size_t model, file;		/* offset in one of both; the other 0 */
} names[] = {
#define M(f) offsetof(struct model, f), 0
#define F(f) 0, offsetof(struct file, f)
	{ "general.architecture", WORD, F(architecture) },
	{ "llama.context_length", INT, M(context) },
	{ "llama.embedding_length", INT, M(dim) },
	{ "llama.block_count", INT, M(layers) },
	{ "llama.feed_forward_length", INT, M(ffn) },
	{ "llama.attention.head_count", INT, M(heads) },
	{ "llama.attention.head_count_kv", INT, M(kv_heads) },
	{ "llama.attention.key_length", INT, F(key_length) },
	{ "llama.attention.value_length", INT, F(value_length) },
	{ "llama.rope.dimension_count", INT, M(rope_dim) },
	{ "llama.rope.freq_base", FLOAT, M(rope_base) },
	{ "llama.attention.layer_norm_rms_epsilon", FLOAT, M(epsilon) },
	{ "tokenizer.ggml.model", WORD, F(tokenizer) },
	{ "tokenizer.ggml.pre", WORD, F(splitter) },
	{ "tokenizer.ggml.tokens", LIST, F(tokens) },
	{ "tokenizer.ggml.scores", LIST, F(scores) },
	{ "tokenizer.ggml.token_type", LIST, F(types) },
	{ "tokenizer.ggml.merges", LIST, F(merges) },
	{ "tokenizer.ggml.bos_token_id", TOKEN, M(vocabulary.bos) },
	{ "tokenizer.ggml.eos_token_id", TOKEN, M(vocabulary.eos) },
	{ "tokenizer.ggml.eot_token_id", TOKEN, M(vocabulary.eot) },
	{ "tokenizer.ggml.unknown_token_id", TOKEN, M(vocabulary.unknown) },
	{ "tokenizer.ggml.add_bos_token", FLAG, M(vocabulary.bos_first) },
	{ "tokenizer.ggml.add_space_prefix", FLAG,
	    M(vocabulary.space_first) },
	{ "general.alignment", INT, F(align) },
#undef M
#undef F
};

static int
store(struct file *f, size_t row, uint32_t type)
{
	char *to = names[row].file != 0 ? (char *)f + names[row].file :
	    (char *)f->m + names[row].model;
	enum goal goal = names[row].goal;
	uint64_t n;

	if (goal == LIST && type == V_ARRAY) {
		skip(f, type, (struct array *)(void *)to);
	} else if (goal == WORD && type == V_STRING) {
		*(struct text *)(void *)to = text(f);
	} else if (goal == FLOAT && type == V_F32) {
		n = number(f, 4);
		memcpy(to, &n, 4);
	} else if (goal == FLAG && type == V_BOOL) {
		*(bool *)to = number(f, 1) != 0;
	} else if ((goal == INT || goal == TOKEN) && (type == V_U32 ||
	    type == V_I32 || type == V_U64)) {
		n = number(f, value_bytes[type]);
		if (n > INT32_MAX)
			return (model_fail(f->m, "%s is too large",
			    names[row].name));
		*(int *)(void *)to = (int)n;
	} else {
		return (model_fail(f->m, "%s is of a type that it cannot have",
		    names[row].name));
	}
	return (0);
}

static int
read_pairs(struct file *f, uint64_t count)
{
	uint32_t type;
	struct text key;
	size_t row, rows = sizeof names / sizeof *names;

	if (count > PAIRS_MAX)
		return (model_fail(f->m, "it has too many values"));
	while (count-- > 0 && !f->bad) {
		key = text(f);
		type = (uint32_t)number(f, 4);
		for (row = 0; row < rows && !is(key, names[row].name); row++)
			;
		if (row == rows)
			skip(f, type, NULL);
		else if (store(f, row, type) != 0)
			return (-1);
	}
	if (f->bad)
		return (model_fail(f->m, "it ends within its values"));
	return (0);
}

/*--- the tokens -----------------------------------------------------------*/

/* U+2581 stands for a blank. */
static int
plain_piece(char *out, struct text t)
{
	int n = 0;

	for (uint64_t i = 0; i < t.len; i++)
		if (i + 2 < t.len && memcmp(t.at + i, "\xe2\x96\x81", 3) == 0) {
			out[n++] = ' ';
			i += 2;
		} else {
			out[n++] = t.at[i];
		}
	return (n);
}

/*
 * Byte-pair files write a byte that is no visible character as one from U+0100
 * on; all these have two bytes in UTF-8.
 */
static int
bytes_of_piece(char *out, struct text t)
{
	static uint8_t byte_of[512];
	static bool made;
	unsigned c, next = 256;
	int n = 0;

	for (c = 0; !made && c < 256; c++)
		byte_of[(c >= '!' && c <= '~') || (c >= 0xa1 && c != 0xad) ?
		    c : next++] = (uint8_t)c;
	made = true;
	for (uint64_t i = 0; i < t.len; i++) {
		c = (uint8_t)t.at[i];
		if ((c & 0xe0) == 0xc0 && i + 1 < t.len)
			c = (c & 31) << 6 | ((uint8_t)t.at[++i] & 63);
		out[n++] = (char)(c < 324 ? byte_of[c] : c);
	}
	return (n);
}

static uint32_t
word_of(const struct file *f, const struct array *a, uint64_t i)
{
	uint32_t w = 0;

	if (i < a->count && value_bytes[a->type] == 4)
		memcpy(&w, f->data + a->at + 4 * i, 4);
	return (w);
}

static int
read_pieces(struct file *f)
{
	struct vocabulary *v = &f->m->vocabulary;
	struct piece *p;
	uint32_t kind, score;
	struct text t;
	char *room = malloc(f->len);

	v->pieces = calloc((size_t)v->count, sizeof *v->pieces);
	if (room == NULL || v->pieces == NULL)
		return (model_fail(f->m, "memory is short"));
	f->at = f->tokens.at;
	for (int i = 0; i < v->count; i++) {
		t = text(f);
		p = &v->pieces[i];
		kind = word_of(f, &f->types, (uint64_t)i);
		p->control = kind == 3 || kind == 4 || kind == 2;
		p->text = room;
		p->len = v->bpe && !p->control ? bytes_of_piece(room, t) :
		    plain_piece(room, t);
		room += p->len + 1;
		score = word_of(f, &f->scores, (uint64_t)i);
		memcpy(&p->score, &score, 4);
		if (kind == 6)
			vocabulary_note_byte(v, i);
	}
	return (0);
}

/* A merge is "LEFT RIGHT"; those with unknown tokens have no effect. */
static size_t
read_merges(struct file *f, struct pair_rank *pairs)
{
	const struct vocabulary *v = &f->m->vocabulary;
	struct text t, right;
	const char *blank;
	char bytes[256];
	size_t n = 0;

	f->at = f->merges.at;
	for (uint64_t i = 0; i < f->merges.count; i++) {
		t = text(f);
		blank = t.len > 1 && t.len < sizeof bytes ?
		    memchr(t.at + 1, ' ', t.len - 1) : NULL;
		if (blank == NULL)
			continue;
		right.at = blank + 1;
		right.len = t.len - (uint64_t)(right.at - t.at);
		t.len = (uint64_t)(blank - t.at);
		pairs[n].left = token_of(v, bytes, (size_t)
		    bytes_of_piece(bytes, t));
		pairs[n].right = token_of(v, bytes, (size_t)
		    bytes_of_piece(bytes, right));
		pairs[n].rank = (int)i;
		if (pairs[n].left >= 0 && pairs[n].right >= 0)
			n++;
	}
	return (n);
}

static int
read_vocabulary(struct file *f)
{
	struct vocabulary *v = &f->m->vocabulary;
	struct pair_rank *pairs = NULL;
	size_t n = 0;

	v->bpe = is(f->tokenizer, "gpt2");
	if (!v->bpe && !is(f->tokenizer, "llama"))
		return (model_fail(f->m, "its tokenizer is neither \"llama\" "
		    "nor \"gpt2\""));
	v->digits_by_three = is(f->splitter, "llama-bpe");
	if (f->tokens.type != V_STRING || f->tokens.count == 0 ||
	    f->tokens.count > TOKENS_MAX)
		return (model_fail(f->m, "its list of tokens is missing or "
		    "too long"));
	v->count = (int)f->tokens.count;
	if (read_pieces(f) != 0)
		return (-1);
	if (v->bpe && f->merges.type == V_STRING &&
	    f->merges.count <= TOKENS_MAX) {
		/* Merges name tokens, which must be found by then. */
		if (vocabulary_index(v, NULL, 0) != 0)
			return (model_fail(f->m, "memory is short"));
		pairs = malloc((f->merges.count + 1) * sizeof *pairs);
		if (pairs == NULL)
			return (model_fail(f->m, "memory is short"));
		n = read_merges(f, pairs);
	}
	if (vocabulary_index(v, pairs, n) != 0)
		return (model_fail(f->m, "memory is short"));
	free(pairs);
	return (0);
}

/*--- the tensors ----------------------------------------------------------*/

struct tensor {
	struct text name;
	uint32_t type, dims;
	uint64_t columns, rows, offset;
};

static int
read_tensor(struct file *f, struct tensor *t)
{
	uint64_t size;

	t->name = text(f);
	t->dims = (uint32_t)number(f, 4);
	t->columns = t->rows = 1;
	for (uint32_t i = 0; i < t->dims && !f->bad; i++) {
		size = number(f, 8);
		if (i > 1 || size == 0 || size > INT32_MAX)
			return (model_fail(f->m, "the shape of \"%.*s\" is "
			    "none of a matrix", (int)(t->name.len & 63),
			    t->name.at));
		*(i == 0 ? &t->columns : &t->rows) = size;
	}
	t->type = (uint32_t)number(f, 4);
	t->offset = number(f, 8);
	return (f->bad ? model_fail(f->m, "it ends within its tensors") : 0);
}

static const struct { const char *name; size_t offset; } whole[] = {
	{ "token_embd.weight", offsetof(struct model, embed) },
	{ "output_norm.weight", offsetof(struct model, norm) },
	{ "output.weight", offsetof(struct model, output) },
	{ "rope_freqs.weight", offsetof(struct model, rope_factors) },
}, parts[] = {
	{ "attn_norm.weight", offsetof(struct layer, attn_norm) },
	{ "attn_q.weight", offsetof(struct layer, q) },
	{ "attn_k.weight", offsetof(struct layer, k) },
	{ "attn_v.weight", offsetof(struct layer, v) },
	{ "attn_output.weight", offsetof(struct layer, out) },
	{ "ffn_norm.weight", offsetof(struct layer, ffn_norm) },
	{ "ffn_gate.weight", offsetof(struct layer, gate) },
	{ "ffn_up.weight", offsetof(struct layer, up) },
	{ "ffn_down.weight", offsetof(struct layer, down) },
};

/* Where a tensor of this name belongs, or NULL. */
static struct weights *
place(struct model *m, struct text name)
{
	char copy[64] = "";
	int layer, skipped = 0;
	size_t i;

	if (name.len >= sizeof copy)
		return (NULL);
	memcpy(copy, name.at, name.len);
	for (i = 0; i < sizeof whole / sizeof *whole; i++)
		if (strcmp(copy, whole[i].name) == 0)
			return ((void *)((char *)m + whole[i].offset));
	if (sscanf(copy, "blk.%3d.%n", &layer, &skipped) != 1 ||
	    skipped == 0 || layer < 0 || layer >= m->layers)
		return (NULL);
	for (i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strcmp(copy + skipped, parts[i].name) == 0)
			return ((void *)((char *)&m->layer[layer] +
			    parts[i].offset));
	return (NULL);
}

static int
set_weights(struct file *f, const struct tensor *t, size_t start)
{
	struct weights *w = place(f->m, t->name);
	int shown = (int)(t->name.len < 60 ? t->name.len : 60);
	uint64_t end;

	if (w == NULL)
		return (model_fail(f->m, "a tensor \"%.*s\" does not belong "
		    "to this architecture", shown, t->name.at));
	if (!weights_known(t->type))
		return (model_fail(f->m, "\"%.*s\" has weights of type %u, "
		    "which is not known", shown, t->name.at, t->type));
	w->type = (enum weight_type)t->type;
	w->rows = (int)t->rows;
	w->columns = (int)t->columns;
	w->row_bytes = weights_row_bytes(w->type, t->columns);
	if (w->row_bytes == 0)
		return (model_fail(f->m, "\"%.*s\" has rows that are no whole "
		    "blocks", shown, t->name.at));
	if (t->offset % f->align != 0)
		return (model_fail(f->m, "\"%.*s\" is not aligned", shown,
		    t->name.at));
	if (__builtin_mul_overflow(w->row_bytes, t->rows, &end) ||
	    __builtin_add_overflow(end, t->offset, &end) || start > f->len ||
	    end > f->len - start)
		return (model_fail(f->m, "it ends within \"%.*s\"", shown,
		    t->name.at));
	w->data = f->data + start + t->offset;
	return (0);
}

static int
read_tensors(struct file *f, uint64_t count)
{
	struct tensor *t;
	size_t start;
	int r = 0;

	if (count > TENSORS_MAX)
		return (model_fail(f->m, "it has too many tensors"));
	t = calloc(count + 1, sizeof *t);
	if (t == NULL)
		return (model_fail(f->m, "memory is short"));
	for (uint64_t i = 0; i < count && r == 0; i++)
		r = read_tensor(f, &t[i]);
	start = (f->at + f->align - 1) / f->align * f->align;
	for (uint64_t i = 0; i < count && r == 0; i++)
		r = set_weights(f, &t[i], start);
	free(t);
	return (r);
}

static int
finish(struct file *f)
{
	struct model *m = f->m;

	if (m->heads > 0 && m->dim % m->heads == 0)
		m->head_dim = m->dim / m->heads;
	if (m->kv_heads == 0)
		m->kv_heads = m->heads;
	if (m->rope_dim == 0)
		m->rope_dim = m->head_dim;
	if ((f->key_length != 0 && (int)f->key_length != m->head_dim) ||
	    (f->value_length != 0 && (int)f->value_length != m->head_dim))
		return (model_fail(m, "heads whose size is not the "
		    "embedding's share are not supported"));
	return (model_check_sizes(m));
}

int
gguf_open(struct model *m, const uint8_t *data, size_t len)
{
	struct file f = { .m = m, .data = data, .len = len, .at = 4,
	    .align = 32 };
	uint64_t version = number(&f, 4), tensors = number(&f, 8),
	    pairs = number(&f, 8);
	size_t tensors_at;

	if (f.bad || version < 2 || version > 3)
		return (model_fail(m, "it is not GGUF of version 2 or 3"));
	if (read_pairs(&f, pairs) != 0)
		return (-1);
	if (!is(f.architecture, "llama"))
		return (model_fail(m, "its architecture is \"%.*s\", not "
		    "\"llama\"", (int)(f.architecture.len & 63),
		    f.architecture.len != 0 ? f.architecture.at : ""));
	if (f.align < 8 || f.align > 65536 || (f.align & (f.align - 1)) != 0)
		return (model_fail(m, "its alignment is not possible"));
	tensors_at = f.at;
	if (finish(&f) != 0 || read_vocabulary(&f) != 0)
		return (-1);
	f.at = tensors_at;
	return (read_tensors(&f, tensors));
}
