/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue of requests for machines, which only have an address here. */
#include <sched.h>
#include <unistd.h>

#include "program/program_priv.h"
#include "test.h"

#define SECOND 1000000000u
#define FOREVER (600ull * SECOND)

struct rig {
	struct tkvm_program program;
	struct generation g;
	struct vm vm[4];
};

static void
rig_init(struct rig *rig, unsigned machines)
{
	static char name[] = "fake";

	memset(rig, 0, sizeof *rig);
	rig->program.name = name;
	rig->g.program = &rig->program;
	rig->g.last = &rig->g.first;
	rig->g.settings.concurrency = machines;
	(void)pthread_mutex_init(&rig->g.lock, NULL);
	for (unsigned i = 0; i < machines; i++)
		pool_give(&rig->g, &rig->vm[i]);
}

static unsigned
waiting(struct generation *g)
{
	unsigned n;

	(void)pthread_mutex_lock(&g->lock);
	n = g->n_waiting;
	(void)pthread_mutex_unlock(&g->lock);
	return (n);
}

static void
until_waiting(struct generation *g, unsigned n)
{
	while (waiting(g) != n)
		(void)sched_yield();
}

TEST(the_machine_used_last_is_used_first)
{
	struct tkvm_err err;
	struct rig rig;
	struct vm *vm;

	rig_init(&rig, 3);
	CHECK_OK(pool_take(&rig.g, 0, &vm, &err));
	CHECK(vm == &rig.vm[2]);
	CHECK(pool_try(&rig.g) == &rig.vm[1]);
	pool_give(&rig.g, &rig.vm[2]);
	CHECK(pool_try(&rig.g) == &rig.vm[2]);
	CHECK_EQ(rig.g.n_idle, 1);
	CHECK(pool_try(&rig.g) == &rig.vm[0]);
	CHECK(pool_try(&rig.g) == NULL);
	CHECK_EQ(rig.g.n_idle, 0);
}

TEST(waiting_ends_with_a_sentence)
{
	struct tkvm_err err;
	struct rig rig;
	struct vm *vm;

	rig_init(&rig, 1);
	CHECK_OK(pool_take(&rig.g, 0, &vm, &err));
	CHECK_EQ(pool_take(&rig.g, SECOND / 100, &vm, &err), TKVM_EBUSY);
	CHECK(vm == NULL);
	CHECK_STR(err.text, "all 1 machines of fake were busy for 0.01 "
	    "seconds; raise concurrency");
	CHECK_EQ(rig.g.n_waiting, 0);
	CHECK(rig.g.first == NULL && rig.g.last == &rig.g.first);
	pool_give(&rig.g, &rig.vm[0]);
	CHECK_OK(pool_take(&rig.g, 0, &vm, &err));
}

struct customer {
	struct rig *rig;
	pthread_t thread;
	unsigned place;
	uint64_t timeout_ns;
	unsigned *served, *order;	/* under the machine */
	int r;
};

static void *
buy(void *arg)
{
	struct customer *c = arg;
	struct tkvm_err err;
	struct vm *vm;

	c->r = pool_take(&c->rig->g, c->timeout_ns, &vm, &err);
	if (c->r != 0)
		return (NULL);
	c->order[(*c->served)++] = c->place;
	pool_give(&c->rig->g, vm);
	return (NULL);
}

#define CUSTOMERS 16

static void
queue_up(struct rig *rig, struct customer *c, unsigned n, unsigned *served,
    unsigned *order)
{
	for (unsigned i = 0; i < n; i++) {
		c[i] = (struct customer){.rig = rig, .place = i,
		    .timeout_ns = FOREVER, .served = served, .order = order};
		(void)pthread_create(&c[i].thread, NULL, buy, &c[i]);
		until_waiting(&rig->g, i + 1);
	}
}

TEST(who_came_first_is_served_first)
{
	struct customer c[CUSTOMERS];
	unsigned order[CUSTOMERS], served = 0;
	struct tkvm_err err;
	struct rig rig;
	struct vm *vm;

	rig_init(&rig, 1);
	CHECK_OK(pool_take(&rig.g, 0, &vm, &err));
	queue_up(&rig, c, CUSTOMERS, &served, order);
	pool_give(&rig.g, vm);
	for (unsigned i = 0; i < CUSTOMERS; i++)
		(void)pthread_join(c[i].thread, NULL);
	CHECK_EQ(served, CUSTOMERS);
	for (unsigned i = 0; i < CUSTOMERS; i++) {
		CHECK_EQ(c[i].r, 0);
		CHECK_EQ(order[i], i);
	}
	CHECK_EQ(rig.g.n_idle, 1);
}

