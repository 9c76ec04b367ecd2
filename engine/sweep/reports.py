"""What is made of the answers: who is entitled and does not receive, sums by policy and place, what was set aside.

Plain DuckDB over the Parquet files of the answers; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from engine.language.model import ExclusionGroup, Policy, Rulebook
from engine.language.rulebook import policies_asked
from engine.sweep.checked import DRAWN
from engine.sweep.compile import Compiled
from engine.sweep.outputs import resting_on_grants
from engine.sweep.reading import name, text

# How often an item is paid within twelve months; `month` is replaced by `for_months` where an item says so.
TIMES = {"once": 1, "year": 1, "month": 12, "fortnight": 24, "week": 52}
GAP_TABLES = (
    "gap_rows",
    "gap_drawn",
    "gap_first",
    "gap_apart",
    "gap_instead",
    "gap_granting",
    "gap_pairs",
    "gap_once",
    "gap_totals",
)
TABLE = {"household": "households", "member": "persons"}


def parquet(path: Path | str) -> str:
    return f"read_parquet({text(str(path))})"


# ------------------------------------------------------------------------------------ entitled and not receiving


def gap(connection: duckdb.DuckDBPyConnection, compiled: Compiled, files: Mapping[str, Path]) -> None:
    """One row for each policy a household or person is entitled to and does not surely draw.

    conditional      the answer rests on policies not granted yet: `apply_first`, those of them that are in the gap too
    instead_of       what is drawn already and may not be drawn beside it: such a row counts in no total
    household_least, household_most   what all rows of the household that may stand together are worth in twelve months
    """
    if not compiled.answers:
        return
    policies = {answer.policy.id: answer.policy for answer in compiled.answers}
    rests = resting_on_grants(compiled)
    queries = [_entitled(policy, files, policy.id in rests) for policy in policies.values()]
    groups = [g for g in compiled.rulebook.exclusions if any(p in policies for p in g.policies)]
    tied = {name for group in groups for name in group.policies if name in policies}
    drawn = [_drawn(policies[p], files) for p in policies if p in tied]
    connection.execute("CREATE OR REPLACE TEMP TABLE gap_rows AS " + " UNION ALL ".join(queries))
    nobody = "SELECT '' AS household_id, '' AS id, '' AS policy WHERE FALSE"
    connection.execute("CREATE OR REPLACE TEMP TABLE gap_drawn AS " + (" UNION ALL ".join(drawn) or nobody))
    _values(connection, "gap_first", ("policy", "first"), _first(compiled.rulebook, policies))
    _values(connection, "gap_apart", ("policy", "other", "level"), _apart(groups))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE gap_instead AS SELECT g.household_id, g.id, g.policy, "
        "string_agg(DISTINCT d.policy, ';' ORDER BY d.policy) AS instead_of "
        "FROM gap_rows g JOIN gap_apart a ON g.policy = a.policy JOIN gap_drawn d ON d.policy = "
        "a.other AND d.household_id = g.household_id "
        "AND (a.level = 'household' OR d.id = g.id) GROUP BY ALL"
    )
    # each side cut down before they meet: most rows are neither conditional nor what another one rests on
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE gap_granting AS SELECT household_id, id, policy FROM gap_rows "
        "WHERE policy IN (SELECT first FROM gap_first)"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE gap_pairs AS SELECT g.household_id, g.id, g.policy, x.policy AS first "
        "FROM gap_rows g JOIN gap_granting x ON x.household_id = g.household_id "
        "WHERE g.conditional AND (x.id = '' OR g.id = '' OR x.id = g.id)"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE gap_once AS SELECT household_id, id, policy, "
        "array_to_string(list_sort(list_distinct(list(first))), ';') AS apply_first "  # far cheaper than string_agg
        "FROM gap_pairs JOIN gap_first USING (policy, first) GROUP BY ALL"
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE gap_totals AS {_totals(groups)}")
    titles = (
        "CASE g.policy "
        + " ".join(f"WHEN {text(p.id)} THEN {text(p.title_on(compiled.on).zh)}" for p in policies.values())
        + " END"
    )
    query = (
        f"SELECT g.household_id, g.id, g.place, g.policy, {titles} AS title, g.conditional, "
        "o.apply_first, i.instead_of, g.receiving, "
        "g.worth_least, g.worth_most, t.least AS household_least, t.most AS household_most FROM gap_rows g "
        "LEFT JOIN gap_once o USING (household_id, id, policy) LEFT JOIN gap_instead i USING "
        "(household_id, id, policy) "
        "LEFT JOIN gap_totals t ON t.household_id = g.household_id"
    )
    connection.execute(f"COPY ({query}) TO {text(str(files['gap']))} (FORMAT parquet)")
    for table in GAP_TABLES:
        connection.execute(f"DROP TABLE {table}")


def _entitled(policy: Policy, files: Mapping[str, Path], conditional: bool) -> str:
    id, source = ("''", files["households"]) if policy.level == "household" else ("id", files["persons"])
    least, most = worth(policy)
    rests = name(policy.id + "__conditional") if conditional else "FALSE"
    return (
        f"SELECT household_id, {id} AS id, place, {text(policy.id)} AS policy, {rests} AS conditional, "
        f"CASE WHEN {DRAWN} IS NULL THEN 'unknown' ELSE 'no' END AS receiving, {least} AS "
        f"worth_least, {most} AS worth_most "
        f"FROM {parquet(source)} WHERE {name(policy.id + '__status')} = 2 AND NOT {draws(policy)}"
    )


def draws(policy: Policy) -> str:
    """Whether a policy is surely drawn."""
    return f"coalesce(contains(';' || {DRAWN} || ';', {text(f';{policy.id};')}), FALSE)"


def worth(policy: Policy, to_anybody: bool = False) -> tuple[str, str]:
    """What the items come to in twelve months from the day of the decision, as `decide.amounts.yearly` has it.

    What the authority sets counts as its least; what is paid to an employer or an institution counts nothing, unless
    `to_anybody`: then it is what the policy costs.
    """
    least, most = ["0::BIGINT"], ["0::BIGINT"]
    for item in policy.gives:
        if item.amount is None or item.up_to or not (to_anybody or item.paid_to == "household"):
            continue
        column = f"{policy.id}__{item.id}"
        ends = name(f"{column}__least"), f"coalesce({name(f'{column}__most')}, {name(f'{column}__least')})"
        times = (str(TIMES[item.per]), str(TIMES[item.per]))
        if item.per == "month" and item.for_months is not None:
            months = name(f"{column}__months_least")
            times = f"least({months}, 12)", f"least(coalesce({name(f'{column}__months_most')}, {months}), 12)"
        least.append(f"{ends[0]} * {times[0]}")
        most.append(f"{ends[1]} * {times[1]}")
    return " + ".join(least), " + ".join(most)


def _drawn(policy: Policy, files: Mapping[str, Path]) -> str:
    id, source = ("''", files["households"]) if policy.level == "household" else ("id", files["persons"])
    return f"SELECT household_id, {id} AS id, {text(policy.id)} AS policy FROM {parquet(source)} WHERE {draws(policy)}"


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
    parts = [
        f"SELECT g.household_id, sum(worth_least) AS least, sum(worth_most) AS most {free}"
        + (f" AND g.policy NOT IN ({tied})" if tied else "")
        + " GROUP BY ALL"
    ]
    for group in groups:
        subject = "g.household_id" if group.level == "household" else "g.household_id, g.id"
        ends = []
        for end in ("least", "most"):
            sums = [
                "coalesce(sum(worth_" + end + ") FILTER (g.policy IN (" + ", ".join(map(text, c.policies)) + ")), 0)"
                for c in group.choices
            ]
            ends.append(f"greatest({', '.join(sums)}) AS {end}" if len(sums) > 1 else f"{sums[0]} AS {end}")
        listed = ", ".join(map(text, group.policies))
        inner = f"SELECT {subject}, {', '.join(ends)} {free} AND g.policy IN ({listed}) GROUP BY {subject}"
        parts.append(f"SELECT household_id, sum(least) AS least, sum(most) AS most FROM ({inner}) GROUP BY ALL")
    return (
        "SELECT household_id, sum(least)::BIGINT AS least, sum(most)::BIGINT AS most FROM "
        f"({' UNION ALL '.join(parts)}) GROUP BY ALL"
    )


def _values(
    connection: duckdb.DuckDBPyConnection, table: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]
) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({', '.join(f'{name(c)} VARCHAR' for c in columns)})")
    if rows:
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)


# ----------------------------------------------------------------------------------------- what is waited for


def missing(
    connection: duckdb.DuckDBPyConnection,
    counts: Mapping[str, int],
    waits: Mapping[str, tuple[str, str]],
    files: Mapping[str, Path],
) -> None:
    """One row for each policy and fact for which an undetermined answer waits, with how many do."""
    rows = [(*waits[name], many) for name, many in counts.items() if many]
    connection.execute("CREATE OR REPLACE TEMP TABLE waits (policy VARCHAR, fact VARCHAR, waiting BIGINT)")
    if rows:
        connection.executemany("INSERT INTO waits VALUES (?, ?, ?)", rows)
    connection.execute(f"COPY waits TO {text(str(files['missing']))} (FORMAT parquet)")
    connection.execute("DROP TABLE waits")


# ------------------------------------------------------------------------------------------------- at the end


def finish(connection: duckdb.DuckDBPyConnection, rulebook: Rulebook, compiled: Compiled, out: Path) -> None:
    """summary.csv, gap.parquet, missing.csv and rejects.csv, from the parts of every chunk."""
    parts = {
        folder: out / folder / "part-*.parquet" for folder in ("households", "persons", "rejects", "gap", "missing")
    }
    rests = resting_on_grants(compiled)
    queries = [
        f"({_summary(a.policy, parts, a.policy.id in rests, a.policy.title_on(compiled.on).zh)})"
        for a in compiled.answers
    ]
    if queries:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE totals AS SELECT place, count(*) AS households, "
            f"sum(people) AS people FROM {parquet(parts['households'])} GROUP BY place"
        )
        written(
            connection,
            f"SELECT * FROM ({' UNION ALL '.join(queries)}) ORDER BY ordinal, CASE status WHEN "
            "'eligible' THEN 0 WHEN 'undetermined' THEN 1 ELSE 2 END, place",
            out / "summary.csv",
            "FORMAT csv, HEADER",
            exclude="ordinal",
        )
        written(
            connection,
            f"SELECT * FROM {parquet(parts['gap'])} ORDER BY household_least DESC NULLS LAST, "
            "household_most DESC NULLS LAST, household_id, worth_least DESC, policy, id",
            out / "gap.parquet",
            "FORMAT parquet",
        )
    facts = {fact.name: (fact.label.zh, fact.department.zh) for fact in rulebook.facts.values()}
    facts["receiving"] = ("已享受的政策", "")
    label, department = (
        "CASE fact " + " ".join(f"WHEN {text(key)} THEN {text(words[n])}" for key, words in facts.items()) + " END"
        for n in (0, 1)
    )
    written(
        connection,
        f"SELECT fact, {label} AS label, {department} AS department, policy, sum(waiting)::BIGINT AS waiting, "
        "sum(sum(waiting)) OVER (PARTITION BY fact)::BIGINT AS all_policies FROM "
        f"{parquet(parts['missing'])} GROUP BY fact, policy "
        "ORDER BY all_policies DESC, fact, waiting DESC, policy",
        out / "missing.csv",
        "FORMAT csv, HEADER",
    )
    written(
        connection,
        f'SELECT * FROM {parquet(parts["rejects"])} ORDER BY "table", file, row, reason',
        out / "rejects.csv",
        "FORMAT csv, HEADER",
    )


def _summary(policy: Policy, parts: Mapping[str, Path], conditional: bool, title: str) -> str:
    """Policy × status × place: households, people, what the monthly items come to a month and everything in a year.

    Only the rows that are not ineligible are looked at; of those that are, the number is what is left.
    """
    p, source = policy.id, parts[TABLE[policy.level]]
    whole = policy.level == "household"
    people, households = ("sum(people)", "count(*)") if whole else ("count(*)", "count(DISTINCT household_id)")
    monthly = [item.id for item in policy.gives if item.amount is not None and item.per == "month" and not item.up_to]
    columns = [f"{name(f'{p}__{item}__least')}" for item in monthly]
    month = [
        " + ".join(columns) or "0",
        " + ".join(f"coalesce({name(f'{p}__{item}__most')}, {c})" for item, c in zip(monthly, columns, strict=True))
        or "0",
    ]
    year = worth(policy, to_anybody=True)
    sums = [
        f"coalesce(sum({value}), 0)::BIGINT AS {label}"
        for label, value in zip(
            ("month_least", "year_least", "month_most", "year_most"),
            (month[0], year[0], month[1], year[1]),
            strict=True,
        )
    ]
    rests = f"count(*) FILTER ({name(p + '__conditional')})" if conditional else "0"
    status = name(p + "__status")
    looked = (
        f"SELECT place, {status} AS status, {households}::BIGINT AS households, {people}::BIGINT "
        f"AS people, {rests}::BIGINT AS conditional, {', '.join(sums)} "
        f"FROM {parquet(source)} WHERE {status} > 0 GROUP BY ALL"
    )
    left = (
        "SELECT t.place, 0 AS status, "
        f"{'t.households - coalesce(sum(l.households), 0)' if whole else 'NULL'} AS households, "
        "t.people - coalesce(sum(l.people), 0) AS people, 0 AS conditional, 0, 0, 0, 0 FROM "
        "totals t LEFT JOIN looked l ON t.place IS NOT DISTINCT FROM l.place "
        "GROUP BY ALL"
    ).replace("GROUP BY ALL", "GROUP BY t.place, t.households, t.people")
    words = "CASE status WHEN 2 THEN 'eligible' WHEN 1 THEN 'undetermined' ELSE 'ineligible' END"
    return (
        f"WITH looked AS ({looked}) SELECT {policy.order} AS ordinal, {text(p)} AS policy, "
        f"{text(title)} AS title, {words} AS status, * EXCLUDE (status) "
        f"FROM (SELECT * FROM looked UNION ALL {left}) WHERE people > 0 OR households > 0"
    )


def written(connection: duckdb.DuckDBPyConnection, query: str, path: Path, options: str, exclude: str = "") -> None:
    """Write what a query gives; the file gets its name once it is whole."""
    half = path.with_name(path.name + ".part")
    if exclude:
        query = f"SELECT * EXCLUDE ({exclude}) FROM ({query})"
    connection.execute(f"COPY ({query}) TO {text(str(half))} ({options})")
    half.replace(path)
