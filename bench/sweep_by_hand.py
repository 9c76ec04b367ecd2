"""Six of the twenty-five rules over two Parquet tables, the way they are written by hand: the sweep's peers.

Everything known, exact integers, one pass; each gives {policy: [how many are eligible, fen in all]}. Run as
`python -m bench.sweep_by_hand NAME FOLDER`, so that each is measured as a process of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

from bench import city_tables
from bench.peers.figures import figures
from bench.peers.jiuzhu import ON, program25

SIX = ("minimum_living", "low_income", "large_family_grant", "elder_allowance", "jobless_severe", "veteran_grant")
TODAY = ON.year * 10_000 + ON.month * 100 + ON.day
Sums = dict[str, list[int]]
HOUSEHOLD = ("household_id", "owns_car", "homes", "receiving")
MEMBER = ("household_id", "birth_date", "hukou", "lives_apart", "income", "savings", "employment", "disability_grade", "veteran")


def polars(folder: Path) -> Sums:
    """Lazy frames, the streaming engine."""
    import polars as pl

    f = figures(program25())
    persons = pl.scan_parquet(folder / "persons.parquet").select(MEMBER)
    born = pl.col("birth_date")
    day = born.dt.year().cast(pl.Int64) * 10_000 + born.dt.month().cast(pl.Int64) * 100 + born.dt.day()
    age = pl.when(day <= TODAY).then((TODAY - day) // 10_000).otherwise(0)
    persons = persons.with_columns(
        age=age,
        counted=~pl.col("lives_apart"),
        here=pl.col("hukou") == "here",
        severe=pl.col("disability_grade").is_in(["grade_1", "grade_2"]),
        income=(pl.col("income") * 100).cast(pl.Int64),
        savings=(pl.col("savings") * 100).cast(pl.Int64),
    )
    counted = pl.col("counted")
    homes = persons.group_by("household_id").agg(
        size=counted.sum().cast(pl.Int64),
        total=pl.when(counted).then("income").otherwise(0).sum(),
        saved=pl.when(counted).then("savings").otherwise(0).sum(),
        children=(counted & (pl.col("age") < f["child_age"])).sum().cast(pl.Int64),
        local=(counted & pl.col("here")).any(),
    )
    rows = pl.scan_parquet(folder / "households.parquet").select(HOUSEHOLD).join(homes, on="household_id")
    rows = rows.filter(pl.col("size") > 0)
    (low, small), (split, large) = f["savings_limit"]
    assert low == 1
    size = pl.col("size")
    limit = pl.when(size < split).then(small).otherwise(large) * size
    fits = pl.col("local") & (pl.col("saved") < limit) & ~pl.col("owns_car")
    minimum = fits & (pl.col("total") < f["living_standard"] * size) & (pl.col("homes") <= 1)
    below = pl.col("total") < f["low_income_line"] * size
    large_family = (pl.col("children") >= f["large_family"]) & below
    wholes = {
        "minimum_living": (minimum, f["living_standard"] * size - pl.col("total")),
        "low_income": (fits & below & ~minimum, pl.lit(0)),
        "large_family_grant": (large_family, f["child_rate"] * (pl.col("children") - 2)),
    }
    rate = pl.lit(f["elder_rate"][0][1])
    for start, value in f["elder_rate"][1:]:
        rate = pl.when(pl.col("age") >= start).then(value).otherwise(rate)
    working = (pl.col("age") >= f["child_age"]) & (pl.col("age") < f["old_age"])
    jobless = pl.col("severe") & (pl.col("employment") == "unemployed") & working & pl.col("here")
    factor = (2 * f["living_standard"] * f["jobless_factor"] + 10_000) // 20_000 * 100
    members = {
        "elder_allowance": (pl.col("here") & (pl.col("age") >= f["elder_age"]), rate),
        "jobless_severe": (jobless & (pl.col("income") < f["living_standard"]), pl.lit(factor)),
        "veteran_grant": (pl.col("veteran") & (pl.col("age") >= f["old_age"]) & pl.col("here"), pl.lit(12 * f["veteran_rate"])),
    }
    decided = persons.join(rows.select("household_id"), on="household_id", how="semi")
    found: Sums = {}
    for frame, rules in ((rows, wholes), (decided, members)):
        sums = [
            expr.alias(f"{name}:{n}")
            for name, (met, fen) in rules.items()
            for n, expr in enumerate((met.sum().cast(pl.Int64), pl.when(met).then(fen).otherwise(0).cast(pl.Int64).sum()))
        ]
        row = frame.select(sums).collect(engine="streaming").row(0, named=True)
        found |= {name: [int(row[f"{name}:0"]), int(row[f"{name}:1"])] for name in rules}
    return found


def numpy(folder: Path) -> Sums:
    """Arrays; a household is the run of its members' rows, which lie together."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    f = figures(program25())
    wholes = pq.read_table(folder / "households.parquet", columns=list(HOUSEHOLD))
    people = pq.read_table(folder / "persons.parquet", columns=list(MEMBER))

    def fen(table: Any, name: str) -> Any:
        return pc.multiply(pc.cast(table[name], pa.decimal128(18, 2)), 100).cast("int64").to_numpy()

    def flag(table: Any, name: str) -> Any:
        return table[name].to_numpy(zero_copy_only=False).astype(bool)

    def is_(name: str, *values: str) -> Any:
        met = pc.equal(people[name], values[0])
        for value in values[1:]:
            met = pc.or_(met, pc.equal(people[name], value))
        return met.to_numpy(zero_copy_only=False).astype(bool)

    day = people["birth_date"]
    born = (pc.year(day).to_numpy() * 10_000 + pc.month(day).to_numpy() * 100 + pc.day(day).to_numpy()).astype(np.int64)
    age = np.where(born <= TODAY, (TODAY - born) // 10_000, 0)
    income, savings, here, counted = fen(people, "income"), fen(people, "savings"), is_("hukou", "here"), ~flag(people, "lives_apart")
    ids = people["household_id"].to_numpy(zero_copy_only=False)
    first = np.flatnonzero(np.concatenate(([True], ids[1:] != ids[:-1])))
    assert (ids[first] == wholes["household_id"].to_numpy(zero_copy_only=False)).all(), "the tables are not in the same order"
    add = np.add.reduceat
    size, total = add(counted.astype(np.int64), first), add(np.where(counted, income, 0), first)
    saved, children = add(np.where(counted, savings, 0), first), add((counted & (age < f["child_age"])).astype(np.int64), first)
    decided = size > 0
    local = np.logical_or.reduceat(counted & here, first) & decided
    (_, small), (split, large) = f["savings_limit"]
    fits = local & (saved < np.where(size < split, small, large) * size) & ~flag(wholes, "owns_car")
    below = (total < f["low_income_line"] * size) & decided
    minimum = fits & (total < f["living_standard"] * size) & (wholes["homes"].to_numpy() <= 1)
    large_family = (children >= f["large_family"]) & below
    alive = np.repeat(decided, np.diff(np.append(first, len(ids))))
    starts, values = (np.array(column) for column in zip(*f["elder_rate"], strict=True))
    elder = alive & here & (age >= f["elder_age"])
    jobless = alive & is_("disability_grade", "grade_1", "grade_2") & is_("employment", "unemployed") & here
    jobless &= (age >= f["child_age"]) & (age < f["old_age"]) & (income < f["living_standard"])
    veteran = alive & flag(people, "veteran") & (age >= f["old_age"]) & here
    factor = (2 * f["living_standard"] * f["jobless_factor"] + 10_000) // 20_000 * 100
    sums = {
        "minimum_living": (minimum, f["living_standard"] * size - total),
        "low_income": (fits & below & ~minimum, 0),
        "large_family_grant": (large_family, f["child_rate"] * (children - 2)),
        "elder_allowance": (elder, values[np.searchsorted(starts, age, side="right") - 1]),
        "jobless_severe": (jobless, factor),
        "veteran_grant": (veteran, 12 * f["veteran_rate"]),
    }
    return {name: [int(met.sum()), int(np.where(met, fen_, 0).sum())] for name, (met, fen_) in sums.items()}


def openfisca(folder: Path) -> Sums:
    """One simulation over arrays; the six variables and what they rest on."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from bench.peers import openfisca as peer

    program = program25()
    system, enums = peer.country(program)
    wholes, people = pq.read_table(folder / "households.parquet"), pq.read_table(folder / "persons.parquet")
    arrays: dict[str, Any] = {}
    for table, names in ((people, peer.MEMBER_FACTS), (wholes, peer.HOUSEHOLD_FACTS)):
        for name in names:
            column, fact = table[name], program.rulebook.facts[name]
            if name in enums:
                place = {choice.name: number for number, choice in enumerate(enums[name])}
                codes = column.combine_chunks().dictionary_encode()
                arrays[name] = np.array([place[v] for v in codes.dictionary.to_pylist()])[codes.indices.to_numpy()]
            elif fact.type.base == "date":
                arrays[name] = pc.year(column).to_numpy() * 10_000 + pc.month(column).to_numpy() * 100 + pc.day(column).to_numpy()
            elif fact.type.base == "money":
                arrays[name] = pc.multiply(pc.cast(column, pa.decimal128(18, 2)), 100).cast("int64").to_numpy()
            else:
                arrays[name] = column.to_numpy(zero_copy_only=False)
    for table, names, before in ((people, peer.KINDS, "disabled_"), (wholes, peer.RECEIVED, "receives_")):
        lists = table["disability_kinds" if before == "disabled_" else "receiving"].combine_chunks()
        for name in names:
            at = pc.list_parent_indices(lists).to_numpy()[pc.equal(pc.list_flatten(lists), name).to_numpy(zero_copy_only=False)]
            arrays[before + name] = np.isin(np.arange(len(lists)), at)
    ids = people["household_id"].to_numpy(zero_copy_only=False)
    home_of = np.cumsum(np.concatenate(([True], ids[1:] != ids[:-1]))) - 1
    from openfisca_core.simulations import SimulationBuilder

    builder = SimulationBuilder()
    builder.create_entities(system)
    builder.declare_person_entity("person", range(len(home_of)))
    homes = builder.declare_entity("household", range(len(wholes)))
    builder.join_with_persons(homes, home_of, roles=["member"] * len(home_of))
    simulation = builder.build(system)
    for name, values in arrays.items():
        simulation.set_input(name, peer.PERIOD, values)
    decided = simulation.calculate("size", peer.PERIOD) > 0
    found: Sums = {}
    for name in SIX:
        fen = simulation.calculate(name, peer.PERIOD).astype(np.int64)
        met = (fen >= 0) & (decided if len(fen) == len(decided) else decided[home_of])
        found[name] = [int(met.sum()), int(np.where(met, fen, 0).sum())]
    return found


def evaluator(folder: Path, households: int = 2_000) -> Sums:
    """The evaluator, one household after another: the first of them. Every rule of the rulebook, both ends, the trace."""
    import duckdb

    from engine.decide import decide
    from engine.language.household import HouseholdError, read_household
    from engine.sweep.lookup import facts_of
    from engine.sweep.run import Job, Sweep

    program = program25()
    reader = Sweep(program.rulebook, Job(str(folder / "households.parquet"), str(folder / "persons.parquet"), ON, folder / "nowhere"))
    tables = reader.tables()
    connection = duckdb.connect()

    def rows(file: str) -> list[dict[str, Any]]:
        query = f"FROM '{folder / file}' WHERE household_id IN (SELECT household_id FROM '{folder}/households.parquet' ORDER BY household_id LIMIT {households})"
        result = connection.execute(query)
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    raw: dict[str, Any] = {row["household_id"]: {**facts_of(tables[0], row), "members": []} for row in rows("households.parquet")}
    for row in rows("persons.parquet"):
        raw[row["household_id"]]["members"].append({"id": row["id"], **facts_of(tables[1], row)})
    found: Sums = {name: [0, 0] for name in SIX}
    began, done = process_time(), 0
    for each in raw.values():
        try:
            decision = decide(program, read_household(each, program.vocabulary), ON)
        except HouseholdError:
            continue
        done += 1
        for answer in decision.answers:
            if answer.policy.id in found and answer.status == "eligible":
                found[answer.policy.id][0] += 1
                found[answer.policy.id][1] += sum(a.least for a in answer.amounts)
    found["=cpu_us_per_household"] = [round((process_time() - began) / max(1, done) * 1e6)]
    return found


def decode(folder: Path) -> Sums:
    """Nothing but reading every column of both tables: what no sweep can be faster than."""
    import duckdb

    connection = duckdb.connect()
    for table in map(city_tables.relation, city_tables.tables(folder)):
        names = [row[0] for row in connection.execute(f"DESCRIBE FROM {table}").fetchall()]
        connection.execute("SELECT " + ", ".join(f'max("{name}")' for name in names) + f" FROM {table}").fetchall()
    return {}


NAMES: dict[str, Callable[[Path], Sums]] = {
    "polars": polars, "numpy": numpy, "openfisca": openfisca, "evaluator": evaluator, "decode": decode
}

if __name__ == "__main__":
    print(json.dumps(NAMES[sys.argv[1]](Path(sys.argv[2]))))


