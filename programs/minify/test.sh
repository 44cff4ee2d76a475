#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# minify against jq, esbuild, python's html.parser and xmllint.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh

common_promises

samples=programs/minify/samples
jquery=/usr/share/javascript/jquery/jquery.js

# What was made smaller once does not change again.
settled() {
	"$binary" "$1" <"$2" >"$work/again" 2>"$ERR" && cmp -s "$2" "$work/again" ||
	    wrong "$3: not the same the second time $(head -c 200 "$ERR")"
}

# small TYPE FILE: the answer in $work/small.
small() {
	both 200 "$2" "{\"type\": \"$1\"}"
	cp "$OUT" "$work/small"
	settled "$1" "$work/small" "$2"
	[ "$(wc -c <"$work/small")" -lt "$(wc -c <"$2")" ] || wrong "$2 grew"
}

# has_text FILE TEXT, of several lines.
has_text() {
	python3 -c 'import sys
sys.exit(sys.argv[2] not in open(sys.argv[1]).read())' "$1" "$2" ||
	    wrong "no \"$2\" in: $(head -c 400 "$1")"
}

# Both scripts or styles are the same to a program that knows the language.
same_code() {
	esbuild --loader="$1" --minify --log-level=error <"$2" >"$work/one" &&
	    esbuild --loader="$1" --minify --log-level=error <"$3" \
	    >"$work/two" && cmp -s "$work/one" "$work/two" || wrong "$2 changed"
}

begin json_keeps_its_document
for f in $samples/page.json /usr/share/iso-codes/json/iso_639-3.json; do
	small json "$f"
	jq -S . "$f" >"$work/one" && jq -S . "$work/small" >"$work/two" &&
	    cmp -s "$work/one" "$work/two" || wrong "$f changed"
done
has "$OUT" '{'
printf '{ "n" : [ 12345678901234567890123 , 1.50, -0.0E+1 ], "s": " \\u00e9 " }' \
    >"$work/in"
both 200 "$work/in" json
[ "$(cat "$OUT")" = \
    '{"n":[12345678901234567890123,1.50,-0.0E+1],"s":" \u00e9 "}' ] ||
    wrong "$(cat "$OUT")"
end

begin json_that_is_broken_is_refused
while IFS= read -r text; do
	printf '%s' "$text" >"$work/bad"
	refused 422 "$work/bad" json "no JSON: line 1, byte"
