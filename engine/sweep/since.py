"""Against an earlier sweep: households whose rows are the same keep their answers, and what changed is listed.

A sweep leaves for each household decided a digest of what was read of it: its row, its members' rows, whatever their
order. Where rules, day and columns are the same as last time, the answers of households with the same digest are handed
on as they are; the others are decided anew. What anything waits for is counted over all households, because a count
cannot be handed on in part.

    newly_entitled.parquet      eligible now, and not last time        no_longer_entitled.parquet   the other way round
    other_amount.parquet        eligible both times, not worth the same
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from engine.language.model import Policy
from engine.sweep import manifest as manifests
from engine.sweep import sums
from engine.sweep.compile import Compiled
from engine.sweep.manifest import Manifest
from engine.sweep.reading import name, text
from engine.sweep.reports import PARQUET, TABLE, Rows, parquet, worth, written

# What must be the same for an answer to be handed on. Chunks, files and the engine change no answer.
ALIKE = ("rulebook", "on", "engine", "duckdb", "conditions", "everyone", "jurisdictions", "only", "labels")
HANDED_ON = ("households", "persons", "gap")
LISTS = ("newly_entitled", "no_longer_entitled", "other_amount")


class NoEarlierSweep(Exception):
    """There is no finished sweep in the folder."""


@dataclass(frozen=True, slots=True)
class Since:
    """An earlier sweep, and why no answer of it can be handed on (empty where some can)."""

    folder: Path
    manifest: Manifest
    differs: tuple[str, ...]


def earlier(folder: Path, same: Mapping[str, Any], columns: Mapping[str, list[str]]) -> Since:
    """The sweep in a folder, beside one that is about to be made. Raises NoEarlierSweep."""
    found = manifests.read(folder)
    if found is None or not found.finished:
        raise NoEarlierSweep(str(folder))
    differs = [key for key in ALIKE if found.same.get(key) != same[key]]
    if found.about.get("digest_of") != columns:
        differs.append("columns")
    return Since(folder, found, tuple(differs))


# ------------------------------------------------------------------------------------------------ while sweeping


def digested(found: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Which columns of the checked tables go into a digest, by level: all that a rule reads, and who they are."""
    return {
        "household": ["place", "receiving", *sorted(found["household"])],
        "member": ["id", "receiving", *sorted(found["member"])],
    }


def keep(connection: duckdb.DuckDBPyConnection, since: Since, digests: Path, kept: Path) -> int:
    """Note the households with the same digest as last time. How many there are."""
    old = parquet(since.folder / "digests" / "part-*.parquet")
    query = f"SELECT household_id FROM {parquet(digests)} AS n JOIN {old} AS o USING (household_id, digest)"
    connection.execute(f"COPY ({query}) TO {text(str(kept))} (FORMAT parquet)")
    (many,) = connection.execute(f"SELECT count(*) FROM {parquet(kept)}").fetchone() or (0,)
    return int(many)


def hand_on(
    connection: duckdb.DuckDBPyConnection, compiled: Compiled, since: Since, kept: Path, out: Path, after: int
) -> None:
    """Copy the answers of the households kept, part by part, numbered after the chunks, and add them up.

    Goes on where it was.
    """
    ids = f"(SELECT household_id FROM {parquet(kept / 'part-*.parquet')})"
    for folder in HANDED_ON:
        for number, part in enumerate(sorted((since.folder / folder).glob("part-*.parquet")), after + 1):
            whole = out / folder / f"part-{number:05d}.parquet"
            if not whole.exists():
                query = (
                    f"SELECT * EXCLUDE (file_row_number) FROM read_parquet({text(str(part))}, file_row_number = true) "
                    f"WHERE household_id IN {ids}"
                )
                if folder == "gap":  # a part of the list stays in order (see `gap.finish`)
                    query += " ORDER BY file_row_number"
                written(connection, query, whole, PARQUET)
    for part in sorted((out / "households").glob("part-*.parquet"))[after:]:
        whole = out / "sums" / part.name
        if not whole.exists():
            half = whole.with_name(whole.name + ".part")
            answers = {level: Rows(out / folder / part.name, part) for level, folder in TABLE.items()}
            sums.sums(connection, compiled, answers, half)
            half.replace(whole)


# ------------------------------------------------------------------------------------------------------ the lists


