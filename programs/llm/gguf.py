# SPDX-License-Identifier: BSD-2-Clause
# gguf.py: read and write GGUF files (version 3, little-endian), and the block
# formats of their weights, with numpy. Used by convert.py and by the training
# of programs/answer.
import struct

import numpy as np

ALIGN = 32
U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f",
           7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


def half(x):
    return x.astype("<f2")


def pack_q8_0(w):
    """Blocks of 32: a half for the scale, 32 bytes."""
    b = w.reshape(-1, 32)
    d = half(np.abs(b).max(1) / 127)
    q = np.round(b / np.maximum(d.astype("f4"), 1e-12)[:, None])
    return b"".join(s.tobytes() + r.tobytes() for s, r in
                    zip(d, np.clip(q, -127, 127).astype("i1")))


def pack_q4_0(w):
    """Blocks of 32: a half for the scale, 16 bytes of two nibbles each."""
    b = w.reshape(-1, 32)
    peak = b[np.arange(len(b)), np.abs(b).argmax(1)]
    d = half(peak / -8)
    f = d.astype("f4")
    q = np.round(b / np.where(f == 0, 1, f)[:, None]) + 8
    q = np.clip(q, 0, 15).astype("u1")
    q = q[:, :16] | q[:, 16:] << 4
    return b"".join(s.tobytes() + r.tobytes() for s, r in zip(d, q))


PACK = {"f32": lambda w: w.astype("<f4").tobytes(),
        "f16": lambda w: half(w).tobytes(),
        "q8_0": pack_q8_0, "q4_0": pack_q4_0}


def fields(data, *what):
    """Blocks of the named fields: [("d", "<f2"), ("q", "u1", 16)]."""
    return np.frombuffer(data, list(what))


def nibbles(q, high=None, by=16):
    """Low ones first; with the fifth bits of `high`, one word per block."""
    q = np.concatenate([q & 15, q >> 4], 1).astype("f4")
    if high is not None:
        q += 16 * (high[:, None] >> np.arange(2 * by) & 1)
    return q


def f4(x):
    return x.astype("f4")[:, None]


def from_q8_0(data):
    b = fields(data, ("d", "<f2"), ("q", "i1", 32))
    return f4(b["d"]) * b["q"]


def from_q4_0(data):
    b = fields(data, ("d", "<f2"), ("q", "u1", 16))
    return f4(b["d"]) * (nibbles(b["q"]) - 8)


def from_q4_1(data):
    b = fields(data, ("d", "<f2"), ("m", "<f2"), ("q", "u1", 16))
    return f4(b["d"]) * nibbles(b["q"]) + f4(b["m"])


def from_q5_0(data):
    b = fields(data, ("d", "<f2"), ("h", "<u4"), ("q", "u1", 16))
    return f4(b["d"]) * (nibbles(b["q"], b["h"]) - 16)


def from_q5_1(data):
    b = fields(data, ("d", "<f2"), ("m", "<f2"), ("h", "<u4"),
               ("q", "u1", 16))
    return f4(b["d"]) * nibbles(b["q"], b["h"]) + f4(b["m"])


def k_scales(s):
    """Eight scales and minima of six bits, of twelve bytes."""
    low = s[:, :4] & 63, s[:, 4:8] & 63
    high = (s[:, 8:] & 15) | (s[:, :4] >> 6) << 4, \
        s[:, 8:] >> 4 | (s[:, 4:8] >> 6) << 4
    return [np.concatenate(pair, 1).astype("f4")[:, :, None]
            for pair in zip(low, high)]


def from_k(b, high):
    scale, least = k_scales(b["s"])
    q = b["q"].reshape(-1, 4, 32)
    q = np.stack([q & 15, q >> 4], 2).reshape(-1, 8, 32).astype("f4")
    if high is not None:
        q += 16 * (high[:, None, :] >> np.arange(8)[:, None] & 1)
    return f4(b["d"])[:, :, None] * scale * q - \
        f4(b["m"])[:, :, None] * least


def from_q4_k(data):
    return from_k(fields(data, ("d", "<f2"), ("m", "<f2"), ("s", "u1", 12),
                         ("q", "u1", 128)), None)


