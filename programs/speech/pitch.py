# SPDX-License-Identifier: BSD-2-Clause
# pitch.py A.wav B.wav: the pitch of A in per cent of that of B: the medians of
# what autocorrelation finds in the loud parts.
import array
import statistics
import sys
import wave

STEP = 4


def pitch(path):
    with wave.open(path) as w:
        rate = w.getframerate() / STEP
        x = array.array("h", w.readframes(w.getnframes()))[::STEP]
    size, found = int(rate * 0.04), []
    for at in range(0, len(x) - 2 * size, size):
        a = x[at:at + size]
        if max(a) < 3000:
            continue
        best = max(range(int(rate / 300), int(rate / 60)),
                   key=lambda lag: sum(p * q for p, q in zip(
                       a, x[at + lag:at + lag + size])))
        found.append(rate / best)
    return statistics.median(found)


print(round(100 * pitch(sys.argv[1]) / pitch(sys.argv[2])))
