# SPDX-License-Identifier: BSD-2-Clause
# The interface of the project; `make help` lists the targets.

B       ?= build
CC      ?= cc
CFLAGS  ?= -O2 -g
WARN     = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wcast-qual -Wpointer-arith -Wwrite-strings -Wvla
ALLCFLAGS = -std=gnu17 -D_GNU_SOURCE $(WARN) -fPIC -fvisibility=hidden \
	   -fno-strict-aliasing -pthread -Iinclude -Isrc $(CFLAGS)
LIBS     = -ljson-c -pthread

LIB_SRC  := $(wildcard src/*/*.c) $(wildcard src/*/*.S)
LIB_OBJ  := $(patsubst %,$(B)/obj/%.o,$(basename $(LIB_SRC)))
UNIT     := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/*_test.c))
KVM      := $(patsubst tests/kvm/%.c,$(B)/tests/kvm/%,$(wildcard tests/kvm/*_test.c))
GUESTS   := $(patsubst tests/guests/%.c,$(B)/tests/guests/%,$(wildcard tests/guests/*.c))
PROGRAMS := $(patsubst guest/%.c,$(B)/programs/%,$(wildcard guest/*.c))

all: $(B)/tinykvm $(PROGRAMS)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -MMD -MP -c -o $@ $<
$(B)/obj/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -MMD -MP -c -o $@ $<
$(B)/libtinykvm.a: $(LIB_OBJ)
	rm -f $@ && $(AR) rcs $@ $^
$(B)/tinykvm: $(patsubst %.c,$(B)/obj/%.o,$(wildcard cli/*.c)) $(B)/libtinykvm.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/tests/unit/%: tests/unit/%.c $(B)/libtinykvm.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -Itests/lib -MMD -MP -o $@ $< $(B)/libtinykvm.a $(LIBS)
$(B)/tests/kvm/%: tests/kvm/%.c $(B)/libtinykvm.a $(GUESTS)
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -Itests/lib -MMD -MP -o $@ $< $(B)/libtinykvm.a $(LIBS)
GUEST_LIBS_webp = -lwebp -ljpeg -lm
$(B)/programs/%: guest/%.c guest/kvm_api.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -static -Iguest -o $@ $< $(GUEST_LIBS_$*)
$(B)/tests/guests/%: tests/guests/%.c guest/kvm_api.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -static -Iguest -o $@ $< -lm

$(B)/tests/guests/%_musl: tests/guests/%_musl.c tests/guests/%.c
	@mkdir -p $(@D)
	musl-gcc -std=gnu11 -O2 -g -Wall -Wextra -static -Iguest -o $@ $< -lm

unit-tests: $(UNIT)
kvm-tests: $(KVM)
clean:
	rm -rf $(B)
# Keep what was only a step on the way, such as the guests of tests.
.SECONDARY:
.PHONY: all clean unit-tests kvm-tests
-include $(shell find $(B) -name '*.d' 2>/dev/null)
