/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http_probe.c: makes the calls of kvm_api.h, well and badly, as its URL says;
 * its argument says what main() does.
 */
#include <stdio.h>

#include "kvm_api.h"

#define STR(s) s, sizeof(s) - 1

static char text[65536];
static unsigned served;
static char **main_argv;

static void
say(const char *what)
{
	backend_response_str(200, "text/plain", what);
}

static void
say_number(long n)
{
	snprintf(text, sizeof text, "%ld", n);
	say(text);
}

/*--- good -----------------------------------------------------------------*/

static void
do_strings(const char *arg)
{
	snprintf(text, sizeof text, "%s %s %s %u", arg, main_argv[0],
	    getenv("KVM_TYPE"), ++served);
	say(text);
}

static void
do_append(const char *arg)
{
	say_number(http_append(BERESP, arg, strlen(arg)));
}

static void
do_set(const char *arg)
{
	say_number(http_set(BERESP, arg, strlen(arg)));
}

static void
do_find(const char *arg)
{
	unsigned n = http_find_str(BEREQ, arg, text, sizeof text - 1);

	text[n] = '\0';
	say(text);
}

static void
do_find_length(const char *arg)
{
	say_number(http_find_str(BEREQ, arg, NULL, 0));
}

static void
do_find_short(const char *arg)
{
	say_number(http_find_str(BEREQ, arg, text, 4));
}

static void
do_method(const char *arg)
{
	unsigned n = http_method(text, sizeof text - 1);

	(void)arg;
	text[n] = '\0';
	say(text);
}

static void
do_cacheable(const char *arg)
{
	(void)arg;
	say_number(set_cacheable(true, 1000, 2000, 3000));
}

static void
do_extra(const char *arg)
{
	struct kvm_response_header h[2] = {
		{STR("X-Extra: 1")}, {arg, strlen(arg)},
	};
	struct kvm_response_extra x = {.headers = h, .num_headers = 2,
	    .cached = 1, .ttl = 1.5f, .grace = 2.5f, .keep = 3.5f};

	backend_response_extra(201, STR("a/b"), STR("extra"), &x);
}

static void
do_log(const char *arg)
{
	sys_log_str(arg);
	say("logged");
}

static void
do_meminfo(const char *arg)
{
	struct meminfo m;

	(void)arg;
	get_meminfo(&m);
	snprintf(text, sizeof text, "%lu %lu %d", m.max_memory >> 20,
	    m.max_reqmem >> 20, m.reqmem_current > 0);
	say(text);
}

static void
do_nothing_there(const char *arg)
{
	struct shared_memory_info shm = shared_memory_area();

	(void)arg;
	snprintf(text, sizeof text, "%ld %ld %d %d %d %ld %ld %ld %ld %d %d",
	    (long)shm.start, (long)shm.end, SHM_ALLOC(16) == NULL,
	    sys_is_storage(), sys_storage_allow(NULL),
	    multiprocess(2, NULL, NULL, NULL, NULL, NULL),
	    multiprocess_array(2, NULL, NULL, 0),
	    multiprocess_clone(2, NULL, 0), multiprocess_wait(),
	    sys_is_debug(), SHM_ALLOC_TYPE(char) == NULL);
	say(text);
}

static void
do_unserved(const char *arg)
{
	(void)arg;
	snprintf(text, sizeof text, "%ld %ld",
	    sys_request(NULL, 0, NULL, NULL, NULL),
	    sys_request(NULL, 0, NULL, NULL, NULL));
	say(text);
}

static void
do_vcpu(const char *arg)
{
	(void)arg;
	snprintf(text, sizeof text, "%d %d", vcpuid(), vcpureqid());
	say(text);
}

static void
do_timer(const char *arg)
{
	(void)arg;
	say_number(sys_storage_task(NULL, "", 1, 10, 0));
}

/* As a caller does that leaves the upper bits of narrow arguments alone. */
static void
do_type_junk(const char *arg)
{
	register uint64_t len __asm__("r8") = 1, extra __asm__("r9") = 0;

	(void)arg;
	__asm__ volatile("out %%eax, $0" :: "a"(0x10010),
	    "D"(0x7000000 | 200), "S"("a/bc"), "d"(0x50000 | 3), "c"("x"),
	    "r"(len), "r"(extra) : "memory");
}

static void
do_empty(const char *arg)
{
	(void)arg;
	backend_response(204, NULL, 0, NULL, 0);
}

/*--- bad ------------------------------------------------------------------*/

static void
do_register(const char *arg)
{
	(void)arg;
	register_func(1, (void (*)(void))say);
}

static void
do_wait(const char *arg)
{
	(void)arg;
	wait_for_requests();
}

static void
do_paused(const char *arg)
{
	(void)arg;
	wait_for_requests_paused((struct kvm_request *)text);
}

static void
do_status(const char *arg)
{
	backend_response((int16_t)atoi(arg), NULL, 0, NULL, 0);
}

static void
do_type(const char *arg)
{
	backend_response(200, text, (size_t)atol(arg), NULL, 0);
}

static void
do_body(const char *arg)
{
	backend_response(200, NULL, 0, NULL, (size_t)atol(arg));
}

static void
do_body_at(const char *arg)
{
	backend_response(200, NULL, 0, (void *)strtoul(arg, NULL, 16), 4096);
}

