# SPDX-License-Identifier: BSD-2-Clause
# Sourced by the tests of image after tests/cli/lib.sh: pictures as ImageMagick,
# webpinfo, dwebp and avifdec read them.
. tests/lib/program.sh
settings='{"max_request_memory": 512, "address_space": 1024,
    "max_request_time": 60}'
photo=build/share/photo.jpg

# A picture as PNG, so that any reader understands it.
as_png() {
	case $(head -c 12 "$1" | tr -d '\0') in
	RIFF*) dwebp -quiet "$1" -o "$2" ;;
	*ftyp*) avifdec "$1" "$2" >/dev/null ;;
	*) convert "$1" -auto-orient "$2" 2>/dev/null ;;
	esac
}

# The picture in $OUT is this wide and high, of this format.
is() {
	cp "$OUT" "$work/is"
	as_png "$work/is" "$work/is.png" || wrong "$1: nobody can read it"
	got=$(identify -format '%wx%h' "$work/is.png")
	[ "$got" = "$1" ] || wrong "it is $got, not $1"
	case $2 in
	webp) webpinfo "$work/is" >/dev/null || wrong "webpinfo refuses it" ;;
	avif) [ "$(head -c 12 "$work/is" | tail -c 8)" = ftypavif ] ||
	    wrong "no AVIF" ;;
	*) identify -format %m "$work/is" | grep -qi "^$2" || wrong "no $2" ;;
	esac
}

# Both pictures are alike: their PSNR is at least $3 dB.
alike() {
	as_png "$1" "$work/one.png"
	as_png "$2" "$work/two.png"
	psnr=$(compare -metric PSNR "$work/one.png" "$work/two.png" null: 2>&1)
	[ "$psnr" = inf ] || [ "${psnr%%.*}" -ge "$3" ] 2>/dev/null ||
	    wrong "$4: PSNR $psnr is less than $3"
}

# Frames of one colour, one that covers a part and goes away again, one more.
make_animation() {
	convert -delay 10 -size 80x60 xc:red xc:lime \
	    \( -size 20x20 xc:yellow -repage 80x60+30+10 -set dispose previous \) \
	    -set delay 20 \( -size 10x10 xc:blue -repage 80x60+70+50 \) \
	    -loop 0 "$1"
}

convert "$photo" -strip -resize 160x107\! "$work/p.png" 2>/dev/null
