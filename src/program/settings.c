/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * settings.c: every key of a program or group, one row each.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "program/program_priv.h"

#define FIELD(f) offsetof(struct settings, f)
#define UINT(name, f, lo, hi, doc) \
	{name, SETTING_UINT, false, FIELD(f), lo, hi, doc}
#define EVEN(name, f, lo, hi, doc) \
	{name, SETTING_EVEN, false, FIELD(f), lo, hi, doc}
#define SECONDS(name, f, lo, hi, doc) \
	{name, SETTING_SECONDS, false, FIELD(f), lo, hi, doc}
#define LIST(name, f, replace, doc) \
	{name, SETTING_STRINGS, replace, FIELD(f), 0, 0, doc}
#define ONE(name, type, f, doc) {name, type, true, FIELD(f), 0, 0, doc}
#define AREAS(name, kind, doc) \
	{name, SETTING_AREAS, false, 0, kind, 0, doc}
#define IGNORED(name, doc) {name, SETTING_IGNORED, false, 0, 0, 0, doc}

#define MIB_MAX 524288		/* 512 GiB */

const struct setting settings_table[] = {
	ONE("group", SETTING_STRING, group,
	    "Group whose settings the program starts from."),
	ONE("filename", SETTING_STRING, filename,
	    "The program: a static Linux executable, or where one that is "
	    "fetched from uri is kept. This or uri is required."),
	ONE("uri", SETTING_STRING, uri,
	    "Where to fetch it from when it starts: http, https or file. An "
	    "executable, or an archive or compressed file with one in it."),
	ONE("sha256", SETTING_STRING, sha256,
	    "SHA-256 that the executable must have, in hexadecimal; a kept "
	    "file that has it is not fetched again."),
	ONE("signature_key", SETTING_STRING, signature_key,
	    "Ed25519 public key, 64 hexadecimal digits: what is fetched must "
	    "have its signature, 64 bytes, at the same URL with .sig behind."),
	SECONDS("fetch_timeout", fetch_timeout, 0.1, 3600,
	    "Seconds that fetching may take. Default 60."),
	UINT("max_fetch_size", max_fetch_mib, 1, 4096,
	    "MiB that may be fetched, and unpacked from it. Default 512."),
	ONE("key", SETTING_STRING, key,
	    "What live_update() must know; without it there are none."),
	ONE("start", SETTING_BOOL, start,
	    "Start it when the VCL is warm, not at its first request."),

	UINT("concurrency", concurrency, 1, 255,
	    "Machines, that is requests at the same time. Default 2."),
	SECONDS("max_boot_time", max_boot_time, 0.001, 3600,
	    "Seconds until main() must wait for requests. Default 16."),
	SECONDS("max_request_time", max_request_time, 0.001, 3600,
	    "Seconds that a request may take. Default 8."),
	SECONDS("max_queue_time", max_queue_time, 0, 3600,
	    "Seconds that a request waits for a machine, or for the program to "
	    "start. Default 60."),
	UINT("max_memory", max_memory_mib, 1, MIB_MAX,
	    "MiB that main() may write to. Default 256."),
	UINT("address_space", address_space_mib, 1, MIB_MAX,
	    "MiB of address space; at least max_memory. Default 256."),
	UINT("max_request_memory", max_request_mib, 1, MIB_MAX,
	    "MiB that a request may write to. Default 64."),
	UINT("shared_memory", shared_mib, 0, 65536,
	    "MiB that all machines of the program share and no reset wipes: "
	    "SHM_ALLOC(). Comes on top of address_space and is zero again "
	    "after each start and live update. Default 0."),
	UINT("req_mem_limit_after_reset", keep_mib, 0, MIB_MAX,
	    "MiB that a machine may keep for the next request of what one "
	    "wrote; what wrote more gives all of it back to the host, which "
	    "costs the next request time. Default: as much as it may write."),
	UINT("limit_workmem_after_req", keep_mib, 0, MIB_MAX,
	    "Another name of req_mem_limit_after_reset."),
	UINT("smp", cpus, 0, 1024,
	    "Virtual CPUs that one request, or main(), may compute on at the "
	    "same time by multiprocess(), see docs/parallel.md; more than 16 "
	    "means 16. Default 0: one."),
	LIST("main_arguments", main_arguments, true,
	    "Arguments behind argv[0], which is the program's name."),
	LIST("environment", environment, false,
	    "Environment variables, NAME=value; appended."),
	{"allowed_paths", SETTING_PATHS, false, FIELD(allowed_paths),
	    0, 0, "Host files that it may open: \"path\", or an object with "
	    "real, virtual, prefix, writable, symlink; appended."},
	ONE("current_working_directory", SETTING_STRING, cwd,
	    "Where relative names start. Default \"/\"."),
	ONE("ephemeral", SETTING_BOOL, ephemeral,
	    "Clean a machine after each request. When false, it is cleaned "
	    "only after a failure, or when what it wrote exceeds half of "
	    "max_request_memory; other machines do not see what one wrote. A "
	    "program that waits in wait_for_requests_paused() then goes on "
	    "behind its answer, within a second, to its next wait. Default "
	    "true."),
	ONE("control_ephemeral", SETTING_BOOL, control_ephemeral,
	    "Whether the program may say by sys_make_ephemeral() before it "
	    "waits what ephemeral is. Default false."),
	ONE("executable_heap", SETTING_BOOL, executable_heap,
	    "Whether memory from brk() and mmap() may be executed: for "
	    "programs that make code, as JavaScript engines do. A mistake of "
	    "theirs is then easier to abuse, within the request. Default "
	    "false."),
	AREAS("remapping", TKVM_AREA_MEMORY,
	    "Memory at addresses that the program wants: [\"0xc000000000\", "
	    "256] is a start and MiB, [\"0xc000000000\", \"0xc010000000\"] "
	    "start and end, an object of such arrays several. In steps of 2 "
	    "MiB; mmap() there gives what is asked for. Not together with "
	    "shared_memory; appended."),
	AREAS("executable_remapping", TKVM_AREA_CODE,
	    "The same, and it may be executed."),
	AREAS("blackout_area", TKVM_AREA_HOLE,
	    "The same, but a hole in the memory of mmap(): nothing is there, "
	    "and mmap() does not use it."),
	ONE("storage", SETTING_BOOL, storage,
	    "Start the program a second time, as the machine that keeps state "
	    "for all its requests (storage_call()), see docs/storage.md. "
	    "Default false."),
	SECONDS("max_storage_time", max_storage_time, 0.001, 3600,
	    "Seconds that a storage call may take. Default 10."),
	ONE("storage_rollback", SETTING_BOOL, storage_rollback,
	    "A storage call that fails leaves storage as it was before; "
	    "otherwise as it left it. Costs each call a copy of the state. "
	    "Default false."),
	SECONDS("storage_snapshot", storage_snapshot, 0, 86400,
	    "Keep storage in FILENAME.snapshot, from which it goes on after a "
	    "restart: the seconds between two writes, or 0: before each call "
	    "is answered. Default: not at all."),
	{"cold_start_file", SETTING_STRING, true, FIELD(cold_start_file), 0, 1,
	    "Where to keep the program as it waits for its first request; the "
	    "next start begins there, without main(), while program, "
	    "settings and CPU are the same. Default \"\": nowhere."},
	ONE("storage_shares_memory", SETTING_BOOL, storage_shares_memory,
	    "Storage has the same shared_memory as the other machines. "
	    "Default false: it has as much of its own."),
	ONE("allow_fetch", SETTING_STRING, allow_fetch,
	    "Whom its sys_fetch() may ask: \"none\"; \"self\", this cache; "
	    "\"public\", and servers with a public address; \"any\", and "
	    "private, loopback and link-local addresses. Default \"public\". "
	    "A program that must not tell anybody what it sees has \"none\"."),
	ONE("allow_debug", SETTING_BOOL, allow_debug,
	    "sys_breakpoint() waits for a debugger. Default false."),
	ONE("remote_debug_on_exception", SETTING_BOOL, debug_on_exception,
	    "So does a program that crashes. Default false."),
	ONE("debug_socket", SETTING_STRING, debug_socket,
	    "Where a debugger connects: a path for a UNIX socket, or tcp:PORT "
	    "on the loopback address, which any local user can reach. Default: "
	    "a socket in a new private folder; the log tells."),
	SECONDS("debug_wait", debug_wait, 0, 3600,
	    "Seconds to wait for a debugger. Default 10."),

	ONE("server", SETTING_SERVER, server[0],
	    "Connections that the program handles itself, see docs/servers.md: "
	    "an object of path, or port and address (127.0.0.1); systems (1), "
	    "max_connections (1024), idle_timeout (300), socket_event_read "
	    "(1). A program with a server starts as soon as its VCL is warm."),
	ONE("websocket_server", SETTING_SERVER, server[1],
	    "The same, for a second address; the program speaks WebSocket."),

	ONE("warmup", SETTING_WARMUP, warmup,
	    "Requests that a program which waits in "
	    "wait_for_requests_paused() serves before it is frozen; all "
	    "machines then begin with what they left. An object of "
	    "num_requests (20): that many if exact is true, else until so "
	    "many in a row were not faster than the fastest; url (\"/\"), "
	    "method (\"GET\"), headers (\"Name: value\")."),
	ONE("download", SETTING_DOWNLOADS, downloads,
	    "Files to have before it starts: objects of uri, filepath and, if "
	    "it must be that, sha256. What is there is asked for again by its "
	    "ETag, unless it has the sha256, and used while the server is "
	    "down."),

	ONE("stdout", SETTING_BOOL, to_stdout,
	    "Print what the program prints also on the standard output of "
	    "Varnish's worker, which its manager logs as \"Child said\". What "
	    "does not fit there at once is left out. Default false."),
	ONE("verbose", SETTING_BOOL, verbose,
	    "The log tells where the program's parts are in memory, what it "
	    "may open, what was fetched or not and why, and each warm-up "
	    "request. Default false."),
	ONE("verbose_syscalls", SETTING_BOOL, verbose_syscalls,
	    "The log tells each call that the program makes before it waits, "
	    "and all calls of its storage: one line each. Default false."),
	ONE("verbose_requests", SETTING_BOOL, verbose_requests,
	    "The log tells each call that a request makes, a line each, with "
	    "the request: what it waits for. Default false."),
	ONE("verbose_pagetables", SETTING_BOOL, verbose_pagetables,
	    "The log tells what the program's page tables map once it waits. "
	    "Default false."),

	ONE("hugepages", SETTING_BOOL, hugepages,
	    "Ask for huge pages of 2 MiB for the memory that main() writes to "
	    "and that requests share. A wish: the host grants it when "
	    "/sys/kernel/mm/transparent_hugepage/shmem_enabled is advise; "
	    "otherwise normal pages are used and the log says so. Reserved "
	    "huge pages (hugetlb) are not used: who finds none left is "
	    "killed. Default false."),
	EVEN("hugepage_arena_size", huge_mib, 0, MIB_MAX,
	    "The same for the first MiB only, an even number of them; 0: see "
	    "hugepages. Default 0."),
	ONE("transparent_hugepages", SETTING_BOOL, transparent_hugepages,
	    "Another name of hugepages."),
	EVEN("request_hugepages", request_huge_mib, 0, MIB_MAX,
	    "MiB, an even number, of what a request may allocate that come in "
	    "huge pages: fewer page faults for large buffers, but a machine "
	    "may hold that much more of the host's memory. A wish, see "
	    "hugepages; the switch is transparent_hugepage/enabled. "
	    "Default 0."),
	EVEN("request_hugepage_arena_size", request_huge_mib, 0, MIB_MAX,
	    "Another name of request_hugepages."),
	ONE("ephemeral_keep_working_memory", SETTING_BOOL, keep_memory,
	    "When false, cleaning a machine gives all that a request wrote "
	    "back to the host, as req_mem_limit_after_reset 0 does; true also "
	    "sets ephemeral. Default true."),
	ONE("md5", SETTING_STRING, md5,
	    "MD5 in hexadecimal: a kept file that has it is not fetched "
	    "again. It proves nothing about a file, so that none is refused "
	    "for it; sha256 does."),

	IGNORED("split_hugepages", "Always so: a request that writes to a "
	    "huge page gets 4 KiB of it for itself, never 2 MiB."),
	IGNORED("mmap_backed_files", "Never so: files are copied when they "
	    "are mapped. One that somebody else cuts short would take the "
	    "worker process down (SIGBUS)."),
	IGNORED("relocate_fixed_mmap", "Never so: MAP_FIXED maps where it "
	    "says, or fails, as in Linux."),

};
const unsigned settings_n = sizeof settings_table / sizeof settings_table[0];

