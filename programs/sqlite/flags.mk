# SPDX-License-Identifier: BSD-2-Clause
# The linker warns of dlopen(), which SQLite only needs for extensions.
JOB_LIBS_sqlite = -lsqlite3 -Wl,--no-warnings
