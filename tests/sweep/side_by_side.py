"""The sweep's answers beside the evaluator's, cell by cell."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb

from engine.decide import Program, decide
from engine.decide.outcomes import term
from engine.decide.outcomes import word as word_of
from engine.language.household import Household, HouseholdError, Known
from engine.language.model import Fact, Policy, Rulebook
from engine.language.types import Base, day_of, decimal_text
from engine.sweep import split
from engine.sweep.arrays import Arrays
from engine.sweep.checked import DRAWN, PLACE, Checker, open_states
from engine.sweep.columns import Columns, State
from engine.sweep.compile import Compiled, compile_sweep
from engine.sweep.duck import DIALECT, Duck
from engine.sweep.engines import Engine
from engine.sweep.find import narrowed
from engine.sweep.outputs import Wanted, masked_conditions, outputs, refusals, waiting, waits
from engine.sweep.plans import KEYS
from engine.sweep.queries import columns_read, script
from engine.sweep.source import Mapped, table_of

ANSWERS = ("household_answers", "member_answers")
Cells = dict[tuple[str, ...], Any]  # (household, member or "", policy, what) -> value


# ------------------------------------------------------------------------------------------- households as tables


def cell(fact: Fact, known: Known, rulebook: Rulebook) -> dict[str, str]:
    """The cells one known fact fills: its own, or the two ends of a range."""
    base = fact.type.base
    if base is Base.YES_NO:
        return {fact.name: "true" if known.lo else "false"}
    if base in (Base.CHOICE, Base.CHOICES):
        names = rulebook.choices[fact.type.choices].names(known.lo)
        return {fact.name: (";".join(names) or "[]") if base is Base.CHOICES else names[0]}

    def text(part: int) -> str:
        return day_of(part).isoformat() if base is Base.DATE else decimal_text(Fraction(part, fact.type.scale))

    if known.lo == known.hi:
        return {fact.name: text(known.lo)}
    ends = ("earliest", "latest") if base is Base.DATE else ("lowest", "highest")
    return {f"{fact.name}__{ends[0]}": text(known.lo), f"{fact.name}__{ends[1]}": text(known.hi)}


def row(facts: dict[str, Known], receiving: frozenset[str] | None, rulebook: Rulebook) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, known in facts.items():
        found |= cell(rulebook.facts[name], known, rulebook)
    if receiving is not None:
        found["receiving"] = ";".join(sorted(receiving)) or "[]"
    return found


def write_tables(households: Sequence[Household], rulebook: Rulebook, folder: Path) -> tuple[Path, Path]:
    """Two CSV files; a column that no household fills is left out, so that the plan for an absent column is met too."""
    wholes, persons = [], []
    for n, household in enumerate(households):
        key = {"household_id": f"h{n:06d}"}
        wholes.append({**key, **row(household.facts, household.receiving, rulebook)})
        persons += [{**key, "id": m.id, **row(m.facts, m.receiving, rulebook)} for m in household.members]
    paths = folder / "households.csv", folder / "persons.csv"
    for path, rows in zip(paths, (wholes, persons), strict=True):
        columns = list(dict.fromkeys(name for each in rows for name in each))
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
    return paths


# ------------------------------------------------------------------------------------------------------ the sweep


@dataclass
class Swept:
    """What the sweep says of some households."""

    cells: Cells
    refused: set[str]  # households set aside because their facts cannot be
    rejects: list[tuple[Any, ...]]
    compiled: Compiled
    waited: dict[tuple[str, str], int]  # (policy, fact) -> how many undetermined answers wait for it
    states: dict[str, State]
    apart: list[str]  # in what the same script comes to something else on arrays


def rows_of(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[list[str], list[str], Counter[tuple[Any, ...]]]:
    """The names and types of the columns of a query, and its rows in no order."""
    if not query:
        return [], [], Counter()
    found = connection.execute(query)
    described = found.description or ()
    return [str(d[0]) for d in described], [str(d[1]) for d in described], Counter(found.fetchall())


def sweep(
    rulebook: Rulebook,
    households: Sequence[Household],
    on: date,
    folder: Path,
    places: frozenset[str] | None = None,
    two_ends: bool = False,
    only: frozenset[str] | None = None,
    engine_of: Callable[[duckdb.DuckDBPyConnection], Engine] = Duck,
) -> Swept:
    """Check and decide. `two_ends`: as if every column had gaps, so that no exact plan is used.

    Of a few policies (`only`) the columns alone are checked that they read, as in a search: to check the hundred others
    of the examples takes longer than all the rest. What a sweep finds of columns nobody reads is another test's."""
    paths = write_tables(households, rulebook, folder)
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    tables = []
    for level, path in zip(("household", "member"), paths, strict=True):
        described = connection.execute(f"DESCRIBE {split.csv(str(path))}").fetchall()
        kinds = {str(r[0]): str(r[1]) for r in described if r[0] not in ("file_", "row_")}
        tables.append(table_of(rulebook, level, (str(path),), kinds, Mapped()))
    columns = Columns.of(rulebook)
    needed = frozenset(c.name for c in columns.all())
    if only is not None:
        wide = compile_sweep(rulebook, on, open_states(*tables), places, only)
        needed = columns_read(wide, outputs(wide, Wanted(conditions=True)), refusals(wide), counts=waiting(wide))
        keys = {c.key for c in columns.all() if c.name in needed}
        tables = [narrowed(table, keys) for table in tables]
    checker = Checker(connection, rulebook, columns, *tables, needed)
    checker.load(split.csv(str(paths[0])), split.csv(str(paths[1])))
    states = checker.states()
    if two_ends:
        states = {name: State.GAPS if state is State.KNOWN else state for name, state in states.items()}
    compiled = compile_sweep(rulebook, on, states, places, only)
    made = script(
        compiled, outputs(compiled, Wanted(conditions=True)), refusals(compiled), KEYS, counts=waiting(compiled)
    )
    engine = engine_of(connection)
    cannot = engine.refused(made)
    by_arrays = Arrays(connection)
    refused_by_arrays = by_arrays.refused(made)
    apart: list[str] = []  # in what the arrays come to something else
    if {fact: sorted(found) for fact, found in cannot.items()} != {f: sorted(n) for f, n in refused_by_arrays.items()}:
        apart.append("the arrays refuse others")
    if cannot:
        checker.cannot_be(cannot)
    cells: Cells = {}
    masks: dict[str, list[list[str]]] = {}
    written = {s.name: folder / f"{s.name}.parquet" for s in made.statements if s.name in ANSWERS}
    if not isinstance(engine, Duck):
        engine.answer(made, written)
    arrays = {name: path.with_suffix(".arrays.parquet") for name, path in written.items()}
    by_arrays.answer(made, arrays)
    for statement in made.statements:
        if statement.name in written:
            query = statement.sql(DIALECT) if isinstance(engine, Duck) else f"FROM '{written[statement.name]}'"
            names, kinds, rows = rows_of(connection, query)
            if (names, kinds, rows) != rows_of(connection, f"FROM '{arrays[statement.name]}'"):
                apart.append(f"the arrays give other {statement.name}")
            for at, column in enumerate(names):
                if column.endswith("_most"):
                    assert len({row[at] is None for row in rows}) <= 1, f"{column} is null for some"
            for values in rows.elements():
                _cells(dict(zip(names, values, strict=True)), compiled, cells, statement.name.partition("_")[0], masks)
    named = waits(compiled)
    waited = {named[name]: many for name, many in engine.counts(made).items() if many}
    if waited != {named[name]: many for name, many in by_arrays.counts(made).items() if many}:
        apart.append("by the arrays others wait")
    by_arrays.finish()
    engine.finish()
    rejects = connection.execute("SELECT * FROM rejects").fetchall()
    refused = {r[3] for r in rejects if r[6] in ("cannot-be", "nobody-counts")}
    connection.close()
    return Swept(cells, refused, rejects, compiled, waited, states, apart)


