/* SPDX-License-Identifier: BSD-2-Clause */
/* stb.c: where the code of the single-file library is compiled. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wshadow"
#define STB_IMAGE_IMPLEMENTATION
#include "stb.h"
