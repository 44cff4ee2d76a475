/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * published.c: programs like those that the published module's tests are made
 * of, one per value of argv[1]. What a test asserts about the guest's side is
 * checked here and answered with 500.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm_api.h"

#define STR(s) s, sizeof(s) - 1
#define TEXT STR("text/plain")

static char out[4096];
static char two_megabytes[2u << 20];

static void
say(int status, const char *text)
{
	backend_response(status, TEXT, text, strlen(text));
}

static void
must(bool right)
{
	if (!right)
		say(500, "the guest sees something else");
}

/*--- files ----------------------------------------------------------------*/

static void
get_file(const char *url, const char *arg)
{
	FILE *f = fopen(url, arg);
	size_t n;

	if (f == NULL) {
		say(500, strerror(errno));
		return;
	}
	n = fread(out, 1, sizeof out, f);
	backend_response(200, TEXT, out, n);
}

/*--- answers of all kinds -------------------------------------------------*/

static void
get_answer(const char *url, const char *arg)
{
	(void)arg;
	if (strcmp(url, "/null") == 0)
		backend_response(200, TEXT, NULL, 0);
	else if (strcmp(url, "/null16") == 0)
		backend_response(200, TEXT, NULL, 16);
	else if (strcmp(url, "/huge") == 0)
		backend_response(200, TEXT, out, (size_t)-1);
	else if (strcmp(url, "/type") == 0)
		backend_response(200, "text/plain", 0xffffffff, out, 5);
	else if (strcmp(url, "/zeros") == 0)
		backend_response(200, TEXT, two_megabytes, 4);
	else if (strcmp(url, "/404") == 0)
		say(404, "Not Found");
	else if (strcmp(url, "/403") == 0)
		say(403, "Forbidden");
	else if (strcmp(url, "/large") == 0)
		backend_response(200, TEXT, two_megabytes,
		    sizeof two_megabytes);
	else if (strcmp(url, "/fill") == 0)
		for (size_t i = 0; i < sizeof two_megabytes; i++)
			((volatile char *)two_megabytes)[i] = 1;
	say(200, "Hello World");
}

/*--- header fields --------------------------------------------------------*/

static const char *const illegal[] = {
	"X-Value: 1",			/* the one that is not */
	"X-Value", "X-Value:", ":", ": value", "X-Value:1", " X-Value: 1",
	"X-Value: 1 ", "X: ", "a:b", "", "X-Value: 1\n", "X-Value:\t1",
	"X-Va\rlue: 1",
};

static void
get_illegal(const char *url, const char *arg)
{
	size_t i = strtoul(url + 1, NULL, 10);

	(void)arg;
	http_append(BERESP, illegal[i], strlen(illegal[i]));
	say(200, "appended");
}

static void
get_fields(const char *url, const char *arg)
{
	(void)arg;
	if (strcmp(url, "/code") == 0)
		http_find(BEREQ, STR("Host"), (void *)(uintptr_t)get_fields,
		    100);
	if (strcmp(url, "/length") == 0)
		http_append(BERESP, "X: 1", (size_t)-1);
	must(http_append(BERESP, STR("X-Value: 1")) > 0);
	must(http_set(BERESP, STR("X-Value: 5")) > 0);
	must(http_find(BERESP, STR("X-Value"), out, sizeof out) == 10);
	must(memcmp(out, "X-Value: 5", 10) == 0);
	must(http_find(BERESP, STR("x-value"), NULL, 0) == 10);
	must(http_find(BERESP, STR("x-value"), out, 9) == 0);
	must(http_find(BERESP, STR("Nothing"), out, sizeof out) == 0);
	http_append(BERESP, STR("X-Gone: 1"));
	must(http_set(BERESP, STR("X-Gone")) > 0);
	must(http_find(BERESP, STR("X-Gone"), out, sizeof out) == 0);
	must(http_set(BERESP, STR("X-Never-There")) == 0);
	say(200, "fields");
}

/*--- whole requests -------------------------------------------------------*/

static const char *
field(const struct kvm_request *req, const char *name)
{
	size_t n = strlen(name);

	for (unsigned i = 0; i < req->num_headers; i++)
		if (req->headers[i].field_colon == n &&
		    strncasecmp(req->headers[i].field, name, n) == 0)
			return (req->headers[i].field + n + 2);
	return ("");
}

static void
on_request(const struct kvm_request *req)
{
	must(strlen(req->method) == req->method_len);
	must(strlen(req->url) == req->url_len && req->url_len == 2);
	must(strlen(req->arg) == req->arg_len);
	must(strlen(req->content_type) == req->content_type_len);
	must(strcmp(req->arg, "an argument") == 0);
	must(strcmp(field(req, "X-Test"), "some value") == 0);
	must(strcmp(req->method, strcmp(req->url, "/2") == 0 ? "POST" :
	    "TEST") == 0);
	if (strcmp(req->url, "/2") == 0) {
		must(strcmp(req->content_type, "text/body") == 0);
		must(req->content_len == 6);
		must(memcmp(req->content, "a body", 6) == 0);
		backend_response(201, TEXT, req->content, req->content_len);
	}
	must(req->content == NULL && req->content_len == 0);
	say(200, "a request");
}

static void
on_post(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len)
{
	(void)url;
	(void)arg;
	must(strcmp(type, "text/body") == 0);
	must(len == 6);
	backend_response(201, TEXT, data, len);
}

/*--- failures -------------------------------------------------------------*/

static void
get_nothing(const char *url, const char *arg)
{
	(void)url;
	(void)arg;
}

static void
on_error(const char *url, const char *arg, const char *reason)
{
	(void)url;
	(void)arg;
	say(555, reason);
}

static void
get_loop(const char *url, const char *arg)
{
	(void)url;
	(void)arg;
	for (;;)
		__asm__ volatile("");
}

static void
get_status(const char *url, const char *arg)
{
	(void)arg;
	snprintf(out, sizeof out, "answered by %s", getenv("KVM_NAME"));
	say(atoi(url + 1), out);
}

/*--- main -----------------------------------------------------------------*/

static void
check_environment(int argc, char **argv)
{
	if (argc != 4 || strcmp(argv[0], "args") != 0 ||
	    strcmp(argv[2], "two words") != 0 || *argv[3] != '\0' ||
	    getenv("MINE") == NULL || strcmp(getenv("MINE"), "yes") != 0 ||
	    strcmp(getenv("KVM_NAME"), "args") != 0 ||
	    strcmp(getenv("KVM_GROUP"), "mygroup") != 0 ||
	    strcmp(getenv("KVM_TYPE"), "request") != 0 ||
	    strcmp(getenv("LC_ALL"), "C") != 0 || getenv("PATH") != NULL)
		abort();
}

static const struct {
	const char *name;
	void (*get)(const char *url, const char *arg);
} kinds[] = {
	{"file", get_file}, {"answer", get_answer}, {"illegal", get_illegal},
	{"fields", get_fields}, {"nothing", get_nothing},
	{"loop", get_loop}, {"status", get_status}, {"args", get_answer},
};

int
main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "answer";

	if (strcmp(kind, "assert") == 0)
		abort();
	if (strcmp(kind, "return") == 0)
		return (0);
	if (strcmp(kind, "boot-loop") == 0)
		get_loop("", "");
	if (strcmp(kind, "args") == 0)
		check_environment(argc, argv);
	if (strcmp(kind, "nothing") == 0)
		set_on_error(on_error);
	if (strcmp(kind, "request") == 0)
		set_backend_request(on_request);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kind, kinds[i].name) == 0)
			set_backend_get(kinds[i].get);
	set_backend_post(on_post);
	wait_for_requests();
}
