/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * save.c: a program's Linux state as bytes, and from bytes. Files are opened
 * again under the names that the program used, by the rules as they are then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "linux/linux_priv.h"

/* One open file; its name follows. */
struct saved_file {
	int64_t offset;
	uint32_t index;
	int32_t stdio, flags, kind;
};

int
linux_save(struct linux_state *s, struct blob *to, struct tkvm_err *err)
{
	const struct fds *t = &s->fds;
	uint64_t n = 0;

	blob_put(to, &s->vars, sizeof s->vars);
	blob_put(to, s->action, sizeof s->action);
	blob_put_text(to, s->cwd);
	blob_put(to, t->slot, sizeof t->slot);
	for (unsigned i = 0; i < FDS_MAX; i++)
		blob_put(to, t->cloexec[i] ? "\1" : "", 1);
	for (unsigned i = 0; i < FDS_MAX; i++)
		n += t->file[i].refs != 0;
	blob_put64(to, n);
	for (unsigned i = 0; i < FDS_MAX; i++) {
		const struct file *f = &t->file[i];
		const struct saved_file is = {f->offset, i, f->stdio,
		    f->flags, (int32_t)f->kind};

		if (f->refs == 0)
			continue;
		blob_put(to, &is, sizeof is);
		blob_put_text(to, f->path);
	}
	return (to->failed ? tkvm_fail(err, TKVM_ENOMEM,
	    "no memory to save a program's files") : 0);
}

static int
damaged(struct tkvm_err *err)
{
	return (tkvm_fail(err, TKVM_EFILE, "its files are damaged"));
}

static int
open_again(struct linux_state *s, const struct saved_file *is,
    const char *path, struct tkvm_err *err)
{
	bool write = (is->flags & O_ACCMODE) != O_RDONLY;
	struct file *f = &s->fds.file[is->index];
	int r = 0, flags = is->flags & O_ACCMODE;

	if (is->kind == FILE_STDIO) {
		if (is->stdio < 0 || is->stdio > 2)
			return (damaged(err));
		*f = (struct file){.kind = FILE_STDIO, .stdio = is->stdio,
		    .host = s->rules->inherit_stdio ? is->stdio : -1,
		    .borrowed = true};
	} else {
		if (path[0] != '/')
			return (damaged(err));
		r = file_open(s, path, flags, 0600, write, f);
	}
	if (r == 0 && (int32_t)f->kind != is->kind)
		r = -ENOTDIR;
	if (r != 0)
		return (tkvm_fail(err, TKVM_EFILE, "it had %.200s open, which "
		    "cannot be opened now: %s", path, strerror(-r)));
	f->refs = 1;		/* ours, until all descriptors are known */
	f->flags = is->flags & (O_ACCMODE | O_APPEND | O_NONBLOCK);
	f->offset = is->offset < 0 ? 0 : is->offset;
	return (0);
}

static int
load_files(struct linux_state *s, struct blob_in *from, struct tkvm_err *err)
{
	struct saved_file is;
	uint64_t n = blob_get64(from);
	char *path;
	int r = 0;

	if (n > FDS_MAX)
		return (damaged(err));
	for (; n > 0 && r == 0; n--) {
		blob_get_to(from, &is, sizeof is);
		path = blob_get_text(from);
		if (path == NULL || is.index >= FDS_MAX ||
		    s->fds.file[is.index].refs != 0)
			r = damaged(err);
		else
			r = open_again(s, &is, path, err);
		free(path);
	}
	return (r);
}

/* Count who refers to each file; what nobody refers to is closed. */
static bool
refer_again(struct fds *t, const uint16_t slot[FDS_MAX])
{
	for (unsigned i = 0; i < FDS_MAX; i++) {
		if (slot[i] > FDS_MAX ||
		    (slot[i] != 0 && t->file[slot[i] - 1].refs == 0))
			return (false);
		if (slot[i] != 0)
			t->file[slot[i] - 1].refs++;
		t->slot[i] = slot[i];
	}
	for (unsigned i = 0; i < FDS_MAX; i++)
		if (t->file[i].refs != 0 && --t->file[i].refs == 0)
			file_release(&t->file[i]);
	t->changed = true;
	return (true);
}

int
linux_load(struct linux_state *s, struct blob_in *from, struct tkvm_err *err)
{
	uint8_t cloexec[FDS_MAX];
	uint16_t slot[FDS_MAX];
	char *cwd;
	int r;

	blob_get_to(from, &s->vars, sizeof s->vars);
	s->vars.name[sizeof s->vars.name - 1] = '\0';
	blob_get_to(from, s->action, sizeof s->action);
	s->action_changed = true;
	cwd = blob_get_text(from);
	if (cwd == NULL || cwd[0] != '/' || strlen(cwd) >= PATH_MAX) {
		free(cwd);
		return (damaged(err));
	}
	if (s->cwd_own)
		free(s->cwd);
	s->cwd = cwd;
	s->cwd_own = true;
	fds_close_all(&s->fds);
	blob_get_to(from, slot, sizeof slot);
	blob_get_to(from, cloexec, sizeof cloexec);
	for (unsigned i = 0; i < FDS_MAX; i++)
		s->fds.cloexec[i] = cloexec[i] != 0;
	r = load_files(s, from, err);
	if (r == 0 && (from->failed || !refer_again(&s->fds, slot)))
		r = damaged(err);
	return (r);
}
