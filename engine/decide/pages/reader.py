"""For whom a page is written, and the words of its headings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from engine.decide.pages.markdown import escaped, link
from engine.language.model import Rulebook
from engine.language.tree import Citation, Words
from engine.language.words import Wording, text_in

KINDS = {
    "category": Words("资格认定（可据以享受其他救助）", "category: it opens other help"),
    "benefit": Words("待遇（发放资金）", "benefit: money"),
    "service": Words("服务（实物或服务）", "service: help in kind"),
    "referral": Words("转介", "referral"),
}
SUBJECTS = {
    "household": Words("家庭", "the household"),
    "member": Words("个人（逐一认定每名成员）", "each member, one by one"),
}


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a page is written: in which language, and with the names of which day (None: today's)."""

    rulebook: Rulebook
    lang: str
    on: date | None = None

    @property
    def wording(self) -> Wording:
        return Wording(self.rulebook, self.lang, self.on)

    def say(self, zh: str, en: str) -> str:
        return text_in(self.lang, zh, en)

    def page(self, policy: str) -> str:
        """A link to another policy's page."""
        return link(self.wording.policy(policy), f"{policy}.{self.lang}.md")

    def unsure(self, verified: bool) -> str:
        return "" if verified else self.say("（未核实）", " (not verified)")


def cited(reader: Reader, cites: tuple[Citation, ...]) -> str:
    """Where it is written, in brackets; nothing where it does not say."""
    found = [cite.words(reader.lang) for cite in cites if cite.words(reader.lang)]
    if not found:
        return ""
    text = reader.say("；", "; ").join(map(escaped, found))
    return reader.say(f"（{text}）", f" ({text})") + reader.unsure(all(cite.verified for cite in cites))
