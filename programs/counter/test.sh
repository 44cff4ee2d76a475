#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# counter: a machine's part; counting together is in counter.vtc.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh
settings='{ "shared_memory": 1 }'

common_promises

# counted WANT TIMES OPTIONS: the last of so many calls of one program.
counted() {
	expect_status 0 "$tool" call "$binary" --get key --arg "$3" \
	    --config "$settings" --repeat "$2"
	[ "$(cat "$OUT")" = "$1" ] || wrong "$3 $2 times: $(cat "$OUT")"
}

if needs_kvm counts_by_what_it_is_told; then
	begin counts_by_what_it_is_told
	counted 1 1 '{}'
	counted 50 50 '{}'
	counted 350 50 '{"by": 7}'
	counted 0 5 '{"by": 0}'
	counted 3 5 '{"by": 3, "reset": true}'
	counted 5 5 other
	# A window of years does not end during the test.
	counted 20 20 '{"window": 31622400}'
	end

	begin a_long_key_is_refused
	head -c 4097 /dev/zero | tr '\0' k >"$work/in"
	in_machine "$work/in" '{}'
	has "$ERR" "status 413"
	head -c 4096 /dev/zero >"$work/in"
	in_machine "$work/in" '{}'
	has "$ERR" "status 200"
	end

	begin without_shared_memory_it_says_so
	expect_status 1 "$tool" call "$binary" --get /
	grep -q shared_memory "$OUT" "$ERR" || wrong "$(cat "$OUT" "$ERR")"
	end
fi

begin plain_x86_64_is_enough
qemu-x86_64 -cpu qemu64 "$binary" --schema >"$OUT" || wrong "no schema"
end

finish
