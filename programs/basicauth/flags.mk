# SPDX-License-Identifier: BSD-2-Clause
JOB_LIBS_basicauth = -lcrypt -lnettle