WORDS = ("ineligible", "undetermined", "eligible")


def ends(values: dict[str, Any], name: str) -> tuple[int, int]:
    least, most = values[f"{name}_least"], values[f"{name}_most"]
    return least, least if most is None else most


def _cells(
    values: dict[str, Any], compiled: Compiled, cells: Cells, level: str, masks: dict[str, list[list[str]]]
) -> None:
    where = values["household_id"], values.get("id", "")
    assert not any(v is None for k, v in values.items() if k not in (PLACE, DRAWN) and not k.endswith("_most")), (
        "a null came out"
    )
    for answer in compiled.answers:
        policy = answer.policy
        if policy.level != level:
            continue
        for item in policy.gives:
            name = f"{policy.id}__{item.id}"
            if item.amount is not None:
                cells[*where, policy.id, item.id] = ends(values, f"{name}_")
            else:
                cells[*where, policy.id, item.id] = WORDS[
                    values[name if item.condition is not None else f"{policy.id}__status"]
                ]
            if item.for_months is not None:
                cells[*where, policy.id, f"{item.id}, months"] = ends(values, f"{name}__months")
        cells[*where, policy.id, "=status"] = WORDS[values[f"{policy.id}__status"]]
        cells[*where, policy.id, "=conditional"] = values.get(f"{policy.id}__conditional", False)
        for n, ids in enumerate(masks.setdefault(policy.id, masked_conditions(answer)), 1):
            failed, unknown = values[f"{policy.id}__failed_{n}"], values[f"{policy.id}__unknown_{n}"]
            for at, id in enumerate(ids):
                word = "no" if failed >> at & 1 else "unknown" if unknown >> at & 1 else "yes"
                cells[*where, policy.id, f"?{id}"] = word


