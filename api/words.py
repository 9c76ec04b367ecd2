"""Which language an answer is in: Chinese unless the caller prefers English."""

from __future__ import annotations

from typing import NamedTuple

from werkzeug.datastructures import LanguageAccept

__all__ = ["LANGS", "Words", "preferred"]

LANGS = ("zh", "en")


class Words(NamedTuple):
    """The same in Chinese and English."""

    zh: str
    en: str

    def in_(self, lang: str) -> str:
        """The words in `lang`."""
        return self.zh if lang == "zh" else self.en


def preferred(accepted: LanguageAccept) -> str:
    """`zh` or `en`, by the Accept-Language header."""
    return accepted.best_match(LANGS, default="zh") if accepted else "zh"
