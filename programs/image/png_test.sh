#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# image: PNG of every depth and colour in, against ImageMagick; out as small as
# what is in it allows.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. programs/image/lib.sh

# with FROM TO NAME=VALUE...: chunks of four bytes, or a file, behind the header.
cat >"$work/with.py" <<'EOF'
import pathlib, struct, sys, zlib
data, add = pathlib.Path(sys.argv[1]).read_bytes(), b""
def chunk(kind, body):
    return (struct.pack(">I", len(body)) + kind + body +
            struct.pack(">I", zlib.crc32(kind + body)))
for arg in sys.argv[3:]:
    kind, value = arg.split("=")
    add += chunk(kind.encode(), b"a\0\0" + zlib.compress(pathlib.Path(
        value).read_bytes()) if kind == "iCCP" else bytes([int(value)])
        if kind == "sRGB" else struct.pack(">I", int(value)))
pathlib.Path(sys.argv[2]).write_bytes(data[:33] + add + data[33:])
EOF
with() { python3 "$work/with.py" "$@"; }
bare='-define png:exclude-chunks=all'

begin sixteen_bits_are_not_taken_for_light
python3 programs/image/profiles.py "$work"
for interlace in None PNG; do
	# shellcheck disable=SC2086
	convert "$work/p.png" -interlace $interlace -depth 16 $bare \
	    "PNG48:$work/d.png"
	with "$work/d.png" "$work/d.1.png" sRGB=0
	with "$work/d.png" "$work/d.2.png" gAMA=45455
	with "$work/d.png" "$work/d.3.png" iCCP="$work/srgb.icc"
	with "$work/d.png" "$work/d.4.png" sRGB=0 gAMA=100000
	for f in d d.1 d.2 d.3 d.4; do
		both 200 "$work/$f.png" '{"format": "png"}'
		cp "$OUT" "$work/got"
		alike "$work/got" "$work/p.png" 60 "$f"
	done
done
for kind in 'Gray 16' 'Gray 8' 'Gray 4' 'Gray 1'; do
	# shellcheck disable=SC2086
	convert "$work/p.png" -colorspace Gray -depth "${kind#* }" $bare \
	    "$work/d.png"
	both 200 "$work/d.png" '{"format": "png"}'
	cp "$OUT" "$work/got"
	convert "$work/d.png" -depth 8 "$work/want.png"
	alike "$work/got" "$work/want.png" 50 "$kind"
done
end

begin gamma_becomes_that_of_srgb
for how in 'None 16' 'PNG 16' 'None 8' 'PNG 8'; do
	# shellcheck disable=SC2086
	convert "$work/p.png" -colorspace RGB -depth "${how#* }" \
	    -interlace "${how% *}" -set colorspace sRGB $bare "$work/d.png"
	with "$work/d.png" "$work/light.png" gAMA=100000
	both 200 "$work/light.png" '{"format": "png"}'
	cp "$OUT" "$work/got"
	least=38
	[ "$how" != 'None 16' ] || least=55
	alike "$work/got" "$work/p.png" "$least" "light, $how"
done
end

begin a_profile_wins_over_gamma
for depth in 8 16; do
	# shellcheck disable=SC2086
	convert "$work/p.png" -depth $depth $bare "$work/d.png"
	with "$work/d.png" "$work/one.png" iCCP="$work/gamma.icc"
	with "$work/d.png" "$work/two.png" gAMA=100000 iCCP="$work/gamma.icc"
	both 200 "$work/two.png" '{"format": "png"}'
	cp "$OUT" "$work/got"
	both 200 "$work/one.png" '{"format": "png"}'
	cmp -s "$OUT" "$work/got" || wrong "$depth bits: both are applied"
	convert "$work/one.png" -profile "$work/srgb.icc" -strip \
	    "$work/want.png"
	alike "$work/got" "$work/want.png" 38 "$depth bits"
done
end

# The type (0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA) and the depth.
ihdr() { od -An -tu1 -j24 -N2 "$1" | awk '{ print $2 "/" $1 }'; }

begin a_png_is_as_small_as_its_colours_allow
convert "$work/p.png" -resize '300x300!' "$work/c.png"
convert "$work/c.png" -colorspace Gray "$work/g.png"
while read -r want from how; do
	# shellcheck disable=SC2086
	convert "$work/$from.png" $how "PNG32:$work/k.png"
	both 200 "$work/k.png" '{"format": "png"}'
	cp "$OUT" "$work/got.png"
	[ "$(ihdr "$work/got.png")" = "$want" ] ||
	    wrong "$from $how is $(ihdr "$work/got.png"), not $want"
	[ "$(compare -metric AE "$work/k.png" "$work/got.png" null: \
	    2>&1)" = 0 ] || wrong "$from $how: something is lost"
done <<'EOF'
2/8 c
6/8 c -alpha set -channel A -fx i/w +channel
0/8 g
4/8 g -alpha set -channel A -fx i/w +channel
0/1 g -monochrome
0/2 g -posterize 4
0/4 g -posterize 16
3/8 c -colors 250
3/4 c -colors 9
3/2 c -colors 4
3/1 c -colors 2
3/4 c -colors 9 -alpha set -fuzz 20% -transparent #804020
3/8 c -colors 99 -channel A -evaluate set 50% +channel
EOF
convert "$work/c.png" -colors 200 "PNG8:$work/k.png"
both 200 "$work/k.png" '{"format": "png"}'
[ "$(wc -c <"$OUT")" -lt $(($(wc -c <"$work/k.png") + 300)) ] ||
    wrong "a palette PNG grew to $(wc -c <"$OUT") bytes"
end

begin one_pixel_and_one_row_are_no_exception
for size in 1x1 1x300 300x1 3x3 9x1; do
	for colour in '#000' '#fff' '#123456' '#12345680' '#0000'; do
		convert -size "$size" "xc:$colour" "PNG32:$work/k.png"
		both 200 "$work/k.png" '{"format": "png"}'
		cp "$OUT" "$work/got.png"
		[ "$(compare -metric AE "$work/k.png" "$work/got.png" null: \
		    2>&1)" = 0 ] || wrong "$size of $colour"
	done
done
end

begin chunks_that_lie_do_no_harm
for add in gAMA=0 gAMA=1 gAMA=4294967295 sRGB=99 iCCP=/dev/null \
    iCCP="$work/p.png" 'gAMA=100000 gAMA=50000' tRNS=7 PLTE=1 IHDR=1; do
	# shellcheck disable=SC2086
	with "$work/p.png" "$work/lie.png" $add
	"$binary" '{"width": 50}' <"$work/lie.png" >"$OUT" 2>"$ERR" ||
	    grep -q '^image: 422: ' "$ERR" || wrong "$add: $(cat "$ERR")"
done
# A colour that the palette does not have.
python3 - >"$work/lie.png" <<'EOF'
import struct, sys, zlib
def chunk(kind, body):
    return (struct.pack(">I", len(body)) + kind + body +
            struct.pack(">I", zlib.crc32(kind + body)))
sys.stdout.buffer.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(
    ">IIBBBBB", 4, 1, 8, 3, 0, 0, 0)) + chunk(b"PLTE", bytes(6)) +
    chunk(b"tRNS", bytes(1)) + chunk(b"IDAT", zlib.compress(
    b"\0\0\1\2\xff")) + chunk(b"IEND", b""))
EOF
"$binary" '{"format": "png"}' <"$work/lie.png" >"$OUT" 2>"$ERR" ||
    grep -q '^image: 422: ' "$ERR" || wrong "$(cat "$ERR")"
end

finish
