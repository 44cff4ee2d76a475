#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh [ROUNDS]: xml over mutated documents, with sanitizers.
. "$(dirname "$0")/../../tests/cli/lib.sh"
fuzzer=$PWD/build/asan/xml_fuzz
cd "$work" || exit 2
cat >doc.xml <<'EOT'
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE r [<!ELEMENT r ANY> <!ENTITY e "a <b>b</b>"> <!-- c -->]>
<r xmlns:p="urn:p" a="1 &amp; 2"><x n="1">one &e;</x> <x n="2">two</x>
  <p:y><![CDATA[ <z> ]]></p:y><?pi x?> text &#228;</r>
EOT
cat >page.html <<'EOT'
<!DOCTYPE html><title>t</title><p class=a>one<p>two <b>b<i>i</b></i>
<script>if (a < b) { }</script><table><tr><td>x &auml; &#x41; <br></table>
EOT
begin mutations_of_xml
for options in wellformed pretty json '{"op": "minify", "entities": true}' \
    '{"op": "xpath", "xpath": "//x[@n > 0]/text() | //@*", "as": "json"}' \
    '{"op": "xpath", "xpath": "//*", "entities": true}' \
    '{"op": "xsd", "xsd": "<s:schema xmlns:s=\"http://www.w3.org/2001/XMLSchema\"><s:element name=\"r\" type=\"s:int\"/></s:schema>"}'
do
	expect_status 0 "$fuzzer" "${1:-1000}" "$options" doc.xml
done
end
printf '%s' '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x">' \
    '<p t="&euro;&eacute;">a&nbsp;&Alpha;<b u="&lt;"/>&copy;</p>' >doc.xhtml
begin mutations_of_xhtml
for options in json '{"op": "xpath", "xpath": "//@* | //text()"}'; do
	expect_status 0 "$fuzzer" "${1:-1000}" "$options" doc.xhtml
done
end
begin mutations_of_html
for options in '{"op": "json", "html": true}' '{"op": "pretty", "html": true}' \
    '{"op": "xpath", "xpath": "//b", "html": true}'; do
	expect_status 0 "$fuzzer" "${1:-1000}" "$options" page.html
done
end
finish
