#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# base64 against coreutils' own.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh

common_promises

begin options_that_are_only_nearly_json_are_refused
printf x >"$work/x"
for options in '{"decode": false} trailing' "{'decode': false}" \
    '{"decode": false,}' '{decode: false}' '{"decode": false}}' \
    '{"decode": false} {}' '{"decode": /* no */ false}' '{"decode": NaN}' \
    '{"decode": 1.}' '{"decode": 01}' '{"decode": "\q"}' '{"decode": False}'
do
	refused 400 "$work/x" "$options" "no valid JSON"
done
for options in ' {"decode" : false }
    ' '{"onerror": "fail"}' '{}' ''; do
	both 200 "$work/x" "$options"
done
# In a string all of it may be.
refused 400 "$work/x" "{\"it's /*\\\"NaN\": 1.5}" "no option"
end

begin encodes_and_decodes_as_coreutils_does
for n in 1 2 3 4 57 1000 300001; do
	head -c "$n" "$binary" >"$work/in"
	both 200 "$work/in" '{}'
	base64 -w0 "$work/in" | cmp -s - "$OUT" || wrong "$n bytes encoded"
	base64 "$work/in" >"$work/text"
	both 200 "$work/text" '{"decode": true}'
	cmp -s "$work/in" "$OUT" || wrong "$n bytes decoded"
done
end

begin url_safe_alphabet_has_no_padding
printf '\373\377\376\001' >"$work/in"
both 200 "$work/in" '{"url_safe": true}'
[ "$(cat "$OUT")" = "-__-AQ" ] || wrong "it is $(cat "$OUT")"
end

begin what_is_not_base64_is_refused
for word in 'AAA*' 'A' 'AB' 'AA=' 'A=AA' 'AA===' 'AAAA='; do
	printf %s "$word" >"$work/in"
	both 422 "$work/in" '{"decode": true}'
done
end

begin the_original_is_delivered_on_failure_when_asked_for
printf 'not base64!' >"$work/in"
if [ -n "$kvm" ]; then
	in_machine "$work/in" '{"decode": true, "onerror": "original"}'
	has "$ERR" "status 200"
	cmp -s "$work/in" "$OUT" || wrong "it is $(cat "$OUT")"
fi
end

begin plain_x86_64_is_enough
plain_x86_64 "$binary" '{}'
plain_x86_64 "$binary" '{"url_safe": true}'
end

finish
