/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kvm_api.h: everything a program says to the cache, in one file.
 *
 * A program is an ordinary static Linux executable. It starts once, prepares
 * itself in main(), registers a function and waits:
 *
 *	static void
 *	on_get(const char *url, const char *arg)
 *	{
 *		backend_response_str(200, "text/plain", "Hello World!\n");
 *	}
 *
 *	int
 *	main(void)
 *	{
 *		set_backend_get(on_get);
 *		wait_for_requests();
 *	}
 *
 * From then on every request runs in a copy of the machine as it was at
 * wait_for_requests(); whatever a request changes is gone afterwards.
 *
 * Rules that hold for every call below:
 *  - A pointer given to a call need stay valid only until the call returns,
 *    except the body of an answer, which must stay as it is (it does: the
 *    answer ends the request).
 *  - A call that breaks its rules (a bad address, an illegal header line) ends
 *    the request: on_error runs if there is one, otherwise status 500.
 *  - Memory that the cache gives to a program belongs to the program until the
 *    request ends; nothing needs to be freed.
 *
 * C11 and C++17, x86-64 Linux. Depends on stddef.h and stdint.h, and on
 * getenv() and strcmp() for the IS_ macros.
 */
#ifndef KVM_API_H
#define KVM_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#define KVM_API_ASSERT(expr) static_assert(expr, #expr)
#define KVM_API_NORETURN [[noreturn]]
#define KVM_API_ALIGNOF(T) alignof(T)
#else
#define KVM_API_ASSERT(expr) _Static_assert(expr, #expr)
#define KVM_API_NORETURN _Noreturn
#define KVM_API_ALIGNOF(T) _Alignof(T)
#endif

/*--- how a call is made ---------------------------------------------------*/

/*
 * Number in EAX, arguments in the registers of a C call, out to port 0. The
 * cache preserves every register but RAX (and RDX for one call). All stubs lie
 * in one section, so that a program that uses one contains all of them, however
 * it is linked: their presence tells the cache which version of this file the
 * program was built with. Several files of a program may include this one.
 */
