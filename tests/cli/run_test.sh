#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tinykvm run: an ordinary program, its input, output and status.
. "$(dirname "$0")/lib.sh"
cat_guest=build/tests/guests/cli_cat

if needs_kvm input_output_and_status_pass_through; then
	begin input_output_and_status_pass_through
	head -c 100000 /dev/urandom >"$work/in"
	HOME=/home/x $tool run -- $cat_guest 37 <"$work/in" >"$OUT" 2>"$ERR"
	got=$?
	[ "$got" = 37 ] || wrong "status $got"
	cmp "$work/in" "$OUT" || wrong "output differs from input"
	has "$ERR" "HOME=/home/x"
	end
fi

if needs_kvm files_of_the_host_are_closed; then
	begin files_of_the_host_are_closed
	$tool run -- build/programs/photo Makefile >"$OUT" 2>"$ERR"
	got=$?
	[ "$got" = 1 ] || wrong "status $got: $(cat "$OUT" "$ERR")"
	has "$ERR" "Makefile: "
	end
fi

if needs_kvm missing_program_is_one_sentence; then
	begin missing_program_is_one_sentence
	expect_status 1 $tool run -- "$work/none"
	one_sentence
	end
fi
finish
