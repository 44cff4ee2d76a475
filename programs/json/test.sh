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

begin schemas_mean_what_python_says
python3 programs/json/schemas.py "$binary" 400 2>"$ERR" ||
    wrong "$(tail -n 1 "$ERR")"
end

# checks SCHEMA DOCUMENT: the document fits.
checks() {
	printf '%s' "$2" >"$work/value"
	both "$3" "$work/value" "{\"op\": \"schema\", \"schema\": $1}"
}

begin schemas_of_all_drafts_and_their_references
while IFS=';' read -r status schema value; do
	checks "$schema" "$value" "$status"
done <<'EOT'
422;{"type": "string", "pattern": "^\\d+$"};"x"
200;{"type": "string", "pattern": "^\\d+$"};"12"
422;{"pattern": "^(?:a|b)(?!c)[\\w\\-]$"};"acc"
200;{"pattern": "^(?:a|b)(?!c)[\\w\\-]$"};"a-"
200;{"pattern": "^a\\u00a0\\s\\v$"};"a\u00a0\u2003\u000b"
422;{"pattern": "a$"};"a\n"
422;false;1
422;{"contains": {"const": 1}};[2]
200;{"contains": {"const": 1}, "minContains": 0, "maxContains": 1};[2]
422;{"contains": {"const": 1}, "maxContains": 1};[1, 1]
422;{"propertyNames": {"maxLength": 1}};{"ab": 1}
422;{"dependentRequired": {"a": ["b"]}};{"a": 1}
422;{"dependentSchemas": {"a": {"required": ["b"]}}};{"a": 1}
422;{"if": {"type": "null"}, "then": false};null
422;{"if": {"type": "null"}, "else": false};1
422;{"exclusiveMaximum": 5};5
422;{"oneOf": [true, true]};1
422;{"not": {"type": "null"}};null
200;{"multipleOf": 0.01};19.99
422;{"multipleOf": 0.01};19.995
422;{"const": 12345678901234567890123.5};12345678901234567890123.6
200;{"const": {"a": 1, "b": [1.0]}};{"b": [1], "a": 1.00}
422;{"uniqueItems": true};[{"a": 1, "b": 2}, {"b": 2.0, "a": 1}]
200;{"uniqueItems": true};[1, true, "1", [1], {"a": 1}]
200;{"minLength": 2, "maxLength": 2};"ü🙂"
422;{"minimum": 1, "exclusiveMinimum": true};1
422;{"items": [{"type": "null"}], "additionalItems": false};[null, 1]
422;{"$ref": "#/$defs/a", "$defs": {"a": {"const": 1}}};2
422;{"$ref": "#b", "$defs": {"a": {"$anchor": "b", "const": 1}}};2
422;{"$id": "http://x/y/z", "$ref": "q", "$defs": {"a": {"$id": "/y/q", "const": 1}}};2
422;{"properties": {"a/b~": {"$ref": "#/properties/c%25"}, "c%": {"type": "null"}}};{"a/b~": 1}
422;{"properties": {"a": {"$ref": "#"}}, "additionalProperties": false};{"a": {"a": {"b": 1}}}
200;{"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "const": 2, "definitions": {"a": true}};1
422;{"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false};{"b": 1}
200;{"anyOf": [{"properties": {"a": true}}, {"required": ["z"]}], "unevaluatedProperties": false};{"a": 1}
422;{"prefixItems": [true], "contains": {"const": 1}, "unevaluatedItems": false};[2, 1, 2]
422;{"$schema": "http://json-schema.org/draft-04/schema#", "type": "integer"};1.0
200;{"$comment": "c", "description": "d", "x-own": 1, "format": "date"};"no date"
EOT
checks '{"properties": {"a/b": {"items": {"type": "null"}}}}' \
    '{"a/b": [null, 1]}' 422
[ -n "$kvm" ] || cp "$ERR" "$OUT"
has "$OUT" '#/a~1b/1 is not what the schema wants: "type"'
end

begin schemas_that_cannot_be_kept_to_are_refused
while IFS='~' read -r schema why; do
	refused 400 "$work/in" "{\"op\": \"schema\", \"schema\": $schema}" "$why"
done <<'EOT'
[]~neither an object nor
1~neither an object nor
{"$schema": "http://json-schema.org/draft-03/schema#"}~none of drafts
{"$schema": "https://example.org/own"}~none of drafts
{"$ref": "http://example.org/"}~leads out of the schema
{"properties": {"x": {"$ref": "other.json#/a"}}}~leads out of the schema
{"$ref": "#/$defs/none"}~leads nowhere
{"$ref": "#/x", "x": 5}~what is no schema
{"$dynamicRef": "#a"}~"$dynamicRef" is not supported
{"$recursiveRef": "#"}~"$recursiveRef" is not supported
{"$schema": "http://json-schema.org/draft-04/schema#", "const": 1}~"const" is none of its draft
{"$schema": "http://json-schema.org/draft-07/schema#", "prefixItems": []}~"prefixItems" is none
{"$schema": "https://json-schema.org/draft/2020-12/schema", "items": [{}]}~"prefixItems" in its draft
{"$schema": "http://json-schema.org/draft-07/schema#", "exclusiveMinimum": true}~is no number
{"type": "strng"}~"type" is none of the types
{"required": "a"}~"required" is no list
{"minimum": "5"}~"minimum" is no number
{"maxLength": -1}~"maxLength" is no whole number
{"multipleOf": 0}~"multipleOf" is no number above 0
{"properties": {"a": 1}}~"properties" is no object of schemas
{"not": []}~"not" is no schema
{"pattern": "("}~parenthesis
{"pattern": "(?i)x"}~no group
{"pattern": "a++"}~nothing that "+" could repeat
{"pattern": "\\Ax"}~ECMA 262 has no \A
{"pattern": "[\\S]"}~\S within brackets
{"patternProperties": {"[b-a]": true}}~range out of order
EOT
end

begin endless_schemas_end
for schema in '{"$ref": "#"}' '{"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}'; do
	refused 413 "$work/in" "{\"op\": \"schema\", \"schema\": $schema}" \
	    'round in circles'
done
# Twice as much for each level.
python3 -c 'import json
defs = {f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i+1}"}] * 2}
    for i in range(40)}
defs["d40"] = False
print(json.dumps({"op": "schema", "schema": {"$ref": "#/$defs/d0",
    "$defs": defs}}))' >"$work/options"
refused 413 "$work/in" "$(cat "$work/options")" steps
python3 -c 'print("\"" + "a" * 40 + "!\"")' >"$work/value"
refused 413 "$work/value" \
    '{"op": "schema", "schema": {"pattern": "^(a|a)*$"}}' "takes too long"
end

begin what_is_not_changed_stays_as_it_is
printf '%s' '{"z":1.50,"a":12345678901234567890123,"m":{"y":1e400,"b":-0.0,"x":2}}' \
    >"$work/exact"
while IFS='|' read -r options want; do
	both 200 "$work/exact" "$options"
	[ "$(tr '\n' ' ' <"$OUT" | sed 's/ $//')" = "$want" ] ||
	    wrong "$options: $(cat "$OUT")"
done <<'EOT'
{"op": "pretty", "indent": 0}|{ "z": 1.50, "a": 12345678901234567890123, "m": { "y": 1e400, "b": -0.0, "x": 2 } }
{"op": "convert"}|{"z":1.50,"a":12345678901234567890123,"m":{"y":1e400,"b":-0.0,"x":2}}
{"op": "pointer", "path": "/m"}|{"y":1e400,"b":-0.0,"x":2}
{"op": "merge", "with": {"m": {"b": null}, "n": 1}}|{"z":1.50,"a":12345678901234567890123,"m":{"y":1e400,"x":2},"n":1}
{"op": "patch", "with": [{"op": "test", "path": "/z", "value": 1.5}, {"op": "move", "from": "/a", "path": "/m/a"}]}|{"z":1.50,"m":{"y":1e400,"b":-0.0,"x":2,"a":12345678901234567890123}}
{"op": "diff", "with": {"a": 1, "z": 1.5, "m": {"x": 2.0, "b": 0, "y": 10e399}}}|[{"op":"replace","path":"/a","value":1}]
EOT
python3 -c 'import json
print(json.dumps({f"k{i * 7919 % 50000}": i for i in range(50000)}))' \
    >"$work/wide"
both 200 "$work/wide" '{"op": "merge", "with": {"k9": null, "k44": null}}'
python3 - "$work/wide" "$OUT" 2>"$ERR" <<'EOT' || wrong "$(tail -n 1 "$ERR")"
import json, sys
want = json.load(open(sys.argv[1]))
del want["k9"], want["k44"]
assert list(json.load(open(sys.argv[2])).items()) == list(want.items())
EOT
printf '["\\ud83d"]' >"$work/half"
for op in pretty pointer convert; do
	refused 422 "$work/half" "{\"op\": \"$op\"}" "half of a character"
done
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

# to_json FORMAT BYTES
to_json() {
	printf "$2" >"$work/bytes"
	both "$3" "$work/bytes" "{\"op\": \"convert\", \"from\": \"$1\"}"
	[ -n "$kvm" ] || [ "$3" = 200 ] || cp "$ERR" "$OUT"
}

begin binary_formats_say_more_than_json
while IFS='|' read -r format bytes want; do
	to_json "$format" "$bytes" 200
	[ "$(cat "$OUT")" = "$want" ] || wrong "$bytes: $(cat "$OUT")"
done <<'EOT'
cbor|\300\1642013-03-21T20:04:00Z|"2013-03-21T20:04:00Z"
cbor|\302\111\001\0\0\0\0\0\0\0\0|18446744073709551616
cbor|\303\111\001\0\0\0\0\0\0\0\0|-18446744073709551617
cbor|\073\377\377\377\377\377\377\377\377|-18446744073709551616
cbor|\304\202\041\031\152\263|27315e-2
cbor|\367|null
cbor|\371\174\000|null
cbor|\371\074\001|1.0009765625
cbor|\242\001\002\040\003|{"1":2,"-1":3}
cbor|\241\101\377\001|{"_w":1}
cbor|\102\377\376|"__4"
cbor|\237\001\177\141a\141b\377\377|[1,"ab"]
cbor|\277\141a\001\377|{"a":1}
msgpack|\326\377\132\112\366\245|"2018-01-02T03:04:05Z"
msgpack|\327\377\0\0\0\010\0\0\0\0|"1970-01-01T00:00:00.000000002Z"
msgpack|\201\001\304\002\377\376|{"1":"__4"}
msgpack|\321\377\000|-256
msgpack|\336\0\001\241a\313\277\370\0\0\0\0\0\0|{"a":-1.5}
EOT
while IFS='|' read -r format bytes why; do
	to_json "$format" "$bytes" 422
	has "$OUT" "$why"
done <<'EOT'
cbor|\305\202\041\031\152\263|tag 5
cbor|\242\001\002\001\003|comes twice
cbor|\241\200\001|a key is a list
cbor|\302\141a|no string of bytes
cbor|\304\202\001|too early
cbor|\304\001|no pair
cbor|\340|not known
cbor|\377|not known
cbor|\037|no such length
cbor|\337\001|no such length
cbor|\141\377|no UTF-8
cbor|\133\377\377\377\377\377\377\377\376|too early
cbor|\001\001|more follows
msgpack|\324\001\000|extension 1
msgpack|\301|no such type
msgpack|\335\377\377\377\377|too early
EOT
python3 -c 'import sys
sys.stdout.buffer.write(b"\xc2\x5a\x00\x10\x00\x00" + b"\xff" * 0x100000)' \
    >"$work/bytes"
refused 422 "$work/bytes" '{"op": "convert", "from": "cbor"}' "more than 512"
python3 -c 'import sys
sys.stdout.buffer.write(b"\xc1" * 100000 + b"\x00")' >"$work/bytes"
refused 413 "$work/bytes" '{"op": "convert", "from": "cbor"}' nested
printf '[12345678901234567890123,-12345678901234567890123,18446744073709551615,1.5]' \
    >"$work/exact"
both 200 "$work/exact" '{"op": "convert", "to": "cbor"}'
cp "$OUT" "$work/bytes"
both 200 "$work/bytes" '{"op": "convert", "from": "cbor"}'
cmp -s "$OUT" "$work/exact" || wrong "big numbers: $(cat "$OUT")"
printf '1e400' >"$work/exact"
refused 422 "$work/exact" '{"op": "convert", "to": "msgpack"}' "too large"
end

begin yaml_is_what_python_reads
cat >"$work/in.yaml" <<'EOT'
# a comment
strings: [a b, "1", 'true', "a\tb", 2001x, yes no]
numbers: [1, -2, 1.5, 1.0e+3, 0x1F]
others: [true, false, null, ~, ]
block: |
  two
  lines
folded: >-
  one
  line
anchor: &a {x: 1, y: [2, 3]}
alias: *a
"quoted key": {}
nested:
- - 1
  - - 2
-
EOT
both 200 "$work/in.yaml" '{"op": "convert", "from": "yaml"}'
python3 - "$work/in.yaml" "$OUT" 2>"$ERR" <<'EOT' || wrong "$(tail -n 1 "$ERR")"
import json, sys, yaml
got = json.load(open(sys.argv[2]))
want = yaml.safe_load(open(sys.argv[1]))
assert got == want, (got, want)
EOT
printf -- '---\na: 1\n---\n- b\n' >"$work/in.yaml"
both 200 "$work/in.yaml" '{"op": "convert", "from": "yaml"}'
[ "$(cat "$OUT")" = '[{"a":1},["b"]]' ] || wrong "$(cat "$OUT")"
end

begin yaml_values_are_what_they_say
while IFS='|' read -r text want; do
	printf '%b\n' "$text" >"$work/in.yaml"
	both 200 "$work/in.yaml" '{"op": "convert", "from": "yaml"}'
	[ "$(cat "$OUT")" = "$want" ] || wrong "$text: $(cat "$OUT")"
done <<'EOT'
9223372036854775808|9223372036854775808
-9223372036854775809|-9223372036854775809
0xFFFFFFFFFFFFFFFFFF|4722366482869645213695
0o17|15
[01234, +5, -0, .5, -1., 1.e-3, 1e400, 1e]|[1234,5,-0,0.5,-1.0,1.0e-3,1e400,"1e"]
!!str 01234|"01234"
! 12|"12"
!own 12|"12"
[!!int "0x10", !!float 3, !!bool True, !!null ~]|[16,3,true,null]
a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}|{"a":{"x":1,"y":2},"b":{"x":3,"y":2}}
<<: [{a: 1}, {a: 2, b: 3}]|{"a":1,"b":3}
"<<": 1|{"<<":1}
---\n!!str 1\n---\n1|["1",1]
z: 1\na: 2|{"z":1,"a":2}
EOT
end

