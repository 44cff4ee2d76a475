#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh [ROUNDS]: each decoder of image over mutated pictures, with sanitizers.
. "$(dirname "$0")/../../tests/cli/lib.sh"
fuzzer=$PWD/build/asan/image_fuzz
photo=$PWD/build/share/photo.jpg
programs=$PWD/programs/image
PATH=$PATH:$PWD/build/programs

cd "$work" || exit 2
convert "$photo" -strip -resize '60x40!' p.png
for f in jpg tiff bmp gif webp; do convert p.png "p.$f"; done
avifenc -q 60 p.png p.avif >/dev/null 2>&1 || avifenc p.png p.avif >/dev/null
exiftool -q -n -overwrite_original -Orientation=6 p.jpg
convert p.png -interlace JPEG progressive.jpg
convert p.png -colorspace CMYK cmyk.jpg
convert p.png -compress LZW lzw.tiff
convert p.png -compress JPEG jpeg.tiff
convert p.png -colors 16 BMP3:few.bmp
python3 "$programs/profiles.py" .
exiftool -q -q -Copyright=Me -Artist=You -o m.jpg p.jpg
exiftool -q -q "-ICC_Profile<=gamma.icc" -overwrite_original m.jpg
convert p.png -profile table.icc m.png
for f in webp avif; do
	image '{"metadata": "keep", "format": "'$f'"}' <m.jpg >m.$f
done
avifenc --irot 1 --imir 0 p.png turned.avif >/dev/null
convert p.png -resize '128x128!' -alpha set -channel A -fx i/w +channel grid.png
avifenc --grid 2x2 grid.png grid.avif >/dev/null
convert -delay 10 -size 40x30 xc:red xc:lime -loop 0 an.gif
convert an.gif an.webp
for d in 0 1; do
	cjxl p.png "d$d.jxl" -d $d >/dev/null 2>&1
	cjxl m.jpg "m$d.jxl" -j $d -d 1 --container=1 >/dev/null 2>&1
done
cjxl an.gif an.jxl -d 0 >/dev/null 2>&1
# Refused, unless built with HEIC=1.
heif-enc -q 50 -o p.heic p.png >/dev/null
heif-enc -q 50 -o m.heic m.png >/dev/null
cat >d.svg <<'EOT'
<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><defs>
<linearGradient id="g"><stop stop-color="#036"/></linearGradient>
<filter id="f"><feGaussianBlur stdDeviation="2"/></filter></defs>
<rect width="60" height="40" fill="url(#g)" filter="url(#f)"/>
<path d="M6 7 C 8 0 10 0 18 7 Z" stroke="#fff" stroke-dasharray="1 2"/></svg>
EOT
echo '<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"
    viewBox="0 0 6 4"><style>text { fill: red }</style><text>&a;</text>
    <g id="i"/><use href="#i"/></svg>' >text.svg
gzip -nc d.svg >z.svg
for f in p.* m.* turned.avif grid.avif progressive.jpg cmyk.jpg jpeg.tiff lzw.tiff few.bmp an.* *.jxl *.svg; do
	begin "mutations_of_$f"
	# What a library left behind that gave up is what a machine's reset is for.
	case $f in *.jxl | *.heic) export ASAN_OPTIONS=detect_leaks=0 ;; esac
	expect_status 0 "$fuzzer" "${1:-1000}" "$f"
	end
done
finish
