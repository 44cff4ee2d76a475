/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.c: bodies in pieces. A request's, handed to call-back 4 as they
 * arrive; an answer's, asked from a function that begin_streaming_response()
 * named. Both are calls within one request: the machine is not cleaned between.
 */
#include "http/http_priv.h"

/*--- request bodies -------------------------------------------------------*/

bool
http_takes_pieces(const struct http_program *hp)
{
	return (hp->callback[HTTP_ON_PIECE] != 0);
}

int
http_piece(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_request *req, const void *data, size_t len,
    uint64_t offset, struct tkvm_err *err)
{
	uint64_t arg[6];

	s->req = req;
	s->answer.given = false;
	if (http_strings_fit(req, err) != 0)
		return (TKVM_EGUEST);
	arg[3] = tkvm_machine_push(m, data, len);
	arg[4] = len;
	arg[5] = offset;
	if (arg[3] == 0 || http_push_strings(m, req, req->content_type, arg))
		return (tkvm_fail(err, TKVM_EGUEST, "a piece of the request "
		    "body does not fit on the program's stack"));
	return (tkvm_machine_ask(m, s->hp->callback[HTTP_ON_PIECE], arg, err));
}

int
http_piece_taken(const struct http_state *s, const struct tkvm_machine *m,
    size_t len, struct tkvm_err *err)
{
	uint64_t value[2];

	(void)s;
	if (!tkvm_machine_value(m, value))
		return (tkvm_fail(err, TKVM_EGUEST, "the program did not "
		    "return from its function for pieces of a body"));
	if (value[0] != len)
		return (tkvm_fail(err, TKVM_EGUEST, "the program took %jd of a "
		    "piece of %zu bytes of the request body",
		    (intmax_t)value[0], len));
	return (0);
}

/*--- answers --------------------------------------------------------------*/

enum tkvm_next
http_begin_stream(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	struct answer *a = &s->answer;

	if (http_status_and_type(s, m, c, err) != 0)
		return (TKVM_ABORT);
	if (c->arg[3] == 0)
		return (http_abort(err, "begin_streaming_response with a "
		    "length of 0; use backend_response"));
	if (c->arg[4] == 0 || tkvm_view(m, c->arg[4], 1) == NULL)
		return (http_abort(err,
		    "begin_streaming_response with an address that is no "
		    "function"));
	a->given = a->stream = true;
	a->body = 0;
	a->body_len = c->arg[3];
	a->written = 0;
	a->function = c->arg[4];
	a->function_arg = c->arg[5];
	/* What its stack holds is still used, says the header. */
	tkvm_machine_keep_stack(m);
	return (TKVM_STOP);
}

static uint64_t
left(const struct answer *a)
{
	return (a->body_len - a->written);
}

int
http_stream_ask(struct http_state *s, struct tkvm_machine *m, uint64_t max,
    struct tkvm_err *err)
{
	struct answer *a = &s->answer;
	uint64_t arg[6] = {a->function_arg, 0, a->written, a->body_len};

	/* No transaction: its headers are on their way. */
	s->req = NULL;
	a->asked = max < left(a) ? max : left(a);
	arg[1] = a->asked;
	return (tkvm_machine_ask(m, a->function, arg, err));
}

int
http_stream_take(struct http_state *s, struct tkvm_machine *m,
    const void **data, uint64_t *len, struct tkvm_err *err)
{
	struct answer *a = &s->answer;
	uint64_t value[2];

	if (!tkvm_machine_value(m, value))
		return (tkvm_fail(err, TKVM_EGUEST, "the program did not "
		    "return from the function that streams its answer"));
	*len = value[1] < a->asked ? value[1] : a->asked;
	if (*len == 0 && a->body_len == TKVM_LENGTH_UNKNOWN) {
		*data = NULL;
		return (0);
	}
	*data = *len == 0 ? NULL : tkvm_view(m, value[0], *len);
	if (*data == NULL)
		return (tkvm_fail(err, TKVM_EGUEST, "the program streamed %ju "
		    "of %ju bytes and then gave %ju at 0x%jx",
		    (uintmax_t)a->written, (uintmax_t)a->body_len,
		    (uintmax_t)*len, (uintmax_t)value[0]));
	a->written += *len;
	return (0);
}
