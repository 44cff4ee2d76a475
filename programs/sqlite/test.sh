#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# sqlite: queries on a file, against python's sqlite3; storage is in sqlite.vtc.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh

common_promises
settings="{ \"allowed_paths\": [ { \"real\": \"$work/db\",
    \"virtual\": \"$work/db\" } ], \"max_request_memory\": 256 }"
printf ' ' >"$work/blank"
python3 - "$work/db" <<'EOT'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n REAL, b BLOB)")
db.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", [(i, f"name \"{i}\", é\n",
    i / 7, bytes([i % 256, 0, 255])) for i in range(1, 2001)])
db.execute("INSERT INTO t VALUES (5000, NULL, 9e999, NULL)")
db.commit()
EOT

# query STATUS SQL [MORE OPTIONS] [INPUT]: the answer in $OUT.
query() {
	python3 -c 'import json, sys
print(json.dumps(dict(json.loads(sys.argv[3] or "{}"), database=sys.argv[1],
    query=sys.argv[2])))' "$work/db" "$2" "${3:-}" >"$work/options"
	both "$1" "${4:-$work/empty_list}" "$(cat "$work/options")"
}
echo '{}' >"$work/empty_list"

# The same rows as python reads.
same() {
	query 200 "$1" "${2:-}" "${3:-$work/empty_list}"
	python3 -c 'import base64, json, math, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
values = json.loads(sys.argv[3] or "{}").get("params") or json.load(
    open(sys.argv[4]))
cursor = db.execute(sys.argv[2], values)
names = [d[0] for d in cursor.description]
def plain(v):
    if isinstance(v, bytes):
        return base64.b64encode(v).decode()
    return None if isinstance(v, float) and not math.isfinite(v) else v
want = [dict(zip(names, map(plain, row))) for row in cursor]
got = json.load(open(sys.argv[5]))
assert got == want, (got[:2], want[:2])' "$work/db" "$1" "${2:-}" \
	    "${3:-$work/empty_list}" "$OUT" 2>"$ERR" ||
	    wrong "$1: $(tail -n 1 "$ERR")"
}

begin rows_are_those_that_python_reads
same 'SELECT * FROM t ORDER BY id DESC' '{"max_rows": 5000}'
same 'SELECT name, n * 1e10 AS x, typeof(b) AS y FROM t WHERE id < 9'
same 'SELECT max(id) AS a, 1e300 AS b, -0.5 AS c, NULL AS d, x'"''"' AS e FROM t'
same 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c
    WHERE x < 100) SELECT sum(x) AS s FROM c'
same 'PRAGMA table_info(t)'
same 'SELECT 1 AS a WHERE 0'
end

begin values_become_values
same 'SELECT id FROM t WHERE id = :a OR name = :b' \
    '{"params": {"a": 3, "b": "x'"'"' OR 1"}}'
same 'SELECT ? AS a, ? AS b, ? AS c' '{"params": [1.5, null, "é\u0000x"]}'
echo '{"a": 7, "b": "two"}' >"$work/in"
same 'SELECT :a AS a, @b AS b' '' "$work/in"
echo '[1, "b"]' >"$work/in"
same 'SELECT ?2 AS a, ?1 AS b' '' "$work/in"
"$binary" "{\"database\": \"$work/db\", \"format\": \"value\",
    \"query\": \"SELECT :a || :b || :c\", \"params\": {\"c\": 3}}" \
    '/x?a=1%20%2b+&b=%C3%A9&c=no&a=no' >"$OUT"
[ "$(cat "$OUT")" = '1 + é3' ] || wrong "$(cat "$OUT")"
query 400 'SELECT :none'
query 400 'SELECT ?1, ?2' '{"params": [1]}'
for body in x '1' '"a"' '{"a"' '[1' '{} x'; do
	printf %s "$body" >"$work/in"
	[ "$body" = '{} x' ] || query 400 'SELECT 1' '' "$work/in"
done
end

