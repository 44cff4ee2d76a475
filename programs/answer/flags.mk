# SPDX-License-Identifier: BSD-2-Clause
# The transformer is that of programs/llm.
JOB_CFLAGS_answer = -Iprograms/llm
JOB_OBJ_answer = $(patsubst %,$(B)/jobs/programs/llm/%.o,dot forward gguf \
	llama2c model sample tokens vocabulary weights)
$(B)/jobs/programs/answer/answer.o: programs/answer/data/model.gguf

# As a file: what programs/llm can be tried with.
JOB_DATA += $(B)/share/answer.gguf
$(B)/share/answer.gguf: programs/answer/data/model.gguf
	@mkdir -p $(@D)
	cp $< $@
