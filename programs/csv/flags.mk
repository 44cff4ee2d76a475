# SPDX-License-Identifier: BSD-2-Clause
JOB_CFLAGS_csv = -DRAPIDJSON_SSE2
JOB_LIBS_csv   = -lcsv
