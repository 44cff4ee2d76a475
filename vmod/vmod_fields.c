/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_fields.c: header fields of a transaction, as a program sees them.
 *
 * The library has checked that lines are legal header lines. What is left to
 * guard here are Varnish's own limits: the number of headers (http_max_hdr),
 * the workspace, and the fields by which HTTP/1 finds the end of a message.
 */
#include <limits.h>
#include <math.h>
#include <strings.h>

#include "vmod_tinykvm.h"

/* What no program's header may take: Varnish needs it to go on. */
#define WORKSPACE_RESERVE 4096
#define HEADERS_RESERVE 10

/* Longest name that Varnish's header functions take. */
#define NAME_MAX_LEN 126

/* The longest time to live that makes sense: ten years. */
#define POLICY_MAX (10. * 365 * 86400)

static size_t
name_len(const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	return (colon != NULL ? (size_t)(colon - line) : len);
}

/* Index of the first field of that name, or 0. */
static unsigned
lookup(const struct http *hp, const char *name, size_t len)
{
	for (unsigned u = HTTP_HDR_FIRST; u < hp->nhd; u++) {
		const txt *t = &hp->hd[u];

		if (t->b != NULL && (size_t)(t->e - t->b) > len &&
		    t->b[len] == ':' && strncasecmp(t->b, name, len) == 0)
			return (u);
	}
	return (0);
}

/* A copy on the workspace, NUL-terminated; NULL when there is no room. */
static const char *
copy_line(struct http *hp, const char *line, size_t len, size_t reserve)
{
	size_t need, room = (size_t)(hp->ws->e - hp->ws->f);
	char *p;

	if (__builtin_add_overflow(len, reserve, &need) || need >= room ||
	    hp->ws->r != NULL)
		return (NULL);
	p = WS_Alloc(hp->ws, (unsigned)len + 1);
	if (p == NULL)
		return (NULL);
	memcpy(p, line, len);
	p[len] = '\0';
	return (p);
}

/*
 * The program's word on the framing of a message is not taken, and not held
 * against it either: Varnish knows the length of what it sends, to clients and
 * to backends.
 */
static bool
refuse_own(const struct vtk_transaction *t, const char *name, size_t len)
{
	if (!tkvm_header_frames(name, len))
		return (false);
	if (t->vsl != NULL)
		VSLb(t->vsl, SLT_Debug, "tinykvm: header %.*s is Varnish's "
		    "own; ignored", (int)len, name);
	return (true);
}

static struct vtk_transaction *
transaction(void *priv, enum tkvm_where where, struct http **hp)
{
	struct vtk_transaction *t;

	CAST_OBJ_NOTNULL(t, priv, VTK_TRANSACTION_MAGIC);
	*hp = where == TKVM_REQUEST || where == TKVM_RESPONSE ?
	    t->fields[where] : NULL;
	return (t);
}

static int
append(struct http *hp, const char *line, size_t len, unsigned reserve)
{
	const char *p;

	if (hp->nhd + reserve >= hp->shd)
		return (-1);
	p = copy_line(hp, line, len, reserve > 0 ? WORKSPACE_RESERVE : 0);
	if (p == NULL)
		return (-1);
	http_SetHeader(hp, p);
	return (hp->nhd - 1);
}

static int
fields_append(void *priv, enum tkvm_where where, const char *line, size_t len)
{
	struct http *hp;
	struct vtk_transaction *t = transaction(priv, where, &hp);

	if (hp == NULL)
		return (-1);
	if (refuse_own(t, line, name_len(line, len)))
		return (hp->nhd);
	return (append(hp, line, len, HEADERS_RESERVE));
}

static int
set(struct http *hp, const char *line, size_t len, unsigned reserve)
{
	unsigned u = lookup(hp, line, name_len(line, len));
	const char *p;

	if (u == 0)
		return (append(hp, line, len, reserve));
	p = copy_line(hp, line, len, reserve > 0 ? WORKSPACE_RESERVE : 0);
	if (p == NULL)
		return (-1);
	http_SetH(hp, u, p);
	return ((int)u);
}

