"""A decision: what a household is found to be entitled to on a day, and everything needed to say why.

`decide(program, household, on)` is pure: the same rulebook, facts and day give the same decision, byte for byte in
canonical JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from engine.decide.amounts import TIMES, Amount, amounts
from engine.decide.best import Combination, combinations, group_worth
from engine.decide.grounds import rests_of
from engine.decide.kept import Kept, once
from engine.decide.layout import RECEIVES, Layout, Slots
from engine.decide.missing import Missing, Wanted
from engine.decide.outcomes import Outcomes
from engine.decide.program import Caveat, Edition, InForce, Program
from engine.decide.remembered import Raw
from engine.decide.run import Run, Withheld, conditional, run
from engine.language.household import Household
from engine.language.model import Policy

ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"


class Answer:
    """One policy for one subject: `member` is "" for the household. A household has some two hundred of them, of which
    few are looked at closely: what a row of outcomes says is read from it when it is asked for.

    place           of the subject among the members; 0 for the household
    conditional_on  policies that must be granted first, in the order to apply; None where the answer is firm
    receives        yes | no | unknown
    """

    __slots__ = ("_amounts", "conditional_on", "member", "place", "policy", "raw", "receives", "run")

    def __init__(
        self,
        run: Run,
        policy: Policy,
        member: str,
        place: int,
        raw: Raw,
        receives: str,
        conditional_on: tuple[str, ...] | None,
    ):
        self.run, self.policy, self.member, self.place, self.raw = run, policy, member, place, raw
        self.receives, self.conditional_on = receives, conditional_on
        self._amounts: tuple[Amount, ...] | None = None

    @property
    def certain(self) -> bool:
        found: bool = self.raw[0]
        return found

    @property
    def possible(self) -> bool:
        found: bool = self.raw[1]
        return found

    @property
    def layout(self) -> Layout:
        """Where what stands in a row of its outcomes."""
        return self.run.functions[self.policy.id].layout

    @property
    def members(self) -> tuple[str, ...]:
        """Everybody in the household, by id, in the order of the outcomes of members."""
        return self.run.ids

    @property
    def amounts(self) -> tuple[Amount, ...]:
        """Every item of the policy, in its order; of an ineligible answer each is nothing."""
        if self._amounts is None:
            self._amounts = amounts(self.policy, self.raw)
        return self._amounts

    @property
    def outcomes(self) -> Outcomes:
        return Outcomes(self.layout, self.raw[3], self.members)

    @property
    def unpublished(self) -> tuple[str, ...]:
        """Tables in which a row was read whose figure is not published."""
        return tuple(dict.fromkeys(self.raw[4]))

    @property
    def status(self) -> str:
        return ELIGIBLE if self.certain else UNDETERMINED if self.possible else INELIGIBLE

    @property
    def conditional(self) -> bool:
        return self.conditional_on is not None


@dataclass(frozen=True, slots=True)
class MissingFact:
    """An unknown fact some open answer waits for; `asked` is False where it was never sent."""

    fact: str
    member: str
    asked: bool
    policies: tuple[tuple[str, str], ...]  # (policy, member) whose status waits for it
    amounts: tuple[tuple[str, str], ...]  # (policy, member) whose amount alone waits for it
    most: int  # the sum of what those could pay in a year at most, in fen


def _in_catalogue(order: tuple[InForce, ...], slots: Slots) -> list[tuple[Policy, str, bool, int]]:
    """The policies in force in catalogue order: each with its id, whether it is the household's, and the place where a
    row says that it is received."""
    policies = sorted((each.policy for each in order), key=lambda policy: policy.order)
    return [(each, each.id, each.level == "household", slots.policies[RECEIVES, each.id].at) for each in policies]


_IN_CATALOGUE = Kept(_in_catalogue, 100)


class Decision:
    """All answers for a household on a day. What takes time and is not always wanted is worked out when it is read."""

    def __init__(self, program: Program, edition: Edition, household: Household, found: Run):
        self.program, self.edition, self.household, self.run = program, edition, household, found

    @property
    def on(self) -> date:
        return self.edition.on

    @once
    def conditionals(self) -> dict[tuple[str, int], tuple[str, ...]]:
        return conditional(self.run)

    @once
    def answers(self) -> tuple[Answer, ...]:
        """Every policy in force, in catalogue order, each member's in the order of their ids."""
        found: list[Answer] = []
        run, hangs, first = self.run, self.conditionals, self.run.first
        household, members = ("",), run.ids
        firm = None
        for policy, name, of_household, at in _IN_CATALOGUE(self.edition.order, self.program.slots):
            subjects, rows = (household, (run.whole,)) if of_household else (members, run.members)
            for place, (raw, row) in enumerate(zip(first[name], rows, strict=True)):
                receives = "yes" if row[at] else "unknown" if row[at + 1] else "no"
                if hangs:
                    firm = hangs.get((name, place))
                found.append(Answer(run, policy, subjects[place], place, raw, receives, firm))
        return tuple(found)

    def answer(self, policy: str, member: str = "") -> Answer:
        """One answer. Raises KeyError where the policy is not in force or the member does not exist."""
        for found in self.answers:
            if found.policy.id == policy and found.member == member:
                return found
        raise KeyError((policy, member))

    @once
    def combinations(self) -> tuple[Combination, ...]:
        """Where policies exclude one another: the choices and the best."""
        return combinations(self.run)

    @once
    def open_options(self) -> frozenset[tuple[str, str, tuple[str, ...]]]:
        """The options whose most rests on an outer limit alone: (first policy of the group, member, policies)."""
        far = {(c.group.policies[0], c.member, o.policies): o.most for c in combinations(self.wide) for o in c.options}
        near = {(c.group.policies[0], c.member, o.policies): o.most for c in self.combinations for o in c.options}
        return frozenset(key for key, most in near.items() if far.get(key) != most)

    def caveats(self, answer: Answer) -> tuple[Caveat, ...]:
        """Why an answer is less than firm: what the conditions that decide it, and what is paid, rest on."""
        each, row = self.edition.by_id[answer.policy.id], answer.raw[3]
        rests = rests_of(each, answer.layout)
        found = [*each.caveats, *(rests.when(row) if rests.when else ())]
        for place, amount in enumerate(answer.amounts if answer.possible else ()):
            if amount.possible:
                own = rests.items[place]
                found += each.item_caveats[place]
                found += own(row) if own else ()
        if each.tables:
            for name in sorted({*answer.unpublished, *self.run.derived_unpublished} & each.tables):
                label = self.program.rulebook.parameters[name].label
                value = self.edition.figures[name]
                found.append(Caveat("not-published", name, label, value.source if value else ""))
        return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)

    @once
    def _missing(self) -> Missing:
        return Missing(self.run)

    def missing_for(self, answer: Answer) -> tuple[Wanted, ...]:
        """What one open answer waits for, in the order of the whole decision."""
        if answer.certain == answer.possible:
            return ()
        return self._in_order(self._missing.of_policy(answer.policy.id, answer.member))

    def amount_waits_for(self, answer: Answer, place: int) -> tuple[Wanted, ...]:
        """What an open amount waits for."""
        return self._in_order(self._missing.of_amount(answer.policy.id, answer.member, place))

    def _in_order(self, wanted: Iterable[Wanted]) -> tuple[Wanted, ...]:
        return tuple(sorted((each for each in wanted if each in self.places), key=self.places.__getitem__))

    @once
    def places(self) -> dict[Wanted, int]:
        """Where each missing fact stands in `missing`."""
        return {(m.fact, m.member): place for place, m in enumerate(self.missing)}

    @once
    def missing(self) -> tuple[MissingFact, ...]:
        """Every fact that some answer waits for: first what settles most answers, then what is worth most."""
        status: dict[Wanted, list[tuple[str, str]]] = {}
        amount: dict[Wanted, list[tuple[str, str]]] = {}
        most: dict[Wanted, int] = {}
        for answer in self.answers:
            if not answer.raw[1]:
                continue
            key = (answer.policy.id, answer.member)
            waits: frozenset[Wanted] = frozenset()
            if not answer.certain:
                waits = self._missing.of_policy(*key)
                top = sum(a.yearly[1] for a in answer.amounts)
                for wanted in waits:
                    status.setdefault(wanted, []).append(key)
                    most[wanted] = most.get(wanted, 0) + top
            for place, each in enumerate(answer.amounts):
                if each.least == each.most and each.given == each.possible:
                    continue
                for wanted in self._missing.of_amount(*key, place) - waits:
                    keys = amount.setdefault(wanted, [])
                    if key not in keys:
                        keys.append(key)
        order = {fact.name: fact.order for fact in self.program.rulebook.facts.values()}
        members = {member.id: n for n, member in enumerate(self.household.members)}
        found = [
            MissingFact(
                fact,
                member,
                self._asked(fact, member),
                tuple(status.get((fact, member), ())),
                tuple(amount.get((fact, member), ())),
                most.get((fact, member), 0),
            )
            for fact, member in {**status, **amount}
        ]
        return tuple(
            sorted(
                found,
                key=lambda m: (-len(m.policies), -m.most, order.get(m.fact, len(order)), members.get(m.member, -1)),
            )
        )

    def _asked(self, fact: str, member: str) -> bool:
        where = next((m for m in self.household.members if m.id == member), None) if member else self.household
        return where is not None and fact in where.null

    @once
    def wide(self) -> Run:
        """The same decision with every outer limit moved outwards: what moves with it is no knowledge."""
        return run(self.program, self.edition, self.household, wide=True)

    def wide_raw(self, answer: Answer) -> Raw:
        """The answer's outcome in the wide run."""
        return self.wide.first[answer.policy.id][answer.place]

    def open_above(self, answer: Answer, place: int) -> bool:
        """Whether the most of an amount rests on an outer limit alone, and so says nothing."""
        flat = self.edition.by_id[answer.policy.id].flat
        if flat is not None and not flat & self.household.open:
            return False  # nothing it reads is open, so that nothing rests on a limit
        each = answer.amounts[place]
        if each.least == each.most:
            return False
        raws = self._wide_open.first.get(answer.policy.id) or self.wide.first[answer.policy.id]
        return bool(raws[answer.place][2][place][1] != each.most)

    @once
    def _wide_open(self) -> Run:
        """The wide run of the policies with an open amount, and of those they rest on, alone: mostly few."""
        if "wide" in self.__dict__:
            return self.wide
        names = {a.policy.id for a in self.answers if a.possible and any(i.least != i.most for i in a.amounts)}
        dependents = self.edition.dependents
        order = [f for f in self.edition.order if f.policy.id in names or not names.isdisjoint(dependents[f.policy.id])]
        return run(self.program, replace(self.edition, order=tuple(order)), self.household, wide=True)

    @property
    def not_in_force(self) -> tuple[str, ...]:
        return self.edition.not_in_force

    @once
    def totals(self) -> dict[str, tuple[int, int]]:
        """What may lawfully be drawn together, by period, least and most in fen: never what excludes one another."""
        out: set[tuple[str, int | None]] = set()
        settled: set[tuple[str, str]] = set()
        for each in self.combinations:
            if each.best is not None:
                place = None if not each.member else self.run.ids.index(each.member)
                chosen = each.options[each.best].policies
                out |= {(name, place) for name in each.group.policies if name not in chosen}
                settled.add((each.group.policies[0], each.member))
        withheld: Withheld = frozenset(out)
        again = self.run.withhold(withheld) if out else {}
        return _totals(self, again, withheld, settled)


