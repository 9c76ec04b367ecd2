"""What an answer rests on: the caveats of the conditions that decide it.

Where one firm condition is enough to settle a group, the rest do not count. Most conditions carry no caveat at all, so
each policy's tree is drawn together once to those that do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from engine.decide.kept import Kept
from engine.decide.layout import Fixed, Layout, Ref
from engine.decide.program import Caveat, InForce
from engine.language.tree import Condition

Row = tuple[Any, ...]
Grounds = Callable[[Row], tuple[Caveat, ...]]

# The outcome of one part that settles its group: (it is met, or else: it is not met).
_ENOUGH = {"all": False, "any": True, "none": True}


@dataclass(frozen=True, slots=True)
class Rests:
    """The caveats of a policy's condition and of each item's own, as functions of a trace row; None: there are none."""

    when: Grounds | None
    items: tuple[Grounds | None, ...]


def rests_of(each: InForce, layout: Layout) -> Rests:
    """What the answers of a policy rest on, read from rows of this layout."""
    known = _RESTS(each.leaf_caveats)  # made anew for every policy on every day
    for of, rests in known:
        if of is layout:
            return rests
    made = _rests(each, layout)
    known.append((layout, made))
    return made


def _rests(each: InForce, layout: Layout) -> Rests:
    found = _Finder(each, layout)
    items = (found.grounds(i.condition) if i.condition is not None else None for i in each.policy.gives)
    return Rests(found.grounds(each.policy.when), tuple(items))


class _Finder:
    def __init__(self, each: InForce, layout: Layout):
        self.caveats, self.layout = each.leaf_caveats, layout
        self.lets = {let.name: let.condition for let in each.policy.lets}

    def grounds(self, node: Condition) -> Grounds | None:
        own = self.caveats.get(node.id, ())
        if node.kind in ("any_member", "every_member"):
            below = (c for part in node.parts for each in part.walk() for c in self.caveats.get(each.id, ()))
            return _always((*own, *below))
        if node.kind not in _ENOUGH or not node.parts:
            return self.together(own, self.behind(node))
        return self.group(node, own)

    def behind(self, node: Condition) -> tuple[Condition, ...]:
        """What a leaf or `not` stands for: the intermediate result it names, or its part."""
        result = self.lets.get(node.expr.name) if node.expr is not None and node.expr.op == "let" else None
        return node.parts if result is None else (result,)

    def together(self, own: tuple[Caveat, ...], parts: tuple[Condition, ...]) -> Grounds | None:
        below = [found for found in map(self.grounds, parts) if found is not None]
        if not below:
            return _always(own)
        return lambda row: (*own, *(c for found in below for c in found(row)))

    def group(self, node: Condition, own: tuple[Caveat, ...]) -> Grounds | None:
        parts = [(*self.truth(part), self.grounds(part)) for part in node.parts]
        bearing = [found for _, _, found in parts if found is not None]
        if not bearing:
            return _always(own)
        met, may = self.truth(node)
        enough = _ENOUGH[node.kind]

        def found(row: Row) -> tuple[Caveat, ...]:
            if may(row) and not met(row):
                chosen = [each for certain, possible, each in parts if each and possible(row) and not certain(row)]
            else:
                settling = [
                    each for certain, possible, each in parts if (certain(row) if enough else not possible(row))
                ]
                if settling:
                    return own if None in settling else (*own, *min((each(row) for each in settling if each), key=len))
                chosen = bearing
            return (*own, *(c for each in chosen for c in each(row)))

        return found

    def truth(self, node: Condition) -> tuple[Callable[[Row], Any], Callable[[Row], Any]]:
        entry = self.layout.conditions[node.id]
        return _read(entry.certain), _read(entry.possible)


def _always(caveats: tuple[Caveat, ...]) -> Grounds | None:
    return (lambda row: caveats) if caveats else None


def _read(ref: Ref) -> Callable[[Row], Any]:
    if isinstance(ref, Fixed):
        value = ref.value
        return lambda row: value
    return itemgetter(ref)


def _none_yet(caveats: dict[str, tuple[Caveat, ...]]) -> list[tuple[Layout, Rests]]:
    return []  # one for each function of the policy that was asked for: two at most


_RESTS = Kept(_none_yet, 2_000)
