"""The gap of one chunk: one row for each policy a household or person is entitled to and does not surely draw.

Everything is numbers here: a household and a person by the place of their row among the answers, a policy by its code,
what is drawn by the code of the text that says it. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from engine.language.model import ExclusionGroup, Policy
from engine.sweep.adding import added, columns_of, ends, sorted_by
from engine.sweep.checked import DRAWN, PLACE
from engine.sweep.coded import Coded
from engine.sweep.compile import Compiled
from engine.sweep.gap import Listing
from engine.sweep.packed import Packed, write
from engine.sweep.reports import Answers, paid
from engine.sweep.vector import Array

ENDS = ("least", "most")


def gap(connection: duckdb.DuckDBPyConnection, compiled: Compiled, answers: Mapping[str, Answers], file: Path) -> None:
    """Write the part of one chunk; `answers` are its answers, by level."""
    if not compiled.answers:
        return
    listing = Listing.of(compiled)
    homes = answers["household"].texts(connection, ["household_id", PLACE])
    households = len(homes[PLACE].codes)
    people = answers["member"].texts(connection, ["id"])["id"]
    whose = {"household": np.arange(households), "member": answers["member"].whose(connection)}
    drawn = {level: _Drawn.of(listing, answers[level].texts(connection, [DRAWN])[DRAWN]) for level in whose}
    rows = _Rows.of(
        _entitled(connection, listing, code, policy, answers[policy.level], drawn[policy.level], whose[policy.level])
        for code, policy in enumerate(listing.policies)
    )
    instead = _instead(listing, rows, drawn, whose, households)
    counted, totals = _totals(listing, rows, instead.codes < 0, households)
    nothing = min(0, *(int(total.min(initial=0)) for total in totals)) - 1
    totals = [np.where(counted, total, nothing) for total in totals]
    by = _order(rows, totals, homes["household_id"], people)
    home, who = rows.home[by], rows.who[by]
    nobody = len(people.values)  # a household has no id of a person
    ids = np.where(who < 0, nobody, people.codes[who]) if len(people.codes) else np.full(len(who), nobody)
    columns = [
        Packed("household_id", "VARCHAR", homes["household_id"].of(home)),
        Packed("id", "VARCHAR", Coded(ids, [*people.values, ""])),
        Packed("place", "VARCHAR", homes[PLACE].of(home)),
        Packed("policy", "SMALLINT", rows.policy[by]),
        Packed("conditional", "BOOLEAN", rows.conditional[by]),
        *(Packed(f"first_{n}", "BIGINT", _first(listing, rows, n, households)[by]) for n in listing.words),
        Packed("instead_of", "VARCHAR", instead.of(by)),
        Packed("not_known", "BOOLEAN", rows.not_known[by]),
        *(Packed(f"worth_{end}", "BIGINT", worth[by]) for end, worth in zip(ENDS, rows.worth, strict=True)),
        *(Packed(f"household_{end}", "BIGINT", all_[home], nothing) for end, all_ in zip(ENDS, totals, strict=True)),
    ]
    write(file, columns, len(by))


def _order(rows: _Rows, totals: Sequence[Array], household_ids: Coded, ids: Coded) -> Array:
    """The rows in the order of the list (see `gap.finish`): what is in order already is quickly sorted at the end."""
    some = np.zeros(len(totals[0]), np.bool_)
    some[rows.home] = True
    homes = np.flatnonzero(some)
    least, most = (total[homes] for total in totals)  # where nothing counts they are the least of all: last
    by = sorted_by(household_ids.rank(homes), -most, -least)
    place = np.zeros(len(totals[0]), np.int64)
    place[homes[by]] = np.arange(len(homes))
    people = np.flatnonzero(rows.who >= 0)
    last = rows.policy.astype(np.int64) * (len(ids.codes) + 1)
    last[people] += 1 + ids.rank(rows.who[people])
    return sorted_by(last, -rows.worth[0], place[rows.home])


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What each row of a level draws: the code of its text, and for each text (and last: for none) which policies.

    left  by word, the bits of the grants that a text does not name
    """

    codes: Array
    policies: Array
    left: tuple[Array, ...]

    @staticmethod
    def of(listing: Listing, receiving: Coded) -> _Drawn:
        named = np.zeros((len(receiving.values) + 1, len(listing.policies)), np.bool_)
        codes = {policy.id: code for code, policy in enumerate(listing.policies)}
        for row, told in enumerate(receiving.values):
            named[row, [codes[each] for each in told.split(";") if each in codes]] = True
        left = [np.full(len(named), -1, np.int64) for _ in listing.words]
        for code, policy in enumerate(listing.policies):
            for word, masks in enumerate(left):
                masks[named[:, code]] &= ~listing.mask([policy.id], word)
        return _Drawn(receiving.codes, named, tuple(left))

    def by(self, code: int) -> Array:
        """For each row, whether it surely draws a policy."""
        found: Array = self.policies[self.codes, code]
        return found


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of the gap.

    home, who   the household, the person (below zero: it is the household's own), by their rows
    row         the row of the answers of the policy's level
    beside      by word, the grants that the same household or person is entitled to
    """

    home: Array
    who: Array
    row: Array
    policy: Array
    conditional: Array
    not_known: Array
    worth: tuple[Array, Array]  # least and most, fen in twelve months
    beside: tuple[Array, ...]

    @staticmethod
    def of(parts: Iterable[_Rows]) -> _Rows:
        every = list(parts)

        def together(*arrays: Array) -> Array:
            return np.concatenate(arrays)

        return _Rows(
            together(*(part.home for part in every)),
            together(*(part.who for part in every)),
            together(*(part.row for part in every)),
            together(*(part.policy for part in every)),
            together(*(part.conditional for part in every)),
            together(*(part.not_known for part in every)),
            (together(*(part.worth[0] for part in every)), together(*(part.worth[1] for part in every))),
            tuple(together(*words) for words in zip(*(part.beside for part in every), strict=True)),
        )


def _entitled(
    connection: duckdb.DuckDBPyConnection,
    listing: Listing,
    code: int,
    policy: Policy,
    answers: Answers,
    drawn: _Drawn,
    whose: Array,
) -> _Rows:
    """Who is eligible for one policy and does not surely draw it."""
    status, rests = f"{policy.id}__status", policy.id in listing.conditional
    beside = [p for p in listing.policies if rests and p.level == policy.level and p.id in listing.asked[policy.id]]
    columns = columns_of(policy) + [f"{p.id}__status" for p in beside]
    found = answers.above(connection, status, [*columns, *([f"{policy.id}__conditional"] if rests else [])])
    number = np.ma.getdata(found["n_"])
    some = np.flatnonzero((np.ma.getdata(found[status]) == 2) & ~drawn.policies[drawn.codes[number], code])
    number = number[some]
    texts = drawn.codes[number]
    found = {column: values[some] for column, values in found.items()}
    worth = [np.zeros(len(number), np.int64) for _ in ENDS]
    for item in paid(policy):
        for total, value in zip(worth, ends(item, found)[1], strict=True):
            total += value
    masks = []
    for word in listing.words:
        mask = np.zeros(len(number), np.int64)
        for p in beside:
            mask[np.ma.getdata(found[f"{p.id}__status"]) == 2] |= listing.mask([p.id], word)
        masks.append(mask & drawn.left[word][texts])
    return _Rows(
        whose[number],
        np.full(len(number), -1) if policy.level == "household" else number,
        number,
        np.full(len(number), code, np.int16),
        np.ma.getdata(found[f"{policy.id}__conditional"]) if rests else np.zeros(len(number), np.bool_),
        texts < 0,
        (worth[0], worth[1]),
        tuple(masks),
    )


def _first(listing: Listing, rows: _Rows, word: int, households: int) -> Array:
    """What to apply for first: the grants an answer rests on that are in the gap too, of the same household or person,
    for a person of the household, for a household of anyone in it."""
    found = np.zeros(len(rows.home), np.int64)
    if not len(found):
        return found
    in_gap = {level: np.zeros(households, np.int64) for level in ("household", "member")}
    asks = np.zeros(len(listing.policies), np.int64)
    for code, policy in enumerate(listing.policies):
        asks[code] = listing.mask(listing.asked[policy.id], word)
        if bit := listing.mask([policy.id], word):
            in_gap[policy.level][rows.home[rows.policy == code]] |= bit
    some = np.flatnonzero(rows.conditional)
    home, own = rows.home[some], rows.who[some] < 0
    others = np.where(own, in_gap["member"][home], in_gap["household"][home])
    found[some] = (rows.beside[word][some] | others) & asks[rows.policy[some]]
    return found


def _instead(
    listing: Listing, rows: _Rows, drawn: Mapping[str, _Drawn], whose: Mapping[str, Array], households: int
) -> Coded:
    """For the rows of policies that exclude one another: what is drawn already in their place."""
    codes = {policy.id: code for code, policy in enumerate(listing.policies)}
    tied = sorted(codes[policy] for policy in listing.tied)
    drawers: dict[int, Array] = {}  # for each household, whether anybody in it draws a policy
    found = np.zeros((len(rows.home), len(tied)), np.bool_)
    where = {code: np.flatnonzero(rows.policy == code) for code in tied}
    for policy, other, level in _apart(listing.groups):
        if policy not in codes or other not in codes:
            continue
        here, by = where[codes[policy]], codes[other]
        of = listing.policies[by].level
        if level == "household":
            if by not in drawers:
                drawers[by] = np.zeros(households, np.bool_)
                drawers[by][whose[of][drawn[of].by(by)]] = True
            found[here, tied.index(by)] |= drawers[by][rows.home[here]]
        elif of == listing.policies[codes[policy]].level:
            found[here, tied.index(by)] |= drawn[of].by(by)[rows.row[here]]
    texts: dict[bytes, int] = {}
    told = np.full(len(found), -1, np.int64)
    some = np.flatnonzero(found.any(axis=1))
    told[some] = [texts.setdefault(row.tobytes(), len(texts)) for row in found[some]]
    words = [np.frombuffer(row, np.bool_) for row in texts]
    return Coded(told, [";".join(listing.policies[tied[at]].id for at in np.flatnonzero(row)) for row in words])


def _apart(groups: Iterable[ExclusionGroup]) -> Iterator[tuple[str, str, str]]:
    """(policy, other, level) of any two that no choice holds together."""
    for group in groups:
        for a in group.policies:
            for b in group.policies:
                if a != b and not any(a in c.policies and b in c.policies for c in group.choices):
                    yield a, b, group.level


def _totals(listing: Listing, rows: _Rows, free: Array, households: int) -> tuple[Array, list[Array]]:
    """Of which households anything counts, and what their rows are worth together, least and most: of policies that
    exclude one another, the best choice. `free`: nothing is drawn in the place of the row."""
    codes = {policy.id: code for code, policy in enumerate(listing.policies)}
    counted = np.zeros(households, np.bool_)
    totals = [np.zeros(households, np.int64) for _ in ENDS]

    def are(policies: Iterable[str]) -> Array:
        return np.isin(np.arange(len(codes)), [codes[p] for p in policies if p in codes])[rows.policy]

    def add(homes: Array, worth: Iterable[Array]) -> None:
        counted[homes] = True
        for total, values in zip(totals, worth, strict=True):
            total += added(homes, households, values)

    alone = ~are(listing.tied)
    add(rows.home[alone], (worth[alone] for worth in rows.worth))
    for group in listing.groups:
        some = np.flatnonzero(free & are(group.policies))
        homes, subject = rows.home[some], rows.home[some]
        if group.level != "household":
            subject = np.where(rows.who[some] < 0, homes, households + rows.who[some])
        _, first, which = np.unique(subject, return_index=True, return_inverse=True)
        best: list[Any] = []
        for worth in rows.worth:
            sums = [
                added(which[chosen], len(first), worth[some][chosen])
                for chosen in (are(choice.policies)[some] for choice in group.choices)
            ]
            best.append(np.maximum.reduce(sums))
        add(homes[first], best)
    return counted, totals
