# SPDX-License-Identifier: BSD-2-Clause
# Libraries of which Debian has no static archive, from their sources; included
# by programs/Makefile.inc. Once for every B: nothing of ours is in them.
#
#   $(THIRD)/NAME.src     the source in $(THIRD)/NAME
#   $(THIRD)/NAME.o, .a   what programs are linked with

THIRD       = build/third
THIRD_FLAGS = -O2 -w -D_GNU_SOURCE -fno-strict-aliasing

# Debian's: the newest of the release. npm's: a version and its hash.
FETCH_simdjson = debian simdjson
FETCH_quickjs  = npm qjsc@0.3.0 \
	a7+cU6/IVcZbIejffdt/wZVMX6LL2MDL3HQ9Zb5Gm23G9DvBMS/z9GHFxz39bAvp2PvMOM+ypSOAyokt2DdZ2w==
FETCH_terser   = npm terser@5.51.2 \
	bWnjSNscmuI+GJze6ZupnHP8G/cTcsJF+bXCeQknk2SHQsgbNJnLrqiH9jZ2W4STPVXH2mDKKRX3iwPhc9Cn/Q==
FETCH_libxml2  = debian libxml2
FETCH_libxslt  = debian libxslt
FETCH_libonig  = debian libonig
FETCH_jq       = npm @port-labs/jq-node-bindings@0.0.12 \
	jtZnpsEGv59qrKiZKOZ3chQLAHlHKetH8vEIzA+3sOZ+h1Z+N1EMOJPPPo9lELAxKo3ekU1VIK8Ntzyu7TzPbw==
FETCH_jpeg-xl  = debian jpeg-xl
FETCH_highway  = debian highway
FETCH_resvg    = npm @resvg/resvg-wasm@2.6.2 \
	FqALmHI8D4o6lk/LRWDnhw95z5eO+eAa6ORjVg09YRR7BkcM6oPHU9uyC0gtQG5vpFLvgpeU4+zEAz2H8APHNw==
FETCH_libde265 = debian libde265
FETCH_libheif  = debian libheif
SOURCES = simdjson quickjs terser libxml2 libxslt libonig jq jpeg-xl highway \
	resvg $(if $(filter 1,$(HEIC)),libde265 libheif)

$(THIRD)/%.src: tools/fetch-source
	@mkdir -p $(@D)
	tools/fetch-source $(FETCH_$*) $(THIRD)/$*
	@touch $@
sources: $(patsubst %,$(THIRD)/%.src,$(SOURCES))

$(THIRD)/simdjson.o: $(THIRD)/simdjson.src
	$(CXX) $(THIRD_FLAGS) -c -o $@ \
	    $(THIRD)/simdjson/singleheader/simdjson.cpp

#--- JavaScript

QUICKJS   = $(THIRD)/quickjs/deps/quickjs_2021_03_27
QUICKJS_O = $(patsubst %,$(THIRD)/quickjs-%.o,quickjs libregexp libunicode \
	cutils)
$(THIRD)/quickjs-%.o: $(THIRD)/quickjs.src
	$(CC) $(THIRD_FLAGS) -DCONFIG_VERSION='"2021-03-27"' -c -o $@ \
	    $(QUICKJS)/$*.c
# terser as bytecode, between what its bundle expects and what we call.
$(THIRD)/bytecode: programs/minify/terser/bytecode.c $(QUICKJS_O)
	$(CC) $(JOB_FLAGS) -isystem $(QUICKJS) -o $@ $^ -lm
$(THIRD)/terser.o: $(THIRD)/bytecode $(THIRD)/terser.src \
    programs/minify/terser/head.js programs/minify/terser/tail.js
	cat programs/minify/terser/head.js $(THIRD)/terser/dist/bundle.min.js \
	    programs/minify/terser/tail.js >$(THIRD)/terser.js
	$(THIRD)/bytecode $(THIRD)/terser.js $(THIRD)/terser_bytecode
	cd $(THIRD) && ld -r -b binary -z noexecstack -o terser.o terser_bytecode

#--- XML: no network, no threads, no ICU, whose tables have 30 MB

LIBXML_ON = TREE OUTPUT PUSH PATTERN SAX1 VALID HTML XPATH REGEXPS SCHEMAS \
	ISO8859X
