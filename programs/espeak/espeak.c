/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * espeak: text of some 130 languages to sound. The executable contains eSpeak
 * NG and is therefore under GPL-3+; its languages' data is files of the host.
 */
#include <espeak-ng/speak_lib.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "job.h"
#include "sound.h"

#define DATA "/usr/lib/x86_64-linux-gnu"
#define WORDS_PER_MINUTE 175

/* Its player of sounds is not used; there is no static one. */
struct audio_object;
struct audio_object *create_audio_device_object(const char *device,
    const char *application, const char *description);
void audio_object_destroy(struct audio_object *),
    audio_object_close(struct audio_object *);
int audio_object_open(struct audio_object *, int format, unsigned rate,
    unsigned char channels),
    audio_object_write(struct audio_object *, const void *, unsigned long),
    audio_object_drain(struct audio_object *),
    audio_object_flush(struct audio_object *);
const char *audio_object_strerror(struct audio_object *, int);

struct audio_object *
create_audio_device_object(const char *device, const char *application,
    const char *description)
{
	(void)device;
	(void)application;
	(void)description;
	return (NULL);
}
int
audio_object_open(struct audio_object *o, int format, unsigned rate,
    unsigned char channels)
{
	(void)o;
	(void)format;
	(void)rate;
	(void)channels;
	return (-1);
}
int
audio_object_write(struct audio_object *o, const void *data, unsigned long n)
{
	(void)o;
	(void)data;
	(void)n;
	return (-1);
}
void audio_object_destroy(struct audio_object *o) { (void)o; }
void audio_object_close(struct audio_object *o) { (void)o; }
int audio_object_drain(struct audio_object *o) { (void)o; return (0); }
int audio_object_flush(struct audio_object *o) { (void)o; return (0); }
const char *
audio_object_strerror(struct audio_object *o, int error)
{
	(void)o;
	(void)error;
	return ("there is no device");
}

/* In place of its own, which start threads even for synchronous speech. */
int __wrap_fifo_init(void), __wrap_event_init(void);
int __wrap_fifo_init(void) { return (0); }
int __wrap_event_init(void) { return (0); }

struct options {
	struct sound_options sound;
	const char *lang, *variant;
	bool list;
};

static const struct job_option options[] = {
	JOB_STR(struct options, lang, "en", 32,
	    "the language, \"de\" or \"fr-be\"; list tells them"),
	JOB_STR(struct options, variant, "", 32,
	    "another speaker: \"f1\" to \"f5\", \"m1\" to \"m8\", \"whisper\""),
	JOB_BOOL(struct options, list, false,
	    "answer the languages, as JSON, and do not speak"),
	SOUND_OPTIONS(struct options),
	JOB_END
};

static int samples_per_second;
static const espeak_VOICE **voices;	/* ends with NULL */
static struct sound sound;
static bool too_long;

static int
take(short *samples, int count, espeak_EVENT *events)
{
	(void)events;
	if (samples != NULL && count > 0 &&
	    sound_add(&sound, samples, (size_t)count) != 0)
		too_long = true;
	return (too_long);
}

static int
prepare(struct job *job, const void *chosen)
{
	(void)chosen;
	if (samples_per_second > 0)
		return (0);
	samples_per_second = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0,
	    DATA, espeakINITIALIZE_DONT_EXIT);
	if (samples_per_second <= 0)
		return (job_fail(job, 500, "there is no %s/espeak-ng-data: "
		    "install espeak-ng-data", DATA));
	espeak_SetSynthCallback(take);
	voices = espeak_ListVoices(NULL);
	return (0);
}

/* The next name in a voice's list, each behind a byte of priority, or NULL. */
static const char *
language(const espeak_VOICE *v, const char *before)
{
	const char *next = before == NULL ? v->languages :
	    before + strlen(before) + 1;

	return (*next != '\0' ? next + 1 : NULL);
}

static int
answer_list(struct job *job)
{
	struct json_object *list = json_object_new_object();
	const espeak_VOICE **v;
	const char *text;

	for (v = voices; *v != NULL; v++)
		for (text = NULL; (text = language(*v, text)) != NULL; )
			if (!json_object_object_get_ex(list, text, NULL))
				json_object_object_add(list, text,
				    json_object_new_string((*v)->name));
	text = json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN |
	    JSON_C_TO_STRING_NOSLASHESCAPE);
	return (job_answer(job, "application/json", text, strlen(text)));
}

/* The first voice of a language, as the name of its file. */
static const char *
voice_of(const char *lang)
{
	const espeak_VOICE **v;
	const char *name;

	for (v = voices; *v != NULL; v++)
		for (name = NULL; (name = language(*v, name)) != NULL; )
			if (strcasecmp(name, lang) == 0)
				return ((*v)->identifier);
	return (NULL);
}

/* The variant becomes the name of a file. */
static bool
is_name(const char *s)
{
	return (s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
	    "XYZ0123456789-_")] == '\0');
}

static int
choose_voice(struct job *job, const struct options *o)
{
	const char *file = voice_of(o->lang);
	char name[160];

	if (!is_name(o->variant))
		return (job_fail(job, 400, "a variant is made of letters, "
		    "digits and -"));
	if (file == NULL)
		return (job_fail(job, 400, "there is no language \"%s\"; the "
		    "option \"list\" tells them", o->lang));
	(void)snprintf(name, sizeof name, "%s%s%s", file,
	    *o->variant != '\0' ? "+" : "", o->variant);
	if (espeak_SetVoiceByName(name) != EE_OK)
		return (job_fail(job, 500, "the data of \"%s\" cannot be "
		    "read", o->lang));
	(void)espeak_SetParameter(espeakRATE,
	    (int)(WORDS_PER_MINUTE * o->sound.rate), 0);
	return (0);
}

static int
run(struct job *job, const void *chosen)
{
	const struct options *o = chosen;
	char *text;

	if (prepare(job, o) != 0)
		return (-1);
	if (o->list)
		return (answer_list(job));
	text = sound_text(job);
	if (text == NULL || choose_voice(job, o) != 0)
		return (-1);
	sound = (struct sound){ .rate = samples_per_second };
	if (espeak_Synth(text, strlen(text) + 1, 0, POS_CHARACTER, 0,
	    espeakCHARS_UTF8, NULL, NULL) != EE_OK || too_long)
		return (job_fail(job, 413, "the speech is too long"));
	(void)espeak_Synchronize();
	if (sound.count == 0)
		return (job_fail(job, 400, "there is nothing to say"));
	return (sound_answer(job, &sound, &o->sound));
}

static const struct job_program program = {
	.name = "espeak",
	.summary = "Speaks text of many languages.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
	.bare = "lang",
	.url = JOB_URL_IS_INPUT,
	.prepare = prepare,
	.again = sound_again,
};

int
main(int argc, char **argv)
{
	return (job_main(&program, argc, argv));
}
