#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# image: HEIC, against heif-convert, in a build that has it; refused in others.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. programs/image/lib.sh

# As phones and Apple's computers begin their files.
printf '\0\0\0\030ftypmif1\0\0\0\0mif1heic' >"$work/mif1.heic"
printf '\0\0\0\030ftypheic\0\0\0\0mif1heic' >"$work/heic.heic"

if "$binary" '{}' <"$work/heic.heic" 2>&1 | grep -q "HEIC=1"; then
	begin a_build_without_heic_says_so
	for f in mif1 heic; do
		refused 415 "$work/$f.heic" '{}' "make HEIC=1"
	done
	end
	skip heic_has_the_pixels_that_heif_convert_sees "built without HEIC=1"
	finish
fi

heic() {
	heif-enc "$@" >/dev/null 2>&1 || wrong "heif-enc $*"
}
convert "$photo" -strip "$work/photo.png"
heic -q 60 -o "$work/p.heic" "$work/p.png"

begin heic_has_the_pixels_that_heif_convert_sees
convert -size 60x40 'gradient:#ff000000-#0000ffff' "PNG32:$work/a.png"
heic -q 60 -o "$work/1.heic" "$work/photo.png"
heic -L -p chroma=444 -o "$work/2.heic" "$work/p.png"
heic -q 90 -o "$work/3.heic" "$work/a.png"
heic -q 60 -b 10 -o "$work/4.heic" "$work/p.png"
for i in 1 2 3 4; do
	both 200 "$work/$i.heic" '{"format": "png"}'
	cp "$OUT" "$work/got.png"
	heif-convert "$work/$i.heic" "$work/seen.png" >/dev/null 2>&1
	alike "$work/got.png" "$work/seen.png" 38 "file $i"
done
end

begin tiles_are_one_picture
convert "$work/photo.png" -crop 240x144+0+0 +repage "$work/whole.png"
convert "$work/whole.png" -crop 120x72 +repage "$work/t%d.png"
for i in 0 1 2 3; do
	heic -q 80 -o "$work/t$i.heic" "$work/t$i.png"
done
tiles="$work/t0.heic $work/t1.heic $work/t2.heic"
# shellcheck disable=SC2086
programs/image/tiles.py 2 230 140 "$work/grid.heic" $tiles "$work/t3.heic" ||
    wrong "no picture of tiles could be made"
both 200 "$work/grid.heic" '{"format": "png"}'
cp "$OUT" "$work/got.png"
is 230x140 png
heif-convert "$work/grid.heic" "$work/seen.png" >/dev/null 2>&1
alike "$work/got.png" "$work/seen.png" 38 "of tiles"
strace -f -o "$work/calls" "$binary" '{}' <"$work/grid.heic" >"$OUT"
! grep -q clone "$work/calls" || wrong "tiles make threads"
# Smaller tiles than the picture needs, and one that is no picture.
# shellcheck disable=SC2086
programs/image/tiles.py 2 300 140 "$work/gap.heic" $tiles "$work/t3.heic"
refused 422 "$work/gap.heic" '{}' "do not cover"
# Tiles that say that they are larger than they are: the rest has one colour.
python3 - "$work/gap.heic" "$work/lies.heic" <<'EOT'
import struct, sys
data = open(sys.argv[1], "rb").read()
open(sys.argv[2], "wb").write(data.replace(
    struct.pack(">II", 120, 72), struct.pack(">II", 150, 72)))
EOT
"$binary" '{"format": "png"}' <"$work/lies.heic" >"$work/lies.png" 2>"$ERR" &&
    convert "$work/lies.png" -crop 20x100+275+20 +repage -unique-colors \
    -format '%w' info: >"$OUT" && [ "$(cat "$OUT")" = 1 ] ||
    grep -q '^image: 422: ' "$ERR" ||
    wrong "memory is seen: $(cat "$OUT" "$ERR")"
head -c $(($(wc -c <"$work/grid.heic") - 800)) "$work/grid.heic" >"$work/cut"
refused 422 "$work/cut" '{}' "broken HEIC"
end

begin heic_is_turned_once
convert "$work/p.png" -quality 95 "$work/o.jpg"
exiftool -q -n -overwrite_original -Orientation=6 "$work/o.jpg"
heic -q 80 -o "$work/o.heic" "$work/o.jpg"
both 200 "$work/o.heic" '{"format": "png"}'
cp "$OUT" "$work/got.png"
heif-convert "$work/o.heic" "$work/seen.png" >/dev/null 2>&1
alike "$work/got.png" "$work/seen.png" 38 "turned"
end

begin avif_is_none
avifenc -q 60 "$work/p.png" "$work/p.avif" >/dev/null 2>&1 ||
    avifenc "$work/p.png" "$work/p.avif" >/dev/null
both 200 "$work/p.avif" '{"format": "png"}'
is 160x107 png
end

begin heic_that_is_broken_or_too_large_is_refused
refused 413 "$work/p.heic" '{"max_pixels": 1000}' max_pixels
for f in mif1 heic; do
	refused 422 "$work/$f.heic" '{}' "broken HEIC"
done
for part in 3 10 50 90; do
	size=$(wc -c <"$work/p.heic")
	head -c $((size * part / 100 + 24)) "$work/p.heic" >"$work/cut"
	"$binary" '{"format": "webp"}' <"$work/cut" >"$OUT" 2>"$ERR"
	[ $? = 0 ] || grep -q '^image: 4[12][0-9]: ' "$ERR" ||
	    wrong "$part%: $(head -c 200 "$ERR")"
done
end

begin heic_needs_no_threads_and_no_new_cpu
strace -f -o "$work/calls" "$binary" '{}' <"$work/p.heic" >"$OUT"
! grep -q clone "$work/calls" || wrong "it makes threads"
qemu-x86_64 -cpu qemu64 "$binary" '{"format": "png"}' <"$work/p.heic" \
    >"$work/plain.png" 2>"$ERR" || wrong "$(head -c 300 "$ERR")"
"$binary" '{"format": "png"}' <"$work/p.heic" >"$work/got.png"
alike "$work/plain.png" "$work/got.png" 50 "plain"
end

finish
