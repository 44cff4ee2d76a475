#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tiles.py COLUMNS WIDTH HEIGHT OUT TILE...: HEIC files of equal size and
settings as the tiles of one picture (ISO/IEC 23008-12, 6.6.2.3), as phones
write it. What WIDTH and HEIGHT cut off of the last ones is not seen."""
import struct
import sys


def boxes(data, at, end):
    """Name, begin of the content and end of each box."""
    while at < end:
        size, name = struct.unpack(">I4s", data[at:at + 8])
        yield name, at + 8, at + size
        at += size


def find(data, *path):
    """The content of the first box of that path; meta and the like have four
    bytes more in front of their boxes."""
    at, end = 0, len(data)
    for name in path:
        at, end = next((a, e) for n, a, e in boxes(data, at, end) if n == name)
        at += 4 if name == b"meta" else 0
    return data[at:end]


def picture(data):
    """The bytes of the only item of a file, and how its decoder is set up."""
    item = find(data, b"mdat")
    return item, find(data, b"meta", b"iprp", b"ipco", b"hvcC"), \
        find(data, b"meta", b"iprp", b"ipco", b"ispe")


def box(name, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, name) + body


def full(name, version, *parts, flags=0):
    return box(name, struct.pack(">I", version << 24 | flags), *parts)


def info(number, kind, hidden):
    return full(b"infe", 2, struct.pack(">HH4sB", number, 0, kind, 0),
                flags=hidden)


def main():
    columns, width, height = map(int, sys.argv[1:4])
    tiles = [picture(open(name, "rb").read()) for name in sys.argv[5:]]
    count, grid = len(tiles), len(tiles) + 1
    for _, setup, size in tiles:
        assert (setup, size) == tiles[0][1:], "the tiles differ"
    shape = struct.pack(">BBBBHH", 0, 0, count // columns - 1, columns - 1,
                        width, height)
    properties = box(b"ipco", box(b"hvcC", tiles[0][1]),
                     box(b"ispe", tiles[0][2]),
                     full(b"ispe", 0, struct.pack(">II", width, height)))
    uses = b"".join(struct.pack(">HBBB", i + 1, 2, 0x81, 2)
                    for i in range(count)) + struct.pack(">HBB", grid, 1, 3)

    def meta(first):
        places, at = b"", first
        for i, (item, _, _) in enumerate(tiles):
            places += struct.pack(">HHHHII", i + 1, 0, 0, 1, at, len(item))
            at += len(item)
        places += struct.pack(">HHHHII", grid, 1, 0, 1, 0, len(shape))
        return full(
            b"meta", 0,
            full(b"hdlr", 0, struct.pack(">I4s12xB", 0, b"pict", 0)),
            full(b"pitm", 0, struct.pack(">H", grid)),
            full(b"iinf", 0, struct.pack(">H", grid),
                 *[info(i + 1, b"hvc1", 1) for i in range(count)],
                 info(grid, b"grid", 0)),
            full(b"iref", 0, box(b"dimg", struct.pack(
                ">HH%dH" % count, grid, count, *range(1, count + 1)))),
            box(b"iprp", properties,
                full(b"ipma", 0, struct.pack(">I", count + 1), uses)),
            full(b"iloc", 1, b"\x44\x00", struct.pack(">H", grid), places),
            box(b"idat", shape))

    start = box(b"ftyp", b"heic", struct.pack(">I", 0), b"mif1heic")
    first = len(start) + len(meta(0)) + 8
    with open(sys.argv[4], "wb") as out:
        out.write(start + meta(first) +
                  box(b"mdat", *[item for item, _, _ in tiles]))


main()
