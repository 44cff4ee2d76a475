/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fields.c: what the guest does with header fields. The lines themselves belong
 * to the embedder; here they are only checked (field.c) and handed over.
 */
#include <string.h>

#include "http/http_priv.h"

/*
 * 0 and 4 are the request's fields, 1 and 5 the response's: headers before
 * April 2025 used the larger numbers.
 */
static bool
pick_where(uint64_t arg, enum tkvm_where *where)
{
	switch ((uint32_t)arg) {
	case 0:
	case 4:
		*where = TKVM_REQUEST;
		return (true);
	case 1:
	case 5:
		*where = TKVM_RESPONSE;
		return (true);
	default:
		return (false);
	}
}

bool
http_where(uint64_t arg, enum tkvm_where *where, struct tkvm_err *err)
{
	if (pick_where(arg, where))
		return (true);
	(void)tkvm_fail(err, TKVM_EGUEST, "%u is neither the request's (0) "
	    "nor the response's (1) header", (uint32_t)arg);
	return (false);
}

static int
copy_line(struct http_state *s, struct tkvm_machine *m, uint64_t gva,
    uint64_t len, struct tkvm_err *err)
{
	if (len > HTTP_LINE_MAX)
		return (tkvm_fail(err, TKVM_EGUEST, "a header line of %ju "
		    "bytes; at most %u", (uintmax_t)len, HTTP_LINE_MAX));
	if (tkvm_copy_in(m, s->line, gva, len) != 0)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "a header line at an unmapped address"));
	s->line[len] = '\0';
	return (0);
}

static int
bad_line(const struct http_state *s, size_t len, struct tkvm_err *err)
{
	char shown[61];
	size_t n = 0;

	for (size_t i = 0; i < len && n < sizeof shown - 1; i++)
		shown[n++] = s->line[i] >= 0x20 && s->line[i] < 0x7f ?
		    s->line[i] : '?';
	shown[n] = '\0';
	return (tkvm_fail(err, TKVM_EGUEST, "illegal header line \"%s\"; it "
	    "must be \"Name: value\" without control characters", shown));
}

enum tkvm_next
http_append(struct http_state *s, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	const struct tkvm_transaction_ops *ops;
	enum tkvm_where where;
	int i;

	if (!http_where(c->arg[0], &where, err) ||
	    copy_line(s, m, c->arg[1], c->arg[2], err) != 0)
		return (TKVM_ABORT);
	ops = s->req->ops;
	if (!http_line_ok(s->line, c->arg[2])) {
		(void)bad_line(s, c->arg[2], err);
		return (TKVM_ABORT);
	}
	if (ops->append == NULL)
		return (http_abort(err, "no header field can be added here"));
	i = ops->append(s->req->priv, where, s->line, c->arg[2]);
	/* Full: zero-extended, unlike http_set; programs cast to int. */
	c->ret = i < 0 ? 0xffffffffu : (uint64_t)i;
	return (TKVM_RESUME);
}

int
http_set_line(struct http_state *s, struct tkvm_machine *m,
    enum tkvm_where where, uint64_t gva, uint64_t len, int *index,
    struct tkvm_err *err)
{
	const struct tkvm_transaction_ops *ops = s->req->ops;

	*index = 0;
	if (len == 0)
		return (0);
	if (copy_line(s, m, gva, len, err) != 0)
		return (TKVM_EGUEST);
	if (memchr(s->line, ':', len) == NULL) {
		if (!http_name_ok(s->line, len))
			return (bad_line(s, len, err));
		if (ops->unset != NULL)
			*index = ops->unset(s->req->priv, where, s->line, len);
		return (0);
	}
	if (!http_line_ok(s->line, len))
		return (bad_line(s, len, err));
	if (ops->set == NULL)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "no header field can be set here"));
	*index = ops->set(s->req->priv, where, s->line, len);
	return (0);
}

enum tkvm_next
http_set(struct http_state *s, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	enum tkvm_where where;
	int index;

	if (!http_where(c->arg[0], &where, err) || http_set_line(s, m, where,
	    c->arg[1], c->arg[2], &index, err) != 0)
		return (TKVM_ABORT);
	c->ret = (uint64_t)(int64_t)index;
	return (TKVM_RESUME);
}

/* Copy len bytes out if they fit; the length, or 0. NULL asks for it. */
static enum tkvm_next
give(struct tkvm_machine *m, struct tkvm_call *c, uint64_t dst, uint64_t size,
    const char *text, size_t len, struct tkvm_err *err)
{
	c->ret = len;
	if (dst == 0)
		return (TKVM_RESUME);
	if (len > size) {
		c->ret = 0;
		return (TKVM_RESUME);
	}
	if (tkvm_copy_out(m, dst, text, len) != 0)
		return (http_abort(err,
		    "the destination of a header field is not writable"));
	return (TKVM_RESUME);
}

enum tkvm_next
http_find(struct http_state *s, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	uint16_t len = (uint16_t)c->arg[2], size = (uint16_t)c->arg[4];
	const char *line = NULL;
	enum tkvm_where where;
	size_t line_len = 0;

	if (!http_where(c->arg[0], &where, err) ||
	    copy_line(s, m, c->arg[1], len, err) != 0)
		return (TKVM_ABORT);
	if (!http_name_ok(s->line, len)) {
		(void)bad_line(s, len, err);
		return (TKVM_ABORT);
	}
	if (s->req->ops->find != NULL)
		line = s->req->ops->find(s->req->priv, where, s->line, len,
		    &line_len);
	if (line == NULL) {
		c->ret = 0;
		return (TKVM_RESUME);
	}
	return (give(m, c, c->arg[3], size, line, line_len, err));
}

enum tkvm_next
http_method(struct http_state *s, struct tkvm_machine *m, struct tkvm_call *c,
    struct tkvm_err *err)
{
	const char *method = s->req->first_method;

	/* The client's, also in the programs of a chain that get a POST. */
	if (method == NULL)
		method = s->req->method;
	return (give(m, c, c->arg[0], c->arg[1] & 0x7fffffff, method,
	    strlen(method), err));
}
