"""`jiuzhu diff`: what changes from one rulebook to another, in words."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape

from engine.commands.common import console, json_option, lang_option, print_json
from engine.commands.two_rulebooks import rulebook_of
from engine.language.difference import KINDS, Change, differences

MARKS = {"added": ("+", "green"), "removed": ("−", "red"), "changed": ("~", "yellow")}


@click.command(
    name="diff",
    epilog="例 / examples:\n\n  jiuzhu diff rules-2025 .\n\n  jiuzhu diff HEAD~10 HEAD --lang en\n\n"
    "  jiuzhu diff v1.0 . --json",
)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@lang_option
@json_option
def diff(old: str, new: str, lang: str, as_json: bool) -> None:
    """规则变了什么：政策、条件、金额、数值逐行。/ What changes between two rulebooks, in words.

    OLD、NEW 是含 policies.yaml 的文件夹，或 git 版本。Folders with policies.yaml, or git revisions. Meaning is
    compared: a remark or another order is no change. Exit code 0: the same, 1: a rulebook has problems, 2: wrong use,
    3: they differ.
    """
    found = differences(rulebook_of(old, lang), rulebook_of(new, lang))
    if as_json:
        print_json({"old": old, "new": new, "changes": [change.data() for change in found]})
    else:
        show(found, lang, console())
    raise SystemExit(3 if found else 0)


def show(changes: tuple[Change, ...], lang: str, out: Console) -> None:
    """Every change, those of one policy, figure or fact under its name."""
    zh = lang == "zh"
    if not changes:
        out.print("没有变化" if zh else "no change")
        return
    last = ""
    for change in changes:
        if change.name != last:
            last = change.name
            out.print(f"\n[bold]{escape(change.title[lang])}[/] [dim]{change.name}[/]", soft_wrap=True)
        mark, style = MARKS[change.how]
        where = (f"（{change.where.zh}）" if zh else f" ({change.where.en})") if change.where.zh else ""
        what = KINDS[change.kind][lang] + where
        if change.how == "changed":
            text = f"{change.old[lang]} → {change.new[lang]}"
        else:
            text = change.new[lang] or change.old[lang]
        colon = "：" if zh else ": "
        place = f" [dim]{escape(str(change.place))}[/]" if change.place.file else ""
        out.print(f"  [{style}]{mark}[/] {escape(what + colon + text)}{place}", soft_wrap=True)
    many = {how: sum(change.how == how for change in changes) for how in MARKS}
    added, removed, changed = many["added"], many["removed"], many["changed"]
    out.print(
        f"\n共 {len(changes)} 处：新增 {added}，取消 {removed}，修改 {changed}"
        if zh
        else f"\n{len(changes)} change(s): {added} added, {removed} removed, {changed} changed"
    )
