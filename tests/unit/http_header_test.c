/* SPDX-License-Identifier: BSD-2-Clause */
/* kvm_api.h has the published layout and compiles wherever it is included. */
#include <unistd.h>

#include "../../guest/kvm_api.h"
#include "http/http.h"
#include "test.h"

#define OFF(type, member, at) {#type "." #member, \
	offsetof(struct type, member), at}
#define SIZE(type, bytes) {"sizeof " #type, sizeof(struct type), bytes}

static const struct {
	const char *what;
	size_t is, published;
} layout[] = {
	OFF(kvm_request, method, 0),
	OFF(kvm_request, url, 8),
	OFF(kvm_request, arg, 16),
	OFF(kvm_request, content_type, 24),
	OFF(kvm_request, method_len, 32),
	OFF(kvm_request, url_len, 34),
	OFF(kvm_request, arg_len, 36),
	OFF(kvm_request, content_type_len, 38),
	OFF(kvm_request, content, 40),
	OFF(kvm_request, content_len, 48),
	OFF(kvm_request, headers, 56),
	OFF(kvm_request, num_headers, 64),
	OFF(kvm_request, info_flags, 66),
	OFF(kvm_request, reserved0, 68),
	OFF(kvm_request, prng, 72),
	OFF(kvm_request, reserved1, 88),
	SIZE(kvm_request, 104),
	OFF(kvm_request_header, field, 0),
	OFF(kvm_request_header, field_colon, 8),
	OFF(kvm_request_header, field_len, 12),
	SIZE(kvm_request_header, 16),
	OFF(kvm_response_header, field, 0),
	OFF(kvm_response_header, field_len, 8),
	SIZE(kvm_response_header, 16),
	OFF(kvm_response_extra, headers, 0),
	OFF(kvm_response_extra, num_headers, 8),
	OFF(kvm_response_extra, cached, 10),
	OFF(kvm_response_extra, ttl, 12),
	OFF(kvm_response_extra, grace, 16),
	OFF(kvm_response_extra, keep, 20),
	OFF(kvm_response_extra, reserved, 24),
	SIZE(kvm_response_extra, 56),
	SIZE(streaming_content, 16),
	OFF(virtbuffer, data, 0),
	OFF(virtbuffer, len, 8),
	SIZE(virtbuffer, 16),
	OFF(shared_memory_info, start, 0),
	OFF(shared_memory_info, end, 8),
	OFF(meminfo, max_memory, 0),
	OFF(meminfo, max_reqmem, 8),
	OFF(meminfo, reqmem_upper, 16),
	OFF(meminfo, reqmem_current, 24),
	SIZE(meminfo, 32),
	OFF(curl_op, status, 0),
	OFF(curl_op, post_buflen, 4),
	OFF(curl_op, post_buffer, 8),
	OFF(curl_op, headers, 16),
	OFF(curl_op, headers_length, 24),
	OFF(curl_op, content, 32),
	OFF(curl_op, content_length, 40),
	OFF(curl_op, ctlen, 44),
	OFF(curl_op, ctype, 48),
	SIZE(curl_op, 176),
	OFF(curl_fields, ptr, 0),
	OFF(curl_fields, len, 96),
	SIZE(curl_fields, 120),
	OFF(curl_options, interface, 0),
	OFF(curl_options, follow_location, 16),
	OFF(curl_options, dummy_fetch, 17),
	OFF(curl_options, tcp_fast_open, 18),
	OFF(curl_options, dont_verify_host, 19),
	SIZE(curl_options, 24),
	OFF(kvm_socket_event, fd, 0),
	OFF(kvm_socket_event, event, 4),
	OFF(kvm_socket_event, remote, 8),
	OFF(kvm_socket_event, arg, 16),
	OFF(kvm_socket_event, data, 24),
	OFF(kvm_socket_event, data_len, 32),
	SIZE(kvm_socket_event, 40),
};

TEST(structures_have_the_published_layout)
{
	for (size_t i = 0; i < sizeof layout / sizeof layout[0]; i++)
		if (layout[i].is != layout[i].published)
			TEST_FAIL("%s is %zu, not %zu", layout[i].what,
			    layout[i].is, layout[i].published);
	CHECK_EQ(SOCKET_CONNECTED, 0);
	CHECK_EQ(SOCKET_READ, 1);
	CHECK_EQ(SOCKET_WRITABLE, 2);
	CHECK_EQ(SOCKET_DISCONNECTED, 3);
}

