#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# hash against coreutils and openssl.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh

common_promises

begin digests_are_those_of_coreutils
for n in 1 63 64 65 1000 300001; do
	head -c "$n" "$binary" >"$work/in"
	for a in sha256 sha512 sha384 sha1 md5; do
		both 200 "$work/in" "{\"algorithm\": \"$a\"}"
		[ "$(cat "$OUT")" = "$("${a}sum" <"$work/in" | cut -d' ' -f1)" ] ||
		    wrong "$a of $n bytes"
	done
done
end

begin signatures_are_those_of_openssl
for a in sha256 sha512 sha384; do
	for key in k "a longer secret, longer than one block of sixty-four bytes is, so hashed"; do
		both 200 "$work/in" "{\"op\": \"sign\", \"algorithm\": \"$a\",
		    \"key\": \"$key\"}"
		want=$(openssl dgst "-$a" -hmac "$key" <"$work/in" |
		    sed 's/.*= //')
		[ "$(cat "$OUT")" = "$want" ] || wrong "$a"
	done
done
end

begin only_the_right_signature_is_valid
good=$(openssl dgst -sha256 -hmac k <"$work/in" | sed 's/.*= //')
both 200 "$work/in" "{\"op\": \"verify\", \"key\": \"k\",
    \"signature\": \"$good\"}"
