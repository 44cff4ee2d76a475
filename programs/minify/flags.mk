# SPDX-License-Identifier: BSD-2-Clause
JOB_CFLAGS_minify = -Iprograms/json -isystem $(QUICKJS)
JOB_OBJ_minify    = $(B)/jobs/programs/json/squeeze.o $(THIRD)/simdjson.o \
	$(THIRD)/terser.o $(QUICKJS_O)
$(B)/jobs/programs/minify/terser.o: $(THIRD)/quickjs.src