done <<'EOT'
{"a": 1,}
{"a" 1}
{"a":: 1}
{,}
{1: 2}
[1, 2
[1 2]
[1}
{"a": [}
[01]
[1.]
[.5]
[-]
[1e]
[+1]
[0x1]
[tru]
[truex]
[nullnull]
["a" "b"]
["\x"]
["\u12g4"]
["abc]
['a']
[1,]
[1,,2]
{"a"}
{"a": 1} x
]
nul
1 2
EOT
printf ' ' >"$work/bad"
refused 422 "$work/bad" json "there is nothing"
printf '["\377"]' >"$work/bad"
refused 422 "$work/bad" json "no UTF-8"
printf '["a\nb"]' >"$work/bad"
refused 422 "$work/bad" json "control character"
python3 -c 'print("[" * 1000 + "]" * 1000)' >"$work/deep"
both 200 "$work/deep" json
python3 -c 'print("[" * 100000 + "]" * 100000)' >"$work/deep"
refused 413 "$work/deep" json "nested more than"
end

begin json_that_is_not_checked_is_the_same_when_it_is_right
for f in $samples/page.json /usr/share/iso-codes/json/iso_639-3.json; do
	small json "$f"
	both 200 "$f" '{"type": "json", "check": false}'
	cmp -s "$OUT" "$work/small" || wrong "$f is another without a check"
done
# The answer is as broken as the document.
printf '{ "a" : 1 , }' >"$work/bad"
both 200 "$work/bad" '{"type": "json", "check": false}'
[ "$(cat "$OUT")" = '{"a":1,}' ] || wrong "$(cat "$OUT")"
printf '[ "a' >"$work/bad"
refused 422 "$work/bad" '{"type": "json", "check": false}' \
    "a string is not closed"
end

# Long ones are looked at piece by piece, each with some lines.
begin json_of_many_pieces_is_one_document
python3 - "$binary" 2>"$ERR" <<'EOT' || wrong "$(tail -n 1 "$ERR")"
import json, random, subprocess, sys
def run(text):
    got = subprocess.run([sys.argv[1], "json"], input=text.encode(),
                         capture_output=True)
    return got.returncode, got.stdout.decode(), got.stderr.decode()
r = random.Random(3)
value = [{"a" * r.randrange(40): r.random(), "\\\"\n": ["é", [], {}, i]}
         for i in range(9000)]
small = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
for text in [json.dumps(value, indent=2, ensure_ascii=False), small,
             "\n" * 200000 + "[" + "\n" * 70000 + small[1:] + " \n" * 99999,
             small.replace('"é",', '"é" ,' + " " * 90 + "\r\n")]:
    assert run(text) == (0, small, ""), run(text)[2]
lines = json.dumps(value, indent=2).split("\n")
for line, wrong, why in [(30000, "}", "line 30001"), (30000, '"', "string"),
                         (44000, '"\\x"', "line 44001"),
                         (5, '"a', "control character"),
                         (50000, "\ufeff", "line 50001")]:
    broken = "\n".join(lines[:line] + [wrong] + lines[line:])
    status, _, said = run(broken)
    assert status == 1 and why in said, (wrong, said)
assert "ends too early" in run("\n".join(lines[:-1]))[2]
assert "there is nothing" in run(" \n" * 99999)[2]
EOT
end

# Every document of up to three tokens, valid or not, as python sees it.
begin json_grammar_is_that_of_python
python3 - "$binary" 2>"$ERR" <<'EOT' || wrong "$(tail -n 1 "$ERR")"
import itertools, json, random, subprocess, sys
tokens = ['{', '}', '[', ']', ':', ',', '"a"', '1', '-2.5e3', 'true', ' ', '"']
r = random.Random(1)
tries = ["".join(t) for t in itertools.product(tokens, repeat=2)]
tries += ["".join(r.choice(tokens) for _ in range(r.randint(3, 9)))
          for _ in range(150)]
for text in tries:
    try:
        want = json.dumps(json.loads(text))
    except ValueError:
        want = None
    got = subprocess.run([sys.argv[1], "json"], input=text.encode(),
                         capture_output=True)
    assert (got.returncode == 0) == (want is not None), text
    assert want is None or json.dumps(json.loads(got.stdout)) == want, text
EOT
end

begin scripts_mean_the_same
for f in $samples/page.js $jquery; do
	small js "$f"
	if command -v esbuild >/dev/null; then
		same_code js "$f" "$work/small"
	fi
done
while IFS='|' read -r text want; do
	printf '%b' "$text" >"$work/in"
	both 200 "$work/in" js
	printf '%b' "$want" | cmp -s - "$OUT" || wrong "$text: $(cat "$OUT")"
done <<'EOT'
a = b\n+ c|a=b\n+c
a\n.b|a.b
a\n.5|a\n.5
return\nx|return\nx
x = a + +b - -c|x=a+ +b- -c
if (a) /re/.test(b)|if(a)/re/.test(b)
f(a) / b / c // d|f(a)/b/c
a = {} / 1; {} /'/.x|a={}/1;{}/'/.x
`${ a } // ${ `{` } `|`${a} // ${`{`} `
a < ! --b; a < /s/|a<! --b;a< /s/
1 .a + 1. .a|1 .a+1..a
a /* x\n */ b|a\nb
a // x\342\200\250b|a\nb
class A { a\n *b () {} }|class A{a\n*b(){}}
/a/ in b|/a/ in b
x = /[/"]/g|x=/[/"]/g
/*! l */ a /* b */|/*! l */a
EOT
end

# In a wrong place a slash makes code of a string, or a string of code.
begin slashes_divide_or_begin_regular_expressions
while IFS= read -r line; do
	printf '%b\n' "$line" >"$work/in"
	both 200 "$work/in" js
	cp "$OUT" "$work/small"
	tail -c 15 "$work/small" | grep -q "a/ //b\|/ '/" ||
	    wrong "$line: $(cat "$work/small")"
	! command -v esbuild >/dev/null || same_code js "$work/in" "$work/small"
done <<'EOT'
var of=4,q=of / 2, s="a/ //b"
var a=function(){} / 2, s="a/ //b"
var a=class{} / 2, s="a/ //b"
var a=class extends B{} / 2, s="a/ //b"
var a=y?{a:1}:{b:2} / 2, s="a/ //b"
var a=1. / 2, s="a/ //b"
var a=i++ / 2, s="a/ //b"
var a={class:{a:1} / 2, function:{} / 2, if(a){}, s:"a/ //b"}
var a={class(){}, b:{} / 2, s:"a/ //b"}
function*g(){yield{a:{b:1} / 2, s:"a/ //b"}}
async()=>{await {a:{} / 2,s:"a/ //b"}}
let {a:{b}={},c=function(){} / 2, s="a/ //b"}={}
for(const of=of / 2, s="a/ //b";;) ;
`${{a:1} / 2} // ${/ '/}` ; x = "a/ //b"
f ( class{} / 2, "a/ //b" )
export default {a:1} / 2 + "a/ //b"
for ( x of / '/ ) ;
for ( const {a} of / '/ ) ;
async()=>{ for await (x of y) / '/ }
class A extends B.c(d){} / '/
class A extends (class{}){} / '/
a\nfunction f(){}\n/ '/
a=b\nclass X{}\n/ '/
x = a=>{}\n/ '/
function f(){ return\n{a}\n/ '/ }
switch (a) { case b?c:d: / '/ }
l: for(;;) { break l\n/ '/ }
export default async function(){}\n/ '/
import {a} from "x"\n/ '/
try{} finally {} / '/
function*g() { yield / '/ }
var a=i\n++b / 2 / "a/ //b"
EOT
printf 'a = b ;\nx = yield / 1 ;  "a" ;' >"$work/in"
both 200 "$work/in" js
[ "$(cat "$OUT")" = 'a=b;x=yield/ 1 ;  "a" ;' ] || wrong "$(cat "$OUT")"
end

begin scripts_of_others_mean_the_same
find /usr/lib/node_modules /usr/share/nodejs /usr/share/javascript \
    -name '*.js' -size +4k -size -200k 2>/dev/null | sort |
    awk 'NR % 29 == 1' | head -n 40 >"$work/list"
while read -r f; do
	command -v esbuild >/dev/null || break
	esbuild --log-level=error <"$f" >/dev/null 2>&1 || continue
	small js "$f"
	same_code js "$f" "$work/small"
done <"$work/list"
end

begin broken_scripts_are_refused
while IFS='|' read -r text why; do
	printf '%b' "$text" >"$work/bad"
	refused 422 "$work/bad" js "$why"
done <<'EOT'
a = "b|a string is not closed
a = `b|a template is not closed
a /* b|a comment is not closed
a = (b]|a bracket is too much
a = [b|a bracket is not closed
a\n}|line 2
EOT
python3 -c 'print("(" * 200000)' >"$work/bad"
refused 413 "$work/bad" js "nested more than"
end

begin terser_makes_scripts_small
cat >"$work/in" <<'EOT'
/*! keep */
function f(first, second) { console.log(1); return first + second }
var unused = 1, names = f(1, 2) + f(2, 3);
EOT
both 200 "$work/in" '{"type": "js", "level": "mangle"}'
has "$OUT" 'console.log(1);return n+'
has "$OUT" '/*! keep */'
both 200 "$work/in" '{"type": "js", "level": "compress", "toplevel": true,
    "drop_console": true, "licenses": false}'
! grep -q 'console\|keep\|names' "$OUT" || wrong "$(cat "$OUT")"
printf 'var a = ;' >"$work/bad"
refused 422 "$work/bad" '{"type": "js", "level": "compress"}' "line 1, column 8"
printf 'import a from "b"; export default a' >"$work/in"
both 200 "$work/in" '{"type": "js", "level": "compress", "module": true}'
end

begin styles_mean_the_same
small css $samples/page.css
has "$OUT" 'calc(1px + 2px * (3 - 1))'
has "$OUT" 'a :hover,b>c~d+e f{'
has "$OUT" 'url( data:a;b,{c} )'
has "$OUT" '.\31 0{'
has "$OUT" '--e: ;'
has "$OUT" '1px/**/2px'
if command -v esbuild >/dev/null; then
	printf 'a > b , c d { margin : 1px 2px ; color : RED !important }
	    @media print { p :hover { width : calc( 1px + 2%% ) } }' >"$work/in"
	small css "$work/in"
	same_code css "$work/in" "$work/small"
fi
while IFS='|' read -r text why; do
	printf '%b' "$text" >"$work/bad"
	refused 422 "$work/bad" css "$why"
done <<'EOT'
a { b: "c }|a string is not closed
a /* b|a comment is not closed
a { b: c|a block is not closed
a { b: c } }|too much
a { b: (c] }|too much
EOT
end

begin pages_keep_their_tags_text_and_attributes
find /usr/share/doc /usr/lib/python3* -name '*.html' -size -100k 2>/dev/null |
    head -n 10 >"$work/list"
for f in $samples/page.html $(cat "$work/list"); do
	small html "$f"
	python3 tests/lib/same_html.py "$f" "$work/small" >"$ERR" 2>&1 ||
	    wrong "$f: $(tail -n 1 "$ERR")"
done
small html $samples/page.html
for text in '<pre>  as
      it <b>  is </b> </pre>' '<!--esi <p>kept</p> -->' '<!--[if lt IE 9]>' \
    'a<!-- -->b' '&am<!-- no reference -->p;' 'body>p{color:red}' \
    '{"a":[1,2]}' '<b>  {{ x }}  </b>' '  a   b  ' \
    'document.write("<script> x </script>") ;'; do
	has_text "$work/small" "$text"
done
! grep -q 'nobody reads\|gone\|colours\|what runs' "$work/small" ||
    wrong "a comment stayed"
end

begin xml_and_svg_keep_their_elements_and_text
for f in $samples/page.xml $samples/page.svg \
    $(find /usr/share -name '*.svg' -size -100k 2>/dev/null | head -n 5); do
	small "${f##*.}" "$f"
	xmllint --nonet --noout "$work/small" 2>"$ERR" || wrong "$f: $(cat "$ERR")"
	for g in "$f" "$work/small"; do
		# Indentation aside; names, attributes and text.
		xmllint --nonet --c14n "$g" 2>/dev/null | tr -d ' \t\n\r' | sed 's/<!--[^>]*-->//g'
	done >"$work/both"
	[ "$(sort -u "$work/both" | wc -l)" = 1 ] || wrong "$f changed"
done
small svg $samples/page.svg
has "$work/small" '<text x="1"> one <tspan> two </tspan> <tspan>three</tspan>'
small xml $samples/page.xml
has "$work/small" '<b>bold</b> <i>it</i>'
while IFS='|' read -r text why; do
	printf '%b' "$text" >"$work/bad"
	refused 422 "$work/bad" xml "$why"
done <<'EOT'
<a><b></a>|no begin
<a>|not closed
<a b></a>|no value
<a b=c></a>|no quotes
<a b="c></a>|not closed
<a><!-- b</a>|not closed
EOT
python3 -c 'print("<a>" * 200000)' >"$work/bad"
refused 413 "$work/bad" xml "nested more than"
end

begin the_type_is_found
while IFS='|' read -r header text want; do
	[ -n "$kvm" ] || break
	type=$header
	printf '%s' "$text" >"$work/in"
	in_machine "$work/in" '{}'
	[ "$(cat "$OUT")" = "$want" ] || wrong "$header: $(cat "$OUT" "$ERR")"
done <<'EOT'
application/problem+json|[ 1 ]|[1]
text/javascript|a = 1|a=1
application/ecmascript|a = 1|a=1
text/css|a { b : c }|a{b:c}
text/html; charset=utf-8|<a  b = c>|<a b=c>
application/atom+xml|<a  b = "c"/>|<a b="c"/>
application/octet-stream|{ }|{}
application/octet-stream|<!doctype html> <a  b>|<!doctype html><a b>
EOT
type=application/octet-stream
printf 'what is this' >"$work/in"
refused 415 "$work/in" '{}' 'give the option "type"'
printf '\377\376{\0' >"$work/in"
refused 415 "$work/in" json UTF-16
end

begin old_processors_can_run_it
for kind in json js css html; do
	"$binary" $kind <$samples/page.$kind >"$work/want"
	qemu-x86_64 -cpu qemu64 "$binary" $kind <$samples/page.$kind |
	    cmp -s - "$work/want" || wrong "$kind differs"
done
end

finish
