"""Templates: one environment, and the few helpers they share. Every value is escaped unless it is `Markup` of ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import render_template

from api.settings import CHINA
from api.web.assets import address
from engine.language.words import money_text

__all__ = ["render"]


def render(template: str, lang: str, partial: bool, values: Mapping[str, Any]) -> str:
    """`template` in `lang`. `partial`: only its blocks, without the frame of the page."""

    def say(zh: str, en: str, **words: object) -> str:
        text = zh if lang == "zh" else en
        return text.format(**words) if words else text

    helpers = {
        "lang": lang,
        "say": say,
        "words": lambda words: words.zh if lang == "zh" else words.en,
        "asset": address,
        "layout": "part.html" if partial else "base.html",
        "money": lambda fen, per="": money_text(fen, lang, per),
        "instant": instant,
    }
    return render_template(template, **{**helpers, **values})


def instant(text: str) -> str:
    """A time of the ledger as people in China read it: `2025-08-01 09:30`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return found.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
