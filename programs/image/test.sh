#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# image: formats, sizes and looks; what is broken, wrong or too large.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. programs/image/lib.sh

common_promises

begin recipes_of_the_readme_are_tested
# Line by line, but for what the library's file and its socket are.
sed -n '/^```vcl/,/^```$/p' programs/image/README.md |
    grep -vE '^```|library\(|varnish-self' | sed 's/^[ \t]*//' >"$work/readme"
sed 's/^[ \t]*//' programs/image/recipes.vtc >"$work/tested"
sort -u "$work/tested" >"$work/sorted"
sort -u "$work/readme" | comm -23 - "$work/sorted" >"$work/more"
[ ! -s "$work/more" ] || wrong "recipes.vtc lacks: $(cat "$work/more")"
end

begin every_format_in_becomes_every_format_out
for from in jpg png webp tiff bmp gif; do
	convert "$work/p.png" -quality 95 "$work/p.$from"
done
avifenc -q 90 "$work/p.png" "$work/p.avif" >/dev/null 2>&1 ||
    avifenc --min 5 --max 10 "$work/p.png" "$work/p.avif" >/dev/null
for from in jpg png webp tiff bmp gif avif; do
	both 200 "$work/p.$from" '{"format": "png"}'
	is 160x107 png
	least=32
	[ "$from" != gif ] || least=28
	cp "$OUT" "$work/got"
	alike "$work/got" "$work/p.png" "$least" "$from"
done
for to in webp avif jpeg png; do
	both 200 "$work/p.png" "{\"format\": \"$to\", \"quality\": 90}"
	is 160x107 "$to"
	cp "$OUT" "$work/got"
	alike "$work/got" "$work/p.png" 31 "$to"
done
end

begin lossless_is_without_loss
for to in webp avif; do
	both 200 "$work/p.png" "{\"format\": \"$to\", \"lossless\": true}"
	cp "$OUT" "$work/got"
	alike "$work/got" "$work/p.png" 90 "$to"
done
end

begin transparency_goes_through
convert -size 60x40 'gradient:#ff000000-#0000ffff' "PNG32:$work/a.png"
for to in webp avif png; do
	both 200 "$work/a.png" "{\"format\": \"$to\", \"quality\": 95}"
	cp "$OUT" "$work/got"
	as_png "$work/got" "$work/got.png"
	convert "$work/got.png" -alpha extract "$work/got_alpha.png"
	convert "$work/a.png" -alpha extract "$work/a_alpha.png"
	alike "$work/got_alpha.png" "$work/a_alpha.png" 35 "$to"
done
both 200 "$work/a.png" '{"format": "jpeg", "background": "#00ff00"}'
cp "$OUT" "$work/got"
[ "$(convert "$work/got" -format '%[pixel:p{30,0}]' info: |
    sed 's/[^0-9,]//g' | awk -F, '{ print ($1 < 30 && $2 > 225) }')" = 1 ] ||
    wrong "the background does not shine through"
end

begin each_way_to_fit_has_its_size
while read -r fit width height size; do
	both 200 "$work/p.png" "{\"format\": \"png\", \"fit\": \"$fit\",
	    \"width\": $width, \"height\": $height}"
	is "$size" png
done <<'EOT'
scale-down 80 80 80x54
scale-down 800 800 160x107
scale-down 80 0 80x54
scale-down 0 54 81x54
contain 320 320 320x214
cover 50 50 50x50
cover 300 100 300x100
crop 50 50 50x50
crop 300 50 160x50
pad 100 100 100x100
pad 320 300 320x300
EOT
both 200 "$work/p.png" '{"format": "png", "width": 20, "dpr": 2}'
is 40x27 png
end

begin gravity_says_what_stays
convert -size 100x50 xc:white -fill red -draw 'rectangle 80,0 99,49' \
    "$work/right.png"
for gravity in '"right"' '{"x": 0.95, "y": 0.5}' '"attention"'; do
	both 200 "$work/right.png" "{\"format\": \"png\", \"width\": 50,
	    \"height\": 50, \"fit\": \"cover\", \"gravity\": $gravity}"
	cp "$OUT" "$work/got"
	convert "$work/got" -unique-colors txt: | grep -qi '#FF0000' ||
	    wrong "$gravity: no red is left"