begin formats
query 200 'SELECT id, name, b FROM t WHERE id < 3' '{"format": "csv"}'
python3 -c 'import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline="", encoding="utf-8")))
assert rows == [["id", "name", "b"], ["1", "name \"1\", é\n", "AQD/"],
    ["2", "name \"2\", é\n", "AgD/"]], rows' "$OUT" || wrong "$(cat "$OUT")"
query 200 'SELECT id FROM t WHERE id < 3' '{"format": "lines"}'
[ "$(cat "$OUT")" = '{"id":1}
{"id":2}' ] || wrong "$(cat "$OUT")"
query 200 'SELECT count(*), 1 FROM t' '{"format": "value"}'
[ "$(cat "$OUT")" = 2001 ] || wrong "$(cat "$OUT")"
end

begin what_is_not_reading_is_refused
sha256sum "$work/db" >"$work/before"
while IFS='|' read -r status sql; do
	query "$status" "$sql"
done <<'EOT'
403|DELETE FROM t
403|UPDATE t SET n = 1
403|INSERT INTO t (id) VALUES (9999)
403|ATTACH '/etc/passwd' AS p
403|PRAGMA journal_mode = WAL
403|PRAGMA user_version = 5
403|PRAGMA writable_schema = ON
403|BEGIN
403|VACUUM INTO '/tmp/copy'
403|CREATE TABLE x (a)
403|CREATE TEMP TABLE x (a)
403|DROP TABLE t
403|SELECT load_extension('x')
400|SELECT readfile('/etc/passwd')
400|SELECT 1; SELECT 2
403|SELECT 1; DELETE FROM t
400|SELEC 1
400|SELECT * FROM none
400|SELECT 1 AS a, 2 AS a
400|-- nothing
EOT
sha256sum -c "$work/before" >/dev/null 2>&1 || wrong "the file was changed"
query 400 'SELECT 1' '{"write": true}'
end

begin limits_end_queries
refuse() {
	query "$1" "$2" "$3"
	[ -n "$kvm" ] || cp "$ERR" "$OUT"
	has "$OUT" "$4"
}
refuse 413 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c)
    SELECT count(*) FROM c' '{"max_ms": 100}' max_ms
refuse 413 'SELECT a.id FROM t AS a, t AS b, t AS c' '' max_rows
refuse 413 'SELECT name FROM t' '{"max_rows": 5000, "max_bytes": 1000}' bytes
refuse 413 'SELECT randomblob(100000000)' '' 'too big'
query 400 "SELECT $(head -c 2000 /dev/zero | tr '\0' '(')1"
query 400 "SELECT 1$(printf ' UNION ALL SELECT 1%.0s' $(seq 100))"
end

begin files_that_are_no_database_are_refused
cp "$work/db" "$work/good"
cp "$binary" "$work/db"
query 422 'SELECT * FROM t'
: >"$work/db"
query 400 'SELECT * FROM t'
head -c 5000 "$work/good" >"$work/db"
query 422 'SELECT * FROM t' '{"max_rows": 5000}'
rm "$work/db"
query 404 'SELECT 1'
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	python3 -c 'import random, sys
random.seed(int(sys.argv[3]))
data = bytearray(open(sys.argv[1], "rb").read())
for _ in range(40):
    data[random.randrange(100, len(data) // random.choice((1, 20)))] = \
        random.randrange(256)
open(sys.argv[2], "wb").write(data)' "$work/good" "$work/db" "$i"
	"$binary" "{\"database\": \"$work/db\", \"max_rows\": 9999,
	    \"query\": \"SELECT * FROM t WHERE name > 'a'\"}" x >"$OUT" 2>"$ERR"
	[ $? -le 1 ] || wrong "mutation $i: $(cat "$ERR")"
done
cp "$work/good" "$work/db"
end

begin plain_x86_64_is_enough
plain_x86_64 "$work/empty_list" "{\"database\": \"$work/db\",
    \"query\": \"SELECT * FROM t LIMIT 20\"}"
end

finish
