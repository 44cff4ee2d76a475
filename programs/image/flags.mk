# SPDX-License-Identifier: BSD-2-Clause
JOB_CFLAGS_image = -O3 -I/usr/include/libpng16
JOB_LIBS_image   = -laom -ltiff -lgif -lwebpmux -lwebpdemux -lwebp -lpng16 -ljpeg \
	-lzstd -llzma -ldeflate -lLerc -lz -lpthread