def from_q5_k(data):
    b = fields(data, ("d", "<f2"), ("m", "<f2"), ("s", "u1", 12),
               ("h", "u1", 32), ("q", "u1", 128))
    return from_k(b, b["h"])


def from_q6_k(data):
    b = fields(data, ("l", "u1", 128), ("h", "u1", 64), ("s", "i1", 16),
               ("d", "<f2"))
    low, high = b["l"].reshape(-1, 2, 64), b["h"].reshape(-1, 2, 1, 32)
    q = np.concatenate([low & 15, low >> 4], 2).reshape(-1, 2, 4, 32)
    q = (q | (high >> np.arange(0, 8, 2)[:, None] & 3) << 4).astype("f4")
    return f4(b["d"])[:, :, None] * b["s"].astype("f4")[:, :, None] * (
        q.reshape(-1, 16, 16) - 32)


# Of each type: its number, weights in a block, bytes of it, how to read it.
BLOCKS = {"f32": (0, 1, 4, lambda d: np.frombuffer(d, "<f4")),
          "f16": (1, 1, 2, lambda d: np.frombuffer(d, "<f2").astype("f4")),
          "q4_0": (2, 32, 18, from_q4_0), "q4_1": (3, 32, 20, from_q4_1),
          "q5_0": (6, 32, 22, from_q5_0), "q5_1": (7, 32, 24, from_q5_1),
          "q8_0": (8, 32, 34, from_q8_0), "q4_k": (12, 256, 144, from_q4_k),
          "q5_k": (13, 256, 176, from_q5_k),
          "q6_k": (14, 256, 210, from_q6_k)}
NAMES = {row[0]: name for name, row in BLOCKS.items()}


def unpack(kind, data, count):
    """The first numbers of the data as float32."""
    _, block, size, read = BLOCKS[kind]
    return read(data[:count // block * size]).ravel()


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, v):
    if kind == STRING:
        return string(v)
    if kind == ARRAY:
        inner, items = v
        return struct.pack("<IQ", inner, len(items)) + b"".join(
            value(inner, i) for i in items)
    return struct.pack(SCALARS[kind], v)


def write(path, meta, tensors):
    """meta: {key: (type, value)}; tensors: [(name, array, "q8_0")], or with
    (shape, packed bytes) in place of an array."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(meta))
    for key, (kind, v) in meta.items():
        head += string(key) + struct.pack("<I", kind) + value(kind, v)
    body = b""
    for name, array, kind in tensors:
        body += b"\0" * (-len(body) % ALIGN)
        shape, data = array if isinstance(array, tuple) else (
            array.shape, PACK[kind](np.ascontiguousarray(array, "f4")))
        head += string(name) + struct.pack(f"<I{len(shape)}Q", len(shape),
                                           *reversed(shape))
        head += struct.pack("<IQ", BLOCKS[kind][0], len(body))
        body += data
    head += b"\0" * (-len(head) % ALIGN)
    with open(path, "wb") as out:
        out.write(head + body)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def scalar(self, form):
        v, = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return v

    def string(self):
        n = self.scalar("<Q")
        self.at += n
        return self.data[self.at - n:self.at].decode()

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            inner, n = self.scalar("<I"), self.scalar("<Q")
            return inner, [self.value(inner) for _ in range(n)]
        return self.scalar(SCALARS[kind])


def read(path):
    """(meta, {name: float32 array}), in the forms that write() takes."""
    r = Reader(open(path, "rb").read())
    magic, version = r.scalar("<4s"), r.scalar("<I")
    if magic != b"GGUF" or version != 3:
        raise ValueError(f"{path} is no GGUF file of version 3")
    count, pairs = r.scalar("<Q"), r.scalar("<Q")
    meta, rows, tensors = {}, [], {}
    for _ in range(pairs):
        key, kind = r.string(), r.scalar("<I")
        meta[key] = (kind, r.value(kind))
    for _ in range(count):
        name = r.string()
        shape = [r.scalar("<Q") for _ in range(r.scalar("<I"))]
        rows.append((name, shape[::-1], NAMES[r.scalar("<I")],
                     r.scalar("<Q")))
    start = r.at + -r.at % ALIGN
    for name, shape, kind, at in rows:
        tensors[name] = unpack(kind, r.data[start + at:],
                               int(np.prod(shape))).reshape(shape)
    return meta, tensors
