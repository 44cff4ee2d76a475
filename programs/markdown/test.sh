#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# markdown: what it makes, read by python's html.parser.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh

common_promises
sample=programs/markdown/sample.md

# python CODE: with `tags`, a list of (name, attributes), and `text` of $OUT.
parsed() {
	python3 -c "
import html.parser, sys
tags, text, stack = [], '', []
class Reader(html.parser.HTMLParser):
    def handle_starttag(self, tag, attrs):
        tags.append((tag, dict(attrs)))
        if tag not in ('br', 'hr', 'img', 'input', 'meta', 'link'):
            stack.append(tag)
    def handle_startendtag(self, tag, attrs):
        tags.append((tag, dict(attrs)))
    def handle_endtag(self, tag):
        assert stack and stack.pop() == tag, f'</{tag}> closes nothing'
    def handle_data(self, data):
        global text
        text += data
    def handle_comment(self, data):
        tags.append(('!--', {}))
    def handle_pi(self, data):
        tags.append(('?', {}))
Reader().feed(open(sys.argv[1], encoding='utf-8').read())
names = [t[0] for t in tags]
assert not stack, f'{stack} stay open'
$1" "$OUT" 2>"$ERR" || wrong "$(tail -n 1 "$ERR"): $(head -c 300 "$OUT")"
}

# Nothing that could run a script.
harmless() {
	parsed '
for name, attrs in tags:
    assert name in ("h1 h2 h3 h4 h5 h6 p em strong del code pre a img ul ol li "
        "table thead tbody tr th td blockquote br hr input sup section "
        "!--").split(), name
    for key, value in attrs.items():
        assert key in ("href src alt title id class align start type checked "
            "disabled aria-label lang data-footnotes data-footnote-ref "
            "data-footnote-backref data-footnote-backref-idx").split(), key
        if key in ("href", "src"):
            bare = "".join(c for c in value if c > " ").lower()
            assert not bare.startswith(("javascript:", "vbscript:", "file:",
                "data:text")), value'
}

begin everything_of_the_sample_is_there
both 200 "$sample" '{}'
harmless
parsed '
for name in ("h1 h2 p em strong del code pre a img ul ol li table thead tbody "
        "tr th td blockquote br hr input sup section").split():
    assert name in names, name
assert ("th", {"align": "right"}) in tags
assert ("code", {"class": "language-js"}) in tags
assert ("a", {"href": "http://example.com/ref", "title": "a title"}) in tags
assert ("a", {"href": "https://example.com/?a=1&b=2"}) in tags
assert ("img", {"src": "/a.png", "alt": "an image", "title": "its title"}) in tags
assert "if (a < b && c > d)" in text and "\u00a9 & A A" in text
assert names.count("li") == 7, names.count("li")'
end

begin html_is_text_or_left_out_or_as_it_is
both 200 "$sample" '{"html": "escape"}'
parsed 'assert "div" not in names and "<div onclick" in text
assert "<b onmouseover" in text and "<!-- a comment -->" in text'
both 200 "$sample" '{"html": "omit"}'
harmless
parsed 'assert "onclick" not in text and "raw HTML omitted" not in text'
both 200 "$sample" '{"html": "allow"}'
parsed 'assert ("div", {"onclick": "alert(1)"}) in tags'
end

begin links_do_not_run_scripts
n=0
while IFS= read -r link; do
	n=$((n + 1))
	printf '%b\n' "$link" >"$work/in"
	both 200 "$work/in" '{}'
	harmless
done <<'EOT'
[a](javascript:alert(1))
[a](JaVaScRiPt:alert(1))
[a]( javascript:alert(1))
[a](<javascript:alert(1)>)
[a](java&#10;script:alert(1))
[a](&#1;javascript:alert(1))
[a](&#x6A;avascript:alert(1))
[a](vbscript:x)
[a](file:///etc/passwd)
[a](data:text/html,<script>alert(1)</script>)
![a](javascript:alert(1))
[a][r]\n\n[r]: javascript:alert(1)
<javascript:alert(1)>
[a](/x"onclick="alert(1))
[a](/x 'y" onclick="alert(1)')
![a" onerror="alert(1)](/x)
```x" onclick="alert(1)\ncode\n```
|a|\n|-|\n|<img src=x onerror=alert(1)>|
a[^"onclick=x]\n\n[^"onclick=x]: y
www.example.com/"onclick="alert(1)
<script\nsrc=x>
<a href="x"\nonclick=alert(1)>
\\<script>alert(1)\\</script>
EOT
[ "$n" -gt 20 ] || wrong "$n links"
end

begin a_whole_document_has_title_and_style
both 200 "$sample" '{"document": true, "stylesheet": "/a\"b.css"}'
parsed '
assert ("link", {"rel": "stylesheet", "href": "/a\"b.css"}) in tags
assert "A document with everything" in text.split("Setext")[0]'
both 200 "$sample" '{"document": true, "title": "</title><script>"}'
parsed 'assert "script" not in names and "</title><script>" in text'
end

begin options_change_what_they_say
printf '~~a~~ "b" -- c\nd\n' >"$work/in"
both 200 "$work/in" '{}'
[ "$(cat "$OUT")" = '<p><del>a</del> &quot;b&quot; -- c
d</p>' ] || wrong "$(cat "$OUT")"
both 200 "$work/in" '{"gfm": false, "smart": true, "hardbreaks": true}'
[ "$(cat "$OUT")" = '<p>~~a~~ “b” – c<br />
d</p>' ] || wrong "$(cat "$OUT")"
both 200 "$sample" '{"footnotes": false}'
has "$OUT" 'a note[^1]'
both 200 "$sample" '{"format": "text"}'
has "$OUT" 'Text with strong, emphasis'
! grep -q '<h1' "$OUT" || wrong "there are tags"
end

begin what_is_not_utf8_is_replaced
printf 'a\377b\000c\355\240\200d' >"$work/in"
both 200 "$work/in" '{}'
parsed 'assert "\ufffd" in text'
end

begin depth_and_length_end_in_an_answer
python3 - "$work" <<'EOT'
import sys
deep = {"quotes": ">" * 20000 + "a", "lists": "- " * 5000 + "a",
    "links": "[" * 50000 + "a" + "](b)" * 50000, "stars": "*a " * 30000,
    "emphasis": "*" * 50000 + "a" + "*" * 50000, "ticks": "`" * 50000,
    "brackets": "![[]()" * 20000, "entities": "&#" * 50000,
    "references": "".join(f"[{i}]: x\n" for i in range(20000)),
    "columns": "|" + "a|" * 5000 + "\n|" + "-|" * 5000 + "\n" + "|\n" * 50}
for name, text in deep.items():
    open(f"{sys.argv[1]}/{name}", "w").write(text)
EOT
settings='{ "max_request_memory": 256, "max_request_time": 20 }'
for f in quotes lists links stars emphasis ticks brackets entities references \
    columns; do
	"$binary" <"$work/$f" >"$work/native" 2>"$ERR" || wrong "$f: $(cat "$ERR")"
	[ -n "$kvm" ] || continue
	in_machine "$work/$f" '{}'
	grep -qE '^status (200|500)$' "$ERR" || wrong "$f: $(cat "$ERR")"
	cp "$work/native" "$OUT"
	case $f in quotes | lists) ;; *) harmless ;; esac
done
settings=
end

begin plain_x86_64_is_enough
plain_x86_64 "$sample" '{}'
end

finish
