"""The mapping file: which column of a table is which fact, and which value is which choice."""

from __future__ import annotations

from typing import Any

from engine.sweep.source import TABLES, Mapped


class BadMapping(Exception):
    """The mapping file is not of the form `docs/sweep.md` gives."""

    def __init__(self, en: str, zh: str):
        self.en, self.zh = en, zh
        super().__init__(en)


def mapped(raw: Any) -> dict[str, Mapped]:
    """The mapping of each table by level. Raises BadMapping."""
    levels = {table: level for level, table in TABLES.items()}
    if not isinstance(raw, dict) or not set(raw) <= set(levels):
        known = ", ".join(levels)
        raise BadMapping(f"it holds {known}, and nothing else", f"只能包含 {known}")
    found = {}
    for table, body in raw.items():
        if not isinstance(body, dict) or not set(body) <= {"columns", "values"}:
            raise BadMapping(
                f"'{table}' holds columns and values, and nothing else", f"“{table}”只能包含 columns 和 values"
            )
        columns, values = body.get("columns") or {}, body.get("values") or {}
        if not isinstance(columns, dict) or not all(isinstance(v, str) for v in columns.values()):
            raise BadMapping(f"{table}.columns is column: fact", f"{table}.columns 的形式为 列名: 事实")
        if not isinstance(values, dict) or not all(isinstance(v, dict) for v in values.values()):
            raise BadMapping(
                f"{table}.values is fact: {{value in the table: value}}",
                f"{table}.values 的形式为 事实: {{表中取值: 取值}}",
            )
        names = list(columns.values())
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise BadMapping(
                f"{table}.columns names {', '.join(twice)} twice", f"{table}.columns 重复指定了 {', '.join(twice)}"
            )
        shown = {fact: {_text(k): v for k, v in told.items()} for fact, told in values.items()}
        found[levels[table]] = Mapped({str(k): v for k, v in columns.items()}, shown)
    return found


def _text(value: Any) -> str:
    """A value of the table as it stands in a cell."""
    return str(value).lower() if isinstance(value, bool) else str(value)
