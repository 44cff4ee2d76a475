# SPDX-License-Identifier: BSD-2-Clause
# The interface of the project; `make help` lists the targets.

B        ?= build
CC       ?= cc
CXX      ?= c++
CFLAGS   ?= -O2 -g
PREFIX   ?= /usr/local
DESTDIR  ?=
PORT     ?= 8080
VERSION  := 0.1.0

WARN      = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	    -Wcast-qual -Wpointer-arith -Wwrite-strings -Wvla
ALLCFLAGS = -std=gnu17 -D_GNU_SOURCE -DTINYKVM_VERSION='"$(VERSION)"' $(WARN) \
	    -fPIC -fvisibility=hidden -fno-strict-aliasing -pthread \
	    -Iinclude -Isrc $(CFLAGS)
# libarchive and its zlib are linked in: varnishd exports functions of a zlib of
# its own under the same names, and half of each does not work.
LIBS      = -ljson-c -lpcre2-8 -lcurl -Wl,-Bstatic -larchive -lz \
	    -Wl,-Bdynamic -lnettle -lacl -llzma -lzstd -llz4 -lbz2 -lxml2 \
	    -lcrypto -pthread
GUEST     = -std=gnu11 -O2 -g -Wall -Wextra -static -Iguest

LIB_SRC  := $(wildcard src/*/*.c) $(wildcard src/*/*.S)
LIB_OBJ  := $(patsubst %,$(B)/obj/%.o,$(basename $(LIB_SRC)))
CLI_OBJ  := $(patsubst %.c,$(B)/obj/%.o,$(wildcard cli/*.c))
UNIT     := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*_test.c))
KVM      := $(patsubst %.c,$(B)/%,$(wildcard tests/kvm/*_test.c))
GUESTS   := $(patsubst %.c,$(B)/%,$(wildcard tests/guests/*.c))
PROGRAMS := $(patsubst guest/%.c,$(B)/programs/%,$(wildcard guest/*.c))
BENCH    := $(B)/tests/bench/bench $(B)/tests/bench/http_bench \
	    $(B)/tests/bench/program_bench $(B)/tests/bench/parallel_bench \
	    $(B)/tests/bench/load $(B)/tests/bench/task_bench \
	    $(B)/tests/guests/bench_pages $(B)/tests/guests/bench_task \
	    $(B)/tests/guests/bench_calls
DEMO     := $(B)/compute.json $(B)/demo.json $(B)/demo.vcl \
	    $(patsubst %,$(B)/share/%,index.html htpasswd examples.json \
	    photo.jpg nodes.vcl)

all: $(B)/tinykvm $(B)/libvmod_tinykvm.so $(PROGRAMS) programs

help:
	@echo "make            build the tool, the module and the programs"
	@echo "make demo       install what is missing, build, serve PORT=8080"
	@echo "make check      install what is missing, build, run all tests"
	@echo "make check-svm  the KVM and VTC tests in an emulated AMD-V machine"
	@echo "make check-asan the unit, KVM and VTC tests with sanitizers"
	@echo "make bench      one table of ratios"
	@echo "make soak       counters and live updates under load, for long"
	@echo "make lint       style, layers, sizes, documents, cppcheck"
	@echo "make install    DESTDIR= PREFIX=/usr/local"
	@echo "make deps       only install what building and testing need"
	@echo "make clean"

include vmod/Makefile.inc
include programs/Makefile.inc

#--- the library and the tool

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -MMD -MP -c -o $@ $<
$(B)/obj/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -MMD -MP -c -o $@ $<
# What guests read the time by is a shared object within the library.
VDSO_FLAGS = -std=gnu17 -O2 -Wall -Wextra -fPIC -fno-stack-protector \
	    -fcf-protection=none -mgeneral-regs-only -fvisibility=default \
	    -Isrc -shared -nostdlib -s -Wl,--hash-style=both \
	    -Wl,--build-id=none -Wl,-soname=linux-vdso.so.1 -Wl,-z,noexecstack
$(B)/vdso.lds: src/machine/vdso/vdso.lds.S src/machine/layout.h
	@mkdir -p $(@D)
	$(CC) -E -P -x c -Isrc -o $@ $<
$(B)/vdso.so: src/machine/vdso/vdso.c $(B)/vdso.lds src/machine/time_record.h
	$(CC) $(VDSO_FLAGS) -Wl,-T,$(B)/vdso.lds -o $@ $<
$(B)/obj/src/machine/vdso.o: $(B)/vdso.so
$(B)/obj/src/machine/vdso.o: ALLCFLAGS += -DVDSO='"$(B)/vdso.so"'
$(B)/libtinykvm.a: $(LIB_OBJ)
	rm -f $@ && $(AR) rcs $@ $^
$(B)/tinykvm: $(CLI_OBJ) $(B)/libtinykvm.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

#--- programs that run in machines

$(B)/programs/%: guest/%.c guest/kvm_api.h
	@mkdir -p $(@D)
	$(CC) $(GUEST) -o $@ $<
$(B)/tests/guests/%: tests/guests/%.c guest/kvm_api.h
	@mkdir -p $(@D)
	$(CC) $(GUEST) -o $@ $< -lm
$(B)/tests/guests/nested: GUEST += -Wl,-z,execstack
$(B)/tests/guests/%_musl: tests/guests/%_musl.c tests/guests/%.c
	@mkdir -p $(@D)
	musl-gcc $(GUEST) -o $@ $< -lm
$(B)/share/nodes.vcl: share/nodes/nodes.vcl
	@mkdir -p $(@D)
	cp $< $@
$(B)/share/photo.jpg: tools/fetch-photo
	tools/fetch-photo $@

#--- tests

$(B)/tests/unit/% $(B)/tests/kvm/% $(B)/tests/bench/%: tests/lib/test.h
$(B)/tests/unit/%: tests/unit/%.c $(B)/libtinykvm.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -Itests/lib -MMD -MP -o $@ $< $(B)/libtinykvm.a $(LIBS)
$(B)/tests/kvm/%: tests/kvm/%.c $(B)/libtinykvm.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -Itests/lib -MMD -MP -o $@ $< $(B)/libtinykvm.a $(LIBS)
$(B)/tests/bench/%: tests/bench/%.c $(B)/libtinykvm.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -Itests/lib -MMD -MP -o $@ $< $(B)/libtinykvm.a $(LIBS)
unit-tests: $(UNIT)
kvm-tests: $(KVM) $(GUESTS) $(PROGRAMS)
all-tests: all unit-tests kvm-tests $(DEMO) $(B)/tests/bench/load

# Goals that install packages first build in a second make, which then sees
# what the first one has installed.
deps:
	tools/deps build test lint svm
	$(MAKE) sources
check:
	tools/deps build test
	$(MAKE) all-tests
	tools/check unit kvm cli programs vtc
# The same tests with the sanitizers of the compiler.
SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
check-asan:
	tools/deps build test
	$(MAKE) all $(GUESTS) $(DEMO)
	$(MAKE) $(patsubst %,$(B)/asan/%_fuzz,$(OWN_FUZZERS))
	$(MAKE) B=$(B)/asan JOB_WARN='$(SANITIZE)' fuzzers
	$(MAKE) B=$(B)/asan CFLAGS='$(SANITIZE)' unit-tests \
	    $(patsubst $(B)/%,$(B)/asan/%,$(KVM)) \
	    $(B)/asan/libvmod_tinykvm.so
	tools/check asan
check-svm:
	tools/deps build test svm
	$(MAKE) all-tests
	tools/check-svm
demo:
	tools/deps build demo
	$(MAKE) all $(DEMO)
	tools/demo $(PORT)
bench:
	tools/deps build bench
	$(MAKE) all $(DEMO) $(BENCH)
	tools/bench
soak:
	tools/deps build test
	$(MAKE) all $(B)/tests/bench/load
	SOAK_REQUESTS=1000000 SOAK_UPDATES=1000 tests/cli/soak_test.sh
lint:
	tools/deps build lint
	tools/lint

#--- installing

VMODDIR = $(shell pkg-config --variable=vmoddir varnishapi)
install: all $(B)/vmod_tinykvm.3
	install -d $(DESTDIR)$(PREFIX)/lib/tinykvm/programs
	install -D -m 755 $(B)/tinykvm $(DESTDIR)$(PREFIX)/bin/tinykvm
	install -D -m 644 $(B)/libvmod_tinykvm.so \
	    $(DESTDIR)$(VMODDIR)/libvmod_tinykvm.so
	install -D -m 644 guest/kvm_api.h $(DESTDIR)$(PREFIX)/include/kvm_api.h
	install -D -m 644 cli/tinykvm.1 \
	    $(DESTDIR)$(PREFIX)/share/man/man1/tinykvm.1
	install -D -m 644 $(B)/vmod_tinykvm.3 \
	    $(DESTDIR)$(PREFIX)/share/man/man3/vmod_tinykvm.3
	install -m 755 $(PROGRAMS) $(JOB_BIN) \
	    $(DESTDIR)$(PREFIX)/lib/tinykvm/programs
	install -d $(DESTDIR)$(PREFIX)/share/tinykvm
	tools/gen-compute $(PREFIX)/lib/tinykvm/programs \
	    >$(DESTDIR)$(PREFIX)/share/tinykvm/compute.json
	install -D -m 644 $(B)/share/answer.gguf \
	    $(DESTDIR)$(PREFIX)/share/tinykvm/models/answer.gguf
	install -m 644 share/nodes/nodes.vcl share/systemd/tinykvm.conf \
	    $(DESTDIR)$(PREFIX)/share/tinykvm
	install -d $(DESTDIR)$(PREFIX)/share/doc/tinykvm
	install -m 644 README.md CHANGES.md LICENSE docs/*.md \
	    $(DESTDIR)$(PREFIX)/share/doc/tinykvm

clean:
	rm -rf $(B)

# Keep what was only a step on the way, such as the guests of tests.
.SECONDARY:
.PHONY: all help deps check check-asan check-svm demo bench soak lint install \
	clean unit-tests kvm-tests all-tests
-include $(shell find $(B) -name '*.d' 2>/dev/null)
