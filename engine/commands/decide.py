"""`jiuzhu decide`: one household, every policy, with amounts and reasons."""

from __future__ import annotations

from datetime import date

import click
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from engine.commands.common import (
    console,
    fail,
    json_option,
    lang_option,
    load_program,
    on_option,
    print_json,
    read_facts,
    rules_option,
)
from engine.decide.decision import ELIGIBLE, INELIGIBLE, UNDETERMINED, Answer, Decision, decide
from engine.decide.decisive import decisive, first_reason, likeness
from engine.decide.explain import Explainer, Line
from engine.decide.labels import Carried, carried, explain_label
from engine.decide.program import Program
from engine.decide.record import in_full, record
from engine.language.household import HouseholdError, read_household
from engine.language.problems import did_you_mean
from engine.language.words import STATUS, money_text

_STYLE = {"yes": "green", "no": "red", "unknown": "yellow", "": "dim"}


@click.command(
    name="decide",
    epilog="例 / examples:\n\n  jiuzhu decide docs/examples/family.yaml --on 2025-08-01\n\n"
    "  jiuzhu decide family.json --on 2025-08-01 --policy minimum_living_allowance --full\n\n"
    "  cat family.yaml | jiuzhu decide - --on 2025-08-01 --json",
)
@click.argument("household", metavar="HOUSEHOLD.yaml|json|-")
@on_option
@click.option("--policy", metavar="ID", help="只看一项政策 / one policy only.")
@click.option("--full", is_flag=True, help="列出每一项条件 / every condition, not only those that decide.")
@click.option(
    "--jurisdiction",
    "places",
    multiple=True,
    metavar="NAME",
    help="适用哪些辖区的规定 / whose law (default: those in force).",
)
@rules_option
@lang_option
@json_option
def decide_command(
    household: str,
    on: date,
    policy: str | None,
    full: bool,
    places: tuple[str, ...],
    rules: str | None,
    lang: str,
    as_json: bool,
) -> None:
    """认定一个家庭能享受什么、为什么、还缺什么。/ Decide what a household is entitled to, and say why.

    Exit code 0: decided, 1: the rules have problems, 2: the input is wrong.
    """
    program = load_program(rules, lang)
    _known(policy, places, program, lang)
    raw = read_facts(household, lang)
    try:
        decision = decide(program, read_household(raw, program.vocabulary), on, frozenset(places) or None)
    except HouseholdError as error:
        out = console(stderr=True)
        for problem in error.problems:
            hint = problem.hint[lang == "zh"]
            out.print(
                f"{household}: {problem.path or '/'}: {problem.code}: {problem.message(lang)}"
                + (f"  {hint}" if hint else ""),
                style="red",
                soft_wrap=True,
                markup=False,
            )
        fail(f"{len(error.problems)} 处输入有误", f"{len(error.problems)} fault(s) in the input", lang)
    if as_json:
        whole = in_full(record(decision), decision)
        if policy:
            whole["answers"] = [each for each in whole["answers"] if each["policy"] == policy]
        explainer = Explainer(decision, lang)
        reasons = [explainer.answer(a).data() for a in decision.answers if policy in (None, a.policy.id)]
        tags = [explain_label(explainer, each).data() for each in carried(decision) if each.word != "no"]
        print_json({**whole, "explanation": reasons, "label_explanation": tags})
        return
    _Page(decision, lang, full, policy, console()).show()


def _known(policy: str | None, places: tuple[str, ...], program: Program, lang: str) -> None:
    ids = program.rulebook.ids()
    if policy is not None and policy not in ids:
        hint = did_you_mean(policy, ids)
        fail(f"没有名为“{policy}”的政策。{hint[1]}", f"no policy is called '{policy}'. {hint[0]}", lang)
    for place in places:
        if place not in program.rulebook.jurisdictions:
            known = ", ".join(program.rulebook.jurisdictions)
            fail(
                f"没有名为“{place}”的辖区；可选：{known}",
                f"no jurisdiction is called '{place}'; there are: {known}",
                lang,
            )


