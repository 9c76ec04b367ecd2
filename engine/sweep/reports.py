"""What is made of the answers: what an item is worth, what is waited for, what was set aside.

Plain DuckDB over the answers; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb
import numpy as np

from engine.language.model import ExclusionGroup, Policy, Rulebook
from engine.sweep.coded import Coded, coded
from engine.sweep.reading import name, text

# How often an item is paid within twelve months; `month` is replaced by `for_months` where an item says so.
TIMES = {"once": 1, "year": 1, "month": 12, "fortnight": 24, "week": 52}
TABLE = {"household": "households", "member": "persons"}
# Nobody looks for one value in an answer; and a dictionary that grew large would be thrown away in the end.
PARQUET = "FORMAT parquet, ROW_GROUP_SIZE 61440, WRITE_BLOOM_FILTER false, DICTIONARY_SIZE_LIMIT 2048"


def parquet(path: Path | str) -> str:
    return f"read_parquet({text(str(path))})"


class Answers(Protocol):
    """The answers of one level in a chunk, wherever they lie. Rows are numbered as they lie, from 0."""

    def above(
        self, connection: duckdb.DuckDBPyConnection, status: str, columns: Iterable[str], low: int = 0
    ) -> Mapping[str, Any]:
        """The rows where a status is above `low` (0: ineligible): `n_`, the status and these columns.

        Masked where null; None in place of a column that is null for everybody.
        """
        ...

    def numbers(self, connection: duckdb.DuckDBPyConnection, column: str) -> Any:
        """A column that is nowhere null, of all rows."""
        ...

    def texts(self, connection: duckdb.DuckDBPyConnection, columns: Iterable[str]) -> Mapping[str, Coded]:
        """Who the rows are, of all of them: `household_id`, `id`, `place`, `receiving`."""
        ...

    def whose(self, connection: duckdb.DuckDBPyConnection) -> Any:
        """For each row of a member the number of its household: of the row of the household's own answers."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """The answers of one level as they lie in a part; `homes` is the part of the households.

    One of seventy queries over a row of two hundred columns is planned far faster when it names the few it reads.
    """

    file: Path
    homes: Path

    def source(self, file: Path) -> str:
        return f"read_parquet({text(str(file))}, file_row_number = true)"

    def above(
        self, connection: duckdb.DuckDBPyConnection, status: str, columns: Iterable[str], low: int = 0
    ) -> Mapping[str, Any]:
        read = ", ".join(map(name, dict.fromkeys([status, *columns])))
        query = f"SELECT file_row_number AS n_, {read} FROM {self.source(self.file)} WHERE {name(status)} > {low}"
        return connection.sql(query).fetchnumpy()

    def numbers(self, connection: duckdb.DuckDBPyConnection, column: str) -> Any:
        found = connection.sql(
            f"SELECT file_row_number AS n_, {name(column)} AS found FROM {self.source(self.file)}"
        ).fetchnumpy()
        return np.ma.getdata(found["found"])[np.argsort(np.ma.getdata(found["n_"]), kind="stable")]

    def texts(self, connection: duckdb.DuckDBPyConnection, columns: Iterable[str]) -> Mapping[str, Coded]:
        number, found = coded(connection, self.source(self.file), "file_row_number", columns)
        by = np.argsort(number, kind="stable")
        return {column: texts.of(by) for column, texts in found.items()}

    def whose(self, connection: duckdb.DuckDBPyConnection) -> Any:
        found = connection.sql(
            f"SELECT m.file_row_number AS n_, h.file_row_number AS home FROM {self.source(self.file)} m "
            f"JOIN {self.source(self.homes)} h USING (household_id)"
        ).fetchnumpy()
        whose = np.empty(len(found["n_"]), np.int64)
        whose[np.ma.getdata(found["n_"])] = np.ma.getdata(found["home"])
        return whose


def best_choice(group: ExclusionGroup, amount: str, policy: str, listed: Callable[[Iterable[str]], str]) -> str:
    """What the rows of policies that exclude one another come to: the sum of `amount` over those of the best choice.

    policy  the column that names a row's policy; `listed` writes policies as it names them
    """
    sums = [f"coalesce(sum({amount}) FILTER ({policy} IN ({listed(c.policies)})), 0)" for c in group.choices]
    return f"greatest({', '.join(sums)})" if len(sums) > 1 else sums[0]


@dataclass(frozen=True, slots=True)
class Paid:
    """An item as it counts in twelve months: its columns' name, how often it is paid, whether for some months only."""

    column: str
    times: int
    for_months: bool


def paid(policy: Policy, to_anybody: bool = False) -> Iterator[Paid]:
    """What counts of a policy in twelve months from the day of the decision, as `decide.amounts.yearly` has it.

    What the authority sets counts as its least; what is paid to an employer or an institution counts nothing, unless
    `to_anybody`: then it is what the policy costs.
    """
    for item in policy.gives:
        if item.amount is not None and not item.up_to and (to_anybody or item.paid_to == "household"):
            for_months = item.per == "month" and item.for_months is not None
            yield Paid(f"{policy.id}__{item.id}", TIMES[item.per], for_months)


def worth(policy: Policy) -> tuple[str, str]:
    """The least and most that a policy's items come to in twelve months (see `paid`), as SQL over an answer."""
    least, most = ["0::BIGINT"], ["0::BIGINT"]
    for item in paid(policy):
        ends = (
            name(f"{item.column}__least"),
            f"coalesce({name(f'{item.column}__most')}, {name(f'{item.column}__least')})",
        )
        times = (str(item.times), str(item.times))
        if item.for_months:
            months = name(f"{item.column}__months_least")
            times = f"least({months}, 12)", f"least(coalesce({name(f'{item.column}__months_most')}, {months}), 12)"
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
    told = ", ".join(f"({text(policy)}, {text(fact)}, {many}::BIGINT)" for policy, fact, many in rows)
    told = told or "('', '', 0::BIGINT)"
    source = f"(VALUES {told}) v(policy, fact, waiting) WHERE waiting > 0"
    connection.execute(f"COPY (SELECT * FROM {source}) TO {text(str(files['missing']))} (FORMAT parquet)")


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
