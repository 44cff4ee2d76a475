/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.c: files that come from a server and are kept: programs, and what
 * they want downloaded.
 *
 * Beside a kept FILE lies FILE.etag: what the server called it, and its URL in
 * a second line. It goes before a new file comes, and is written behind it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/program_priv.h"

#define CONNECT_SECONDS 10
#define LIBRARY_SECONDS 60
#define REDIRECTS 5
#define SIGNATURE_MAX 64

/* What a file is and must be; names as in struct settings. */
struct source {
	struct tkvm_program *program;
	const char *uri;		/* NULL: it is of this host */
	const char *path;		/* where it is kept; NULL: nowhere */
	const char *sha256, *signature_key;	/* NULL: need not be */
	const char *md5;		/* need not be fetched; or NULL */
	const struct settings *settings;
	bool executable;		/* unpack it if it is packed */
	bool storage;			/* its storage program counts */
	double timeout;
	uint64_t max_bytes;
};

/* Unpacked, and what its settings say it must be. */
static int
check(const struct source *s, const char *name, struct fetch_program *to,
    struct tkvm_err *err)
{
	int r = 0;

	if (s->executable)
		r = fetch_unpack(to, s->max_bytes, name, err);
	if (r == 0 && s->sha256 != NULL)
		r = fetch_verify(to->data, to->len, s->sha256, name, err);
	if (r != 0)
		fetch_program_free(to);
	return (r);
}

/* Of a kept program: FILE_storage, see keep(). NULL for other files. */
static char *
storage_path(const struct source *s)
{
	char *path;

	return (!s->executable || !s->storage || s->path == NULL ||
	    asprintf(&path, "%s_storage", s->path) < 0 ? NULL : path);
}

#define tell(s, ...) verbose((s)->program, (s)->settings, __VA_ARGS__)

static void
say(const struct source *s, const char *text)
{
	library_log(s->program->library, s->program->name, text);
}

/*--- of this host ---------------------------------------------------------*/

/* Its signature lies beside it, in FILE.sig. */
static int
check_local_signature(const struct source *s, const char *path,
    const char *data, size_t size, struct tkvm_err *err)
{
	char *name, *sig = NULL;
	size_t sig_size = 0;
	int r;

	if (s->signature_key == NULL)
		return (0);
	if (asprintf(&name, "%s.sig", path) < 0)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for a name"));
	r = load_file(name, &sig, &sig_size, err);
	if (r == 0)
		r = fetch_verify_signature(data, size, sig, sig_size,
		    s->signature_key, path, err);
	free(sig);
	free(name);
	return (r);
}

/* The one beside it, if there is one and none came with it. */
static int
load_kept_storage(const struct source *s, struct fetch_program *to,
    struct tkvm_err *err)
{
	char *path = to->storage == NULL ? storage_path(s) : NULL;
	int r = 0;

	if (path != NULL && access(path, R_OK) == 0)
		r = load_file(path, &to->storage, &to->storage_len, err);
	/* Nothing unsigned runs beside what had to be signed. */
	if (r == 0 && to->storage != NULL && path != NULL)
		r = check_local_signature(s, path, to->storage,
		    to->storage_len, err);
	free(path);
	if (r != 0)
		fetch_program_free(to);
	return (r);
}

static int
load_checked(const struct source *s, const char *path,
    struct fetch_program *to, struct tkvm_err *err)
{
	int r = load_file(path, &to->data, &to->len, err);

	if (r == 0)
		r = check(s, path, to, err);
	return (r != 0 ? r : load_kept_storage(s, to, err));
}

static int
load_local(const struct source *s, const char *path,
    struct fetch_program *to, struct tkvm_err *err)
{
	int r = load_file(path, &to->data, &to->len, err);

	if (r == 0)
		r = check_local_signature(s, path, to->data, to->len, err);
	if (r != 0) {
		fetch_program_free(to);
		return (r);
	}
	r = check(s, path, to, err);
	return (r != 0 ? r : load_kept_storage(s, to, err));
}

/*--- from a server --------------------------------------------------------*/

static int
not_ok(const char *url, int status, struct tkvm_err *err)
{
	return (tkvm_fail(err, TKVM_EFILE, "cannot fetch %.200s: the server "
	    "answers with status %d", url, status));
}

/* Data as it came, before anything reads it. */
static int
check_signature(const struct fetch_request *of, const struct source *s,
    const char *data, size_t size, struct tkvm_err *err)
{
	struct fetch_request req = *of;
	struct fetch_reply reply;
	char *url;
	int r;

	if (s->signature_key == NULL)
		return (0);
	if (asprintf(&url, "%s.sig", s->uri) < 0)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory to fetch"));
	req.url = url;
	req.etag = NULL;
	req.max_bytes = SIGNATURE_MAX;
	r = fetch_url(&req, &reply, err);
	if (r == 0)
		r = reply.status == 200 ? fetch_verify_signature(data, size,
		    reply.body, reply.body_len, s->signature_key, s->uri, err) :
		    not_ok(url, reply.status, err);
	fetch_reply_free(&reply);
	free(url);
	return (r);
}