const struct setting *
settings_find(const char *name)
{
	for (unsigned i = 0; i < settings_n; i++)
		if (strcmp(settings_table[i].name, name) == 0)
			return (&settings_table[i]);
	return (NULL);
}

#define NAME_MAX_LEN 40

/* Levenshtein, with one row. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[NAME_MAX_LEN + 1], up, diag, n = (unsigned)strlen(b);

	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 0; a[i] != '\0'; i++) {
		diag = row[0];
		row[0] = i + 1;
		for (unsigned j = 0; j < n; j++) {
			up = row[j + 1];
			diag += a[i] != b[j];
			if (up + 1 < diag)
				diag = up + 1;
			if (row[j] + 1 < diag)
				diag = row[j] + 1;
			row[j + 1] = diag;
			diag = up;
		}
	}
	return (row[n]);
}

const char *
settings_nearest(const char *name)
{
	const char *best = NULL;
	unsigned d, least = NAME_MAX_LEN;

	if (strlen(name) > NAME_MAX_LEN)
		return (NULL);
	for (unsigned i = 0; i < settings_n; i++) {
		d = distance(name, settings_table[i].name);
		if (d < least) {
			least = d;
			best = settings_table[i].name;
		}
	}
	/* Further off than a third of its letters is no help. */
	return (least <= strlen(name) / 3 + 1 ? best : NULL);
}

