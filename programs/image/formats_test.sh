#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# image: formats that it reads by libraries of their own, against other readers
# of them; what is broken, cut off, or larger than it says.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. programs/image/lib.sh

convert "$photo" -strip "$work/photo.png"

#--- JPEG XL, against djxl

# cjxl cannot say less than a page.
make_jxl() {
	cjxl "$@" >/dev/null 2>&1 || wrong "cjxl $*"
}
make_jxl "$work/p.png" "$work/p.jxl"

begin jpeg_xl_has_the_pixels_that_djxl_sees
convert "$photo" -strip -quality 90 "$work/j.jpg"
convert "$work/p.png" -colorspace gray "$work/grey.png"
convert -size 60x40 'gradient:#ff000000-#0000ffff' "PNG32:$work/a.png"
convert "$work/p.png" -depth 16 "$work/deep.png"
make_jxl "$work/photo.png" "$work/1.jxl"
make_jxl "$work/photo.png" "$work/2.jxl" -d 0 -e 3
make_jxl "$work/photo.png" "$work/3.jxl" --container=1 -p
make_jxl "$work/j.jpg" "$work/4.jxl"
make_jxl "$work/a.png" "$work/5.jxl" -d 0
make_jxl "$work/deep.png" "$work/6.jxl" -d 0 -R 1
make_jxl "$work/grey.png" "$work/7.jxl"
for i in 1 2 3 4 5 6 7; do
	both 200 "$work/$i.jxl" '{"format": "png"}'
	cp "$OUT" "$work/got.png"
	djxl "$work/$i.jxl" "$work/seen.png" >/dev/null 2>&1
	# djxl leaves the numbers of another curve than sRGB's.
	alike "$work/got.png" "$work/seen.png" 38 "file $i"
done
end

begin jpeg_xl_is_turned_once
convert "$work/p.png" -quality 95 "$work/o.jpg"
exiftool -q -n -overwrite_original -Orientation=6 -Copyright=Me "$work/o.jpg"
make_jxl "$work/o.jpg" "$work/o.jxl"
both 200 "$work/o.jxl" '{"format": "png", "metadata": "keep"}'
is 107x160 png
cp "$OUT" "$work/got.png"
convert "$work/p.png" -rotate 90 "$work/upright.png"
alike "$work/got.png" "$work/upright.png" 35 "turned"
[ "$(exiftool -s3 -Copyright "$work/got.png")" = Me ] || wrong "no EXIF is left"
end

begin jpeg_xl_of_other_colours_becomes_srgb
python3 programs/image/profiles.py "$work"
convert "$work/p.png" -profile "$work/gamma.icc" "$work/c.png"
both 200 "$work/c.png" '{"format": "png"}'
cp "$OUT" "$work/want.png"
for d in 0 1; do
	make_jxl "$work/c.png" "$work/c.jxl" -d "$d"
	both 200 "$work/c.jxl" '{"format": "png"}'
	cp "$OUT" "$work/got.png"
	alike "$work/got.png" "$work/want.png" 30 "distance $d"
done
end

begin a_moving_jpeg_xl_is_its_first_frame
convert -delay 10 -size 80x60 xc:red xc:lime -loop 0 "$work/an.gif"
make_jxl "$work/an.gif" "$work/an.jxl" -d 0
both 200 "$work/an.jxl" '{"format": "png"}'
is 80x60 png
colour=$(convert "$OUT" -format '%[pixel:p{9,9}]' info:)
[ "$colour" = 'srgb(255,0,0)' ] || wrong "it is $colour"
end

begin jpeg_xl_becomes_what_all_can_show
both 200 "$work/p.jxl" '{}'
is 160x107 jpeg
both 200 "$work/p.jxl" '{"width": 40, "format": "webp"}'
is 40x27 webp
end

begin a_large_jpeg_xl_is_refused_by_its_header
{
	echo P5 8000 6000 255
	head -c 48000000 /dev/zero
} >"$work/large.pgm"
make_jxl "$work/large.pgm" "$work/large.jxl" -d 0 -e 1
refused 413 "$work/large.jxl" '{}' "8000x6000"
refused 413 "$work/p.jxl" '{"max_pixels": 1000}' max_pixels
end

begin jpeg_xl_that_is_cut_off_says_so
for part in 1 3 10 50 90 99; do
	size=$(wc -c <"$work/p.jxl")
	head -c $((size * part / 100 + 2)) "$work/p.jxl" >"$work/cut"
	refused 422 "$work/cut" '{}' "cut off"
done
end

#--- SVG, against librsvg

