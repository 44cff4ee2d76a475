#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh [ROUNDS]: sqlite with mutated bodies, with sanitizers.
. "$(dirname "$0")/../../tests/cli/lib.sh"
fuzzer=$PWD/build/asan/sqlite_fuzz
cd "$work" || exit 2
printf '{"a": 1, "b": "x\\u00e9\\"", "c": [1, {"d": null}], "e": -2.5e3}' >body
python3 -c 'import sqlite3
db = sqlite3.connect("db")
db.execute("CREATE TABLE t (a, b)")
db.execute("INSERT INTO t VALUES (1, 2)")
db.commit()'
begin mutations_of_values
expect_status 0 "$fuzzer" "${1:-10000}" '{"database": "db",
    "query": "SELECT a, b, :a AS c, :b AS d, :c AS e, :e AS f FROM t"}' body
end
finish
