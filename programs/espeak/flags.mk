# SPDX-License-Identifier: BSD-2-Clause
# Samples and their formats are those of programs/speech.
JOB_CFLAGS_espeak = -Iprograms/speech
JOB_OBJ_espeak  = $(B)/jobs/programs/speech/sound.o \
	$(B)/jobs/programs/speech/encode.o
JOB_LIBS_espeak = -lespeak-ng -lmp3lame -lopus -logg -lsonic -lpthread \
	-Wl,--wrap=fifo_init,--wrap=event_init
