#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# json against jq and python.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh

common_promises

printf '%s\n' '{ "a" : [1, 2.50, -3e5, 12345678901234567890], "b" : "x\u00e9\n",' \
    '  "c": { }, "d": [ ], "e": [true, false, null], "f\"": {"g": [{"h": 1}]} }' \
    >"$work/doc"

# Both files hold the same document.
same() {
	jq -S . "$1" >"$work/one" 2>/dev/null && jq -S . "$2" >"$work/two" &&
	    cmp -s "$work/one" "$work/two" || wrong "$3: $(head -c 300 "$1")"
}

begin minify_and_pretty_keep_the_document
both 200 "$work/doc" '{"op": "minify"}'
same "$OUT" "$work/doc" minify
has "$OUT" '[1,2.50,-3e5,12345678901234567890]'
[ "$(tr -d -c ' \n' <"$OUT" | wc -c)" = 0 ] || wrong "it has blanks"
cp "$OUT" "$work/small"
both 200 "$work/small" '{"op": "pretty", "indent": 3}'
same "$OUT" "$work/doc" pretty
has "$OUT" '   "a": ['
end

begin real_documents_survive
find /usr/share /usr/lib/python3* -name '*.json' -size +2k -size -2000k \
    2>/dev/null | head -n 20 >"$work/list"
while read -r f; do
	jq . "$f" >/dev/null 2>&1 || continue
	both 200 "$f" '{"op": "minify"}'
	same "$OUT" "$f" "$f"
done <"$work/list"
end

begin what_is_no_json_is_refused_with_its_place
while IFS= read -r text; do
	printf '%s' "$text" >"$work/bad"
	refused 422 "$work/bad" '{"op": "validate"}' "no JSON: line 1, byte"
done <<'EOT'
{"a": 1,}
{"a" 1}
[1, 2
{'a': 1}
[01]
[1.]
["\x"]
nul
{"a": 1} x
EOT
printf '[1,\n2,\n]\n' >"$work/bad"
refused 422 "$work/bad" '{"op": "validate"}' "line 3"
printf '["\377"]' >"$work/bad"
refused 422 "$work/bad" '{"op": "validate"}' "no JSON"
both 200 "$work/doc" '{"op": "validate"}'
cmp -s "$OUT" "$work/doc" || wrong "it was changed"
end

begin nesting_is_bounded
python3 -c 'print("[" * 1000 + "]" * 1000)' >"$work/deep"
python3 -c 'print("[" * 100000 + "]" * 100000)' >"$work/deeper"
both 200 "$work/deep" '{}'
for op in validate minify pretty pointer schema convert; do
	refused 413 "$work/deeper" "{\"op\": \"$op\", \"schema\": {}}" nested
done
end

begin pointers_name_parts
while IFS='|' read -r path want; do
	both 200 "$work/doc" "{\"op\": \"pointer\", \"path\": \"$path\"}"
	[ "$(cat "$OUT")" = "$want" ] || wrong "$path is $(cat "$OUT")"
done <<'EOT'
/a/0|1
/f\"/g/0|{"h":1}
/e|[true,false,null]
EOT
refused 404 "$work/doc" '{"op": "pointer", "path": "/zz"}' "nothing at"
refused 404 "$work/doc" '{"op": "pointer", "path": "/a/99"}' "nothing at"
refused 400 "$work/doc" '{"op": "pointer", "path": "a"}' "no pointer"
end

begin patches_change_documents
printf '{"a": [1, 2], "b": 3}' >"$work/in"
both 200 "$work/in" '{"op": "patch", "with": [
    {"op": "add", "path": "/a/-", "value": 9},
    {"op": "remove", "path": "/b"}, {"op": "test", "path": "/a/0", "value": 1}]}'
[ "$(cat "$OUT")" = '{"a":[1,2,9]}' ] || wrong "patch: $(cat "$OUT")"
both 200 "$work/in" '{"op": "merge", "with": {"b": null, "c": {"d": 1}}}'
[ "$(cat "$OUT")" = '{"a":[1,2],"c":{"d":1}}' ] || wrong "$(cat "$OUT")"
both 200 "$work/in" '{"op": "diff", "with": {"a": [1, 2], "b": 4}}'
has "$OUT" '"path":"/b"'
refused 422 "$work/in" '{"op": "patch", "with": [{"op": "test", "path": "/b",
    "value": 4}]}' "does not fit"
refused 422 "$work/in" '{"op": "patch", "with": [{"op": "remove",
    "path": "/x"}]}' "does not fit"
refused 400 "$work/in" '{"op": "patch"}' '"with"'
end

begin schemas_are_applied
schema='{"type": "object", "required": ["a"], "properties": {
    "a": {"type": "array", "items": {"type": "integer", "maximum": 5}}}}'
both 200 "$work/in" "{\"op\": \"schema\", \"schema\": $schema}"
cmp -s "$OUT" "$work/in" || wrong "it was changed"
printf '{"a": [1, 7]}' >"$work/bad"
refused 422 "$work/bad" "{\"op\": \"schema\", \"schema\": $schema}" '#/a/1'
printf '{}' >"$work/bad"
refused 422 "$work/bad" "{\"op\": \"schema\", \"schema\": $schema}" required
refused 400 "$work/in" '{"op": "schema"}' '"schema" is missing'
printf '%s' "$schema" >"$work/schema"
"$binary" "{\"op\": \"schema\", \"schema\": \"$work/schema\"}" <"$work/in" |
    cmp -s - "$work/in" || wrong "a schema by name"
end

begin cbor_and_messagepack_come_back
for to in cbor msgpack; do
	both 200 "$work/in" "{\"op\": \"convert\", \"to\": \"$to\"}"
	cp "$OUT" "$work/binary"
	case $to in
	cbor) want=a2616182010261620 ;;
	msgpack) want=82a16192 ;;
	esac
	od -An -tx1 "$work/binary" | tr -d ' \n' | grep -q "^$want" ||
	    wrong "$to: $(od -An -tx1 "$work/binary")"
	[ -n "$kvm" ] || continue
	type=application/$to
	in_machine "$work/binary" '{"op": "convert"}'
	same "$OUT" "$work/in" "$to"
	head -c 5 "$work/binary" >"$work/cut"
	in_machine "$work/cut" '{"op": "convert"}'
	has "$ERR" "status 422"
	# Arrays in arrays in arrays.
	case $to in
	cbor) python3 -c 'import sys
sys.stdout.buffer.write(b"\x81" * 100000 + b"\x00")' >"$work/nested" ;;
	msgpack) python3 -c 'import sys
sys.stdout.buffer.write(b"\x91" * 100000 + b"\x00")' >"$work/nested" ;;
	esac
	in_machine "$work/nested" '{"op": "convert"}'
	has "$ERR" "status 413"
	type=application/octet-stream
done
end

begin mutations_never_break_the_machine
for seed in $(seq 40); do
	python3 -c 'import random, sys
data = bytearray(open(sys.argv[1], "rb").read())
r = random.Random(sys.argv[2])
for _ in range(4):
    data[r.randrange(len(data))] = r.choice(b"{}[]\",:0e-\\x\xff")
sys.stdout.buffer.write(data)' "$work/doc" "$seed" >"$work/mutant"
	for op in minify pretty pointer schema convert; do
		"$binary" "{\"op\": \"$op\", \"schema\": {}}" <"$work/mutant" \
		    >"$OUT" 2>"$ERR"
		[ $? -le 1 ] || wrong "$op, seed $seed: $(head -c 200 "$ERR")"
	done
done
end

finish
