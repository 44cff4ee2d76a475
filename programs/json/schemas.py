# SPDX-License-Identifier: BSD-2-Clause
# schemas.py PROGRAM CASES: random schemas of each draft and random documents;
# the program's verdict has to be that of python's jsonschema.
import json
import random
import subprocess
import sys

import jsonschema

DRAFTS = {
    4: ("http://json-schema.org/draft-04/schema#",
        jsonschema.Draft4Validator),
    6: ("http://json-schema.org/draft-06/schema#",
        jsonschema.Draft6Validator),
    7: ("http://json-schema.org/draft-07/schema#",
        jsonschema.Draft7Validator),
    2019: ("https://json-schema.org/draft/2019-09/schema",
           jsonschema.Draft201909Validator),
    2020: ("https://json-schema.org/draft/2020-12/schema",
           jsonschema.Draft202012Validator),
}
NAMES = ["a", "b", "ab", "x-1", "long name"]
PATTERNS = [r"^a", r"\d+$", r"^[a-z]+\s\w+$", r"^(?:a|b)$", r"^(?!x)", "[^b]$",
            r"\-", r"^.{2,3}$", r"\bname\b"]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]


def document(r, depth):
    kind = r.randrange(9 if depth > 0 else 6)
    if kind == 0:
        return r.choice([None, True, False])
    if kind <= 2:
        return r.choice([0, 1, 2, 5, -3, 10, 0.5, 2.5, 1.0, 1e3])
    if kind <= 5:
        return r.choice(NAMES + ["", "12", "b 1", "grüße"])
    if kind == 6:
        return [document(r, depth - 1) for _ in range(r.randrange(4))]
    return {r.choice(NAMES): document(r, depth - 1)
            for _ in range(r.randrange(4))}


def some(r, make, least=1):
    return [make() for _ in range(r.randint(least, 3))]


def keywords(r, draft, depth):
    def sub():
        return schema(r, draft, depth - 1)

    def named():
        return {r.choice(NAMES): sub() for _ in range(r.randint(1, 3))}

    def names():
        return sorted(set(some(r, lambda: r.choice(NAMES))))
    all = {
        "type": lambda: r.choice([r.choice(TYPES),
                                  sorted(set(some(r, lambda:
                                                  r.choice(TYPES))))]),
        "enum": lambda: some(r, lambda: document(r, 1)),
        "multipleOf": lambda: r.choice([1, 2, 0.5, 5]),
        "minimum": lambda: r.randint(-3, 5),
        "maximum": lambda: r.randint(-3, 5),
        "minLength": lambda: r.randrange(4),
        "maxLength": lambda: r.randrange(6),
        "pattern": lambda: r.choice(PATTERNS),
        "minItems": lambda: r.randrange(3),
        "maxItems": lambda: r.randrange(3),
        "uniqueItems": lambda: r.random() < .8,
        "minProperties": lambda: r.randrange(3),
        "maxProperties": lambda: r.randrange(3),
        "required": names,
    }
    if depth > 0:
        all.update({
            "items": sub, "properties": named, "not": sub,
            "patternProperties": lambda: {r.choice(PATTERNS): sub()},
            "additionalProperties": sub,
            "allOf": lambda: some(r, sub), "anyOf": lambda: some(r, sub),
            "oneOf": lambda: some(r, sub),
            "$ref": lambda: r.choice(["#/definitions/one",
                                      "#/definitions/two%20words"]),
        })
    if draft == 4:
        all["exclusiveMinimum"] = lambda: True
    else:
        all["exclusiveMinimum"] = lambda: r.randint(-3, 5)
        all["exclusiveMaximum"] = lambda: r.randint(-3, 5)
        all["const"] = lambda: document(r, 1)
        if depth > 0:
            all.update({"contains": sub, "propertyNames": sub})
    if depth > 0 and draft < 2020:
        all["items"] = lambda: r.choice([sub, lambda: some(r, sub)])()
        all["additionalItems"] = sub
    if depth > 0 and draft < 2019:
        all["dependencies"] = lambda: {r.choice(NAMES):
                                       r.choice([names, sub])()}
    if depth > 0 and draft >= 7:
        all.update({"if": sub, "then": sub, "else": sub})
    if draft >= 2019:
        all["dependentRequired"] = lambda: {r.choice(NAMES): names()}
        if depth > 0:
            all["dependentSchemas"] = named
            all["unevaluatedProperties"] = lambda: False
    if depth > 0 and draft >= 2020:
        all.update({"prefixItems": lambda: some(r, sub)})
    return all


def schema(r, draft, depth):
    if draft > 4 and r.random() < .08:
        return r.random() < .6
    all = keywords(r, draft, depth)
    made = {}
    for name in r.sample(sorted(all), r.randint(1, 3)):
        made[name] = all[name]()
    if draft == 4 and "exclusiveMinimum" in made:
        made["minimum"] = r.randint(-3, 5)
    if "contains" in made and draft >= 2019 and r.random() < .5:
        made["minContains"] = r.randrange(3)
        made["maxContains"] = r.randrange(3)
    # What the reference leaves open, or has wrong.
    if "unevaluatedProperties" in made:
        for name in ("if", "dependentSchemas", "not", "oneOf", "anyOf",
                     "$ref"):
            made.pop(name, None)
    return made


def case(r):
    draft = r.choice(list(DRAFTS))
    uri, validator = DRAFTS[draft]
    made = schema(r, draft, 2)
    if not isinstance(made, dict):
        return made, validator, document(r, 3)
    made["$schema"] = uri
    made["definitions"] = {"one": schema(r, draft, 0),
                           "two words": schema(r, draft, 0)}
    return made, validator, document(r, 3)


def main():
    r = random.Random(7)
    good = 0
    for i in range(int(sys.argv[2])):
        made, validator, value = case(r)
        want = validator(made).is_valid(value)
        got = subprocess.run(
            [sys.argv[1], json.dumps({"op": "schema", "schema": made})],
            input=json.dumps(value).encode(), capture_output=True)
        why = got.stderr.decode()
        assert got.returncode == 0 or why.startswith("json: 422: #"), \
            (i, made, why)
        assert (got.returncode == 0) == want, (i, made, value, want, why)
        good += want
    # Neither side says the same to everything.
    assert .2 < good / int(sys.argv[2]) < .8, good


main()
