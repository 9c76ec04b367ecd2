"""The best lawful combination where policies exclude one another.

`excludes` never changes a status. For every largest set of policies that may stand together (a choice) the decision is
made again with the others withheld; what hangs on a category counts with it. A choice is best only if its least is no
lower than the most of every other; what the household already draws is never given up in the best one's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.decide.amounts import yearly
from engine.decide.remembered import Raw
from engine.decide.run import Run
from engine.language.model import ExclusionGroup


@dataclass(frozen=True, slots=True)
class Option:
    """One choice and what it is worth in twelve months, in fen; `gives_up` what is already drawn and would end."""

    policies: tuple[str, ...]
    least: int
    most: int
    gives_up: tuple[str, ...]
    may_give_up: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Combination:
    """The choices of one exclusion group for the household (member "") or one member.

    best       place of the best option in `options`, or None where the facts do not decide
    runner_up  place of the next best, where both are settled
    tie        places of options worth exactly as much as the best
    """

    group: ExclusionGroup
    member: str
    options: tuple[Option, ...]
    best: int | None
    runner_up: int | None
    tie: tuple[int, ...]


def combinations(run: Run) -> tuple[Combination, ...]:
    """Every exclusion group in which more than one policy is not ruled out, by subject."""
    found: list[Combination] = []
    for group in run.program.rulebook.exclusions:
        open_ = [name for name in group.policies if name in run.first]
        if group.level == "household":
            live = [name for name in open_ if any(raw[1] for raw in run.first[name])]
            if len(live) > 1:
                found.append(_choose(run, group, None, live))
            continue
        for place in range(len(run.members)):
            live = [name for name in open_ if run.first[name][place][1]]
            if len(live) > 1:
                found.append(_choose(run, group, place, live))
    return tuple(found)


def _choose(run: Run, group: ExclusionGroup, place: int | None, live: list[str]) -> Combination:
    # choices that differ only in policies that are out of the question are one choice
    seen: dict[tuple[str, ...], None] = {}
    for choice in group.choices:
        seen.setdefault(tuple(name for name in choice.policies if name in live))
    sets = [s for s in seen if not any(set(s) < set(other) for other in seen)]
    agains = [run.withhold(frozenset((n, place) for n in group.policies if n not in chosen)) for chosen in sets]
    alike = _alike(run, group, agains)
    worths = [_worth_of(run, again, group, place, chosen, alike) for chosen, again in zip(sets, agains, strict=True)]
    options = tuple(_option(run, group, place, chosen, live, w) for chosen, w in zip(sets, worths, strict=True))
    lawful = [n for n, option in enumerate(options) if not option.gives_up]
    best = next((n for n in lawful if _is_best(n, options, lawful)), None)
    runner = tie = None
    if best is not None:
        others = sorted((n for n in lawful if n != best), key=lambda n: (-options[n].most, -options[n].least, n))
        runner = others[0] if others else None
        top = options[best]
        tie = tuple(n for n in others if options[n].least == options[n].most == top.least == top.most)
    member = "" if place is None else run.household.members[place].id
    return Combination(group, member, options, best, runner, tie or ())


def _is_best(n: int, options: tuple[Option, ...], lawful: list[int]) -> bool:
    """Whether no completion of the facts can make another lawful choice better, or equal and earlier."""
    own = options[n]
    if own.may_give_up:
        return False
    return all(own.least > options[m].most or (own.least == options[m].most and n < m) for m in lawful if m != n)


def _option(
    run: Run,
    group: ExclusionGroup,
    place: int | None,
    chosen: tuple[str, ...],
    live: list[str],
    worth_of: tuple[int, int],
) -> Option:
    least, most = worth_of
    gives_up = []
    may = []
    for name in (name for name in group.policies if name in live and name not in chosen):
        sure, possible = _drawn(run, name, place)
        if sure:
            gives_up.append(name)
        elif possible:
            may.append(name)
    return Option(chosen, least, most, tuple(gives_up), tuple(may))


def _drawn(run: Run, name: str, place: int | None) -> tuple[bool, bool]:
    """Whether a policy is surely, possibly drawn by somebody who surely, possibly may draw on."""
    places = range(len(run.first[name])) if place is None else (place,)
    drawn = [(run.first[name][at], run.received(name, at)) for at in places]
    return (
        any(raw[0] and certain for raw, (certain, _) in drawn),
        any(raw[1] and possible for raw, (_, possible) in drawn),
    )


def paid(run: Run, again: dict[str, list[Raw]], name: str) -> list[list[tuple[int, int]]]:
    """What each item of a policy comes to in twelve months, for each of its subjects, as rerun where it was."""
    gives = run.edition.by_id[name].policy.gives
    return [
        [yearly(item, low, high, *months) for item, (low, high, _, _, *months) in zip(gives, raw[2], strict=True)]
        for raw in again.get(name, run.first[name])
    ]


Alike = frozenset[tuple[str, int, int]]  # (policy, subject's place, item's place)


def _touched(run: Run, group: ExclusionGroup) -> set[str]:
    """The group and everything whose answer can rest on it."""
    decided = [name for name in group.policies if name in run.first]
    return set(decided).union(*(run.edition.dependents[name] for name in decided))


def _alike(run: Run, group: ExclusionGroup, agains: list[dict[str, list[Raw]]]) -> Alike:
    """Items that are surely paid under every choice and worked out without asking about any policy.

    Whatever they come to, they come to the same under each choice; even where the sum is open it cannot decide.
    """
    found: set[tuple[str, int, int]] = set()
    for name in _touched(run, group) - set(group.policies):
        if name not in run.first:
            continue
        own = run.edition.by_id[name].own
        for place in range(len(run.first[name])):
            raws = [again.get(name, run.first[name])[place] for again in agains]
            found |= {(name, place, n) for n, free in enumerate(own) if free and all(raw[2][n][2] for raw in raws)}
    return frozenset(found)


def _worth_of(
    run: Run,
    again: dict[str, list[Raw]],
    group: ExclusionGroup,
    place: int | None,
    chosen: tuple[str, ...],
    alike: Alike,
) -> tuple[int, int]:
    """What can differ between the choices pays in twelve months: the choice itself and all that may hang on it.

    What cannot differ is left out of every choice, so that an unrelated unknown never hides the better one. Other
    exclusion groups that hang on this one count the best of their own choices.
    """
    touched = _touched(run, group)
    tied = {name for other in run.program.rulebook.exclusions for name in other.policies}
    found: list[tuple[int, int]] = []
    for name in run.first:
        if name in chosen:
            each = paid(run, again, name)
            found += [_sum(items) for at, items in enumerate(each) if place is None or at == place]
        elif name in touched and name not in tied:
            for at, items in enumerate(paid(run, again, name)):
                found.append(_sum(item for n, item in enumerate(items) if (name, at, n) not in alike))
    for other in run.program.rulebook.exclusions:
        if other is not group and touched & set(other.policies):
            found.append(group_worth(run, again, other))
    return _sum(found)


def group_worth(run: Run, again: dict[str, list[Raw]], group: ExclusionGroup) -> tuple[int, int]:
    """The most a group's choices can pay in twelve months: the greatest least and the greatest most."""
    each = {name: paid(run, again, name) for name in group.policies if name in run.first}
    if group.level == "household":
        sums = [_sum(_sum(i) for n in choice.policies if n in each for i in each[n]) for choice in group.choices]
        return _best_of(sums)
    least = most = 0
    for place in range(len(run.members)):
        sums = [_sum(_sum(each[n][place]) for n in choice.policies if n in each) for choice in group.choices]
        low, high = _best_of(sums)
        least, most = least + low, most + high
    return least, most


def _sum(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    least = most = 0
    for low, high in pairs:
        least, most = least + low, most + high
    return least, most


def _best_of(sums: list[tuple[int, int]]) -> tuple[int, int]:
    return max((low for low, _ in sums), default=0), max((high for _, high in sums), default=0)
