#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# compress: each format against the tool that everybody has for it.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh
settings='{"max_request_memory": 1024, "address_space": 2048,
    "max_request_time": 60}'
text=/usr/share/javascript/jquery/jquery.js

common_promises

# zlib and raw Deflate, for which there is no tool: python's zlib.
flate() {
	python3 -c 'import sys, zlib
window = {"zlib": 15, "deflate": -15}[sys.argv[1]]
data = sys.stdin.buffer.read()
if sys.argv[2] == "d":
    d = zlib.decompressobj(window)
    out = d.decompress(data) + d.flush()
    assert d.eof
else:
    c = zlib.compressobj(9, zlib.DEFLATED, window)
    out = c.compress(data) + c.flush()
sys.stdout.buffer.write(out)' "$@"
}

tool_of() {
	case $1 in
	br) echo brotli ;;
	*) echo "$1" ;;
	esac
}

# By the tool: decompress (d) or compress (c), standard input to output.
by_tool() {
	case $1:$2 in
	zlib:* | deflate:*) flate "$1" "$2" ;;
	*:d) "$(tool_of "$1")" -d -c ;;
	br:c) brotli -c ;;
	*:c) "$(tool_of "$1")" -c ;;
	esac
}

all="zstd br gzip deflate zlib lz4 xz bzip2"

begin every_format_is_read_by_its_own_tool
for a in $all; do
	both 200 "$text" "{\"algorithm\": \"$a\"}"
	by_tool "$a" d <"$OUT" >"$work/back" 2>/dev/null
	cmp -s "$work/back" "$text" || wrong "$a"
	[ "$(wc -c <"$OUT")" -lt 150000 ] || wrong "$a compresses too little"
done
end

begin every_tools_format_is_read
for a in $all; do
	by_tool "$a" c <"$text" >"$work/packed" 2>/dev/null
	both 200 "$work/packed" "{\"algorithm\": \"$a\", \"decompress\": true}"
	cmp -s "$OUT" "$text" || wrong "$a"
done
end

begin levels_trade_time_for_size
for a in zstd br gzip lz4 xz bzip2; do
	both 200 "$text" "{\"algorithm\": \"$a\", \"level\": 1}"
	low=$(wc -c <"$OUT")
	both 200 "$text" "{\"algorithm\": \"$a\", \"level\": 9}"
	[ "$(wc -c <"$OUT")" -lt "$low" ] || wrong "$a: 9 is not below 1"
done
refused 400 "$text" '{"algorithm": "xz", "level": 12}' '"level" of xz'
refused 400 "$text" '{"algorithm": "bzip2", "level": 0}' '"level" of bzip2'
refused 400 "$text" '{"level": 23}' '"level"'
refused 400 "$text" '{"level": -51}' '"level"'
refused 400 "$text" '{"level": -5, "algorithm": "gzip"}' '"level" of gzip'
refused 400 "$text" '{"level": 22, "algorithm": "br"}' '"level" of br'
before=
for level in -50 -5 1 19 22; do
	both 200 "$text" "{\"level\": $level}"
	zstd -d -c <"$OUT" | cmp -s - "$text" || wrong "zstd $level"
	now=$(wc -c <"$OUT")
	[ "$now" -le "${before:-$now}" ] || wrong "$level is larger"
	before=$now
done
end

begin small_and_empty_inputs_survive
printf 'x' >"$work/one"
for a in $all; do
	for f in "$work/one"; do
		both 200 "$f" "{\"algorithm\": \"$a\"}"
		cp "$OUT" "$work/packed"
		both 200 "$work/packed" \
		    "{\"algorithm\": \"$a\", \"decompress\": true}"
		cmp -s "$OUT" "$f" || wrong "$a"
	done
	"$binary" "{\"algorithm\": \"$a\"}" </dev/null |
	    "$binary" "{\"algorithm\": \"$a\", \"decompress\": true}" \
	    >"$work/none" || wrong "$a: empty"
	[ ! -s "$work/none" ] || wrong "$a: empty is not empty"
done
end

begin the_format_is_found_by_its_first_bytes
for a in zstd gzip zlib lz4 xz bzip2; do
	by_tool "$a" c <"$text" >"$work/packed" 2>/dev/null
	both 200 "$work/packed" '{"algorithm": "auto", "decompress": true}'
	cmp -s "$OUT" "$text" || wrong "$a"
done
refused 415 "$text" '{"algorithm": "auto", "decompress": true}' "no known kind"
end

# undo STATUS FILE ALGORITHM [WORDS]: decompressed at once, and as it is sent.
undo() {
	for how in false true; do
		options="{\"algorithm\": \"$3\", \"decompress\": true,
		    \"stream\": $how}"
		if [ "$1" = 200 ]; then
			both 200 "$2" "$options"
		else
			refused "$1" "$2" "$options" "${4:-}"
		fi
	done
}