#define KVM_API_STUB(name, number) \
	__asm__(".pushsection .text.kvm_api,\"axG\",@progbits,kvm_api," \
	    "comdat\n" \
	    "\t.weak " #name "\n\t.type " #name ", @function\n" #name ":\n" \
	    "\tmov $" #number ", %eax\n\tout %eax, $0\n\tret\n" \
	    "\t.size " #name ", .-" #name "\n\t.popsection")

/*--- where does this program run? -----------------------------------------*/

/* Outside, started from a shell: no cache will answer the calls. */
#define IS_LINUX_MAIN() (getenv("KVM_NAME") == NULL)
/* As the program that answers requests, or as the one that keeps state. */
#define IS_REQUEST() kvm_api_env_is("KVM_TYPE", "request")
#define IS_STORAGE() kvm_api_env_is("KVM_TYPE", "storage")
#define IS_DEBUG() kvm_api_env_is("KVM_DEBUG", "1")

static inline int
kvm_api_env_is(const char *name, const char *value)
{
	const char *is = getenv(name);

	return (is != NULL && strcmp(is, value) == 0);
}

/*--- functions of the program ---------------------------------------------*/

/*
 * Register function `func` for purpose `id` (below). Only before waiting.
 * Prefer the set_ functions, which check the type.
 */
extern void register_func(int id, void (*func)(void));

/*
 * url and arg are the two strings of the VCL call, program(name, url, arg);
 * never NULL, writable, valid until the request ends. Any method without body.
 */
typedef void (*kvm_get_func)(const char *url, const char *arg);
/*
 * Any method with a body. data: page-aligned, writable, len bytes, not
 * NUL-terminated. content_type: "" when there is none.
 */
typedef void (*kvm_post_func)(const char *url, const char *arg,
    const char *content_type, const uint8_t *data, size_t len);
/* Every request; replaces the two above. */
struct kvm_request;
typedef void (*kvm_request_func)(const struct kvm_request *req);
/* Pieces of a body as they arrive; must return len to go on. */
typedef long (*kvm_stream_func)(const char *url, const char *arg,
    const char *content_type, const uint8_t *data, size_t len, size_t offset);
/*
 * After a request failed (crash, time-out, illegal call), in the same memory,
 * on a fresh stack, within one second: the chance to answer nevertheless.
 */
typedef void (*kvm_error_func)(const char *url, const char *arg,
    const char *reason);

/* State that moves from an old version of a program to a new one. */
typedef void (*kvm_live_update_func)(void);
typedef void (*kvm_live_restore_func)(size_t len);
/* Begins each system of a server, in its machine; never returns. */
typedef void (*kvm_prepare_func)(int system_id);

#define KVM_API_SET(name, type, id) \
	static inline void name(type f) \
	{ \
		register_func(id, (void (*)(void))f); \
	}
KVM_API_SET(set_backend_get, kvm_get_func, 1)
KVM_API_SET(set_backend_post, kvm_post_func, 2)
KVM_API_SET(set_backend_request, kvm_request_func, 3)
KVM_API_SET(set_backend_stream_post, kvm_stream_func, 4)
KVM_API_SET(set_on_error, kvm_error_func, 5)
KVM_API_SET(set_on_live_update, kvm_live_update_func, 6)
KVM_API_SET(set_on_live_restore, kvm_live_restore_func, 7)
KVM_API_SET(set_socket_prepare_for_pause, kvm_prepare_func, 12)

/* Ready: requests enter the functions registered before. Does not return. */
KVM_API_NORETURN extern void wait_for_requests(void);

/*--- the request as a structure -------------------------------------------*/

struct kvm_request_header {
	const char *field;	/* whole line, NUL-terminated */
	uint32_t field_colon;	/* index of the colon, 0xffffffff without */
	uint32_t field_len;	/* without the NUL */
};
KVM_API_ASSERT(sizeof(struct kvm_request_header) == 16);

struct kvm_request {
	const char *method;
	const char *url;
	const char *arg;
	const char *content_type;
	uint16_t method_len;
	uint16_t url_len;
	uint16_t arg_len;
	uint16_t content_type_len;
	const uint8_t *content;		/* NULL without a body */
	size_t content_len;
	const struct kvm_request_header *headers;
	uint16_t num_headers;
	uint16_t info_flags;		/* bit 0: warm-up */
	uint32_t reserved0;
	uint64_t prng[2];		/* random, new for each request */
	uint64_t reserved1[2];
};
KVM_API_ASSERT(sizeof(struct kvm_request) == 104);

#define IS_WARMUP_REQUEST(req) (((req)->info_flags & 1) != 0)

/*
 * The other way to wait: returns once per request with *req filled, all local
 * variables as they were. Answer with backend_response(), then call it again.
 */
extern void wait_for_requests_paused(struct kvm_request *req);

/*--- the answer -----------------------------------------------------------*/

struct kvm_response_header {
	const char *field;	/* "Name: value"; replaces one of that name */
	size_t field_len;
};
KVM_API_ASSERT(sizeof(struct kvm_response_header) == 16);
typedef struct kvm_response_header ResponseHeader;

struct kvm_response_extra {
	const struct kvm_response_header *headers;
	uint16_t num_headers;		/* at most 64 */
	uint8_t cached;			/* 1: apply the times below */
	float ttl, grace, keep;		/* seconds */
	uint64_t reserved[4];
};
KVM_API_ASSERT(sizeof(struct kvm_response_extra) == 56);
typedef struct kvm_response_extra BackendResponseExtra;

/*
 * Answer the request: status 200 to 599, content type (less than 4096 bytes,
 * length 0: none), body. extra may be NULL. Ends the request; returns only in
 * a program that waits with wait_for_requests_paused() and keeps its memory.
 */
extern void sys_backend_response(int16_t status, const void *type,
    size_t type_len, const void *body, size_t body_len,
    const struct kvm_response_extra *extra);

static inline void
backend_response(int16_t status, const void *type, size_t type_len,
    const void *body, size_t body_len)
{
	sys_backend_response(status, type, type_len, body, body_len, NULL);
}

static inline void
backend_response_extra(int16_t status, const void *type, size_t type_len,
    const void *body, size_t body_len, const struct kvm_response_extra *extra)
{
	sys_backend_response(status, type, type_len, body, body_len, extra);
}

/* NUL-terminated type and body. */
static inline void
backend_response_str(int16_t status, const char *type, const char *body)
{
	sys_backend_response(status, type, strlen(type), body, strlen(body),
	    NULL);
}

/*
 * Answer a body of content_length (> 0) bytes piece by piece: func is called
 * with arg, the most bytes wanted, the bytes delivered so far and the total,
 * and returns the next piece, within two seconds. A piece of length 0 ends a
 * body of KVM_LENGTH_UNKNOWN and breaks off any other. Header fields cannot be
 * changed any more; variables of the caller stay. Does not return.
 */
#define KVM_LENGTH_UNKNOWN SIZE_MAX
struct streaming_content {
	const void *data;
	size_t len;
};
typedef struct streaming_content (*kvm_content_func)(void *arg, size_t max,
    size_t written, size_t total);
KVM_API_NORETURN extern void begin_streaming_response(int16_t status,
    const void *type, size_t type_len, size_t content_length,
    kvm_content_func func, void *arg);

/*
 * May the answer be cached, and for how long? Milliseconds. 0, or -1 when it
 * does not apply to this request.
 */
extern long set_cacheable(bool cached, uint64_t ttl_ms, uint64_t grace_ms,
    uint64_t keep_ms);

/*--- header fields --------------------------------------------------------*/

#define BEREQ 0		/* of the request */
#define BERESP 1	/* of the answer */

/*
 * A line is "Name: value": one colon and one space behind the name, no
 * control characters, at most 65535 bytes, not NUL-terminated.
 *
 * Append a line: its index, or 0xffffffff when there are too many.
 */
extern long http_append(int where, const char *line, size_t len);
/*
 * Replace the field of that name, or append it: its index, or -1. Without
 * colon: remove the field of that name.
 */
extern long http_set(int where, const char *line, size_t len);
/*
 * Copy the first field of that name, whole line without NUL, into dst: its
 * length; 0 when there is none or it is longer than size. With dst NULL: its
 * length.
 */
extern unsigned http_find(int where, const char *name, size_t len, void *dst,
    size_t size);
/* The request's method, in the same way. */
extern unsigned http_method(void *dst, size_t size);

static inline long
http_append_str(int where, const char *line)
{
	return (http_append(where, line, strlen(line)));
}

static inline long
http_set_str(int where, const char *line)
{
	return (http_set(where, line, strlen(line)));
}

static inline long
http_unset_str(int where, const char *name)
{
	return (http_set(where, name, strlen(name)));
}

static inline unsigned
http_find_str(int where, const char *name, void *dst, size_t size)
{
	return (http_find(where, name, strlen(name), dst, size));
}

/*--- regular expressions (PCRE2); at most 64 per machine ------------------*/

/*
 * A number for a pattern, the same one for the same pattern; a bad pattern ends
 * the request. What main() compiled is there in every request; what a request
 * compiled ends with it.
 */
extern int regex_compile(const char *pattern, size_t len);
extern void regex_free(int handle);
/* >= 0: match; < 0: none, or too much work. len 0: to its NUL. Up to 16 MiB. */
extern int regex_match(int handle, const char *subject, size_t len);
/* flags bit 0: all matches. Bytes written with the NUL, or -1. */
extern int regex_subst(int handle, const char *subject, const char *replacement,
    char *dst, size_t size, unsigned flags);
/* Append all lines of src that match to dst: their number. */
extern int regex_copyto(int handle, int src, int dst);

/*--- state that outlives requests -----------------------------------------*/

struct virtbuffer {
	void *data;
	size_t len;
};
typedef void (*storage_func)(size_t n, struct virtbuffer buf[], size_t res);

/* In storage, before waiting: allow calls of func. 0 or -1. */
extern int sys_storage_allow(storage_func func);
#define STORAGE_ALLOW(func) \
	sys_storage_allow((storage_func)(void (*)(void))(func))
/* Run func in storage: length of its result, or -1. At most 64 buffers. */
extern long storage_callv(storage_func func, size_t n,
    const struct virtbuffer buffers[], void *dst, size_t dst_len);
/* In storage: the result of a call; the second does not return. */
extern void storage_return(const void *data, size_t len);
KVM_API_NORETURN extern void storage_noreturn(const void *data, size_t len);
/* Run func in storage later or periodically (ms): timer id, 0 or -1. */
extern long sys_storage_task(void (*func)(void *data, size_t len),
    const void *arg, size_t len, uint64_t start_ms, uint64_t period_ms);
extern long stop_storage_task(long task);
extern int sys_is_storage(void);

static inline long
storage_call(storage_func func, const void *src, size_t src_len, void *dst,
    size_t dst_len)
{
	struct virtbuffer b;

	memcpy(&b.data, &src, sizeof b.data);
	b.len = src_len;
	return (storage_callv(func, 1, &b, dst, dst_len));
}

static inline void
storage_return_nothing(void)
{
	storage_return(NULL, 0);
}

/* Memory that all machines of a program share; ~0 when there is none. */
struct shared_memory_info {
	uintptr_t start, end;
};
extern struct shared_memory_info shared_memory_area(void);

/*
 * Take zeroed shared memory for good: in main(), before waiting, so that every
 * request finds it at the same address. NULL when there is none (left).
 * SHM_ALLOC(bytes) is aligned to 16, SHM_ALLOC_TYPE(T) as T wants it.
 */
#define SHM_ALLOC_TYPE(T) \
	((T *)kvm_api_shm_alloc(sizeof(T), KVM_API_ALIGNOF(T)))
#define SHM_ALLOC(bytes) kvm_api_shm_alloc((bytes), 16)

__attribute__((weak)) struct shared_memory_info kvm_api_shm;

static inline void *
kvm_api_shm_alloc(size_t bytes, size_t align)
{
	uintptr_t at, end;

	if (kvm_api_shm.end == 0)
		kvm_api_shm = shared_memory_area();
	/* Without shared memory start is ~0, and the sum wraps. */
	if (__builtin_add_overflow(kvm_api_shm.start, align - 1, &at))
		return (NULL);
	at &= ~(uintptr_t)(align - 1);
	if (__builtin_add_overflow(at, bytes, &end) || end > kvm_api_shm.end)
		return (NULL);
	kvm_api_shm.start = end;
	return ((void *)at);
}

/* Before waiting: keep (0) or reset (1) memory between requests. 0 or -1. */
extern int sys_make_ephemeral(int ephemeral);

/*
 * Before waiting, and before it reads that file: start the program anew when it
 * was changed, replaced, removed or made. The request that finds that waits for
 * the start, at a cost of microseconds for all others. Names as for open(), at
 * most 16. -1 or -38 where nobody does it, so that each request has to read the
 * file: no rule allows that name; the program has storage, a server or a
 * cold_start_file; the cache is older.
 */
extern int sys_restart_on_change(const char *path);

/*--- fetching -------------------------------------------------------------*/

struct curl_op {
	uint32_t status;		/* out */
	uint32_t post_buflen;
	const void *post_buffer;
	void *headers;			/* in/out, NULL: allocate */
	uint32_t headers_length;	/* in (at least 64)/out */
	uint32_t unused;
	void *content;			/* in/out, NULL: allocate */
	uint32_t content_length;	/* in/out */
	uint32_t ctlen;			/* in/out, counts the NUL */
	char ctype[128];		/* in/out */
};
KVM_API_ASSERT(sizeof(struct curl_op) == 176);

#define CURL_FIELDS_MAX 12
struct curl_fields {
	const char *ptr[CURL_FIELDS_MAX];
	uint16_t len[CURL_FIELDS_MAX];
};
KVM_API_ASSERT(sizeof(struct curl_fields) == 120);

struct curl_options {
	const char *interface;
	const void *unused;
	int8_t follow_location, dummy_fetch, tcp_fast_open, dont_verify_host;
	uint32_t unused_opt5;
};
KVM_API_ASSERT(sizeof(struct curl_options) == 24);

/*
 * Ask a server, by http or https; a URL that begins with / goes to this cache.
 * Which servers may be asked is the setting allow_fetch. GET, or POST when
 * there is a post_buffer, or HEAD (dummy_fetch); fields up to the first empty
 * one are sent, and ctype. A URL has at most 1024 bytes; it may take 8 seconds,
 * and no longer than the request.
 * 0, or a negative CURLcode, or -1; then op is as it was. HTTP errors are a
 * status, not a failure. Redirects are followed unless options say no.
 */
extern long sys_fetch(const char *url, size_t len, struct curl_op *op,
    const struct curl_fields *fields, const struct curl_options *options);
/* Reserved; always -38. */
extern long sys_request(const char *url, size_t len, struct curl_op *op,
    const struct curl_fields *fields, const struct curl_options *options);

/*--- several CPUs ---------------------------------------------------------*/

/* This CPU, from 0, and this request's machine, the same on all its CPUs. */
static inline int
vcpuid(void)
{
	int id;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(id));
	return (id);
}

