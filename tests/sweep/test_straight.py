"""Columns of every type, with and without gaps and faults: read straight into arrays, they say what the SQL says."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.decide import Program, compile_rulebook
from engine.language.types import Base
from engine.sweep import split
from engine.sweep.checked import Checker
from engine.sweep.columns import LEVELS
from engine.sweep.dag import Level
from engine.sweep.run import Job, Sweep
from engine.sweep.source import Mapped
from engine.sweep.straight import Straight, straight
from engine.sweep.tables import TEXTS, Tables
from tests.sweep import every_operator

SEEDS = range(36)
Form = tuple[pa.DataType, Callable[[Any], Any], list[Any]]  # the type, a good value as it stands there, and bad ones
COLOURS = ("red", "green", "blue")
TEXT = pa.string()


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_rulebook(every_operator.world().rulebook)


def amount(least: str, most: str) -> list[Form]:
    """A sum within limits, in every type that carries one exactly."""
    beyond, before = Decimal(most) + 1, Decimal(least) - 1
    return [
        (pa.decimal128(9, 2), Decimal, [beyond, before]),
        (pa.decimal128(5, 1), lambda v: Decimal(v).quantize(Decimal("0.1")), [beyond]),
        (pa.decimal128(30, 8), Decimal, [beyond, Decimal(2**64).scaleb(-8), Decimal("0.001")]),
        (pa.int32(), lambda v: int(Decimal(v)), [int(beyond), 2**31 - 1]),
        (pa.int64(), lambda v: int(Decimal(v)), [-(2**63), 2**63 - 1]),
        (TEXT, str, [str(beyond), "1e0", "01", "1.", "+1", " 1", "1\n", "0.001", ""]),
    ]


DATES: list[Form] = [
    (pa.date32(), lambda v: v, []),
    (TEXT, str, ["2024-02-30", "2024-2-3", "20240203", "1799-12-31", "2024-02-03 ", ""]),
]
YES_NO: list[Form] = [(pa.bool_(), lambda v: v, []), (TEXT, lambda v: str(v).lower(), ["True", "1", ""])]
CHOICE: list[Form] = [(TEXT, str, ["purple", "RED", ""]), (pa.dictionary(pa.int32(), TEXT), str, ["purple"])]
SEVERAL: list[Form] = [
    (pa.list_(TEXT), list, [["purple"], ["red", None], ["red;blue"], [""]]),
    (pa.large_list(pa.large_string()), list, [["red", "purple"]]),
    (TEXT, lambda v: ";".join(v) or "[]", ["red;purple", ";", ""]),
]
IDS: list[Form] = [(TEXT, str, []), (pa.large_string(), str, []), (pa.int64(), int, [])]


def drawn(rng: random.Random, program: Program, level: str) -> tuple[list[Form], Callable[[], Any]]:
    book = program.rulebook
    mine, others = ([p for p in book.ids() if (book.level(p) == level) is here] for here in (True, False))
    forms: list[Form] = [
        (pa.list_(TEXT), list, [["no_such_policy"], others[:1], [None]]),
        (TEXT, lambda v: ";".join(v) or "[]", ["no_such_policy", others[0]]),
    ]
    return forms, lambda: rng.sample(mine, rng.choice([0, 0, 0, 1, 2]))


def columns_of(rng: random.Random, program: Program, level: str) -> dict[str, tuple[list[Form], Callable[[], Any]]]:
    """By fact, the forms it can come in and what is a good value of it."""

    def within(least: int, most: int) -> Callable[[], str]:
        return lambda: str(Decimal(rng.randint(least * 100, most * 100)) / 100)

    def day() -> date:
        return date(1900, 1, 1) + timedelta(rng.randint(0, 60_000))

    whole: list[Form] = [(pa.int8(), int, [5, -1]), (pa.uint16(), int, [5]), (TEXT, str, ["5", "1.5", "-1"])]
    share: list[Form] = [(pa.decimal128(7, 4), Decimal, [Decimal("1.0001")]), (TEXT, str, ["0.00001", "2"])]
    if level == "household":
        return {
            "order": (whole, lambda: rng.randint(0, 4)),
            "rent": (amount("0", "6"), within(0, 6)),
            "debt": (amount("-4", "4"), within(-4, 4)),
            "place": (CHOICE, lambda: rng.choice(COLOURS)),
            "moved": (DATES, day),
            "owns": (YES_NO, lambda: rng.random() < 0.5),
            "street": ([(TEXT, str, ["x" * 201])], lambda: "街" * rng.choice([1, 2, 200])),
            "receiving": drawn(rng, program, level),
        }
    return {
        "counts": (YES_NO, lambda: True),
        "born": (DATES, day),
        "wage": (amount("0", "5"), within(0, 5)),
        "change": (amount("-3", "3"), within(-3, 3)),
        "share": (share, lambda: str(Decimal(rng.randint(0, 10_000)) / 10_000)),
        "rooms": (amount("1", "3")[1:2], lambda: str(Decimal(rng.randint(10, 30)) / 10)),
        "colour": (CHOICE, lambda: rng.choice(COLOURS)),
        "single": ([(TEXT, str, ["none"])], lambda: "only"),
        "colours": (SEVERAL, lambda: rng.sample(COLOURS, rng.randint(0, 3))),
        "well": (YES_NO, lambda: rng.random() < 0.5),
        "receiving": drawn(rng, program, level),
    }


def table(rng: random.Random, program: Program, level: str, ids: dict[str, pa.Array], faulty: bool) -> pa.Table:
    made, rows = dict(ids), len(next(iter(ids.values())))
    facts = columns_of(rng, program, level)
    faults = rng.choice(list(facts)) if faulty else ""
    for fact, (forms, good) in facts.items():
        if rng.random() < 0.1 and fact != faults:
            continue  # no such column
        kind, shown, bad = rng.choice(forms)
        gaps = rng.choice([0.0, 0.0, 0.2, 1.0])
        values = [None if rng.random() < gaps else shown(good()) for _ in range(rows)]
        if fact == faults and bad:
            values[rng.randrange(rows)] = rng.choice(bad)
        made[fact] = pa.array(values, kind)
        if kind == pa.decimal128(9, 2) and rng.random() < 0.5:  # a range beside it
            alone = [value is None and rng.random() < 0.8 for value in values]
            swapped = faulty and rng.random() < 0.3
            for end, value in (("lowest", Decimal(3 if swapped else 1)), ("highest", Decimal(2))):
                made[f"{fact}__{end}"] = pa.array([value if it else None for it in alone], kind)
    return pa.table(made)


def city(rng: random.Random, program: Program, folder: Path, faulty: bool) -> tuple[Path, Path]:
    """Some households and their members as Parquet: in order or not, in one or many row groups."""
    sizes = [rng.randint(1, 4) for _ in range(rng.randint(1, 40))]
    kind, shown, _ = rng.choice(IDS)
    names = rng.sample(range(1000, 9999), len(sizes))
    names = sorted(names) if rng.random() < 0.5 else names
    whose = [name for name, size in zip(names, sizes, strict=True) for _ in range(size)]
    which = [f"m{n}" for size in sizes for n in range(size)]
    if rng.random() < 0.3:  # members of a household do not lie together
        order = rng.sample(range(len(whose)), len(whose))
        whose, which = [whose[n] for n in order], [which[n] for n in order]
    tables = (
        table(rng, program, "household", {"household_id": pa.array(map(shown, names), kind)}, faulty and rng.random() < 0.5),
        table(rng, program, "member", {"household_id": pa.array(map(shown, whose), kind), "id": pa.array(which)}, faulty),
    )
    paths = folder / "households.parquet", folder / "persons.parquet"
    for path, rows in zip(paths, tables, strict=True):
        pq.write_table(rows, path, row_group_size=rng.choice([3, 7, 1000]))
    return paths


def told(tables: Tables) -> dict[Any, dict[str, Any]]:
    """Everything a rule can read and everything handed on, by who it is said of."""
    homes = tables.who[Level.HOUSEHOLD]["household_id"]
    found: dict[Any, dict[str, Any]] = {}
    for level, who in tables.who.items():
        for row in range(tables.rows(level)):
            home = row if level is Level.HOUSEHOLD else int(tables.whose[row])
            id = "" if level is Level.HOUSEHOLD else who["id"].text(row)
            said: dict[str, Any] = {called: texts.text(row) for called, texts in who.items()}
            for (where, column), (values, unknown) in tables.columns.items():
                if where is not level:
                    continue
                assert unknown is None or not np.any(values[unknown]), "what is not known holds something"
                said[column] = None if unknown is not None and unknown[row] else values[row].item()
            found[homes.text(home), id] = said
    assert len(found) == sum(map(tables.rows, tables.who))
    return found


Ways = tuple[Straight | None, Checker, Tables]


@contextmanager
def both_ways(program: Program, paths: tuple[Path, Path], mapped: Any = None) -> Iterator[Ways]:
    """Two tables read straight, and the long way: its checker, and what it leaves."""
    one = Sweep(program.rulebook, Job(*map(str, paths), every_operator.ON, paths[0].parent / "out", mapped or {}))
    household, member = one.tables()
    checker = Checker(one.connection, one.rulebook, one.columns, household, member, frozenset())
    texts = {fact.name for fact in one.rulebook.facts.values() if fact.type.base is Base.TEXT}
    made = {level: [name for each in found for name, _ in each.columns if name not in texts] for level, found in checker.readings.items()}
    checker.needed = frozenset(name for found in made.values() for name in found)
    (cut,) = split.chunks_of(one.connection, household, member, 10**6, paths[0].parent, lambda what: None)
    quick = straight(checker, cut)
    checker.load(cut.households.sql, cut.persons.sql)
    yield quick, checker, Tables.checked(one.connection, made)
    one.close()


def rejected(checker: Checker) -> list[Any]:
    return [(column, reason) for column, reason in checker.run("SELECT col, reason FROM rejects WHERE col IS NOT NULL")]


@pytest.mark.parametrize("seed", SEEDS)
def test_it_says_what_the_sql_says(seed: int, program: Program, tmp_path: Path) -> None:
    with both_ways(program, city(random.Random(seed), program, tmp_path, faulty=seed % 3 == 0)) as (quick, checker, slow):
        if rejected(checker):
            assert quick is None, "a row that is set aside went straight"
        else:
            assert quick is not None, "good rows did not go straight"
            assert told(quick.tables) == told(slow)
            assert {level: tuple(who) for level, who in quick.tables.who.items()} == TEXTS


@pytest.mark.parametrize("level", LEVELS)
def test_no_fault_goes_straight(level: str, program: Program, tmp_path: Path) -> None:
    rng, tried = random.Random(1), 0
    for fact, (forms, good) in columns_of(rng, program, level).items():
        for kind, shown, bad in forms:
            for fault in bad:
                column = {fact: pa.array([shown(good()), fault], kind)}
                paths = two_rows(tmp_path, level, column)
                with both_ways(program, paths) as (quick, checker, _):
                    assert [name for name, _ in rejected(checker)] == [fact], (fact, kind, fault)
                    assert quick is None, (fact, kind, fault)
                tried += 1
    assert tried > 30


@pytest.mark.parametrize(
    ("rent", "lowest", "highest", "reason"),
    [("2.00", "1.00", None, "value-and-range"), ("2.00", None, "3.00", "value-and-range"), (None, "3.00", "2.99", "ends-swapped"), (None, None, "6.01", "outside-limits"), (None, "2.00", None, "")],
)
def test_a_range_with_a_fault_does_not_go_straight(rent: str | None, lowest: str | None, highest: str | None, reason: str, program: Program, tmp_path: Path) -> None:
    cells = {"rent": rent, "rent__lowest": lowest, "rent__highest": highest}
    kind = pa.decimal128(9, 2)
    columns = {name: pa.array([None, None if cell is None else Decimal(cell)], kind) for name, cell in cells.items()}
    with both_ways(program, two_rows(tmp_path, "household", columns)) as (quick, checker, slow):
        assert [why for _, why in rejected(checker)] == [reason] * bool(reason)
        assert (quick is None) == bool(reason)
        if quick:
            assert told(quick.tables) == told(slow)


def two_rows(folder: Path, level: str, columns: dict[str, pa.Array]) -> tuple[Path, Path]:
    """Two households of one member each, with columns of one of the tables."""
    wholes, people = pa.table({"household_id": ["a", "b"]}), pa.table({"household_id": ["a", "b"], "id": ["x", "y"]})
    paths = folder / "households.parquet", folder / "persons.parquet"
    for path, rows, here in zip(paths, (wholes, people), LEVELS, strict=True):
        for name, column in columns.items():
            rows = rows.append_column(name, column) if here == level else rows
        pq.write_table(rows, path)
    return paths


def test_values_told_by_a_mapping(program: Program, tmp_path: Path) -> None:
    """Whole numbers and words of one's own for choices, truths and what is drawn."""
    policy = next(p for p in program.rulebook.ids() if program.rulebook.level(p) == "household")
    households = pa.table({"户": ["a", "b"], "place": pa.array([1, 3], pa.int8()), "owns": [1, 0], "receiving": [["低"], []]})
    persons = pa.table({"户": ["a", "b"], "id": ["x", "x"], "colours": ["红;蓝", "[]"], "counts": ["是", "是"]})
    paths = tmp_path / "households.parquet", tmp_path / "persons.parquet"
    for path, rows in zip(paths, (households, persons), strict=True):
        pq.write_table(rows, path)
    names = {"户": "household_id"}
    wholes = {"place": {1: "red", 3: "blue"}, "owns": {1: True, 0: False}, "receiving": {"低": policy}}
    mapped = {
        "household": Mapped(names, wholes),
        "member": Mapped(names, {"colours": {"红": "red", "蓝": "blue"}, "counts": {"是": True}}),
    }
    with both_ways(program, paths, mapped) as (quick, _, slow):
        assert quick is not None
        assert told(quick.tables) == told(slow)
        assert quick.tables.columns[Level.HOUSEHOLD, "place_"][0].tolist() == [0, 2]
        assert told(quick.tables)["a", ""]["receiving"] == policy