LIBXML_O  = $(patsubst %,$(THIRD)/libxml2-%.o,HTMLparser HTMLtree SAX SAX2 buf \
	chvalid dict encoding entities error globals hash list parser \
	parserInternals pattern relaxng threads tree uri valid xmlIO xmlmemory \
	xmlregexp xmlsave xmlschemas xmlschemastypes xmlstring xmlunicode xpath) \
	$(patsubst %,$(THIRD)/libxslt-%.o,attributes attrvt documents \
	extensions extra functions imports keys namespaces numbers pattern \
	preproc security templates transform variables xslt xsltlocale \
	xsltutils) \
	$(patsubst %,$(THIRD)/libexslt-%.o,common date dynamic exslt functions \
	math saxon sets strings)
LIBXML_CFLAGS = -isystem $(THIRD)/xml -isystem $(THIRD)/libxml2/include \
	-isystem $(THIRD)/libxslt
LIBXML_CC = $(CC) $(THIRD_FLAGS) -Iprograms/xml/libxml2 $(LIBXML_CFLAGS) \
	-I$(THIRD)/libxml2

# The headers that their configure scripts would make.
version_of = $$(dpkg-parsechangelog -l $(1)/debian/changelog -S Version | \
	sed 's/^[0-9]*://; s/[^0-9.].*//')
$(THIRD)/xml.made: $(THIRD)/libxml2.src $(THIRD)/libxslt.src
	@mkdir -p $(addprefix $(THIRD)/xml/,libxml libxslt libexslt)
	version=$(call version_of,$(THIRD)/libxml2); \
	number=$$(echo $$version | awk -F. '{ print $$1 * 10000 + $$2 * 100 + $$3 }'); \
	sed $(LIBXML_ON:%=-e 's/@WITH_%@/1/') -e 's/@WITH_[A-Z0-9_]*@/0/' \
	    -e "s/@VERSION@/$$version/; s/@LIBXML_VERSION_NUMBER@/$$number/" \
	    -e 's/@[A-Z_]*@//' $(THIRD)/libxml2/include/libxml/xmlversion.h.in \
	    >$(THIRD)/xml/libxml/xmlversion.h
	for of in xslt exslt; do \
		sed -e 's/@WITH_[A-Z0-9_]*@/0/; s/@LIBE*XSLT_VERSION_NUMBER@/10000/' \
		    -e 's/@[A-Z_]*@//' $(THIRD)/libxslt/lib$$of/$${of}config.h.in \
		    >$(THIRD)/xml/lib$$of/$${of}config.h || exit 1; \
	done
	@touch $@
$(THIRD)/libxml2-%.o: $(THIRD)/xml.made
	$(LIBXML_CC) -c -o $@ $(THIRD)/libxml2/$*.c
$(THIRD)/libxslt-%.o: $(THIRD)/xml.made
	$(LIBXML_CC) -c -o $@ $(THIRD)/libxslt/libxslt/$*.c
$(THIRD)/libexslt-%.o: $(THIRD)/xml.made
	$(LIBXML_CC) -c -o $@ $(THIRD)/libxslt/libexslt/$*.c

#--- jq, with the regular expressions of Debian's Oniguruma

JQ     = $(THIRD)/jq/deps/jq
ONIG_O = $(patsubst %,$(THIRD)/onig-%.o,ascii onig_init regcomp regenc regerror \
	regexec regext regparse regsyntax regtrav regversion st unicode \
	unicode_fold1_key unicode_fold2_key unicode_fold3_key \
	unicode_unfold_key utf8)
JQ_O   = $(ONIG_O) $(patsubst %,$(THIRD)/jq-%.o,builtins bytecode execute jv \
	jv_alloc jv_aux jv_dtoa jv_file jv_parse jv_print jv_unicode lexer \
	linker locfile parser util)
JQ_CFLAGS = -isystem $(JQ)/src
JQ_HAS = ALLOCA_H ATEXIT GETTIMEOFDAY GMTIME GMTIME_R ISATTY LIBONIG LOCALTIME_R \
	MEMMEM MKSTEMP STRFTIME STRPTIME TIMEGM TM_TM_GMT_OFF
$(THIRD)/onig-%.o: $(THIRD)/libonig.src
	$(CC) $(THIRD_FLAGS) -Iprograms/json/onig -c -o $@ \
	    $(THIRD)/libonig/src/$*.c