static inline int
vcpureqid(void)
{
	int id;

	__asm__ volatile("mov %%gs:4, %0" : "=r"(id));
	return (id);
}

/*
 * Compute on several CPUs at once, see docs/parallel.md. cpus is their number
 * with this one, which goes on behind the call; func runs on the others, on 512
 * KiB of stack. There every call and system call is -38.
 * -1: fewer than 2, more than the setting smp, others still run, no memory.
 */
extern long multiprocess(size_t cpus, void (*func)(void *, void *, void *,
    void *), void *, void *, void *, void *);
/* CPU n gets the address of element n; element 0 is for this one. */
extern long multiprocess_array(size_t cpus, void (*func)(void *element,
    size_t size), void *array, size_t element_size);
/* CPU n returns n, on an empty stack below stack_base + n * stack_size. */
extern long multiprocess_clone(size_t cpus, void *stack_base,
    size_t stack_size);
/* Until the others are done: 0. Made by another, it ends that one. */
extern long multiprocess_wait(void);

/*--- sockets --------------------------------------------------------------*/

/*
 * Connections that the program serves; guest/websocket.c shows how. fd is
 * 0x1000 or above and knows read(), write(), close(), which never wait.
 * WRITABLE comes once at first, and behind each write that took not all.
 * DISCONNECTED: it is closed. Each batch has max_request_time.
 */
