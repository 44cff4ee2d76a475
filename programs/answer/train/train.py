#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# train.py OUT.gguf [STEPS]: train the model of programs/answer from ../data
# and print its score. Debian 12: tools/deps train; one thread, so
# that the same machine gives the same file again.
import collections
import math
import os
import pathlib
import random
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "llm"))

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

import corpus  # noqa: E402
import gguf  # noqa: E402

VOCAB, DIM, LAYERS, HEADS, FFN, CONTEXT = 1024, 128, 4, 4, 352, 96
HEAD = DIM // HEADS
STEPS, BATCH, RATE = 2400, 32, 2.5e-3
STRANGERS = 5                  # of each batch
POOL = 4                       # batches whose facts are sorted by length
BOS, EOS = 1, 2


class Tokens:
    """A vocabulary as of SentencePiece: joins the pair that scores best."""

    def __init__(self, texts):
        self.pieces = ["<unk>", "<s>", "</s>"]
        self.pieces += [f"<0x{b:02X}>" for b in range(256)]
        count = collections.Counter()
        for text in texts:
            count.update(corpus.words(" " + text))
        parts = {w: list(w) for w in count if w != "\n"}
        self.pieces += sorted({c for w in parts for c in w})
        self.first_merge = len(self.pieces)
        self.id = {p: i for i, p in enumerate(self.pieces)}
        self.cache = {"\n": [3 + 10]}
        while len(self.pieces) < VOCAB:
            self.merge_once(parts, count)

    def merge_once(self, parts, count):
        pairs = collections.Counter()
        for word, part in parts.items():
            for pair in zip(part, part[1:]):
                if pair[0] + pair[1] not in self.id:
                    pairs[pair] += count[word]
        piece = "".join(max(pairs.items(), key=lambda p: (p[1], p[0]))[0])
        self.id[piece] = len(self.pieces)
        self.pieces.append(piece)
        for word in parts:
            if piece in word:
                parts[word] = self.split(word)

    def split(self, word):
        part = list(word)
        while len(part) > 1:
            best, at = min((self.id.get(a + b, VOCAB), i) for i, (a, b)
                           in enumerate(zip(part, part[1:])))
            if best == VOCAB:
                break
            part[at:at + 2] = [part[at] + part[at + 1]]
        return part

    def encode(self, text):
        out = []
        for word in corpus.words(" " + text):
            if word not in self.cache:
                self.cache[word] = [self.id[p] for p in self.split(word)]
            out += self.cache[word]
        return out

    def scores(self):
        return [0.0] * self.first_merge + [
            -float(i) for i in range(VOCAB - self.first_merge)]


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()

        def matrix(rows, columns):
            return torch.nn.Parameter(torch.randn(rows, columns) * 0.02)
        self.attn_norm = torch.nn.Parameter(torch.ones(DIM))
        self.ffn_norm = torch.nn.Parameter(torch.ones(DIM))
        self.qkv = matrix(3 * DIM, DIM)
        self.attn_output = matrix(DIM, DIM)
        self.gate_up = matrix(2 * FFN, DIM)
        self.down = matrix(DIM, FFN)