done
both 200 "$work/right.png" '{"format": "png", "width": 50, "height": 50,
    "fit": "cover", "gravity": "left"}'
cp "$OUT" "$work/got"
! convert "$work/got" -unique-colors txt: | grep -qi '#FF0000' ||
    wrong "left: red is left"
end

begin exif_orientation_is_applied
for o in 1 2 3 4 5 6 7 8; do
	convert "$work/p.png" -quality 95 "$work/o.jpg"
	exiftool -q -n -overwrite_original -Orientation=$o "$work/o.jpg"
	both 200 "$work/o.jpg" '{"format": "png"}'
	cp "$OUT" "$work/got"
	alike "$work/got" "$work/o.jpg" 38 "orientation $o"
done
end

begin orientation_of_tiff_is_applied
for o in 1 2 3 4 5 6 7 8; do
	convert "$work/p.png" "$work/o.tiff"
	exiftool -q -n -overwrite_original -Orientation=$o "$work/o.tiff"
	both 200 "$work/o.tiff" '{"format": "png"}'
	cp "$OUT" "$work/got"
	alike "$work/got" "$work/o.tiff" 90 "orientation $o"
done
end

begin orientation_of_png_and_webp_is_applied
for f in png webp; do
	convert "$work/p.png" "$work/o.$f"
	exiftool -q -q -n -overwrite_original -Orientation=6 "$work/o.$f"
	both 200 "$work/o.$f" '{"format": "png"}'
	is 107x160 png
done
end

begin cmyk_and_translucent_tiff_are_read
convert "$work/p.png" -colorspace CMYK -quality 95 "$work/cmyk.jpg"
both 200 "$work/cmyk.jpg" '{"format": "png"}'
cp "$OUT" "$work/got"
convert "$work/cmyk.jpg" -colorspace sRGB "$work/want.png"
alike "$work/got" "$work/want.png" 45 CMYK
convert -size 60x40 'gradient:#ff000000-#0000ffff' "$work/a.tiff"
both 200 "$work/a.tiff" '{"format": "png"}'
cp "$OUT" "$work/got"
alike "$work/got" "$work/a.tiff" 45 TIFF
end

begin interlaced_gif_is_read
convert "$work/p.png" -interlace GIF "$work/i.gif"
both 200 "$work/i.gif" '{"format": "png"}'
cp "$OUT" "$work/got"
alike "$work/got" "$work/i.gif" 90 "interlaced GIF"
end

begin animations_stay_animations
make_animation "$work/an.gif"
both 200 "$work/an.gif" '{"format": "webp", "lossless": true}'
cp "$OUT" "$work/an.webp"
[ "$(webpinfo "$work/an.webp" | grep -c 'Chunk ANMF')" = 4 ] ||
    wrong "not 4 frames"
webpinfo "$work/an.webp" | grep -q 'Loop count *: 0' || wrong "it ends"
convert "$work/an.gif" -coalesce "$work/one_%d.png"
convert "$work/an.webp" -coalesce "$work/two_%d.png"
for i in 0 1 2 3; do
	[ "$(compare -metric AE "$work/one_$i.png" "$work/two_$i.png" \
	    null: 2>&1)" = 0 ] || wrong "frame $i differs"
done
for from in gif webp; do
	both 200 "$work/an.$from" '{"format": "webp", "width": 40}'
	[ "$(webpinfo "$OUT" | grep -c 'Chunk ANMF')" = 4 ] ||
	    wrong "$from: not 4 frames"
	webpinfo "$OUT" | grep -q 'Canvas size 40 x 30' || wrong "$from: size"
	both 200 "$work/an.$from" '{"format": "png"}'
	is 80x60 png
	both 200 "$work/an.$from" '{"format": "webp", "anim": false}'
	is 80x60 webp
done
both 200 "$work/an.gif" '{"format": "webp", "max_frames": 2}'
[ "$(webpinfo "$OUT" | grep -c 'Chunk ANMF')" = 2 ] || wrong "max_frames"
for part in 20 60 90; do
	head -c $(($(wc -c <"$work/an.gif") * part / 100)) "$work/an.gif" \
	    >"$work/cut"
	"$binary" '{"format": "webp"}' <"$work/cut" >"$OUT" 2>"$ERR"
	[ $? -le 1 ] || wrong "cut to $part%: $(head -c 200 "$ERR")"
