#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh [ROUNDS]: json over mutated documents, with sanitizers.
. "$(dirname "$0")/../../tests/cli/lib.sh"
fuzzer=$PWD/build/asan/json_fuzz
cd "$work" || exit 2
cat >doc.json <<'EOT'
{ "a": [1, -2.5e3, "x\u00e9\n", {"b": null, "c": [true, false, [[]], {}]}],
  "d": "Grüße \ud83d\ude42", "e f": {"g": 12345678901234567890123} }
EOT
cat >doc.yaml <<'EOT'
# a comment
strings: [a b, "1", 'true', "a\tb\u00e9"]
block: |
  two
  lines
anchor: &a {x: 1, y: [2, 3.5e1, ~]}
alias: *a
nested:
- - !!str 1
  - ? k
    : v
--- >-
folded
EOT
begin mutations_of_json
for options in validate minify pretty '{"op": "pointer", "path": "/a/3"}' \
    '{"op": "merge", "with": {"a": null}}' \
    '{"op": "schema", "schema": {"required": ["a"]}}' \
    '{"op": "schema", "schema": {"anyOf": [{"type": "string", "pattern": "^(x|\\s)+$"}, {"items": {"$ref": "#"}, "uniqueItems": true}, {"additionalProperties": {"$ref": "#"}, "unevaluatedProperties": false}, {"multipleOf": 0.5}, {"const": null}]}}' \
    '{"op": "convert", "to": "yaml"}' '{"op": "convert", "to": "cbor"}' \
    '{"op": "jq", "filter": "[.. | scalars] | map(tojson | length)"}'; do
	expect_status 0 "$fuzzer" "${1:-1000}" "$options" doc.json
done
end
begin mutations_of_yaml
for options in '{"op": "convert", "from": "yaml"}' \
    '{"op": "convert", "from": "yaml", "to": "yaml"}'; do
	expect_status 0 "$fuzzer" "${1:-1000}" "$options" doc.yaml
done
end
python3 -c 'import sys
sys.stdout.buffer.write(bytes.fromhex("a861610102f7616383f93c00fa3f8ccccdfb"
    "3ff80000000000006164c249010000000000000000616542fffe6166c48221196ab3"
    "61679f0120ff61687f61616162ff"))' >doc.cbor
python3 -c 'import sys
sys.stdout.buffer.write(bytes.fromhex("96d6ff5a4af6a5d1ff00cb3ff8000000000000"
    "8101c402fffea26869dc000190"))' >doc.msgpack
begin mutations_of_binary_formats
for format in cbor msgpack; do
	expect_status 0 "$fuzzer" "${1:-1000}" \
	    "{\"op\": \"convert\", \"from\": \"$format\"}" doc.$format
done
end
finish