static void
do_extra_at(const char *arg)
{
	backend_response_extra(200, NULL, 0, NULL, 0,
	    (void *)strtoul(arg, NULL, 16));
}

static void
do_where(const char *arg)
{
	say_number(http_append(atoi(arg), STR("X: 1")));
}

static void
do_line_length(const char *arg)
{
	say_number(http_append(BERESP, text, (size_t)atol(arg)));
}

static void
do_find_into_code(const char *arg)
{
	(void)arg;
	http_find(BEREQ, STR("Host"), (void *)(uintptr_t)say, 100);
	say("written");
}

static void
do_meminfo_at(const char *arg)
{
	get_meminfo((void *)strtoul(arg, NULL, 16));
	say("written");
}

static void
do_log_at(const char *arg)
{
	sys_log((void *)strtoul(arg, NULL, 16), 100);
	say("logged");
}

static void
do_storage(const char *arg)
{
	(void)arg;
	say_number(storage_call(NULL, "", 0, NULL, 0));
}

static void
do_task(const char *arg)
{
	(void)arg;
	say_number(sys_storage_task(NULL, "", 0, 0, 0));
}

static void
do_return(const char *arg)
{
	(void)arg;
}

static const struct {
	const char *url;
	void (*func)(const char *arg);
} table[] = {
	{"/strings", do_strings}, {"/append", do_append}, {"/set", do_set},
	{"/find", do_find}, {"/find-length", do_find_length},
	{"/find-short", do_find_short}, {"/method", do_method},
	{"/cacheable", do_cacheable}, {"/extra", do_extra},
	{"/log", do_log}, {"/meminfo", do_meminfo},
	{"/nothing-there", do_nothing_there}, {"/unserved", do_unserved},
	{"/vcpu", do_vcpu}, {"/timer", do_timer},
	{"/type-junk", do_type_junk}, {"/empty", do_empty},
	{"/register", do_register}, {"/wait", do_wait},
	{"/paused", do_paused}, {"/status", do_status}, {"/type", do_type},
	{"/body", do_body}, {"/body-at", do_body_at},
	{"/extra-at", do_extra_at}, {"/where", do_where},
	{"/line-length", do_line_length},
	{"/find-into-code", do_find_into_code},
	{"/meminfo-at", do_meminfo_at}, {"/log-at", do_log_at},
	{"/storage", do_storage}, {"/task", do_task}, {"/return", do_return},
};

static void
on_get(const char *url, const char *arg)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(url, table[i].url) == 0)
			table[i].func(arg);
	if (strcmp(url, "/loop") == 0)
		for (;;)
			__asm__ volatile("");
}

static void
on_post(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len)
{
	(void)url;
	(void)arg;
	if ((uintptr_t)data % 4096 != 0)
		say("not aligned");
	/* It is writable. */
	((volatile uint8_t *)(uintptr_t)data)[0] ^= 1;
	((volatile uint8_t *)(uintptr_t)data)[0] ^= 1;
	backend_response(200, type, strlen(type), data, len);
}

static void
on_request(const struct kvm_request *r)
{
	size_t n;

	n = (size_t)snprintf(text, sizeof text, "%s %u %s %u %s %u %s %u|",
	    r->method, r->method_len, r->url, r->url_len, r->arg, r->arg_len,
	    r->content_type, r->content_type_len);
	for (unsigned i = 0; i < r->num_headers; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s %u %u|",
		    r->headers[i].field, r->headers[i].field_colon,
		    r->headers[i].field_len);
	snprintf(text + n, sizeof text - n, "%.*s|%016lx%016lx",
	    (int)r->content_len, r->content == NULL ? "" :
	    (const char *)r->content, r->prng[0], r->prng[1]);
	say(text);
}

static void
on_error(const char *url, const char *arg, const char *reason)
{
	if (strcmp(arg, "again") == 0)
		wait_for_requests();
	snprintf(text, sizeof text, "%s: %s", url, reason);
	backend_response(555, STR("text/plain"), text, strlen(text));
}

static void
start(const char *how)
{
	if (strcmp(how, "request") == 0)
		set_backend_request(on_request);
	else if (strcmp(how, "error") == 0)
		set_on_error(on_error);
	else if (strcmp(how, "id13") == 0)
		register_func(13, (void (*)(void))on_get);
	else if (strcmp(how, "id-1") == 0)
		register_func(-1, (void (*)(void))on_get);
	else if (strcmp(how, "null") == 0)
		register_func(1, NULL);
	else if (strcmp(how, "far") == 0)
		register_func(1, (void (*)(void))0x7fffffffff00);
	else if (strcmp(how, "answer") == 0)
		say("too early");
	else if (strcmp(how, "field") == 0)
		http_append_str(BERESP, "X: 1");
	else if (strcmp(how, "every") == 0)
		for (int id = 0; id <= 12; id++)
			register_func(id, (void (*)(void))on_get);
}

int
main(int argc, char **argv)
{
	main_argv = argv;
	memset(text, 'x', sizeof text);
	set_backend_get(on_get);
	set_backend_post(on_post);
	if (argc > 1)
		start(argv[1]);
	if (argc > 1 && strcmp(argv[1], "return") == 0)
		return (0);
	wait_for_requests();
}
