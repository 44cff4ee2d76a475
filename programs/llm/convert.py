#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# convert.py [--bpe] IN.gguf OUT: write a model once more. OUT is NAME.TYPE.gguf,
# TYPE being f32, f16, q8_0 or q4_0, or NAME.bin: llama2.c, with its tokens beside
# it in NAME.tok. --bpe: with a vocabulary of byte-pair encoding.
import pathlib
import struct
import sys

import numpy as np

import gguf


def llama2c(path, meta, tensors):
    def number(key):
        return meta[f"llama.{key}"][1]
    pieces = meta["tokenizer.ggml.tokens"][1][1]
    scores = meta["tokenizer.ggml.scores"][1][1]
    heads, layers = number("attention.head_count"), number("block_count")
    context = number("context_length")
    head = number("embedding_length") // heads
    own_output = "output.weight" in tensors
    out = [struct.pack(
        "<7i", number("embedding_length"), number("feed_forward_length"),
        layers, heads, meta.get("llama.attention.head_count_kv",
                                (0, heads))[1],
        -len(pieces) if own_output else len(pieces), context)]

    def put(name):
        out.append(tensors[name].astype("<f4").tobytes())
    put("token_embd.weight")
    for part in ("attn_norm", "attn_q", "attn_k", "attn_v", "attn_output",
                 "ffn_norm", "ffn_gate", "ffn_down", "ffn_up"):
        for i in range(layers):
            put(f"blk.{i}.{part}.weight")
    put("output_norm.weight")
    angle = np.outer(np.arange(context), 10000.0 ** -(
        np.arange(0, head, 2) / head))
    out += [np.cos(angle).astype("<f4").tobytes(),
            np.sin(angle).astype("<f4").tobytes()]
    if own_output:
        put("output.weight")
    path.write_bytes(b"".join(out))
    texts = [p.replace("\u2581", " ").encode() for p in pieces]
    path.with_suffix(".tok").write_bytes(
        struct.pack("<i", max(map(len, texts))) + b"".join(
            struct.pack("<fi", s, len(t)) + t
            for s, t in zip(scores, texts)))


def visible():
    """The characters that byte-pair files write bytes as."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = iter(range(256, 512))
    return {b: chr(b if b in keep else next(other)) for b in range(256)}


def as_bpe(meta):
    """The same tokens and merges, in the other form."""
    sign = visible()
    pieces = meta["tokenizer.ggml.tokens"][1][1]
    kinds = meta["tokenizer.ggml.token_type"][1][1]

    def text(p):
        data = p.replace("\u2581", " ").encode()
        return "".join(sign[b] for b in data)
    # A byte that is a character of its own is a token already.
    known = {text(p) for p, k in zip(pieces, kinds) if k == 1}
    signs = [sign[int(p[3:5], 16)] if k == 6 else "" for p, k in
             zip(pieces, kinds)]
    kinds = [3 if k == 3 or s in known else 1
             for k, s in zip(kinds, signs)]
    tokens = [p if k == 3 else s or text(p)
              for p, k, s in zip(pieces, kinds, signs)]
    known.update(signs)
    merges = []
    for token in tokens[259:]:
        # All ways to make it; their order is that of what they make.
        merges += [f"{token[:i]} {token[i:]}" for i in range(1, len(token))
                   if token[:i] in known and token[i:] in known]
    meta = {k: v for k, v in meta.items() if not k.endswith((
        "scores", "ggml.model", "ggml.tokens", "token_type"))}
    meta["tokenizer.ggml.model"] = (gguf.STRING, "gpt2")
    meta["tokenizer.ggml.pre"] = (gguf.STRING, "default")
    meta["tokenizer.ggml.tokens"] = (gguf.ARRAY, (gguf.STRING, tokens))
    meta["tokenizer.ggml.merges"] = (gguf.ARRAY, (gguf.STRING, merges))
    meta["tokenizer.ggml.token_type"] = (gguf.ARRAY, (gguf.I32, kinds))
    return meta


def main():
    bpe = "--bpe" in sys.argv
    source, target = [a for a in sys.argv[1:] if a != "--bpe"]
    target = pathlib.Path(target)
    meta, tensors = gguf.read(source)
    if target.suffix == ".bin":
        llama2c(target, meta, tensors)
        return
    kind = target.suffixes[-2][1:]
    if bpe:
        meta = as_bpe(meta)
    gguf.write(target, meta, [
        (name, w, "f32" if w.ndim == 1 else kind)
        for name, w in tensors.items()])


main()
