"""How one column of a table becomes the whole numbers, truths and codes of a checked table: DuckDB's SQL, as text.

Every reading is strict, as `engine/language/household.py` is: nothing is coerced, nothing is rounded, nothing is
guessed. A reading gives the value (null where it is not known or not good) and the test for each fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.language.household import LONGEST_TEXT
from engine.language.model import Fact, Rulebook
from engine.language.types import Base
from engine.sweep.columns import Columns
from engine.sweep.source import Read, Table, family

DECIMAL = r"-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,8})?"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
ID = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}"
EMPTY = "[]"  # a list written as text that holds nothing; an empty cell is a list that is not known


def name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Reading:
    """Columns of the checked table, and (source column, code, test) for every way a value can be wrong.

    `tells`: wherever something is wrong there is a value in the source and none in the first column, so that this one
    cheap test finds the rows of which the others then say why. `test` is another such test, where there is one.
    """

    columns: tuple[tuple[str, str], ...]  # (name, SQL)
    faults: tuple[tuple[str, str, str], ...]
    tells: bool = False
    test: str = ""
    least: int | None = None  # the least a value of the first column can be, where it is a number
    kind: str = ""  # and its type

    @property
    def doubt(self) -> str:
        """Whether anything is wrong, over the source and the values worked out (see `worked_out`); empty: never."""
        if self.test:
            return f"coalesce({self.test}, FALSE)"
        if self.tells and self.faults:
            return f"({name(self.faults[0][0])} IS NOT NULL AND {worked_out(self.columns[0][0])} IS NULL)"
        return " OR ".join(f"coalesce({test}, FALSE)" for _, _, test in self.faults)


def worked_out(column: str) -> str:
    """What a column of the checked table is called beside the columns of its source, which may have the same name."""
    return name(f"={column}")


def readings(table: Table, rulebook: Rulebook, columns: Columns) -> tuple[list[Reading], str]:
    """Every fact the table carries and every policy received; and what is received, as text."""
    reader = _Reader(rulebook, columns)
    found = [reader.fact(read) for read in table.reads]
    if table.receiving:
        found.append(reader.receiving(table))
    return found, reader.drawn(table)


class _Reader:
    def __init__(self, rulebook: Rulebook, columns: Columns):
        self.rulebook, self.columns = rulebook, columns

    def fact(self, read: Read) -> Reading:
        base = read.fact.type.base
        if base is Base.TEXT:
            return self.text(read)
        if base is Base.YES_NO:
            return self.yes_no(read)
        if base is Base.CHOICE:
            return self.choice(read)
        if base is Base.CHOICES:
            values = self.rulebook.choices[read.fact.type.choices].values
            made = {value: column.name for value, column in self.columns.several[read.fact.name].items()}
            return several(read.column, read.kind, {value: value for value in values}, made, read.values, {})
        return self.number(read)

    def text(self, read: Read) -> Reading:
        value = f"CAST({name(read.column)} AS VARCHAR)"
        return Reading(
            ((read.fact.name, value),), ((read.column, "text-too-long", f"length({value}) > {LONGEST_TEXT}"),)
        )

    def yes_no(self, read: Read) -> Reading:
        here, made = name(read.column), self.columns.facts[read.fact.name].name
        if read.kind == "BOOLEAN" and not read.values:
            return Reading(((made, here),), ())
        told = read.values or {"true": True, "false": False}
        value = mapped(f"CAST({here} AS VARCHAR)", {raw: str(to).upper() for raw, to in told.items()})
        faults = ((read.column, "wrong-kind", f"{here} IS NOT NULL AND {value} IS NULL"),)
        return Reading(((made, value),), faults, True)

    def choice(self, read: Read) -> Reading:
        values = self.rulebook.choices[read.fact.type.choices].values
        codes = {value: f"{n}::TINYINT" for n, value in enumerate(values)}
        told = {**codes, **{str(raw): codes[str(to)] for raw, to in read.values.items()}}
        here = name(read.column)
        value = mapped(f"CAST({here} AS VARCHAR)", told)
        made = self.columns.facts[read.fact.name].name
        faults = ((read.column, "not-a-choice", f"{here} IS NOT NULL AND {value} IS NULL"),)
        return Reading(((made, value),), faults, True, least=0, kind="TINYINT")

    def number(self, read: Read) -> Reading:
        fact = read.fact
        faults: list[tuple[str, str, str]] = []
        value = self.end(fact, read.column, read.kind, faults) if read.column else ""
        limits = int(fact.type.least * fact.type.scale), int(fact.type.most * fact.type.scale)
        if not read.ranged:
            tells = all(code != "too-precise" for _, code, _ in faults)
            made = self.columns.facts[fact.name].name
            return Reading(((made, value),), tuple(faults), tells, least=limits[0], kind="BIGINT")
        ends = [
            self.end(fact, column, kind, faults) if column else ""
            for column, kind in ((read.least, read.least_kind), (read.most, read.most_kind))
        ]
        least, most = (
            f"coalesce({', '.join(filter(None, (value, end, str(limit))))})"
            for end, limit in zip(ends, limits, strict=True)
        )
        faults.append((read.least or read.most, "ends-swapped", f"{least} > {most}"))
        if value:
            given = " OR ".join(f"{name(c)} IS NOT NULL" for c in (read.least, read.most) if c)
            faults.append((read.column, "value-and-range", f"{name(read.column)} IS NOT NULL AND ({given})"))
        return Reading(
            (
                (self.columns.least[fact.name].name, f"{least}::BIGINT"),
                (self.columns.most[fact.name].name, f"{most}::BIGINT"),
            ),
            tuple(faults),
        )

    def end(self, fact: Fact, column: str, kind: str, faults: list[tuple[str, str, str]]) -> str:
        """A number or date in smallest parts, null where it is not good; its faults are noted."""
        here, least, most = name(column), int(fact.type.least * fact.type.scale), int(fact.type.most * fact.type.scale)
        if fact.type.base is Base.DATE:
            day = (
                here
                if kind == "DATE"
                else f"CASE WHEN regexp_full_match({here}, {text(DATE)}) THEN TRY_CAST({here} AS DATE) END"
            )
            parts = f"(year({day}) * 10000 + month({day}) * 100 + day({day}))"
            if kind != "DATE":
                faults.append((column, "wrong-kind", f"{here} IS NOT NULL AND {day} IS NULL"))
            faults.append((column, "outside-limits", f"{parts} NOT BETWEEN {least} AND {most}"))
            return f"CASE WHEN {parts} BETWEEN {least} AND {most} THEN {parts}::BIGINT END"
        scale = fact.type.scale
        if family(kind) == "whole":
            inside = f"{here} BETWEEN {-(-least // scale)} AND {most // scale}"
            faults.append((column, "outside-limits", f"NOT ({inside})"))
            return f"CASE WHEN {inside} THEN {here}::BIGINT * {scale} END"
        decimal = here
        if family(kind) == "text":
            decimal = f"CASE WHEN regexp_full_match({here}, {text(DECIMAL)}) THEN TRY_CAST({here} AS DECIMAL(26,8)) END"
            faults.append((column, "wrong-kind", f"{here} IS NOT NULL AND {decimal} IS NULL"))
        inside = f"{decimal} BETWEEN {_limit(least, scale)} AND {_limit(most, scale)}"
        scaled = f"({decimal} * {scale})"
        faults.append((column, "outside-limits", f"NOT ({inside})"))
        value = f"CASE WHEN {inside} THEN {scaled}::BIGINT END"
        places = 8 if kind == "VARCHAR" else int(kind.rstrip(")").split(",")[1])
        if 10**places > scale:
            faults.append(
                (column, "too-precise", f"CASE WHEN {inside} THEN {scaled} <> trunc({scaled}) ELSE FALSE END")
            )
        return value

    def receiving(self, table: Table) -> Reading:
        policies = {p: p for p in self.rulebook.ids() if self.rulebook.level(p) == table.level}
        others = {p for p in self.rulebook.ids() if self.rulebook.level(p) != table.level}
        made = {p: self.columns.receives[p].name for p in policies}
        return several(
            table.receiving,
            table.receiving_kind,
            policies,
            made,
            table.receiving_values,
            {p: "policy-of-other-level" for p in others},
        )

    def drawn(self, table: Table) -> str:
        """What is received as text joined by ; as the answers hand it on; null where it is not known."""
        if not table.receiving:
            return "NULL::VARCHAR"
        items = listed(table.receiving, table.receiving_kind)
        if table.receiving_values:
            ways = " ".join(f"WHEN {text(str(raw))} THEN {text(str(to))}" for raw, to in table.receiving_values.items())
            items = f"list_transform({items}, x -> CASE x {ways} ELSE x END)"
        return f"array_to_string({items}, ';')"


def _limit(parts: int, scale: int) -> str:
    """A limit in whole units as an exact decimal."""
    sign, digits = ("-" if parts < 0 else ""), str(abs(parts)).rjust(len(str(scale)), "0")
    places = len(str(scale)) - 1
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def listed(column: str, kind: str) -> str:
    """A list, from a list or from text joined by ;"""
    here = name(column)
    return (
        here
        if kind == "VARCHAR[]"
        else f"CASE WHEN {here} = {text(EMPTY)} THEN [] ELSE string_split(CAST({here} AS VARCHAR), ';') END"
    )


def several(
    column: str,
    kind: str,
    values: Mapping[str, str],
    made: Mapping[str, str],
    told: Mapping[str, Any],
    others: Mapping[str, str],
) -> Reading:
    """A list as one truth for each value it can hold; `others` are values with a reason of their own."""
    items = listed(column, kind)
    ways: dict[str, list[str]] = {value: [value] for value in values}
    for raw, to in told.items():
        ways.setdefault(str(to), []).append(str(raw))
    known = "[" + ", ".join(text(raw) for each in ways.values() for raw in each) + "]"
    apart = "[" + ", ".join(map(text, others)) + "]" if others else ""
    none = f"len({items}) = 0"  # most lists are empty, and to look into each of them for each value takes long

    def looked(test: str) -> str:
        return f"CASE WHEN {none} THEN FALSE ELSE {test} END"

    columns = tuple(
        (made[value], looked(" OR ".join(f"list_contains({items}, {text(raw)})" for raw in ways[value])))
        for value in values
    )
    code = "no-such-policy" if others or column == "receiving" else "not-a-choice"
    faults = []
    allowed = f"list_concat({known}, {apart})" if apart else known
    strange = f"NOT list_has_all({allowed}, {items}) OR list_count({items}) <> len({items})"
    faults.append((column, code, looked(strange)))
    for one in sorted(set(others.values())):
        faults.append((column, one, looked(f"list_has_any({items}, {apart})")))
    # to turn a list into one of an ENUM looks each item up once; what is none of its values becomes null
    kinds = dict.fromkeys(raw for each in ways.values() for raw in each)
    test = ""
    if kinds:
        enum = f"ENUM({', '.join(map(text, kinds))})[]"
        test = f"list_count(TRY_CAST({items} AS {enum})) <> len({items})"
    return Reading(columns, tuple(faults), test=test)


def mapped(value: str, to: Mapping[str, str]) -> str:
    """CASE value WHEN … THEN … END, null where none fits."""
    return f"CASE {value} " + " ".join(f"WHEN {text(str(raw))} THEN {code}" for raw, code in to.items()) + " END"
