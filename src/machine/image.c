/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.c: freeze a booted machine, fork it.
 *
 * The memory of a booting machine is a memfd. Freezing seals it, so that from
 * then on not even this process can write to it; forks map the parts that hold
 * data copy-on-write and have fresh memory everywhere else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine/machine_priv.h"

/* Holes shorter than this are not worth a mapping of their own. */
#define HOLE_MIN KIB(256)

/* Header of an XSAVE area, AMD64 volume 2, 11.5.2. */
#define XSTATE_BV 512
#define XCOMP_BV 520

/*
 * Keep only components that the entry stub restores; a set bit for another one
 * would make its XRSTOR fault.
 */
void
clean_extended_state(const struct tkvm_machine *m)
{
	char *page = m->mem + OFF_XSAVE;
	uint64_t bv;

	memcpy(&bv, page + XSTATE_BV, sizeof bv);
	bv &= m->xcr0;
	memcpy(page + XSTATE_BV, &bv, sizeof bv);
	memset(page + XCOMP_BV, 0, 56);
}

int
save_extended_state(struct tkvm_machine *m, struct tkvm_err *err)
{
	int r = m->restored ? 0 : vcpu_get_xsave(m->vcpu, m->mem + OFF_XSAVE,
	    err);

	if (r == 0)
		clean_extended_state(m);
	return (r);
}

static int
add_extent(struct tkvm_image *image, uint64_t start, uint64_t end,
    struct tkvm_err *err)
{
	struct span *e = image->n_extents == 0 ? NULL :
	    &image->extent[image->n_extents - 1];

	end = num_up(end, TKVM_PAGE);
	if (e == NULL || start - e->end > HOLE_MIN) {
		e = realloc(image->extent,
		    (image->n_extents + 1) * sizeof *e);
		if (e == NULL)
			return (tkvm_fail(err, TKVM_ENOMEM,
			    "no memory for an image"));
		image->extent = e;
		e += image->n_extents++;
		e->start = start;
	}
	e->end = end;
	return (0);
}

/* Where the sealed file has data; holes are found exactly on tmpfs. */
static int
find_extents(struct tkvm_image *image, struct tkvm_err *err)
{
	off_t data, hole = 0;

	for (;;) {
		data = lseek(image->memfd, hole, SEEK_DATA);
		if (data < 0)
			break;
		hole = lseek(image->memfd, data, SEEK_HOLE);
		if (hole < 0)
			break;
		image->data_bytes += (uint64_t)(hole - data);
		if (add_extent(image, (uint64_t)data, (uint64_t)hole, err) != 0)
			return (TKVM_ENOMEM);
	}
	if (errno != ENXIO)
		return (tkvm_fail(err, TKVM_EHOST,
		    "cannot read the map of an image: %s", strerror(errno)));
	for (unsigned i = 0; i < image->n_extents; i++)
		for (uint64_t p = image->extent[i].start / TKVM_PAGE;
		    p < image->extent[i].end / TKVM_PAGE; p++)
			image->has_data[p / 64] |= (uint64_t)1 << (p % 64);
	return (0);
}

/*
 * No mapping of it can be written to any more when this is called, and none can
 * be made. F_SEAL_WRITE would ask for the former, but counts pages, too, that
 * the kernel itself holds for a while (to compact memory, say), and fails with
 * EBUSY after 150 ms of waiting for them (mm/memfd.c, Linux 6.18).
 */
