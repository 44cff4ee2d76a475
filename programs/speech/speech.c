/* SPDX-License-Identifier: BSD-2-Clause */
/* speech: English text to sound, with the voices of Flite. */
#include <flite/flite.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "sound.h"

/* Flite's synthesis looks at a whole utterance at once. */
#define UTTERANCE_MAX 600

/* Its player of sounds is not used; there is no static one. */
void *audio_open_alsa(unsigned rate, int channels, int format);
int audio_close_alsa(void *), audio_write_alsa(void *, void *, int),
    audio_flush_alsa(void *), audio_drain_alsa(void *);

void *
audio_open_alsa(unsigned rate, int channels, int format)
{
	(void)rate;
	(void)channels;
	(void)format;
	return (NULL);
}
int audio_close_alsa(void *device) { (void)device; return (0); }
int audio_flush_alsa(void *device) { (void)device; return (0); }
int audio_drain_alsa(void *device) { (void)device; return (0); }
int
audio_write_alsa(void *device, void *samples, int n)
{
	(void)device;
	(void)samples;
	(void)n;
	return (0);
}

cst_voice *register_cmu_us_slt(const char *), *register_cmu_us_rms(
    const char *), *register_cmu_us_awb(const char *),
    *register_cmu_us_kal16(const char *);

#define VOICES "slt|rms|awb|kal16"
static cst_voice *voices[4];

struct options {
	struct sound_options sound;
	int voice;
};

static const struct job_option options[] = {
	JOB_CHOICE(struct options, voice, 0, VOICES,
	    "slt is a woman, the others are men; kal16 is the fastest"),
	SOUND_OPTIONS(struct options),
	JOB_END
};

static int
prepare(struct job *job, const void *chosen)
{
	(void)job;
	(void)chosen;
	if (voices[0] != NULL)
		return (0);
	(void)flite_init();
	voices[0] = register_cmu_us_slt(NULL);
	voices[1] = register_cmu_us_rms(NULL);
	voices[2] = register_cmu_us_awb(NULL);
	voices[3] = register_cmu_us_kal16(NULL);
	return (0);
}

/* What Flite does not read, as what it reads. */
static const struct { const char *from, *to; } typography[] = {
	{ "\u2018", "'" }, { "\u2019", "'" }, { "\u201c", "\"" },
	{ "\u201d", "\"" }, { "\u2013", " - " }, { "\u2014", " - " },
	{ "\u2026", ". " }, { "\u00a0", " " }, { "\u00b0", " degrees " },
	{ "\u20ac", " euros " }, { "\u00e9", "e" }, { "\u00e8", "e" },
	{ "\u00ea", "e" }, { "\u00e1", "a" }, { "\u00e0", "a" },
	{ "\u00e2", "a" }, { "\u00e4", "a" }, { "\u00e5", "a" },
	{ "\u00e7", "c" }, { "\u00ed", "i" }, { "\u00ef", "i" },
	{ "\u00f1", "n" }, { "\u00f3", "o" }, { "\u00f4", "o" },
	{ "\u00f6", "o" }, { "\u00fa", "u" }, { "\u00fc", "u" },
};

/* ASCII of a character above 127; "" for what has no name here. */
static const char *
ascii_of(const char *character, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof typography / sizeof *typography; i++)
		if (strlen(typography[i].from) == len &&
		    memcmp(typography[i].from, character, len) == 0)
			return (typography[i].to);
	return ("");
}

static char *
as_ascii(const char *text)
{
	char *out = malloc(strlen(text) * 5 + 1), *to = out;
	size_t n;

	for (; out != NULL && *text != '\0'; text += n) {
		n = 1;
		if ((unsigned char)*text < 0x80) {
			*to++ = *text;
			continue;
		}
		while ((text[n] & 0xc0) == 0x80)
			n++;
		to = stpcpy(to, ascii_of(text, n));
	}
	if (out != NULL)
		*to = '\0';
	return (out);
}

/* Bytes of the next utterance: to the end of a sentence, or of a word. */
static size_t
utterance(const char *text)
{
	size_t n, word = 0;

	for (n = 0; text[n] != '\0' && n < UTTERANCE_MAX; n++) {
		if (text[n] == ' ' || text[n] == '\n')
			word = n + 1;
		if (n > 0 && word == n + 1 && strchr(".!?\n", text[n - 1]) !=
		    NULL && text[n - 1] != '\0')
			return (n + 1);
	}
	return (text[n] == '\0' || word == 0 ? n : word);
}

static int
speak(struct sound *s, const char *text, cst_voice *voice)
{
	cst_wave *wave = flite_text_to_wave(text, voice);
	int r = -1;

	if (wave != NULL && wave->num_channels == 1) {
		s->rate = wave->sample_rate;
		r = sound_add(s, wave->samples, (size_t)wave->num_samples);
	}
	if (wave != NULL)
		delete_wave(wave);
	return (r);
}

static int
run(struct job *job, const void *chosen)
{
	const struct options *o = chosen;
	struct sound s = { .rate = 16000 };
	char part[UTTERANCE_MAX + 1], *text = sound_text(job);
	cst_voice *voice;
	size_t n;

	if (text == NULL)
		return (-1);
	(void)prepare(job, o);
	voice = voices[o->voice];
	feat_set_float(voice->features, "duration_stretch",
	    (float)(1 / o->sound.rate));
	text = as_ascii(text);
	if (text == NULL)
		return (job_fail(job, 413, "not enough memory"));
	for (; *text != '\0'; text += n) {
		n = utterance(text);
		memcpy(part, text, n);
		part[n] = '\0';
		if (part[strspn(part, " \n")] != '\0' &&
		    speak(&s, part, voice) != 0)
			return (job_fail(job, 413, "the speech is too long"));
	}
	if (s.count == 0)
		return (job_fail(job, 400, "there is nothing to say"));
	return (sound_answer(job, &s, &o->sound));
}

static const struct job_program program = {
	.name = "speech",
	.summary = "Speaks English text.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.bare = "voice",
	.url = JOB_URL_IS_INPUT,
	.prepare = prepare,
	.again = sound_again,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
