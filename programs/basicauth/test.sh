#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# basicauth: files that htpasswd and openssl made.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh

common_promises
users=$work/users
settings="{ \"allowed_paths\": [ { \"real\": \"$users\",
    \"virtual\": \"$users\" } ], \"shared_memory\": 1 }"
: >"$users"

# is STATUS NAME:PASSWORD: in a shell and in a machine.
is() {
	printf 'Basic %s' "$(printf %s "$2" | base64 -w0)" >"$work/in"
	both "$1" "$work/in" "{\"file\": \"$users\"}"
	[ "$1" != 200 ] || [ "$(cat "$OUT")" = "${2%%:*}" ] ||
	    wrong "it is $(cat "$OUT")"
}

begin every_kind_of_hash_is_known
htpasswd -bcB "$users" bcrypt 'a pass:word' 2>/dev/null
htpasswd -bm "$users" apr1 'a pass:word' 2>/dev/null
htpasswd -bs "$users" sha 'a pass:word' 2>/dev/null
for kind in 1 5 6 apr1; do
	printf 'kind%s:%s\r\n' "$kind" \
	    "$(openssl passwd "-$kind" 'a pass:word')" >>"$users"
done
for u in bcrypt apr1 sha kind1 kind5 kind6 kindapr1; do
	is 200 "$u:a pass:word"
	is 401 "$u:a pass:wore"
	is 401 "$u:"
	is 401 "$u"
done
end

begin apr1_is_right_for_every_length
for n in 0 1 7 8 15 16 17 31 32 33 63 64 65 200; do
	p=$(head -c "$n" /dev/zero | tr '\0' x)
	printf 'u:%s\n' "$(printf '%s' "$p" | openssl passwd -apr1 -stdin \
	    -salt "$(printf '%.8s' "salt$n")")" >"$users"
	[ "$n" = 0 ] && continue
	is 200 "u:$p"
	is 401 "u:${p}x"
done
printf 'ü:%s\n' "$(openssl passwd -apr1 'é€🙂')" >"$users"
is 200 'ü:é€🙂'
end

begin what_is_no_password_is_never_right
printf '%s\n' 'plain:secret' 'des:rqXexS6ZhobKA' 'empty:' 'star:*' 'cut:$2y$05$' \
    'odd:$apr1$' 'odder:$apr1$12345678901234567890$x' 'unknown:$9$a$b' \
    'sha:{SHA}' ':$1$a$b' 'last:$6$' >"$users"
for given in plain:secret des:password empty: empty:x star:* cut: cut:x odd:x \
    odder:x unknown:x sha: last: no:x; do
	is 401 "$given"
done
end

begin salted_sha_is_known
for salt in s 1234 12345678901234567890; do
	printf 'u:{SSHA}%s\n' "$(python3 -c 'import base64, hashlib, sys
salt = sys.argv[1].encode()
d = hashlib.sha1("a pass:word".encode() + salt).digest()
print(base64.b64encode(d + salt).decode())' "$salt")" >"$users"
	is 200 'u:a pass:word'
	is 401 'u:a pass:wore'
	is 401 "u:a pass:word$salt"
done
# Without its salt, without a digest, too long, and no base64.
sum=$(printf p | openssl sha1 -binary | base64)
long=$(head -c 300 /dev/zero | base64 -w0)
printf '%s\n' "bare:{SSHA}$sum" 'none:{SSHA}' "long:{SSHA}$long" 'no:{SSHA}**' \
    "sha:{SHA}$(printf p1 | openssl sha1 -binary | { cat; printf 1; } |
	base64)" 'short:{SSHA}AAAA' >"$users"
is 200 bare:p
for given in none: none:p long:p no:p sha:p short:p bare:q; do
	is 401 "$given"
done
end

begin comments_behind_a_hash_are_ignored
for kind in 1 6 apr1; do
	printf 'u:%s:%s\n' "$(openssl passwd "-$kind" p)" 'Ute, since May: x'
	printf 'v:%s:\r\n' "$(openssl passwd "-$kind" p)"
	printf 'w:{SHA}%s:c\n' "$(printf p | openssl sha1 -binary | base64)"
	printf 'x::%s\n' "$(openssl passwd "-$kind" p)"
done >"$users"
for u in u v w; do
	is 200 "$u:p"
	is 401 "$u:p:Ute"
	is 401 "$u:q"
done
# What stands in the comment is no password's hash.
is 401 x:p
is 401 x:
end

begin headers_that_are_none_are_refused
htpasswd -bcm "$users" u p 2>/dev/null
for header in 'Basic' 'Basic ' 'Bearer dTpw' 'Basic *' 'Basic dTpwAA==' \
    'Basic OnA=' 'dTpw' "Basic $(head -c 2000 /dev/zero | tr '\0' A)"; do
	printf %s "$header" >"$work/in"
	both 401 "$work/in" "{\"file\": \"$users\"}"
done
printf 'basic dTpw' >"$work/in"
both 200 "$work/in" "{\"file\": \"$users\"}"
printf 'Basic' >"$work/bad"
refused 400 "$work/bad" '{"realm": "a\"b"}' '"realm"'
end

begin a_file_that_cannot_be_read_says_so
refused 500 "$work/in" '{"file": "/none"}' "cannot be read"
head -c 4194305 /dev/zero >"$users"
refused 500 "$work/in" "{\"file\": \"$users\"}" "at most 4 MiB"
end

if needs_kvm what_was_right_is_remembered; then
	begin what_was_right_is_remembered
	htpasswd -bcBC 10 "$users" u p 2>/dev/null
	for how in true false; do
		"$tool" call "$binary" --post "$work/in" --type text/plain \
		    --arg "{\"file\": \"$users\", \"remember\": $how}" \
		    --config "$settings" --repeat 4 --stats >"$OUT" \
		    2>"$work/stats.$how" || wrong "$(cat "$work/stats.$how")"
		[ "$(cat "$OUT")" = u ] || wrong "it is $(cat "$OUT")"
	done
	end
fi

begin plain_x86_64_is_enough
printf 'u:%s\n' "$(openssl passwd -6 p)" >"$users"
plain_x86_64 "$work/in" "{\"file\": \"$users\"}"
end

finish