done
end

begin turns_mirrors_and_trims
for do in '{"rotate": 90}:-rotate 90' '{"rotate": 180}:-rotate 180' \
    '{"rotate": 270}:-rotate 270' '{"flip": "h"}:-flop' '{"flip": "v"}:-flip' \
    '{"flip": "hv"}:-rotate 180'; do
	both 200 "$work/p.png" "${do%:*}"
	cp "$OUT" "$work/got"
	# shellcheck disable=SC2086
	convert "$work/p.png" ${do##*:} "$work/want.png"
	alike "$work/got" "$work/want.png" 90 "$do"
done
convert "$work/p.png" -bordercolor white -border 20x10 "$work/border.png"
both 200 "$work/border.png" '{"format": "png", "trim": true}'
is 160x107 png
end

begin resize_is_as_good_as_imagemagick
convert "$photo" -strip "$work/large.png" 2>/dev/null
for size in 200x133 401x268 900x600; do
	both 200 "$work/large.png" "{\"format\": \"png\", \"fit\": \"contain\",
	    \"width\": ${size%x*}}"
	cp "$OUT" "$work/got"
	convert "$work/large.png" -colorspace RGB -filter Lanczos \
	    -resize "$size!" -colorspace sRGB -depth 8 "$work/want.png"
	alike "$work/got" "$work/want.png" 40 "resize to $size"
done
end

begin resize_keeps_a_flat_colour_and_bleeds_none
# What is invisible must not shine through, and edges are no darker.
for size in 1x1 2x3 7x200 199x3 200x200; do
	convert -size "$size" xc:'#4080c0' "PNG32:$work/flat.png"
	for width in 1 5 64; do
		both 200 "$work/flat.png" "{\"format\": \"png\",
		    \"fit\": \"contain\", \"width\": $width}"
		[ "$(convert "$OUT" -unique-colors txt: | grep -c '^[0-9]')" = 1 ] &&
		    convert "$OUT" -unique-colors txt: | grep -qi '#4080C0' ||
		    wrong "$size to $width is $(convert "$OUT" txt: | tail -1)"
	done
done
convert -size 100x100 xc:'#ff000000' -fill '#0000ffff' \
    -draw 'rectangle 50,0 99,99' "PNG32:$work/half.png"
both 200 "$work/half.png" '{"format": "png", "width": 33}'
convert "$OUT" -channel R -separate -format '%[fx:maxima]\n' info: >"$work/red"
grep -q '^0$' "$work/red" || wrong "red shines through: $(cat "$work/red")"
end

begin adjustments_are_visible
both 200 "$work/p.png" '{"brightness": 2}'
cp "$OUT" "$work/got"
mean() { convert "$1" -colorspace Gray -format '%[fx:int(mean*1000)]' info:; }
[ "$(mean "$work/got")" -gt "$(($(mean "$work/p.png") + 20))" ] ||
    wrong "it is not brighter"
for o in '{"blur": 5}' '{"sharpen": 2}' '{"contrast": 0.5}' '{"gamma": 2}'; do
	both 200 "$work/p.png" "$o"
	! cmp -s "$OUT" "$work/p.png" || wrong "$o does nothing"
done
end

begin quality_may_differ_by_format
for to in webp jpeg avif; do
	both 200 "$work/p.png" "{\"format\": \"$to\", \"quality\": 30}"
	cp "$OUT" "$work/one"
	both 200 "$work/p.png" "{\"format\": \"$to\",
	    \"quality\": {\"$to\": 30}}"
	cmp -s "$OUT" "$work/one" || wrong "$to: not the same"
	both 200 "$work/p.png" "{\"format\": \"$to\",
	    \"quality\": {\"webp\": 90, \"jpeg\": 90, \"avif\": 90}}"
	[ "$(wc -c <"$OUT")" -gt "$(wc -c <"$work/one")" ] ||
	    wrong "$to: 90 is smaller than 30"
done
for q in 0 101 '"a"' 2.5 '{"webp": 0}' '{"gif": 1}' '[]'; do
	refused 400 "$work/p.png" "{\"quality\": $q}" quality
done
end

begin max_bytes_is_kept
for to in webp jpeg avif; do
	both 200 "$photo" "{\"format\": \"$to\", \"quality\": 90,
	    \"max_bytes\": 20000, \"speed\": 9, \"width\": 320}"
	size=$(wc -c <"$OUT")
	[ "$size" -le 20000 ] && [ "$size" -gt 10000 ] ||
	    wrong "$to has $size bytes"
done
refused 422 "$photo" '{"format": "jpeg", "max_bytes": 100}' "max_bytes"
end

begin format_follows_accept
for pair in 'image/avif,image/webp;q=0.9,*/*:ftyp' 'image/webp:WEBP' \
    'image/avif;q=0, image/webp:WEBP' 'text/html:JFIF'; do
	HTTP_ACCEPT=${pair%:*} "$binary" '{"width": 40}' <"$photo" >"$work/got"
	head -c 20 "$work/got" | grep -aq "${pair##*:}" || wrong "$pair"
done
end

begin wrong_options_are_named
refused 400 "$work/p.png" '{"rotate": 45}' rotate
refused 400 "$work/p.png" '{"gravity": "up"}' gravity
refused 400 "$work/p.png" '{"gravity": {"x": 2, "y": 0}}' gravity
refused 400 "$work/p.png" '{"background": "reddish"}' background
refused 400 "$work/p.png" '{"width": -1}' width
refused 400 "$work/p.png" '{"format": "bmp"}' format
end

begin bombs_are_refused_before_they_go_off
convert "$work/p.png" -interlace JPEG "$work/progressive.jpg"
python3 - "$work" <<'EOT'
import struct, sys, zlib
def chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data +
            struct.pack(">I", zlib.crc32(kind + data)))
