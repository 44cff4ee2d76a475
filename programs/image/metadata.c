/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * metadata.c: EXIF and the colour profile of a file, and EXIF into one. AVIF
 * has its own in avif_read.c and avif_write.c.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <brotli/decode.h>
#include <webp/mux.h>
#include <zlib.h>

#include "image.h"

#define TAG_ICC 0x8773
#define PROFILE_MAX (4u << 20)

static uint32_t
be32(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3]);
}

static uint32_t
le32(const uint8_t *p)
{
	return ((uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[1] << 8 | p[0]);
}

static void
set_exif(struct metadata *m, const uint8_t *p, size_t n)
{
	/* Some write the JPEG's marker before it in other files, too. */
	if (n > 6 && memcmp(p, "Exif\0\0", 6) == 0) {
		p += 6;
		n -= 6;
	}
	m->exif = p;
	m->exif_len = n;
}

/* One part of a profile more. */
static void
add_profile(struct metadata *m, const uint8_t *p, size_t n)
{
	uint8_t *all;

	if (n > PROFILE_MAX - m->icc_len)
		return;
	all = realloc(m->icc, m->icc_len + n);
	if (all == NULL)
		return;
	memcpy(all + m->icc_len, p, n);
	m->icc = all;
	m->icc_len += n;
}

/*--- in -------------------------------------------------------------------*/

static void
read_jpeg(const uint8_t *data, size_t len, struct metadata *m)
{
	unsigned next = 1;
	size_t at = 2, n;

	/* 0xda: the pixels begin. */
	for (; at + 4 <= len && data[at] == 0xff && data[at + 1] != 0xda;
	    at += 2 + n) {
		const uint8_t *p = data + at + 4;

		n = (size_t)data[at + 2] << 8 | data[at + 3];
		if (n < 2 || n > len - at - 2)
			break;
		if (data[at + 1] == 0xe1 && n > 8 && m->exif == NULL &&
		    memcmp(p, "Exif\0\0", 6) == 0)
			set_exif(m, p, n - 2);
		if (data[at + 1] == 0xe2 && n > 16 && p[12] == next &&
		    memcmp(p, "ICC_PROFILE\0", 12) == 0) {
			add_profile(m, p + 14, n - 16);
			next++;
		}
	}
}

/* "NAME", NUL, a byte for the method, and zlib's bytes. */
static void
read_iccp(const uint8_t *p, size_t n, struct metadata *m)
{
	const uint8_t *end = memchr(p, '\0', n < 80 ? n : 80);
	uLongf size = PROFILE_MAX;
	uint8_t *out;

	if (end == NULL || end + 2 >= p + n || m->icc != NULL)
		return;
	out = malloc(size);
	if (out != NULL && uncompress(out, &size, end + 2,
	    (uLong)(p + n - (end + 2))) == Z_OK)
		add_profile(m, out, size);
	free(out);
}

static void
read_png(const uint8_t *data, size_t len, struct metadata *m)
{
	size_t at = 8, n;

	for (; at + 12 <= len; at += 12 + n) {
		const uint8_t *p = data + at;

		n = be32(p);
		if (n > len - at - 12)
			break;
		if (memcmp(p + 4, "eXIf", 4) == 0)
			set_exif(m, p + 8, n);
		else if (memcmp(p + 4, "iCCP", 4) == 0)
			read_iccp(p + 8, n, m);
	}
}

static void
read_webp(const uint8_t *data, size_t len, struct metadata *m)
{
	size_t at = 12, n;

	for (; at + 8 <= len; at += 8 + n + (n & 1)) {
		const uint8_t *p = data + at;

		n = le32(p + 4);
		if (n > len - at - 8)
			break;
		if (memcmp(p, "EXIF", 4) == 0)
			set_exif(m, p + 8, n);
		else if (memcmp(p, "ICCP", 4) == 0 && m->icc == NULL)
			add_profile(m, p + 8, n);
	}
}

/* A box of EXIF: how far behind this number the TIFF's header is, and more. */
static void
set_box(struct metadata *m, const uint8_t *p, size_t n)
{
	size_t skip = n < 4 ? n : be32(p);

	if (n > 4 && skip < n - 4)
		set_exif(m, p + 4 + skip, n - 4 - skip);
}

static void
unpack_box(struct metadata *m, const uint8_t *p, size_t n)
{
	size_t size = EXIF_MAX;

	m->unpacked = malloc(size);
	if (m->unpacked != NULL && BrotliDecoderDecompress(n, p, &size,
	    m->unpacked) == BROTLI_DECODER_RESULT_SUCCESS)
		set_box(m, m->unpacked, size);
}

/* Boxes, some of them packed by Brotli. */
static void
read_jxl(const uint8_t *data, size_t len, struct metadata *m)
{
	size_t at = 0, n;

	for (; at + 12 <= len && m->exif == NULL; at += n) {
		const uint8_t *p = data + at;

		n = be32(p);
		if (n < 12 || n > len - at)
			break;
		if (memcmp(p + 4, "Exif", 4) == 0)
			set_box(m, p + 8, n - 8);
		else if (memcmp(p + 4, "brobExif", 8) == 0 &&
		    m->unpacked == NULL)
			unpack_box(m, p + 12, n - 12);
	}
}

/* The file is what EXIF is made of. */
static void
read_tiff(const uint8_t *data, size_t len, struct metadata *m)
{
	size_t n = 0;
	const uint8_t *icc = exif_bytes(data, len, TAG_ICC, &n);

	set_exif(m, data, len);
	m->whole = true;
	if (icc != NULL)
		add_profile(m, icc, n);
}

void
metadata_read(const uint8_t *data, size_t len, struct metadata *m)
{
	static const struct {
		const char *magic;
		size_t at, len;
		void (*read)(const uint8_t *, size_t, struct metadata *);
	} kinds[] = {
		{"\xff\xd8\xff", 0, 3, read_jpeg},
		{"\x89PNG", 0, 4, read_png},
		{"WEBP", 8, 4, read_webp},
		{"ftyp", 4, 4, avif_metadata},
		{"II*\0", 0, 4, read_tiff},
		{"MM\0*", 0, 4, read_tiff},
		{"JXL ", 4, 4, read_jxl},
	};

	memset(m, 0, sizeof *m);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (len >= kinds[i].at + kinds[i].len && memcmp(data +
		    kinds[i].at, kinds[i].magic, kinds[i].len) == 0)
			kinds[i].read(data, len, m);
}

void
metadata_set_profile(struct metadata *m, const uint8_t *icc, size_t len)
{
	if (m->icc == NULL)
		add_profile(m, icc, len);
}

/*--- out ------------------------------------------------------------------*/

/* Bytes into the middle of others. */
static int
insert(struct job *job, uint8_t **out, size_t *len, size_t at,
    const struct iovec parts[3])
{
	size_t more = parts[0].iov_len + parts[1].iov_len + parts[2].iov_len;
	uint8_t *all = realloc(*out, *len + more);

	if (all == NULL)
		return (job_fail(job, 413, "not enough memory for metadata"));
	memmove(all + at + more, all + at, *len - at);
	for (int i = 0; i < 3; i++) {
		if (parts[i].iov_len != 0)
			memcpy(all + at, parts[i].iov_base, parts[i].iov_len);
		at += parts[i].iov_len;
	}
	*out = all;
	*len += more;
	return (0);
}

static void
set_be32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static int
into_jpeg(struct job *job, const struct encoding *e, uint8_t **out,
    size_t *len)
{
	uint8_t head[10] = "\xff\xe1\0\0Exif\0\0";
	size_t at = 2, n = e->exif_len + 8;

	head[2] = (uint8_t)(n >> 8);
	head[3] = (uint8_t)n;
	/* JFIF's marker wants to be the first one. */
	if (*len > 6 && (*out)[3] == 0xe0)
		at += 2 + ((size_t)(*out)[4] << 8 | (*out)[5]);
	return (insert(job, out, len, at, (const struct iovec[3]){
	    {head, sizeof head}, {e->exif, e->exif_len}, {NULL, 0}}));
}

static int
into_png(struct job *job, const struct encoding *e, uint8_t **out, size_t *len)
{
	uint8_t head[8] = "\0\0\0\0eXIf", sum[4];

	set_be32(head, (uint32_t)e->exif_len);
	set_be32(sum, (uint32_t)crc32(crc32(0, head + 4, 4), e->exif,
	    (uInt)e->exif_len));
	/* Behind the header, which is always as long. */
	return (insert(job, out, len, 8 + 25, (const struct iovec[3]){
	    {head, sizeof head}, {e->exif, e->exif_len}, {sum, 4}}));
}

static int
into_webp(struct job *job, const struct encoding *e, uint8_t **out,
    size_t *len)
{
	const WebPData file = {*out, *len}, exif = {e->exif, e->exif_len};
	WebPMux *mux = WebPMuxCreate(&file, 0);
	WebPData all = {NULL, 0};

	if (mux == NULL ||
	    WebPMuxSetChunk(mux, "EXIF", &exif, 0) != WEBP_MUX_OK ||
	    WebPMuxAssemble(mux, &all) != WEBP_MUX_OK) {
		WebPMuxDelete(mux);
		return (job_fail(job, 413, "not enough memory for metadata"));
	}
	WebPMuxDelete(mux);
	free(*out);
	*out = (uint8_t *)(uintptr_t)all.bytes;
	*len = all.size;
	return (0);
}

int
metadata_write(struct job *job, const struct encoding *e, uint8_t **out,
    size_t *len)
{
	if (e->exif == NULL)
		return (0);
	switch (e->format) {
	case FORMAT_JPEG: return (into_jpeg(job, e, out, len));
	case FORMAT_PNG: return (into_png(job, e, out, len));
	case FORMAT_WEBP: return (into_webp(job, e, out, len));
	case FORMAT_AVIF:		/* encode_avif() has done it */
	case FORMAT_AUTO: break;
	}
	return (0);
}
