/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sound.h: what programs that speak have in common: samples, how they are
 * changed, and their formats. One channel of 16 bits.
 */
#ifndef SPEECH_SOUND_H
#define SPEECH_SOUND_H

#include "job.h"

#define TEXT_MAX 10000
#define SAMPLES_MAX (48000u * 3600)

struct sound {
	int16_t *samples;
	size_t count, room;
	int rate;			/* per second */
};

enum sound_format { SOUND_MP3, SOUND_OPUS, SOUND_WAV };
#define SOUND_FORMATS "mp3|opus|wav"

/* The options that every such program has. */
struct sound_options {
	double rate, pitch, volume;
	int format;
	int64_t bitrate;
};
#define SOUND_NUM(s, f, max, help) \
	{ #f, JOB_KIND_NUM, offsetof(s, sound.f), 1, NULL, \
	    max == 4 ? 0 : 0.5, max, NULL, help }
#define SOUND_OPTIONS(s) \
	SOUND_NUM(s, rate, 3, "how fast it is spoken"), \
	SOUND_NUM(s, pitch, 2, "how high it is spoken"), \
	SOUND_NUM(s, volume, 4, "how loud; clipped at the top"), \
	{ "format", JOB_KIND_CHOICE, offsetof(s, sound.format), SOUND_MP3, \
	    NULL, 0, 0, SOUND_FORMATS, "the answer's format" }, \
	{ "bitrate", JOB_KIND_INT, offsetof(s, sound.bitrate), 0, NULL, 0, \
	    160, NULL, "kbit/s of mp3 (8 to 160) and opus (6 to 160); 0: 48 " \
	    "and 24" }

/* Append: 0, or -1 when memory is short or it is longer than an hour. */
int sound_add(struct sound *, const int16_t *samples, size_t count);
/* The sound as options tell, as the answer of the job. */
int sound_answer(struct job *job, struct sound *,
    const struct sound_options *o);
/* Frees what the last answer is made of: `again` of these programs. */
void sound_again(void);

/*
 * The input as text: UTF-8, without control characters, NUL-terminated and
 * malloc'ed. NULL after job_fail().
 */
char *sound_text(struct job *job);

#endif
