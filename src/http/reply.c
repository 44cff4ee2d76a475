/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reply.c: the answer, from the guest's registers to struct tkvm_reply.
 */
#include <string.h>

#include "http/http_priv.h"

/* BackendResponseExtra of kvm_api.h. */
struct extra {
	uint64_t headers;
	uint16_t num_headers;
	uint8_t cached, pad;
	float ttl, grace, keep;
	uint64_t reserved[4];
};
_Static_assert(sizeof(struct extra) == 56, "guest ABI");

/* What 64 bits of milliseconds can hold, as in set_cacheable(). */
#define SECONDS_MAX 18446744073709552.0f

struct extra_header {
	uint64_t field, len;
};

static int
apply_headers(struct http_state *s, struct tkvm_machine *m,
    const struct extra *x, struct tkvm_err *err)
{
	struct extra_header h;
	int index, r;

	for (unsigned i = 0; i < x->num_headers; i++) {
		if (tkvm_copy_in(m, &h, x->headers + i * sizeof h, sizeof h))
			return (tkvm_fail(err, TKVM_EGUEST,
			    "the extra headers lie at an unmapped address"));
		r = http_set_line(s, m, TKVM_RESPONSE, h.field,
		    (uint32_t)h.len, &index, err);
		if (r != 0)
			return (r);
	}
	return (0);
}

/* Negative is past; NaN and infinity are no times. */
static bool
seconds_ok(float t)
{
	return (t >= -SECONDS_MAX && t <= SECONDS_MAX);
}

static int
apply_extra(struct http_state *s, struct tkvm_machine *m, uint64_t gva,
    struct tkvm_err *err)
{
	const struct tkvm_request *req = s->req;
	struct extra x;
	int r;

	if (tkvm_copy_in(m, &x, gva, sizeof x) != 0)
		return (tkvm_fail(err, TKVM_EGUEST, "the extra part of the "
		    "answer lies at the unmapped address 0x%jx",
		    (uintmax_t)gva));
	if (x.num_headers > HEADERS_MAX)
		return (tkvm_fail(err, TKVM_EGUEST, "%u extra headers; at "
		    "most %u", x.num_headers, HEADERS_MAX));
	if (x.cached && !(seconds_ok(x.ttl) && seconds_ok(x.grace) &&
	    seconds_ok(x.keep)))
		return (tkvm_fail(err, TKVM_EGUEST, "a time in the extra part "
		    "of the answer is not a number of seconds"));
	if (req == NULL || req->ops == NULL)
		return (0);
	r = apply_headers(s, m, &x, err);
	if (r == 0 && x.cached && req->ops->set_cacheable != NULL)
		(void)req->ops->set_cacheable(req->priv, true, x.ttl, x.grace,
		    x.keep);
	return (r);
}

/*
 * Does r9 point at an extra struct? Programs built before April 2025 leave
 * junk there, see abi.c.
 */
static bool
has_extra(const struct http_state *s, const struct tkvm_machine *m,
    uint64_t r9)
{
	const struct tkvm_layout *l = tkvm_machine_layout(m);

	if (!s->hp->extra_valid || r9 == 0)
		return (false);
	if (s->hp->extra_by_stack && r9 >= l->stack_low &&
	    r9 < tkvm_machine_regs(m)->rsp)
		return (false);
	return (true);
}

int
http_status_and_type(struct http_state *s, struct tkvm_machine *m,
    const struct tkvm_call *c, struct tkvm_err *err)
{
	uint16_t ctlen = (uint16_t)c->arg[2];
	int16_t status = (int16_t)c->arg[0];

	if (ctlen >= CONTENT_TYPE_MAX)
		return (tkvm_fail(err, TKVM_EGUEST, "the content type has %d "
		    "or more bytes", CONTENT_TYPE_MAX));
	if (tkvm_copy_in(m, s->content_type, c->arg[1], ctlen) != 0)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "the content type lies at an unmapped address"));
	if (!http_value_ok(s->content_type, ctlen))
		return (tkvm_fail(err, TKVM_EGUEST,
		    "the content type contains control characters"));
	s->content_type[ctlen] = '\0';
	if (status < 200 || status > 599)
		return (tkvm_fail(err, TKVM_EGUEST, "the program answered with "
		    "status %d; it must be 200 to 599", status));
	s->answer = (struct answer){.status = (uint16_t)status,
	    .content_type_len = ctlen};
	return (0);
}

enum tkvm_next
http_backend_response(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_call *c, struct tkvm_err *err)
{
	struct answer *a = &s->answer;

	if (http_status_and_type(s, m, c, err) != 0)
		return (TKVM_ABORT);
	if (c->arg[4] != 0 && tkvm_view(m, c->arg[3], c->arg[4]) == NULL) {
		(void)tkvm_fail(err, TKVM_EGUEST, "the body of %ju bytes at "
		    "0x%jx is not mapped", (uintmax_t)c->arg[4],
		    (uintmax_t)c->arg[3]);
		return (TKVM_ABORT);
	}
	if (has_extra(s, m, c->arg[5]) &&
	    apply_extra(s, m, c->arg[5], err) != 0)
		return (TKVM_ABORT);
	a->given = true;
	a->body = c->arg[3];
	a->body_len = c->arg[4];
	return (TKVM_STOP);
}

int
http_reply(struct http_state *s, struct tkvm_machine *m,
    struct tkvm_reply *reply, struct tkvm_err *err)
{
	const struct answer *a = &s->answer;

	if (!a->given)
		return (tkvm_fail(err, TKVM_EGUEST,
		    "the program ended without giving an answer"));
	reply->status = a->status;
	reply->content_type = a->content_type_len == 0 ? NULL :
	    s->content_type;
	reply->body_len = a->body_len;
	reply->streamed = a->stream;
	reply->body = a->body_len == 0 || a->stream ? NULL :
	    tkvm_view(m, a->body, a->body_len);
	return (0);
}
