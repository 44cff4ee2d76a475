/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * basicauth: is this the password of a user in a file of htpasswd (RFC 7617)?
 *
 * What was right is remembered in memory that all machines share, for as long
 * as the file's line stays the same, as bcrypt takes its time on purpose: an
 * HMAC of line and password by a secret of this start. What was wrong is not.
 */
#include <fcntl.h>
#include <nettle/hmac.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "base64.h"
#include "job.h"
#include "kvm_api.h"
#include "verify.h"

#define FILE_MAX (4 << 20)
/* Of the header; names and passwords are within. */
#define GIVEN_MAX 1024

struct options {
	const char *file, *realm;
	bool remember;
};

static const struct job_option options[] = {
	JOB_STR(struct options, file, "/htpasswd", 1024, "lines of "
	    "name:hash, one of allowed_paths"),
	JOB_STR(struct options, realm, "restricted", 128,
	    "what the browser tells the user"),
	JOB_BOOL(struct options, remember, true, "a password that was right "
	    "is not computed again while its line stays the same"),
	JOB_END
};

/*--- what was right --------------------------------------------------------*/

struct seen {
	_Atomic uint64_t word[4];
};

static struct seen *seen;
static size_t seen_n;
static struct hmac_sha256_ctx secret;

static void
tag_of(const char *line, const char *password, uint64_t tag[4])
{
	struct hmac_sha256_ctx ctx = secret;

	hmac_sha256_update(&ctx, strlen(line) + 1, (const uint8_t *)line);
	hmac_sha256_update(&ctx, strlen(password), (const uint8_t *)password);
	hmac_sha256_digest(&ctx, 32, (uint8_t *)tag);
}

/* Half of one tag and half of another match nothing. */
static bool
is_seen(const uint64_t tag[4])
{
	uint64_t differs = 0;

	for (int i = 0; i < 4; i++)
		differs |= atomic_load(&seen[tag[0] % seen_n].word[i]) ^
		    tag[i];
	return (differs == 0);
}

static void
see(const uint64_t tag[4])
{
	for (int i = 0; i < 4; i++)
		atomic_store(&seen[tag[0] % seen_n].word[i], tag[i]);
}

/*--- the file --------------------------------------------------------------*/

static bool frozen;		/* this is a request */

/* By one call of read(2), which ends a file's bytes only where it ends. */
static char *
read_file(struct job *job, const char *name)
{
	int fd = open(name, O_RDONLY);
	char *text = malloc(FILE_MAX + 1);
	ssize_t n = -1;

	if (fd >= 0 && text != NULL)
		n = read(fd, text, FILE_MAX + 1);
	/* Of a request, the reset closes it without a call. */
	if (fd >= 0 && !frozen)
		(void)close(fd);
	if (n >= 0 && n <= FILE_MAX) {
		text[n] = '\0';
		return (text);
	}
	(void)job_fail(job, 500, "the file of passwords cannot be "
	    "read; is it one of allowed_paths, of at most 4 MiB?");
	free(text);
	return (NULL);
}

/* Of the start, where a change of it begins another one. */
static const char *kept, *kept_name;

static void
keep_file(struct job *job, const char *name)
{
	char *text;

	if (sys_restart_on_change(name) != 0)
		return;
	text = read_file(job, name);
	kept = text == NULL ? NULL : strdup(text);
	kept_name = name;
	free(text);
}

/*
 * Name and hash of a user, or of the first one when name is NULL; NULL when
 * there is none. A comment may follow behind another colon, as nginx and Apache
 * have it.
 */
static char *
find_line(const char *text, const char *name)
{
	size_t len, n = name == NULL ? 0 : strlen(name);
	const char *line, *next;

	for (line = text; line != NULL; line = next) {
		next = strchr(line, '\n');
		next = next == NULL ? NULL : next + 1;
		len = strcspn(line, ":\r\n");
		if (line[len] != ':' || (name != NULL &&
		    (len != n || memcmp(line, name, n) != 0)))
			continue;
		len += 1 + strcspn(line + len + 1, ":\r\n");
		return (strndup(line, len));
	}
	return (NULL);
}

/*--- the request -----------------------------------------------------------*/

static int
prepare(struct job *job, const void *chosen)
{
	const struct options *o = chosen;
	struct shared_memory_info shared;
	uint8_t key[32];

	if (getrandom(key, sizeof key, 0) != sizeof key)
		return (job_fail(job, 500, "there are no random numbers"));
	hmac_sha256_set_key(&secret, sizeof key, key);
	keep_file(job, o->file);
	frozen = true;
	shared = shared_memory_area();
	if (shared.start >= shared.end)
		return (0);
	seen_n = (shared.end - shared.start) / sizeof *seen;
	seen = SHM_ALLOC(seen_n * sizeof *seen);
	return (0);
}

/* Name and password of "Basic dGhlOnNl", or false. */
static bool
read_given(const char *header, char *given, char **password)
{
	size_t len = strlen(header), wrong;

	if (strncasecmp(header, "Basic ", 6) != 0 ||
	    len >= GIVEN_MAX ||
	    !base64_decode(header + 6, len - 6, given, &len, &wrong))
		return (false);
	given[len] = '\0';
	*password = strchr(given, ':');
	if (strlen(given) != len || *password == NULL || *password == given)
		return (false);
	*(*password)++ = '\0';
	return (true);
}

static int
ask(struct job *job, const struct options *o)
{
	char line[256];
	const char *quote = strpbrk(o->realm, "\"\\\r\n");

	if (quote != NULL)
		return (job_fail(job, 400, "option \"realm\" has a character "
		    "that it cannot have"));
	(void)snprintf(line, sizeof line, "WWW-Authenticate: Basic "
	    "realm=\"%s\", charset=\"UTF-8\"", o->realm);
	job_set_header(line);
	return (job_fail(job, 401, "who are you?"));
}

static bool
is_right(const struct options *o, const char *line, const char *password)
{
	bool remember = o->remember && seen != NULL;
	uint64_t tag[4];

	if (remember) {
		tag_of(line, password, tag);
		if (is_seen(tag))
			return (true);
	}
	if (!verify(strchr(line, ':') + 1, password))
		return (false);
	if (remember)
		see(tag);
	return (true);
}

static int
run(struct job *job, const void *chosen)
{
	static char given[GIVEN_MAX];
	const struct options *o = chosen;
	const char *text = kept;
	char *password, *line, *header = NULL;

	if (job->in_len < GIVEN_MAX)
		header = strndup(job->in, job->in_len);
	if (header == NULL || !read_given(header, given, &password))
		return (ask(job, o));
	if (text == NULL || strcmp(o->file, kept_name) != 0)
		text = read_file(job, o->file);
	if (text == NULL)
		return (-1);
	line = find_line(text, given);
	if (line == NULL) {
		/* As much work as for a user that there is. */
		line = find_line(text, NULL);
		line = line == NULL ? NULL : strchr(line, ':');
		(void)verify(line != NULL ? line + 1 : "", password);
		return (ask(job, o));
	}
	if (!is_right(o, line, password))
		return (ask(job, o));
	return (job_answer(job, "text/plain", given, strlen(given)));
}

static const struct job_program program = {
	.name = "basicauth",
	.summary = "Is this the password of a user in a file of htpasswd?",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.bare = "file",
	.url = JOB_URL_IS_INPUT,
	.prepare = prepare,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
