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

begin a_process_and_a_machine_tell_how_long_their_work_took
python3 -c 'import struct, sys
sys.stdout.buffer.write(b"".join(struct.pack("=Q", len(s)) + s for s in
    (b"any", b"", b"x" * 300000)))' >"$work/in"
"$binary" --serve '{}' <"$work/in" >"$OUT" 2>"$ERR" || wrong "$(cat "$ERR")"
python3 -c 'import base64, struct, sys
data = sys.stdin.buffer.read()
for want in (b"any", b"", b"x" * 300000):
    ticks, n = struct.unpack("=QQ", data[:16])
    assert ticks > 0 and base64.b64decode(data[16:16 + n]) == want
    data = data[16 + n + 1:]
assert data == b""' <"$OUT" 2>"$ERR" || wrong "$(tail -n 1 "$ERR")"
if [ -n "$kvm" ]; then
	settings='{"main_arguments": ["--timed"]}'
	in_machine "$work/in" '{}'
	has "$ERR" "status 200"
	[ "$(wc -c <"$OUT")" = 8 ] || wrong "no number of 8 bytes"
	in_machine "$work/in" '{"no": 1}'
	has "$ERR" "status 400"
	settings='{"main_arguments": ["{\"decode\": true}", "--timed"]}'
	in_machine "$work/in" '{}'
	has "$ERR" "status 422"
	settings=
fi
end

begin plain_x86_64_is_enough
plain_x86_64 "$binary" '{}'
plain_x86_64 "$binary" '{"url_safe": true}'
end

finish
