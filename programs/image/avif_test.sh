#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# image: AVIF of every colour and of grids in, against avifdec.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. programs/image/lib.sh

convert "$photo" -strip -resize '256x192!' "$work/s.png" 2>/dev/null
convert "$work/s.png" -alpha set -channel A -fx i/w +channel "$work/a.png"

# seen FROM LEAST OPTIONS...: what avifenc makes of it is what avifdec sees.
seen() {
	from=$1 least=$2
	shift 2
	avifenc -s 9 --min 2 --max 4 "$@" "$work/$from.png" "$work/e.avif" \
	    >/dev/null 2>&1 || wrong "avifenc $*"
	avifdec "$work/e.avif" "$work/seen.png" >/dev/null 2>&1
	both 200 "$work/e.avif" '{"format": "png"}'
	cp "$OUT" "$work/got"
	alike "$work/got" "$work/seen.png" "$least" "$from $*"
}

begin avif_of_every_matrix_has_its_colours
for matrix in 1 2 4 5 6 7 8 9 12; do
	seen s 40 --cicp "1/13/$matrix" -y 444
	[ "$matrix" = 8 ] ||
	    seen s 40 --cicp "1/13/$matrix" -y 444 -r limited
done
for o in '-y 420' '-y 422' '-y 400' '-d 10' '-d 12 -r limited' '-l' '-r limited'; do
	# shellcheck disable=SC2086
	seen s 40 $o
done
end

begin transparency_of_avif_is_read
seen a 40
seen a 40 -d 10
seen a 35 -p
end

begin avif_of_wide_primaries_becomes_srgb
# By ImageMagick's matrix, in linear light.
while read -r primaries matrix; do
	avifenc -s 9 --min 2 --max 4 -y 444 --cicp "$primaries/13/1" \
	    "$work/s.png" "$work/e.avif" >/dev/null
	avifdec "$work/e.avif" "$work/seen.png" >/dev/null
	convert "$work/seen.png" -set colorspace sRGB -colorspace RGB \
	    -color-matrix "$matrix" -clamp -colorspace sRGB -depth 8 \
	    "$work/want.png"
	both 200 "$work/e.avif" '{"format": "png"}'
	cp "$OUT" "$work/got"
	alike "$work/got" "$work/want.png" 42 "primaries $primaries"
	! compare -metric PSNR "$work/seen.png" "$work/want.png" null: 2>&1 |
	    grep -qE '^(inf|4)' || wrong "primaries $primaries change nothing"
done <<'EOF'
9 1.660491,-0.587641,-0.072850,-0.124550,1.132900,-0.008349,-0.018151,-0.100579,1.118730
12 1.224940,-0.224940,0,-0.042057,1.042057,0,-0.019638,-0.078636,1.098274
EOF
# What needs toning stays as it is.
seen s 40 --cicp 9/16/9
end

begin a_grid_is_put_together
for grid in 2x2 1x3 4x1; do
	seen s 40 --grid "$grid"
	seen a 40 --grid "$grid"
done
avifenc --grid 2x2 "$work/a.png" "$work/g.avif" >/dev/null
both 200 "$work/g.avif" '{"width": 64, "format": "webp"}'
is 64x48 webp
end

# The grid's own bytes: version, flags, rows - 1, columns - 1, width, height.
begin a_grid_has_its_own_size_and_may_not_lie
avifenc --grid 2x2 "$work/s.png" "$work/g.avif" >/dev/null
grid() {
	python3 - "$work/g.avif" "$work/lie.avif" "$1" <<'EOF'
import struct, sys
data = open(sys.argv[1], "rb").read()
old = struct.pack(">BBBBHH", 0, 0, 1, 1, 256, 192)
assert data.count(old) == 1
new = struct.pack(">BBBBHH", 0, 0, *map(int, sys.argv[3].split()))
open(sys.argv[2], "wb").write(data.replace(old, new))
EOF
}
# The last column and row may be cut; ispe is not looked at.
grid '1 1 251 131'
both 200 "$work/lie.avif" '{"format": "png"}'
cp "$OUT" "$work/got"
convert "$work/s.png" -crop 251x131+0+0 +repage "$work/want.png"
alike "$work/got" "$work/want.png" 30 "cut"
for lie in '0 0 256 192' '255 255 256 192' '1 1 1 1' '1 1 128 96' \
    '1 1 257 192' '1 1 30 192' '1 1 256 30' '1 1 4000 4000' '1 1 0 0'; do
	grid "$lie"
	refused 422 "$work/lie.avif" '{}' " "
done
grid '1 1 30000 30000'
refused 413 "$work/lie.avif" '{}' max_pixels
end

begin what_is_no_picture_of_av1_is_named
avifenc "$work/s.png" "$work/e.avif" >/dev/null
LC_ALL=C sed 's/\(infe.\{8\}\)av01/\1jpeg/' "$work/e.avif" >"$work/lie.avif"
! cmp -s "$work/e.avif" "$work/lie.avif" || wrong "nothing was changed"
refused 415 "$work/lie.avif" '{}' '"jpeg"'
LC_ALL=C sed 's/\(nclx.\{5\}\)./\1\o377/' "$work/e.avif" >"$work/lie.avif"
refused 415 "$work/lie.avif" '{}' "matrix"
end

finish
