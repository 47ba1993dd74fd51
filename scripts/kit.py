"""The conformance kit: the documents of the tests with what llem says of them, as JSON for any language."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from llem import planning, problems, reader, spec, starting, validation

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "generated" / "conformance" / "cases.json"
FOLDERS = ("valid", "invalid", "advice", "calls")
LONGEST = 10_000
"""Characters of a document; what is longer shows limits of the reader, and is left out."""

README = """# Conformance kit

`cases.json` is a list of {count} documents and of what is to be said of each. Members of a case:

| Member | Meaning |
|---|---|
| `name` | where the document comes from, below `tests/` |
| `document` | the document as data. It is read already: YAML, duplicate keys and number ranges are no part of the kit |
| `schema` | whether the schema accepts it: what a JSON Schema validator must say |
| `valid` | whether llem accepts it: also what JSON Schema cannot state holds (`x-llem-check`) |
| `problems` | for one that is not valid: the `path`, `rule` (its id, or a JSON Schema keyword) and `message` of each |
| `advice` | for a valid one: the same of each setting that has no effect or is not what was meant |
| `plan` | for a valid one: the calls of its engine, and what is not sent, when the operator consents to what is asked |

An implementation conforms

- as a **validator** when it says `schema` of every document, with one of the builds of the schema beside this folder
  (`llem.schema.json`, or `llem.draft07.schema.json` in an older dialect);
- as a **reporter** when its problems are those of `problems`, in any order (paths are written
  `pytorch.max_memory["a key"][0]`; an unknown or missing key ends its path);
- as a **planner** when its plan is that of `plan`, by [the vocabulary](../../docs/vocabulary.md).

Compare as JSON: the members of an object have no order, and `1` and `1.0` are the same number. The order of calls, and
of `unsent`, counts.

In Python the whole of it is

```python
import json
from pathlib import Path

for case in json.loads(Path("generated/conformance/cases.json").read_text(encoding="utf-8")):
    assert my_validator(case["document"]) == case["schema"], case["name"]
```

What runs it here, and with what result: [docs/conformance.md](../../docs/conformance.md).
"""


def cases() -> list[dict[str, Any]]:
    """Every document of the tests that can be read, with what llem says of it."""
    found, schema = [], Draft202012Validator(spec.bundle())
    for name, document in documents():
        answer = answered(document)
        case = {
            "name": name,
            "document": document,
            "schema": schema.is_valid(document),
            "valid": not answer["problems"],
        }
        found.append({**case, **{key: part for key, part in answer.items() if (key == "problems") != case["valid"]}})
    return found


def answered(document: Any) -> dict[str, Any]:
    """What llem says of a document: its problems, or else its advice and its plan."""
    found = problems(document, advice=True)
    errors, advice = ([said(one) for one in found if one.severity == kind] for kind in ("error", "warning"))
    return {"problems": errors, "advice": advice, "plan": None if errors else planning.of(document).to_dict()}


def said(problem: validation.Problem) -> dict[str, str]:
    return {"path": problem.path, "rule": problem.rule, "message": problem.message}


def documents() -> Iterator[tuple[str, Any]]:
    """The name and the data of every document of the tests that can be read."""
    texts = [
        (f"{folder}/{path.name}", path.read_bytes())
        for folder in FOLDERS
        for path in sorted((ROOT / "tests" / folder).iterdir())
        if path.suffix == ".yaml" or (path.suffix == ".json" and folder != "calls")
    ]
    texts += [(f"starters/{name}.llem.yaml", starting.starter(name).encode()) for name in spec.templates()]
    for name, text in texts:
        for document in reader.read(text, json=name.endswith(".json")):
            if not document.faults and len(json.dumps(document.data)) <= LONGEST:
                yield name, document.data


def outputs() -> dict[str, str]:
    """The kit: its files below generated/ without their marks, one case a line."""
    kit = cases()
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in kit)
    return {"conformance/cases.json": f"[\n{lines}\n]\n", "conformance/README.md": README.format(count=len(kit))}