work = sys.argv[1]
open(work + "/bomb.png", "wb").write(
    b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB",
    30000, 30000, 8, 6, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(bytes(10**6))))
open(work + "/bomb.bmp", "wb").write(b"BM" + struct.pack("<IIIIiiHHIIIIII",
    1000, 0, 54, 40, 30000, 30000, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(100))
open(work + "/bomb.gif", "wb").write(b"GIF89a" + struct.pack("<HHBBB",
    30000, 30000, 0x80, 0, 0) + bytes(6) + b"," + struct.pack("<HHHHB", 0, 0,
    30000, 30000, 0) + b"\x02\x02\x44\x01\x00;")
EOT
python3 - "$work/progressive.jpg" "$work/scans.jpg" <<'EOT'
import sys
data = open(sys.argv[1], "rb").read()
# The first scan can be read again and again.
scan = data.index(b"\xff\xda")
end = data.index(b"\xff\xc4", scan)
open(sys.argv[2], "wb").write(data[:end] + data[scan:end] * 2000 + data[end:])
EOT
refused 422 "$work/scans.jpg" '{}' "scans"
for f in png bmp gif; do
	refused 413 "$work/bomb.$f" '{}' max_pixels
done
refused 413 "$photo" '{"max_pixels": 1000}' max_pixels
refused 413 "$photo" '{"width": 30000, "height": 30000, "fit": "contain"}' \
    max_pixels
end

begin the_library_has_room_for_what_requests_may_write
# And refuses a picture before the machine ends it: 64 MiB are for the rest.
python3 - 2>"$ERR" <<'EOT' || wrong "$(tail -n 1 "$ERR")"
import json
for name, o in json.load(open("programs/image/library.json")).items():
    assert o["address_space"] > o["max_request_memory"], name
    own = json.loads(o.get("main_arguments", ["{}"])[0])
    assert own.get("max_memory", 440) + 50 < o["max_request_memory"], name
EOT
end

begin what_needs_too_much_memory_is_refused_in_time
# What it has written by then, in KiB of its pages, is no more than it may.
needs() {
	/usr/bin/time -f 'peak %M' "$binary" "$3" <"$2" >"$OUT" 2>"$ERR"
	[ "$1" = 200 ] || grep -q "^image: $1: .*max_memory" "$ERR" ||
	    wrong "$3: $(cat "$ERR")"
	[ "$1" != 200 ] || [ -s "$OUT" ] || wrong "$3: $(cat "$ERR")"
	peak=$(sed -n 's/^peak //p' "$ERR")
	[ "$peak" -lt $((($4 + 24) * 1024)) ] || wrong "$3: $peak KiB"
}
convert "$photo" -strip -resize '2400x1600!' -quality 60 "$work/m.jpg" 2>/dev/null
while read -r below above o; do
	needs 200 "$work/m.jpg" "{$o, \"max_memory\": $below}" "$below"
	needs 413 "$work/m.jpg" "{$o, \"max_memory\": $above}" "$above"
done <<'EOT'
64 16 "format": "jpeg"
64 20 "format": "png", "rotate": 90
128 64 "format": "avif", "speed": 10
200 100 "format": "webp", "lossless": true, "speed": 10
EOT
refused 413 "$work/m.jpg" '{"max_memory": 16, "blur": 1, "sharpen": 1,
    "rotate": 90}' max_memory