# Every function of mathematics is there, but for the one that glibc has lost.
$(THIRD)/jq.made: $(THIRD)/jq.src $(THIRD)/libonig.src
	@mkdir -p $(THIRD)/jq-made/src
	grep -ho 'HAVE_[A-Z0-9_]*' $(JQ)/src/libm.h | grep -v POW10 | sort -u | \
	    sed 's/.*/#define & 1/' >$(THIRD)/jq-made/jq_config.h
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' \
	    $(JQ)/src/builtin.jq >$(THIRD)/jq-made/src/builtin.inc
	echo '#define JQ_VERSION "1.6"' >$(THIRD)/jq-made/version.h
	@touch $@
JQ_CC = $(CC) $(THIRD_FLAGS) -DIEEE_8087=1 $(JQ_HAS:%=-DHAVE_%=1) \
	-include $(THIRD)/jq-made/jq_config.h \
	-I$(THIRD)/jq-made -I$(JQ) -I$(JQ)/src -I$(THIRD)/libonig/src
$(THIRD)/jq-%.o: $(THIRD)/jq.made
	$(JQ_CC) -c -o $@ $(JQ)/src/$*.c
# jq's builtin.c and compile.c, and what of ours is between them.
$(THIRD)/jq-builtins.o: programs/json/jq/builtins.c programs/json/jq/builtins.h \
    $(THIRD)/jq.made
	$(JQ_CC) -c -o $@ $<

#--- JPEG XL: what decodes, for plain x86-64 and, where the CPU has it, SSE 4 or
#    AVX 2; fewer of them take less time to build

JXL_SRC  = ac_strategy alpha ans_common aux_out base/cache_aligned \
	base/data_parallel base/padded_bytes blending box_content_decoder \
	chroma_from_luma coeff_order color_encoding_internal color_management \
	compressed_dc dec_ans dec_cache dec_context_map dec_external_image \
	dec_frame dec_group dec_group_border dec_huffman dec_modular dec_noise \
	dec_patch_dictionary dec_xyb decode enc_bit_writer entropy_coder epf \
	fields frame_header headers huffman_table icc_codec icc_codec_common \
	image image_bundle image_metadata loop_filter memory_manager_internal \
	modular/encoding/dec_ma modular/encoding/encoding \
	modular/modular_image modular/transform/rct modular/transform/squeeze \
	modular/transform/transform opsin_params passes_state quant_weights \
	quantizer splines toc \
	$(addprefix render_pipeline/,low_memory_render_pipeline \
	render_pipeline simple_render_pipeline $(addprefix stage_,blending chroma_upsampling \
	epf from_linear gaborish noise patches splines spot to_linear \
	tone_mapping upsampling write xyb ycbcr))
JXL_O   = $(patsubst %,$(THIRD)/libjxl/%.o,$(JXL_SRC)) \
	$(patsubst %,$(THIRD)/highway-%.o,aligned_allocator targets)
JXL_CFLAGS = -isystem $(THIRD)/jxl-made -isystem $(THIRD)/jpeg-xl/lib/include
# It says nothing, and what it cannot go on with is abort() instead of a trap.
JXL_CXX = $(CXX) $(THIRD_FLAGS) -std=c++17 -fno-exceptions \
	-ffunction-sections -fdata-sections -fmerge-all-constants \
	-DNDEBUG -DJXL_DEBUG_ON_ABORT=0 -D__builtin_trap=abort \
	-DJPEGXL_ENABLE_TRANSCODE_JPEG=0 \
	-DHWY_DISABLED_TARGETS='(HWY_SSSE3|HWY_AVX3|HWY_AVX3_DL)' \
	-I$(THIRD)/jxl-made -I$(THIRD)/jpeg-xl -I$(THIRD)/jpeg-xl/lib/include \
	-I$(THIRD)/highway
# The headers that cmake would make; nobody asks for the version.
$(THIRD)/jxl.made: $(THIRD)/jpeg-xl.src $(THIRD)/highway.src
	@mkdir -p $(THIRD)/jxl-made/jxl
	sed 's/@[A-Z_]*@/0/' $(THIRD)/jpeg-xl/lib/jxl/version.h.in \
	    >$(THIRD)/jxl-made/jxl/version.h
	printf '#define JXL_%s\n' EXPORT DEPRECATED \
	    >$(THIRD)/jxl-made/jxl/jxl_export.h
	@touch $@
$(THIRD)/libjxl/%.o: $(THIRD)/jxl.made
	@mkdir -p $(@D)
	$(JXL_CXX) -c -o $@ $(THIRD)/jpeg-xl/lib/jxl/$*.cc
