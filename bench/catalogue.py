"""The family of four the real catalogue is measured with, and the list of the twenty-five rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.language.fields import plain
from engine.language.problems import Problems
from engine.language.source import read_yaml

ROOT = Path(__file__).parents[1]
EXAMPLE = "docs/examples/complex.yaml"
LIST = "bench/rules25.yaml"


def read_plain(path: str) -> Any:
    """A YAML file of the project as plain data, read strictly."""
    problems = Problems()
    node = read_yaml((ROOT / path).read_bytes(), path, problems)
    assert node is not None and not len(problems), problems.sorted()
    return plain(node)


def family_of_four() -> dict[str, Any]:
    """The example of three generations and a second child: plain facts, as a caseworker would send them."""
    facts: dict[str, Any] = read_plain(EXAMPLE)
    child = next(member for member in facts["members"] if member["id"] == "c")
    return {**facts, "members": [*facts["members"], {**child, "id": "d", "birth_date": "2016-03-04"}]}