refused 400 "$work/p.png" '{"max_memory": 15}' max_memory
refused 400 "$work/p.png" '{"max_memory": "a"}' max_memory
end

begin what_is_no_picture_is_refused
for text in '' 'hello' 'BM' 'GIF89a' 'RIFF    WEBP'; do
	printf '%s' "$text" >"$work/text"
	[ -s "$work/text" ] || continue
	"$binary" '{}' <"$work/text" >"$OUT" 2>"$ERR" && wrong "\"$text\" taken"
	grep -q '^image: 4[12][0-9]: ' "$ERR" || wrong "$(cat "$ERR")"
done
end

begin avif_with_a_box_too_short_is_refused
printf '\0\0\0\014ftypavif\0\0\0\011meta\0\0\0\0\060pitm\0\0\0' >"$work/short"
refused 422 "$work/short" '{}' "meta box"
end

begin truncated_pictures_end_with_a_sentence
for f in jpg png webp tiff bmp gif avif; do
	size=$(wc -c <"$work/p.$f")
	for part in 1 3 10 50 90; do
		head -c $((size * part / 100 + 1)) "$work/p.$f" >"$work/cut"
		"$binary" '{"format": "webp"}' <"$work/cut" >"$OUT" 2>"$ERR"
		[ $? -le 1 ] || wrong "$f cut to $part%: $(head -c 200 "$ERR")"
	done
done
end

begin mutated_pictures_never_break_the_machine
cat >"$work/mutate.py" <<'EOT'
import random, sys
source, seed, out = open(sys.argv[1], "rb").read(), sys.argv[2], sys.argv[3]
r = random.Random(seed)
data = bytearray(source)
for _ in range(r.choice([1, 2, 5, 20])):
    at = r.randrange(len(data)) if r.random() < 0.5 else r.randrange(
        min(len(data), 200))
    data[at] = r.randrange(256)
open(out, "wb").write(data)
EOT
rounds=${TKVM_MUTATIONS:-12}
make_animation "$work/p.an.gif"
"$binary" '{"format": "webp"}' <"$work/p.an.gif" >"$work/p.an.webp"
for f in jpg png webp tiff bmp gif avif an.gif an.webp; do
	for seed in $(seq "$rounds"); do
		python3 "$work/mutate.py" "$work/p.$f" "$seed" "$work/mutant"
		"$binary" '{"format": "webp", "width": 50}' <"$work/mutant" \
		    >"$OUT" 2>"$ERR"
		[ $? -le 1 ] || wrong "$f, seed $seed: it crashed"
	done
done
if [ -n "$kvm" ]; then
	in_machine "$work/mutant" '{"format": "webp"}'
	grep -qE '^status (200|4[12][0-9])$' "$ERR" || wrong "$(cat "$ERR")"
fi
end

begin plain_x86_64_is_enough
if command -v qemu-x86_64 >/dev/null; then
	qemu-x86_64 -cpu qemu64 "$binary" '{"format": "webp", "width": 40}' \
	    <"$work/p.png" >"$OUT" 2>"$ERR" || wrong "$(head -c 300 "$ERR")"
	is 40x27 webp
fi
end

finish
