"""Sums by policy, status and place: of every chunk while its answers are at hand, and added up at the end.

Households are whole in a chunk, so that their numbers add up too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from engine.language.model import Policy
from engine.sweep.compile import Compiled
from engine.sweep.outputs import resting_on_grants
from engine.sweep.reading import name, text
from engine.sweep.reports import PARQUET, Rows, parquet, worth, written

ENDS = ("month_least", "year_least", "month_most", "year_most")
COUNTED = ("households", "people", "conditional", *ENDS)
EVERYBODY = ""  # in place of a policy: all households and people of a place


def sums(
    connection: duckdb.DuckDBPyConnection, compiled: Compiled, answers: Mapping[str, Rows], file: Path
) -> None:
    """The part of one chunk; `answers` are its answers, by level.

    Of the ineligible nothing is counted: their number is what is left of everybody.
    """
    rests = resting_on_grants(compiled)
    nothing = ", ".join(f"0::BIGINT AS {counted}" for counted in COUNTED[2:])
    arms = [
        f"SELECT {text(EVERYBODY)} AS policy, 0::TINYINT AS status, place, count(*) AS households, "
        f"sum(people)::BIGINT AS people, {nothing} FROM {answers['household'].of(['place', 'people'])} GROUP BY place"
    ]
    arms += [_looked(answer.policy, answers, answer.policy.id in rests) for answer in compiled.answers]
    homes = _homes(compiled, answers["member"])
    if homes:
        arms.append(homes)
    connection.execute(f"COPY ({' UNION ALL '.join(arms)}) TO {text(str(file))} ({PARQUET})")


def _homes(compiled: Compiled, members: Rows) -> str:
    """In how many households somebody has each status above ineligible: one pass over the members for all policies."""
    found = [
        (name(f"{answer.policy.id} {status}"), f"{name(answer.policy.id + '__status')} = {status}")
        for answer in compiled.answers
        if answer.policy.level == "member"
        for status in ((2,) if answer.truth.exact else (2, 1))
    ]
    if not found:
        return ""
    each = ", ".join(f"max({test}) AS {column}" for column, test in found)
    every = ", ".join(f"count(*) FILTER ({column}) AS {column}" for column, _ in found)
    counted = (
        f"SELECT place, {every} FROM (SELECT any_value(place) AS place, {each} "
        f"FROM {members.of(['household_id', 'place'], *(test for _, test in found))} GROUP BY household_id) "
        "GROUP BY place"
    )
    return (
        "SELECT split_part(which, ' ', 1), split_part(which, ' ', 2)::TINYINT, place, many, 0, "
        f"{', '.join('0' for _ in COUNTED[2:])} FROM "
        f"(UNPIVOT ({counted}) ON COLUMNS(* EXCLUDE (place)) INTO NAME which VALUE many)"
    )


def _looked(policy: Policy, answers: Mapping[str, Rows], conditional: bool) -> str:
    """Of those who are not ineligible: how many, what the monthly items come to a month and everything in a year."""
    status = name(f"{policy.id}__status")
    counted = "count(*), sum(people)" if policy.level == "household" else "0, count(*)"
    monthly = [i.id for i in policy.gives if i.amount is not None and i.per == "month" and not i.up_to]
    least = [name(f"{policy.id}__{item}__least") for item in monthly]
    most = [f"coalesce({name(f'{policy.id}__{i}__most')}, {column})" for i, column in zip(monthly, least, strict=True)]
    year = worth(policy, to_anybody=True)
    values = (" + ".join(least) or "0", year[0], " + ".join(most) or "0", year[1])
    ends = ", ".join(f"coalesce(sum({value}), 0)::BIGINT" for value in values)
    rests = f"count(*) FILTER ({name(policy.id + '__conditional')})" if conditional else "0"
    found = f"{status}, place, {counted}, {rests}, {ends}"
    rows = answers[policy.level].of(["place", *(["people"] if policy.level == "household" else [])], found)
    return f"SELECT {text(policy.id)}, {found} FROM {rows} WHERE {status} > 0 GROUP BY {status}, place"


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
        "CREATE OR REPLACE TEMP TABLE named AS "
        f"SELECT * FROM (VALUES {policies}) v(ordinal, policy, title, whole)"
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
