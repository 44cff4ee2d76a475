/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples: collecting, pitch, loudness; the text that becomes sound. */
#include <math.h>
#include <sonic.h>
#include <stdlib.h>
#include <string.h>

#include "sound.h"
#include "sound_priv.h"

#define AT_ONCE 4096

int
sound_add(struct sound *s, const int16_t *samples, size_t count)
{
	int16_t *more;

	if (count > SAMPLES_MAX - s->count)
		return (-1);
	if (s->count + count > s->room) {
		s->room = (s->count + count) * 2;
		more = realloc(s->samples, s->room * sizeof *more);
		if (more == NULL)
			return (-1);
		s->samples = more;
	}
	memcpy(s->samples + s->count, samples, count * sizeof *samples);
	s->count += count;
	return (0);
}

static int
drain(sonicStream stream, struct sound *out)
{
	int16_t part[AT_ONCE];
	int n;

	while ((n = sonicReadShortFromStream(stream, part, AT_ONCE)) > 0)
		if (sound_add(out, part, (size_t)n) != 0)
			return (-1);
	return (0);
}

int
sound_turn(struct sound *s, double pitch, int rate)
{
	sonicStream stream = sonicCreateStream(s->rate, 1);
	struct sound out = { .rate = rate };
	size_t at, n;
	int r = stream != NULL ? 0 : -1;

	if (r == 0) {
		sonicSetPitch(stream, (float)pitch);
		sonicSetRate(stream, (float)s->rate / (float)rate);
	}
	for (at = 0; at < s->count && r == 0; at += n) {
		n = s->count - at < AT_ONCE ? s->count - at : AT_ONCE;
		if (!sonicWriteShortToStream(stream, s->samples + at, (int)n))
			r = -1;
		if (r == 0)
			r = drain(stream, &out);
	}
	if (r == 0 && (!sonicFlushStream(stream) || drain(stream, &out) != 0))
		r = -1;
	if (stream != NULL)
		sonicDestroyStream(stream);
	if (r == 0)
		*s = out;
	return (r);
}

void
sound_scale(struct sound *s, double volume)
{
	for (size_t i = 0; i < s->count; i++)
		s->samples[i] = (int16_t)fmin(32767, fmax(-32768,
		    round(s->samples[i] * volume)));
}

/*--- text -----------------------------------------------------------------*/

/* Bytes of the character that text begins with; 0: it is not UTF-8. */
static size_t
character(const uint8_t *t, size_t len)
{
	size_t n = t[0] < 0x80 ? 1 : t[0] < 0xc2 ? 0 : t[0] < 0xe0 ? 2 :
	    t[0] < 0xf0 ? 3 : t[0] < 0xf5 ? 4 : 0;

	if (n > len)
		return (0);
	for (size_t i = 1; i < n; i++)
		if ((t[i] & 0xc0) != 0x80)
			return (0);
	return (n);
}

char *
sound_text(struct job *job)
{
	const uint8_t *in = job->in;
	char *text = malloc(job->in_len + 1);
	size_t i, n;

	if (job->in_len > TEXT_MAX || text == NULL) {
		(void)job_fail(job, 413, "the text is longer than %d bytes",
		    TEXT_MAX);
		return (NULL);
	}
	for (i = 0; i < job->in_len; i += n) {
		n = character(in + i, job->in_len - i);
		if (n == 0) {
			(void)job_fail(job, 422, "byte %zu is not UTF-8", i);
			return (NULL);
		}
		memcpy(text + i, in + i, n);
		if (n == 1 && (in[i] < ' ' || in[i] == 127) && in[i] != '\n')
			text[i] = ' ';
	}
	text[i] = '\0';
	return (text);
}