/*--- life of settings -----------------------------------------------------*/

void
settings_init(struct settings *s)
{
	memset(s, 0, sizeof *s);
	s->concurrency = 2;
	s->max_boot_time = 16;
	s->max_request_time = 8;
	s->max_queue_time = 60;
	s->max_memory_mib = 256;
	s->address_space_mib = 256;
	s->max_request_mib = 64;
	s->keep_mib = MIB_MAX;
	s->ephemeral = s->keep_memory = true;
	s->max_storage_time = 10;
	s->storage_snapshot = -1;
	s->debug_wait = 10;
	s->fetch_timeout = 60;
	s->max_fetch_mib = 512;
	s->reach = REACH_PUBLIC;
}

bool
strings_add(struct strings *list, const char *text)
{
	char **s = realloc(list->s, (list->n + 1) * sizeof *s);

	if (s == NULL)
		return (false);
	list->s = s;
	s[list->n] = strdup(text);
	if (s[list->n] == NULL)
		return (false);
	list->n++;
	return (true);
}

void
strings_free(struct strings *list)
{
	for (unsigned i = 0; i < list->n; i++)
		free(list->s[i]);
	free(list->s);
	memset(list, 0, sizeof *list);
}

/* Row i is a string: where it is kept. */
static char **
string_at(struct settings *s, unsigned i)
{
	return ((char **)(void *)((char *)s + settings_table[i].offset));
}

