#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh [ROUNDS]: the readers of model files over mutations, with sanitizers.
. "$(dirname "$0")/../../tests/cli/lib.sh"
fuzzer=build/asan/llm_fuzz
random="/usr/bin/python3 programs/llm/random_model.py"
convert="/usr/bin/python3 programs/llm/convert.py"
model=programs/answer/data/model.gguf

for type in q8_0 q4_0 f16; do
	$random $model $type "$work/$type" tiny
done
$convert --bpe "$work/q8_0.gguf" "$work/bpe.q8_0.gguf"
$convert "$work/q8_0.gguf" "$work/c.bin"
for file in q8_0.gguf q4_0.gguf f16.gguf bpe.q8_0.gguf "c.bin $work/c.tok"; do
	begin "mutations_of_${file%% *}"
	# shellcheck disable=SC2086
	expect_status 0 "$fuzzer" "${1:-1000}" "$work"/$file
	has "$OUT" "of them opened"
	end
done
finish