/* A function's machine code is: mov $number, %eax; out %eax, $0; ret. */
#define CALL(name, number) {#name, (void (*)(void))name, number}
static const struct {
	const char *name;
	void (*func)(void);
	uint32_t number;
} calls[] = {
	CALL(register_func, 0x10000),
	CALL(wait_for_requests, 0x10001),
	CALL(wait_for_requests_paused, 0x10002),
	CALL(wait_for_socket_events_paused, 0x10002),
	CALL(set_cacheable, 0x10005),
	CALL(sys_backend_response, 0x10010),
	CALL(storage_return, 0x10011),
	CALL(begin_streaming_response, 0x10012),
	CALL(storage_noreturn, 0x10013),
	CALL(http_append, 0x10020),
	CALL(http_set, 0x10021),
	CALL(http_find, 0x10022),
	CALL(http_method, 0x10023),
	CALL(regex_compile, 0x10030),
	CALL(regex_free, 0x10031),
	CALL(regex_match, 0x10032),
	CALL(regex_subst, 0x10033),
	CALL(regex_copyto, 0x10035),
	CALL(sys_sockets_write, 0x10500),
	CALL(shared_memory_area, 0x10700),
	CALL(sys_make_ephemeral, 0x10703),
	CALL(sys_is_storage, 0x10706),
	CALL(sys_storage_allow, 0x10707),
	CALL(storage_callv, 0x10708),
	CALL(sys_storage_task, 0x10709),
	CALL(stop_storage_task, 0x1070a),
	CALL(multiprocess, 0x10710),
	CALL(multiprocess_array, 0x10711),
	CALL(multiprocess_clone, 0x10712),
	CALL(multiprocess_wait, 0x10713),
	CALL(get_meminfo, 0x10a00),
	CALL(sys_fetch, 0x20000),
	CALL(sys_request, 0x20001),
	CALL(sys_restart_on_change, 0x30000),
	CALL(sys_log, 0x7f000),
	CALL(sys_breakpoint, 0x7f7f7),
	CALL(sys_is_debug, 0x7fdeb),
};

TEST(every_call_has_its_published_number_and_returns)
{
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		unsigned char want[8] = {0xb8, 0, 0, 0, 0, 0xe7, 0, 0xc3};
		unsigned char is[8];

		memcpy(want + 1, &calls[i].number, sizeof calls[i].number);
		memcpy(is, (const void *)(uintptr_t)calls[i].func, sizeof is);
		if (memcmp(is, want, sizeof is) != 0)
			TEST_FAIL("%s is not a call of 0x%x", calls[i].name,
			    calls[i].number);
	}
}

/*--- compilers ------------------------------------------------------------*/

static char dir[] = "/tmp/http_header_XXXXXX";

static void
clean_up(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	if (system(command) != 0)
		fprintf(stderr, "cannot remove %s\n", dir);
}

static void
make_dir(void)
{
	static bool made;

	if (!made && mkdtemp(dir) == NULL)
		abort();
	if (!made)
		atexit(clean_up);
	made = true;
}

/* Run a shell command; %s in it is the directory, up to three times. */
static int
run(const char *command)
{
	char line[1024];

	make_dir();
	snprintf(line, sizeof line, command, dir, dir, dir);
	return (system(line));
}

#define STRICT "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror " \
	"-Iguest -c -o %s/o.o "
#define ALONE "echo '#include \"kvm_api.h\"' | "

TEST(it_compiles_alone_as_c11_and_c17)
{
	CHECK_EQ(run(ALONE "cc -std=c11 " STRICT "-x c -"), 0);
	CHECK_EQ(run(ALONE "cc -std=gnu17 -O2 " STRICT "-x c -"), 0);
}

TEST(it_compiles_alone_as_cxx17_and_cxx20)
{
	if (run("command -v c++ >/dev/null") != 0)
		SKIP("there is no C++ compiler");
	CHECK_EQ(run(ALONE "c++ -std=c++17 " STRICT "-x c++ -"), 0);
	CHECK_EQ(run(ALONE "c++ -std=gnu++20 -O2 " STRICT "-x c++ -"), 0);
}

TEST(it_compiles_alone_with_clang)
{
	if (run("command -v clang >/dev/null") != 0)
		SKIP("there is no clang");
	CHECK_EQ(run(ALONE "clang -std=c11 " STRICT "-x c -"), 0);
	CHECK_EQ(run(ALONE "clang -std=c++17 " STRICT "-x c++ -"), 0);
}

static int
scan_program(struct http_program *hp)
{
	static unsigned char file[4 << 20];
	char path[64];
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "%s/program", dir);
	f = fopen(path, "rb");
	if (f == NULL)
		return (-1);
	n = fread(file, 1, sizeof file, f);
	fclose(f);
	http_scan_abi(file, n, hp);
	return (n > 1000 && n < sizeof file ? 0 : -1);
}

/*
 * The age of a program is told by all its stubs; one of two files uses one of
 * them, and the linker throws away what nobody uses.
 */
TEST(two_files_and_a_thrifty_linker_keep_every_stub_once)
{
	struct http_program hp = {0};

	CHECK_EQ(run("printf '#include \"kvm_api.h\"\n"
	    "void f(void);\nstruct kvm_request r;\nint main(void)"
	    "{ f(); wait_for_requests_paused(&r);"
	    " backend_response(200, 0, 0, 0, 0); }\n' >%s/a.c"), 0);
	CHECK_EQ(run("printf '#include \"kvm_api.h\"\n"
	    "void f(void);\nvoid f(void) { sys_log_str(\"f\"); }\n' "
	    ">%s/b.c"), 0);
	CHECK_EQ(run("cc -static -O2 -ffunction-sections -Wl,--gc-sections "
	    "-s -Iguest -o %s/program %s/a.c %s/b.c"), 0);
	CHECK_EQ(scan_program(&hp), 0);
	CHECK_EQ(hp.request_size, 88);
	CHECK(hp.extra_valid && !hp.extra_by_stack);
	CHECK_EQ(run("test $(objdump -d %s/program | "
	    "grep -c 'out *%%eax,\\$0x0') = 37"), 0);
}

TEST_MAIN()
