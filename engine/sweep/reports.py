"""What is made of the answers: who is entitled and does not receive, sums by policy and place, what was set aside.

Plain DuckDB over the Parquet files of the answers; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from engine.language.model import ExclusionGroup, Policy, Rulebook
from engine.language.rulebook import policies_asked
from engine.sweep.compile import Compiled
from engine.sweep.reading import name, text

TABLE = {"household": "households", "member": "persons"}


def parquet(path: Path | str) -> str:
    return f"read_parquet({text(str(path))})"


# ------------------------------------------------------------------------------------ entitled and not receiving


def gap(connection: duckdb.DuckDBPyConnection, compiled: Compiled, files: Mapping[str, Path]) -> None:
    """One row for each policy a household or person is entitled to and does not surely draw.

    conditional      the answer rests on policies not granted yet: `apply_first`, those of them that stand in the gap too
    instead_of       what is drawn already and may not be drawn beside it: such a row counts in no total
    household_least, household_most   what all rows of the household that may stand together are worth in twelve months
    """
    if not compiled.answers:
        return
    policies = {answer.policy.id: answer.policy for answer in compiled.answers}
    queries = [_entitled(policy, files) for policy in policies.values()]
    drawn = [_drawn(policy, files) for policy in policies.values()]
    groups = [g for g in compiled.rulebook.exclusions if any(p in policies for p in g.policies)]
    connection.execute("CREATE OR REPLACE TEMP TABLE gap_rows AS " + " UNION ALL ".join(queries))
    connection.execute("CREATE OR REPLACE TEMP TABLE gap_drawn AS " + " UNION ALL ".join(drawn))
    _values(connection, "gap_first", ("policy", "first"), _first(compiled.rulebook, policies))
    _values(connection, "gap_apart", ("policy", "other", "level"), _apart(groups))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE gap_instead AS SELECT g.household_id, g.id, g.policy, string_agg(DISTINCT d.policy, ';' ORDER BY d.policy) AS instead_of "
        "FROM gap_rows g JOIN gap_apart a ON g.policy = a.policy JOIN gap_drawn d ON d.policy = a.other AND d.household_id = g.household_id "
        "AND (a.level = 'household' OR d.id = g.id) GROUP BY ALL"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE gap_once AS SELECT g.household_id, g.id, g.policy, string_agg(DISTINCT x.policy, ';' ORDER BY x.policy) AS apply_first "
        "FROM gap_rows g JOIN gap_first f ON g.policy = f.policy JOIN gap_rows x ON x.policy = f.first AND x.household_id = g.household_id "
        "AND (x.id = '' OR g.id = '' OR x.id = g.id) WHERE g.conditional GROUP BY ALL"
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE gap_totals AS {_totals(groups)}")
    titles = "CASE g.policy " + " ".join(f"WHEN {text(p.id)} THEN {text(p.title_on(compiled.on).zh)}" for p in policies.values()) + " END"
    query = (
        f"SELECT g.household_id, g.id, g.place, g.policy, {titles} AS title, g.conditional, o.apply_first, i.instead_of, g.receiving, "
        "g.worth_least, g.worth_most, t.least AS household_least, t.most AS household_most FROM gap_rows g "
        "LEFT JOIN gap_once o USING (household_id, id, policy) LEFT JOIN gap_instead i USING (household_id, id, policy) "
        "LEFT JOIN gap_totals t ON t.household_id = g.household_id"
    )
    connection.execute(f"COPY ({query}) TO {text(str(files['gap']))} (FORMAT parquet)")
    for table in ("gap_rows", "gap_drawn", "gap_first", "gap_apart", "gap_instead", "gap_once", "gap_totals"):
        connection.execute(f"DROP TABLE {table}")


def _entitled(policy: Policy, files: Mapping[str, Path]) -> str:
    id, source = ("''", files["households"]) if policy.level == "household" else ("id", files["persons"])
    p = policy.id
    return (
        f"SELECT household_id, {id} AS id, place, {text(p)} AS policy, {name(p + '__conditional')} AS conditional, "
        f"CASE WHEN {name(p + '__receives_most')} THEN 'unknown' ELSE 'no' END AS receiving, "
        f"{name(p + '__worth_least')} AS worth_least, {name(p + '__worth_most')} AS worth_most FROM {parquet(source)} "
        f"WHERE {name(p + '__status')} = 'eligible' AND NOT {name(p + '__receives_least')}"
    )


def _drawn(policy: Policy, files: Mapping[str, Path]) -> str:
    id, source = ("''", files["households"]) if policy.level == "household" else ("id", files["persons"])
    return f"SELECT household_id, {id} AS id, {text(policy.id)} AS policy FROM {parquet(source)} WHERE {name(policy.id + '__receives_least')}"


def _first(rulebook: Rulebook, policies: Mapping[str, Policy]) -> list[tuple[str, ...]]:
    """(policy, other) where the answer of one can rest on a grant of the other."""
    asks = {p.id: policies_asked(p) for p in policies.values()}
    found: list[tuple[str, ...]] = []
    for policy in asks:
        seen: set[str] = set()
        todo = list(asks[policy])
        while todo:
            each = todo.pop()
            if each not in seen:
                seen.add(each)
                todo += asks.get(each, ())
        found += [(policy, other) for other in sorted(seen)]
    return found


def _apart(groups: Iterable[ExclusionGroup]) -> list[tuple[str, ...]]:
    """(policy, other, level) of any two that no choice holds together."""
    found: list[tuple[str, ...]] = []
    for group in groups:
        for a in group.policies:
            for b in group.policies:
                if a != b and not any(a in c.policies and b in c.policies for c in group.choices):
                    found.append((a, b, group.level))
    return found


def _totals(groups: list[ExclusionGroup]) -> str:
    """What a household's rows are worth together: of policies that exclude one another, the best choice."""
    free = "FROM gap_rows g LEFT JOIN gap_instead i USING (household_id, id, policy) WHERE i.policy IS NULL"
    tied = ", ".join(text(p) for group in groups for p in group.policies)
    parts = [f"SELECT g.household_id, sum(worth_least) AS least, sum(worth_most) AS most {free}" + (f" AND g.policy NOT IN ({tied})" if tied else "") + " GROUP BY ALL"]
    for group in groups:
        subject = "g.household_id" if group.level == "household" else "g.household_id, g.id"
        ends = []
        for end in ("least", "most"):
            sums = [
                "coalesce(sum(worth_" + end + ") FILTER (g.policy IN (" + ", ".join(map(text, c.policies)) + ")), 0)" for c in group.choices
            ]
            ends.append(f"greatest({', '.join(sums)}) AS {end}" if len(sums) > 1 else f"{sums[0]} AS {end}")
        listed = ", ".join(map(text, group.policies))
        inner = f"SELECT {subject}, {', '.join(ends)} {free} AND g.policy IN ({listed}) GROUP BY {subject}"
        parts.append(f"SELECT household_id, sum(least) AS least, sum(most) AS most FROM ({inner}) GROUP BY ALL")
    return f"SELECT household_id, sum(least)::BIGINT AS least, sum(most)::BIGINT AS most FROM ({' UNION ALL '.join(parts)}) GROUP BY ALL"


