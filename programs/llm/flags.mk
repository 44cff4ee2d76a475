# SPDX-License-Identifier: BSD-2-Clause
# No product is fused with a sum: answers are the same on every CPU (dot.c).
JOB_CFLAGS_llm = -O3 -ffp-contract=off

# The readers of files once more, with sanitizers (make check-asan).
$(B)/asan/llm_fuzz: programs/llm/fuzz/fuzz.c \
    $(filter-out programs/llm/llm.c,$(wildcard programs/llm/*.c))
	@mkdir -p $(@D)
	$(CC) -std=gnu17 $(JOB_FLAGS) -Iprograms/llm -ffp-contract=off \
	    $(SANITIZE) -o $@ $^ -lm
