"""The sizes of the long loops stand in one place each, and docs/testing.md shows them as they are."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from tests.little import ROOT
from tests.loops import DEFAULT, KEY, size, told

PAGE = (ROOT / "docs/testing.md").read_text(encoding="utf-8")


def of_ci() -> dict[str, int]:
    text = (ROOT / ".ci/run").read_text(encoding="utf-8")
    return {name: int(value) for name, value in re.findall(r'export (JIUZHU_\w+)="\$\{\1:-(\d+)\}"', text)}


def of_soak() -> dict[str, int]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = text.split("\nsoak:")[1].split("\nbench:")[0]
    return {name: int(value) for name, value in re.findall(r"(JIUZHU_\w+)=(?:\$\$\{\1:-)?(\d+)", recipe)}


def shown() -> dict[str, tuple[int, int, int]]:
    """The table of the page: setting -> default, build machine, soak."""
    rows = re.findall(r"^\| `(JIUZHU_\w+)` \|[^|]*\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|", PAGE, re.MULTILINE)
    return {name: tuple(int(each.replace(",", "")) for each in sizes) for name, *sizes in rows}  # type: ignore[misc]


def test_the_table_shows_the_sizes_as_they_are() -> None:
    ci, soak = of_ci(), of_soak()
    assert {*ci, *soak} - {"JIUZHU_SLOW", "JIUZHU_SOAK"} <= DEFAULT.keys()
    assert shown() == {name: (many, ci.get(name, many), soak.get(name, many)) for name, many in DEFAULT.items()}


def test_the_soak_runs_every_loop_longer_or_as_long() -> None:
    for name, (_, ci, soak) in shown().items():
        assert soak <= ci if name == "JIUZHU_SPARK_EVERY" else soak >= ci, name  # every so manieth: fewer is more


def test_every_loop_has_its_last_full_run_in_both_languages() -> None:
    for name in DEFAULT:
        assert len(re.findall(rf"^\| `{name}` \|", PAGE, re.MULTILINE)) == 2, name


@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", "many", "１"])
def test_a_size_that_is_no_number_above_zero_is_refused(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIUZHU_CELLS", wrong)
    with pytest.raises(pytest.UsageError, match="JIUZHU_CELLS"):
        size("JIUZHU_CELLS")


def test_what_the_parts_of_a_loop_did_is_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIUZHU_CELLS", "2000")
    parts = [
        SimpleNamespace(user_properties=[(KEY, ("JIUZHU_CELLS", {"cells": 1_000 + n, "rulebooks": 2}))], duration=1.2)
        for n in range(2)
    ]
    other = SimpleNamespace(user_properties=[("something", "else")], duration=5.0)
    assert told([*parts, other]) == ["JIUZHU_CELLS=2000: 2,001 cells, 4 rulebooks; 2 s"]
