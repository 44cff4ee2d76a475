#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# qr: its codes, read by zbarimg.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh

common_promises

# The code of $OUT says what the file says.
says() {
	cp "$OUT" "$work/code.png"
	zbarimg -q --raw -Sbinary "$work/code.png" >"$work/read" 2>"$ERR"
	cmp -s "$1" "$work/read" ||
	    wrong "it says: $(head -c 100 "$work/read"); $(head -c 200 "$ERR")"
}

# SVG to a bitmap: each step of a path is a run of dark modules.
bitmap() {
	python3 -c '
import re, sys
svg = open(sys.argv[1]).read()
side = int(re.search(r"viewBox=\"0 0 (\d+) \1\"", svg).group(1))
rows = [[0] * side for _ in range(side)]
path = re.findall(r"<path fill=\"([^\"]*)\" d=\"([^\"]*)\"/>", svg)[-1][1]
for x, y, n, back in re.findall(r"M(\d+) (\d+)h(\d+)v1H(\d+)z", path):
    assert x == back
    for i in range(int(n)):
        rows[int(y)][int(x) + i] = 1
assert re.fullmatch(r"(M\d+ \d+h\d+v1H\d+z)*", path)
print("P1", side * 4, side * 4)
for row in rows:
    for _ in range(4):
        print(*[bit for bit in row for _ in range(4)])' "$1"
}

begin texts_are_read_as_they_were
for text in a 0123456789 'HELLO WORLD $%*+-./:' 'https://example.com/?a=b&c=d' \
    'Grüße, 你好, 🙂' "$(printf 'two\nlines')" ' '; do
	printf %s "$text" >"$work/in"
	both 200 "$work/in" '{"format": "png"}'
	says "$work/in"
done
end

begin svg_has_the_same_modules
printf 'https://example.com/\303\274' >"$work/in"
both 200 "$work/in" '{}'
xmllint --noout "$OUT" 2>"$ERR" || wrong "$(cat "$ERR")"
bitmap "$OUT" >"$work/code.pbm" || wrong "no modules"
cp "$work/code.pbm" "$OUT"
says "$work/in"
end

begin bytes_that_are_no_text_are_kept
head -c 200 "$binary" >"$work/in"
both 200 "$work/in" '{"format": "png"}'
says "$work/in"
end

begin corrections_sizes_and_margins
printf 'abcdefghijklmnop' >"$work/in"
for c in low medium quartile high; do
	both 200 "$work/in" "{\"format\": \"png\", \"correction\": \"$c\"}"
	says "$work/in"
done
both 200 "$work/in" '{"format": "png", "scale": 3, "margin": 7}'
says "$work/in"
[ "$(identify -format '%wx%h' "$work/code.png")" = 117x117 ] ||
    wrong "$(identify "$work/code.png")"
end

begin colours
both 200 "$work/in" '{"format": "png", "dark": "#aa0000", "light": "#00FF7f"}'
convert "$OUT" -unique-colors txt:- >"$work/colours"
has "$work/colours" '#AA0000'
has "$work/colours" '#00FF7F'
both 200 "$work/in" '{"format": "png", "light": "transparent"}'
[ "$(convert "$OUT" -format '%[fx:p{0,0}.a]' info:)" = 0 ] ||
    wrong "the margin is not transparent"
both 200 "$work/in" '{"light": "transparent", "dark": "#123456"}'
has "$OUT" '<path fill="#123456"'
[ "$(grep -c '<path' "$OUT")" = 1 ] || wrong "$(cat "$OUT")"
for c in red '#fff' '#12345g' '#1234567' '\"/><script>'; do
	refused 400 "$work/in" "{\"dark\": \"$c\"}" '"dark"'
	refused 400 "$work/in" "{\"light\": \"$c\"}" '"light"'
done
end

begin codes_hold_what_the_standard_says_and_no_more
head -c 2953 /dev/zero | tr '\0' 'a' >"$work/bytes"
head -c 4296 /dev/zero | tr '\0' 'A' >"$work/capitals"
head -c 7089 /dev/zero | tr '\0' '7' >"$work/digits"
for f in bytes capitals digits; do
	both 200 "$work/$f" '{"format": "png", "correction": "low"}'
	says "$work/$f"
	head -c 1 "$work/$f" >>"$work/$f"
	refused 413 "$work/$f" '{"correction": "low"}' "more than a QR code"
done
refused 413 "$binary" '{}' "more than a QR code"
! "$binary" '{}' </dev/null >"$OUT" 2>"$ERR" || wrong "a code of nothing"
has "$ERR" "qr: 422: there is no text"
end

begin plain_x86_64_is_enough
plain_x86_64 "$work/in" '{"format": "png"}'
end

begin each_correction_holds_what_the_readme_says
grep -E '^\| `[a-z]+` \| [0-9]+ \| [0-9]+ \| [0-9]+ \|$' "programs/qr/README.md" |
    tr -d '`|' >"$work/table"
[ "$(wc -l <"$work/table")" = 4 ] || wrong "there is no such table"
while read -r level bytes capitals digits; do
	set -- "$bytes" x "$capitals" X "$digits" 1
	while [ $# -gt 0 ]; do
		head -c "$1" /dev/zero | tr '\0' "$2" >"$work/most"
		{ cat "$work/most"; printf %s "$2"; } >"$work/more"
		both 200 "$work/most" "{\"correction\": \"$level\"}"
		refused 413 "$work/more" "{\"correction\": \"$level\"}" \
		    "$(($1 + 1)) bytes are more"
		shift 2
	done
done <"$work/table"
end

finish
