# SPDX-License-Identifier: BSD-2-Clause
SIMDJSON        = -isystem $(THIRD)/simdjson/singleheader
JOB_CFLAGS_json = -DRAPIDJSON_SSE2 $(SIMDJSON)
JOB_OBJ_json    = $(THIRD)/simdjson.o
$(B)/jobs/programs/json/squeeze.o: $(THIRD)/simdjson.src
