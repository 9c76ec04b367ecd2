"""Reads the labels: tags of a household or of a member, found by a condition like any other.

A label is read as a policy that gives nothing, so that every check of the language holds for it; it stands in no list
of policies. It begins on the first day for which every figure it reads is known.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from engine.language.alerts import with_statuses
from engine.language.checks import expressions_of, parameters_read
from engine.language.expressions import Names
from engine.language.fields import Fields, is_name, wrong_shape
from engine.language.model import Label, Policy, Rulebook
from engine.language.places import Place
from engine.language.policies import read_policy
from engine.language.problems import Problems
from engine.language.shapes import keys_of
from engine.language.source import Mapping, Node, Scalar, Sequence

GROUP = "labels"
EXPECTED = {"has": "eligible", "has_not": "ineligible", "not_known": "undetermined"}
"""What an example of a label says, as the status of the policy it is read as."""


def read_labels(
    node: Node | None, names: Names, jurisdiction: str, first: int, taken: dict[str, Place], problems: Problems
) -> tuple[Label, ...]:
    """Every label of the file, in its order; `first` is the place of the first one after the catalogue."""
    if node is None:
        return ()
    if not isinstance(node, Mapping):
        wrong_shape(problems, node, ("the file of labels", "标签文件"), ("a mapping of labels", "标签的映射"))
        return ()
    found: list[Label] = []
    for name, body in node.entries.items():
        at = node.keys[name]
        if not is_name(name):
            problems.add("bad-name", at, name=name)
            continue
        if name in taken:
            problems.add("name-taken", at, name=name, where=taken[name])
            continue
        taken[name] = at
        fields = Fields(body, (f"the label '{name}'", f"标签“{name}”"), problems, *keys_of("label"))
        if not isinstance(body, Mapping) or not fields.has("when"):
            continue  # said by `fields`
        policy = read_policy(_as_policy(name, at, body, problems), names, problems, GROUP, jurisdiction, first)
        if policy is not None:
            found.append(Label(name, policy.title, policy.level, policy.department, policy, fields.words("says"), at))
            first += 1
    return tuple(found)


def _as_policy(name: str, at: Place, body: Mapping, problems: Problems) -> Mapping:
    """The label in the shape of a policy file; every part keeps its place."""

    def text(value: object) -> Scalar:
        return Scalar(at, value, str(value), True)  # type: ignore[arg-type]

    always: dict[str, Node] = {"from": text(date.min)}
    nothing: dict[str, Node] = {"note": text("label")}
    entries: dict[str, Node] = {
        "policy": text(name),
        "kind": text("category"),
        "in_force": Mapping(at, always, {"from": at}),
        "cite": Mapping(at, nothing, {"note": at}),
    }
    for key, here in (("label", "title"), ("for", "for"), ("department", "department"), ("cite", "cite")):
        if key in body.entries:
            entries[here] = body.entries[key]
    entries["when"] = body.entries["when"]
    listed = body.entries.get("examples")
    if listed is not None and not isinstance(listed, Sequence):
        wrong_shape(problems, listed, ("'examples'", "“examples”"), ("a list", "列表"))
    examples = listed.items if isinstance(listed, Sequence) else ()
    entries["examples"] = Sequence(at, tuple(with_statuses(each, EXPECTED, problems) for each in examples))
    return Mapping(at, entries, {key: value.place for key, value in entries.items()})


def dated(label: Label, rulebook: Rulebook) -> Label:
    """The label beginning on the first day for which every figure it reads has a value (perhaps one not published)."""
    read = parameters_read(rulebook, expressions_of(label.policy))
    starts = [values[0].from_date for name in read if (values := rulebook.parameters[name].values)]
    return replace(label, policy=replace(label.policy, from_date=max(starts, default=date.min)))


def labels_as_policies(rulebook: Rulebook) -> tuple[Policy, ...]:
    """The conditions of the labels, in the shape of policies."""
    return tuple(label.policy for label in rulebook.labels)


def label_book(rulebook: Rulebook) -> Rulebook:
    """The rulebook with its labels among the policies, decided after all others: what finds households by label."""
    added = labels_as_policies(rulebook)
    return replace(
        rulebook,
        policies=(*rulebook.policies, *added),
        order=(*rulebook.order, *(policy.id for policy in added)),
        labels=(),
    )