void
settings_free(struct settings *s)
{
	strings_free(&s->main_arguments);
	strings_free(&s->environment);
	for (unsigned i = 0; i < s->allowed_paths.n; i++) {
		free(s->allowed_paths.p[i].virtual_path);
		free(s->allowed_paths.p[i].real_path);
	}
	free(s->allowed_paths.p);
	for (unsigned i = 0; i < settings_n; i++)
		if (settings_table[i].type == SETTING_STRING)
			free(*string_at(s, i));
	warmup_free(&s->warmup);
	downloads_free(&s->downloads);
	server_settings_free(&s->server[0]);
	server_settings_free(&s->server[1]);
	settings_init(s);
}

static bool
copy_strings(struct strings *to, const struct strings *from)
{
	memset(to, 0, sizeof *to);
	for (unsigned i = 0; i < from->n; i++)
		if (!strings_add(to, from->s[i]))
			return (false);
	return (true);
}

static bool
copy_paths(struct paths *to, const struct paths *from)
{
	memset(to, 0, sizeof *to);
	if (from->n == 0)
		return (true);
	to->p = calloc(from->n, sizeof *to->p);
	if (to->p == NULL)
		return (false);
	for (; to->n < from->n; to->n++) {
		struct linux_path *p = &to->p[to->n];

		*p = from->p[to->n];
		p->virtual_path = strdup(p->virtual_path);
		p->real_path = strdup(p->real_path);
		if (p->virtual_path == NULL || p->real_path == NULL)
			return (false);
	}
	return (true);
}