def normed(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * weight


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Parameter(torch.randn(VOCAB, DIM) * 0.02)
        self.layers = torch.nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = torch.nn.Parameter(torch.ones(DIM))
        angle = torch.outer(torch.arange(CONTEXT).float(),
                            10000 ** -(torch.arange(0, HEAD, 2) / HEAD))
        self.cos, self.sin = angle.cos(), angle.sin()
        self.mask = torch.full((CONTEXT, CONTEXT), -1e9).triu(1)

    def rotate(self, x):
        t = x.shape[2]
        a, b = x[..., 0::2], x[..., 1::2]
        c, s = self.cos[:t], self.sin[:t]
        return torch.stack((a * c - b * s, a * s + b * c), -1).flatten(-2)

    def forward(self, tokens, where):
        """Logits at the places (rows of the flattened batch) of `where`."""
        n, t = tokens.shape
        x = self.embed[tokens]
        for y in self.layers:
            q, k, v = (normed(x, y.attn_norm) @ y.qkv.T).view(
                n, t, 3, HEADS, HEAD).permute(2, 0, 3, 1, 4)
            a = self.rotate(q) @ self.rotate(k).transpose(2, 3)
            a = (a / math.sqrt(HEAD) + self.mask[:t, :t]).softmax(-1)
            x = x + (a @ v).transpose(1, 2).reshape(n, t, DIM) @ \
                y.attn_output.T
            g, u = (normed(x, y.ffn_norm) @ y.gate_up.T).split(FFN, -1)
            x = x + (F.silu(g) * u) @ y.down.T
        return normed(x.view(n * t, DIM)[where], self.norm) @ self.embed.T


def pack(pairs):
    """Token ids, and where the answers' tokens are predicted, and what."""
    width = max(len(q) + len(a) for q, a in pairs)
    tokens = torch.zeros(len(pairs), width, dtype=torch.long)
    where, want = [], []
    for row, (q, a) in enumerate(pairs):
        tokens[row, :len(q) + len(a)] = torch.tensor(q + a)
        for i, token in enumerate(a + [EOS]):
            where.append(row * width + len(q) + i - 1)
            want.append(token)
    return tokens, torch.tensor(where), torch.tensor(want)


def save(path, model, vocabulary):
    meta = {
        "general.architecture": (gguf.STRING, "llama"),
        "general.name": (gguf.STRING, "answer"),
        "general.license": (gguf.STRING, "BSD-2-Clause AND WordNet-3.0"),
        "llama.context_length": (gguf.U32, CONTEXT),
        "llama.embedding_length": (gguf.U32, DIM),
        "llama.block_count": (gguf.U32, LAYERS),
        "llama.feed_forward_length": (gguf.U32, FFN),
        "llama.rope.dimension_count": (gguf.U32, HEAD),
        "llama.attention.head_count": (gguf.U32, HEADS),
        "llama.attention.layer_norm_rms_epsilon": (gguf.F32, 1e-5),
        "general.file_type": (gguf.U32, 7),
        "tokenizer.ggml.model": (gguf.STRING, "llama"),
        "tokenizer.ggml.tokens": (gguf.ARRAY, (gguf.STRING,
                                               vocabulary.pieces)),
        "tokenizer.ggml.scores": (gguf.ARRAY, (gguf.F32,
                                               vocabulary.scores())),
        "tokenizer.ggml.token_type": (gguf.ARRAY, (gguf.I32, [2, 3, 3] +
                                      [6] * 256 + [1] * (VOCAB - 259))),
        "tokenizer.ggml.bos_token_id": (gguf.U32, BOS),
        "tokenizer.ggml.eos_token_id": (gguf.U32, EOS),
        "tokenizer.ggml.unknown_token_id": (gguf.U32, 0),
        "tokenizer.ggml.add_bos_token": (gguf.BOOL, True),
        "tokenizer.ggml.add_eos_token": (gguf.BOOL, False),
    }
    tensors = [("token_embd.weight", model.embed, "q8_0"),
               ("output_norm.weight", model.norm, "f32")]
    for i, y in enumerate(model.layers):
        for name, weight, kind in [
                ("attn_norm", y.attn_norm, "f32"),
                ("attn_q", y.qkv[:DIM], "q8_0"),
                ("attn_k", y.qkv[DIM:2 * DIM], "q8_0"),
                ("attn_v", y.qkv[2 * DIM:], "q8_0"),
                ("attn_output", y.attn_output, "q8_0"),
                ("ffn_norm", y.ffn_norm, "f32"),
                ("ffn_gate", y.gate_up[:FFN], "q8_0"),
                ("ffn_up", y.gate_up[FFN:], "q8_0"),
                ("ffn_down", y.down, "q8_0")]:
            tensors.append((f"blk.{i}.{name}.weight", weight, kind))
    gguf.write(path, meta, [(n, w.detach().numpy(), k)
                            for n, w, k in tensors])


def score(model, encode):
    """Answers that are right to the last character, by set and kind."""
    right, total = collections.Counter(), collections.Counter()
    rows = corpus.evaluation()
    with torch.no_grad():
        for at in range(0, len(rows), 128):
            some = rows[at:at + 128]
            tokens, where, want = pack([encode(q, a) for _, _, q, a in some])
            wrong = (model(tokens, where).argmax(1) != want).tolist()
            for name, kind, q, a in some:
                n = len(encode(q, a)[1]) + 1
                ok = not any(wrong[:n])
                wrong = wrong[n:]
                for key in (name, ""), (name, kind):
                    total[key] += 1
                    right[key] += ok
    return ", ".join(f"{' '.join(key).strip()} {right[key]}/{total[key]}"
                     for key in sorted(total) if key[1] != "-")


def main():
    out, steps = sys.argv[1], int((sys.argv[2:] or [STEPS])[0])
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = random.Random(0)
    facts = corpus.facts()
    kept, skip = corpus.kept_ways(facts), corpus.ambiguous(facts)
    unknown = corpus.strangers()[0]
    vocabulary = Tokens(corpus.corpus_text(facts, unknown))
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98),
                                  weight_decay=0.01)
    print(f"torch {torch.__version__}, numpy {np.__version__}, "
          f"{len(facts)} facts, {len(unknown)} other questions, "
          f"{sum(p.numel() for p in model.parameters())} weights", flush=True)

    def encode(question, answer):
        text = vocabulary.encode(question + "\n" + answer)
        cut = text.index(3 + 10) + 1
        return [BOS] + text[:cut], text[cut:]

    def question(i):
        q = corpus.one_question(rng, facts[i], kept[i])
        return q if q not in skip else question(i)

    def batches():
        order, take = [], BATCH - STRANGERS
        while True:
            if len(order) < POOL * take:
                order += rng.sample(range(len(facts)), len(facts))
            pool = [encode(question(i), facts[i][2])
                    for i in order[:POOL * take]]
            order = order[POOL * take:]
            pool.sort(key=lambda pair: len(pair[0]) + len(pair[1]))
            for i in rng.sample(range(POOL), POOL):
                yield pool[i * take:(i + 1) * take] + [
                    encode(rng.choice(unknown), corpus.UNKNOWN)
                    for _ in range(STRANGERS)]

    start, mean, some = time.time(), 7.0, batches()
    for step in range(1, steps + 1):
        batch = next(some)
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, step / 200) * (
                0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * step / steps)))
        tokens, where, want = pack(batch)
        loss = F.cross_entropy(model(tokens, where), want)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        mean += (loss.item() - mean) * 0.02
        if step % 100 == 0:
            print(f"step {step}, {time.time() - start:.0f} s, "
                  f"loss {mean:.3f}", flush=True)
        if step % 600 == 0 or step == steps:
            save(out, model, vocabulary)
            print(score(model, encode), flush=True)


main()