static char *
etag_path(const struct source *s)
{
	char *path;

	return (s->path == NULL || asprintf(&path, "%s.etag", s->path) < 0 ?
	    NULL : path);
}

/* What the server of this very URL called the kept file, or NULL. */
static char *
kept_etag(const struct source *s)
{
	char *path = etag_path(s), *text = NULL, *uri = NULL;
	struct tkvm_err err;
	size_t size;

	/* A kept file has lost its signature. */
	if (path != NULL && s->signature_key == NULL &&
	    access(s->path, R_OK) == 0 &&
	    load_file(path, &text, &size, &err) == 0) {
		uri = text;
		(void)strsep(&uri, "\n");
	}
	free(path);
	if (uri != NULL)
		uri[strcspn(uri, "\n")] = '\0';
	if (uri != NULL && strcmp(uri, s->uri) == 0)
		return (text);
	free(text);
	return (NULL);
}

/* Without a file to keep it in it is fetched at each start. */
static void
keep(const struct source *s, const struct fetch_program *p, const char *etag)
{
	char *path = etag_path(s), *storage = storage_path(s), *text = NULL;
	struct tkvm_err err;
	int r;

	if (path == NULL) {
		free(storage);
		return;
	}
	(void)unlink(path);
	r = save_file(s->path, p->data, p->len, &err);
	if (storage != NULL)
		(void)unlink(storage);
	if (r == 0 && p->storage != NULL && storage != NULL)
		r = save_file(storage, p->storage, p->storage_len, &err);
	free(storage);
	if (r == 0 && etag != NULL &&
	    asprintf(&text, "%s\n%s\n", etag, s->uri) > 0)
		r = save_file(path, text, strlen(text), &err);
	if (r != 0)
		say(s, err.text);
	free(text);
	free(path);
}

/* An empty body is one byte long, for its NUL. */
static int
take_body(struct fetch_reply *reply, char **data, size_t *size,
    struct tkvm_err *err)
{
	*data = reply->body != NULL ? reply->body : calloc(1, 1);
	*size = reply->body_len;
	reply->body = NULL;
	return (*data != NULL ? 0 : tkvm_fail(err, TKVM_ENOMEM,
	    "no memory to fetch"));
}

/* A new file in a reply: verified, unpacked, kept. */
static int
accept_new(const struct source *s, const struct fetch_request *req,
    struct fetch_reply *reply, struct fetch_program *to, struct tkvm_err *err)
{
	int r = take_body(reply, &to->data, &to->len, err);

	if (r == 0)
		r = check_signature(req, s, to->data, to->len, err);
	if (r != 0) {
		fetch_program_free(to);
		return (r);
	}
	r = check(s, s->uri, to, err);
	if (r == 0)
		keep(s, to, reply->etag);
	return (r);
}

/* The server has no new one for us: the kept one, if it is as it must be. */
static int
use_kept(const struct source *s, struct fetch_program *to,
    struct tkvm_err *err)
{
	struct tkvm_err why = *err, none;
	char line[400];

	if (s->path == NULL || s->signature_key != NULL ||
	    atomic_load(&s->program->cancelled) ||
	    load_checked(s, s->path, to, &none) != 0)
		return (err->code);
	(void)snprintf(line, sizeof line, "%.250s; the kept file is used",
	    why.text);
	say(s, line);
	return (0);
}

static int
load_remote(const struct source *s, struct fetch_program *to,
    struct tkvm_err *err)
{
	char *etag = kept_etag(s);
	const struct fetch_request req = {
		.url = s->uri, .etag = etag, .connect_s = CONNECT_SECONDS,
		.total_s = s->timeout, .allow_private = true,
		.redirects = REDIRECTS, .max_bytes = s->max_bytes,
		.cancel = &s->program->cancelled,
	};
	struct fetch_reply reply;
	int r = fetch_url(&req, &reply, err);

	if (r == 0)
		tell(s, "%.250s answers with status %d, %zu bytes", s->uri,
		    reply.status, reply.body_len);
	if (r == 0 && reply.status == 304 && etag != NULL) {
		r = load_checked(s, s->path, to, err);
	} else if (r == 0 && reply.status == 200) {
		r = accept_new(s, &req, &reply, to, err);
		if (r != 0)
			r = use_kept(s, to, err);
	} else {
		if (r == 0)
			(void)not_ok(s->uri, reply.status, err);
		r = use_kept(s, to, err);
	}
	fetch_reply_free(&reply);
	free(etag);
	return (r);
}

/* What is known to be right need not be asked for. */
static int
load_known(const struct source *s, struct fetch_program *to)
{
	bool by_md5 = s->sha256 == NULL && s->md5 != NULL &&
	    s->signature_key == NULL;
	struct tkvm_err why;
	int r;

	if (s->path == NULL || (s->sha256 == NULL && !by_md5))
		return (-1);
	r = load_checked(s, s->path, to, &why);
	if (r == 0 && by_md5) {
		r = fetch_verify_md5(to->data, to->len, s->md5, s->path, &why);
		if (r != 0)
			fetch_program_free(to);
	}
	if (r == 0)
		tell(s, "%.150s has the sum of its settings: nothing is "
		    "fetched", s->path);
	else
		tell(s, "%.300s: it is fetched", why.text);
	return (r);
}

