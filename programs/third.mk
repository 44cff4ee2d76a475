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
SOURCES = simdjson quickjs terser

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

.PHONY: sources
.PRECIOUS: $(THIRD)/%.src
