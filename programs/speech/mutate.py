# SPDX-License-Identifier: BSD-2-Clause
# mutate.py COUNT PROGRAM OPTIONS: let PROGRAM speak so many mutated texts; a
# crash fails. Texts are short, so that many are possible.
import random
import subprocess
import sys

SEEDS = ["The 2 quick brown foxes, at 3:45 p.m., paid $12.50 (each)!",
         "Dr. Smith lives at 10 Downing St. in the XIVth century; e-mail?",
         "caf\u00e9 \u201cna\u00efve\u201d \u2014 \u20ac5 \u65e5\u672c 100%"]


def mutant(rng):
    text = bytearray(rng.choice(SEEDS).encode())
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(len(text))
        kind = rng.randrange(4)
        if kind == 0:
            text[at] = rng.randrange(256)
        elif kind == 1:
            text[at:at] = rng.choice([b"9", b".", b"\n", b"'", b"$", b"-",
                                      b" ", b"Z"]) * rng.randint(1, 20)
        elif kind == 2:
            del text[at:at + rng.randint(1, 5)]
        else:
            text[at:at] = text[at // 2:at]
        text = text[:200] or bytearray(b"x")
    return bytes(text)


def main():
    rng = random.Random(1)
    for i in range(int(sys.argv[1])):
        text = mutant(rng)
        run = subprocess.run(sys.argv[2:], input=text, capture_output=True,
                             timeout=60, check=False)
        if run.returncode not in (0, 1):
            sys.exit(f"{i}: status {run.returncode} of {text!r}")


main()
