"""The reviewed list of changes that mean the same: `docs/equivalent_mutants.yaml`.

A mutant that no example can notice because the changed rule says the same is listed there with the reason. An entry
that fits no living mutant any more is out of date, and is reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.decide.mutation.mutants import Mutant
from engine.language.fields import Fields, wrong_shape
from engine.language.places import Place
from engine.language.problems import Problems
from engine.language.source import Scalar, Sequence, read_yaml
from engine.language.tree import Words

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Equivalent:
    """One change that means the same: the file, what the rule says, what it would say, and why that is the same."""

    file: str
    text: str
    change: str
    reason: Words
    at: Place

    @property
    def key(self) -> Key:
        return self.file, self.text, self.change


def read_equivalents(text: str, file: str, problems: Problems) -> tuple[Equivalent, ...]:
    """The entries of the reviewed list, its faults noted in `problems`."""
    root = read_yaml(text.encode(), file, problems)
    if root is None:
        return ()
    if not isinstance(root, Sequence):
        wrong_shape(problems, root, ("the list of equivalent mutants", "等价变更清单"), ("a list", "列表"))
        return ()
    found: list[Equivalent] = []
    seen: dict[Key, Place] = {}
    for node in root.items:
        fields = Fields(node, ("an equivalent mutant", "等价变更"), problems, ("file", "text", "change", "reason"))
        in_file, said, reason = fields.text("file"), fields.text("text"), fields.words("reason")
        for change in _changes(fields):
            each = Equivalent(in_file, said, change, reason, fields.place)
            if each.key in seen:
                problems.add("name-taken", each.at, name=each.text, where=seen[each.key])
            seen[each.key] = each.at
            found.append(each)
    return tuple(found)


def _changes(fields: Fields) -> tuple[str, ...]:
    """`change` is one text, or a list of them that share the reason."""
    node = fields.get("change")
    if isinstance(node, Sequence):
        return tuple(each.text if isinstance(each, Scalar) else "" for each in node.items)
    return (fields.text("change"),)


def stale(known: Iterable[Equivalent], alive: Iterable[Mutant], files: frozenset[str]) -> tuple[Equivalent, ...]:
    """The entries about `files` that no living mutant fits: the rule or its examples have changed since."""
    keys = {mutant.key for mutant in alive}
    return tuple(each for each in known if each.file in files and each.key not in keys)
