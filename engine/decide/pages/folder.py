"""Every page with its place in the folder, and which files of a folder are out of step with the rules."""

from __future__ import annotations

from collections.abc import Mapping

from engine.decide.pages.markdown import escaped, joined, link, table
from engine.decide.pages.policy import page
from engine.decide.pages.reader import KINDS, SUBJECTS
from engine.language.model import Policy, Rulebook
from engine.language.words import LANGS

INDEX = "README.md"


def pages(rulebook: Rulebook) -> dict[str, str]:
    """The text of every page by its file name: the index, and each policy in each language."""
    found = {INDEX: index(rulebook)}
    for policy in rulebook.ids():
        for lang in LANGS:
            found[f"{policy}.{lang}.md"] = page(rulebook, policy, lang)
    return dict(sorted(found.items()))


def index(rulebook: Rulebook) -> str:
    """The list of all policies by group, in the order of the catalogue, in both languages."""
    now = {name: rulebook.versions(name)[-1] for name in rulebook.ids()}
    made = "由规则生成（`jiuzhu docs`），请修改规则而不是本页。Made from the rules by `jiuzhu docs`: change the rules."
    blocks = [[f"# {escaped(rulebook.title.zh)} / {escaped(rulebook.title.en)}"], [made]]
    for group in rulebook.groups.values():
        mine = [policy for policy in now.values() if policy.group == group.name]
        if not mine:
            continue
        place = rulebook.jurisdictions[group.jurisdiction]
        blocks.append([f"## {escaped(group.title.zh)} / {escaped(group.title.en)}"])
        off = "" if place.in_force else "，仅供对照，默认不适用 / for comparison, not applied unless asked for"
        blocks.append([f"{escaped(place.title.zh)} / {escaped(place.title.en)}{off}"])
        header = ("政策", "Policy", "性质 / kind", "对象 / for", "生效 / since", "例子 / examples")
        blocks.append(table(header, [_row(rulebook, policy) for policy in mine]))
    return joined(blocks)


def _row(rulebook: Rulebook, policy: Policy) -> list[str]:
    versions = rulebook.versions(policy.id)
    return [
        link(policy.title.zh, f"{policy.id}.zh.md"),
        link(policy.title.en, f"{policy.id}.en.md"),
        f"{KINDS[policy.kind].zh.split('（')[0]} / {policy.kind}",
        f"{SUBJECTS[policy.level].zh.split('（')[0]} / {policy.level}",
        versions[0].from_date.isoformat(),
        str(sum(len(version.examples) for version in versions)),
    ]


def out_of_step(wanted: Mapping[str, str], found: Mapping[str, str]) -> tuple[str, ...]:
    """The file names that are missing, differ, or have no page any more."""
    return tuple(sorted(name for name in {*wanted, *found} if wanted.get(name) != found.get(name)))
