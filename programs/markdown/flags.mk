# SPDX-License-Identifier: BSD-2-Clause
JOB_CFLAGS_markdown = -DCMARK_GFM_STATIC_DEFINE
JOB_LIBS_markdown   = -lcmark-gfm-extensions -lcmark-gfm
