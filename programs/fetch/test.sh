#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fetch: its options; what it fetches is in fetch.vtc, which has servers.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh

common_promises

begin wrong_headers_are_refused
for headers in 1 '"X: 1"' '[1]' '[""]' \
    '["1","2","3","4","5","6","7","8","9","10","11","12","13"]'; do
	[ -n "$kvm" ] || break
	in_machine /dev/null "{\"url\": \"http://a/\", \"headers\": $headers}"
	has "$ERR" "status 400"
	has "$OUT" '"headers"'
done
end

begin a_url_is_needed_and_bounded
[ -z "$kvm" ] || {
	expect_status 0 "$tool" call "$binary" --get ""
	has "$ERR" "status 400"
	expect_status 0 "$tool" call "$binary" \
	    --get "http://$(printf '%01020d' 0)/"
	has "$ERR" "status 400"
}
end

# In a shell it has nobody who fetches for it.
begin plain_x86_64_is_enough
qemu-x86_64 -cpu qemu64 "$binary" --schema >"$OUT" 2>"$ERR" ||
    wrong "on a plain x86-64: $(head -c 400 "$ERR")"
"$binary" --schema | cmp -s - "$OUT" || wrong "the schema is another"
! qemu-x86_64 -cpu qemu64 "$binary" '{"url": "http://a/"}' </dev/null \
    >"$OUT" 2>"$ERR" || wrong "it fetched"
has "$ERR" "in a machine only"
end

finish
