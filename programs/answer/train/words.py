#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# words.py: make ../data/definitions.tsv and unknown.txt from WordNet 3.0
# (Debian's package wordnet-base). The most frequent nouns that have a short
# gloss are defined; others are words the model shall say it does not know.
import collections
import pathlib
import random
import re

WORDNET = pathlib.Path("/usr/share/wordnet")
DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
DEFINED, UNKNOWN, GLOSS_MAX = 400, 2600, 75


def frequent_nouns():
    count = collections.Counter()
    for line in open(WORDNET / "cntlist.rev"):
        key, _, times = line.split()
        word, kind = key.split("%")
        if kind[0] == "1":
            count[word] += int(times)
    return [word for word, _ in count.most_common()]


def glosses():
    by_offset, by_word = {}, {}
    for line in open(WORDNET / "data.noun"):
        if line[0] != " ":
            head, gloss = line.split("|", 1)
            gloss = re.sub(r"\([^)]*\)", "", gloss.split('"')[0])
            gloss = re.sub(r"\s+", " ", gloss.split(";")[0])
            by_offset[head.split()[0]] = gloss.strip(" ;:")
    for line in open(WORDNET / "index.noun"):
        field = line.split()
        if line[0] != " " and field[2] != "0":
            by_word[field[0]] = by_offset[field[-int(field[2])]]
    return by_word


def main():
    gloss = glosses()
    taken = set()
    for name in ("capitals.tsv", "web.tsv"):
        for line in open(DATA / name):
            for field in line.rstrip("\n").split("\t"):
                taken.add(re.sub("^(an?|the) ", "", field.lower()))
    defined, unknown = [], []
    words = [w for w in frequent_nouns() if w.isalpha() and w.isascii() and
             len(w) > 2 and w in gloss and w not in taken]
    for word in words:
        text = gloss[word]
        if len(defined) < DEFINED and 8 < len(text) <= GLOSS_MAX and \
                text.isascii() and word not in text.split():
            defined.append((word, text))
        elif len(defined) == DEFINED:
            unknown.append(word)
    unknown = random.Random(1).sample(unknown, UNKNOWN)
    with open(DATA / "definitions.tsv", "w") as out:
        out.writelines(f"{word}\t{text}\n" for word, text in sorted(defined))
    with open(DATA / "unknown.txt", "w") as out:
        out.writelines(f"{word}\n" for word in sorted(unknown))


main()
