"""Working days, from the State Council's yearly notices as data. A year nobody entered is an error that says so."""

from __future__ import annotations

from collections.abc import Mapping as Map
from datetime import date, timedelta

from engine.language.fields import Fields
from engine.language.model import CalendarYear
from engine.language.problems import Problems
from engine.language.shapes import keys_of
from engine.language.source import Mapping, Node, Scalar

SATURDAY = 5


class UnknownYear(Exception):
    """The calendar of a year is not known: its notice has not been entered."""

    def __init__(self, year: int):
        self.year = year
        super().__init__(
            f"工作日历中没有 {year} 年；国务院办公厅公布放假安排后请补入 rules/calendar.yaml / "
            f"the calendar has no year {year}; add it to rules/calendar.yaml when its notice is published"
        )


def read_calendar(node: Node | None, problems: Problems) -> dict[int, CalendarYear]:
    """The years of the calendar file, by number."""
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        Fields(node, ("the calendar", "工作日历"), problems)
        return {}
    found: dict[int, CalendarYear] = {}
    for name, body in node.entries.items():
        fields = Fields(body, (f"the year '{name}'", f"“{name}”"), problems, *keys_of("calendar_year"))
        year = name.removeprefix("year_")
        if not (name.startswith("year_") and year.isdecimal() and len(year) == 4):
            wanted = {"wanted": "a year such as year_2026", "wanted_zh": "年份，如 year_2026"}
            problems.add("bad-value", node.keys[name], text=name, **wanted)
            continue
        if not fields.fine:
            continue
        if not fields.text("source").strip():
            problems.add("no-source", fields.at("source"), name=name, on=year)
        off, on = _days(fields, "holidays", int(year), problems), _days(fields, "workdays", int(year), problems)
        found[int(year)] = CalendarYear(
            int(year), fields.text("source"), fields.flag("verified"), off, on, node.keys[name]
        )
    return found


def _days(fields: Fields, key: str, year: int, problems: Problems) -> frozenset[date]:
    found: set[date] = set()
    for node in fields.items(key):
        text = node.text if isinstance(node, Scalar) else ""
        first, _, last = text.partition("/")
        try:
            day, end = date.fromisoformat(first), date.fromisoformat(last or first)
        except ValueError:
            day, end = date.max, date.min
        if day > end or day.year != year or end.year != year:
            wanted = {"wanted": f"a day of {year}, or first/last", "wanted_zh": f"{year} 年的日子，或“起/止”"}
            problems.add("bad-value", node.place, text=text, **wanted)
            continue
        while day <= end:
            found.add(day)
            day += timedelta(days=1)
    return frozenset(found)


def is_workday(day: date, calendar: Map[int, CalendarYear]) -> bool:
    """Whether offices work on a day. Raises UnknownYear."""
    year = calendar.get(day.year)
    if year is None:
        raise UnknownYear(day.year)
    return day in year.workdays or (day.weekday() < SATURDAY and day not in year.holidays)


def workdays_after(day: date, count: int, calendar: Map[int, CalendarYear]) -> date:
    """The `count`-th working day after `day` (the day itself does not count). Raises UnknownYear."""
    while count > 0:
        day += timedelta(days=1)
        if is_workday(day, calendar):
            count -= 1
    return day
