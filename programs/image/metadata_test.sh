#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# image: EXIF, colour profiles and what else a file says.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. programs/image/lib.sh

begin a_still_is_the_frame_that_is_wanted
make_animation "$work/an.gif"
convert "$work/an.gif" -coalesce "$work/one_%d.png"
"$binary" '{"format": "webp", "lossless": true}' <"$work/an.gif" \
    >"$work/an.webp"
for from in gif webp; do
	for i in 0 1 2 3; do
		both 200 "$work/an.$from" \
		    "{\"format\": \"png\", \"frame\": $i}"
		cp "$OUT" "$work/got"
		alike "$work/got" "$work/one_$i.png" 90 "$from frame $i"
	done
	both 200 "$work/an.$from" '{"format": "png", "frame": 9}'
	cmp -s "$OUT" "$work/got" || wrong "$from: no end"
done
end

begin metadata_is_kept_as_wished
convert "$work/p.png" "$work/m.jpg"
exiftool -q -q -overwrite_original -Orientation#=6 -Copyright='(c) Me' \
    -Artist='Somebody' -GPSLatitude=1.5 -GPSLatitudeRef=N "$work/m.jpg"
exif() { exiftool -s3 "-$1" "$2"; }
for to in jpeg png webp avif; do
	for keep in copyright keep none; do
		both 200 "$work/m.jpg" "{\"format\": \"$to\",
		    \"metadata\": \"$keep\", \"speed\": 9}"
		is 107x160 "$to"
		cp "$OUT" "$work/m.got.$to"
		got="$(exif Copyright "$work/m.got.$to")|$(exif Artist \
		    "$work/m.got.$to")|$(exif GPSLatitudeRef "$work/m.got.$to")"
		case $keep in
		none) want='||' ;;
		copyright) want='(c) Me|Somebody|' ;;
		keep) want='(c) Me|Somebody|North' ;;
		esac
		[ "$got" = "$want" ] || wrong "$to, $keep: $got"
		case $(exif Orientation# "$work/m.got.$to") in
		''|1) ;;
		*) wrong "$to, $keep: to be turned again" ;;
		esac
	done
done
for from in jpeg png webp avif; do
	"$binary" "{\"metadata\": \"keep\", \"format\": \"$from\"}" \
	    <"$work/m.jpg" >"$work/m.got.$from"
	both 200 "$work/m.got.$from" '{"format": "jpeg"}'
	cp "$OUT" "$work/m.again.jpg"
	[ "$(exif Copyright "$work/m.again.jpg")" = '(c) Me' ] ||
	    wrong "from $from"
done
convert "$work/p.png" "$work/m.tiff"
exiftool -q -q -overwrite_original -Copyright='(c) Me' "$work/m.tiff"
both 200 "$work/m.tiff" '{"format": "webp", "metadata": "keep"}'
cp "$OUT" "$work/m.again.webp"
[ "$(exif Copyright "$work/m.again.webp")" = '(c) Me' ] || wrong "from TIFF"
[ "$(wc -c <"$OUT")" -lt 20000 ] || wrong "the whole TIFF is inside"
end

begin profiles_become_srgb
# A wide one and a grey one, of each kind of curve.
python3 programs/image/profiles.py "$work"
for icc in gamma para0 para3 table; do
	for from in png jpg tiff webp; do
		[ "$icc" = gamma ] || [ "$from" = png ] || continue
		convert "$work/p.png" -define webp:lossless=true -quality 98 \
		    -profile "$work/$icc.icc" "$work/icc.$from"
		both 200 "$work/icc.$from" '{"format": "png"}'
		cp "$OUT" "$work/got"
		convert "$work/icc.$from" -profile "$work/srgb.icc" -strip \
		    "$work/want.png"
		alike "$work/got" "$work/want.png" 38 "$icc in $from"
		convert "$work/icc.$from" -strip "$work/same.png"
		! compare -metric PSNR "$work/same.png" "$work/want.png" null: \
		    2>&1 | grep -qE '^(inf|[4-9][0-9])' ||
		    wrong "$icc in $from changes nothing"
	done
done
convert "$work/p.png" -colorspace Gray -profile "$work/grey.icc" \
    "$work/icc.png"
both 200 "$work/icc.png" '{"format": "png"}'
cp "$OUT" "$work/got"
convert "$work/icc.png" -profile "$work/srgb.icc" -strip "$work/want.png"
alike "$work/got" "$work/want.png" 38 "grey"
# sRGB stays byte for byte, a broken profile does no harm.
convert "$work/p.png" -profile "$work/srgb.icc" "$work/icc.png"
both 200 "$work/icc.png" '{"format": "png"}'
cp "$OUT" "$work/got"
alike "$work/got" "$work/p.png" 90 "sRGB"
for part in 20 130 140 200 400; do
	head -c "$part" "$work/gamma.icc" >"$work/cut.icc"
	exiftool -q -q -o "$work/cut.$part.jpg" "-ICC_Profile<=$work/cut.icc" \
	    "$work/m.jpg" 2>/dev/null || continue
	both 200 "$work/cut.$part.jpg" '{"format": "webp"}'
done
end

begin turned_avif_is_turned
for turn in '1 -rotate 270' '2 -rotate 180' '3 -rotate 90'; do
	avifenc -q 95 --irot "${turn%% *}" "$work/p.png" "$work/t.avif" \
	    >/dev/null 2>&1 || avifenc --min 2 --max 5 --irot \
	    "${turn%% *}" "$work/p.png" "$work/t.avif" >/dev/null
	both 200 "$work/t.avif" '{"format": "png"}'
	cp "$OUT" "$work/got"
	# shellcheck disable=SC2086
	convert "$work/p.png" ${turn#* } "$work/want.png"
	alike "$work/got" "$work/want.png" 30 "irot $turn"
done
for turn in '0 -flip' '1 -flop'; do
	avifenc --min 2 --max 5 --imir "${turn%% *}" "$work/p.png" \
	    "$work/t.avif" >/dev/null 2>&1
	both 200 "$work/t.avif" '{"format": "png"}'
	cp "$OUT" "$work/got"
	convert "$work/p.png" "${turn#* }" "$work/want.png"
	alike "$work/got" "$work/want.png" 30 "imir $turn"
done
end

finish
