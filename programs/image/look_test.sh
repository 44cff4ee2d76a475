#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# image: colours, transparency and what changes them.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. programs/image/lib.sh

# The pixel at X,Y of what came out, as R,G,B,A of 0 to 255.
pixel() {
	convert "$OUT" -format "%[fx:int(255*p{$1}.r+.5)],%[fx:int(255*p{$1}.g+.5)],%[fx:int(255*p{$1}.b+.5)],%[fx:int(255*p{$1}.a+.5)]" info:
}
# shows X,Y R,G,B,A: each of them by 2 at most.
shows() {
	pixel "$1" | awk -F, -v want="$2" '{
		split(want, w, ",")
		for (i = 1; i <= 4; i++)
			if ($i - w[i] > 2 || w[i] - $i > 2)
				exit 1
	}' || wrong "$3 at $1: $(pixel "$1"), not $2"
}

begin background_may_be_transparent
convert -size 40x20 xc:'#c0804080' "PNG32:$work/half.png"
convert -size 40x20 xc:'#c08040' "PNG24:$work/whole.png"
pad='"width": 40, "height": 40, "fit": "pad"'
for to in png webp avif; do
	o="\"format\": \"$to\", \"lossless\": true"
	for clear in '#00000000' '#0000' transparent; do
		both 200 "$work/whole.png" "{$o, $pad, \"background\": \"$clear\"}"
		[ "$to" != avif ] || { avifdec "$OUT" "$work/a.png" >"$ERR" &&
		    cp "$work/a.png" "$OUT"; }
		shows 5,5 0,0,0,0 "$to $clear"
		shows 20,20 192,128,64,255 "$to $clear"
	done
done
o='"format": "png"'
both 200 "$work/half.png" "{$o, $pad, \"background\": \"#0000\"}"
shows 20,20 192,128,64,128 "what is transparent itself"
# A half of blue below a half of the picture.
both 200 "$work/half.png" "{$o, $pad, \"background\": \"#0000ff80\"}"
shows 5,5 0,0,255,128 "half of blue"
shows 20,20 128,85,128,192 "half of blue"
both 200 "$work/half.png" "{$o, $pad, \"background\": \"blue\"}"
shows 5,5 0,0,255,255 blue
shows 20,20 96,64,159,255 blue
# JPEG has no transparency: white is below all.
both 200 "$work/half.png" '{"format": "jpeg", "quality": 100,
    "background": "#00000000"}'
shows 20,10 224,192,160,255 "JPEG"
# Without a background, only what is padded is white.
both 200 "$work/half.png" "{$o, $pad}"
shows 5,5 255,255,255,255 "padded"
shows 20,20 192,128,64,128 "not padded"
end

begin colours_have_digits_or_names
while read -r colour want; do
	both 200 "$work/half.png" "{\"format\": \"png\", $pad,
	    \"background\": \"$colour\"}"
	shows 5,5 "$want" "$colour"
done <<'EOF'
#fff 255,255,255,255
#1af 17,170,255,255
#1AFc 17,170,255,204
#102030 16,32,48,255
white 255,255,255,255
black 0,0,0,255
red 255,0,0,255
EOF
both 200 "$work/whole.png" '{"format": "png", "text": {"text": "\u2588",
    "size": 20, "color": "lime"}}'
shows 20,10 0,255,0,255 "words"
for colour in '' '#' '#1' '#12' '#12345' '#1234567' '#123456789' '#ggg' \
    '# 12' fff reddish White 'white ' 'rgb(0,0,0)'; do
	refused 400 "$work/half.png" "{\"background\": \"$colour\"}" background
	refused 400 "$work/half.png" "{\"text\": {\"text\": \"a\",
	    \"color\": \"$colour\"}}" color
done
end

begin nothing_invisible_is_seen_after_a_change
# Red that cannot be seen, beside blue that can.
convert -size 60x60 xc:'#ff000000' -fill '#0000ffff' \
    -draw 'rectangle 30,0 59,59' "PNG32:$work/hidden.png"
