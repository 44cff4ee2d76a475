#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# image: pictures and words on top of others.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. programs/image/lib.sh

begin a_watermark_lies_where_it_should
convert -size 20x10 xc:'#ff000080' "PNG32:$work/mark.png"
convert -size 80x60 xc:blue "$work/base.png"
url="data:image/png;base64,$(base64 -w0 "$work/mark.png")"
while read -r gravity at; do
	both 200 "$work/base.png" "{\"format\": \"png\", \"draw\":
	    [{\"url\": \"$url\", \"gravity\": $gravity, \"margin\": 5}]}"
	cp "$OUT" "$work/got"
	convert "$work/base.png" "$work/mark.png" -geometry "$at" -composite \
	    "$work/want.png"
	alike "$work/got" "$work/want.png" 50 "watermark $gravity"
done <<'EOT'
"bottom-right" +55+45
"top-left" +5+5
"center" +30+25
EOT
both 200 "$work/base.png" "{\"format\": \"png\", \"draw\":
    [{\"url\": \"$url\", \"repeat\": true, \"opacity\": 0.5}]}"
[ "$(convert "$OUT" -unique-colors txt: | grep -c '^[0-9]')" = 1 ] ||
    wrong "it does not cover all"
both 200 "$work/base.png" "{\"format\": \"png\", \"draw\":
    [{\"url\": \"$url\", \"width\": 200, \"opacity\": 0}]}"
cp "$OUT" "$work/got"
alike "$work/got" "$work/base.png" 90 "what cannot be seen"
end

begin layers_lie_where_their_sides_say
url2="data:image/png;base64,$(convert -size 20x10 xc:red PNG32:- | base64 -w0)"
while read -r where at; do
	both 200 "$work/base.png" "{\"format\": \"png\", \"draw\":
	    [{\"url\": \"$url2\", $where}]}"
	cp "$OUT" "$work/got"
	got=$(convert "$work/got" -fill black +opaque red -bordercolor black \
	    -border 1 -format '%@' info: |
	    awk -F+ '{ print $1 "+" $2 - 1 "+" $3 - 1 }')
	[ "$got" = "$at" ] || wrong "$where: $got, not $at"
done <<'EOT'
"top":3,"left":7 20x10+7+3
"bottom":3,"right":7 20x10+53+47
"top":-4,"right":-5 15x6+65+0
"width":40,"top":1,"left":2 40x20+2+1
"scale":0.5,"top":1,"left":2 40x20+2+1
"repeat":"x","bottom":0 80x10+0+50
"repeat":"y","left":0 20x60+0+0
EOT
end

begin words_are_as_imagemagick_writes_them
font=/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
convert -size 500x80 xc:white "$work/white.png"
both 200 "$work/white.png" '{"format": "png", "text": {"text":
    "Größe: 12 µm, Ωμέγα", "size": 40, "color": "#000000", "left": 9}}'
cp "$OUT" "$work/got"
convert "$work/got" -trim +repage "$work/got.png"
convert -background white -fill black -font "$font" -pointsize 40 \
    'label:Größe: 12 µm, Ωμέγα' -trim +repage "$work/want.png"
got=$(identify -format '%w %h' "$work/got.png")
want=$(identify -format '%w %h' "$work/want.png")
# shellcheck disable=SC2086
set -- $got $want
[ $(($1 - $3)) -ge -8 ] && [ $(($1 - $3)) -le 8 ] && [ $(($2 - $4)) -ge -2 ] &&
    [ $(($2 - $4)) -le 2 ] || wrong "its size is $got, ImageMagick's $want"
convert "$work/got.png" -resize "$3x$4!" "$work/got"
alike "$work/got" "$work/want.png" 14 words
for o in '"opacity": 0' '"color": "#ff000000"'; do
	both 200 "$work/white.png" "{\"format\": \"png\", \"text\":
	    {\"text\": \"unseen\", $o}}"
	[ "$(convert "$OUT" -unique-colors txt: | grep -c '^[0-9]')" = 1 ] ||
	    wrong "$o: it is seen"
done
# As wide as the scale says, and within the picture.
both 200 "$work/white.png" '{"format": "png", "text": {"text": "Two\nlines",
    "scale": 0.2, "color": "#ff0000", "gravity": "bottom-right"}}'
got=$(convert "$OUT" -trim -format '%w' info:)
[ "$got" -ge 80 ] && [ "$got" -le 100 ] || wrong "it is $got wide"
end

begin words_in_a_font_of_a_file
serif=/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf
[ -e "$serif" ] || serif=/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf
before=$settings
settings="{\"max_request_memory\": 512, \"address_space\": 1024,
    \"allowed_paths\": [ \"$serif\" ]}"
both 200 "$work/white.png" "{\"format\": \"png\", \"text\": {\"text\":
    \"Igloo\", \"font\": \"$serif\", \"color\": \"#000000\"}}"
cp "$OUT" "$work/got"
both 200 "$work/white.png" '{"format": "png", "text": {"text": "Igloo",
    "color": "#000000"}}'
! cmp -s "$OUT" "$work/got" || wrong "it is the built-in font"
settings=$before
refused 400 "$work/white.png" "{\"text\": {\"text\": \"a\", \"font\":
    \"$work/white.png\"}}" font
refused 400 "$work/white.png" '{"text": {"text": "a", "font": "/nowhere"}}' \
    allowed_paths
end

begin wrong_words_are_refused
for text in 1 '"a"' '{}' '{"text": 1}' '{"text": "a", "size": 0}' \
    '{"text": "a", "no": 1}' '{"text": "a", "repeat": 2}' \
    '{"text": "a", "url": "/b"}' '{"text": "a", "onerror": "original"}'; do
	refused 400 "$work/white.png" "{\"text\": $text}" option
done
refused 400 "$work/white.png" '{"text": {"text": "a", "color": "reddish"}}' color
many=$(printf '{"text": "a"},%.0s' 1 2 3 4 5 6 7 8)
refused 400 "$work/white.png" "{\"draw\": [$many{\"text\": \"a\"}]}" draw
refused 413 "$work/white.png" "{\"text\": {\"size\": 2000, \"text\":
    \"$(printf '%0200d' 0)\"}}" pixels
# Broken UTF-8 ends with a sign, not with a read beyond the end.
printf '{"format": "png", "text": {"text": "a\303"}}' >"$work/o"
"$binary" "$(cat "$work/o")" <"$work/white.png" >"$OUT" 2>"$ERR" ||
    grep -q '^image: 400' "$ERR" || wrong "$(cat "$ERR")"
end

begin wrong_watermarks_are_refused
for draw in 1 '[1]' '[{}]' '[{"url": "data:,x"}]' \
    "[{\"url\": \"$url\", \"opacity\": 2}]" \
    "[{\"url\": \"$url\", \"no\": 2}]" \
    "[{\"url\": \"$url\", \"width\": -1}]"; do
	refused 400 "$work/base.png" "{\"draw\": $draw}" draw
done
refused 415 "$work/base.png" \
    '{"draw": [{"url": "data:text/plain;base64,aGVsbG8gd29ybGQ="}]}' neither
refused 413 "$work/base.png" "{\"draw\": [{\"url\": \"$url\",
    \"width\": 30000}]}" max_pixels
end

finish
