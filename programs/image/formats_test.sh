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
[ "$(convert "$OUT" -format '%[pixel:p{9,9}]' info:)" = 'srgba(255,0,0,1)' ] ||
    wrong "it is $(convert "$OUT" -format '%[pixel:p{9,9}]' info:)"
end

begin jpeg_xl_becomes_what_all_can_show
both 200 "$work/p.jxl" '{}'
is 160x107 png
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
for f in p.jxl; do
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
for f in p.jxl; do
	qemu-x86_64 -cpu qemu64 "$binary" '{"format": "png"}' <"$work/$f" \
	    >"$work/plain.png" 2>"$ERR" || wrong "$f: $(head -c 300 "$ERR")"
	"$binary" '{"format": "png"}' <"$work/$f" >"$work/got.png"
	alike "$work/plain.png" "$work/got.png" 50 "$f"
done
end

finish