def _values(connection: duckdb.DuckDBPyConnection, table: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({', '.join(f'{name(c)} VARCHAR' for c in columns)})")
    if rows:
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)


def missing(connection: duckdb.DuckDBPyConnection, compiled: Compiled, files: Mapping[str, Path]) -> None:
    """Filled in by the next step."""


# ------------------------------------------------------------------------------------------------- at the end


def finish(connection: duckdb.DuckDBPyConnection, rulebook: Rulebook, compiled: Compiled, out: Path) -> None:
    """summary.csv, gap.parquet and rejects.csv, from the parts of every chunk."""
    parts = {folder: out / folder / "part-*.parquet" for folder in ("households", "persons", "rejects", "gap")}
    queries = [_summary(answer.policy, parts, compiled) for answer in compiled.answers]
    if queries:
        _write(connection, f"SELECT * FROM ({' UNION ALL '.join(queries)}) ORDER BY ordinal, status, place", out / "summary.csv", "FORMAT csv, HEADER", exclude="ordinal")
        _write(
            connection,
            f"SELECT * FROM {parquet(parts['gap'])} ORDER BY household_least DESC NULLS LAST, household_most DESC NULLS LAST, household_id, worth_least DESC, policy, id",
            out / "gap.parquet", "FORMAT parquet",
        )
    _write(connection, f'SELECT * FROM {parquet(parts["rejects"])} ORDER BY "table", file, row, reason', out / "rejects.csv", "FORMAT csv, HEADER")


def _summary(policy: Policy, parts: Mapping[str, Path], compiled: Compiled) -> str:
    """Policy × status × place: households, people, what the monthly items come to a month and everything in a year."""
    p, source = policy.id, parts[TABLE[policy.level]]
    people = "sum(people)" if policy.level == "household" else "count(*)"
    households = "count(*)" if policy.level == "household" else f"count(DISTINCT household_id) FILTER ({name(p + '__status')} <> 'ineligible')"
    monthly = [item.id for item in policy.gives if item.amount is not None and item.per == "month"]
    sums = []
    for end in ("least", "most"):
        each = " + ".join(f"sum({name(f'{p}__{item}__{end}')})" for item in monthly) or "0"
        sums.append(f"({each})::BIGINT AS month_{end}")
        sums.append(f"sum({name(f'{p}__worth_{end}')})::BIGINT AS year_{end}")
    title = policy.title_on(compiled.on)
    return (
        f"SELECT {policy.order} AS ordinal, {text(p)} AS policy, {text(title.zh)} AS title, {name(p + '__status')} AS status, place, "
        f"{households}::BIGINT AS households, {people}::BIGINT AS people, count(*) FILTER ({name(p + '__conditional')}) AS conditional, {', '.join(sums)} "
        f"FROM {parquet(source)} GROUP BY {name(p + '__status')}, place"
    )


def _write(connection: duckdb.DuckDBPyConnection, query: str, path: Path, options: str, exclude: str = "") -> None:
    half = path.with_name(path.name + ".part")
    if exclude:
        query = f"SELECT * EXCLUDE ({exclude}) FROM ({query})"
    connection.execute(f"COPY ({query}) TO {text(str(half))} ({options})")
    half.replace(path)
