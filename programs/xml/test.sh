#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# xml against xmllint and python.
. "$(dirname "$0")/../../tests/cli/lib.sh"
. tests/lib/program.sh

common_promises

feed=/usr/share/xml/iso-codes/iso_3166.xml
cat >"$work/doc" <<'EOT'
<?xml version="1.0"?>
<r xmlns:p="urn:p" a="1 &amp; 2"><!-- c -->
  <x>one</x> <x n="2">two <b>b</b></x>
  <p:y><z/></p:y>
</r>
EOT

# xsd SCHEMA and xslt SHEET: options with a file's text in them.
with_file() {
	python3 -c 'import json, sys
print(json.dumps({"op": sys.argv[1], sys.argv[1]: open(sys.argv[2]).read(),
    **json.loads(sys.argv[3])}))' "$1" "$2" "${3:-{\}}"
}

begin good_documents_come_back
for f in "$work/doc" "$feed"; do
	both 200 "$f" wellformed
	cmp -s "$OUT" "$f" || wrong "$f was changed"
done
end

begin broken_documents_are_refused_with_their_line
while IFS='|' read -r text why; do
	printf '%b' "$text" >"$work/bad"
	refused 422 "$work/bad" '{}' "$why"
done <<'EOT'
<a>\n<b></a>|line 2
<a b=1/>|AttValue
<a b="1" b="2"/>|redefined
<a>&no;</a>|no
<a/><b/>|line 1
x|line 1
<a>\0377</a>|line 1
<p:a/>|p
EOT
printf ' ' >"$work/bad"
refused 422 "$work/bad" '{}' "not well-formed"
end

begin nothing_is_loaded_from_outside
echo secret >"$work/secret"
while IFS='|' read -r text why; do
	printf '%s' "$text" | sed "s|FILE|$work/secret|" >"$work/bad"
	for options in '{}' '{"entities": true}' '{"op": "xpath",
	    "xpath": "string(/)", "entities": true}'; do
		refused 422 "$work/bad" "$options" "$why"
		! grep -q '^secret' "$OUT" || wrong "it was read"
	done
done <<'EOT'
<!DOCTYPE a [<!ENTITY e SYSTEM "FILE">]><a>&e;</a>|lies outside
<!DOCTYPE a [<!ENTITY e SYSTEM "http://127.0.0.1/">]><a>&e;</a>|lies outside
<!DOCTYPE a [<!ENTITY % e SYSTEM "FILE"> %e;]><a/>|lies outside
<!DOCTYPE a [<!ENTITY e PUBLIC "x" "FILE" NDATA n>]><a/>|lies outside
EOT
cat >"$work/sheet" <<EOT
<t:stylesheet version="1.0" xmlns:t="http://www.w3.org/1999/XSL/Transform">
<t:template match="/"><t:copy-of select="document('$work/secret')"/>
</t:template></t:stylesheet>
EOT
refused 422 "$work/doc" "$(with_file xslt "$work/sheet")" refused
sed 's/<t:template.*/<t:include href="\/etc\/x.xsl"\/>/; s/^<\/t:template>//' \
    "$work/sheet" >"$work/sheet2"
refused 400 "$work/doc" "$(with_file xslt "$work/sheet2")" "refused"
cat >"$work/schema" <<'EOT'
<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema">
<s:include schemaLocation="/etc/x.xsd"/><s:element name="r"/></s:schema>
EOT
refused 400 "$work/doc" "$(with_file xsd "$work/schema")" "not loaded"
end

begin bombs_are_refused
python3 -c '
names = "abcdefghij"
print("<!DOCTYPE l [<!ENTITY a \"ha\">" + "".join(
    f"<!ENTITY {b} \"{chr(38)}{a};{(chr(38) + a + chr(59)) * 9}\">"
    for a, b in zip(names, names[1:])) + "]><l>&j;</l>")' >"$work/bomb"
refused 422 "$work/bomb" '{}' "is declared"
refused 422 "$work/bomb" '{"entities": true}' "entity"
python3 -c 'print("<a>" * 100000)' >"$work/bomb"
refused 422 "$work/bomb" '{}' "depth"
python3 -c 'print("<a b=\"" + "x" * 11000000 + "\"/>")' >"$work/bomb"
refused 422 "$work/bomb" '{}' "too long"
sed 's/<t:copy-of.*/<t:call-template name="q"\/>/
    s/<\/t:stylesheet>/<t:template name="q"><t:call-template name="q"\/>&/
    s/<\/t:stylesheet>/<\/t:template>&/' "$work/sheet" >"$work/loop"