for o in '"blur": 4' '"sharpen": 3' '"width": 33' '"width": 90, "fit": "contain"' \
    '"rotate": 90' '"flip": "h"' '"blur": 2, "sharpen": 2, "width": 50' \
    '"background": "#0f08"'; do
	both 200 "$work/hidden.png" "{\"format\": \"png\", $o}"
	convert "$OUT" -channel R -fx 'u.a<0.01?0:u.r' -separate \
	    -format '%[fx:int(255*maxima)]' info: >"$work/red"
	[ "$(cat "$work/red")" -le 1 ] || wrong "$o: red $(cat "$work/red")"
done
end

begin blur_is_as_wide_as_it_says
for sigma in 0.3 0.7 1 2 5 20; do
	both 200 "$work/p.png" "{\"format\": \"png\", \"blur\": $sigma}"
	cp "$OUT" "$work/got"
	convert "$work/p.png" -blur "0x$sigma" "$work/want.png"
	alike "$work/got" "$work/want.png" 38 "$sigma"
done
# What is transparent, as ImageMagick has it.
convert "$work/p.png" -alpha set -channel A -fx 'i<60?0:i>120?1:0.5' +channel \
    "$work/a.png"
both 200 "$work/a.png" '{"format": "png", "blur": 6}'
cp "$OUT" "$work/got.png"
convert "$work/a.png" -blur 0x6 "$work/want.png"
convert "$work/got.png" -background green -flatten "$work/got"
convert "$work/want.png" -background green -flatten "$work/want.png"
alike "$work/got" "$work/want.png" 40 "transparent"
both 200 "$work/p.png" '{"format": "png", "blur": 250}'
for blur in -1 251 '"a"'; do
	refused 400 "$work/p.png" "{\"blur\": $blur}" blur
done
end

begin trim_looks_at_what_is_seen
# A border that is transparent, of any colour.
convert -size 60x50 plasma: -alpha set -channel A -evaluate set 0 +channel \
    \( -size 20x10 xc:red \) -geometry +30+20 -composite "PNG32:$work/t.png"
both 200 "$work/t.png" '{"format": "png", "trim": true}'
is 20x10 png
# Transparent is not black.
convert -size 60x50 xc:'#0000' -fill black -draw 'rectangle 10,10 39,29' \
    "PNG32:$work/t.png"
both 200 "$work/t.png" '{"format": "png", "trim": true}'
is 30x20 png
convert -size 60x50 xc:'#123' "PNG24:$work/t.png"
both 200 "$work/t.png" '{"format": "png", "trim": true}'
is 60x50 png
end

begin attention_is_not_drawn_by_the_invisible
convert \( -size 50x50 plasma:red-blue -alpha set -channel A -evaluate set 0 \
    +channel \) \( -size 50x50 xc:white -fill red -draw 'rectangle 20,20 29,29' \) \
    +append "PNG32:$work/t.png"
for gravity in attention entropy auto; do
	both 200 "$work/t.png" "{\"format\": \"png\", \"width\": 50,
	    \"height\": 50, \"fit\": \"cover\", \"gravity\": \"$gravity\"}"
	convert "$OUT" -unique-colors txt: | grep -qi '#FF0000' ||
	    wrong "$gravity: no red is left"
done
end

begin gravity_is_numbers
for gravity in '{"x": "abc", "y": 0.5}' '{"x": true, "y": 0.5}' '{"x": 0.5}' \
    '{"y": 0.5}' '{}' '{"x": 0.5, "y": 0.5, "z": 1}' '{"x": null, "y": 0}' \
    '{"x": 1.1, "y": 0}' '{"x": -0.1, "y": 0}' '{"x": [], "y": 0}' 1 true '[]' \
    '"up"' '""'; do
	refused 400 "$work/p.png" "{\"width\": 9, \"height\": 9,
	    \"fit\": \"cover\", \"gravity\": $gravity}" gravity
done
end

begin colours_fade_and_go
both 200 "$work/p.png" '{"format": "png", "saturation": 0}'
cp "$OUT" "$work/got"
convert "$work/p.png" -grayscale Rec709Luma "$work/want.png"
alike "$work/got" "$work/want.png" 45 "grey"
both 200 "$work/p.png" '{"format": "png", "grayscale": true}'
cmp -s "$OUT" "$work/got" || wrong "grayscale is another grey"
both 200 "$work/whole.png" '{"format": "png", "saturation": 0.5}'
shows 5,5 164,132,100,255 "half"
both 200 "$work/whole.png" '{"format": "png", "saturation": 2}'
shows 5,5 248,120,0,255 "twice"
for o in '"saturation": -1' '"saturation": 11' '"saturation": "a"' \
    '"grayscale": 1' '"grayscale": "yes"'; do
	refused 400 "$work/p.png" "{$o}" option