def _totals(
    decision: Decision, again: dict[str, list[Raw]], withheld: Withheld, settled: set[tuple[str, str]]
) -> dict[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    open_groups = [c for c in decision.combinations if (c.group.policies[0], c.member) not in settled]
    undecided = {(name, c.member) for c in open_groups for name in c.group.policies}
    by_subject: dict[tuple[str, str], tuple[Amount, ...]] = {}
    for answer in decision.answers:
        name, place = answer.policy.id, answer.place
        if not answer.possible and name not in again:
            continue
        if (name, None) in withheld or (name, place if answer.member else None) in withheld:
            continue
        items = amounts(answer.policy, again[name][place]) if name in again else answer.amounts
        by_subject[name, answer.member] = items
        if (name, answer.member) in undecided or (name, "") in undecided:
            continue
        for item in items:
            _add(sums, item)
    for each in open_groups:
        _add_choice(sums, by_subject, each)
    return {per: sums[per] for per in TIMES if per in sums and sums[per] != (0, 0)}


def _add(sums: dict[str, tuple[int, int]], amount: Amount) -> None:
    """Add what reaches the household, by period."""
    per = amount.item.per
    if per and amount.item.paid_to == "household":
        low, high = sums.get(per, (0, 0))
        sums[per] = low + amount.least, high + amount.most


def _add_choice(
    sums: dict[str, tuple[int, int]], by_subject: dict[tuple[str, str], tuple[Amount, ...]], each: Combination
) -> None:
    """A group whose best choice is open counts, in each period, the greatest least and most of its choices."""
    best: dict[str, tuple[int, int]] = {}
    for option in each.options:
        own: dict[str, tuple[int, int]] = {}
        for (name, member), items in by_subject.items():
            if name in option.policies and (each.member in ("", member)):
                for item in items:
                    _add(own, item)
        for per, (low, high) in own.items():
            before = best.get(per, (0, 0))
            best[per] = max(before[0], low), max(before[1], high)
    for per, (low, high) in best.items():
        before = sums.get(per, (0, 0))
        sums[per] = before[0] + low, before[1] + high


def decide(program: Program, household: Household, on: date, jurisdictions: frozenset[str] | None = None) -> Decision:
    """Decide every policy in force on `on` for a household. Raises HouseholdError where the facts cannot be."""
    edition = program.edition(on, jurisdictions)
    return Decision(program, edition, household, run(program, edition, household))


__all__ = ["ELIGIBLE", "INELIGIBLE", "UNDETERMINED", "Answer", "Decision", "MissingFact", "decide", "group_worth"]
