#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tinykvm call: answers, failures, mistakes.
. "$(dirname "$0")/lib.sh"
programs=build/programs

if needs_kvm get_prints_body_and_header; then
	begin get_prints_body_and_header
	expect_status 0 $tool call $programs/hello --get /x
	[ "$(cat "$OUT")" = "Hello World!" ] || wrong "body: $(cat "$OUT")"
	has "$ERR" "status 200"
	has "$ERR" "Content-Type: text/plain"
	end
fi

if needs_kvm post_gives_every_byte_back; then
	begin post_gives_every_byte_back
	head -c 3000001 /dev/urandom >"$work/body"
	expect_status 0 $tool call $programs/echo --post "$work/body" \
	    --type image/x-noise -o "$work/back"
	cmp "$work/body" "$work/back" || wrong "the bodies differ"
	has "$ERR" "Content-Type: image/x-noise"
	end
fi

if needs_kvm photo_is_converted; then
	begin photo_is_converted
	expect_status 0 $tool call $programs/image --post build/share/photo.jpg \
	    --type image/jpeg --arg '{"format": "webp"}' -o "$work/photo.webp"
	[ "$(head -c 4 "$work/photo.webp")" = RIFF ] || wrong "no WebP"
	end
fi

if needs_kvm crash_is_status_500_and_exit_1; then
	begin crash_is_status_500_and_exit_1
	expect_status 1 $tool call $programs/crash
	has "$ERR" "status 500"
	end
fi

if needs_kvm loop_ends_at_its_time_limit; then
	begin loop_ends_at_its_time_limit
	expect_status 1 $tool call $programs/loop \
	    --config '{"max_request_time": 0.2}'
	has "$ERR" "status 500"
	end
fi

if needs_kvm settings_come_from_a_file; then
	begin settings_come_from_a_file
	echo '{ /* a comment */ "max_request_memory": 1 }' >"$work/json"
	expect_status 1 $tool call $programs/oom --config "@$work/json"
	has "$ERR" "status 500"
	end
fi

begin missing_program_is_one_sentence
expect_status 1 $tool call "$work/none"
one_sentence
has "$ERR" "$work/none"
end

begin wrong_setting_is_named
expect_status 1 $tool call $programs/hello --config '{"max_memoy": 3}'
one_sentence
has "$ERR" "max_memoy"
end

if needs_kvm text_is_no_program; then
	begin text_is_no_program
	expect_status 1 $tool call Makefile
	has "$ERR" "Makefile"
	end
fi

begin wrong_usage_is_status_2
for args in "" "call" "call a b" "call a --repeat x" "call a --nonsense" \
    "nonsense" "run" "doctor x"; do
	# shellcheck disable=SC2086
	expect_status 2 $tool $args
	[ ! -s "$OUT" ] || wrong "standard output: $(cat "$OUT")"
done
end

begin help_and_version_are_on_standard_output
expect_status 0 $tool help
has "$OUT" "doctor"
expect_status 0 $tool --version
has "$OUT" "tinykvm "
expect_status 0 $tool call --help
has "$OUT" "usage: tinykvm call"
end
finish
