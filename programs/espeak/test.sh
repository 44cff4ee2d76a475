#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# espeak: its samples against those of Debian's espeak-ng.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh
settings='{"max_request_memory": 256, "max_request_time": 60, "allowed_paths":
    [{ "real": "/usr/lib/x86_64-linux-gnu/espeak-ng-data", "prefix": true }]}'

common_promises

begin it_speaks_as_espeak_ng_does
while IFS='|' read -r lang voice text; do
	printf %s "$text" >"$work/text"
	espeak-ng -v "$voice" -f "$work/text" -b 1 -w "$work/theirs.wav"
	both 200 "$work/text" "{\"lang\": \"$lang\", \"format\": \"wav\"}"
	tail -c +45 "$OUT" >"$work/ours"
	tail -c +45 "$work/theirs.wav" >"$work/theirs"
	# Theirs ends with a pause, of zeros.
	n=$(wc -c <"$work/ours")
	[ "$n" -gt 20000 ] || wrong "$lang says nothing"
	head -c "$n" "$work/theirs" | cmp -s - "$work/ours" ||
	    wrong "$lang differs"
	[ -z "$(tail -c +$((n + 1)) "$work/theirs" | tr -d '\0')" ] ||
	    wrong "$lang ends too early"
done <<'EOT'
en-gb|en-gb|Varnish is a caching reverse proxy.
de|de|Die Straße führt über die Brücke, nicht wahr?
fr-fr|fr-fr|L'été dernier, nous étions à la plage.
es|es|El niño come una manzana cada mañana.
ru|ru|Привет, как дела сегодня?
el|el|Καλημέρα, τι κάνετε;
cmn|cmn|你好，世界。
EOT
end

begin every_format_is_read_by_others
printf 'Guten Morgen, liebe Leute.' >"$work/text"
for format in mp3 opus wav; do
	both 200 "$work/text" "{\"lang\": \"de\", \"format\": \"$format\"}"
	ffmpeg -v error -f "$([ "$format" = opus ] && echo ogg ||
	    echo "$format")" -i "$OUT" -y "$work/back.wav" 2>"$ERR" ||
	    wrong "$format: $(cat "$ERR")"
	[ ! -s "$ERR" ] || wrong "$format: $(cat "$ERR")"
done
end

begin languages_are_listed_and_others_refused
both 200 /dev/null '{"list": true}'
jq -e '.de == "German" and length > 120' "$OUT" >"$ERR" ||
    wrong "the list is $(head -c 200 "$OUT")"
for lang in xx ../../../../etc/passwd ''; do
	refused 400 "$work/text" "{\"lang\": \"$lang\"}" 'there is no language'
done
refused 400 "$work/text" '{"variant": "../../x"}' 'letters, digits'
both 200 "$work/text" '{"lang": "de", "variant": "f2", "format": "wav"}'
cp "$OUT" "$work/woman.wav"
both 200 "$work/text" '{"lang": "de", "format": "wav"}'
! cmp -s "$OUT" "$work/woman.wav" || wrong "a variant makes no difference"
end

begin without_its_data_it_does_not_start_and_says_why
if [ -n "$kvm" ]; then
	expect_status 1 "$tool" call "$binary" --post "$work/text" --type t
	has "$ERR" 'install espeak-ng-data'
fi
end

begin odd_texts_never_break_the_program
python3 programs/speech/mutate.py "${SPEECH_MUTANTS:-100}" "$binary" \
    '{"format": "wav"}' >"$OUT" 2>&1 || wrong "$(tail -n 3 "$OUT")"
end

begin plain_x86_64_is_enough
printf 'Guten Morgen.' >"$work/text"
for format in wav mp3 opus; do
	plain_x86_64 "$work/text" "{\"lang\": \"de\", \"format\": \"$format\"}"
done
end

finish
