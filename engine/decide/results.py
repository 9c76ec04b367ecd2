"""An intermediate result (`let`) of an answer, as an example expects it."""

from __future__ import annotations

from typing import Any

from engine.decide.decision import Answer
from engine.decide.outcomes import Masked, Span
from engine.language.model import Let, Rulebook
from engine.language.types import Base, day_of


def result_of(rulebook: Rulebook, answer: Answer, name: str) -> Any:
    """What the policy's intermediate result came to; None where it has none of that name.

    A truth: `yes`, `no` or `unknown`. A number or a date: its ends, exact, as `{least, most}`. A choice: its name, or a
    tuple of those it may be. A list of choices: the list, or `unknown` where it is not settled.
    """
    let = next((let for let in answer.policy.lets if let.name == name), None)
    if let is None:
        return None
    if let.condition is not None:
        return answer.outcomes.word(let.condition.id)
    value = answer.outcomes.let(name)
    if isinstance(value, Span):
        if let.type.base is Base.DATE:
            return {"least": day_of(int(value.least)), "most": day_of(int(value.most))}
        return {"least": value.least, "most": value.most}
    assert isinstance(value, Masked)
    return _choices(rulebook, let, value)


def _choices(rulebook: Rulebook, let: Let, value: Masked) -> Any:
    known = rulebook.choices[let.type.choices]
    if let.type.base is Base.CHOICES:
        return list(known.names(value.may)) if value.may == value.must else "unknown"
    names = known.names(value.may)
    return names[0] if len(names) == 1 else names


__all__ = ["result_of"]
