# SPDX-License-Identifier: BSD-2-Clause
JOB_CFLAGS_image = -O3 -I/usr/include/libpng16 -I/usr/include/freetype2
JOB_LIBS_image   = -laom -ltiff -lgif -lwebpmux -lwebpdemux -lwebp -lfreetype \
	-lpng16 -ljpeg -lbrotlidec -lbrotlicommon -lzstd -llzma -ldeflate -lLerc -lz -lpthread

# The program once more, with sanitizers, over mutated pictures (make check-asan).
$(B)/asan/image_fuzz: programs/image/fuzz/fuzz.c $(wildcard programs/image/*.c) \
    $(wildcard programs/lib/*.c)
	@mkdir -p $(@D)
	$(CC) -std=gnu17 $(JOB_FLAGS) $(JOB_CFLAGS_image) $(SANITIZE) -o $@ \
	    $(filter-out programs/image/image.c programs/lib/fuzz.c,$^) \
	    $(filter-out -lpthread,$(JOB_LIBS_image)) -ljson-c -lm