xmlns='xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
cat >"$work/p.svg" <<EOT
<?xml version="1.0" encoding="UTF-8"?>
<!-- a drawing -->
<svg $xmlns width="120" height="80" viewBox="0 0 120 80">
<defs><linearGradient id="g"><stop offset="0" stop-color="#036"/>
<stop offset="1" stop-color="#fc0"/></linearGradient>
<clipPath id="c"><circle cx="90" cy="40" r="20"/></clipPath></defs>
<rect width="120" height="80" fill="url(#g)"/>
<circle cx="40" cy="40" r="30" fill="red" opacity=".5"/>
<path d="M60 70 C 80 0 100 0 118 70 Z" fill="#0a0" stroke="#fff"
 stroke-width="3" clip-path="url(#c)"/>
<text x="8" y="50" font-size="24" font-family="DejaVu Sans">Hello</text></svg>
EOT
gzip -c "$work/p.svg" >"$work/p.svgz"

# What svg holds, 100 by 100 pixels large unless told otherwise.
svg() {
	printf '<svg %s %s>%s</svg>' "$xmlns" \
	    "${2:-width=\"100\" height=\"100\"}" "$1" >"$work/s.svg"
}

begin svg_is_what_librsvg_draws
for width in 120 600; do
	rsvg-convert -w "$width" "$work/p.svg" >"$work/want.png"
	for f in svg svgz; do
		both 200 "$work/p.$f" "{\"format\": \"png\",
		    \"width\": $width}"
		cp "$OUT" "$work/got.png"
		alike "$work/got.png" "$work/want.png" 34 "$f, $width"
	done
done
end

begin svg_is_drawn_as_large_as_it_is_wanted
while read -r fit width height size; do
	both 200 "$work/p.svg" "{\"fit\": \"$fit\", \"width\": $width,
	    \"height\": $height}"
	is "$size" png
done <<'EOT'
scale-down 0 0 120x80
scale-down 1200 0 1200x800
scale-down 0 800 1200x800
scale-down 600 200 300x200
scale-down 60 0 60x40
contain 300 1000 300x200
cover 300 300 300x300
crop 300 300 300x300
pad 300 300 300x300
EOT
both 200 "$work/p.svg" '{"width": 300, "dpr": 2, "format": "webp"}'
is 600x400 webp
both 200 "$work/p.svg" '{"width": 300, "rotate": 90}'
is 300x450 png
end

begin svg_lies_sharp_on_another_picture
svg '<rect width="5" height="10"/>' 'width="10" height="10"'
both 200 "$work/p.png" "{\"format\": \"png\", \"draw\": [{\"width\": 100,
    \"url\": \"data:image/svg+xml;base64,$(base64 -w 0 "$work/s.svg")\"}]}"
cp "$OUT" "$work/got.png"
[ "$(convert "$work/got.png" -format '%[pixel:p{79,53}]' info:)" = \
    'srgb(0,0,0)' ] || wrong "the edge is blurred"
end

begin svg_is_known_by_its_first_element
for head in '' ' ' '<?xml version="1.0"?>' '<!-- <a> --> ' \
    '<!DOCTYPE svg PUBLIC "a" "b" [<!ENTITY c "d">]>' "$(printf '\357\273\277')"; do
	printf '%s<svg %s width="9" height="9"/>' "$head" "$xmlns" >"$work/s.svg"
	both 200 "$work/s.svg" '{}'
	is 9x9 png
done
printf '<s:svg xmlns:s="http://www.w3.org/2000/svg" width="9" height="9"/>' \
    >"$work/s.svg"
both 200 "$work/s.svg" '{}'
for other in '<html/>' '<svgx/>' '<!DOCTYPE html><svg/>' '<!-- <svg> ' '<'; do
	echo "$other" >"$work/s.svg"
	refused 415 "$work/s.svg" '{}' neither
done
end

begin svg_reads_nothing_from_elsewhere
convert -size 100x100 xc:red "$work/red.png"
for href in "file://$work/red.png" "$work/red.png" red.png \
    http://127.0.0.1:9/red.png; do
	svg "<image width='100' height='100' xlink:href='$href'/>"
	(cd "$work" && strace -f -e trace=open,openat,socket,connect -o calls \
	    "$binary" '{}' <s.svg >got.png) || wrong "$href"
	! grep -E 'red|socket|connect' "$work/calls" || wrong "$href is asked for"
	[ "$(convert "$work/got.png" -format '%[fx:mean]' info:)" = 0 ] ||
	    wrong "$href is drawn"
done
svg "<image width='100' height='100'
    xlink:href='data:image/png;base64,$(base64 -w 0 "$work/red.png")'/>"
