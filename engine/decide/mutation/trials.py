"""The examples that must notice a change of a rule, prepared so that they run thousands of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from engine.decide.decision import Decision
from engine.decide.examples import Trial, example_household, of_the_whole
from engine.decide.mutation.patched import Patched, Patcher, Version, version_of
from engine.decide.program import Edition, narrowed
from engine.decide.reads import facts_read
from engine.decide.run import run
from engine.language.checks import CHECKS, expressions_of, parameters_read
from engine.language.household import Household, HouseholdError, read_household
from engine.language.model import Example, Policy, Rulebook
from engine.language.problems import Problem, Problems

Group = tuple[Policy, tuple[Example, ...]]  # a policy version and some of its examples


@dataclass(frozen=True, slots=True)
class Case:
    """One example with its household read, and the edition of its day with only the policies that bear on it."""

    household: Household
    edition: Edition


class Court:
    """The examples of a rulebook; tries patched programs on them. What is tried must have no problem unpatched."""

    def __init__(self, patcher: Patcher):
        self.patcher, self.program = patcher, patcher.program
        self.rulebook: Rulebook = patcher.rulebook
        self.cases: dict[int, Case] = {}

    def case(self, policy: Policy, example: Example) -> Case:
        """An example made ready, the first time it is needed."""
        if id(example) not in self.cases:
            self.cases[id(example)] = self._prepared(policy, example)
        return self.cases[id(example)]

    def _prepared(self, policy: Policy, example: Example) -> Case:
        household = read_household(example_household(self.rulebook, example), self.program.vocabulary)
        whole = self.program.edition(example.on, Trial(self.program, policy, Problems()).places())
        # the order of what is missing is that of the whole catalogue: then nothing may be left out
        narrow = whole if of_the_whole(example) else narrowed(whole, {policy.id, *example.also})
        return Case(household, narrow)

    # -- which examples look at what --

    @cached_property
    def figures_read(self) -> dict[Version, frozenset[str]]:
        """The figures each policy version reads, also through derived facts."""
        book = self.rulebook
        return {version_of(p): frozenset(parameters_read(book, expressions_of(p))) for p in book.policies}

    def readers_of_parameter(self, name: str) -> tuple[Policy, ...]:
        """The policy versions that read a figure."""
        return tuple(p for p in self.rulebook.policies if name in self.figures_read[version_of(p)])

    def readers_of_fact(self, name: str) -> tuple[Policy, ...]:
        """The policy versions that read a derived fact, also through others."""
        return tuple(p for p in self.rulebook.policies if name in facts_read(self.rulebook, expressions_of(p)))

    def naming(self, policy: str) -> tuple[Group, ...]:
        """The examples of other policies that say what this one must come to."""
        found = (
            (other, tuple(example for example in other.examples if policy in example.also))
            for other in self.rulebook.policies
            if other.id != policy
        )
        return tuple((other, examples) for other, examples in found if examples)

    # -- the trial --

    def first_problem(self, patched: Patched, own: Sequence[Policy], others: Sequence[Group] = ()) -> Problem | None:
        """The first problem the change brings: an example that fails, or else a check; None: nobody notices.

        All examples of `own` must notice it, of `others` only those given.
        """
        groups = [*((policy, policy.examples) for policy in own), *others]
        looks = (
            *(partial(self._fails, patched, *group) for group in groups),
            *(partial(self._shows_too_little, patched, policy) for policy in own),
            partial(self._fails_a_check, patched),
        )
        return next((problem for look in looks if (problem := look()) is not None), None)

    def _fails(self, patched: Patched, policy: Policy, examples: tuple[Example, ...]) -> Problem | None:
        """The first of the examples that fails."""
        problems = self.patcher.problems()
        trial = _Prepared(self, patched, policy, problems)
        for example in examples:
            decision = trial.decision(example)
            if decision is not None:
                trial.compare(decision, example)
            if len(problems):
                return problems.sorted()[0]
        return None

    def _shows_too_little(self, patched: Patched, policy: Policy) -> Problem | None:
        """A border or a status of the changed rule that its examples, which all pass, do not show."""
        problems = self.patcher.problems()
        _Prepared(self, patched, policy, problems, notes=True).run()
        return next(iter(problems.sorted()), None)

    def _fails_a_check(self, patched: Patched) -> Problem | None:
        problems = self.patcher.problems()
        for check in CHECKS:
            check(patched.program.rulebook, problems)
        return next(iter(problems.sorted()), None)


class _Prepared(Trial):
    """The trial of one policy version as patched, whose households need no reading."""

    def __init__(self, court: Court, patched: Patched, policy: Policy, problems: Problems, notes: bool = False):
        super().__init__(patched.program, patched.policy(policy), problems)
        self.court, self.patched, self.notes = court, patched, notes

    def decision(self, example: Example, whole: bool = False) -> Decision | None:
        if not self.policy.in_force(example.on):
            self.problems.add("example-not-in-force", example.at, name=self.policy.id, on=example.on)
            return None
        case = self.court.case(self.policy, example)
        edition = self.patched.edition(case.edition)
        try:
            found = run(self.program, edition, case.household)
        except HouseholdError as error:
            each = error.problems[0]
            self.problems.add("bad-household", example.at, path="/", why=each.message("en"), why_zh=each.message("zh"))
            return None
        return Decision(self.program, edition, case.household, found)

    def note(self, decision: Decision) -> None:
        if self.notes:  # what an example shows takes longer to find than whether it passes
            super().note(decision)


__all__ = ["Case", "Court"]
