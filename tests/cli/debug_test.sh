#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The real gdb and a program: what its users type.
. "$(dirname "$0")/lib.sh"
target=build/tests/guests/debug_target
socket=$work/gdb.sock

# start URL SETTINGS: a request in the background, until it waits for gdb.
start() {
	rm -f "$work/answer" "$work/said"
	$tool call $target --get "$1" --config \
	    "{\"debug_socket\": \"$socket\", \"debug_wait\": 60, $2}" \
	    >"$work/answer" 2>"$work/said" </dev/null &
	caller=$!
	i=0
	until grep -q waits "$work/said" || [ $i -ge 600 ]; do
		sleep 0.1
		i=$((i + 1))
	done
}

# by_gdb COMMAND...: what gdb prints is in $OUT; waits for the request's end.
by_gdb() {
	set -- "$@"
	for c; do
		shift
		set -- "$@" -ex "$c"
	done
	timeout 120 gdb -nx -batch $target -ex "target remote $socket" "$@" \
	    >"$OUT" 2>&1 </dev/null || wrong "gdb: $(tail -n 3 "$OUT")"
	wait "$caller"
	status=$?
}

one=gdb_stops_looks_and_lets_the_request_be_answered
two=gdb_sees_where_a_program_crashed
three=a_position_independent_program_has_its_names
if ! command -v gdb >/dev/null; then
	for t in $one $two $three; do
		skip $t "there is no gdb"
	done
	finish
fi

if needs_kvm $one; then
	begin $one
	start /break '"allow_debug": true'
	by_gdb 'break leaf' continue backtrace 'print n' 'print counter' \
	    'info registers' 'print $xmm0' finish 'watch watched' stepi \
	    delete continue
	has "$work/said" "-ex \"target remote $socket\""
	has "$OUT" "Breakpoint 1, leaf (n=n@entry=3)"
	has "$OUT" "in middle (n=n@entry=2)"
	has "$OUT" "in on_get (url="
	has "$OUT" "\$1 = 3"
	has "$OUT" "\$2 = 6"
	has "$OUT" "<leaf>"
	has "$OUT" "v16_int8"
	has "$OUT" "Value returned is"
	has "$OUT" "exited normally"
	[ "$status" = 0 ] || wrong "the request ended with $status"
	[ "$(cat "$work/answer")" = "10 9" ] ||
	    wrong "answer: $(cat "$work/answer")"
	[ ! -e "$socket" ] || wrong "the socket is left"
	end
fi

if needs_kvm $two; then
	begin $two
	start /crash '"remote_debug_on_exception": true'
	by_gdb backtrace 'print p' detach
	has "$OUT" "crash (p=p@entry=0x0)"
	has "$OUT" "in on_get (url="
	has "$work/said" "page fault, vector 14"
	has "$work/said" "crash+0x"
	[ "$status" = 1 ] || wrong "the request ended with $status"
	end
fi

if needs_kvm $three; then
	begin $three
	if ! cc -std=gnu11 -O2 -g -static-pie -Iguest -o "$work/pie" \
	    tests/guests/debug_target.c 2>"$ERR"; then
		wrong "$(head -c 200 "$ERR")"
	fi
	target=$work/pie
	start /break '"allow_debug": true'
	by_gdb 'break leaf' continue backtrace continue
	has "$OUT" "Breakpoint 1, leaf (n=n@entry=3)"
	has "$OUT" "in on_get (url="
	[ "$(cat "$work/answer")" = "10 9" ] ||
	    wrong "answer: $(cat "$work/answer")"
	end
fi
finish
