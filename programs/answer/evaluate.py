#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# evaluate.py [PROGRAM]: the score of answer, as its README tells it: questions
# of ways that its training has not seen, questions that it has no answer to, and
# questions about texts (data/reading.txt). Exits with 1 when a part is below
# what the README promises.
import collections
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "train"))

import corpus  # noqa: E402

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else "build/programs/answer"
# Per cent: right; and refused, of what it cannot know.
PROMISED = {"kept": 95, "afresh": 60, "stranger": 90, "text": 85,
            "not in the text": 85}


def ask(text, **options):
    run = subprocess.run(
        [PROGRAM, json.dumps({"format": "json", **options})],
        input=text.encode(), capture_output=True, check=True)
    return json.loads(run.stdout)


def recall(count):
    for name, kind, question, answer in corpus.evaluation():
        got = ask(question)
        right = got["answer"] == answer
        for key in {name, f"{name} {kind}"} - {"stranger -"}:
            count[key]["right" if right else "wrong" if got["known"] else
                       "unknown"] += 1


def reading(count):
    text = ""
    for line in (HERE / "data/reading.txt").read_text().splitlines():
        if line.startswith("= "):
            text = line[2:]
        elif line.startswith("? "):
            question, want = line[2:].split(" | ")
            got = ask(text, question=question)
            key = "text" if want != "-" else "not in the text"
            right = not got["known"] if want == "-" else \
                got["known"] and want in got["answer"]
            count[key]["right" if right else "wrong" if got["known"] else
                       "unknown"] += 1
            if not right and "-v" in sys.argv:
                print(question, "|", want, "|", got)


def main():
    count = collections.defaultdict(collections.Counter)
    recall(count)
    reading(count)
    below = []
    for key, c in sorted(count.items()):
        total = sum(c.values())
        share = 100 * c["right"] / total
        print(f"{key}: {c['right']} of {total} right ({share:.1f} %), "
              f"{c['wrong']} wrong, {c['unknown']} \"I do not know.\"")
        if share < PROMISED.get(key, 0):
            below.append(f"{key} is below {PROMISED[key]} %")
    if below:
        sys.exit("; ".join(below))


if __name__ == "__main__":
    main()
