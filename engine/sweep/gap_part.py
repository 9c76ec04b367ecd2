"""The gap of one chunk: one row for each policy a household or person is entitled to and does not surely draw.

Everything is numbers here: a household and a person by the place of their row among the answers, a policy by its code,
what is drawn by the code of the text that says it. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from engine.language.model import ExclusionGroup, Policy
from engine.sweep.adding import added, columns_of, ends, plus, sorted_by
from engine.sweep.checked import DRAWN, PLACE
from engine.sweep.coded import Coded
from engine.sweep.compile import Compiled
from engine.sweep.gap import Listing
from engine.sweep.listed import Texts, write
from engine.sweep.packed import GROUP
from engine.sweep.reports import Answers, paid
from engine.sweep.vector import Array

ENDS = ("least", "most")
UNDETERMINED = 1
ROW = np.int32  # a row of the answers of a chunk


def gap(connection: duckdb.DuckDBPyConnection, compiled: Compiled, answers: Mapping[str, Answers], file: Path) -> None:
    """Write the part of one chunk; `answers` are its answers, by level."""
    if not compiled.answers:
        return
    listing = Listing.of(compiled)
    homes = answers["household"].texts(connection, ["household_id", PLACE])
    households = len(homes[PLACE].codes)
    people = answers["member"].texts(connection, ["id"])["id"]
    whose = {"household": np.arange(households, dtype=ROW), "member": answers["member"].whose(connection).astype(ROW)}
    drawn = {level: _Drawn.of(listing, answers[level].texts(connection, [DRAWN])[DRAWN]) for level in whose}
    rows = _Rows.of(
        _entitled(connection, listing, code, policy, answers[policy.level], drawn[policy.level], whose[policy.level])
        for code, policy in enumerate(listing.policies)
    )
    instead = _instead(listing, rows, drawn, whose, households)
    counted, totals = _totals(listing, rows, instead.codes < 0, households)
    first = [_first(listing, rows, word, households) for word in listing.words]
    listed = _order(rows, counted, totals, homes["household_id"])
    place = np.zeros(households, ROW)
    place[listed] = np.arange(len(listed))
    place = place[rows.home]
    by = _within(rows, place, people)
    counted, totals = counted[listed], [total[listed] for total in totals]
    nobody = len(people.codes)  # a household has no id of a person
    texts = {
        "household_id": Texts.of(homes["household_id"].of(listed)),
        "place": Texts.of(homes[PLACE].of(listed)),
        "id": Texts.of(Coded(np.append(people.codes, len(people.values)), [*people.values, ""])),
        "instead_of": Texts.of(instead),
    }

    def written(some: Array) -> pa.Table:
        home, who = place[some], rows.who[some]
        return pa.table(
            {
                "household_id": texts["household_id"].at(home),
                "id": texts["id"].at(np.where(who < 0, nobody, who)),
                "place": texts["place"].at(home),
                "policy": rows.policy[some],
                "conditional": rows.conditional[some],
                **{f"first_{word}": masks[some] for word, masks in zip(listing.words, first, strict=True)},
                "instead_of": texts["instead_of"].at(some),
                "not_known": rows.not_known[some],
                **{f"worth_{end}": worth[some] for end, worth in zip(ENDS, rows.worth, strict=True)},
                **{
                    f"household_{end}": pa.array(total[home], mask=~counted[home])
                    for end, total in zip(ENDS, totals, strict=True)
                },
            }
        )

    write(file, (written(by[start : start + GROUP]) for start in range(0, max(len(by), 1), GROUP)))


def _order(rows: _Rows, counted: Array, totals: Sequence[Array], ids: Coded) -> Array:
    """The households with a row, in the order of the list (see `gap.finish`)."""
    some = np.zeros(len(counted), np.bool_)
    some[rows.home] = True
    homes = np.flatnonzero(some)
    least, most = (~total[homes] for total in totals)  # the other way round, and never beyond 64 bits
    found: Array = homes[sorted_by(ids.rank(homes), most, least, ~counted[homes])]
    return found


def _within(rows: _Rows, place: Array, ids: Coded) -> Array:
    """The rows in the order of the list, in which the household of each has its place."""
    person = np.zeros(len(rows.who), np.int64)
    people = np.flatnonzero(rows.who >= 0)
    person[people] = ids.rank(rows.who[people])  # no household has a policy that a person has: it needs no number
    return sorted_by(person, rows.policy, ~rows.worth[0], place)


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
    beside      by word, the grants that the same household or person is entitled to
    """

    home: Array
    who: Array
    policy: Array  # one after the other, in the order of their codes
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
            together(*(part.policy for part in every)),
            together(*(part.conditional for part in every)),
            together(*(part.not_known for part in every)),
            (together(*(part.worth[0] for part in every)), together(*(part.worth[1] for part in every))),
            tuple(together(*words) for words in zip(*(part.beside for part in every), strict=True)),
        )

    def of_policy(self, code: int) -> slice:
        """The rows of a policy."""
        first, after = np.searchsorted(self.policy, np.array([code, code + 1], self.policy.dtype))
        return slice(int(first), int(after))

    def of_policies(self, codes: Iterable[int]) -> Array:
        """The rows of some policies."""
        slices = [self.of_policy(code) for code in codes]
        return np.concatenate([np.arange(0), *(np.arange(each.start, each.stop) for each in slices)])


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
    conditional = [f"{policy.id}__conditional"] if rests else []
    found = answers.above(connection, status, [*columns, *conditional], UNDETERMINED)
    number = np.ma.getdata(found["n_"])
    if np.any(drawn.policies[:, code]):
        some = np.flatnonzero(~drawn.policies[drawn.codes[number], code])
        found = {column: values if values is None else values[some] for column, values in found.items()}
        number = number[some]
    number = number.astype(ROW)
    texts = drawn.codes[number]
    worth = [np.zeros(len(number), np.int64) for _ in ENDS]
    for item in paid(policy):
        for total, value in zip(worth, ends(item, found)[1], strict=True):
            total[:] = plus(total, value)
    masks = []
    for word in listing.words:
        mask = np.zeros(len(number), np.int64)
        for p in beside:
            mask[np.ma.getdata(found[f"{p.id}__status"]) == 2] |= listing.mask([p.id], word)
        masks.append(mask & drawn.left[word][texts])
    return _Rows(
        whose[number],
        np.full(len(number), -1, ROW) if policy.level == "household" else number,
        np.full(len(number), code, np.int16),
        np.ma.getdata(found[conditional[0]]) if rests else np.zeros(len(number), np.bool_),
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
            in_gap[policy.level][rows.home[rows.of_policy(code)]] |= bit
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
    keeps_out: dict[int, list[tuple[int, str]]] = {}  # by what may be drawn: the policies it keeps out, on what level
    for kept_out, drawn_first, level in _apart(listing.groups):
        if kept_out in codes and drawn_first in codes:
            keeps_out.setdefault(codes[drawn_first], []).append((codes[kept_out], level))
    told, texts = np.full(len(rows.home), -1), list[str]()
    for by, those in sorted(keeps_out.items()):
        other = listing.policies[by]
        draws = drawn[other.level].by(by)
        homes = np.zeros(households, np.bool_)  # in which anybody draws it
        homes[whose[other.level][draws]] = True
        kept = np.zeros(len(told), np.bool_)
        for code, level in those:
            here = rows.of_policy(code)
            if level == "household":
                kept[here] |= homes[rows.home[here]]
            elif other.level == listing.policies[code].level:
                kept[here] |= draws[(rows.home if other.level == "household" else rows.who)[here]]
        some = np.flatnonzero(kept)
        before = told[some]
        for text in np.unique(before).tolist():
            told[some[before == text]] = len(texts)
            texts.append(f"{texts[text]};{other.id}" if text >= 0 else other.id)
    return Coded(told, texts)


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
    tied = listing.tied
    alone = rows.of_policies(code for policy, code in codes.items() if policy not in tied)
    homes, worth = [rows.home[alone]], [[worth[alone]] for worth in rows.worth]
    for group in listing.groups:
        some = rows.of_policies(codes[policy] for policy in group.policies if policy in codes)
        some = some[np.flatnonzero(free[some])]
        subject = rows.home[some]
        if group.level != "household":
            subject = np.where(rows.who[some] < 0, subject, households + rows.who[some])
        _, first, which = np.unique(subject, return_index=True, return_inverse=True)
        chosen = [np.isin(rows.policy[some], [codes[p] for p in c.policies if p in codes]) for c in group.choices]
        homes.append(rows.home[some[first]])
        for found, values in zip(worth, rows.worth, strict=True):
            sums = [added(which[choice], len(first), values[some[choice]]) for choice in chosen]
            found.append(np.maximum.reduce(sums))
    every = np.concatenate(homes)
    counted = np.zeros(households, np.bool_)
    counted[every] = True
    return counted, [added(every, households, np.concatenate(found)) for found in worth]
