# SPDX-License-Identifier: BSD-2-Clause
JOB_CFLAGS_xml = -Iprograms/minify $(LIBXML_CFLAGS)
JOB_OBJ_xml    = $(B)/jobs/programs/minify/xml.o \
	$(B)/jobs/programs/minify/wrong.o $(LIBXML_O)
$(patsubst %.c,$(B)/jobs/%.o,$(wildcard programs/xml/*.c)): $(THIRD)/xml.made
