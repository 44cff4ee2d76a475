/* SPDX-License-Identifier: BSD-2-Clause */
#include "clock_probe.c"
