# SPDX-License-Identifier: BSD-2-Clause
# corpus.py: questions and answers made from ../data. Each question
# is written in several ways; some ways are kept for the evaluation only.
import pathlib
import random
import re

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
UNKNOWN = "I do not know."

ASKED_AS = {
    "definition": [
        "what is {a}", "define {w}", "what does {w} mean", "what is {w}",
        "the meaning of {w}", "what is the meaning of {w}", "explain {w}",
        "tell me about {w}", "{w}", "what do you call {a}",
        "what is the definition of {w}", "define the word {w}"],
    "capital": [
        "what is the capital of {w}", "capital of {w}", "{w} capital",
        "which city is the capital of {w}", "name the capital of {w}",
        "what is the capital city of {w}", "what is {w}'s capital",
        "the capital of {w} is which city", "tell me the capital of {w}"],
    "country": [
        "{w} is the capital of which country", "where is {w}",
        "which country has {w} as its capital", "in which country is {w}",
        "what country is {w} the capital of", "which country is {w} in"],
    "http": [
        "what does http {w} mean", "what is http status {w}", "http {w}",
        "status code {w}", "explain http {w}", "what is a {w} error",
        "{w}", "what is http {w}", "error {w}",
        "what does status {w} mean"],
    "web": [
        "what is {w}", "explain {w}", "tell me about {w}", "{w}",
        "define {w}", "what does {w} do", "what does {w} mean",
        "what is the meaning of {w}", "what is {w} for"],
}
# Never seen in the training.
ASKED_AFRESH = {
    "definition": ["what is meant by {w}", "give me the definition of {w}"],
    "capital": ["do you know the capital of {w}",
                "what city is the capital of {w}"],
    "country": ["which country's capital is {w}",
                "{w} is the capital of what country"],
    "http": ["what is the meaning of http {w}", "what is a status {w}"],
    "web": ["can you explain {w}", "what do you know about {w}"],
}
BEFORE = ["", "", "", "", "", "please ", "tell me, ", "hey, ", "hello, ",
          "can you tell me ", "i want to know ", "do you know ",
          "please tell me ", "i wonder ", "say, ", "well, "]
AFTER = ["", "", "", "", " please", " in short", " exactly"]


def normal(question):
    """As programs/answer/question.c: lower case, words, one blank each."""
    words = [w.strip("?!.,;:\"'()") for w in question.lower().split()]
    return " ".join(w for w in words if w)


def lines(name):
    return (DATA / name).read_text().splitlines()


def facts():
    """[(kind, {the words to fill in}, answer)]"""
    out = []
    for line in lines("definitions.tsv"):
        w, text = line.split("\t")
        a = ("an " if w[0] in "aeiou" else "a ") + w
        out.append(("definition", {"w": w, "a": a},
                    f"{w.capitalize()}: {text}."))
    for line in lines("capitals.tsv"):
        country, city = line.split("\t")
        out.append(("capital", {"w": country},
                    f"The capital of {country} is {city}."))
        out.append(("country", {"w": city},
                    f"{city} is the capital of {country}."))
    for line in lines("http.tsv"):
        n, text = line.split("\t")
        out.append(("http", {"w": n}, f"HTTP {n} means {text}."))
    for line in lines("web.tsv"):
        w, text = line.split("\t")
        out.append(("web", {"w": w}, text))
    return out


def strangers():
    """Questions without an answer: (of the training, of the evaluation)."""
    words, other = lines("unknown.txt"), lines("elsewhere.txt")
    rng = random.Random(2)
    rng.shuffle(words)
    rng.shuffle(other)
    known = {line.split("\t")[0] for line in lines("http.tsv")}
    codes = [str(n) for n in range(100, 600) if str(n) not in known]
    rng.shuffle(codes)

    def asked(some, others, numbers):
        for w in some:
            a = ("an " if w[0] in "aeiou" else "a ") + w
            for kind in "definition", "definition", "capital", "country":
                yield rng.choice(ASKED_AS[kind]).format(w=w, a=a)
        for n in numbers:
            yield rng.choice(ASKED_AS["http"]).format(w=n)
        for q in others:
            yield from (q, q, q)
    tests = [next(asked([w], [], [])) for w in words[:200]]
    tests += [next(asked([], [], [n])) for n in codes[:30]] + other[:20]
    train = list(asked(words[200:], other[20:], codes[30:]))
    return ([normal(q) for q in train], [normal(q) for q in tests])


def fill(pattern, fact):
    return normal(pattern.format(**fact[1]))


def one_question(rng, fact, kept):
    """A way to ask for the fact; never the one kept for the evaluation."""
    ways = ASKED_AS[fact[0]]
    way = rng.choice(ways)
    while len(ways) > 1 and way == kept:
        way = rng.choice(ways)
    return normal(rng.choice(BEFORE) + way.format(**fact[1]) +
                  rng.choice(AFTER))


def kept_ways(all_facts):
    rng = random.Random(3)
    return [rng.choice([w for w in ASKED_AS[f[0]] if w != "{w}"])
            for f in all_facts]


def ambiguous(all_facts):
    """Questions that the facts answer in more than one way, to be left out."""
    answers = {}
    for fact in all_facts:
        for way in ASKED_AS[fact[0]] + ASKED_AFRESH[fact[0]]:
            answers.setdefault(fill(way, fact), set()).add(fact[2])
    return {q for q, a in answers.items() if len(a) > 1}


def evaluation():
    """[(set, kind, question, answer)]"""
    all_facts = facts()
    out, skip = [], ambiguous(all_facts)
    for fact, way in zip(all_facts, kept_ways(all_facts)):
        out.append(("kept", fact[0], fill(way, fact), fact[2]))
    rng = random.Random(4)
    for fact in all_facts:
        way = rng.choice(ASKED_AFRESH[fact[0]])
        out.append(("afresh", fact[0], fill(way, fact), fact[2]))
    out += [("stranger", "-", q, UNKNOWN) for q in strangers()[1]]
    return [row for row in out if row[2] not in skip]


def corpus_text(all_facts, train_strangers):
    """Text that the vocabulary is made from."""
    rng = random.Random(5)
    out = []
    for fact in all_facts:
        out += [one_question(rng, fact, None) for _ in range(3)] + [
            "\n" + fact[2]] * 2
    return out + train_strangers[::4]


def words(text):
    """The pieces that no token crosses: a blank begins a word."""
    return re.findall("\u2581[^\u2581\n]*|[^\u2581\n]+|\n",
                      text.replace(" ", "\u2581"))
