"""Rules read without their examples decide alike, and keep every place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.language.problems import Problems
from engine.language.rulebook import read_texts
from engine.language.shipped import rule_files
from engine.language.source import Mapping, read_yaml
from engine.language.untried import read_without_examples

ROOT = Path(__file__).parent.parent.parent
HEAD = "policy: a\nwhen: b\n"
AFTER = "notes:\n  - says: c\n"


def test_the_shipped_rules_are_the_same_but_for_their_examples() -> None:
    files = rule_files(str(ROOT))
    full, problems = read_texts(files)
    brief, fewer = read_texts(files, examples=False)
    assert full is not None and brief is not None and not problems and not fewer
    assert brief.digest == full.digest and brief.facts == full.facts and brief.parameters == full.parameters
    assert not any(policy.examples for policy in brief.policies) and all(policy.examples for policy in full.policies)
    assert brief.policies == tuple(replace(policy, examples=()) for policy in full.policies)


@pytest.mark.parametrize(
    "block",
    [
        "examples:\n  - {on: 2025-08-01}\n\n  # a remark\n  - x: 'y'\n",
        "examples: # why\n- x: 1\n  y: 2\n- x: 3\n",
        "examples:\r\n  - x: 1\r\n",
        "examples:\n",
    ],
)
@pytest.mark.parametrize("after", [AFTER, ""])
def test_what_stands_after_the_examples_keeps_its_place(block: str, after: str) -> None:
    text = HEAD + block + after
    full, brief = read_yaml(text.encode(), "f.yaml", Problems()), read_without_examples(text, "f.yaml", Problems())
    assert isinstance(full, Mapping) and isinstance(brief, Mapping)
    assert list(full.entries) == list(brief.entries)
    for name, node in full.entries.items():
        if name != "examples":
            assert node == brief.entries[name]


def test_a_last_line_without_an_end_is_read_too() -> None:
    found = read_without_examples(HEAD + "examples:\n  - x: 1\n  - y: 2", "f.yaml", Problems())
    assert isinstance(found, Mapping) and list(found.entries) == ["policy", "when", "examples"]


@pytest.mark.parametrize(
    "text",
    [
        HEAD,  # no examples at all: for the reader to say
        HEAD + "examples: {}\n",
        HEAD + "examples: [1, 2]\n",
        'says: "one\nexamples:\n two"\npolicy: a\n',  # a word in a text, not a key
        HEAD + "examples:\n  - x: 1\nbad: [\n",
        HEAD + "examples:\n  - x: 1\nexamples:\n  - y: 1\n",
    ],
)
def test_where_the_block_cannot_be_told_apart_the_file_is_read_in_full(text: str) -> None:
    problems = Problems()
    assert read_without_examples(text, "f.yaml", problems) is None and not len(problems)
