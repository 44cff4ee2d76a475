/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nojbig.c: stands in for the JBIG library, which libtiff wants and whose
 * licence (GPL) would become that of the program: a TIFF with JBIG inside is
 * told to be broken.
 */
#include <stddef.h>

void jbg_dec_init(void *s);
int jbg_dec_in(void *s, unsigned char *data, size_t len, size_t *count);
unsigned char *jbg_dec_getimage(const void *s, int plane);
unsigned long jbg_dec_getsize(const void *s);
void jbg_dec_free(void *s);
void jbg_enc_init(void *s, unsigned long x, unsigned long y, int planes,
    unsigned char **p, void *out, void *file);
void jbg_enc_out(void *s);
void jbg_enc_free(void *s);
int jbg_newlen(unsigned char *bie, size_t len);
const char *jbg_strerror(int error);

void
jbg_dec_init(void *s)
{
	(void)s;
}

int
jbg_dec_in(void *s, unsigned char *data, size_t len, size_t *count)
{
	(void)s, (void)data, (void)len, (void)count;
	return (-1);
}

unsigned char *
jbg_dec_getimage(const void *s, int plane)
{
	(void)s, (void)plane;
	return (NULL);
}

unsigned long
jbg_dec_getsize(const void *s)
{
	(void)s;
	return (0);
}

void
jbg_dec_free(void *s)
{
	(void)s;
}

void
jbg_enc_init(void *s, unsigned long x, unsigned long y, int planes,
    unsigned char **p, void *out, void *file)
{
	(void)s, (void)x, (void)y, (void)planes, (void)p, (void)out;
	(void)file;
}

void
jbg_enc_out(void *s)
{
	(void)s;
}

void
jbg_enc_free(void *s)
{
	(void)s;
}

int
jbg_newlen(unsigned char *bie, size_t len)
{
	(void)bie, (void)len;
	return (-1);
}

const char *
jbg_strerror(int error)
{
	(void)error;
	return ("JBIG is not read");
}
