"""Sums by policy, status and place: of every chunk while its answers are at hand, and added up at the end.

Households are whole in a chunk, so that their numbers add up too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from engine.language.model import Policy
from engine.sweep.adding import added, columns_of, ends, plus
from engine.sweep.compile import Compiled
from engine.sweep.outputs import resting_on_grants
from engine.sweep.reading import text
from engine.sweep.reports import PARQUET, Answers, paid, parquet, written
from engine.sweep.vector import Array

ENDS = ("month_least", "year_least", "month_most", "year_most")
COUNTED = ("households", "people", "conditional", *ENDS)
EVERYBODY = ""  # in place of a policy: all households and people of a place
STATUSES = (1, 2)  # of the ineligible nothing is counted: their number is what is left of everybody


def sums(connection: duckdb.DuckDBPyConnection, compiled: Compiled, answers: Mapping[str, Answers], file: Path) -> None:
    """The part of one chunk; `answers` are its answers, by level."""
    homes = _Homes.of(connection, answers["household"])
    whose = {"household": np.arange(len(homes.people)), "member": answers["member"].whose(connection)}
    rests = resting_on_grants(compiled)
    ids = [EVERYBODY, *(answer.policy.id for answer in compiled.answers)]
    parts = [_part(0, 0, homes.everybody())]
    for code, answer in enumerate(compiled.answers, 1):
        policy = answer.policy
        found = _counted(connection, policy, answers[policy.level], whose[policy.level], homes, policy.id in rests)
        parts += [_part(code, status, counts) for status, counts in found.items()]
    table = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    connection.register("sums_", table)
    shown = ", ".join(f"{counted}::BIGINT AS {counted}" for counted in COUNTED)
    query = (
        f"SELECT [{', '.join(map(text, ids))}][policy + 1] AS policy, status::TINYINT AS status, "
        f"[{', '.join('NULL::VARCHAR' if place is None else text(place) for place in homes.places)}][place + 1] "
        f"AS place, {shown} FROM sums_ WHERE people > 0 OR households > 0"
    )
    connection.execute(f"COPY ({query}) TO {text(str(file))} ({PARQUET})")
    connection.unregister("sums_")


def _part(policy: int, status: int, counts: Mapping[str, Array]) -> dict[str, Array]:
    """One row for each place."""
    many = len(counts["people"])
    nothing = np.zeros(many, np.int64)
    return {
        "policy": np.full(many, policy),
        "status": np.full(many, status),
        "place": np.arange(many),
        **{counted: counts.get(counted, nothing) for counted in COUNTED},
    }


@dataclass(frozen=True, slots=True)
class _Homes:
    """The households of a chunk by the number of their row: how many people, and where, as a place among `places`."""

    people: Array
    place: Array
    places: tuple[str | None, ...]

    @staticmethod
    def of(connection: duckdb.DuckDBPyConnection, households: Answers) -> _Homes:
        place = households.texts(connection, ["place"])["place"]
        nowhere = len(place.values)  # who lives nowhere stands after all that are named
        places = np.where(place.codes < 0, nowhere, place.codes)
        return _Homes(households.numbers(connection, "people"), places, (*place.values, None))

    def count(self, places: Array) -> Array:
        """How many rows there are at each place."""
        return np.bincount(places, minlength=len(self.places))

    def added(self, places: Array, values: Array) -> Array:
        """The sum of the values at each place."""
        return added(places, len(self.places), values)

    def some(self, homes: Array) -> Array:
        """These households, each once."""
        found = np.zeros(len(self.place), np.bool_)
        found[homes] = True
        return np.flatnonzero(found)

    def everybody(self) -> dict[str, Array]:
        return {"households": self.count(self.place), "people": self.added(self.place, self.people)}


def _counted(
    connection: duckdb.DuckDBPyConnection, policy: Policy, rows: Answers, whose: Array, homes: _Homes, rests: bool
) -> dict[int, dict[str, Array]]:
    """By status, of those who are not ineligible: how many, and what it comes to a month and a year."""
    status, conditional = f"{policy.id}__status", f"{policy.id}__conditional"
    items = list(paid(policy, to_anybody=True))
    monthly = {f"{policy.id}__{i.id}" for i in policy.gives if i.amount is not None and i.per == "month"}
    columns = columns_of(policy, to_anybody=True)
    found = rows.above(connection, status, [*columns, *([conditional] if rests else [])])
    number, level = np.ma.getdata(found["n_"]), np.ma.getdata(found[status])
    sums: dict[str, Array] = {}
    for item in items:
        once, year = ends(item, found)
        for end, each, all_ in zip(("least", "most"), once, year, strict=True):
            told = {f"year_{end}": all_, **({f"month_{end}": each} if item.column in monthly else {})}
            sums |= {name: plus(sums[name], values) if name in sums else values for name, values in told.items()}
    counted: dict[int, dict[str, Array]] = {}
    for each in STATUSES:
        here = np.flatnonzero(level == each)
        home = whose[number[here]]
        if not len(home):
            continue
        place = homes.place[home]
        counts = {end: homes.added(place, values[here]) for end, values in sums.items()}
        if rests:
            counts["conditional"] = homes.count(place[np.flatnonzero(np.ma.getdata(found[conditional])[here])])
        if policy.level == "household":
            found_here = {"households": homes.count(place), "people": homes.added(place, homes.people[home])}
        else:
            whole = homes.place[homes.some(home)]
            found_here = {"households": homes.count(whole), "people": homes.count(place)}
        counted[each] = {**counts, **found_here}
    return counted


def finish(connection: duckdb.DuckDBPyConnection, compiled: Compiled, out: Path) -> None:
    """summary.csv from the parts: policy × status × place."""
    if not compiled.answers:
        return
    policies = ", ".join(
        f"({a.policy.order}, {text(a.policy.id)}, {text(a.policy.title_on(compiled.on).zh)}, "
        f"{str(a.policy.level == 'household').upper()})"
        for a in compiled.answers
    )
    added = ", ".join(f"sum({counted})::BIGINT AS {counted}" for counted in COUNTED)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE added AS SELECT policy, status, place, {added} FROM "
        f"{parquet(out / 'sums' / 'part-*.parquet')} GROUP BY ALL"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE named AS SELECT * FROM (VALUES {policies}) v(ordinal, policy, title, whole)"
    )
    # of a member's policy nobody counts in how many homes somebody is not entitled
    left = (
        "SELECT n.policy, 0 AS status, t.place, CASE WHEN any_value(n.whole) THEN any_value(t.households) - "
        "coalesce(sum(l.households), 0) END AS households, any_value(t.people) - coalesce(sum(l.people), 0) AS people, "
        f"0 AS conditional, {', '.join(f'0 AS {end}' for end in ENDS)} FROM named n "
        f"CROSS JOIN (SELECT * FROM added WHERE policy = {text(EVERYBODY)}) t "
        "LEFT JOIN added l ON l.policy = n.policy AND l.place IS NOT DISTINCT FROM t.place GROUP BY n.policy, t.place"
    )
    words = "CASE level WHEN 2 THEN 'eligible' WHEN 1 THEN 'undetermined' ELSE 'ineligible' END"
    query = (
        f"SELECT policy, title, {words} AS status, place, {', '.join(COUNTED)} FROM "
        f"(SELECT * RENAME (status AS level) FROM (SELECT * FROM added UNION ALL {left})) "
        "JOIN named USING (policy) WHERE people > 0 OR households > 0 "
        "ORDER BY ordinal, level DESC, place"
    )
    written(connection, query, out / "summary.csv", "FORMAT csv, HEADER")
    for table in ("added", "named"):
        connection.execute(f"DROP TABLE {table}")
