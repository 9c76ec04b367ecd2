"""A rulebook with one file changed: what `jiuzhu check` would say of it, and what it would decide.

For an editor that asks again at every pause. Where only a policy's file changed, and neither its name nor its level,
nothing else is read again; anything else is read as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import monotonic

from engine.decide.decision import Answer, Decision
from engine.decide.examples import Trial, example_household
from engine.decide.program import Program, compile_rulebook
from engine.decide.reads import facts_read
from engine.language.checks import CHECKS, expressions_of, parameters_read
from engine.language.difference import differences
from engine.language.expressions import Names
from engine.language.model import Example, Policy, Rulebook
from engine.language.places import Place
from engine.language.policies import read_heading, read_policy
from engine.language.problems import Problem, Problems
from engine.language.rulebook import decision_order, digest_of, exclusion_groups, policy_numbers, read_texts
from engine.language.source import encoded, read_yaml
from engine.language.tree import Condition, Expr

LARGEST = 120_000
"""Bytes of a file that an editor takes: one and a half times the largest of the house."""
MOST_EXAMPLES = 120


@dataclass(frozen=True, slots=True)
class Edited:
    """A rulebook in which `path` holds `text`.

    rulebook  as far as it could be read; None where nothing of it could
    problems  of the files, sorted; examples are run by `tried`
    """

    path: str
    text: str
    rulebook: Rulebook | None
    problems: tuple[Problem, ...]
    _program: list[Program] = field(default_factory=list, repr=False)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policy versions that stand in the file."""
        book = self.rulebook
        return () if book is None else tuple(policy for policy in book.policies if policy.at.file == self.path)

    @property
    def program(self) -> Program | None:
        """The compiled rulebook; None where it has problems."""
        if self.rulebook is None or self.problems:
            return None
        if not self._program:
            self._program.append(compile_rulebook(self.rulebook))
        return self._program[0]


@dataclass(frozen=True, slots=True)
class Tried:
    """One example, run: what came out, and what was expected otherwise. `decision` is None where it could not be
    decided."""

    policy: Policy
    example: Example
    decision: Decision | None
    problems: tuple[Problem, ...]

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The answers of the policy itself."""
        return () if self.decision is None else tuple(a for a in self.decision.answers if a.policy is self.policy)


class TooLong(Exception):
    """There is no time for running these examples. `results` and `problems`: those of the ones that were run."""

    def __init__(self, results: tuple[Tried, ...], problems: tuple[Problem, ...]):
        self.results, self.problems = results, problems
        super().__init__(f"stopped after {len(results)} examples")


MOST_VISITS = 20_000
"""Visits of members that one decision may take in a changed rule: a loop over members inside a loop over members inside
a third one, for sixty people, would take hours."""


def too_heavy(program: Program, policies: tuple[Policy, ...], members: int) -> bool:
    """Whether deciding a household of so many members by these policies would take too long."""
    facts = program.rulebook.facts.values()
    derived = max((_loops(fact.condition) if fact.condition else _expr_loops(fact.expr) for fact in facts), default=0)
    own = 0
    for policy in policies:
        numbers = [_expr_loops(each) for each in policy_numbers(policy)]
        own = max([own, *map(_loops, policy.conditions()), *numbers])
    return int(members ** (1 + max(own, derived))) > max(MOST_VISITS, members * members)


def _loops(node: Condition) -> int:
    """How deep loops over members lie inside one another."""
    below = max([*map(_loops, node.parts), _expr_loops(node.expr)])
    return below + (node.kind in ("any_member", "every_member"))


def _expr_loops(node: Expr | None) -> int:
    if node is None:
        return 0
    return max(map(_expr_loops, node.args), default=0) + node.op.endswith(("_member", "_members"))


def edited(base: Rulebook, path: str, text: str) -> Edited:
    """`base` with the file `path` holding `text` (a new file, where there was none)."""
    files = dict(sorted({**base.files, path: text}.items()))
    old = next((policy for policy in base.policies if policy.at.file == path), None)
    quick = None if old is None else _policy_alone(base, files, old, path)
    if quick is not None:
        return quick
    book, problems = read_texts(files)
    return Edited(path, text, book, problems)


def _policy_alone(base: Rulebook, files: dict[str, str], old: Policy, path: str) -> Edited | None:
    """As `edited`, without reading any other file; None where that would not be right."""
    problems = Problems(lines={name: content.splitlines() for name, content in files.items()})
    node = read_yaml(encoded(files[path]), path, problems)
    if node is None:
        if not len(problems):
            problems.add("not-yaml", Place(path), why="the file is empty")
        return Edited(path, files[path], None, problems.sorted())
    heading = read_heading(node, problems)
    if heading is None or (heading.id, heading.level) != (old.id, old.level):
        return None
    names = Names(base.choices, base.facts, base.parameters, {name: base.level(name) for name in base.ids()})
    new = read_policy(node, names, problems, old.group, old.jurisdiction, old.order)
    if new is None:
        return None
    policies = tuple(
        sorted((new if policy is old else policy for policy in base.policies), key=lambda p: (p.order, p.from_date))
    )
    book = replace(
        base,
        digest=digest_of(files),
        files=files,
        policies=policies,
        order=decision_order(policies, problems),
        exclusions=exclusion_groups(policies, problems),
    )
    for check in CHECKS:
        check(book, problems)
    return Edited(path, files[path], book, problems.sorted())


def affected(base: Rulebook, change: Edited) -> tuple[Policy, ...]:
    """The policy versions whose examples a change calls for: those of its file, and those that read a figure, fact or
    derived fact which means something else now."""
    book = change.rulebook
    if book is None or change.policies:
        return change.policies
    found = differences(base, book)
    figures = {each.name for each in found if each.kind == "figure"}
    facts = {each.name for each in found if each.kind == "fact"}

    def reads(policy: Policy) -> bool:
        exprs = expressions_of(policy)
        return bool(figures & set(parameters_read(book, exprs)) or facts & set(facts_read(book, exprs)))

    return tuple(policy for policy in book.policies if reads(policy)) if figures or facts else ()


def tried(
    change: Edited, seconds: float = 5.0, policies: tuple[Policy, ...] | None = None
) -> tuple[tuple[Tried, ...], tuple[Problem, ...]]:
    """Run the examples of the policies in the edited file (or of `policies`): each with what came out, and every
    problem they bring to light, borders that none of them shows among them. Raises TooLong after `seconds`, or where a
    policy has more than MOST_EXAMPLES."""
    program = change.program
    if program is None:
        return (), ()
    over = monotonic() + seconds
    problems = Problems(lines={name: content.splitlines() for name, content in program.rulebook.files.items()})
    found: list[Tried] = []
    for policy in change.policies if policies is None else policies:
        if len(policy.examples) > MOST_EXAMPLES:
            raise TooLong(tuple(found), problems.sorted())
        trial = Trial(program, policy, problems)
        for example in policy.examples:
            if monotonic() > over:
                raise TooLong(tuple(found), problems.sorted())
            before = len(problems)
            if too_heavy(program, policies or change.policies, _members(program.rulebook, example)):
                raise TooLong(tuple(found), problems.sorted())
            decision = trial.decision(example)
            if decision is not None:
                trial.compare(decision, example)
            found.append(Tried(policy, example, decision, tuple(problems.found[before:])))
        trial.look_at_statuses()
        trial.look_at_borders()
    return tuple(found), problems.sorted()


def _members(rulebook: Rulebook, example: Example) -> int:
    known = "like" not in example.household or example.household["like"] in rulebook.households
    return len(example_household(rulebook, example)["members"]) if known else 0
