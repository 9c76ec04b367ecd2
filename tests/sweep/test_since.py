"""A sweep since another comes to what a sweep of everything comes to, and lists what is no longer the same."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from engine.decide import Program, compile_rulebook
from engine.language.household import Household
from engine.language.model import Policy
from engine.language.rulebook import read_texts
from engine.sweep.run import Job, Stopped, Sweep
from engine.sweep.since import LISTS, NoEarlierSweep
from tests.sweep import city, every_operator

ON = every_operator.ON
FOLDERS = ("households", "persons", "gap", "rejects", "missing")


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_rulebook(every_operator.world().rulebook)


@pytest.fixture(scope="module")
def some() -> list[Household]:
    return every_operator.households(90, 20, seed=11)


@pytest.fixture
def plain(program: Program, some: list[Household], tmp_path: Path) -> tuple[Path, Path]:
    return city.tables(some, program, tmp_path)


def after_a_day(plain: tuple[Path, Path], folder: Path) -> tuple[tuple[Path, Path], set[str]]:
    """The tables of the next day, and the households of which a row is another one: some facts are others, one is no
    longer known, one household left, one came, one lost a member, one is in doubt, one has its members turned round."""
    wholes, persons = city.rows(plain[0]), city.rows(plain[1])
    changed = set()
    for n in range(0, 40, 4):
        row = wholes[n]
        row["rent"], row["rent__lowest"], row["rent__highest"] = ("0.10" if row["rent"] != "0.10" else "5.90"), "", ""
        changed.add(row["household_id"])
    for n in range(2, 40, 4):
        row = next(r for r in persons if r["household_id"] == wholes[n]["household_id"])
        row["wage"] = "" if row.get("wage") else "0.50"
        row |= {end: "" for end in ("wage__lowest", "wage__highest") if end in row}
        changed.add(row["household_id"])
    gone, in_doubt, turned, fewer = (wholes[n]["household_id"] for n in (41, 43, 45, 47))
    wholes = [row for row in wholes if row["household_id"] != gone]
    persons = [row for row in persons if row["household_id"] != gone]
    next(row for row in wholes if row["household_id"] == in_doubt)["place"] = "purple"
    own = [row for row in persons if row["household_id"] == turned]
    persons = [row for row in persons if row["household_id"] != turned] + own[::-1]
    out = [row for row in persons if row["household_id"] == fewer]
    if len(out) > 1:
        persons.remove(out[-1])
    new = {**next(row for row in wholes if row["household_id"] == turned), "household_id": "new"}
    wholes.insert(0, new)
    persons += [{**row, "household_id": "new"} for row in own]
    files = folder / "next_households.csv", folder / "next_persons.csv"
    city.write(files[0], wholes)
    city.write(files[1], persons)
    return files, {*changed, gone, in_doubt, fewer, "new"}


def same(one: Path, other: Path) -> None:
    for folder in FOLDERS:
        assert city.read(one, folder) == city.read(other, folder), folder
    for name in ("summary.csv", "missing.csv", "rejects.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    gaps = [duckdb.sql(f"SELECT * FROM '{out}/gap.parquet'").fetchall() for out in (one, other)]
    assert gaps[0] == gaps[1]


def entitled(out: Path, program: Program) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(household, person, policy) -> what it is worth in a year, by looking at every row."""
    found = {}
    for folder in ("households", "persons"):
        for row in city.read(out, folder):
            for policy in program.rulebook.ids():
                if row.get(f"{policy}__status") == 2:
                    found[row["household_id"], row.get("id", ""), policy] = worth(row, program.rulebook.versions(policy)[-1])
    return found


def worth(row: dict[str, Any], policy: Policy) -> tuple[int, int]:
    times = {"once": 1, "year": 1, "month": 12, "fortnight": 24, "week": 52}
    sums = [0, 0]
    for item in policy.gives:
        if item.amount is not None and not item.up_to and item.paid_to == "household":
            name = f"{policy.id}__{item.id}"
            for at in (0, 1):
                often = times[item.per]
                if item.per == "month" and item.for_months is not None:
                    months = row[f"{name}__months_most"] if at else None
                    often = min(12, row[f"{name}__months_least"] if months is None else months)
                most = row[f"{name}__most"] if at else None
                sums[at] += often * (row[f"{name}__least"] if most is None else most)
    return sums[0], sums[1]


