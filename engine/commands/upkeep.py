"""What keeps a rulebook up to date, as tables and as data: stale figures, and articles no rule carries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from engine.commands.common import fail
from engine.decide.stale import StaleFigure
from engine.decide.statutes.coverage import Row, coverage
from engine.decide.statutes.index import Law, read_index
from engine.language.model import Rulebook
from engine.language.problems import Problem, Problems

INDEX = "docs/statutes.yaml"


def read_coverage(
    rulebook: Rulebook, given: str | None, rules: str | None, lang: str
) -> tuple[tuple[Law, ...], tuple[Row, ...], tuple[Problem, ...]]:
    """The index of articles, a row for each entry, and what does not fit; ends the command where there is no index."""
    path = Path(given) if given else Path(rules or ".") / INDEX
    lines = {file: text.splitlines() for file, text in rulebook.files.items()}
    problems = Problems(lines=lines)
    try:
        laws = read_index(path.read_text(encoding="utf-8"), given or INDEX, problems)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path}：法条索引无法读取：{error}", f"{path}: the index of statutes cannot be read: {error}", lang)
    rows = coverage(rulebook, laws, problems)
    return laws, rows, problems.sorted()


# ------------------------------------------------------------------------------------------------------- coverage


def print_coverage(laws: tuple[Law, ...], rows: tuple[Row, ...], lang: str, out: Console) -> None:
    for law in laws:
        mine = [row for row in rows if row.entry.law == law.name]
        texts = "、".join(day.isoformat() for day in law.texts)
        title = f"《{law.name}》（{texts}）" if lang == "zh" else f"{law.en} ({texts})"
        out.print(f"\n{title}{'：' if lang == 'zh' else ': '}{_done(mine, lang)}", style="bold", markup=False)
        table = _table(lang, ("条款", "article"), ("要点", "gist"), ("规则", "carried by"))
        for row in mine:
            cells = (row.entry.article.words(), row.entry.gist[lang], _carried(row, lang))
            table.add_row(*cells, style=None if row.encoded else "yellow")
        out.print(table)
    out.print(f"\n{_done(rows, lang)}")


def _done(rows: Sequence[Row], lang: str) -> str:
    done = sum(row.encoded for row in rows)
    return f"{done}/{len(rows)} 条款已编入" if lang == "zh" else f"{done} of {len(rows)} articles carried"


def _table(lang: str, *headings: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading[lang != "zh"], overflow="fold", no_wrap=not table.columns)
    return table


def _carried(row: Row, lang: str) -> str:
    if row.encoded:
        return ("、" if lang == "zh" else ", ").join(row.carried_by)
    return f"未编入：{row.entry.reason.zh}" if lang == "zh" else f"not encoded: {row.entry.reason.en}"


def coverage_data(rows: Iterable[Row]) -> list[dict[str, Any]]:
    return [
        {
            "law": row.entry.law,
            "article": row.entry.article.words(),
            "gist": {"zh": row.entry.gist.zh, "en": row.entry.gist.en},
            "carried_by": list(row.carried_by),
            "reason": None if row.encoded else {"zh": row.entry.reason.zh, "en": row.entry.reason.en},
        }
        for row in rows
    ]


# -------------------------------------------------------------------------------------------------- stale figures


def print_stale(found: tuple[StaleFigure, ...], lang: str, out: Console) -> None:
    """A warning, not a problem: the rules are as written, but a newer figure is likely out."""
    if not found:
        return
    zh = lang == "zh"
    text = "个数额已过通常调整期，可能有新标准：" if zh else "figure(s) older than their usual cycle:"
    out.print(f"{len(found)} {text}", style="yellow")
    days = (("现值自", "in force from"), ("应于", "due"))
    table = _table(lang, ("参数", "parameter"), ("名称", "label"), *days, ("用于", "read by"))
    for each in found:
        parameter = each.parameter
        readers = ("、" if zh else ", ").join(each.read_by)
        since, due = each.value.from_date.isoformat(), each.due.isoformat()
        table.add_row(parameter.name, parameter.label[lang], since, due, readers)
    out.print(table)


def stale_data(found: Iterable[StaleFigure]) -> list[dict[str, Any]]:
    return [
        {
            "parameter": each.parameter.name,
            "label": {"zh": each.parameter.label.zh, "en": each.parameter.label.en},
            "from": each.value.from_date.isoformat(),
            "cycle": each.parameter.cycle,
            "due": each.due.isoformat(),
            "source": each.value.source,
            "file": each.value.at.file,
            "line": each.value.at.line,
            "read_by": list(each.read_by),
        }
        for each in found
    ]
