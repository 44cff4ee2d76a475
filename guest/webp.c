/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * webp: converts a JPEG (the request's body) to WebP. arg is the quality, 1 to
 * 100, 75 by default. From a shell: webp IN.jpg OUT.webp [QUALITY].
 */
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>
#include <webp/encode.h>

#include "kvm_api.h"

/* Larger pictures are refused before memory is asked for. */
#define PIXELS_MAX (40u * 1000 * 1000)

struct failure {
	struct jpeg_error_mgr mgr;
	jmp_buf out;
	char text[JMSG_LENGTH_MAX];
};

static void
on_jpeg_error(j_common_ptr info)
{
	struct failure *f = (struct failure *)info->err;

	info->err->format_message(info, f->text);
	longjmp(f->out, 1);
}

static void
on_jpeg_message(j_common_ptr info)
{
	(void)info;
}

/* Decode to RGB rows, malloc'ed; NULL with a reason in *f. */
static uint8_t *
decode(const uint8_t *data, size_t len, int *width, int *height,
    struct failure *f)
{
	struct jpeg_decompress_struct d;
	uint8_t *volatile rgb = NULL;
	JSAMPROW row;

	d.err = jpeg_std_error(&f->mgr);
	f->mgr.error_exit = on_jpeg_error;
	f->mgr.output_message = on_jpeg_message;
	jpeg_create_decompress(&d);
	if (setjmp(f->out) != 0) {
		jpeg_destroy_decompress(&d);
		free(rgb);
		return (NULL);
	}
	jpeg_mem_src(&d, data, len);
	(void)jpeg_read_header(&d, TRUE);
	if ((uint64_t)d.image_width * d.image_height > PIXELS_MAX) {
		snprintf(f->text, sizeof f->text, "%ux%u pixels are too many",
		    d.image_width, d.image_height);
		longjmp(f->out, 1);
	}
	d.out_color_space = JCS_RGB;
	(void)jpeg_start_decompress(&d);
	*width = (int)d.output_width;
	*height = (int)d.output_height;
	rgb = malloc((size_t)*width * (size_t)*height * 3);
	if (rgb == NULL) {
		snprintf(f->text, sizeof f->text, "not enough memory");
		longjmp(f->out, 1);
	}
	while (d.output_scanline < d.output_height) {
		row = rgb + (size_t)d.output_scanline * (size_t)*width * 3;
		(void)jpeg_read_scanlines(&d, &row, 1);
	}
	(void)jpeg_finish_decompress(&d);
	jpeg_destroy_decompress(&d);
	return (rgb);
}

/* WebP bytes (free with WebPFree), or NULL with a reason in *f. */
static uint8_t *
convert(const uint8_t *data, size_t len, float quality, size_t *out_len,
    struct failure *f)
{
	uint8_t *rgb, *out = NULL;
	int width, height;

	rgb = decode(data, len, &width, &height, f);
	if (rgb == NULL)
		return (NULL);
	*out_len = WebPEncodeRGB(rgb, width, height, width * 3, quality, &out);
	free(rgb);
	if (*out_len == 0)
		snprintf(f->text, sizeof f->text, "WebP cannot encode it");
	return (*out_len == 0 ? NULL : out);
}

static float
quality_of(const char *arg)
{
	int q = atoi(arg);

	return (q >= 1 && q <= 100 ? (float)q : 75.0f);
}

static void
on_get(const char *url, const char *arg)
{
	(void)url;
	(void)arg;
	backend_response_str(405, "text/plain",
	    "POST a JPEG; the argument is the quality, 1 to 100\n");
}

static void
on_post(const char *url, const char *arg, const char *type,
    const uint8_t *data, size_t len)
{
	static struct failure f;
	uint8_t *out;
	size_t n;

	(void)url;
	(void)type;
	out = convert(data, len, quality_of(arg), &n, &f);
	if (out == NULL)
		backend_response_str(415, "text/plain", f.text);
	else
		backend_response(200, "image/webp", 10, out, n);
}

static void
on_error(const char *url, const char *arg, const char *reason)
{
	(void)url;
	(void)arg;
	backend_response_str(500, "text/plain", reason);
}

static int
on_shell(int argc, char **argv)
{
	static struct failure f;
	FILE *in = NULL, *to = NULL;
	uint8_t *data, *out;
	size_t len, n;

	if (argc < 3 || (in = fopen(argv[1], "rb")) == NULL ||
	    (data = malloc(64 << 20)) == NULL) {
		fprintf(stderr, "usage: webp IN.jpg OUT.webp [QUALITY]\n");
		return (2);
	}
	len = fread(data, 1, 64 << 20, in);
	out = convert(data, len, quality_of(argc > 3 ? argv[3] : ""), &n, &f);
	if (out == NULL) {
		fprintf(stderr, "%s: %s\n", argv[1], f.text);
		return (1);
	}
	to = fopen(argv[2], "wb");
	if (to == NULL || fwrite(out, 1, n, to) != n || fclose(to) != 0) {
		perror(argv[2]);
		return (1);
	}
	return (0);
}

int
main(int argc, char **argv)
{
	if (IS_LINUX_MAIN())
		return (on_shell(argc, argv));
	set_backend_get(on_get);
	set_backend_post(on_post);
	set_on_error(on_error);
	wait_for_requests();
}
