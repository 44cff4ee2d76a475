/* SPDX-License-Identifier: BSD-2-Clause */
/* The same with musl, which asks Linux for other things in other ways. */
#include "linux_work.c"