$(THIRD)/highway-%.o: $(THIRD)/jxl.made
	$(JXL_CXX) -c -o $@ $(THIRD)/highway/hwy/$*.cc

#--- SVG: WebAssembly, translated to C by Debian's wabt, whose runtime it wants

# Checks of each access instead of signals; calls as deep as a machine's stack
# of 4 MiB has room for.
RESVG_CFLAGS = -DWASM_RT_MEMCHECK_SIGNAL_HANDLER=0 \
	-DWASM_RT_MAX_CALL_STACK_DEPTH=2000 -isystem $(THIRD)/resvg-made
RESVG_CC = $(CC) $(THIRD_FLAGS) $(RESVG_CFLAGS) -DWASM_RT_TRAP_HANDLER=resvg_trap
$(THIRD)/resvg.made: $(THIRD)/resvg.src
	@mkdir -p $(THIRD)/resvg-made
	wasm2c -n resvg -o $(THIRD)/resvg-made/resvg.c \
	    $(THIRD)/resvg/index_bg.wasm
	@touch $@
# 32 MB of C, which take two minutes as it is.
$(THIRD)/resvg.o: $(THIRD)/resvg.made
	$(RESVG_CC) -O1 -ffunction-sections -Dwasm_rt_grow_memory=resvg_grow \
	    -c -o $@ $(THIRD)/resvg-made/resvg.c
$(THIRD)/wasm-rt.o: $(THIRD)/resvg.made
	$(RESVG_CC) -c -o $@ /usr/share/wabt/wasm2c/wasm-rt-impl.c

#--- HEIC, with make HEIC=1: SSE 4.1 where the CPU has it; no encoder, no AV1

DE265_O  = $(patsubst %,$(THIRD)/libde265-%.o,bitstream cabac configparam \
	contextmodel de265 deblock decctx dpb fallback fallback-dct \
	fallback-motion image image-io intrapred md5 motion nal nal-parser pps \
	quality refpic sao scan sei slice sps threads transform util \
	visualize vps vui) \
	$(patsubst %,$(THIRD)/libde265-x86-%.o,sse sse-dct sse-motion)
LIBHEIF_O = $(patsubst %,$(THIRD)/libheif-%.o,bitstream box common_utils error \
	heif heif_avif heif_colorconversion heif_context heif_file heif_hevc \
	heif_image heif_init heif_plugin heif_plugin_registry \
	metadata_compression nclx) $(THIRD)/libheif-plugins-heif_decoder_libde265.o
HEIC_CFLAGS = -isystem $(THIRD)/libheif -isystem $(THIRD)/libheif/libheif
HEIC_CXX = $(CXX) $(THIRD_FLAGS) -ffunction-sections -fdata-sections -DNDEBUG \
	-I$(THIRD)/libde265
DE265_CXX = $(HEIC_CXX) -DHAVE_MALLOC_H -DHAVE_POSIX_MEMALIGN -DHAVE_SSE4_1 \
	-I$(THIRD)/libde265/libde265
LIBHEIF_CXX = $(HEIC_CXX) -DHAVE_UNISTD_H -DHAVE_LIBDE265 -DHAVE_VISIBILITY \
	-DLIBHEIF_EXPORTS $(HEIC_CFLAGS)
$(THIRD)/libde265-x86-sse-%.o: $(THIRD)/libde265.src
	$(DE265_CXX) -msse4.1 -c -o $@ $(THIRD)/libde265/libde265/x86/sse-$*.cc
$(THIRD)/libde265-x86-sse.o: $(THIRD)/libde265.src
	$(DE265_CXX) -c -o $@ $(THIRD)/libde265/libde265/x86/sse.cc
$(THIRD)/libde265-%.o: $(THIRD)/libde265.src
	$(DE265_CXX) -c -o $@ $(THIRD)/libde265/libde265/$*.cc
$(THIRD)/libheif-plugins-%.o: $(THIRD)/libheif.src $(THIRD)/libde265.src
	$(LIBHEIF_CXX) -c -o $@ $(THIRD)/libheif/libheif/plugins/$*.cc
$(THIRD)/libheif-%.o: $(THIRD)/libheif.src
	$(LIBHEIF_CXX) -c -o $@ $(THIRD)/libheif/libheif/$*.cc

.PHONY: sources
.PRECIOUS: $(THIRD)/%.src
