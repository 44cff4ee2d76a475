/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmod_counters.c: VMOD_KVM.* in varnishstat, for the whole process.
 *
 * Varnish maps counters as plain 64-bit words; every update is one atomic
 * addition. Tasks use them only while a VCL that imports the module lives.
 */
#include "vmod_tinykvm.h"

#include "VSC_vmod_kvm.h"

static struct VSC_vmod_kvm *counters;
static struct vsc_seg *counters_seg;
static uint64_t cpu_ns;		/* what cpu_time shows in seconds */

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
vtk_counters_reply(const struct tkvm_reply *reply)
{
	uint64_t ns;

	if (counters == NULL)
		return;
	add(&counters->requests, 1);
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

void
vtk_counters_failed(int code)
{
	if (counters == NULL)
		return;
	add(&counters->requests, 1);
	if (code == TKVM_EBUSY)
		add(&counters->queue_timeouts, 1);
	else
		add(&counters->program_unavailable, 1);
}

void
vtk_counters_body(uint64_t bytes)
{
	if (counters != NULL)
		add(&counters->bytes_in, bytes);
}

void
vtk_counters_gauge(struct vtk_program *p, bool gone)
{
	struct tkvm_counters c;
	uint32_t now = 0, before;

	if (counters == NULL)
		return;
	if (!gone) {
		tkvm_program_counters(p->program, &c);
		now = c.machines;
	}
	before = __atomic_exchange_n(&p->machines, now, __ATOMIC_RELAXED);
	if (now != before)
		add(&counters->machines, (uint64_t)now - before);
}
