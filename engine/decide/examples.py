"""Runs the examples that stand beside the law, and looks whether they show every border of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

from engine.decide.best import Combination
from engine.decide.conditions import conditions_of
from engine.decide.decision import ELIGIBLE, INELIGIBLE, UNDETERMINED, Answer, Decision
from engine.decide.outcomes import Outcome, Span
from engine.decide.program import Program, compile_rulebook, narrowed
from engine.decide.record import yuan
from engine.decide.results import result_of
from engine.decide.run import run
from engine.language.alerts import alert_book, alerts_as_policies
from engine.language.checks import parameters_read, top_level
from engine.language.household import HouseholdError, read_household
from engine.language.labels import label_book, labels_as_policies
from engine.language.model import Example, Policy, Rulebook
from engine.language.places import Place
from engine.language.problems import Problem, Problems
from engine.language.tree import Condition
from engine.language.types import Base, day_of, decimal_text

STATUS_ZH = {ELIGIBLE: "符合", INELIGIBLE: "不符合", UNDETERMINED: "待定"}
_TRUTH_ZH = {"yes": "是", "no": "否"}
_QUOTIENT = re.compile(r"-?[0-9]+/[1-9][0-9]*")


def check_examples(program: Program, lines: dict[str, list[str]] | None = None, only: str = "") -> tuple[Problem, ...]:
    """Every problem the examples bring to light; `only` looks at one policy."""
    problems = Problems(lines=lines or {path: text.splitlines() for path, text in program.rulebook.files.items()})
    for policy in program.rulebook.policies:
        if only in ("", policy.id):
            Trial(program, policy, problems).run()
    alerts = [policy for policy in alerts_as_policies(program.rulebook) if only in ("", policy.id)]
    if alerts:  # the alert rules of the watch: conditions like any other, decided after all policies
        watched = compile_rulebook(alert_book(program.rulebook))
        for policy in alerts:
            Trial(watched, policy, problems).run()
    tags = [policy for policy in labels_as_policies(program.rulebook) if only in ("", policy.id)]
    if tags:
        labelled = compile_rulebook(label_book(program.rulebook))
        for policy in tags:
            Trial(labelled, policy, problems).run()
    return problems.sorted()


def example_household(rulebook: Rulebook, example: Example) -> dict[str, Any]:
    """The raw facts of an example: its named household, less those left out, with what differs."""
    base: dict[str, Any] = {}
    if "like" in example.household:
        base = dict(rulebook.households[str(example.household["like"])])
    without = example.household.get("without") or []
    members: dict[Any, dict[str, Any]] = {
        member.get("id"): dict(member) for member in base.get("members", []) if member.get("id") not in without
    }
    changes = dict(example.household.get("household") or {})
    for member in changes.pop("members", None) or []:
        members.setdefault(member.get("id"), {}).update(member)
    return {**base, **changes, "members": list(members.values())}


class Trial:
    """The examples of one policy version, run."""

    def __init__(self, program: Program, policy: Policy, problems: Problems):
        self.program, self.policy, self.problems = program, policy, problems
        self.statuses: set[str] = set()
        # per comparison leaf: outcomes seen within one step of the border
        self.near: dict[str, set[str]] = {}

    def run(self) -> None:
        self.look_at_names()
        for example in self.policy.examples:
            decision = self.decision(example)
            if decision is not None:
                self.compare(decision, example)
        self.look_at_statuses()
        self.look_at_borders()

    def decision(self, example: Example, whole: bool = False) -> Decision | None:
        """The example's decision: of its own policies and what they ask, or of every policy where that is wanted."""
        if not self.policy.in_force(example.on):
            self.problems.add("example-not-in-force", example.at, name=self.policy.id, on=example.on)
            return None
        like = example.household.get("like")
        if like is not None and like not in self.program.rulebook.households:
            hint = self.problems.near(str(like), self.program.rulebook.households)
            self.problems.add("unknown-household", example.at, hint, name=like)
            return None
        try:
            household = read_household(example_household(self.program.rulebook, example), self.program.vocabulary)
            edition = self.program.edition(example.on, self.places())
            if not whole and not of_the_whole(example):
                edition = narrowed(edition, {self.policy.id, *example.also})
            return Decision(self.program, edition, household, run(self.program, edition, household))
        except HouseholdError as error:
            for each in error.problems:
                self.problems.add(
                    "bad-household",
                    example.at,
                    each.hint,
                    path=each.path or "/",
                    why=each.message("en"),
                    why_zh=each.message("zh"),
                )
            return None

    def places(self) -> frozenset[str] | None:
        home = self.program.rulebook.jurisdictions.get(self.policy.jurisdiction)
        return None if home is None or home.in_force else frozenset({self.policy.jurisdiction})

    # -- what was expected --

    def compare(self, decision: Decision, example: Example) -> None:
        for policy, expected in ((self.policy.id, example.expect), *example.also.items()):
            if policy not in decision.edition.by_id:
                code = "example-not-in-force" if policy in self.program.rulebook.ids() else "unknown-policy"
                self.problems.add(code, example.at, name=policy, on=example.on)
                continue
            level = decision.edition.by_id[policy].policy.level
            if level == "household":
                self.compare_one(decision, example, policy, "", expected)
                continue
            members = {member.id for member in decision.household.members}
            for member, each in expected.items():
                if str(member) not in members:
                    self.problems.add(
                        "example-fails",
                        example.at,
                        self.problems.near(str(member), members),
                        what=f"'{member}'",
                        wanted="a member",
                        found="nobody",
                    )
                elif isinstance(each, dict):
                    self.compare_one(decision, example, policy, str(member), each)
                else:
                    self.problems.add(
                        "wrong-shape",
                        example.at,
                        what=f"what is expected of '{member}'",
                        wanted="a mapping",
                        found=str(each),
                        wanted_zh="映射",
                        found_zh=str(each),
                    )
        self.note(decision)

    def compare_one(
        self, decision: Decision, example: Example, policy: str, member: str, expected: dict[str, Any]
    ) -> None:
        answer = decision.answer(policy, member)
        what = f"{policy}" + (f" of {member}" if member else "")
        for key, wanted in expected.items():
            found = self.found(decision, answer, key)
            if found is None:
                known = [
                    "status",
                    "conditional_on",
                    "missing",
                    "receives",
                    "best",
                    "choices",
                    *(a.item.id for a in answer.amounts),
                    *(let.name for let in answer.policy.lets),
                ]
                self.problems.add(
                    "example-fails",
                    example.at,
                    self.problems.near(key, known),
                    what=f"{what}: {key}",
                    wanted=shown(wanted),
                    found="no such item or intermediate result",
                )
            elif not same(wanted, found):
                self.problems.add(
                    "example-fails",
                    example.at,
                    self.why(answer),
                    what=f"{what}: {key}",
                    wanted=shown(wanted),
                    found=shown(found),
                )

    def found(self, decision: Decision, answer: Answer, key: str) -> Any:
        if key == "status":
            return answer.status
        if key == "conditional_on":
            return list(answer.conditional_on or ())
        if key == "missing":
            return list(dict.fromkeys(fact for fact, _ in decision.missing_for(answer)))
        if key == "receives":
            return answer.receives
        if key == "best":
            return best_with(decision, answer)
        if key == "choices":
            return choices_with(decision, answer)
        for each in answer.amounts:
            if each.item.id == key:
                if each.item.amount is None:
                    return "yes" if each.given else "unknown" if each.possible else "no"
                low, high = each.months
                months = {"months": Decimal(low) if low == high else f"{low} … {high}"} if each.item.for_months else {}
                return {"least": Decimal(yuan(each.least)), "most": Decimal(yuan(each.most)), **months}
        return result_of(self.program.rulebook, answer, key)

    def why(self, answer: Answer) -> tuple[str, str]:
        """The conditions that did not come out yes, as the hint of a failed example."""
        failed = [o.id for o in answer.outcomes.all() if o.word != "yes" and self._top(o.id, answer)]
        return (f"not yes: {', '.join(failed[:6])}", f"未满足：{'、'.join(failed[:6])}") if failed else ("", "")

    def _top(self, id: str, answer: Answer) -> bool:
        return any(part.id == id for part in answer.policy.when.parts)

    # -- what the examples show --

    def look_at_names(self) -> None:
        """An item and an intermediate result of one name: an example could not say which of them it expects."""
        lets = {let.name: let.at for let in self.policy.lets}
        for item in self.policy.gives:
            if item.id in lets:
                self.problems.add("name-taken", item.at, name=item.id, where=lets[item.id])

    def note(self, decision: Decision) -> None:
        """Remember the statuses and borders this example shows of the policy it stands beside."""
        for answer in decision.answers:
            if answer.policy is not self.policy:
                continue
            self.statuses.add(answer.status)
            for outcome in answer.outcomes.all():
                if outcome.certain == outcome.possible and near_border(self.leaf(outcome), outcome):
                    self.near.setdefault(outcome.id, set()).add(outcome.word)

    def leaf(self, outcome: Outcome) -> Condition | None:
        node = conditions_of(self.program, self.policy).get(outcome.id)
        return node if node is not None and compares(node) else None

    def look_at_statuses(self) -> None:
        if not self.policy.examples:
            return  # said by every_policy_is_cited_and_tried
        wanted = (UNDETERMINED,) if self.never_published() else (ELIGIBLE, INELIGIBLE, UNDETERMINED)
        for status in wanted:
            if status not in self.statuses:
                self.problems.add(
                    "no-example-with-status",
                    self.policy.at,
                    name=self.policy.id,
                    status=status,
                    status_zh=STATUS_ZH[status],
                )

    def never_published(self) -> bool:
        """Whether a figure that gates the policy is not published on any day the policy is in force."""
        for name in parameters_read(self.program.rulebook, top_level(self.policy.when)):
            parameter = self.program.rulebook.parameters[name]
            last = self.policy.to_date or date(9999, 12, 31)
            if not any(value.published and value.from_date <= last for value in parameter.values):
                return True
        return False

    def look_at_borders(self) -> None:
        if self.never_published() or not self.policy.examples:
            return
        trees = [self.policy.when, *(let.condition for let in self.policy.lets if let.condition)]
        trees += [item.condition for item in self.policy.gives if item.condition]
        for node in (node for tree in trees for node in tree.walk() if compares(node)):
            for truth in ("yes", "no"):
                if truth not in self.near.get(node.id, set()):
                    self.problems.add(
                        "boundary-not-shown",
                        self._place(node),
                        leaf=node.id,
                        truth=truth,
                        truth_zh=_TRUTH_ZH[truth],
                        step=decimal_text(step_of(node)),
                    )

    def _place(self, node: Condition) -> Place:
        return node.at


