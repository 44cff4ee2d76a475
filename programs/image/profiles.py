# SPDX-License-Identifier: BSD-2-Clause
# profiles.py DIR: ICC profiles of each kind of curve, for the tests: srgb.icc,
# grey.icc, and four of Adobe's wide colours.
import pathlib
import struct
import sys


def fix(*values):
    return b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def xyz(*values):
    return b"XYZ \0\0\0\0" + fix(*values)


def gamma(g):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(g * 256))


def para(kind, *values):
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + fix(*values)


def table(g):
    values = (round((i / 1023) ** g * 65535) for i in range(1024))
    return b"curv\0\0\0\0" + struct.pack(">I1024H", 1024, *values)


def profile(space, tags):
    tags = {
        b"desc": b"desc\0\0\0\0\0\0\0\5test" + bytes(80),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": xyz(0.9642, 1, 0.8249),
        **tags,
    }
    at, body, index = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        index += name + struct.pack(">II", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"none", 0x02400000,
                       b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + fix(0.9642, 1, 0.8249)
    head += bytes(128 - len(head))
    return head + struct.pack(">I", len(tags)) + index + body


def rgb(columns, curve):
    tags = {c + b"XYZ": xyz(*v) for c, v in zip((b"r", b"g", b"b"), columns)}
    tags |= {c + b"TRC": curve for c in (b"r", b"g", b"b")}
    return profile(b"RGB ", tags)


WIDE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087),
        (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708),
        (0.14307, 0.06061, 0.71410))
CURVE = para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)

to = pathlib.Path(sys.argv[1])
(to / "srgb.icc").write_bytes(rgb(SRGB, CURVE))
(to / "grey.icc").write_bytes(profile(b"GRAY", {b"kTRC": gamma(1.5)}))
(to / "gamma.icc").write_bytes(rgb(WIDE, gamma(2.2)))
(to / "para0.icc").write_bytes(rgb(WIDE, para(0, 1.8)))
(to / "para3.icc").write_bytes(rgb(WIDE, CURVE))
(to / "table.icc").write_bytes(rgb(WIDE, table(2.0)))
