#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# random_model.py MODEL.gguf TYPE OUT [tiny]: a model of random weights with the tokens
# of MODEL, twice: OUT.gguf has blocks of TYPE, OUT.f32.gguf the numbers that
# they stand for, as gguf.py reads them. Both must say the same.
import sys

import numpy as np

import gguf

TINY = sys.argv[4:] == ["tiny"]
DIM, FFN, HEADS, KV_HEADS = (32, 64, 4, 2) if TINY else (256, 512, 4, 2)
LAYERS, VOCABULARY = (1, 300) if TINY else (2, None)


def blocks(rng, kind, shape):
    """Random blocks whose scales keep the weights small."""
    _, block, size, _ = gguf.BLOCKS[kind]
    count = int(np.prod(shape)) // block
    if kind in ("f32", "f16"):
        form = "<f4" if kind == "f32" else "<f2"
        return (rng.standard_normal(count) * 0.05).astype(form).tobytes()
    data = rng.integers(0, 256, (count, size), dtype="u1")
    # Where a block has halves: its scale, and its least value.
    halves = {"q6_k": [208]}.get(kind, [0])
    if kind in ("q4_1", "q5_1", "q4_k", "q5_k"):
        halves.append(2)
    share = 6400 if kind == "q6_k" else 5000 if kind.endswith("k") else 100
    for i, at in enumerate(halves):
        sign = -1 if i == 1 and not kind.endswith("k") else 1
        half = (sign * (0.5 + rng.random(count)) / share).astype("<f2")
        data[:, at:at + 2] = half.view("u1").reshape(-1, 2)
    return data.tobytes()


def main():
    source, kind, out = sys.argv[1:4]
    rng = np.random.default_rng(1)
    meta, _ = gguf.read(source)
    for key, value in [("embedding_length", DIM), ("block_count", LAYERS),
                       ("feed_forward_length", FFN),
                       ("attention.head_count", HEADS),
                       ("attention.head_count_kv", KV_HEADS),
                       ("rope.dimension_count", DIM // HEADS)]:
        meta[f"llama.{key}"] = (gguf.U32, value)
    for key in ("tokens", "scores", "token_type"):
        form, (inner, items) = meta[f"tokenizer.ggml.{key}"]
        vocabulary = len(items[:VOCABULARY])
        meta[f"tokenizer.ggml.{key}"] = form, (inner, items[:VOCABULARY])
    shapes = {"token_embd": (vocabulary, DIM), "output": (vocabulary, DIM),
              "output_norm": (DIM,)}
    for i in range(LAYERS):
        shapes.update({f"blk.{i}.{name}": shape for name, shape in [
            ("attn_norm", (DIM,)), ("attn_q", (DIM, DIM)),
            ("attn_k", (DIM // 2, DIM)), ("attn_v", (DIM // 2, DIM)),
            ("attn_output", (DIM, DIM)), ("ffn_norm", (DIM,)),
            ("ffn_gate", (FFN, DIM)), ("ffn_up", (FFN, DIM)),
            ("ffn_down", (DIM, FFN))]})
    packed, plain = [], []
    for name, shape in shapes.items():
        name += ".weight"
        if len(shape) == 1:
            both = np.ones(shape, "f4")
            packed.append((name, both, "f32"))
            plain.append((name, both, "f32"))
            continue
        data = blocks(rng, kind, shape)
        packed.append((name, (shape, data), kind))
        plain.append((name, gguf.unpack(kind, data, int(np.prod(
            shape))).reshape(shape), "f32"))
    gguf.write(out + ".gguf", meta, packed)
    gguf.write(out + ".f32.gguf", meta, plain)


main()