def answered(out: Path, compiled: Compiled) -> dict[str, Cells]:
    """The cells of a sweep's folder (with `conditions` and `everyone`), by household."""
    found: dict[str, Cells] = {}
    masks: dict[str, list[list[str]]] = {}
    for folder, level in (("households", "household"), ("persons", "member")):
        rows = duckdb.sql(f"SELECT * FROM read_parquet('{out}/{folder}/part-*.parquet')")
        for values in rows.fetchall():
            row_ = dict(zip(rows.columns, values, strict=True))
            _cells(row_, compiled, found.setdefault(row_["household_id"], {}), level, masks)
    return found


# -------------------------------------------------------------------------------------------------- the evaluator


def conditions(policy: Policy, known: dict[int, tuple[Policy, tuple[str, ...]]] = {}) -> tuple[str, ...]:  # noqa: B006
    """The ids of a policy's conditions, remembered."""
    if id(policy) not in known:
        known[id(policy)] = policy, tuple(node.id for node in policy.when.walk())
    return known[id(policy)][1]


def evaluate(
    program: Program,
    household: Household,
    on: date,
    name: str,
    places: frozenset[str] | None = None,
    only: frozenset[str] | None = None,
    waited: Counter[tuple[str, str]] | None = None,
) -> Cells | None:
    """The same cells from the evaluator, and what is waited for; None where it refuses the facts."""
    try:
        decision = decide(program, household, on, places)
    except HouseholdError:
        return None
    cells: Cells = {}
    for answer in decision.answers:
        if only is not None and answer.policy.id not in only:
            continue
        where = name, answer.member, answer.policy.id
        if waited is not None and answer.status == "undetermined":
            waited.update({(answer.policy.id, fact) for fact, _ in decision.missing_for(answer)})
        cells[*where, "=status"] = answer.status
        cells[*where, "=conditional"] = answer.conditional
        for each in answer.amounts:
            if each.item.amount is None:
                word = "eligible" if each.given else "undetermined" if each.possible else "ineligible"
                cells[*where, each.item.id] = word
            else:
                cells[*where, each.item.id] = each.least, each.most
            if each.item.for_months is not None:
                cells[*where, f"{each.item.id}, months"] = each.months
        outcomes = answer.outcomes
        for node in conditions(answer.policy):
            entry = outcomes.layout.conditions.get(node)
            if entry is not None:
                cells[*where, f"?{node}"] = word_of(
                    term(outcomes.row, entry.certain), term(outcomes.row, entry.possible)
                )
    return cells


@dataclass
class Compared:
    """How many cells were compared and where they differ."""

    cells: int = 0
    differences: list[str] = field(default_factory=list)

    def __add__(self, other: Compared) -> Compared:
        return Compared(self.cells + other.cells, self.differences + other.differences)


def compare(
    program: Program,
    households: Sequence[Household],
    on: date,
    folder: Path,
    places: frozenset[str] | None = None,
    two_ends: bool = False,
    only: frozenset[str] | None = None,
    engine_of: Callable[[duckdb.DuckDBPyConnection], Engine] = Duck,
) -> Compared:
    """Sweep and evaluate the same households; every status, condition and fen."""
    swept = sweep(program.rulebook, households, on, folder, places, two_ends, only, engine_of)
    by_household: dict[str, Cells] = {}
    for key, value in swept.cells.items():
        by_household.setdefault(key[0], {})[key] = value
    found = Compared()
    found.differences += swept.apart
    waited: Counter[tuple[str, str]] = Counter()
    for n, household in enumerate(households):
        name = f"h{n:06d}"
        wanted = evaluate(program, household, on, name, places, only, waited)
        if wanted is None:
            found.cells += 1
            if name not in swept.refused:
                found.differences.append(f"{name}: the evaluator refuses it, the sweep does not")
            continue
        ours = by_household.get(name, {})
        found.cells += len(wanted)
        if name in swept.refused:
            found.differences.append(f"{name}: the sweep refuses it, the evaluator does not")
            continue
        for key in {**wanted, **ours}:
            if key not in ours or key not in wanted or ours[key] != wanted[key]:
                found.differences.append(
                    f"{key}: sweep {ours.get(key, 'nothing')}, evaluator {wanted.get(key, 'nothing')}"
                )
    found.cells += len(waited)
    for key in {**waited, **swept.waited}:
        if waited[key] != swept.waited.get(key, 0):
            found.differences.append(f"{key} is waited for: sweep {swept.waited.get(key, 0)}, evaluator {waited[key]}")
    return found


def first(lines: Iterable[str], many: int = 12) -> str:
    listed = list(lines)
    return "\n".join(listed[:many] + ([f"… {len(listed) - many} more"] if len(listed) > many else []))
