#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# image: of a file that was cut off on its way nothing is shown: half a picture
# would stay in a cache.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. programs/image/lib.sh

# Cut anywhere, a file is refused, or nothing of its picture was lost.
cuts() {
	"$binary" "$2" <"$1" >"$work/whole" 2>"$ERR" || wrong "$1: $(cat "$ERR")"
	size=$(wc -c <"$1")
	for bytes in $((size / 100 + 20)) $((size / 10)) $((size * 3 / 10)) \
	    $((size / 2)) $((size * 7 / 10)) $((size * 9 / 10)) \
	    $((size - 200)) $((size - 30)) $((size - 9)) $((size - 1)); do
		head -c "$bytes" "$1" >"$work/cut"
		if "$binary" "$2" <"$work/cut" >"$OUT" 2>"$ERR"; then
			cmp -s "$OUT" "$work/whole" ||
			    wrong "$1 cut to $bytes bytes is another picture"
		else
			grep -q '^image: 422: ' "$ERR" ||
			    wrong "$1 cut to $bytes bytes: $(cat "$ERR")"
		fi
	done
	head -c $((size / 2)) "$1" >"$work/cut"
	refused 422 "$work/cut" "$2" " "
}

begin half_a_picture_is_refused
cd "$work" || exit 2
convert p.png -alpha set -channel A -fx i/w +channel a.png
convert p.png -interlace PNG i.png
convert p.png -depth 16 d.png
for f in jpg gif webp bmp; do convert p.png "p.$f"; done
convert p.png -interlace JPEG i.jpg
convert p.png -colors 16 BMP3:i.bmp
convert a.png a.bmp
convert a.png a.webp
convert a.png -define webp:lossless=true l.webp
avifenc a.png a.avif >/dev/null
convert a.png -resize '256x128!' g.png
avifenc --grid 2x2 g.png g.avif >/dev/null
cjxl p.jpg p.jxl >/dev/null 2>&1
cjxl p.png -d 1 i.jxl >/dev/null 2>&1
cd - >/dev/null || exit 2
for f in p.png a.png i.png d.png p.jpg i.jpg p.gif p.bmp i.bmp a.bmp p.webp \
    a.webp l.webp p.jxl i.jxl a.avif g.avif; do
	cuts "$work/$f" '{"format": "png"}'
done
end

begin half_an_animation_is_refused
make_animation "$work/an.gif"
convert -delay 10 "$work/p.png" \( "$work/p.png" -flop \) \
    \( "$work/p.png" -negate \) -loop 0 "$work/p.an.gif"
"$binary" '{"format": "webp"}' <"$work/p.an.gif" >"$work/p.an.webp"
for f in an.gif p.an.gif p.an.webp; do
	cuts "$work/$f" '{"format": "webp", "lossless": true, "speed": 9}'
	cuts "$work/$f" '{"format": "png", "frame": 2}'
done
end

begin a_thumbnail_of_half_a_jpeg_is_refused
convert "$photo" -strip -quality 90 "$work/t.jpg"
convert "$work/t.jpg" -interlace JPEG "$work/t.i.jpg"
for f in t t.i; do
	head -c $(($(wc -c <"$work/$f.jpg") * 9 / 10)) "$work/$f.jpg" \
	    >"$work/cut"
	refused 422 "$work/cut" '{"width": 40}' "JPEG"
done
end

begin a_jpeg_with_bytes_too_many_is_read
python3 - "$work" <<'EOF'
import sys
work = sys.argv[1]
for name in "p", "i":
    data = open(f"{work}/{name}.jpg", "rb").read()
    scan = data.index(b"\xff\xda")
    open(f"{work}/{name}.1.jpg", "wb").write(data + bytes(100))
    open(f"{work}/{name}.2.jpg", "wb").write(data[:-2] + bytes(100) + data[-2:])
    open(f"{work}/{name}.3.jpg", "wb").write(data[:scan] + b"abc" + data[scan:])
    open(f"{work}/{name}.4.jpg", "wb").write(data[:-2])
EOF
for kind in p i; do
	both 200 "$work/$kind.jpg" '{"format": "png"}'
	cp "$OUT" "$work/want"
	for i in 1 2 3 4; do
		both 200 "$work/$kind.$i.jpg" '{"format": "png"}'
		cmp -s "$OUT" "$work/want" || wrong "$kind.$i.jpg"
	done
done
end

begin a_tiff_whose_strip_is_too_short_is_refused
for how in LZW JPEG Group4; do
	convert "$work/p.png" -monochrome -compress "$how" "$work/s.tiff"
	[ "$how" != JPEG ] || convert "$work/p.png" -compress JPEG "$work/s.tiff"
	both 200 "$work/s.tiff" '{}'
	python3 - "$work/s.tiff" "$work/cut" <<'EOF'
# The last strip claims a third of its bytes.
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
e = "<" if data[:1] == b"I" else ">"
at, = struct.unpack_from(e + "I", data, 4)
n, = struct.unpack_from(e + "H", data, at)
for i in range(at + 2, at + 2 + 12 * n, 12):
    tag, kind, count = struct.unpack_from(e + "HHI", data, i)
    size, code = (2, "H") if kind == 3 else (4, "I")
    if tag == 279:
        to = i + 8
        if size * count > 4:
            to, = struct.unpack_from(e + "I", data, to)
        to += size * (count - 1)
        old, = struct.unpack_from(e + code, data, to)
        struct.pack_into(e + code, data, to, old // 3)
open(sys.argv[2], "wb").write(data)
EOF
	refused 422 "$work/cut" '{}' TIFF
done
end

finish