def lists(
    connection: duckdb.DuckDBPyConnection, compiled: Compiled, since: Since, out: Path, kept: Path | None
) -> None:
    """The three lists, and `since.csv` with their sums by policy."""
    titles = {a.policy.id: a.policy.title_on(compiled.on).zh for a in compiled.answers}
    policies = {a.policy.id: a.policy for a in compiled.answers}
    _entitled(connection, "now_entitled", policies, out, kept)
    _entitled(connection, "once_entitled", policies, since.folder, kept)
    both = (
        "SELECT coalesce(n.household_id, o.household_id) AS household_id, coalesce(n.id, o.id) AS id, "
        "coalesce(n.place, o.place) AS place, coalesce(n.policy, o.policy) AS policy, n.receiving, "
        "o.policy IS NOT NULL AS once, n.policy IS NOT NULL AS now, o.least AS least_before, o.most AS most_before, "
        "n.least AS worth_least, n.most AS worth_most FROM now_entitled n FULL JOIN once_entitled o "
        "ON n.household_id = o.household_id AND n.id = o.id AND n.policy = o.policy"
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE entitled AS {both}")
    title = "CASE policy " + " ".join(f"WHEN {text(p)} THEN {text(t)}" for p, t in titles.items()) + " END AS title"
    who, order = f"household_id, id, place, policy, {title}", "household_id, id, policy"
    # a policy that this sweep did not look at is not one that somebody has lost
    looked = f"policy IN ({', '.join(map(text, titles))})" if titles else "FALSE"
    wheres = {
        "newly_entitled": ("NOT once", "receiving, worth_least, worth_most", "worth_least DESC NULLS LAST, "),
        "no_longer_entitled": (f"NOT now AND {looked}", "least_before, most_before", "least_before DESC NULLS LAST, "),
        "other_amount": (
            "once AND now AND (least_before <> worth_least OR most_before <> worth_most)",
            "receiving, least_before, most_before, worth_least, worth_most",
            "",
        ),
    }
    for list_, (where, shown, first) in wheres.items():
        query = f"SELECT {who}, {shown} FROM entitled WHERE {where} ORDER BY {first}{order}"
        written(connection, query, out / f"{list_}.parquet", "FORMAT parquet")
    counts = ", ".join(f"count(*) FILTER ({wheres[list_][0]}) AS {list_}" for list_ in LISTS)
    change = ", ".join(
        f"sum(coalesce(worth_{end}, 0) - coalesce({end}_before, 0))::BIGINT AS year_change_{end}"
        for end in ("least", "most")
    )
    ranks = "CASE policy " + " ".join(f"WHEN {text(p)} THEN {n}" for n, p in enumerate(titles)) + " END"
    query = (
        f"SELECT policy, {title}, {counts}, {change} FROM entitled WHERE {looked} GROUP BY policy "
        f"HAVING newly_entitled + no_longer_entitled + other_amount > 0 ORDER BY {ranks}"
    )
    written(connection, query, out / "since.csv", "FORMAT csv, HEADER")
    for table in ("entitled", "now_entitled", "once_entitled"):
        connection.execute(f"DROP TABLE {table}")


def _entitled(
    connection: duckdb.DuckDBPyConnection, table: str, policies: Mapping[str, Policy], folder: Path, kept: Path | None
) -> None:
    """Who is eligible for what in a sweep, of the households that were decided anew, and what it is worth in a year."""
    nobody = (
        "SELECT '' AS household_id, '' AS id, '' AS place, '' AS policy, '' AS receiving, 0::BIGINT AS least, "
        "0::BIGINT AS most WHERE FALSE"
    )
    queries = [nobody]
    for level, plural in TABLE.items():
        rows = parquet(folder / plural / "part-*.parquet")
        here = f"{table}_{plural}"
        if kept:
            left = f"household_id NOT IN (SELECT household_id FROM {parquet(kept / 'part-*.parquet')})"
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {here} AS SELECT * FROM {rows} WHERE {left}")
        else:
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {here} AS SELECT * FROM {rows}")
        there = {str(row[0]) for row in connection.execute(f"DESCRIBE {here}").fetchall()}
        for policy in policies.values():
            status = f"{policy.id}__status"
            if policy.level != level or status not in there:
                continue
            ends = worth(policy)
            if not set(re.findall(r'"([^"]+)"', " ".join(ends))) <= there:  # the items were others then
                ends = "NULL::BIGINT", "NULL::BIGINT"
            id = "id" if level == "member" else "''"
            queries.append(
                f"SELECT household_id, {id} AS id, place, {text(policy.id)} AS policy, receiving, {ends[0]} AS least, "
                f"{ends[1]} AS most FROM {here} WHERE {name(status)} = 2"
            )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS " + " UNION ALL ".join(queries))
    for plural in TABLE.values():
        connection.execute(f"DROP {'TABLE' if kept else 'VIEW'} {table}_{plural}")


def counted(connection: duckdb.DuckDBPyConnection, out: Path) -> dict[str, int]:
    """How long each list is."""
    found = {}
    for list_ in LISTS:
        (many,) = connection.execute(f"SELECT count(*) FROM {parquet(out / f'{list_}.parquet')}").fetchone() or (0,)
        found[list_] = int(many)
    return found
