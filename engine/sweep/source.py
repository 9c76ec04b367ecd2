"""The tables a sweep reads: which files, which columns, and which fact each column carries.

Columns are called as the vocabulary calls the facts; a small YAML file may say otherwise:

    households: {columns: {户号: household_id, 街镇: subdistrict}}
    persons:
      columns: {户号: household_id, 人员号: id, 户籍: hukou}
      values: {hukou: {本市: shanghai, 外地: elsewhere}}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.language.model import Fact, Rulebook
from engine.language.problems import did_you_mean
from engine.language.types import Base

TABLES = {"household": "households", "member": "persons"}
RANGES = {Base.DATE: ("earliest", "latest")}


class SourceError(Exception):
    """The tables cannot be swept as they are; `reasons` are pairs (English, Chinese), all of them."""

    def __init__(self, reasons: Iterable[tuple[str, str]]):
        self.reasons = tuple(reasons)
        super().__init__("; ".join(en for en, _ in self.reasons))


@dataclass(frozen=True, slots=True)
class Mapped:
    """What the mapping file says of one table: source column -> name, and fact -> {value in the table: value}."""

    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Read:
    """How one fact is read: its column, or the two columns of a range, with their types."""

    fact: Fact
    column: str = ""
    kind: str = ""
    least: str = ""
    most: str = ""
    least_kind: str = ""
    most_kind: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ranged(self) -> bool:
        return bool(self.least or self.most)


@dataclass(frozen=True, slots=True)
class Table:
    """One of the two tables: its files, the columns that are read, and those that are not."""

    level: str
    files: tuple[str, ...]
    household_id: str
    household_id_kind: str
    reads: tuple[Read, ...]
    member_id: str = ""
    receiving: str = ""
    receiving_kind: str = ""
    receiving_values: Mapping[str, Any] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()  # facts for which there is no column: unknown for everybody
    copied: bool = False  # the files are our own copies of CSV


def files_of(pattern: str) -> tuple[str, ...]:
    """The files a path, folder or pattern names, in order. Raises SourceError where there are none."""
    path = Path(pattern)
    if path.is_dir():
        found = sorted(str(p) for p in path.rglob("*") if p.suffix in (".parquet", ".csv"))
    elif path.is_file():
        found = [str(path)]
    else:
        base = Path(path.anchor or ".")
        found = sorted(
            str(p) for p in base.glob(str(path.relative_to(path.anchor)) if path.anchor else pattern) if p.is_file()
        )
    if not found:
        raise SourceError([(f"{pattern}: no such file", f"{pattern}：没有这样的文件")])
    kinds = {Path(p).suffix for p in found}
    if len(kinds) > 1 or kinds - {".parquet", ".csv"}:
        raise SourceError(
            [
                (
                    f"{pattern}: files must all be .parquet or all be .csv",
                    f"{pattern}：文件须全部为 .parquet 或全部为 .csv",
                )
            ]
        )
    return tuple(found)


def table_of(
    rulebook: Rulebook, level: str, files: tuple[str, ...], described: Mapping[str, str], mapped: Mapped
) -> Table:
    """Which column carries what. `described` is column -> type. Raises SourceError with every reason."""
    return _Matching(rulebook, level, files, dict(described), mapped).table()


class _Matching:
    def __init__(
        self, rulebook: Rulebook, level: str, files: tuple[str, ...], described: dict[str, str], mapped: Mapped
    ):
        self.rulebook, self.level, self.files, self.kinds, self.mapped = rulebook, level, files, described, mapped
        self.reasons: list[tuple[str, str]] = []
        self.facts = {f.name: f for f in rulebook.facts.values() if f.level == level and not f.derived}
        self.what = TABLES[level]
        for column in mapped.columns:
            if column not in described:
                en, zh = did_you_mean(column, described)
                self.say(
                    f"the mapping names a column '{column}' that is not there. {en}",
                    f"映射中的列“{column}”不存在。{zh}",
                )
        self.called = {column: mapped.columns.get(column, column) for column in described}
        self.column = {name: column for column, name in self.called.items()}
        for name in mapped.columns.values():
            if name not in self.names():
                en, zh = did_you_mean(name, self.names())
                self.say(
                    f"the mapping names a fact '{name}' that the vocabulary lacks. {en}",
                    f"映射中的事实“{name}”不在词汇表中。{zh}",
                )

    def say(self, en: str, zh: str) -> None:
        self.reasons.append((f"{self.what}: {en}", f"{self.what}：{zh}"))

    def names(self) -> set[str]:
        found = {"household_id", "receiving", *self.facts} | ({"id"} if self.level == "member" else set())
        for fact in self.facts.values():
            if _has_range(fact):
                found |= {f"{fact.name}__{end}" for end in _ends(fact)}
        return found

    def table(self) -> Table:
        for needed in ("household_id", *(("id",) if self.level == "member" else ())):
            if needed not in self.column:
                en, zh = did_you_mean(needed, self.kinds)
                self.say(
                    f"there is no column '{needed}'; name one in the mapping. {en}",
                    f"没有“{needed}”列；请在映射中指明。{zh}",
                )
            elif _family(self.kinds[self.column[needed]]) not in ("text", "whole"):
                self.say(f"'{needed}' must be text or a whole number", f"“{needed}”须为文本或整数")
        reads = tuple(read for fact in self.facts.values() if (read := self.read(fact)) is not None)
        receiving = self.column.get("receiving", "")
        if receiving and _family(self.kinds[receiving]) not in ("text", "texts"):
            self.say(
                "'receiving' must be a list of text, or text joined by ;", "“receiving”须为文本列表，或以 ; 连接的文本"
            )
        if self.reasons:
            raise SourceError(self.reasons)
        known = self.names()
        read_facts = {read.fact.name for read in reads}
        return Table(
            self.level,
            self.files,
            self.column["household_id"],
            self.kinds[self.column["household_id"]],
            reads,
            self.column.get("id", "") if self.level == "member" else "",
            receiving,
            self.kinds.get(receiving, ""),
            self.mapped.values.get("receiving", {}),
            tuple(c for c, name in self.called.items() if name not in known),
            tuple(f.name for f in self.facts.values() if f.name not in read_facts and f.type.base is not Base.TEXT),
        )

    def read(self, fact: Fact) -> Read | None:
        column = self.column.get(fact.name, "")
        least, most = (
            (self.column.get(f"{fact.name}__{end}", "") for end in _ends(fact)) if _has_range(fact) else ("", "")
        )
        if not (column or least or most):
            return None
        for each in filter(None, (column, least, most)):
            self.fits(fact, each)
        kinds = (self.kinds.get(each, "") for each in (column, least, most))
        kind, least_kind, most_kind = kinds
        return Read(fact, column, kind, least, most, least_kind, most_kind, self.values(fact))

    def values(self, fact: Fact) -> Mapping[str, Any]:
        found = self.mapped.values.get(fact.name, {})
        base = fact.type.base
        if base in (Base.CHOICE, Base.CHOICES):
            allowed: Any = self.rulebook.choices[fact.type.choices].values
        elif base is Base.YES_NO:
            allowed = (True, False)
        else:
            allowed = () if found else None
        for value in found.values():
            if allowed is not None and value not in allowed:
                shown = ", ".join(str(a).lower() if isinstance(a, bool) else a for a in allowed) or "nothing"
                self.say(
                    f"the mapping of '{fact.name}' gives '{value}'; it can be: {shown}",
                    f"“{fact.name}”的映射值“{value}”无效；可选：{shown}",
                )
        return found

    def fits(self, fact: Fact, column: str) -> None:
        kind = self.kinds[column]
        family = _family(kind)
        base = fact.type.base
        wanted = {
            Base.YES_NO: ("truth", "text", "whole"),
            Base.DATE: ("date", "text"),
            Base.CHOICE: ("text", "whole"),
            Base.CHOICES: ("text", "texts"),
            Base.TEXT: ("text", "whole"),
        }.get(base, ("whole", "decimal", "text"))
        if family in ("whole",) and base in (Base.YES_NO, Base.CHOICE) and not self.mapped.values.get(fact.name):
            wanted = tuple(w for w in wanted if w != "whole")
        if family in wanted:
            return
        if family == "float":
            self.say(
                f"'{column}' is {kind}, a binary number, which cannot carry an exact sum: write it as DECIMAL or text",
                f"“{column}”为二进制浮点数（{kind}），无法精确表示金额：请改存为 DECIMAL 或文本",
            )
        else:
            self.say(
                f"'{column}' is {kind}; the fact '{fact.name}' needs {fact.type.words('en')}",
                f"“{column}”为 {kind}；事实“{fact.name}”需要{fact.type.words('zh')}",
            )


def _has_range(fact: Fact) -> bool:
    return fact.type.numeric or fact.type.base is Base.DATE


def _ends(fact: Fact) -> tuple[str, str]:
    return RANGES.get(fact.type.base, ("lowest", "highest"))


def _family(kind: str) -> str:
    """The family of a column type as DuckDB names it."""
    if kind in ("VARCHAR", "JSON") or kind.startswith("ENUM"):
        return "text"
    if kind == "VARCHAR[]":
        return "texts"
    if kind == "BOOLEAN":
        return "truth"
    if kind == "DATE":
        return "date"
    if kind.startswith("DECIMAL"):
        return "decimal"
    if kind in ("FLOAT", "DOUBLE"):
        return "float"
    if kind.removeprefix("U") in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"):
        return "whole"
    return kind.lower()


family = _family