enum SocketEvent {
	SOCKET_CONNECTED, SOCKET_READ, SOCKET_WRITABLE, SOCKET_DISCONNECTED
};
typedef enum SocketEvent SocketEvent;
struct kvm_socket_event {
	int fd;
	int event;			/* SocketEvent */
	const char *remote;		/* CONNECTED: "ADDR:PORT", "unix" */
	const char *arg;		/* CONNECTED: "" */
	const uint8_t *data;		/* READ: valid until the next wait */
	size_t data_len;
};
KVM_API_ASSERT(sizeof(struct kvm_socket_event) == 40);
/*
 * Fills at most n events (1 to 32, as many as the first time): their number.
 */
extern int wait_for_socket_events_paused(struct kvm_socket_event *events,
    size_t n);
static inline int
wait_for_socket_event_paused(struct kvm_socket_event *event)
{
	return (wait_for_socket_events_paused(event, 1));
}

/*
 * For each of n (1 to 32) events SOCKET_WRITABLE: write data to fd, which
 * becomes the number of bytes or -errno; with EAGAIN it stays.
 */
extern void sys_sockets_write(struct kvm_socket_event *events, size_t n);

/*--- other ----------------------------------------------------------------*/

struct meminfo {
	uint64_t max_memory;	/* bytes while starting */
	uint64_t max_reqmem;	/* bytes a request may write to */
	uint64_t reqmem_upper;
	uint64_t reqmem_current;	/* bytes written to so far */
};
KVM_API_ASSERT(sizeof(struct meminfo) == 32);
extern void get_meminfo(struct meminfo *info);

