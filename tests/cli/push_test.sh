#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tinykvm push: one line per node, whatever the node does.
# vmod/vtc/s01_push.vtc pushes to real ones.
. "$(dirname "$0")/lib.sh"
unset TINYKVM_KEY
program=build/programs/hello
echo "secret key" >"$work/key"

mkfifo "$work/fifo"
python3 tests/lib/http_server.py <"$work/fifo" >"$work/port" 2>/dev/null &
server=$!
exec 7>"$work/fifo"
trap 'exec 7>&-; wait $server; rm -rf "$work"' EXIT
for _ in $(seq 100); do
	[ ! -s "$work/port" ] || break
	sleep 0.1
done
node=http://127.0.0.1:$(cat "$work/port")

begin all_nodes_take_it
expect_status 0 $tool push $program --to "$node/update" "$node/update" \
    --to "$node/taken" --key-file "$work/key"
[ "$(wc -l <"$OUT")" = 3 ] || wrong "not three lines: $(cat "$OUT")"
has "$OUT" "$node/update 201 {\"updated\":true,"
has "$OUT" "$node/taken 201 Update successful (not stored)"
[ ! -s "$ERR" ] || wrong "standard error: $(cat "$ERR")"
end

begin one_failed_node_is_exit_1_and_the_others_go_on
expect_status 1 $tool push $program --key-file "$work/key" \
    --to "$node/refused" "$node/update" "http://127.0.0.1:1/update"
has "$OUT" "$node/refused 201 Not an ELF program"
has "$OUT" "$node/update 201 {"
has "$OUT" "http://127.0.0.1:1/update failed "
has "$ERR" "2 of 3 nodes did not take the program"
[ "$(wc -l <"$ERR")" = 1 ] || wrong "standard error: $(cat "$ERR")"
end

begin key_comes_from_option_environment_or_input
expect_status 0 $tool push $program --to "$node/update" --key "secret key"
expect_status 0 env TINYKVM_KEY="secret key" $tool push $program \
    --to "$node/update"
expect_status 0 sh -c "$tool push $program --to $node/update --key-file - \
    <$work/key"
expect_status 1 $tool push $program --to "$node/update" --key "secret key" \
    --key-header X-Other
end

begin wrong_key_is_a_failure_with_a_hint
expect_status 1 $tool push $program --to "$node/update" --key wrong
has "$OUT" "$node/update 503 (is the key right"
! grep -q wrong "$OUT" "$ERR" || wrong "the key is shown"
end

begin keys_that_cannot_be_sent_are_refused
for key in "" "a
b" "a$(printf '\r')b" "$(printf '%01025d' 0)"; do
	expect_status 1 $tool push $program --to "$node/update" --key "$key"
	one_sentence
done
printf 'a\0b\n' >"$work/bad"
expect_status 1 $tool push $program --to "$node/update" \
    --key-file "$work/bad"
one_sentence
expect_status 1 $tool push $program --to "$node/update" \
    --key-file "$work/none"
one_sentence
has "$ERR" "$work/none"
end

begin bad_programs_are_failures
expect_status 1 $tool push Makefile --to "$node/update" --key "secret key"
has "$OUT" '400 {"updated":false,"message":"no program"}'
expect_status 1 $tool push "$work/none" --to "$node/update" --key x
one_sentence
expect_status 1 $tool push /dev/null --to "$node/update" --key x
one_sentence
has "$ERR" "empty"
end

begin slow_and_endless_nodes_end_at_the_time_limit
expect_status 1 $tool push $program --key "secret key" --timeout 5 \
    --to "$node/slow" "$node/drip" "$node/endless" "$node/update"
[ "$(grep -c ' failed ' "$OUT")" = 3 ] || wrong "not three: $(cat "$OUT")"
has "$OUT" "$node/update 201 {"
end

begin key_follows_no_redirect
expect_status 1 $tool push $program --to "$node/moved" --key "secret key"
has "$OUT" "$node/moved 307"
end

begin key_goes_to_no_proxy
expect_status 0 env http_proxy=http://127.0.0.1:1 $tool push $program \
    --to "$node/update" --key "secret key"
end

begin answers_are_one_printable_line
expect_status 1 $tool push $program --to "$node/escapes" --key x
[ "$(cat "$OUT")" = "$node/escapes 400 one [2Jtwo three " ] ||
    wrong "it prints $(cat "$OUT")"
end

begin any_other_answer_is_no_update
echo "Update successful" >"$work/echoed"
expect_status 1 $tool push "$work/echoed" --to "$node/" --key x
has "$OUT" "$node/ 200 got Update successful"
end

begin passwords_of_urls_are_not_shown
expect_status 0 $tool push $program --key "secret key" \
    --to "http://me:pass@${node#http://}/update"
! grep -q pass "$OUT" || wrong "it prints $(cat "$OUT")"
end

begin wrong_usage_is_status_2
for args in "" "$program" "$program --to" "$program --to ftp://a/ --key x" \
    "$program --to localhost --key x" "--to $node/update --key x" \
    "$program --to $node/update" "$program --to $node/u --key a --key-file b" \
    "$program --to $node/update --key x --timeout 0" \
    "$program --to $node/update --key x --timeout 1x" \
    "$program --to $node/update --key x --key-header a:b"; do
	# shellcheck disable=SC2086
	expect_status 2 $tool push $args
	[ ! -s "$OUT" ] || wrong "standard output: $(cat "$OUT")"
done
expect_status 0 $tool push --help
has "$OUT" "usage: tinykvm push"
end
finish