int
paths_add(struct paths *list, const char *path)
{
	struct linux_path *p = realloc(list->p, (list->n + 1) * sizeof *p);

	if (p == NULL)
		return (-1);
	list->p = p;
	p += list->n++;
	memset(p, 0, sizeof *p);
	p->real_path = strdup(path);
	p->virtual_path = strdup(path);
	return (p->real_path == NULL || p->virtual_path == NULL ? -1 : 0);
}

/* No two rows may share a string. */
static bool
copy_all_strings(struct settings *to, const struct settings *from)
{
	for (unsigned i = 0; i < settings_n; i++) {
		const char *text;
		char **field;

		if (settings_table[i].type != SETTING_STRING)
			continue;
		memcpy(&text, (const char *)from + settings_table[i].offset,
		    sizeof text);
		field = string_at(to, i);
		if (text == NULL)
			continue;
		*field = strdup(text);
		if (*field == NULL)
			return (false);
	}
	return (true);
}

static bool
copy_text(char **to, const char *from)
{
	*to = from == NULL ? NULL : strdup(from);
	return (from == NULL || *to != NULL);
}

void
warmup_free(struct warmup *w)
{
	free(w->url);
	free(w->method);
	strings_free(&w->headers);
	memset(w, 0, sizeof *w);
}

static bool
copy_warmup(struct warmup *to, const struct warmup *from)
{
	*to = *from;
	to->url = to->method = NULL;
	return (copy_strings(&to->headers, &from->headers) &&
	    copy_text(&to->url, from->url) &&
	    copy_text(&to->method, from->method));
}

void
downloads_free(struct downloads *list)
{
	for (unsigned i = 0; i < list->n; i++) {
		free(list->d[i].uri);
		free(list->d[i].path);
		free(list->d[i].sha256);
		free(list->d[i].md5);
	}
	free(list->d);
	memset(list, 0, sizeof *list);
}

static bool
copy_downloads(struct downloads *to, const struct downloads *from)
{
	if (from->n == 0)
		return (true);
	to->d = calloc(from->n, sizeof *to->d);
	if (to->d == NULL)
		return (false);
	while (to->n < from->n) {
		const struct download *f = &from->d[to->n];
		struct download *d = &to->d[to->n++];

		if (!copy_text(&d->uri, f->uri) ||
		    !copy_text(&d->path, f->path) ||
		    !copy_text(&d->sha256, f->sha256) ||
		    !copy_text(&d->md5, f->md5))
			return (false);
	}
	return (true);
}