static int
load(const struct source *s, struct fetch_program *to, struct tkvm_err *err)
{
	memset(to, 0, sizeof *to);
	if (s->uri == NULL || uri_file(s->uri) != NULL)
		return (load_local(s, s->uri == NULL ? s->path :
		    uri_file(s->uri), to, err));
	return (load_known(s, to) == 0 ? 0 : load_remote(s, to, err));
}

/*--- libraries ------------------------------------------------------------*/

int
load_uri(const char *uri, double max_seconds, char **data, size_t *size,
    struct tkvm_err *err)
{
	const struct fetch_request req = {
		.url = uri, .connect_s = CONNECT_SECONDS,
		.total_s = max_seconds < LIBRARY_SECONDS ? max_seconds :
		    LIBRARY_SECONDS, .max_bytes = BODY_MAX,
		.redirects = REDIRECTS,
		.allow_private = true,
	};
	struct fetch_reply reply;
	int r;

	if (uri_file(uri) != NULL)
		return (load_file(uri_file(uri), data, size, err));
	r = fetch_url(&req, &reply, err);
	if (r != 0)
		return (r);
	r = reply.status == 200 ? take_body(&reply, data, size, err) :
	    not_ok(uri, reply.status, err);
	fetch_reply_free(&reply);
	return (r);
}

/*--- what settings name ---------------------------------------------------*/

int
program_load(struct tkvm_program *p, const struct settings *s,
    struct fetch_program *to, struct tkvm_err *err)
{
	const struct source source = {
		.program = p, .uri = s->uri, .path = s->filename,
		.sha256 = s->sha256, .signature_key = s->signature_key,
		.md5 = s->md5, .settings = s,
		.executable = true, .storage = s->storage,
		.timeout = s->fetch_timeout,
		.max_bytes = MIB(s->max_fetch_mib),
	};

	return (load(&source, to, err));
}

int
program_check_update(struct tkvm_program *p, const struct settings *s,
    const char *path, const void *elf, size_t size, struct tkvm_err *err)
{
	const struct source source = {
		.program = p, .signature_key = s->signature_key,
	};

	if (s->signature_key != NULL && path == NULL)
		return (tkvm_fail(err, TKVM_ECONFIG, "signature_key demands a "
		    "signature, and no request has one: update %s from a file",
		    p->name));
	if (s->sha256 != NULL && fetch_verify(elf, size, s->sha256,
	    "the update", err) != 0)
		return (TKVM_EFILE);
	return (check_local_signature(&source, path, elf, size, err));
}

int
program_store(struct tkvm_program *p, const struct settings *s,
    const char *path, const void *elf, size_t size, struct tkvm_err *err)
{
	const struct source source = {
		.program = p, .path = s->filename, .executable = true,
		.storage = s->storage,
	};
	char *from = NULL, *to = NULL, *sig = NULL, *other;
	size_t sig_size;
	int r = save_file(s->filename, elf, size, err);

	/* Requests and storage run the same file now. */
	other = storage_path(&source);
	if (r == 0 && other != NULL)
		(void)unlink(other);
	free(other);
	if (r != 0 || s->signature_key == NULL)
		return (r);
	if (asprintf(&from, "%s.sig", path) < 0 ||
	    asprintf(&to, "%s.sig", s->filename) < 0)
		r = tkvm_fail(err, TKVM_ENOMEM, "no memory for a name");
	if (r == 0)
		r = load_file(from, &sig, &sig_size, err);
	if (r == 0)
		r = save_file(to, sig, sig_size, err);
	free(sig);
	free(from);
	free(to);
	return (r);
}

/* The folders on the way to a file. */
static int
make_folders(const char *path, struct tkvm_err *err)
{
	char *name = strdup(path), *slash;
	int r = 0;

	if (name == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for a name"));
	for (slash = strchr(name + 1, '/'); slash != NULL && r == 0;
	    slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(name, 0755) != 0 && errno != EEXIST)
			r = tkvm_fail(err, TKVM_EFILE, "cannot make the folder "
			    "%s: %s", name, strerror(errno));
		*slash = '/';
	}
	free(name);
	return (r);
}

int
program_download(struct tkvm_program *p, const struct settings *s,
    struct tkvm_err *err)
{
	struct fetch_program file;
	int r = 0;

	for (unsigned i = 0; i < s->downloads.n && r == 0; i++) {
		const struct download *d = &s->downloads.d[i];
		const struct source source = {
			.program = p, .uri = d->uri, .path = d->path,
			.sha256 = d->sha256, .md5 = d->md5,
			.settings = s, .timeout = s->fetch_timeout,
			.max_bytes = MIB(s->max_fetch_mib),
		};

		r = make_folders(d->path, err);
		if (r != 0)
			break;
		r = load(&source, &file, err);
		fetch_program_free(&file);
		/* It could be fetched, and not be kept. */
		if (r == 0 && access(d->path, R_OK) != 0)
			r = tkvm_fail(err, TKVM_EFILE, "cannot keep %s",
			    d->path);
	}
	return (r);
}