refused 422 "$work/doc" "$(with_file xslt "$work/loop")" "recursion"
python3 -c 'print("<r>" + "<x/>" * 20000 + "</r>")' >"$work/wide"
refused 400 "$work/wide" '{"op": "xpath", "xpath": "count(//x[//x[//x]])"}' \
    "limit"
end

begin entities_are_replaced_when_allowed
printf '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;y</a>' >"$work/in"
refused 422 "$work/in" '{}' '"e" is declared'
both 200 "$work/in" '{"op": "json", "entities": true}'
[ "$(cat "$OUT")" = '{"a":"xy"}' ] || wrong "$(cat "$OUT")"
end

begin xpath_finds_what_xmllint_finds
for path in '//x' '//x[@n]' 'count(//x)' 'string(//b)' '//x/text()' \
    'sum(//x/@n) > 1'; do
	both 200 "$work/doc" "{\"op\": \"xpath\", \"xpath\": \"$path\"}"
	[ "$(cat "$OUT")" = "$(xmllint --xpath "$path" "$work/doc")" ] ||
	    wrong "$path: $(cat "$OUT")"
done
both 200 "$work/doc" '{"op": "xpath", "xpath": "//q:y",
    "namespaces": {"q": "urn:p"}}'
[ "$(cat "$OUT")" = '<p:y xmlns:p="urn:p"><z/></p:y>' ] || wrong "$(cat "$OUT")"
both 200 "$work/doc" '{"op": "xpath", "xpath": "//x | //@*", "as": "json"}'
[ "$(cat "$OUT")" = \
    '["1 & 2","one",{"@n":"2","b":"b","#text":"two "},"2"]' ] ||
    wrong "$(cat "$OUT")"
refused 404 "$work/doc" '{"op": "xpath", "xpath": "//none"}' "nothing is found"
refused 400 "$work/doc" '{"op": "xpath", "xpath": "//["}' xpath
refused 400 "$work/doc" '{"op": "xpath", "xpath": "//q:y"}' xpath
refused 400 "$work/doc" '{"op": "xpath"}' '"xpath" is missing'
end

begin schemas_are_applied
cat >"$work/schema" <<'EOT'
<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema"><s:element name="r">
<s:complexType><s:sequence><s:element name="n" type="s:int" maxOccurs="2"/>
</s:sequence></s:complexType></s:element></s:schema>
EOT
schema=$(with_file xsd "$work/schema")
for text in '<r><n>1</n></r>' '<r><n>1</n><n>2</n></r>' '<r/>' \
    '<r><n>x</n></r>' '<r><n>1</n><n>1</n><n>1</n></r>' '<q/>'; do
	printf '%s' "$text" >"$work/in"
	if xmllint --noout --schema "$work/schema" "$work/in" 2>/dev/null; then
		both 200 "$work/in" "$schema"
	else
		refused 422 "$work/in" "$schema" "line 1: Element"
	fi
done
refused 400 "$work/in" '{"op": "xsd"}' '"xsd" is missing'
refused 400 "$work/in" '{"op": "xsd", "xsd": "<a/>"}' "the schema is none"
refused 400 "$work/in" '{"op": "xsd", "xsd": "<a>"}' "not well-formed"
end

begin style_sheets_are_applied
cat >"$work/sheet" <<'EOT'
<t:stylesheet version="1.0" xmlns:t="http://www.w3.org/1999/XSL/Transform"
  xmlns:str="http://exslt.org/strings" extension-element-prefixes="str">
<t:output method="html"/><t:param name="p"/>
<t:template match="/"><ul title="{$p}"><t:for-each select="//x"><t:sort
  order="descending"/><li><t:value-of select="str:concat(.)"/></li>
</t:for-each></ul></t:template></t:stylesheet>
EOT
both 200 "$work/doc" "$(with_file xslt "$work/sheet" \
    '{"params": {"p": "it'\''s \"\" & 1"}}')"
tr -d '\n' <"$OUT" >"$work/flat"
has "$work/flat" '<ul title="it'\''s &quot;&quot; &amp; 1"><li>two b</li><li>one</li></ul>'
refused 400 "$work/doc" '{"op": "xslt", "xslt": "<a/>"}' "style sheet"
end

begin pretty_and_minify_keep_the_document
both 200 "$feed" minify
cp "$OUT" "$work/small"
both 200 "$work/small" '{"op": "pretty", "indent": 1}'
cp "$OUT" "$work/pretty"
[ "$(wc -l <"$work/pretty")" -gt 100 ] || wrong "it has few lines"
for f in "$feed" "$work/small" "$work/pretty"; do
	xmllint --nonet --noblanks --c14n "$f" 2>/dev/null |
	    sed 's/<!--.*-->//' | tr -d '\n' | tr -s ' ' | sed 's/> </></g' |
	    md5sum