static int
fields_set(void *priv, enum tkvm_where where, const char *line, size_t len)
{
	struct http *hp;
	struct vtk_transaction *t = transaction(priv, where, &hp);

	if (hp == NULL)
		return (-1);
	if (refuse_own(t, line, name_len(line, len)))
		return (hp->nhd);
	return (set(hp, line, len, HEADERS_RESERVE));
}

static int
unset(struct http *hp, const char *name, size_t len)
{
	char hdr[NAME_MAX_LEN + 3];	/* length, name, colon, NUL */
	unsigned before = hp->nhd;

	if (len == 0 || len > NAME_MAX_LEN)
		return (0);
	hdr[0] = (char)(len + 1);
	memcpy(hdr + 1, name, len);
	hdr[len + 1] = ':';
	hdr[len + 2] = '\0';
	http_Unset(hp, hdr);
	return ((int)(before - hp->nhd));
}

static int
fields_unset(void *priv, enum tkvm_where where, const char *name, size_t len)
{
	struct http *hp;
	struct vtk_transaction *t = transaction(priv, where, &hp);

	if (hp == NULL || refuse_own(t, name, len))
		return (0);
	return (unset(hp, name, len));
}

static const char *
fields_find(void *priv, enum tkvm_where where, const char *name, size_t len,
    size_t *line_len)
{
	struct http *hp;
	unsigned u;

	(void)transaction(priv, where, &hp);
	u = hp != NULL ? lookup(hp, name, len) : 0;
	if (u == 0)
		return (NULL);
	*line_len = (size_t)(hp->hd[u].e - hp->hd[u].b);
	return (hp->hd[u].b);
}

static const char *
fields_field(void *priv, enum tkvm_where where, unsigned i, size_t *line_len)
{
	struct http *hp;

	(void)transaction(priv, where, &hp);
	if (hp == NULL)
		return (NULL);
	for (unsigned u = HTTP_HDR_FIRST; u < hp->nhd; u++) {
		if (hp->hd[u].b == NULL || i-- > 0)
			continue;
		*line_len = (size_t)(hp->hd[u].e - hp->hd[u].b);
		return (hp->hd[u].b);
	}
	return (NULL);
}

/* Seconds as Varnish can hold them; what is not a number counts as none. */
static double
policy_seconds(double s)
{
	if (!isfinite(s) || s < 0)
		return (s > 0 ? POLICY_MAX : 0);
	return (s < POLICY_MAX ? s : POLICY_MAX);
}

static int
fields_set_cacheable(void *priv, bool cacheable, double ttl, double grace,
    double keep)
{
	const unsigned subs = VCL_MET_BACKEND_RESPONSE | VCL_MET_BACKEND_ERROR;
	struct vtk_transaction *t;
	struct vtk_policy *policy;

	CAST_OBJ_NOTNULL(t, priv, VTK_TRANSACTION_MAGIC);
	policy = t->policy;
	if (policy == NULL && (t->ctx->method & subs) == 0)
		return (-1);
	if (!cacheable) {
		t->ctx->bo->uncacheable = 1;
		return (0);
	}
	if (policy != NULL) {
		policy->set = true;
		policy->ttl = policy_seconds(ttl);
		policy->grace = policy_seconds(grace);
		policy->keep = policy_seconds(keep);
		return (0);
	}
	VRT_l_beresp_ttl(t->ctx, policy_seconds(ttl));
	VRT_l_beresp_grace(t->ctx, policy_seconds(grace));
	VRT_l_beresp_keep(t->ctx, policy_seconds(keep));
	return (0);
}

static void
fields_log(void *priv, const char *text, size_t len)
{
	struct vtk_transaction *t;

	CAST_OBJ_NOTNULL(t, priv, VTK_TRANSACTION_MAGIC);
	if (t->vsl != NULL)
		VSLb(t->vsl, SLT_VCL_Log, "%.*s",
		    len < 4096 ? (int)len : 4096, text);
}

/*
 * Their places and marks only: the text itself stays where it is in the
 * workspace.
 */
