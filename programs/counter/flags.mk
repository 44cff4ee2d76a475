# SPDX-License-Identifier: BSD-2-Clause
JOB_LIBS_counter = -lnettle
