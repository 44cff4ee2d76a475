#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh [ROUNDS]: each decoder of compress over so many mutated files, with
# sanitizers.
. "$(dirname "$0")/../../tests/cli/lib.sh"
rounds=${1:-10000}
fuzzer=$PWD/build/asan/compress_fuzz
programs=$PWD/build/programs
head -c 8000 README.md >"$work/text"
head -c 1000 "$programs/compress" >"$work/code"
cd "$work" || exit 2
cat text code text >both
printf '\120\052\115\030\003\000\000\000abc' >skipped

# Two streams where there may be two, and what is skipped between them.
for a in zstd br gzip deflate zlib lz4 xz bzip2; do
	"$programs/compress" "{\"algorithm\": \"$a\"}" <both >"f.$a" || exit 2
	"$programs/compress" "{\"algorithm\": \"$a\"}" <code >"g.$a" || exit 2
done
for a in gzip xz bzip2; do cat g.$a f.$a >"two.$a"; done
for a in zstd lz4; do cat g.$a skipped f.$a skipped >"two.$a"; done
for a in zstd br gzip deflate zlib lz4 xz bzip2; do
	begin "mutations_of_$a"
	set -- f.$a g.$a two.$a
	[ -e "two.$a" ] || set -- f.$a g.$a
	each=$((rounds / $# + 1))
	for f; do
		expect_status 0 "$fuzzer" "$each" "{\"algorithm\": \"$a\",
		    \"decompress\": true, \"max_output\": 1000000}" "$f"
		grep -q mutations "$OUT" || wrong "nothing was done"
	done
	end
done
begin mutations_of_what_is_guessed
for f in f.zstd two.lz4 f.gzip f.zlib; do
	expect_status 0 "$fuzzer" $((rounds / 4 + 1)) '{"algorithm": "auto",
	    "decompress": true, "stream": true, "max_output": 1000000}' "$f"
done
end
begin mutations_are_compressed
for a in zstd br gzip lz4 bzip2; do
	expect_status 0 "$fuzzer" $((rounds / 20 + 1)) \
	    "{\"algorithm\": \"$a\", \"level\": 1}" text
done
end
finish
