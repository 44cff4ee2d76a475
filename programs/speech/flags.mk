# SPDX-License-Identifier: BSD-2-Clause
JOB_LIBS_speech = -lflite_cmu_us_slt -lflite_cmu_us_rms -lflite_cmu_us_awb \
	-lflite_cmu_us_kal16 -lflite_usenglish -lflite_cmulex -lflite -lmp3lame \
	-lopus -logg -lsonic
