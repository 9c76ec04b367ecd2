"""Docs are part of it: what exists is described, and pages made from the code are in step with it."""

from __future__ import annotations

import re

import pytest

from engine.cli import main
from engine.commands.reference import commands_page, problems_page
from engine.language.operators import OPERATORS
from engine.language.types import UNITS, Base
from tests.little import ROOT

LANGUAGE = (ROOT / "docs/rule-language.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_every_operator_is_described(name: str) -> None:
    assert re.search(rf"`[^`]*(?<![a-z_]){re.escape(name)}(?![a-z_])[^`]*`", LANGUAGE), f"{name} is not in docs/rule-language.md"


@pytest.mark.parametrize("name", [base.value for base in Base])
def test_every_fact_type_is_described(name: str) -> None:
    assert f"| `{name}` |" in LANGUAGE


@pytest.mark.parametrize("name", [spelling for row in UNITS.values() for spelling in row[0][-1:]])
def test_every_unit_is_described(name: str) -> None:
    assert f"`{name}`" in LANGUAGE


def test_every_problem_code_is_described() -> None:
    assert (ROOT / "docs/problems.md").read_text(encoding="utf-8") == problems_page(), "run: make docs"


def test_every_command_is_described() -> None:
    assert (ROOT / "docs/commands.md").read_text(encoding="utf-8") == commands_page(main), "run: make docs"
