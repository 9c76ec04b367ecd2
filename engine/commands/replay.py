"""`jiuzhu replay`: decide again what was decided once."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.tree import Tree

from engine.commands.common import console, fail, json_option, lang_option, load_program, print_json
from engine.commands.keys import clock, data_option, instant
from engine.commands.ledger import OPERATOR
from engine.decide import Program
from engine.language.household import HouseholdError
from engine.language.words import STATUS, Wording
from engine.ledger import read
from engine.ledger.access import access
from engine.ledger.append import Writer
from engine.ledger.entries import Entry
from engine.ledger.errors import LedgerError
from engine.ledger.home import Folder
from engine.ledger.programs import Programs
from engine.ledger.replay import Comparison, Replay
from engine.ledger.replay import against as compare
from engine.ledger.replay import replay as decide_again
from engine.ledger.store import Store


@click.command(
    name="replay",
    epilog="例 / examples:\n\n  jiuzhu replay 17\n\n  jiuzhu replay --all\n\n"
    "  jiuzhu replay 17 --against .          与现行规则对照 / against the rules in this folder",
)
@click.argument("decision", type=click.IntRange(1), required=False, metavar="[ID]")
@click.option("--all", "every", is_flag=True, help="全部决定 / every decision.")
@click.option("--against", metavar="RULES", help="与这个文件夹的规则对照 / with the rules of this folder instead.")
@click.option("--why", default="jiuzhu replay", help="理由，写入查阅日志 / for the access log.")
@data_option
@lang_option
@json_option
def replay_command(
    decision: int | None, every: bool, against: str | None, why: str, data: str, lang: str, as_json: bool
) -> None:
    """复算决定：按当时的规则应得到同样的结果；或与其他规则对照。/ Decide again: the same must come out, or
    see what other rules would change.

    Exit code 0: the same, 1: something differs, 2: wrong use.
    """
    if (decision is None) == (not every):
        fail("请给出 ID 或 --all 之一", "give either an ID or --all", lang)
    folder = Folder(Path(data))
    try:
        store = folder.store()
    except LedgerError as error:
        fail(error.zh, error.en, lang)
    program = None if against is None else load_program(against, lang)
    programs = Programs(store)
    what = {"against": program.rulebook.digest if program else None, "all": every}
    try:
        Writer(store).append(access("replay", OPERATOR, why, instant(clock()), case=decision, what=what))
        if decision is not None:
            entry = read.entry(store.reader(), decision)
            found = _one(programs, entry, program)
            print_json(found.data()) if as_json else _show(found, program or programs.get(_digest(entry)), lang)
            sys.exit(0 if _fine(found) else 1)
        _every(store, programs, program, lang, as_json)
    except HouseholdError as error:
        first = error.problems[0]
        fail(
            f"这些规则不能受理其事实：{first.path}：{first.message('zh')}",
            f"these rules do not take its facts: {first.path}: {first.message('en')}",
            lang,
            1,
        )
    except LedgerError as error:
        fail(error.zh, error.en, lang, 1)


def _digest(entry: Entry) -> str:
    return str(entry.index["rulebook"])


def _one(programs: Programs, entry: Entry, program: Program | None) -> Replay | Comparison:
    return decide_again(programs, entry) if program is None else compare(programs, program, entry)


def _fine(found: Replay | Comparison) -> bool:
    return found.ok if isinstance(found, Replay) else found.same


def _every(store: Store, programs: Programs, program: Program | None, lang: str, as_json: bool) -> None:
    differ: list[dict[str, Any]] = []
    tally: Counter[str] = Counter()
    shown = console(stderr=True)
    size, _ = read.head(store.reader())
    with Progress(console=shown, transient=True, disable=as_json or not shown.is_terminal) as bar:
        task = bar.add_task("复算" if lang == "zh" else "replaying", total=size)
        for entry in _decisions(store):
            bar.update(task, completed=entry.seq)
            try:
                found = _one(programs, entry, program)
            except HouseholdError as error:
                refused = {"decision": entry.seq, "refused": [each.path for each in error.problems]}
                differ.append(refused)
                tally["refused"] += 1
                continue
            tally["same" if _fine(found) else "differ"] += 1
            if not _fine(found):
                differ.append(found.data())
    total = sum(tally.values())
    if as_json:
        print_json({"decisions": total, "same": tally["same"], "differ": differ})
    else:
        out = console()
        for each in differ[:50]:
            parts = len(each.get("changes") or each.get("differences") or each.get("refused") or ())
            out.print(
                f"✗ 第 {each['decision']} 号：{parts} 处不同"
                if lang == "zh"
                else f"✗ {each['decision']}: {parts} difference(s)",
                style="red", markup=False,
            )  # fmt: skip
        text = (f"{total} 项决定，{tally['same']} 项相同", f"{total} decision(s), {tally['same']} the same")
        out.print(text[lang == "en"], style="green" if not differ else "bold red")
    sys.exit(1 if differ else 0)


def _decisions(store: Store) -> Iterator[Entry]:
    with store.snapshot() as connection:
        for entry in read.entries(connection):
            if entry.kind in ("decision", "correction"):
                yield entry


def _show(found: Replay | Comparison, program: Program, lang: str) -> None:
    out = console()
    if isinstance(found, Replay):
        _show_replay(found, out, lang)
    else:
        _show_comparison(found, program, out, lang)


def _show_replay(found: Replay, out: Console, lang: str) -> None:
    zh = lang == "zh"
    if found.same_bytes:
        out.print(
            f"✓ 第 {found.seq} 号：逐字节相同" if zh else f"✓ {found.seq}: the same, byte for byte", style="green"
        )
        return
    versions = f"{found.engine_then} → {found.engine_now}"
    text = (f"第 {found.seq} 号：引擎 {versions}，", f"{found.seq}: engine {versions}, ")[not zh]
    if found.ok:
        text += (
            "结论、金额和各项条件相同，文字有不同"
            if zh
            else "statuses, amounts and conditions are the same; text differs"
        )
    else:
        text += "结果不同" if zh else "it comes out otherwise"
    tree = Tree(f"[{'green' if found.ok else 'red'}]{'✓' if found.ok else '✗'}[/] {escape(text)}", guide_style="dim")
    for each in found.differences:
        tree.add(escape(f"{each.pointer}: {each.then} → {each.now}"))
    out.print(tree)


def _show_comparison(found: Comparison, program: Program, out: Console, lang: str) -> None:
    zh = lang == "zh"
    words = Wording(program.rulebook, lang)
    known = set(program.rulebook.ids())
    if found.same:
        out.print(f"✓ 第 {found.seq} 号：没有变化" if zh else f"✓ {found.seq}: nothing would change", style="green")
        return
    head = f"第 {found.seq} 号，{found.on}" if zh else f"{found.seq}, for {found.on}"
    rulebooks = f"{found.rulebook_then[:12]} → {found.rulebook_now[:12]}"
    tree = Tree(f"[bold]{escape(head)}[/]  [dim]{rulebooks}[/]", guide_style="dim")
    for change in found.changes:
        items = _items(change.then), _items(change.now)
        name = words.policy(change.policy) if change.policy in known else change.policy
        who = f" ({change.member})" if change.member else ""
        branch = tree.add(f"[bold]{escape(name + who)}[/]: {_state(change.then, lang)} → {_state(change.now, lang)}")
        for item in sorted(items[0].keys() | items[1].keys()):
            if items[0].get(item) != items[1].get(item):
                branch.add(escape(f"{item}: {items[0].get(item, '–')} → {items[1].get(item, '–')}"))
        for each in change.conditions:
            then, now = each["then"], each["now"]
            member = f" ({each['member']})" if each["member"] else ""
            branch.add(escape(f"{each['condition']}{member}: {_row(then)} → {_row(now)}"))
        for each in change.figures:
            label = words.parameter(each["figure"]) if each["figure"] in program.rulebook.parameters else each["figure"]
            branch.add(escape(f"{label}: {_figure(each['then'])} → {_figure(each['now'])}"))
    for pointer in found.left_out:
        tree.add(f"[yellow]{escape(('未采用的事实：' if zh else 'fact not used: ') + pointer)}[/]")
    out.print(tree)


def _state(answer: dict[str, Any] | None, lang: str) -> str:
    if answer is None:
        return "未生效" if lang == "zh" else "not in force"
    text = STATUS[answer["status"]][lang]
    sums = [
        f"{a['least']}" if a["least"] == a["most"] else f"{a['least']}–{a['most']}"
        for a in answer["amounts"]
        if "least" in a
    ]
    return text + (f" {', '.join(sums)}" if sums and answer["status"] != "ineligible" else "")


def _items(answer: dict[str, Any] | None) -> dict[str, str]:
    """What a policy gives, item by item, in few words."""
    found = {}
    for amount in answer["amounts"] if answer else ():
        ends = f" {amount['least']}–{amount['most']}" if "least" in amount else ""
        found[amount["item"]] = amount["given"] + ends
    return found


def _row(row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    shown = f" ({row['observed']} / {row['required']})" if "observed" in row else ""
    return f"{row['outcome']}{shown}"


def _figure(value: dict[str, Any] | None) -> str:
    if value is None:
        return "–"
    shown = value.get("value", f"{len(value.get('rows', ()))} rows")
    return f"{shown} ({value['from']})"