int
settings_copy(struct settings *to, const struct settings *from,
    struct tkvm_err *err)
{
	*to = *from;
	for (unsigned i = 0; i < settings_n; i++)
		if (settings_table[i].type == SETTING_STRING)
			*string_at(to, i) = NULL;
	memset(&to->main_arguments, 0, sizeof to->main_arguments);
	memset(&to->environment, 0, sizeof to->environment);
	memset(&to->allowed_paths, 0, sizeof to->allowed_paths);
	memset(&to->warmup, 0, sizeof to->warmup);
	memset(&to->downloads, 0, sizeof to->downloads);
	memset(to->server, 0, sizeof to->server);
	if (copy_strings(&to->main_arguments, &from->main_arguments) &&
	    copy_strings(&to->environment, &from->environment) &&
	    copy_paths(&to->allowed_paths, &from->allowed_paths) &&
	    copy_all_strings(to, from) &&
	    copy_warmup(&to->warmup, &from->warmup) &&
	    copy_downloads(&to->downloads, &from->downloads) &&
	    server_settings_copy(&to->server[0], &from->server[0]) == 0 &&
	    server_settings_copy(&to->server[1], &from->server[1]) == 0)
		return (0);
	settings_free(to);
	return (tkvm_fail(err, TKVM_ENOMEM, "no memory for settings"));
}

/*--- what one key alone cannot tell ---------------------------------------*/

static int
wrong(const char *origin, const char *name, const char *what,
    struct tkvm_err *err)
{
	return (tkvm_fail(err, TKVM_ECONFIG, "%s: %s: %s", origin, name, what));
}

static int
check_reach(struct settings *s, const char *origin, const char *name,
    struct tkvm_err *err)
{
	static const char *const words[] = {
		[REACH_NONE] = "none", [REACH_SELF] = "self",
		[REACH_PUBLIC] = "public", [REACH_ANY] = "any",
	};

	if (s->allow_fetch == NULL)
		return (0);
	for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(s->allow_fetch, words[i]) == 0) {
			s->reach = (enum reach)i;
			return (0);
		}
	return (wrong(origin, name, "\"allow_fetch\" must be \"none\", "
	    "\"self\", \"public\" or \"any\"", err));
}

int
settings_check(struct settings *s, const char *origin, const char *name,
    struct tkvm_err *err)
{
	static const char *const schemes[] = {"http://", "https://",
	    "file://", NULL};
	const char *const *scheme = schemes;

	if (s->filename == NULL && s->uri == NULL)
		return (wrong(origin, name,
		    "a program needs a \"filename\" or a \"uri\"", err));
	while (s->uri != NULL && *scheme != NULL &&
	    strncmp(s->uri, *scheme, strlen(*scheme)) != 0)
		scheme++;
	if (*scheme == NULL)
		return (wrong(origin, name, "\"uri\" must begin with http://, "
		    "https:// or file://", err));
	if (s->sha256 != NULL && (strlen(s->sha256) != 64 ||
	    strspn(s->sha256, "0123456789abcdefABCDEF") != 64))
		return (wrong(origin, name,
		    "\"sha256\" must be 64 hexadecimal digits", err));
	if (s->md5 != NULL && (strlen(s->md5) != 32 ||
	    strspn(s->md5, "0123456789abcdefABCDEF") != 32))
		return (wrong(origin, name,
		    "\"md5\" must be 32 hexadecimal digits", err));
	if (s->signature_key != NULL && (strlen(s->signature_key) != 64 ||
	    strspn(s->signature_key, "0123456789abcdefABCDEF") != 64))
		return (wrong(origin, name, "\"signature_key\" must be 64 "
		    "hexadecimal digits", err));
	if (check_reach(s, origin, name, err) != 0)
		return (TKVM_ECONFIG);
	if (s->cold_start_file != NULL && s->storage_shares_memory)
		return (wrong(origin, name, "\"cold_start_file\" and "
		    "\"storage_shares_memory\" cannot both be: what a file "
		    "holds would take the place of what storage shares", err));
	/* Where it lies is where its own name points to. */
	if (s->filename == NULL && strncmp(s->uri, "file://", 7) == 0) {
		s->filename = strdup(s->uri + 7);
		if (s->filename == NULL)
			return (tkvm_fail(err, TKVM_ENOMEM,
			    "no memory for settings"));
	}
	if (s->storage_snapshot >= 0 && s->filename == NULL)
		return (wrong(origin, name, "\"storage_snapshot\" needs a "
		    "\"filename\", beside which it is kept", err));
	return (0);
}
