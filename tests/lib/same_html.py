# SPDX-License-Identifier: BSD-2-Clause
# same_html.py ONE TWO: do two pages have the same elements, attributes and words,
# as python's parser sees them? Comments, and how many blanks there are, aside.
import html.parser
import re
import sys

KEEPING = {"pre", "textarea"}


class Events(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.all = []
        self.keep = 0

    def text(self, data):
        # Text that a comment parted is one text without it.
        if self.all and self.all[-1][0] == "text":
            self.all[-1] = ("text", self.all[-1][1] + data, self.keep)
        else:
            self.all.append(("text", data, self.keep))

    def handle_starttag(self, tag, attrs):
        self.keep += tag in KEEPING
        self.all.append(("begin", tag, attrs))

    def handle_endtag(self, tag):
        self.keep -= tag in KEEPING
        self.all.append(("end", tag))

    handle_data = text

    def handle_decl(self, decl):
        self.all.append(("declaration", decl))


def events(path):
    parser = Events()
    parser.feed(open(path, encoding="utf-8", errors="replace").read())
    parser.close()
    inside = None
    for event in parser.all:
        if event[0] == "text":
            data = event[1]
            if inside in ("script", "style"):
                continue
            if event[2] == 0:
                data = re.sub(r"[ \t\r\n\f]+", " ", data)
                if data == " ":
                    continue
            event = ("text", data)
        inside = event[1] if event[0] == "begin" else None
        yield event


one, two = list(events(sys.argv[1])), list(events(sys.argv[2]))
for a, b in zip(one, two):
    if a != b:
        sys.exit(f"{a} became {b}")
if len(one) != len(two):
    sys.exit("one is longer")
