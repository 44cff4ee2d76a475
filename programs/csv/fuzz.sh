#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh [ROUNDS]: csv over mutated tables, both ways, with sanitizers.
. "$(dirname "$0")/../../tests/cli/lib.sh"
fuzzer=$PWD/build/asan/csv_fuzz
cd "$work" || exit 2
printf 'id,"a ""name""",price,note\r\n%s%s' \
    '1,x,2.50,"a, b
c"
2,"",-3e5,true
' '3,,0.1,"Grüße"
' >table.csv
printf '[{"id": 1, "a": "x,\\"y\\"", "b": {"c": [1, {}, null, true]}},\n%s' \
    '{"a": "\u00fc\ud83d\ude42", "id": -2.5e-3, "d": ""}, {}]
{"id": 3} [ ]' >rows.json
begin mutations_of_csv
for options in '{"ragged": true}' '{"header": false, "lines": true}' \
    '{"delimiter": "auto", "quote": "'\''", "columns": ["id"], "ragged": true}'
do
	expect_status 0 "$fuzzer" "${1:-10000}" "$options" table.csv
done
end
begin mutations_of_json
for options in '{"to": "csv"}' '{"to": "csv", "columns": ["d", "a"]}'; do
	expect_status 0 "$fuzzer" "${1:-10000}" "$options" rows.json
done
end
finish
