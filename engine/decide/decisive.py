"""What of an explanation decides: the same sentences with less below them, for people who want the answer first."""

from __future__ import annotations

from engine.decide.conditions import conditions_of
from engine.decide.decision import Answer
from engine.decide.lines import Line
from engine.decide.program import Program

__all__ = ["decisive", "first_reason", "likeness"]


def likeness(line: Line, answer: Answer) -> object:
    """What two members' answers must share to be shown as one."""
    texts = tuple((each.outcome, each.text) for part in line.parts for each in part.walk())
    return answer.status, answer.conditional_on, tuple((a.least, a.most) for a in answer.amounts), texts


def first_reason(line: Line) -> str:
    """The sentence of the first leaf that decides."""
    for part in line.parts:
        if part.outcome == line.outcome:
            return first_reason(part)
    return line.text


def decisive(line: Line, answer: Answer, program: Program) -> Line:
    """The same explanation with only what settles each group, and derived facts closed where they are met."""
    kinds = conditions_of(program, answer.policy)

    def cut(each: Line, depth: int) -> Line:
        node = kinds.get(each.id)
        if not each.id:
            return each
        if each.id.startswith("gives."):
            amount = next(a for a in answer.amounts if f"gives.{a.item.id}" == each.id)
            nothing = each.outcome == "no" or (amount.item.amount is not None and not amount.most)
            firm = [part for part in each.parts if part.outcome in ("", "unknown")]
            return each._replace(parts=() if nothing else tuple(firm))
        if (
            node is not None
            and node.kind == "leaf"
            and each.outcome != "unknown"
            and depth > 0
            and each.outcome == "yes"
        ):
            return Line(each.outcome, each.text, (), each.id, each.member, each.cite, each.place)
        parts = [part for part in each.parts if part.outcome == each.outcome] or list(each.parts)
        if depth == 0:
            parts = list(each.parts)
        elif each.outcome == "yes" and node is not None and node.kind in ("any_member", "every_member"):
            parts = []
        return Line(
            each.outcome,
            each.text,
            tuple(cut(part, depth + 1) for part in parts),
            each.id,
            each.member,
            each.cite,
            each.place,
        )

    return cut(line, 0)
