# SPDX-License-Identifier: BSD-2-Clause
SIMDJSON        = -isystem $(THIRD)/simdjson/singleheader
JOB_CFLAGS_json = -DRAPIDJSON_SSE2 $(SIMDJSON) $(JQ_CFLAGS) \
	-Iprograms/json/jq
JOB_OBJ_json    = $(THIRD)/simdjson.o $(JQ_O)
JOB_LIBS_json   = -lyaml -lpcre2-8
$(B)/jobs/programs/json/squeeze.o: $(THIRD)/simdjson.src
$(B)/jobs/programs/json/filter.o: $(THIRD)/jq.src
