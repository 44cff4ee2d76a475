/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http_old.h: a program as a kvm_api.h of some day made it. The file that
 * includes this says which stubs that header had:
 *
 *	OLD_STORAGE	0x1070B
 *	ADNS		0x10200
 *	PAUSED		number of copies of 0x10002
 *	SOCKETS		0x10500
 *	RETURNS		the stub of 0x10010 ends with ret
 *	RESPONSE	the name of its function
 *	REQUEST_BYTES	of the structure of a paused program; 0: it is none
 *	SOCKET_IDS	functions for connections had the numbers 8 to 11: 1;
 *			one had the number 12: 2
 *	VCPUREQID	it told which machine this is
 *
 * With OLD_STORAGE, "/count" counts in storage by the calls of that time, and
 * other names make such calls in bad faith. "/dns" asks what was never served.
 * "/junk" answers with r9 pointing at a dead stack, "/extra" with r9 pointing
 * at an extra header, as its URL says.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STUB(name, number, ret) \
	__asm__(".pushsection .text\n.global " #name "\n.type " #name \
	    ", @function\n" #name ":\n\tmov $" #number ", %eax\n" \
	    "\tout %eax, $0\n" ret "\n.popsection")
#define RET "\tret"
#define EVAL(name) STUB_NAMED(name)
#define STUB_NAMED(name) STUB(name, 0x10010, RETURNS)

STUB(register_func, 0x10000, RET);
STUB(wait_for_requests, 0x10001, "");
#if PAUSED > 0
STUB(wait_for_requests_paused, 0x10002, RET);
#endif
#if PAUSED > 1
STUB(wait_for_socket_events_paused, 0x10002, RET);
#endif
EVAL(RESPONSE);
STUB(http_append, 0x10020, RET);
#if ADNS
STUB(sys_adns_new, 0x10200, RET);
#endif
#if SOCKETS
STUB(sys_sockets_write, 0x10500, RET);
#endif
STUB(storage_return, 0x10011, RET);
#if OLD_STORAGE
STUB(storage_call, 0x10707, RET);
STUB(storage_allow, 0x1070b, RET);
#else
STUB(storage_allow, 0x10707, RET);
#endif

extern void register_func(int id, void *func);
extern void wait_for_requests(void);
extern void wait_for_requests_paused(void *req);
extern void RESPONSE(int16_t status, const void *type, uintptr_t type_len,
    const void *body, uintptr_t len, const void *r9);

static struct {
	const char *line;
	uintptr_t len;
} header = {"X-Extra: 1", 10};
static struct {
	void *headers;
	uint16_t num_headers;
	char rest[46];
} extra = {&header, 1, {0}};
_Static_assert(sizeof extra == 56, "the published layout");

/* What a caller of five arguments leaves in r9. */
__attribute__((noinline)) static void *
dead_stack(void)
{
	char *sp;

	__asm__ volatile("mov %%rsp, %0" : "=r"(sp));
	sp -= 4096;
	for (int i = 0; i < 56; i++)
		((volatile char *)sp)[i] = (char)0xff;
	return (sp);
}

extern long storage_allow(void *function);
extern void storage_return(const void *data, uintptr_t len);

struct buffer {
	void *data;
	uintptr_t len;
};

static void
count(uintptr_t n, struct buffer buf[], uintptr_t res)
{
	static uint64_t counter;

	if (n != 1 || buf[0].len != sizeof counter || res != sizeof counter)
		return;
	counter += *(uint64_t *)buf[0].data;
	storage_return(&counter, sizeof counter);
}

#if OLD_STORAGE
extern long storage_call(void *function, const void *src, uintptr_t len,
    void *dst, uintptr_t dst_len);

static void
use_storage(const char *url)
{
	uint64_t by = 1, now = 0;
	void *function = (void *)count;
	const void *src = &by;
	uintptr_t len = sizeof by, dst_len = sizeof now;
	char text[40];
	long r;

	if (strcmp(url, "/forbidden") == 0)
		function = (void *)use_storage;
	if (strcmp(url, "/unmapped") == 0)
		src = (void *)0x10;
	if (strcmp(url, "/long") == 0)
		len = UINTPTR_MAX;
	if (strcmp(url, "/wraps") == 0)
		dst_len = UINTPTR_MAX;
	r = storage_call(function, src, len, &now, dst_len);
	len = (uintptr_t)snprintf(text, sizeof text, "%ld %lu", r,
	    (unsigned long)now);
	RESPONSE(200, "a/b", 3, text, len, NULL);
}
#endif

#if ADNS
extern long sys_adns_new(uint32_t key);
#endif

static void
on_get(const char *url, const char *arg)
{
	const void *r9 = NULL;

	(void)arg;
#if VCPUREQID
	uint32_t id;

	__asm__("movl %%gs:4, %0" : "=r"(id));
	if (id > 1000)
		RESPONSE(500, "a/b", 3, "vcpu", 4, NULL);
#endif
#if ADNS
	if (strcmp(url, "/dns") == 0 && sys_adns_new(1) != -38)
		RESPONSE(500, "a/b", 3, "dns", 3, NULL);
#endif
#if OLD_STORAGE
	if (strchr("cfulw", url[1]) != NULL)
		use_storage(url);
#endif
	if (strcmp(url, "/junk") == 0)
		r9 = dead_stack();
	else if (strcmp(url, "/extra") == 0)
		r9 = &extra;
	RESPONSE(200, "a/b", 3, "old", 3, r9);
}

#if REQUEST_BYTES > 0
/* Its structure and what stands behind it. */
static struct {
	const char *method, *url, *arg, *content_type;
	uint64_t rest[REQUEST_BYTES / 8 - 4];
	uint64_t canary[6];
} paused;
#endif

int
main(void)
{
	const char *type = getenv("KVM_TYPE");

	if (type != NULL && strcmp(type, "storage") == 0 &&
	    storage_allow((void *)count) != 0)
		return (1);
#if SOCKET_IDS == 1
	for (int id = 8; id <= 11; id++)
		register_func(id, on_get);
#elif SOCKET_IDS == 2
	register_func(12, on_get);
#endif
#if REQUEST_BYTES > 0
	memset(&paused, 0x5a, sizeof paused);
	wait_for_requests_paused(&paused);
	for (int i = 0; i < 6; i++)
		if (paused.canary[i] != 0x5a5a5a5a5a5a5a5a)
			RESPONSE(500, "a/b", 3, "overrun", 7, NULL);
	on_get(paused.url, paused.arg);
#else
	register_func(1, on_get);
	wait_for_requests();
#endif
	return (0);
}
