/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STB_H
#define STB_H

#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 32767
#include <stb/stb_image.h>

#endif
