"""What is made of the answers: what an item is worth, what is waited for, what was set aside.

Plain DuckDB over the answers; nothing here decides anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from engine.language.model import ExclusionGroup, Policy, Rulebook
from engine.sweep.checked import DRAWN
from engine.sweep.reading import name, text

# How often an item is paid within twelve months; `month` is replaced by `for_months` where an item says so.
TIMES = {"once": 1, "year": 1, "month": 12, "fortnight": 24, "week": 52}
TABLE = {"household": "households", "member": "persons"}
PARQUET = "FORMAT parquet, ROW_GROUP_SIZE 61440, WRITE_BLOOM_FILTER false"  # nobody looks for one value in an answer


def parquet(path: Path | str) -> str:
    return f"read_parquet({text(str(path))})"


@dataclass(frozen=True, slots=True)
class Rows:
    """The answers of one level as they lie in a part.

    One of seventy queries over a row of two hundred columns is planned far faster when it names the few it reads.
    """

    file: Path

    def of(self, columns: Iterable[str], *texts: str) -> str:
        """A relation (SQL) of some columns, and of those that stand quoted in texts; `n_` is the number of a row."""
        read = dict.fromkeys([*columns, *(found for each in texts for found in re.findall(r'"([^"]+)"', each))])
        source = f"read_parquet({text(str(self.file))}, file_row_number = true)"
        return f"(SELECT file_row_number AS n_, {', '.join(map(name, read))} FROM {source})"


def draws(policy: Policy) -> str:
    """Whether a policy is surely drawn."""
    return f"coalesce(contains(';' || {DRAWN} || ';', {text(f';{policy.id};')}), FALSE)"


def best_choice(group: ExclusionGroup, amount: str, policy: str, listed: Callable[[Iterable[str]], str]) -> str:
    """What the rows of policies that exclude one another come to: the sum of `amount` over those of the best choice.

    policy  the column that names a row's policy; `listed` writes policies as it names them
    """
    sums = [f"coalesce(sum({amount}) FILTER ({policy} IN ({listed(c.policies)})), 0)" for c in group.choices]
    return f"greatest({', '.join(sums)})" if len(sums) > 1 else sums[0]


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


def finish(connection: duckdb.DuckDBPyConnection, rulebook: Rulebook, out: Path) -> None:
    """missing.csv and rejects.csv, from the parts of every chunk."""
    missing, rejects = (parquet(out / folder / "part-*.parquet") for folder in ("missing", "rejects"))
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
        f"{missing} GROUP BY fact, policy ORDER BY all_policies DESC, fact, waiting DESC, policy",
        out / "missing.csv",
        "FORMAT csv, HEADER",
    )
    written(
        connection,
        f'SELECT * FROM {rejects} ORDER BY "table", file, row, reason',
        out / "rejects.csv",
        "FORMAT csv, HEADER",
    )


def written(connection: duckdb.DuckDBPyConnection, query: str, path: Path, options: str) -> None:
    """Write what a query gives; the file gets its name once it is whole."""
    half = path.with_name(path.name + ".part")
    connection.execute(f"COPY ({query}) TO {text(str(half))} ({options})")
    half.replace(path)
