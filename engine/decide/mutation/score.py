"""Runs the mutants and counts them: how much of what the rules say is held by an example."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction

from engine.decide.mutation.mutants import Mutant, derived_mutants, parameter_mutants, policy_mutants
from engine.decide.mutation.patched import Patcher, version_of
from engine.decide.mutation.trials import Court, Group
from engine.decide.program import Program, compile_rulebook
from engine.language.model import Policy
from engine.language.problems import Problem
from engine.language.rulebook import load_texts

KILLED, CHECKED, ALIVE, REFUSED = "killed", "checked", "alive", "refused"


@dataclass(frozen=True, slots=True)
class Planned:
    """A mutant, whose it is (a policy, or the file of figures or facts), and which examples must notice it."""

    mutant: Mutant
    subject: str
    own: tuple[Policy, ...]
    others: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant.

    fate     killed: an example failed; checked: `jiuzhu check` reports it; alive: nobody noticed;
             refused: no rule at all, not counted
    problem  what noticed it
    """

    mutant: Mutant
    subject: str
    fate: str
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """The mutants of one subject, counted. `score` is the killed and checked of those that do not mean the same."""

    killed: int
    checked: int
    equivalent: int
    alive: int

    @property
    def mutants(self) -> int:
        return self.killed + self.checked + self.equivalent + self.alive

    @property
    def score(self) -> Fraction | None:
        """In percent; None where there is nothing to kill."""
        counted = self.mutants - self.equivalent
        return Fraction(100 * (self.killed + self.checked), counted) if counted else None


class Plan:
    """Every mutant of the policies asked for and of the figures they read; of derived facts where all are asked for."""

    def __init__(self, program: Program, policies: frozenset[str] = frozenset()):
        self.patcher = Patcher(program)
        self.court = Court(self.patcher)
        self.policies = policies
        self.planned: tuple[Planned, ...] = (*self._of_policies(), *self._of_parameters(), *self._of_facts())

    @property
    def files(self) -> frozenset[str]:
        """The rule files whose mutants are all planned (of a file of figures perhaps only some)."""
        own = {policy.at.file for policy in self._chosen()}
        shared = {fact.at.file for fact in self.patcher.rulebook.facts.values()}
        shared |= {parameter.at.file for parameter in self.patcher.rulebook.parameters.values()}
        return frozenset(own if self.policies else own | shared)

    @property
    def tried(self) -> tuple[str, ...]:
        """The policies whose examples are run: what already fails there cannot show that a change is noticed."""
        groups = [group for each in self.planned for group in (each.own, tuple(policy for policy, _ in each.others))]
        return tuple(dict.fromkeys(policy.id for group in groups for policy in group))

    def run(self, place: int) -> Verdict:
        """Try the mutant at one place of the plan."""
        each = self.planned[place]
        patched = self.patcher.patch(each.mutant)
        if patched is None:
            return Verdict(each.mutant, each.subject, REFUSED)
        problem = self.court.first_problem(patched, each.own, each.others)
        if problem is None:
            return Verdict(each.mutant, each.subject, ALIVE)
        noticed = problem.code in ("example-fails", "example-not-in-force", "bad-household")
        return Verdict(each.mutant, each.subject, KILLED if noticed else CHECKED, problem)

    def _chosen(self) -> tuple[Policy, ...]:
        return tuple(p for p in self.patcher.rulebook.policies if not self.policies or p.id in self.policies)

    def _of_policies(self) -> Iterator[Planned]:
        for policy in self._chosen():
            file = policy.at.file
            others = self.court.naming(policy.id)
            for mutant in policy_mutants(self.patcher.node(file), file):
                yield Planned(mutant, policy.id, (policy,), others)

    def _of_parameters(self) -> Iterator[Planned]:
        book = self.patcher.rulebook
        read = {name for policy in self._chosen() for name in self.court.figures_read[version_of(policy)]}
        for parameter in book.parameters.values():
            if parameter.name in read:
                readers = self.court.readers_of_parameter(parameter.name)
                file = parameter.at.file
                for mutant in parameter_mutants(self.patcher.node(file), file, parameter, readers):
                    yield Planned(mutant, file, readers)

    def _of_facts(self) -> Iterator[Planned]:
        if self.policies:
            return
        for file in sorted({fact.at.file for fact in self.patcher.rulebook.facts.values()}):
            for name, mutant in derived_mutants(self.patcher.node(file), file):
                yield Planned(mutant, file, self.court.readers_of_fact(name))


def verdicts(plan: Plan, jobs: int = 1, seen: Callable[[], object] = lambda: None) -> list[Verdict]:
    """Every mutant of the plan tried, in the order of the plan; `seen` is called after each."""
    if jobs <= 1:
        return [_told(plan.run(place), seen) for place in range(len(plan.planned))]
    book = plan.patcher.rulebook
    found: list[Verdict] = []
    with ProcessPoolExecutor(jobs, initializer=_begin, initargs=(book.files, plan.policies)) as pool:
        for chunk in pool.map(_run, _chunks(len(plan.planned), 20)):
            found += [_told(verdict, seen) for verdict in chunk]
    return found


def _chunks(count: int, size: int) -> list[range]:
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def _told(verdict: Verdict, seen: Callable[[], object]) -> Verdict:
    seen()
    return verdict


_plan: Plan | None = None  # of a worker process: a program holds functions, which do not travel between processes


def _begin(files: dict[str, str], policies: frozenset[str]) -> None:
    global _plan
    _plan = Plan(compile_rulebook(load_texts(files)), policies)


def _run(places: range) -> list[Verdict]:
    assert _plan is not None
    return [_plan.run(place) for place in places]


def tally(found: Iterable[Verdict], equivalent: frozenset[tuple[str, str, str]]) -> dict[str, Tally]:
    """The verdicts counted by subject, in the order they stand; refused mutants are not counted."""
    counts: dict[str, dict[str, int]] = {}
    for verdict in found:
        row = counts.setdefault(verdict.subject, {KILLED: 0, CHECKED: 0, ALIVE: 0, REFUSED: 0, "equivalent": 0})
        same = verdict.fate == ALIVE and verdict.mutant.key in equivalent
        row["equivalent" if same else verdict.fate] += 1
    return {name: Tally(n[KILLED], n[CHECKED], n["equivalent"], n[ALIVE]) for name, n in counts.items()}


def total(tallies: Iterable[Tally]) -> Tally:
    """All subjects together."""
    rows = list(tallies)
    return Tally(*(sum(getattr(row, key) for row in rows) for key in ("killed", "checked", "equivalent", "alive")))