static void
fields_mark(void *priv)
{
	struct http *hp;
	struct vtk_transaction *t = transaction(priv, TKVM_RESPONSE, &hp);
	unsigned n = 0;

	/* In early subroutines the answer's are not set up yet. */
	t->n_saved = UINT_MAX;
	if (hp != NULL && hp->nhd >= HTTP_HDR_FIRST)
		t->n_saved = n = hp->nhd - HTTP_HDR_FIRST;
	if (n > 0) {
		t->saved = copy_line(hp, (const char *)&hp->hd[HTTP_HDR_FIRST],
		    n * sizeof hp->hd[0], WORKSPACE_RESERVE);
		t->saved_marks = copy_line(hp, (const char *)&hp->hdf[
		    HTTP_HDR_FIRST], n * sizeof hp->hdf[0], WORKSPACE_RESERVE);
		if (t->saved == NULL || t->saved_marks == NULL)
			t->n_saved = UINT_MAX;
	}
	if (t->policy != NULL)
		t->saved_policy = *t->policy;
}

static void
fields_undo(void *priv)
{
	struct http *hp;
	struct vtk_transaction *t = transaction(priv, TKVM_RESPONSE, &hp);

	if (t->policy != NULL)
		*t->policy = t->saved_policy;
	if (hp == NULL || t->n_saved == UINT_MAX)
		return;
	if (t->n_saved > 0) {
		memcpy(&hp->hd[HTTP_HDR_FIRST], t->saved,
		    t->n_saved * sizeof hp->hd[0]);
		memcpy(&hp->hdf[HTTP_HDR_FIRST], t->saved_marks,
		    t->n_saved * sizeof hp->hdf[0]);
	}
	hp->nhd = (uint16_t)(HTTP_HDR_FIRST + t->n_saved);
}

static void
fields_ran(void *priv, const struct tkvm_reply *reply)
{
	struct vtk_transaction *t;

	CAST_OBJ_NOTNULL(t, priv, VTK_TRANSACTION_MAGIC);
	vtk_chain_ran(t->ctx, t->vsl, reply);
}

const struct tkvm_transaction_ops vtk_fields_ops = {
	.append = fields_append,
	.set = fields_set,
	.unset = fields_unset,
	.find = fields_find,
	.field = fields_field,
	.set_cacheable = fields_set_cacheable,
	.mark = fields_mark,
	.undo = fields_undo,
	.ran = fields_ran,
	.log = fields_log,
};

/*
 * In early subroutines there is no answer yet, in vcl_pipe never: what is there
 * then has no workspace, and programs find no headers and no room for any.
 */
static struct http *
set_up(struct http *hp)
{
	return (hp != NULL && hp->ws != NULL ? hp : NULL);
}

void
vtk_fields_init(VRT_CTX, struct vtk_transaction *t, struct vtk_policy *policy)
{
	INIT_OBJ(t, VTK_TRANSACTION_MAGIC);
	t->ctx = ctx;
	t->vsl = ctx->vsl;
	t->policy = policy;
	if (ctx->bo != NULL) {
		t->fields[TKVM_REQUEST] = set_up(ctx->http_bereq);
		t->fields[TKVM_RESPONSE] = set_up(ctx->http_beresp);
	} else {
		t->fields[TKVM_REQUEST] = set_up(ctx->http_req);
		t->fields[TKVM_RESPONSE] = set_up(ctx->http_resp);
	}
}

int
vtk_fields_set(struct http *hp, const char *line)
{
	return (set(hp, line, strlen(line), 0) < 0 ? -1 : 0);
}

void
vtk_fields_unset(struct http *hp, const char *name)
{
	(void)unset(hp, name, strlen(name));
}

const char *
vtk_fields_get(const struct http *hp, const char *name)
{
	unsigned u = lookup(hp, name, strlen(name));
	const char *p;

	if (u == 0)
		return (NULL);
	p = hp->hd[u].b + strlen(name) + 1;
	while (*p == ' ' || *p == '\t')
		p++;
	return (p);
}

int
vtk_fields_content_type(struct http *hp, const char *type)
{
	const char *line;

	if (type == NULL || *type == '\0')
		return (0);
	/* The one header that does not come through the library's check. */
	for (const char *p = type; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return (0);
	line = WS_Printf(hp->ws, "Content-Type: %s", type);
	return (line == NULL ? -1 : vtk_fields_set(hp, line));
}
