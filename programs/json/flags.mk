# SPDX-License-Identifier: BSD-2-Clause
JOB_CFLAGS_json = -DRAPIDJSON_SSE2
