#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# json, op jq, against jq.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh

begin jq_does_what_jq_does
printf '{"a": [3, 1, {"b": "x,\\"y\\""}], "t": "2015-03-05T23:51:47Z", "u": "Grüße"}' \
    >"$work/in"
while IFS= read -r filter; do
	python3 -c 'import json, sys
print(json.dumps({"op": "jq", "filter": sys.argv[1]}))' "$filter" \
	    >"$work/options"
	both 200 "$work/in" "$(cat "$work/options")"
	jq -c "$filter" "$work/in" | cmp -s - "$OUT" ||
	    wrong "$filter: $(head -c 200 "$OUT")"
done <<'EOT'
.
.a[]
.a | map(numbers) | sort | add
[paths]
.u | ascii_downcase, length, utf8bytelength, explode
.t | fromdateiso8601 | todateiso8601
.u | test("^gr.ß"; "i"), [match("[a-zü]+").string], sub("(?<x>ü)"; "<\(.x)>")
.a[:2] | @csv, @tsv, @json, @base64
reduce .a[:2][] as $x (0; . * 10 + $x)
[limit(5; repeat(1))], [range(0; 10; 3)], first(.a[])
try error("x") catch ., (.zz?.b // "none")
to_entries | from_entries | del(.a[0]) | .a[1] |= keys
def f($n): if $n < 2 then $n else f($n - 1) + f($n - 2) end; f(12)
tojson | fromjson | [.. | scalars] | sqrt? // "no number"
EOT
both 200 "$work/in" '{"op": "jq", "filter": ".a[$i] + $o.n",
    "args": {"i": 0, "o": {"n": 5}}}'
[ "$(cat "$OUT")" = 8 ] || wrong "args: $(cat "$OUT")"
both 200 "$work/in" '{"op": "jq", "filter": ".u", "raw": true}'
[ "$(cat "$OUT")" = Grüße ] || wrong "raw: $(cat "$OUT")"
printf '1 [2]\n{"a": 3}' >"$work/many"
both 200 "$work/many" '{"op": "jq", "filter": "[.]"}'
[ "$(tr '\n' ' ' <"$OUT")" = '[1] [[2]] [{"a":3}] ' ] || wrong "$(cat "$OUT")"
end

# A filter takes of jq's own functions what it calls; this one calls them all.
begin jq_has_all_its_functions
names=$(jq -nrc 'builtins - ["builtins/0"] | sort | .[]')
both 200 "$work/in" '{"op": "jq", "raw": true,
    "filter": "builtins - [\"builtins/0\"] | sort | .[]"}'
for f in $names; do
	grep -qxF -e "$f" "$OUT" || wrong "there is no $f"
done
calls=$(echo "$names" | sed 's|/0$||; s|/1$|(.)|; s|/2$|(.;.)|
    s|/3$|(.;.;.)|; s|/4$|(.;.;.;.)|' | grep -v / | paste -sd,)
both 200 "$work/in" "{\"op\": \"jq\", \"filter\":
    \"if .u then 1 else ($calls) end\"}"
[ "$(cat "$OUT")" = 1 ] || wrong "all: $(cat "$OUT")"
end

begin a_filter_of_main_and_one_of_the_request_both_run
if needs_kvm filters_of_main_run_in_machines; then
	settings='{"main_arguments":
	    ["{\"op\": \"jq\", \"filter\": \".u | length\"}"]}'
	in_machine "$work/in" '{}'
	[ "$(cat "$OUT")" = 5 ] || wrong "main's: $(cat "$OUT")"
	in_machine "$work/in" '{"filter": ".a | map(type) | unique"}'
	[ "$(cat "$OUT")" = '["number","object"]' ] ||
	    wrong "the request's: $(cat "$OUT")"
	settings=
	end
fi

begin jq_reads_all_documents
printf '1 2\n{"a":3}' >"$work/many"
while IFS= read -r filter; do
	both 200 "$work/many" "{\"op\": \"jq\", \"filter\": \"$filter\"}"
	jq -c "$filter" "$work/many" 2>/dev/null | cmp -s - "$OUT" ||
	    wrong "$filter: $(cat "$OUT")"
done <<'EOT'
[inputs]
[., inputs]
[., try input catch .]
first(inputs)
halt
EOT
both 200 "$work/many" '{"op": "jq", "filter": "map(. + .)?, length",
    "slurp": true}'
jq -c -s 'map(. + .)?, length' "$work/many" | cmp -s - "$OUT" ||
    wrong "slurp: $(cat "$OUT")"
refused 422 "$work/many" '{"op": "jq", "filter": "[., input]"}' "No more inputs"
printf '1 [' >"$work/bad"
for options in '"filter": "[inputs]"' '"slurp": true, "filter": "."'; do
	refused 422 "$work/bad" "{\"op\": \"jq\", $options}" "Unfinished"
done
end

begin wrong_filters_are_refused
while IFS='~' read -r status filter why; do
	refused "$status" "$work/in" "{\"op\": \"jq\", \"filter\": \"$filter\"}" \
	    "$why"
done <<'EOT'
400~.a[~syntax error
400~nothing_of_this_name~not defined
400~$x~not defined
400~import \"/etc/x\" as x; 1~module not found
400~include \"x\"; 1~module not found
422~.a.b~Cannot index
422~error(\"mine\")~mine
422~input~No more inputs
422~{b:1} | halt_error~{"b":1}
422~null | halt_error~null
422~\"x\" | halt_error~x
EOT
refused 400 "$work/in" '{"op": "jq"}' '"filter" is missing'
refused 400 "$work/in" '{"op": "jq", "filter": ".", "args": [1]}' "no object"
printf '{"a":' >"$work/bad"
refused 422 "$work/bad" '{"op": "jq", "filter": "."}' "no JSON"
python3 -c 'print("[" * 100000 + "]" * 100000)' >"$work/deep"
refused 422 "$work/deep" '{"op": "jq", "filter": "."}' depth
end

begin endless_filters_end
if needs_kvm endless_filters_end_in_machines; then
	settings='{"max_request_time": 0.5, "max_request_memory": 64}'
	for filter in 'def f: f; f' '[repeat(1)]'; do
		in_machine "$work/in" "{\"op\": \"jq\", \"filter\": \"$filter\"}"
		grep -q '^status 5' "$ERR" || wrong "$filter: $(head -c 200 "$ERR")"
	done
	settings=
fi
end

finish
