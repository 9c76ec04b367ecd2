"""A household's benefits by income, as SVG: one line for the benefits, one for income and benefits together, the cliffs
marked, and where the household stands. The table beside it says the same."""

from __future__ import annotations

from markupsafe import Markup, escape

from engine.decide.curve import Curve
from engine.language.words import money_text

__all__ = ["curve_chart"]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 300, 64, 16, 24, 40
BENEFITS, TOGETHER, CLIFF, OWN = "#14532d", "#1d4ed8", "#b91c1c", "#7a4a00"
_STEPS = (100, 200, 250, 500, 1_000, 2_000, 2_500, 5_000, 10_000, 20_000, 25_000, 50_000, 100_000)  # yuan


def curve_chart(curve: Curve, lang: str) -> Markup:
    """The chart. Text in it is in `lang`; every figure is in yuan a month."""

    def say(zh: str, en: str) -> str:
        return zh if lang == "zh" else en

    right = max(curve.points[-1].income, 100)
    high = max(*(each.income + each.monthly for each in curve.points), 100)

    def x(income: int) -> str:
        return f"{LEFT + (WIDTH - LEFT - RIGHT) * income / right:.1f}"

    def y(fen: int) -> str:
        return f"{HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * fen / high:.1f}"

    def text(words: str, at_x: object, at_y: object, anchor: str = "middle", fill: str = "#1f2933") -> str:
        return f'<text x="{at_x}" y="{at_y}" text-anchor="{anchor}" font-size="12" fill="{fill}">{escape(words)}</text>'

    def line(points: list[tuple[str, str]], stroke: str, dash: str = "") -> str:
        path = " ".join(f"{a},{b}" for a, b in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        return f'<polyline points="{path}" fill="none" stroke="{stroke}" stroke-width="2.5"{dashed}/>'

    parts = []
    step = _step(high)
    for yuan in range(0, high // 100 + 1, step):
        at = y(yuan * 100)
        parts.append(f'<line x1="{LEFT}" y1="{at}" x2="{WIDTH - RIGHT}" y2="{at}" stroke="#d5dbe1"/>')
        parts.append(text(f"{yuan:,}", LEFT - 6, float(at) + 4, "end"))
    step = _step(right)
    for yuan in range(0, right // 100 + 1, step):
        parts.append(text(f"{yuan:,}", x(yuan * 100), HEIGHT - BOTTOM + 16))
    parts.append(text(say("这项收入（元/月）", "this income (yuan a month)"), WIDTH - RIGHT, HEIGHT - 6, "end"))
    parts.append(text(say("元/月", "yuan a month"), LEFT, TOP - 10, "start"))
    parts.append(line([(x(p.income), y(p.income + p.monthly)) for p in curve.points], TOGETHER, "7 3"))
    parts.append(line([(x(p.income), y(p.monthly)) for p in curve.points], BENEFITS))
    for number, cliff in enumerate(curve.cliffs, 1):
        at = x(cliff.at)
        parts.append(
            f'<line x1="{at}" y1="{TOP}" x2="{at}" y2="{HEIGHT - BOTTOM}" stroke="{CLIFF}" stroke-width="1.5"/>'
        )
        parts.append(f'<circle cx="{at}" cy="{TOP}" r="9" fill="{CLIFF}"/>')
        parts.append(text(str(number), at, TOP + 4, fill="#ffffff"))
    if curve.own is not None and curve.own <= right:
        at = x(curve.own)
        parts.append(
            f'<line x1="{at}" y1="{TOP}" x2="{at}" y2="{HEIGHT - BOTTOM}" stroke="{OWN}" stroke-width="2" '
            'stroke-dasharray="2 4"/>'
        )
        edge = curve.own * 10 > right * 9  # near the right end the word stands to the left of its line
        side = float(at) + (-5 if edge else 5)
        parts.append(text(say("现在", "now"), side, TOP + 4, "end" if edge else "start", OWN))
    title = say(
        f"这项收入从 0 到 {money_text(right, lang)}时每月的全部福利，断崖 {len(curve.cliffs)} 处",
        f"all benefits a month as this income goes from 0 to {money_text(right, lang)}; cliffs: {len(curve.cliffs)}",
    )
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
    return Markup(head + "".join(parts) + "</svg>")  # every text in it was escaped where it was put in


def _step(most: int) -> int:
    """Yuan between two marks, so that there are at most eight."""
    return next((step for step in _STEPS if most / 100 / step <= 8), _STEPS[-1])
