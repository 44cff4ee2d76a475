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
finish