static int
seal(struct tkvm_image *image, struct tkvm_err *err)
{
	if (fcntl(image->memfd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE |
	    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return (tkvm_fail(err, TKVM_EHOST,
		    "cannot seal an image: %s", strerror(errno)));
	image->mem = mmap(NULL, image->shape.total, PROT_READ,
	    MAP_SHARED | MAP_NORESERVE, image->memfd, 0);
	if (image->mem == MAP_FAILED) {
		image->mem = NULL;
		return (tkvm_fail(err, TKVM_ENOMEM,
		    "cannot map an image: %s", strerror(errno)));
	}
	return (0);
}

static struct tkvm_image *
image_alloc(const struct shape *s)
{
	struct tkvm_image *image = calloc(1, sizeof *image);

	if (image == NULL)
		return (NULL);
	image->shape = *s;
	image->memfd = image->shared_fd = -1;
	image->has_data = calloc((s->total / TKVM_PAGE + 63) / 64,
	    sizeof *image->has_data);
	if (image->has_data == NULL) {
		free(image);
		return (NULL);
	}
	return (image);
}

/* Hand everything but the vCPU from the machine to the image. */
static void
hand_over(struct tkvm_machine *m, struct tkvm_image *image)
{
	image->regs = *vcpu_regs(m->vcpu);
	image->memfd = m->memfd;
	image->shared_fd = m->shared_fd;
	image->arena = m->arena;
	image->symbols = m->symbols;
	image->tells_time = m->tells_time;
	image->ns_per_tick = m->ns_per_tick;
	image->as_loaded = m->as_loaded;
	m->as_loaded = NULL;
	m->memfd = m->shared_fd = -1;
	memset(&m->arena, 0, sizeof m->arena);
	m->symbols = NULL;
	/* Sealing relies on it that all writable mappings are gone. */
	cpus_free(m);
	vcpu_destroy(&m->vcpu);
	(void)munmap(m->mem, shape_bytes(&m->shape));
	m->mem = NULL;
	m->state = MACHINE_FROZEN;
}

int
tkvm_machine_freeze(struct tkvm_machine *m, struct tkvm_image **ip,
    struct tkvm_err *err)
{
	struct tkvm_image *image;
	int r;

	ASSERT(m->state == MACHINE_BOOTING);
	*ip = NULL;
	r = save_extended_state(m, err);
	if (r != 0)
		return (r);
	image = image_alloc(&m->shape);
	if (image == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory for an image"));
	hand_over(m, image);
	r = seal(image, err);
	if (r == 0)
		r = find_extents(image, err);
	if (r != 0) {
		tkvm_image_destroy(&image);
		return (r);
	}
	*ip = image;
	return (0);
}

void
tkvm_image_destroy(struct tkvm_image **ip)
{
	struct tkvm_image *image = *ip;

	*ip = NULL;
	if (image == NULL)
		return;
	if (image->mem != NULL)
		(void)munmap(image->mem, image->shape.total);
	if (image->memfd >= 0)
		(void)close(image->memfd);
	if (image->shared_fd >= 0)
		(void)close(image->shared_fd);
	symbols_free(&image->symbols);
	arena_free(&image->arena);
	free(image->extent);
	free(image->has_data);
	free(image->as_loaded);
	free(image);
}

uint64_t
tkvm_image_bytes(const struct tkvm_image *image)
{
	return (image->data_bytes);
}

static int
map_fork(struct tkvm_machine *m, struct tkvm_err *err)
{
	const struct tkvm_image *image = m->image;
	size_t all = shape_bytes(&m->shape);

	m->mem = mmap(NULL, all, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->mem == MAP_FAILED) {
		m->mem = NULL;
		goto fail;
	}
	m->own = m->mem + m->shape.total;
	/* A fork's memory is counted and copied in small pages. */
	(void)madvise(m->mem, all, MADV_NOHUGEPAGE);
	for (unsigned i = 0; i < image->n_extents; i++) {
		const struct span *e = &image->extent[i];

		if (mmap(m->mem + e->start, e->end - e->start,
		    PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, image->memfd,
		    (off_t)e->start) == MAP_FAILED)
			goto fail;
	}
	return (map_shared(m, image->shared_fd, err));
fail:
	return (tkvm_fail(err, TKVM_ENOMEM, "cannot map a fork's memory: %s",
	    strerror(errno)));
}

int
tkvm_machine_fork(struct tkvm_image *image, const struct tkvm_calls *calls,
    uint32_t index, uint64_t max_request_bytes, struct tkvm_machine **mp,
    struct tkvm_err *err)
{
	struct tkvm_machine *m;
	int r;

	*mp = NULL;
	m = machine_alloc(&image->shape, calls, err);
	if (m == NULL)
		return (TKVM_ENOMEM);
	m->state = MACHINE_FORK;
	m->image = image;
	m->index = index;
	m->tells_time = image->tells_time;
	m->ns_per_tick = image->ns_per_tick;
	m->keep_pages = UINT64_MAX;
	m->limit_pages = m->limit_now = max_request_bytes / TKVM_PAGE;
	r = map_fork(m, err);
	if (r == 0)
		r = arena_copy(&m->arena, &image->arena, err);
	if (r == 0)
		r = machine_add_vcpu(m, true, err);
	if (r != 0) {
		tkvm_machine_destroy(&m);
		return (r);
	}
	*mp = m;
	return (0);
}
