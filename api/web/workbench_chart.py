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
ROW, LEGEND = 150, 16
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
        parts = []
        for key, kind in zip(keys, parameter.keys, strict=True):
            if isinstance(key, str):
                parts.append(wording.choice(kind.choices, key))
            else:
                number = number_text(key, kind.type, lang)
                parts.append(f"{number} 起" if lang == "zh" else f"from {number}")
        named.append(Series(" · ".join(parts), tuple(steps)))
    return named


def step_chart(series: Sequence[Series], until: date, title: str, unpublished: str) -> Markup:
    """The chart as SVG. Values of one line are written above its steps; of several lines, their names below."""
    scale = _Scale.of(series, until)
    legend = LEGEND * len(series) if len(series) > 1 else 0
    foot = scale.y(Fraction(0))
    parts = [_tag("line", x1=LEFT, y1=foot, x2=WIDTH - RIGHT, y2=foot, stroke="#7b8794"), *_years(scale)]
    for number, each in enumerate(series):
        look = {"stroke": COLOURS[number % len(COLOURS)], "stroke_width": "2.5"}
        if DASHES[number % len(DASHES)]:
            look["stroke_dasharray"] = DASHES[number % len(DASHES)]
        parts += _line(each, scale, look)
        if legend:
            at = TOP + ROW + BOTTOM + LEGEND * number + 8
            parts.append(_tag("line", x1=LEFT, y1=at, x2=LEFT + 28, y2=at, **look))
            parts.append(_text(each.name, LEFT + 34, at + 4))
        else:
            parts += _labels(each, scale, unpublished)
    box = f"0 0 {WIDTH} {TOP + ROW + BOTTOM + legend}"
    head = f'<svg class="chart" viewBox="{box}" role="img" aria-label="{escape(title)}">'
    return Markup(head + "".join(parts) + "</svg>")  # every text in it was escaped where it was put in


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where a day and a value stand."""

    first: date
    until: date
    low: Fraction
    top: Fraction

    @staticmethod
    def of(series: Sequence[Series], until: date) -> _Scale:
        values = [value for each in series for _, value, _ in each.steps if value is not None]
        first = min(step[0] for each in series for step in each.steps)
        top, low = max([*values, Fraction(0)]), min([*values, Fraction(0)])
        return _Scale(first, until, low, top if top > low else low + 1)

    def x(self, day: date) -> Fraction:
        days = max((self.until - self.first).days, 1)
        return LEFT + Fraction((min(day, self.until) - self.first).days * (WIDTH - LEFT - RIGHT), days)

    def y(self, value: Fraction) -> Fraction:
        return TOP + 16 + (ROW - 16) * (self.top - value) / (self.top - self.low)

    def spans(self, each: Series) -> list[tuple[Fraction, Fraction, Fraction | None, str]]:
        """The steps of a line: from, to, value, value in words."""
        ends = [start for start, _, _ in each.steps[1:]] + [self.until]
        steps = zip(each.steps, ends, strict=True)
        return [(self.x(start), self.x(end), value, text) for (start, value, text), end in steps]


def _line(each: Series, scale: _Scale, look: dict[str, str]) -> list[str]:
    path, open_ = "", False
    for left, right, value, _ in scale.spans(each):
        if value is not None:
            height = _n(scale.y(value))
            path += f"{'L' if open_ else 'M'}{_n(left)} {height}L{_n(right)} {height}"
        open_ = value is not None
    return [_tag("path", d=path, fill="none", **look)] if path else []


def _labels(each: Series, scale: _Scale, unpublished: str) -> list[str]:
    """The values at their steps, as many as there is room for, the last one always; below a step from which the line
    rises, so that it does not run through them."""
    found, free = [], Fraction(-WIDTH)
    spans = scale.spans(each)
    known = [place for place, span in enumerate(spans) if span[2] is not None]
    for place, (left, right, value, text) in enumerate(spans):
        if value is None:
            found.append(_tag("rect", x=left, y=TOP, width=max(right - left, Fraction(1)), height=ROW, fill="#f1f3f5"))
            found.append(_text(unpublished, left + 4, TOP + ROW // 2, "#4b5563"))
            continue
        found.append(_tag("circle", cx=left, cy=scale.y(value), r=3, fill=COLOURS[0]))
        wide = sum(13 if letter > "\u2e7f" else 7 for letter in text) + 10
        last = place == known[-1]
        at = min(left, Fraction(WIDTH - RIGHT - wide)) if last else left
        after = spans[place + 1][2] if place + 1 < len(spans) else None
        rises = after is not None and after > value
        if last or (at >= free and at + wide <= WIDTH - RIGHT - (0 if rises else wide)):
            found.append(_text(text, at, scale.y(value) + (17 if rises else -7)))
            free = at + wide
    return found


def _years(scale: _Scale) -> list[str]:
    """Years along the foot, at most eight of them."""
    bottom, found = TOP + ROW, []
    years = range(scale.first.year + (scale.first > date(scale.first.year, 1, 1)), scale.until.year + 1)
    every = max(1, -(-len(years) // 8))
    for year in years[::every]:
        at = scale.x(date(year, 1, 1))
        if LEFT + 14 <= at <= WIDTH - RIGHT - 14:
            found.append(_tag("line", x1=at, y1=TOP, x2=at, y2=bottom + 4, stroke="#d5dbe1"))
            found.append(_text(str(year), at, bottom + 18, "#4b5563", "middle"))
    return found


def _text(text: str, x: Fraction | int, y: Fraction | int, fill: str = "#1f2933", anchor: str = "start") -> str:
    return _tag("text", text, x=x, y=y, font_size=12, fill=fill, text_anchor=anchor)


def _tag(name: str, text: str = "", **attributes: Fraction | int | str) -> str:
    shown = "".join(
        f' {key.replace("_", "-")}="{escape(value if isinstance(value, str) else _n(value))}"'
        for key, value in attributes.items()
    )
    return f"<{name}{shown}>{escape(text)}</{name}>" if text else f"<{name}{shown}/>"


def _n(value: Fraction | int) -> str:
    """A coordinate with one decimal."""
    tenths = round(Fraction(value) * 10)
    sign, size = ("-" if tenths < 0 else ""), abs(tenths)
    return f"{sign}{size // 10}.{size % 10}" if size % 10 else f"{sign}{size // 10}"
