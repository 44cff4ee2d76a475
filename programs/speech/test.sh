#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# speech: what it says as pocketsphinx hears it and ffprobe reads it.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh
settings='{"max_request_memory": 256, "max_request_time": 60}'
text='Varnish is a caching reverse proxy. This sentence was spoken without any network access.'
printf %s "$text" >"$work/text"

common_promises

# The length in hundredths of a second, as ffprobe reads it.
length() {
	ffprobe -v error -show_entries format=duration -of csv=p=0 "$1" \
	    2>"$ERR" | awk '{ printf "%d", $1 * 100 }'
}

# $1 is $2, more or less a tenth.
about() {
	[ "$1" -ge $(($2 * 9 / 10)) ] && [ "$1" -le $(($2 * 11 / 10)) ]
}

begin every_voice_is_understood
for voice in slt rms awb kal16; do
	both 200 "$work/text" "{\"voice\": \"$voice\", \"format\": \"wav\"}"
	cp "$OUT" "$work/$voice.wav"
	heard=$(pocketsphinx_continuous -infile "$work/$voice.wav" 2>/dev/null)
	case $heard in
	*"reverse proxy"*"this sentence"*"network access"*) ;;
	*) wrong "$voice sounds like: $heard" ;;
	esac
done
end

begin every_format_is_read_by_others
spoken=$(length "$work/slt.wav")
for format in mp3 opus wav; do
	both 200 "$work/text" "{\"format\": \"$format\"}"
	cp "$OUT" "$work/out.$format"
	got=$(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 \
	    "$work/out.$format")
	[ "${got%_s16le}" = "$format" ] || [ "$got" = pcm_s16le ] ||
	    wrong "it is $got, not $format"
	about "$(length "$work/out.$format")" "$spoken" ||
	    wrong "$format takes $(length "$work/out.$format"), not $spoken"
	ffmpeg -v error -i "$work/out.$format" -ar 16000 "$work/back.wav" -y \
	    2>"$ERR" || wrong "$format: $(cat "$ERR")"
	[ ! -s "$ERR" ] || wrong "$format: $(cat "$ERR")"
	pocketsphinx_continuous -infile "$work/back.wav" 2>/dev/null |
	    grep -q 'network access' || wrong "$format is not understood"
done
end

begin rate_changes_the_length_and_pitch_does_not
both 200 "$work/text" '{"voice": "kal16", "format": "wav", "rate": 2}'
cp "$OUT" "$work/fast.wav"
spoken=$(length "$work/kal16.wav")
about "$(length "$work/fast.wav")" $((spoken / 2)) ||
    wrong "twice as fast it takes $(length "$work/fast.wav") of $spoken"
for pitch in 0.8 1.5; do
	both 200 "$work/text" \
	    "{\"voice\": \"kal16\", \"format\": \"wav\", \"pitch\": $pitch}"
	cp "$OUT" "$work/pitch.wav"
	about "$(length "$work/pitch.wav")" "$spoken" ||
	    wrong "pitch $pitch takes $(length "$work/pitch.wav")"
	higher=$(python3 programs/speech/pitch.py "$work/pitch.wav" \
	    "$work/kal16.wav")
	about "$higher" "$(awk "BEGIN { print int($pitch * 100) }")" ||
	    wrong "pitch $pitch is $higher %"
done
end

begin volume_changes_the_loudness
loudness() {
	ffmpeg -i "$1" -af volumedetect -f null - 2>&1 |
	    sed -n 's/.*mean_volume: -\([0-9]*\).*/\1/p'
}
both 200 "$work/text" '{"voice": "kal16", "format": "wav", "volume": 0.25}'
cp "$OUT" "$work/soft.wav"
less=$(($(loudness "$work/soft.wav") - $(loudness "$work/kal16.wav")))
[ "$less" -ge 11 ] && [ "$less" -le 13 ] ||
    wrong "a quarter is $less dB less, not 12"
end

begin what_cannot_be_spoken_is_refused
printf '   \n' >"$work/blank"
refused 400 "$work/blank" '{}' 'nothing to say'
printf 'caf\351' >"$work/latin1"
refused 422 "$work/latin1" '{}' 'byte 3 is not UTF-8'
head -c 10001 /dev/zero | tr '\0' a >"$work/long"
refused 413 "$work/long" '{}' 'longer than 10000 bytes'
refused 400 "$work/text" '{"voice": "nobody"}' 'slt|rms|awb|kal16'
refused 400 "$work/text" '{"format": "opus", "bitrate": 5}' 'at least 6'
end

begin odd_texts_never_break_the_program
while IFS= read -r odd; do
	printf '%b' "$odd" >"$work/odd"
	"$binary" '{"voice": "kal16"}' <"$work/odd" >"$OUT" 2>"$ERR"
	[ $? -lt 2 ] || wrong "$odd: $(head -c 200 "$ERR")"
done <<'EOT'
999999999999999999999999999999999999999
1,234,567.89 and -0.000001 and 1e308 and $1.5 billion and $,.5
12/31/1999 23:59:60 31.12.99 1-800-555-0199 192.0.2.1 ::1 XLVIII MCMXCIX
http://www.example.com:8080/a?b=c#d user@example.com C++ A/B R&D #1 50% x^2
'''' """" (((( ]]]] {{{{ <<<< .... ???? !!!! ;;;; ---- ____ ~~~~ ```` ||||
Dr. St. Mr. Mrs. U.S.A. e.g. i.e. a.m. No. 5 vs. etc.
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
bcdfghjklmnpqrstvwxzbcdfghjklmnpqrstvwxzbcdfghjklmnpqrstvwxzbcdfghjklmnpqrs
\303\251t\303\251 \342\200\234quoted\342\200\235 \342\202\25410 \346\227\245\346\234\254
a\000b\001c\177d\tE
\r\n\r\n.\n.\n
EOT
python3 programs/speech/mutate.py "${SPEECH_MUTANTS:-100}" "$binary" \
    '{"voice": "kal16", "format": "wav"}' >"$OUT" 2>&1 || wrong "$(tail -n 3 "$OUT")"
end

begin old_processors_speak_too
qemu-x86_64 -cpu qemu64 "$binary" '{"voice": "kal16", "format": "mp3"}' \
    <"$work/text" >"$OUT" 2>"$ERR" || wrong "$(head -c 200 "$ERR")"
about "$(length "$OUT")" "$spoken" || wrong "it takes $(length "$OUT")"
end

finish