done
end

begin a_part_is_cut_out_before_it_is_made_smaller
convert "$photo" -strip -quality 95 "$work/l.jpg"
exiftool -q -n -overwrite_original -Orientation=6 "$work/l.jpg"
convert "$work/l.jpg" -auto-orient "$work/up.png"
both 200 "$work/l.jpg" '{"format": "png", "crop": {"x": 100, "y": 50,
    "width": 200, "height": 120}}'
cp "$OUT" "$work/got"
convert "$work/up.png" -crop 200x120+100+50 +repage "$work/want.png"
alike "$work/got" "$work/want.png" 40 "as it is"
both 200 "$work/l.jpg" '{"format": "png", "width": 50, "crop": {"x": 100,
    "y": 50, "width": 200, "height": 120}}'
is 50x30 png
cp "$OUT" "$work/got"
convert "$work/want.png" -colorspace RGB -filter Lanczos -resize '50x30!' \
    -colorspace sRGB -depth 8 "$work/small.png"
alike "$work/got" "$work/small.png" 35 "smaller"
while read -r size crop; do
	both 200 "$work/p.png" "{\"format\": \"png\", \"crop\": $crop}"
	is "$size" png
done <<'EOF'
160x107 {}
150x107 {"x": 10}
50x57 {"y": 50, "width": 50}
1x1 {"x": 159, "y": 106, "width": 30000, "height": 30000}
EOF
both 200 "$work/p.png" '{"format": "png", "rotate": -90,
    "crop": {"width": 50, "height": 20}}'
is 20x50 png
for crop in '{"x": -1}' '{"z": 1}' '{"x": "1"}' '{"width": 1.5}' '[]' 7 \
    '{"x": 99999}' '"1,2,3,4"'; do
	refused 400 "$work/p.png" "{\"crop\": $crop}" crop
done
refused 422 "$work/p.png" '{"crop": {"x": 160}}' crop
end

begin names_that_others_use_are_known
both 200 "$work/p.png" '{"format": "jpg"}'
cp "$OUT" "$work/got"
both 200 "$work/p.png" '{"format": "jpeg"}'
cmp -s "$OUT" "$work/got" || wrong "jpg is not jpeg"
for pair in -90:270 -180:180 -270:90; do
	both 200 "$work/p.png" "{\"rotate\": ${pair%:*}}"
	cp "$OUT" "$work/got"
	both 200 "$work/p.png" "{\"rotate\": ${pair#*:}}"
	cmp -s "$OUT" "$work/got" || wrong "$pair differ"
done
for rotate in -45 -1 -360 91 271; do
	refused 400 "$work/p.png" "{\"rotate\": $rotate}" rotate
done
end

begin a_photograph_for_all_is_jpeg
convert "$work/p.png" -quality 80 "$work/p.webp"
convert "$work/p.png" -define webp:lossless=true "$work/l.webp"
convert "$work/half.png" -resize 60x60 "$work/h.webp"
avifenc "$work/p.png" "$work/p.avif" >/dev/null
avifenc "$work/half.png" "$work/h.avif" >/dev/null
cjxl "$work/p.png" "$work/p.jxl" >/dev/null 2>&1
cjxl "$work/half.png" "$work/h.jxl" >/dev/null 2>&1
while read -r f want; do
	both 200 "$work/$f" '{}'
	identify -format %m "$OUT" | grep -qi "^$want\$" || wrong "$f: no $want"
done <<'EOF'
p.webp jpeg
p.avif jpeg
p.jxl jpeg
h.webp png
h.avif png
h.jxl png
l.webp png
p.png png
EOF
echo '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect
    width="9" height="9" fill="red"/></svg>' >"$work/s.svg"
both 200 "$work/s.svg" '{}'
is 9x9 png
end

finish
