/* SPDX-License-Identifier: BSD-2-Clause */
/* Between sound.c and encode.c. */
#ifndef SPEECH_SOUND_PRIV_H
#define SPEECH_SOUND_PRIV_H

#include "sound.h"

/* Higher or lower by a factor, and so many samples per second. 0 or -1. */
int sound_turn(struct sound *, double pitch, int rate);
void sound_scale(struct sound *, double volume);

#endif
