/* SPDX-License-Identifier: BSD-2-Clause */
/* stb.c: where the code of the two single-file libraries is compiled. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wshadow"
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include "stb.h"
