#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# answer: its score, and what it refuses.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh
settings='{"max_request_memory": 64, "max_request_time": 60}'

common_promises

ask() {
	printf %s "$1" >"$work/in"
	both 200 "$work/in" "$2"
	[ "$(cat "$OUT")" = "$3" ] || wrong "$1: $(cat "$OUT")"
}

begin it_answers_what_it_was_taught
ask 'What is the capital of Norway?' '{}' 'The capital of Norway is Oslo.'
ask '  which   country has Nairobi as its capital ?! ' '{}' \
    'Nairobi is the capital of Kenya.'
ask 'HTTP 404' '{}' 'HTTP 404 means Not Found, there is no such resource.'
ask 'Please tell me what grace mode is for' '{}' \
    'Grace mode serves stale objects while a fresh copy is fetched.'
end

begin it_does_not_know_other_things
ask 'How old are you?' '{}' 'I do not know.'
ask 'What is the capital of Mordor?' '{"unknown": "No."}' 'No.'
ask 'What is the capital of Norway?' '{"min_confidence": 1}' 'I do not know.'
end

begin it_finds_the_sentence_of_a_text
text='The shop is in Bridge Street. It opens at nine; on Sundays it is closed.
Dogs may come in.

Our cheese comes from three farms.'
ask "$text" '{"question": "When is the shop closed?"}' \
    'It opens at nine; on Sundays it is closed.'
ask "$text" '{"question": "How many farms make the cheese?"}' \
    'Our cheese comes from three farms.'
ask "$text" '{"question": "Who was the first emperor?"}' 'I do not know.'
end

begin json_tells_where_an_answer_comes_from
ask 'what is varnish' '{"format": "json"}' "$("$binary" '{"format": "json"}' \
    'what is varnish')"
jq -e '.answer == "Varnish is a caching HTTP reverse proxy." and .known and
    .source == "model" and .confidence >= 0.9' "$OUT" >"$ERR" ||
    wrong "$(cat "$OUT")"
printf 'Say "no"' >"$work/in"
both 200 "$work/in" '{"format": "json", "question": "say"}'
jq -e '.answer == "Say \"no\"" and .source == "text"' "$OUT" >"$ERR" ||
    wrong "$(cat "$OUT")"
end

begin the_score_is_what_the_readme_tells
/usr/bin/python3 programs/answer/evaluate.py "$binary" >"$OUT" 2>"$ERR" ||
    wrong "$(cat "$ERR")"
grep -v '^\(afresh\|kept\) [a-z]*:' "$OUT" | grep -o '[0-9]* of [0-9]*' \
    >"$work/scores"
while read -r score; do
	has programs/answer/README.md "| $score |"
done <"$work/scores"
[ "$(wc -l <"$work/scores")" = 5 ] || wrong "$(cat "$OUT")"
end

begin what_is_no_question_is_refused
printf ' ' >"$work/blank"
refused 400 "$work/blank" '{}' 'there is no question'
head -c 401 /dev/zero | tr '\0' a >"$work/long"
refused 413 "$work/long" '{}' 'at most 400 bytes'
head -c 390 /dev/zero | tr '\0' '#' >"$work/marks"
refused 413 "$work/marks" '{}' 'too long'
head -c 1000001 /dev/zero >"$work/huge"
refused 413 "$work/huge" '{"question": "x"}' 'at most 1000000 bytes'
end

begin broken_texts_never_break_the_program
head -c 1000000 /dev/urandom >"$work/noise"
both 200 "$work/noise" '{"question": "what is the meaning of a b c d e f"}'
head -c 60 /dev/urandom >"$work/noise"
both 200 "$work/noise" '{}'
head -c 999999 /dev/zero | tr '\0' . >"$work/dots"
both 200 "$work/dots" '{"question": "how many dots are there"}'
tr . x <"$work/dots" >"$work/word"
both 200 "$work/word" '{"question": "xxx"}'
end

begin old_processors_give_the_same_answers
for q in 'what is a river' 'capital of chad' 'zzz' 'http 418'; do
	"$binary" '{"format": "json"}' "$q" >"$work/new"
	qemu-x86_64 -cpu qemu64 "$binary" '{"format": "json"}' "$q" >"$OUT"
	cmp -s "$OUT" "$work/new" || wrong "$q: $(cat "$OUT")"
done
end

finish
