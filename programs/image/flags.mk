# SPDX-License-Identifier: BSD-2-Clause
JOB_CFLAGS_image = -O3 -I/usr/include/libpng16 -I/usr/include/freetype2 \
	$(JXL_CFLAGS) $(RESVG_CFLAGS)
JOB_OBJ_image    = $(JXL_O) $(THIRD)/resvg.o $(THIRD)/wasm-rt.o
# What budget.c stands before.
IMAGE_WRAP       = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
	-Wl,--wrap=posix_memalign,--wrap=free,--wrap=abort
JOB_LIBS_image   = -Wl,--gc-sections $(IMAGE_WRAP) \
	-laom -ltiff -lgif -lwebpmux -lwebpdemux -lwebp -lfreetype -lpng16 \
	-ljpeg -lbrotlidec -lbrotlicommon -lzstd -llzma -ldeflate -lLerc -lz \
	-lpthread
$(B)/jobs/programs/image/jxl.o: $(THIRD)/jxl.made
$(B)/jobs/programs/image/svg_host.o: $(THIRD)/resvg.made

# With HEIC=1; what reads it is built anew whenever that changes.
ifeq ($(HEIC),1)
JOB_CFLAGS_image += -DIMAGE_HEIC $(HEIC_CFLAGS)
JOB_OBJ_image    += $(LIBHEIF_O) $(DE265_O)
IMAGE_WRAP       += -Wl,--wrap=de265_start_worker_threads
$(B)/jobs/programs/image/heic.o: $(THIRD)/libheif.src
endif
$(B)/jobs/programs/image/heic.o: $(B)/jobs/heic.wanted
$(B)/jobs/heic.wanted: always
	@mkdir -p $(@D)
	@echo '$(HEIC)' | cmp -s - $@ || echo '$(HEIC)' >$@
always:
.PHONY: always

# The program once more, with sanitizers, over mutated pictures (make check-asan).
$(B)/asan/image_fuzz: programs/image/fuzz/fuzz.c $(wildcard programs/image/*.c) \
    $(wildcard programs/lib/*.c) $(JOB_OBJ_image)
	@mkdir -p $(@D)
	$(CC) -std=gnu17 $(JOB_FLAGS) $(JOB_CFLAGS_image) $(SANITIZE) -o $@ \
	    $(filter-out programs/image/image.c programs/lib/fuzz.c,$^) \
	    $(filter-out -lpthread,$(JOB_LIBS_image)) -ljson-c -lstdc++ -lm
