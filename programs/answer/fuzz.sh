#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh [ROUNDS]: answer over mutated questions and texts, with sanitizers.
. "$(dirname "$0")/../../tests/cli/lib.sh"
fuzzer=$PWD/build/asan/answer_fuzz
readme=$PWD/programs/answer/README.md
cd "$work" || exit 2
echo 'What is the capital of Norway?' >question
printf 'Was heißt "cache"? – ¿Qué es 404? 你好\n' >other
begin mutations_of_questions
expect_status 0 "$fuzzer" "${1:-1000}" '{"format": "json"}' question other
end
begin mutations_of_texts
expect_status 0 "$fuzzer" "${1:-1000}" '{"format": "json",
    "question": "Which file is the model?", "min_match": 0.1}' "$readme"
end
finish