begin members_and_frames_may_follow_each_other
head -c 50000 "$binary" >"$work/second"
cat "$text" "$work/second" "$work/one" >"$work/three"
for a in gzip bzip2 xz zstd lz4; do
	for f in "$text" "$work/second" "$work/one"; do
		by_tool "$a" c <"$f" 2>/dev/null
	done >"$work/packed"
	undo 200 "$work/packed" "$a"
	cmp -s "$work/three" "$OUT" || wrong "$a"
	undo 200 "$work/packed" auto
	cmp -s "$work/three" "$OUT" || wrong "$a by its first bytes"
	head -c -1 "$work/packed" >"$work/cut"
	undo 422 "$work/cut" "$a" "cut off"
done
end

begin skippable_frames_are_skipped
printf '\120\052\115\030\003\000\000\000abc' >"$work/skipped"
for a in zstd lz4; do
	by_tool "$a" c <"$text" >"$work/packed" 2>/dev/null
	cat "$work/skipped" "$work/packed" "$work/skipped" "$work/packed" \
	    "$work/skipped" >"$work/frames"
	for by in "$a" auto; do
		undo 200 "$work/frames" "$by"
		cat "$text" "$text" | cmp -s - "$OUT" || wrong "$a by $by"
	done
	{ cat "$work/packed"; head -c 10 "$work/skipped"; } >"$work/cut"
	undo 422 "$work/cut" "$a" "cut off"
done
# A length that ends beyond the input.
printf '\120\052\115\030\377\377\377\377abc' >"$work/cut"
undo 415 "$work/cut" auto "no known kind"
end

begin what_is_behind_the_end_is_refused
for a in $all; do
	by_tool "$a" c <"$text" >"$work/packed" 2>/dev/null
	for tail in x garbage 'BZh9 but no block'; do
		{ cat "$work/packed"; printf %s "$tail"; } >"$work/tailed"
		undo 422 "$work/tailed" "$a" "behind its end"
	done
done
end

begin zeros_behind_a_gzip_are_padding
gzip -c <"$text" >"$work/packed"
{ cat "$work/packed"; head -c 512 /dev/zero; } >"$work/padded"
undo 200 "$work/padded" gzip
cmp -s "$text" "$OUT" || wrong "512 zeros"
printf x >>"$work/padded"
undo 422 "$work/padded" gzip "behind its end"
for a in zlib deflate bzip2 zstd br lz4; do
	{ by_tool "$a" c <"$text" 2>/dev/null; head -c 4 /dev/zero; } \
	    >"$work/padded"
	undo 422 "$work/padded" "$a" "behind its end"
done
# xz pads, too, by fours (its format, 2.2).
{ xz -c <"$text"; head -c 8 /dev/zero; xz -c <"$text"; } >"$work/padded"
undo 200 "$work/padded" xz
cat "$text" "$text" | cmp -s - "$OUT" || wrong "xz with padding"
{ xz -c <"$text"; head -c 3 /dev/zero; } >"$work/padded"
undo 422 "$work/padded" xz "behind its end"
end

# Longer than what `stream` does at once, in either direction.
begin large_bodies_are_streamed_both_ways
{ cat "$text"; head -c 1000000 "$binary"; head -c 16000000 /dev/zero; } \
    >"$work/large"
for a in $all; do
	both 200 "$work/large" "{\"algorithm\": \"$a\", \"level\": 1,
	    \"stream\": true}"
	cp "$OUT" "$work/packed"
	by_tool "$a" d <"$work/packed" 2>/dev/null | cmp -s - "$work/large" ||
	    wrong "the tool does not read $a"
	undo 200 "$work/packed" "$a"
	cmp -s "$OUT" "$work/large" || wrong "$a does not come back"
	refused 413 "$work/packed" "{\"algorithm\": \"$a\", \"stream\": true,
	    \"decompress\": true, \"max_output\": 17000000}" max_output
	# What is wrong at the end is a status, before the first byte.
	head -c -1 "$work/packed" >"$work/cut"
	undo 422 "$work/cut" "$a" "cut off"
	[ ! -s "$work/native" ] || wrong "$a: some of it was sent"
done
refused 400 "$work/large" '{"algorithm": "xz", "level": 12, "stream": true}' \
    '"level" of xz'
both 422 "$work/cut" '{"decompress": true, "stream": true}'
"$binary" '{"algorithm": "xz", "level": 12, "stream": true,
    "onerror": "original"}' <"$work/large" 2>/dev/null |
    cmp -s - "$work/large" || wrong "the original is another"
end

begin bombs_end_at_max_output
for a in $all; do
	head -c 20000000 /dev/zero | by_tool "$a" c >"$work/bomb" 2>/dev/null
	refused 413 "$work/bomb" "{\"algorithm\": \"$a\", \"decompress\": true,
	    \"max_output\": 1000000}" max_output
done
head -c 1000000 /dev/zero | gzip -c >"$work/packed"
both 200 "$work/packed" '{"algorithm": "gzip", "decompress": true,
    "max_output": 1000000}'
[ "$(wc -c <"$OUT")" = 1000000 ] || wrong "not exactly the limit"
end