def best_with(decision: Decision, answer: Answer) -> list[str]:
    """The policies of the best combination among those this one is tied with; empty where none is best."""
    for each in tied(decision, answer):
        if each.best is not None:
            return list(each.options[each.best].policies)
    return []


def choices_with(decision: Decision, answer: Answer) -> list[list[str]]:
    """The lawful choices among the policies this one is tied with by exclusions; empty where nothing must be chosen."""
    return [list(option.policies) for each in tied(decision, answer) for option in each.options]


def tied(decision: Decision, answer: Answer) -> list[Combination]:
    """Where this policy stands among others that exclude one another, for its subject."""
    return [
        each
        for each in decision.combinations
        if answer.policy.id in each.group.policies and each.member in ("", answer.member)
    ]


def of_the_whole(example: Example) -> bool:
    """Whether an example expects what only a decision of every policy can say: an order of questions, a best choice."""
    wanted = [example.expect, *example.also.values()]
    wanted += [each for group in wanted for each in group.values() if isinstance(each, dict)]
    return any(len(each.get("missing") or ()) > 1 or "best" in each or "choices" in each for each in wanted)


def compares(node: Condition) -> bool:
    """Whether a condition is a leaf that compares numbers or dates."""
    expr = node.expr
    ordered = expr is not None and expr.op in ("<", "<=", ">", ">=", "==", "!=")
    return ordered and expr is not None and (expr.args[0].type.numeric or expr.args[0].type.base is Base.DATE)


