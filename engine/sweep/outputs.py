"""The columns of the answers: wide, one row for each household and each person.

    people                          members of the household
    {policy}__status                eligible, undetermined or ineligible
    {policy}__conditional           the answer is another one where nothing is granted yet
    {policy}__{item}__least/__most  fen
    {policy}__{item}                for help in kind: eligible, undetermined or ineligible
    {policy}__worth_least/_most     fen in the twelve months from the day of the decision
    {policy}__receives_least/_most  drawn already: surely, possibly
    {policy}__failed_n/__unknown_n  on request: sums of 2^i over the conditions that are not met, or not known
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.sweep.columns import LEVELS
from engine.sweep.compile import Answer, Compiled
from engine.sweep.dag import Level, Term
from engine.sweep.fold import SqlFold, World
from engine.sweep.queries import Output

BITS = 62  # conditions to one mask


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the answers hold beside statuses and amounts."""

    conditions: bool = False


def outputs(compiled: Compiled, wanted: Wanted) -> list[Output]:
    """Every column of the answers."""
    return list(_Outputs(compiled, wanted).all())


def refusals(compiled: Compiled) -> list[tuple[str, Term]]:
    """Facts that cannot be, and for which households."""
    found: list[tuple[str, Term]] = []
    for fact, cannot in compiled.refused:
        found.append((fact.name, compiled.dag.aggregate("any", cannot) if fact.level == "member" else cannot))
    return found


def masked_conditions(answer: Answer) -> list[list[str]]:
    """The ids of the conditions behind each mask, the first the lowest bit."""
    ids = [node.id for node in answer.policy.when.walk() if node.id in answer.outcomes]
    return [ids[at : at + BITS] for at in range(0, len(ids), BITS)]


class _Outputs:
    def __init__(self, compiled: Compiled, wanted: Wanted):
        self.compiled, self.wanted = compiled, wanted
        world = World(compiled.dag, {}, {}, {}, 0)
        self.fold = SqlFold(world, Level.HOUSEHOLD, {})

    def all(self) -> Iterator[Output]:
        yield Output(Level.HOUSEHOLD, "people", "number", (self.compiled.dag.aggregate("sum", 1),))
        for answer in self.compiled.answers:
            yield from self.answer(answer)

    def answer(self, answer: Answer) -> Iterator[Output]:
        policy, level = answer.policy, LEVELS[answer.policy.level]
        title = f"{policy.title_on(self.compiled.on).zh} {policy.at.file}:{policy.at.line}"

        def column(name: str, kind: str, *terms: Term, about: str = "") -> Output:
            return Output(level, f"{policy.id}__{name}", kind, terms, about)

        yield column("status", "status", answer.truth.certain, answer.truth.possible, about=title)
        yield column("conditional", "truth", answer.conditional)
        for item, amount in zip(policy.gives, answer.amounts, strict=True):
            if item.amount is None:
                yield column(item.id, "status", amount.certain, amount.possible, about=item.title.zh)
            else:
                yield column(f"{item.id}__least", "number", amount.least, about=item.title.zh)
                yield column(f"{item.id}__most", "number", amount.most)
        yield column("worth_least", "number", answer.worth[0])
        yield column("worth_most", "number", answer.worth[1])
        yield column("receives_least", "truth", answer.receives.certain)
        yield column("receives_most", "truth", answer.receives.possible)
        if self.wanted.conditions:
            for n, ids in enumerate(masked_conditions(answer), 1):
                yield column(f"failed_{n}", "number", self.mask(answer, ids, False))
                yield column(f"unknown_{n}", "number", self.mask(answer, ids, True))

    def mask(self, answer: Answer, ids: list[str], unknown: bool) -> Term:
        """Σ 2^i over the conditions: no bit is set or tested, so that every engine agrees."""
        b = self.fold
        total: Term = 0
        for at, id in enumerate(ids):
            truth = answer.outcomes[id]
            if unknown:
                here: Term = False if truth.exact else b.both(truth.possible, b.no(truth.certain))
            else:
                here = b.no(truth.possible)
            total = b.add(total, b.pick(here, 2**at, 0))
        return total
