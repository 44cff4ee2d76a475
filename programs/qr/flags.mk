# SPDX-License-Identifier: BSD-2-Clause
JOB_CFLAGS_qr = -I/usr/include/libpng16
JOB_LIBS_qr   = -lqrcodegen -lpng16 -lz
