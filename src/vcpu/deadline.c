/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deadline.c: the watchdog that interrupts guests which never exit.
 *
 * One thread for all vCPUs of the process looks at their deadlines every few
 * milliseconds and, when one has passed, sets kvm_run->immediate_exit and sends
 * DEADLINE_SIGNAL to the thread that runs it: KVM_RUN, or a blocking system
 * call of a handler, returns with EINTR (api.rst, KVM_RUN). It goes on sending
 * until the run is over, so a signal that arrives between two calls is not
 * lost. Setting a deadline is two stores, not a timer system call.
 *
 * The thread and the signal's handler exist while there are vCPUs: a module
 * that is unloaded leaves nothing behind.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "vcpu/vcpu_priv.h"

/* Varnish uses no real-time signal. README.md tells users of this one. */
#define DEADLINE_SIGNAL (SIGRTMIN + 7)

#define TICK_NS 2000000
/* Ticks without an armed vCPU before the thread sleeps: one second. */
#define IDLE_TICKS 500

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	struct deadline *head;
	unsigned users;
	bool stop;
	_Atomic bool asleep;
	struct sigaction old_action;
} dog = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.wake = PTHREAD_COND_INITIALIZER,
};

static void
on_signal(int sig)
{
	(void)sig;	/* interrupting the system call is all it is for */
}

/* Of one that is KICKING: its thread cannot leave meanwhile. */
static void
interrupt(struct deadline *d)
{
	__atomic_store_n(&d->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	(void)syscall(SYS_tgkill, getpid(), atomic_load(&d->tid),
	    DEADLINE_SIGNAL);
}

/* Send the signal if d is still armed and late. True when it is armed. */
static bool
look_at(struct deadline *d, uint64_t now)
{
	int armed = DEADLINE_ARMED;

	if (atomic_load(&d->state) != DEADLINE_ARMED)
		return (false);
	if (now < atomic_load(&d->at_ns))
		return (true);
	if (!atomic_compare_exchange_strong(&d->state, &armed,
	    DEADLINE_KICKING))
		return (false);
	/* Armed again with a later deadline in between? Then leave it alone. */
	if (now >= atomic_load(&d->at_ns))
		interrupt(d);
	atomic_store(&d->state, DEADLINE_ARMED);
	return (true);
}

static bool
look_at_all(void)
{
	uint64_t now = tkvm_now_ns();
	bool armed = false;

	for (struct deadline *d = dog.head; d != NULL; d = d->next)
		armed |= look_at(d, now);
	return (armed);
}

static void *
watch(void *arg)
{
	const struct timespec tick = {.tv_nsec = TICK_NS};
	unsigned idle = 0;

	(void)arg;
	(void)pthread_mutex_lock(&dog.lock);
	while (!dog.stop) {
		idle = look_at_all() ? 0 : idle + 1;
		if (idle > IDLE_TICKS) {
			/* Whoever arms after this store wakes us. */
			atomic_store(&dog.asleep, true);
			while (!dog.stop && !look_at_all() &&
			    atomic_load(&dog.asleep))
				(void)pthread_cond_wait(&dog.wake, &dog.lock);
			atomic_store(&dog.asleep, false);
			idle = 0;
			continue;
		}
		(void)pthread_mutex_unlock(&dog.lock);
		(void)nanosleep(&tick, NULL);
		(void)pthread_mutex_lock(&dog.lock);
	}
	(void)pthread_mutex_unlock(&dog.lock);
	return (NULL);
}

static int
start(struct tkvm_err *err)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t all, old;
	int e;

	/* No SA_RESTART: being interrupted is the point. */
	(void)sigemptyset(&sa.sa_mask);
	if (sigaction(DEADLINE_SIGNAL, &sa, &dog.old_action) != 0)
		return (tkvm_fail(err, TKVM_EHOST,
		    "cannot use real-time signal %d: %s", DEADLINE_SIGNAL,
		    strerror(errno)));
	dog.stop = false;
	/* The thread takes no signal that is meant for the host program. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	e = pthread_create(&dog.thread, NULL, watch, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e == 0)
		return (0);
	(void)sigaction(DEADLINE_SIGNAL, &dog.old_action, NULL);
	return (tkvm_fail(err, TKVM_EHOST, "cannot start the watchdog: %s",
	    strerror(e)));
}

int
deadline_join(struct deadline *d, struct tkvm_err *err)
{
	(void)pthread_mutex_lock(&dog.lock);
	if (dog.users == 0 && start(err) != 0) {
		(void)pthread_mutex_unlock(&dog.lock);
		return (TKVM_EHOST);
	}
	dog.users++;
	d->prev = NULL;
	d->next = dog.head;
	if (d->next != NULL)
		d->next->prev = d;
	dog.head = d;
	(void)pthread_mutex_unlock(&dog.lock);
	return (0);
}

/*
 * The last one joins the thread with the lock dropped. A join that comes in
 * meanwhile would start a second thread, so leaving is serialised.
 */
void
deadline_leave(struct deadline *d)
{
	static pthread_mutex_t leaving = PTHREAD_MUTEX_INITIALIZER;
	pthread_t thread;
	bool last;

	ASSERT(atomic_load(&d->state) == DEADLINE_IDLE);
	(void)pthread_mutex_lock(&leaving);
	(void)pthread_mutex_lock(&dog.lock);
	if (d->prev != NULL)
		d->prev->next = d->next;
	else
		dog.head = d->next;
	if (d->next != NULL)
		d->next->prev = d->prev;
	last = --dog.users == 0;
	if (last) {
		dog.stop = true;
		dog.users = 1;	/* nobody starts another until it is gone */
		thread = dog.thread;
		(void)pthread_cond_signal(&dog.wake);
	}
	(void)pthread_mutex_unlock(&dog.lock);
	if (last) {
		(void)pthread_join(thread, NULL);
		(void)pthread_mutex_lock(&dog.lock);
		dog.users--;
		if (dog.users == 0)
			(void)sigaction(DEADLINE_SIGNAL, &dog.old_action, NULL);
		else if (start(NULL) != 0)
			check_failed("watchdog restarts", __FILE__, __LINE__);
		(void)pthread_mutex_unlock(&dog.lock);
	}
	(void)pthread_mutex_unlock(&leaving);
}

void
deadline_arm(struct deadline *d, uint64_t at_ns)
{
	static _Thread_local pid_t tid;

	if (tid == 0)
		tid = (pid_t)syscall(SYS_gettid);
	atomic_store(&d->tid, tid);
	atomic_store(&d->at_ns, at_ns);
	__atomic_store_n(&d->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	atomic_store(&d->state, DEADLINE_ARMED);
	if (atomic_load(&dog.asleep)) {
		(void)pthread_mutex_lock(&dog.lock);
		atomic_store(&dog.asleep, false);
		(void)pthread_cond_signal(&dog.wake);
		(void)pthread_mutex_unlock(&dog.lock);
	}
}

void
deadline_disarm(struct deadline *d)
{
	int armed;

	do
		armed = DEADLINE_ARMED;
	while (!atomic_compare_exchange_weak(&d->state, &armed, DEADLINE_IDLE));
}

void
deadline_hurry(struct deadline *d)
{
	atomic_store(&d->at_ns, 0);
}

/* When the watchdog is at it, it does the same. */
void
deadline_kick(struct deadline *d)
{
	int armed = DEADLINE_ARMED;

	deadline_hurry(d);
	if (!atomic_compare_exchange_strong(&d->state, &armed,
	    DEADLINE_KICKING))
		return;
	interrupt(d);
	atomic_store(&d->state, DEADLINE_ARMED);
}
