"""Labels as columns of the sweep: each the same as the evaluator says, household by household, with and without gaps."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from engine.decide import decide
from engine.decide.labels import carried
from engine.language.household import HouseholdError, read_household
from engine.population import marginals
from engine.population.make import City
from engine.sweep import manifest as manifests
from engine.sweep.run import Job, Sweep, look_up
from tests import shipped

ON = date(2025, 8, 1)
WORDS = ("no", "unknown", "yes")


@pytest.mark.parametrize("missing", ["0", "0.15"])
def test_every_label_of_every_household_is_what_the_evaluator_says(tmp_path: Path, missing: str) -> None:
    rulebook = shipped.rulebook()
    City(marginals.read(), 150, 3, Decimal(missing), tmp_path / "city").make()
    labels = frozenset(label.id for label in rulebook.labels)
    tables = str(tmp_path / "city/households"), str(tmp_path / "city/persons")
    job = Job(*tables, ON, tmp_path / "swept", only=frozenset({"elder_allowance"}), everyone=True, labels=labels)
    one = Sweep(rulebook, job)
    try:
        one.run()
    finally:
        one.close()
    cells: dict[tuple[str, str, str], str] = {}
    for table in ("households", "persons"):
        found = duckdb.sql(f"SELECT * FROM '{tmp_path}/swept/{table}/*.parquet'")
        for row in (dict(zip(found.columns, row, strict=True)) for row in found.fetchall()):
            for column in (c for c in row if c.startswith("label__")):
                cells[row["household_id"], row.get("id", ""), column.removeprefix("label__")] = WORDS[row[column]]
    program, manifest = shipped.program(), manifests.read(tmp_path / "swept")
    assert manifest is not None
    seen: set[str] = set()
    for household in sorted({key[0] for key in cells})[:60]:
        raw = look_up(rulebook, manifest, household)
        try:
            decision = decide(program, read_household(raw, program.vocabulary), ON)
        except HouseholdError:
            continue
        for each in carried(decision):
            assert cells.pop((household, each.member, each.label.id)) == each.word, (household, each.label.id)
            seen.add(each.word)
    assert seen >= ({"yes", "no"} if missing == "0" else {"yes", "no", "unknown"})
    assert {key[2] for key in cells} == labels


def test_labels_are_written_only_where_they_are_asked_for(tmp_path: Path) -> None:
    City(marginals.read(), 20, 3, Decimal(0), tmp_path / "city").make()
    job = Job(
        str(tmp_path / "city/households"),
        str(tmp_path / "city/persons"),
        ON,
        tmp_path / "swept",
        only=frozenset({"elder_allowance"}),
    )
    one = Sweep(shipped.rulebook(), job)
    try:
        one.run()
    finally:
        one.close()
    columns = duckdb.sql(f"SELECT * FROM '{tmp_path}/swept/households/*.parquet'").columns
    assert not [column for column in columns if column.startswith("label__")]
