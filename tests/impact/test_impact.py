"""`jiuzhu impact` beside the evaluator: every answer that changes, every sum, every household that gains or loses."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from engine.commands.impact import impact
from engine.decide import Decision, Program, compile_rulebook, decide
from engine.language.household import HouseholdError, read_household
from engine.language.meaning import affected
from engine.language.model import Rulebook
from engine.language.rulebook import read_texts
from engine.language.shipped import rule_files
from engine.population import marginals
from engine.population.make import City
from engine.sweep.impact import Comparison, Impact
from engine.sweep.lookup import raw_household
from engine.sweep.run import Job, Sweep
from tests.sweep.city import raw_households

ROOT = Path(__file__).parent.parent.parent
ON = date(2025, 8, 1)
MANY = 260
DIBAO = "rules/nine_plus_one/minimum_living_allowance@2024-07-01.yaml"
AGES = "rules/parameters/ages.yaml"
TIMES = {"once": 1, "year": 1, "month": 12, "fortnight": 24, "week": 52}
CODE = {"ineligible": 0, "undetermined": 1, "eligible": 2}


@cache
def files() -> dict[str, str]:
    return rule_files(str(ROOT))


def replaced(texts: dict[str, str], path: str, before: str, after: str) -> dict[str, str]:
    assert before in texts[path], before
    return {**texts, path: texts[path].replace(before, after, 1)}


def read(texts: dict[str, str]) -> Rulebook:
    rulebook, problems = read_texts(texts, examples=False)
    assert rulebook is not None, [p.text("en") for p in problems]
    return rulebook


@cache
def amended() -> dict[str, str]:
    """A higher dibao standard, cars allowed, and the elder allowance from a later age."""
    texts = replaced(files(), "rules/parameters/minimum_living.yaml", "value: 1650.00", "value: 2250.00")
    texts = replaced(texts, DIBAO, "      if: not owns_car\n", "      if: not owns_nonresidential\n")
    return replaced(texts, AGES, "value: 65\n", "value: 70\n")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("impact")
    City(marginals.read(), MANY, 21, Decimal("0.01"), out).make()
    return out


@pytest.fixture(scope="module")
def books() -> tuple[Rulebook, Rulebook]:
    return read(files()), read(amended())


@pytest.fixture(scope="module")
def found(city: Path, books: tuple[Rulebook, Rulebook], tmp_path_factory: pytest.TempPathFactory) -> Impact:
    job = Job(str(city / "households"), str(city / "persons"), ON, tmp_path_factory.mktemp("swept"))
    one = Comparison(*books, job)
    try:
        return one.run()
    finally:
        one.close()


Rows = dict[
    tuple[str, str, str], tuple[int, int, int, int]
]  # (household, member, policy) -> status, least, most, people


@pytest.fixture(scope="module")
def decided(city: Path, books: tuple[Rulebook, Rulebook]) -> tuple[list[Rows], list[dict[str, Decision]]]:
    """Every household under both rulebooks, by the evaluator."""
    one = Sweep(books[0], Job(str(city / "households"), str(city / "persons"), ON, city / "look"))
    try:
        raws = raw_households(one)
        name = f"syn{MANY // 2:09d}"
        assert len(raws) == MANY and raws[name] == raw_household(one.connection, *one.tables(), name)
    finally:
        one.close()
    rows, decisions = [], []
    for book in books:
        program: Program = compile_rulebook(book)
        mine: Rows = {}
        each: dict[str, Decision] = {}
        for id, raw in raws.items():
            try:
                decision = decide(program, read_household(raw, program.vocabulary), ON)
            except HouseholdError:
                continue
            each[id] = decision
            for answer in decision.answers:
                worth = [0, 0]
                for amount in answer.amounts:
                    item = amount.item
                    if item.amount is not None and not item.up_to:
                        times = [TIMES[item.per]] * 2
                        if item.per == "month" and item.for_months is not None:
                            times = [min(12, m) for m in amount.months]
                        worth = [worth[0] + amount.least * times[0], worth[1] + amount.most * times[1]]
                people = len(decision.household.members) if not answer.member else 1
                mine[id, answer.member, answer.policy.id] = CODE[answer.status], worth[0], worth[1], people
        rows.append(mine)
        decisions.append(each)
    return rows, decisions


def kind(before: tuple[int, int, int, int], after: tuple[int, int, int, int]) -> str:
    statuses = before[0], after[0]
    if statuses[0] != statuses[1]:
        named = {(0, 2): "gained", (2, 0): "lost", (1, 2): "settled_yes", (1, 0): "settled_no"}
        return named.get(statuses, "opened")
    if after[1] >= before[1] and after[2] >= before[2]:
        return "more"
    return "less" if after[1] <= before[1] and after[2] <= before[2] else "range"


def test_every_answer_that_changes_is_counted_with_its_sums(found: Impact, decided: Any) -> None:
    (old, new), _ = decided
    households: dict[tuple[str, str], set[str]] = {}
    sums: dict[tuple[str, str], Counter[str]] = {}
    for key in old:
        if old[key][:3] == new[key][:3]:
            continue
        how = key[2], kind(old[key], new[key])
        households.setdefault(how, set()).add(key[0])
        told = dict(
            zip(("old_least", "old_most", "new_least", "new_most"), (*old[key][1:3], *new[key][1:3]), strict=True)
        )
        sums.setdefault(how, Counter()).update({**told, "persons": new[key][3]})
    ours = {(row["policy"], row["how"]): row for row in found.policies}
    assert set(ours) == set(households)
    for how, row in ours.items():
        assert row["households"] == len(households[how]), how
        assert {key: row[key] for key in sums[how]} == dict(sums[how]), how
    assert {how for _, how in ours} >= {"gained", "lost", "more"}  # or too little was compared


def test_policies_that_are_not_named_do_not_change(found: Impact, decided: Any) -> None:
    (old, new), _ = decided
    changed = {key[2] for key in old if old[key][:3] != new[key][:3]}
    assert changed <= set(found.affected)
    assert "long_term_care_insurance" not in found.affected and "minimum_living_allowance" in found.affected


def best(decision: Decision, rows: Rows, id: str, names: set[str], end: int) -> int:
    """What a household may draw of these policies in twelve months: of those that exclude one another the best choice."""
    total, tied = 0, set()
    for group in decision.program.rulebook.exclusions:
        if not set(group.policies) & names:
            continue
        tied |= set(group.policies)
        subjects = [""] if group.level == "household" else [member.id for member in decision.household.members]
        for who in subjects:
            total += max(
                sum(
                    row[end]
                    for (house, member, policy), row in rows.items()
                    if house == id and policy in choice.policies and policy in names and (not who or member == who)
                )
                for choice in group.choices
            )
    return total + sum(row[end] for (house, _, policy), row in rows.items() if house == id and policy in names - tied)


def test_households_that_gain_and_lose_and_the_budget(found: Impact, decided: Any) -> None:
    (old, new), decisions = decided
    names = set(found.affected)
    changed = {key[0] for key in old if old[key][:3] != new[key][:3]}
    totals = {
        id: [
            best(decisions[side][id], {k: v for k, v in rows.items() if k[0] == id}, id, names, end)
            for end in (1, 2)
            for side, rows in enumerate((old, new))
        ]
        for id in changed
    }  # old least, new least, old most, new most
    gain = sum(b >= a and d >= c and (b > a or d > c) for a, b, c, d in totals.values())
    lose = sum(b <= a and d <= c and (b < a or d < c) for a, b, c, d in totals.values())
    budget = found.budget
    assert (budget["households"], budget["gain"], budget["lose"]) == (len(changed), gain, lose)
    for n, key in enumerate(("old_least", "new_least", "old_most", "new_most")):
        assert budget[key] == sum(each[n] for each in totals.values()), key
    assert sum(place["gain"] for place in found.places) == gain
    assert sum(place["new_least"] for place in found.places) == budget["new_least"]
    assert gain and lose


def test_groups_add_up_to_policies(found: Impact) -> None:
    assert sum(row["new_least"] for row in found.groups) == sum(row["new_least"] for row in found.policies)
    assert {row["group"] for row in found.groups} <= set(read(files()).groups)


def test_one_household_stands_for_every_kind_of_change(found: Impact, decided: Any) -> None:
    (old, new), _ = decided
    assert [(e["policy"], e["how"]) for e in found.examples] == [(r["policy"], r["how"]) for r in found.policies]
    for each in found.examples:
        key = each["household_id"], each["id"], each["policy"]
        assert kind(old[key], new[key]) == each["how"] and old[key][:3] != new[key][:3]


def test_what_means_the_same_affects_nothing() -> None:
    remark = replaced(files(), DIBAO, "policy: minimum", "# 一句话\npolicy: minimum")
    later = replaced(
        files(), "rules/parameters/minimum_living.yaml", "value: 1690.00", "value: 1999.00"
    )  # a figure that is not in force yet on the day
    for texts in (remark, later):
        assert affected(read(files()), read(texts), ON) == frozenset()
    assert "minimum_living_allowance" in affected(read(files()), read(later), date(2026, 8, 1))


def test_the_command_tells_words_sums_and_a_worked_example(tmp_path: Path, city: Path) -> None:
    for side, texts in (("old", replaced(files(), AGES, "value: 65\n", "value: 70\n")), ("new", files())):
        for path, text in texts.items():
            (tmp_path / side / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / side / path).write_text(text, encoding="utf-8")
    call = ["--old", str(tmp_path / "old"), "--new", str(tmp_path / "new"), "--on", "2025-08-01"]
    call += ["--households", str(city / "households"), "--persons", str(city / "persons")]
    told = json.loads(CliRunner().invoke(impact, [*call, "--json"]).output)
    assert told["affected"] and [c["kind"] for c in told["changes"]] == ["figure"]
    gained = next(e for e in told["examples"] if (e["policy"], e["how"]) == ("elder_allowance", "gained"))
    assert gained["old"]["outcome"] == "no" and gained["new"]["outcome"] == "yes"
    assert told["budget"]["new_least"] > told["budget"]["old_least"]
    page = CliRunner().invoke(impact, [*call, "--lang", "zh"]).output
    assert "老年综合津贴" in page and "新增符合" in page and gained["household_id"] in page