begin yaml_comes_back
cat >"$work/strings" <<'EOT'
["", " ", "a b", "1", "-1.5", "1_000", "0x1F", "0o7", "1e3", ".inf", "true",
 "Yes", "no", "ON", "off", "y", "null", "~", "2001-01-01", "1:30:00", "=", "<<",
 ": a", "a: b", "a #b", "# a", "- a", "-", "---", "...", "?", "? a", "[a", "{a",
 "*a", "&a", "!a", "|", ">", "%a", "@a", "`a", "'a", "\"a", "a'b", "a\"b", "a\\b",
 "two\nlines", "two\nlines\n", "\nx", " x\ny", "x \n", "\t", "a\tb", "\u0000\u0007",
 "é", "\u2028", "\ufeff", "\u0085", "🙂", "a,b", "a]", "trailing ", {"yes": 1,
 "a: b": [[], {}, [[]], {"x": {}}], "": null}, 1, -1, 1.5, 1e300, true, null]
EOT
both 200 "$work/strings" '{"op": "convert", "to": "yaml"}'
cp "$OUT" "$work/out.yaml"
python3 - "$work/strings" "$work/out.yaml" 2>"$ERR" <<'EOT' || wrong "$(tail -n 1 "$ERR")"
import json, sys, yaml
want = json.load(open(sys.argv[1]))
got = yaml.safe_load(open(sys.argv[2], encoding="utf-8"))
for a, b in zip(want, got):
    assert a == b and type(a) is type(b), (a, b)
