#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh [ROUNDS]: speech over mutated sentences, with sanitizers.
. "$(dirname "$0")/../../tests/cli/lib.sh"
fuzzer=$PWD/build/asan/speech_fuzz
cd "$work" || exit 2
printf 'On 3/4/1999, Dr. Smith “paid” $12.50 — naïve? 7:30 am, 2nd St.\n' >dates
printf 'www.example.com costs 1,000,000; call +1-555-0100 (x. 12) & e.g. IV!' >names
for options in '{"voice": "kal16", "format": "wav", "rate": 3}' \
    '{"voice": "kal16", "format": "mp3", "rate": 3}' \
    '{"voice": "kal16", "format": "opus", "rate": 3, "pitch": 1.5}'; do
	begin "mutations_to_$(echo "$options" | grep -o 'wav\|mp3\|opus')"
	expect_status 0 "$fuzzer" "${1:-30}" "$options" dates names
	end
done
finish
