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
