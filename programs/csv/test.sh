#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# csv: both ways, against python's csv and json.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh

common_promises

# python CODE: with $OUT as `out` (bytes) and the input as `given` (bytes).
check() {
	python3 -c "
import csv, io, json, sys
out, given = (open(f, 'rb').read() for f in sys.argv[1:3])
def rows(data, **how):
    text = io.StringIO(data.decode('utf-8-sig'), newline='')
    return list(csv.reader(text, **how))
$1" "$OUT" "$work/in" 2>"$ERR" ||
	    wrong "$(tail -n 1 "$ERR"): $(head -c 300 "$OUT")"
}

begin tables_of_this_computer_become_what_python_reads
find /usr/share /usr/lib/python3* -name '*.csv' -size +0 -size -2000k \
    2>/dev/null | head -n 12 >"$work/list"
python3 -c 'import csv, sys
w = csv.writer(open(sys.argv[1], "w", newline=""))
w.writerow(["id", "text", "a \"b\""])
for i in range(3000):
    w.writerow([i, "".join(chr(c) for c in (i % 97 + 32, 10, 13, 0x20ac + i, 44)
        if c != 34), "\"" * (i % 5)])' "$work/made.csv"
echo "$work/made.csv" >>"$work/list"
while read -r f; do
	cp "$f" "$work/in"
	python3 -c 'import csv, sys
n = {len(r) for r in csv.reader(open(sys.argv[1], newline="", encoding="utf-8"))}
sys.exit(len(n) != 1)' "$f" 2>/dev/null || continue
	both 200 "$work/in" '{"header": false, "types": false}'
	check 'assert json.loads(out) == rows(given)'
done <"$work/list"
end

begin types_are_those_of_json
printf '%s\n' 'v,w' '1,' '-2.5e3,""' '0,x' '007,"1"' 'true,TRUE' 'false,null' \
    '1234567890123456,.5' '123456789012345,1.' '0.12345678901234567,+1' \
    '1e999,-' '1 , 1' >"$work/in"
both 200 "$work/in" '{}'
check 'assert [tuple(r.values()) for r in json.loads(out)] == [(1, None),
    (-2500.0, ""), (0, "x"), ("007", 1), (True, "TRUE"), (False, "null"),
    ("1234567890123456", ".5"), (123456789012345, "1."),
    (0.12345678901234567, "+1"), ("1e999", "-"), ("1 ", " 1")], out'
both 200 "$work/in" '{"types": false}'
check 'assert [list(r.values()) for r in json.loads(out)] == rows(given)[1:]'
end

begin delimiters_quotes_and_ends_of_lines
printf '\357\273\277a;b\r\n1;"x;y"\r\n\r\n2;z' >"$work/in"
want='[{"a": 1, "b": "x;y"}, {"a": 2, "b": "z"}]'
for d in ';' auto; do
	both 200 "$work/in" "{\"delimiter\": \"$d\"}"
	check "assert json.loads(out) == json.loads('$want')"
done
printf "a\tb\n1\t'x\ty'\n2\tz\n" >"$work/in"
both 200 "$work/in" '{"delimiter": "\t", "quote": "'"'"'"}'
check 'assert json.loads(out)[0] == {"a": 1, "b": "x\ty"}'
printf '"a|b,,,"|c\n1|2\n' >"$work/in"
both 200 "$work/in" '{"delimiter": "auto"}'
check 'assert json.loads(out) == [{"a|b,,,": 1, "c": 2}]'
for option in '"delimiter": ""' '"delimiter": ",,"' '"delimiter": "\n"' \
    '"delimiter": "é"' '"delimiter": "\""' '"quote": ""' '"quote": "\r"'; do
	refused 400 "$work/in" "{$option}" "${option%%:*}"
done
end

