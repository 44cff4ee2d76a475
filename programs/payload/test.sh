#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# payload: bodies of a size and a pattern; its other names are in payload.vtc.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh
printf 'the input' >"$work/in"
settings='{ "max_request_memory": 320, "address_space": 1024 }'

common_promises

begin the_input_comes_back
for f in "$work/in" programs/payload/payload.c "$binary"; do
	both 200 "$f" '{}'
	cmp -s "$f" "$OUT" || wrong "$f is another"
done
both 200 "$work/in" '{"text": "a text"}'
[ "$(cat "$OUT")" = "a text" ] || wrong "$(cat "$OUT")"
both 200 "$work/in" 'a bare word'
[ "$(cat "$OUT")" = "a bare word" ] || wrong "$(cat "$OUT")"
end

begin sizes_are_exact
for pattern in text zeros random json; do
	for size in 2 3 7 8 63 1000 300001; do
		both 200 "$work/in" \
		    "{\"pattern\": \"$pattern\", \"size\": $size}"
		[ "$(wc -c <"$OUT")" = "$size" ] ||
		    wrong "$pattern $size: $(wc -c <"$OUT")"
		[ "$pattern" != json ] || jq -e . "$OUT" >/dev/null ||
		    wrong "no JSON of $size bytes"
	done
done
both 200 "$work/in" '{"size": 0}'
[ ! -s "$OUT" ] || wrong "it is not empty"
refused 400 "$work/in" '{"size": 1, "pattern": "json"}' '"size"'
both 200 "$work/in" '{"size": 8, "text": "abc"}'
[ "$(cat "$OUT")" = abcabcab ] || wrong "$(cat "$OUT")"
end

begin patterns_compress_or_do_not
for pattern in text zeros random; do
	both 200 "$work/in" "{\"pattern\": \"$pattern\", \"size\": 100000}"
	zstd -q -c "$OUT" >"$work/$pattern"
done
[ "$(wc -c <"$work/random")" -gt 100000 ] || wrong "random compresses"
[ "$(wc -c <"$work/text")" -lt 500 ] || wrong "text does not compress"
[ "$(wc -c <"$work/zeros")" -lt 500 ] || wrong "zeros do not compress"
end

begin random_is_what_its_seed_says
for seed in 1 2 1; do
	both 200 "$work/in" \
	    "{\"pattern\": \"random\", \"size\": 64, \"seed\": $seed}"
	sha256sum <"$OUT" >>"$work/sums"
done
[ "$(sort -u "$work/sums" | wc -l)" = 2 ] || wrong "$(cat "$work/sums")"
end

if needs_kvm status_type_and_headers_are_set; then
	begin status_type_and_headers_are_set
	in_machine "$work/in" '{"status": 404, "type": "text/x", "headers":
	    ["X-One: 1", "X-Two: two"]}'
	has "$ERR" "status 404"
	has "$ERR" "Content-Type: text/x"
	has "$ERR" "X-Two: two"
	in_machine "$work/in" '{"size": 268435456}'
	grep -qE '^status (200|413|500)$' "$ERR" || wrong "$(cat "$ERR")"
	end
fi
for headers in 1 '"X: 1"' '[1]'; do
	refused 400 "$work/in" "{\"headers\": $headers}" '"headers"'
done

begin plain_x86_64_is_enough
plain_x86_64 "$work/in" '{"pattern": "random", "size": 1000}'
end

finish
