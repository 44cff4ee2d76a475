/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.c: files and URLs to bytes.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/program_priv.h"

#define FILE_MAX GIB(4)

int
load_file(const char *path, char **data, size_t *size, struct tkvm_err *err)
{
	struct stat st;
	ssize_t n = -1;
	int fd;

	*data = NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return (tkvm_fail(err, TKVM_EFILE, "cannot open %s: %s", path,
		    strerror(errno)));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size > FILE_MAX) {
		(void)close(fd);
		return (tkvm_fail(err, TKVM_EFILE,
		    "%s is not a file of at most 4 GiB", path));
	}
	*size = (size_t)st.st_size;
	*data = malloc(*size + 1);
	if (*data != NULL)
		for (size_t at = 0; at < *size; at += (size_t)n) {
			n = pread(fd, *data + at, *size - at, (off_t)at);
			if (n <= 0)
				break;
		}
	(void)close(fd);
	if (*data == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory to read %s",
		    path));
	if (n <= 0 && *size != 0) {
		free(*data);
		*data = NULL;
		return (tkvm_fail(err, TKVM_EFILE, "cannot read %s", path));
	}
	(*data)[*size] = '\0';
	return (0);
}

/*--- URLs -----------------------------------------------------------------*/

#define LIBRARY_SECONDS 60
#define CONNECT_SECONDS 10
#define REDIRECTS 5

static const char *
file_of(const char *uri)
{
	return (strncmp(uri, "file://", 7) == 0 ? uri + 7 :
	    strstr(uri, "://") == NULL ? uri : NULL);
}