TEST(nobody_overtakes_the_queue)
{
	struct customer c[2];
	unsigned order[2], served = 0;
	struct tkvm_err err;
	struct rig rig;
	struct vm *vm, *mine;

	rig_init(&rig, 1);
	CHECK_OK(pool_take(&rig.g, 0, &vm, &err));
	queue_up(&rig, c, 2, &served, order);
	/* Given back, but it belongs to the first in the queue at once. */
	pool_give(&rig.g, vm);
	CHECK_OK(pool_take(&rig.g, FOREVER, &mine, &err));
	CHECK_EQ(served, 2);
	pool_give(&rig.g, mine);
	for (unsigned i = 0; i < 2; i++)
		(void)pthread_join(c[i].thread, NULL);
}

TEST(who_gives_up_leaves_the_queue_in_order)
{
	struct customer c[3];
	unsigned order[3], served = 0;
	struct tkvm_err err;
	struct rig rig;
	struct vm *vm;

	rig_init(&rig, 1);
	CHECK_OK(pool_take(&rig.g, 0, &vm, &err));
	for (unsigned i = 0; i < 3; i++) {
		c[i] = (struct customer){.rig = &rig, .place = i,
		    .timeout_ns = i == 1 ? SECOND / 20 : FOREVER,
		    .served = &served, .order = order};
		(void)pthread_create(&c[i].thread, NULL, buy, &c[i]);
		if (i != 1)
			until_waiting(&rig.g, i == 0 ? 1 : 2);
		else
			(void)pthread_join(c[i].thread, NULL);
	}
	CHECK_EQ(c[1].r, TKVM_EBUSY);
	pool_give(&rig.g, vm);
	(void)pthread_join(c[0].thread, NULL);
	(void)pthread_join(c[2].thread, NULL);
	CHECK_EQ(served, 2);
	CHECK_EQ(order[0], 0);
	CHECK_EQ(order[1], 2);
}

/*--- many threads, few machines: each machine has one holder ---------------*/

struct crowd {
	struct rig *rig;
	pthread_t thread;
	unsigned seed, done, refused;
	unsigned *holders;	/* by machine */
	bool two;		/* saw a machine with two holders */
};

static void *
come_and_go(void *arg)
{
	struct crowd *c = arg;
	struct tkvm_err err;
	struct vm *vm;
	unsigned i;

	for (unsigned n = 0; n < 5000; n++) {
		/* Some are so impatient that time-out and service meet. */
		if (pool_take(&c->rig->g, rand_r(&c->seed) % 4 == 0 ?
		    (uint64_t)rand_r(&c->seed) % 50000 : FOREVER, &vm,
		    &err) != 0) {
			c->refused++;
			continue;
		}
		i = (unsigned)(vm - c->rig->vm);
		if (__atomic_fetch_add(&c->holders[i], 1, __ATOMIC_SEQ_CST))
			c->two = true;
		if (n % 16 == 0)
			(void)sched_yield();
		(void)__atomic_fetch_sub(&c->holders[i], 1, __ATOMIC_SEQ_CST);
		pool_give(&c->rig->g, vm);
		c->done++;
	}
	return (NULL);
}

TEST(a_machine_has_one_holder_and_none_is_lost)
{
	unsigned holders[4] = {0}, done = 0;
	struct crowd c[8];
	struct rig rig;

	rig_init(&rig, 3);
	for (unsigned i = 0; i < 8; i++) {
		c[i] = (struct crowd){.rig = &rig, .seed = i + 1,
		    .holders = holders};
		(void)pthread_create(&c[i].thread, NULL, come_and_go, &c[i]);
	}
	for (unsigned i = 0; i < 8; i++)
		(void)pthread_join(c[i].thread, NULL);
	for (unsigned i = 0; i < 8; i++) {
		CHECK(!c[i].two);
		done += c[i].done + c[i].refused;
	}
	CHECK_EQ(done, 8 * 5000);
	CHECK_EQ(rig.g.n_idle, 3);
	CHECK_EQ(rig.g.n_waiting, 0);
	CHECK(rig.g.first == NULL && rig.g.last == &rig.g.first);
}

/*--- executors -------------------------------------------------------------*/

static void
note_thread(void *arg)
{
	*(pthread_t *)arg = pthread_self();
}

TEST(an_executor_runs_everything_in_one_thread_that_is_not_ours)
{
	pthread_t first, t;
	struct tkvm_err err;
	struct executor *e;

	CHECK_OK(executor_new(&e, &err));
	executor_run(e, note_thread, &first);
	CHECK(!pthread_equal(first, pthread_self()));
	for (unsigned i = 0; i < 1000; i++) {
		executor_run(e, note_thread, &t);
		CHECK(pthread_equal(t, first));
	}
	executor_destroy(&e);
	CHECK(e == NULL);
	executor_destroy(&e);
}

TEST_MAIN()