done >"$work/sums"
[ "$(sed -n '2,$p' "$work/sums" | sort -u | wc -l)" = 1 ] ||
    wrong "$(cat "$work/sums")"
end

begin json_is_the_document
both 200 "$feed" json
python3 - "$feed" "$OUT" 2>"$ERR" <<'EOT' || wrong "$(tail -n 1 "$ERR")"
import json, sys, xml.etree.ElementTree as tree
def make(e):
    all = {"@" + k: v for k, v in e.attrib.items()}
    for c in e:
        value = make(c)
        if c.tag not in all:
            all[c.tag] = value
        elif isinstance(all[c.tag], list):
            all[c.tag].append(value)
        else:
            all[c.tag] = [all[c.tag], value]
    text = (e.text or "") + "".join(c.tail or "" for c in e)
    text = text if text.strip() else None
    if not all:
        return text
    return {**all, "#text": text} if text else all
root = tree.parse(sys.argv[1]).getroot()
assert json.load(open(sys.argv[2])) == {root.tag: make(root)}
EOT
end

begin html_is_read
printf '<p>a&auml;<b>c<p>d' >"$work/in"
both 200 "$work/in" '{"html": true, "op": "json"}'
[ "$(cat "$OUT")" = \
    '{"html":{"body":{"p":[{"b":"c","#text":"aä"},"d"]}}}' ] ||
    wrong "$(cat "$OUT")"
both 200 "$work/in" '{"html": true, "op": "xpath", "xpath": "//b"}'
end

begin encodings_become_utf_8
while IFS='|' read -r options text want; do
	printf "$text" >"$work/in"
	both 200 "$work/in" "$options"
	iconv -f utf-8 -t utf-8 "$OUT" >/dev/null 2>&1 || wrong "no UTF-8: $text"
	has "$OUT" "$want"
done <<'EOT'
{"html": true, "op": "json"}|<meta charset=iso-8859-1><p>\351\200|"p":"é€"
{"html": true, "op": "pretty"}|<meta charset=iso-8859-1><p>\351|<meta charset="utf-8"></head>
{"html": true, "op": "pretty"}|<meta charset=iso-8859-1><p>\351|<p>é</p>
{"html": true, "op": "pretty"}|<meta http-equiv=Content-Type content="text/html; charset=latin1"><p>\351|charset=utf-8"
{"html": true, "op": "json"}|<meta charset="ISO-8859-15"><p>\244|"p":"€"
{"html": true, "op": "json"}|<p>\223x\224|"p":"“x”"
{"html": true, "op": "json"}|<meta charset=utf-8><p>\351é|"p":"�é"
{"html": true, "op": "json"}|\377\376<\0p\0>\0\351\0|"p":"é"
{"html": true, "op": "xpath", "xpath": "//p"}|<meta charset=windows-1252><p>\200|<p>€</p>
json|<?xml version="1.0" encoding="windows-1252"?><a>\200\351</a>|"a":"€é"
json|<?xml version="1.0" encoding="ISO-8859-1"?><a>\351</a>|"a":"é"
EOT
printf '<meta charset=shift_jis><p>x' >"$work/in"
refused 415 "$work/in" '{"html": true, "op": "json"}' '"shift_jis" is not read'
printf '<?xml version="1.0" encoding="Shift_JIS"?><a/>' >"$work/in"
refused 422 "$work/in" json 'Unsupported encoding'
end

begin entities_of_xhtml_are_characters
xhtml='<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x.dtd">'
printf '%s<p t="&euro;&lt;&eacute;">a&nbsp;&euro;&amp;</p>' "$xhtml" >"$work/in"
both 200 "$work/in" json
[ "$(cat "$OUT")" = "$(printf '{"p":{"@t":"€<é","#text":"a\302\240€&"}}')" ] ||
    wrong "$(cat "$OUT")"
both 200 "$work/in" '{"op": "xpath", "xpath": "string(//@t)"}'
[ "$(cat "$OUT")" = '€<é' ] || wrong "$(cat "$OUT")"
while IFS= read -r text; do
	printf '%s' "$text" >"$work/bad"
	for options in json wellformed '{"entities": true}'; do
		refused 422 "$work/bad" "$options" "Entity"
	done
done <<EOT
$xhtml<p>&nope;</p>
$xhtml<p t="&nope;"/>
<!DOCTYPE a SYSTEM "a.dtd"><a>&nbsp;</a>
<!DOCTYPE a SYSTEM "a.dtd"><a t="&nbsp;">b</a>
EOT
end

begin old_processors_can_run_it
qemu-x86_64 -cpu qemu64 "$binary" json <"$work/doc" >"$OUT"
"$binary" json <"$work/doc" | cmp -s - "$OUT" || wrong "it differs"
end

finish
