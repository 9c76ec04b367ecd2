"""`jiuzhu explain`: a policy in words, with its figures and articles."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import click
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from engine.commands.common import (
    console,
    fail,
    json_option,
    lang_option,
    load_program,
    on_option,
    print_json,
    rules_option,
)
from engine.decide.evidence import figure
from engine.decide.explain import cited
from engine.language.checks import expressions_of, parameters_read
from engine.language.model import Policy, Rulebook
from engine.language.problems import did_you_mean
from engine.language.tree import Condition
from engine.language.types import decimal_text
from engine.language.words import PERIODS, Wording


@click.command(
    epilog="例 / examples:\n\n  jiuzhu explain minimum_living_allowance\n\n"
    "  jiuzhu explain elder_allowance --on 2020-01-01 --lang en"
)
@click.argument("policy", metavar="POLICY")
@on_option
@rules_option
@lang_option
@json_option
def explain(policy: str, on: date, rules: str | None, lang: str, as_json: bool) -> None:
    """用文字说明一项政策：谁、什么、多少、依据。/ A policy in words: who, what, how much, and by which article."""
    rulebook = load_program(rules, lang, examples=True).rulebook
    if policy not in rulebook.ids():
        hint = did_you_mean(policy, rulebook.ids())
        fail(f"没有名为“{policy}”的政策。{hint[1]}", f"no policy is called '{policy}'. {hint[0]}", lang)
    found = next((p for p in rulebook.versions(policy) if p.in_force(on)), None)
    if found is None:
        spans = ", ".join(f"{p.from_date} … {p.to_date or ''}" for p in rulebook.versions(policy))
        fail(f"“{policy}”在 {on} 未生效；版本：{spans}", f"'{policy}' is not in force on {on}; versions: {spans}", lang)
    if as_json:
        print_json(_data(rulebook, found, on, lang))
        return
    _show(rulebook, found, on, lang)


def _figures(rulebook: Rulebook, policy: Policy) -> list[str]:
    return list(parameters_read(rulebook, expressions_of(policy)))


def _show(rulebook: Rulebook, policy: Policy, on: date, lang: str) -> None:
    out, wording = console(), Wording(rulebook, lang, on)

    def say(zh: str, en: str) -> str:
        return zh if lang == "zh" else en

    out.print(f"{policy.title_on(on)[lang]}  ({policy.id})", style="bold", markup=False)
    end = f" – {policy.to_date}" if policy.to_date else ""
    for label, value in (
        (say("依据", "law"), cited(policy.cite, lang)),
        (say("生效", "in force"), f"{policy.from_date}{end}"),
        (say("主管部门", "department"), policy.department[lang]),
        (
            say("对象", "for"),
            say("家庭", "the household") if policy.level == "household" else say("成员个人", "each member"),
        ),
        (say("复核", "review"), policy.review[lang]),
        (say("办理", "apply"), " ".join(x for x in (policy.where[lang], policy.channel[lang]) if x)),
    ):
        if value:
            out.print(f"  {label}: {value}", markup=False, soft_wrap=True)
    tree = Tree(say("条件", "Conditions"), guide_style="dim")
    _conditions(policy.when, policy, wording, tree, lang)
    out.print(tree)
    if policy.gives:
        gives = Tree(say("给予", "Gives"), guide_style="dim")
        for item in policy.gives:
            text = item.title[lang]
            if item.amount is not None:
                most = say("（最高）", " (up to)") if item.up_to else ""
                text += f": {PERIODS[item.per][lang]}{most} {wording.expression(item.amount, policy)}"
            branch = gives.add(f"{escape(text)} [dim]{escape(cited(item.cite, lang))}[/]")
            if item.condition is not None:
                _conditions(item.condition, policy, wording, branch, lang)
        out.print(gives)
    for let in policy.lets:
        source = (
            wording.expression(let.expr, policy)
            if let.expr is not None
            else wording.condition(let.condition, policy)
            if let.condition
            else ""
        )
        out.print(f"  {let.words[lang]} = {source}", style="dim", markup=False, soft_wrap=True)
    if policy.excludes:
        names = say("、", ", ").join(
            wording.policy(e.policy) + ("" if e.verified else say("（未核实）", " (not verified)"))
            for e in policy.excludes
        )
        out.print(
            say(f"不得同时享受：{names}", f"May not be drawn together with: {names}"), markup=False, soft_wrap=True
        )
    _figure_table(rulebook, policy, on, lang, wording)
    for number, document in enumerate(policy.documents, 1):
        out.print(f"  {say('材料', 'bring')} {number}. {document.words[lang]}", markup=False, soft_wrap=True)


def _conditions(node: Condition, policy: Policy, wording: Wording, tree: Tree, lang: str) -> None:
    text = escape((node.says[lang] + " — " if node.says[lang] else "") + wording.condition(node, policy))
    if not node.verified:
        text += " [yellow]" + ("（未核实）" if lang == "zh" else "(not verified)") + "[/]"
    cite = f" [dim]{escape(cited(node.cite, lang))}[/]" if node.cite else ""
    branch = tree.add(text + cite)
    if node.kind in ("all", "any", "none"):
        for part in node.parts:
            _conditions(part, policy, wording, branch, lang)


def _figure_table(rulebook: Rulebook, policy: Policy, on: date, lang: str, wording: Wording) -> None:
    names = _figures(rulebook, policy)
    if not names:
        return
    heads = ("数值", "自", "值", "来源", "核实") if lang == "zh" else ("figure", "from", "value", "source", "verified")
    table = Table(*heads, box=None, header_style="dim", padding=(0, 1))
    for name in names:
        parameter, value = rulebook.parameters[name], rulebook.parameters[name].on(on)
        if value is None:
            table.add_row(parameter.label[lang], "", wording.figure(parameter, None), "", "")
            continue
        rows = [
            (
                " / ".join(_key(rulebook, parameter.keys[n].choices, key, lang) for n, key in enumerate(row.keys)),
                row.value,
            )
            for row in value.rows
        ] or [("", value.value)]
        for number, (keys, figure_value) in enumerate(rows):
            table.add_row(
                parameter.label[lang] + (f" · {keys}" if keys else ""),
                value.from_date.isoformat(),
                wording.figure(parameter, figure_value),
                value.source if not number else "",
                ("✓" if value.verified else "✗") if not number else "",
            )
    console().print(table)


def _key(rulebook: Rulebook, choices: str, key: object, lang: str) -> str:
    if choices:
        return rulebook.choices[choices].words[str(key)][lang]
    return f"≥ {decimal_text(Fraction(str(key)))}"


def _data(rulebook: Rulebook, policy: Policy, on: date, lang: str) -> dict[str, object]:
    wording = Wording(rulebook, lang, on)

    def tree(node: Condition) -> dict[str, object]:
        found: dict[str, object] = {
            "id": node.id,
            "kind": node.kind,
            "text": wording.condition(node, policy),
            "rule": node.text,
            "cite": cited(node.cite, lang),
            "verified": node.verified,
        }
        if node.kind in ("all", "any", "none"):
            found["parts"] = [tree(part) for part in node.parts]
        return found

    return {
        "policy": policy.id,
        "title": policy.title_on(on)[lang],
        "from": policy.from_date.isoformat(),
        "to": policy.to_date.isoformat() if policy.to_date else None,
        "cite": cited(policy.cite, lang),
        "when": tree(policy.when),
        "gives": [
            {
                "id": i.id,
                "title": i.title[lang],
                "per": i.per,
                "up_to": i.up_to,
                "amount": wording.expression(i.amount, policy) if i.amount else None,
            }
            for i in policy.gives
        ],
        "excludes": [e.policy for e in policy.excludes],
        "figures": {
            name: figure(rulebook.parameters[name], rulebook.parameters[name].on(on))
            for name in _figures(rulebook, policy)
        },
    }
