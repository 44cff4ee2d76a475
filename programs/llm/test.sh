#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# llm: the model of programs/answer in every format and form of weights, against
# numpy's reading of the same blocks; broken files.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh
model=$PWD/programs/answer/data/model.gguf
convert="/usr/bin/python3 programs/llm/convert.py"
random="/usr/bin/python3 programs/llm/random_model.py"
settings="{\"max_memory\": 512, \"address_space\": 1024, \"max_request_time\": 60,
    \"max_request_memory\": 256, \"allowed_paths\":
    [\"$model\", { \"real\": \"$work\", \"prefix\": true }]}"

common_promises

# The options for a model, without chance; $2: more.
of() {
	echo "{\"model\": \"$1\", \"temperature\": 0, \"max_tokens\": 40$2}"
}

printf 'what is the capital of norway\n' >"$work/norway"
printf 'what is the capital of' >"$work/open"
oslo='The capital of Norway is Oslo.'

begin each_format_and_form_of_weights_gives_the_answer
for type in f32 f16 q8_0 q4_0; do
	$convert "$model" "$work/m.$type.gguf"
done
$convert "$model" "$work/m.bin"
for type in f32 f16 q8_0; do
	both 200 "$work/norway" "$(of "$work/m.$type.gguf")"
	[ "$(cat "$OUT")" = "$oslo" ] || wrong "$type: $(cat "$OUT")"
done
both 200 "$work/norway" "$(of "$work/m.q4_0.gguf")"
has "$OUT" "The capital of"
both 200 "$work/norway" \
    "$(of "$work/m.bin" ", \"tokenizer\": \"$work/m.tok\"")"
[ "$(cat "$OUT")" = "$oslo" ] || wrong "llama2.c: $(cat "$OUT")"
end

# Tokens of one text are the same, so that the answer is.
begin byte_pairs_are_joined_as_sentence_pieces_are
$convert --bpe "$model" "$work/bpe.q8_0.gguf"
printf ' what is the capital of norway\n' >"$work/blank"
both 200 "$work/blank" "$(of "$work/bpe.q8_0.gguf")"
[ "$(cat "$OUT")" = "$oslo" ] || wrong "$(cat "$OUT")"
end

begin blocks_stand_for_the_numbers_that_numpy_reads
for type in f32 f16 q4_0 q4_1 q5_0 q5_1 q8_0 q4_k q5_k q6_k; do
	$random "$model" "$type" "$work/r"
	"$binary" "$(of "$work/r.f32.gguf")" <"$work/open" >"$work/plain"
	"$binary" "$(of "$work/r.gguf")" <"$work/open" >"$OUT" 2>"$ERR" ||
	    wrong "$type: $(head -c 200 "$ERR")"
	[ -s "$OUT" ] || wrong "$type says nothing"
	# With packed activations, which round, chance decides what a model of
	# chance says: the trained one, above, knows these.
	case $type in
	q8_0 | q4_0) ;;
	*) cmp -s "$OUT" "$work/plain" ;;
	esac || wrong "$type: $(cat "$OUT") in place of $(cat "$work/plain")"
done
end

begin a_seed_gives_one_answer_and_another_seed_another
hot=', "temperature": 2, "top_p": 1'
for seed in 1 2; do
	both 200 "$work/open" "$(of "$model" "$hot, \"seed\": $seed")"
	cp "$OUT" "$work/seed$seed"
done
! cmp -s "$work/seed1" "$work/seed2" || wrong "the seed has no effect"
both 200 "$work/norway" "$(of "$model" "$hot, \"top_k\": 1")"
[ "$(cat "$OUT")" = "$oslo" ] || wrong "top_k 1: $(cat "$OUT")"
both 200 "$work/norway" "$(of "$model" ', "temperature": 1, "top_p": 0')"
[ "$(cat "$OUT")" = "$oslo" ] || wrong "top_p 0: $(cat "$OUT")"
end

begin the_answer_ends_where_it_shall
both 200 "$work/norway" "$(of "$model" ', "stop": " is"')"
[ "$(cat "$OUT")" = 'The capital of Norway' ] || wrong "$(cat "$OUT")"
both 200 "$work/norway" "$(of "$model" ', "max_tokens": 1')"
[ "$(wc -c <"$OUT")" -lt 8 ] || wrong "max_tokens: $(cat "$OUT")"
both 200 "$work/norway" "$(of "$model" ', "format": "json"')"
jq -e --arg t "$oslo" '.text == $t and .confidence > 0.9 and
    .tokens > 3 and .prompt_tokens > 5' "$OUT" >"$ERR" ||
    wrong "$(cat "$OUT")"