[ "$(cat "$OUT")" = valid ] || wrong "$(cat "$OUT")"
# The same with another first digit, whichever it has.
other=$(echo "$good" | sed 'y/0123456789abcdef/123456789abcdef0/' | head -c 1)
for s in "" "x" "${good%?}" "${good}0" "$other${good#?}" "${good}=" \
    "$(echo "$other${good#?}" | tr a-f A-F)"; do
	refused 403 "$work/in" "{\"op\": \"verify\", \"key\": \"k\",
	    \"signature\": \"$s\"}" "signature is wrong"
done
refused 403 "$work/in" '{"op": "verify", "key": "k"}' "no signature"
refused 403 "$work/in" "{\"op\": \"verify\", \"key\": \"K\",
    \"signature\": \"$good\"}" "signature is wrong"
end

begin encodings_and_lengths
both 200 "$work/in" '{"encoding": "base64url"}'
want=$(openssl dgst -sha256 -binary <"$work/in" | base64 | tr '+/' '-_' |
    tr -d '=')
[ "$(cat "$OUT")" = "$want" ] || wrong "$(cat "$OUT")"
both 200 "$work/in" '{"length": 5}'
[ "$(cat "$OUT")" = "$(sha256sum <"$work/in" | cut -c1-10)" ] ||
    wrong "$(cat "$OUT")"
end

begin other_spellings_of_a_signature_are_valid
verify() {
	both "$1" "$work/in" "{\"op\": \"verify\", \"key\": \"k\",
	    \"signature\": \"$2\"${3:-}}"
}
verify 200 "$(echo "$good" | tr a-f A-F)"
for n in 32 30 31; do
	url=", \"encoding\": \"base64url\", \"length\": $n"
	"$binary" "{\"op\": \"sign\", \"key\": \"k\"$url}" <"$work/in" >"$work/s"
	bare=$(cat "$work/s")
	padded=$(printf '%s===' "$bare" | head -c $(((${#bare} + 3) / 4 * 4)))
	verify 200 "$bare" "$url"
	verify 200 "$padded" "$url"
	verify 403 "$padded=" "$url"
	verify 403 "$padded====" "$url"
	verify 403 "=$bare" "$url"
	# Letters of base64 are not the same in either case.
	verify 403 "$(echo "$bare" | tr a-zA-Z A-Za-z)" "$url"
done
# Less than all of the padding is none.
verify 403 "${padded%=}" "$url"
end

begin keys_and_signatures_in_base64_and_hex
for n in 32 31 30; do
	long=", \"length\": $n, \"encoding\": \"base64\""
	want=$(openssl dgst -sha256 -hmac k -binary <"$work/in" | head -c $n |
	    base64)
	for key in '"k"' '"6b", "key_encoding": "hex"' \
	    '"aw==", "key_encoding": "base64"'; do
		both 200 "$work/in" "{\"op\": \"sign\", \"key\": $key$long}"
		[ "$(cat "$OUT")" = "$want" ] || wrong "$n bytes by $key"
	done
	verify 200 "$want" "$long"
	verify 200 "$(echo "$want" | tr -d =)" "$long"
	verify 403 "$want=" "$long"
	verify 403 "$(echo "$want" | tr a-zA-Z A-Za-z)" "$long"
done
both 200 "$work/in" '{"op": "sign", "key": "00fF80", "key_encoding": "hex"}'
want=$(openssl dgst -sha256 -mac HMAC -macopt hexkey:00ff80 <"$work/in" |
    sed 's/.*= //')
[ "$(cat "$OUT")" = "$want" ] || wrong "a key with a zero"
for key in '"abc"' '"0g"' '"0x6b"' '"6 "'; do
	refused 400 "$work/in" "{\"op\": \"sign\", \"key\": $key,
	    \"key_encoding\": \"hex\"}" '"key_encoding"'
done
refused 400 "$work/in" '{"op": "sign", "key": "a", "key_encoding": "base64"}' \
    '"key_encoding"'
end

begin a_signature_may_end
later=4102444800
printf '/a?w=1' >"$work/url"
sum=$({ cat "$work/url"; printf '\n%s' $later; } |
    openssl dgst -sha256 -hmac k | sed 's/.*= //')
both 200 "$work/url" "{\"op\": \"sign\", \"key\": \"k\", \"expires\": $later}"
[ "$(cat "$OUT")" = "$sum" ] || wrong "it is $(cat "$OUT")"
ends() {
	refused "$1" "$work/url" "{\"op\": \"verify\", \"key\": \"k\",
	    \"signature\": \"$2\"$3}" "$4"
}
both 200 "$work/url" "{\"op\": \"verify\", \"key\": \"k\",
    \"signature\": \"$sum\", \"expires\": $later}"
ends 403 "$sum" ", \"expires\": $((later + 1))" "is wrong"
ends 403 "$sum" "" "is wrong"
sum=$({ cat "$work/url"; printf '\n1000'; } |
    openssl dgst -sha256 -hmac k | sed 's/.*= //')
ends 403 "$sum" ', "expires": 1000' "has expired"
ends 400 "$sum" ', "expires": -1' '"expires"'
refused 400 "$work/url" '{"expires": 1000}' '"expires"'
end

begin a_length_that_there_is_not_is_refused
refused 400 "$work/in" '{"length": 33}' '"length"'
refused 400 "$work/in" '{"length": 17, "algorithm": "md5"}' "at most 16"
refused 400 "$work/in" '{"op": "sign", "key": "k", "length": 64}' '"length"'
both 200 "$work/in" '{"length": 64, "algorithm": "sha512"}'
[ "$(cat "$OUT")" = "$(sha512sum <"$work/in" | cut -d' ' -f1)" ] ||
    wrong "$(cat "$OUT")"
end

begin weak_signatures_are_refused
refused 400 "$work/in" '{"op": "sign"}' '"key"'
refused 400 "$work/in" '{"op": "sign", "key": ""}' '"key"'
refused 400 "$work/in" '{"op": "sign", "key": "k", "algorithm": "md5"}' weak
refused 400 "$work/in" '{"op": "sign", "key": "k", "length": 4}' '"length"'
end

begin plain_x86_64_is_enough
plain_x86_64 "$work/in" '{"op": "sign", "key": "k", "algorithm": "sha512"}'
plain_x86_64 "$work/in" '{"algorithm": "sha1", "encoding": "base64url"}'
end

finish
