#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh [ROUNDS]: espeak over mutated texts, with sanitizers.
. "$(dirname "$0")/../../tests/cli/lib.sh"
fuzzer=$PWD/build/asan/espeak_fuzz
cd "$work" || exit 2
printf 'On 3/4/1999, Dr. Smith “paid” $12.50 — naïve? 7:30 am, 2nd St.\n' >plain
printf 'Für 1.000.000 € – „größer“ als 2³; ¿qué? 你好 x²' >other
for options in '{"lang": "en", "format": "wav", "rate": 3}' \
    '{"lang": "de", "format": "opus", "rate": 3, "variant": "f2"}' \
    '{"lang": "cmn", "format": "mp3", "rate": 3, "pitch": 1.5}'; do
	begin "mutations_to_$(echo "$options" | grep -o 'wav\|mp3\|opus')"
	expect_status 0 "$fuzzer" "${1:-30}" "$options" plain other
	end
done
finish