end

begin a_stream_is_the_same_text
both 200 "$work/norway" "$(of "$model" ', "stream": true')"
[ "$(cat "$OUT")" = "$oslo" ] || wrong "$(cat "$OUT")"
both 200 "$work/norway" "$(of "$model" ', "stream": true, "stop": "way is"')"
[ "$(cat "$OUT")" = 'The capital of Nor' ] || wrong "$(cat "$OUT")"
end

begin text_around_the_prompt_and_control_tokens
printf ' capital of' >"$work/middle"
both 200 "$work/middle" \
    "$(of "$model" ', "before": "what is the", "after": " norway\n"')"
[ "$(cat "$OUT")" = "$oslo" ] || wrong "$(cat "$OUT")"
# In the prompt a control token is only text; behind it, it is the token.
for place in prompt after; do
	printf 'norway%s' "$([ $place = after ] || echo '</s>')" >"$work/p"
	"$binary" "$(of "$model" ", \"format\": \"json\", \"after\":
	    \"$([ $place = prompt ] || echo '</s>')\"")" <"$work/p" |
	    jq .prompt_tokens >"$work/$place"
done
[ "$(cat "$work/prompt")" -gt "$(cat "$work/after")" ] ||
    wrong "a prompt can name control tokens"
end

begin a_model_that_main_opened_serves_every_request
if [ -n "$kvm" ]; then
	settings_before=$settings
	settings="{\"allowed_paths\": [\"$model\"], \"main_arguments\": [
	    \"{\\\"model\\\": \\\"$model\\\", \\\"temperature\\\": 0,
	    \\\"before\\\": \\\"what is the\\\"}\"]}"
	printf ' capital of norway\n' >"$work/rest"
	in_machine "$work/rest" ''
	[ "$(cat "$OUT")" = "$oslo" ] || wrong "$(cat "$OUT")"
	settings=$settings_before
fi
end

begin wrong_requests_are_refused
refused 500 "$work/norway" '{}' 'there is no model'
refused 500 "$work/norway" '{"model": "/no/such/file"}' '/no/such/file'
expect_status 1 "$binary" "$(of "$model")"
has "$ERR" 'the prompt is empty'
head -c 17000 /dev/zero | tr '\0' a >"$work/long"
refused 413 "$work/long" "$(of "$model")" 'longer than 16384 bytes'
head -c 3000 "$work/long" >"$work/longer"
refused 413 "$work/longer" "$(of "$model")" 'context of 96 tokens'
refused 500 "$work/norway" "$(of "$work/m.bin")" 'needs its tokenizer'
end

begin broken_files_are_refused_with_a_reason
printf 'GGUF' >"$work/short"
refused 500 "$work/norway" "$(of "$work/short")" 'not GGUF of version'
head -c 40000 "$model" >"$work/cut"
refused 500 "$work/norway" "$(of "$work/cut")" 'it ends within'
head -c 200000 "$work/m.bin" >"$work/cut.bin"
refused 500 "$work/norway" "$(of "$work/cut.bin" \
    ", \"tokenizer\": \"$work/m.tok\"")" 'it ends within its weights'
head -c 100 "$work/m.tok" >"$work/cut.tok"
refused 500 "$work/norway" "$(of "$work/m.bin" \
    ", \"tokenizer\": \"$work/cut.tok\"")" 'its tokenizer is'
for change in 'llama/gpt2x' 'blk.0.attn_q/blk.0.attn_x' 'blk.3/blk.9'; do
	LC_ALL=C sed "s/${change}/" "$model" >"$work/changed"
	refused 500 "$work/norway" "$(of "$work/changed")" 'the model'
done
head -c 100000 /dev/urandom >"$work/noise"
both 500 "$work/norway" "$(of "$work/noise")"
end

begin old_processors_give_the_same_answers
for type in f32 f16 q8_0 q4_0; do
	for seed in 1 2 3; do
		options=$(of "$work/m.$type.gguf" "$hot, \"seed\": $seed")
		"$binary" "$options" <"$work/open" >"$work/new"
		qemu-x86_64 -cpu qemu64 "$binary" "$options" <"$work/open" \
		    >"$OUT" 2>"$ERR" || wrong "$(head -c 200 "$ERR")"
		cmp -s "$OUT" "$work/new" || wrong "$type, seed $seed"
	done
done
end

finish