both 200 "$work/s.svg" '{"format": "jpeg"}'
[ "$(convert "$OUT" -format '%[fx:mean.r>0.9&&mean.g<0.1]' info:)" = 1 ] ||
    wrong "what is inside is not drawn"
{
	echo "<!DOCTYPE svg [<!ENTITY x SYSTEM '/etc/passwd'>]>"
	echo "<svg $xmlns width='9' height='9'><text>&x;</text></svg>"
} >"$work/s.svg"
refused 422 "$work/s.svg" '{}' "entity"
end

begin svg_bombs_end_in_time_with_a_reason
repeat() { python3 -c 'import sys; print(sys.argv[1] * int(sys.argv[2]))' "$@"; }
python3 - >"$work/s.svg" <<'EOT'
names = "abcdefghij"
print("<!DOCTYPE svg [<!ENTITY a 'lol'>" + "".join(
    f"<!ENTITY {n} '{f'&{m};' * 10}'>" for m, n in zip(names, names[1:])) +
    ']><svg xmlns="http://www.w3.org/2000/svg"><text>&j;</text></svg>')
EOT
refused 422 "$work/s.svg" '{}' entity
python3 - >"$work/s.svg" <<'EOT'
print('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" '
    'xmlns:xlink="http://www.w3.org/1999/xlink"><g id="g0"/>' + "".join(
    f'<g id="g{i + 1}">' + f'<use xlink:href="#g{i}"/>' * 10 + "</g>"
    for i in range(12)) + '<use xlink:href="#g12"/></svg>')
EOT
refused 422 "$work/s.svg" '{}' "limit"
svg '<g id="a"><use xlink:href="#b"/></g><g id="b"><use xlink:href="#a"/></g>'
refused 422 "$work/s.svg" '{}' "limit"
svg "$(repeat '<g>' 20000)$(repeat '</g>' 20000)"
refused 422 "$work/s.svg" '{}' "too deeply"
svg "$(repeat '<g opacity=".9">' 400)<circle r='9'/>$(repeat '</g>' 400)"
both 200 "$work/s.svg" '{}'
head -c 400000000 /dev/zero | tr '\0' ' ' | gzip >"$work/s.svg"
refused 413 "$work/s.svg" '{}' memory
for size in 1000000 1e30; do
	svg '' "width='$size' height='$size'"
	refused 413 "$work/s.svg" '{}' max_pixels
	both 200 "$work/s.svg" '{"width": 10}'
done
svg '' 'width="10" height="100000"'
refused 413 "$work/s.svg" '{"width": 10, "fit": "cover"}' max_pixels
for size in 0 -5; do
	svg '' "width='$size' height='9'"
	refused 422 "$work/s.svg" '{}' "invalid size"
done
end

begin broken_svg_says_where
for text in '<svg ' "<svg $xmlns" "<svg $xmlns width='9' height='9'><g>" \
    "<svg $xmlns width='9' height='9'><g></svg>" '<svg width="9" height="9"/>'; do
	echo "$text" >"$work/s.svg"
	refused 422 "$work/s.svg" '{}' "broken SVG: "
done
head -c 200 "$work/p.svgz" >"$work/s.svg"
refused 422 "$work/s.svg" '{}' "broken SVG"
end

#--- all of them

# Bytes changed, in the header and elsewhere.
cat >"$work/mutate.py" <<'EOT'
import random, sys
data, r = bytearray(open(sys.argv[1], "rb").read()), random.Random(sys.argv[2])
for _ in range(r.choice([1, 2, 5, 20])):
    at = r.randrange(len(data) if r.random() < 0.5 else min(len(data), 200))
    data[at] = r.randrange(256)
sys.stdout.buffer.write(data)
EOT
begin mutated_files_end_with_a_status
for f in p.jxl p.svg p.svgz; do
	for seed in $(seq "${TKVM_MUTATIONS:-12}"); do
		python3 "$work/mutate.py" "$work/$f" "$seed" >"$work/mutant"
		"$binary" '{"format": "webp", "width": 50}' <"$work/mutant" \
		    >"$OUT" 2>"$ERR"
		[ $? = 0 ] || grep -q '^image: 4[12][0-9]: ' "$ERR" ||
		    wrong "$f, seed $seed: $(head -c 300 "$ERR")"
	done
done
end

# What is computed with other instructions is rounded otherwise.
begin a_plain_x86_64_is_enough_for_them
for f in p.jxl p.svg p.svgz; do
	qemu-x86_64 -cpu qemu64 "$binary" '{"format": "png"}' <"$work/$f" \
	    >"$work/plain.png" 2>"$ERR" || wrong "$f: $(head -c 300 "$ERR")"
	"$binary" '{"format": "png"}' <"$work/$f" >"$work/got.png"
	alike "$work/plain.png" "$work/got.png" 50 "$f"
done
end

finish
