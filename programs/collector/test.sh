#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# collector: what it keeps and forgets; its lines through Varnish are in
# collector.vtc. Each call here has a storage of its own, of one or more calls.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh
settings='{ "storage": true, "max_request_memory": 256 }'

common_promises

# added WANT TIMES INPUT-FILE OPTIONS: what so many calls answer in the end.
added() {
	expect_status 0 "$tool" call "$binary" --post "$3" --type text/plain \
	    --arg "$4" --config "$settings" --repeat "$2"
	[ "$(cat "$OUT")" = "$1" ] || wrong "$3 $2 times: $(cat "$OUT")"
}

if needs_kvm lines_are_counted_and_bounded; then
	begin lines_are_counted_and_bounded
	printf 'a\nb\nc' >"$work/three"
	printf '\n' >"$work/empty_line"
	added 3 1 "$work/three" '{}'
	added 30 10 "$work/three" '{}'
	added 10 10 "$work/empty_line" '{}'
	# Six bytes a call: of ten calls the last three are there.
	added 9 10 "$work/three" '{"max_bytes": 18}'
	added 9 10 "$work/three" '{"max_bytes": 19}'
	end

	begin storage_is_bounded_for_good
	python3 -c 'print("x" * 999 + "\n", end="")
for i in range(9999): print("y" * 999)' >"$work/big"
	# Ten megabytes a call, of which 33554432 bytes stay.
	added 33554 12 "$work/big" '{}'
	head -c 33554432 /dev/zero >"$work/huge"
	in_machine "$work/huge" '{}'
	has "$ERR" "status 413"
	end

	begin without_storage_it_says_so
	expect_status 1 "$tool" call "$binary" --get a
	has "$ERR" "status 500"
	has "$OUT" 'set "storage" to true'
	end

	begin of_nothing_there_is_nothing
	for op in read take; do
		in_machine /dev/null "$op"
		has "$ERR" "status 200"
		[ ! -s "$OUT" ] || wrong "$op: $(cat "$OUT")"
	done
	end
fi

begin plain_x86_64_is_enough
qemu-x86_64 -cpu qemu64 "$binary" --schema >"$OUT" || wrong "no schema"
end

finish