begin columns_are_chosen_and_named
printf 'a,b,c\n1,2,3\n4,5,6\n' >"$work/in"
both 200 "$work/in" '{"columns": ["c", "a"], "lines": true}'
[ "$(cat "$OUT")" = '{"c":3,"a":1}
{"c":6,"a":4}' ] || wrong "$(cat "$OUT")"
both 200 "$work/in" '{"header": false, "columns": ["x", "y", "z"]}'
check 'assert json.loads(out)[0] == {"x": "a", "y": "b", "z": "c"}'
refused 422 "$work/in" '{"columns": ["d"]}' 'no column "d"'
refused 422 "$work/in" '{"columns": ["a", "a"]}' 'two columns are "a"'
refused 422 "$work/in" '{"header": false, "columns": ["a"]}' "row 1"
for list in '[]' '{}' '[1]' '"a"'; do
	refused 400 "$work/in" "{\"columns\": $list}" '"columns"'
done
end

begin what_is_no_table_is_refused_with_its_place
while IFS='|' read -r text why; do
	printf '%b' "$text" >"$work/in"
	refused 422 "$work/in" '{}' "$why"
done <<'EOT'
a,b\n1\n|row 2 has another number
a,b\n1,2\n1,2,3\n|row 3 has another number
a,a\n|two columns are "a"
a\n"x|line 2
a,b\n1,2\nx"y,2\n|line 3
a\n"x"y\n|line 2
a\n\0377\n|row 2 is not UTF-8
EOT
printf 'a,b\n1\n1,2,3\n' >"$work/in"
both 200 "$work/in" '{"ragged": true}'
check 'assert json.loads(out) == [{"a": 1}, {"a": 1, "b": 2}]'
printf '' >"$work/in"
"$binary" <"$work/in" >"$OUT" 2>"$ERR"
[ "$(cat "$OUT")" = '[]' ] || wrong "of nothing: $(cat "$OUT")"
end

begin json_becomes_what_python_reads
cat >"$work/in" <<'EOT'
[{"a": 1, "b": "x,\"y\"\nz", "c": [1, {"d": "é"}]},
 {"c": {}, "b": null, "e": true}, {}, {"e": -2.50e3, "a": " x "}]
EOT
both 200 "$work/in" csv
check 'assert rows(out) == [["a", "b", "c", "e"],
    ["1", "x,\"y\"\nz", "[1,{\"d\":\"é\"}]", ""], ["", "", "{}", "true"],
    ["", "", "", ""], [" x ", "", "", "-2.50e3"]], rows(out)'
both 200 "$work/in" '{"to": "csv", "columns": ["e", "a", "no"], "delimiter": ";"}'
check 'assert rows(out, delimiter=";")[:3] == [["e", "a", "no"],
    ["", "1", ""], ["true", "", ""]]'
both 200 "$work/in" '{"to": "csv", "header": false}'
check 'assert len(rows(out)) == 4'
printf '[[1, "a"], [true, null, ""], []]' >"$work/in"
both 200 "$work/in" csv
check 'assert rows(out) == [["1", "a", ""], ["true", "", ""], ["", "", ""]]'
printf '{"a": 1}\n{"b": 2}\n[{"a": 3}]' >"$work/in"
both 200 "$work/in" csv
check 'assert rows(out) == [["a", "b"], ["1", ""], ["", "2"], ["3", ""]]'
end

begin there_and_back_is_the_same
python3 -c 'import json, sys
json.dump([{"k" + str(j): [None, True, 1.5, i, "a\"b,c\n\r" + chr(i + 256),
    "", "\0\x1f"][(i + j) % 7] for j in range(9)} for i in range(500)],
    open(sys.argv[1], "w"))' "$work/in"
both 200 "$work/in" csv
cp "$OUT" "$work/table"
both 200 "$work/table" '{}'
check 'assert json.loads(out) == json.loads(given)'
end

begin what_is_no_json_is_refused_with_its_place
while IFS='|' read -r text why; do
	printf '%b' "$text" >"$work/in"
	refused 422 "$work/in" csv "$why"
done <<'EOT'
[{"a": 1},\n{]|no JSON: line 2
[1]|row 1 is no object
[{"a": 1}, 2]|row 2 is no object
[{"a": 1}, [2]]|row 2 is an array
{"a": 1|no JSON: line 1
{"a": "\0377"}|not UTF-8
{"a": 1}\0000x|no JSON
{"a": "\\ud800"}|no JSON
a,b|no JSON
EOT
end

begin depth_and_width_are_bounded
python3 - "$work" <<'EOT'
import sys
open(f"{sys.argv[1]}/deep", "w").write("[[" + "[" * 1000000 + "]" * 1000000
    + "]]")
open(f"{sys.argv[1]}/wide", "w").write("[" + ",".join(
    '{"k%d": 1}' % i for i in range(5000)) + "]")
open(f"{sys.argv[1]}/wide.csv", "w").write("a," * 5000)
open(f"{sys.argv[1]}/quote", "w").write('"' + "x," * 1000000)
EOT
settings='{ "max_request_memory": 512, "address_space": 1024 }'
both 200 "$work/deep" csv
settings=
refused 413 "$work/wide" csv "4096 columns"
refused 413 "$work/wide.csv" '{}' "too many fields"
refused 422 "$work/quote" '{}' "no CSV"
end

begin plain_x86_64_is_enough
plain_x86_64 "$work/table" '{}'
plain_x86_64 "$work/wide.csv" '{"delimiter": ";", "header": false}'
end

finish