static int
not_ok(const char *url, int status, struct tkvm_err *err)
{
	return (tkvm_fail(err, TKVM_EFILE, "cannot fetch %.200s: the server "
	    "answers with status %d", url, status));
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

int
load_uri(const char *uri, char **data, size_t *size, struct tkvm_err *err)
{
	const struct fetch_request req = {
		.url = uri, .connect_s = CONNECT_SECONDS,
		.total_s = LIBRARY_SECONDS, .max_bytes = BODY_MAX,
		.redirects = REDIRECTS,
		.allow_private = true,
	};
	struct fetch_reply reply;
	int r;

	if (file_of(uri) != NULL)
		return (load_file(file_of(uri), data, size, err));
	r = fetch_url(&req, &reply, err);
	if (r != 0)
		return (r);
	r = reply.status == 200 ? take_body(&reply, data, size, err) :
	    not_ok(uri, reply.status, err);
	fetch_reply_free(&reply);
	return (r);
}

/*--- programs -------------------------------------------------------------*/

/* Unpacked, and what its settings say it must be. */
static int
check(const struct settings *s, const char *name, char **data, size_t *size,
    struct tkvm_err *err)
{
	int r = fetch_unpack(data, size, MIB(s->max_fetch_mib), name, err);

	if (r == 0 && s->sha256 != NULL)
		r = fetch_verify(*data, *size, s->sha256, name, err);
	if (r != 0) {
		free(*data);
		*data = NULL;
	}
	return (r);
}

static int
load_checked(const struct settings *s, const char *path, char **data,
    size_t *size, struct tkvm_err *err)
{
	int r = load_file(path, data, size, err);

	return (r != 0 ? r : check(s, path, data, size, err));
}

/* Data as it came, before anything reads it. */
static int
check_signature(const struct fetch_request *of, const struct settings *s,
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
	req.max_bytes = 64;
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
etag_path(const struct settings *s)
{
	char *path;

	return (s->filename == NULL ||
	    asprintf(&path, "%s.etag", s->filename) < 0 ? NULL : path);
}

/* What the server called the kept file, or NULL. */
static char *
kept_etag(const struct settings *s)
{
	char *path = etag_path(s), *etag = NULL;
	struct tkvm_err err;
	size_t size;

	if (path != NULL && access(s->filename, R_OK) == 0 &&
	    load_file(path, &etag, &size, &err) == 0)
		etag[strcspn(etag, "\r\n")] = '\0';
	free(path);
	return (etag);
}

/* Without a file to keep it in it is fetched at each start. */
static void
keep(struct tkvm_program *p, const struct settings *s, const char *data,
    size_t size, const char *etag)
{
	char *path = etag_path(s);
	struct tkvm_err err;

	if (path == NULL)
		return;
	/* The old name goes first: it must never stand beside a new file. */
	(void)unlink(path);
	if (save_file(s->filename, data, size, &err) != 0 || (etag != NULL &&
	    save_file(path, etag, strlen(etag), &err) != 0))
		library_log(p->library, p->name, err.text);
	free(path);
}

/* A new program in a reply: verified, unpacked, kept. */
static int
accept_new(struct tkvm_program *p, const struct settings *s,
    const struct fetch_request *req, struct fetch_reply *reply, char **data,
    size_t *size, struct tkvm_err *err)
{
	int r = take_body(reply, data, size, err);

	if (r == 0)
		r = check_signature(req, s, *data, *size, err);
	if (r != 0) {
		free(*data);
		*data = NULL;
		return (r);
	}
	r = check(s, s->uri, data, size, err);
	if (r == 0)
		keep(p, s, *data, *size, reply->etag);
	return (r);
}

/* The server has no new one for us: the kept one, if it is as it must be. */
static int
use_kept(struct tkvm_program *p, const struct settings *s, char **data,
    size_t *size, struct tkvm_err *err)
{
	struct tkvm_err why = *err, none;
	char line[400];

	/* A kept file has lost its signature. */
	if (s->filename == NULL || s->signature_key != NULL ||
	    atomic_load(&p->cancelled) ||
	    load_checked(s, s->filename, data, size, &none) != 0)
		return (err->code);
	(void)snprintf(line, sizeof line, "%.250s; the kept file is used",
	    why.text);
	library_log(p->library, p->name, line);
	return (0);
}

static int
fetch_program(struct tkvm_program *p, const struct settings *s, char **data,
    size_t *size, struct tkvm_err *err)
{
	char *etag = s->signature_key != NULL ? NULL : kept_etag(s);
	const struct fetch_request req = {
		.url = s->uri, .etag = etag, .connect_s = CONNECT_SECONDS,
		.total_s = s->fetch_timeout, .allow_private = true,
		.redirects = REDIRECTS,
		.max_bytes = MIB(s->max_fetch_mib), .cancel = &p->cancelled,
	};
	struct fetch_reply reply;
	int r = fetch_url(&req, &reply, err);

	if (r == 0 && reply.status == 304 && etag != NULL) {
		r = load_checked(s, s->filename, data, size, err);
	} else if (r == 0 && reply.status == 200) {
		r = accept_new(p, s, &req, &reply, data, size, err);
		if (r != 0)
			r = use_kept(p, s, data, size, err);
	} else {
		if (r == 0)
			(void)not_ok(s->uri, reply.status, err);
		r = use_kept(p, s, data, size, err);
	}
	fetch_reply_free(&reply);
	free(etag);
	return (r);
}

int
program_load(struct tkvm_program *p, const struct settings *s, char **data,
    size_t *size, struct tkvm_err *err)
{
	struct tkvm_err none;

	*data = NULL;
	if (s->uri == NULL)
		return (load_checked(s, s->filename, data, size, err));
	if (file_of(s->uri) != NULL)
		return (load_checked(s, file_of(s->uri), data, size, err));
	/* What is known to be right need not be asked for. */
	if (s->sha256 != NULL && s->filename != NULL &&
	    load_checked(s, s->filename, data, size, &none) == 0)
		return (0);
	return (fetch_program(p, s, data, size, err));
}

/* For stats() only; the machine checks the file. */
const char *
elf_type(const char *elf, size_t size)
{
	Elf64_Ehdr h;

	if (size < sizeof h)
		return ("unknown");
	memcpy(&h, elf, sizeof h);
	return (h.e_type == ET_EXEC ? "static" : h.e_type == ET_DYN ?
	    "static-pie" : "unknown");
}
