"""`jiuzhu find`: the same households as the evaluator finds, the not known ones counted apart."""

from __future__ import annotations

import csv
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from engine.commands.find import find
from engine.decide import decide
from engine.decide.labels import as_data
from engine.language.household import read_household
from engine.population import marginals
from engine.population.make import City
from engine.sweep.run import Job, Sweep
from tests import shipped
from tests.sweep.city import raw_households

ON = date(2025, 8, 1)
VALUE = {"no": 0, "unknown": 1, "yes": 2}
MANY = 120


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("find")
    City(marginals.read(), MANY, 11, Decimal("0.08"), out).make()
    return out


@pytest.fixture(scope="module")
def labels(city: Path) -> dict[str, dict[str, object]]:
    """Every household's labels, from the evaluator."""
    program = shipped.program()
    rulebook = program.rulebook
    one = Sweep(rulebook, Job(str(city / "households"), str(city / "persons"), ON, city / "look"))
    found = {}
    try:
        raws = raw_households(one)
        assert len(raws) == MANY
        for id, raw in raws.items():
            household = read_household(raw, program.vocabulary)
            found[id] = as_data(decide(program, household, ON))
    finally:
        one.close()
    return found


def wanted(carried: dict[str, object], tests: list[str], same: bool) -> int:
    """What the household comes to: 0 no, 1 not known, 2 yes; written a second time, plainly."""
    whole, each = [2], []
    for test in tests:
        label, sign = test.removeprefix("!"), not test.startswith("!")
        value = carried[label]
        if isinstance(value, str):
            whole.append(VALUE[value] if sign else 2 - VALUE[value])
        else:
            each.append({who: VALUE[w] if sign else 2 - VALUE[w] for who, w in value.items()} | {"sign": sign})
    if not each:
        return min(whole)
    members = [who for who in each[0] if who != "sign"]
    if same:
        return min(*whole, max(min(one[who] for one in each) for who in members))
    some = [(max if one["sign"] else min)(one[who] for who in members) for one in each]
    return min(*whole, *some)


def called(city: Path, *more: str) -> dict[str, object]:
    tables = ["--households", str(city / "households"), "--persons", str(city / "persons"), "--on", "2025-08-01"]
    result = CliRunner().invoke(find, [*tables, "--json", *more])
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.output))


@pytest.mark.parametrize(
    ("tests", "same"),
    [
        (["all_old"], False),
        (["!all_old"], False),
        (["very_old"], False),
        (["lone_old", "!uninsured"], False),
        (["all_old", "very_old", "!old_without_supporter"], False),
        (["no_income_adult", "zero_employment"], False),
        (["!very_old", "!no_income_adult", "crowded_home"], False),
        (["very_old", "!uninsured"], True),
        (["no_income_adult", "!jobless_severe", "!lone_old"], True),
        (["dibao_not_drawn"], False),
    ],
)
def test_the_same_households_as_the_evaluator_finds(
    city: Path, labels: dict[str, dict[str, object]], tests: list[str], same: bool, tmp_path: Path
) -> None:
    out = tmp_path / "found.csv"
    arguments = [argument for test in tests for argument in ("--label", test)]
    told = called(city, *arguments, *(["--same-person"] if same else []), "--out", str(out), "--limit", "1000")
    ours = {id: wanted(each, tests, same) for id, each in labels.items()}
    with out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["household_id"]: VALUE[row["found"]] for row in rows} == {id: v for id, v in ours.items() if v}
    assert told["households"] == MANY and told["set_aside"] == 0
    assert told["found"] == sum(v == 2 for v in ours.values())
    assert told["not_known"] == sum(v == 1 for v in ours.values())
    first = told["first"]
    assert isinstance(first, list) and [each["household_id"] for each in first] == sorted(
        id for id, v in ours.items() if v == 2
    )


def test_the_searches_above_find_some_and_leave_some_open(city: Path) -> None:
    told = called(city, "--label", "all_old")
    assert told["found"] and told["not_known"]  # or the tests above compared nothing


def test_members_on_whom_a_label_falls_are_named(city: Path, labels: dict[str, dict[str, object]]) -> None:
    told = called(city, "--label", "very_old", "--limit", "1000")
    first = told["first"]
    assert isinstance(first, list) and first
    for each in first:
        value = labels[each["household_id"]]["very_old"]
        assert isinstance(value, dict)
        assert each["persons"] == sorted(who for who, word in value.items() if word == "yes")


def test_places_add_up(city: Path) -> None:
    told = called(city, "--label", "all_old")
    places = told["by_subdistrict"]
    assert isinstance(places, list)
    assert sum(each["found"] for each in places) == told["found"]
    assert sum(each["not_known"] for each in places) == told["not_known"]


def test_a_household_with_a_wrong_value_that_is_read_is_set_aside(city: Path, tmp_path: Path) -> None:
    for table in ("households", "persons"):
        wrong = (
            "REPLACE (CASE WHEN household_id = 'syn000000003' THEN 'nowhere' ELSE living_arrangement END AS living_arrangement, "
            "CASE WHEN household_id = 'syn000000005' THEN 'nothing' ELSE sex END AS sex)"
        )
        columns = f"* {wrong}" if table == "persons" else "*"
        duckdb.sql(
            f"COPY (SELECT {columns} FROM '{city}/{table}/*.parquet') TO '{tmp_path}/{table}.parquet' (FORMAT parquet)"
        )
    tables = ["--households", f"{tmp_path}/households.parquet", "--persons", f"{tmp_path}/persons.parquet"]
    result = CliRunner().invoke(find, [*tables, "--on", "2025-08-01", "--label", "lone_old", "--json"])
    told = json.loads(result.output)
    assert (
        told["set_aside"] == 1 and told["households"] == MANY - 1
    )  # the wrong sex is in a column that the label does not read


def test_labels_are_listed() -> None:
    result = CliRunner().invoke(find, ["--labels", "--json"])
    assert {each["label"] for each in json.loads(result.output)} == {label.id for label in shipped.rulebook().labels}
    assert "独居老人" in CliRunner().invoke(find, ["--labels", "--lang", "zh"]).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--label", "lone_odl"], "lone_old"),
        (["--label", "lone_old"], "--households"),
        (["--households", "x", "--persons", "y"], "--label"),
        (["--label", "lone_old", "--households", "/nowhere/x", "--persons", "/nowhere/y"], "/nowhere/x"),
    ],
)
def test_wrong_use_is_told_and_nothing_is_looked_at(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(find, [*arguments, "--lang", "en"])
    assert result.exit_code == 2 and said in result.output