def step_of(node: Condition) -> Fraction:
    """The smallest step of what a leaf compares."""
    assert node.expr is not None
    left, right = node.expr.args
    if left.type.base is Base.DATE:
        return Fraction(1)
    return (
        max(left.type.step, right.type.step)
        if left.type.base is right.type.base
        else min(left.type.step, right.type.step)
    )


def near_border(node: Condition | None, outcome: Outcome) -> bool:
    """Whether both sides are settled and within one step of each other."""
    if node is None or not isinstance(outcome.left, Span) or not isinstance(outcome.right, Span):
        return False
    left, right = outcome.left, outcome.right
    if left.least != left.most or right.least != right.most:
        return False
    assert node.expr is not None
    if node.expr.args[0].type.base is Base.DATE:
        return abs((day_of(int(left.least)) - day_of(int(right.least))).days) <= 1
    return abs(left.least - right.least) <= step_of(node)


def same(wanted: Any, found: Any) -> bool:
    """Whether what was expected is what came out; one value stands for both ends, `unknown` for ends that differ."""
    if isinstance(found, dict):
        if isinstance(wanted, dict):
            return set(wanted) <= set(found) and all(_number(wanted[key]) == found[key] for key in wanted)
        if wanted == "unknown":
            return bool(found["least"] != found["most"])
        value = _number(wanted)
        return value is not None and found["least"] == value == found["most"]
    if isinstance(wanted, bool):
        return bool(found == ("yes" if wanted else "no"))
    if isinstance(found, tuple):  # one of these choices
        return bool(wanted in ("unknown", list(found)))
    return bool(wanted == found)


def _number(value: Any) -> Decimal | Fraction | date | None:
    """An expected value as the exact number or day it is; a quotient may be written as text, `2000/3`."""
    if isinstance(value, str) and _QUOTIENT.fullmatch(value):
        return Fraction(value)
    if isinstance(value, date):
        return value
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def shown(value: Any) -> str:
    """What was expected or found, for the message."""
    if isinstance(value, dict):
        ends = [shown(value[key]) for key in ("least", "most") if key in value]
        return " … ".join(dict.fromkeys(ends))
    if isinstance(value, Fraction):
        return decimal_text(value)
    if isinstance(value, tuple):
        return " | ".join(value)
    return str(value)


def run_examples(program: Program, every: int = 1) -> Iterator[tuple[Policy, Example, Decision]]:
    """The examples (every so manieth of them) with their decisions, for tests."""
    trials = ((policy, Trial(program, policy, Problems())) for policy in program.rulebook.policies)
    examples = ((policy, trial, example) for policy, trial in trials for example in policy.examples)
    for policy, trial, example in islice(examples, 0, None, every):
        decision = trial.decision(example, whole=True)
        if decision is not None:
            yield policy, example, decision
