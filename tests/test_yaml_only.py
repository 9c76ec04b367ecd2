"""Adding a policy is YAML only: ten lines dropped into a copy of the rules, and everything made from rules follows."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from tests import shipped
from tests.little import ROOT

TEN_LINES = """\
policy: festival_gift
title: {zh: 节日慰问, en: Festival gift}
kind: benefit
for: member
department: {zh: 民政, en: Civil affairs}
in_force: {from: 2024-07-01}
cite: {law: 试验办法, article: 第一条}
when: severely_disabled and holds(minimum_living_allowance)
gives: [{id: gift, title: {zh: 慰问金, en: Gift}, amount: dibao_standard, per: month}]
examples: [EXAMPLES]
"""
HEAD = "on: 2025-08-01, like: ordinary_family, household: {members: [{id: a, disability_grade:"
EXAMPLES = ", ".join(
    f"{{says: {{zh: {zh}, en: grade {grade}}}, {HEAD} {grade}}}]}}, expect: {{a: {{status: {status}}}}}}}"
    for zh, grade, status in (
        ("一级", "grade_1", "eligible"),
        ("三级", "grade_3", "ineligible"),
        ("不明", "null", "undetermined"),
    )
)
FILE = "rules/older_people/festival_gift.yaml"
HOUSEHOLD = """\
receiving: []
owns_car: false
owns_nonresidential: false
homes_owned: one
members:
  - {id: a, relation: self, birth_date: 1980-05-01, hukou: shanghai, living_arrangement: together,
     disability_grade: grade_2, disability_kinds: [physical], labour_income: 0.00, other_income: 300.00,
     savings: 0.00, employment: unemployed, receiving: []}
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the rulebook with one file more, and nothing else changed."""
    folder = tmp_path_factory.mktemp("rulebook")
    shutil.copy(ROOT / "policies.yaml", folder)
    shutil.copytree(ROOT / "rules", folder / "rules")
    text = TEN_LINES.replace("EXAMPLES", EXAMPLES)
    assert len(text.splitlines()) == 10
    (folder / FILE).write_text(text, encoding="utf-8")
    (folder / "household.yaml").write_text(HOUSEHOLD, encoding="utf-8")
    return folder


def run(rules: Path, *args: str) -> Result:
    return CliRunner().invoke(main, [*args, "--rules", str(rules)])


def decide(rules: Path, *args: str) -> Result:
    return run(rules, "decide", str(rules / "household.yaml"), "--on", "2025-08-01", "--policy", "festival_gift", *args)


def test_it_is_checked_with_its_examples(rules: Path) -> None:
    found = json.loads(run(rules, "check", "--json").stdout)
    mine = [problem for problem in found["problems"] if problem["file"] == FILE]
    assert mine == [] and found["policies"] == len(shipped.rulebook().ids()) + 1


def test_it_is_decided_with_an_amount(rules: Path) -> None:
    found = decide(rules, "--json")
    assert found.exit_code == 0, found.output
    (answer,) = json.loads(found.stdout)["answers"]
    assert answer["status"] == "eligible" and answer["member"] == "a"
    assert answer["amounts"][0]["least"] == answer["amounts"][0]["most"] == "1650.00"
    assert answer["conditional_on"] == ["minimum_living_allowance"]


def test_it_is_explained_in_both_languages(rules: Path) -> None:
    zh, en = (decide(rules, "--full", "--lang", lang).stdout for lang in ("zh", "en"))
    assert "节日慰问" in zh and "1,650.00 元" in zh and "重度残疾（一级、二级）" in zh and "《试验办法》第一条" in zh
    assert "Festival gift" in en and "1,650.00 yuan" in en and "severely disabled" in en


def test_it_can_be_explained_without_a_household(rules: Path) -> None:
    found = run(rules, "explain", "festival_gift", "--on", "2025-08-01", "--lang", "zh")
    assert found.exit_code == 0 and "重度残疾" in found.stdout


def test_it_has_a_page_and_stands_in_the_index(rules: Path) -> None:
    assert run(rules, "docs", "--out", str(rules / "pages")).exit_code == 0
    page = (rules / "pages/festival_gift.zh.md").read_text(encoding="utf-8")
    assert "# 节日慰问" in page and "每月：最低生活保障标准" in page and "| 三级 | 2025-08-01 | a：不符合 |" in page
    assert "[节日慰问](festival_gift.zh.md)" in (rules / "pages/README.md").read_text(encoding="utf-8")
    other = (rules / "pages/minimum_living_allowance.zh.md").read_text(encoding="utf-8")
    assert "[节日慰问](festival_gift.zh.md)" in other  # whom its answer is used by


def test_its_words_are_tried_like_all_others(rules: Path) -> None:
    found = json.loads(run(rules, "mutate", "festival_gift", "--json").stdout)
    mine = [row for row in found["rows"] if row["subject"] == "festival_gift"]
    assert mine and mine[0]["mutants"] > 0


def test_no_engine_code_names_a_policy() -> None:
    """A policy named in the engine would be a policy that YAML alone cannot change."""
    ids = set(shipped.rulebook().ids())
    named = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for path in sorted((ROOT / "engine").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in ids
    ]
    assert named == []
