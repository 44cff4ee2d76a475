/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples as WAV, as MP3 (LAME), as Opus in Ogg (RFC 7845). */
#include <lame/lame.h>
#include <ogg/ogg.h>
#include <opus/opus.h>
#include <stdlib.h>
#include <string.h>

#include "sound.h"
#include "sound_priv.h"

#define OPUS_PACKET_MAX 1500

/* The file that is being written. */
struct file {
	uint8_t *data;
	size_t len, room;
};

static int
put(struct file *f, const void *data, size_t len)
{
	uint8_t *more;

	if (len > f->room - f->len) {
		f->room = (f->len + len) * 2;
		more = realloc(f->data, f->room);
		if (more == NULL)
			return (-1);
		f->data = more;
	}
	memcpy(f->data + f->len, data, len);
	f->len += len;
	return (0);
}

static void
little(uint8_t *to, uint64_t value, int bytes)
{
	for (; bytes > 0; bytes--, value >>= 8)
		*to++ = (uint8_t)value;
}

static int
wav(struct file *f, const struct sound *s, int kbits)
{
	uint8_t head[44] = "RIFF\0\0\0\0WAVEfmt \20\0\0\0\1\0\1";
	size_t bytes = s->count * 2;

	(void)kbits;
	little(head + 4, bytes + 36, 4);
	little(head + 24, (uint64_t)s->rate, 4);
	little(head + 28, (uint64_t)s->rate * 2, 4);
	little(head + 32, 2, 2);
	little(head + 34, 16, 2);
	memcpy(head + 36, "data", 4);
	little(head + 40, bytes, 4);
	return (put(f, head, sizeof head) != 0 ? -1 :
	    put(f, s->samples, bytes));
}

static int
mp3(struct file *f, const struct sound *s, int kbits)
{
	lame_t lame = lame_init();
	int n, last = -1;

	if (lame == NULL)
		return (-1);
	(void)lame_set_in_samplerate(lame, s->rate);
	(void)lame_set_num_channels(lame, 1);
	(void)lame_set_mode(lame, MONO);
	(void)lame_set_brate(lame, kbits != 0 ? kbits : 48);
	(void)lame_set_quality(lame, 7);
	(void)lame_set_bWriteVbrTag(lame, 0);
	f->room = s->count * 2 + 2 * 7200 + 4096;
	f->data = malloc(f->room);
	if (f->data != NULL && lame_init_params(lame) >= 0) {
		n = lame_encode_buffer(lame, s->samples, s->samples,
		    (int)s->count, f->data, (int)f->room);
		last = n < 0 ? n : lame_encode_flush(lame, f->data + n,
		    (int)f->room - n);
		f->len = (size_t)(n + last);
	}
	(void)lame_close(lame);
	return (last < 0 ? -1 : 0);
}

/*--- Opus -----------------------------------------------------------------*/

struct ogg {
	struct file *f;
	ogg_stream_state stream;
	int packets;
};

/* flush: the page ends here, whether or not it is full. */
static int
packet(struct ogg *o, const uint8_t *data, long len, int64_t granule,
    bool last, bool flush)
{
	ogg_packet p = { (uint8_t *)data, len, o->packets == 0, last, granule,
	    o->packets };
	ogg_page page;

	o->packets++;
	if (ogg_stream_packetin(&o->stream, &p) != 0)
		return (-1);
	while (flush ? ogg_stream_flush(&o->stream, &page) :
	    ogg_stream_pageout(&o->stream, &page))
		if (put(o->f, page.header, (size_t)page.header_len) != 0 ||
		    put(o->f, page.body, (size_t)page.body_len) != 0)
			return (-1);
	return (0);
}

static int
opus_head(struct ogg *o, int rate, int skip)
{
	uint8_t head[19] = "OpusHead\1\1", tags[64] = "OpusTags";
	const char *vendor = opus_get_version_string();
	size_t n = strlen(vendor) < 40 ? strlen(vendor) : 40;

	little(head + 10, (uint64_t)skip, 2);
	little(head + 12, (uint64_t)rate, 4);
	little(tags + 8, n, 4);
	memcpy(tags + 12, vendor, n);
	return (packet(o, head, sizeof head, 0, false, true) != 0 ? -1 :
	    packet(o, tags, (long)n + 16, 0, false, true));
}

