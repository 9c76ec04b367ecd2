"""A dated figure as a step chart: an SVG made here, with nothing in it that needs a script or a style sheet of others.

The table beside it says the same in figures; the chart shows when and how far a figure moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from markupsafe import Markup, escape

from engine.language.model import Parameter
from engine.language.words import Wording, number_text

__all__ = ["MOST_LINES", "Series", "chart_of", "step_chart"]

MOST_LINES = 6
"""Lines in one chart; a table with more rows is read better as a table."""
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 460, 8, 8, 14, 24
ROW = 150
COLOURS = ("#14532d", "#1d4ed8", "#9a3412", "#6b21a8", "#0f766e", "#334155")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 4", "1 3")


@dataclass(frozen=True, slots=True)
class Series:
    """One line: what it is called, and its values in order; None is in force but not published."""

    name: str
    steps: tuple[tuple[date, Fraction | None, str], ...]  # (first day, value, value in words)


def chart_of(parameter: Parameter, wording: Wording, lang: str, until: date) -> Markup | None:
    """The chart of a parameter to the day `until`; None where it never moved, or has too many rows to be seen."""
    if len(parameter.values) < 2:
        return None
    series = _series(parameter, wording, lang)
    if not 1 <= len(series) <= MOST_LINES or all(value is None for each in series for _, value, _ in each.steps):
        return None
    label = parameter.label[lang]
    first, last = parameter.values[0].from_date, parameter.values[-1].from_date
    described = f"{label}：{first} 至 {until}" if lang == "zh" else f"{label}, {first} to {until}"
    return step_chart(series, max(until, last), described, "未公布" if lang == "zh" else "not published")


def _series(parameter: Parameter, wording: Wording, lang: str) -> list[Series]:
    found: dict[tuple[str | Fraction, ...], list[tuple[date, Fraction | None, str]]] = {}
    for value in parameter.values:
        for keys, figure in [(row.keys, row.value) for row in value.rows] or [((), value.value)]:
            text = "" if figure is None else number_text(figure, parameter.type, lang)
            found.setdefault(keys, []).append((value.from_date, figure, text))
    named = []
    for keys, steps in found.items():
        parts = [
            wording.choice(kind.choices, key)
            if isinstance(key, str)
            else (f"{number_text(key, kind.type, lang)} 起" if lang == "zh" else f"from {number_text(key, kind.type, lang)}")
            for key, kind in zip(keys, parameter.keys, strict=True)
        ]
        named.append(Series(" · ".join(parts), tuple(steps)))
    return named


def step_chart(series: Sequence[Series], until: date, title: str, unpublished: str) -> Markup:
    """The chart as SVG. Values of one line are written above its steps; of several lines, their names below."""
    first = min(step[0] for each in series for step in each.steps)
    values = [value for each in series for _, value, _ in each.steps if value is not None]
    top = max([*values, Fraction(0)]) or Fraction(1)
    low = min([*values, Fraction(0)])
    days = max((until - first).days, 1)
    legend = 16 * len(series) if len(series) > 1 else 0
    height = TOP + ROW + BOTTOM + legend

    def x(day: date) -> Fraction:
        return LEFT + Fraction((min(day, until) - first).days * (WIDTH - LEFT - RIGHT), days)

    def y(value: Fraction) -> Fraction:
        return TOP + 14 + Fraction(ROW - 14) * (top - value) / (top - low)

    parts = [f'<line x1="{LEFT}" y1="{_n(y(Fraction(0)))}" x2="{WIDTH - RIGHT}" y2="{_n(y(Fraction(0)))}" stroke="#7b8794"/>']
    parts += _years(first, until, x, TOP + ROW)
    for number, each in enumerate(series):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        parts += _line(each, until, x, y, colour, dash, alone=len(series) == 1, unpublished=unpublished)
        if legend:
            at = TOP + ROW + BOTTOM + 16 * number + 8
            parts.append(
                f'<line x1="{LEFT}" y1="{at}" x2="{LEFT + 28}" y2="{at}" stroke="{colour}" stroke-width="2.5"{_dash(dash)}/>'
                f'<text x="{LEFT + 34}" y="{at + 4}" font-size="12" fill="#1f2933">{escape(each.name)}</text>'
            )
    return Markup(
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _line(each: Series, until: date, x, y, colour: str, dash: str, *, alone: bool, unpublished: str) -> list[str]:
    parts, path, written = [], "", Fraction(-1000)
    for place, (start, value, text) in enumerate(each.steps):
        end = each.steps[place + 1][0] if place + 1 < len(each.steps) else until
        left, right = x(start), x(end)
        if value is None:
            path += " "
            if alone:
                parts.append(
                    f'<rect x="{_n(left)}" y="{TOP}" width="{_n(max(right - left, Fraction(1)))}" height="{ROW}" fill="#f5f7f9"/>'
                    f'<text x="{_n(left + 4)}" y="{TOP + ROW // 2}" font-size="12" fill="#4b5563">{escape(unpublished)}</text>'
                )
            continue
        join = "L" if path and not path.endswith(" ") else "M"
        path += f"{join}{_n(left)} {_n(y(value))}L{_n(right)} {_n(y(value))}"
        if alone:
            parts.append(f'<circle cx="{_n(left)}" cy="{_n(y(value))}" r="3" fill="{colour}"><title>{escape(f"{start} {text}")}</title></circle>')
            wide = 7 * len(text) + 8  # about as wide as the text will be
            if left - written >= wide or place == len(each.steps) - 1:
                anchor, at = ("end", WIDTH - RIGHT) if left + wide > WIDTH - RIGHT else ("start", left)
                if place == len(each.steps) - 1 and at - written < wide and anchor == "end":
                    at = Fraction(WIDTH - RIGHT)
                parts.append(f'<text x="{_n(Fraction(at))}" y="{_n(y(value) - 6)}" font-size="12" text-anchor="{anchor}" fill="#1f2933">{escape(text)}</text>')
                written = left
    line = f'<path d="{path.strip()}" fill="none" stroke="{colour}" stroke-width="2.5"{_dash(dash)}/>' if path.strip() else ""
    return [line, *parts]


def _years(first: date, until: date, x, bottom: int) -> list[str]:
    """Years along the foot, at most eight of them."""
    years = range(first.year + (first > date(first.year, 1, 1)), until.year + 1)
    every = max(1, -(-len(years) // 8))
    found = [
        f'<line x1="{_n(x(date(year, 1, 1)))}" y1="{TOP}" x2="{_n(x(date(year, 1, 1)))}" y2="{bottom + 4}" stroke="#d5dbe1"/>'
        f'<text x="{_n(x(date(year, 1, 1)))}" y="{bottom + 18}" font-size="12" text-anchor="middle" fill="#4b5563">{year}</text>'
        for year in years
        if (year - years[0]) % every == 0 and LEFT + 12 <= x(date(year, 1, 1)) <= WIDTH - RIGHT - 12
    ]
    return found


def _dash(dash: str) -> str:
    return f' stroke-dasharray="{dash}"' if dash else ""


def _n(value: Fraction | int) -> str:
    """A coordinate with one decimal."""
    tenths = int(Fraction(value) * 10)
    return f"{tenths // 10}.{tenths % 10}" if tenths >= 0 else f"-{-tenths // 10}.{-tenths % 10}"