begin broken_inputs_are_refused
for a in $all; do
	by_tool "$a" c <"$text" >"$work/packed" 2>/dev/null
	size=$(wc -c <"$work/packed")
	head -c $((size / 2)) "$work/packed" >"$work/half"
	refused 422 "$work/half" \
	    "{\"algorithm\": \"$a\", \"decompress\": true}" "cut off"
	head -c 5000 "$binary" >"$work/noise"
	both 422 "$work/noise" "{\"algorithm\": \"$a\", \"decompress\": true}"
done
end

begin mutated_inputs_never_break_the_machine
for a in $all; do
	by_tool "$a" c <"$text" >"$work/packed" 2>/dev/null
	for seed in $(seq 12); do
		python3 -c 'import random, sys
data = bytearray(open(sys.argv[1], "rb").read())
r = random.Random(sys.argv[2])
for _ in range(5):
    data[r.randrange(len(data))] = r.randrange(256)
sys.stdout.buffer.write(data)' "$work/packed" "$seed" >"$work/mutant"
		"$binary" "{\"algorithm\": \"$a\", \"decompress\": true}" \
		    <"$work/mutant" >"$OUT" 2>"$ERR"
		[ $? -le 1 ] || wrong "$a, seed $seed: it crashed"
	done
done
end

# In a shell the header comes from the environment.
begin the_client_chooses_by_weights
while IFS='|' read -r accept magic; do
	HTTP_ACCEPT_ENCODING=$accept "$binary" '{"algorithm": "auto"}' \
	    <"$work/second" >"$OUT" 2>"$ERR" || wrong "$(cat "$ERR")"
	case $magic in
	same) cmp -s "$OUT" "$work/second" || wrong "$accept: not as it was" ;;
	br) brotli -d -c <"$OUT" 2>/dev/null | cmp -s - "$work/second" ||
	    wrong "$accept: no br" ;;
	*) [ "$(head -c 2 "$OUT" | od -An -tx1 | tr -d ' ')" = "$magic" ] ||
	    wrong "$accept: not $magic" ;;
	esac
done <<'EOT'
gzip, br, zstd|28b5
gzip;q=1.0, zstd;q=0.5|1f8b
zstd;q=0, br;q=0.000, gzip|1f8b
br ; q=0.3 , zstd;q=0.2|br
*|28b5
*;q=0.5, zstd;q=0|br
*;q=0, gzip|1f8b
*;q=0|same
identity|same
brotli, xzstd, gzipped|same
GZIP|1f8b
gzip;|1f8b
gzip;q|1f8b
;q=1,,|same
zstd;q=-1, gzip;q=0.1|1f8b
EOT
end

begin only_what_becomes_smaller
head -c 5000 /dev/urandom >"$work/dense"
both 200 "$work/dense" '{"only_if_smaller": true}'
cmp -s "$OUT" "$work/dense" || wrong "it was compressed"
both 200 "$work/dense" '{}'
[ "$(wc -c <"$OUT")" -gt 5000 ] || wrong "it would have been smaller"
both 200 "$text" '{"only_if_smaller": true}'
zstd -d -c <"$OUT" | cmp -s - "$text" || wrong "it is no zstd"
head -c 2000000 /dev/urandom >"$work/dense"
both 200 "$work/dense" '{"only_if_smaller": true, "stream": true}'
cmp -s "$OUT" "$work/dense" || wrong "it was compressed as it came"
refused 400 "$work/dense" '{"only_if_smaller": true, "decompress": true}' \
    '"only_if_smaller"'
end

begin a_zstd_dictionary_helps_small_texts
head -c 4000 "$text" >"$work/dictionary"
head -c 600 "$text" | tail -c 300 >"$work/small"
"$binary" '{}' <"$work/small" >"$work/without"
"$binary" "{\"dictionary\": \"$work/dictionary\"}" <"$work/small" >"$work/with"
[ "$(wc -c <"$work/with")" -lt $(($(wc -c <"$work/without") / 2)) ] ||
    wrong "it does not help"
"$binary" "{\"dictionary\": \"$work/dictionary\", \"decompress\": true}" \
    <"$work/with" | cmp -s - "$work/small" || wrong "it does not come back"
end

begin only_zstd_has_dictionaries
for a in br gzip deflate zlib lz4 xz bzip2; do
	refused 400 "$text" "{\"algorithm\": \"$a\",
	    \"dictionary\": \"$work/dictionary\"}" '"dictionary"'
	by_tool "$a" c <"$text" >"$work/packed" 2>/dev/null
	refused 400 "$work/packed" "{\"algorithm\": \"$a\",
	    \"decompress\": true, \"dictionary\": \"$work/dictionary\"}" \
	    '"dictionary"'
done
end

begin plain_x86_64_is_enough
if command -v qemu-x86_64 >/dev/null; then
	qemu-x86_64 -cpu qemu64 "$binary" '{}' <"$text" | zstd -d -c |
	    cmp -s - "$text" || wrong "the result differs"
fi
end

finish
