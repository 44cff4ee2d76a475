# SPDX-License-Identifier: BSD-2-Clause
JOB_LIBS_compress = -lzstd -lbrotlienc -lbrotlidec -lbrotlicommon -ldeflate \
	-lz -llz4 -llzma -lbz2 -lpthread
