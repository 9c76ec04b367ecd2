"""The facts a decision was made from, in words: what was said, by whom, and whether it was verified."""

from __future__ import annotations

from dataclasses import dataclass

from engine.decide import Decision
from engine.decide.explain import Explainer
from engine.language.household import Known
from engine.language.model import Fact

__all__ = ["Told", "told"]


@dataclass(frozen=True, slots=True)
class Told:
    """One fact that was said. `member` "" for the household; `value` in words; `known` False for "not known"."""

    member: str
    subject: str
    label: str
    value: str
    known: bool
    source: str
    verified: bool


def told(decision: Decision, lang: str) -> list[Told]:
    """Every fact that was said, the household's first, in the vocabulary's order."""
    explainer, household = Explainer(decision, lang), decision.household
    found = _level(decision, explainer, "", lang, household.facts, household.null, household.texts, household.receiving)
    for member in household.members:
        found += _level(decision, explainer, member.id, lang, member.facts, member.null, member.texts, member.receiving)
    return found


def _level(
    decision: Decision,
    explainer: Explainer,
    member: str,
    lang: str,
    facts: dict[str, Known],
    null: frozenset[str],
    texts: dict[str, str],
    receiving: frozenset[str] | None,
) -> list[Told]:
    def one(fact: Fact, value: str, known: bool = True, source: str = "", verified: bool = False) -> Told:
        return Told(member, fact.subject[lang], fact.label[lang], value, known, source, verified)

    unknown = "不清楚" if lang == "zh" else "not known"
    found = []
    for fact in decision.program.vocabulary.facts["member" if member else "household"].values():
        if fact.name in facts:
            said = facts[fact.name]
            value = explainer.fact_value(fact, member)
            found.append(one(fact, value, True, said.source, said.verified is True))
        elif fact.name in texts:
            found.append(one(fact, texts[fact.name]))
        elif fact.name in null:
            found.append(one(fact, unknown, False))
    if receiving is not None:
        names = [explainer.wording.policy(name) for name in sorted(receiving)]
        none = "没有" if lang == "zh" else "nothing"
        label = explainer.fact_of("receiving", "")
        found.append(Told(member, "", label, ("、" if lang == "zh" else ", ").join(names) or none, True, "", False))
    return found