def listed(out: Path, name: str) -> list[dict[str, Any]]:
    found = duckdb.sql(f"SELECT * FROM '{out}/{name}.parquet'")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def test_what_changed_is_decided_and_the_rest_handed_on(
    program: Program, plain: tuple[Path, Path], tmp_path: Path
) -> None:
    city.sweep(program, *plain, tmp_path / "before", chunk=1000)
    files, changed = after_a_day(plain, tmp_path)
    city.sweep(program, *files, tmp_path / "whole")
    one = city.sweep(program, *files, tmp_path / "since", since=tmp_path / "before")
    same(tmp_path / "whole", tmp_path / "since")
    decided = {row["household_id"] for row in city.read(tmp_path / "whole", "households")}
    before = {row["household_id"] for row in city.read(tmp_path / "before", "households")}
    told = one.manifest.about["since"]
    assert not told["differs"] and told["kept"] == len((decided & before) - changed) > 30
    own = duckdb.sql(f"SELECT household_id FROM '{tmp_path}/since/households/part-00001.parquet'").fetchall()
    assert {id for (id,) in own} == decided - ((decided & before) - changed), "only what changed is decided anew"
    then, now = entitled(tmp_path / "before", program), entitled(tmp_path / "whole", program)
    lists = {name: listed(tmp_path / "since", name) for name in LISTS}
    keys = {name: {(r["household_id"], r["id"], r["policy"]) for r in rows} for name, rows in lists.items()}
    assert keys["newly_entitled"] == now.keys() - then.keys()
    assert keys["no_longer_entitled"] == then.keys() - now.keys()
    assert keys["other_amount"] == {key for key in now.keys() & then.keys() if now[key] != then[key]}
    assert all(keys.values()), "each list has something in it"
    for row in lists["other_amount"]:
        key = row["household_id"], row["id"], row["policy"]
        assert (row["least_before"], row["most_before"], row["worth_least"], row["worth_most"]) == (*then[key], *now[key])
    sums = Counter(r["policy"] for r in lists["newly_entitled"])
    table = city.csv_of(tmp_path / "since", "since.csv")
    assert {r["policy"]: int(r["newly_entitled"]) for r in table if r["newly_entitled"] != "0"} == dict(sums)
    for row in table:
        p = row["policy"]
        change = sum(v[0] for k, v in now.items() if k[2] == p) - sum(v[0] for k, v in then.items() if k[2] == p)
        assert int(row["year_change_least"]) == change
    # and on from there: nothing has changed, nothing is listed
    again = city.sweep(program, *files, tmp_path / "again", since=tmp_path / "since")
    assert again.manifest.about["since"] == {
        "folder": str(tmp_path / "since"), "differs": (), "kept": len(decided), **{name: 0 for name in LISTS}
    }
    same(tmp_path / "whole", tmp_path / "again")


def test_another_day_or_rulebook_decides_everybody_and_says_so(
    program: Program, plain: tuple[Path, Path], tmp_path: Path
) -> None:
    city.sweep(program, *plain, tmp_path / "before")
    later = date(ON.year + 1, 1, 15)
    city.sweep(program, *plain, tmp_path / "whole", on=later)
    one = city.sweep(program, *plain, tmp_path / "since", on=later, since=tmp_path / "before")
    assert one.manifest.about["since"]["differs"] == ("on",) and one.manifest.about["since"]["kept"] == 0
    same(tmp_path / "whole", tmp_path / "since")
    then, now = entitled(tmp_path / "before", program), entitled(tmp_path / "whole", program)
    found = {(r["household_id"], r["id"], r["policy"]) for r in listed(tmp_path / "since", "newly_entitled")}
    assert found == now.keys() - then.keys()
    text = every_operator.files()
    path = next(p for p in text if "/policies/" in p)
    rulebook, _ = read_texts({**text, path: text[path] + "\n# another text\n"})
    assert rulebook is not None
    changed = compile_rulebook(rulebook)
    one = city.sweep(changed, *plain, tmp_path / "rules", since=tmp_path / "before")
    assert one.manifest.about["since"]["differs"] == ("rulebook",)


def test_a_column_more_decides_everybody(program: Program, plain: tuple[Path, Path], tmp_path: Path) -> None:
    """Two columns of the same values must not be taken for one another."""
    wholes = city.rows(plain[0])
    less = [{k: v for k, v in row.items() if not k.startswith("debt")} for row in wholes]
    city.write(tmp_path / "less.csv", less)
    city.sweep(program, tmp_path / "less.csv", plain[1], tmp_path / "before")
    one = city.sweep(program, *plain, tmp_path / "since", since=tmp_path / "before")
    assert one.manifest.about["since"]["differs"] == ("columns",)


def test_a_stopped_sweep_since_another_goes_on(program: Program, plain: tuple[Path, Path], tmp_path: Path) -> None:
    city.sweep(program, *plain, tmp_path / "before")
    files, _ = after_a_day(plain, tmp_path)
    city.sweep(program, *files, tmp_path / "whole")
    job = Job(str(files[0]), str(files[1]), ON, tmp_path / "since", threads=1, since=tmp_path / "before")
    for what in ("lists", "report"):
        one = Sweep(program.rulebook, job)
        one.tell = lambda step, one=one, what=what: one.stop() if step.what == what else None  # type: ignore[misc]
        with pytest.raises(Stopped):
            one.run()
        one.close()
    city.sweep(program, *files, tmp_path / "since", since=tmp_path / "before")
    same(tmp_path / "whole", tmp_path / "since")


def test_what_is_no_finished_sweep_is_refused(program: Program, plain: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoEarlierSweep):
        city.sweep(program, *plain, tmp_path / "since", since=tmp_path / "empty")
    assert not (tmp_path / "since" / "manifest.json").exists()