/* A line for the log; at most 65535 bytes, a newline at its end is cut. */
extern void sys_log(const char *text, size_t len);
/* 1 when the program was started to be debugged, else 0. */
extern int sys_is_debug(void);
/* Wait for a debugger if "allow_debug" is set; does nothing otherwise. */
extern void sys_breakpoint(void);

static inline void
sys_log_str(const char *text)
{
	sys_log(text, strlen(text));
}

KVM_API_STUB(register_func, 0x10000);
KVM_API_STUB(wait_for_requests, 0x10001);
KVM_API_STUB(wait_for_requests_paused, 0x10002);
KVM_API_STUB(set_cacheable, 0x10005);
KVM_API_STUB(sys_backend_response, 0x10010);
KVM_API_STUB(storage_return, 0x10011);
KVM_API_STUB(begin_streaming_response, 0x10012);
KVM_API_STUB(storage_noreturn, 0x10013);
KVM_API_STUB(http_append, 0x10020);
KVM_API_STUB(http_set, 0x10021);
KVM_API_STUB(http_find, 0x10022);
KVM_API_STUB(http_method, 0x10023);
KVM_API_STUB(regex_compile, 0x10030);
KVM_API_STUB(regex_free, 0x10031);
KVM_API_STUB(regex_match, 0x10032);
KVM_API_STUB(regex_subst, 0x10033);
KVM_API_STUB(regex_copyto, 0x10035);
KVM_API_STUB(wait_for_socket_events_paused, 0x10002);
KVM_API_STUB(sys_sockets_write, 0x10500);
KVM_API_STUB(shared_memory_area, 0x10700);
KVM_API_STUB(sys_make_ephemeral, 0x10703);
KVM_API_STUB(sys_is_storage, 0x10706);
KVM_API_STUB(sys_storage_allow, 0x10707);
KVM_API_STUB(storage_callv, 0x10708);
KVM_API_STUB(sys_storage_task, 0x10709);
KVM_API_STUB(stop_storage_task, 0x1070a);
KVM_API_STUB(multiprocess, 0x10710);
KVM_API_STUB(multiprocess_array, 0x10711);
KVM_API_STUB(multiprocess_clone, 0x10712);
KVM_API_STUB(multiprocess_wait, 0x10713);
KVM_API_STUB(get_meminfo, 0x10a00);
KVM_API_STUB(sys_fetch, 0x20000);
KVM_API_STUB(sys_request, 0x20001);
KVM_API_STUB(sys_restart_on_change, 0x30000);
KVM_API_STUB(sys_log, 0x7f000);
KVM_API_STUB(sys_breakpoint, 0x7f7f7);
KVM_API_STUB(sys_is_debug, 0x7fdeb);

#undef KVM_API_STUB
#ifdef __cplusplus
}
#endif
#endif