assert len(want) == len(got)
EOT
both 200 "$work/out.yaml" '{"op": "convert", "from": "yaml"}'
same "$OUT" "$work/strings" "there and back"
end

begin yaml_bombs_and_broken_yaml_are_refused
python3 -c '
print("a: &a [x, x, x, x, x, x, x, x, x, x]")
for a, b in zip("abcdefgh", "bcdefghi"):
    print(f"{b}: &{b} [" + ", ".join([f"*{a}"] * 10) + "]")' >"$work/bomb"
refused 413 "$work/bomb" '{"op": "convert", "from": "yaml"}' aliases
while IFS='|' read -r text status why; do
	printf '%b' "$text" >"$work/bad"
	refused "$status" "$work/bad" '{"op": "convert", "from": "yaml"}' "$why"
done <<'EOT'
a: &a [*a]|413|nested
a: [|422|no YAML: line
a: *none|422|alias
a: b: c|422|no YAML: line 1
[a]: b|422|a key is
a: 1\na: 2|422|line 2: the key "a" comes twice
!!int x|422|not what its tag says
!!bool 1|422|not what its tag says
<<: 1|422|of mappings only
<<: [1]|422|of mappings only
\0377|422|no YAML
EOT
python3 -c 'print("[" * 100000)' >"$work/bad"
refused 413 "$work/bad" '{"op": "convert", "from": "yaml"}' nested
python3 -c 'print("0x" + "f" * 1000000)' >"$work/bad"
refused 413 "$work/bad" '{"op": "convert", "from": "yaml"}' "digits"
end

begin mutations_never_break_the_machine
for seed in $(seq 40); do
	python3 -c 'import random, sys
data = bytearray(open(sys.argv[1], "rb").read())
r = random.Random(sys.argv[2])
for _ in range(4):
    data[r.randrange(len(data))] = r.choice(b"{}[]\",:0e-\\x\xff")
sys.stdout.buffer.write(data)' "$work/doc" "$seed" >"$work/mutant"
	for op in minify pretty pointer schema convert jq; do
		"$binary" "{\"op\": \"$op\", \"schema\": {},
		    \"filter\": \".\"}" <"$work/mutant" \
		    >"$OUT" 2>"$ERR"
		[ $? -le 1 ] || wrong "$op, seed $seed: $(head -c 200 "$ERR")"
	done
done
end

begin old_processors_can_run_it
for options in minify '{"op": "jq", "filter": ".a"}' \
    '{"op": "convert", "to": "yaml"}'; do
	"$binary" "$options" <"$work/doc" >"$work/want"
	qemu-x86_64 -cpu qemu64 "$binary" "$options" <"$work/doc" |
	    cmp -s - "$work/want" || wrong "$options differs"
done
end

finish
