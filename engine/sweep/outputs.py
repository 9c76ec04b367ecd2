"""The columns of the answers: wide, one row for each household and each person.

people                       members of the household
receiving                    what is drawn already, as given: policies joined by ; (null: not known)
{policy}__status             0 ineligible, 1 undetermined, 2 eligible
{policy}__conditional        the answer is another one where nothing is granted yet (policies that ask `holds`)
{policy}__{item}__least      fen
{policy}__{item}__most       fen, null for everybody where it can only be the least
{policy}__{item}             help in kind under a condition of its own: 0, 1, 2 as above
{policy}__{item}__months_…   least and most months, where an item is paid `for_months`
label__{label}               on request: 0 no, 1 not known, 2 yes
{policy}__failed_n, {policy}__unknown_n   on request: sums of 2^i over the conditions that are not met, not known
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.language.checks import expressions_of
from engine.language.rulebook import policies_asked
from engine.sweep.columns import LEVELS
from engine.sweep.compile import Answer, Compiled
from engine.sweep.dag import Level, Term
from engine.sweep.fold import SqlFold, World, sayable
from engine.sweep.queries import Output
from engine.sweep.waiting import Waiting

BITS = 62  # conditions to one mask


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the answers hold beside statuses and amounts."""

    conditions: bool = False


def outputs(compiled: Compiled, wanted: Wanted) -> list[Output]:
    """Every column of the answers."""
    return list(_Outputs(compiled, wanted).all())


def resting_on_grants(compiled: Compiled) -> frozenset[str]:
    """The policies whose answer can change with a grant: they, or what they ask, ask `holds`."""
    found: set[str] = set()
    for name in compiled.rulebook.order:  # what a policy asks stands before it
        policy = compiled.in_force.get(name)
        if policy is not None:
            holds = any(e.op == "holds" for x in expressions_of(policy) for e in x.walk())
            if holds or found & policies_asked(policy):
                found.add(name)
    return frozenset(found)


def label_column(label: str) -> str:
    return f"label__{label}"


def refusals(compiled: Compiled) -> list[tuple[str, Term]]:
    """Facts that cannot be, and for which households."""
    found: list[tuple[str, Term]] = []
    for fact, cannot in compiled.refused:
        found.append((fact.name, compiled.dag.aggregate("any", cannot) if fact.level == "member" else cannot))
    return found


def waits(compiled: Compiled) -> dict[str, tuple[str, str]]:
    """The columns that count who waits for what: name -> (policy, fact)."""
    return {output.name: key for output, key in _waits(compiled)}


def waiting(compiled: Compiled) -> list[Output]:
    """For every policy and fact: whether the policy is undetermined and waits for the fact."""
    return [output for output, _ in _waits(compiled)]


def _waits(compiled: Compiled) -> Iterator[tuple[Output, tuple[str, str]]]:
    found = Waiting(compiled)
    for answer in compiled.answers:
        policy = answer.policy
        with sayable(policy.at):
            terms = found.policy(policy.id)
        for fact, term in terms.items():
            yield Output(LEVELS[policy.level], f"{policy.id}__waits_for__{fact}", "truth", (term,)), (policy.id, fact)


def masked_conditions(answer: Answer) -> list[list[str]]:
    """The ids of the conditions behind each mask, the first the lowest bit."""
    ids = [node.id for node in answer.policy.when.walk() if node.id in answer.outcomes]
    return [ids[at : at + BITS] for at in range(0, len(ids), BITS)]


class _Outputs:
    def __init__(self, compiled: Compiled, wanted: Wanted):
        self.compiled, self.wanted = compiled, wanted
        world = World(compiled.dag, {}, {}, {}, 0)
        self.fold = SqlFold(world, Level.HOUSEHOLD, {})
        self.held = resting_on_grants(compiled)

    def all(self) -> Iterator[Output]:
        yield Output(Level.HOUSEHOLD, "people", "number", (self.compiled.dag.aggregate("sum", 1),))
        for answer in self.compiled.answers:
            yield from self.answer(answer)
        for label in self.compiled.labels:
            ends = label.truth.certain, label.truth.possible
            about = f"{label.policy.title.zh} {label.policy.at.file}:{label.policy.at.line}"
            yield Output(LEVELS[label.policy.level], label_column(label.policy.id), "status", ends, about)

    def answer(self, answer: Answer) -> Iterator[Output]:
        policy, level = answer.policy, LEVELS[answer.policy.level]
        title = f"{policy.title_on(self.compiled.on).zh} {policy.at.file}:{policy.at.line}"

        def column(name: str, kind: str, *terms: Term, about: str = "") -> Output:
            return Output(level, f"{policy.id}__{name}", kind, terms, about)

        yield column("status", "status", answer.truth.certain, answer.truth.possible, about=title)
        if self.rests_on_grants(policy.id):
            yield column("conditional", "truth", answer.conditional)
        for item, amount in zip(policy.gives, answer.amounts, strict=True):
            if item.amount is not None:
                yield column(f"{item.id}__least", "number", amount.least, about=item.title.zh)
                yield column(f"{item.id}__most", "further", amount.most, amount.least)
            elif item.condition is not None:
                yield column(item.id, "status", amount.certain, amount.possible, about=item.title.zh)
            if item.for_months is not None:
                yield column(f"{item.id}__months_least", "number", amount.months[0])
                yield column(f"{item.id}__months_most", "further", amount.months[1], amount.months[0])
        if self.wanted.conditions:
            for n, ids in enumerate(masked_conditions(answer), 1):
                yield column(f"failed_{n}", "number", self.mask(answer, ids, False))
                yield column(f"unknown_{n}", "number", self.mask(answer, ids, True))

    def rests_on_grants(self, policy: str) -> bool:
        """Whether an answer can change with a grant: the policy, or one it asks, asks `holds`."""
        return policy in self.held

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