class _Page:
    """The sections a person reads, top to bottom."""

    def __init__(self, decision: Decision, lang: str, full: bool, policy: str | None, out: Console):
        self.decision, self.lang, self.full, self.policy, self.out = decision, lang, full, policy, out
        self.explainer = Explainer(decision, lang, reasons_of_facts=True)

    def say(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    def show(self) -> None:
        decision = self.decision
        size = len(decision.household.members)
        self.out.print(
            self.say(f"认定日期 {decision.on}，{size} 名成员", f"decided for {decision.on}, {size} member(s)"),
            style="bold",
        )
        for status in (ELIGIBLE, UNDETERMINED, INELIGIBLE):
            self.answers(status)
        if not self.policy:
            self.combinations()
            self.totals()
            self.labels()
        self.order_to_apply()
        self.ask_next()
        self.to_do()
        self.caveats()
        if not self.policy and decision.not_in_force:
            names = self.say("、", ", ").join(self.explainer.wording.policy(name) for name in decision.not_in_force)
            self.heading(self.say("当日未生效", "Not in force on the day"))
            self.out.print(f"  {names}", markup=False)

    def heading(self, text: str) -> None:
        self.out.print(f"\n{text}", style="bold", markup=False)

    def mine(self) -> list[Answer]:
        return [a for a in self.decision.answers if self.policy in (None, a.policy.id)]

    def answers(self, status: str) -> None:
        found = [answer for answer in self.mine() if answer.status == status]
        if not found:
            return
        self.heading(STATUS[status][self.lang] + f" ({len(found)})")
        brief = status == INELIGIBLE and not self.full and not self.policy
        if brief:
            self.briefly(found)
            return
        shown: dict[tuple[str, object], list[tuple[Answer, Line]]] = {}
        for answer in found:
            line = self.explainer.answer(answer)
            line = line if self.full else decisive(line, answer, self.decision.program)
            shown.setdefault((answer.policy.id, likeness(line, answer)), []).append((answer, line))
        for alike in shown.values():
            answer, line = alike[0]
            members = [each.member for each, _ in alike]
            self.out.print(self._tree(line._replace(text=self.explainer.headline(answer, members))))

    def briefly(self, found: list[Answer]) -> None:
        """One line an ineligible policy, members together, each with the first reason."""
        reasons: dict[str, dict[str, list[str]]] = {}
        for answer in found:
            line = self.explainer.answer(answer)
            reason = next((part for part in line.parts if part.outcome == "no"), None)
            said = first_reason(reason) if reason else ""
            if answer.conditional:
                said = self.explainer.conditional_text(answer)
            reasons.setdefault(answer.policy.id, {}).setdefault(said, []).append(answer.member)
        for policy, each in reasons.items():
            text = self.explainer.wording.policy(policy)
            parts = []
            for said, members in each.items():
                who = self.say("、", ", ").join(m for m in members if m)
                label = self.say(f"成员 {who}：", f"{who}: ") if who else ""
                parts.append(f"{label}{said}")
            self.out.print(
                f"  ✗ {text}" + self.say("——", " — ") + self.say("；", "; ").join(parts), markup=False, soft_wrap=True
            )

    def _tree(self, line: Line) -> Tree:
        tree = Tree(self._label(line, top=True), guide_style="dim")
        for part in line.parts:
            tree.add(self._tree(part) if part.parts else self._label(part))
        return tree

    def _label(self, line: Line, top: bool = False) -> str:
        cite = f" [dim]{escape(line.cite)}[/]" if line.cite else ""
        mark = f"{line.mark} " if line.outcome else ""
        style = _STYLE[line.outcome]
        text = f"[bold]{escape(line.text)}[/]" if top and line.id and not line.member else escape(line.text)
        return f"[{style}]{mark}[/]{text}{cite}" if mark else f"[dim]{text}[/]{cite}"

    def combinations(self) -> None:
        if not self.decision.combinations:
            return
        self.heading(self.say("不能同时享受的政策", "What may not be drawn together"))
        for each in self.decision.combinations:
            for number, option in enumerate(each.options):
                names = self.say("、", ", ").join(self.explainer.wording.policy(name) for name in option.policies)
                worth = money_text(option.least, self.lang)
                if (each.group.policies[0], each.member, option.policies) in self.decision.open_options:
                    worth = self.say(f"不低于 {worth}", f"at least {worth}")
                elif option.least != option.most:
                    worth += f" – {money_text(option.most, self.lang)}"
                mark = "★" if number == each.best else " "
                who = f" ({each.member})" if each.member else ""
                gives_up = self.say("；将放弃正在享受的待遇", "; gives up what is drawn now") if option.gives_up else ""
                self.out.print(
                    f"  {mark} {names}{who}："
                    + self.say(f"未来十二个月 {worth}", f"{worth} in twelve months")
                    + gives_up,
                    markup=False,
                    soft_wrap=True,
                )
            if each.best is None:
                self.out.print(
                    self.say("    尚不能确定哪种组合最有利", "    which is best is not settled yet"), markup=False
                )

    def totals(self) -> None:
        if not self.decision.totals:
            return
        self.heading(self.say("合计（可同时享受的部分）", "Together, as far as the law allows"))
        for per, (least, most) in self.decision.totals.items():
            if least == most:
                text = money_text(least, self.lang, per)
            elif self._open(per):
                text = self.say(
                    f"不低于{money_text(least, self.lang, per)}", f"at least {money_text(least, self.lang, per)}"
                )
            else:
                text = self.say(
                    f"{money_text(least, self.lang, per)} 至 {money_text(most, self.lang)}",
                    f"{money_text(least, self.lang)} to {money_text(most, self.lang, per)}",
                )
            self.out.print(f"  {text}", markup=False)

    def labels(self) -> None:
        """The labels the household carries or may carry, members together; with `full`, why."""
        shown: dict[tuple[str, str], list[Carried]] = {}
        for each in carried(self.decision):
            if each.word != "no":
                shown.setdefault((each.word, each.label.id), []).append(each)
        for word, zh, en in (("yes", "标签", "Labels"), ("unknown", "标签：不明", "Labels not known")):
            mine = [group for (found, _), group in shown.items() if found == word]
            if not mine:
                continue
            self.heading(self.say(zh, en) + f" ({len(mine)})")
            if self.full:
                for each in (each for group in mine for each in group):
                    self.out.print(self._tree(explain_label(self.explainer, each)))
                continue
            names = []
            for group in mine:
                who = self.say("、", ", ").join(each.member for each in group if each.member)
                names.append(group[0].label.title[self.lang] + (self.say(f"（{who}）", f" ({who})") if who else ""))
            self.out.print(f"  {self.say('、', ', ').join(names)}", markup=False, soft_wrap=True)

    def _open(self, per: str) -> bool:
        return any(
            each.item.per == per and each.possible and self.decision.open_above(answer, place)
            for answer in self.decision.answers
            for place, each in enumerate(answer.amounts)
        )

    def order_to_apply(self) -> None:
        """What to apply for first: a policy others hang on stands before them."""
        firm = {a.policy.id for a in self.mine() if a.status == ELIGIBLE}
        chains = {name for a in self.mine() if a.status == ELIGIBLE for name in a.conditional_on or ()}
        waiting = {a.policy.id for a in self.mine() if a.status == ELIGIBLE and a.conditional_on}
        steps = [name for name in self.decision.program.rulebook.order if name in firm and name in chains | waiting]
        if steps:
            self.heading(self.say("申请顺序", "The order to apply in"))
            names = [f"{n}. {self.explainer.wording.policy(name)}" for n, name in enumerate(steps, 1)]
            self.out.print("  " + " → ".join(names), markup=False, soft_wrap=True)

    def ask_next(self) -> None:
        wanted = {(f, m) for a in self.mine() for f, m in self.decision.missing_for(a)} if self.policy else None
        found = [m for m in self.decision.missing if wanted is None or (m.fact, m.member) in wanted]
        if not found:
            return
        self.heading(self.say(f"接下来问什么（共 {len(found)} 项）", f"What to ask next ({len(found)})"))
        for number, each in enumerate(found if self.full else found[:8], 1):
            line = self.explainer.missing(each)
            self.out.print(
                f"  {number}. {line.text}" + (f" — {line.says}" if line.says else ""), markup=False, soft_wrap=True
            )
            self.out.print(f"     {line.parts[0].text}", style="dim", markup=False, soft_wrap=True)

    def to_do(self) -> None:
        """Documents, places and advice for what is or may be had."""
        found = [a for a in self.mine() if a.status == ELIGIBLE or (self.policy and a.possible)]
        seen: set[str] = set()
        lines: list[str] = []
        for answer in found:
            policy = answer.policy
            if policy.id in seen:
                continue
            seen.add(policy.id)
            papers = [
                d.words[self.lang]
                for d in policy.documents
                if d.condition is None or answer.outcomes.get(d.condition.id).possible
            ]
            if papers:
                lines.append(
                    f"  {self.explainer.title(policy)}"
                    + self.say("：带 ", ": bring ")
                    + self.say("；", "; ").join(papers)
                )
            if policy.where[self.lang]:
                lines.append(
                    "    "
                    + self.say("到 ", "at ")
                    + policy.where[self.lang]
                    + (self.say("，", ", ") + policy.channel[self.lang] if policy.channel[self.lang] else "")
                )
            for note in policy.notes:
                if (not note.condition.parts and note.condition.kind == "all") or answer.outcomes.get(
                    note.condition.id
                ).certain:
                    lines.append("    " + self.say("提示：", "note: ") + note.says[self.lang])
        if lines:
            self.heading(self.say("办理", "To apply"))
            for text in lines:
                self.out.print(text, markup=False, soft_wrap=True)

    def caveats(self) -> None:
        found: dict[str, None] = {}
        for answer in self.mine():
            if answer.possible:
                for each in self.decision.caveats(answer):
                    found.setdefault(self.explainer.caveat(each.code, each.words[self.lang], each.source))
        if found:
            self.heading(self.say("请注意", "Please note"))
            for text in found:
                self.out.print(f"  ! {text}", style="yellow", markup=False, soft_wrap=True)
