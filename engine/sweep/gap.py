"""Who is entitled and does not receive (应享未享): chunk by chunk in codes, and at the end one sorted list in words.

    conditional      the answer rests on policies not granted yet: `apply_first`, those of them that are in the gap too
    instead_of       what is drawn already and may not be drawn beside it: such a row counts in no total
    household_least, household_most   what all rows of the household that may stand together are worth in twelve months

A part (`engine/sweep/gap_part.py`) carries a policy as its place in the order of ids and `apply_first` as sums of 2^i,
because a city has several rows a household: text is made once, for the rows as they are written at the end. Nothing
here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import pyarrow as pa

from engine.language.model import ExclusionGroup, Policy
from engine.language.rulebook import policies_asked
from engine.sweep.compile import Compiled
from engine.sweep.listed import grouped, write
from engine.sweep.merged import merged
from engine.sweep.outputs import resting_on_grants
from engine.sweep.packed import GROUP
from engine.sweep.vector import Array

BITS = 62  # policies to one mask
FEW = ("id", "place", "instead_of")  # texts of which a part has few
RECEIVING = ("no", "unknown")
COLUMNS = (
    *("household_id", "id", "place", "policy", "title", "conditional", "apply_first", "instead_of", "receiving"),
    *("worth_least", "worth_most", "household_least", "household_most"),
)


@dataclass(frozen=True, slots=True)
class Listing:
    """What the lists of one sweep have in common: the policies by their code, and what may be granted first."""

    policies: tuple[Policy, ...]  # in the order of their ids, which is the order of their codes
    titles: tuple[str, ...]
    conditional: frozenset[str]  # those whose answer can rest on a grant
    grants: tuple[str, ...]  # what an answer can rest on, in the order of their ids: each has a bit
    asked: Mapping[str, frozenset[str]]  # policy -> the grants its answer can rest on
    groups: tuple[ExclusionGroup, ...]

    @staticmethod
    def of(compiled: Compiled) -> Listing:
        policies = tuple(sorted((answer.policy for answer in compiled.answers), key=lambda p: p.id))
        asked = _reached({p.id: policies_asked(p) for p in policies})
        return Listing(
            policies,
            tuple(p.title_on(compiled.on).zh for p in policies),
            resting_on_grants(compiled),
            tuple(sorted({p.id for p in policies} & {grant for every in asked.values() for grant in every})),
            asked,
            tuple(g for g in compiled.rulebook.exclusions if any(p.id in g.policies for p in policies)),
        )

    @property
    def words(self) -> range:
        """The masks it takes for all grants."""
        return range(-(-len(self.grants) // BITS))

    @property
    def tied(self) -> frozenset[str]:
        """The policies that exclude another one."""
        return frozenset(p.id for p in self.policies if any(p.id in group.policies for group in self.groups))

    def mask(self, grants: Iterable[str], word: int) -> int:
        """The sum of 2^i over grants, of those that are in a mask."""
        places = (self.grants.index(grant) for grant in grants if grant in self.grants)
        return sum(1 << place % BITS for place in places if place // BITS == word)


def _reached(asks: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """All that the answer of each policy can rest on, whether it asks for it or what it asks does."""
    found: dict[str, frozenset[str]] = {}
    for policy in asks:
        seen: set[str] = set()
        todo = list(asks[policy])
        while todo:
            each = todo.pop()
            if each not in seen:
                seen.add(each)
                todo += asks.get(each, ())
        found[policy] = frozenset(seen)
    return found


# ------------------------------------------------------------------------------------------------------ at the end


def finish(compiled: Compiled, out: Path, between: Callable[[], None] = lambda: None) -> None:
    """gap.parquet from the parts: in words, what is worth most to a household first.

    Each part is in this order already: household_least and household_most (downwards, null last), household_id, and
    within a household worth_least (downwards), policy, id. `between` is called again and again.
    """
    if not compiled.answers:
        return
    words = _Words.of(Listing.of(compiled))
    rows = merged(sorted((out / "gap").glob("part-*.parquet")), FEW)

    def told() -> Iterator[pa.Table]:
        for some in grouped(rows, GROUP):
            between()
            yield words.told(some)

    half = out / "gap.parquet.part"
    write(half, told())
    half.replace(out / "gap.parquet")


_Told = tuple[Array, list[str]]  # a text of each row, as its place among the texts that there are


@dataclass(frozen=True, slots=True)
class _Words:
    """The words for the numbers of a part."""

    listing: Listing
    ids: pa.Array
    titles: pa.Array  # each once
    title: Array  # by the code of a policy, which it is

    @staticmethod
    def of(listing: Listing) -> _Words:
        titles = list(dict.fromkeys(listing.titles))
        place = {title: place for place, title in enumerate(titles)}
        return _Words(
            listing,
            pa.array([policy.id for policy in listing.policies]),
            pa.array(titles),
            np.array([place[title] for title in listing.titles], np.int16),
        )

    def told(self, rows: pa.Table) -> pa.Table:
        """Some rows as they stand in the list."""
        policy, not_known = rows["policy"].to_numpy(), rows["not_known"].to_numpy().astype(np.int8)
        columns = {
            **{column: rows[column] for column in rows.schema.names},
            "policy": pa.DictionaryArray.from_arrays(policy, self.ids),
            "title": pa.DictionaryArray.from_arrays(self.title[policy], self.titles),
            "apply_first": self._first(rows),
            "receiving": pa.DictionaryArray.from_arrays(not_known, pa.array(RECEIVING)),
        }
        return pa.table([columns[column] for column in COLUMNS], names=COLUMNS)

    def _first(self, rows: pa.Table) -> pa.Array:
        """The grants of which each row has the bits, null where it has none."""
        words = [self._grants(rows[f"first_{word}"].combine_chunks(), word) for word in self.listing.words]
        codes, texts = reduce(_both, words) if words else (np.zeros(len(rows), np.int64), [""])
        some = [text for text in texts if text]
        places = np.array([some.index(text) if text else -1 for text in texts], np.int32)[codes]
        return pa.DictionaryArray.from_arrays(pa.array(places, mask=places < 0), pa.array(some, pa.string()))

    def _grants(self, masks: pa.Array, word: int) -> _Told:
        """The grants of which each row has the bits in one mask."""
        grants, found = self.listing.grants[word * BITS : (word + 1) * BITS], masks.dictionary_encode()
        texts = [
            ";".join(grant for bit, grant in enumerate(grants) if mask >> bit & 1)
            for mask in found.dictionary.to_pylist()
        ]
        return found.indices.to_numpy(), texts


def _both(one: _Told, other: _Told) -> _Told:
    """Two texts of each row after one another."""
    (codes, texts), (others, more) = one, other
    found = pa.array(codes.astype(np.int64) * len(more) + others).dictionary_encode()
    pairs = [divmod(pair, len(more)) for pair in found.dictionary.to_pylist()]
    return found.indices.to_numpy(), [";".join(filter(None, (texts[n], more[m]))) for n, m in pairs]
