#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh [ROUNDS]: each scanner of minify over mutated texts, with sanitizers.
. "$(dirname "$0")/../../tests/cli/lib.sh"
fuzzer=$PWD/build/asan/minify_fuzz
samples=$PWD/programs/minify/samples

cd "$work" || exit 2
# Deeper than the first guess at how deep it will be.
python3 -c 'print("<a> x " * 300 + "<b/>" + "</a>" * 300)' >deep.xml
python3 -c 'print("({[" * 100 + "]})" * 100)' >deep.js
for f in "$samples"/* deep.*; do
	begin "mutations_of_${f##*/}"
	expect_status 0 "$fuzzer" "${1:-1000}" "{\"type\": \"${f##*.}\"}" "$f"
	end
done
finish