/* Frames of 20 ms; what the encoder holds back is pushed out by silence. */
static int
opus_frames(struct ogg *o, OpusEncoder *e, const struct sound *s, int skip)
{
	size_t frame = (size_t)s->rate / 50, all = s->count + (size_t)skip, n;
	int64_t scale = 48000 / s->rate, granule;
	int16_t samples[960];
	uint8_t out[OPUS_PACKET_MAX];
	int len;

	for (size_t at = 0; at < all; at += frame) {
		n = at >= s->count ? 0 : s->count - at;
		n = n < frame ? n : frame;
		memset(samples, 0, sizeof samples);
		if (n != 0)
			memcpy(samples, s->samples + at, n * sizeof *samples);
		len = opus_encode(e, samples, (int)frame, out, sizeof out);
		granule = (int64_t)(at + frame < all ? at + frame : all) *
		    scale;
		if (len < 0 || packet(o, out, len, granule, at + frame >= all,
		    at + frame >= all) != 0)
			return (-1);
	}
	return (0);
}

static int
opus(struct file *f, const struct sound *s, int kbits)
{
	struct ogg o = { .f = f };
	int e = -1, skip = 0, r = -1;
	OpusEncoder *encoder = opus_encoder_create(s->rate, 1,
	    OPUS_APPLICATION_VOIP, &e);

	if (encoder == NULL || ogg_stream_init(&o.stream, 1) != 0)
		return (-1);
	if (kbits == 0)
		kbits = 24;
	(void)opus_encoder_ctl(encoder, OPUS_SET_BITRATE(kbits * 1000));
	(void)opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(5));
	(void)opus_encoder_ctl(encoder, OPUS_GET_LOOKAHEAD(&skip));
	if (opus_head(&o, s->rate, skip * (48000 / s->rate)) == 0)
		r = opus_frames(&o, encoder, s, skip);
	(void)ogg_stream_clear(&o.stream);
	opus_encoder_destroy(encoder);
	return (r);
}

/*--- all ------------------------------------------------------------------*/

static const struct {
	int (*write)(struct file *, const struct sound *, int kbits);
	const char *type;
	int least;			/* kbit/s */
} formats[] = {
	[SOUND_MP3] = { mp3, "audio/mpeg", 8 },
	[SOUND_OPUS] = { opus, "audio/ogg", 6 },
	[SOUND_WAV] = { wav, "audio/wav", 0 },
};

/* A rate that Opus knows. */
static int
opus_rate(int rate)
{
	return (rate <= 8000 ? 8000 : rate <= 16000 ? 16000 :
	    rate <= 24000 ? 24000 : 48000);
}

/* Of the last answer. */
static int16_t *samples;
static void *encoded;

void
sound_again(void)
{
	free(samples);
	free(encoded);
	samples = NULL;
	encoded = NULL;
}

int
sound_answer(struct job *job, struct sound *s, const struct sound_options *o)
{
	struct file f = { NULL, 0, 0 };
	int rate = o->format == SOUND_OPUS ? opus_rate(s->rate) : s->rate;

	if (o->bitrate != 0 && o->bitrate < formats[o->format].least)
		return (job_fail(job, 400, "the bitrate is at least %d",
		    formats[o->format].least));
	if ((o->pitch != 1 || rate != s->rate) &&
	    sound_turn(s, o->pitch, rate) != 0)
		return (job_fail(job, 413, "the speech is too long"));
	if (o->volume != 1)
		sound_scale(s, o->volume);
	if (formats[o->format].write(&f, s, (int)o->bitrate) != 0)
		return (job_fail(job, 500, "the sound cannot be encoded"));
	samples = s->samples;
	encoded = f.data;
	return (job_answer(job, formats[o->format].type, f.data, f.len));
}
