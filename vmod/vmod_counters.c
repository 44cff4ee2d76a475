/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_counters.c: VMOD_KVM.* in varnishstat, for the whole process, and
 * TINYKVM.VCL.PROGRAM.* for each program.
 *
 * Varnish maps counters as plain 64-bit words; every update is one atomic
 * addition. Tasks use them only while a VCL that imports the module lives.
 */
#include "vmod_tinykvm.h"

#include "VSC_tinykvm.h"
#include "VSC_vmod_kvm.h"

static struct VSC_vmod_kvm *counters;
static struct vsc_seg *counters_seg;
static uint64_t cpu_ns;		/* what cpu_time shows in seconds */
static uint64_t fetch_ns;	/* and fetch_time */

#define NS_PER_S 1000000000ULL

static void
add(uint64_t *counter, uint64_t n)
{
	(void)__atomic_add_fetch(counter, n, __ATOMIC_RELAXED);
}

void
vtk_counters_create(void)
{
	AZ(counters);
	counters = VSC_vmod_kvm_New(NULL, &counters_seg, "");
	AN(counters);
}

void
vtk_counters_destroy(void)
{
	AN(counters);
	counters = NULL;
	VSC_vmod_kvm_Destroy(&counters_seg);
}

void
vtk_counters_notfound(void)
{
	if (counters != NULL)
		add(&counters->program_notfound, 1);
}

void
vtk_counters_request(void)
{
	if (counters != NULL)
		add(&counters->requests, 1);
}

/* No machine ran; a body that did not arrive is no program's outage. */
static void
count_failed(int code)
{
	if (code == TKVM_EBUSY)
		add(&counters->queue_timeouts, 1);
	else if (code != TKVM_EBODY && code != TKVM_ETOOLARGE)
		add(&counters->program_unavailable, 1);
}

static void
count_fetch(const struct tkvm_reply *reply)
{
	uint64_t ns;

	add(&counters->self_requests, 1);
	if (reply->error.code != TKVM_OK)
		add(&counters->self_requests_failed, 1);
	ns = __atomic_add_fetch(&fetch_ns, reply->run_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&counters->fetch_time, ns / NS_PER_S,
	    __ATOMIC_RELAXED);
}

void
vtk_counters_run(const struct tkvm_reply *reply)
{
	uint64_t ns;

	if (counters == NULL)
		return;
	if (reply->fetched)
		count_fetch(reply);
	else if (reply->machine < 0 && reply->error.code != TKVM_OK)
		count_failed(reply->error.code);
	if (reply->machine < 0)
		return;
	add(&counters->bytes_in, reply->input_bytes);
	if (reply->body_len != TKVM_LENGTH_UNKNOWN)
		add(&counters->bytes_out, reply->body_len);
	if (reply->error.code != TKVM_OK)
		add(&counters->program_exception, 1);
	if (reply->error.code == TKVM_ETIMEOUT)
		add(&counters->program_timeout, 1);
	if (reply->error.code == TKVM_EWORKMEM)
		add(&counters->out_of_memory, 1);
	if (reply->status >= 400 && reply->status <= 499)
		add(&counters->program_status_4xx, 1);
	if (reply->status >= 500)
		add(&counters->program_status_5xx, 1);
	ns = __atomic_add_fetch(&cpu_ns, reply->run_ns + reply->reset_ns,
	    __ATOMIC_RELAXED);
	__atomic_store_n(&counters->cpu_time, ns / NS_PER_S, __ATOMIC_RELAXED);
}

/*--- TINYKVM.VCL.PROGRAM.* ------------------------------------------------*/

int
vtk_counters_add(VRT_CTX, struct vtk_program *p)
{
	char name[128];

	p->vsc = VSC_tinykvm_New(NULL, &p->vsc_seg, "%s.%s",
	    VCL_Name(ctx->vcl), vtk_plain_name(tkvm_program_name(p->program),
	    name, sizeof name));
	if (p->vsc == NULL)
		return (-1);
	AZ(pthread_mutex_init(&p->vsc_lock, NULL));
	/* A VCL that is loaded cold has no event for that. */
	VRT_VSC_Hide(p->vsc_seg);
	return (0);
}

static void
show_machines(struct vtk_program *p, uint64_t now)
{
	uint64_t before = __atomic_exchange_n(&p->machines, now,
	    __ATOMIC_RELAXED);

	if (counters != NULL && now != before)
		add(&counters->machines, now - before);
}

void
vtk_counters_remove(struct vtk_program *p)
{
	show_machines(p, 0);
	if (p->vsc == NULL)
		return;
	p->vsc = NULL;
	VSC_tinykvm_Destroy(&p->vsc_seg);
	AZ(pthread_mutex_destroy(&p->vsc_lock));
}

/* Under a lock: an older value must not come after a newer one. */
void
vtk_counters_update(struct vtk_program *p)
{
	struct tkvm_counters c;

	CHECK_OBJ_NOTNULL(p, VTK_PROGRAM_MAGIC);
	if (p->vsc == NULL)
		return;
	AZ(pthread_mutex_lock(&p->vsc_lock));
	tkvm_program_counters(p->program, &c);
#define STORE(name, kind, text) \
	__atomic_store_n(&p->vsc->name, c.name, __ATOMIC_RELAXED);
	TKVM_COUNTERS(STORE)
#undef STORE
	show_machines(p, c.machines);
	AZ(pthread_mutex_unlock(&p->vsc_lock));
}
